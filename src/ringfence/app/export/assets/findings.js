// Findings: what was expected, what was seen, the packets, and what to do.

function findingCard(finding, open) {
  const pairs = [
    ["Rule", h("span", { class: "wire" }, words(finding.rule))], ["Confidence", percent(finding.confidence)], ["Seen", counted(finding.count, "time", "times")],
    ["First", moment(finding.first)], ["Last", moment(finding.last)],
  ];
  return h("details", { class: "finding e-" + severityName(finding.severity), "data-finding": finding.id, open },
    h("summary", { "data-row": true }, severity(finding.severity), h("span", { class: "finding-title" }, finding.title),
      h("span", { class: "finding-who" }, finding.devices.slice(0, 3).map(([, , label]) => label).join(", "), finding.devices.length > 3 && ` and ${number(finding.devices.length - 3 + finding.more_devices)} more`)),
    h("div", { class: "finding-body" },
      h("p", { class: "why" }, finding.why),
      h("div", { class: "compare" },
        h("div", null, h("h3", null, "Expected"), h("p", null, finding.expected || "not stated")),
        h("div", null, h("h3", null, "Seen"), h("p", null, finding.seen || "not stated"))),
      h("h3", null, "What to do"), h("p", null, finding.remedy || "No remedy is known."),
      h("h3", null, "Devices"),
      h("ul", { class: "inline" }, finding.devices.map(([index, role, label]) => h("li", null, index === null ? h("span", { class: "wire" }, label) : [deviceLink(index), endAddress(index)], h("span", { class: "none" }, ` (${role})`))),
        finding.more_devices > 0 && h("li", null, `and ${number(finding.more_devices)} more in the JSON`)),
      finding.attack.length > 0 && [h("h3", null, "ATT&CK"), h("ul", { class: "inline" }, finding.attack.map((technique) => h("li", null, h("a", { class: "tag", href: address("findings", [["attack", technique]]) }, technique))))],
      h("h3", null, "Packets"), finding.packets.length ? h("ul", { class: "packets" }, finding.packets.map(packetText)) : h("p", null, "No packet is named."),
      definitions(pairs)));
}

const FINDING_FACETS = [
  { key: "severity", label: "Severity", open: true, values: (each) => [each.severity], order: (value) => SEVERITIES.indexOf(value) },
  { key: "rule", label: "Rule", open: true, values: (each) => [each.rule], name: words },
  { key: "attack", label: "ATT&CK technique", values: (each) => each.attack },
  { key: "class", label: "Class of device", values: (each) => each.deviceClasses || (each.deviceClasses = [...new Set(each.devices.filter(([index]) => index !== null).map(([index]) => DEVICES[index].class))]), name: className },
];

const findingText = (each) => each.searchText || (each.searchText =
  [each.title, each.why, each.rule, each.seen, each.expected, ...each.attack, ...each.devices.map((device) => device[2])].join("\n").toLowerCase());

function findingsView(main, { id, parameters }) {
  const size = 50;
  const hidden = DATA.totals.findings - FINDINGS.length;
  filteredPage(main, {
    view: id ? "findings/" + encodeURIComponent(id) : "findings", title: "Findings", hint: "Search findings", rows: FINDINGS, facets: FINDING_FACETS, text: findingText, parameters, unit: ["finding", "findings"],
    draw: (found, state, changed) => {
      const pages = Math.max(Math.ceil(found.length / size), 1);
      const page = Math.min(Math.max(Number(state.get("page")) || 1, 1), pages);
      return [
        hidden > 0 && h("p", { class: "note" }, `The ${number(FINDINGS.length)} most severe are shown, and ${number(hidden)} more in the JSON.`),
        FINDINGS.length === 0 && h("p", { class: "empty" }, "No rule found anything. That says what was looked for, not that all is well."),
        FINDINGS.length > 0 && found.length === 0 && h("p", { class: "empty" }, "No finding fits these filters."),
        h("div", { class: "findings" }, found.slice((page - 1) * size, page * size).map((each) => findingCard(each, each.id === id))),
        pages > 1 && pager(page, pages, found.length, size, changed)];
    },
  });
}
