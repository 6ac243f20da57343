// The map by pointer and by arrow keys. One stop for Tab; what is drawn is the server's.

const nodes = () => [...document.querySelectorAll("#map .node")];
const at = (node) => { const [, x, y] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(node.getAttribute("transform")) || [0, 0, 0]; return { x: Number(x), y: Number(y) }; };
const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

function light(id) {
  const map = document.getElementById("map");
  const chosen = id || map.querySelector(".node.chosen")?.dataset.node || null;
  const near = new Set([chosen]);
  for (const edge of map.querySelectorAll(".edge")) {
    const ends = edge.dataset.edge.split(" ");
    const lit = chosen !== null && ends.includes(chosen);
    edge.classList.toggle("lit", lit);
    if (lit) for (const end of ends) near.add(end);
  }
  map.classList.toggle("focused", chosen !== null);
  for (const node of nodes()) node.classList.toggle("near", near.has(node.dataset.node));
}

function nearest(from, way) {
  const here = at(from);
  let best = null;
  let least = Infinity;
  for (const node of nodes()) {
    const there = at(node);
    const along = (there.x - here.x) * way[0] + (there.y - here.y) * way[1];
    const aside = Math.abs((there.x - here.x) * way[1]) + Math.abs((there.y - here.y) * way[0]);
    if (along <= 0) continue;
    const cost = along + 2 * aside;
    if (cost < least) { least = cost; best = node; }
  }
  return best;
}

function oneStop(node) {
  for (const each of nodes()) each.setAttribute("tabindex", each === node ? "0" : "-1");
}

function prepare() {
  const map = document.getElementById("map");
  if (!map) return;
  map.style.setProperty("--faint", String(Math.max(0.18, Math.min(0.62, 60 / Math.max(map.querySelectorAll(".edge").length, 1)))));
  oneStop(map.querySelector(".node.chosen") || map.querySelector(".node"));
  light(null);
}

export function start() {
  document.addEventListener("ringfence:drawn", prepare);
  prepare();
  const of = (event) => (event.target instanceof Element ? event.target.closest("#map .node") : null);
  document.addEventListener("pointerover", (event) => { const node = of(event); if (node) light(node.dataset.node); });
  document.addEventListener("pointerout", (event) => { if (of(event)) light(null); });
  document.addEventListener("focusin", (event) => { const node = of(event); if (node) { oneStop(node); light(node.dataset.node); } });
  document.addEventListener("focusout", (event) => { if (of(event)) light(null); });
  document.addEventListener("keydown", (event) => {
    const node = of(event);
    const way = WAYS[event.key];
    if (!node || !way) return;
    event.preventDefault();
    const next = nearest(node, way);
    if (next) { oneStop(next); next.focus(); }
  });
}
