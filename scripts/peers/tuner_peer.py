"""KerasTuner's Hyperband on the network and the space of `scripts/bench tune`, in Keras 3 on TensorFlow: a line of JSON for each trial.

Stopped and started again, it goes on in its folder.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import common
import keras
import keras_tuner
from keras_common import network


class Model(keras_tuner.HyperModel):
    def build(self, hp):
        model = network()
        rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        model.compile(keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **options):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64, 128, 256]), **options)


class Told(keras_tuner.Hyperband):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        # Only now the oracle knows its score.
        trial = self.oracle.get_trial(trial.trial_id)
        values = trial.hyperparameters.values
        told = {
            "number": len(self.oracle.end_order) - 1,
            "state": trial.status,
            "value": trial.score,
            "values": {name: values[name] for name in ("learning_rate", "batch_size")},
            "epochs": values["tuner/epochs"] - values["tuner/initial_epoch"],
        }
        print(json.dumps(told), flush=True)


def main():
    x_train, y_train, _, _ = common.load()
    samples = common.setting("BENCH_SAMPLES")
    x_train, y_train = x_train[:samples, ..., None], y_train[:samples]
    keras.utils.set_random_seed(common.setting("BENCH_SEED"))
    folder = Path(os.environ["BENCH_FOLDER"])
    options = {"directory": folder.parent, "project_name": folder.name, "seed": common.setting("BENCH_SEED")}
    # It may begin anew as often as it likes: the number of trials ends it.
    tuner = Told(Model(), objective="val_accuracy", max_epochs=common.setting("BENCH_EPOCHS"), factor=3, hyperband_iterations=1000, **options)
    tuner.oracle.max_trials = common.setting("BENCH_TRIALS")
    # As in the course, the last tenth is for validation.
    tuner.search(x_train, y_train, validation_split=0.1, verbose=0)


main()
