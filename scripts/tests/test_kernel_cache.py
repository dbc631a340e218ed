"""Cells that were compiled before: found again in another kernel, and only where they are right."""

import os
import re

import pytest
from conftest import running_kernel, wait_until

CELLS = [
    "use std::collections::HashMap;\nuse std::fmt::Debug;",
    "let a = 3; let b = vec![1.0, 2.0]; let word = String::from(\"x\");",
    "#[derive(Debug, Clone)]\nstruct Point { x: i32 }\nimpl Point { fn twice(&self) -> i32 { 2 * self.x } }",
    "fn describe<T: Debug>(value: &T) -> String { format!(\"<{value:?}>\") }",
    "let p = Point { x: 4 }; let map: HashMap<String, i32> = HashMap::from([(word.clone(), a)]);",
    "println!(\"{} {} {}\", p.twice(), describe(&b), map[&word]);",
    "Point { x: 5 }",
    "let number: i32 = \"12\".parse()?;\nprintln!(\"{number}\");",
    "let wrong: i32 = \"x\".parse()?;",
    "println!(\"{}\", b[7]);",
    "let moved = word; println!(\"{moved} {a:?}\");",
    "println!(\"{}\", p.x + number);",
    "let unknown = a.squared();",
    "println!(\"{b:?} {moved}\");",
]


@pytest.fixture
def cells(tmp_path):
    """The folder of the compiled cells, as an environment."""
    return {"LIVE_CELLS": str(tmp_path / "cells")}


def kept(environment):
    folder = environment["LIVE_CELLS"]
    return {name: os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder)} if os.path.isdir(folder) else {}


def shown(outcome):
    """What a learner sees of a cell."""
    values = [content["data"].get("text/plain") for kind in ("execute_result", "display_data") for content in outcome.of(kind)]
    errors = [content["evalue"] for content in outcome.of("error")]
    return outcome.text(), outcome.text("stderr"), values, errors, outcome.reply["status"]


def play(bare, environment, sources):
    with running_kernel(bare, **environment) as kernel:
        return [shown(kernel.execute(source)) for source in sources]


def test_a_second_kernel_compiles_nothing_and_shows_the_same(bare, cells):
    first = play(bare, cells, CELLS)
    assert first[5][0] == "8 <[1.0, 2.0]> 3\n"
    assert [outcome[4] for outcome in first].count("error") == 3
    before = kept(cells)
    assert len(before) > len(CELLS)
    assert play(bare, cells, CELLS) == first
    assert kept(cells) == before


def test_a_cell_that_is_executed_later_is_not_compiled_again(bare, cells):
    sources = ["let n = 3;", "println!(\"{n}\");"]
    play(bare, cells, sources)
    before = kept(cells)
    outcomes = play(bare, cells, [sources[0], sources[1], sources[1], ":variables", sources[1]])
    assert [outcome[0] for outcome in outcomes] == ["", "3\n", "3\n", "", "3\n"]
    assert len(kept(cells)) == len(before) + 1, "what looks at the variables"


def test_an_edited_cell_is_compiled_anew_and_the_others_are_not(bare, cells):
    play(bare, cells, CELLS[:6])
    before = kept(cells)
    edited = [*CELLS[:1], CELLS[1].replace("let a = 3", "let a = 30"), *CELLS[2:6]]
    assert play(bare, cells, edited)[5][0] == "8 <[1.0, 2.0]> 30\n"
    assert len(kept(cells)) == len(before) + 1


def test_damaged_cells_are_compiled_anew(bare, cells):
    first = play(bare, cells, CELLS[:6])
    for name in kept(cells):
        path = os.path.join(cells["LIVE_CELLS"], name)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
    assert play(bare, cells, CELLS[:6]) == first


def test_a_cell_that_reads_a_file_sees_what_is_in_it(bare, cells, tmp_path):
    read = tmp_path / "text"
    source = f'println!("{{}}", include_str!("{read}"));'
    for text in ("first", "second"):
        read.write_text(text)
        assert play(bare, cells, [source])[0][0] == f"{text}\n"


def test_where_nothing_can_be_kept_cells_work(bare, tmp_path):
    (tmp_path / "file").write_text("")
    assert play(bare, {"LIVE_CELLS": str(tmp_path / "file" / "cells")}, CELLS[:6])[5][0] == "8 <[1.0, 2.0]> 3\n"


def test_variables_survive_cells_that_do_not_mention_them(bare, cells):
    outcomes = play(bare, cells, ["let kept = vec![1, 2];", "let other = 1;", "panic!(\"now\");", "println!(\"{kept:?} {other}\");"])
    assert outcomes[3][0] == "[1, 2] 1\n"


