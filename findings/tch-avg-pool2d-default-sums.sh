#!/usr/bin/env bash
# tch 0.26.0: avg_pool2d_default(2), which is to average, adds up: the result is four times too large.
#
# What one would guess: as max_pool2d_default(2) is max_pool2d with the usual stride and padding, this is avg_pool2d with them. But the last
# argument, the divisor that replaces the window's size, is Some(1), where the usual value is None. The shape is right and a network
# with it learns, since the next layer's weights can be four times smaller; a network whose weights come from PyTorch answers
# otherwise, without an error. tch's own DenseNet pools with it between its blocks. The full form with None averages.
#
# Seen with libtorch 2.13.0, rustc 1.95.0, November 2026, for a 4 x 4 image of ones:
#   max_pool2d_default(2): [1.0, 1.0, 1.0, 1.0]
#   avg_pool2d_default(2): [4.0, 4.0, 4.0, 4.0]
#   avg_pool2d(.., None): [1.0, 1.0, 1.0, 1.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if [ -z "${LIBTORCH:-}" ]; then # a folder with libtorch 2.13.0 that is there already can be named
    "${PYTHON:-python3}" -m venv python
    python/bin/pip install --quiet --disable-pip-version-check --no-deps --target packages \
        torch==2.13.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
    export LIBTORCH=$folder/packages/torch
    # The wheel's libtorch.so asks for CUDA's libraries; the CPU's half is enough.
    rm "$LIBTORCH"/lib/libtorch_cuda*.so
    c++ -shared -o "$LIBTORCH/lib/libtorch.so" -Wl,--no-as-needed -L "$LIBTORCH/lib" -ltorch_cpu -lc10
fi
export LD_LIBRARY_PATH=$LIBTORCH/lib
mkdir src
cat > Cargo.toml <<'MANIFEST'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
tch = "=0.26.0"
MANIFEST
cat > src/main.rs <<'RUST'
use tch::{Device, Kind, Tensor};

fn main() {
    let ones = Tensor::ones([1, 1, 4, 4], (Kind::Float, Device::Cpu));
    let show = |label: &str, pooled: Tensor| println!("{label}: {:?}", Vec::<f32>::try_from(pooled.view(-1)).unwrap());
    show("max_pool2d_default(2)", ones.max_pool2d_default(2));
    show("avg_pool2d_default(2)", ones.avg_pool2d_default(2));
    show("avg_pool2d(.., None)", ones.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None));
}
RUST
timeout 1500 cargo run --quiet 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
max_pool2d_default(2): [1.0, 1.0, 1.0, 1.0]
avg_pool2d_default(2): [4.0, 4.0, 4.0, 4.0]
avg_pool2d(.., None): [1.0, 1.0, 1.0, 1.0]
EXPECTED
then
    echo "as described: avg_pool2d_default(2) of ones is 4"
else
    echo "changed"
    exit 1
fi
