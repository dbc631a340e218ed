"""The course's model in Keras behind Flask, as the original tutorial deploys it, for gunicorn: serve_keras:app."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
from flask import Flask, jsonify, request

app = Flask(__name__)
model = keras.saving.load_model(os.path.join(os.environ["BENCH_MODELS"], "model.keras"))


@app.post("/predict")
def predict():
    images = np.asarray(request.get_json()["instances"], np.float32).transpose(0, 2, 3, 1)
    return jsonify(predictions=model.predict(images, verbose=0).tolist())
