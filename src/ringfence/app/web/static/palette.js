// The command palette: screens and acts by name, devices and findings as the server finds them.

import { commands } from "./keys.js";

let entries = [];
let chosen = 0;
let asking = null;
let timer = 0;

const dialog = () => document.getElementById("palette");
const field = () => document.getElementById("palette-text");
const list = () => document.getElementById("palette-list");

function draw() {
  list().replaceChildren(...entries.map(({ label, note }, place) => {
    const item = document.createElement("li");
    item.id = "palette-" + place;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(place === chosen));
    const text = document.createElement("span");
    text.className = "wire";
    text.textContent = label;
    item.append(text);
    if (note) { const side = document.createElement("span"); side.className = "none"; side.textContent = note; item.append(side); }
    item.addEventListener("click", () => { chosen = place; go(); });
    return item;
  }));
  field().setAttribute("aria-activedescendant", entries.length ? "palette-" + chosen : "");
  document.getElementById("palette-" + chosen)?.scrollIntoView({ block: "nearest" });
}

const matching = (text) => commands.filter(([label]) => text.toLowerCase().split(/\s+/).every((word) => label.toLowerCase().includes(word)))
  .map(([label, where, note]) => ({ label, where, note }));

async function ask(text) {
  asking?.abort();
  if (text.trim().length < 2) return;
  asking = new AbortController();
  try {
    const answer = await fetch("/find?q=" + encodeURIComponent(text), { signal: asking.signal });
    if (!answer.ok) return;
    const found = await answer.json();
    if (field().value !== text) return;
    entries = matching(text).concat(found.map(({ label, note, href }) => ({ label, note, where: href })));
    draw();
  } catch (error) { if (error.name !== "AbortError") asking = null; }
}

function typed() {
  chosen = 0;
  entries = matching(field().value);
  draw();
  clearTimeout(timer);
  const text = field().value;
  timer = setTimeout(() => ask(text), 120);
}

function go() {
  const entry = entries[chosen];
  if (!entry) { const text = field().value.trim(); if (text) location.assign("/devices?q=" + encodeURIComponent(JSON.stringify(text))); return; }
  dialog().close();
  if (typeof entry.where === "function") entry.where(); else location.assign(entry.where);
}

export function open() {
  if (!dialog() || dialog().open) return;
  field().value = "";
  typed();
  dialog().showModal();
  field().focus();
}

export function start() {
  if (!dialog()) return;
  field().addEventListener("input", typed);
  field().addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); chosen = Math.min(Math.max(chosen + (event.key === "ArrowDown" ? 1 : -1), 0), entries.length - 1); draw(); }
    else if (event.key === "Enter") { event.preventDefault(); go(); }
  });
}
