const TREE_LEGEND = "Large dot: the root. Arrows lead to the token that is read, as wide as their attribution.";

// The attribution tree: tokens along the axis, height by layer, arrows lead to the token that is read.

function treePanel(page) {
  const slider = html("input", {
    type: "range", min: 0, max: page.data.steps - 1, step: 1, "aria-label": "Threshold tau",
    oninput: (event) => page.set({ step: Number(event.target.value) }),
  });
  const threshold = html("output", {});
  const bound = (key, label) =>
    html("input", { type: "number", min: 1, "aria-label": label, onchange: (event) => page.set({ [key]: Number(event.target.value) - 1 }) });
  const from = bound("from", "First layer shown");
  const to = bound("to", "Last layer shown");
  const frame = html("div", { class: "frame", tabindex: 0, role: "region", "aria-label": "Attribution tree, scrolls sideways" });
  const verdict = html("p", { "aria-live": "polite" });
  const summary = html("p", { class: "note", "aria-live": "polite" });
  let drawing = null;
  let last = null;

  const shownEdges = (view, state) => {
    const one = view.explanations[state.explanation];
    return one.trees[one.at[state.step]].filter(([, , layer]) => layer >= state.from && layer <= state.to);
  };

  function draw(view, state) {
    const one = view.explanations[state.explanation];
    const tau = (state.step / page.data.steps).toFixed(2);
    slider.value = state.step;
    slider.setAttribute("aria-valuetext", `tau ${tau}`);
    threshold.textContent = tau;
    for (const [field, value] of [[from, state.from], [to, state.to]]) {
      field.max = view.layers;
      field.value = value + 1;
    }
    const whole = one.trees[one.at[state.step]];
    const edges = shownEdges(view, state);
    drawing = treeDrawing(view, one.root, whole, edges, page.colours, frame.clientWidth);
    frame.replaceChildren(drawing);
    if (view !== last) frame.scrollLeft = drawing.rootAt - frame.clientWidth / 2;
    last = view;
    const inner = (all) => all.filter(([query]) => query !== 0).length;
    const words = wordsOf(one, state.step);
    verdict.className = `verdict ${words.level}`;
    verdict.textContent = words.verdict;
    verdict.hidden = !words.verdict;
    for (const part of [controls, frame, summary, save]) part.hidden = view.foreign;
    const part = edges.length < whole.length ? `, ${inner(edges)} of them in layers ${state.from + 1} to ${state.to + 1}` : "";
    const count = `${inner(whole)} edge${inner(whole) === 1 ? "" : "s"}`;
    summary.textContent =
      one.root === null || !inner(whole)
        ? words.sentence
        : `${count}${part}. Root: ${view.names[one.root]} (large dot). ` +
          "A token stands in the layer in which it is attached; arrows are as wide as their attribution; grey lines, which are not counted, are the first token reading the tree in the last layer.";
  }

  const save = saving("tree", {
    drawn: () => drawing,
    caption: () => {
      const words = wordsOf(page.view.explanations[page.state.explanation], page.state.step);
      return [...page.caption(), `τ = ${threshold.textContent}. ${words.verdict || words.sentence}`, TREE_LEGEND];
    },
    name: page.fileName,
    colours: () => page.colours,
    numbers: () => ({
      ...page.selection(),
      root: page.view.explanations[page.state.explanation].root,
      edges: shownEdges(page.view, page.state).map(([query, key, layer, value]) => ({ query, key, layer, value, readout: query === 0 })),
      recovered: sharesAt(page.view.explanations[page.state.explanation], page.state.step),
    }),
  });
  const controls = html(
    "div",
    { class: "controls" },
    html("label", {}, "τ ", slider, " ", threshold),
    html("span", {}, "layers ", from, " to ", to),
  );
  const panel = html("section", { class: "tree" }, html("h3", {}, "Attribution tree"), controls, verdict, frame, summary, save);
  return { panel, keys: () => ["example", "explanation", "step", "from", "to"], draw };
}

