// What the tree's edges alone bring back of the class's probability, beside other sets of as many edges.

const SETS = [
  { key: "tree", label: "this tree", colour: "positive", dash: "" },
  { key: "gradient", label: "gradient × attention", colour: "rival", dash: "6 3" },
  { key: "largest", label: "largest edges", colour: "third", dash: "2 3" },
];

const SHARES_LEGEND = "Blue: this tree; purple: gradient × attention; green: largest edges; grey: random trees, their mean and range.";

// Recovered shares at a threshold, of random trees the lowest, the mean and the highest; null where attention raises
// nothing, so that there is no way of which a share could be said.
function sharesAt(one, step) {
  const { shares } = one;
  if (!shares || !(shares.full - shares.none >= 1e-3)) return null;
  const share = (value) => (value - shares.none) / (shares.full - shares.none);
  const [lowest, mean, highest] = shares.random[step].map(share);
  const found = { random: mean, random_range: [lowest, highest] };
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
    const { shares } = one;
    panel.hidden = view.foreign;
    save.hidden = !shares;
    if (!shares) {
      frame.replaceChildren();
      table.replaceChildren();
      note.textContent = "Not measured for this example.";
      return;
    }
    drawing = sharesDrawing(shares, page.data.steps, state.step, page.colours);
    frame.replaceChildren(drawing);
    const found = sharesAt(one, state.step);
    const cell = (content) => html("td", { class: "number" }, content);
    const row = (key, label, value, share) => html("tr", {}, html("th", { scope: "row" }, key, label), cell(value), ...(found ? [cell(share())] : []));
    const [lowest, mean, highest] = shares.random[state.step];
    table.replaceChildren(
      html("caption", {}, `With these edges alone, at τ = ${(state.step / page.data.steps).toFixed(2)}`),
      html("tr", {}, html("td"), ...[one.output, ...(found ? ["recovered share"] : [])].map((heading) => html("th", { scope: "col", class: "number" }, heading))),
      ...SETS.map(({ key, label, colour, dash }) => row(lineKey(page.colours[colour], dash), label, number(shares[key][state.step]), () => fixed(found[key]))),
      row(lineKey(page.colours.faint, "1 2"), "random trees, mean", number(mean), () => fixed(found.random)),
      row("", "random trees, range", `${number(lowest)} to ${number(highest)}`, () => found.random_range.map(fixed).join(" to ")),
    );
    const label = view.classes[one.target];
    const lost = shares.full - shares.none;
    note.textContent =
      (found
        ? `Recovered share, 1: as good as all edges (${one.output} of ${label} ${number(shares.full)}); 0: as none (${number(shares.none)}). `
        : `All edges: ${one.output} of ${label} ${number(shares.full)}; no edge: ${number(shares.none)}. `) +
      (found && one.output === "probability" && lost < 0.1 ? "Little is lost without any edge, so that the share says little. " : "") +
      (!found ? `${lost < -1e-3 ? "All edges together speak against it" : "There is nothing to recover"}, so that no share is given. ` : "") +
      "Gradient × attention has a tree of its own; largest edges are those that a tree may take. Every set has as many per layer as the tree, and a token's edge to itself always stays.";
  }

  const save = saving("recovered share", {
    drawn: () => drawing,
    caption: () => {
      const one = page.view.explanations[page.state.explanation];
      return [...page.caption(), `The ${one.output} with some edges alone, against the threshold. ${wordsOf(one, page.state.step).sentence}`, SHARES_LEGEND];
    },
    name: page.fileName,
    colours: () => page.colours,
    numbers: () => ({ ...page.selection(), ...page.view.explanations[page.state.explanation].shares }),
  });
  const panel = html("section", { class: "carried" }, html("h3", {}, "What the tree carries"), frame, tableFrame, note, save);
  return { panel, keys: () => ["example", "explanation", "step"], draw };
}

const lineKey = (colour, dash) =>
  svg("svg", { width: 26, height: 8, viewBox: "0 0 26 8", "aria-hidden": "true" }, svg("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: css(colour), "stroke-width": 2, "stroke-dasharray": dash }));

function sharesDrawing(shares, steps, step, colours) {
  const [width, height, left, bottom, top] = [340, 210, 44, 40, 22];
  const values = [shares.full, shares.none, ...SETS.flatMap(({ key }) => shares[key]), ...shares.random.flat()].filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (at) => left + (at / (steps - 1)) * (width - left - 8);
  const y = (value) => top + (high > low ? (high - value) / (high - low) : 0.5) * (height - top - bottom);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "What edges alone give, against the threshold; values at the chosen one are in the table." });
  const small = { "font-size": 11, fill: css(colours.faint) };
  for (const value of ticksWithin(low, high)) {
    drawing.append(svg("line", { x1: left, x2: width - 8, y1: y(value), y2: y(value), stroke: css(colours.line), "stroke-width": 0.7 }));
    drawing.append(svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", ...small }, number(value)));
  }
  for (const tick of [0, 0.25, 0.5, 0.75]) drawing.append(svg("text", { x: x(tick * steps), y: height - bottom + 16, "text-anchor": "middle", ...small }, tick));
  drawing.append(svg("text", { x: (left + width) / 2, y: height - 2, "text-anchor": "middle", ...small }, "threshold τ"));
  const band = [...shares.random.map((one, at) => `${x(at)},${y(one[2])}`), ...shares.random.map((one, at) => `${x(at)},${y(one[0])}`).reverse()];
  drawing.append(svg("polygon", { points: band.join(" "), fill: css(colours.faint), "fill-opacity": 0.18 }));
  const line = (row, colour, dash, thick) =>
    drawing.append(svg("polyline", { points: row.map((value, at) => `${x(at)},${y(value)}`).join(" "), fill: "none", stroke: css(colour), "stroke-width": thick, "stroke-dasharray": dash }));
  line(shares.random.map((one) => one[1]), colours.faint, "1 2", 1.5);
  for (const { key, colour, dash } of [...SETS].reverse()) line(shares[key], colours[colour], dash, key === "tree" ? 2.2 : 1.6);
  for (const [value, label] of [[shares.full, "all edges"], [shares.none, "no edge"]]) {
    drawing.append(svg("line", { x1: left, x2: width - 8, y1: y(value), y2: y(value), stroke: css(colours.ink), "stroke-width": 1, "stroke-dasharray": "1 3" }));
    drawing.append(svg("text", { x: width - 10, y: y(value) - 4, "text-anchor": "end", "font-size": 11, fill: css(colours.ink) }, label));
  }
  drawing.append(svg("line", { x1: x(step), x2: x(step), y1: top, y2: height - bottom, stroke: css(colours.ink) }));
  return drawing;
}

// Two to five round numbers.
function ticksWithin(low, high) {
  if (!(high > low)) return [low];
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => (first + at) * step);
}
