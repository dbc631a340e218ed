// What a network answers: the likeliest class, and a bar for each.

function answerPanel(network) {
  const answer = made("p", { class: "answer", "aria-hidden": "true" });
  const bars = made("ol", { class: "bars", role: "list" });
  return {
    root: made("section", { class: "answers", "aria-label": "What the network answers" }, answer, bars),
    /** Shows the outputs; returns them in words. */
    show(outputs) {
      const { name, value, rows } = ranking(outputs, network);
      showBars(bars, rows);
      answer.replaceChildren(made("strong", {}, name), ` ${value}`);
      return `${name}, ${value}`;
    },
    /** Shows bars without an answer, and what there is to say instead. */
    nothing(text) {
      showBars(bars, emptyRows(network));
      answer.textContent = text;
    },
  };
}

/** A canvas for the image that the network is given. */
function seenCanvas(words) {
  return made("canvas", { class: "seen", role: "img", "aria-label": words, width: 28, height: 28 });
}
