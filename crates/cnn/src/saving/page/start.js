// The page at work: what is given goes to the network, and its answer is shown.

const page = withWeights(JSON.parse(element("network").textContent), decoded(element("weights").textContent));
const SHAPE = page.steps[0].shape;

/** What the network answers for numbers from 0 to 1, or, if it takes no pictures, for any numbers. */
function predict(input) {
  return run(page, page.scale === 1 ? input : each(input, (value) => value * page.scale));
}

/** Shows the answer for what `input` makes, or why there is none; `aloud` says it as well. */
function answer(input, aloud) {
  let words;
  try {
    const image = input();
    if (SHAPE.length === 3) showSeen(image, SHAPE);
    words = showAnswer(predict(image));
  } catch (error) {
    if (!(error instanceof NoDigit)) throw error;
    words = error.message;
    showNothing(words);
  }
  if (aloud) say(words);
}

function startDrawing() {
  let [waiting, done] = [false, false];
  const drawing = drawingOn(element("paper"), (ended) => {
    done ||= ended;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      const aloud = done;
      [waiting, done] = [false, false];
      if (element("paper").classList.contains("shows-picture")) return;
      if (!drawing.isEmpty()) return answer(() => digitOfDrawing(drawing.ink()).data, aloud);
      showNothing(page.invitation);
      if (aloud) say("The paper is empty.");
    });
  }, say);
  element("paper").setAttribute("aria-describedby", "keys");
  element("undo").addEventListener("click", drawing.undo);
  document.addEventListener("keydown", (event) => {
    const back = event.key === "Backspace" || event.key === "Delete" || (event.key === "z" && (event.ctrlKey || event.metaKey));
    if (!back) return;
    event.preventDefault();
    drawing.undo();
  });
  return drawing;
}

function startPictures(drawing) {
  const paper = element("paper");
  const context = paper.querySelector("canvas").getContext("2d");
  const clear = () => {
    drawing?.forget();
    paper.classList.remove("shows-picture");
    blank(context);
    showNothing(page.invitation);
    say("Cleared.");
  };
  const read = page.kind === "drawing" ? (picture) => digitOfPicture(picture).data : (picture) => imageOf(picture, SHAPE);
  awaitPictures(async (file) => {
    const picture = await pixelsOf(file).catch((error) => error);
    answer(() => {
      if (picture instanceof Error) throw picture;
      drawing?.forget();
      showOn(paper, picture.bitmap);
      return read(picture);
    }, true);
  });
  return clear;
}

function startNumbers() {
  const text = element("numbers");
  const wanted = SHAPE.reduce((product, length) => product * length, 1);
  const read = () => {
    const words = text.value.split(/[\s,;[\]]+/).filter(Boolean);
    if (!words.length) return showNothing(page.invitation);
    answer(() => {
      const numbers = Float32Array.from(words, Number);
      const wrong = numbers.findIndex((number) => !Number.isFinite(number));
      if (wrong >= 0) throw new NoDigit(`“${words[wrong]}” is no number.`);
      if (numbers.length !== wanted) throw new NoDigit(`These are ${numbers.length} numbers, and the network wants ${wanted}.`);
      return numbers;
    }, true);
  };
  text.addEventListener("input", read);
  return () => {
    text.value = "";
    showNothing(page.invitation);
  };
}

showNothing(page.invitation);
const drawing = page.kind === "drawing" ? startDrawing() : undefined;
const clearAll = page.kind === "numbers" ? startNumbers() : startPictures(drawing);
element("clear").addEventListener("click", clearAll);
document.addEventListener("keydown", (event) => event.key === "Escape" && clearAll());
