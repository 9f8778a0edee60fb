// The page: what is looked at is one state, and each panel is drawn anew when a part of it that it shows has changed.

function viewer(root) {
  const data = JSON.parse(root.querySelector(".viewer-data").textContent);
  const load = loader(data);
  const alone = document.querySelector("main > .viewer:only-child") === root;
  const page = {
    data,
    state: startingState(data),
    view: null,
    colours: palette(root),
    set,
    fileName: () => `attribution-${keyOf(data.examples[page.state.example]).replace(/[^\w-]+/g, "-")}`,
    // What a picture is of: the text, and what is explained.
    caption() {
      const { view, state } = page;
      const label = view.classes[view.explanations[state.explanation].target];
      const said = `${label}, ${view.kind === "values" ? "value" : "probability"} ${number(numbersOf(view)[view.explanations[state.explanation].target])}`;
      return [textOf(view), `Explained: ${said}`];
    },
    selection() {
      const { view, state } = page;
      const one = view.explanations[state.explanation];
      const head = state.head < view.heads ? state.head : null;
      return { example: view.name, task: view.task, tokens: view.tokens, class: view.classes[one.target], [view.kind === "values" ? "value" : "probability"]: numbersOf(view)[one.target], layer: state.layer, head, tau: state.step / data.steps };
    },
  };
  const panels = [factsPanel, tokensPanel, treePanel, sharesPanel, headsPanel, mapsPanel, edgesPanel].map((make) => make(page));
  const keys = html("p", { class: "keys note" }, "Keys: ← → head, ↑ ↓ layer, Shift with ← → example; in a heat map the arrows move over its cells.");
  const mark = following(root, page, panels);
  root.querySelector(".viewer-panels").replaceChildren(...panels.map(({ panel }) => panel), keys);

  let asked = 0;
  async function show(state, changed) {
    const turn = ++asked;
    root.ariaBusy = "true";
    const view = await load(state.example);
    if (turn !== asked) return; // another example was asked for in the meantime
    page.view = view;
    for (const panel of panels) if (panel.keys(state).some((key) => changed.has(key))) panel.draw(view, state);
    mark();
    root.dataset.drawn = String(turn);
    root.ariaBusy = null;
  }

  function set(wanted, { remember = true } = {}) {
    const before = page.state;
    // Another example begins with the class that its author put first, all of its layers, and no token pinned.
    const fresh = "example" in wanted && wanted.example !== before.example && !("explanation" in wanted);
    const layers = (number) => data.examples[Math.min(Math.max(number, 0), data.examples.length - 1)].layers;
    const reset = fresh ? { explanation: 0, token: null, from: 0, to: layers(wanted.example) - 1 } : {};
    const asked = { ...before, ...reset, ...wanted };
    if (before.head === data.examples[before.example].heads && !("head" in wanted)) asked.head = Infinity;
    page.state = fitting(data, { ...asked, head: asked.head === Infinity ? Number.MAX_SAFE_INTEGER : asked.head });
    const changed = new Set(Object.keys(page.state).filter((key) => page.state[key] !== before[key]));
    if (remember) rememberAddress(address(data, page.state));
    return changed.size ? show(page.state, changed) : undefined;
  }

  const redraw = () => {
    page.colours = palette(root);
    return show(page.state, new Set(Object.keys(page.state)));
  };
  const print = (scheme) => () => {
    root.style.colorScheme = scheme;
    redraw();
  };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.addEventListener("beforeprint", print("light"));
  window.addEventListener("afterprint", print(""));
  window.addEventListener("hashchange", () => {
    const wanted = fromAddress(data, page.state, window.location.hash);
    if (wanted) set(wanted, { remember: false });
  });
  // Drawings have the width that there is: none as yet in a tab that is not shown.
  let width = root.clientWidth;
  new ResizeObserver(() => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    redraw();
  }).observe(root);
  (alone ? document : root).addEventListener("keydown", (event) => onArrow(event, page));
  page.state = fromAddress(data, page.state, window.location.hash) ?? page.state;
  redraw();
}

function rememberAddress(hash) {
  try {
    history.replaceState(null, "", hash);
  } catch {
    // A frame without an address of its own.
  }
}

function onArrow(event, page) {
  if (event.target.closest?.("input, select, textarea, .map") || event.altKey || event.ctrlKey || event.metaKey) return;
  const { state } = page;
  const moves = event.shiftKey
    ? { ArrowLeft: { example: state.example - 1 }, ArrowRight: { example: state.example + 1 } }
    : {
        ArrowLeft: { head: state.head - 1 }, ArrowRight: { head: state.head + 1 },
        ArrowUp: { layer: state.layer - 1 }, ArrowDown: { layer: state.layer + 1 },
      };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  page.set(move);
}

for (const root of document.querySelectorAll(".viewer:not([data-drawn])")) viewer(root);
