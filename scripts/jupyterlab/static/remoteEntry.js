// An extension of JupyterLab, written as its build tools would write it, without them.
//
// After Shift+Enter the next cell has the focus, and browsers keep what has the focus where it is on the screen ("scroll
// anchoring"). So an output that appears above it, such as the display of a training, moves up and out of sight, the more so
// if a long stored output was removed there. While a kernel is busy, the page is not anchored: what is below moves down.
(function () {
  const style = `
    .jp-NotebookPanel:has(.jp-Notebook-ExecutionIndicator[data-status="busy"]) .jp-WindowedPanel-outer {
      overflow-anchor: none;
    }`;

  const plugin = {
    id: "live-displays:plugin",
    autoStart: true,
    activate: () => {
      const element = document.createElement("style");
      element.textContent = style;
      document.head.append(element);
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["live-displays"] = {
    init: () => {},
    get: () => Promise.resolve(() => ({ __esModule: true, default: plugin })),
  };
})();
