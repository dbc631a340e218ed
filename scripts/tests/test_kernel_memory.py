"""Memory: a cell that is executed again and again needs no more of it, and what a variable held is given back."""

import pytest
from conftest import running_kernel

IMAGES = 60_000 * 28 * 28 * 4 / 2**20  # MB of MNIST's training images as floats
SETUP = """
:dep cnn = { path = "../crates/cnn" }
use cnn::prelude::*;
/// Memory that this process uses now, in MB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
}
"""


@pytest.fixture(scope="module")
def kernel():
    with running_kernel() as running:
        assert running.execute(SETUP).reply["status"] == "ok"
        assert running.execute("let images = Tensor::ones([60000, 1, 28, 28], (Kind::Uint8, Device::Cpu));").reply["status"] == "ok"
        yield running


def megabytes(kernel, source):
    """Memory after a cell: until its end, the earlier value of a variable is there, too."""
    for cell in (source, 'println!("{}", memory());'):
        outcome = kernel.execute(cell)
        assert outcome.reply["status"] == "ok", outcome.reply
    return float(outcome.text().strip().splitlines()[-1])


def test_a_cell_that_is_executed_again_needs_no_more_memory(kernel):
    before = megabytes(kernel, "")
    used = [megabytes(kernel, "let x_train = normalize(&images)?;") for _ in range(12)]
    assert max(used[2:]) - min(used[2:]) < 20, used
    assert used[-1] < before + 1.5 * IMAGES, f"{before} MB before, then {used}"
    given_back = used[-1] - megabytes(kernel, "drop(x_train);")
    assert given_back > 0.9 * IMAGES, f"{given_back} MB of {IMAGES}"


def test_trainings_one_after_the_other_need_no_more_memory(kernel):
    assert kernel.execute("let labels = Tensor::randint(10, [60000], (Kind::Int64, Device::Cpu));").reply["status"] == "ok"
    train = """
    let mut model = course::model(42)?;
    let history = model.fit(&images.narrow(0, 0, 6000), &labels.narrow(0, 0, 6000), &Fit { batch_size: 128, verbose: false, ..Fit::default() })?;
    """
    used = [megabytes(kernel, train) for _ in range(6)]
    assert max(used[2:]) - min(used[2:]) < 40, used
