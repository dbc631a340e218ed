#!/usr/bin/env bash
# tch 0.26.0: VarStore::load says Ok to a file of half-precision weights and to one whose bias is a single number.
#
# What one would guess, from PyTorch's load_state_dict and from "only the values for these tensors are modified" in load's
# documentation: values are converted into the kind that a variable has, and another shape is an error. But each variable first takes
# the file's kind (F16, BF16, F64), so that load is Ok and the first forward pass of a Float input fails, far from the cause; and the
# copy broadcasts, so that a bias of shape [1] fills all of [3]. A bias of shape [2] is an error. What helps: to compare the kinds and
# sizes of Tensor::read_safetensors with variables() before.
#
# Seen with libtorch 2.13.0, rustc 1.95.0, November 2026, for a linear layer from 2 to 3 of kind Float and the input [1, 1]:
#   right: load: Ok, kind Float, forward: [9.0, 9.0, 9.0]
#   half: load: Ok, kind Half, forward: Internal torch error: mat1 and mat2 must have the same dtype, but got Float and Half
#   one bias: load: Ok, kind Float, forward: [9.0, 9.0, 9.0]
#   two biases: load: Internal torch error: bias: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0
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
use tch::{nn, Device, Kind, TchError, Tensor};

fn first_line(error: TchError) -> String {
    error.to_string().lines().next().unwrap().to_string()
}

fn main() {
    for (label, kind, biases) in [("right", Kind::Float, 3), ("half", Kind::Half, 3), ("one bias", Kind::Float, 1), ("two biases", Kind::Float, 2)] {
        let weight = Tensor::ones([3, 2], (kind, Device::Cpu));
        let bias = Tensor::full([biases], 7, (kind, Device::Cpu));
        Tensor::write_safetensors(&[("weight", &weight), ("bias", &bias)], "file.safetensors").unwrap();
        let mut variables = nn::VarStore::new(Device::Cpu);
        let linear = nn::linear(variables.root(), 2, 3, Default::default());
        if let Err(error) = variables.load("file.safetensors") {
            println!("{label}: load: {}", first_line(error));
            continue;
        }
        let input = Tensor::ones([1, 2], (Kind::Float, Device::Cpu));
        let forward = match input.f_linear(&linear.ws, linear.bs.as_ref()) {
            Ok(output) => format!("{:?}", Vec::<f32>::try_from(output.view(-1)).unwrap()),
            Err(error) => first_line(error),
        };
        println!("{label}: load: Ok, kind {:?}, forward: {forward}", linear.ws.kind());
    }
}
RUST
timeout 1500 cargo run --quiet 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
right: load: Ok, kind Float, forward: [9.0, 9.0, 9.0]
half: load: Ok, kind Half, forward: Internal torch error: mat1 and mat2 must have the same dtype, but got Float and Half
one bias: load: Ok, kind Float, forward: [9.0, 9.0, 9.0]
two biases: load: Internal torch error: bias: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0
EXPECTED
then
    echo "as described: load takes the file's kind and broadcasts"
else
    echo "changed"
    exit 1
fi
