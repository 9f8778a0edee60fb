// Edges as a table: the strongest of all heads, the tree's, or those of the chosen head.

const MOST_ROWS = 200;
const SCOPES = { all: "strongest of all heads", tree: "of the tree", head: "of the chosen head" };

function edgesOf(view, state) {
  const one = view.explanations[state.explanation];
  if (state.scope === "tree") return one.trees[one.at[state.step]].map(([query, key, layer, value]) => ({ query, key, layer, head: null, value }));
  if (state.scope === "all") return one.edges.map(([layer, head, query, key, value]) => ({ query, key, layer, head, value }));
  const map = attributionMap(view, state);
  const edges = [];
  for (let query = 0; query < view.n; query++)
    for (let key = 0; key < view.n; key++) {
      const value = map.at(query, key);
      if (value !== 0) edges.push({ query, key, layer: state.layer, head: state.head < view.heads ? state.head : null, value });
    }
  return edges;
}

function sorted(edges, { column, falling }, names) {
  const of = {
    query: (edge) => names[edge.query], key: (edge) => names[edge.key],
    layer: (edge) => edge.layer, head: (edge) => edge.head ?? -1, value: (edge) => Math.abs(edge.value),
  }[column];
  const compare = (a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0);
  return [...edges].sort((a, b) => (falling ? compare(b, a) : compare(a, b)));
}

function edgesPanel(page) {
  const scope = html(
    "select",
    { "aria-label": "Which edges", onchange: (event) => page.set({ scope: event.target.value }) },
    ...Object.entries(SCOPES).map(([value, label]) => html("option", { value }, label)),
  );
  const filter = html("input", { type: "search", "aria-label": "Only edges of a token", placeholder: "token", oninput: (event) => page.set({ filter: event.target.value }) });
  const columns = { query: "reads (query)", key: "is read (key)", layer: "layer", head: "head", value: "attribution" };
  const sort = (column) => page.set({ sort: { column, falling: page.state.sort.column === column ? !page.state.sort.falling : column === "value" } });
  const headings = Object.entries(columns).map(([column, label]) =>
    html("th", { scope: "col", "data-column": column }, html("button", { type: "button", onclick: () => sort(column) }, label)),
  );
  const body = html("tbody");
  const note = html("p", { class: "note", "aria-live": "polite" });
  let shown = [];

  function draw(view, state) {
    scope.value = state.scope;
    if (filter.value !== state.filter) filter.value = state.filter;
    for (const heading of headings) {
      const own = heading.dataset.column === state.sort.column;
      heading.setAttribute("aria-sort", own ? (state.sort.falling ? "descending" : "ascending") : "none");
    }
    const wanted = state.filter.toLowerCase();
    const all = edgesOf(view, state);
    const named = all.filter(({ query, key }) => [query, key].some((place) => view.names[place].toLowerCase().includes(wanted)));
    shown = sorted(named, state.sort, view.names).slice(0, MOST_ROWS);
    body.replaceChildren(
      ...shown.map((edge) =>
        html(
          "tr",
          {},
          html("td", {}, view.names[edge.query]),
          html("td", {}, view.names[edge.key]),
          html("td", { class: "number" }, edge.layer + 1),
          html("td", { class: "number" }, edge.head === null ? "all" : edge.head + 1),
          html("td", { class: "number" }, number(edge.value)),
        ),
      ),
    );
    note.textContent = `${shown.length} of ${all.length} edges. Tokens that occur several times are numbered.`;
  }

  const save = saving("edges", { name: page.fileName, colours: () => page.colours, numbers: () => ({ ...page.selection(), scope: page.state.scope, edges: shown }) });
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...headings)), body);
  const frame = html("div", { class: "frame tall", tabindex: 0, role: "region", "aria-label": "Table of edges" }, table);
  const controls = html("div", { class: "controls" }, html("label", {}, "Edges ", scope), html("label", {}, "with token ", filter));
  const panel = html("section", { class: "edges" }, html("h3", {}, "Edges"), controls, frame, note, save);
  // The table takes longest to draw, so it follows the threshold and the head only where it shows them.
  const followed = { all: [], tree: ["step"], head: ["layer", "head"] };
  const keys = (state) => ["example", "explanation", "scope", "filter", "sort", ...followed[state.scope]];
  return { panel, keys, draw };
}
