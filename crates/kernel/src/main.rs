//! A Jupyter kernel for Rust that has evcxr execute its cells and adds what notebooks miss: a warm start, displays that change
//! while a cell runs, an interrupt that keeps the variables, and order when it ends.
//!
//! It stands between Jupyter and evcxr. Towards Jupyter it is a whole kernel ([`client`], [`kernel`]); evcxr runs in a process
//! of its own, which is asked to execute one cell at a time ([`session`]). Its README says how to use it.

mod analysis;
mod answers;
mod cell;
mod client;
mod cloned;
mod commands;
mod comms;
mod compiling;
mod completion;
mod errors;
mod event;
mod folder;
mod guard;
mod history;
mod impls;
mod info;
mod inspection;
mod install;
mod is_complete;
mod kernel;
mod memory;
mod message;
mod names;
mod output;
mod places;
mod prepare;
mod prepared;
mod session;
mod settings;
mod shell;
mod sources;
mod statics;
mod streams;
mod variables;
mod warm_up;
mod warnings;
mod wire;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

use settings::Settings;

/// A Jupyter kernel for Rust: evcxr with a warm start, live displays and a safe interrupt.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one kernel; Jupyter calls this.
    Run {
        /// The file in which Jupyter says which sockets to open.
        connection_file: PathBuf,
        #[command(flatten)]
        settings: Settings,
        /// What some clients add, such as the file that `jupyter run` executes; it is not for the kernel.
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        others: Vec<String>,
    },
    /// Compiles the warm-up cell once, so that kernels start with it.
    Prepare {
        /// Only say, by the exit code, whether everything is prepared.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Writes a kernelspec, so that Jupyter lists this kernel.
    Install {
        /// Folder of the kernelspecs; the default is the user's own.
        #[arg(long)]
        kernels: Option<PathBuf>,
        /// Name of the kernelspec.
        #[arg(long, default_value = "rust-live")]
        name: String,
        /// NAME=VALUE for the environment of the kernel itself, whatever it had before.
        #[arg(long, value_name = "NAME=VALUE", value_parser = settings::assignment)]
        env: Vec<(String, String)>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Tidies up after a kernel, also after one that was killed; a kernel calls this.
    #[command(hide = true)]
    Guard { folder: PathBuf },
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a listing of this program's inner workings, which returning the error would show some users.
            eprintln!("live-kernel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Guard { folder } => guard::watch(&folder),
        Command::Install { kernels, name, env, settings } => install::install(kernels, &name, &env, settings),
        Command::Run { connection_file, settings, .. } => {
            let connection = client::read_connection_file(&connection_file)?;
            set_search_path(&settings)?;
            info::prepare();
            runtime()?.block_on(kernel::run(connection, settings))
        }
        Command::Prepare { check: true, settings } => {
            set_search_path(&settings)?;
            std::process::exit(i32::from(!prepare::is_prepared(&settings)?))
        }
        Command::Prepare { check: false, settings } => {
            set_search_path(&settings)?;
            runtime()?.block_on(prepare::prepare(settings))
        }
    }
}

/// Before there are threads: all that is started later finds the toolchain.
fn set_search_path(settings: &Settings) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        settings.search_path(&path).context("a folder's name on the PATH, or --toolchain, cannot be used")?;
    std::env::set_var("PATH", path);
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("the runtime could not be started")
}
