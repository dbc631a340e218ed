"use strict";
// The network: a list of steps, each of which makes its output of those before it. Images are [channels, height, width], and their
// numbers lie row by row, one channel after the other.

/** What the last step gives for an input: a Float32Array of the shape `network.steps[0].shape`. */
function run(network, input) {
  const outputs = [];
  for (const step of network.steps) {
    const [x, other] = step.from.map((index) => outputs[index]);
    const shape = step.from.length ? network.steps[step.from[0]].shape : step.shape;
    outputs.push(OPERATIONS[step.op](step, x ?? input, shape, other));
  }
  return outputs[outputs.length - 1];
}

/** Gives each step its weights: parts of one long row of numbers. */
function withWeights(network, numbers) {
  for (const step of network.steps) {
    for (const [name, [start, count]] of Object.entries(step.weights)) {
      step.weights[name] = numbers.subarray(start, start + count);
    }
  }
  return network;
}

/** 32-bit floats from base64. */
function decoded(base64) {
  const text = atob(base64.trim());
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return new Float32Array(bytes.buffer);
}

const OPERATIONS = {
  input: (step, x) => x,
  add: (step, x, shape, other) => each(x, (value, index) => value + other[index]),
  activation: (step, x, shape) => (step.name === "softmax" ? softmax(x, shape) : each(x, ACTIVATIONS[step.name])),
  relu: (step, x) => each(x, (value) => relu(value, step)),
  leaky_relu: (step, x) => each(x, (value) => (value > 0 ? value : step.negative_slope * value)),
  elu: (step, x) => each(x, (value) => (value > 0 ? value : step.alpha * Math.expm1(value))),
  rescaling: (step, x) => each(x, (value) => value * step.scale + step.offset),
  convolution,
  dense,
  max_pooling: (step, x, shape) => pooled(step, x, shape, -Infinity, Math.max, (most) => most),
  average_pooling: (step, x, shape) => pooled(step, x, shape, 0, (sum, value) => sum + value, (sum, count) => sum / count),
  normalized,
  layer_normalization: layerNormalization,
  moved,
  up_sampling: upSampling,
  flatten: (step, x, shape) => pixelByPixel(x, shape),
  reshape: (step, x, shape) => channelByChannel(pixelByPixel(x, shape), step.shape),
  permute: permuted,
};

// ---- layers with weights ----

/** Adds each weight's share to all pixels at once. Pixels outside of the image are 0, and left out. */
function convolution(step, x, [channels, height, width]) {
  const [filters, rows, columns] = step.shape;
  const [kernelRows, kernelColumns] = step.size;
  const [[down, right], [rateDown, rateRight], [top, left]] = [step.strides, step.dilation, step.padding];
  const { kernel, bias } = step.weights;
  const inGroup = channels / step.groups;
  const y = new Float32Array(filters * rows * columns);
  let place = 0; // in the kernel: [filters, channels of a group, rows, columns]
  for (let filter = 0; filter < filters; filter++) {
    const plane = filter * rows * columns;
    if (bias) y.fill(bias[filter], plane, plane + rows * columns);
    const firstChannel = Math.floor((filter * step.groups) / filters) * inGroup;
    for (let channel = firstChannel; channel < firstChannel + inGroup; channel++) {
      for (let kernelRow = 0; kernelRow < kernelRows; kernelRow++) {
        const [firstRow, endRow] = inside(kernelRow * rateDown - top, down, height, rows);
        for (let kernelColumn = 0; kernelColumn < kernelColumns; kernelColumn++) {
          const weight = kernel[place++];
          const across = kernelColumn * rateRight - left;
          const [first, end] = inside(across, right, width, columns);
          for (let row = firstRow; row < endRow; row++) {
            const line = (channel * height + row * down + kernelRow * rateDown - top) * width;
            const target = plane + row * columns;
            let from = line + first * right + across;
            for (let column = first; column < end; column++, from += right) y[target + column] += weight * x[from];
          }
        }
      }
    }
  }
  return y;
}

/** The first of `count` windows, and the one after the last, whose pixel at `offset` lies within `length` pixels. */
function inside(offset, stride, length, count) {
  const first = Math.max(0, Math.ceil(-offset / stride));
  return [first, Math.max(first, Math.min(count, Math.floor((length - 1 - offset) / stride) + 1))];
}

function dense(step, x) {
  const { kernel, bias } = step.weights;
  const units = step.shape[0];
  const sums = bias ? Float64Array.from(bias) : new Float64Array(units);
  for (let input = 0; input < x.length; input++) {
    const value = x[input];
    if (value === 0) continue; // as of many after a ReLU
    const row = input * units;
    for (let unit = 0; unit < units; unit++) sums[unit] += value * kernel[row + unit];
  }
  return Float32Array.from(sums);
}

/** (x - mean) · factor + offset, with numbers for each channel or unit. */
function normalized(step, x, shape) {
  const { mean, factor, offset } = step.weights;
  const size = x.length / shape[0];
  return each(x, (value, index) => {
    const channel = Math.floor(index / size);
    return (value - mean[channel]) * factor[channel] + offset[channel];
  });
}

/** Over the channels of each pixel, or the units of a vector. */
function layerNormalization(step, x, [channels]) {
  const { gamma, beta } = step.weights;
  const [size, y] = [x.length / channels, new Float32Array(x.length)];
  for (let pixel = 0; pixel < size; pixel++) {
    let [mean, variance] = [0, 0];
    for (let index = pixel; index < x.length; index += size) mean += x[index] / channels;
    for (let index = pixel; index < x.length; index += size) variance += (x[index] - mean) ** 2 / channels;
    const deviation = Math.sqrt(variance + step.epsilon);
    for (let channel = 0; channel < channels; channel++) {
      const index = channel * size + pixel;
      y[index] = ((x[index] - mean) / deviation) * (gamma ? gamma[channel] : 1) + (beta ? beta[channel] : 0);
    }
  }
  return y;
}

