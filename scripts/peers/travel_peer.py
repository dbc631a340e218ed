"""Opens models that the crate wrote, in the programs that their formats are made for, and gives them back.

    python travel_peer.py keras|pytorch|onnx|training FOLDER

For each `NAME.images.npz` in the folder, with `images`, channels first, there are the model's files. What the program computes is written
to `NAME.PEER.out.npz`, by the file's kind; what it cannot open, to `PEER.json`, with the reason. The models as the program writes
them itself stand beside them as `NAME.back.*`. With `training`, Keras trains each `NAME.keras` for an epoch on `training.npz`, writes
`NAME.once.keras` and `NAME.once.h5`, trains for another, and writes `NAME.twice.keras`.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""


def channels_last(images):
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)) if images.ndim == 4 else images


def keras_outputs(stem, images):
    import keras

    images = channels_last(images)

    def outputs(model):
        return np.asarray(model(images, training=False))

    model = keras.saving.load_model(f"{stem}.keras")
    yield "keras", outputs(model)
    model.save(f"{stem}.back.keras")
    model.save_weights(f"{stem}.back.weights.h5")
    weights = model.get_weights()
    np.savez(f"{stem}.back.weights.npz", *weights)
    for name in ("weights.h5", "npz"):
        model.set_weights([np.zeros_like(weight) for weight in weights])
        if name == "npz":
            file = np.load(f"{stem}.weights.npz")
            model.set_weights([file[name] for name in file.files])
        else:
            model.load_weights(f"{stem}.weights.h5")
        yield name, outputs(model)
    model = keras.saving.load_model(f"{stem}.h5")
    yield "h5", outputs(model)
    model.save(f"{stem}.back.h5")


def pytorch_outputs(stem, images):
    import torch

    names = {}
    os.chdir(stem.parent)
    exec(Path(f"{stem}.py").read_text(), names)
    model = names["model"]
    with torch.no_grad():
        yield "pytorch", model(torch.from_numpy(images)).numpy()
    torch.save(model.state_dict(), f"{stem}.back.pt")
    torch.save(model.state_dict(), f"{stem}.back.pth", _use_new_zipfile_serialization=False)


def onnx_outputs(stem, images):
    import onnx
    import onnxruntime

    for name, x in (("onnx", images), ("last.onnx", channels_last(images))):
        onnx.checker.check_model(f"{stem}.{name}", full_check=True)
        session = onnxruntime.InferenceSession(f"{stem}.{name}", providers=["CPUExecutionProvider"])
        (outputs,) = session.run(None, {"images": x})
        yield name, outputs


def train(folder):
    import keras

    data = np.load(folder / "training.npz")
    x, y = channels_last(data["images"]), data["labels"]
    for path in sorted(folder.glob("*.keras")):
        model = keras.saving.load_model(path)
        settings = {"epochs": 1, "batch_size": 32, "shuffle": False, "verbose": 0}
        model.fit(x, y, **settings)
        model.save(path.with_suffix(".once.keras"))
        model.fit(x, y, **settings)
        model.save(path.with_suffix(".twice.keras"))
        # Last: after saving as .h5, Keras 3.15 leaves the optimizer out of .keras files.
        model = keras.saving.load_model(path.with_suffix(".once.keras"))
        model.save(path.with_suffix(".once.h5"))


def main():
    if sys.argv[1] == "training":
        train(Path(sys.argv[2]).resolve())
        return
    peer, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    outputs_of = {"keras": keras_outputs, "pytorch": pytorch_outputs, "onnx": onnx_outputs}[peer]
    needed = {"keras": ".keras", "pytorch": ".py", "onnx": ".onnx"}[peer]
    errors = {}
    for path in sorted(folder.glob("*.images.npz")):
        name = path.name.removesuffix(".images.npz")
        stem = folder / name
        if not Path(f"{stem}{needed}").exists():
            continue
        found = {}
        try:
            for kind, outputs in outputs_of(stem, np.load(path)["images"]):
                found[kind] = np.ascontiguousarray(outputs, np.float32)
        except Exception as error:  # whatever it is, the test shows it
            errors[name] = f"{type(error).__name__}: {error}"
        np.savez(f"{stem}.{peer}.out.npz", **found)
    (folder / f"{peer}.json").write_text(json.dumps(errors))


if __name__ == "__main__":
    main()
