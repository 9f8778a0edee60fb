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
  const everyToken = html("input", { type: "checkbox", onchange: (event) => page.set({ all: event.target.checked }) });
  const everyTokenLabel = html("label", {}, everyToken, "all tokens");
  const frame = html("div", { class: "frame", tabindex: 0, role: "region", "aria-label": "Attribution tree, scrolls sideways" });
  const verdict = html("p", { "aria-live": "polite" });
  const summary = html("p", { class: "note", "aria-live": "polite" });
  let drawn = null;

  const shownEdges = (view, state) => {
    const one = view.explanations[state.explanation];
    return one.trees[one.at[state.step]].filter(([, , layer]) => layer >= state.from && layer <= state.to);
  };

  function draw(view, state) {
    for (const part of [controls, frame, summary, save]) part.hidden = view.foreign;
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
    const long = isLong(view, frame.clientWidth);
    everyTokenLabel.hidden = !long;
    everyToken.checked = state.all;
    drawn = treeDrawing(view, { root: one.root, whole, edges, all: state.all || !long }, page.colours, frame.clientWidth);
    frame.replaceChildren(drawn.layers, drawn.drawing);
    frame.scrollLeft = drawn.rootAt - (frame.clientWidth - LAYER_NAMES) / 2;
    const inner = (all) => all.filter(([query]) => query !== 0).length;
    const words = wordsOf(one, state.step);
    verdict.className = `verdict ${words.level}`;
    verdict.textContent = words.verdict;
    verdict.hidden = !words.verdict;
    const part = edges.length < whole.length ? `, ${inner(edges)} of them in layers ${state.from + 1} to ${state.to + 1}` : "";
    const count = `${inner(whole)} edge${inner(whole) === 1 ? "" : "s"}`;
    summary.textContent =
      one.root === null || !inner(whole)
        ? words.sentence
        : `${count}${part}. Root: ${view.names[one.root]} (large dot). ` +
          "A token stands in the layer in which it is attached; arrows are as wide as their attribution; grey lines, which are not counted, are the first token reading the tree in the last layer." +
          (drawn.left ? ` "…" stands for tokens outside the tree, ${drawn.left} in all.` : "");
  }

  const save = saving("tree", {
    drawn: () => beside([drawn.layers, drawn.drawing], 0),
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
    everyTokenLabel,
  );
  const panel = html("section", { class: "tree" }, html("h3", {}, "Attribution tree"), controls, verdict, frame, summary, save);
  return { panel, keys: () => ["example", "explanation", "step", "from", "to", "all"], draw };
}
