#!/usr/bin/env bash
# keras-tuner 1.4.8: with TensorFlow 2.21 every trial of a fresh installation fails, for want of tensorboard.
#
# What one would guess: `pip install keras-tuner tensorflow` is all that a search needs. But on the TensorFlow back end the tuner imports
# tensorboard before each trial, whether or not there is a callback of that name, and its requirements do not name it: it used to come
# with TensorFlow, which does not ask for it any more. search() takes the error for one of the model's: it goes on, and ends after the
# third such trial in a row with a RuntimeError. What helps: pip install tensorboard, or another back end.
#
# Seen with keras 3.15.1 and tensorflow-cpu 2.21.0, Python 3.11, November 2026, a random search over a model of one layer:
#   as installed: RuntimeError: Number of consecutive failures exceeded the limit of 3.
#   the reason: ModuleNotFoundError: No module named 'tensorboard'
#   with tensorboard: 3 trials have a value
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check keras-tuner==1.4.8 keras==3.15.1 tensorflow-cpu==2.21.0
cat > finding.py <<'PYTHON'
import sys

import keras
import keras_tuner
import numpy as np


def model(hp):
    made = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 100))])
    made.compile("sgd", "mse")
    return made


tuner = keras_tuner.RandomSearch(model, objective="val_loss", max_trials=3, directory=sys.argv[1], seed=1)
x, y = np.ones((8, 2)), np.ones((8, 1))
try:
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    trials = tuner.oracle.trials.values()
    print(f"with tensorboard: {sum(trial.score is not None for trial in trials)} trials have a value")
except RuntimeError as error:
    lines = str(error).strip().splitlines()
    print(f"as installed: RuntimeError: {lines[0]}")
    print("the reason:", next(line for line in lines if "ModuleNotFoundError" in line))
PYTHON
export KERAS_BACKEND=tensorflow
timeout 300 python/bin/python finding.py bare 2> errors | tee seen || { cat errors; exit 1; }
python/bin/pip install --quiet --disable-pip-version-check tensorboard==2.21.0
timeout 300 python/bin/python finding.py whole 2> errors | tee -a seen || { cat errors; exit 1; }
if diff <(grep -E "^(as installed|the reason|with tensorboard)" seen) - <<'EXPECTED'
as installed: RuntimeError: Number of consecutive failures exceeded the limit of 3.
the reason: ModuleNotFoundError: No module named 'tensorboard'
with tensorboard: 3 trials have a value
EXPECTED
then
    echo "as described: without tensorboard no trial of keras-tuner comes to its end"
else
    echo "changed"
    exit 1
fi
