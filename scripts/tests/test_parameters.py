"""The parameters cell: what is read from it, what is refused, what is written."""

import random
import re

import nbformat
import pytest
from click import ClickException

import parameters
from parameters import Parameter, ParameterError
import papermill  # noqa: F401  first: it loads the next one itself
from papermill_rust import RustTranslator
from rerun import grid, run_name

SOURCE = """\
// what may be changed
let epochs: usize = 10; // how often
let train_samples: i64 = 60_000; // how many
let learning_rate: f64 = 1e-3; // the step; of Adam
let seed: u64 = 42u64;
let small: i32 = -5;
let half: f32 = 0.5f32;
let shuffle: bool = true; // whether
let optimizer: &str = "ad\\"am; // not a comment"; // which one
let folder: String = "a".to_string();
let other: String = String::from("b\\n");
"""


def test_reads_names_types_defaults_and_comments():
    found = parameters.parse(SOURCE)
    assert {name: (p.type, p.default) for name, p in found.items()} == {
        "epochs": ("usize", 10),
        "train_samples": ("i64", 60000),
        "learning_rate": ("f64", 0.001),
        "seed": ("u64", 42),
        "small": ("i32", -5),
        "half": ("f32", 0.5),
        "shuffle": ("bool", True),
        "optimizer": ("&str", 'ad"am; // not a comment'),
        "folder": ("String", "a"),
        "other": ("String", "b\n"),
    }
    assert found["learning_rate"].comment == "the step; of Adam"
    assert found["seed"].comment == ""


@pytest.mark.parametrize(
    "line",
    [
        "let epochs = 10;",
        "let epochs: usize = 10",
        "let mut epochs: usize = 10;",
        "println!();",
        "let epochs: Vec<i64> = vec![];",
        "let epochs: u8 = 1;",
        "let epochs: usize = ten;",
        "let epochs: usize = -1;",
        'let epochs: usize = "1";',
        "let name: &str = 1;",
        "let a: i64 = 1; let b: i64 = 2;",
    ],
)
def test_refuses_other_lines(line):
    with pytest.raises(ParameterError):
        parameters.parse(line)


def test_refuses_a_name_that_is_there_twice():
    with pytest.raises(ParameterError, match="twice"):
        parameters.parse("let a: i64 = 1;\nlet a: i64 = 2;")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("i64", "-3", -3),
        ("i64", "60_000", 60000),
        ("usize", "+7", 7),
        ("u64", str(2**64 - 1), 2**64 - 1),
        ("f64", "1e-3", 0.001),
        ("f64", "1", 1.0),
        ("f64", "1_000.5", 1000.5),
        ("f64", ".5", 0.5),
        ("f32", "0.1", 0.1),
        ("bool", "false", False),
        ("&str", "", ""),
        ("String", "true", "true"),
    ],
)
def test_accepts(kind, text, value):
    result = parameters.from_text(Parameter("x", kind, None), text)
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("i64", "1.5"),
        ("i64", "1e3"),
        ("i64", ""),
        ("i64", "many"),
        ("i64", "0x10"),
        ("i64", str(2**63)),
        ("i32", str(2**31)),
        ("usize", "-1"),
        ("u64", "-1"),
        ("u64", str(2**64)),
        ("f64", "nan"),
        ("f64", "-inf"),
        ("f64", "infinity"),
        ("f64", "1e999"),
        ("f32", "1e39"),
        ("f64", "fast"),
        ("f64", "1;"),
        ("bool", "yes"),
        ("bool", "True"),
        ("bool", "1"),
    ],
)
def test_refuses(kind, text):
    with pytest.raises(ParameterError, match="^x "):
        parameters.from_text(Parameter("x", kind, None), text)


def test_refuses_json_of_another_type():
    for kind, value in [("i64", "3"), ("i64", 1.5), ("i64", True), ("bool", 1), ("&str", 1), ("f64", "0.1")]:
        with pytest.raises(ParameterError):
            parameters.from_json(Parameter("x", kind, None), value)
    assert parameters.from_json(Parameter("x", "f64", None), 1) == 1.0
    assert parameters.from_json(Parameter("x", "bool", None), True) is True


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ParameterError) as error:
        parameters.named(parameters.parse(SOURCE), "epoch")
    for words in ("'epoch'", "epochs: usize = 10", "how often", "learning_rate: f64 = 0.001", "shuffle: bool = true"):
        assert words in str(error.value)


