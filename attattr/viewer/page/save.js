// A panel as a file: its drawing as SVG or PNG, its numbers as JSON.

function download(name, content, type) {
  const link = html("a", { href: URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const CAPTION = { size: 13, line: 19, least: 460 };

// Lines of about that width, as a picture has no measure of text.
function brokenLines(texts, width) {
  const most = Math.floor(width / (0.56 * CAPTION.size));
  return texts.flatMap((text) => {
    const lines = [""];
    for (const word of text.split(" ")) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + 1 + word.length > most) lines.push(word);
      else lines[last] += (lines[last] && " ") + word;
    }
    return lines;
  });
}

// A drawing by itself: what it shows, in words, above it; its own background and font, and nothing that only the page needs.
function standalone(drawing, colours, caption) {
  const copy = drawing.cloneNode(true);
  const size = drawing.viewBox.baseVal;
  const width = Math.max(size.width, CAPTION.least);
  const lines = brokenLines(caption, width - 16);
  const top = lines.length * CAPTION.line + 12;
  const height = top + size.height;
  for (const element of [copy, ...copy.querySelectorAll("*")])
    for (const name of [...element.getAttributeNames()])
      if (/^(role|tabindex|class|aria-|data-)/.test(name) || name === "style") element.removeAttribute(name);
  filled(copy, { x: 0, y: top, width: size.width, height: size.height }, []);
  const words = lines.map((line, place) => svg("text", { x: 8, y: (place + 1) * CAPTION.line, "font-size": CAPTION.size, fill: css(colours.ink) }, line));
  const attributes = { viewBox: `0 0 ${width} ${height}`, width, height, "font-family": "system-ui, sans-serif" };
  const whole = svg("svg", attributes, svg("rect", { width, height, fill: css(colours.paper) }), ...words, copy);
  return { text: new XMLSerializer().serializeToString(whole), width, height };
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

// Drawings beside each other, so far apart, as one.
function beside(drawings, apart) {
  const heights = drawings.map((one) => one.viewBox.baseVal.height);
  const height = Math.max(...heights);
  let width = 0;
  const parts = drawings.map((one) => {
    const copy = one.cloneNode(true);
    copy.setAttribute("x", width);
    width += one.viewBox.baseVal.width + apart;
    return copy;
  });
  return svg("svg", { viewBox: `0 0 ${width - apart} ${height}`, width: width - apart, height }, ...parts);
}

// Buttons under a panel. `drawn` gives its drawing, where it has one, `caption` the lines above it, `numbers` its JSON.
function saving(what, { drawn, caption, numbers, name, colours }) {
  const file = (suffix) => `${name()}-${what.replaceAll(" ", "-")}.${suffix}`;
  const button = (label, action) =>
    html("button", { type: "button", onclick: action, "aria-label": `Save ${what} as ${label}` }, label);
  return html(
    "div",
    { class: "save" },
    html("span", {}, "Save"),
    ...(drawn
      ? [
          button("SVG", () => download(file("svg"), standalone(drawn(), colours(), caption()).text, "image/svg+xml")),
          button("PNG", async () => download(file("png"), await png(standalone(drawn(), colours(), caption())))),
        ]
      : []),
    button("JSON", () => download(file("json"), `${JSON.stringify(numbers(), null, 1)}\n`, "application/json")),
  );
}
