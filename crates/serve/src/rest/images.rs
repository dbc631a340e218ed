//! The images of a `:predict` request: `instances`, row by row, or `inputs`, in one piece.

use base64::prelude::{Engine, BASE64_STANDARD, BASE64_URL_SAFE};

use super::format_error;
use crate::failure::Failure;
use crate::json::{shortened, Kind, Value};
use crate::model::Info;
use crate::read::prepared;

/// What a model is asked to predict.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    /// In the model's order.
    pub numbers: Vec<f32>,
    /// Images.
    pub count: usize,
    /// Whether they came row by row; the answer then does, too.
    pub rows: bool,
}

/// A tensor that was read, with its shape.
type Tensor = (Vec<usize>, Vec<f32>);

/// Reads the images of a request.
pub(super) fn read(request: &mut Value, body: &[u8], info: &Info) -> Result<Asked, Failure> {
    match (request.get("instances").is_some(), request.get("inputs").is_some()) {
        (true, true) => Err(format_error(
            request,
            body,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )),
        (false, false) => Err(Failure::invalid("Missing 'inputs' or 'instances' key")),
        (true, false) => rows(request, body, info),
        (false, true) => columns(request, body, info),
    }
}

fn rows(request: &mut Value, body: &[u8], info: &Info) -> Result<Asked, Failure> {
    let span = request.span.clone();
    let refused = |what: &str| {
        let value = Value { kind: Kind::Null, span: span.clone() };
        Err(format_error(&value, body, what))
    };
    let Some(instances) = request.take("instances") else { return refused("") };
    let (count, row, numbers) = match instances.kind {
        Kind::Numbers(tensor) if tensor.shape[0] > 0 => {
            (tensor.shape[0], tensor.shape[1..].to_vec(), tensor.values)
        }
        Kind::Numbers(_) => return refused("No values in 'instances' array"),
        Kind::List(elements) => {
            let count = elements.len();
            let (row, numbers) = elements_of(elements, body, info).map_err(Failure::invalid)?;
            (count, row, numbers)
        }
        _ => return refused("Expecting 'instances' to be an list/array"),
    };
    let numbers = info.arranged(&row, numbers).map_err(Failure::invalid)?;
    Ok(Asked { numbers, count, rows: true })
}

/// The shape that all elements have, and their numbers.
fn elements_of(elements: Vec<Value>, body: &[u8], info: &Info) -> Result<Tensor, String> {
    let is_named = |element: &Value| element.is_object() && element.as_base64().is_none();
    let all_named = elements.first().is_some_and(is_named);
    let (mut row, mut numbers) = (None, Vec::new());
    for (index, element) in elements.into_iter().enumerate() {
        let failed = |error: String| {
            format!(
                "Failed to process element: {index} of 'instances' list. Error: INVALID_ARGUMENT: {error}"
            )
        };
        match (all_named, is_named(&element)) {
            (true, false) => {
                return Err(format!("Expecting object but got list at item {index} of input list"))
            }
            (false, true) => {
                return Err(format!("Expecting value/list but got object at item {index} of input list"))
            }
            (false, false) => add(element, body, info, &mut row, &mut numbers).map_err(failed)?,
            (true, true) => {
                let span = element.span.clone();
                let Kind::Object(members) = element.kind else { continue };
                let mut is_there = false;
                for (name, value) in members {
                    let failed = |error: String| {
                        format!(
                            "Failed to process element: {index} key: {name} of 'instances' list. Error: INVALID_ARGUMENT: {error}"
                        )
                    };
                    if name != Info::INPUT {
                        return Err(failed(format!("JSON object: does not have named input: {name}")));
                    }
                    // The first of two equal names counts.
                    if !is_there {
                        add(value, body, info, &mut row, &mut numbers).map_err(failed)?;
                    }
                    is_there = true;
                }
                if !is_there {
                    return Err(format!(
                        "Failed to process element: {index} of 'instances' list. JSON object: {} keys must be equal to: {}",
                        shortened(&body[span]),
                        Info::INPUT
                    ));
                }
            }
        }
    }
    Ok((row.unwrap_or_default(), numbers))
}

/// Adds an element's numbers, which must have the shape of those before.
fn add(
    element: Value,
    body: &[u8],
    info: &Info,
    row: &mut Option<Vec<usize>>,
    numbers: &mut Vec<f32>,
) -> Result<(), String> {
    let (shape, values) = match element.as_base64() {
        Some(text) if info.reads_digits() => picture(text, info)?,
        _ => tensor(element, body)?,
    };
    let expected = row.get_or_insert_with(|| shape.clone());
    let list = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let size: usize = expected.iter().product();
    if size != values.len() {
        return Err(format!("Expecting tensor size: {size} but got: {}", values.len()));
    }
    if *expected != shape {
        return Err(format!("Expecting shape [{}] but got: [{}]", list(expected), list(&shape)));
    }
    numbers.extend(values);
    Ok(())
}

