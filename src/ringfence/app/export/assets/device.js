// One device: who it is and why, what it does, what is wrong with it.

const FIELD_ORDER = ["class", "vendor", "product", "model", "firmware", "serial", "os", "name", "purdue_level"];
const fieldRank = (field) => { const rank = FIELD_ORDER.indexOf(field); return rank < 0 ? 99 : rank; };

// How sure an answer is: the weight of the strongest clue that says so.
function fieldConfidence(device, field, value) {
  if (field === "class") return device.class === "unknown" ? null : device.confidence;
  if (field === "vendor" && device.vendor_confidence) return device.vendor_confidence;
  const weights = device.claims.filter((claim) => claim[0] === field && claim[1] === String(value)).map((claim) => claim[2]);
  return weights.length ? Math.max(...weights) : null;
}

function identity(device) {
  const row = (label, field, value, shown) => {
    const share = value === null || value === undefined ? null : fieldConfidence(device, field, value);
    return [label, [shown || (value === null || value === undefined || value === "" ? nothing() : h("span", { class: "wire" }, String(value))), share !== null && h("span", { class: "confidence" }, percent(share))]];
  };
  const list = (values) => (values.length ? h("span", { class: "wire" }, values.join(", ")) : nothing());
  return definitions([
    row("Class", "class", device.class, classTag(device.class)), row("Vendor", "vendor", device.vendor), row("Product", "product", device.product), row("Model", "model", device.model),
    row("Firmware", "firmware", device.firmware), row("Serial", "serial", device.serial), row("System", "os", device.os), row("Purdue level, a guess", "purdue_level", device.level, device.level !== null && (LEVEL_NAMES.get(normalLevel(device.level)) || device.level)),
    ["Addresses", list(device.ips)], ["MAC", list(device.macs)], ["Names", list(device.names)], ["Domain", orUnknown(device.domain)], ["Marks", device.marks.length ? list(device.marks.map(words)) : "none"],
    ["First seen", moment(device.first)], ["Last seen", moment(device.last)], ["Device id", h("span", { class: "mono" }, device.id)],
  ]);
}

function evidence(device) {
  const rows = [...device.claims].sort((a, b) => fieldRank(a[0]) - fieldRank(b[0]) || b[2] - a[2]);
  const chosen = (claim) => { const value = claim[0] === "purdue_level" ? device.level : device[claim[0]]; return value !== undefined && value !== null && String(value) === claim[1]; };
  return [
    rows.length === 0 ? h("p", { class: "empty" }, "No clue said anything about this device.") : ownTable({ caption: "Evidence", rows, pageSize: 25, columns: [
      { key: "field", label: "Says of", head: true, cell: (row) => h("span", { class: "whole" }, words(row[0])), value: (row) => fieldRank(row[0]) },
      { key: "value", label: "That it is", cell: (row) => [h("span", { class: "wire" }, row[0] === "class" ? className(row[1]) : row[1]), chosen(row) && h("span", { class: "tag quiet" }, "chosen"), h("span", { class: "narrow-line wire" }, `${words(row[3])}: ${row[4]}`)], value: (row) => row[1] },
      { key: "weight", label: "Weight", cell: (row) => weight(row[2]), value: (row) => row[2], numeric: true },
      { key: "clue", label: "Clue", wide: true, cell: (row) => h("span", { class: "wire" }, words(row[3])), value: (row) => row[3] },
      { key: "evidence", label: "Because", wide: true, cell: (row) => [h("span", { class: "wire" }, row[4] || "no sentence given"), row[7].length > 0 && h("ul", { class: "packets" }, row[7].slice(0, 2).map(packetText))] },
    ] }),
    device.more_claims > 0 && h("p", { class: "note" }, `The strongest are shown, and ${number(device.more_claims)} more in the JSON.`),
  ];
}

const conflictBox = (device) => device.conflicts.length > 0 && h("section", { class: "panel conflict" }, h("h2", null, "Conflicting evidence"),
  h("ul", { class: "rows" }, device.conflicts.map(([field, chosen, other, reason]) => h("li", null, h("b", null, words(field)), ": ", h("span", { class: "wire" }, field === "class" ? className(chosen) : chosen), " was chosen over ", h("span", { class: "wire" }, field === "class" ? className(other) : other), ". ", h("span", { class: "wire" }, reason)))));

