// The table of all devices.

const has = (device) => {
  const marks = [];
  if (device.class === "unknown") marks.push("unknown class");
  if (!device.vendor) marks.push("unknown vendor");
  if (device.conflicts.length) marks.push("conflict");
  if (device.roles.some((role) => role[2])) marks.push("candidate master");
  return marks.concat(device.marks.map(words));
};

const numberOf = new Map(DEVICES.map((device, index) => [device, index]));

const DEVICE_FACETS = [
  { key: "class", label: "Class", open: true, values: (each) => [each.class], name: className },
  { key: "finding", label: "Has finding", open: true, values: (each) => { const found = [...new Set(findingsOf[numberOf.get(each)].map((one) => one.severity))]; return found.length ? found : ["none"]; }, order: (value) => (value === "none" ? 9 : SEVERITIES.indexOf(value)) },
  { key: "vendor", label: "Vendor", values: (each) => [each.vendor || "unknown"] },
  { key: "protocol", label: "Protocol", values: (each) => [...new Set(each.roles.map((role) => role[0]).concat(talksOf[numberOf.get(each)].map((talk) => talk[C.protocol])))] },
  { key: "role", label: "Role", values: (each) => each.roles.map(roleText) },
  { key: "level", label: "Purdue level", values: (each) => [String(normalLevel(each.level))], name: (value) => LEVEL_NAMES.get(value === "null" ? null : Number(value)) || value },
  { key: "domain", label: "Site, domain", values: (each) => [each.domain || "none"] },
  { key: "has", label: "Remarkable", values: has },
];

const deviceText = (each) => each.searchText || (each.searchText = [each.name, each.class, className(each.class), each.vendor, each.product, each.model, each.firmware, each.serial, each.os, each.domain,
  ...each.macs, ...each.ips, ...each.names, ...each.roles.map(roleText)].join("\n").toLowerCase());

const column = (key, label, field) => ({ key, label, wide: true, cell: (each) => orUnknown(each[field || key]), value: (each) => each[field || key] });
const listCell = (list) => (list.length ? [h("span", { class: "wire" }, list[0]), list.length > 1 && h("span", { class: "count" }, ` +${list.length - 1}`)] : nothing());
// Addresses sort by number, not by letter.
const addressKey = (text) => (text || "").split(".").map((each) => (/^\d{1,3}$/.test(each) ? each.padStart(3, "0") : each)).join(".");

function findingCell(each) {
  const list = findingsOf[numberOf.get(each)];
  if (!list.length) return h("span", { class: "none" }, "none");
  return h("a", { href: deviceAddress(numberOf.get(each)), class: "plainlink" }, severity(SEVERITIES[worst[numberOf.get(each)]]), list.length > 1 && h("span", { class: "count" }, ` +${list.length - 1}`));
}

const DEVICE_COLUMNS = [
  { key: "name", label: "Name", share: 17, head: true, fixed: true, value: (each) => each.name,
    cell: (each) => [h("a", { href: deviceAddress(numberOf.get(each)), class: "wire", title: each.name }, each.name || "(no name)"), h("span", { class: "narrow-line wire" }, each.ips[0] || each.macs[0] || "")] },
  { key: "class", label: "Class", share: 19, value: (each) => (each.class === "unknown" ? "" : each.class),
    cell: (each) => [classTag(each.class), each.class !== "unknown" && h("span", { class: "confidence", title: "Confidence of the class" }, percent(each.confidence))] },
  { key: "findings", label: "Findings", share: 12, cell: findingCell, value: (each) => (findingsOf[numberOf.get(each)].length ? worst[numberOf.get(each)] * 1e6 - findingsOf[numberOf.get(each)].length : null) },
  { ...column("vendor", "Vendor"), share: 12 },
  { ...column("product", "Product"), share: 11 },
  column("model", "Model"),
  { ...column("firmware", "Firmware"), share: 9 },
  column("os", "System"),
  column("serial", "Serial"),
  { key: "ip", label: "IP address", share: 12.5, wide: true, cell: (each) => listCell(each.ips), value: (each) => addressKey(each.ips[0]) },
  { key: "mac", label: "MAC", share: 13, wide: true, cell: (each) => listCell(each.macs), value: (each) => each.macs[0] },
  { key: "level", label: "Level", share: 8.5, wide: true, numeric: true, cell: (each) => (each.level === null ? nothing() : levelText(each.level)), value: (each) => each.level },
  { key: "roles", label: "Roles", share: 13, wide: true, cell: (each) => (each.roles.length ? h("span", { class: "wire", title: each.roles.map(roleText).join(", ") }, each.roles.slice(0, 2).map(roleText).join(", "), each.roles.length > 2 && ` +${each.roles.length - 2}`) : h("span", { class: "none" }, "none seen")), value: (each) => each.roles.map(roleText).join() },
  column("domain", "Domain"),
  { key: "first", label: () => `First seen, ${clockName()}`, share: 15, wide: true, cell: (each) => shortMoment(each.first), value: (each) => each.first },
  { key: "last", label: () => `Last seen, ${clockName()}`, share: 15, wide: true, cell: (each) => shortMoment(each.last), value: (each) => each.last },
];
const USUAL_COLUMNS = ["name", "class", "findings", "vendor", "product", "firmware", "ip", "level", "roles"];

function chosenColumns(parameters) {
  const wanted = parameters.get("columns");
  const keys = new Set(wanted === null ? USUAL_COLUMNS : wanted.split("."));
  return DEVICE_COLUMNS.filter((each) => each.fixed || keys.has(each.key));
}

function columnChooser(parameters) {
  return (changed) => h("details", { class: "menu" }, h("summary", null, "Columns"),
    h("ul", null, DEVICE_COLUMNS.filter((each) => !each.fixed).map((each) => h("li", null, h("label", null,
      h("input", { type: "checkbox", checked: chosenColumns(parameters).includes(each), onchange: (event) => {
        const keys = new Set(chosenColumns(parameters).map((one) => one.key));
        if (event.target.checked) keys.add(each.key); else keys.delete(each.key);
        changed({ columns: [...keys].join(".") });
      } }), labelOf(each))))));
}

function devicesView(main, { parameters }) {
  const hidden = DATA.totals.devices - DEVICES.length;
  filteredPage(main, {
    view: "devices", title: "Devices", hint: "Search devices: name, address, vendor, role", rows: DEVICES, facets: DEVICE_FACETS, text: deviceText, parameters, unit: ["device", "devices"], tools: columnChooser(parameters),
    draw: (found, state, changed) => [
      hidden > 0 && h("p", { class: "note" }, `${number(DEVICES.length)} devices are shown, and ${number(hidden)} more in the JSON.`),
      table({ caption: "Devices", dense: true, nothingText: DEVICES.length ? "No device fits this search and these filters." : "No device was seen in this capture.", columns: chosenColumns(parameters), rows: found, state: { sort: state.get("sort"), page: state.get("page") }, changed }),
    ],
  });
}
