// One heat map as a drawing, of the rows that are shown.

const FOLDED_BELOW = 0.01; // of the map's largest: a row that nowhere reaches it looks empty

// The queries whose rows of a map are not empty; all where every row is.
function fullRows(view, map) {
  const least = Math.max(FOLDED_BELOW, 0.5 / view.levels) * map.scale;
  const places = view.names.map((_, place) => place);
  const full = places.filter((query) => places.some((key) => map.at(query, key) !== 0 && Math.abs(map.at(query, key)) >= least));
  return full.length ? full : places;
}

function mapDrawing(view, map, label, { rows, colours, tell, where, room: wide }) {
  const { n, names } = view;
  const longest = Math.min(Math.max(...names.map((name) => name.length)), 14);
  const cell = Math.min(Math.max(Math.floor((wide - 26 - 7 * longest) / n), 9), 26);
  const font = Math.min(12, cell + 1);
  const room = 14 + longest * font * 0.58;
  const [across, down] = [n * cell, rows.length * cell];
  const [width, height] = [room + across + 12, room + down + 40];
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, tabindex: 0, role: "application", class: "map",
    "aria-label": `Heat map of ${label}: rows read, columns are read. Arrow keys move over it.`,
  });
  drawing.append(svg("text", { x: room, y: 15, "font-size": 13, "font-weight": 600, fill: css(colours.ink) }, label));
  const top = 22 + room;
  const small = { "font-size": font, fill: css(colours.ink) };
  const middle = (at) => (at + 0.5) * cell + font / 3;
  rows.forEach((place, at) =>
    drawing.append(svg("text", { x: room - 6, y: top + middle(at), "text-anchor": "end", class: "row", "data-token": place, ...small }, shortName(view, place, 14))),
  );
  names.forEach((_, place) =>
    drawing.append(svg("text", { transform: `translate(${room + middle(place)},${top - 6}) rotate(-90)`, class: "column", "data-token": place, ...small }, shortName(view, place, 14))),
  );
  drawing.append(
    svg("image", { href: picture(view, map, rows, colours), x: room, y: top, width: across, height: down, preserveAspectRatio: "none", style: "image-rendering:pixelated", "image-rendering": "pixelated" }),
    svg("rect", { x: room, y: top, width: across, height: down, fill: "none", stroke: css(colours.line) }),
    svg("rect", { class: "cursor", width: cell, height: cell, fill: "none", stroke: css(colours.mark), "stroke-width": 2, "data-left": room, "data-top": top, "data-cell": cell }),
    svg("text", { x: room, y: top + down + 14, "font-size": 11, fill: css(colours.faint) }, `largest magnitude ${number(map.scale)}`),
  );
  const within = (place, count) => Math.min(Math.max(place, 0), count - 1);
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const [key, row] = [(event.clientX - box.left - room) / cell, (event.clientY - box.top - top) / cell].map(Math.floor);
    if (key >= 0 && key < n && row >= 0 && row < rows.length) tell({ query: rows[row], key });
  });
  drawing.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!move || event.shiftKey) return;
    event.preventDefault();
    const { query, key } = where();
    tell({ query: rows[within(rows.indexOf(query) + move[0], rows.length)], key: within(key + move[1], n) });
  });
  return drawing;
}

function moveCursor(drawing, { row, key }) {
  const cursor = drawing.querySelector(".cursor");
  const { left, top, cell } = cursor.dataset;
  cursor.setAttribute("x", Number(left) + key * Number(cell));
  cursor.setAttribute("y", Number(top) + row * Number(cell));
}

// A frame around the row and the column of a token; the row may be folded.
function moveBands(drawing, token, { row, rows, colour }) {
  for (const band of drawing.querySelectorAll(".band")) band.remove();
  if (token === null) return;
  const cursor = drawing.querySelector(".cursor");
  const [left, top, cell] = ["left", "top", "cell"].map((name) => Number(cursor.dataset[name]));
  const across = Number(drawing.querySelector("image").getAttribute("width"));
  const band = (attributes) => cursor.before(svg("rect", { ...attributes, class: "band", fill: "none", stroke: css(colour) }));
  band({ x: left + token * cell, y: top, width: cell, height: rows * cell });
  if (row >= 0) band({ x: left, y: top + row * cell, width: across, height: cell });
}

// The map as an image of one pixel per edge.
function picture(view, map, rows, colours) {
  const canvas = html("canvas", { width: view.n, height: rows.length });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(view.n, rows.length);
  rows.forEach((query, row) => {
    for (let key = 0; key < view.n; key++) {
      const colour = shade(colours, map.scale > 0 ? map.at(query, key) / map.scale : 0);
      image.data.set([...colour.map(Math.round), 255], 4 * (row * view.n + key));
    }
  });
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
