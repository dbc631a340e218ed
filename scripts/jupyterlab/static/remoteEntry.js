// An extension of JupyterLab, written as its build tools would write it, without them.
(function () {
  // After Shift+Enter the next cell has the focus, and browsers keep what has the focus where it is on the screen ("scroll
  // anchoring"). So an output that appears above it, such as the display of a training, moves up and out of sight, the more so
  // if a long stored output was removed there. While a kernel is busy, the page is not anchored: what is below moves down.
  const style = `
    .jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="busy"]) .jp-WindowedPanel-outer {
      overflow-anchor: none;
    }`;

  const liveDisplays = {
    id: "live-displays:plugin",
    autoStart: true,
    activate: () => {
      const element = document.createElement("style");
      element.textContent = style;
      document.head.append(element);
    },
  };

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

  const stills = {
    id: "live-displays:stills",
    autoStart: true,
    activate: (app) => {
      app.docRegistry.addWidgetExtension("Notebook", {
        createNew: (panel) => showStills(panel.content.rendermime),
      });
    },
  };

  // JupyterLab 4.6 leaves out the alternative text that a picture has in its output's metadata: {"image/png": {"alt": "…"}}.
  const alternativeTexts = ({ IRenderMimeRegistry, RenderedImage, imageRendererFactory }) => ({
    id: "live-displays:alternative-texts",
    autoStart: true,
    requires: [IRenderMimeRegistry],
    activate: (_, registry) => {
      class WithText extends RenderedImage {
        async render(model) {
          await super.render(model);
          this.node.querySelector("img")?.setAttribute("alt", model.metadata[this.mimeType]?.alt ?? "");
        }
      }
      const factory = { ...imageRendererFactory, createRenderer: (options) => new WithText(options) };
      registry.addFactory(factory);
    },
  });

  let shared; // the modules of the running JupyterLab, by name and version

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["live-displays"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const [rendermime] = Object.values(shared["@jupyterlab/rendermime"]);
      const plugins = [liveDisplays, stills, alternativeTexts((await rendermime.get())())];
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