const hasPorts = (talk) => ["tcp", "udp", "sctp"].includes(talk[C.transport]);

function peersTable(index) {
  const other = (talk) => (talk[C.source] === index ? talk[C.target] : talk[C.source]);
  const more = DATA.hidden[String(index)] || 0;
  return [
    talksOf[index].length === 0 ? h("p", { class: "empty" }, "No conversation of this device was captured: it was only named or asked for by others.") : ownTable({ caption: "Peers and protocols", rows: talksOf[index], sort: "-bytes", pageSize: 25, columns: [
      { key: "peer", label: "Peer", head: true, cell: (row) => [endLink(other(row)), endAddress(other(row))], value: (row) => endName(other(row)) },
      { key: "direction", label: "It is", wide: true, cell: (row) => (row[C.source] === index ? "client" : "server"), value: (row) => (row[C.source] === index ? "client" : "server") },
      { key: "protocol", label: "Protocol", cell: (row) => [h("span", { class: "wire" }, row[C.protocol]), !row[C.answered] && hasPorts(row) && h("span", { class: "tag quiet" }, "no answer seen")], value: (row) => row[C.protocol] },
      { key: "port", label: "Port", numeric: true, wide: true, cell: (row) => (hasPorts(row) ? `${row[C.transport]} ${row[C.port]}` : row[C.transport]), value: (row) => row[C.port] },
      { key: "packets", label: "Packets", numeric: true, wide: true, cell: (row) => number(row[C.packets]), value: (row) => row[C.packets] },
      { key: "bytes", label: "Size", numeric: true, cell: (row) => bytes(row[C.bytes]), value: (row) => row[C.bytes] },
      { key: "last", label: () => `Last, ${clockName()}`, wide: true, cell: (row) => shortMoment(row[C.last]), value: (row) => row[C.last] },
    ] }),
    more > 0 && h("p", { class: "note" }, `Those with commands and the largest are shown, and ${number(more)} more in the JSON.`),
  ];
}

// What was asked of a device (side C.target) or by it (C.source); commands change something, the rest only reads.
const askedRows = (index, side) => talksOf[index].filter((talk) => talk[side] === index)
  .flatMap((talk) => talk[C.operations].map((operation) => ({ operation, talk, other: side === C.source ? talk[C.target] : talk[C.source] })));

function askedTable(rows, side, caption, empty) {
  if (!rows.length) return h("p", { class: "empty" }, empty);
  return ownTable({ caption, rows, sort: "-count", pageSize: 15, columns: [
    { key: "operation", label: "Operation", head: true, cell: (row) => h("span", { class: "wire" }, row.operation[0]), value: (row) => row.operation[0] },
    { key: "object", label: "Of", cell: (row) => (row.operation[1] === null ? h("span", { class: "none" }, "nothing named") : h("span", { class: "wire" }, row.operation[1])), value: (row) => row.operation[1] },
    { key: "count", label: "Times", numeric: true, cell: (row) => number(row.operation[2]), value: (row) => row.operation[2] },
    { key: "other", label: side === C.source ? "Sent to" : "Sent by", cell: (row) => [endLink(row.other), endAddress(row.other)], value: (row) => endName(row.other) },
    { key: "protocol", label: "Protocol", wide: true, cell: (row) => row.talk[C.protocol], value: (row) => row.talk[C.protocol] },
  ] });
}

