//! Types as a learner writes them.

use regex::Regex;
use std::sync::LazyLock;

/// Leaves out where a type is defined: `alloc::vec::Vec<f64>` is `Vec<f64>`.
pub fn short(of: &str) -> String {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:\b[A-Za-z_][A-Za-z0-9_]*)?::(?:[A-Za-z_][A-Za-z0-9_]*::)*").expect("a valid pattern")
    });
    let short = PATH.replace_all(of, "").replace(", Global>", ">").replace(", RandomState>", ">");
    short.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_without_their_places() {
        for (of, expected) in [
            ("alloc::vec::Vec<f64>", "Vec<f64>"),
            ("i32", "i32"),
            ("&'static str", "&'static str"),
            ("tch::wrappers::tensor::Tensor", "Tensor"),
            ("::std::collections::HashMap<String, alloc::vec::Vec<crate::P>>", "HashMap<String, Vec<P>>"),
            ("Vec<i32, std::alloc::Global>", "Vec<i32>"),
            (
                "Box<dyn core::ops::Fn(i32) -> core::option::Option<u8> + Send>",
                "Box<dyn Fn(i32) -> Option<u8> + Send>",
            ),
            ("[(i64, a::B); 3]", "[(i64, B); 3]"),
        ] {
            assert_eq!(short(of), expected);
        }
    }
}
