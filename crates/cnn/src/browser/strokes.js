// Pen and paper told apart by a threshold, and which of the connected parts of the ink are the digit: `ink` and `parts` of the crate's
// `preprocessing/digit`.

const FAINTEST = 0.06; // ink below which nothing can be told from the paper's own grain
const NEAR = 4; // pixels around the ink in which the threshold is looked for
const LEVELS = 256; // among which the threshold is looked for
const NOTHING = "Nothing here stands out from its background: draw or write it darker or larger.";

/** The ink from which on a pixel belongs to a stroke; it is looked for near to what `standsOut`, since strokes are few on a page. */
function inkThreshold(ink, standsOut, onPaper = () => true) {
  const mask = changed(ink, (value) => (standsOut(value) ? 1 : 0));
  if (largest(mask.data) === 0) throw new NoDigit(NOTHING);
  const near = largestAround(mask, NEAR);
  return Math.max(otsu(chosen(ink.data, (place) => near.data[place] && onPaper(place))), FAINTEST);
}

/**
 * The threshold between two groups of numbers from 0 to 1 that sets their means furthest apart, weighed by their sizes.
 * Source: Otsu, A threshold selection method from gray-level histograms, 1979.
 */
function otsu(numbers) {
  const histogram = new Float64Array(LEVELS);
  for (let place = 0; place < numbers.length; place++) {
    histogram[Math.min(Math.max(Math.round(numbers[place] * (LEVELS - 1)), 0), LEVELS - 1)]++;
  }
  const sum = sumOf(histogram.map((count, level) => count * level));
  let [below, sumBelow, most, best] = [0, 0, 0, 0];
  for (let level = 0; level < LEVELS; level++) {
    below += histogram[level];
    sumBelow += level * histogram[level];
    const above = numbers.length - below;
    if (below === 0 || above === 0) continue;
    const apart = sumBelow / below - (sum - sumBelow) / above;
    const between = below * above * apart * apart;
    if (between > most) [most, best] = [between, level];
  }
  return (best + 0.5) / (LEVELS - 1);
}

/** The strokes' ink, evened out: 1 inside of them, soft at their edges, 0 elsewhere; cut out by their box. */
function cutOut(ink, strokes, threshold) {
  const inside = chosen(ink.data, (place) => strokes.data[place]);
  const low = threshold / 2;
  const range = Math.max(sumOf(inside) / inside.length - low, 1e-6);
  const around = largestAround(strokes, 1);
  const soft = changed(ink, (value, place) => Math.min(1, Math.max(0, (value - low) / range)) * around.data[place]);
  return part(soft, boxOf(strokes, 0.5));
}

// ---- connected parts ----

/** For each pixel the number of its part, from 1, or 0; and the parts. Corners hang together, too. */
function partsOf({ width, height, data }) {
  const labels = new Uint32Array(data.length);
  const parts = [];
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || labels[start]) continue;
    const part = { label: parts.length + 1, area: 0, top: height, left: width, bottom: 0, right: 0 };
    const toVisit = [start];
    labels[start] = part.label;
    while (toVisit.length) {
      const place = toVisit.pop();
      const row = Math.floor(place / width);
      const column = place % width;
      part.area++;
      part.top = Math.min(part.top, row);
      part.bottom = Math.max(part.bottom, row);
      part.left = Math.min(part.left, column);
      part.right = Math.max(part.right, column);
      for (let r = Math.max(0, row - 1); r < Math.min(row + 2, height); r++) {
        for (let c = Math.max(0, column - 1); c < Math.min(column + 2, width); c++) {
          const near = r * width + c;
          if (!data[near] || labels[near]) continue;
          labels[near] = part.label;
          toVisit.push(near);
        }
      }
    }
    part.height = part.bottom - part.top + 1;
    part.width = part.right - part.left + 1;
    part.longer = Math.max(part.height, part.width);
    part.atTheEdge = part.top === 0 || part.left === 0 || part.bottom + 1 === height || part.right + 1 === width;
    parts.push(part);
  }
  return { labels, parts };
}

/** The pixels whose ink is above the threshold. */
function above(ink, threshold) {
  return changed(ink, (value) => (value > threshold ? 1 : 0));
}

/**
 * The strokes of the one digit that is shown: without frames, specks, and what reaches in from outside. `side` is the longer one of
 * the whole picture.
 */
function digitAmong(strokes, side = Math.max(strokes.width, strokes.height)) {
  const { labels, parts } = partsOf(strokes);
  const large = parts.filter((part) => part.area > 3);
  const outer = large.filter((part) => part.atTheEdge);
  let sensible = large.filter((part) => !part.atTheEdge);
  // Where something lies inside the picture, that is the digit; a digit that is cut off tightly fills the picture.
  if (sensible.every((part) => 8 * part.longer < side)) sensible.push(...outer.filter((part) => 2 * part.longer > side));
  sensible = sensible.filter((part) => !isFrame(part, sensible)).sort(bySize);
  const first = sensible[0];
  if (!first || 50 * first.longer <= side || first.longer <= 8) throw new NoDigit(NOTHING);
  const digits = grouped(sensible.filter((part) => !isSpeck(part, first)));
  if (digits.length > 1) throw new NoDigit(`There may be ${digits.length} digits here: show one of them.`);
  const kept = new Uint8Array(parts.length + 1);
  for (const part of digits[0]) kept[part.label] = 1;
  return changed(strokes, (_, place) => kept[labels[place]]);
}

function bySize(one, other) {
  return other.longer - one.longer || other.area - one.area;
}

/** A frame holds something sensible, and hardly fills its own box. */
function isFrame(frame, parts) {
  const holds = (part) => frame.top < part.top && frame.left < part.left && frame.bottom > part.bottom && frame.right > part.right;
  const thin = 5 * frame.area < frame.height * frame.width;
  return thin && parts.some((part) => holds(part) && 4 * part.longer > frame.longer && part.area > 30);
}

function isSpeck(part, first) {
  return 50 * part.area < first.area || 8 * part.longer < first.longer;
}

/** Parts that lie near each other are one digit: a 5 and its bar. Groups that are small beside the largest are no digits. */
function grouped(parts) {
  const groups = [];
  const rest = [...parts];
  while (rest.length) {
    const group = [rest.shift()];
    const joins = (part) => group.some((member) => gap(member, part) <= Math.floor(group[0].longer / 5)) && !standsBeside(part, group[0]);
    for (let next = rest.findIndex(joins); next >= 0; next = rest.findIndex(joins)) group.push(...rest.splice(next, 1));
    groups.push(group);
  }
  return groups.filter((group) => 2 * group[0].longer > groups[0][0].longer);
}

/** Empty pixels between the boxes, in the direction in which there are more. */
function gap(one, other) {
  return Math.max(gapAcross(one, other), other.top - one.bottom, one.top - other.bottom, 0);
}

function gapAcross(one, other) {
  return Math.max(other.left - one.right, one.left - other.right, 0);
}

/** Two tall parts with a clear gap between them are two digits. */
function standsBeside(part, first) {
  return 5 * part.height > 3 * first.height && 20 * gapAcross(part, first) > first.height;
}
