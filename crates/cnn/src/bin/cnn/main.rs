//! The program `cnn`, which brings models from one format to another: `scripts/convert` builds and runs it.

mod arguments;
mod check;
mod convert;
mod write;

use arguments::{Request, HELP};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A conversion gains nothing from a GPU, and there are machines on which it is busy.
    std::env::set_var("CNN_DEVICE", "cpu");
    let request = match arguments::read(std::env::args_os().skip(1)) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("cnn: {error:#}\nSee cnn convert --help.");
            return ExitCode::from(2);
        }
    };
    let done = match request {
        Request::Help => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Request::Version => {
            println!("cnn {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Request::Convert(conversion) => convert::convert(&conversion),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cnn: {error:#}");
            ExitCode::FAILURE
        }
    }
}
