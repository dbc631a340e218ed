#!/usr/bin/env bash
# tch 0.26.0: t.i(..-1) is empty, without an error, though t.i(-1) is the last element.
#
# What one would guess: the documentation of i() says that negative indices can be used, `(.., -2)` is its example, so ranges take
# them as Python's slices do. But a range is turned into a start and the length end - start, with the end as it was written: ..-1, 1..-1
# and even ..=-1 have no length and give nothing, 2.. is fine and -2.. asks for more than there is, an error (a panic in i()). What
# hides it: -3..-1 comes out right, because start and end are both negative. A loss over an empty tensor is NaN or 0,
# not an error. What helps: slice(dim, start, end, 1), which goes as Python's.
#
# Seen with libtorch 2.13.0, rustc 1.95.0, November 2026, for the numbers 0 to 4:
#   -1: [4]
#   ..-1: []
#   ..=-1: []
#   1..-1: []
#   -3..-1: [2, 3]
#   -2..: Internal torch error: start (3) + length (7) exceeds dimension size (5).
#   slice(0, None, -1, 1): [0, 1, 2, 3]
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
use tch::{Device, IndexOp, Kind, TchError, Tensor};

fn show(label: &str, result: Result<Tensor, TchError>) {
    match result {
        Ok(tensor) => println!("{label}: {:?}", Vec::<i64>::try_from(tensor.view(-1)).unwrap()),
        Err(error) => println!("{label}: {}", error.to_string().lines().next().unwrap()),
    }
}

fn main() {
    let numbers = Tensor::arange(5, (Kind::Int64, Device::Cpu));
    show("-1", numbers.f_i(-1));
    show("..-1", numbers.f_i(..-1));
    show("..=-1", numbers.f_i(..=-1));
    show("1..-1", numbers.f_i(1..-1));
    show("-3..-1", numbers.f_i(-3..-1));
    show("-2..", numbers.f_i(-2..));
    show("slice(0, None, -1, 1)", numbers.f_slice(0, None, -1, 1));
}
RUST
timeout 1500 cargo run --quiet 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
-1: [4]
..-1: []
..=-1: []
1..-1: []
-3..-1: [2, 3]
-2..: Internal torch error: start (3) + length (7) exceeds dimension size (5).
slice(0, None, -1, 1): [0, 1, 2, 3]
EXPECTED
then
    echo "as described: ranges that end below zero are empty"
else
    echo "changed"
    exit 1
fi
