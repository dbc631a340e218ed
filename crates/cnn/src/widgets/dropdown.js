// One of several words; `value` is its place among them.

function render({ model, el }) {
  const id = newId();
  const options = model.get("options").map((option, place) => made("option", { value: place }, option));
  const select = made("select", { id, change: () => tell(model, { value: select.selectedIndex }) }, ...options);
  frame(el, "control", undefined, made("label", { for: id }, model.get("label")), select);
  return follow(model, ["value"], () => (select.selectedIndex = model.get("value")));
}

export default { render };
