"""A widget of a cell in JupyterLab, in a real browser: moved with the mouse, reloaded, in two windows, and after its kernel's end."""

import nbformat
import pytest
from conftest import wait_until
from test_browser import LONG, SHORT, TOKEN, Notebook, course, dark, keep, look_at, no_tabs, page, picture_of_a_failure  # noqa: F401

import notebooks

OPEN = r"""let w = live::Widget::new(r#"
export default {
  render({ model, el }) {
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: 100, value: model.get("x"), className: "test-slider" });
    slider.style.width = "400px";
    slider.oninput = () => { model.set("x", slider.valueAsNumber); model.save_changes(); };
    const text = document.createElement("p");
    text.className = "test-text";
    const show = () => { slider.value = model.get("x"); text.textContent = `${model.get("x")} doubled is ${model.get("y")}`; };
    model.on("change:x change:y", show);
    show();
    el.append(slider, text);
  },
};
"#, ".test-text { font-weight: bold; }", &[("x", "10"), ("y", "20")]).still(&[("text/html", "<b>a slider</b>"), ("text/plain", "a slider")]);
w.on_change("x", |w| {
    let x: u32 = w.get("x").unwrap_or_default().parse().map_err(|_| "no number".to_string())?;
    if x == 0 { panic!("nothing is left"); }
    w.set("y", &format!("{}", 2 * x));
    Ok(())
});
w.show();"""
LOOP = r"""println!("loops");
while !live::stop_requested() && w.get("x").as_deref() != Some("100") { std::thread::sleep(std::time::Duration::from_millis(5)); }
println!("ended at {}", w.get("x").unwrap_or_default());"""


def make(folder, name, cells=None):
    """A notebook with the widget, or other cells, and with nothing of the course."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": notebooks.KERNELSPEC})
    cells = cells or {"dep": ':dep live = { path = "../crates/live" }', "open": OPEN, "loop": LOOP, "close": "w.close();"}
    notebook.cells = [nbformat.v4.new_code_cell(source, id=id) for id, source in cells.items()]
    nbformat.write(notebook, folder / name)
    return folder / name


@pytest.fixture()
def notebook(course, page, request):  # noqa: F811
    """With the widget shown, by a kernel that is ended afterwards."""
    copy, address = course
    notebook = Notebook(page, make(copy, f"{request.node.name}.ipynb"), address)
    notebook.run("dep", LONG)
    notebook.run("open", LONG)
    yield notebook
    notebook.end(address)
    close_tab(page)


def close_tab(page):  # noqa: F811
    page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").click()
    discard = page.get_by_role("button", name="Discard changes to file")
    assert wait_until(lambda: discard.count() or not page.locator(".jp-NotebookPanel").count())
    if discard.count():
        discard.click()


def slider(place):
    return place.locator(".test-slider")


def move(page, place, to):  # noqa: F811
    """Drags the slider's thumb with the mouse from where it is to a part of its width."""
    look_at(slider(place))
    box = slider(place).bounding_box()
    at = float(slider(place).input_value()) / 100
    thumb = 8  # half its width, in pixels
    x = lambda part: box["x"] + thumb + part * (box["width"] - 2 * thumb)  # noqa: E731
    y = box["y"] + box["height"] / 2
    page.mouse.move(x(at), y)
    page.mouse.down()
    page.mouse.move(x(to), y, steps=12)
    page.mouse.up()


def shows(place, text, limit=SHORT):
    said = place.locator(".test-text")
    assert wait_until(lambda: said.count() and said.text_content() == text, limit), said.all_text_contents()


def says(place, text, limit=SHORT):
    assert wait_until(lambda: place.count() and text in place.text_content(), limit), place.all_text_contents()


def test_a_slider_is_moved_while_no_cell_runs_and_while_one_does(notebook, page):  # noqa: F811
    place = notebook.panel
    shows(place, "10 doubled is 20")
    move(page, place, 0.5)
    x = int(slider(place).input_value())
    assert 45 <= x <= 55
    shows(place, f"{x} doubled is {2 * x}")
    keep(page, "widget")

    notebook.cell("loop").locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    place.get_by_text("loops", exact=True).wait_for()
    move(page, place, 0.8)
    x = int(slider(place).input_value())
    shows(place, f"{x} doubled is {2 * x}")
    assert notebook.prompt("loop") == "*", "the cell should still run"
    move(page, place, 1)
    place.get_by_text("ended at 100").wait_for()
    notebook.wait_for_prompt("loop", str.isdigit, SHORT)

    move(page, place, 0)
    error = place.locator(".live-error")
    assert wait_until(lambda: error.is_visible() and error.text_content() == "panicked: nothing is left"), error.text_content()
    keep(page, "widget-error")
    move(page, place, 0.3)
    assert wait_until(lambda: not error.is_visible())
    x = int(slider(place).input_value())
    shows(place, f"{x} doubled is {2 * x}")


def test_a_widget_that_is_closed_leaves_its_still(notebook, page):  # noqa: F811
    notebook.run("close", LONG)
    said = notebook.output("open").first
    assert wait_until(lambda: said.text_content() == "a sliderThis widget is closed."), said.text_content()
    keep(page, "widget-closed")


def test_a_page_that_is_loaded_again_has_the_widget_as_it_was(notebook, page):  # noqa: F811
    move(page, notebook.panel, 0.7)
    x = int(slider(notebook.panel).input_value())
    shows(notebook.panel, f"{x} doubled is {2 * x}")
    notebook.saved()
    page.reload()
    shows(notebook.panel, f"{x} doubled is {2 * x}", LONG)
    move(page, notebook.panel, 0.2)
    now = int(slider(notebook.panel).input_value())
    assert now != x
    shows(notebook.panel, f"{now} doubled is {2 * now}")
    keep(page, "widget-reloaded")


