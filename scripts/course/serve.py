"""Serves models over HTTP: builds the program of crates/serve, and becomes it.

What it can do stands in crates/serve/src/help.txt.
"""

import os
import sys

import notebooks
import programs

HELP = notebooks.ROOT / "crates" / "serve" / "src" / "help.txt"


def main(words):
    def start(program):
        # The same process, so that a signal to it, and the end of who started it, reach the server.
        os.execve(program, [str(program), *words], programs.environment())

    told = HELP.read_text().replace("usage: serve", "usage: scripts/serve")
    return programs.script("serve", words, told, "the server (2 to 6 minutes on 2 cores, once)", "serve", "serve", start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
