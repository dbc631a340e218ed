// What all widgets share. Each file of a widget follows this one, and ends with the module's `export default`.

/** An element with these attributes and children; what is a function among the attributes is called at its event. */
function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Puts a widget's children into `el`, as a group with a name if it is given one. JupyterLab's own keys rest while one of them has the focus: the arrows would move to another cell. */
function frame(el, kind, label, ...children) {
  const root = made("div", { class: `cnn-widget ${kind}`, ...(label && { role: "group", "aria-label": label }) }, ...children);
  // Each by itself: JupyterLab asks the element that has the focus before its parents.
  for (const part of root.querySelectorAll("input, select, button, [tabindex]")) part.setAttribute("data-lm-suppress-shortcuts", "true");
  el.append(root);
  return root;
}

/** Calls `show` now, and whenever one of the keys changes; returns what ends that. */
function follow(model, keys, show) {
  for (const key of keys) model.on(`change:${key}`, show);
  show();
  return () => keys.forEach((key) => model.off(`change:${key}`, show));
}

/** Tells the kernel. */
function tell(model, state) {
  for (const [key, value] of Object.entries(state)) model.set(key, value);
  model.save_changes();
}

/** Calls `work` once, before the screen is drawn again, however often it is asked to. */
function oncePerFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

/** What a screen reader says; `say(text)` and the element. */
function speech() {
  const spoken = made("p", { class: "unseen", role: "status" });
  const say = (text) => {
    if (spoken.textContent !== text) spoken.textContent = text;
  };
  return { say, spoken };
}

/** The bytes of a state that the kernel has sent. */
function bytesOf(view) {
  return view?.buffer ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(view ?? 0);
}

/** The number `count` steps after `low`, without the dust that floats leave. */
function stepped(low, step, count) {
  return Number((low + step * count).toPrecision(12));
}

/** A number as people write it: as many decimals as `step` needs. */
function written(value, step) {
  const decimals = Math.min(8, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return value.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1");
}

let count = 0;

/** A name that no other element of the document has. */
function newId() {
  return `cnn-${(count++).toString(36)}-${Math.random().toString(36).slice(2)}`;
}

/** A slider with whole positions from 0: its label, itself, and its value in words. `changed(position)` is called while it is moved. */
function rangeInput(label, positions, words, changed) {
  const id = newId();
  const output = made("output", { for: id });
  const input = made("input", { id, type: "range", min: 0, max: positions, step: 1 });
  const show = () => {
    const text = words(Number(input.value));
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  input.addEventListener("input", () => {
    changed(Number(input.value));
    show();
  });
  return {
    parts: [made("label", { for: id }, label), input, output],
    move(position, most = positions) {
      input.max = most;
      input.value = position;
      show();
    },
  };
}
