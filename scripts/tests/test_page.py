"""Models as pages, in a real browser: opened as files, offline. crates/cnn/examples/pages.rs writes them, with what the models themselves
make of the same images.

Pictures of what was seen are left in out/test/screenshots.
"""

import base64
import html
import math
import re
import subprocess

import numpy as np
import pytest

import notebooks
import programs

PICTURES = notebooks.OUT / "test" / "screenshots"
CLOSE = 1e-4
ANSWER = 5  # ms
# How digits are drawn: strokes of points, from the upper left corner (0, 0) of a box to the lower right one (1, 1).
DIGITS = {
    0: [[(0.5 + 0.36 * math.sin(turn / 10 * math.pi), 0.5 - 0.5 * math.cos(turn / 10 * math.pi)) for turn in range(21)]],
    1: [[(0.45, 0.0), (0.5, 1.0)]],
    2: [[(0.15, 0.25), (0.3, 0.03), (0.65, 0.0), (0.82, 0.22), (0.7, 0.5), (0.15, 0.98), (0.9, 0.98)]],
    3: [[(0.15, 0.1), (0.5, 0.0), (0.8, 0.15), (0.7, 0.38), (0.4, 0.48), (0.75, 0.58), (0.85, 0.8), (0.55, 1.0), (0.15, 0.92)]],
    4: [[(0.3, 0.0), (0.15, 0.55), (0.85, 0.55)], [(0.75, 0.1), (0.7, 1.0)]],
    5: [[(0.25, 0.05), (0.2, 0.45), (0.55, 0.4), (0.82, 0.6), (0.75, 0.9), (0.45, 1.0), (0.15, 0.92)], [(0.27, 0.02), (0.8, 0.0)]],
    6: [[(0.65, 0.0), (0.35, 0.3), (0.2, 0.7), (0.35, 0.97), (0.65, 0.97), (0.78, 0.75), (0.6, 0.55), (0.3, 0.65)]],
    7: [[(0.1, 0.03), (0.85, 0.0), (0.6, 0.45), (0.4, 1.0)]],
    8: [[(0.75, 0.15), (0.5, 0.0), (0.27, 0.17), (0.45, 0.45), (0.75, 0.75), (0.5, 1.0), (0.22, 0.78), (0.5, 0.47), (0.75, 0.15)]],
    9: [[(0.75, 0.2), (0.5, 0.0), (0.25, 0.2), (0.4, 0.45), (0.72, 0.35), (0.75, 0.15), (0.7, 0.6), (0.6, 1.0)]],
}
# Where on the paper: left, top, width, height as parts of its side.
PLACES = [(0.25, 0.15, 0.5, 0.7), (0.1, 0.3, 0.3, 0.45)]
# The numbers that the canvas `seen` shows, from 0 to 1.
SEEN = """() => {
  const canvas = document.getElementById("seen");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data.filter((_, place) => place % 4 === 0), (level) => level / 255);
}"""
# The drawing that is read as a PNG, and the larger one that is on the screen.
READ = """() => {
  const { width, height, data } = drawing.ink();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const levels = Uint8ClampedArray.from({ length: 4 * data.length }, (_, place) => (place % 4 === 3 ? 255 : 255 * (1 - data[place >> 2])));
  canvas.getContext("2d").putImageData(new ImageData(levels, width, height), 0, 0);
  return [canvas, document.querySelector("#paper canvas")].map((canvas) => canvas.toDataURL("image/png").split(",")[1]);
}"""
# A picture of strokes as a PNG, with what photographs have besides.
PICTURE = """([strokes, kind]) => {
  const small = kind === "small";
  const side = small ? 28 : 480;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [side, side];
  const context = canvas.getContext("2d");
  const dark = kind === "light on dark" || small;
  if (kind !== "transparent") {
    context.fillStyle = dark ? "#101418" : "#e8e6e0";
    context.fillRect(0, 0, side, side);
  }
  if (kind === "shadow" || kind === "desk") {
    const light = context.createLinearGradient(0, 0, side, side / 2);
    light.addColorStop(0, "#f4f2ec");
    light.addColorStop(1, "#9a978f");
    context.fillStyle = light;
    context.fillRect(0, 0, side, side);
  }
  if (kind === "ruled") {
    context.strokeStyle = "#7f8fb0";
    for (let y = 30; y < side; y += 60) {
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(side, y + 6);
      context.stroke();
    }
  }
  context.strokeStyle = dark ? "#f0f0f0" : "#20242c";
  Object.assign(context, { lineWidth: small ? 2.5 : 9, lineCap: "round", lineJoin: "round" });
  for (const points of strokes) {
    context.beginPath();
    points.forEach(([x, y], number) => (number ? context.lineTo(x * side, y * side) : context.moveTo(x * side, y * side)));
    context.stroke();
  }
  if (kind === "desk") {
    context.fillStyle = "#2a211a";
    for (const strip of [[0, 0, side, 30], [0, 0, 40, side], [0, side - 25, side, 25], [side - 45, 0, 45, side]]) context.fillRect(...strip);
  }
  return canvas.toDataURL("image/png").split(",")[1];
}"""


