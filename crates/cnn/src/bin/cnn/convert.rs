//! The conversion itself, and what it says of itself.

use cnn::anyhow::{ensure, Result};
use cnn::Sequential;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::arguments::Conversion;
use super::check::{self, Checked};
use super::write::{left_behind, write};

/// Outputs that differ by no more are the same; what is left is the order of additions. Of large outputs it is a share.
const CLOSE: f64 = 1e-5;
const NOT_COMPARED: u8 = 3;

/// Converts; the outputs are compared before an earlier file of that name is replaced.
pub fn convert(conversion: &Conversion) -> Result<ExitCode> {
    let Conversion { from, to, .. } = conversion;
    ensure!(
        !is_same_file(from, to),
        "{} is both what to read and what to write; give what is written another name",
        from.display()
    );
    let model = Sequential::load(from)?;
    eprintln!("{}: {model:?}", from.display());
    let mut code = ExitCode::SUCCESS;
    if conversion.check {
        match check::check(conversion, &model)? {
            Checked::Difference { largest, output } => {
                eprintln!(
                    "compared: for 100 random images the outputs, up to {output:.3}, differ by {largest:.1e} at most"
                );
                ensure!(
                    largest <= CLOSE * output.max(1.0),
                    "{} was not written: the outputs must not differ by more than {CLOSE:e}. Without --check it is written \
                     all the same; please report this, with the model, as a fault of the course",
                    to.display()
                );
            }
            Checked::NotCompared(why) => {
                eprintln!("not compared: {why}");
                code = ExitCode::from(NOT_COMPARED);
            }
        }
    }
    let python = write(&model, conversion, to)?;
    eprintln!("{}: written, {} KB", to.display(), std::fs::metadata(to)?.len().div_ceil(1000));
    for line in left_behind(&model, conversion) {
        eprintln!("not in it: {line}");
    }
    // Who reads it may have enough before its end.
    let _ = std::io::stdout().write_all(python.as_bytes());
    Ok(code)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