/// A picture's file, prepared as the network wants it.
fn picture(base64: &str, info: &Info) -> Result<Tensor, String> {
    let bytes = BASE64_STANDARD.decode(base64).or_else(|_| BASE64_URL_SAFE.decode(base64));
    let bytes = bytes.map_err(|_| "Unable to base64 decode".to_string())?;
    Ok((info.row_shape(), prepared(&bytes).map_err(|failure| failure.message)?))
}

fn columns(request: &mut Value, body: &[u8], info: &Info) -> Result<Asked, Failure> {
    let mut inputs = request.take("inputs").unwrap_or(Value { kind: Kind::Null, span: 0..0 });
    if inputs.is_object() && inputs.as_base64().is_none() {
        inputs = inputs.take(Info::INPUT).ok_or_else(|| {
            Failure::invalid(format!("Missing named input: {} in 'inputs' object.", Info::INPUT))
        })?;
    }
    let (shape, numbers) = tensor(inputs, body).map_err(Failure::invalid)?;
    let (&count, row) = match shape.split_first() {
        Some((count, row)) if *count > 0 => (count, row),
        _ => {
            return Err(Failure::invalid(format!("Expecting at least one image for input {:?}", Info::INPUT)))
        }
    };
    let numbers = info.arranged(row, numbers).map_err(Failure::invalid)?;
    Ok(Asked { numbers, count, rows: false })
}

/// A value as a tensor.
fn tensor(value: Value, body: &[u8]) -> Result<Tensor, String> {
    match value.kind {
        Kind::Numbers(numbers) => Ok((numbers.shape, numbers.values)),
        Kind::Number(number) => Ok((Vec::new(), vec![number as f32])),
        _ => {
            // Either ragged or not of numbers: TensorFlow Serving takes the shape from the first elements, and names what differs.
            let (mut shape, mut first) = (Vec::new(), &value);
            while let Kind::List(list) = &first.kind {
                shape.push(list.len());
                first = &list[0];
            }
            if let Kind::Numbers(numbers) = &first.kind {
                shape.extend(&numbers.shape);
            }
            let mut numbers = Vec::new();
            fill(&value, 0, &shape, body, &mut numbers)?;
            Ok((shape, numbers))
        }
    }
}

