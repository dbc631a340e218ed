"""The epochs of a running notebook, as its trainings write them to the file that CNN_EPOCHS names."""

import json
import math


class Epochs:
    """What the trainings of one notebook have reported so far, in order.

    Trainings are counted from 1 in the order in which their first epochs end; the one that is watched is that of `training`, or
    else the first that reports the metric.
    """

    def __init__(self, path, metric, training=None):
        self.path, self.metric, self.wanted = path, metric, training
        self.place, self.rest = 0, b""
        self.trainings = {}

    def look(self):
        """Reads on. Returns the new values of the metric in the watched training: (epoch, epochs in all, value)."""
        return [news for news in map(self.take, self.lines()) if news]

    def lines(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.place)
                text = self.rest + file.read()
                self.place = file.tell()
        except FileNotFoundError:
            return []
        *lines, self.rest = text.split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]

    def take(self, line):
        epochs = self.trainings.setdefault(line["training"], [])
        epochs.append(line)
        if epochs is not self.watched() or self.metric not in line:
            return None
        return line["epoch"], line["epochs"], number(line[self.metric])

    def watched(self):
        """The lines of the watched training, or None before it has begun."""
        known = list(self.trainings.values())
        if self.wanted is not None:
            return known[self.wanted - 1] if self.wanted <= len(known) else None
        return next(iter(self.reporting()), None)

    def reporting(self):
        return [lines for lines in self.trainings.values() if any(self.metric in line for line in lines)]

    def last(self):
        """The metric at the end of the watched training, or None."""
        values = [number(line[self.metric]) for line in self.watched() or [] if self.metric in line]
        return values[-1] if values else None

    def names(self):
        """The quantities that any training has reported."""
        own = ("training", "epoch", "epochs")
        return list(dict.fromkeys(name for lines in self.trainings.values() for line in lines for name in line if name not in own))


def number(value):
    """What is no finite number is written as null."""
    return math.nan if value is None else float(value)
