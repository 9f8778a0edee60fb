// Which example, what the model says of it, and whether the scores can be trusted: always in sight.

// What the numbers beside the names are, where they are no probabilities of classes that exclude each other.
const MEANING = {
  classes: () => "",
  labels: ({ predicted }) => `Labels have a probability each, and are predicted above 0.5${predicted.length ? "" : "; here none is"}.`,
  values: () => "No probabilities: the model is a regression, and these are its values.",
};

const numbersOf = (view) => (view.kind === "values" ? view.values : view.probabilities);

function factsPanel(page) {
  const { data } = page;
  const tasks = [...new Set(data.examples.map((example) => example.task))];
  const option = (example, place) => html("option", { value: place }, `${place + 1}. ${textOf(example)}`);
  const within = (task) => data.examples.map((example, place) => [example, place]).filter(([example]) => example.task === task);
  const chooser = html(
    "select",
    { "aria-label": "Example", onchange: (event) => page.set({ example: Number(event.target.value) }) },
    ...tasks.flatMap((task) => {
      const options = within(task).map(([example, place]) => option(example, place));
      return task ? [html("optgroup", { label: task }, ...options)] : options;
    }),
  );
  const step = (by, label, sign) =>
    html("button", { type: "button", "aria-label": label, onclick: () => page.set({ example: page.state.example + by }) }, sign);
  const status = html("output", { class: "status" });
  const share = html("button", { type: "button", onclick: () => copyLink(page, status) }, "Copy link");
  const classes = html("div", { class: "classes", role: "group", "aria-label": "What is explained" });
  const meaning = html("p", { class: "note" });
  const answer = html("p", { class: "answer" });
  const warning = html("p", { class: "banner" });
  const convergence = html("div", { class: "convergence" });
  const chooserRow = html("div", { class: "controls" }, step(-1, "Previous example", "‹"), chooser, step(1, "Next example", "›"), share, status);

  function draw(view, state) {
    chooser.value = state.example;
    const explained = new Map(view.explanations.map((one, place) => [one.target, place]));
    classes.replaceChildren(
      ...view.classes.map((name, label) => {
        const words = [name, number(numbersOf(view)[label])];
        if (view.predicted.includes(label)) words.push("predicted");
        if (label === view.gold) words.push("gold");
        const place = explained.get(label);
        const pressed = place === state.explanation;
        return html("button", { type: "button", disabled: place === undefined ? "" : null, "aria-pressed": String(pressed), onclick: () => page.set({ explanation: place }) }, words.join(" · "));
      }),
    );
    meaning.textContent = MEANING[view.kind](view);
    meaning.hidden = !meaning.textContent;
    const one = view.explanations[state.explanation];
    answer.textContent = `${one.answer} ${wordsOf(one, state.step).sentence}`;
    warning.textContent = view.warning;
    warning.hidden = !view.warning;
    convergence.replaceChildren(...convergenceOf(one));
    status.textContent = "";
  }

  const panel = html("header", {}, chooserRow, classes, meaning, answer, warning, convergence);
  return { panel, keys: () => ["example", "explanation", "step"], draw };
}

function textOf(example) {
  const own = example.tokens.filter((_, place) => !example.special.includes(place)).join(" ").replaceAll(" ##", "");
  return shortened(own, 70);
}

// Folded away where it says that all is well.
function convergenceOf(one) {
  const { steps, error, unconverged, gap, change, absolute } = one.convergence;
  const relative = gap.map((value, part) => (absolute[part] > 0 ? Math.abs(value) / absolute[part] : 0));
  const worst = relative.indexOf(Math.max(...relative));
  const open = unconverged.flatMap((short, part) => (short ? [part + 1] : []));
  const estimated = error.every((value) => value !== null);
  const verdict = estimated ? `Converged: estimated error at most ${percent(Math.max(...error))}.` : `${Math.max(...steps)} steps, error not estimated.`;
  const words = `Steps: ${Math.min(...steps)} to ${Math.max(...steps)}. Completeness gap: at most ${percent(relative[worst])} of the scores' sum, in layer ${worst + 1}.`;
  const rows = steps.map((count, part) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, part + 1),
      ...[count, percent(error[part]), number(change[part]), number(gap[part]), percent(relative[part])].map((cell) => html("td", { class: "number" }, cell)),
    ),
  );
  const headings = ["layer", "steps", "estimated error", `change of the ${one.output} without the layer's attention`, "gap", "gap, of the scores' absolute sum"];
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...headings.map((heading) => html("th", { scope: "col" }, heading)))), html("tbody", {}, ...rows));
  const frame = html("div", { class: "frame", tabindex: 0, role: "region", "aria-label": "Convergence by layer" }, table);
  if (open.length) {
    const warning = html("strong", { class: "warning" }, `Not converged in layer ${open.join(", ")}: read these scores with care.`);
    return [html("p", {}, warning, ` ${words}`), html("details", {}, html("summary", {}, "By layer"), frame)];
  }
  return [html("details", {}, html("summary", {}, verdict), html("p", {}, words), frame)];
}

async function copyLink(page, status) {
  const link = new URL(address(page.data, page.state), window.location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    status.textContent = "Copied.";
  } catch {
    status.textContent = link;
  }
}
