"""The check of imports: it sees a room that reaches up, and a circle, and names file and import."""

import imports
import pytest

README = """
| room | what is in it | may use |
|---|---|---|
| `low/` | x | – |
| `high/` | x | low |
| `top.rs` | x | all above |
"""


@pytest.fixture
def crate(tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    files = {
        "README.md": README,
        "src/lib.rs": "mod low;\nmod high;\npub mod top;\npub use high::Tower;\n",
        "src/low/mod.rs": "mod a;\nmod b;\npub(crate) use a::{one, Stone};\n",
        "src/low/a.rs": "pub fn one() {}\n// use crate::high::Tower;\nconst X: &str = \"crate::high::Tower\";\n",
        "src/low/b.rs": "use super::{one, a::Stone};\n#[cfg(test)]\nmod tests { use crate::high::Tower; }\n",
        "src/high/mod.rs": "mod tower;\npub use tower::Tower;\n",
        "src/high/tower.rs": "use crate::low::{one, Stone};\npub struct Tower;\n",
        "src/top.rs": "use crate::Tower;\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def wrong(folder):
    crate = imports.Crate(folder)
    return "\n".join(imports.check_rooms(crate) + imports.check_circles(crate))


def test_what_goes_one_way_is_right(crate):
    assert wrong(crate) == ""
    graph = imports.Crate(crate).graph()
    assert [to for _, to in graph["high", "tower"]] == [("low", "a"), ("low", "a")]
    assert [to for _, to in graph["top",]] == [("high", "tower")]


@pytest.mark.parametrize("line", ["use crate::high::Tower;", "fn f() { crate::high::tower::g() }", "use crate::{high::Tower as T};", "use crate::Tower;"])
def test_a_room_that_reaches_up_is_named_with_its_import(crate, line):
    (crate / "src/low/b.rs").write_text(line)
    assert "src/low/b.rs: crate::" in wrong(crate) and "is in high; low may use no other room" in wrong(crate)


@pytest.mark.parametrize("line", ["use super::b::two;", "fn f() { super::b::two() }", "use crate::low::b::{self, two};"])
def test_a_circle_is_named_with_its_imports(crate, line):
    (crate / "src/low/a.rs").write_text(f"pub struct Stone;\n{line}\n")
    assert "in a circle:\n  src/low/a.rs: " in wrong(crate) and "  src/low/b.rs: super::" in wrong(crate)


def test_the_map_names_all_rooms_and_no_others(crate):
    (crate / "src/cellar.rs").write_text("")
    (crate / "src/top.rs").unlink()
    assert wrong(crate).splitlines() == ["README.md: the map lacks cellar", "README.md: the map names top, and there is none"]


def test_a_map_of_files_names_all(crate):
    (crate / "README.md").write_text("| `lib.rs`, `low/` | x |\n| `high/`, `top.rs` | x |\n| `gone.rs` | x |\n")
    (crate / "src/low/mod.rs").write_text("//! | `a.rs`, `b.rs` | x |\n")
    (crate / "src/high/mod.rs").write_text("//! | `low/` | x |\n")
    assert imports.check_files(imports.Crate(crate)) == [
        "README.md: the map names gone.rs, and there is none",
        "src/high/mod.rs: the map lacks tower.rs",
        "src/high/mod.rs: the map names low/, and there is none",
    ]


def test_this_project_goes_one_way():
    assert imports.main() == 0
