"""What --search means, which is refused before anything runs, and what is shown of a storage's URL."""

import pytest

import parameters
from tuning import space, storage

DECLARED = parameters.parse(
    "let rate: f64 = 1e-3;\nlet half: f32 = 0.5;\nlet batch: i64 = 128;\nlet units: usize = 8;\nlet seed: u64 = 1;\n"
    'let shuffle: bool = true;\nlet name: &str = "adam";'
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("rate=log:1e-4:1e-1", {"low": 1e-4, "high": 0.1, "log": True, "step": None}),
        ("rate=0:1", {"low": 0.0, "high": 1.0, "log": False, "step": None}),
        ("rate=0:1:0.1", {"low": 0.0, "high": 1.0, "log": False, "step": 0.1}),
        ("batch=-2:6:4", {"low": -2, "high": 6, "log": False, "step": 4}),
        ("units=log:1:1_024", {"low": 1, "high": 1024, "log": True, "step": 1}),
        ("batch=32,64, 128", {"choices": [32, 64, 128]}),
        ("shuffle=true,false", {"choices": [True, False]}),
        ("name=adam,a:b", {"choices": ["adam", "a:b"]}),
    ],
)
def test_forms(word, expected):
    name = word.partition("=")[0]
    assert space.space(DECLARED, [word]) == {name: expected}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("rate", "not of the form NAME=LOW:HIGH"),
        ("rate=", "not of the form"),
        ("rate=1:2:3:4", "not of the form"),
        ("rate=log:1:2:3", "not of the form"),
        ("speed=1:2", "there is no parameter 'speed'. The notebook's parameters:"),
        ("rate=1:1", "is empty: 1 is not below 1"),
        ("rate=0.1:1e-4", "is empty: 0.1 is not below 1e-4"),
        ("rate=log:0:1", "the logarithm of 0 is no number"),
        ("rate=log:-1:1", "the logarithm of -1 is no number"),
        ("rate=0:inf", "rate must be finite"),
        ("rate=0:fast", "rate is a number (f64), not 'fast'"),
        ("half=0:1e39", "half is too large for f32"),
        ("batch=1:2.5", "batch is a whole number (i64)"),
        ("units=-1:4", "units must be not negative (usize)"),
        ("batch=32,many", "batch is a whole number (i64), not 'many'"),
        ("batch=32,64,32", "a value is there twice"),
        ("batch=32", "is a single value; fix it by -p batch 32"),
        ("rate=0:1:0", "has the step 0; it must be above 0"),
        ("rate=0:1:0.3", "does not reach 1 from 0 in steps of 0.3"),
        ("shuffle=0:1", "shuffle is a bool"),
        ("shuffle=true,maybe", "shuffle is a bool: true or false"),
        ("seed=0:9007199254740993", "which databases do not keep exactly"),
    ],
)
def test_refused(word, expected):
    with pytest.raises(parameters.ParameterError) as error:
        space.space(DECLARED, [word])
    assert expected in str(error.value)


def test_a_parameter_is_searched_once():
    with pytest.raises(parameters.ParameterError, match="given twice"):
        space.space(DECLARED, ["rate=0:1", "rate=1:2"])


def test_grids():
    assert space.grid({"low": 0.0, "high": 0.3, "log": False, "step": 0.1}) == [0.0, 0.1, 0.2, 0.3]
    assert space.grid({"low": 2, "high": 6, "log": False, "step": 2}) == [2, 4, 6]
    assert space.grid({"low": 0.0, "high": 1.0, "log": False, "step": None}) is None
    assert space.grid({"choices": ["a", "b"]}) == ["a", "b"]


@pytest.mark.parametrize("secret", ["word", "w:rd", "w@rd", "w/rd?#", "%40"])
def test_a_password_is_not_shown(secret):
    url = f"postgresql://user:{secret}@host:5432/studies?sslmode=require"
    assert storage.hidden(url) == "postgresql://user:***@host:5432/studies?sslmode=require"
    assert secret not in storage.hide_in(url, f"could not connect to {url} as user with {secret}")
    assert storage.hidden("mysql://host/x?user=a&password=word&ssl=1") == "mysql://host/x?user=a&password=***&ssl=1"


def test_what_has_no_password_is_shown_as_it_is():
    for url in ["postgresql://host/studies", "postgresql://user@host:5432/studies", "sqlite:///a.db", "out/tune/04/journal.log"]:
        assert storage.hidden(url) == url


def test_half_a_line_at_a_journals_end_is_taken_off(tmp_path):
    import os

    journal = tmp_path / "journal.log"
    journal.write_text('{"a":1}\n{"b":')
    storage.mend(journal)
    assert journal.read_text() == '{"a":1}\n{"b":'  # somebody may still write it
    os.utime(journal, (1, 1))
    storage.mend(journal)
    assert journal.read_text() == '{"a":1}\n'
