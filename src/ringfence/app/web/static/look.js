// Theme and clock: kept in cookies, so that the server draws the first picture right.

import { refresh } from "./swap.js";

const keep = (name, value) => { document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`; };
const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

export function toggleTheme() {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  keep("theme", next);
  label();
}

function label() {
  const button = document.getElementById("theme-switch");
  if (!button) return;
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `Switch to the ${isDark() ? "light" : "dark"} theme`);
}

function showClock(button, zone) {
  button.dataset.zone = zone;
  button.textContent = zone === "UTC" ? "UTC" : "Local";
  button.setAttribute("aria-label", zone === "UTC" ? "Times are in UTC; switch to local time" : `Times are local (${zone}); switch to UTC`);
}

export async function toggleClock() {
  const button = document.getElementById("clock-switch");
  const next = button.dataset.zone === "UTC" ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
  keep("clock", next);
  showClock(button, next);
  await refresh();
}

export function start() {
  document.getElementById("theme-switch")?.addEventListener("click", toggleTheme);
  document.getElementById("clock-switch")?.addEventListener("click", toggleClock);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();
}
