//! One line of advice for the errors that beginners meet most.

use regex::Regex;
use std::sync::LazyLock;

/// What an error's text looks like, and what to do. The first that fits is given.
const ADVICE: [(&str, &str); 10] = [
    ("No space left on device", "The disk is full: free some space, then run the cell again."),
    (
        r"(use|borrow) of (partially )?moved value|value (used|borrowed) here after move|cannot move out of",
        "The value was given away earlier. Pass a reference there (`&x` instead of `x`), or a copy (`x.clone()`, for a \
         tensor `x.shallow_clone()`), and run that cell again.",
    ),
    (
        r"(?s)mismatched types.*found (enum )?`(std::result::|core::result::)?Result<|no (method|field) (named )?.*(on type|for enum|for type) `(std::result::|core::result::)?Result<|cannot (add|subtract|multiply|divide|index into)[^\n]*`?Result<",
        "The value is still inside a `Result`. Put a `?` behind the call that returns it: that takes the value out, or \
         ends the cell with the error.",
    ),
    (
        r"(?s)mismatched types.*(expected|found) `(i8|i16|i32|i64|u8|u16|u32|u64|usize|isize)`|cannot (add|subtract|multiply|divide) `[iu](8|16|32|64|size)` (to|from|by)|can't compare `[iu](8|16|32|64|size)`",
        "Rust does not convert between number types by itself. Write `as` and the wanted type behind the value, for \
         example `x as i64` (sizes of tensors are `i64`, lengths of vectors `usize`).",
    ),
    (
        r"(?s)mismatched types.*(expected|found) (floating-point number|`f32`|`f64`|\{float\})|cannot (add|subtract|multiply|divide) `(f32|f64|\{float\}|\{integer\})`",
        "Whole numbers and numbers with a point are different types. Write `2.0` instead of `2`, or convert with \
         `x as f64`.",
    ),
    (
        r"contains a reference with a non-static lifetime|does not live long enough|borrowed value|lifetime may not live long enough",
        "A variable that later cells use cannot borrow from another one. Keep the value itself (`.clone()`, `.to_vec()`, \
         `.to_string()`), or put braces `{ … }` around the code that needs the reference.",
    ),
    (
        r"shapes cannot be multiplied|size of tensor a|is invalid for input of size|shape mismatch|Expected \d+D|expected input.* to have|size mismatch|[Dd]imension out of range",
        "The shapes do not fit together. Look at them with `.size()` before this line, and compare them with what the \
         operation wants.",
    ),
    (
        r"cannot find (value|function|type|macro|struct|module)",
        "Is the name spelt right, and was the cell that defines it run, without an error? Definitions of cells that failed \
         are not kept.",
    ),
    (
        r"cannot borrow `[^`]*` as mutable|cannot assign twice to immutable variable|cannot assign to",
        "A variable that changes has to be declared with `let mut`; run the cell that declares it again.",
    ),
    (
        r"Couldn't automatically determine type of variable|type annotations needed",
        "Give the variable its type: `let x: Vec<f64> = …`.",
    ),
];

/// The advice for a compiler's message that says enough by itself.
pub fn of_message(message: &str) -> Option<String> {
    message.contains("No space left on device").then(|| advice(message)).flatten().map(String::from)
}

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
            ("borrow of moved value: `x`", "given away"),
            ("use of moved value: `x`", "given away"),
            ("mismatched types\nexpected `Tensor`, found `Result<Tensor, Error>`", "`?`"),
            ("no method named `size` found for enum `Result<T, E>` in the current scope", "`?`"),
            ("mismatched types\nexpected `i64`, found `usize`", "as i64"),
            ("cannot add `i64` to `usize`", "as i64"),
            ("mismatched types\nexpected `f64`, found integer `f64`", "2.0"),
            ("cannot multiply `{integer}` by `{float}`", "2.0"),
            ("The variable `a` contains a reference with a non-static lifetime so", "borrow"),
            ("mat1 and mat2 shapes cannot be multiplied (1x2 and 3x4)", ".size()"),
            ("cannot find value `modle` in this scope", "spelt"),
            ("cannot borrow `model` as mutable, as it is not declared as mutable", "let mut"),
        ] {
            let line = advice(error).unwrap_or("none");
            assert!(line.contains(word), "{error}: {line}");
        }
        assert_eq!(advice("No such file or directory"), None);
    }
}
