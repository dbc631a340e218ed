"""Brings a model from one format to another: builds the program `cnn` of the crate, and runs it.

What it can do stands in crates/cnn/src/bin/cnn/help.txt.
"""

import subprocess
import sys

import notebooks
import programs
import setup

HELP = notebooks.ROOT / "crates" / "cnn" / "src" / "bin" / "cnn" / "help.txt"


def main(words):
    if not words or {"-h", "--help"} & set(words):
        print(HELP.read_text().replace("cnn convert", "scripts/convert"), end="")
        return 0 if words else 2
    try:
        if not (programs.folder() / "cnn").exists():
            print("compiling the program that converts (1 to 4 minutes on 2 cores, once) ...", file=sys.stderr, flush=True)
        program = programs.built("bin", "cnn")
        return subprocess.run([program, "convert", *words], env=programs.environment(), check=False).returncode
    except (programs.BuildError, setup.SetupError) as error:
        print(f"convert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("convert: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
