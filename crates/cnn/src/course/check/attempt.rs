//! Calling what a learner has written, whatever it does.

use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe};

/// Why an exercise has not passed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding {
    /// The `todo!` is still there.
    NotAttempted,
    /// What is wrong, in the learner's terms.
    NotYet(String),
}

/// What a check ends with.
pub(super) type Verdict = Result<(), Finding>;

impl<E: Into<anyhow::Error>> From<E> for Finding {
    fn from(error: E) -> Finding {
        let told = format!("{:#}", error.into());
        // What follows is for those who work on libtorch.
        let told = told.split("\nException raised from ").next().unwrap_or_default();
        Finding::NotYet(format!("it returned the error: {told}"))
    }
}

/// `Ok` if it holds, else what is wrong.
pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    match holds {
        true => Ok(()),
        false => Err(Finding::NotYet(otherwise())),
    }
}

/// The value of a call to a learner's function. A panic is a finding, and prints nothing.
pub(super) fn attempt<T>(call: impl FnOnce() -> T) -> Result<T, Finding> {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(call));
    set_hook(hook);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
        match text.starts_with("not yet implemented") {
            true => Finding::NotAttempted,
            false => Finding::NotYet(format!("it panicked: {}", reason(text))),
        }
    })
}

/// The first line of what a panic says; of libtorch's, which tch unwraps, the line itself.
fn reason(text: &str) -> String {
    match text.split_once("Torch(\"") {
        Some((_, quoted)) => quoted.split("\\n").next().unwrap_or_default().replace("\\\"", "\""),
        None => text.lines().next().unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_todo_is_no_attempt_and_a_panic_is_one() {
        assert_eq!(attempt(|| 3), Ok(3));
        assert_eq!(attempt(|| -> i64 { todo!() }), Err(Finding::NotAttempted));
        assert_eq!(attempt(|| -> i64 { todo!("the {}", "sum") }), Err(Finding::NotAttempted));
        let empty: Vec<i64> = Vec::new();
        let Err(Finding::NotYet(why)) = attempt(|| empty[0]) else { panic!("no finding") };
        assert!(why.starts_with("it panicked: index out of bounds"), "{why}");
    }

    #[test]
    fn libtorch_is_told_in_a_line() {
        let flags = tch::Tensor::from_slice(&[true, false]);
        let panicked = attempt(|| flags.argmax(0, false));
        let why = "it panicked: argmax(): does not support bool input";
        assert_eq!(panicked.err(), Some(Finding::NotYet(why.into())));
        let returned = Finding::from(flags.f_argmax(0, false).unwrap_err());
        let Finding::NotYet(why) = returned else { panic!("no finding") };
        assert!(why.ends_with("argmax(): does not support bool input"), "{why}");
    }
}
