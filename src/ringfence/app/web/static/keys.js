// Everything by keyboard: search, screens, rows. Single keys can be turned off (WCAG 2.1.4).

import { toggleClock, toggleTheme } from "./look.js";
import { open as openPalette } from "./palette.js";

const SCREENS = { t: "/", d: "/devices", m: "/map", f: "/findings", l: "/flows", s: "/system" };
const LISTS = { "/devices": "devices", "/findings": "findings" };

let going = 0;

const typing = (target) => target instanceof Element && target.matches("input:not([type=checkbox]), select, textarea");
const switched = () => document.getElementById("keys-on")?.checked !== false;
const rows = () => [...document.querySelectorAll("main [data-row]")].filter((row) => row.getClientRects().length);
const current = () => document.activeElement?.closest?.("main [data-row]") || null;
const target = (row) => (row.matches("a, summary") ? row : row.querySelector("tbody th a, th a, a, summary, button"));

function move(step) {
  const list = rows();
  if (!list.length) return;
  const at = list.indexOf(current());
  const next = list[at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + step, 0), list.length - 1)];
  target(next)?.focus();
}

function back() {
  const menu = document.querySelector("details.menu[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
  if (typing(document.activeElement)) { document.activeElement.blur(); document.getElementById("main").focus({ preventScroll: true }); return; }
  const close = document.querySelector("main .preview a.button, main a[data-back]");
  if (close) close.click();
}

// A device or finding goes back to the list as it was left.
function rememberList() {
  for (const [path, name] of Object.entries(LISTS)) if (location.pathname === path) sessionStorage.setItem("list-" + name, location.search);
  for (const link of document.querySelectorAll("a[data-back]")) {
    const path = link.getAttribute("href").split("?")[0];
    link.setAttribute("href", path + (sessionStorage.getItem("list-" + LISTS[path]) || ""));
  }
}

const ACTS = {
  "/": () => { const search = document.getElementById("search"); if (search) { search.focus(); search.select(); } else location.assign("/devices"); },
  j: () => move(1),
  k: () => move(-1),
  p: () => current()?.querySelector(".peek")?.click(),
  x: () => { const box = current()?.querySelector("input[type=checkbox]"); if (box) box.click(); },
  a: () => { const field = document.getElementById("assignee"); if (field) { field.value = field.dataset.me; field.focus(); } },
  e: () => document.getElementById("state")?.focus(),
  g: () => { going = Date.now(); },
  "?": () => document.getElementById("help")?.showModal(),
};

function pressed(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") { back(); return; }
  if (typing(event.target) || !switched()) return;
  if (Date.now() - going < 1_500 && Object.hasOwn(SCREENS, event.key)) { going = 0; event.preventDefault(); location.assign(SCREENS[event.key]); return; }
  if (!Object.hasOwn(ACTS, event.key)) return;
  event.preventDefault();
  ACTS[event.key]();
}

export function start() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("ringfence:drawn", rememberList);
  rememberList();
  document.getElementById("help-open")?.addEventListener("click", () => document.getElementById("help").showModal());
  document.getElementById("palette-open")?.addEventListener("click", openPalette);
  const box = document.getElementById("keys-on");
  if (box) {
    box.checked = localStorage.getItem("ringfence-keys") !== "off";
    box.addEventListener("change", () => localStorage.setItem("ringfence-keys", box.checked ? "on" : "off"));
  }
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
}

export const commands = [
  ["Today", "/", "g t"], ["Devices", "/devices", "g d"], ["Unknown devices", "/devices?q=class%3Aunknown", ""], ["Map", "/map", "g m"], ["Findings", "/findings", "g f"],
  ["Open findings, the gravest first", "/findings?q=state%3Aopen", ""], ["Flows", "/flows", "g l"], ["System", "/system", "g s"], ["Audit log", "/system?tab=audit", ""],
  ["People", "/system?tab=people", ""], ["Approvals", "/system?tab=approvals", ""], ["API tokens", "/system?tab=tokens", ""], ["Single sign-on", "/system?tab=sso", ""],
  ["Switch the theme", toggleTheme, ""], ["Switch between UTC and local time", toggleClock, ""], ["Keys", () => document.getElementById("help").showModal(), "?"],
];
