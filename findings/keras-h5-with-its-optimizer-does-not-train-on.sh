#!/usr/bin/env bash
# Keras 3.15.1: a compiled and trained model that was saved as .h5 loads without an error, and fit() then raises.
#
# What one would guess: .h5 keeps the optimizer so that training goes on; if it could not be restored, load_model() would say so.
# load_model() builds the optimizer for the model's own list of variables, which leaves out those of its layers and so is empty,
# and the optimizer never builds itself again. It has two variables, the number of the step (which is restored, so that it looks
# right) and the learning rate; the first batch of fit() ends with "Unknown variable ... This optimizer can only be called for the
# variables it was originally built with". evaluate() and predict() work. It is so for SGD and RMSprop, too. The same model as .keras
# trains on, and so does the .h5 one after compile(), with the momenta lost.
#
# Seen with keras 3.15.1 and tensorflow-cpu 2.21.0, Python 3.11, November 2026:
#   before: step 2, 10 variables
#   model.keras: step 2, 10 variables; fit: trained to step 4
#   model.h5: step 2, 2 variables; fit: ValueError: Unknown variable
#   model.h5, compiled anew; fit: trained to step 2
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > finding.py <<'PYTHON'
import keras
import numpy as np
from keras import layers

inputs, labels = np.ones((8, 4), "float32"), np.zeros(8, "int32")


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model):
    try:
        model.fit(inputs, labels, batch_size=4, verbose=0)
        return f"fit: trained to step {int(model.optimizer.iterations)}"
    except ValueError as error:
        return f"fit: ValueError: {str(error).split(':')[0]}"


def state(model):
    return f"step {int(model.optimizer.iterations)}, {len(model.optimizer.variables)} variables"


model = compiled(keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2, activation="softmax")]))
fit(model)
print("before:", state(model))
model.save("model.keras")
model.save("model.h5")
for path in ["model.keras", "model.h5"]:
    loaded = keras.saving.load_model(path)
    print(f"{path}: {state(loaded)}; {fit(loaded)}")
print(f"model.h5, compiled anew; {fit(compiled(keras.saving.load_model('model.h5')))}")
PYTHON
KERAS_BACKEND=tensorflow timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
before: step 2, 10 variables
model.keras: step 2, 10 variables; fit: trained to step 4
model.h5: step 2, 2 variables; fit: ValueError: Unknown variable
model.h5, compiled anew; fit: trained to step 2
EXPECTED
then
    echo "as described: the .h5 model loads with a step and no momenta, and does not train"
else
    echo "changed"
    exit 1
fi