fn fill(
    value: &Value,
    level: usize,
    shape: &[usize],
    body: &[u8],
    numbers: &mut Vec<f32>,
) -> Result<(), String> {
    let rank = shape.len();
    let at_length = |length: usize, level: usize| match shape.get(level) {
        None => Err(format!("Encountered list at unexpected level: {level} expected < {rank}")),
        Some(&expected) if expected != length => Err(format!(
            "Encountered list at unexpected size: {length} at level: {level} expected size: {expected}"
        )),
        Some(_) => Ok(()),
    };
    let text = || &body[value.span.clone()];
    let at_level = |level: usize, text: &[u8]| match level == rank {
        true => Ok(()),
        false => Err(format!(
            "JSON Value: {} found at incorrect level: {} in the JSON DOM. Expected at level: {rank}",
            shortened(text),
            level + 1
        )),
    };
    match &value.kind {
        Kind::List(list) => {
            at_length(list.len(), level)?;
            list.iter().try_for_each(|element| fill(element, level + 1, shape, body, numbers))
        }
        Kind::Numbers(tensor) => {
            for (deeper, &length) in tensor.shape.iter().enumerate() {
                at_length(length, level + deeper)?;
                if length == 0 {
                    return Ok(());
                }
            }
            // The first number stands behind the brackets.
            let brackets =
                text().iter().take_while(|byte| matches!(byte, b'[' | b' ' | b'\n' | b'\r' | b'\t')).count();
            at_level(level + tensor.shape.len(), &text()[brackets..])?;
            numbers.extend(&tensor.values);
            Ok(())
        }
        other => {
            at_level(level, text())?;
            match other {
                Kind::Number(number) => {
                    numbers.push(*number as f32);
                    Ok(())
                }
                _ => Err(format!(
                    "JSON Value: {} Type: {} is not of expected type: float",
                    shortened(text()),
                    value.type_name()
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn info(input_shape: &[usize]) -> Info {
        let (name, input_shape) = ("m".to_string(), input_shape.to_vec());
        Info { name, version: 1, input_shape, output_shape: vec![1], channels_last: false }
    }

    fn asked(body: &str, input_shape: &[usize]) -> Result<Asked, String> {
        let mut request = parse(body.as_bytes()).unwrap();
        read(&mut request, body.as_bytes(), &info(input_shape)).map_err(|failure| failure.message)
    }

    #[test]
    fn rows_and_columns_with_and_without_a_name() {
        for body in [
            r#"{"instances":[[1,2],[3,4]]}"#,
            r#"{"instances":[{"input_layer":[1,2]},{"input_layer":[3,4]}]}"#,
            r#"{"inputs":[[1,2],[3,4]], "other": {}}"#,
            r#"{"inputs":{"input_layer":[[1,2],[3,4]],"other":1}}"#,
        ] {
            let asked = asked(body, &[2]).unwrap();
            let expected = (vec![1.0, 2.0, 3.0, 4.0], 2, body.contains("instances"));
            assert_eq!((asked.numbers, asked.count, asked.rows), expected, "{body}");
        }
        let twice = asked(r#"{"instances":[{"input_layer":[1],"input_layer":["x"]}]}"#, &[1]).unwrap();
        assert_eq!(twice.numbers, [1.0]);
        let special = asked(r#"{"instances":[[NaN, -Infinity, 1e39]]}"#, &[3]).unwrap();
        assert!(special.numbers[0].is_nan() && special.numbers[1..] == [f32::NEG_INFINITY, f32::INFINITY]);
    }

    #[test]
    fn errors_are_tensorflow_servings() {
        let element = |index: usize, text: &str| {
            format!("Failed to process element: {index} of 'instances' list. Error: INVALID_ARGUMENT: {text}")
        };
        for (body, message) in [
            ("{}", "Missing 'inputs' or 'instances' key".to_string()),
            (
                r#"{"instances":1,"inputs":2}"#,
                "JSON Value: {\n    \"instances\": 1,\n    \"inputs\": 2\n} Not formatted correctly expecting only one of \
                 'inputs' or 'instances' keys to exist "
                    .to_string(),
            ),
            (
                r#"{"instances":3}"#,
                "JSON Value: {\n    \"instances\": 3\n} Expecting 'instances' to be an list/array".to_string(),
            ),
            (r#"{"instances":[]}"#, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array".to_string()),
            (r#"{"instances":[[1,2,3,4],[1,2]]}"#, element(1, "Expecting tensor size: 4 but got: 2")),
            (r#"{"instances":[[[1,2],[3,4]],[1,2,3,4]]}"#, element(1, "Expecting shape [2,2] but got: [4]")),
            (r#"{"instances":["x"]}"#, element(0, "JSON Value: \"x\" Type: String is not of expected type: float")),
            (
                r#"{"instances":[[1,true]]}"#,
                element(0, "JSON Value: true Type: True is not of expected type: float"),
            ),
            (
                r#"{"instances":[[1,[2]]]}"#,
                element(0, "Encountered list at unexpected level: 1 expected < 1"),
            ),
            (
                r#"{"instances":[[[1],2]]}"#,
                element(0, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
            ),
            (
                r#"{"instances":[[[[1]],[ 2.50]]]}"#,
                element(0, "JSON Value: 2.5 found at incorrect level: 3 in the JSON DOM. Expected at level: 3"),
            ),
            (
                r#"{"instances":[{"b64":"AA=="}]}"#,
                element(0, "JSON Value: {\n    \"b64\": \"AA==\"\n} Type: Object is not of expected type: float"),
            ),
            (
                r#"{"instances":[{"y":1}]}"#,
                "Failed to process element: 0 key: y of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not \
                 have named input: y"
                    .to_string(),
            ),
            (
                r#"{"instances":[{}]}"#,
                "Failed to process element: 0 of 'instances' list. JSON object: {} keys must be equal to: input_layer"
                    .to_string(),
            ),
            (
                r#"{"instances":[{"input_layer":1},2]}"#,
                "Expecting object but got list at item 1 of input list".to_string(),
            ),
            (
                r#"{"instances":[1,{"input_layer":2}]}"#,
                "Expecting value/list but got object at item 1 of input list".to_string(),
            ),
            (r#"{"inputs":{"x":1}}"#, "Missing named input: input_layer in 'inputs' object.".to_string()),
            (
                r#"{"inputs":[[1,2],[3,4,5]]}"#,
                "Encountered list at unexpected size: 3 at level: 1 expected size: 2".to_string(),
            ),
            (r#"{"inputs":[]}"#, "Expecting at least one image for input \"input_layer\"".to_string()),
            (r#"{"inputs":null}"#, "JSON Value: null Type: Null is not of expected type: float".to_string()),
        ] {
            assert_eq!(asked(body, &[4]).unwrap_err(), message, "{body}");
        }
        assert!(asked(r#"{"instances":[[1,2,3]]}"#, &[4]).unwrap_err().contains("but got: [3]"));
        assert!(asked(r#"{"instances":[1]}"#, &[1]).unwrap_err().contains("but got: []"));
        assert_eq!(
            asked(r#"{"instances":[{"b64":"?"}]}"#, &[1, 28, 28]).unwrap_err(),
            element(0, "Unable to base64 decode")
        );
    }
}
