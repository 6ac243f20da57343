// Building elements and showing values. Data reaches the page as text nodes and plain attributes only.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const replace = (element, ...children) => { element.replaceChildren(); add(element, children); };

// One shape for each severity, so that it can be told without colour.
const SHAPES = {
  critical: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM7.2 4v5h1.6V4zM7.2 10.5v1.6h1.6v-1.6z",
  high: "M8 1l7.4 13.5H.6zM7.2 6v4.2h1.6V6zM7.2 11.2v1.6h1.6v-1.6z",
  medium: "M8 .6L15.4 8 8 15.4.6 8zM7.2 4.4v4.2h1.6V4.4zM7.2 9.8v1.6h1.6V9.8z",
  low: "M8 1.2a6.8 6.8 0 100 13.6A6.8 6.8 0 008 1.2zm0 1.8a5 5 0 110 10A5 5 0 018 3zM5 7.2v1.6h6V7.2z",
  informational: "M2 2h12v12H2zm1.6 1.6v8.8h8.8V3.6zM7.2 4.8v1.6h1.6V4.8zm0 2.6v4h1.6v-4z",
  unknown: "M8 1.2a6.8 6.8 0 100 13.6A6.8 6.8 0 008 1.2zm0 1.6a5.2 5.2 0 110 10.4A5.2 5.2 0 018 2.8zM5.6 6.4h1.6c0-1.3 1.8-1.2 1.8 0 0 .9-1.8 1-1.8 2.7h1.6c0-1 1.9-1.3 1.9-2.9C10.7 3.6 5.6 3.7 5.6 6.4zM7.2 10.2v1.6h1.6v-1.6z",
  arrow: "M3 7.2h7.2L7 4l1.1-1.1L13.2 8l-5.1 5.1L7 12l3.2-3.2H3z",
  back: "M13 7.2H5.8L9 4 7.9 2.9 2.8 8l5.1 5.1L9 12 5.8 8.8H13z",
  ring: "M8 .8a7.2 7.2 0 100 14.4A7.2 7.2 0 008 .8zm0 2.2a5 5 0 110 10 5 5 0 010-10zM8 5.4a2.6 2.6 0 100 5.2 2.6 2.6 0 000-5.2z",
};

const icon = (name, kind) =>
  s("svg", { class: "icon " + (kind || ""), viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", focusable: "false" },
    s("path", { d: SHAPES[name] || SHAPES.unknown, "fill-rule": "evenodd" }));

const SEVERITIES = ["critical", "high", "medium", "low", "informational"];
const severityName = (word) => (SEVERITIES.includes(word) ? word : "unknown");
const severity = (word) => h("span", { class: "severity s-" + severityName(word) }, icon(severityName(word)), word || "unknown");

const words = (name) => String(name).replaceAll("_", " ");
const className = (name) => {
  const text = (Object.hasOwn(DATA.classes, name) && DATA.classes[name]) || words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const classTag = (name) => (name === "unknown"
  ? h("span", { class: "tag unknown" }, icon("unknown"), "Unknown")
  : h("span", { class: "tag" }, className(name)));

const number = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
const percent = (share) => Math.round(share * 100) + "\u202f%";
const nothing = () => h("span", { class: "none" }, "unknown");
const orUnknown = (value) => (value === null || value === undefined || value === "" ? nothing() : value);

function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)}\u202f${units[unit]}`;
}

// Times are absolute, in UTC unless the reader asks for local time; the choice holds for the whole page.
const clock = { local: false };
const two = (value) => String(value).padStart(2, "0");

function momentText(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "unknown";
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return "unknown";
  if (!clock.local) return date.toISOString().slice(0, 19).replace("T", " ") + " UTC";
  const offset = -date.getTimezoneOffset();
  const zone = (offset < 0 ? "-" : "+") + two(Math.floor(Math.abs(offset) / 60)) + ":" + two(Math.abs(offset) % 60);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

const moment = (milliseconds) => h("span", { class: "time" }, momentText(milliseconds));

// In columns the head says which clock it is.
const clockName = () => (clock.local ? "local" : "UTC");
const shortMoment = (milliseconds) => h("span", { class: "time" }, momentText(milliseconds).slice(0, 19));

const weight = (share) => h("span", { class: "weight" },
  s("svg", { viewBox: "0 0 40 6", width: 40, height: 6, "aria-hidden": "true" },
    s("rect", { width: 40, height: 6, rx: 3, class: "weight-back" }), s("rect", { width: Math.max(40 * share, 1), height: 6, rx: 3, class: "weight-bar" })),
  h("span", { class: "number" }, share.toFixed(2)));

const definitions = (pairs) => h("dl", { class: "facts" }, pairs.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
const section = (title, ...children) => h("section", { class: "panel" }, h("h2", null, title), ...children);

let announceTimer = 0;
function announce(text) {
  const region = document.getElementById("status");
  clearTimeout(announceTimer);
  announceTimer = setTimeout(() => { if (region) region.textContent = text; }, 250);
}
