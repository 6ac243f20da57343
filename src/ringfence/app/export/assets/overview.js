// The first page: can the capture be trusted, what is there, what is wrong.

function qualityPanel() {
  const notes = DATA.capture.quality;
  const body = notes.length === 0
    ? h("p", { class: "verdict" }, icon("ring"), " Nothing wrong found with this capture.")
    : h("ul", { class: "quality" }, notes.map((note) => h("li", null, severity(note.severity),
      h("div", null, h("p", { class: "strong" }, note.text), note.weakens && h("p", null, h("b", null, "Weakens: "), note.weakens), note.remedy && h("p", null, h("b", null, "Remedy: "), note.remedy)))));
  return section("Capture quality", body);
}

const tile = (value, label, href, kind) => h("a", { class: "tile " + (kind || ""), href }, h("span", { class: "tile-value" }, value), h("span", { class: "tile-label" }, label));

function tiles() {
  const count = (word) => FINDINGS.filter((each) => each.severity === word).length;
  const unknown = DEVICES.filter((each) => each.class === "unknown").length;
  const conflicts = DEVICES.filter((each) => each.conflicts.length > 0).length;
  return h("nav", { class: "tiles", "aria-label": "Summary" },
    tile(number(DATA.totals.devices), "devices", "#/devices"),
    tile(number(unknown), "of unknown class", address("devices", [["class", "unknown"]]), "t-unknown"),
    SEVERITIES.slice(0, 3).map((word) => tile(number(count(word)), [icon(word, "s-" + word), `${word} findings`], address("findings", [["severity", word]]), count(word) ? "t-" + word : "")),
    tile(number(conflicts), "with conflicting evidence", address("devices", [["has", "conflict"]])),
    tile(number(DATA.totals.conversations), "conversations", "#/map"),
    tile(number(DATA.protocols.length), "protocols", "#/protocols"));
}

function classBars() {
  const counts = new Map();
  for (const device of DEVICES) counts.set(device.class, (counts.get(device.class) || 0) + 1);
  const rows = [...counts].sort((a, b) => (a[0] === "unknown") - (b[0] === "unknown") || b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (!rows.length) return h("p", { class: "empty" }, "No device was seen in this capture.");
  const most = Math.max(...rows.map((row) => row[1]), 1);
  return h("ul", { class: "bars" }, rows.map(([name, count]) => h("li", null, h("a", { href: address("devices", [["class", name]]) },
    h("span", { class: "bar-name" }, className(name)),
    s("svg", { class: "bar-line", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { width: Math.max((100 * count) / most, 1), height: 8, class: name === "unknown" ? "bar-unknown" : "bar-known" })),
    h("span", { class: "number" }, number(count))))));
}

// Those of unknown class that talk most: where a question to somebody on site is worth the most.
function unknownPanel() {
  const rows = DEVICES.map((device, index) => ({ device, index, bytes: talksOf[index].reduce((sum, talk) => sum + talk[C.bytes], 0) })).filter((row) => row.device.class === "unknown").sort((a, b) => b.bytes - a.bytes);
  if (!rows.length) return null;
  return section("Unknown devices that talk most", h("ul", { class: "rows" }, rows.slice(0, 5).map((row) => h("li", null, deviceLink(row.index), " ",
    h("span", { class: "none" }, [row.device.vendor, ...new Set(talksOf[row.index].map((talk) => talk[C.protocol]))].filter(Boolean).slice(0, 5).join(", ") || "nothing known", ", ", bytes(row.bytes))))),
  rows.length > 5 && h("p", null, h("a", { href: address("devices", [["class", "unknown"]]) }, `All ${number(rows.length)} of unknown class`)));
}

function captureFacts() {
  const capture = DATA.capture;
  return [
    definitions([
      ["Packets", h("a", { href: "#/protocols" }, number(capture.packets))], ["Size", bytes(capture.bytes)], ["First packet", moment(capture.first)], ["Last packet", moment(capture.last)],
      ["Knowledge", `${DATA.knowledge.id} of ${DATA.knowledge.date}`], ["Ringfence", DATA.version],
    ]),
    DATA.totals.conversations > DATA.conversations.length && h("p", { class: "note" }, `This report holds ${number(DATA.conversations.length)} of ${number(DATA.totals.conversations)} conversations, so that it opens quickly; the JSON holds all.`),
    ownTable({ caption: "Inputs", rows: capture.inputs, pageSize: 10, columns: [
      { key: "path", label: folder ? `Input in ${folder}` : "Input", head: true, cell: (row) => [h("span", { class: wireClass(row.path.slice(folder.length)) }, row.path.slice(folder.length)), row.problems.map((problem) => h("p", { class: "problem" }, problem))], value: (row) => row.path },
      { key: "packets", label: "Packets", numeric: true, cell: (row) => number(row.packets), value: (row) => row.packets },
      { key: "bytes", label: "Size", numeric: true, cell: (row) => bytes(row.bytes), value: (row) => row.bytes },
      { key: "digest", label: "Digest", wide: true, cell: (row) => h("span", { class: "mono whole", title: `${row.format}, digest of a sample of the file: ${row.digest}` }, (row.digest || "").slice(0, 8)) },
    ] }),
  ];
}

// Findings of one title are told once: [the first of them, how many].
function alike(findings) {
  const groups = new Map();
  for (const each of findings) {
    const key = [each.severity, each.rule, each.title].join("\u0001");
    if (groups.has(key)) groups.get(key)[1] += 1; else groups.set(key, [each, 1]);
  }
  return [...groups.values()];
}

function overviewView(main) {
  const top = alike(FINDINGS);
  replace(main, h("h1", null, "Overview"), tiles(),
    h("div", { class: "columns" },
      h("div", null, qualityPanel(),
        section("Top risks", top.length === 0
          ? h("p", { class: "empty" }, "No rule found anything. That says what was looked for, not that all is well.")
          : h("ol", { class: "risks" }, top.slice(0, 5).map(([each, count]) => h("li", null, severity(each.severity), h("div", null,
            h("a", { class: "strong", href: count > 1 ? address("findings", [["severity", each.severity], ["rule", each.rule]]) : "#/findings/" + encodeURIComponent(each.id), "data-row": true }, each.title),
            count > 1 && h("span", { class: "count" }, ` ${number(count)} findings`), h("p", null, each.why))))),
        top.length > 5 && h("p", null, h("a", { href: "#/findings" }, `All ${number(DATA.totals.findings)} findings`))), unknownPanel()),
      h("div", null, section("Devices by class", classBars()), section("Capture", captureFacts()))));
}

function protocolsView(main) {
  replace(main, h("h1", null, "Protocols"), section("Totals", ownTable({ caption: "Protocols", nothingText: "No packet of this capture belongs to a conversation.", rows: DATA.protocols, sort: "-bytes", columns: [
    { key: "name", label: "Protocol", head: true, cell: (row) => h("a", { href: address("devices", [["protocol", row[0]]]), class: "wire" }, row[0] || "(no name)"), value: (row) => row[0] },
    { key: "flows", label: "Flows", numeric: true, cell: (row) => number(row[1]), value: (row) => row[1] },
    { key: "packets", label: "Packets", numeric: true, cell: (row) => number(row[2]), value: (row) => row[2] },
    { key: "bytes", label: "Size", numeric: true, cell: (row) => bytes(row[3]), value: (row) => row[3] },
    { key: "confidence", label: "Confidence", numeric: true, wide: true, cell: (row) => weight(row[4]), value: (row) => row[4] },
  ] })));
}