// ---- images ----

/** One number of each window; only what lies within the image counts. */
function pooled(step, x, [channels, height, width], start, combine, finish) {
  const [, rows = 1, columns = 1] = step.shape; // of a global pooling there are the channels alone
  const [[windowRows, windowColumns], [down, right], [top, left]] = [step.size, step.strides, step.padding];
  const y = new Float32Array(channels * rows * columns);
  let place = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < rows; row++) {
      const [firstRow, endRow] = [Math.max(row * down - top, 0), Math.min(row * down - top + windowRows, height)];
      for (let column = 0; column < columns; column++) {
        const [first, end] = [Math.max(column * right - left, 0), Math.min(column * right - left + windowColumns, width)];
        let result = start;
        for (let r = firstRow; r < endRow; r++) {
          const line = (channel * height + r) * width;
          for (let c = first; c < end; c++) result = combine(result, x[line + c]);
        }
        y[place++] = finish(result, (endRow - firstRow) * (end - first));
      }
    }
  }
  return y;
}

/** The image at another place of a larger or smaller one: padding puts zeros around it, cropping leaves its sides outside. */
function moved(step, x, [channels, height, width]) {
  const [newChannels, rows, columns] = step.shape;
  const [before, top, left] = step.by;
  const y = new Float32Array(newChannels * rows * columns);
  for (let channel = Math.max(0, before); channel < Math.min(newChannels, channels + before); channel++) {
    for (let row = Math.max(0, top); row < Math.min(rows, height + top); row++) {
      const [first, end] = [Math.max(0, left), Math.min(columns, width + left)];
      const line = ((channel - before) * height + row - top) * width - left;
      y.set(x.subarray(line + first, line + end), (channel * rows + row) * columns + first);
    }
  }
  return y;
}

function upSampling(step, x, [channels, height, width]) {
  const [, rows, columns] = step.shape;
  const [down, right] = step.size;
  const y = new Float32Array(channels * rows * columns);
  // The two pixels that a place lies between, and the second one's share.
  const between = (place, factor, length) => {
    if (step.interpolation === "nearest") return [Math.floor(place / factor), 0, 0];
    const middle = Math.max(0, (place + 0.5) / factor - 0.5);
    const first = Math.floor(middle);
    return [first, Math.min(first + 1, length - 1), middle - first];
  };
  let place = 0;
  for (let channel = 0; channel < channels; channel++) {
    const pixel = (row, column) => x[(channel * height + row) * width + column];
    for (let row = 0; row < rows; row++) {
      const [upper, lower, below] = between(row, down, height);
      for (let column = 0; column < columns; column++) {
        const [first, second, beside] = between(column, right, width);
        const above = pixel(upper, first) * (1 - beside) + pixel(upper, second) * beside;
        const under = pixel(lower, first) * (1 - beside) + pixel(lower, second) * beside;
        y[place++] = above * (1 - below) + under * below;
      }
    }
  }
  return y;
}

// ---- the order of numbers ----

/** An image's numbers in the order of Keras: all channels of one pixel together. */
function pixelByPixel(x, shape) {
  if (shape.length !== 3) return x;
  const [channels, size] = [shape[0], shape[1] * shape[2]];
  return each(x, (value, index) => x[(index % channels) * size + Math.floor(index / channels)]);
}

/** The way back. */
function channelByChannel(x, shape) {
  if (shape.length !== 3) return x;
  const [channels, size] = [shape[0], shape[1] * shape[2]];
  return each(x, (value, index) => x[(index % size) * channels + Math.floor(index / size)]);
}

/** Sides in another order: `step.dims` are the input's, counted from 1. */
function permuted(step, x, shape) {
  const strides = shape.map((_, side) => shape.slice(side + 1).reduce((product, length) => product * length, 1));
  const along = step.dims.map((side) => strides[side - 1]);
  return each(x, (value, index) => {
    let from = 0;
    for (let side = step.shape.length - 1; side >= 0; side--) {
      from += (index % step.shape[side]) * along[side];
      index = Math.floor(index / step.shape[side]);
    }
    return x[from];
  });
}

// ---- activations ----

const ACTIVATIONS = {
  relu: (x) => (x > 0 ? x : 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x / (1 + Math.exp(-x)),
  softplus: (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

function relu(x, { max_value, negative_slope, threshold }) {
  const passed = x <= threshold ? 0 : Math.min(x, max_value ?? Infinity);
  return x < threshold ? passed - negative_slope * (threshold - x) : passed;
}

/** Over the channels of each pixel, or else along the last side. */
function softmax(x, shape) {
  const image = shape.length === 3;
  const count = image ? shape[0] : shape[shape.length - 1];
  const step = image ? x.length / count : 1;
  const y = new Float32Array(x.length);
  for (let group = 0; group < x.length / count; group++) {
    const first = image ? group : group * count;
    let [most, sum] = [-Infinity, 0];
    for (let index = 0; index < count; index++) most = Math.max(most, x[first + index * step]);
    for (let index = 0; index < count; index++) sum += Math.exp(x[first + index * step] - most);
    for (let index = 0; index < count; index++) y[first + index * step] = Math.exp(x[first + index * step] - most) / sum;
  }
  return y;
}

/** To 1.5e-7. Source: Abramowitz and Stegun, Handbook of mathematical functions, 7.1.26. */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}
