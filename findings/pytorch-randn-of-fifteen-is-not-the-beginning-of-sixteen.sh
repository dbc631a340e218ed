#!/usr/bin/env bash
# PyTorch 2.13.0, CPU: with one seed, randn(15), randn(16) and randn(17) begin with different numbers.
#
# What one would guess: a generator gives one stream of numbers, so that more of them begin as fewer do. rand does so. randn
# takes one number after the other below 16 numbers; from 16 on it fills the tensor with uniform numbers and turns them into normal
# ones in blocks of 16, and when the length is no multiple of 16 it draws the last 16 anew. So seeded weights or noise change from the
# first number on when a layer grows from 15 values to 16, and from the second on from 16 to 17. Tensor::randn of tch and the
# normal initializers draw in this way.
#
# Seen with libtorch of the wheel torch==2.13.0, November 2026, how many of the first numbers are equal:
#   rand 15 and 16: 15
#   randn 14 and 15: 14
#   randn 15 and 16: 0
#   randn 16 and 17: 1
#   randn 16 and 32: 16
#   randn 32 and 33: 17
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check --no-deps --target packages \
    torch==2.13.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
cat > finding.cpp <<'CPP'
#include <ATen/ATen.h>
#include <cstdio>

at::Tensor drawn(bool normal, int count) {
    at::manual_seed(1);
    return normal ? at::randn({count}) : at::rand({count});
}

void compare(const char* name, bool normal, int few, int many) {
    auto same = drawn(normal, few) == drawn(normal, many).slice(0, 0, few);
    // The first place that differs; all are equal if there is none.
    auto equal = same.to(at::kInt).cumprod(0).sum().item<int>();
    std::printf("%s %d and %d: %d\n", name, few, many, equal);
}

int main() {
    compare("rand", false, 15, 16);
    compare("randn", true, 14, 15);
    compare("randn", true, 15, 16);
    compare("randn", true, 16, 17);
    compare("randn", true, 16, 32);
    compare("randn", true, 32, 33);
}
CPP
torch=$folder/packages/torch
timeout 500 c++ -std=c++20 -O0 finding.cpp -o finding -I "$torch/include" -L "$torch/lib" -Wl,-rpath,"$torch/lib" \
    -Wl,--allow-shlib-undefined -ltorch_cpu -lc10
timeout 60 ./finding | tee seen
if diff - seen <<'EXPECTED'
rand 15 and 16: 15
randn 14 and 15: 14
randn 15 and 16: 0
randn 16 and 17: 1
randn 16 and 32: 16
randn 32 and 33: 17
EXPECTED
then
    echo "as described: randn's beginning depends on how many numbers are asked for"
else
    echo "changed"
    exit 1
fi
