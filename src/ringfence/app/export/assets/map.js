// Who talks to whom, by guessed Purdue level, drawn and as a table of the same edges.

const nodeTitle = (node, most = 1000) => shortLabel(node.label, node.ends.length > 1 ? most - String(node.ends.length).length - 3 : most) + (node.ends.length > 1 ? ` (${number(node.ends.length)})` : "");
const shortLabel = (text, most) => ([...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text);

function edgePath(edge, size) {
  const x1 = edge.from.x + size.width / 2;
  const x2 = edge.to.x + size.width / 2;
  const down = edge.to.y > edge.from.y;
  if (edge.from === edge.to) return `M${x1 - 12} ${edge.from.y}c-14 -16 38 -16 24 0`;
  if (edge.from.y === edge.to.y) {
    const lift = Math.min(14 + Math.abs(x2 - x1) * 0.06, 26);
    return `M${x1} ${edge.from.y}C${x1} ${edge.from.y - lift} ${x2} ${edge.to.y - lift} ${x2} ${edge.to.y}`;
  }
  const y1 = edge.from.y + (down ? size.height : 0);
  const y2 = edge.to.y + (down ? 0 : size.height);
  const bend = (y2 - y1) / 2;
  return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`;
}

function drawMap(model, width, select) {
  const { lanes, size, height } = placeNodes(model.nodes, model.edges, width, !["device", "site"].includes(model.grouping));
  const most = Math.floor((size.width - 14) / 7.9);
  const lines = new Map();
  const boxes = new Map();
  const laneShapes = lanes.map((lane) => s("g", null,
    s("rect", { class: "lane", x: 0, y: lane.y, width, height: lane.height, rx: 8 }),
    s("text", { class: "lane-name", x: 12, y: lane.y + 20 }, LEVEL_NAMES.get(lane.lane))));
  const edgeLayer = s("g", { class: "edges" }, [...model.edges].sort((a, b) => a.risky - b.risky).map((edge) => {
    const line = s("path", { class: "edge" + (edge.risky ? " risky" : ""), d: edgePath(edge, size), "stroke-width": Math.min(1 + Math.log10(edge.bytes + 1) * 0.35, 4).toFixed(2), "data-edge": edge.key });
    lines.set(edge, line);
    return line;
  }));
  const light = (node) => {
    for (const [edge, line] of lines) line.classList.toggle("lit", Boolean(node) && (edge.from === node || edge.to === node));
    svg.classList.toggle("focused", Boolean(node));
    const near = new Set(node ? model.edges.filter((edge) => edge.from === node || edge.to === node).flatMap((edge) => [edge.from, edge.to]) : []);
    for (const [each, box] of boxes) box.classList.toggle("near", each === node || near.has(each));
  };
  let chosen = null;
  const choose = (node) => { chosen = node; for (const [each, box] of boxes) { box.classList.toggle("chosen", each === node); box.setAttribute("aria-pressed", String(each === node)); } light(node); select(node); };
  const ordered = lanes.flatMap((lane) => lane.members);
  const nodeLayer = s("g", { class: "nodes" }, ordered.map((node, place) => {
    const box = s("g", { class: "node" + (node.unknown && node.ends.length === 1 ? " unknown" : "") + (node.lane === "peer" ? " peer" : ""), role: "button", tabindex: place === 0 ? 0 : -1, "aria-pressed": "false", "data-node": node.key,
      "aria-label": `${nodeTitle(node)}, ${LEVEL_NAMES.get(node.lane)}${node.worst < 5 ? ", " + SEVERITIES[node.worst] + " finding" : ""}`, transform: `translate(${node.x.toFixed(1)} ${node.y})`,
      onclick: () => choose(node), onmouseenter: () => light(node), onmouseleave: () => light(chosen), onfocus: () => light(node), onblur: () => light(chosen) },
    s("title", null, nodeTitle(node)), s("rect", { class: "node-box", width: size.width, height: size.height, rx: 7 }),
    s("text", { x: 10, y: 19 }, nodeTitle(node, most - (node.worst < 5 ? 3 : 0))),
    node.worst < 5 && s("svg", { x: size.width - 20, y: 8, width: 14, height: 14, viewBox: "0 0 16 16", class: "icon s-" + SEVERITIES[node.worst] }, s("path", { d: SHAPES[SEVERITIES[node.worst]], "fill-rule": "evenodd" })));
    box.addEventListener("keydown", (event) => moveOnMap(event, node, ordered, boxes, choose));
    boxes.set(node, box);
    return box;
  }));
  const svg = s("svg", { class: "map", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Map of who talks to whom by Purdue level. Arrow keys move, Enter chooses. The table below has the same connections." }, laneShapes, edgeLayer, nodeLayer);
  svg.style.setProperty("--faint", Math.max(0.12, Math.min(0.62, 60 / model.edges.length)).toFixed(2));
  return svg;
}

// One stop for the Tab key; arrows move to the nearest node in that direction.
function moveOnMap(event, node, ordered, boxes, choose) {
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(node); return; }
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  if (!way) return;
  event.preventDefault();
  let best = null;
  let least = Infinity;
  for (const each of ordered) {
    const dx = each.x - node.x;
    const dy = each.y - node.y;
    const along = dx * way[0] + dy * way[1];
    if (along <= 0) continue;
    if (way[0] && dy !== 0) continue;
    const cost = along + 3 * Math.abs(way[0] ? dy : dx) * (way[0] ? 1 : 0.1);
    if (cost < least) { least = cost; best = each; }
  }
  if (!best) return;
  boxes.get(node).setAttribute("tabindex", -1);
  boxes.get(best).setAttribute("tabindex", 0);
  boxes.get(best).focus();
}

const nodeLink = (node) => (node.ends.length === 1 ? endLink(node.ends[0]) : h("span", { class: "wire" }, nodeTitle(node)));

const GROUPING_WORDS = { site: ", what is no device of the site put together", class: ", put together by class", subnet: ", put together by subnet", level: ", put together by level" };

function nodePanel(node, model) {
  if (!model.nodes.size) return h("p", { class: "empty" }, DATA.conversations.length ? "Nothing to draw: no conversation fits these choices." : "Nothing to draw: no conversation was seen in this capture.");
  if (!node) return h("p", { class: "empty" }, "Choose a node to see who it talks to. Red, dashed lines are pairs named in a finding.");
  const links = model.edges.filter((edge) => edge.from === node || edge.to === node);
  return [
    h("h2", { class: "wire" }, nodeTitle(node)),
    h("p", null, LEVEL_NAMES.get(node.lane), ", ", counted(links.length, "connection", "connections")),
    h("ul", { class: "rows short" }, node.ends.slice(0, 12).map((end) => h("li", null, endLink(end))), node.ends.length > 12 && h("li", null, `and ${number(node.ends.length - 12)} more`)),
    h("h3", null, "Talks to"),
    links.length ? h("ul", { class: "rows short" }, links.slice(0, 30).map((edge) => h("li", null, edge.from === node ? "→ " : "← ", nodeLink(edge.from === node ? edge.to : edge.from), h("span", { class: "none" }, " " + [...edge.protocols].slice(0, 4).join(", "), edge.risky && ", in a finding")))) : h("p", null, "Nobody."),
  ];
}

function edgesTable(model, parameters, changed) {
  const end = (node) => (node.ends.length === 1 ? [endLink(node.ends[0]), endAddress(node.ends[0])] : h("span", { class: "wire" }, nodeTitle(node)));
  const level = (node) => (node.lane === "peer" ? "none" : node.lane === null ? "unknown" : String(node.lane));
  return table({ caption: "Connections of the map", nothingText: DATA.conversations.length ? "No conversation fits these choices." : "No conversation was seen in this capture.", rows: model.edges, state: { sort: parameters.get("sort") || "-bytes", page: parameters.get("page") }, changed, pageSize: 50, rowAttributes: (edge) => ({ "data-edge": edge.key }), columns: [
    { key: "from", label: "From", head: true, cell: (edge) => end(edge.from), value: (edge) => edge.from.label },
    { key: "fromlevel", label: "Level", wide: true, cell: (edge) => level(edge.from), value: (edge) => level(edge.from) },
    { key: "to", label: "To", cell: (edge) => end(edge.to), value: (edge) => edge.to.label },
    { key: "tolevel", label: "Level", wide: true, cell: (edge) => level(edge.to), value: (edge) => level(edge.to) },
    { key: "protocols", label: "Protocols", cell: (edge) => h("span", { class: "wire" }, [...edge.protocols].slice(0, 6).join(", ")), value: (edge) => [...edge.protocols].join() },
    { key: "commands", label: "Commands", numeric: true, wide: true, cell: (edge) => number(edge.commands), value: (edge) => edge.commands },
    { key: "packets", label: "Packets", numeric: true, wide: true, cell: (edge) => number(edge.packets), value: (edge) => edge.packets },
    { key: "bytes", label: "Size", numeric: true, wide: true, cell: (edge) => bytes(edge.bytes), value: (edge) => edge.bytes },
    { key: "risk", label: "In a finding", wide: true, cell: (edge) => (edge.risky ? "yes" : "no"), value: (edge) => (edge.risky ? 1 : 0), numeric: true },
  ] });
}

function choice(label, key, options, parameters, changed) {
  return h("label", { class: "choice" }, label, h("select", { "data-key": "choice-" + key, onchange: (event) => changed({ [key]: event.target.value, page: "" }) },
    options.map(([value, text]) => h("option", { value, selected: (parameters.get(key) || "") === value }, text))));
}

function mapView(main, { parameters }) {
  const host = h("div", { class: "map-host" });
  const panel = h("aside", { class: "panel map-side", "aria-label": "Chosen node" });
  const note = h("p", { class: "note" });
  const twin = h("div", null);
  const controls = h("div", { class: "bar" });
  let model = null;
  const changed = (state) => { for (const [key, value] of Object.entries(state)) if (value) parameters.set(key, value); else parameters.delete(key); update(!("sort" in state) && !(Object.keys(state).length === 1 && "page" in state)); };
  const domains = [...new Set(DEVICES.map((each) => each.domain || "none"))].sort();
  const protocols = [...new Set(DATA.conversations.map((talk) => talk[C.protocol]))].sort();
  const update = (redraw) => {
    if (redraw) {
      model = mapModel(parameters);
      keepFocus(controls, () => replace(controls,
        choice("Nodes", "group", [["", "automatic"], ["device", "devices and addresses"], ["site", "devices, others together"], ["class", "classes"], ["subnet", "subnets"]], parameters, changed),
        choice("Domain", "domain", [["", "all"], ...domains.map((each) => [each, each])], parameters, changed),
        choice("Protocol", "protocol", [["", "all"], ...protocols.map((each) => [each, each])], parameters, changed),
        h("label", { class: "choice" }, h("input", { type: "checkbox", "data-key": "across", checked: parameters.get("across") === "1", onchange: (event) => changed({ across: event.target.checked ? "1" : "", page: "" }) }), "only across levels")));
      replace(host, drawMap(model, Math.max(host.clientWidth, 300), (node) => replace(panel, nodePanel(node, model))));
      replace(panel, nodePanel(null, model));
      const hidden = DATA.totals.conversations - DATA.conversations.length;
      note.textContent = `${counted(model.nodes.size, "node", "nodes")}${GROUPING_WORDS[model.grouping] || ""}, ${counted(model.edges.length, "connection", "connections")}. Levels are guesses.`
        + (hidden > 0 ? ` Drawn from ${number(DATA.conversations.length)} of ${number(DATA.totals.conversations)} conversations, those with commands and the largest; the rest is in the JSON.` : "");
      announce(note.textContent);
    }
    keepFocus(twin, () => replace(twin, edgesTable(model, parameters, changed)));
    keepAddress("map", parameters);
  };
  replace(main, h("h1", null, "Who talks to whom"), controls, note, h("div", { class: "map-columns" }, host, panel), section("The same connections as a table", twin));
  update(true);
}
