"""scripts/serve: models deployed from the command line, asked as TensorFlow Serving's own clients ask, and by those of the
Open Inference Protocol where these are installed."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from conftest import COURSE, command, wait_until

import bench_serve
import notebooks
import peers
import programs
import serve
import setup

# What resnet_client.py of tensorflow/serving does with an image, but for downloading it: three requests to warm up, ten that count, in
# the form of an image that a model takes as numbers. Standard library alone: Session stands in for `requests`, whose post() sends text
# without a content type of its own.
RESNET_CLIENT = r'''
import json, sys, time, urllib.request
import numpy as np

server, image = sys.argv[1], np.load(sys.argv[2])

def post(url, data):
    request = urllib.request.Request(url, data.encode(), {"Content-Type": ""}, method="POST")
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())

predict_request = json.dumps({"instances": np.expand_dims(image / 255.0, 0).tolist()})
for _ in range(3):
    post(server, predict_request)
total_time, num_requests = 0, 10
for _ in range(num_requests):
    begin = time.time()
    response = post(server, predict_request)
    total_time += time.time() - begin
    prediction = response["predictions"][0]
print("Prediction class: {}, avg latency: {} ms".format(np.argmax(prediction), (total_time * 1000) / num_requests))
'''
# As the tutorial "Train and serve a TensorFlow model with TensorFlow Serving" asks: its header, its signature, its images [28, 28, 1].
FASHION_TUTORIAL = r'''
import json, sys, urllib.request
import numpy as np

server, test_images = sys.argv[1], np.load(sys.argv[2])
data = json.dumps({"signature_name": "serving_default", "instances": test_images[0:3].tolist()})
headers = {"content-type": "application/json"}
for url in ("/v1/models/fashion_model:predict", "/v1/models/fashion_model/versions/1:predict"):
    request = urllib.request.Request(server + url, data.encode(), headers)
    predictions = json.loads(urllib.request.urlopen(request).read())["predictions"]
    print(json.dumps([int(np.argmax(prediction)) for prediction in predictions]))
'''
TRITON = r'''
import sys
import numpy as np
import tritonclient.http as httpclient

client, images = httpclient.InferenceServerClient(sys.argv[1]), np.load(sys.argv[2])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("digits")
assert client.get_model_metadata("digits")["inputs"][0]["shape"] == [-1, 1, 28, 28]
for binary in (True, False):
    tensor = httpclient.InferInput("input_layer", images.shape, "FP32")
    tensor.set_data_from_numpy(images, binary_data=binary)
    wanted = httpclient.InferRequestedOutput("output_0", binary_data=binary)
    result = client.infer("digits", [tensor], outputs=[wanted], request_id="one")
    assert result.get_response()["id"] == "one"
    np.save(f"{sys.argv[3]}.{int(binary)}.npy", result.as_numpy("output_0"))
try:
    client.infer("nobody", [tensor])
    raise SystemExit("no error")
except httpclient.InferenceServerException as error:
    assert "Servable not found" in str(error), error
'''
KSERVE = r'''
import asyncio, sys
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

async def main():
    images = np.load(sys.argv[2])
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    base = "http://" + sys.argv[1]
    assert await client.is_server_live(base) and await client.is_server_ready(base) and await client.is_model_ready(base, "digits")
    for binary in (True, False):
        tensor = InferInput("input_layer", list(images.shape), "FP32")
        tensor.set_data_from_numpy(images, binary_data=binary)
        response = await client.infer(base, InferRequest("digits", [tensor]), model_name="digits")
        np.save(f"{sys.argv[3]}.{int(binary)}.npy", response.outputs[0].as_numpy())

asyncio.run(main())
'''


@pytest.fixture(scope="module")
def program():
    """As the Rust tests have compiled it: scripts/serve takes the release build."""
    return programs.built("bin", "serve", package="serve")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The course's model as Keras's file, with weights of seed 1."""
    folder = tmp_path_factory.mktemp("models")
    written = programs.built("example", "bench_models", package="serve")
    subprocess.run([written, folder], env=programs.environment(), check=True, timeout=120)
    return folder / "model.keras"


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(
            list(map(str, command)), env=programs.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.line = self.process.stdout.readline()
        assert self.line, self.process.stderr.read()
        self.url = re.search(r"http://\S+", self.line).group()
        self.address = self.url.removeprefix("http://")

    def ask(self, path, body=None):
        """The status and the answer."""
        try:
            with urllib.request.urlopen(self.url + path, body if body is None else body.encode(), timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(program):
    servers = []

    def start(*words):
        servers.append(Server([program, *words, "--port", "0"]))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def images(tmp_path):
    """Three images [28, 28, 1], of bytes, in a file."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(1).integers(0, 256, (3, 28, 28, 1)))
    return path


def client(program, *words, python=sys.executable):
    done = subprocess.run([str(python), "-c", program, *map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ways_of_tensorflow_servings_own_clients(start, model, images, tmp_path):
    server = start(f"fashion_model={model}", f"resnet={model}", "--channels-last")
    assert server.line == f"serving fashion_model, resnet at {server.url}\n"
    answers = client(FASHION_TUTORIAL, server.url, images).splitlines()
    assert answers[0] == answers[1] and len(json.loads(answers[0])) == 3
    one = tmp_path / "one.npy"
    np.save(one, np.load(images)[0])
    assert client(RESNET_CLIENT, f"{server.url}/v1/models/resnet:predict", one).startswith("Prediction class: ")


def test_python_reads_errors_and_nan(start, model):
    server = start(f"digits={model}")
    image = [[[float("nan")] * 28] * 28]
    status, answer = server.ask("/v1/models/digits:predict", json.dumps({"instances": [image]}))
    assert status == 200 and all(np.isnan(answer["predictions"][0]))
    status, answer = server.ask("/v1/models/digits:predict", '{"instances": [[1]]}')
    assert status == 400 and "Expecting images of shape [1,28,28]" in answer["error"]
    assert server.ask("/v1/models/nobody:predict", '{"instances": [[1]]}') == (404, {"error": "Servable not found for request: Latest(nobody)"})
    assert server.ask("/v2/health/ready") == (200, {"ready": True})


@pytest.mark.parametrize("program_text", [TRITON, KSERVE], ids=["triton", "kserve"])
def test_clients_of_the_open_inference_protocol(start, model, program_text, tmp_path):
    python = setup.cache_folder() / "peer-serving" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"not asked: {python} is not there; peers.python('serving') in scripts/course makes it")
    server = start(f"digits={model}")
    path, out = tmp_path / "images.npy", tmp_path / "out"
    images = np.random.default_rng(2).random((3, 1, 28, 28), np.float32)
    np.save(path, images)
    client(program_text, server.address, path, out, python=python)
    _, answer = server.ask("/v1/models/digits:predict", json.dumps({"instances": images.tolist()}))
    for binary in (0, 1):
        np.testing.assert_allclose(np.load(f"{out}.{binary}.npy"), answer["predictions"], atol=1e-6)


def test_a_model_that_is_replaced_answers_without_a_restart(start, model, tmp_path):
    served = tmp_path / "digits.keras"
    served.write_bytes(model.read_bytes())
    server = start(served)
    body = json.dumps({"instances": [[[[0.5] * 28] * 28]]})

    def prediction():
        return server.ask("/v1/models/digits:predict", body)[1]["predictions"][0]

    before = prediction()
    served.write_bytes(model.read_bytes()[:1000])
    text = urllib.request.urlopen
    assert wait_until(lambda: 'result="refused"} 1' in text(server.url + "/metrics").read().decode())
    assert prediction() == before
    other = tmp_path / "other.keras"
    other.write_bytes(model.with_suffix(".safetensors").read_bytes())
    os.replace(other, served)
    assert wait_until(lambda: 'result="loaded"} 2' in text(server.url + "/metrics").read().decode())
    assert np.allclose(prediction(), before, atol=1e-6)


def test_it_is_started_in_the_place_of_the_script_and_ends_with_a_signal(program, model):
    # scripts/serve without the set-up before it.
    server = Server([sys.executable, COURSE / "serve.py", model, "--port", "0"])
    server.process.send_signal(signal.SIGTERM)
    _, log = server.process.communicate(timeout=30)
    assert server.process.returncode == 0 and "because of SIGTERM" in log


def test_help_needs_no_set_up():
    told = command("serve", "--help")
    assert told.returncode == 0 and told.stdout.startswith("Serves models") and "usage: scripts/serve [NAME=]PATH" in told.stdout
    assert command("serve").returncode == 2
    assert serve.HELP.is_relative_to(notebooks.ROOT)


# ---- the benchmark -------------------------------------------------------------------------------


def result(rate, **changes):
    return {"rate": rate, "p50": 1.0, "p99": 5.0, "memory": 100.0, "start": 0.5, "outputs": [0.1, 0.9]} | changes


def test_the_server_is_compared_with_the_best_peer(tmp_path):
    results = {"serve": [result(9000.0), result(11000.0)], "onnx": [result(1000.0)], "keras": [result(50.0)]}
    bench_serve.bench.TITLES.update(bench_serve.TITLES)
    bench_serve.report(tmp_path, results, 10, {"minutes": 1, "answers": 5000, "errors": 0, "growth": 0.04})
    told = (tmp_path / "serve.md").read_text()
    assert "| requests/s, this server : the best peer | 10 | ≥ 10 | met |" in told
    assert "| start to first answer, in s | 0.50 | ≤ 0.3 | missed by 67% |" in told
    assert "1 minutes at half load: 5,000 answers, 0 errors, +0.0 MB." in told
    assert json.loads((tmp_path / "serve.json").read_text())["contenders"]["serve"]["rate"]["median"] == 10_000


def test_contenders_that_give_other_outputs_are_no_peers():
    results = {"serve": [result(1.0)], "onnx": [result(1.0, outputs=[0.2, 0.8])]}
    with pytest.raises(bench_serve.bench.BenchError, match="not give the same"):
        bench_serve.check_same_answers(results)


def test_the_peers_versions_are_pinned():
    for name in peers.TITLES:
        lines = (peers.FOLDER / f"{name}.txt").read_text().split()
        assert lines and all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines), name
