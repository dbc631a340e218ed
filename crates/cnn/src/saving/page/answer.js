// What the network answers, for eyes and for screen readers.

const MOST_BARS = 12; // of more classes those with the largest numbers are shown

/** One number per class: with a single output between 0 and 1, that of the second class and, for the first, what remains. */
function byClass(outputs) {
  return page.ending === "sigmoid" && outputs.length === 1 ? [1 - outputs[0], outputs[0]] : Array.from(outputs);
}

function formatted(value) {
  if (!Number.isFinite(value)) return "no number";
  return page.ending === "linear" ? value.toPrecision(4) : `${(100 * value).toFixed(1)}\u00a0%`;
}

/** Shows the outputs; returns them in words. */
function showAnswer(outputs) {
  const values = byClass(outputs);
  const ranked = values.map((_, index) => index).sort((one, other) => values[other] - values[one]);
  const best = ranked[0];
  const rows = values.length > MOST_BARS ? ranked.slice(0, 10) : values.map((_, index) => index);
  const [least, most] = page.ending === "linear" ? [Math.min(0, ...values), Math.max(0, ...values)] : [0, 1];
  showBars(rows.map((index) => ({
    name: page.classes[index],
    share: (values[index] - least) / (most - least || 1),
    value: formatted(values[index]),
    best: index === best,
  })));
  const strong = document.createElement("strong");
  strong.textContent = page.classes[best];
  element("answer").replaceChildren(strong, ` ${formatted(values[best])}`);
  return `${page.classes[best]}, ${formatted(values[best])}`;
}

/** Shows bars without an answer, and what there is to say instead. */
function showNothing(text) {
  const rows = page.classes.slice(0, page.classes.length > MOST_BARS ? 0 : undefined);
  showBars(rows.map((name) => ({ name, share: 0, value: "–", best: false })));
  element("answer").textContent = text;
  element("seen").width = element("seen").width; // nothing is seen
}

function showBars(rows) {
  const span = (kind, text = "") => {
    const made = document.createElement("span");
    made.className = kind;
    made.textContent = text;
    return made;
  };
  element("bars").replaceChildren(...rows.map(({ name, share, value, best }) => {
    const row = document.createElement("li");
    const bar = span("bar");
    const filled = span("");
    filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    bar.append(filled);
    bar.setAttribute("aria-hidden", "true");
    row.append(span(best ? "name best" : "name", name), bar, span(best ? "value best" : "value", value));
    return row;
  }));
}

/** What the network sees: an image [channels, height, width] of numbers from 0 to 1. */
function showSeen(image, [channels, height, width]) {
  const canvas = element("seen");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const shown = context.createImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    for (let colour = 0; colour < 3; colour++) {
      shown.data[4 * place + colour] = 255 * image[(channels === 1 ? 0 : colour) * width * height + place];
    }
    shown.data[4 * place + 3] = 255;
  }
  context.putImageData(shown, 0, 0);
}

/** For a screen reader; what is said again is not read again. */
function say(text) {
  if (element("spoken").textContent !== text) element("spoken").textContent = text;
}

function element(id) {
  return document.getElementById(id);
}
