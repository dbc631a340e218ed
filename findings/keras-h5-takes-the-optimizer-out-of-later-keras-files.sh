#!/usr/bin/env bash
# Keras 3.15.1: after model.save("x.h5"), the same model's .keras files have no optimizer, and load with RMSprop instead.
#
# What one would guess: saving does not change the model. But saving as .h5 takes the entry "optimizer" out of the configuration
# that compile() left with the model (an .h5 file writes it elsewhere), and .keras files are written from that configuration.
# The model in memory keeps its optimizer and trains on with it. load_model() of the .keras file says nothing: it compiles with
# what compile() takes without an optimizer, RMSprop at 0.001, and reads none of the stored momenta. A .keras file that was
# written before the .h5 has its optimizer.
#
# Seen with keras 3.15.1 and tensorflow-cpu 2.21.0, Python 3.11, November 2026:
#   before: SGD 0.5
#   after:  RMSprop 0.001
#   in memory: SGD
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > finding.py <<'PYTHON'
import keras
from keras import layers

model = keras.Sequential([layers.Input((4,)), layers.Dense(2, activation="softmax")])
model.compile(optimizer=keras.optimizers.SGD(0.5, momentum=0.9), loss="categorical_crossentropy")


def optimizer_of(path):
    optimizer = keras.saving.load_model(path).optimizer
    return f"{type(optimizer).__name__} {float(optimizer.learning_rate):g}"


model.save("before.keras")
model.save("model.h5")
model.save("after.keras")
print("before:", optimizer_of("before.keras"))
print("after: ", optimizer_of("after.keras"))
print("in memory:", type(model.optimizer).__name__)
PYTHON
KERAS_BACKEND=tensorflow timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
before: SGD 0.5
after:  RMSprop 0.001
in memory: SGD
EXPECTED
then
    echo "as described: saving as .h5 takes the optimizer out of later .keras files"
else
    echo "changed"
    exit 1
fi
