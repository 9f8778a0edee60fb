// Attention beside attribution, of the chosen layer and head, between all tokens.

function mapsPanel(page) {
  const title = html("h3", {});
  const frames = { attention: html("div", { class: "frame" }), attribution: html("div", { class: "frame" }) };
  const readout = html("p", { class: "note", "aria-live": "polite" });
  const drawings = {};
  let cursor = { query: 0, key: 0 };
  let maps = null;

  function tell(view, { query, key }) {
    cursor = { query, key };
    readout.textContent =
      `${view.names[query]} reads ${view.names[key]}: attention ${number(maps.attention.at(query, key))}, ` +
      `attribution ${number(maps.attribution.at(query, key))}. ${LEGEND}${rounding()}`;
    for (const drawing of Object.values(drawings)) moveCursor(drawing, cursor);
  }

  const rounding = () =>
    page.view.levels >= 127
      ? `Values are rounded to ${number(100 / 254)} % of the map's largest.`
      : `Values are rounded to ${number(50 / page.view.levels)} % of the map's largest.`;

  function draw(view, state) {
    maps = { attention: attentionMap(view, state), attribution: attributionMap(view, state) };
    title.textContent = `Attention and attribution: ${layerName(state.layer)}, ${headName(view, state.head)}`;
    panel.classList.toggle("whole", view.n > 20);
    cursor = { query: Math.min(cursor.query, view.n - 1), key: Math.min(cursor.key, view.n - 1) };
    for (const [name, frame] of Object.entries(frames)) {
      const focused = frame.contains(document.activeElement);
      const label = name === "attention" && state.head >= view.heads ? "attention, mean" : name === "attribution" && state.head >= view.heads ? "attribution, summed" : name;
      drawings[name] = mapDrawing(view, maps[name], label, page, { tell: (place) => tell(view, place), where: () => cursor, room: panel.clientWidth });
      frame.replaceChildren(drawings[name]);
      if (focused) drawings[name].focus();
    }
    tell(view, cursor);
  }

  const whole = (view, map) => view.tokens.map((_, query) => view.tokens.map((_, key) => map.at(query, key)));
  const save = saving("maps", {
    drawn: () => beside(Object.values(drawings), 16),
    caption: () => [...page.caption(), `${title.textContent}. ${LEGEND}`],
    name: () => `${page.fileName()}-layer-${page.state.layer + 1}-${headName(page.view, page.state.head).replace(" ", "-")}`,
    colours: () => page.colours,
    numbers: () => ({
      ...page.selection(),
      attention: whole(page.view, maps.attention),
      attribution: whole(page.view, maps.attribution),
      rounded_to: { attention: maps.attention.scale / page.view.levels / 2, attribution: maps.attribution.scale / page.view.levels / 2 },
    }),
  });
  const panel = html("section", { class: "maps" }, title, html("div", { class: "pair" }, ...Object.values(frames)), readout, save);
  return { panel, keys: () => ["example", "explanation", "layer", "head"], draw };
}

function mapDrawing(view, map, label, page, { tell, where, room: wide }) {
  const { n, names } = view;
  const { colours } = page;
  const longest = Math.min(Math.max(...names.map((name) => name.length)), 14);
  const half = wide > 700 ? (wide - 16) / 2 : wide;
  const cell = Math.min(Math.max(Math.floor((half - 26 - 7 * longest) / n), 9), 26);
  const font = Math.min(12, cell + 1);
  const room = 14 + longest * font * 0.58;
  const [width, height] = [room + n * cell + 12, room + n * cell + 40];
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, tabindex: 0, role: "application", class: "map",
    "aria-label": `Heat map of ${label}: rows read, columns are read. Arrow keys move over it.`,
  });
  drawing.append(svg("text", { x: room, y: 15, "font-size": 13, "font-weight": 600, fill: css(colours.ink) }, label));
  const top = 22 + room;
  names.forEach((_, place) => {
    const middle = (place + 0.5) * cell;
    const small = { "font-size": font, fill: css(colours.ink) };
    drawing.append(svg("text", { x: room - 6, y: top + middle + font / 3, "text-anchor": "end", ...small }, shortName(view, place, 14)));
    drawing.append(svg("text", { transform: `translate(${room + middle + font / 3},${top - 6}) rotate(-90)`, ...small }, shortName(view, place, 14)));
  });
  drawing.append(
    svg("image", { href: picture(view, map, colours), x: room, y: top, width: n * cell, height: n * cell, preserveAspectRatio: "none", style: "image-rendering:pixelated", "image-rendering": "pixelated" }),
    svg("rect", { x: room, y: top, width: n * cell, height: n * cell, fill: "none", stroke: css(colours.line) }),
    svg("rect", { class: "cursor", width: cell, height: cell, fill: "none", stroke: css(colours.mark), "stroke-width": 2, "data-left": room, "data-top": top, "data-cell": cell }),
    svg("text", { x: room, y: top + n * cell + 14, "font-size": 11, fill: css(colours.faint) }, `largest magnitude ${number(map.scale)}`),
  );
  const inside = (place) => Math.min(Math.max(Math.floor(place), 0), n - 1);
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const [key, query] = [(event.clientX - box.left - room) / cell, (event.clientY - box.top - top) / cell];
    if (key >= 0 && key < n && query >= 0 && query < n) tell({ query: inside(query), key: inside(key) });
  });
  drawing.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!move || event.shiftKey) return;
    event.preventDefault();
    tell({ query: inside(where().query + move[0]), key: inside(where().key + move[1]) });
  });
  return drawing;
}

function moveCursor(drawing, { query, key }) {
  const cursor = drawing.querySelector(".cursor");
  const { left, top, cell } = cursor.dataset;
  cursor.setAttribute("x", Number(left) + key * Number(cell));
  cursor.setAttribute("y", Number(top) + query * Number(cell));
}

// The map as an image of one pixel per edge.
function picture(view, map, colours) {
  const canvas = html("canvas", { width: view.n, height: view.n });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(view.n, view.n);
  for (let query = 0; query < view.n; query++)
    for (let key = 0; key < view.n; key++) {
      const colour = shade(colours, map.scale > 0 ? map.at(query, key) / map.scale : 0);
      image.data.set([...colour.map(Math.round), 255], 4 * (query * view.n + key));
    }
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
