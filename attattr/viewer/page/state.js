// What is being looked at, and its address. There layers, heads and tokens count from 1.

const keyOf = (example) => (example.task ? `${example.task}/${example.name}` : example.name);

function startingState(data) {
  const example = data.examples[0];
  return {
    example: 0,
    explanation: 0,
    layer: example.top[0],
    head: example.top[1],
    step: data.start,
    from: 0,
    to: example.layers - 1,
    all: false,
    rows: false,
    method: null,
    scope: "all",
    token: null,
    sort: { column: "value", falling: true },
  };
}

// What is said of the tree at a place of the slider, with the level by which it is coloured.
function wordsOf(one, step) {
  const [sentence, verdict, level] = one.words[step] ?? ["", "", "unknown"];
  return { sentence, verdict, level };
}

// A state that fits its example, whatever was asked for.
function fitting(data, state) {
  const whole = (value, low, high) => Math.min(Math.max(Number.isFinite(value) ? Math.round(value) : low, low), high);
  const number = whole(state.example, 0, data.examples.length - 1);
  const example = data.examples[number];
  const to = whole(state.to, 0, example.layers - 1);
  return {
    ...state,
    example: number,
    explanation: whole(state.explanation, 0, example.explanations.length - 1),
    layer: whole(state.layer, 0, example.layers - 1),
    head: whole(state.head, 0, example.heads),
    step: whole(state.step, 0, data.steps - 1),
    from: whole(state.from, 0, to),
    to,
    token: Number.isInteger(state.token) && state.token >= 0 && state.token < example.tokens.length ? state.token : null,
  };
}

function address(data, state) {
  const example = data.examples[state.example];
  const parts = {
    example: keyOf(example),
    class: example.classes[example.explanations[state.explanation].target],
    layer: state.layer + 1,
    head: state.head < example.heads ? state.head + 1 : "all",
    tau: (state.step / data.steps).toFixed(2),
    layers: `${state.from + 1}-${state.to + 1}`,
    ...(state.token === null ? {} : { token: state.token + 1 }),
    ...(state.all ? { tokens: "all" } : {}),
    ...(state.rows ? { rows: "all" } : {}),
  };
  return `#${new URLSearchParams(parts)}`;
}

// The state that an address asks for; null for an address that is not the viewer's.
function fromAddress(data, state, hash) {
  const parts = new URLSearchParams(hash.slice(1));
  if (!parts.has("example")) return null;
  const example = data.examples.findIndex((one) => keyOf(one) === parts.get("example"));
  if (example < 0) return null;
  const { classes, explanations, heads, layers } = data.examples[example];
  const explanation = explanations.findIndex((one) => classes[one.target] === parts.get("class"));
  const [from, to] = (parts.get("layers") ?? `1-${layers}`).split("-").map((part) => Number(part) - 1);
  const asked = {
    ...state,
    example,
    explanation: Math.max(explanation, 0),
    layer: Number(parts.get("layer") ?? layers) - 1,
    head: parts.get("head") === "all" || !parts.has("head") ? heads : Number(parts.get("head")) - 1,
    step: parts.has("tau") ? Number(parts.get("tau")) * data.steps : state.step,
    from: from || 0,
    to: Number.isFinite(to) ? to : layers - 1,
    token: parts.has("token") ? Number(parts.get("token")) - 1 : null,
    all: parts.get("tokens") === "all",
    rows: parts.get("rows") === "all",
  };
  return fitting(data, asked);
}
