// The panel of variables in the page.
export default {
  render({ model, el }) {
    const make = (name, text, attributes = {}) => {
      const made = Object.assign(document.createElement(name), { textContent: text ?? "" });
      Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
      return made;
    };
    el.classList.add("live-variables");
    const table = make("table");
    const caption = make("caption");
    const head = make("thead");
    const rows = make("tbody");
    const gone = make("tbody", "", { class: "live-variables-gone" });
    const end = make("p", "The kernel of this panel has ended: run the cell again.");
    const close = make("button", "Close", { type: "button", class: "live-variables-close" });
    close.onclick = () => model.send({ op: "close" });
    table.append(caption, head, rows, gone);
    const place = make("div", "", { class: "live-variables-place", tabindex: 0, role: "region", "aria-label": "Variables" });
    place.append(table);
    el.append(close, place, end);

    // Sorted by this column; the names come sorted.
    let by = 0;
    let down = false;
    const headers = model.get("table").titles.map((title, column) => {
      const header = make("th", "", { scope: "col" });
      const button = make("button", title, { type: "button" });
      button.onclick = () => {
        down = column === by && !down;
        by = column;
        show();
      };
      header.append(button);
      return header;
    });
    const top = make("tr");
    top.append(...headers);
    head.append(top);

    // Memory and cells are numbers; what has none comes first.
    const value = (row) => (by === 4 ? row.bytes ?? -1 : by === 5 ? row.cell ?? -1 : row.texts[by]);
    const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
    const show = () => {
      const now = model.get("table");
      caption.textContent = now.caption;
      headers.forEach((header, column) =>
        header.setAttribute("aria-sort", column !== by ? "none" : down ? "descending" : "ascending"),
      );
      const sorted = [...now.rows].sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));
      rows.replaceChildren(
        ...sorted.map((row) => {
          const line = make("tr", "", row.mark ? { class: "live-variables-new" } : {});
          const name = make("th", row.texts[0], { scope: "row" });
          if (row.mark) name.append(" ", make("small", row.mark));
          line.append(name, ...row.texts.slice(1).map((text) => make("td", text)));
          return line;
        }),
      );
      gone.replaceChildren(
        ...now.gone.map(([name, why]) => {
          const line = make("tr");
          line.append(make("th", name, { scope: "row" }), make("td", why, { colspan: now.titles.length - 1 }));
          return line;
        }),
      );
    };
    const look = () => {
      const isGone = el.classList.contains("jupyter-widgets-disconnected");
      end.hidden = !isGone;
      close.hidden = isGone;
    };
    show();
    look();
    model.on("change:table", show);
    model.on("comm_live_update", look);
    return () => {
      model.off("change:table", show);
      model.off("comm_live_update", look);
    };
  },
};
