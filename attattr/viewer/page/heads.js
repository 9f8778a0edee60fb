// Every head by a method: a grid of layers and heads, in which one is chosen.

const LEGEND = "Blue: for what is explained; orange: against it. ";

function headsPanel(page) {
  const methods = html("select", { "aria-label": "Method by which heads are coloured", onchange: (event) => page.set({ method: event.target.value }) });
  const frame = html("div", { class: "frame" });
  const readout = html("p", { class: "note", "aria-live": "polite" });
  let drawing = null;

  const values = (view, state) => {
    const { heads } = view.explanations[state.explanation];
    const method = state.method in heads ? state.method : Object.keys(heads)[0];
    return { method, rows: heads[method] };
  };

  function draw(view, state) {
    panel.hidden = view.foreign;
    const { method, rows } = values(view, state);
    const names = Object.keys(view.explanations[state.explanation].heads);
    methods.replaceChildren(...names.map((name) => html("option", { value: name, selected: name === method }, name)));
    const focused = frame.contains(document.activeElement);
    drawing = headsDrawing(view, rows, state, page);
    frame.replaceChildren(drawing);
    if (focused) drawing.querySelector("[tabindex='0']").focus();
    readout.textContent = LEGEND +
      (state.head < view.heads
        ? `${layerName(state.layer)}, ${headName(view, state.head)}: ${number(rows[state.layer][state.head])} by ${method}`
        : `${layerName(state.layer)}, all heads together: ${number(rows[state.layer].reduce((sum, value) => sum + value, 0))}, the sum by ${method}`);
  }

  const save = saving("heads", {
    drawn: () => drawing,
    caption: () => [...page.caption(), readout.textContent],
    name: page.fileName,
    colours: () => page.colours,
    numbers: () => ({ ...page.selection(), ...values(page.view, page.state) }),
  });
  const panel = html("section", { class: "heads" }, html("h3", {}, "Heads"), html("label", { class: "controls" }, "by ", methods), frame, readout, save);
  return { panel, keys: () => ["example", "explanation", "layer", "head", "method"], draw };
}

function headsDrawing(view, rows, state, page) {
  const [cell, left, top] = [24, 56, 22];
  const width = left + (view.heads + 1) * cell + cell / 2 + 22;
  const height = top + view.layers * cell + 8;
  const largest = Math.max(...rows.flat().map(Math.abs));
  const sums = rows.map((row) => row.reduce((sum, value) => sum + value, 0));
  const largestSum = Math.max(...sums.map(Math.abs));
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "grid", "aria-label": "Heads; arrow keys move layer and head" });
  const small = { "font-size": 11, fill: css(page.colours.faint) };
  const at = (head) => left + head * cell + (head === view.heads ? cell / 2 : 0);
  for (let head = 0; head <= view.heads; head++)
    drawing.append(svg("text", { x: at(head) + cell / 2, y: top - 8, "text-anchor": "middle", "aria-hidden": "true", ...small }, head < view.heads ? head + 1 : "all"));
  for (let layer = 0; layer < view.layers; layer++) {
    const row = svg("g", { role: "row" });
    row.append(svg("text", { x: left - 8, y: top + layer * cell + 16, "text-anchor": "end", "aria-hidden": "true", ...small }, `layer ${layer + 1}`));
    for (let head = 0; head <= view.heads; head++) {
      const chosen = layer === state.layer && head === state.head;
      const one = head < view.heads;
      const value = one ? rows[layer][head] : sums[layer];
      const share = one ? value / (largest || 1) : value / (largestSum || 1);
      const name = `${layerName(layer)}, ${headName(view, head)}: ${number(value)}`;
      row.append(
        svg(
          "rect",
          {
            role: "gridcell", tabindex: chosen ? 0 : -1, "aria-selected": String(chosen), "aria-label": name,
            x: at(head) + 1, y: top + layer * cell + 1, width: cell - 2, height: cell - 2, rx: 2,
            fill: css(shade(page.colours, share)),
            stroke: css(chosen ? page.colours.mark : page.colours.line), "stroke-width": chosen ? 3 : 0.7,
            onclick: () => page.set({ layer, head }),
          },
          svg("title", {}, name),
        ),
      );
    }
    drawing.append(row);
  }
  return drawing;
}
