"""scripts/reset, in small checkouts: with git, as scripts/unpack makes them, and as an archive without either."""

import json
import os
import shutil
import subprocess

import nbformat
import pytest
from conftest import COURSE, make_notebook

import notebooks
import reset

ENVIRONMENT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull} | {
    f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


class Checkout:
    def __init__(self, root):
        self.root, self.folder, self.kept = root, root / "notebooks", root / "out" / "kept"
        (root / "scripts" / "course").mkdir(parents=True)
        shutil.copy2(COURSE.parent / "reset", root / "scripts")
        for name in ("with_python", "reset.py", "endings.py", "notebooks.py", "parameters.py"):
            shutil.copy2(COURSE / name, root / "scripts" / "course")
        self.folder.mkdir()
        for name in ("00_first", "01_second", "02_third"):
            make_notebook(self.folder / f"{name}.ipynb", ["1 + 1", "2 + 2"])

    def git(self, *words):
        subprocess.run(["git", "-C", self.root, *words], check=True, capture_output=True, timeout=60, env=os.environ | ENVIRONMENT)

    def reset(self, *words, code=0):
        run = [self.root / "scripts" / "reset", *words]
        done = subprocess.run(run, capture_output=True, text=True, timeout=60, cwd=self.root.parent, env=os.environ | ENVIRONMENT)
        assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
        return done.stdout if code == 0 else done.stderr

    def path(self, name):
        return self.folder / f"{name}.ipynb"

    def change(self, name, change):
        notebook = json.loads(self.path(name).read_text())
        change(notebook)
        self.path(name).write_text(json.dumps(notebook))
        return self.path(name).read_text()

    def kept_notebooks(self):
        return sorted(self.kept.iterdir()) if self.kept.exists() else []


@pytest.fixture(params=["git", "pack"])
def checkout(request, tmp_path):
    made = Checkout(tmp_path / "a course")
    if request.param == "git":
        made.git("init", "--quiet")
        made.git("add", ".")
        made.git("commit", "--quiet", "-m", "all")
    else:
        shutil.copytree(made.folder, made.root / "bundle" / "shipped")
    return made


def change_source(notebook):
    notebook["cells"][1]["source"] = "3 + 3"


def test_a_changed_notebook_is_kept_and_replaced(checkout):
    shipped = checkout.path("01_second").read_text()
    changed = checkout.change("01_second", change_source)
    others = [checkout.change("00_first", change_source), checkout.path("02_third").read_text()]
    said = checkout.reset("1")
    assert checkout.path("01_second").read_text() == shipped
    (kept,) = checkout.kept_notebooks()
    assert kept.read_text() == changed and kept.name.startswith("01_second.20") and str(kept.name) in said and "1 cell" in said
    assert [checkout.path(name).read_text() for name in ("00_first", "02_third")] == others
    assert checkout.reset("01").split() == ["01_second", "is", "as", "shipped"] and len(checkout.kept_notebooks()) == 1


def test_all_of_them_and_nothing_kept_is_replaced(checkout):
    for turn in range(3):
        checkout.change("00_first", lambda notebook, turn=turn: notebook["cells"][1].update(source=f"{turn}"))
        checkout.path("02_third").unlink()
        said = checkout.reset()
        assert said.count("as shipped") == 2 and "was missing, is there again" in said
    sources = {json.loads(path.read_text())["cells"][1]["source"] for path in checkout.kept_notebooks()}
    assert sources == {"0", "1", "2"}
    assert checkout.path("02_third").exists() and "missing" not in checkout.reset("--list")


def test_the_list_says_what_differs_and_changes_nothing(checkout):
    checkout.change("00_first", change_source)
    checkout.change(
        "01_second", lambda notebook: notebook["cells"][2].update(outputs=[nbformat.v4.new_output("stream", text="4")], execution_count=1)
    )
    before = {path.name: path.read_bytes() for path in checkout.folder.iterdir()}
    said = dict(line.split(None, 1) for line in checkout.reset("--list").splitlines())
    assert said == {"00_first": "1 cell", "01_second": "outputs", "02_third": "is as shipped"}
    assert {path.name: path.read_bytes() for path in checkout.folder.iterdir()} == before and not checkout.kept_notebooks()


def test_what_programs_write_is_no_difference_and_is_not_kept(checkout):
    def opened(notebook):
        notebook["metadata"] |= {"language_info": {"name": "Rust", "version": "1"}, "kernelspec": {"name": "r"}, "widgets": {}}
        notebook["cells"][1]["metadata"] = {"execution": {"iopub.status.busy": "2020"}, "trusted": True}
        notebook["cells"][1]["source"] = ["1 ", "+ 1"]

    shipped = checkout.path("00_first").read_text()
    checkout.change("00_first", opened)
    assert checkout.reset("--list").count("is as shipped") == 3
    assert "is as shipped" in checkout.reset("0")
    assert checkout.path("00_first").read_text() == shipped and not checkout.kept_notebooks()


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe", b"{}", b"[]", b"null", b'{"cells": [1]}', b'{"cells": [{"cell_type": "code"}]}'])
def test_a_damaged_notebook_is_kept_as_it_is(checkout, damaged):
    checkout.path("00_first").write_bytes(damaged)
    assert "it is not a whole notebook" in checkout.reset("--list", "0")
    checkout.reset("0")
    assert checkout.kept_notebooks()[0].read_bytes() == damaged and nbformat.read(checkout.path("00_first"), 4)


def test_an_unknown_notebook_is_named_with_the_list(checkout):
    said = checkout.reset("07", code=2)
    assert "'07'" in said and "00_first" in said and "02_third" in said


def test_without_git_and_without_a_pack(tmp_path):
    made = Checkout(tmp_path / "course")
    assert "not a git checkout" in made.reset(code=2) and "scripts/unpack" in made.reset("--list", code=2)
    # A checkout around the folder is another project's.
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, timeout=60, env=os.environ | ENVIRONMENT)
    assert "not a git checkout" in made.reset(code=2)


def test_where_nothing_can_be_kept_nothing_is_replaced(checkout):
    changed = checkout.change("00_first", change_source)
    (checkout.root / "out").write_text("a file where the folder should be")
    checkout.reset("0", code=1)
    assert checkout.path("00_first").read_text() == changed


@pytest.mark.skipif(not reset.git("rev-parse", "HEAD"), reason="not a git checkout")
def test_the_sixteen_are_known():
    assert sorted(reset.shipped()) == [path.name for path in notebooks.find(notebooks.FOLDER)]
