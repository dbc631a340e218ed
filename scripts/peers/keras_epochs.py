"""A callback of Keras's: what each epoch took."""

import common
import keras


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
