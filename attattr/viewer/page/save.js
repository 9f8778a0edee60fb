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

// Drawings beside each other, as one.
function beside(drawings) {
  const heights = drawings.map((one) => one.viewBox.baseVal.height);
  const height = Math.max(...heights);
  let width = 0;
  const parts = drawings.map((one) => {
    const copy = one.cloneNode(true);
    copy.setAttribute("x", width);
    width += one.viewBox.baseVal.width + 16;
    return copy;
  });
  return svg("svg", { viewBox: `0 0 ${width - 16} ${height}`, width: width - 16, height }, ...parts);
}

// Buttons under a panel. `drawn` gives its drawing, where it has one, `numbers` what its JSON holds.
function saving(what, { drawn, numbers, name, colours }) {
  const file = (suffix) => `${name()}-${what.replaceAll(" ", "-")}.${suffix}`;
  const button = (label, action) =>
    html("button", { type: "button", onclick: action, "aria-label": `Save ${what} as ${label}` }, label);
  return html(
    "div",
    { class: "save" },
    html("span", {}, "Save"),
    ...(drawn
      ? [
          button("SVG", () => download(file("svg"), standalone(drawn(), colours()).text, "image/svg+xml")),
          button("PNG", async () => download(file("png"), await png(standalone(drawn(), colours())))),
        ]
      : []),
    button("JSON", () => download(file("json"), `${JSON.stringify(numbers(), null, 1)}\n`, "application/json")),
  );
}
