//! Too little memory is an error that says what to do.
//!
//! libtorch's operations panic where they fail. Here the panics become errors, so that a kernel lives on; of too little
//! memory there is only the error to be seen, without the panic's own text.

use anyhow::{anyhow, Result};
use std::any::Any;
use std::cell::Cell;
use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe};
use std::sync::Once;

/// What libtorch, its libraries and C++ say when they get no memory. That an access to memory is illegal, as a GPU may
/// say, is something else.
const TOO_LITTLE: [&str; 5] =
    ["out of memory", "can't allocate memory", "Cannot allocate memory", "ALLOC_FAILED", "bad_alloc"];

thread_local! {
    /// Whether this thread is doing work that is guarded.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does the work of a training; where there is too little memory, the error says what to do about the batch size.
pub(crate) fn in_memory<T>(batch_size: i64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    guarded(
        "the training",
        || format!("there is not enough memory for a batch_size of {batch_size}; halve it"),
        work,
    )
}

/// Does the work called `what`. Where there is too little memory, the error is `advice`; other panics are errors too.
pub(crate) fn guarded<T>(
    what: &str,
    advice: impl FnOnce() -> String,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    silence_what_is_expected();
    let outside = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outside);
    result.unwrap_or_else(|panic| {
        let text = text_of(&*panic);
        Err(match is_too_little(text) {
            true => anyhow!("{}. ({})", advice(), reason(text)),
            false => anyhow!("{what} failed: {}", reason(text)),
        })
    })
}

/// Keeps the program's panic messages as they are, but for those that become an error about memory.
fn silence_what_is_expected() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !(GUARDED.get() && is_too_little(text_of(panic.payload()))) {
                before(panic);
            }
        }));
    });
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason is given")
}

fn is_too_little(text: &str) -> bool {
    TOO_LITTLE.iter().any(|words| text.contains(words))
}

/// The first line of a panic's text, without what tch puts around libtorch's own.
fn reason(text: &str) -> &str {
    let text = text.split_once("Torch(\"").map_or(text, |(_unwrap, of_libtorch)| of_libtorch);
    let line = text.lines().next().unwrap_or(text);
    line.split_once("\\n").map_or(line, |(line, _backtrace)| line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn too_little_memory_is_told_from_other_errors() {
        for (text, expected) in [
            (
                "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried",
                true,
            ),
            (
                "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB",
                true,
            ),
            ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", true),
            ("std::bad_alloc", true),
            ("CUDA error: an illegal memory access was encountered", false),
            ("could not create a memory object", false),
            ("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", false),
        ] {
            assert_eq!(is_too_little(text), expected, "{text}");
        }
    }

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn panics_in_a_process_of_its_own() {
        let failed =
            |work: fn() -> Tensor| guarded("x", || "y".to_string(), || Ok(work())).unwrap_err().to_string();
        let message = failed(|| Tensor::zeros([1 << 46], (Kind::Float, Device::Cpu)));
        assert!(message.starts_with("y. ([enforce fail") && !message.contains("\\n"), "{message}");
        let message = failed(|| Tensor::zeros([2], (Kind::Float, Device::Cpu)).reshape([3]));
        assert!(message.starts_with("x failed: shape '[3]' is invalid"), "{message}");
    }

    #[test]
    fn of_too_little_memory_only_the_error_is_seen() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "engine::memory::tests::panics_in_a_process_of_its_own",
            ])
            .output()
            .unwrap();
        let seen = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{seen}");
        assert!(seen.contains("is invalid") && !seen.contains("memory: "), "{seen}");
    }
}
