//! `infer`: one tensor of images in, one tensor of outputs out, each as JSON or as the bytes of its floats behind the JSON.

use axum::body::Body;
use axum::http::{header, HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use crate::app::App;
use crate::failure::{json, Failure};
use crate::json::{parse, push_f32, push_string, Kind, Value};
use crate::model::{Info, Served};

/// How long the JSON is, where bytes follow it.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

/// What is asked.
#[derive(Debug, PartialEq)]
struct Asked {
    id: Option<String>,
    count: usize,
    numbers: Vec<f32>,
    /// Whether the answer is to be bytes.
    binary: bool,
}

/// Answers a request.
pub(super) async fn infer(
    app: &Arc<App>,
    served: Arc<Served>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let length = match headers.get(JSON_LENGTH) {
        None => None,
        Some(length) => {
            Some(length.to_str().ok().and_then(|length| length.parse::<usize>().ok()).ok_or_else(|| {
                Failure::invalid(format!(
                    "The header {JSON_LENGTH} is {length:?}, and must be a number of bytes"
                ))
            })?)
        }
    };
    let body = app.bodies.read(body).await?;
    let arriving = app.on_its_way(&body);
    let (served, asked) = app
        .compute(body, move |_, body| {
            let asked = read(body, length, &served.info)?;
            Ok((served, asked))
        })
        .await?;
    let answer = served.predict(asked.numbers, asked.count);
    drop(arriving);
    let outputs = answer.await?;
    Ok(answered(&served.info, asked.id, asked.count, asked.binary, &outputs))
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::invalid(message))
}

fn read(body: &[u8], length: Option<usize>, info: &Info) -> Result<Asked, Failure> {
    let length = length.unwrap_or(body.len());
    let Some((text, bytes)) = body.split_at_checked(length) else {
        return invalid(format!("The JSON is to be {length} bytes long, and the body has {}", body.len()));
    };
    let mut request = parse(text).map_err(|error| Failure::invalid(format!("JSON Parse error: {error}")))?;
    let id = match request.take("id") {
        None | Some(Value { kind: Kind::Null, .. }) => None,
        Some(Value { kind: Kind::String(id), .. }) => Some(id),
        Some(_) => return invalid("'id' must be a string"),
    };
    let binary = wants_bytes(&request)?;
    let mut input = match request.take("inputs").map(|inputs| inputs.kind) {
        Some(Kind::List(mut inputs)) if inputs.len() == 1 => inputs.remove(0),
        Some(Kind::List(inputs)) => {
            return invalid(format!(
                "'inputs' holds {} tensors, and the model has one input, {:?}",
                inputs.len(),
                Info::INPUT
            ))
        }
        _ => return invalid(format!("'inputs' must be a list with the tensor {:?}", Info::INPUT)),
    };
    match input.get("name").and_then(Value::as_str) {
        Some(Info::INPUT) => {}
        name => {
            return invalid(format!(
                "The model's input is called {:?}, and not {:?}",
                Info::INPUT,
                name.unwrap_or_default()
            ))
        }
    }
    match input.get("datatype").and_then(Value::as_str) {
        Some("FP32") => {}
        datatype => {
            return invalid(format!(
                "The datatype of {:?} must be \"FP32\", and is {:?}",
                Info::INPUT,
                datatype.unwrap_or_default()
            ))
        }
    }
    let shape = input.take("shape").and_then(|shape| sides(&shape));
    let Some(shape) = shape else { return invalid("'shape' must be a list of whole numbers") };
    let Some((&count, row)) = shape.split_first().filter(|(&count, _)| count > 0) else {
        return invalid(format!("The shape {shape:?} has no images; the first number is how many there are"));
    };
    let data = input.take("data");
    let size = input.get("parameters").and_then(|parameters| parameters.get("binary_data_size"));
    let numbers = match (size.map(|size| &size.kind), data) {
        (Some(Kind::Number(size)), None) if *size == bytes.len() as f64 && bytes.len() % 4 == 0 => bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect(),
        (Some(_), None) => {
            let found = bytes.len();
            return invalid(format!(
                "'binary_data_size' must be the bytes behind the JSON, {found}, four for each number"
            ));
        }
        (None, Some(Value { kind: Kind::Numbers(numbers), .. })) => numbers.values,
        (None, Some(_)) => {
            return invalid("'data' must be numbers, in one list or in lists of the tensor's shape")
        }
        (Some(_), Some(_)) => {
            return invalid("Either 'data' or the parameter 'binary_data_size' is wanted, not both")
        }
        (None, None) => return invalid(format!("The input {:?} has no 'data'", Info::INPUT)),
    };
    let wanted = shape.iter().try_fold(1_usize, |size, &side| size.checked_mul(side));
    if wanted != Some(numbers.len()) {
        return invalid(format!("The shape {shape:?} does not hold {} numbers", numbers.len()));
    }
    let numbers = info.arranged(row, numbers).map_err(Failure::invalid)?;
    Ok(Asked { id, count, numbers, binary })
}

/// Whole numbers that are no less than 0.
fn sides(shape: &Value) -> Option<Vec<usize>> {
    let Kind::Numbers(numbers) = &shape.kind else { return None };
    let side = |&side: &f32| (side >= 0.0 && side.fract() == 0.0 && side < 1e9).then_some(side as usize);
    (numbers.shape.len() == 1).then(|| numbers.values.iter().map(side).collect())?
}

