// The tree as a drawing, and what it is made of: where tokens stand, and how high.

const LEAST_GAP = 20; // from token to token, so that their names can be read
const MOST_GAP = 64;
const SKIP = 0.7; // of a token's room, for the sign that stands for those that are left out
const LAYER_NAMES = 56; // their room, beside the drawing
const RIGHT = 14;

// Whether not all tokens have their room side by side.
const isLong = ({ n }, room) => n * LEAST_GAP > room - LAYER_NAMES - RIGHT;

// In which layer each token of the tree stands, counted from 1; the first token, which reads the tree, is above all.
function heightsOf(view, root, whole) {
  const heights = new Map(whole.filter(([query]) => query !== 0).map(([, key, layer]) => [key, layer + 1]));
  if (root !== null) heights.set(root, view.layers);
  return heights.set(0, view.layers + 1);
}

// Places along the axis, in units of a token's room, of the tokens that are shown and of the gaps between them.
function axisOf({ n }, shown) {
  const [at, skipped] = [new Map(), []];
  let [units, next] = [0, 0];
  for (const place of [...shown, n]) {
    if (place > next) {
      skipped.push({ at: units + SKIP / 2, count: place - next });
      units += SKIP;
    }
    if (place < n) {
      at.set(place, units + 0.5);
      units += 1;
    }
    next = place + 1;
  }
  return { at, skipped, units };
}

// Two drawings of one height: the names of the layers, which stay where they are, and the tree, with its root's place.
function treeDrawing(view, { root, whole, edges, all }, colours, room) {
  const heights = heightsOf(view, root, whole);
  const shown = view.names.flatMap((_, place) => (all || heights.has(place) ? [place] : []));
  const { at, skipped, units } = axisOf(view, shown);
  const lengths = new Map(shown.map((place) => [place, Math.min(view.names[place].length, 16)]));
  // Names hang down to the left of their tokens.
  const left = Math.max(6, ...shown.map((place) => 3.5 * lengths.get(place) - at.get(place) * LEAST_GAP));
  const gap = Math.min(Math.max((room - LAYER_NAMES - left - RIGHT) / units, LEAST_GAP), MOST_GAP);
  const level = Math.min(Math.max(260 / (view.layers + 1), 18), 44);
  const base = 14 + (view.layers + 1) * level;
  const width = left + units * gap + RIGHT;
  const height = base + 26 + Math.max(...lengths.values()) * 5.4;
  const x = (token) => left + at.get(token) * gap;
  const y = (layer) => base - layer * level;
  const sized = (wide, attributes) => svg("svg", { viewBox: `0 0 ${wide} ${height}`, width: wide, height, ...attributes });
  const drawing = sized(width, { role: "img", "aria-label": treeInWords(view, root, edges) });
  const layers = sized(LAYER_NAMES, { class: "layers", "aria-hidden": "true" });
  for (let layer = 0; layer < view.layers; layer++) {
    const line = y(layer + 1);
    drawing.append(svg("line", { x1: 0, x2: width - 6, y1: line, y2: line, stroke: css(colours.line), "stroke-width": 0.5 }));
    layers.append(svg("text", { x: LAYER_NAMES - 8, y: line + 4, "text-anchor": "end", "font-size": 11, fill: css(colours.faint) }, layerName(layer)));
  }
  const largest = Math.max(...whole.filter(([query]) => query !== 0).map((edge) => edge[3]), 0);
  const middle = (token) => [x(token), y(heights.get(token) ?? 0)];
  for (const edge of [...edges].sort((a, b) => a[3] - b[3])) drawing.append(edgeDrawing(view, edge, middle, largest, colours));
  for (const [token, layer] of heights) {
    const mark = token === 0 ? colours.faint : colours.positive;
    drawing.append(svg("line", { x1: x(token), x2: x(token), y1: y(layer), y2: base, stroke: css(colours.line), "stroke-dasharray": "1 3" }));
    drawing.append(svg("circle", { "data-token": token, cx: x(token), cy: y(layer), r: token === root ? 7 : 4, fill: css(mark), stroke: css(colours.paper) }, svg("title", {}, view.names[token])));
  }
  for (const place of shown) drawing.append(nameDrawing(view, place, { x: x(place), y: base + 14, inside: heights.has(place) }, colours));
  for (const { at: place, count } of skipped) {
    const words = `${count} token${count === 1 ? "" : "s"} outside the tree`;
    drawing.append(svg("text", { class: "skipped", x: left + place * gap, y: base + 6, "text-anchor": "middle", "font-size": 12, fill: css(colours.faint) }, "…", svg("title", {}, words)));
  }
  return { layers, drawing, rootAt: root === null ? 0 : x(root), left: view.n - shown.length };
}

// An edge is as wide as its value; those of the first token, which reads the tree, are thin and grey.
function edgeDrawing(view, [query, key, layer, value], middle, largest, colours) {
  const terminal = query === 0;
  const title = `${view.names[query]} reads ${view.names[key]}, ${layerName(layer)}: ${number(value)}`;
  return svg(
    "path",
    {
      d: arrow(...middle(query), ...middle(key)), fill: "none", class: "edge", "data-query": query, "data-key": key, "data-layer": layer,
      stroke: css(terminal ? colours.faint : colours.positive),
      "stroke-width": terminal ? 0.7 : 0.9 + (largest > 0 ? 4 * (Math.max(value, 0) / largest) : 0),
      "stroke-opacity": terminal ? 0.55 : 0.8,
    },
    svg("title", {}, title),
  );
}

const nameDrawing = (view, place, { x, y, inside }, colours) =>
  svg(
    "text",
    {
      transform: `translate(${x + 4},${y}) rotate(-60)`, "text-anchor": "end", "font-size": 12, class: "name", "data-token": place,
      fill: css(inside ? colours.ink : colours.faint), "font-weight": inside ? 600 : 400,
    },
    shortName(view, place, 16),
    svg("title", {}, view.names[place]),
  );

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
