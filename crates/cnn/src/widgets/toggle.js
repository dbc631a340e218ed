// A button that stays down until it is pressed again.

function render({ model, el }) {
  const button = made("button", { type: "button", click: () => tell(model, { value: !model.get("value") }) }, model.get("label"));
  frame(el, "control", undefined, button);
  return follow(model, ["value"], () => button.setAttribute("aria-pressed", model.get("value")));
}

export default { render };
