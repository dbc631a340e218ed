"""Compares the model files that the crate writes and reads with real Keras, PyTorch, ONNX Runtime, h5py and NumPy.

What is missing of these is installed first: 3 to 7 GB, minutes, once. What is shown is a table with the largest difference
of the outputs for each way that a model takes.
"""

import argparse
import subprocess
import sys

import notebooks
import peers
import setup

# By crate, the test that asks them.
TESTS = {"cnn": "travel", "formats": "python"}
PEERS = ("keras", "pytorch", "onnx")


def arguments(args=None):
    title, text = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(prog="scripts/test formats", description=f"{title} {text}")
    parser.parse_args(args)


def commands():
    """The tests, one after the other, with what they print."""
    for crate, test in TESTS.items():
        yield ["cargo", "test", "--locked", "--quiet", "--package", crate, "--test", test, "--", "--nocapture", "--test-threads", "1"]


def main():
    arguments()
    # The file beside this one: Python's own package of that name comes after it.
    from test import environment

    try:
        pythons = {name: peers.python(name) for name in PEERS}
        # The tests look for the others in the cache.
        env = environment() | {"CNN_CACHE": str(setup.cache_folder()), "FORMATS_PYTHON": str(pythons["keras"])}
        failed = [command for command in commands() if subprocess.run(command, cwd=notebooks.ROOT, env=env, check=False).returncode]
    except (setup.SetupError, OSError) as error:
        print(f"test: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ntest: stopped", file=sys.stderr)
        return 130
    print("\nformats: " + ("failed" if failed else "all compared"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