/// Whether the answer is to be bytes; an error if there is another output that is asked for.
fn wants_bytes(request: &Value) -> Result<bool, Failure> {
    let is = |value: &Value, name: &str| {
        let parameter = value.get("parameters").and_then(|parameters| parameters.get(name));
        parameter.map(|parameter| parameter.kind == Kind::Bool(true))
    };
    let mut binary = is(request, "binary_data_output").unwrap_or(false);
    let Some(outputs) = request.get("outputs") else { return Ok(binary) };
    let Kind::List(outputs) = &outputs.kind else { return Ok(binary) };
    for output in outputs {
        let name = output.get("name").and_then(Value::as_str).unwrap_or_default();
        if name != Info::OUTPUT {
            return invalid(format!("The model's output is called {:?}, and not {name:?}", Info::OUTPUT));
        }
        if output.get("parameters").is_some_and(|parameters| parameters.get("classification").is_some()) {
            return invalid("The extension 'classification' is not there; take the largest of the outputs");
        }
        binary = is(output, "binary_data").unwrap_or(binary);
    }
    Ok(binary)
}

fn answered(info: &Info, id: Option<String>, count: usize, binary: bool, outputs: &[f32]) -> Response {
    let mut text = r#"{"model_name":"#.to_string();
    push_string(&mut text, &info.name);
    text.push_str(&format!(r#","model_version":"{}""#, info.version));
    if let Some(id) = id {
        text.push_str(r#","id":"#);
        push_string(&mut text, &id);
    }
    let shape: String = info.output_shape.iter().map(|side| format!(",{side}")).collect();
    let name = Info::OUTPUT;
    text.push_str(&format!(r#","outputs":[{{"name":"{name}","datatype":"FP32","shape":[{count}{shape}],"#));
    if binary {
        text.push_str(&format!(r#""parameters":{{"binary_data_size":{}}}}}]}}"#, outputs.len() * 4));
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_string()),
            (JSON_LENGTH, text.len().to_string()),
        ];
        let bytes =
            text.into_bytes().into_iter().chain(outputs.iter().flat_map(|number| number.to_le_bytes()));
        return (headers, bytes.collect::<Vec<u8>>()).into_response();
    }
    text.push_str(r#""data":["#);
    for (index, &number) in outputs.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "," });
        push_f32(&mut text, number);
    }
    text.push_str("]}]}");
    json(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str, bytes: &[u8]) -> Result<Asked, String> {
        let (name, output_shape) = ("m".to_string(), vec![1]);
        let info = Info { name, version: 1, input_shape: vec![2], output_shape, channels_last: false };
        let whole = [body.as_bytes(), bytes].concat();
        let length = (!bytes.is_empty()).then_some(body.len());
        read(&whole, length, &info).map_err(|failure| failure.message)
    }

    #[test]
    fn tensors_come_flat_nested_or_as_bytes() {
        let expected = [1.0, 2.0, 3.0, 4.0];
        for data in ["[1,2,3,4]", "[[1,2],[3,4]]"] {
            let body = format!(
                r#"{{"id":"x","inputs":[{{"name":"input_layer","datatype":"FP32","shape":[2,2],"data":{data}}}]}}"#
            );
            let asked = asked(&body, &[]).unwrap();
            assert_eq!((asked.numbers, asked.count, asked.id.as_deref()), (expected.to_vec(), 2, Some("x")));
            assert!(!asked.binary);
        }
        let body = r#"{"inputs":[{"name":"input_layer","datatype":"FP32","shape":[2,2],"parameters":{"binary_data_size":16}}],"outputs":[{"name":"output_0","parameters":{"binary_data":true}}]}"#;
        let bytes: Vec<u8> = expected.iter().flat_map(|number: &f32| number.to_le_bytes()).collect();
        let asked = asked(body, &bytes).unwrap();
        assert_eq!((asked.numbers, asked.binary), (expected.to_vec(), true));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let input =
            |rest: &str| format!(r#"{{"inputs":[{{"name":"input_layer","datatype":"FP32",{rest}}}]}}"#);
        for (body, words) in [
            ("{".to_string(), "JSON Parse error: Missing a name"),
            ("{}".to_string(), "'inputs' must be a list"),
            (r#"{"inputs":[]}"#.to_string(), "'inputs' must be a list"),
            (r#"{"inputs":[{},{}]}"#.to_string(), "holds 2 tensors"),
            (r#"{"inputs":[{"name":"x"}]}"#.to_string(), "and not \"x\""),
            (r#"{"inputs":[{"name":"input_layer","datatype":"INT8"}]}"#.to_string(), "and is \"INT8\""),
            (input(r#""data":[1]"#), "'shape' must be"),
            (input(r#""shape":[1,-2],"data":[1]"#), "'shape' must be"),
            (input(r#""shape":[0,2],"data":[1]"#), "has no images"),
            (input(r#""shape":[1,2]"#), "has no 'data'"),
            (input(r#""shape":[1,2],"data":["a"]"#), "must be numbers"),
            (input(r#""shape":[1,2],"data":[1,2,3]"#), "does not hold 3 numbers"),
            (input(r#""shape":[1000000,1000000,1000000,1000000],"data":[1]"#), "does not hold 1 numbers"),
            (input(r#""shape":[1,3],"data":[1,2,3]"#), "but got: [3]"),
            (input(r#""shape":[1,2],"parameters":{"binary_data_size":8}"#), "bytes behind the JSON, 0"),
            (format!(r#"{{"outputs":[{{"name":"y"}}],{}"#, &input(r#""shape":[1,2]"#)[1..]), "and not \"y\""),
            (format!(r#"{{"id":7,{}"#, &input(r#""shape":[1,2]"#)[1..]), "'id' must be a string"),
        ] {
            let message = asked(&body, &[]).unwrap_err();
            assert!(message.contains(words), "{body}: {message}");
        }
    }
}
