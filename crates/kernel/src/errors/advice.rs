//! One line of advice for errors that are only text: what functions return, and what panics say.

use regex::Regex;
use std::sync::LazyLock;

/// What an error's text looks like, and what to do. The first that fits is given.
const ADVICE: [(&str, &str); 8] = [
    ("No space left on device", "The disk is full: free some space, then run the cell again."),
    (
        r"shapes cannot be multiplied|size of tensor a|is invalid for input of size|shape mismatch|Expected \d+D|expected input.* to have|size mismatch|[Dd]imension out of range|must match the existing size|sizes of tensors must match",
        "The shapes do not fit together. Look at them with `.size()` before this line, and compare them with what the \
         operation wants.",
    ),
    (
        r"index out of bounds: the len is \d+|range end index \d+ out of range|range start index \d+ out of range",
        "Places in a list count from 0, so the last one is its length less 1; `.get(i)` gives an `Option` instead of a panic.",
    ),
    (
        "called `Option::unwrap\\(\\)` on a `None` value",
        "There was no value: treat that case as well, with `if let Some(value) = …`, or `.unwrap_or(…)`.",
    ),
    (
        "called `Result::unwrap\\(\\)` on an `Err` value",
        "What was called has failed. A `?` in the place of `.unwrap()` ends the cell with the error's own message.",
    ),
    (
        "attempt to (add|subtract|multiply|negate) with overflow|attempt to .* overflow",
        "The result does not fit into the type: an `i64` is larger, and a `usize` cannot be below 0; `.saturating_sub(…)` stops at 0.",
    ),
    ("attempt to divide by zero|attempt to calculate the remainder with a divisor of zero", "Look at the divisor before this line."),
    ("already borrowed|already mutably borrowed", "A value inside a `RefCell` is still in use elsewhere: let that use end first, for example by braces."),
];

/// The advice for an error with this text, if there is one.
pub fn advice(text: &str) -> Option<&'static str> {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        ADVICE.iter().map(|&(pattern, line)| (Regex::new(pattern).expect("a valid pattern"), line)).collect()
    });
    PATTERNS.iter().find(|(pattern, _)| pattern.is_match(text)).map(|&(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_of_beginners_get_their_advice() {
        for (error, word) in [
            ("cp: error writing 'a': No space left on device", "disk is full"),
            ("mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)", ".size()"),
            ("The size of tensor a (3) must match the size of tensor b (4)", ".size()"),
            ("index out of bounds: the len is 3 but the index is 3", "count from 0"),
            ("called `Option::unwrap()` on a `None` value", "no value"),
            ("called `Result::unwrap()` on an `Err` value: \"no\"", "`?`"),
            ("attempt to subtract with overflow", "below 0"),
            ("attempt to divide by zero", "divisor"),
        ] {
            let line = advice(error).unwrap_or("none");
            assert!(line.contains(word), "{error}: {line}");
        }
        assert_eq!(advice("No such file or directory"), None);
        assert_eq!(advice("cannot find value `x` in the table"), None);
    }
}
