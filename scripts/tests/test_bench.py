"""The benchmark's arithmetic and refusals; what it measures is measured by itself."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import bench
from turns import Turns


def result(epochs, evaluate=0.5, rate=1000.0, memory=400.0):
    return {
        "load_seconds": 0.2,
        "epoch_seconds": epochs,
        "evaluate_seconds": [evaluate, evaluate + 0.1],
        "accuracy": 0.98,
        "peak_memory": memory,
        "augment_rate": rate,
    }


def test_the_first_epoch_is_a_warm_up():
    found = bench.summary([result([9.0, 2.0, 4.0]), result([9.0, 3.0, 3.0])])
    assert found["epoch_seconds"] == {"median": 3.0, "min": 2.0, "max": 4.0, "values": [2.0, 4.0, 3.0, 3.0]}
    assert found["evaluate_seconds"]["median"] == pytest.approx(0.55)


def test_what_a_contender_does_not_measure_is_left_out():
    found = result([1.0, 1.0])
    del found["augment_rate"]
    summaries = {"kernel": bench.summary([found])}
    assert "augment_rate" not in summaries["kernel"]
    assert " – |" in bench.table(summaries)


def test_targets_are_met_or_missed_by_a_share():
    summaries = {
        "kernel": bench.summary([result([9.0, 2.0], rate=40_000.0, memory=600.0)]),
        "keras": bench.summary([result([9.0, 5.0], rate=1000.0, memory=800.0)]),
    }
    rows = {line.split("|")[1].strip(): line for line in bench.targets(summaries).splitlines()[2:]}
    assert "| 0.40 | ≤ 0.4 | met |" in rows["epoch, kernel : Keras"]
    assert "missed by 8%" in rows["epoch, kernel : Keras, stretch"]
    assert "| 40 | ≥ 25 | met |" in rows["augment, kernel : Keras"]
    assert "| 0.75 | ≤ 0.25 | missed by 200% |" in rows["peak memory, kernel : Keras"]
    assert "not measured" in rows["epoch, kernel : release binary"]


def test_a_ratio_is_that_of_neighbouring_turns():
    # The machine got four times slower after the first epoch that counts.
    summaries = {"kernel": bench.summary([result([9.0, 1.0, 4.0, 6.0])]), "keras": bench.summary([result([9.0, 3.0, 12.0, 12.0])])}
    rows = {line.split("|")[1].strip(): line for line in bench.targets(summaries).splitlines()[2:]}
    assert "| 0.33 (0.33–0.50) | ≤ 0.4 | met |" in rows["epoch, kernel : Keras"]
    # Of numbers that are not pairs, the medians' ratio.
    summaries["keras"] = bench.summary([result([9.0, 8.0])])
    assert "| 0.50 | ≤ 0.4 | missed by 25% |" in bench.targets(summaries)


def test_only_one_contender_works_at_a_time():
    events, names = [], ["a", "b", "c"]

    def work(address, name, turns):
        host, port = address.split(":")
        with socket.create_connection((host, int(port))) as link:
            for turn in range(turns):
                link.sendall(b".")
                assert link.recv(1)
                events.append((name, turn, "begins"))
                time.sleep(0.01)
                events.append((name, turn, "ends"))

    with Turns(names) as turns, ThreadPoolExecutor(3) as pool:
        done = [pool.submit(work, turns.address(name), name, {"a": 3, "b": 1, "c": 2}[name]) for name in names]
        turns.run()
        for one in done:
            one.result()
    order = [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("c", 1), ("a", 2)]
    assert events == [(*turn, what) for turn in order for what in ("begins", "ends")]


def test_a_contender_that_fails_ends_the_others_waiting(monkeypatch):
    def fails(_):
        raise OSError("out of memory")

    def waits(settings):
        host, port = settings["BENCH_TURNS"].split(":")
        with socket.create_connection((host, int(port))) as link:
            link.sendall(b".")
            return link.recv(1)

    with pytest.raises(bench.BenchError, match="keras gave no result: out of memory"):
        bench.by_turns({"kernel": waits, "keras": fails}, {})


def test_an_epoch_is_compared_with_what_the_machine_can_do():
    of_machine = {"square_gflops": 200.0, "dense_gflops": 205.2, "copy_gb_per_s": 20.0}
    lines = bench.limits({"kernel": [result([9.0, 2.7, 2.7])]}, of_machine, 60_000).splitlines()
    assert "An epoch's 277 GFLOP would take 1.35 s" in lines[1] and "50% of the kernel's 2.70 s" in lines[1]
    assert len(bench.limits({"keras": []}, of_machine, 60_000).splitlines()) == 1


def test_model_files_are_compared_with_keras_and_with_a_limit():
    here = result([9.0, 2.0]) | {"load_h5_ms": [8.0, 9.0, 40.0], "load_keras_ms": [50.0], "write_h5_ms": [6.0]}
    keras = result([9.0, 5.0]) | {"load_h5_ms": [300.0], "load_keras_ms": [500.0], "write_h5_ms": [20.0]}
    summaries = {"kernel": bench.summary([here]), "keras": bench.summary([keras])}
    rows = {line.split("|")[1].strip(): line for line in bench.targets(summaries).splitlines()[2:]}
    assert "| 0.03 | ≤ 0.05 | met |" in rows["load .h5, kernel : Keras"]
    assert "| 0.10 | ≤ 0.05 | missed by 100% |" in rows["load .keras, kernel : Keras"]
    assert "| 0.30 | ≤ 0.2 | missed by 50% |" in rows["write .h5, kernel : Keras"]
    assert "| 9.00 (8.00–40.00) | ≤ 30 | met |" in rows["load .h5, kernel, in ms"]
    assert "| 50 | ≤ 30 | missed by 67% |" in rows["load .keras, kernel, in ms"]
    assert "| 9.0 (8.0–40.0) | 50.0 | 6.0 |" in bench.table(summaries)
    assert "not measured" in bench.targets({})


def test_the_report_is_a_table_and_json(tmp_path):
    results = {"kernel": [result([9.0, 2.0])], "keras": []}
    scaling = {"batch_size": [(32, 5.0)], "batch_size_1_thread": [(32, 9.0)], "data_size": [(54_000, 61.3)], "memory": [(1, 400.0)]}
    bench.report(tmp_path, results, "What the machine can do.", scaling)
    text = (tmp_path / "bench.md").read_text()
    for line in ("What the machine can do.", "| this course, in the kernel | 2.00 |", "| 32 | 5.00 | 9.00 |", "| 54,000 | 61.3 |", "| 1 | 400 |"):
        assert line in text
    content = json.loads((tmp_path / "bench.json").read_text())
    assert content["raw"]["kernel"] == results["kernel"]
    assert content["machine"]["cores"] >= 1


def test_reruns_are_told_by_the_last_repetition():
    of = lambda last: result([9.0, 2.0]) | {"rerun_memory": last, "memory_by_rerun": [100.0, 200.0, 300.0, *[last] * 9], "memory_after_drop": 50.0}
    lines = bench.reruns({"kernel": [of(900.0), of(310.0)], "release": [result([9.0, 2.0])]}).splitlines()
    assert lines[2:] == ["| this course, in the kernel | 100 | 300 | 310 | 50 |"]
    assert bench.summary([of(310.0)])["rerun_memory"]["median"] == 310.0


def test_the_cells_are_the_programs_own_lines():
    cells = bench.cells(bench.PROGRAM.read_text())
    assert cells[0].startswith(":dep cnn") and cells[1].startswith("use cnn::anyhow::Result;")
    assert cells[2].splitlines()[0] == "let mut turns = Turns::join()?;"
    assert "println!(" in cells[-1] and "Ok(())" not in cells[-1]
    together = "".join("".join(cell.split()) for cell in cells[2:])
    main = bench.PROGRAM.read_text().split("fn main() -> Result<()> {\n")[1]
    assert together == "".join(main[: main.rindex("    Ok(())")].replace("// %%", "").split())


def test_without_mnist_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(bench.notebooks, "ROOT", tmp_path)
    with pytest.raises(bench.BenchError, match="set CNN_DATA_DIR"):
        bench.data_folder()


def test_a_contender_that_fails_is_named():
    def fails(_settings):
        raise RuntimeError("no kernel")

    with pytest.raises(bench.BenchError, match="keras gave no result: no kernel"):
        bench.measured("keras", fails, {})
    command = ["python3", "-c", "import sys; sys.exit('out of luck')"]
    with pytest.raises(bench.BenchError, match="out of luck"):
        bench.process(command, {"PATH": "/usr/local/bin:/usr/bin:/bin"})


@pytest.mark.parametrize("wrong", [["--repetitions", "0"], ["--only", "theano"], ["--repetitions", "many"]])
def test_wrong_arguments_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.arguments(wrong)
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err