# ---- the pages -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program():
    return programs.built("example", "pages")


def run(program, *words):
    done = subprocess.run([program, *map(str, words)], env=programs.environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(program, tmp_path_factory):
    """The pages, the images and the outputs; `shown` is what `show_page` has shown."""
    folder = tmp_path_factory.mktemp("pages")
    shown = re.search(r"^EVCXR_BEGIN_CONTENT text/html\n(.*?)^EVCXR_END_CONTENT", run(program, "write", folder), re.DOTALL | re.MULTILINE)
    (folder / "shown").write_text(shown[1])
    return folder


def numbers(path, count):
    """The floats of a file, in `count` rows."""
    return np.fromfile(path, "<f4").reshape(count, -1)


@pytest.fixture
def opened(chromium, folder):
    """Opens a page as a file, offline, and sees to it that it asks for nothing and complains of nothing."""
    contexts, wrong = [], []

    def opened(name, **options):
        context = chromium.new_context(viewport={"width": 1000, "height": 800}, **options) if "viewport" not in options else chromium.new_context(**options)
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or wrong.append(asked.url))
        page.goto((folder / f"{name}.html").as_uri())
        return page

    opened.wrong = wrong
    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def keep(page, name, **options):
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"page-{name}.png", **options)


def placed(strokes, place):
    left, top, width, height = place
    return [[(left + x * width, top + y * height) for x, y in points] for points in strokes]


def draw(page, strokes, within=None):
    """With the mouse; points are parts of the paper's side."""
    box = (within or page).locator("#paper").bounding_box()
    for points in strokes:
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*at[0])
        page.mouse.down()
        for point in at[1:]:
            page.mouse.move(*point, steps=2)
        page.mouse.up()
    settle(page)


def settle(page):
    """Until the page has drawn what it was given."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def outputs(page, inputs):
    """What the page's network gives for each row, and the milliseconds that each took."""
    computed = page.evaluate(
        """(text) => {
          const all = decoded(text);
          const size = SHAPE.reduce((product, length) => product * length, 1);
          const [found, times] = [[], []];
          for (let start = 0; start < all.length; start += size) {
            const begin = performance.now();
            found.push(Array.from(predict(all.subarray(start, start + size))));
            times.push(performance.now() - begin);
          }
          return [found, times];
        }""",
        base64.b64encode(inputs.astype("<f4").tobytes()).decode(),
    )
    return np.array(computed[0]), np.array(computed[1])


def answer(page):
    return page.locator("#answer").text_content()


# ---- numbers -------------------------------------------------------------------------------------


def test_a_thousand_digits_have_the_outputs_of_predict_and_soon(opened, folder):
    assert (folder / "digits.html").stat().st_size < 4_000_000
    inputs, expected = numbers(folder / "digits.inputs", 1000), numbers(folder / "digits.outputs", 1000)
    found, times = outputs(opened("digits"), inputs)
    assert np.abs(found - expected).max() < CLOSE
    assert (found.argmax(1) == expected.argmax(1)).all() and len(set(found.argmax(1))) == 10
    assert np.quantile(times, 0.25) <= ANSWER, f"{np.median(times)} ms"


def test_every_layer_gives_what_it_gives_in_predict(opened, folder):
    pages = sorted(folder.glob("layer_*.html"))
    assert len(pages) > 100
    wrong = {}
    page = opened("digits")
    for path in pages:
        page.goto(path.as_uri())
        inputs, expected = numbers(path.with_suffix(".inputs"), 5), numbers(path.with_suffix(".outputs"), 5)
        found, _ = outputs(page, inputs)
        difference = np.abs(found - expected).max() if found.shape == expected.shape else math.inf
        if not difference < CLOSE * max(1, np.abs(expected).max()):
            wrong[path.stem] = difference
    assert wrong == {}


# ---- drawings and pictures -----------------------------------------------------------------------


