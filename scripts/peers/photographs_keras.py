"""CIFAR-10 by Keras, and ResNet-20 in Keras 3 on TensorFlow, with batches by tf.data. Prints one line of JSON."""

import json
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import common
import keras
import tensorflow as tf
from keras import layers
from keras.src.datasets import cifar10
from keras_common import Epochs

# load_data() downloads an archive, even beside its unpacked files: it gets their folder instead.
cifar10.get_file = lambda **_: os.environ["BENCH_PICKLES"]


def convolution(x, channels, stride=1):
    x = layers.Conv2D(channels, 3, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def block(x, channels):
    """Two convolutions; where the channels grow, the way around them drops every second pixel and adds channels of zeros."""
    more = channels - x.shape[-1]
    y = layers.ReLU()(convolution(x, channels, 2 if more else 1))
    y = convolution(y, channels)
    if more:
        x = layers.AveragePooling2D(1, strides=2)(x)
        x = keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), (more // 2, more // 2)])
    return layers.ReLU()(layers.Add()([x, y]))


def resnet20():
    images = layers.Input((32, 32, 3))
    x = layers.ReLU()(convolution(images, 16))
    for channels in [16] * 3 + [32] * 3 + [64] * 3:
        x = block(x, channels)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(10, activation="softmax")(x))


def varied(image, label):
    """Shifted by up to 4 pixels, mirrored by chance, from 0 to 1."""
    image = tf.image.random_crop(tf.pad(image, [[4, 4], [4, 4], [0, 0]]), [32, 32, 3])
    return tf.cast(tf.image.random_flip_left_right(image), tf.float32) / 255.0, label


def main():
    turns = common.Turns()
    turns.next()
    load_seconds = common.loads(cifar10.load_data)
    count = common.setting("BENCH_IMAGES")
    (x_train, y_train), _ = cifar10.load_data()
    x_train, y_train = x_train[:count], y_train[:count]
    keras.utils.set_random_seed(42)
    batches = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(count)
    batches = batches.map(varied, tf.data.AUTOTUNE).batch(common.setting("BENCH_BATCH_SIZE")).prefetch(tf.data.AUTOTUNE)
    model = resnet20()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    noted = Epochs(turns)
    history = model.fit(batches, epochs=common.setting("BENCH_EPOCHS"), verbose=0, callbacks=[noted])
    print(json.dumps({
        "load_seconds": load_seconds,
        "epoch_seconds": noted.seconds,
        "accuracy": history.history["accuracy"][-1],
        "parameters": model.count_params(),
        "peak_memory": common.memory("VmHWM"),
        "memory_by_epoch": noted.memory,
    }))


main()
