// A button that counts how often it was pressed.

function render({ model, el }) {
  const button = made("button", { type: "button", click: () => tell(model, { clicks: model.get("clicks") + 1 }) }, model.get("label"));
  frame(el, "control", undefined, button);
}

export default { render };
