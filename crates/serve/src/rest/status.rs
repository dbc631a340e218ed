//! What there is to know of a model, laid out as protobuf's JSON.

use std::fmt::Write;

use super::SIGNATURE;
use crate::json::push_string;
use crate::model::{Info, Status};

/// The state of versions.
pub(super) fn status(versions: &[Status]) -> String {
    let mut json = "{\n \"model_version_status\": [".to_string();
    for (index, Status { version, refused }) in versions.iter().enumerate() {
        let (state, code) = match refused {
            None => ("AVAILABLE", "OK"),
            Some(_) => ("END", "DATA_LOSS"),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            json,
            "{}\n  {{\n   \"version\": \"{version}\",\n   \"state\": \"{state}\",\n   \"status\": {{\n    \"error_code\": \
             \"{code}\",\n    \"error_message\": ",
            if index == 0 { "" } else { "," }
        );
        push_string(&mut json, refused.as_deref().unwrap_or_default());
        json.push_str("\n   }\n  }");
    }
    json.push_str("\n ]\n}\n");
    json
}

/// The signature of a model: its input and its output, with a batch of any size.
pub(super) fn metadata(info: &Info) -> String {
    let mut name = String::new();
    push_string(&mut name, &info.name);
    format!(
        "{{\n\"model_spec\":{{\n \"name\": {name},\n \"signature_name\": \"\",\n \"version\": \"{}\"\n}}\n,\n\"metadata\": \
         {{\"signature_def\": {{\n \"signature_def\": {{\n  \"{SIGNATURE}\": {{\n   \"inputs\": {{\n{}\n   }},\n   \
         \"outputs\": {{\n{}\n   }},\n   \"method_name\": \"tensorflow/serving/predict\"\n  }}\n }}\n}}\n}}\n}}\n",
        info.version,
        tensor(Info::INPUT, "serving_default_input_layer:0", &info.row_shape()),
        tensor(Info::OUTPUT, "StatefulPartitionedCall:0", &info.output_shape),
    )
}

fn tensor(name: &str, node: &str, shape: &[usize]) -> String {
    let sides = std::iter::once("-1".to_string()).chain(shape.iter().map(usize::to_string));
    let sides: Vec<String> = sides
        .map(|side| format!("       {{\n        \"size\": \"{side}\",\n        \"name\": \"\"\n       }}"))
        .collect();
    format!(
        "    \"{name}\": {{\n     \"dtype\": \"DT_FLOAT\",\n     \"tensor_shape\": {{\n      \"dim\": [\n{}\n      ],\n      \
         \"unknown_rank\": false\n     }},\n     \"name\": \"{node}\"\n    }}",
        sides.join(",\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn::serde_json::{from_str, json, Value};

    #[test]
    fn status_of_versions() {
        let versions = [
            Status { version: 2, refused: Some("a \"b\"".to_string()) },
            Status { version: 1, refused: None },
        ];
        let found: Value = from_str(&status(&versions)).unwrap();
        assert_eq!(
            found,
            json!({"model_version_status": [
                {"version": "2", "state": "END", "status": {"error_code": "DATA_LOSS", "error_message": "a \"b\""}},
                {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
            ]})
        );
        let one = status(&versions[1..]);
        assert!(one.starts_with("{\n \"model_version_status\": [\n  {\n   \"version\": \"1\",\n"), "{one}");
    }

    #[test]
    fn metadata_names_inputs_and_outputs() {
        let (name, input_shape, output_shape) = ("m".to_string(), vec![1, 28, 28], vec![10]);
        let info = Info { name, version: 3, input_shape, output_shape, channels_last: true };
        let found: Value = from_str(&metadata(&info)).unwrap();
        assert_eq!(found["model_spec"], json!({"name": "m", "signature_name": "", "version": "3"}));
        let signature = &found["metadata"]["signature_def"]["signature_def"]["serving_default"];
        let input = &signature["inputs"]["input_layer"];
        assert_eq!(
            (&input["dtype"], &input["tensor_shape"]["dim"][1]["size"]),
            (&json!("DT_FLOAT"), &json!("28"))
        );
        let sizes: Vec<&Value> = signature["outputs"]["output_0"]["tensor_shape"]["dim"]
            .as_array()
            .unwrap()
            .iter()
            .map(|dim| &dim["size"])
            .collect();
        assert_eq!(sizes, [&json!("-1"), &json!("10")]);
    }
}