def test_drawings_are_prepared_as_digit_from_file_prepares_them(opened, program, tmp_path):
    page = opened("digits")
    drawn = {f"{digit}-{number}": placed(strokes, place) for digit, strokes in DIGITS.items() for number, place in enumerate(PLACES)}
    drawn["to-the-edges"] = placed(DIGITS[7], (-0.05, 0.0, 1.1, 1.02))
    drawn["with-a-speck"] = [*drawn["3-0"], [(0.9, 0.9), (0.9, 0.9)]]
    seen, answers = {}, {}
    for name, strokes in drawn.items():
        page.locator("#clear").click()
        draw(page, strokes)
        seen[name], answers[name] = np.array(page.evaluate(SEEN)), answer(page)
        for kind, picture in zip(("read", "shown"), page.evaluate(READ)):
            (tmp_path / f"{name}-{kind}.png").write_bytes(base64.b64decode(picture))
    run(program, "read", tmp_path)
    assert not list(tmp_path.glob("*.error"))
    prepared = {kind: np.stack([numbers(tmp_path / f"{name}-{kind}.inputs", 1)[0] for name in drawn]) for kind in ("read", "shown")}
    differences = np.abs(prepared["read"] - np.stack([seen[name] for name in drawn])).mean(axis=1)
    assert differences.max() < 0.002, dict(zip(drawn, differences))
    for images in prepared.values():
        read, _ = outputs(page, images)
        assert [answers[name][0] for name in drawn] == [str(digit) for digit in read.argmax(1)]
    right = sum(answers[name][0] == name[0] for name in drawn if name[1] == "-")
    assert right >= 16, answers


@pytest.mark.parametrize("kind", ["plain", "shadow", "desk", "ruled", "light on dark", "transparent", "small"])
def test_pictures_are_prepared_as_digit_from_file_prepares_them(opened, program, tmp_path, kind):
    page = opened("digits")
    picture = tmp_path / "picture.png"
    picture.write_bytes(base64.b64decode(page.evaluate(PICTURE, [placed(DIGITS[2], (0.3, 0.25, 0.35, 0.5)), kind])))
    page.set_input_files("#file", picture)
    page.wait_for_function("() => document.getElementById('spoken').textContent")
    run(program, "read", tmp_path)
    assert not (tmp_path / "picture.error").exists(), (tmp_path / "picture.error").read_text()
    difference = np.abs(numbers(tmp_path / "picture.inputs", 1)[0] - page.evaluate(SEEN)).mean()
    assert difference < 0.002, difference
    assert answer(page).startswith("2 ")
    if kind == "desk":
        keep(page, "picture")


def test_two_digits_and_no_digit_are_said(opened, program, tmp_path):
    page = opened("digits")
    draw(page, [*placed(DIGITS[1], (0.1, 0.2, 0.2, 0.6)), *placed(DIGITS[2], (0.55, 0.2, 0.4, 0.6))])
    assert answer(page) == page.locator("#spoken").text_content() == "There may be 2 digits here: show one of them."
    assert page.locator("#bars .value").all_text_contents() == ["–"] * 10
    page.keyboard.press("Control+z")
    settle(page)
    assert answer(page)[0].isdigit()
    (tmp_path / "text.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "text.png")
    page.wait_for_function("() => document.getElementById('answer').textContent.includes('text.png is no picture')")


# ---- a page as its users have it -----------------------------------------------------------------


def test_a_3_drawn_with_the_mouse_is_read_while_one_draws(opened):
    page = opened("digits")
    assert page.title() == "Draw a digit" and answer(page) == "Draw a digit on the paper, large."
    assert "693,962 parameters, trained on" in page.locator("main > p").first.text_content()
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    settle(page)
    assert answer(page)[0].isdigit() and page.locator("#spoken").text_content() == "", "it is not said before the stroke ends"
    page.mouse.up()
    page.locator("#clear").click()
    draw(page, placed(DIGITS[3], PLACES[0]))
    assert answer(page).startswith("3 ") and page.locator("#spoken").text_content().startswith("3, ")
    assert page.locator("#bars .name").all_text_contents() == [str(digit) for digit in range(10)]
    assert page.locator("#bars .best").first.text_content() == "3"
    keep(page, "desktop")
    page.locator("#undo").click()
    settle(page)
    assert answer(page) == "Draw a digit on the paper, large."


def test_a_finger_draws_on_a_phone_in_a_dark_theme(opened):
    page = opened("digits", viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True, color_scheme="dark")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 26)"
    fingers = page.context.new_cdp_session(page)
    box = page.locator("#paper").bounding_box()
    for points in placed(DIGITS[3], PLACES[0]):
        for number, (x, y) in enumerate(points):
            touch = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            fingers.send("Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": [touch]})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settle(page)
    assert answer(page).startswith("3 ")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate("() => scrollY") == 0, "the finger draws, and does not move the page"
    assert page.locator("#answer").bounding_box()["y"] < 844, "the answer is in view"
    keep(page, "phone-dark", full_page=True)