def test_a_type_that_is_defined_anew_loses_its_variables(bare, cells):
    sources = ["struct P { x: i32 }", "let p = P { x: 1 }; let n = 1;", "struct P { x: i32, y: i32 }", "let q = P { x: 1, y: 2 };", "println!(\"{n}\");", "p.x"]
    outcomes = play(bare, cells, sources)
    assert "redefined" in outcomes[3][1] + outcomes[2][1]
    assert outcomes[4][0] == "1\n" and outcomes[5][4] == "error"


def test_a_misspelt_variable_is_named_by_the_one_that_was_meant(bare, cells):
    with running_kernel(bare, **cells) as kernel:
        kernel.execute("let history = 1;")
        assert re.search(r"similar name.*history|history", kernel.execute('println!("{}", histry);').error())


def test_an_error_stands_at_its_line(bare, cells):
    """Also where it comes from the cache, in a kernel whose source has another order."""
    sources = [*CELLS[:5], "fn ok() {}\nfn wrong() -> i32 {\n    \"text\"\n}"]
    for _ in range(2):
        with running_kernel(bare, **cells) as kernel:
            error = [kernel.execute(source) for source in sources][-1].error()
            assert '"text"' in error and re.search(r"[: ]3\b", error), error


def make_crate(folder, name, source):
    (folder / name / "src").mkdir(parents=True, exist_ok=True)
    (folder / name / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n')
    (folder / name / "src" / "lib.rs").write_text(source)
    return f':dep {name} = {{ path = "{folder / name}" }}'


def test_a_new_dependency_is_compiled_alone_and_variables_live(bare, cells, tmp_path):
    one = make_crate(tmp_path, "one", "pub struct Value(pub i32);")
    two = make_crate(tmp_path, "two", "pub fn two() -> i32 { 2 }")
    with running_kernel(bare, **cells) as kernel:
        kernel.execute(f"{one}\nlet value = one::Value(3);")
        added = kernel.execute(f"{two}\nprintln!(\"{{}} {{}}\", value.0, two::two());")
        assert added.text() == "3 2\n"
        compiled = [content["data"]["text/plain"] for content in added.of("display_data")]
        assert any("two" in line for line in compiled) and not any("one" in line for line in compiled), compiled


def test_cargos_records_come_when_cargo_is_asked(cells, tmp_path):
    one = make_crate(tmp_path, "one", "pub fn one() -> i32 { 1 }")
    two = make_crate(tmp_path, "two", "pub fn two() -> i32 { 2 }")
    (tmp_path / "warm-up.rs").write_text(f"{one}\n")
    options = {"prepared": tmp_path / "prepared", "warm-up": tmp_path / "warm-up.rs", "runs": tmp_path / "runs"}
    records = lambda: list((tmp_path / "runs").glob("run-*/build/target/*/debug/.fingerprint"))  # noqa: E731
    with running_kernel(options, **cells) as kernel:
        kernel.execute(one)
        assert wait_until((tmp_path / "prepared" / "made-from").exists) and records()
    with running_kernel(options, **cells) as kernel:
        assert kernel.execute(f'{one}\nprintln!("{{}}", one::one());').text() == "1\n"
        assert not records()
        added = kernel.execute(f'{two}\nprintln!("{{}} {{}}", one::one(), two::two());')
        assert added.text() == "1 2\n" and records()
        compiled = [content["data"]["text/plain"] for content in added.of("display_data")]
        assert any("two" in line for line in compiled) and not any("one" in line for line in compiled), compiled


def test_a_dependency_that_cannot_be_had_changes_nothing(bare, cells, tmp_path):
    one = make_crate(tmp_path, "one", "pub struct Value(pub i32);")
    with running_kernel(bare, **cells) as kernel:
        kernel.execute(f"{one}\nlet value = one::Value(3);")
        assert kernel.execute(f':dep two = {{ path = "{tmp_path / "missing"}" }}').reply["status"] == "error"
        assert kernel.execute('println!("{}", value.0);').text() == "3\n"


def test_a_changed_dependency_is_seen(bare, cells, tmp_path):
    sources = [make_crate(tmp_path, "one", "pub fn number() -> i32 { 1 }"), 'println!("{}", one::number());', 'println!("{}!", one::number());']
    with running_kernel(bare, **cells) as kernel:
        kernel.execute(sources[0])
        assert kernel.execute(sources[1]).text() == "1\n"
        make_crate(tmp_path, "one", "pub fn number() -> i32 { 22 }")
        assert kernel.execute(sources[2]).text() == "22!\n"
    assert play(bare, cells, sources)[1][0] == "22\n"


def test_cells_can_be_compiled_without_being_executed(bare, cells, tmp_path):
    mark = tmp_path / "mark"
    sources = [*CELLS[:6], f'std::fs::write("{mark}", "")?;']
    compiled = play(bare, cells | {"LIVE_COMPILE_ONLY": "1"}, sources)
    assert not any(outcome[0] for outcome in compiled) and not mark.exists()
    before = kept(cells)
    assert play(bare, cells, sources)[5][0] == "8 <[1.0, 2.0]> 3\n"
    assert mark.exists() and kept(cells) == before
