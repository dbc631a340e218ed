"""Reads what the crates' files import, and says where a room reaches up or files import each other in a circle.

A room is a folder of a crate's `src` (or a file beside them), and may use what the map in the crate's README allows: a table
of `room/` or `file.rs` and the rooms that it may use. A crate without rooms has a map that names all its files, and its folders, whose
`mod.rs` names theirs. Tests at the end of a file are not looked at.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A path, or the braces of a list of them.
PATH = re.compile(r"\b(crate|super)((?:::\w+)*)(?:::(\{|\*))?")
USE = re.compile(r"^(?:pub(?:\([a-z]+\))? )?use (?:(?:crate|self|super)::)*([^;]+);", re.MULTILINE)


def code(path):
    """A file's text without comments, strings and tests."""
    text = path.read_text().split("#[cfg(test)]")[0]
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    return re.sub(r"//.*", "", text)


def names(text):
    """`a::{b, c::d}` as [["a", "b"], ["a", "c", "d"]]."""
    text = text.strip()
    head, brace, rest = text.partition("{")
    if not brace:
        return [[part.split(" as ")[0].strip() for part in text.split("::")]]
    before = [part.strip() for part in head.split("::") if part.strip()]
    depth, parts, part = 0, [], ""
    for letter in rest.rstrip().removesuffix("}"):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts, part = [*parts, part], ""
        else:
            part += letter
    return [before + name for part in [*parts, part] if part.strip() for name in names(part)]


class Crate:
    def __init__(self, folder):
        self.folder = folder
        self.source = folder / "src"
        self.files = {self.module(path): path for path in sorted(self.source.rglob("*.rs"))}

    def module(self, path):
        parts = list(path.relative_to(self.source).with_suffix("").parts)
        return tuple(parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts)

    def resolved(self, path):
        """The module in which a path from the crate's root ends, through what `mod.rs` and `lib.rs` pass on."""
        for length in range(len(path), -1, -1):
            module = tuple(path[:length])
            if module not in self.files:
                continue
            rest = path[length:]
            if rest and self.files[module].stem in ("mod", "lib"):
                for use in USE.finditer(code(self.files[module])):
                    for name in names(use[1]):
                        inner = [*module, *name] if (*module, name[0]) in self.files else name
                        if name[-1] == rest[0] and tuple(inner[:-1]) in self.files and inner != path:
                            return self.resolved([*inner, *rest[1:]])
            return module
        return ()

    def imports(self, module):
        """(import as it is written, module) for everything that a file names of its crate."""
        path = self.files[module]
        text, found = code(path), []
        inside = module if path.stem in ("mod", "lib", "main") else module[:-1]
        position = 0
        while match := PATH.search(text, position):
            position = match.end()
            inner = [part for part in match[2].split("::") if part]
            base = [] if match[1] == "crate" else list(inside if module != inside else inside[:-1])
            while inner[:1] == ["super"]:
                base, inner = base[:-1], inner[1:]
            lists = [[]]
            if match[3] == "{":
                depth, end = 1, position
                while depth:
                    depth += {"{": 1, "}": -1}.get(text[end], 0)
                    end += 1
                lists, position = names("{" + text[position:end]), end
            for name in lists:
                written = "::".join([match[1], *inner, *name])
                name = name[:-1] if name[-1:] == ["self"] else name
                found.append((written, self.resolved([*base, *inner, *name])))
        return found

    def graph(self):
        """The files, and what each imports; files that only list others, `mod.rs` and `lib.rs`, are no part of it."""
        own = {module for module, path in self.files.items() if path.stem not in ("mod", "lib")}
        imports = {module: self.imports(module) for module in own}
        return {module: [(text, to) for text, to in found if to in own and to != module] for module, found in imports.items()}

    def name(self, module):
        return str(self.files[module].relative_to(ROOT))


def circle(graph):
    """The modules of a circle, if there is one."""
    state, trail = {}, []

    def visit(module):
        state[module] = "open"
        trail.append(module)
        for _, to in graph[module]:
            if state.get(to) == "open":
                return trail[trail.index(to) :]
            if to not in state and (found := visit(to)):
                return found
        state[module] = "done"
        trail.pop()
        return None

    for module in sorted(graph):
        if module not in state and (found := visit(module)):
            return found
    return None


def the_map(readme):
    """{room: rooms that it may use}, from the table in a crate's README."""
    rooms = {}
    for row in re.finditer(r"^\| `(\w+)(?:/|\.rs)` \|.*\| ([^|]*) \|$", readme.read_text(), re.MULTILINE):
        allowed = set(re.findall(r"\w+", row[2])) if row[2] != "all above" else set(rooms)
        if unknown := allowed - set(rooms):
            raise ValueError(f"{readme}: {row[1]} may use {', '.join(sorted(unknown))}, which does not stand above it")
        rooms[row[1]] = allowed
    return rooms


def check_rooms(crate):
    """What is wrong between the map and the imports."""
    readme = crate.folder / "README.md"
    rooms = the_map(readme)
    there = {module[0] for module in crate.files if module}
    wrong = [f"{readme.relative_to(ROOT)}: the map lacks {room}" for room in sorted(there - set(rooms))]
    wrong += [f"{readme.relative_to(ROOT)}: the map names {room}, and there is none" for room in sorted(set(rooms) - there)]
    for module in sorted(crate.files):
        if not module or module[0] not in rooms:
            continue
        for text, to in crate.imports(module):
            # What lib.rs defines or passes on from other crates belongs to nobody.
            if to and to[0] != module[0] and to[0] not in rooms[module[0]]:
                allowed = ", ".join(sorted(rooms[module[0]])) or "no other room"
                wrong.append(f"{crate.name(module)}: {text} is in {to[0]}; {module[0]} may use {allowed}")
    return wrong


def check_files(crate):
    """What is wrong between the files and the maps that name them all: the README's, and that of a folder's `mod.rs`."""
    readme = crate.folder / "README.md"
    wrong = check_map(readme, crate.source, {"main.rs"})
    for path in sorted(crate.source.glob("*/mod.rs")):
        wrong += check_map(path, path.parent, {"mod.rs"})
    return wrong


def check_map(written, folder, left_out):
    """What is wrong between a table of `file.rs` and `folder/`, and what is in the folder."""
    rows = re.findall(r"^(?://! )?\| ((?:`\w+(?:\.rs|/)`(?:, )?)+) \|", written.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+(?:\.rs|/))`", row)}
    there = {path.name + ("/" if path.is_dir() else "") for path in folder.iterdir() if path.is_dir() or path.suffix == ".rs"} - left_out
    wrong = [f"{written.relative_to(ROOT)}: the map lacks {name}" for name in sorted(there - named)]
    return wrong + [f"{written.relative_to(ROOT)}: the map names {name}, and there is none" for name in sorted(named - there)]


def check_circles(crate):
    graph = crate.graph()
    found = circle(graph)
    if not found:
        return []
    steps = zip(found, [*found[1:], found[0]])
    lines = [f"  {crate.name(module)}: {next(text for text, to in graph[module] if to == after)}" for module, after in steps]
    return ["these files import each other in a circle:\n" + "\n".join(lines)]


def main():
    crates = {name: Crate(ROOT / "crates" / name) for name in ("cnn", "formats", "kernel", "live")}
    wrong = check_rooms(crates["cnn"]) + check_files(crates["kernel"])
    for crate in crates.values():
        wrong += check_circles(crate)
    print("\n".join(wrong) or "no room reaches up, and no files import each other in a circle")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
