#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0, x86-64: one NaN pixel destroys a network, its loss stays finite, and TerminateOnNaN is silent.
#
# What one would guess: a NaN in the inputs makes the loss NaN in the first step, and the callback stops. It does when the model is
# run eagerly. In the graph that fit(), evaluate() and predict() compile, TensorFlow joins the multiplication, the bias and the ReLU
# in one operation of oneDNN, whose ReLU makes 0 of NaN. So the loss is a number; but the gradient of the weights, 0 times NaN, is NaN.
# From the second step on the first layer's output is 0 for every image, the good ones too: all get the same answer and the loss
# stands still at ln 2, here for two classes. predict(x) and model(x) differ. oneDNN is on by default on newer CPUs (those with
# AVX512_VNNI or AMX) and off on older ones; TF_ENABLE_ONEDNN_OPTS decides here, so that every CPU shows both.
#
# Seen with Python 3.11, November 2026, with one NaN in 64 inputs:
#   oneDNN on: fit: finite loss, 3 epochs, NaN in the weights: 4; 63 good inputs: 1 answer of predict(x), NaN in model(x): 126
#   oneDNN off: fit: NaN loss, 1 epoch, NaN in the weights: 34; 63 good inputs: 0 answers of predict(x), NaN in model(x): 126
#   oneDNN on, eagerly: fit: NaN loss, 1 epoch, NaN in the weights: 34; 63 good inputs: 0 answers of predict(x), NaN in model(x): 126
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > finding.py <<'PYTHON'
import sys

import keras
import numpy as np
from keras import layers

label = sys.argv[1]
labels = np.arange(64) % 2
inputs = np.ones((64, 5), "float32")
inputs[:, 0] = labels
inputs[0, 2] = np.nan

model = keras.Sequential([layers.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=label.endswith("eagerly"))
losses = model.fit(inputs, labels, epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]).history["loss"]
weights = sum(np.isnan(weight).sum() for weight in model.get_weights())
good = inputs[1:]
answers = model.predict(good, verbose=0)
different = len({answer.tobytes() for answer in answers if np.isfinite(answer).all()})


def several(number, word):
    return f"{number} {word}{'' if number == 1 else 's'}"


print(
    f"{label}: fit: {'finite' if np.isfinite(losses).all() else 'NaN'} loss, {several(len(losses), 'epoch')}, NaN in the weights: {weights}; "
    f"{len(good)} good inputs: {several(different, 'answer')} of predict(x), NaN in model(x): {np.isnan(model(good)).sum()}"
)
PYTHON
seen() {
    TF_ENABLE_ONEDNN_OPTS=$2 KERAS_BACKEND=tensorflow timeout 300 python/bin/python finding.py "$1" 2> errors > output || { cat errors; exit 1; }
    grep '^oneDNN' output | tee -a seen # TerminateOnNaN prints a line of its own
}
seen "oneDNN on" 1
seen "oneDNN off" 0
seen "oneDNN on, eagerly" 1
if diff - seen <<'EXPECTED'
oneDNN on: fit: finite loss, 3 epochs, NaN in the weights: 4; 63 good inputs: 1 answer of predict(x), NaN in model(x): 126
oneDNN off: fit: NaN loss, 1 epoch, NaN in the weights: 34; 63 good inputs: 0 answers of predict(x), NaN in model(x): 126
oneDNN on, eagerly: fit: NaN loss, 1 epoch, NaN in the weights: 34; 63 good inputs: 0 answers of predict(x), NaN in model(x): 126
EXPECTED
then
    echo "as described: with oneDNN the ReLU of a compiled model makes 0 of NaN, and the weights are lost"
else
    echo "changed"
    exit 1
fi
