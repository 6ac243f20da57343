// Links and forms marked data-swap change only what differs on the page; without scripts they are plain links and forms.

import { morph } from "./morph.js";

// What a page asks because of news is no use of the session by its reader: the server must let it idle.
export const NEWS = { "X-Ringfence-News": "1" };

let running = null;
const SCREEN = () => document.getElementById("main");

export function announce(text) {
  const region = document.getElementById("status");
  if (region && region.textContent !== text) region.textContent = text;
}

async function fetched(address, signal, quiet) {
  const answer = await fetch(address, { signal, headers: { "X-Requested-With": "ringfence", ...(quiet ? NEWS : {}) }, redirect: "follow" });
  if (quiet && answer.status === 401) { document.dispatchEvent(new CustomEvent("ringfence:logged-out")); return null; }
  if (!answer.headers.get("content-type")?.startsWith("text/html")) throw new Error("not a page");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.getElementById("main") || new URL(answer.url).pathname !== new URL(address, location.href).pathname) { location.assign(address); return null; }
  return page;
}

// Shows the page at this address in place. A reader's click is in the history; news are not.
export async function show(address, { history: step = "push", force = true, quiet = false } = {}) {
  if (running) running.abort();
  const mine = new AbortController();
  running = mine;
  const slow = setTimeout(() => SCREEN().classList.add("waiting"), 250);
  try {
    const page = await fetched(address, mine.signal, quiet);
    if (!page || running !== mine) return false;
    if (step === "push" && address !== location.pathname + location.search) history.pushState(null, "", address);
    if (step === "replace") history.replaceState(null, "", address);
    draw(page, force, quiet);
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false;
    if (step === "none") { document.dispatchEvent(new CustomEvent("ringfence:unreachable")); return false; }
    location.assign(address);
    return false;
  } finally {
    clearTimeout(slow);
    if (running === mine) { running = null; SCREEN().classList.remove("waiting"); }
  }
}

// Draws a fetched page: the text of the count is told to those who can't see it change.
function draw(page, force, quiet) {
  const counted = document.getElementById("counted")?.textContent;
  document.title = page.title;
  for (const id of ["notices", "screens"]) { const old = document.getElementById(id); const fresh = page.getElementById(id); if (old && fresh) morph(old, fresh); }
  morph(SCREEN(), page.getElementById("main"), force);
  const now = document.getElementById("counted")?.textContent;
  if (now && now !== counted) announce(now);
  document.dispatchEvent(new CustomEvent("ringfence:drawn", { detail: { quiet } }));
}

export const refresh = ({ quiet = false } = {}) => show(location.pathname + location.search, { history: "none", force: false, quiet });

function formAddress(form) {
  const parameters = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "" && typeof value === "string") parameters.append(name, value);
  const text = parameters.toString();
  return form.getAttribute("action") + (text ? "?" + text : "");
}

// A button that sends its form to be tried: only the part of the page that answers is drawn, so what was typed stays.
async function tryForm(form, button) {
  const part = document.getElementById(button.dataset.part);
  part.classList.add("waiting");
  button.disabled = true;
  try {
    const answer = await fetch(button.formAction, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(button.dataset.part);
    if (fresh) morph(part, fresh); else part.textContent = [...page.querySelectorAll("main h1, main p")].map((each) => each.textContent).join(" ");
  } catch { part.textContent = "The server does not answer."; } finally { part.classList.remove("waiting"); button.disabled = false; }
}

const plainClick = (event) => event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;

export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-swap]") : null;
    if (!link || !plainClick(event) || event.defaultPrevented) return;
    event.preventDefault();
    show(link.getAttribute("href"));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form instanceof HTMLFormElement && event.submitter?.dataset.part) { event.preventDefault(); tryForm(form, event.submitter); return; }
    if (!(form instanceof HTMLFormElement) || !form.matches("form[data-swap]")) return;
    event.preventDefault();
    show(formAddress(form));
  });
  document.addEventListener("change", (event) => {
    const form = event.target instanceof Element ? event.target.closest("form[data-auto]") : null;
    if (form) show(formAddress(form));
  });
  window.addEventListener("popstate", () => show(location.pathname + location.search, { history: "none" }));
}
