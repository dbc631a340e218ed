//! The Open Inference Protocol.

use cnn::serde_json::{from_slice, json, Value};
use serve::limits::Limits;

use crate::client::{ask, Server};
use crate::models::{half, outputs, served};

fn server() -> Server {
    Server::start(Limits::default(), |settings| vec![served("half", 3, &half(), settings)])
}

#[test]
fn health_and_metadata() {
    let server = server();
    assert_eq!(server.get("/v2/health/live").json(), json!({"live": true}));
    assert_eq!(server.get("/v2/health/ready").json(), json!({"ready": true}));
    assert_eq!(server.get("/v2").json()["extensions"], json!(["binary_tensor_data"]));
    assert_eq!(server.get("/v2/models/half/ready").json(), json!({"name": "half", "ready": true}));
    let expected = json!({
        "name": "half", "versions": ["3"], "platform": "libtorch",
        "inputs": [{"name": "input_layer", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [{"name": "output_0", "datatype": "FP32", "shape": [-1, 2]}],
    });
    assert_eq!(server.get("/v2/models/half").json(), expected);
    assert_eq!(server.get("/v2/models/half/versions/3").json(), expected);
    for path in
        ["/v2/models/nobody", "/v2/models/half/versions/1/ready", "/v2/elsewhere", "/v2/models/half/infer"]
    {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.error().is_empty());
    }
}

#[test]
fn tensors_as_json_and_as_bytes() {
    let server = server();
    let rows = [1.0_f32, 2.0, 3.0, 4.0];
    let expected = outputs(&half(), &rows, &[1, 4]);
    let body = json!({"id": "7", "inputs": [{"name": "input_layer", "datatype": "FP32", "shape": [1, 4], "data": rows}]});
    let found = server.post("/v2/models/half/infer", body.to_string()).json();
    assert_eq!(
        (&found["model_name"], &found["model_version"], &found["id"]),
        (&json!("half"), &json!("3"), &json!("7"))
    );
    assert_eq!(found["outputs"][0]["shape"], json!([1, 2]));
    let data = found["outputs"][0]["data"].as_array().unwrap();
    for (found, &expected) in data.iter().zip(&expected) {
        assert!((found.as_f64().unwrap() - f64::from(expected)).abs() < 1e-6);
    }
    // As Triton's Python client asks.
    let head = json!({
        "inputs": [{"name": "input_layer", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": 16}}],
        "outputs": [{"name": "output_0", "parameters": {"binary_data": true}}],
    })
    .to_string();
    let bytes: Vec<u8> = rows.iter().flat_map(|number| number.to_le_bytes()).collect();
    let length = head.len().to_string();
    let whole = [head.as_bytes(), &bytes].concat();
    let headers = [("inference-header-content-length", length.as_str())];
    let answer = ask(server.address, "POST", "/v2/models/half/versions/3/infer", &headers, &whole);
    let (json, bytes) =
        answer.body.split_at(answer.headers["inference-header-content-length"].parse().unwrap());
    let json: Value = from_slice(json).unwrap();
    assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], 8);
    let found: Vec<f32> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(found.len(), 2);
    assert!((found[0] - expected[0]).abs() < 1e-6 && (found[1] - expected[1]).abs() < 1e-6);
}

#[test]
fn errors_are_named() {
    let server = server();
    let answer = server.post("/v2/models/half/infer", "{}");
    assert!(answer.status == 400 && answer.error().contains("'inputs' must be"), "{}", answer.error());
    for length in ["1000", "x", "-1"] {
        let headers = [("inference-header-content-length", length)];
        let answer = ask(server.address, "POST", "/v2/models/half/infer", &headers, b"{}");
        assert_eq!(answer.status, 400, "{length}: {}", answer.error());
    }
    assert_eq!(server.post("/v2/models/nobody/infer", "{}").status, 404);
}
