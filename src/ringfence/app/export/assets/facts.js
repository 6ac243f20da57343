// The data, its indexes, and the address of what is shown (the part of the URL after #).

const DATA = JSON.parse(document.getElementById("data").textContent);
const DEVICES = DATA.devices;
const FINDINGS = DATA.findings;
const LEVELS = [5, 4, 3.5, 3, 2, 1, 0];
const LEVEL_NAMES = new Map([
  ["peer", "Not of the site"], [5, "5 Enterprise"], [4, "4 Site business"], [3.5, "3.5 DMZ"], [3, "3 Site operations"],
  [2, "2 Supervision"], [1, "1 Control"], [0, "0 Process"], [null, "Level unknown"],
]);

// A conversation's fields by name; rows are lists because there may be many of them.
const C = { source: 0, target: 1, protocol: 2, transport: 3, port: 4, packets: 5, bytes: 6, flows: 7, first: 8, last: 9, answered: 10, operations: 11, more: 12 };

const deviceNumber = new Map(DEVICES.map((device, index) => [device.id, index]));
const findingsOf = DEVICES.map(() => []);
const talksOf = DEVICES.map(() => []);
for (const finding of FINDINGS) {
  for (const index of new Set(finding.devices.map((each) => each[0]))) if (index !== null) findingsOf[index].push(finding);
}
for (const talk of DATA.conversations) {
  for (const end of new Set([talk[C.source], talk[C.target]])) if (end < DEVICES.length) talksOf[end].push(talk);
}
const worst = findingsOf.map((list) => list.reduce((best, each) => Math.min(best, SEVERITIES.indexOf(each.severity)), 9));

const isDevice = (end) => end < DEVICES.length;
const peer = (end) => DATA.peers[end - DEVICES.length] || ["unknown", "other"];
const PEER_NAMES = { broadcast: "Broadcast", multicast: "Multicast", internet: "Internet", other: "Other addresses" };
const peerTag = (end) => (peer(end)[1] === "other" ? "no device" : peer(end)[1]);
const endName = (end) => (isDevice(end) ? DEVICES[end].name : peer(end)[0]) || "(no name)";
const endLevel = (end) => (isDevice(end) ? normalLevel(DEVICES[end].level) : "peer");
const normalLevel = (level) => (level === null || level === undefined ? null : LEVELS.find((each) => each <= level) ?? 0);
const levelText = (level) => (level === null || level === undefined ? "unknown" : String(level));
const roleText = (role) => `${role[0]} ${role[1]}${role[2] ? " (candidate master)" : ""}`;
const COMMANDS = new Set(DATA.commands);
const isCommand = (operation) => COMMANDS.has(operation);

function address(view, parameters) {
  const text = parameters ? new URLSearchParams(parameters).toString() : "";
  return `#/${view}${text ? "?" + text : ""}`;
}

function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, id] = path.split("/");
  let decoded = "";
  try { decoded = decodeURIComponent(id || ""); } catch { decoded = ""; }
  return { view: view || "overview", id: decoded, parameters: new URLSearchParams(query || "") };
}

// A filter changed in place: the address follows, without a step in the browser's history for each key pressed.
function keepAddress(view, parameters) {
  history.replaceState(null, "", address(view, parameters));
}

const deviceAddress = (index) => "#/device/" + encodeURIComponent(DEVICES[index].id);
// Short names and addresses stay on one line; long ones may break anywhere.
const wireClass = (text) => (text.length <= 24 ? "wire whole" : "wire");
const deviceLink = (index) => h("a", { href: deviceAddress(index), class: wireClass(DEVICES[index].name) }, DEVICES[index].name || "(no name)");
const endLink = (end) => (isDevice(end) ? deviceLink(end) : h("span", null, h("span", { class: wireClass(endName(end)) }, endName(end)), " ", h("span", { class: "tag quiet" }, peerTag(end))));
// A device's name, and its address where the name does not say it: three of a kind are then told apart.
const endAddress = (end) => (isDevice(end) && DEVICES[end].ips[0] && DEVICES[end].ips[0] !== DEVICES[end].name ? h("span", { class: "none whole" }, " ", DEVICES[end].ips[0]) : null);

// The folders that all inputs stand in are said once, not at each packet.
const folder = (() => {
  const paths = DATA.capture.inputs.map((each) => each.path);
  if (!paths.length) return "";
  let common = paths[0].slice(0, paths[0].lastIndexOf("/") + 1);
  while (common && !paths.every((path) => path.startsWith(common))) common = common.slice(0, common.slice(0, -1).lastIndexOf("/") + 1);
  return common;
})();
const inputName = (input) => (DATA.capture.inputs[input] ? DATA.capture.inputs[input].path.slice(folder.length) || "(no name)" : "input " + input);

const packetText = ([input, frame, time]) => h("li", { title: `${folder}${inputName(input)}, ${momentText(time)}` },
  `frame ${frame} of `, h("span", { class: wireClass(inputName(input)) }, inputName(input)));
