"""Runs a converted model on the images in FOLDER/images.npz, for `cnn convert --check`, and writes FOLDER/outputs.npz.

    python check.py onnx|pytorch FOLDER FILE

Exit code 3 says that a package is missing.
"""

import os
import sys


def onnx(file, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {session.get_inputs()[0].name: images})
    return outputs


def pytorch(_file, images):
    import torch

    names = {}
    with open("model.py") as lines:
        exec(lines.read(), names)
    with torch.no_grad():
        return names["model"](torch.from_numpy(images)).numpy()


try:
    import numpy as np

    kind, folder, file = sys.argv[1:]
    os.chdir(folder)
    run = {"onnx": onnx, "pytorch": pytorch}[kind]
    np.savez("outputs.npz", outputs=np.ascontiguousarray(run(file, np.load("images.npz")["images"]), np.float32))
except ModuleNotFoundError as error:
    print(error.name)
    sys.exit(3)
