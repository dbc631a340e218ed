// What a photograph of a digit needs before it is ink on paper: `picture`, `desk`, `light`, `ruling` and `small` of the crate's
// `preprocessing/digit`.

const LONGER_SIDE = 1000; // that is worked on
const COARSE = 250; // the longer side of the picture in which paper and light are looked for
const SMALL = 64; // the longest side of a picture as MNIST's are: the digit is all there is on it

/** A picture {width, height, data} of bytes, red, green, blue and alpha, as 28×28 numbers. */
function digitOfPicture(picture) {
  const grey = greyOf(picture);
  return finished(Math.max(grey.width, grey.height) <= SMALL ? smallDigit(grey) : photographed(grey));
}

/** The digit cut out of a photograph, or of a scan. */
function photographed(grey) {
  const paper = paperOf(grey);
  const light = inkOf(paintedOver(grey, paper));
  const ink = changed(light, (value, place) => value * paper.data[place]);
  const onPaper = (place) => paper.data[place] > 0.5;
  const numbers = sorted(chosen(ink.data, onPaper));
  if (!numbers.length) throw new NoDigit(NOTHING);
  const middle = median(numbers);
  // From the median of the deviations, which strokes hardly change; five standard deviations of the paper's grain are no grain.
  const grain = 1.4826 * median(sorted(numbers.map((value) => Math.abs(value - middle))));
  let threshold = inkThreshold(ink, (value) => value > middle + Math.max(FAINTEST, 5 * grain), onPaper);
  const strokesFrom = (level) => digitAmong(withoutRuling(above(ink, level), paper));
  let strokes;
  try {
    strokes = strokesFrom(threshold);
  } catch (error) {
    if (!(error instanceof NoDigit) || error.message === NOTHING) throw error;
    // A hair may have broken into pieces, which half the threshold joins; several digits stay several.
    threshold /= 2;
    try {
      strokes = strokesFrom(threshold);
    } catch {
      throw error;
    }
  }
  return thickened(cutOut(ink, strokes, threshold));
}

/** From 0 (black) to 1, the longer side at most 1,000 pixels: of a larger picture means of squares of pixels. */
function greyOf({ width, height, data }) {
  const step = Math.ceil(Math.max(width, height) / LONGER_SIDE);
  const [grey, alpha] = [grid(Math.ceil(width / step), Math.ceil(height / step)), grid(Math.ceil(width / step), Math.ceil(height / step))];
  for (let row = 0; row < grey.height; row++) {
    for (let column = 0; column < grey.width; column++) {
      const [endRow, end] = [Math.min(height, (row + 1) * step), Math.min(width, (column + 1) * step)];
      let [light, opaque] = [0, 0];
      for (let r = row * step; r < endRow; r++) {
        for (let c = column * step; c < end; c++) {
          const pixel = 4 * (r * width + c);
          light += (data[pixel] + data[pixel + 1] + data[pixel + 2]) * data[pixel + 3];
          opaque += data[pixel + 3];
        }
      }
      const pixels = (endRow - row * step) * (end - column * step);
      grey.data[row * grey.width + column] = light / (3 * 255 * 255 * pixels);
      alpha.data[row * grey.width + column] = opaque / (255 * pixels);
    }
  }
  return onPaperColour(grey, alpha);
}

/** Transparent parts become paper: white under dark ink, black under light ink; where only an edge is transparent, as the rest. */
function onPaperColour(grey, alpha) {
  const opaque = sumOf(alpha.data) / alpha.data.length;
  const mean = sumOf(grey.data) / grey.data.length / Math.max(opaque, 1e-9);
  const colour = opaque > 0.5 ? mean : mean < 0.5 ? 1 : 0;
  return changed(grey, (value, place) => value + (1 - alpha.data[place]) * colour);
}

// ---- the paper ----

