// What every widget of the crate `live` has around its own module: a place for errors, and a word when its kernel is gone.
const source = SOURCE;

async function own() {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const found = (await import(url)).default;
    return typeof found === "function" ? await found() : found;
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default async () => {
  const widget = await own();
  return {
    ...widget,
    async render(context) {
      const { model, el } = context;
      const inner = document.createElement("div");
      const error = document.createElement("pre");
      const gone = document.createElement("p");
      error.className = "live-error";
      error.style.cssText = "color: var(--jp-error-color1, #b00020); white-space: pre-wrap; margin: 4px 0";
      gone.className = "live-gone";
      gone.style.fontStyle = "italic";
      gone.textContent = "The kernel of this widget has ended: run the cell again.";
      const show = () => {
        error.textContent = model.get("error") ?? "";
        error.hidden = !model.get("error");
      };
      const look = (isGone) => {
        gone.hidden = !isGone;
        inner.inert = isGone;
        inner.style.opacity = isGone ? 0.5 : "";
      };
      // anywidget 0.11 takes away the listener that sets the class: once a widget is shown, this event alone tells of its kernel's end.
      const lose = () => look(true);
      show();
      look(el.classList.contains("jupyter-widgets-disconnected"));
      model.on("change:error", show);
      model.on("comm_live_update", lose);
      el.append(inner, error, gone);
      const cleanup = await widget.render?.({ ...context, el: inner });
      return async () => {
        model.off("change:error", show);
        model.off("comm_live_update", lose);
        await cleanup?.();
      };
    },
  };
};
