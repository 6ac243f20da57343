// What is printed: the summary, all devices and all findings, whatever was on the screen.

function paper() {
  const plain = (heads, rows) => h("table", null, h("thead", null, h("tr", null, heads.map((each) => h("th", { scope: "col" }, each)))), h("tbody", null, rows.map((row) => h("tr", null, row.map((cell) => h("td", null, cell))))));
  return h("div", null,
    h("h1", null, "Ringfence report"),
    h("p", null, `${DATA.capture.inputs.length === 1 ? inputName(0) : `${number(DATA.capture.inputs.length)} captures${folder ? " in " + folder : ""}`}. ${number(DATA.capture.packets)} packets, ${momentText(DATA.capture.first)} to ${momentText(DATA.capture.last)}. Knowledge ${DATA.knowledge.id} of ${DATA.knowledge.date}.`),
    h("p", null, `${counted(DATA.totals.devices, "device", "devices")}, ${number(DEVICES.filter((each) => each.class === "unknown").length)} of unknown class, ${counted(DATA.totals.findings, "finding", "findings")}. Nothing was sent to any network.`),
    h("h2", null, "Capture quality"),
    DATA.capture.quality.length ? h("ul", null, DATA.capture.quality.map((note) => h("li", null, `${note.severity}: ${note.text} Weakens: ${note.weakens} Remedy: ${note.remedy}`))) : h("p", null, "Nothing wrong found with this capture."),
    h("h2", null, "Findings"),
    plain(["Severity", "Finding", "Devices", "Remedy"], FINDINGS.map((each) => [severity(each.severity), [h("b", null, each.title), h("br"), each.why], each.devices.slice(0, 6).map((one) => `${one[2]} (${one[1]})`).join(", "), each.remedy])),
    h("h2", null, "Devices"),
    plain(["Name", "Class", "Vendor and product", "Firmware", "Address", "Level", "Findings"], DEVICES.map((each, index) => [each.name, `${className(each.class)}${each.class === "unknown" ? "" : " " + percent(each.confidence)}`, [each.vendor, each.product].filter(Boolean).join(" ") || "unknown", each.firmware || "unknown", each.ips[0] || each.macs[0] || "", levelText(each.level), findingsOf[index].length ? `${findingsOf[index].length}, ${SEVERITIES[worst[index]]}` : "none"])));
}
