// An extension of JupyterLab, written as its build tools would write it, without them. It does two things.
//
// After Shift+Enter the next cell has the focus, and browsers keep what has the focus where it is on the screen ("scroll
// anchoring"). So an output that appears above it, such as the display of a training, moves up and out of sight, the more so
// if a long stored output was removed there. While a kernel is busy, the page is not anchored: what is below moves down.
(function () {
  const style = `
    .jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="busy"]) .jp-WindowedPanel-outer {
      overflow-anchor: none;
    }`;

  // A widget in a saved notebook whose kernel is gone would be "model not found". What was saved beside it is shown in its place.
  const view = "application/vnd.jupyter.widget-view+json";

  function showStills(rendermime) {
    const create = rendermime.createRenderer.bind(rendermime);
    rendermime.createRenderer = (mime) => {
      const renderer = create(mime);
      if (mime !== view) return renderer;
      const render = renderer.renderModel.bind(renderer);
      renderer.renderModel = async (model) => {
        await render(model);
        if (!renderer.node.textContent.includes("model not found")) return;
        const { [view]: _, ...still } = model.data;
        const best = rendermime.preferredMimeType(still, model.trusted ? "any" : "ensure");
        if (!best) return;
        const shown = create(best);
        await shown.renderModel(model);
        const word = document.createElement("em");
        word.textContent = "Run the cell to have this widget.";
        renderer.node.replaceChildren(shown.node, word);
      };
      return renderer;
    };
  }

  const plugin = {
    id: "live-displays:plugin",
    autoStart: true,
    activate: (app) => {
      const element = document.createElement("style");
      element.textContent = style;
      document.head.append(element);
      app.docRegistry.addWidgetExtension("Notebook", {
        createNew: (panel) => showStills(panel.content.rendermime),
      });
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["live-displays"] = {
    init: () => {},
    get: () => Promise.resolve(() => ({ __esModule: true, default: plugin })),
  };
})();
