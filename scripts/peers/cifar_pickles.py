"""Writes CIFAR-10's Python version, which torchvision and Keras read, from its binary version: cifar_pickles.py BINARY FOLDER."""

import pickle
import struct
import sys
from pathlib import Path

import numpy as np

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
CLASSES = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck"]
RECORD = 1 + 3 * 32 * 32  # a label, and the pixels


class Python2Pickler(pickle._Pickler):
    """Bytes become Python 2's strings, as in the files that are handed round: Keras and torchvision decode those."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        self.write(pickle.BINSTRING + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_string


def write(content, path):
    with open(path, "wb") as file:
        Python2Pickler(file, protocol=2).dump(content)


def main(binary, folder):
    folder = folder / "cifar-10-batches-py"
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        records = np.fromfile(binary / f"{name}.bin", np.uint8).reshape(-1, RECORD)
        content = {b"batch_label": name.encode(), b"labels": records[:, 0].tolist(), b"data": np.ascontiguousarray(records[:, 1:])}
        write(content, folder / name)
    write({b"label_names": CLASSES, b"num_cases_per_batch": 10_000, b"num_vis": RECORD - 1}, folder / "batches.meta")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
