//! TensorFlow Serving's interface, as its clients use it.

use cnn::serde_json::json;
use serve::limits::Limits;

use crate::client::{ask, Server};
use crate::models::{digits, half, outputs, served};

fn server() -> Server {
    Server::start(Limits::default(), |settings| {
        let last = serve::model::Settings { channels_last: true, ..settings.clone() };
        vec![
            served("half", 1, &half(), settings),
            served("digits", 1, &digits(1), settings),
            served("digits", 2, &digits(2), settings),
            served("keras", 1, &digits(1), &last),
        ]
    })
}

fn near(found: &cnn::serde_json::Value, expected: &[f32]) {
    let found: Vec<f64> = found.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    for (found, &expected) in found.iter().zip(expected) {
        assert!((found - f64::from(expected)).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn predictions_are_the_models_own() {
    let server = server();
    let rows = [1.0, 2.0, 3.0, 4.0, 0.5, -1.0, 0.0, 9.0];
    let expected = outputs(&half(), &rows, &[2, 4]);
    let answer = server.post("/v1/models/half:predict", r#"{"instances":[[1,2,3,4],[0.5,-1,0,9]]}"#);
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/json"));
    for (row, expected) in answer.json()["predictions"].as_array().unwrap().iter().zip(expected.chunks(2)) {
        near(row, expected);
    }
    let text = answer.text();
    assert!(text.starts_with("{\n    \"predictions\": [[") && text.ends_with("]\n    ]\n}"), "{text}");
    // Whatever the content type, in columns, with names, a version, in capitals, and with what TensorFlow Serving does not look at.
    let body = r#"{"signature_name":"serving_default","inputs":{"input_layer":[[1,2,3,4],[0.5,-1,0,9]]},"more":[]} etc"#;
    for headers in
        [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
    {
        let answer =
            ask(server.address, "POST", "/V1/Models/half/Versions/1:Predict", headers, body.as_bytes());
        near(&answer.json()["outputs"][1], &expected[2..]);
    }
}

#[test]
fn not_a_number_comes_out_as_it_went_in() {
    let answer = server().post("/v1/models/half:predict", r#"{"instances":[[NaN,2,3,4],[Infinity,0,0,0]]}"#);
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("[NaN, NaN]") && answer.text().contains("Infinity"), "{}", answer.text());
}

#[test]
fn errors_have_tensorflow_servings_codes_and_words() {
    let server = server();
    let body = r#"{"instances":[[1,2,3,4]]}"#;
    for (path, body, status, words) in [
        ("/v1/models/half:predict", "", 400, "JSON Parse error: The document is empty"),
        ("/v1/models/half:predict", "garbage", 400, "JSON Parse error: Invalid value. at offset: 0"),
        ("/v1/models/half:predict", "[1]", 400, "JSON Value: [1] Is not object"),
        ("/v1/models/half:predict", "{}", 400, "Missing 'inputs' or 'instances' key"),
        ("/v1/models/half:predict", r#"{"instances":[[1]]}"#, 400, "Expecting images of shape [4]"),
        (
            "/v1/models/half:predict",
            r#"{"signature_name":"x","instances":[[1,2,3,4]]}"#,
            400,
            "Serving signature name: \"x\" not found in signature def",
        ),
        (
            "/v1/models/half:predict",
            r#"{"signature_name":1}"#,
            400,
            "JSON Value: {\n    \"signature_name\": 1\n} not formatted correctly. 'signature_name' key must be a string value.",
        ),
        ("/v1/models/nobody:predict", body, 404, "Servable not found for request: Latest(nobody)"),
        ("/v1/models/nobody:predict", "{", 400, "JSON Parse error"),
        ("/v1/models/half/versions/50:predict", body, 404, "Servable not found for request: Specific(half, 50)"),
        ("/v1/models/half/labels/x:predict", body, 400, "Unrecognized servable version label: x"),
        ("/v1/models/half:explain", body, 400, "Malformed request: POST /v1/models/half:explain"),
        ("/v1/models/half:regress", r#"{"examples":[{"x":[1,2,3,4]}]}"#, 400, "but got [1,2]"),
        ("/elsewhere", body, 404, "There is nothing at POST /elsewhere"),
        ("/", body, 404, "There is nothing at POST /"),
    ] {
        let answer = server.post(path, body);
        let error = answer.error();
        assert!(answer.status == status && error.contains(words), "{path} {body}: {} {error}", answer.status);
        assert!(answer.text().starts_with("{\n    \"error\": \""));
    }
    let answer = server.get("/v1/models/half:predict");
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "Malformed request: GET /v1/models/half:predict")
    );
    let answer =
        ask(server.address, "POST", "/v1/models/half:predict", &[("content-encoding", "gzip")], b"x");
    assert_eq!(answer.status, 415);
    assert!(answer.error().contains("Compressed"));
}

#[test]
fn preflights_are_answered() {
    let server = server();
    let answer = ask(server.address, "OPTIONS", "/v1/models/half:predict", &[("origin", "http://x")], b"");
    assert_eq!((answer.status, answer.headers.get("access-control-allow-origin")), (200, None));
    assert_eq!(ask(server.address, "OPTIONS", "/v1/models/half:predict", &[], b"").status, 400);
}

#[test]
fn status_metadata_and_versions() {
    let server = server();
    let states = server.get("/v1/models/digits").json();
    let versions: Vec<&str> = states["model_version_status"]
        .as_array()
        .unwrap()
        .iter()
        .map(|status| status["version"].as_str().unwrap())
        .collect();
    assert_eq!(versions, ["2", "1"]);
    assert_eq!(
        server.get("/v1/models/digits/versions/1").json()["model_version_status"][0]["state"],
        "AVAILABLE"
    );
    let answer = server.get("/v1/models/nobody");
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (404, "Could not find any versions of model nobody")
    );
    let answer = server.get("/v1/models/half/versions/7");
    assert_eq!((answer.status, answer.error().as_str()), (404, "Could not find version 7 of model half"));
    let sizes = |name: &str| {
        let metadata = server.get(&format!("/v1/models/{name}/metadata")).json();
        let signature = &metadata["metadata"]["signature_def"]["signature_def"]["serving_default"];
        let sides = signature["inputs"]["input_layer"]["tensor_shape"]["dim"].as_array().unwrap().clone();
        sides.iter().map(|side| side["size"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(sizes("digits"), ["-1", "1", "28", "28"]);
    assert_eq!(sizes("keras"), ["-1", "28", "28", "1"]);
    // The highest version answers.
    let image = vec![0.5_f32; 784];
    let body = json!({"instances": [[image.chunks(28).collect::<Vec<_>>()]]}).to_string();
    let first = |path: &str| server.post(path, &body).json()["predictions"][0].clone();
    near(&first("/v1/models/digits:predict"), &outputs(&digits(2), &image, &[1, 1, 28, 28]));
    near(&first("/v1/models/digits/versions/1:predict"), &outputs(&digits(1), &image, &[1, 1, 28, 28]));
}

#[test]
fn keras_clients_send_channels_last() {
    let server = server();
    let image: Vec<f32> = (0..784).map(|number| number as f32 / 784.0).collect();
    let expected = outputs(&digits(1), &image, &[1, 1, 28, 28]);
    let with_channel: Vec<Vec<[f32; 1]>> =
        image.chunks(28).map(|row| row.iter().map(|&pixel| [pixel]).collect()).collect();
    let without: Vec<&[f32]> = image.chunks(28).collect();
    for instance in [json!(with_channel), json!(without)] {
        // The body of the Fashion-MNIST tutorial.
        let body = json!({"signature_name": "serving_default", "instances": [instance]});
        let answer = server.post("/v1/models/keras:predict", body.to_string());
        near(&answer.json()["predictions"][0], &expected);
        let answer = server.post("/v1/models/digits:predict", body.to_string());
        assert_eq!(answer.status, 400);
        assert!(answer.error().contains("--channels-last"), "{}", answer.error());
    }
}

#[test]
fn examples_are_classified() {
    let server = server();
    let answer = server
        .post("/v1/models/half:classify", r#"{"examples":[{"x":[1,2,3,4]},{"input_layer":[0,0,0,0]}]}"#);
    let results = answer.json()["results"].clone();
    let expected = outputs(&half(), &[1.0, 2.0, 3.0, 4.0], &[1, 4]);
    assert_eq!((results[0][0][0].as_str(), results[0][1][0].as_str()), (Some("0"), Some("1")));
    near(&json!([results[0][0][1], results[0][1][1]]), &expected);
    assert_eq!(results.as_array().unwrap().len(), 2);
}

#[test]
fn pictures_are_read() {
    let server = server();
    let picture = picture();
    let answer = server.post("/v1/models/digits/versions/1:read", &picture);
    let found = answer.json();
    let image: Vec<f32> = found["image"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| {
            row.as_array().unwrap().iter().map(|pixel| pixel.as_f64().unwrap() as f32).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(image.len(), 784);
    assert_eq!(image.iter().copied().fold(0.0, f32::max), 1.0);
    let expected = outputs(&digits(1), &image, &[1, 1, 28, 28]);
    near(&found["probabilities"], &expected);
    let largest = (0..10).max_by(|&one, &other| expected[one].total_cmp(&expected[other])).unwrap();
    assert_eq!(found["digit"], largest);
    // The same picture as an instance.
    use base64::prelude::{Engine, BASE64_STANDARD};
    let body = json!({"instances": [{"b64": BASE64_STANDARD.encode(&picture)}]}).to_string();
    let answer = server.post("/v1/models/digits/versions/1:predict", body);
    near(&answer.json()["predictions"][0], &expected);
    for (body, words) in [
        (&b"no picture"[..], "not a PNG or JPEG"),
        (&picture[..picture.len() / 2], "damaged PNG"),
        (b"", "is empty"),
    ] {
        let answer = server.post("/v1/models/digits:read", body);
        assert!(answer.status == 400 && answer.error().contains(words), "{}", answer.error());
    }
    let answer = server.post("/v1/models/half:read", &picture);
    assert!(answer.status == 501 && answer.error().contains("[1, 28, 28]"), "{}", answer.error());
}

/// A 1, black on white.
fn picture() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 60, 100);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    let is_ink = |x: usize, y: usize| (27..33).contains(&x) && (15..85).contains(&y);
    let pixels: Vec<u8> =
        (0..6000).map(|place| if is_ink(place % 60, place / 60) { 0 } else { 255 }).collect();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn the_page_the_document_and_the_metrics() {
    let server = server();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].starts_with("text/html"));
    let document = server.get("/openapi.json").json();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    server.post("/v1/models/half:predict", r#"{"instances":[[1,2,3,4],[0.5,-1,0,9]]}"#);
    server.post("/v1/models/half:predict", "x");
    let metrics = server.get("/metrics");
    assert!(metrics.headers["content-type"].starts_with("application/openmetrics-text"));
    assert!(
        metrics.text().contains("serve_requests_total{api=\"predict\",code=\"200\"} 1\n"),
        "{}",
        metrics.text()
    );
    assert!(metrics.text().contains("serve_requests_total{api=\"predict\",code=\"400\"} 1\n"));
    assert_eq!(server.metric("serve_batch_images_sum{model=\"half\""), 2.0);
    assert!(metrics.text().ends_with("# EOF\n"));
}