function askedSections(index) {
  const received = askedRows(index, C.target);
  const sent = askedRows(index, C.source);
  const commands = (rows) => rows.filter((row) => isCommand(row.operation[0]));
  const reads = (rows) => rows.filter((row) => !isCommand(row.operation[0]));
  const times = (rows) => number(rows.reduce((sum, row) => sum + row.operation[2], 0));
  const noCommand = (rows, way) => (rows.length ? `No command was seen: what was ${way} only reads, or is not known to change anything.` : "None seen.");
  const left = talksOf[index].reduce((sum, talk) => sum + talk[C.more], 0);
  return [
    section(`Commands it received (${times(commands(received))})`, askedTable(commands(received), C.target, "Commands it received", noCommand(received, "asked of it"))),
    commands(sent).length > 0 && section(`Commands it sent (${times(commands(sent))})`, askedTable(commands(sent), C.source, "Commands it sent", "")),
    reads(received).length > 0 && section(`What else was asked of it (${times(reads(received))})`, askedTable(reads(received), C.target, "What else was asked of it", "")),
    reads(sent).length > 0 && section(`What else it asked (${times(reads(sent))})`, askedTable(reads(sent), C.source, "What else it asked", "")),
    left > 0 && h("p", { class: "note" }, `Commands and the most frequent requests are shown; ${counted(left, "more kind of request is", "more kinds of requests are")} in the JSON.`),
  ];
}

function certificateCards(index) {
  const list = DATA.certificates[String(index)] || [];
  if (!list.length) return section("Certificates", h("p", { class: "empty" }, talksOf[index].some((talk) => talk[C.protocol] === "tls") ? "None seen in clear: TLS 1.3 hides them, and so does a resumed session." : "None seen: it spoke no TLS in this capture."));
  const shown = (name, value) => (name === "not_before" || name === "not_after" ? moment(value) : h("span", { class: "wire" }, Array.isArray(value) ? value.join(", ") : String(value)));
  return section("Certificates", list.map((certificate) => h("div", { class: "certificate" },
    definitions(Object.entries(certificate).filter(([name, value]) => name !== "position" && value !== null && value !== "").map(([name, value]) => [words(name), shown(name, value)])))));
}

function deviceView(main, { id }) {
  const index = deviceNumber.get(id);
  if (index === undefined) {
    replace(main, h("h1", null, "No such device"), h("p", null, "This report has no device of that id. ", h("a", { href: "#/devices" }, "All devices")));
    return;
  }
  const device = DEVICES[index];
  const found = findingsOf[index];
  const credentials = found.filter((each) => /credential|password|community|login/i.test(each.rule || ""));
  const risks = found.filter((each) => !credentials.includes(each));
  const marks = has(device);
  replace(main,
    h("p", { class: "crumbs" }, h("a", { href: "#/devices", class: "back" }, icon("back"), "Devices")),
    h("header", { class: "device-head" }, h("h1", { class: "wire" }, device.name || "(no name)"),
      h("p", null, classTag(device.class), device.class !== "unknown" && h("span", { class: "confidence" }, percent(device.confidence)), [device.vendor, device.product].some(Boolean) && h("span", { class: "wire" }, [device.vendor, device.product].filter(Boolean).join(" ")),
        marks.filter((mark) => mark !== "unknown class").map((mark) => h("a", { class: "tag quiet", href: address("devices", [["has", mark]]) }, mark)))),
    h("div", { class: "columns device" },
      h("div", null,
        section("Identity", identity(device), device.roles.length > 0 && [h("h3", null, "Roles"), h("ul", { class: "inline" }, device.roles.map((role) => h("li", null, h("a", { class: "tag", href: address("devices", [["role", roleText(role)]]) }, roleText(role)))))]),
        conflictBox(device),
        device.merged.length > 0 && section("Why these addresses are one device", h("ul", { class: "rows" }, device.merged.map((reason) => h("li", { class: "wire" }, reason))))),
      h("div", null,
        section(`Risks (${number(risks.length)})`, risks.length ? risks.map((each, place) => findingCard(each, place < 1)) : h("p", { class: "empty" }, "No rule found anything about this device. That says what was looked for, not that all is well.")),
        section(`Credentials seen (${number(credentials.length)})`, credentials.length ? credentials.map((each) => findingCard(each, credentials.length < 2)) : h("p", { class: "empty" }, "No finding about credentials.")))),
    section("Why we think so", evidence(device)),
    askedSections(index),
    section("Peers and protocols", peersTable(index)),
    certificateCards(index));
}
