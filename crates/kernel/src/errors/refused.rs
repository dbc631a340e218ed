//! Cells that evcxr itself refuses, because it cannot keep one of their variables for later cells.

use jupyter_protocol::messaging::ErrorOutput;

use super::error;
use super::mistake::pattern;

/// What evcxr says of a cell that it does not execute, with the way out in the learner's words.
pub fn refused(message: &str) -> ErrorOutput {
    let message = message.trim();
    let name = message.split('`').nth(1).unwrap_or("x");
    let (short, advice) = if message.contains("is a closure, which cannot be persisted") {
        (
            format!("the variable `{name}` is a closure, which cannot be kept for later cells"),
            format!(
                "Write a function, `fn {name}(x: f64) -> f64 {{ … }}`, or put the closure into a box: `let {name}: Box<dyn Fn(f64) -> f64> = \
                 Box::new(…);`."
            ),
        )
    } else if message.contains("which cannot be persisted") {
        let of_type = message.split('`').nth(3).unwrap_or("_");
        (
            format!("the variable `{name}` cannot be kept for later cells: its type is `{of_type}`"),
            "Collect what it would yield, as by `.collect::<Vec<_>>()`, or put braces `{ … }` around the code that needs it.".to_string(),
        )
    } else if message.contains("automatically determine type") {
        (
            format!("the type of the variable `{name}` cannot be found out"),
            format!("Give the variable its type, for example `let {name}: Vec<f64> = …`."),
        )
    } else if pattern!("missing a semicolon").is_match(message) {
        ("a `;` is missing".to_string(), "Each statement but the last value ends with `;`.".to_string())
    } else {
        return error("Error", message, &[]);
    };
    let mut refusal = error("CompileError", &short, &[]);
    refusal.traceback.retain(|line| !line.starts_with("→ "));
    refusal.traceback.push(format!("→ {advice}"));
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::plain;

    #[test]
    fn refusals_say_the_way_out() {
        let closure = "The variable `f` is a closure, which cannot be persisted.\nYou can however persist closures if you box them. e.g.:\n…";
        let shown = plain(&refused(closure));
        assert!(
            shown.contains("`f` is a closure") && shown.contains("\n→ Write a function, `fn f(x: f64)"),
            "{shown}"
        );
        let unknown =
            "Couldn't automatically determine type of variable `v`.\nPlease give it an explicit type.";
        assert!(plain(&refused(unknown)).contains("`let v: Vec<f64> = …`"));
        let opaque = "The variable `i` has type `impl Iterator` which cannot be persisted.\nYou might";
        assert!(plain(&refused(opaque)).contains("its type is `impl Iterator`\n→ Collect"));
        assert_eq!(plain(&refused("something else")), "Error: something else");
    }
}
