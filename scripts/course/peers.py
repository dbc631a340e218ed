"""The other libraries that the course is compared with, each in an environment of its own, from pinned versions."""

import sys

import notebooks
import setup

FOLDER = notebooks.ROOT / "scripts" / "peers"
# What the name of an environment stands for.
TITLES = {
    "keras": "Keras",
    "pytorch": "PyTorch",
    "onnx": "ONNX Runtime",
    "nbgrader": "nbgrader",
    "tuner": "KerasTuner",
    "serving": "the clients of KServe and Triton",
    "web": "Flask, gunicorn, FastAPI and uvicorn",
}


def python(name):
    """The Python of a peer's environment in the cache, made if its requirements have changed."""
    requirements = FOLDER / f"{name}.txt"
    venv = setup.cache_folder() / f"peer-{name}"
    stamp = venv / ".installed"
    if not (stamp.exists() and stamp.read_text() == requirements.read_text()):
        print(f"installing {TITLES[name]} for the comparison into {venv} (minutes, once) ...", flush=True)
        # What is whole keeps the packages whose versions are the same: they are large.
        clear = [] if stamp.exists() else ["--clear"]
        stamp.unlink(missing_ok=True)
        setup.run([sys.executable, "-m", "venv", *clear, venv], f"The environment of {TITLES[name]} could not be made.")
        pip = [venv / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
        # PyTorch's own packages for the CPU are a tenth as large; where they cannot be reached, the general one will do.
        small = ["--extra-index-url", setup.CPU_WHEELS, "--timeout", "10", "--retries", "1"] if name == "pytorch" else []
        setup.run([*pip, *small, "-r", requirements], f"{TITLES[name]} could not be installed.")
        stamp.write_text(requirements.read_text())
    return venv / "bin" / "python"
