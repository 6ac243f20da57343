// Facets: for every question the answers that occur, with counts under all other filters.

// Each facet's answers as numbers, made once for all rows: counting is then quick for ten thousand of them.
const indexes = new Map();
function facetIndex(facet, rows) {
  let index = indexes.get(facet);
  if (index) return index;
  const codes = new Map();
  const names = [];
  const lists = rows.map((row) => [...new Set(facet.values(row))].map((value) => {
    let code = codes.get(value);
    if (code === undefined) { code = names.length; codes.set(value, code); names.push(value); }
    return code;
  }));
  index = { codes, names, lists };
  indexes.set(facet, index);
  return index;
}

// facets: {key, label, values(row) -> list of text, name(value)}. One pass: a row that fails exactly one facet still
// counts for that facet's other answers.
function applyFacets(rows, facets, parameters, matches) {
  const chosen = facets.map((facet) => new Set(parameters.getAll(facet.key)));
  const all = facets.map((facet) => facetIndex(facet, rows));
  const wanted = all.map((index, i) => (chosen[i].size ? new Set([...chosen[i]].map((value) => index.codes.get(value))) : null));
  const tallies = all.map((index) => new Int32Array(index.names.length));
  const found = [];
  for (let at = 0; at < rows.length; at += 1) {
    if (!matches(rows[at])) continue;
    let failed = -1;
    let fails = 0;
    for (let i = 0; i < facets.length && fails < 2; i += 1) {
      if (wanted[i] && !all[i].lists[at].some((code) => wanted[i].has(code))) { fails += 1; failed = i; }
    }
    if (fails > 1) continue;
    if (fails === 0) found.push(rows[at]);
    for (let i = 0; i < facets.length; i += 1) {
      if (fails === 0 || i === failed) for (const code of all[i].lists[at]) tallies[i][code] += 1;
    }
  }
  const counts = all.map((index, i) => new Map(index.names.map((name, code) => [name, tallies[i][code]]).filter((pair) => pair[1] > 0)));
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
