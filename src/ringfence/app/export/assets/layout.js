// Which nodes the map has, and where they stand. Nothing here draws.

const MAP_NODES = 200; // Above this, nodes are put together by class or by subnet.
const MAP_PEERS = 12; // Above this, what is no device of the site is put together: it hides the site otherwise.
const LANES = ["peer", ...LEVELS, null];

const subnet = (device) => {
  const ip = device.ips[0];
  if (!ip) return "no IP address";
  return ip.includes(":") ? ip.split(":").slice(0, 4).join(":") + "::/64" : ip.split(".").slice(0, 3).join(".") + ".0/24";
};

// Returns the group of an end under this way of grouping: {key, label, lane, ends}.
const GROUPINGS = {
  device: (end) => ["n" + end, endName(end)],
  site: (end) => (isDevice(end) ? ["n" + end, endName(end)] : ["p" + peer(end)[1], PEER_NAMES[peer(end)[1]]]),
  class: (end) => (isDevice(end) ? ["c" + endLevel(end) + "/" + DEVICES[end].class, className(DEVICES[end].class)] : ["p", "Peers"]),
  subnet: (end) => (isDevice(end) ? ["s" + endLevel(end) + "/" + DEVICES[end].domain + "/" + subnet(DEVICES[end]), subnet(DEVICES[end])] : ["p", "Peers"]),
  level: (end) => ["l" + endLevel(end), isDevice(end) ? "Devices" : "Peers"],
};

function mapNodes(ends, grouping) {
  const nodes = new Map();
  for (const end of ends) {
    const [key, label] = GROUPINGS[grouping](end);
    let node = nodes.get(key);
    if (!node) { node = { key, label, lane: endLevel(end), ends: [], unknown: false, worst: 9 }; nodes.set(key, node); }
    node.ends.push(end);
    if (isDevice(end)) { node.worst = Math.min(node.worst, worst[end]); node.unknown = node.unknown || DEVICES[end].class === "unknown"; }
  }
  return nodes;
}

// The finest grouping that stays within the bound, unless the reader asked for one.
function chooseGrouping(ends, wanted) {
  const peers = [...ends].filter((end) => !isDevice(end)).length;
  const order = GROUPINGS[wanted] ? [wanted, "class", "level"] : [peers > MAP_PEERS ? "site" : "device", "site", "class", "level"];
  for (const grouping of order) {
    const nodes = mapNodes(ends, grouping);
    if (nodes.size <= MAP_NODES || grouping === "level") return { grouping, nodes };
  }
  return { grouping: "level", nodes: mapNodes(ends, "level") };
}

function mapModel(parameters) {
  const domain = parameters.get("domain");
  const protocol = parameters.get("protocol");
  const across = parameters.get("across") === "1";
  const inDomain = (end) => !domain || !isDevice(end) || (DEVICES[end].domain || "none") === domain;
  const talks = DATA.conversations.filter((talk) => inDomain(talk[C.source]) && inDomain(talk[C.target]) && (!protocol || talk[C.protocol] === protocol) && (!across || endLevel(talk[C.source]) !== endLevel(talk[C.target])));
  const ends = new Set(talks.flatMap((talk) => [talk[C.source], talk[C.target]]));
  if (!protocol && !across) DEVICES.forEach((device, end) => { if (inDomain(end)) ends.add(end); });
  const { grouping, nodes } = chooseGrouping(ends, parameters.get("group"));
  return { grouping, nodes, talks, edges: mapEdges(talks, nodes, grouping) };
}

// Pairs that a finding names in different roles, whoever began to talk. Ends that are no device are known by address.
const pairKey = (one, other) => [String(one), String(other)].sort().join("\u0001");
const endKey = (end) => (isDevice(end) ? end : "peer " + peer(end)[0]);
const risky = new Set(FINDINGS.flatMap((finding) => {
  const ends = finding.devices.map(([index, role, label]) => [index === null ? "peer " + label : index, role]);
  const first = ends.filter(([, role]) => role !== "target");
  return first.flatMap(([one, role]) => ends.filter((each) => each[1] !== role).map(([other]) => pairKey(one, other)));
}));

function mapEdges(talks, nodes, grouping) {
  const edges = new Map();
  for (const talk of talks) {
    const from = nodes.get(GROUPINGS[grouping](talk[C.source])[0]);
    const to = nodes.get(GROUPINGS[grouping](talk[C.target])[0]);
    const key = from.key + "\u0001" + to.key;
    let edge = edges.get(key);
    if (!edge) { edge = { key, from, to, protocols: new Set(), talks: 0, packets: 0, bytes: 0, commands: 0, risky: false }; edges.set(key, edge); }
    edge.protocols.add(talk[C.protocol]);
    edge.talks += 1;
    edge.packets += talk[C.packets];
    edge.bytes += talk[C.bytes];
    for (const [operation, , count] of talk[C.operations]) if (isCommand(operation)) edge.commands += count;
    edge.risky = edge.risky || risky.has(pairKey(endKey(talk[C.source]), endKey(talk[C.target])));
  }
  return [...edges.values()];
}

// Places the nodes in lanes, as many columns as the width allows; in a lane, those that talk to the same peers stand close.
function placeNodes(nodes, edges, width, grouped) {
  const narrow = width < 640;
  const left = narrow ? 8 : 144;
  const size = { width: narrow ? Math.floor((width - 30) / 2) : grouped ? 176 : 128, height: 30, gapX: 14, gapY: 12 };
  const columns = Math.max(Math.floor((width - left - 8 + size.gapX) / (size.width + size.gapX)), 1);
  const lanes = [];
  let y = 0;
  for (const lane of LANES) {
    const members = [...nodes.values()].filter((node) => node.lane === lane);
    if (!members.length) continue;
    orderLane(members, edges);
    const top = y + (narrow ? 30 : 14);
    const used = Math.min(members.length, columns);
    const step = used > 1 ? Math.min((width - left - 8 - size.width) / (used - 1), size.width + 60) : 0;
    members.forEach((node, place) => {
      node.x = left + (place % columns) * step;
      node.y = top + Math.floor(place / columns) * (size.height + size.gapY);
      node.row = lanes.length;
    });
    const bottom = top + Math.ceil(members.length / columns) * (size.height + size.gapY) + 4;
    lanes.push({ lane, y, height: bottom - y, members });
    y = bottom + 14;
  }
  return { lanes, size, height: Math.max(y, 60) };
}

// Nodes of lanes already placed pull their peers under them.
function orderLane(members, edges) {
  const pull = new Map(members.map((node) => [node.key, [0, 0]]));
  for (const edge of edges) {
    for (const [here, there] of [[edge.from, edge.to], [edge.to, edge.from]]) {
      const sum = pull.get(here.key);
      if (sum && there.x !== undefined) { sum[0] += there.x; sum[1] += 1; }
    }
  }
  const middle = (node) => { const [sum, count] = pull.get(node.key); return count ? sum / count : 1e6; };
  members.sort((a, b) => middle(a) - middle(b) || (a.label < b.label ? -1 : 1));
}
