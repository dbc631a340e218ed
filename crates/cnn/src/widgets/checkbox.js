// Yes or no.

function render({ model, el }) {
  const box = made("input", { type: "checkbox", change: () => tell(model, { value: box.checked }) });
  frame(el, "control", undefined, made("label", { class: "box" }, box, ` ${model.get("label")}`));
  return follow(model, ["value"], () => (box.checked = model.get("value")));
}

export default { render };
