"""The course's model in ONNX Runtime behind FastAPI, for uvicorn: serve_onnx:app."""

import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(os.path.join(os.environ["BENCH_MODELS"], "model.onnx"), options)
app = FastAPI()


@app.post("/predict")
async def predict(request: Request):
    # Without pydantic's check of each number, which takes longer than the model.
    images = np.asarray((await request.json())["instances"], np.float32)
    return {"predictions": session.run(None, {"images": images})[0].tolist()}
