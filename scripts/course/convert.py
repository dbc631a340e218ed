"""Brings a model from one format to another: builds the program `cnn` of the crate, and runs it.

What it can do stands in crates/cnn/src/bin/cnn/help.txt.
"""

import subprocess
import sys

import notebooks
import programs

HELP = notebooks.ROOT / "crates" / "cnn" / "src" / "bin" / "cnn" / "help.txt"


def main(words):
    def start(program):
        return subprocess.run([program, "convert", *words], env=programs.environment(), check=False).returncode

    told = HELP.read_text().replace("cnn convert", "scripts/convert")
    return programs.script("convert", words, told, "the program that converts (1 to 4 minutes on 2 cores, once)", "cnn", "cnn", start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
