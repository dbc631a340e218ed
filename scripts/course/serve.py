"""Serves models over HTTP: builds the program of crates/serve, and becomes it.

What it can do stands in crates/serve/src/help.txt.
"""

import os
import sys

import notebooks
import programs
import setup

HELP = notebooks.ROOT / "crates" / "serve" / "src" / "help.txt"


def main(words):
    if not words or {"-h", "--help"} & set(words):
        print(HELP.read_text().replace("usage: serve", "usage: scripts/serve"), end="")
        return 0 if words else 2
    try:
        if not (programs.folder() / "serve").exists():
            print("compiling the server (2 to 6 minutes on 2 cores, once) ...", file=sys.stderr, flush=True)
        program = programs.built("bin", "serve", package="serve")
    except (programs.BuildError, setup.SetupError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("serve: stopped", file=sys.stderr)
        return 130
    # The same process, so that a signal to it, and the end of who started it, reach the server.
    os.execve(program, [str(program), *words], programs.environment())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