def test_two_windows_show_the_same(notebook, page, course):  # noqa: F811
    notebook.saved()
    other = page.context.browser.new_page(viewport={"width": 1400, "height": 900})
    try:
        other.set_default_timeout(1000 * SHORT)
        other.goto(f"{course[1]}/lab/workspaces/other/tree/{notebook.path.name}?token={TOKEN}")
        second = other.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        shows(second, "10 doubled is 20", LONG)
        move(page, notebook.panel, 0.6)
        x = int(slider(notebook.panel).input_value())
        shows(second, f"{x} doubled is {2 * x}")
        move(other, second, 0.3)
        x = int(slider(second).input_value())
        shows(notebook.panel, f"{x} doubled is {2 * x}")
        move(page, notebook.panel, 0.9)
        x = int(slider(notebook.panel).input_value())
        shows(second, f"{x} doubled is {2 * x}")
        keep(other, "widget-second-window")
    finally:
        other.close()


@pytest.mark.parametrize("reloaded", [False, True])
def test_a_restart_says_that_the_widget_lives_no_more(notebook, page, reloaded):  # noqa: F811
    shows(notebook.panel, "10 doubled is 20")
    if reloaded:
        notebook.saved()
        page.reload()
        shows(notebook.panel, "10 doubled is 20", LONG)
    notebook.panel.locator('[data-command="notebook:restart-kernel"], [data-command="kernelmenu:restart"]').first.click()
    page.locator(".jp-Dialog button.jp-mod-accept").click()
    notebook.output("open").get_by_text("run the cell again").wait_for()  # to be seen: the text is always there
    page.locator(".jp-StatusBar-TextItem", has_text="Rust | Idle").wait_for(timeout=1000 * LONG)
    keep(page, f"widget-restarted-{reloaded}")
    for id in ("dep", "open"):  # their numbers begin anew
        notebook.cell(id).locator(".jp-InputArea-editor").click()
        page.keyboard.press("Shift+Enter")
    live = slider(notebook.panel).and_(page.locator("div:not([inert]) > .test-slider"))
    live.wait_for(timeout=1000 * LONG)
    move(page, notebook.panel, 0.4)
    x = int(slider(notebook.panel).input_value())
    shows(notebook.panel, f"{x} doubled is {2 * x}")


def test_a_saved_notebook_has_the_still(notebook, page, course):  # noqa: F811
    notebook.saved()
    notebook.end(course[1])
    page.reload()
    page.locator(".jp-StatusBar-TextItem", has_text="Rust | Idle").wait_for(timeout=1000 * LONG)
    said = notebook.output("open").first
    assert wait_until(lambda: said.text_content() == "a sliderRun the cell to have this widget."), said.text_content()
    keep(page, "widget-saved")


def test_the_panel_of_variables_follows_the_cells(course, page):  # noqa: F811
    cells = {
        "make": "let mut losses = vec![0.5f32; 3];\nlet name = \"digits\".to_string();\nlet images = vec![0u8; 47_040_000];\nlet old = 1i32;",
        "panel": ":variables",
        "change": "losses.push(0.25);\nlet accuracy = 0.98f64;\ndrop(name);",
        "end": "std::process::abort();",
    }
    copy, address = course
    notebook = Notebook(page, make(copy, "variables.ipynb", cells), address)
    try:
        notebook.run("make", LONG)
        notebook.run("panel", LONG)
        table = notebook.output("panel").first.locator("table")
        says(table.locator("caption"), "4 variables, 47.0 MB")
        row = lambda name: table.locator("tr", has=page.locator("th[scope=row]", has_text=name))  # noqa: E731
        names = lambda: [text.split()[0] for text in table.locator("tbody").first.locator("th").all_text_contents()]  # noqa: E731
        assert row("losses").locator("td").all_text_contents() == ["Vec<f32>", "[3]", "", "12 B", "[1]"]
        notebook.run("change", LONG)
        assert wait_until(lambda: row("losses").locator("td").nth(1).text_content() == "[4]", LONG)
        assert row("losses").locator("small").text_content() == "changed" and row("accuracy").locator("small").text_content() == "new"
        assert row("name").text_content() == "namegiven away in cell [3]"
        look_at(table)
        keep(page, "variables-changed")
        # Sorted by a click, in both directions, and still so when there is news.
        memory = table.get_by_role("columnheader", name="Memory")
        memory.get_by_role("button").click()
        assert memory.get_attribute("aria-sort") == "ascending"
        memory.get_by_role("button").click()
        assert memory.get_attribute("aria-sort") == "descending" and names() == ["images", "losses", "accuracy", "old"]
        page.keyboard.press("Enter")
        assert memory.get_attribute("aria-sort") == "ascending" and names() == ["old", "accuracy", "losses", "images"]
        notebook.cell("end").locator(".jp-InputArea-editor").click()
        page.keyboard.press("Shift+Enter")
        says(table.locator("caption"), "No variables", LONG)
        assert "lost: the process that ran the cells has ended in cell [4]" in row("images").text_content()
        look_at(table)
        keep(page, "variables-lost")
        dark(page)
        keep(page, "variables-dark")
        notebook.output("panel").first.get_by_role("button", name="Close").click()
        says(notebook.output("panel").first, "This widget is closed.")
    finally:
        notebook.end(address)
        close_tab(page)
