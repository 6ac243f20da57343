// The frame around the views: navigation, keys, theme, clock, print.

const VIEWS = { overview: overviewView, devices: devicesView, device: deviceView, map: mapView, findings: findingsView, protocols: protocolsView };
const LINKS = [["overview", "Overview"], ["devices", "Devices"], ["map", "Map"], ["findings", "Findings"], ["protocols", "Protocols"]];
const KEYS = [["/", "search"], ["j, k", "next row, row before"], ["Enter", "open"], ["Esc", "back, or leave the search"], ["?", "these keys"]];

// Storage may be refused for files opened from disk; the choice then lasts as long as the page.
function stored(key, value) {
  try {
    if (value !== undefined) localStorage.setItem("ringfence-" + key, value);
    return localStorage.getItem("ringfence-" + key);
  } catch { return value === undefined ? null : value; }
}

const main = h("main", { id: "main", tabindex: "-1" });
const links = LINKS.map(([view, label]) => h("a", { href: "#/" + view, "data-view": view }, label));
const clockButton = h("button", { type: "button", onclick: () => { clock.local = !clock.local; stored("clock", clock.local ? "local" : "utc"); showClock(); show(true); } });
const themeButton = h("button", { type: "button", onclick: () => { setTheme(isDark() ? "light" : "dark"); } });
const keysSwitch = h("input", { type: "checkbox", checked: true, onchange: () => stored("keys", keysSwitch.checked ? "on" : "off") });
const help = h("dialog", { "aria-labelledby": "help-title" }, h("h2", { id: "help-title" }, "Keys"),
  h("table", null, h("tbody", null, KEYS.map(([key, text]) => h("tr", null, h("th", { scope: "row" }, h("kbd", null, key)), h("td", null, text))))),
  h("p", null, h("label", null, keysSwitch, " Single keys are on")), h("form", { method: "dialog" }, h("button", null, "Close")));
const printed = h("div", { id: "paper" });

const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
function setTheme(theme) {
  if (theme === "dark" || theme === "light") { document.documentElement.dataset.theme = theme; stored("theme", theme); }
  themeButton.textContent = isDark() ? "Light" : "Dark";
  themeButton.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
}
function showClock() {
  clockButton.textContent = clock.local ? "Local" : "UTC";
  clockButton.setAttribute("aria-label", `Times are ${clock.local ? "local" : "in UTC"}; switch to ${clock.local ? "UTC" : "local time"}`);
}

let lastView = "";
function show(keep) {
  const where = place();
  const view = Object.hasOwn(VIEWS, where.view) ? where.view : "overview";
  const top = view === "device" ? "devices" : view;
  for (const link of links) {
    if (link.dataset.view === top) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  VIEWS[view](main, where);
  const heading = main.querySelector("h1");
  document.title = `${heading ? heading.textContent.slice(0, 80) : "Report"} – Ringfence`;
  const now = view + "/" + where.id;
  if (!keep && lastView && now !== lastView) { window.scrollTo(0, 0); main.focus({ preventScroll: true }); }
  const opened = view === "findings" && where.id && main.querySelector("details[data-finding][open]");
  if (opened) opened.scrollIntoView({ block: "start" });
  lastView = now;
}

function moveRow(step) {
  const rows = [...main.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const current = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[Math.min(Math.max(current + step, 0), rows.length - 1)];
  const target = next.matches("a, summary") ? next : next.querySelector("a, summary, button");
  if (target) target.focus();
}

function goBack() {
  const where = place();
  if (where.view === "device") { if (history.length > 1 && lastList) location.hash = lastList; else location.hash = "#/devices"; }
  else if (where.view !== "overview") location.hash = "#/overview";
}

let lastList = "";
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link && place().view !== "device") lastList = location.hash;
  if (link && link.classList.contains("back") && lastList.startsWith("#/devices")) { event.preventDefault(); location.hash = lastList; }
  if (link && link.classList.contains("skip")) { event.preventDefault(); main.focus(); }
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const typing = event.target instanceof Element && event.target.matches("input[type=search], select, textarea");
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (typing) { event.target.blur(); main.focus({ preventScroll: true }); }
    else goBack();
    event.preventDefault();
    return;
  }
  if (typing || !keysSwitch.checked) return;
  const search = document.getElementById("search");
  if (event.key === "/") { event.preventDefault(); if (search) search.focus(); else location.hash = "#/devices"; }
  else if (event.key === "j") moveRow(1);
  else if (event.key === "k") moveRow(-1);
  else if (event.key === "?") help.showModal();
});

window.addEventListener("hashchange", () => show(false));
window.addEventListener("beforeprint", () => replace(printed, paper()));
window.addEventListener("afterprint", () => replace(printed));
let resizeTimer = 0;
let lastWidth = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === lastWidth) return;
  lastWidth = window.innerWidth;
  clearTimeout(resizeTimer);
  resizeTimer = setTimeout(() => { if (place().view === "map") show(true); }, 200);
});

const files = DATA.capture.inputs;
replace(document.getElementById("app"),
  h("header", { class: "top" },
    h("div", { class: "brand" }, icon("ring", "logo"), h("a", { href: "#/overview" }, "Ringfence"),
      h("span", { class: "file wire", title: files.slice(0, 40).map((each) => each.path).join("\n") }, files.length === 1 ? inputName(0) : files.length ? `${number(files.length)} captures` : "no input")),
    h("nav", { class: "views", "aria-label": "Views" }, links),
    h("div", { class: "switches" }, clockButton, themeButton, h("button", { type: "button", "aria-label": "Keys", onclick: () => help.showModal() }, "?"))),
  main,
  h("footer", null, h("p", null, `Ringfence ${DATA.version}. Knowledge ${DATA.knowledge.id} of ${DATA.knowledge.date}. `, h("b", null, "Nothing was sent to any network."))),
  h("p", { id: "status", class: "hidden", role: "status" }), help, printed);
clock.local = stored("clock") === "local";
keysSwitch.checked = stored("keys") !== "off";
showClock();
setTheme(stored("theme"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(null));
show(false);
