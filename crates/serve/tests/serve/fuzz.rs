//! Requests at random: nothing panics, and each answer is an answer or an error of TensorFlow Serving's form.

use axum::body::Body;
use axum::http::Request;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serve::json::parse;

/// What requests are made of.
const SEEDS: [&str; 10] = [
    r#"{"instances":[[1,2,3,4],[0.5,-1,1e3,9]]}"#,
    r#"{"signature_name":"serving_default","instances":[{"input_layer":[1,2,3,4]}]}"#,
    r#"{"inputs":{"input_layer":[[NaN,-Infinity,3,4]]}}"#,
    r#"{"inputs":[[[1],[2]],[[3]]]}"#,
    r#"{"instances":[{"b64":"aGVsbG8="}]}"#,
    r#"{"examples":[{"x":[1,2,3,4]}],"context":{}}"#,
    r#"{"id":"a","inputs":[{"name":"input_layer","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}"#,
    "\u{feff}{\"a\\u20ac\\ud83d\\ude00\":[true,false,null,[],{}]} etc",
    "[[[[[[[[[[1]]]]]]]]]]",
    "-1.5e-7",
];
const PIECES: [&[u8]; 24] = [
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b"\"",
    b"\\",
    b"0",
    b"-",
    b".",
    b"e",
    b"1e400",
    b"NaN",
    b"Infinity",
    b"null",
    b" ",
    b"\0",
    b"\xff",
    b"\\ud800",
    b"[[[[[[[[",
    b"{\"a\":",
    b"99999999999999999999",
    b"\"b64\"",
];

fn mutated(random: &mut StdRng) -> Vec<u8> {
    let mut text = SEEDS.choose(random).unwrap().as_bytes().to_vec();
    for _ in 0..random.gen_range(1..8) {
        let place = random.gen_range(0..=text.len());
        match random.gen_range(0..5) {
            0 if place < text.len() => drop(text.remove(place)),
            1 if place < text.len() => text[place] = random.gen(),
            2 => text.truncate(place.max(1)),
            3 => {
                let end = random.gen_range(place..=text.len());
                let part = text[place..end].to_vec();
                text.extend(part);
            }
            _ => drop(text.splice(place..place, PIECES.choose(random).unwrap().iter().copied())),
        }
    }
    text
}

/// A few in each run of the tests, a million when they are asked for: `SERVE_FUZZ=1000000 cargo test -p serve --release fuzz`.
fn turns() -> usize {
    std::env::var("SERVE_FUZZ").ok().and_then(|turns| turns.parse().ok()).unwrap_or(20_000)
}

#[test]
fn the_parser_takes_anything() {
    let mut random = StdRng::seed_from_u64(1);
    let mut read = 0;
    for _ in 0..turns() {
        let text = mutated(&mut random);
        match parse(&text) {
            Ok(value) => {
                read += 1;
                assert!(value.span.end <= text.len());
                let _ = serve::json::shortened(&text[value.span]);
                // What serde_json reads, too, is the same but for what it has no words for.
                if let Ok(theirs) = cnn::serde_json::from_slice::<cnn::serde_json::Value>(&text) {
                    assert!(same(&parse(&text).unwrap(), &theirs), "{}", String::from_utf8_lossy(&text));
                }
            }
            Err(error) => assert!(error.offset <= text.len()),
        }
    }
    assert!(read > turns() / 50, "{read}");
}

fn same(ours: &serve::json::Value, theirs: &cnn::serde_json::Value) -> bool {
    use cnn::serde_json::Value as Theirs;
    use serve::json::Kind;
    match (&ours.kind, theirs) {
        (Kind::Null, Theirs::Null) => true,
        (Kind::Bool(one), Theirs::Bool(other)) => one == other,
        (Kind::Number(one), Theirs::Number(other)) => {
            let other = other.as_f64().unwrap();
            // The first elements of ragged lists are kept as floats.
            *one == other || *one as f32 == other as f32
        }
        (Kind::String(one), Theirs::String(other)) => one == other,
        (Kind::Numbers(numbers), theirs) => {
            let (mut flat, mut shape, mut first) = (Vec::new(), Vec::new(), theirs);
            flatten(theirs, &mut flat);
            while let Theirs::Array(list) = first {
                shape.push(list.len());
                let Some(inner) = list.first() else { break };
                first = inner;
            }
            numbers.values == flat && numbers.shape == shape
        }
        (Kind::List(one), Theirs::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        // Of equal names one keeps the first, and the other the last.
        (Kind::Object(one), Theirs::Object(other)) => one.iter().all(|(name, value)| {
            let is_once = one.iter().filter(|(other, _)| other == name).count() == 1;
            other.get(name).is_some_and(|other| !is_once || same(value, other))
        }),
        _ => false,
    }
}

fn flatten(value: &cnn::serde_json::Value, into: &mut Vec<f32>) {
    match value {
        cnn::serde_json::Value::Array(list) => list.iter().for_each(|element| flatten(element, into)),
        number => into.push(number.as_f64().map_or(f32::NAN, |number| number as f32)),
    }
}

#[test]
fn the_server_answers_anything() {
    use crate::client::settings;
    use crate::models::{half, served};
    use serve::app::App;
    use std::sync::Arc;
    use tower::ServiceExt;
    let limits = serve::limits::Limits::default();
    let (metrics, registry) = (Arc::default(), Arc::new(serve::model::Registry::default()));
    let settings = settings(&limits, &metrics);
    registry.put(served("half", 1, &half(), &settings));
    let router = App::new(registry, metrics, settings.arriving, &limits).router();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut random = StdRng::seed_from_u64(2);
    let paths = [
        "/v1/models/half:predict",
        "/v1/models/half:classify",
        "/v1/models/half:regress",
        "/v1/models/half:read",
        "/v2/models/half/infer",
    ];
    for _ in 0..turns() / 10 {
        let (path, body) = (paths.choose(&mut random).unwrap(), mutated(&mut random));
        let mut request = Request::post(*path);
        if random.gen_ratio(1, 5) {
            request = request.header("inference-header-content-length", random.gen_range(0..100).to_string());
        }
        let request = request.body(Body::from(body.clone())).unwrap();
        let answer = runtime.block_on(router.clone().oneshot(request)).unwrap();
        let status = answer.status().as_u16();
        assert!([200, 400, 501].contains(&status), "{path} {status} {}", String::from_utf8_lossy(&body));
        let bytes = runtime.block_on(axum::body::to_bytes(answer.into_body(), 1 << 20)).unwrap();
        if status != 200 {
            let error: cnn::serde_json::Value = cnn::serde_json::from_slice(&bytes).unwrap();
            assert!(error["error"].as_str().is_some_and(|error| !error.is_empty()), "{error}");
        }
    }
}
