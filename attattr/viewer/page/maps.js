// Attention beside attribution, of the chosen layer and head, with one cursor; rows without attribution are folded.

const APART = 16;

function mapsPanel(page) {
  const title = html("h3", {});
  const frame = () => html("div", { class: "frame" });
  const frames = { attention: frame(), attribution: frame() };
  const pair = html("div", { class: "pair" }, ...Object.values(frames));
  const everyRow = html("input", { type: "checkbox", onchange: (event) => page.set({ rows: event.target.checked }) });
  const folded = html("span", { class: "note folded" });
  const controls = html("div", { class: "controls" }, html("label", {}, everyRow, "all rows"), folded);
  const readout = html("p", { class: "note", "aria-live": "polite" });
  const drawings = {};
  let cursor = { query: 0, key: 0 };
  let [maps, rows] = [null, []];

  function tell(view, { query, key }) {
    cursor = { query, key };
    const step = number(view.levels >= 127 ? 100 / 254 : 50 / view.levels);
    readout.textContent =
      `${view.names[query]} reads ${view.names[key]}: attention ${number(maps.attention.at(query, key))}, ` +
      `attribution ${number(maps.attribution.at(query, key))}. ${LEGEND}Values are rounded to ${step} % of the map's largest.`;
    for (const drawing of Object.values(drawings)) moveCursor(drawing, { row: rows.indexOf(query), key });
  }

  function draw(view, state) {
    maps = { attention: attentionMap(view, state), attribution: attributionMap(view, state) };
    const full = fullRows(view, maps.attribution);
    rows = state.rows ? view.names.map((_, place) => place) : full;
    panel.hidden = view.foreign;
    title.textContent = `Attention and attribution: ${layerName(state.layer)}, ${headName(view, state.head)}`;
    everyRow.checked = state.rows;
    controls.hidden = full.length === view.n;
    folded.textContent = foldedWords(view, full.length, state.rows);
    panel.classList.toggle("whole", view.n > 20);
    const near = (query) => rows.reduce((best, row) => (Math.abs(row - query) < Math.abs(best - query) ? row : best), rows[0]);
    cursor = { query: near(cursor.query), key: Math.min(cursor.key, view.n - 1) };
    const wide = panel.clientWidth;
    pair.classList.toggle("narrow", wide <= 700);
    for (const [name, frame] of Object.entries(frames)) {
      const focused = frame.contains(document.activeElement);
      const all = { attention: "attention, mean", attribution: "attribution, summed" };
      const label = state.head >= view.heads ? all[name] : name;
      const room = wide > 700 ? (wide - APART) / 2 : wide;
      drawings[name] = mapDrawing(view, maps[name], label, { rows, colours: page.colours, tell: (place) => tell(view, place), where: () => cursor, room });
      frame.replaceChildren(drawings[name]);
      if (focused) drawings[name].focus();
    }
    tell(view, cursor);
  }

  const follow = (token) => {
    for (const drawing of Object.values(drawings)) moveBands(drawing, token, { row: rows.indexOf(token), rows: rows.length, colour: page.colours.mark });
  };

  // Maps that are wider than their frames scroll together, so that what is beside each other is the same.
  const both = Object.values(frames);
  for (const [own, other] of [both, [...both].reverse()])
    own.addEventListener("scroll", () => {
      [other.scrollLeft, other.scrollTop] = [own.scrollLeft, own.scrollTop];
    });

  const whole = (view, map) => view.tokens.map((_, query) => view.tokens.map((_, key) => map.at(query, key)));
  const save = saving("maps", {
    drawn: () => beside(Object.values(drawings), APART),
    caption: () => [...page.caption(), [`${title.textContent}.`, LEGEND.trim(), folded.textContent].join(" ").trim()],
    name: () => `${page.fileName()}-layer-${page.state.layer + 1}-${headName(page.view, page.state.head).replace(" ", "-")}`,
    colours: () => page.colours,
    numbers: () => ({
      ...page.selection(),
      attention: whole(page.view, maps.attention),
      attribution: whole(page.view, maps.attribution),
      rounded_to: { attention: maps.attention.scale / page.view.levels / 2, attribution: maps.attribution.scale / page.view.levels / 2 },
    }),
  });
  const panel = html("section", { class: "maps" }, title, controls, pair, readout, save);
  return { panel, keys: () => ["example", "explanation", "layer", "head", "rows"], draw, follow };
}

// How many rows of the maps are folded, and why; nothing where none is.
function foldedWords(view, full, all) {
  const empty = view.n - full;
  if (!empty || all) return "";
  const least = number(100 * Math.max(FOLDED_BELOW, 0.5 / view.levels));
  return `${empty} of ${view.n} rows ${empty === 1 ? "is" : "are"} folded: their attributions are below ${least} % of the map's largest.`;
}
