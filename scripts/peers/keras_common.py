"""What the peers in Keras have in common: the course's network, and what each epoch took."""

import common
import keras
from keras import layers


def network():
    """The course's, as the original tutorial builds it."""
    return keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])


class Epochs(keras.callbacks.Callback):
    """Seconds of each epoch, validation included, and the memory after it. Each is a turn."""

    def __init__(self, turns):
        super().__init__()
        self.turns = turns
        self.seconds, self.memory = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.turns.next()
        self.begin = common.time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(common.time.perf_counter() - self.begin)
        self.memory.append(common.memory("VmRSS"))
