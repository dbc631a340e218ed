// An image that is turned, moved, zoomed and disturbed by sliders, and what the network says of it.

function render({ model, el }) {
  const network = { classes: model.get("classes"), ending: model.get("ending") };
  const answers = answerPanel(network);
  const shape = model.get("shape");
  const seen = seenCanvas(`The image, ${shape[1]} × ${shape[2]} pixels`);
  const { say, spoken } = speech();
  const verdict = made("p", {});
  const sliders = model.get("ranges").map(({ name, label, low, high, step, unit }) => {
    const valueAt = (position) => Math.min(high, stepped(low, step, position));
    const words = (position) => `${written(valueAt(position), step)}${unit}`;
    const slider = rangeInput(label, Math.round((high - low) / step), words, (position) => {
      tell(model, { by: { ...model.get("by"), [name]: valueAt(position) } });
    });
    // The answer to the last position is on its way.
    slider.parts[1].addEventListener("change", () => setTimeout(() => say(verdict.textContent), 200));
    return { parts: slider.parts, show: () => slider.move(Math.round((model.get("by")[name] - low) / step)) };
  });
  const reset = made("button", { type: "button", click: () => tell(model, { by: model.get("unchanged") }) }, "As it was");
  const left = made("section", { class: "picture", "aria-label": "The image" }, seen, verdict);
  const controls = made("section", { "aria-label": "The changes" }, made("div", { class: "sliders" }, ...sliders.flatMap(({ parts }) => parts)), made("p", { class: "buttons" }, reset));
  frame(el, "by-hand", "Augmentation by hand", made("div", { class: "sides" }, left, controls, answers.root), spoken);

  const show = () => {
    const answer = model.get("answer");
    answers.show(answer.outputs);
    const [now, before] = [answer.read_as, answer.at_first].map((index) => network.classes[index]);
    verdict.textContent = answer.is_misread ? `Misread: now it is read as ${now}, unchanged as ${before}.` : `Read as ${now}, as it is unchanged.`;
    verdict.classList.toggle("misread", answer.is_misread);
  };
  const paint = () => {
    const bytes = bytesOf(model.get("image"));
    if (bytes.length === shape[0] * shape[1] * shape[2]) paintImage(seen, bytes, shape, 255);
  };
  const ends = [
    follow(model, ["by"], () => sliders.forEach((slider) => slider.show())),
    follow(model, ["answer"], show),
    follow(model, ["image"], paint),
  ];
  return () => ends.forEach((end) => end());
}

export default { render };
