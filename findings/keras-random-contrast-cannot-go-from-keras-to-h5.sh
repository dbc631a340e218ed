#!/usr/bin/env bash
# Keras 3.15.1: a model with a RandomContrast layer that was loaded from a .keras file cannot be saved as .h5.
#
# What one would guess: what load_model() returns can be saved as what was built can. The model as it was built is saved in both
# formats. Loaded again, save("x.h5") raises "TypeError: cannot pickle 'module' object": the layer's factor stands in the file as a
# list, which the loaded layer keeps in a list of Keras's own that refers to modules, and writing .h5 makes a deep copy of it. The
# same model is saved as .keras again. RandomZoom(0.1) and others, whose factor is a number in the file, have no such trouble.
#
# Seen with keras 3.15.1 and tensorflow-cpu 2.21.0, Python 3.11, November 2026:
#   built, .h5: saved
#   loaded, .keras: saved
#   loaded, .h5: TypeError: cannot pickle 'module' object
#   RandomZoom loaded, .h5: saved
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > finding.py <<'PYTHON'
import keras
from keras import layers


def model(layer):
    return keras.Sequential([layers.Input((8, 8, 3)), layer, layers.Flatten(), layers.Dense(2)])


def saved(model, path):
    try:
        model.save(path)
        return "saved"
    except TypeError as error:
        return f"TypeError: {error}"


def loaded(model):
    model.save("first.keras")
    return keras.saving.load_model("first.keras")


print("built, .h5:", saved(model(layers.RandomContrast(0.2)), "built.h5"))
again = loaded(model(layers.RandomContrast(0.2)))
print("loaded, .keras:", saved(again, "again.keras"))
print("loaded, .h5:", saved(again, "again.h5"))
print("RandomZoom loaded, .h5:", saved(loaded(model(layers.RandomZoom(0.1))), "flip.h5"))
PYTHON
KERAS_BACKEND=tensorflow timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
built, .h5: saved
loaded, .keras: saved
loaded, .h5: TypeError: cannot pickle 'module' object
RandomZoom loaded, .h5: saved
EXPECTED
then
    echo "as described: RandomContrast goes from .keras to .keras, and not to .h5"
else
    echo "changed"
    exit 1
fi
