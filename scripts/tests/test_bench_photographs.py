"""The arithmetic and refusals of the benchmark of photographs, and the files that it writes for the peers."""

import json
import pickle
import subprocess
import sys

import pytest

import bench
import bench_photographs as photographs


def result(epochs, load=0.5, memory=(400.0, 500.0, 510.0, 512.0), parameters=271_098):
    return {
        "load_seconds": [load, load + 0.1, load + 0.2],
        "checked_load_seconds": [2 * load],
        "epoch_seconds": epochs,
        "accuracy": 0.4,
        "parameters": parameters,
        "peak_memory": 900.0,
        "memory_by_epoch": list(memory),
    }


def completed(*args, **kwargs):
    return photographs.completed(result(*args, **kwargs), 1000)


def rows(results):
    summaries = {name: bench.summary(found, photographs.QUANTITIES) for name, found in results.items()}
    text = bench.targets(photographs.with_faster_peer(summaries), photographs.TARGETS)
    return {line.split("|")[1].strip(): line for line in text.splitlines()[2:]}


def test_rates_leave_out_the_first_epoch_and_growth_begins_after_the_second():
    found = completed([9.0, 2.0, 4.0, 5.0])
    assert found["training_rate"] == [500.0, 250.0, 200.0]
    assert found["memory_growth"] == 12.0


def test_the_kernel_is_compared_with_the_faster_peer_and_its_loading_with_torchvision():
    kernel = completed([9.0, 3.0, 3.0, 3.0], load=0.1)
    keras, pytorch = completed([9.0, 4.0, 4.0, 4.0], load=0.3), completed([9.0, 6.0, 6.0, 6.0], load=1.1)
    told = rows({"kernel": [kernel], "keras": [keras], "pytorch": [pytorch]})
    assert "| 0.75 | ≤ 0.8 | met |" in told["epoch, kernel : the faster peer"]
    assert "| 0.17 (0.09–0.23) | ≤ 0.33 | met |" in told["load CIFAR-10, kernel : torchvision"]
    assert "| 0.09 | ≤ 0.33 | met |" in told["load, files checked, kernel : torchvision"]
    assert "not measured" in told["epoch, kernel : release binary"]
    told = rows({"kernel": [kernel], "pytorch": [completed([9.0, 2.0, 2.0, 2.0])]})
    assert "| 1.50 | ≤ 0.8 | missed by 88% |" in told["epoch, kernel : the faster peer"]
    assert "not measured" in rows({"kernel": [kernel]})["epoch, kernel : the faster peer"]


@pytest.mark.parametrize("last, told", [(500.0, "| 0.00 | ≤ 20 | met |"), (495.0, "| -5.00 | ≤ 20 | met |"), (530.0, "| 30 | ≤ 20 | missed by 50% |")])
def test_memory_that_does_not_grow_is_measured_as_well(last, told):
    grown = completed([9.0, 3.0, 3.0, 3.0], memory=(400.0, 500.0, 500.0, last))
    assert told in rows({"kernel": [grown]})["growth of memory, kernel, in MB"]


def test_the_contenders_must_train_the_same_network():
    same = {"kernel": [result([1.0])], "keras": [result([1.0])], "pytorch": []}
    photographs.check_same_network(same)
    with pytest.raises(bench.BenchError, match="'pytorch': 270000"):
        photographs.check_same_network(same | {"pytorch": [result([1.0], parameters=270_000)]})


def test_the_report_is_a_table_and_json(tmp_path):
    results = {"kernel": [completed([9.0, 2.0, 2.0, 2.0])], "keras": []}
    photographs.report(tmp_path, results, 1000)
    text = (tmp_path / "photographs.md").read_text()
    assert "| this course, in the kernel | 0.60 (0.50–0.70) | 1.00 | 2.00 | 500 | 900 | 12.0 |" in text
    assert "1,000 images an epoch" in text and "torchvision" in text
    content = json.loads((tmp_path / "photographs.json").read_text())
    assert content["raw"]["kernel"] == results["kernel"] and content["images"] == 1000


def test_the_cells_are_the_programs_own_lines():
    cells = bench.cells(photographs.PROGRAM.read_text())
    assert cells[0].startswith(":dep cnn") and cells[1].startswith("use cnn::anyhow::Result;")
    assert "resnet20" in "".join(cells[2:]) and "println!(" in cells[-1] and "Ok(())" not in cells[-1]


def written(folder):
    folder.mkdir(parents=True)
    for name in photographs.BATCHES:
        (folder / name).write_bytes(b"")
    return folder


def test_the_data_is_found_as_the_course_finds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs.notebooks, "ROOT", tmp_path / "project")
    monkeypatch.setenv("CNN_DATA_DIR", str(tmp_path / "all" / "mnist"))
    (tmp_path / "all" / "mnist").mkdir(parents=True)
    written(tmp_path / "all" / "cifar-100-binary")
    with pytest.raises(bench.BenchError, match="data_batch_1.bin to test_batch.bin"):
        photographs.data_folder()
    own = written(tmp_path / "project" / "data" / "cifar10")
    assert photographs.data_folder() == own
    beside = written(tmp_path / "all" / "CIFAR-10")
    assert photographs.data_folder() == beside
    monkeypatch.setenv("CNN_DATA_DIR", str(tmp_path / "all"))
    assert photographs.data_folder() == beside
    monkeypatch.delenv("CNN_DATA_DIR")
    assert photographs.data_folder() == own
    named = written(tmp_path / "elsewhere")
    assert photographs.data_folder(named) == named
    (named / "data_batch_3.bin").unlink()
    with pytest.raises(bench.BenchError, match="elsewhere has not all of them"):
        photographs.data_folder(named)


def test_the_peers_files_are_python_2s(monkeypatch):
    """Keras's loader decodes names from bytes, torchvision's takes them as text: only Python 2's strings serve both."""
    monkeypatch.setitem(sys.modules, "numpy", type(sys)("numpy"))
    monkeypatch.syspath_prepend(str(photographs.peers.FOLDER))
    import cifar_pickles

    class Sink(list):
        write = list.append

    sink = Sink()
    cifar_pickles.Python2Pickler(sink, protocol=2).dump({b"labels": [3, 8], b"data": b"\x00\xff", b"again": b"\x00\xff"})
    content = b"".join(sink)
    assert pickle.loads(content, encoding="bytes") == {b"labels": [3, 8], b"data": b"\x00\xff", b"again": b"\x00\xff"}
    assert pickle.loads(content, encoding="latin1") == {"labels": [3, 8], "data": "\x00\xff", "again": "\x00\xff"}


@pytest.mark.parametrize("wrong", [["--images", "100"], ["--images", "60000"], ["--repetitions", "0"], ["--only", "theano"]])
def test_wrong_arguments_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        photographs.arguments(wrong)
    assert stopped.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_the_script_knows_all_that_it_measures():
    script = photographs.PROGRAM.parents[3] / "scripts" / "bench"
    for words, told in ([], "Keras and PyTorch"), (["kernel"], "stock evcxr"), (["photographs"], "ResNet-20"):
        shown = subprocess.run([script, *words, "--help"], capture_output=True, text=True, timeout=30)
        assert shown.returncode == 0 and told in " ".join(shown.stdout.split()), shown.stderr
