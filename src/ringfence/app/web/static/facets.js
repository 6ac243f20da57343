// Filters with counts: they come after the list, and only for what is unfolded, because counting takes longer than listing.

import { morph } from "./morph.js";
import { NEWS } from "./swap.js";

const STANDARD = ["class", "worst"];
let running = null;

const host = () => document.getElementById("facets");

function wanted() {
  const all = [...host().querySelectorAll("details[data-facet]")];
  return all.length ? all.filter((each) => each.open).map((each) => each.dataset.facet) : STANDARD;
}

async function draw(event) {
  const place = host();
  if (!place || !place.dataset.part) return;
  const address = new URL(place.dataset.part, location.href);
  for (const name of wanted()) address.searchParams.append("open", name);
  running?.abort();
  place.classList.add("stale"); // Its links still speak of the search before.
  running = new AbortController();
  try {
    const answer = await fetch(address, { signal: running.signal, headers: event?.detail?.quiet ? NEWS : {} });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(`<div id="facets">${await answer.text()}</div>`, "text/html").getElementById("facets");
    fresh.dataset.part = place.dataset.part;
    morph(place, fresh);
    place.classList.remove("stale");
  } catch (error) { if (error.name !== "AbortError") place.replaceChildren("The filters can't be counted now."); }
}

export function start() {
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("#facets.stale a")) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);
  document.addEventListener("ringfence:drawn", draw);
  // A facet that is unfolded for the first time has no counts yet.
  document.addEventListener("toggle", (event) => {
    if (event.target instanceof Element && event.target.matches("#facets details[open]") && event.target.querySelector("[data-missing]")) draw();
  }, true);
  if (host() && host().hasAttribute("data-keep")) draw();
}
