// A number between two ends. Positions of the slider are whole; `value` is what they mean.

/** The number at a position, and the position of a number. */
function scaleOf(model) {
  const [low, high, step, isLog] = ["low", "high", "step", "log"].map((key) => model.get(key));
  const positions = Math.max(1, Math.round(isLog ? step : (high - low) / step));
  const clamped = (value) => Math.min(Math.max(value, low), high);
  return isLog
    ? {
        positions,
        valueAt: (position) => clamped(low * (high / low) ** (position / positions)),
        positionOf: (value) => Math.round((positions * Math.log(value / low)) / Math.log(high / low)),
        words: (value) => (value >= 0.001 && value < 10000 ? String(Number(value.toPrecision(3))) : value.toExponential(2)),
      }
    : {
        positions,
        valueAt: (position) => clamped(stepped(low, step, position)),
        positionOf: (value) => Math.round((value - low) / step),
        words: (value) => written(value, step),
      };
}

function render({ model, el }) {
  // The value may lie between two positions until the slider is moved.
  const words = () => scaleOf(model).words(model.get("value"));
  const changed = (position) => tell(model, { value: scaleOf(model).valueAt(position) });
  const slider = rangeInput(model.get("label"), 1, words, changed);
  frame(el, "control", undefined, ...slider.parts);
  return follow(model, ["value", "step"], () => {
    const { positions, positionOf } = scaleOf(model);
    slider.move(positionOf(model.get("value")), positions);
  });
}

export default { render };
