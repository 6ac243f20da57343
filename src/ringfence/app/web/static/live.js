// Asks every few seconds whether anything changed, and then redraws what differs. Quiet while nobody looks.

import { announce, refresh } from "./swap.js";

const EVERY = 4_000; // milliseconds
const REST = 30_000; // after an answer that failed

let known = null;
let silent = 0;

const busy = () => document.hidden || document.querySelector("dialog[open]") !== null
  || document.querySelector("main details.menu[open]") !== null
  || (document.activeElement instanceof Element && document.activeElement.matches("main input:not([type=checkbox]), main textarea, main select"));

async function ask() {
  let wait = EVERY;
  try {
    if (!document.hidden) {
      const answer = await fetch("/live", { headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.redirected) return; // Logged out: the next click says so.
      const { number } = await answer.json();
      if (silent) { silent = 0; announce("Connected again."); }
      if (known === null) known = Number(document.getElementById("main").dataset.live || number);
      if (number !== known && !busy() && await refresh()) known = number;
    }
  } catch {
    silent += 1;
    wait = REST;
    if (silent === 1) announce("The server does not answer; what is shown may be old.");
  }
  setTimeout(ask, wait);
}

export function start() {
  if (document.getElementById("palette")) setTimeout(ask, EVERY);
}
