"""The course's model in Keras 3 on TensorFlow, as the original tutorial trains it. Prints one line of JSON."""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import common
import keras
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from keras_common import Epochs, network


def model_files(model):
    """Loading and writing: the same files for all contenders, whoever comes first writes them."""
    folder = Path(os.environ["BENCH_MODELS"])
    # In this order: once Keras has written .h5, it leaves the optimizer out of .keras.
    for name in ("model.keras", "model.h5"):
        if not (folder / name).exists():
            model.save(folder / name)
    loaded = keras.saving.load_model(folder / "model.h5")
    return {
        "load_h5_ms": common.milliseconds(lambda: keras.saving.load_model(folder / "model.h5")),
        "load_keras_ms": common.milliseconds(lambda: keras.saving.load_model(folder / "model.keras")),
        "write_h5_ms": common.milliseconds(lambda: loaded.save(folder / "written.h5")),
    }


def main():
    turns = common.Turns()
    turns.next()
    (x_train, y_train, x_test, y_test), load_seconds = common.seconds(common.load)
    samples = common.setting("BENCH_SAMPLES")
    x_train, y_train = x_train[:samples, ..., None], y_train[:samples]
    x_test = x_test[..., None]
    keras.utils.set_random_seed(42)
    model = network()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    noted = Epochs(turns)
    one_hot, one_hot_test = (keras.utils.to_categorical(labels, 10) for labels in (y_train, y_test))
    model.fit(
        x_train,
        one_hot,
        epochs=common.setting("BENCH_EPOCHS"),
        batch_size=common.setting("BENCH_BATCH_SIZE"),
        validation_split=0.1,
        verbose=0,
        callbacks=[noted],
    )
    evaluations = []
    for _ in range(3):
        turns.next()
        evaluations.append(common.seconds(lambda: model.evaluate(x_test, one_hot_test, verbose=0)))
    turns.next()
    predict_ms = common.median_milliseconds(lambda: model.predict(x_test[:1], verbose=0), 50)
    peak_memory = common.memory("VmHWM")
    generator = ImageDataGenerator(rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1)
    flow = generator.flow(x_train[:6400], batch_size=128, seed=1)
    _, augment_seconds = common.seconds(lambda: [flow[index] for index in range(len(flow))])
    as_bytes = (x_train * 255).astype("uint8")
    print(json.dumps(common.reruns(lambda: as_bytes.astype("float32") / 255.0) | model_files(model) | {
        "load_seconds": load_seconds,
        "epoch_seconds": noted.seconds,
        "evaluate_seconds": [seconds for _, seconds in evaluations],
        "accuracy": evaluations[0][0][1],
        "predict_ms": predict_ms,
        "peak_memory": peak_memory,
        "augment_rate": min(len(x_train), 6400) / augment_seconds,
    }))


main()
