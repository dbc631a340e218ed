"""The course's model in PyTorch, eager, with all tensors in memory. Prints one line of JSON."""

import json

import common
import torch
from torch import nn


def main():
    turns = common.Turns()
    turns.next()
    (x_train, y_train, x_test, y_test), load_seconds = common.seconds(common.load)
    samples, batch_size = common.setting("BENCH_SAMPLES"), common.setting("BENCH_BATCH_SIZE")
    x_train, y_train = torch.from_numpy(x_train[:samples, None]), torch.from_numpy(y_train[:samples])
    x_test, y_test = torch.from_numpy(x_test[:, None]), torch.from_numpy(y_test)
    torch.manual_seed(42)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 13 * 13, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    optimizer = torch.optim.Adam(model.parameters())
    loss_function = nn.CrossEntropyLoss()
    train = int(len(x_train) * 0.9)

    def evaluate(x, y):
        with torch.no_grad():
            hits = sum((model(x[i : i + 1000]).argmax(1) == y[i : i + 1000]).sum().item() for i in range(0, len(x), 1000))
        return hits / len(x)

    def epoch():
        for batch in torch.randperm(train).split(batch_size):
            optimizer.zero_grad()
            loss = loss_function(model(x_train[batch]), y_train[batch])
            loss.backward()
            optimizer.step()
        evaluate(x_train[train:], y_train[train:])

    def predict():
        with torch.no_grad():
            return model(x_test[:1])

    epochs, evaluations = [], []
    for _ in range(common.setting("BENCH_EPOCHS")):
        turns.next()
        epochs.append(common.seconds(epoch)[1])
    for _ in range(3):
        turns.next()
        evaluations.append(common.seconds(lambda: evaluate(x_test, y_test)))
    turns.next()
    predict_ms = common.median_milliseconds(predict, 200)
    peak_memory = common.memory("VmHWM")
    as_bytes = (x_train * 255).to(torch.uint8)
    print(json.dumps(common.reruns(lambda: as_bytes.float() / 255.0) | {
        "load_seconds": load_seconds,
        "epoch_seconds": epochs,
        "evaluate_seconds": [seconds for _, seconds in evaluations],
        "accuracy": evaluations[0][0],
        "predict_ms": predict_ms,
        "peak_memory": peak_memory,
    }))


main()
