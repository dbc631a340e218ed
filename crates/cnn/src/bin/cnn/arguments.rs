//! What is asked for on the command line.

use cnn::anyhow::{anyhow, bail, ensure, Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `scripts/convert` shows it, too.
pub const HELP: &str = include_str!("help.txt");

/// What is to be done.
#[derive(Debug)]
pub enum Request {
    Help,
    Version,
    Convert(Conversion),
}

/// From which file to which, and how.
#[derive(Debug, Default)]
pub struct Conversion {
    pub from: PathBuf,
    pub to: PathBuf,
    pub check: bool,
    pub python: Option<PathBuf>,
    pub channels_last: bool,
    pub pytorch: bool,
}

/// Reads the words after the program's name.
pub fn read(words: impl Iterator<Item = OsString>) -> Result<Request> {
    let mut words = words;
    match words.next().as_ref().map(|word| word.to_str()) {
        None => bail!("there is nothing to do: cnn convert FROM TO"),
        Some(Some("-h" | "--help" | "help")) => return Ok(Request::Help),
        Some(Some("--version")) => return Ok(Request::Version),
        Some(Some("convert")) => {}
        Some(other) => bail!("there is no command {:?}; there is convert", other.unwrap_or("?")),
    }
    let mut conversion = Conversion::default();
    let mut files = Vec::new();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("-h" | "--help") => return Ok(Request::Help),
            Some("--version") => return Ok(Request::Version),
            Some("--check") => conversion.check = true,
            Some("--channels-last") => conversion.channels_last = true,
            Some("--pytorch") => conversion.pytorch = true,
            Some("--python") => {
                conversion.python = Some(words.next().context("--python needs a path")?.into())
            }
            Some(option) if option.starts_with('-') => {
                bail!("there is no option {option}; a file of that name is written ./{option}")
            }
            _ => files.push(PathBuf::from(word)),
        }
    }
    let [from, to]: [PathBuf; 2] = files.try_into().map_err(|files: Vec<PathBuf>| {
        anyhow!("two files are needed, FROM and TO, and {} were given", files.len())
    })?;
    let fitting = Conversion { from, to, ..conversion };
    fits(&fitting)?;
    Ok(Request::Convert(fitting))
}

/// Says which options do not go together.
fn fits(Conversion { to, check, python, channels_last, pytorch, .. }: &Conversion) -> Result<()> {
    let name = to.display();
    ensure!(
        !channels_last || has_ending(to, ".onnx"),
        "--channels-last is for ONNX, and {name} does not end with .onnx"
    );
    ensure!(
        !pytorch || has_ending(to, ".safetensors"),
        "--pytorch writes a .safetensors file, which PyTorch reads with the package safetensors; {name} has another name"
    );
    let pickle = has_ending(to, ".pt") || has_ending(to, ".pth");
    ensure!(
        !pickle,
        "{name} would be a pickle, which only Python should write; for PyTorch use {} --pytorch",
        to.with_extension("safetensors").display()
    );
    ensure!(python.is_none() || *check, "--python is the Python for --check, which is not asked for");
    Ok(())
}

/// Whether the name ends so, in small letters or large ones.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().ends_with(ending))
}
