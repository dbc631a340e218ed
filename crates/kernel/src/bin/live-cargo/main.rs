//! What evcxr finds as `cargo` and `rustup` in a kernel: answers from what was compiled before, and otherwise does the same
//! with less. Every other command goes on to the real program.

mod analyzed;
mod cache;
#[path = "../../cargo_variables.rs"]
mod cargo_variables;
mod cell;
#[allow(dead_code)] // the kernel has use for the rest
#[path = "../../cloned.rs"]
mod cloned;
mod identity;
mod items;
mod lock;
mod messages;
mod new_dependency;
mod programs;
mod rustc;
mod source;
mod stand_in;
mod whole;

use anyhow::Result;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    match answer(Path::new(&name), arguments) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(101)),
        Err(error) => {
            eprintln!("live-cargo: {error:#}");
            ExitCode::from(101)
        }
    }
}

fn answer(name: &Path, arguments: Vec<OsString>) -> Result<i32> {
    let texts: Option<Vec<String>> =
        arguments.iter().map(|argument| argument.to_str().map(str::to_string)).collect();
    cargo_variables::restore();
    if let (true, Some(texts)) = (analyzed::is_asked(name), &texts) {
        return analyzed::answer(texts);
    }
    if name.file_name().is_some_and(|name| name == "rustup") {
        return programs::rustup(&arguments);
    }
    let Some(texts) = texts else { return programs::go_on("cargo", &arguments) };
    if let Some(noted) = std::env::var_os(rustc::RECORD) {
        return rustc::between_cargo_and_rustc(noted, texts);
    }
    let command = texts.iter().find(|argument| !argument.starts_with('-')).map(String::as_str);
    match (programs::is_in_build_folder(), command) {
        (true, Some("build" | "check")) => cell::answer(&texts),
        (true, Some("metadata")) => new_dependency::answer(&texts),
        _ => programs::go_on("cargo", &arguments),
    }
}
