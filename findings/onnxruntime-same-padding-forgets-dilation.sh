#!/usr/bin/env bash
# onnxruntime 1.32.0: auto_pad SAME_UPPER with dilations makes MaxPool's output smaller, silently, and Conv fail when it is run.
#
# What one would guess: "same" keeps the size at stride 1, as the ONNX text says (the output is ceil(input / stride)) and as onnx's
# checker and shape inference find for these models. onnxruntime computes the padding of a pool for the kernel without its gaps, so that
# a 5 x 5 image comes out as 3 x 3, with a warning at most where the file names the output's sizes. Conv refuses, but in run(), not when
# the session is made. Keras's padding="same" with dilation_rate=2 is such a layer for whoever writes ONNX from it, and PyTorch's exporter
# writes padding="same", dilation=2 in this way (onnxscript's pull request 3037). What helps: pads with numbers.
#
# Seen with onnx 1.23.2 and numpy 2.4.6, Python 3.11, November 2026, kernel 3 x 3, dilation 2, image 5 x 5:
#   MaxPool, SAME_UPPER: onnx infers 5 x 5, onnxruntime gives 3 x 3
#   MaxPool, pads: onnx infers 5 x 5, onnxruntime gives 5 x 5
#   Conv, SAME_UPPER: onnx infers 5 x 5, onnxruntime makes a session, run: Dilation not supported for AutoPadType::SAME_UPPER
#   Conv, pads: onnx infers 5 x 5, onnxruntime gives 5 x 5
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > finding.py <<'PYTHON'
import re

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

onnxruntime.set_default_logger_severity(4)
image = np.arange(25, dtype="float32").reshape(1, 1, 5, 5)
kernel = helper.make_tensor("kernel", TensorProto.FLOAT, [1, 1, 3, 3], [1.0] * 9)


def size(shape):
    return f"{shape[2]} x {shape[3]}"


for kind, inputs in [("MaxPool", ["image"]), ("Conv", ["image", "kernel"])]:
    for label, padding in [("SAME_UPPER", {"auto_pad": "SAME_UPPER"}), ("pads", {"pads": [2, 2, 2, 2]})]:
        node = helper.make_node(kind, inputs, ["output"], kernel_shape=[3, 3], dilations=[2, 2], **padding)
        graph = helper.make_graph(
            [node],
            "graph",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, image.shape)],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None] * 4)],
            [kernel][: len(inputs) - 1],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape
        inferred = size([dimension.dim_value for dimension in inferred.dim])
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        try:
            answer = "gives " + size(session.run(None, {"image": image})[0].shape)
        except Exception as error:
            answer = "makes a session, run: " + re.search(r"Dilation not supported for AutoPadType::\w+", str(error)).group()
        print(f"{kind}, {label}: onnx infers {inferred}, onnxruntime {answer}")
PYTHON
timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
MaxPool, SAME_UPPER: onnx infers 5 x 5, onnxruntime gives 3 x 3
MaxPool, pads: onnx infers 5 x 5, onnxruntime gives 5 x 5
Conv, SAME_UPPER: onnx infers 5 x 5, onnxruntime makes a session, run: Dilation not supported for AutoPadType::SAME_UPPER
Conv, pads: onnx infers 5 x 5, onnxruntime gives 5 x 5
EXPECTED
then
    echo "as described: with dilation, SAME_UPPER gives a smaller image or an error of run()"
else
    echo "changed"
    exit 1
fi