def random_value(kind, chance):
    if kind in parameters.INTEGERS:
        return chance.randint(*parameters.INTEGERS[kind])
    if kind in parameters.FLOATS:
        return chance.choice([-1, 1]) * chance.random() * 10.0 ** chance.randint(-30, 30)
    if kind == "bool":
        return chance.random() < 0.5
    return "".join(chance.choice('ab ;/"\\\n\t{}é你\u200b\x00') for _ in range(chance.randint(0, 12)))


@pytest.mark.parametrize("kind", parameters.TYPES)
def test_what_is_written_reads_as_the_same_value(kind):
    """A property, for many values: rendering and parsing are each other's inverse, and a cell has a line a parameter."""
    chance = random.Random(kind)
    declared = {"x": Parameter("x", kind, None)}
    for _ in range(300):
        value = random_value(kind, chance)
        line = parameters.render(declared, {"x": value})
        assert "\n" not in line
        again = parameters.parse(line)["x"]
        assert (again.type, again.default) == (kind, value)


@pytest.mark.parametrize("kind", parameters.TYPES)
def test_every_text_is_accepted_or_refused_with_a_reason(kind):
    chance = random.Random(kind)
    for _ in range(500):
        text = "".join(chance.choice("0123456789_+-.eE naifu") for _ in range(chance.randint(0, 6)))
        try:
            value = parameters.from_text(Parameter("x", kind, None), text)
        except ParameterError as error:
            assert str(error).startswith("x ")
        else:
            rust = parameters.literal(Parameter("x", kind, None), value)
            assert re.fullmatch(r'-?[0-9.e+-]+|true|false|".*"(\.to_string\(\))?', rust)


def test_inject_puts_a_cell_after_the_parameters():
    v4 = nbformat.v4
    notebook = v4.new_notebook(
        cells=[v4.new_code_cell("let a: i64 = 1;\nlet b: f64 = 2.0;", metadata={"tags": ["parameters"]}), v4.new_code_cell("a")]
    )
    parameters.inject(notebook, {"b": 0.5})
    assert [cell.source for cell in notebook.cells][1:] == ["let b: f64 = 0.5;", "a"]
    assert notebook.cells[1].metadata.tags == ["injected-parameters"]
    nbformat.validate(notebook)


def test_a_repeated_name_makes_a_grid():
    declared = parameters.parse("let a: i64 = 1;\nlet b: f64 = 2.0;\nlet c: bool = true;\nlet d: &str = \"\";")
    runs = grid(declared, [("a", "1"), ("b", "0.1"), ("a", "2"), ("b", "1e-1"), ("c", "false")])
    assert runs == [{"a": 1, "b": 0.1, "c": False}, {"a": 2, "b": 0.1, "c": False}]
    assert run_name(declared, runs[0]) == "a=1,b=0.1,c=false"
    assert run_name(declared, {}) == "defaults"
    odd = [run_name(declared, {"d": text}) for text in ("a/b", "a b", "../..", "x" * 400)]
    assert len(set(odd)) == 4 and all("/" not in name and len(name) < 200 for name in odd)


def test_papermill_reads_and_writes_our_parameters():
    rust = RustTranslator()
    inspected = {p.name: p for p in rust.inspect({"source": SOURCE})}
    assert inspected["learning_rate"] == ("learning_rate", "f64", "0.001", "the step; of Adam")
    assert rust.codify({"epochs": 3, "learning_rate": 1, "optimizer": 'a"'}, "Parameters").splitlines() == [
        "// Parameters",
        "let epochs: usize = 3;",
        "let learning_rate: f64 = 1.0;",
        'let optimizer: &str = "a\\"";',
    ]
    # What another notebook declares says nothing about this one.
    assert "let epochs: i64 = 3;" in rust.codify({"epochs": 3})
    assert rust.inspect({"source": "let x = 1;"}) == []
    assert 'let text: &str = "a";\nlet yes: bool = true;' in rust.codify({"text": "a", "yes": True})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": -1}, "epochs must be not negative (usize), not -1"),
        ({"epochs": 0.5}, "epochs is a whole number (usize), not '0.5'"),
        ({"optimizer": 7}, "give it by -r optimizer 7"),
        ({"sizes": [1, 2]}, "sizes can be a number, a bool or a text, not [1, 2]"),
    ],
)
def test_papermill_is_told_what_a_parameter_cannot_be(values, message):
    rust = RustTranslator()
    rust.inspect({"source": SOURCE})
    with pytest.raises(ClickException) as error:
        rust.codify(values)
    assert message in error.value.message
