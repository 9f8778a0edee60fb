// The text, each token as dark as what it passes on.

function tokensPanel(page) {
  const line = html("div", { class: "tokens" });
  const note = html("p", { class: "note" });
  const panel = html("section", { "aria-label": "Tokens" }, line, note);

  function draw(view, state) {
    const one = view.explanations[state.explanation];
    const largest = Math.max(...one.tokens, 0);
    line.replaceChildren(
      ...view.tokens.map((token, place) => {
        const share = largest > 0 ? one.tokens[place] / largest : 0;
        const colour = shade(page.colours, share);
        const name = view.names[place];
        const known = view.unknown.includes(place) ? ", unknown to the model" : "";
        return html(
          "button",
          {
            type: "button",
            class: `token${view.special.includes(place) ? " special" : ""}${view.unknown.includes(place) ? " unknown" : ""}`,
            style: `background:${css(colour)};color:${css(inkOn(colour))}`,
            title: `${name}: passes on ${number(one.tokens[place])}${known}`,
            "aria-label": `${name}, passes on ${number(one.tokens[place])}${known}`,
            "data-token": place,
          },
          token,
          ...(view.marks[place] ? [html("small", {}, view.marks[place])] : []),
        );
      }),
    );
    note.textContent =
      `Colour: what each token passes on for ${view.classes[one.target]}, its positive scores summed over layers, heads and queries ` +
      `(at most ${number(largest)}). Point at a token to follow it through the page, click to pin it.`;
  }
  return { panel, keys: () => ["example", "explanation"], draw };
}
