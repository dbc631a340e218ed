// A paper on which one draws; the kernel answers while one does.

const INVITATION = "Draw on the paper, large.";
const IN_A_ROW = 8; // feature maps

/** Paints maps [count, height, width] of bytes in rows, with a line between them. */
function paintMaps(canvas, bytes, [count, height, width]) {
  const columns = Math.min(count, IN_A_ROW);
  [canvas.width, canvas.height] = [columns * (width + 1) - 1, Math.ceil(count / columns) * (height + 1) - 1];
  const context = canvas.getContext("2d");
  for (let map = 0; map < count; map++) {
    const shown = context.createImageData(width, height);
    for (let place = 0; place < width * height; place++) {
      shown.data.fill(bytes[map * width * height + place], 4 * place, 4 * place + 3);
      shown.data[4 * place + 3] = 255;
    }
    context.putImageData(shown, (map % columns) * (width + 1), Math.floor(map / columns) * (height + 1));
  }
}

/** The choice of a layer, and its feature maps. */
function mapsPanel(model, isEmpty) {
  const layers = model.get("layers");
  const id = newId();
  const shape = () => layers.find((layer) => layer.name === model.get("layer")).shape;
  const options = layers.map(({ name, shape: [count, height, width] }) => made("option", { value: name }, `${name}: ${count} maps of ${height} × ${width}`));
  const select = made("select", { id, change: () => tell(model, { layer: select.value }) }, ...options);
  const canvas = made("canvas", { class: "maps", role: "img" });
  const show = () => {
    select.value = model.get("layer");
    const bytes = bytesOf(model.get("maps"));
    const [of, height, width] = shape();
    const count = Math.min(of, model.get("most_maps"));
    canvas.setAttribute("aria-label", `Feature maps of ${select.value}: ${count} of ${height} × ${width} pixels`);
    if (isEmpty()) paintMaps(canvas, new Uint8Array(count * height * width), [count, height, width]);
    else if (bytes.length === count * height * width) paintMaps(canvas, bytes, [count, height, width]);
  };
  const root = made("section", { "aria-label": "What a layer sees" }, made("p", {}, made("label", { for: id }, "Feature maps of "), select), canvas);
  return { root, show };
}

function render({ model, el }) {
  const answers = answerPanel({ classes: model.get("classes"), ending: model.get("ending") });
  const seen = seenCanvas("What the network sees: 28 × 28 pixels");
  const { say, spoken } = speech();
  const keys = newId();
  const pen = made("span", { class: "pen", hidden: true });
  const paper = made("div", { class: "paper", "aria-describedby": keys }, made("canvas", { width: 448, height: 448 }), pen);
  const asked = new Set(); // the numbers of this paper's drawings that may still be answered
  let [drawing, done] = [undefined, false];

  const nothing = (text) => {
    asked.clear();
    answers.nothing(text);
    seen.width = seen.width;
    if (done) say(text);
    done = false;
  };
  const ask = () => {
    if (drawing.isEmpty()) {
      nothing(INVITATION);
      return maps?.show();
    }
    let image;
    try {
      image = digitOfDrawing(drawing.ink()).data;
    } catch (error) {
      if (!(error instanceof NoDigit)) throw error;
      return nothing(error.message);
    }
    paintImage(seen, image, [1, 28, 28]);
    const drawn = model.get("drawn") + 1;
    asked.add(drawn);
    tell(model, { image: new DataView(image.slice().buffer), drawn });
  };
  const soon = oncePerFrame(ask);
  drawing = drawingOn(paper, (ended) => {
    done ||= ended;
    soon();
  }, say);
  const maps = model.get("layers").length ? mapsPanel(model, () => drawing.isEmpty()) : undefined;
  const clear = () => {
    drawing.forget();
    paper.querySelector("canvas").getContext("2d").fillRect(0, 0, 448, 448);
    done = true;
    ask();
  };
  paper.addEventListener("keydown", (event) => {
    const isBack = event.key === "Backspace" || event.key === "Delete" || (event.key === "z" && (event.ctrlKey || event.metaKey));
    if (!isBack && event.key !== "Escape") return;
    event.preventDefault();
    isBack ? drawing.undo() : clear();
  });

  const buttons = made("p", { class: "buttons" }, made("button", { type: "button", click: drawing.undo }, "Undo"), made("button", { type: "button", click: clear }, "Clear"));
  const note = made("p", { class: "note", id: keys }, "With keys: the arrows move the pen (with Shift less far), the space bar puts it down and lifts it, Backspace takes the last stroke back, Escape clears.");
  const left = made("section", { "aria-label": "What the network is given" }, paper, buttons, made("p", { class: "note" }, "What the network sees:"), seen);
  frame(el, "pad", "A pad to draw on", made("div", { class: "sides" }, left, answers.root, ...(maps ? [maps.root] : [])), spoken, note);
  answers.nothing(INVITATION);

  const ends = [
    follow(model, ["answer"], () => {
      const answer = model.get("answer");
      if (!answer || !asked.has(answer.drawn)) return;
      for (const drawn of asked) if (drawn < answer.drawn) asked.delete(drawn);
      const words = answers.show(answer.outputs);
      if (done && drawing && answer.drawn === Math.max(...asked)) {
        say(words);
        done = false;
      }
    }),
    ...(maps ? [follow(model, ["maps", "layer"], maps.show)] : []),
  ];
  return () => ends.forEach((end) => end());
}

export default { render };
