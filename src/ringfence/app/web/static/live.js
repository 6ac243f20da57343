// News as they happen, by the server's event stream; by asking every few seconds where the stream breaks.
// A browser has six connections to a server: of all tabs in view one holds the stream (a Web Lock) and tells the others.
// None of this is a use of the session: a tab that nobody touches idles out, says so, and leads to log-in.

import { NEWS, announce, refresh } from "./swap.js";

const EVERY = 4_000; // milliseconds between questions without a stream, and between redraws of a busy plant
const SOON = 150; // after a first change, so that those that come with it are drawn with it
const AGAIN = 30_000; // until a refused stream is tried again

let known = null; // number of the change that is drawn
let newest = 0;
let drawn = 0;
let drawing = 0;
let unreachable = false;
let out = false;
let stop = null; // ends what this tab listens to

const told = "BroadcastChannel" in window ? new BroadcastChannel("ringfence-news") : null;
const busy = () => document.hidden || document.querySelector("dialog[open]") !== null
  || document.querySelector("main details.menu[open]") !== null
  || (document.activeElement instanceof Element && document.activeElement.matches("main input:not([type=checkbox]), main textarea, main select"));

function news(number, mine = true) {
  newest = Math.max(newest, number);
  if (mine) told?.postMessage(newest);
  if (newest <= known || out) return;
  clearTimeout(drawing);
  drawing = setTimeout(draw, Math.max(SOON, drawn + EVERY - Date.now()));
}

async function draw() {
  if (out || newest <= known) return;
  if (busy()) { drawing = setTimeout(draw, EVERY); return; }
  const upTo = newest;
  drawn = Date.now();
  if (await refresh({ quiet: true })) known = Math.max(known, upTo); else drawing = setTimeout(draw, EVERY);
}

// Asks for the number of the latest change. Answers whether the server said it.
async function ask() {
  try {
    const answer = await fetch("/live", { headers: { Accept: "application/json", ...NEWS } });
    if (answer.status === 401) { loggedOut(); return false; }
    const { number } = await answer.json();
    if (unreachable) { unreachable = false; announce("Connected again."); }
    if (out) back();
    news(number);
    return true;
  } catch {
    if (!unreachable) announce("The server does not answer; what is shown may be old.");
    unreachable = true;
    return false;
  }
}

function loggedOut() {
  if (out) return;
  out = true;
  stop?.();
  const line = document.getElementById("logged-out");
  const link = document.createElement("a");
  link.className = "button";
  link.href = "/log-in?next=" + encodeURIComponent(location.pathname + location.search + location.hash);
  link.textContent = "Log in again";
  const text = document.createElement("span");
  text.textContent = "You are logged out: your session ended, or nobody used it for too long. What you see is no longer renewed. ";
  line.replaceChildren(text, link);
  line.hidden = false;
}

// Somebody logged in again, in another tab: the forms need the new session's token, and what was typed stays.
function back() {
  out = false;
  document.getElementById("logged-out").hidden = true;
  stop = null;
  begin();
  refresh({ quiet: true });
}

// Listens until it is stopped: to the stream, and while that is broken by asking.
function listen() {
  let source = null;
  let asking = 0;
  let again = 0;
  let ended = false;
  // A stream that breaks says so again and again: what asks already goes on, so that each time is not the first.
  const poll = () => { if (!ended) asking ||= setTimeout(async () => { await ask(); asking = 0; if (!ended && source.readyState !== EventSource.OPEN) poll(); }, EVERY); };
  const connect = () => {
    source = new EventSource("/api/v1/events");
    source.addEventListener("open", () => ask()); // What changed before the stream began.
    source.addEventListener("change", (event) => news(Number(event.lastEventId)));
    source.addEventListener("end", () => ask());
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) { clearTimeout(again); again = setTimeout(connect, AGAIN); }
      poll();
    });
  };
  connect();
  return () => { ended = true; clearTimeout(asking); clearTimeout(again); source.close(); };
}

// One tab in view holds the lock and listens; the lock goes to the next when that one is hidden or closed.
function begin() {
  if (out || document.hidden || stop) return;
  if (!navigator.locks) { stop = listen(); return; }
  const waiting = new AbortController();
  let release = null;
  let end = null;
  stop = () => { waiting.abort(); end?.(); release?.(); };
  navigator.locks.request("ringfence-news", { signal: waiting.signal }, () => {
    if (waiting.signal.aborted) return undefined;
    end = listen();
    return new Promise((resolve) => { release = resolve; });
  }).catch(() => {}); // Stopped while it waited.
}

function pause() { stop?.(); stop = null; }

export function start() {
  if (!document.getElementById("palette")) return;
  known = newest = Number(document.getElementById("main").dataset.live);
  told?.addEventListener("message", ({ data }) => { if (!document.hidden) news(data, false); });
  document.addEventListener("ringfence:logged-out", loggedOut);
  document.addEventListener("ringfence:drawn", () => { known = Math.max(known, Number(document.getElementById("main").dataset.live)); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) pause(); else { begin(); ask(); } });
  window.addEventListener("pagehide", pause);
  window.addEventListener("pageshow", begin);
  begin();
}
