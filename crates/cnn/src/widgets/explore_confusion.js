// A confusion matrix; a cell that is pressed shows its images.

const COLOURS = { right: "rgb(0, 114, 178)", wrong: "rgb(213, 94, 0)" };

function plural(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

function render({ model, el }) {
  const [names, counts] = [model.get("classes"), model.get("counts")];
  const { say, spoken } = speech();
  const classes = names.map((_, index) => index);
  const sums = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  const worst = Math.max(1, ...counts.flatMap((row, truth) => row.filter((_, predicted) => predicted !== truth)));
  // Of right answers the share of their class; of wrong ones the root, so that single mistakes are seen beside frequent ones.
  const share = (truth, predicted) => (truth === predicted ? counts[truth][truth] / Math.max(1, sums[truth]) : Math.sqrt(counts[truth][predicted] / worst));
  const words = (truth, predicted) => `true ${names[truth]}, predicted ${names[predicted]}: ${plural(counts[truth][predicted], "image")}`;

  const button = (truth, predicted) => {
    const cell = made("button", { type: "button", tabindex: -1, "aria-label": words(truth, predicted), title: words(truth, predicted), "aria-pressed": "false" });
    cell.textContent = counts[truth][predicted] || "·";
    cell.style.setProperty("--of", truth === predicted ? COLOURS.right : COLOURS.wrong);
    cell.style.setProperty("--share", `${Math.round(50 * share(truth, predicted))}%`);
    cell.addEventListener("click", () => tell(model, { cell: [truth, predicted] }));
    cell.addEventListener("focus", () => cells.flat().forEach((other) => (other.tabIndex = other === cell ? 0 : -1)));
    cell.addEventListener("keydown", (event) => {
      const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
      if (!down && !right) return;
      event.preventDefault();
      cells[truth + down]?.[predicted + right]?.focus();
    });
    return cell;
  };
  const cells = classes.map((truth) => classes.map((predicted) => button(truth, predicted)));
  cells[0][0].tabIndex = 0;
  const head = made("tr", {}, made("th", { scope: "col" }, "true ↓ predicted →"), ...names.map((name) => made("th", { scope: "col" }, name)));
  const rows = cells.map((row, truth) => made("tr", {}, made("th", { scope: "row" }, names[truth]), ...row.map((cell) => made("td", {}, cell))));
  const matrix = made("div", { class: "matrix" }, made("table", {}, made("thead", {}, head), made("tbody", {}, ...rows)));

  const title = made("p", {}, "Choose a cell to see its images: with the mouse, or with the arrow keys and Enter.");
  const gallery = made("ul", { class: "gallery", role: "list" });
  const images = made("section", { "aria-label": "The images of the cell" }, title, gallery);
  frame(el, "confusion", "A confusion matrix", matrix, spoken, images);

  const press = () => {
    const [truth, predicted] = model.get("cell") ?? [];
    cells.forEach((row, t) => row.forEach((cell, p) => cell.setAttribute("aria-pressed", t === truth && p === predicted)));
  };
  const show = () => {
    const shown = model.get("shown");
    const bytes = bytesOf(model.get("images"));
    const [channels, height, width] = shown?.shape ?? [];
    const size = channels * height * width;
    if (!shown || bytes.length !== size * shown.captions.length) return;
    const [truth, predicted] = shown.cell;
    const of = counts[truth][predicted];
    const first = shown.captions.length < of ? `, ${shown.captions.length} of them here` : "";
    const text = `True ${names[truth]}, read as ${names[predicted]}: ${plural(of, "image")}${first}.${shown.order && of > 1 ? ` ${shown.order}` : ""}`;
    title.textContent = text;
    gallery.replaceChildren(...shown.captions.map((caption, place) => {
      const canvas = made("canvas", { role: "img", "aria-label": caption });
      paintImage(canvas, bytes.subarray(place * size, (place + 1) * size), shown.shape, 255);
      return made("li", {}, canvas, caption);
    }));
    say(text);
  };
  const ends = [follow(model, ["cell"], press), follow(model, ["shown", "images"], show)];
  return () => ends.forEach((end) => end());
}

export default { render };
