// From ink to what MNIST's makers made of their scans, as `preprocessing/digit` of the crate does it: `pen` and `placing` are here,
// `ink` and `parts` in strokes.js, and what photographs need besides in photograph.js.

/** What is said where there is no digit to be read. */
class NoDigit extends Error {}

const BOX = 20; // side of the box that the digit fills
const SIDE = 28; // of the finished picture
const CENTRE = 14; // row and column of the centre of mass
const WANTED = 0.11; // a stroke's thickness, as a part of the digit's longer side, that thin ones are given
const FINE = 100; // the longer side at which strokes are thickened

/** A drawing, from 0 (paper) to 1 (ink), as 28×28 numbers; it has neither shadows nor printed lines. */
function digitOfDrawing(ink) {
  const box = boxOf(ink, FAINTEST);
  if (!box) throw new NoDigit(NOTHING);
  const { top, left, bottom, right } = box;
  // All that is looked at is near to the ink.
  const drawn = part(ink, { top: top - NEAR, left: left - NEAR, bottom: bottom + NEAR, right: right + NEAR });
  const threshold = inkThreshold(drawn, (value) => value > FAINTEST);
  const strokes = digitAmong(above(drawn, threshold), Math.max(ink.width, ink.height));
  return finished(thickened(cutOut(drawn, strokes, threshold)));
}

/** A digit cut out by its box, in 28×28 pixels. */
function finished(digit) {
  return centredByMass(brightestIs1(scaled(digit)));
}

// ---- the pen ----

/** Strokes thinner than MNIST's are made as thick: in 20 pixels a thin stroke is grey, and the network has learnt from white ones. */
function thickened(digit) {
  const longer = Math.max(digit.width, digit.height);
  const missing = WANTED - thickness(digit);
  if (missing <= 0) return digit;
  // A hair would be lost on the way to 100 pixels: it is made as wide as one of them first.
  const hair = Math.floor(longer / FINE / 2);
  const fine = brightestIs1(withLongerSide(largestAround(padded(digit, hair), hair), FINE));
  const thick = withRoundPen(fine, Math.max(0, ((missing - (2 * hair) / longer) * FINE) / 2));
  return part(thick, boxOf(thick, 0.5));
}

/** Mean thickness of the strokes: a stroke has twice its area by thickness as its outline is long. */
function thickness(digit) {
  const mask = padded(changed(digit, (value) => (value > 0.5 ? 1 : 0)), 1);
  let [area, steps] = [0, 0];
  for (let place = 0; place < mask.data.length; place++) {
    area += mask.data[place];
    if ((place + 1) % mask.width) steps += Math.abs(mask.data[place + 1] - mask.data[place]);
    if (place + mask.width < mask.data.length) steps += Math.abs(mask.data[place + mask.width] - mask.data[place]);
  }
  // Steps along rows and columns are, over all directions, 4/π as many as the outline is long.
  const outline = (steps * Math.PI) / 4;
  return (2 * area) / Math.max(outline, 1) / Math.max(digit.width, digit.height);
}

/** Each pixel becomes the brightest within `radius`. */
function withRoundPen(digit, radius) {
  const reach = Math.floor(radius) + 1;
  const from = padded(digit, reach);
  const { width, height } = from;
  const thick = grid(width, height, from.data.slice());
  for (let down = -reach; down <= reach; down++) {
    for (let right = -reach; right <= reach; right++) {
      // At the pen's edge a pixel counts for the part of it that the pen covers.
      const covered = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(down, right)));
      if (covered === 0) continue;
      for (let row = Math.max(0, down); row < Math.min(height, height + down); row++) {
        const [first, end] = [row * width + Math.max(0, right), row * width + Math.min(width, width + right)];
        const back = down * width + right;
        for (let place = first; place < end; place++) {
          const value = from.data[place - back] * covered;
          if (value > thick.data[place]) thick.data[place] = value;
        }
      }
    }
  }
  return thick;
}

// ---- placing ----

function scaled(digit) {
  // A pixel more or less is a soft edge, and scaling would only blur what has its size already.
  return Math.abs(Math.max(digit.width, digit.height) - BOX) <= 1 ? digit : withLongerSide(digit, BOX);
}

function withLongerSide(image, side) {
  const scale = side / Math.max(image.width, image.height);
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  return resized(image, width, height, true);
}

function brightestIs1(digit) {
  const most = Math.max(largest(digit.data), 1e-6);
  return changed(digit, (value) => Math.min(1, Math.max(0, value / most)));
}

function centredByMass(digit) {
  const { width, height, data } = digit;
  let [mass, down, right] = [0, 0, 0];
  for (let place = 0; place < data.length; place++) {
    mass += data[place];
    down += data[place] * Math.floor(place / width);
    right += data[place] * (place % width);
  }
  const start = (moment, length) => Math.min(Math.max(Math.round(CENTRE - moment / mass), 0), SIDE - length);
  const [top, left] = [start(down, height), start(right, width)];
  return part(digit, { top: -top, left: -left, bottom: SIDE - 1 - top, right: SIDE - 1 - left });
}
