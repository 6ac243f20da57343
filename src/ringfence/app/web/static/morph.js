// Turns one tree into another with as few changes as possible: focus, scroll, open menus and half-typed text stay.

// What tells an element from its neighbours across two renderings.
const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") || node.id || null : null);
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
const isField = (node) => node.matches("input, select, textarea");

function attributes(old, fresh) {
  const details = old.nodeName === "DETAILS";
  for (const { name, value } of [...fresh.attributes]) {
    if (details && name === "open") continue; // The reader opens and closes these.
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (fresh.hasAttribute(name) || (details && name === "open")) continue;
    old.removeAttribute(name);
  }
}

// A field that somebody is at, or has changed, keeps what is in it.
function field(old, fresh, force) {
  const typed = "checked" in old && (old.type === "checkbox" || old.type === "radio") ? old.checked !== old.defaultChecked : old.value !== old.defaultValue && old.nodeName !== "SELECT";
  const keep = !force && (old === document.activeElement || typed);
  attributes(old, fresh);
  if (keep) return;
  if (old.type === "checkbox" || old.type === "radio") old.checked = fresh.hasAttribute("checked");
  else if (old.nodeName === "SELECT") { children(old, fresh, force); old.value = fresh.value; }
  else if (old.nodeName === "TEXTAREA") { if (old.value !== fresh.value) { old.textContent = fresh.textContent; old.value = fresh.value; } }
  else if (old.value !== fresh.value) old.value = fresh.value;
}

function children(old, fresh, force) {
  const known = new Map();
  for (const child of old.childNodes) { const key = keyOf(child); if (key !== null) known.set(key, child); }
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let match = null;
    if (key !== null) { const found = known.get(key); if (found && alike(found, wanted)) match = found; }
    else if (place && alike(place, wanted)) match = place;
    if (match) {
      if (match === place) place = place.nextSibling; else old.insertBefore(match, place);
      morph(match, wanted, force);
    } else {
      old.insertBefore(document.importNode(wanted, true), place);
    }
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next; }
}

export function morph(old, fresh, force = false) {
  if (old.nodeType !== Node.ELEMENT_NODE) { if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue; return; }
  if (old.isEqualNode(fresh) && !isField(old) && !old.querySelector("input, select, textarea")) return;
  if (isField(old)) { field(old, fresh, force); return; }
  attributes(old, fresh);
  if (fresh.hasAttribute("data-keep")) return; // Its content comes by itself; the old stays until then.
  children(old, fresh, force);
}