/** The picture made small, for what is large in it: each pixel is the mean of those that it covers. */
function coarseOf({ width, height, data }) {
  const longer = Math.max(width, height);
  const [columns, rows] = [width, height].map((length) => Math.max(1, Math.floor((length * Math.min(COARSE, longer)) / longer)));
  const result = grid(columns, rows);
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = [Math.floor((row * height) / rows), Math.ceil(((row + 1) * height) / rows)];
    for (let column = 0; column < columns; column++) {
      const [left, right] = [Math.floor((column * width) / columns), Math.ceil(((column + 1) * width) / columns)];
      let sum = 0;
      for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) sum += data[r * width + c];
      result.data[row * columns + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return result;
}

/** 1 where the paper is, 0 on a dark desk around it; 1 everywhere where there is no such desk. */
function paperOf(grey) {
  const coarse = coarseOf(grey);
  const everywhere = changed(grey, () => 1);
  const threshold = otsu(coarse.data);
  const light = changed(coarse, (value) => (value > threshold ? 1 : 0));
  const mean = (on) => {
    const numbers = chosen(coarse.data, (place) => light.data[place] === on);
    return sumOf(numbers) / numbers.length;
  };
  // A desk has at most so much of the paper's brightness; a shadow on the paper has more.
  if (mean(0) > 0.55 * mean(1) || sumOf(light.data) === light.data.length) return everywhere;
  const { labels, parts } = partsOf(light);
  if (!parts.length) return everywhere;
  const sheet = parts.reduce((one, other) => (other.area >= one.area ? other : one));
  const filled = withoutHoles(changed(light, (_, place) => (labels[place] === sheet.label ? 1 : 0)));
  if (!isPaper(sheet, sumOf(filled.data), light.data.length)) return everywhere;
  // A little less, without the paper's own edge and its blur.
  const outside = largestAround(changed(filled, (value) => 1 - value), 3);
  if (sumOf(outside.data) === outside.data.length) return everywhere;
  return changed(grey, (_, place) => {
    const row = Math.floor((Math.floor(place / grey.width) * coarse.height) / grey.height);
    const column = Math.floor(((place % grey.width) * coarse.width) / grey.width);
    return 1 - outside.data[row * coarse.width + column];
  });
}

/** A sheet is large and fills its box, and what is written on it leaves most of it white; a light digit is no sheet. */
function isPaper({ area, height, width }, whole, all) {
  const somethingAround = whole < 0.98 * all;
  const somethingWritten = whole - area > 0.0005 * whole;
  return somethingAround && somethingWritten && whole > 0.15 * all && whole > 0.6 * height * width && area > 0.75 * whole;
}

/** What cannot be reached from the picture's edge belongs to the sheet. */
function withoutHoles(sheet) {
  const { labels, parts } = partsOf(changed(sheet, (value) => 1 - value));
  return changed(sheet, (_, place) => (labels[place] === 0 || !parts[labels[place] - 1].atTheEdge ? 1 : 0));
}

/** The desk in the paper's colour. */
function paintedOver(grey, paper) {
  const colour = median(sorted(chosen(grey.data, (place) => paper.data[place] > 0.5)));
  return changed(grey, (value, place) => value * paper.data[place] + (1 - paper.data[place]) * colour);
}

// ---- the light ----

/** How much of the light that falls on the paper is swallowed there; light ink on a dark ground is dark ink in the negative. */
function inkOf(picture) {
  const grey = isDarkOnLight(picture) ? picture : changed(picture, (value) => 1 - value);
  const light = paperLight(grey);
  return changed(grey, (value, place) => 1 - Math.min(1, Math.max(0, value / Math.max(light.data[place], 0.02))));
}

/** Ink stands out more than anything else, in one direction; a shadow's edge has as much on both sides. */
function isDarkOnLight(grey) {
  const coarse = coarseOf(grey);
  const surroundings = meanAround(coarse, halfWindow(coarse, 3));
  return sumOf(coarse.data.map((value, place) => (value - surroundings.data[place]) ** 3)) < 0;
}

/** What the picture would be without ink: the lightest around each place, but not beyond what is light itself, then smoothed. */
function paperLight(grey) {
  const coarse = coarseOf(grey);
  const reach = halfWindow(coarse, 5);
  const negative = (image) => changed(image, (value) => -value);
  const closed = negative(largestAround(negative(largestAround(coarse, reach)), reach));
  return resized(meanAround(closed, 4), grey.width, grey.height, false);
}

function halfWindow({ width, height }, share) {
  return Math.floor(Math.max(width, height) / share / 2);
}

// ---- printed lines ----

/** The strokes without lines that cross the paper from side to side, or from top to bottom. */
function withoutRuling(strokes, paper) {
  return transposed(withoutLevelLines(transposed(withoutLevelLines(strokes, paper)), transposed(paper)));
}

function transposed({ width, height, data }) {
  return grid(height, width, data.map((_, place) => data[(place % height) * width + Math.floor(place / height)]));
}

/** Looks along every straight line of a small slope: a printed one goes from edge to edge, and more than half is ink. */
function withoutLevelLines(strokes, paper) {
  const { width, height, data } = strokes;
  const result = grid(width, height, data.slice());
  const thickest = Math.max(Math.floor(Math.max(width, height) / 120), 3);
  const most = Math.floor((width * 6) / 100);
  for (let slant = -6; slant <= 6; slant++) {
    const drops = Array.from({ length: width }, (_, column) => Math.trunc((column * slant) / 100));
    for (let start = -most; start < height + most; start++) {
      const places = [];
      let ink = 0;
      for (let column = 0; column < width; column++) {
        const row = start + drops[column];
        const place = row * width + column;
        if (row < 0 || row >= height || !paper.data[place]) continue;
        places.push(place);
        ink += data[place];
      }
      if (ink < places.length / 2 || 3 * places.length < width) continue;
      const near = Math.floor(places.length / 20);
      const anyInk = (some) => some.some((place) => data[place]);
      if (!anyInk(places.slice(0, near)) || !anyInk(places.slice(places.length - near))) continue;
      for (const place of places) {
        if (!data[place]) continue;
        // Where more ink stands one above the other, a stroke crosses the line.
        let [first, end] = [place, place + width];
        while (first - width >= 0 && data[first - width]) first -= width;
        while (end < data.length && data[end]) end += width;
        if ((end - first) / width <= thickest) for (let at = first; at < end; at += width) result.data[at] = 0;
      }
    }
  }
  return result;
}

// ---- pictures no larger than an icon ----

/** The digit cut out. The background is what most of the border shows; soft edges are kept as they are. */
function smallDigit(grey) {
  const { width, height, data } = grey;
  const sides = [...Array(width).keys()].flatMap((column) => [column, (height - 1) * width + column]);
  for (let row = 0; row < height; row++) sides.push(row * width, row * width + width - 1);
  const border = sorted(sides.map((place) => data[place]));
  const background = median(border);
  const lighter = changed(grey, (value) => value - background);
  const [light, dark] = [largest(lighter.data), -lighter.data.reduce((one, other) => Math.min(one, other))];
  const strongest = Math.max(light, dark);
  if (!(strongest > 0.1)) throw new NoDigit(NOTHING);
  const deviations = sorted(border.map((value) => Math.abs(value - background)));
  // The background is not wholly even in a JPEG; a digit may touch the border here and there.
  const unevenness = deviations[Math.ceil(0.75 * (deviations.length - 1))];
  const ink = changed(lighter, (value) => {
    const above = light > dark ? value : -value;
    return above > unevenness && above > 0 ? above / strongest : 0;
  });
  const box = boxOf(ink, 0);
  if (!box) throw new NoDigit(NOTHING);
  return part(ink, box);
}
