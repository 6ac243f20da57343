// Facets: for every question the answers that occur, with counts under all other filters.

// facets: {key, label, values(row) -> list of text, name(value)}. One pass: a row that fails exactly one facet still
// counts for that facet's other answers.
function applyFacets(rows, facets, parameters, matches) {
  const chosen = facets.map((facet) => new Set(parameters.getAll(facet.key)));
  const counts = facets.map(() => new Map());
  const found = [];
  for (const row of rows) {
    if (!matches(row)) continue;
    let failed = -1;
    let fails = 0;
    for (let i = 0; i < facets.length && fails < 2; i += 1) {
      if (chosen[i].size && !facets[i].values(row).some((value) => chosen[i].has(value))) { fails += 1; failed = i; }
    }
    if (fails > 1) continue;
    if (fails === 0) found.push(row);
    for (let i = 0; i < facets.length; i += 1) {
      if (fails === 1 && i !== failed) continue;
      for (const value of facets[i].values(row)) counts[i].set(value, (counts[i].get(value) || 0) + 1);
    }
  }
  return { found, counts, chosen };
}

const facetOpen = new Map(); // Only what the reader opened or closed.
const longFacets = new Set();

function facetPanel(facets, result, change, redraw) {
  return facets.map((facet, index) => {
    const chosen = result.chosen[index];
    const counts = result.counts[index];
    for (const value of chosen) if (!counts.has(value)) counts.set(value, 0);
    const rank = facet.order || (() => 0);
    const values = [...counts].sort((a, b) => chosen.has(b[0]) - chosen.has(a[0]) || rank(a[0]) - rank(b[0]) || b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const all = longFacets.has(facet.key);
    const shown = all ? values : values.slice(0, 8);
    const box = h("details", { class: "facet", open: facetOpen.get(facet.key) ?? (chosen.size > 0 || facet.open) },
      h("summary", { "data-key": "facet-" + facet.key }, facet.label, chosen.size > 0 && h("span", { class: "badge" }, chosen.size, h("span", { class: "hidden" }, " chosen"))),
      h("ul", null, shown.map(([value, count]) => h("li", null, h("label", null,
        h("input", { type: "checkbox", checked: chosen.has(value), "data-key": facet.key + "=" + value, onchange: (event) => change(facet.key, value, event.target.checked) }),
        h("span", { class: "wire" }, facet.name ? facet.name(value) : value), h("span", { class: "count" }, number(count)))))),
      values.length > 8 && h("button", { type: "button", class: "link", "data-key": "more-" + facet.key, onclick: () => {
        if (all) longFacets.delete(facet.key); else longFacets.add(facet.key);
        redraw();
      } }, all ? "Show fewer" : `Show all ${number(values.length)}`));
    box.querySelector("summary").addEventListener("click", () => facetOpen.set(facet.key, !box.open));
    return box;
  });
}

function changeParameter(parameters, key, value, on) {
  const rest = parameters.getAll(key).filter((each) => each !== value);
  parameters.delete(key);
  for (const each of rest) parameters.append(key, each);
  if (on) parameters.append(key, value);
  parameters.delete("page");
}

// The chosen answers as buttons that take them back.
const chosenChips = (facets, parameters, change) => facets.flatMap((facet) => parameters.getAll(facet.key).map((value) =>
  h("button", { type: "button", class: "chip", "data-key": "chip-" + facet.key + value, onclick: () => change(facet.key, value, false) },
    `${facet.label}: `, h("span", { class: "wire" }, facet.name ? facet.name(value) : value), h("span", { "aria-hidden": "true" }, " ×"), h("span", { class: "hidden" }, " (remove)"))));

// A page of a search field, facets and a list; draw(found, state) makes the list.
function filteredPage(main, { view, title, hint, rows, facets, text, parameters, draw, tools, unit }) {
  const box = h("div", { class: "results" });
  const side = h("div", { class: "facets" });
  const chips = h("div", { class: "chips" });
  const summary = h("p", { class: "counted" });
  const search = h("input", { type: "search", id: "search", placeholder: hint, "aria-label": hint, value: parameters.get("q") || "", autocomplete: "off", spellcheck: "false",
    oninput: () => { if (search.value) parameters.set("q", search.value); else parameters.delete("q"); parameters.delete("page"); update(); } });
  const change = (key, value, on) => { changeParameter(parameters, key, value, on); update(); };
  const changed = (state) => { for (const [key, value] of Object.entries(state)) if (value) parameters.set(key, value); else parameters.delete(key); update(); };
  const update = () => {
    const started = performance.now();
    const wanted = (parameters.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const result = applyFacets(rows, facets, parameters, (row) => wanted.every((word) => text(row).includes(word)));
    keepFocus(main, () => {
      replace(chips, chosenChips(facets, parameters, change));
      replace(side, facetPanel(facets, result, change, update));
      replace(box, draw(result.found, parameters, changed));
    });
    summary.textContent = `${number(result.found.length)} of ${counted(rows.length, unit[0], unit[1])}`;
    announce(summary.textContent);
    keepAddress(view, parameters);
    main.setAttribute("data-milliseconds", (performance.now() - started).toFixed(1));
  };
  const wide = window.matchMedia("(min-width: 900px)").matches;
  replace(main, h("h1", null, title), h("div", { class: "filtered" },
    h("details", { class: "side", open: wide }, h("summary", null, "Filters"), side),
    h("div", { class: "list" }, h("h2", { class: "hidden" }, "Results"), h("div", { class: "bar" }, search, summary, tools ? tools(changed) : null), chips, box)));
  update();
}
