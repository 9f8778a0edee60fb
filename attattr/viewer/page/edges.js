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
  const pinned = html("select", { "aria-label": "Only edges of a token", onchange: ({ target }) => page.set({ token: target.value ? Number(target.value) : null }) });
  const columns = { query: "reads (query)", key: "is read (key)", layer: "layer", head: "head", value: "attribution" };
  const sort = (column) => page.set({ sort: { column, falling: page.state.sort.column === column ? !page.state.sort.falling : column === "value" } });
  const headings = Object.entries(columns).map(([column, label]) =>
    html("th", { scope: "col", "data-column": column }, html("button", { type: "button", onclick: () => sort(column) }, label)),
  );
  const body = html("tbody");
  const note = html("p", { class: "note", "aria-live": "polite" });
  let shown = [];
  let named = null;

  function draw(view, state) {
    panel.hidden = view.foreign;
    scope.value = state.scope;
    if (view !== named) pinned.replaceChildren(html("option", { value: "" }, "any"), ...view.names.map((name, place) => html("option", { value: place }, name)));
    named = view;
    pinned.value = state.token ?? "";
    for (const heading of headings) {
      const own = heading.dataset.column === state.sort.column;
      heading.setAttribute("aria-sort", own ? (state.sort.falling ? "descending" : "ascending") : "none");
    }
    const all = edgesOf(view, state);
    const own = all.filter(({ query, key }) => state.token === null || query === state.token || key === state.token);
    shown = sorted(own, state.sort, view.names).slice(0, MOST_ROWS);
    body.replaceChildren(
      ...shown.map((edge) =>
        html(
          "tr",
          { "data-query": edge.query, "data-key": edge.key },
          html("td", { "data-token": edge.query }, view.names[edge.query]),
          html("td", { "data-token": edge.key }, view.names[edge.key]),
          html("td", { class: "number" }, edge.layer + 1),
          html("td", { class: "number" }, edge.head === null ? "all" : edge.head + 1),
          html("td", { class: "number" }, number(edge.value)),
        ),
      ),
    );
    note.textContent = `${shown.length} of ${all.length} edges. Tokens that occur several times are numbered.`;
  }

  const save = saving("edges", { name: page.fileName, colours: () => page.colours, numbers: () => ({ ...page.selection(), scope: page.state.scope, token: page.state.token, edges: shown }) });
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...headings)), body);
  const frame = html("div", { class: "frame tall", tabindex: 0, role: "region", "aria-label": "Table of edges" }, table);
  const controls = html("div", { class: "controls" }, html("label", {}, "Edges ", scope), html("label", {}, "with token ", pinned));
  const panel = html("section", { class: "edges" }, html("h3", {}, "Edges"), controls, frame, note, save);
  // The table takes longest to draw, so it follows the threshold and the head only where it shows them.
  const followed = { all: [], tree: ["step"], head: ["layer", "head"] };
  const keys = (state) => ["example", "explanation", "scope", "token", "sort", ...followed[state.scope]];
  return { panel, keys, draw };
}
