"""Serves models over HTTP: builds the program of crates/serve, and becomes it.

What it can do stands in crates/serve/src/help.txt.
"""

import os
import sys

import notebooks
import programs

# For training, the kernel's allocator keeps large blocks; that costs a server memory.
OF_TRAINING = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")

HELP = notebooks.ROOT / "crates" / "serve" / "src" / "help.txt"


def environment():
    return {name: value for name, value in programs.environment().items() if name not in OF_TRAINING}


def main(words):
    def start(program):
        # The same process, so that a signal to it, and the end of who started it, reach the server.
        os.execve(program, [str(program), *words], environment())

    told = HELP.read_text().replace("usage: serve", "usage: scripts/serve")
    return programs.script("serve", words, told, "the server (2 to 6 minutes on 2 cores, once)", "serve", "serve", start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
