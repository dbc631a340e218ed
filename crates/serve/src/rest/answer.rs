//! Answers, laid out as rapidjson's PrettyWriter lays out those of TensorFlow Serving.

use crate::json::{push_f32, push_f32_list, push_string};

/// A list for each image, all on one line.
pub(super) fn rows(outputs: &[f32], each: usize) -> String {
    let mut json = String::with_capacity(outputs.len() * 12 + 64);
    json.push_str("{\n    \"predictions\": [");
    for (index, row) in outputs.chunks_exact(each).enumerate() {
        json.push_str(if index == 0 { "" } else { ", " });
        push_f32_list(&mut json, row);
    }
    json.push_str("\n    ]\n}");
    json
}

/// One tensor, a number a line.
pub(super) fn columns(outputs: &[f32], each: usize) -> String {
    let mut json = String::with_capacity(outputs.len() * 24 + 64);
    json.push_str("{\n    \"outputs\": [");
    for (index, row) in outputs.chunks_exact(each).enumerate() {
        json.push_str(if index == 0 { "\n        [" } else { ",\n        [" });
        for (index, &number) in row.iter().enumerate() {
            json.push_str(if index == 0 { "\n            " } else { ",\n            " });
            push_f32(&mut json, number);
        }
        json.push_str("\n        ]");
    }
    json.push_str("\n    ]\n}");
    json
}

/// A label and a score for each class of each example.
pub(super) fn classes(outputs: &[f32], each: usize) -> String {
    let mut json = "{\n    \"results\": [".to_string();
    for (index, row) in outputs.chunks_exact(each).enumerate() {
        json.push_str(if index == 0 { "[" } else { ", [" });
        for (class, &score) in row.iter().enumerate() {
            json.push_str(if class == 0 { "[" } else { ", [" });
            push_string(&mut json, &class.to_string());
            json.push_str(", ");
            push_f32(&mut json, score);
            json.push(']');
        }
        json.push(']');
    }
    json.push_str("\n    ]\n}");
    json
}

/// One number for each example.
pub(super) fn regressions(outputs: &[f32]) -> String {
    let mut json = "{\n    \"results\": ".to_string();
    push_f32_list(&mut json, outputs);
    json.push_str("\n}");
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_tensorflow_servings_to_the_byte() {
        let outputs = [0.1, 0.9, 0.25, f32::NAN];
        assert_eq!(rows(&outputs, 2), "{\n    \"predictions\": [[0.1, 0.9], [0.25, NaN]\n    ]\n}");
        assert_eq!(
            columns(&outputs, 2),
            "{\n    \"outputs\": [\n        [\n            0.1,\n            0.9\n        ],\n        [\n            \
             0.25,\n            NaN\n        ]\n    ]\n}"
        );
        assert_eq!(
            classes(&outputs, 2),
            "{\n    \"results\": [[[\"0\", 0.1], [\"1\", 0.9]], [[\"0\", 0.25], [\"1\", NaN]]\n    ]\n}"
        );
        assert_eq!(regressions(&[0.5, 3.0]), "{\n    \"results\": [0.5, 3.0]\n}");
    }
}
