// What the tree's edges alone bring back of the class's probability, beside other sets of as many edges.

const SETS = [
  { key: "tree", label: "this tree", colour: "positive", dash: "" },
  { key: "gradient", label: "gradient × attention", colour: "negative", dash: "6 3" },
  { key: "largest", label: "largest edges", colour: "third", dash: "2 3" },
];

// Recovered shares at a threshold, of random trees the lowest, the mean and the highest; null where nothing is lost.
function sharesAt(one, step) {
  const { shares } = one;
  if (!shares || Math.abs(shares.full - shares.none) < 1e-3) return null;
  const share = (value) => (value - shares.none) / (shares.full - shares.none);
  const [lowest, mean, highest] = shares.random[step].map(share);
  const found = { random: mean, random_range: [lowest, highest].sort((a, b) => a - b) };
  for (const { key } of SETS) found[key] = share(shares[key][step]);
  return found;
}

function sharesPanel(page) {
  const frame = html("div", { class: "frame" });
  const table = html("table", { class: "shares" });
  const tableFrame = html("div", { class: "frame", tabindex: 0, role: "region", "aria-label": "Recovered shares" }, table);
  const note = html("p", { class: "note" });
  let drawing = null;

  function draw(view, state) {
    const one = view.explanations[state.explanation];
    const found = sharesAt(one, state.step);
    save.hidden = !found;
    if (!found) {
      frame.replaceChildren();
      table.replaceChildren();
      note.textContent = one.shares
        ? `Without any edge ${view.classes[one.target]} has the ${one.output} ${number(one.shares.none)}, with all of them ${number(one.shares.full)}: there is nothing to recover.`
        : "Not measured for this example.";
      return;
    }
    drawing = sharesDrawing(one, page.data.steps, state.step, page.colours);
    frame.replaceChildren(drawing);
    const { shares } = one;
    const row = (key, label, share, value) =>
      html("tr", {}, html("th", { scope: "row" }, key, label), html("td", { class: "number" }, share), html("td", { class: "number" }, value));
    table.replaceChildren(
      html("caption", {}, `Recovered share at τ = ${(state.step / page.data.steps).toFixed(2)}, with these edges alone`),
      html("tr", {}, html("td"), ...["share", one.output].map((heading) => html("th", { scope: "col", class: "number" }, heading))),
      ...SETS.map(({ key, label, colour, dash }) =>
        row(lineKey(page.colours[colour], dash), label, fixed(found[key]), number(shares[key][state.step])),
      ),
      row(lineKey(page.colours.faint, "1 2"), "random trees, mean", fixed(found.random), number(shares.random[state.step][1])),
      row("", "random trees, range", found.random_range.map(fixed).join(" to "), ""),
    );
    const lost = Math.abs(shares.full - shares.none);
    note.textContent =
      `1: as good as all edges (${one.output} of ${view.classes[one.target]} ${number(shares.full)}); 0: as none (${number(shares.none)}). ` +
      (one.output === "probability" && lost < 0.1 ? "Little is lost without any edge, so that the share says little. " : "") +
      "Gradient × attention has a tree of its own; largest edges are those that a tree may take. Every set has as many per layer as the tree, and a token's edge to itself always stays.";
  }

  const save = saving("recovered share", {
    drawn: () => drawing,
    name: page.fileName,
    colours: () => page.colours,
    numbers: () => ({ ...page.selection(), ...page.view.explanations[page.state.explanation].shares }),
  });
  const panel = html("section", { class: "carried" }, html("h3", {}, "What the tree carries"), frame, tableFrame, note, save);
  return { panel, keys: () => ["example", "explanation", "step"], draw };
}

const lineKey = (colour, dash) =>
  svg("svg", { width: 26, height: 8, viewBox: "0 0 26 8", "aria-hidden": "true" }, svg("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: css(colour), "stroke-width": 2, "stroke-dasharray": dash }));

function sharesDrawing(one, steps, step, colours) {
  const [width, height, left, bottom, top] = [340, 200, 38, 40, 10];
  const all = Array.from({ length: steps }, (_, at) => sharesAt(one, at));
  const values = all.flatMap((found) => [found.tree, found.gradient, found.largest, ...found.random_range]);
  const low = Math.max(Math.min(0, ...values), -1);
  const high = Math.min(Math.max(1, ...values), 2);
  const x = (at) => left + (at / (steps - 1)) * (width - left - 8);
  const y = (value) => top + ((high - Math.min(Math.max(value, low), high)) / (high - low)) * (height - top - bottom);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Recovered share against the threshold; values at the chosen one are in the table." });
  const spread = high - low > 1.6 ? [-1, 0, 1, 2] : [-1, -0.5, 0, 0.5, 1, 1.5, 2];
  for (const value of spread.filter((tick) => tick >= low && tick <= high)) {
    drawing.append(svg("line", { x1: left, x2: width - 8, y1: y(value), y2: y(value), stroke: css(colours.line), "stroke-width": 0.7 }));
    drawing.append(svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", "font-size": 11, fill: css(colours.faint) }, String(value).replace("-", "−")));
  }
  for (const tick of [0, 0.25, 0.5, 0.75]) drawing.append(svg("text", { x: x(tick * steps), y: height - bottom + 16, "text-anchor": "middle", "font-size": 11, fill: css(colours.faint) }, tick));
  drawing.append(svg("text", { x: (left + width) / 2, y: height - 2, "text-anchor": "middle", "font-size": 11, fill: css(colours.faint) }, "threshold τ"));
  const band = [...all.map((found, at) => `${x(at)},${y(found.random_range[1])}`), ...all.map((found, at) => `${x(at)},${y(found.random_range[0])}`).reverse()];
  drawing.append(svg("polygon", { points: band.join(" "), fill: css(colours.faint), "fill-opacity": 0.18 }));
  const line = (key, colour, dash, thick) =>
    drawing.append(svg("polyline", { points: all.map((found, at) => `${x(at)},${y(found[key])}`).join(" "), fill: "none", stroke: css(colour), "stroke-width": thick, "stroke-dasharray": dash }));
  line("random", colours.faint, "1 2", 1.5);
  for (const { key, colour, dash } of [...SETS].reverse()) line(key, colours[colour], dash, key === "tree" ? 2.2 : 1.6);
  drawing.append(svg("line", { x1: x(step), x2: x(step), y1: top, y2: height - bottom, stroke: css(colours.ink) }));
  return drawing;
}
