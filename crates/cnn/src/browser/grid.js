// Pictures as numbers, row by row: {width, height, data}.

function grid(width, height, data = new Float32Array(width * height)) {
  return { width, height, data };
}

/** The picture with each number computed anew, from itself and its place. */
function changed(image, compute) {
  return grid(image.width, image.height, each(image.data, compute));
}

/** The numbers at the places that are `wanted`. */
function chosen(numbers, wanted) {
  const found = new Float32Array(numbers.length);
  let count = 0;
  for (let place = 0; place < numbers.length; place++) if (wanted(place)) found[count++] = numbers[place];
  return found.subarray(0, count);
}

function largest(numbers) {
  let most = -Infinity;
  for (let place = 0; place < numbers.length; place++) if (numbers[place] > most) most = numbers[place];
  return most;
}

function sumOf(numbers) {
  let sum = 0;
  for (let place = 0; place < numbers.length; place++) sum += numbers[place];
  return sum;
}

function sorted(numbers) {
  return Float32Array.from(numbers).sort();
}

/** The middle one of sorted numbers, the lower of two. */
function median(numbers) {
  return numbers[Math.floor((numbers.length - 1) / 2)];
}

/** First and last row and column in which `data` of the grid is above `threshold`; null where it nowhere is. */
function boxOf({ width, height, data }, threshold) {
  const box = { top: height, left: width, bottom: -1, right: -1 };
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (!(data[row * width + column] > threshold)) continue;
      if (row < box.top) box.top = row;
      if (column < box.left) box.left = column;
      if (column > box.right) box.right = column;
      box.bottom = row;
    }
  }
  return box.bottom < 0 ? null : box;
}

/** The part of the picture within the box; what of the box lies outside is 0. */
function part(image, { top, left, bottom, right }) {
  const result = grid(right - left + 1, bottom - top + 1);
  for (let row = Math.max(top, 0); row <= Math.min(bottom, image.height - 1); row++) {
    for (let column = Math.max(left, 0); column <= Math.min(right, image.width - 1); column++) {
      result.data[(row - top) * result.width + column - left] = image.data[row * image.width + column];
    }
  }
  return result;
}

/** With `by` zeros on all sides. */
function padded(image, by) {
  return part(image, { top: -by, left: -by, bottom: image.height - 1 + by, right: image.width - 1 + by });
}

/**
 * For each pixel the largest number at most `reach` rows and columns away.
 * Source: van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels, 1992.
 */
function largestAround(image, reach) {
  const { width, height } = image;
  const window = 2 * reach + 1;
  const along = (data, lines, length, line, step) => {
    const result = new Float32Array(data.length);
    // A line with room at its ends, in blocks as long as the window; the largest since a block's begin, and until its end.
    const [values, since, until] = [0, 0, 0].map(() => new Float32Array(length + 2 * reach).fill(-Infinity));
    for (let number = 0; number < lines; number++) {
      for (let place = 0; place < length; place++) values[place + reach] = data[number * line + place * step];
      for (let place = 0; place < values.length; place++) {
        const value = values[place];
        since[place] = place % window && since[place - 1] > value ? since[place - 1] : value;
      }
      for (let place = values.length - 1; place >= 0; place--) {
        const value = values[place];
        const goesOn = place + 1 < values.length && (place + 1) % window;
        until[place] = goesOn && until[place + 1] > value ? until[place + 1] : value;
      }
      for (let place = 0; place < length; place++) {
        const other = since[place + 2 * reach];
        result[number * line + place * step] = until[place] > other ? until[place] : other;
      }
    }
    return result;
  };
  const rows = along(image.data, height, width, width, 1);
  return grid(width, height, along(rows, width, height, 1, width));
}

/** For each pixel the mean of those at most `reach` rows and columns away, as far as the picture goes. */
function meanAround(image, reach) {
  const { width, height } = image;
  const along = (data, lines, length, line, step) => {
    const result = new Float32Array(data.length);
    const sums = new Float64Array(length + 1);
    for (let number = 0; number < lines; number++) {
      for (let place = 0; place < length; place++) sums[place + 1] = sums[place] + data[number * line + place * step];
      for (let place = 0; place < length; place++) {
        const first = Math.max(0, place - reach);
        const end = Math.min(length, place + reach + 1);
        result[number * line + place * step] = (sums[end] - sums[first]) / (end - first);
      }
    }
    return result;
  };
  const rows = along(image.data, height, width, width, 1);
  return grid(width, height, along(rows, width, height, 1, width));
}

/** In another size, with numbers between the pixels. With `antialias` each of fewer pixels is a mean of all that it covers. */
function resized(image, width, height, antialias) {
  const across = spans(image.width, width, antialias);
  const down = spans(image.height, height, antialias);
  const lines = grid(width, image.height);
  for (let row = 0; row < image.height; row++) {
    for (let column = 0; column < width; column++) {
      const { first, weights } = across[column];
      let sum = 0;
      for (let index = 0; index < weights.length; index++) sum += weights[index] * image.data[row * image.width + first + index];
      lines.data[row * width + column] = sum;
    }
  }
  const result = grid(width, height);
  for (let row = 0; row < height; row++) {
    const { first, weights } = down[row];
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let index = 0; index < weights.length; index++) sum += weights[index] * lines.data[(first + index) * width + column];
      result.data[row * width + column] = sum;
    }
  }
  return result;
}

/** For each of `to` places the first of the `from` places that it is a mean of, and the weights of these. */
function spans(from, to, antialias) {
  const scale = from / to;
  const reach = antialias ? Math.max(scale, 1) : 1;
  return Array.from({ length: to }, (_, place) => {
    const middle = (place + 0.5) * scale;
    const first = Math.floor(Math.max(0, middle - reach + 0.5));
    const end = Math.min(Math.floor(middle + reach + 0.5), from);
    const weights = [];
    for (let near = first; near < end; near++) weights.push(Math.max(0, 1 - Math.abs(near + 0.5 - middle) / reach));
    const sum = sumOf(weights);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function each(x, compute) {
  const y = new Float32Array(x.length);
  for (let index = 0; index < x.length; index++) y[index] = compute(x[index], index);
  return y;
}