function treeDrawing(view, root, whole, edges, colours, room) {
  const gap = Math.min(Math.max((room - 90) / view.n, 20), 64);
  const level = Math.min(Math.max(260 / (view.layers + 1), 18), 44);
  const longest = Math.max(...view.names.map((name) => Math.min(name.length, 16)));
  const [left, top] = [64, 14];
  const base = top + (view.layers + 1) * level;
  const width = left + view.n * gap + 30;
  const height = base + 26 + longest * 5.4;
  const x = (token) => left + (token + 0.5) * gap;
  const y = (at) => base - at * level;
  const inner = whole.filter(([query]) => query !== 0);
  const heights = new Map(inner.map(([, key, layer]) => [key, layer + 1]));
  if (root !== null) heights.set(root, view.layers);
  heights.set(0, view.layers + 1);
  const largest = Math.max(...inner.map((edge) => edge[3]), 0);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": treeInWords(view, root, edges) });
  drawing.rootAt = root === null ? 0 : x(root);
  for (let layer = 0; layer < view.layers; layer++) {
    const at = y(layer + 1);
    drawing.append(svg("line", { x1: left, x2: width - 6, y1: at, y2: at, stroke: css(colours.line), "stroke-width": 0.5 }));
    drawing.append(svg("text", { x: left - 8, y: at + 4, "text-anchor": "end", "font-size": 11, fill: css(colours.faint) }, `layer ${layer + 1}`));
  }
  for (const [query, key, layer, value] of [...edges].sort((a, b) => a[3] - b[3])) {
    const terminal = query === 0;
    const title = `${view.names[query]} reads ${view.names[key]}, ${layerName(layer)}: ${number(value)}`;
    const path = arrow(x(query), y(heights.get(query) ?? 0), x(key), y(heights.get(key) ?? 0));
    drawing.append(
      svg(
        "path",
        {
          d: path, fill: "none", class: "edge", "data-query": query, "data-key": key, "data-layer": layer,
          stroke: css(terminal ? colours.faint : colours.positive),
          "stroke-width": terminal ? 0.7 : 0.9 + (largest > 0 ? 4 * (Math.max(value, 0) / largest) : 0),
          "stroke-opacity": terminal ? 0.55 : 0.8,
        },
        svg("title", {}, title),
      ),
    );
  }
  for (const [token, at] of heights) {
    const mark = token === 0 ? colours.faint : colours.positive;
    drawing.append(svg("line", { x1: x(token), x2: x(token), y1: y(at), y2: base, stroke: css(colours.line), "stroke-dasharray": "1 3" }));
    drawing.append(svg("circle", { cx: x(token), cy: y(at), r: token === root ? 7 : 4, fill: css(mark), stroke: css(colours.paper) }, svg("title", {}, view.names[token])));
  }
  view.names.forEach((name, place) => {
    const inside = heights.has(place);
    drawing.append(
      svg(
        "text",
        {
          transform: `translate(${x(place) + 4},${base + 14}) rotate(-60)`, "text-anchor": "end", "font-size": 12,
          fill: css(inside ? colours.ink : colours.faint), "font-weight": inside ? 600 : 400,
        },
        shortName(view, place, 16),
        svg("title", {}, name),
      ),
    );
  });
  return drawing;
}

// A curve with a head at its end; nodes of one height are joined by an arc below them.
function arrow(x1, y1, x2, y2) {
  const bend = y1 === y2 ? 18 : 0;
  const [cx, cy] = [(x1 + x2) / 2, (y1 + y2) / 2 + bend];
  const length = Math.hypot(x2 - cx, y2 - cy) || 1;
  const [dx, dy] = [(x2 - cx) / length, (y2 - cy) / length];
  const [ex, ey] = [x2 - 6 * dx, y2 - 6 * dy];
  const side = (turn) => `${ex - 6 * dx - turn * 4 * dy} ${ey - 6 * dy + turn * 4 * dx}`;
  return `M${x1} ${y1}Q${cx} ${cy} ${ex} ${ey}M${side(1)}L${ex} ${ey}L${side(-1)}`;
}

function treeInWords(view, root, edges) {
  if (root === null) return "Attribution tree: empty.";
  const words = edges.filter(([query]) => query !== 0).map(([query, key, layer]) => `${view.names[query]} reads ${view.names[key]} in ${layerName(layer)}`);
  return `Attribution tree with root ${view.names[root]}: ${words.join("; ") || "no further token"}.`;
}
