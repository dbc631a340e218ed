// A network's outputs as bars, and the image that it is given.

const MOST_BARS = 12; // of more classes those with the largest numbers are shown

/** One number per class: with a single output between 0 and 1, that of the second class and, for the first, what remains. */
function byClass(outputs, ending) {
  return ending === "sigmoid" && outputs.length === 1 ? [1 - outputs[0], outputs[0]] : Array.from(outputs);
}

function formatted(value, ending) {
  if (!Number.isFinite(value)) return "no number";
  return ending === "linear" ? value.toPrecision(4) : `${(100 * value).toFixed(1)}\u00a0%`;
}

/** What there is to show of the outputs: the likeliest class with its number in words, and a row for each bar. */
function ranking(outputs, { classes, ending }) {
  const values = byClass(outputs, ending);
  const ranked = values.map((_, index) => index).sort((one, other) => values[other] - values[one]);
  const best = ranked[0];
  const shown = values.length > MOST_BARS ? ranked.slice(0, 10) : values.map((_, index) => index);
  const [least, most] = ending === "linear" ? [Math.min(0, ...values), Math.max(0, ...values)] : [0, 1];
  const rows = shown.map((index) => ({
    name: classes[index],
    share: (values[index] - least) / (most - least || 1),
    value: formatted(values[index], ending),
    best: index === best,
  }));
  return { name: classes[best], value: formatted(values[best], ending), rows };
}

/** The rows of bars without an answer. */
function emptyRows({ classes }) {
  return classes.slice(0, classes.length > MOST_BARS ? 0 : undefined).map((name) => ({ name, share: 0, value: "–", best: false }));
}

/** Shows the rows in a list. */
function showBars(list, rows) {
  const span = (kind, text = "") => {
    const made = document.createElement("span");
    made.className = kind;
    made.textContent = text;
    return made;
  };
  list.replaceChildren(...rows.map(({ name, share, value, best }) => {
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

/** Paints an image [channels, height, width] of numbers from 0 to `white`. */
function paintImage(canvas, image, [channels, height, width], white = 1) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const shown = context.createImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    for (let colour = 0; colour < 3; colour++) {
      shown.data[4 * place + colour] = (255 / white) * image[(channels === 1 ? 0 : colour) * width * height + place];
    }
    shown.data[4 * place + 3] = 255;
  }
  context.putImageData(shown, 0, 0);
}
