#!/usr/bin/env bash
# Keras 3.15.1: model.export() writes a model for inference that goes on flipping its images at random.
#
# What one would guess: an exported model answers as predict() does, since RandomFlip's own words are "During inference time, the
# output will be identical to input". But the default of the augmentation layers' call() is training=True, where Dropout's
# is False, and export() traces the model without saying which. So serve() of the SavedModel, and plain model(x), give one
# image several answers; predict() and evaluate() pass training=False and hide it. Dropout in the same place is off everywhere. What
# helps: no augmentation layers in the model that is exported.
#
# Seen with keras 3.15.1 and tensorflow-cpu 2.21.0, Python 3.11, November 2026, different answers to one image, asked 40 times:
#   random_flip: predict 1, model(x, training=False) 1, model(x) 2, exported 2
#   dropout: predict 1, model(x, training=False) 1, model(x) 1, exported 1
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > finding.py <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf
from keras import layers

image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)


def answers(function):
    """How many different answers one image gets; 40 flips that all fall on one side do not happen."""
    return len({np.asarray(function(image)).tobytes() for _ in range(40)})


for layer in [layers.RandomFlip("horizontal"), layers.Dropout(0.5)]:
    model = keras.Sequential([layers.Input((4, 4, 1)), layer, layers.Flatten()])
    model.export(layer.name, verbose=False)
    exported = tf.saved_model.load(layer.name)
    print(
        f"{layer.name}: predict {answers(lambda x: model.predict(x, verbose=0))}, "
        f"model(x, training=False) {answers(lambda x: model(x, training=False))}, "
        f"model(x) {answers(model)}, exported {answers(exported.serve)}"
    )
PYTHON
KERAS_BACKEND=tensorflow timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
random_flip: predict 1, model(x, training=False) 1, model(x) 2, exported 2
dropout: predict 1, model(x, training=False) 1, model(x) 1, exported 1
EXPECTED
then
    echo "as described: an exported model with RandomFlip is random, with Dropout it is not"
else
    echo "changed"
    exit 1
fi
