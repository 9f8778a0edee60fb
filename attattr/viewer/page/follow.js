// One token followed through all panels: the one under the pointer or the focus, else the one that is pinned.

// An element is of a token by its data-token, or as an edge by its data-query and data-key.
const isOf = ({ dataset }, token) => [dataset.token, dataset.query, dataset.key].some((place) => place !== undefined && Number(place) === token);

function following(root, page, panels) {
  let near = null;

  function mark() {
    const { token: pinned } = page.state;
    const token = near !== null && near < page.view.n ? near : pinned;
    root.classList.toggle("following", token !== null);
    for (const one of root.querySelectorAll("[data-token], [data-query]")) one.classList.toggle("followed", isOf(one, token));
    for (const one of root.querySelectorAll("button[data-token]")) one.setAttribute("aria-pressed", String(isOf(one, pinned)));
    for (const panel of panels) panel.follow?.(token);
  }

  const tokenAt = (element) => {
    const place = element.closest?.("[data-token]")?.dataset.token;
    return place === undefined ? null : Number(place);
  };
  const come = (token) => {
    if (token === near || page.view === null) return;
    near = token;
    mark();
  };
  root.addEventListener("pointerover", ({ target }) => come(tokenAt(target)));
  root.addEventListener("pointerleave", () => come(null));
  root.addEventListener("focusin", ({ target }) => come(tokenAt(target)));
  root.addEventListener("focusout", () => come(null));
  root.addEventListener("click", ({ target }) => {
    const token = tokenAt(target);
    if (token !== null) page.set({ token: token === page.state.token ? null : token });
  });
  return mark;
}
