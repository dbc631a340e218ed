"""Tab and Shift+Tab in a real kernel: names only, the right place, and never a kernel that hangs."""

import pytest
from conftest import running_kernel

# Items as a notebook of the course has them: a struct of many fields, some private, and a generic trait, over which
# rust-analyzer's search for terms stumbles.
CODE = """
pub mod network {
    /// What training does.
    ///
    /// # Examples
    /// None.
    #[derive(Debug, Clone, Default)]
    pub struct Fit { pub epochs: usize, pub batch_size: i64, pub validation_split: f64, pub shuffle: bool, pub seed: u64, pub patience: usize, pub verbose: bool }
    #[derive(Debug, Clone, Default)]
    pub struct Model { pub name: String, layers: Vec<usize> }
    impl Model {
        /// Trains it.
        pub fn fit(&self, images: &[f32], settings: &Fit) -> usize { images.len() + settings.epochs + self.layers.len() }
    }
    pub trait Layer<T> { fn forward(&self, x: T) -> T; }
    impl<T> Layer<T> for Model { fn forward(&self, x: T) -> T { x } }
}
use network::{Fit, Layer, Model};
let model = Model::default();
let images = vec![0f32];
"""


@pytest.fixture(scope="module")
def kernel(bare):
    with running_kernel(bare) as running:
        assert running.execute(CODE).reply["status"] == "ok"
        yield running


def place(code):
    """The code without `|`, and where that was, in code points."""
    return code.replace("|", "", 1), code.index("|")


def complete(kernel, code):
    reply = kernel.reply(kernel.client.complete(*place(code)))["content"]
    assert reply["status"] == "ok", reply
    return reply


def inspect(kernel, code):
    reply = kernel.reply(kernel.client.inspect(*place(code)))["content"]
    assert reply["status"] == "ok", reply
    return reply["data"] if reply["found"] else {}


@pytest.mark.parametrize(
    "code", ["model.fit(|", "model.fit(&im|", "model.fit(&images, &Fit { epochs: |", "images.get(|)", "Some(|", "let n: usize = |", "let m: Model = mo|"]
)
def test_variables_are_offered_where_a_value_is_wanted(kernel, code):
    matches = complete(kernel, code)["matches"]
    typed = place(code)[0][: place(code)[1]].rsplit("(", 1)[-1].lstrip("&").rsplit(" ", 1)[-1]
    wanted = [name for name in ("images", "model") if name.startswith(typed)]
    assert wanted and sorted(matches[: len(wanted)]) == wanted, matches[:10]
    assert not any("evcxr" in name.lower() or "(" in name for name in matches)


def test_behind_a_dot_come_public_methods_then_public_fields(kernel):
    reply = complete(kernel, "model.|")
    matches = reply["matches"]
    assert set(matches[:2]) == {"fit", "forward"} and "layers" not in matches
    assert matches.index("fit") < matches.index("name") < matches.index("into")
    first = {item["text"]: item for item in reply["metadata"]["_jupyter_types_experimental"]}
    assert (first["fit"]["type"], first["fit"]["signature"]) == ("function", "(&images, settings)")
    assert len(matches) <= 500 and len(matches) == len(set(matches))


@pytest.mark.parametrize("before", ['"😀"; ', '"a\u0308"; ', "/* é */ "])
def test_positions_behind_other_letters(kernel, before):
    code = f"{before}model.fi|"
    reply = complete(kernel, code)
    assert reply["matches"] == ["fit"]
    assert place(code)[0][reply["cursor_start"] : reply["cursor_end"]] == "fi"


def test_in_the_middle_of_a_name(kernel):
    reply = complete(kernel, "model.f|it(&images)")
    assert "fit" in reply["matches"] and (reply["cursor_start"], reply["cursor_end"]) == (6, 7)


@pytest.mark.parametrize("code", ["Fi|t", "|Fit", "Fit|", "model.fit(&images, &Fit { |"])
def test_all_fields_of_a_struct_are_shown(kernel, code):
    shown = inspect(kernel, code)
    for field in ("epochs: usize", "batch_size: i64", "patience: usize", "verbose: bool"):
        assert field in shown["text/plain"], shown["text/plain"]
    assert "…" not in shown["text/plain"] and "<p>What training does.</p>" in shown["text/html"]
    assert "Examples" not in shown["text/plain"]


@pytest.mark.parametrize("code", ["model.f|it(&images, &Fit::default())", "model.fit(|", "model.fit(&images, |)", "let n = 1 + model.fit|"])
def test_a_methods_signature_is_shown_on_its_name_and_within_its_parentheses(kernel, code):
    shown = inspect(kernel, code)["text/plain"]
    assert "pub fn fit(&self, images: &[f32], settings: &Fit) -> usize" in shown and "Trains it." in shown


def test_nothing_is_known_of_nothing(kernel):
    assert inspect(kernel, "no_such_name|") == {} and inspect(kernel, "|") == {}


def test_the_kernel_goes_on(kernel):
    assert kernel.execute("model.name.len()").of("execute_result")[0]["data"]["text/plain"] == "0"
