// The paper that is drawn on, with mouse, pen, finger or keys. Strokes are lists of points, so that the last one can be taken back,
// and the drawing is both sharp on the screen and small enough to be read while one draws.

const PAPER = 224; // side of the drawing that is read; points are in its pixels
const PEN = 16; // thickness of a stroke
const EDGE = 2; // pixels at the paper's sides that stay white, so that no stroke seems to come in from outside
const STEP = 8; // how far an arrow key moves the pen, and with Shift a quarter of it

/**
 * Makes `paper`, which holds a canvas and the mark of the keys' pen, an area to draw on. `changed(done)` is called after each change, and
 * `done` says whether a stroke has ended; `say(text)` is for screen readers.
 */
function drawingOn(paper, changed, say) {
  const canvas = paper.querySelector("canvas");
  const small = document.createElement("canvas");
  [small.width, small.height] = [PAPER, PAPER];
  const contexts = [canvas, small].map((canvas) => canvas.getContext("2d", { willReadFrequently: canvas === small }));
  const cursor = paper.querySelector(".pen");
  const strokes = [];
  let stroke = null; // the one that is being drawn
  let at = [PAPER / 2, PAPER / 2]; // of the keys' pen
  let byKeys = false;

  function paint(context) {
    blank(context);
    context.save();
    context.scale(context.canvas.width / PAPER, context.canvas.height / PAPER);
    context.beginPath();
    context.rect(EDGE, EDGE, PAPER - 2 * EDGE, PAPER - 2 * EDGE);
    context.clip();
    Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    for (const points of strokes) {
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
    context.restore();
  }

  function begin(point) {
    paper.classList.remove("shows-picture");
    stroke = [point];
    strokes.push(stroke);
    update(false);
  }

  function end() {
    if (!stroke) return;
    stroke = null;
    byKeys = false;
    showCursor();
    update(true);
  }

  function update(done) {
    contexts.forEach(paint);
    changed(done);
  }

  function showCursor() {
    cursor.hidden = document.activeElement !== paper || !(byKeys || paper.matches(":focus-visible"));
    cursor.classList.toggle("down", byKeys);
    cursor.style.left = `${(100 * at[0]) / PAPER}%`;
    cursor.style.top = `${(100 * at[1]) / PAPER}%`;
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * PAPER) / box.width, ((event.clientY - box.top) * PAPER) / box.height];
  }

  paper.classList.add("drawn-on");
  paper.tabIndex = 0;
  paper.setAttribute("role", "application");
  paper.setAttribute("aria-label", "Paper to draw on");

  paper.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    end();
    paper.setPointerCapture(event.pointerId);
    begin(place(event));
  });
  paper.addEventListener("pointermove", (event) => {
    if (!stroke || byKeys || !event.isPrimary) return;
    const events = event.getCoalescedEvents?.() ?? [];
    stroke.push(...(events.length ? events : [event]).map(place));
    update(false);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    paper.addEventListener(name, (event) => event.isPrimary && !byKeys && end());
  }

  paper.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (direction) {
      const step = event.shiftKey ? STEP / 4 : STEP;
      at = at.map((value, axis) => Math.min(Math.max(value + step * direction[axis], 0), PAPER));
      if (byKeys) {
        stroke.push(at);
        update(false);
      }
    } else if (event.key === " " && byKeys) {
      end();
    } else if (event.key === " ") {
      end();
      byKeys = true;
      begin(at);
      say("The pen is down.");
    } else {
      return;
    }
    event.preventDefault();
    showCursor();
  });
  paper.addEventListener("focus", showCursor);
  paper.addEventListener("blur", () => {
    end();
    showCursor();
  });

  contexts.forEach(paint);
  return {
    undo() {
      end();
      strokes.pop();
      paper.classList.remove("shows-picture");
      update(true);
    },
    /** Leaves no strokes, and says nothing of it. */
    forget() {
      stroke = null;
      byKeys = false;
      strokes.length = 0;
      showCursor();
    },
    isEmpty: () => strokes.length === 0,
    /** From 0 (paper) to 1 (ink). */
    ink() {
      const { data } = contexts[1].getImageData(0, 0, PAPER, PAPER);
      const ink = grid(PAPER, PAPER);
      for (let place = 0; place < ink.data.length; place++) ink.data[place] = 1 - data[4 * place] / 255;
      return ink;
    },
  };
}

function blank(context) {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}
