"""The course's model in PyTorch behind FastAPI, for uvicorn: serve_pytorch:app."""

import os
import sys

import torch
from fastapi import FastAPI
from pydantic import BaseModel

os.chdir(os.environ["BENCH_MODELS"])
sys.path.insert(0, ".")
from pytorch_model import model  # noqa: E402

torch.set_num_threads(1)
model.eval()
app = FastAPI()


class Request(BaseModel):
    instances: list[list[list[list[float]]]]


@app.post("/predict")
def predict(request: Request):
    with torch.inference_mode():
        return {"predictions": model(torch.tensor(request.instances)).tolist()}
