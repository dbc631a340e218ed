//! The examples of `:classify` and `:regress`: objects with the numbers of an image in one list.

use super::format_error;
use crate::failure::Failure;
use crate::json::{Kind, Value};
use crate::model::Info;

/// The list of examples; a context's features, if there is one, belong to each.
pub(super) fn listed<'a>(request: &'a Value, body: &[u8]) -> Result<Vec<Vec<&'a Value>>, Failure> {
    let mut shared = None;
    if let Some(context) = request.get("context") {
        object(context)?;
        shared = Some(context);
    }
    let Some(examples) = request.get("examples") else {
        let what = "When method is classify, key 'examples' is expected and was not found";
        return Err(format_error(request, body, what));
    };
    match &examples.kind {
        Kind::List(list) => {
            list.iter().try_for_each(object)?;
            Ok(list.iter().map(|example| std::iter::once(example).chain(shared).collect()).collect())
        }
        Kind::Numbers(numbers) if numbers.shape == [0] => {
            Err(format_error(request, body, "'examples' value is an empty array"))
        }
        Kind::Numbers(numbers) => {
            let kind = if numbers.shape.len() == 1 { "Number" } else { "Array" };
            Err(Failure::invalid(format!("Example must be JSON object but got JSON {kind}")))
        }
        _ => Err(format_error(request, body, "Expecting 'examples' value to be an list/array")),
    }
}

fn object(example: &Value) -> Result<(), Failure> {
    match example.is_object() {
        true => Ok(()),
        false => {
            Err(Failure::invalid(format!("Example must be JSON object but got JSON {}", example.type_name())))
        }
    }
}

/// The numbers of all examples: each has a feature with the input's name, or, with another name, a single one.
pub(super) fn numbers(examples: Vec<Vec<&Value>>, info: &Info) -> Result<Vec<f32>, Failure> {
    let mut all = Vec::with_capacity(examples.len() * info.inputs());
    for (index, example) in examples.into_iter().enumerate() {
        let features: Vec<(&String, &Value)> = example
            .iter()
            .filter_map(|part| match &part.kind {
                Kind::Object(members) => Some(members.iter().map(|(name, value)| (name, value))),
                _ => None,
            })
            .flatten()
            .collect();
        let named = features.iter().find(|(name, _)| *name == Info::INPUT);
        let (name, value) = match (named, features.as_slice()) {
            (Some(feature), _) => feature,
            (None, [feature]) => feature,
            _ => {
                return Err(Failure::invalid(format!(
                    "Name: <unknown>, Feature: {} (data type: float) is required but could not be found.",
                    Info::INPUT
                )))
            }
        };
        let before = all.len();
        match &value.kind {
            Kind::Number(number) => all.push(*number as f32),
            Kind::Numbers(numbers) if numbers.shape.len() == 1 => all.extend(&numbers.values),
            Kind::Numbers(_) => {
                return Err(Failure::invalid(format!(
                    "Feature: {name} has element with unexpected JSON type: Array; put all numbers of an image into one list"
                )))
            }
            _ => {
                return Err(Failure::invalid(format!(
                    "Unexpected element type in feature: {name} expecting type: float"
                )))
            }
        }
        let (found, wanted) = (all.len() - before, info.inputs());
        if found != wanted {
            return Err(Failure::invalid(format!(
                "Name: <unknown>, Key: {name}, Index: {index}.  Number of float values != expected.  values size: {found} \
                 but output shape: [{wanted}]"
            )));
        }
        // In the list, images have the shape of rows.
        let arranged = info.arranged(&info.row_shape(), all.split_off(before)).map_err(Failure::invalid)?;
        all.extend(arranged);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn read(body: &str) -> Result<Vec<f32>, String> {
        let (name, output_shape) = ("m".to_string(), vec![1]);
        let info = Info { name, version: 1, input_shape: vec![2], output_shape, channels_last: false };
        let request = parse(body.as_bytes()).unwrap();
        let examples = listed(&request, body.as_bytes()).map_err(|failure| failure.message)?;
        numbers(examples, &info).map_err(|failure| failure.message)
    }

    #[test]
    fn examples_are_objects_with_numbers() {
        assert_eq!(
            read(r#"{"examples":[{"x":[1,2]},{"input_layer":[3,4],"y":0}]}"#).unwrap(),
            [1.0, 2.0, 3.0, 4.0]
        );
        assert_eq!(read(r#"{"context":{"x":[5,6]},"examples":[{},{}]}"#).unwrap(), [5.0, 6.0, 5.0, 6.0]);
    }

    #[test]
    fn what_is_none_is_named() {
        for (body, words) in [
            (r#"{}"#, "key 'examples' is expected and was not found"),
            (r#"{"examples":1}"#, "to be an list/array"),
            (r#"{"examples":[]}"#, "is an empty array"),
            (r#"{"examples":[1]}"#, "must be JSON object but got JSON Number"),
            (r#"{"examples":[[1]]}"#, "must be JSON object but got JSON Array"),
            (r#"{"examples":["a"]}"#, "must be JSON object but got JSON String"),
            (r#"{"context":1,"examples":[{}]}"#, "must be JSON object but got JSON Number"),
            (r#"{"examples":[{}]}"#, "input_layer (data type: float) is required"),
            (r#"{"examples":[{"x":[1]}]}"#, "values size: 1 but output shape: [2]"),
            (r#"{"examples":[{"x":[[1,2]]}]}"#, "unexpected JSON type: Array"),
            (r#"{"examples":[{"x":["a","b"]}]}"#, "Unexpected element type in feature: x"),
        ] {
            let message = read(body).unwrap_err();
            assert!(message.contains(words), "{body}: {message}");
        }
    }
}
