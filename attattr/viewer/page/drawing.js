// Elements, numbers and colours. Text only ever becomes a text node, so that a token stays what it is.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return element;
}

const html = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

const layerName = (layer) => `layer ${layer + 1}`;
const headName = (view, head) => (head < view.heads ? `head ${head + 1}` : "all heads");

function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 0.001 && size < 1000 ? Number(value.toPrecision(3)).toString() : value.toExponential(1);
  return text.replace("-", "−");
}

const fixed = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2).replace("-", "−"));
const percent = (value) => (value === null || Number.isNaN(value) ? "–" : `${number(100 * value)} %`);

// The colours of today's scheme, as they are and as red, green and blue.
function palette(root) {
  const probe = html("span");
  root.append(probe);
  const colours = {};
  for (const name of ["paper", "ink", "faint", "line", "positive", "negative", "third", "rival", "mark"]) {
    probe.style.color = `var(--viewer-${name})`;
    colours[name] = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  }
  probe.remove();
  return colours;
}

const css = (colour) => `rgb(${colour.map(Math.round).join(",")})`;

// From paper to the colour of the value's sign; the share of the largest is how far.
function shade(colours, share) {
  const far = Math.min(Math.abs(share), 1);
  const end = share < 0 ? colours.negative : colours.positive;
  return colours.paper.map((part, place) => part + (end[place] - part) * far);
}

// The longest token that is written out in a drawing.
const shortened = (token, most) => (token.length > most ? `${token.slice(0, most - 1)}…` : token);

// A token's name at most so long, with the number that tells it from others.
const shortName = ({ names, marks }, place, most) => {
  const mark = marks[place];
  return shortened(names[place].slice(0, names[place].length - mark.length), most - mark.length) + mark;
};

// Black or white, whichever is easier to read on the colour.
function inkOn(colour) {
  const linear = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return light > 0.179 ? [0, 0, 0] : [255, 255, 255];
}