def test_a_digit_is_drawn_with_the_keys_alone(opened):
    page = opened("digits", color_scheme="dark")
    press = page.keyboard.press
    press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "paper"
    assert page.evaluate("() => getComputedStyle(document.getElementById('paper')).outlineStyle") == "solid"
    for _ in range(9):
        press("ArrowUp")
    press("Space")
    assert page.locator("#spoken").text_content() == "The pen is down."
    for _ in range(18):
        press("ArrowDown")
    press("Space")
    settle(page)
    assert answer(page).startswith("1 ") and page.locator("#spoken").text_content().startswith("1, ")
    keep(page, "keys-dark")
    press("Backspace")
    settle(page)
    assert page.locator("#spoken").text_content() == "The paper is empty."
    press("Space")
    press("Shift+ArrowRight")
    press("Escape")
    settle(page)
    assert answer(page) == "Draw a digit on the paper, large."


def test_names_and_buttons_have_words_for_screen_readers(opened):
    page = opened("digits")
    assert page.get_by_role("application", name="Paper to draw on").count() == 1
    assert page.get_by_role("img", name="What the network sees: 28 × 28 pixels").count() == 1
    for name in ("Undo", "Clear"):
        assert page.get_by_role("button", name=name).count() == 1
    assert page.get_by_label("Choose a picture").count() == 1
    assert page.locator("[role=status]").count() == 1


def test_photographs_are_shown_to_other_models_and_class_names_are_text(opened, program, folder, tmp_path):
    page = opened("classes")
    assert page.title() == "Show it a picture" and not page.locator("#undo").is_visible()
    found, _ = outputs(page, numbers(folder / "classes.inputs", 5))
    assert np.abs(found - numbers(folder / "classes.outputs", 5)).max() < CLOSE, "it was made for numbers up to 255"
    picture = tmp_path / "picture.png"
    picture.write_bytes(base64.b64decode(page.evaluate(PICTURE, [placed(DIGITS[2], PLACES[0]), "shadow"])))
    page.set_input_files("#file", picture)
    page.wait_for_function("() => document.getElementById('spoken').textContent")
    assert page.locator("#bars .name").all_text_contents() == ["cat & <b>dog</b>", "</script><script>alert(1)</script>", "{{weights}} \"'"]
    assert page.evaluate("() => [document.getElementById('seen').width, document.getElementById('seen').height]") == [32, 32]
    keep(page, "classes")


def test_numbers_are_written_for_a_model_that_takes_no_pictures(opened, folder):
    page = opened("layer_vectors")
    page.locator("#numbers").fill("1 2 3")
    assert answer(page) == "These are 3 numbers, and the network wants 7."
    page.locator("#numbers").fill("1, 2, x")
    assert answer(page) == "“x” is no number."
    inputs, expected = numbers(folder / "layer_vectors.inputs", 5)[0], numbers(folder / "layer_vectors.outputs", 5)[0]
    page.locator("#numbers").fill(" ".join(map(str, inputs)))
    assert answer(page).startswith(f"{expected.argmax()} {100 * expected.max():.1f}")


def test_nothing_but_the_page_itself_runs_or_is_fetched(opened):
    page = opened("digits")
    # Later, when the browser no longer takes it for what its driver has said.
    later = "() => new Promise((done) => setTimeout(() => { try { done(eval('1')); } catch { done('refused'); } }))"
    assert page.evaluate(later) == "refused"
    inline = "() => { const made = document.createElement('script'); made.textContent = 'window.ran = true'; document.body.append(made); return window.ran; }"
    assert page.evaluate(inline) is None
    policy = "() => new Promise((done) => { addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective)); fetch('data:,x').catch(() => 0); })"
    assert page.evaluate(policy) == "connect-src"
    assert len(opened.wrong) >= 3, "the browser tells of each"
    opened.wrong.clear()


def test_the_page_works_within_a_notebook(chromium, folder):
    shown = (folder / "shown").read_text()
    assert len(shown) < 4_000_000
    assert html.unescape(re.search(r'srcdoc="(.*)"', shown, re.DOTALL)[1]) == (folder / "digits.html").read_text()
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    page.set_content(f"<body style='margin: 0'>{shown}</body>")
    frame = page.frame_locator("iframe")
    draw(page, placed(DIGITS[3], PLACES[0]), frame)
    frame.locator("#answer strong").wait_for()
    assert frame.locator("#answer").text_content().startswith("3 ")
    keep(page, "in-a-notebook")
    page.close()
