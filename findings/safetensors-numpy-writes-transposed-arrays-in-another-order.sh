#!/usr/bin/env bash
# safetensors 0.8.0 for numpy: a transposed array is written with its numbers in memory's order, and nothing says so.
#
# What one would guess: save_file(load_file(x)) keeps the values of any array, as 0.7.0 did, or refuses what it cannot write, as the
# half for PyTorch refuses tensors that are not contiguous. Since 0.8.0 the bytes are taken where the array points, with the shape of
# the view: the file has the right name, shape and length and other numbers. It meets whoever turns Keras's kernels (in x out) into
# PyTorch's or tch's weights (out x in) by `.T`, and every slice with a step. It is known (safetensors issue 825), and 0.8.0 is what
# pip installs. What helps: np.ascontiguousarray around each array.
#
# Seen with numpy 2.4.6, Python 3.11, November 2026, for [[0, 1, 2], [3, 4, 5]]:
#   0.7.0: transposed [[0, 3], [1, 4], [2, 5]], every other column [[0, 2], [3, 5]]
#   0.8.0: transposed [[0, 1], [2, 3], [4, 5]], every other column [[0, 1], [2, 3]]
#   0.8.0, np.ascontiguousarray: transposed [[0, 3], [1, 4], [2, 5]], every other column [[0, 2], [3, 5]]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > finding.py <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

array = np.arange(6, dtype=np.int32).reshape(2, 3)
arrays = {"transposed": array.T, "every other column": array[:, ::2]}


def show(label, prepare):
    loaded = load(save({name: prepare(array) for name, array in arrays.items()}))
    print(f"{label}:", ", ".join(f"{name} {loaded[name].tolist()}" for name in arrays))


show(safetensors.__version__, lambda array: array)
if "prepared" in sys.argv:
    show(f"{safetensors.__version__}, np.ascontiguousarray", np.ascontiguousarray)
PYTHON
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check safetensors==0.7.0 numpy==2.4.6
python/bin/python finding.py | tee seen
python/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0
python/bin/python finding.py prepared | tee -a seen
if diff - seen <<'EXPECTED'
0.7.0: transposed [[0, 3], [1, 4], [2, 5]], every other column [[0, 2], [3, 5]]
0.8.0: transposed [[0, 1], [2, 3], [4, 5]], every other column [[0, 1], [2, 3]]
0.8.0, np.ascontiguousarray: transposed [[0, 3], [1, 4], [2, 5]], every other column [[0, 2], [3, 5]]
EXPECTED
then
    echo "as described: 0.8.0 writes the numbers in memory's order under the view's shape"
else
    echo "changed"
    exit 1
fi
