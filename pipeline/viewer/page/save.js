// A panel as a file: its drawing as SVG or PNG, its numbers as JSON.

function download(name, content, type) {
  const link = html("a", { href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A drawing by itself: its own background and font, and nothing that only the page needs.
function standalone(drawing, colours) {
  const copy = drawing.cloneNode(true);
  const { width, height } = drawing.viewBox.baseVal;
  for (const element of [copy, ...copy.querySelectorAll("*")])
    for (const name of [...element.getAttributeNames()])
      if (/^(role|tabindex|class|aria-|data-)/.test(name) || name === "style") element.removeAttribute(name);
  const attributes = { xmlns: SVG, width, height, "font-family": "system-ui, sans-serif" };
  filled(copy, attributes, []);
  copy.prepend(svg("rect", { width, height, fill: css(colours.paper) }));
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

async function png({ text, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = html("canvas", { width: 2 * width, height: 2 * height });
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  pen.drawImage(image, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Buttons under a panel. `drawn` gives its drawings by name, `numbers` what its JSON holds.
function saving(what, { drawn, numbers, name, colours }) {
  const file = (part, suffix) => `${name()}-${part}.${suffix}`;
  const button = (label, action) =>
    html("button", { type: "button", onclick: action, "aria-label": `Save ${what} as ${label}` }, label);
  const each = (action) => async () => {
    for (const [part, drawing] of Object.entries(drawn())) await action(part, standalone(drawing, colours()));
  };
  return html(
    "div",
    { class: "save" },
    html("span", {}, "Save"),
    ...(drawn
      ? [
          button("SVG", each((part, one) => download(file(part, "svg"), one.text, "image/svg+xml"))),
          button("PNG", each(async (part, one) => download(file(part, "png"), await png(one)))),
        ]
      : []),
    button("JSON", () => download(file(what, "json"), `${JSON.stringify(numbers(), null, 1)}\n`, "application/json")),
  );
}
