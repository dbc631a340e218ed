"""A page that lists the crate's layers and callbacks, each with the first sentence of its documentation, read from the sources."""

import re

LISTS = [("layers", "Layer", "Layers"), ("callbacks", "Callback", "Callbacks")]
DOCUMENTED = re.compile(r"((?:^///.*\n)+)(?:^#\[.*\]\n)*^pub (struct|enum) (\w+)", re.MULTILINE)


def first_sentence(comment):
    """The first sentence of a doc comment, with its links to other items as plain names."""
    paragraph = []
    for line in (line.removeprefix("///").strip() for line in comment.splitlines()):
        if not line and paragraph:
            break
        paragraph += [line] if line else []
    text = re.sub(r"\[(`[^`]+`)\](?:\([^)]*\))?", r"\1", " ".join(paragraph))
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0].rstrip(":;")


def items(folder, trait):
    """Name, kind and first sentence of each documented type in the folder that is a `trait`, in the order of their names."""
    found = []
    for path in sorted(folder.rglob("*.rs")):
        text = path.read_text()
        for comment, kind, name in DOCUMENTED.findall(text):
            if re.search(rf"^impl {trait} for {name}\b", text, re.MULTILINE):
                found.append((name, kind, first_sentence(comment)))
    return sorted(found, key=lambda item: item[0].lower())


def crate_page(sources, doc):
    """The page; `doc` is the folder that `cargo doc` has made, or None."""
    lines = [
        "# Layers and callbacks",
        "",
        "What the course's crate has of Keras's layers and callbacks, with a sentence each, from its own documentation. "
        + ("The names lead to the rest of it." if doc else "`cargo doc -p cnn --open` shows the rest of it."),
        "",
    ]
    for module, trait, title in LISTS:
        lines += [f"## {title}", "", "| name | what it does |", "|---|---|"]
        for name, kind, sentence in items(sources / module, trait):
            page = f"cnn/{module}/{kind}.{name}.html"
            shown = f'<a href="doc/{page}"><code>{name}</code></a>' if doc and (doc / page).is_file() else f"`{name}`"
            lines.append(f"| {shown} | {sentence.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)
