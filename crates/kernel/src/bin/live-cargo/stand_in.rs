//! A library in the place of a compiled cell, for those who want cells compiled and not executed: its functions do nothing.
//! A set-up fills the cache so, without data and without a training.

use anyhow::{ensure, Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::programs;

/// No notebook has more cells.
const CELLS: usize = 1000;

/// Puts the stand-in in the place of a cell.
///
/// # Errors
/// If it cannot be compiled or written.
pub fn put(cell: &Path, build: &Path) -> Result<()> {
    let folder = build.join(".live-cargo");
    let library = folder.join("stand-in.so");
    if !library.is_file() {
        let source = folder.join("stand-in.rs");
        fs::write(&source, functions()).context("the build folder cannot be written")?;
        let mut compiler = Command::new(programs::variable("RUSTC").context("RUSTC is not set")?);
        compiler.args(["--edition=2024", "--crate-type=cdylib", "--crate-name=stand_in", "-Cpanic=abort"]);
        let status = compiler.arg("-o").arg(&library).arg(&source).stdin(Stdio::null()).status()?;
        ensure!(status.success(), "the library that stands in for cells cannot be compiled");
    }
    let _ = fs::remove_file(cell);
    fs::copy(&library, cell).context("the cell cannot be written")?;
    Ok(())
}

fn functions() -> String {
    let mut text =
        String::from("#![no_std]\n#[panic_handler] fn p(_: &core::panic::PanicInfo) -> ! { loop {} }\n");
    for number in 0..CELLS {
        let name = format!("run_user_code_{number}");
        let _ =
            writeln!(text, "#[unsafe(no_mangle)] pub extern \"C\" fn {name}(x: *mut u8) -> *mut u8 {{ x }}");
    }
    text
}
