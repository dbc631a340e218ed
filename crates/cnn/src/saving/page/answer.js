// What the network answers, for eyes and for screen readers.

/** Shows the outputs; returns them in words. */
function showAnswer(outputs) {
  const { name, value, rows } = ranking(outputs, page);
  showBars(element("bars"), rows);
  const strong = document.createElement("strong");
  strong.textContent = name;
  element("answer").replaceChildren(strong, ` ${value}`);
  return `${name}, ${value}`;
}

/** Shows bars without an answer, and what there is to say instead. */
function showNothing(text) {
  showBars(element("bars"), emptyRows(page));
  element("answer").textContent = text;
  element("seen").width = element("seen").width; // nothing is seen
}

/** What the network sees: an image of numbers from 0 to 1. */
function showSeen(image, shape) {
  paintImage(element("seen"), image, shape);
}

/** For a screen reader; what is said again is not read again. */
function say(text) {
  if (element("spoken").textContent !== text) element("spoken").textContent = text;
}

function element(id) {
  return document.getElementById(id);
}
