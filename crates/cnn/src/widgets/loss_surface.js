// The loss of a line over its slope w and its intercept b, and a ball that goes down by gradient descent.

const [WIDTH, HEIGHT] = [460, 340];
const MARGIN = { left: 44, right: 10, top: 10, bottom: 34 };
const PER_STEP = 90; // milliseconds
const KEY_STEPS = 40; // of the cross, from side to side

function render({ model, el }) {
  const { loss: [xx, x, xy, y, yy], w: [wLow, wHigh], b: [bLow, bHigh], least, contours } = model.get("map");
  const lossAt = (w, b) => w * w * xx + 2 * w * b * x + b * b - 2 * w * xy - 2 * b * y + yy;
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const across = (w) => MARGIN.left + (inner.width * (w - wLow)) / (wHigh - wLow);
  const up = (b) => MARGIN.top + (inner.height * (bHigh - b)) / (bHigh - bLow);
  const density = 2; // canvas pixels for each of the page's
  const canvas = made("canvas", { width: WIDTH * density, height: HEIGHT * density });
  canvas.style.width = `${WIDTH}px`;
  const surface = made("div", { class: "surface", tabindex: 0, role: "application", "aria-label": "Loss over w and b" }, canvas);
  const { say, spoken } = speech();
  const state = made("p", { "aria-hidden": "true" });
  let [cross, step, timer] = [undefined, 0, undefined];

  // The ground: the darker, the larger the loss.
  const ground = made("canvas", { width: inner.width, height: inner.height });
  const pixels = ground.getContext("2d").createImageData(inner.width, inner.height);
  const lowest = least[2];
  const highest = Math.max(...[wLow, wHigh].flatMap((w) => [bLow, bHigh].map((b) => lossAt(w, b))));
  for (let row = 0; row < inner.height; row++) {
    for (let column = 0; column < inner.width; column++) {
      const w = wLow + ((wHigh - wLow) * column) / inner.width;
      const b = bHigh - ((bHigh - bLow) * row) / inner.height;
      const share = Math.sqrt(Math.max(0, lossAt(w, b) - lowest) / (highest - lowest || 1));
      pixels.data.set([0, 114, 178, 190 * Math.min(1, share)], 4 * (row * inner.width + column));
    }
  }
  ground.getContext("2d").putImageData(pixels, 0, 0);

  function paint() {
    const context = canvas.getContext("2d");
    const text = getComputedStyle(canvas).color;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, WIDTH, HEIGHT);
    context.drawImage(ground, MARGIN.left, MARGIN.top);
    Object.assign(context, { strokeStyle: text, fillStyle: text, lineWidth: 1, font: "12px sans-serif", textAlign: "center", textBaseline: "middle" });
    context.strokeRect(MARGIN.left, MARGIN.top, inner.width, inner.height);
    for (const w of ticks(wLow, wHigh)) context.fillText(String(w), across(w), HEIGHT - MARGIN.bottom + 10);
    for (const b of ticks(bLow, bHigh)) context.fillText(String(b), MARGIN.left - 16, up(b));
    context.fillText("slope w", MARGIN.left + inner.width / 2, HEIGHT - 8);
    context.fillText("b", 8, MARGIN.top + inner.height / 2);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top, inner.width, inner.height);
    context.clip();
    context.globalAlpha = 0.6;
    for (const points of contours) line(context, points);
    context.globalAlpha = 1;
    context.fillText("✕", across(least[0]), up(least[1]));
    const path = model.get("path").slice(0, step + 1);
    Object.assign(context, { strokeStyle: "#d55e00", fillStyle: "#d55e00", lineWidth: 2 });
    line(context, path);
    for (const [w, b] of path) dot(context, w, b, 2.5);
    const [w, b] = path[path.length - 1];
    dot(context, w, b, 8);
    context.strokeStyle = "#fff";
    context.stroke();
    if (cross) {
      context.strokeStyle = text;
      line(context, [[cross[0], bLow], [cross[0], bHigh]]);
      line(context, [[wLow, cross[1]], [wHigh, cross[1]]]);
    }
    context.restore();
  }

  function line(context, points) {
    context.beginPath();
    for (const [w, b] of points) context.lineTo(across(w), up(b));
    context.stroke();
  }

  function dot(context, w, b, radius) {
    context.beginPath();
    context.arc(across(w), up(b), radius, 0, 2 * Math.PI);
    context.fill();
  }

  function tellStep() {
    const path = model.get("path");
    const [w, b, loss] = path[step];
    const place = `w = ${w.toFixed(2)}, b = ${b.toFixed(2)}, loss ${loss < 10000 ? loss.toFixed(3) : loss.toExponential(1)}`;
    const isLast = step === path.length - 1;
    state.textContent = isLast ? `${model.get("end")} ${place}.` : `Step ${step}: ${place}.`;
    if (isLast) say(state.textContent);
  }

  function roll() {
    clearInterval(timer);
    const last = model.get("path").length - 1;
    step = matchMedia("(prefers-reduced-motion: reduce)").matches ? last : 0;
    const next = () => {
      paint();
      tellStep();
      if (step === last) clearInterval(timer);
      else step++;
    };
    next();
    timer = setInterval(next, PER_STEP);
  }

  const go = (w, b) => tell(model, { start: [w, b], tries: model.get("tries") + 1 });
  surface.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [((event.clientX - box.left) * WIDTH) / box.width, ((event.clientY - box.top) * HEIGHT) / box.height];
    const w = wLow + ((wHigh - wLow) * (left - MARGIN.left)) / inner.width;
    const b = bHigh - ((bHigh - bLow) * (top - MARGIN.top)) / inner.height;
    cross = undefined;
    if (w >= wLow && w <= wHigh && b >= bLow && b <= bHigh) go(w, b);
  });
  surface.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (direction) {
      const [w, b] = cross ?? model.get("start");
      const moved = (value, by, low, high) => Math.min(high, Math.max(low, value + (by * (high - low)) / KEY_STEPS));
      cross = [moved(w, direction[0], wLow, wHigh), moved(b, direction[1], bLow, bHigh)];
      say(`w ${cross[0].toFixed(1)}, b ${cross[1].toFixed(1)}`);
      paint();
    } else if (event.key === "Enter" || event.key === " ") {
      const from = cross ?? model.get("start");
      cross = undefined;
      go(...from);
    } else {
      return;
    }
    event.preventDefault();
  });
  surface.addEventListener("blur", () => {
    cross = undefined;
    paint();
  });

  const { rates: [slowest, fastest] } = model.get("map");
  const STEPS = 100;
  const rateAt = (position) => slowest * (fastest / slowest) ** (position / STEPS);
  const slider = rangeInput("learning rate", STEPS, (position) => String(Number(rateAt(position).toPrecision(2))), (position) => tell(model, { rate: rateAt(position) }));
  const hint = made("p", { class: "note" }, "Click on the map to put the ball there, or move the cross with the arrow keys and press Enter. ✕ is the smallest loss.");
  frame(el, "descent", "A loss surface", made("div", { class: "sliders" }, ...slider.parts), surface, state, hint, spoken);
  const ends = [
    follow(model, ["rate"], () => slider.move(Math.round((STEPS * Math.log(model.get("rate") / slowest)) / Math.log(fastest / slowest)))),
    follow(model, ["path"], roll),
    () => clearInterval(timer),
    onNewTheme(paint),
  ];
  requestAnimationFrame(paint); // now it is in the page, and has its colours
  return () => ends.forEach((end) => end());
}

/** Calls `paint` when JupyterLab or the browser changes its colours; returns what ends that. */
function onNewTheme(paint) {
  const soon = () => requestAnimationFrame(paint);
  const observer = new MutationObserver(soon);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", soon);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", soon);
  };
}

/** Round numbers between two. */
function ticks(low, high) {
  const rough = (high - low) / 6;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((step) => step >= rough);
  const found = [];
  for (let tick = Math.ceil(low / step); tick * step <= high; tick++) found.push(Number((tick * step).toPrecision(6)));
  return found;
}

export default { render };
