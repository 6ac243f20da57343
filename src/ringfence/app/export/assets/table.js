// A real table: sortable, in pages, with its state handed back to whoever shows it.

// columns: {key, label, cell(row), value(row), numeric, wide}. wide columns are left out on small screens.
const labelOf = (column) => (typeof column.label === "function" ? column.label() : column.label);

function table({ caption, columns, rows, state, changed, pageSize = 100, rowAttributes, dense, nothingText }) {
  const order = state.sort || "";
  const key = order.replace(/^-/, "");
  const column = columns.find((each) => each.key === key && each.value);
  let sorted = rows;
  if (column) sorted = sortRows(rows, column.value, order.startsWith("-"));
  const pages = Math.max(Math.ceil(sorted.length / pageSize), 1);
  const page = Math.min(Math.max(Number(state.page) || 1, 1), pages);
  const shown = sorted.slice((page - 1) * pageSize, page * pageSize);
  const box = h("div", { class: dense ? "table dense" : "table" },
    h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
      h("table", null, h("caption", { class: "hidden" }, caption), dense && columnWidths(columns),
        h("thead", null, h("tr", null, columns.map((each) => headCell(each, order, changed)))),
        h("tbody", null, shown.map((row) => h("tr", { "data-row": true, ...(rowAttributes ? rowAttributes(row) : {}) }, columns.map((each) => bodyCell(each, row))))))),
    rows.length === 0 && h("p", { class: "empty" }, nothingText || "Nothing to show."),
    pages > 1 && pager(page, pages, sorted.length, pageSize, changed));
  if (dense) box.style.setProperty("--columns", columns.length);
  return box;
}

const cellClass = (column) => [column.numeric && "numeric", column.wide && "wide"].filter(Boolean).join(" ") || null;

function headCell(column, order, changed) {
  if (!column.value) return h("th", { scope: "col", class: cellClass(column) }, labelOf(column));
  const up = order === column.key;
  const down = order === "-" + column.key;
  const next = column.numeric ? (down ? column.key : "-" + column.key) : (up ? "-" + column.key : column.key);
  return h("th", { scope: "col", class: cellClass(column), "aria-sort": up ? "ascending" : down ? "descending" : null },
    h("button", { type: "button", class: "sort", "data-key": "sort-" + column.key, onclick: () => changed({ sort: next, page: "" }) },
      labelOf(column), h("span", { class: "direction", "aria-hidden": "true" }, up ? "▲" : down ? "▼" : "")));
}

const bodyCell = (column, row) => (column.head
  ? h("th", { scope: "row", class: cellClass(column) }, column.cell(row))
  : h("td", { class: cellClass(column) }, column.cell(row)));

// A dense table has one line a row; its columns share the width by weight and cut off what doesn't fit.
function columnWidths(columns) {
  const total = columns.reduce((sum, each) => sum + (each.share || 10), 0);
  return h("colgroup", null, columns.map((each) => h("col", { class: cellClass(each), width: ((100 * (each.share || 10)) / total).toFixed(2) + "%" })));
}

// What is unknown sorts last in both directions. Keys are made once for each row.
function sortRows(rows, value, descending) {
  const empty = (key) => key === null || key === undefined || key === "";
  const keyed = rows.map((row) => { const key = value(row); return [typeof key === "string" ? key.toLowerCase() : key, row]; });
  keyed.sort(([a], [b]) => {
    if (empty(a) || empty(b)) return empty(a) - empty(b);
    const result = a < b ? -1 : a > b ? 1 : 0;
    return descending ? -result : result;
  });
  return keyed.map((pair) => pair[1]);
}

function pager(page, pages, total, pageSize, changed) {
  const go = (target) => () => changed({ page: String(target) });
  const button = (label, target, enabled) =>
    h("button", { type: "button", "data-key": "page-" + label, disabled: !enabled, onclick: go(target) }, label);
  return h("nav", { class: "pager", "aria-label": "Pages" },
    button("First", 1, page > 1), button("Previous", page - 1, page > 1),
    h("span", null, `${number((page - 1) * pageSize + 1)}–${number(Math.min(page * pageSize, total))} of ${number(total)}`),
    button("Next", page + 1, page < pages), button("Last", pages, page < pages));
}

// A table that keeps its own state, for places whose order needn't be in the address.
function ownTable(options) {
  const state = { sort: options.sort || "", page: "" };
  const host = h("div", null);
  const draw = () => keepFocus(host, () => replace(host, table({ ...options, state, changed: (change) => { Object.assign(state, change); draw(); } })));
  draw();
  return host;
}

// Redraws and puts the focus back on the control with the same key.
function keepFocus(host, draw) {
  const active = host.contains(document.activeElement) ? document.activeElement.getAttribute("data-key") : null;
  draw();
  if (active === null) return;
  for (const each of host.querySelectorAll("[data-key]")) if (each.getAttribute("data-key") === active) { each.focus(); return; }
}
