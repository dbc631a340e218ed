//! The kernelspec, by which Jupyter knows this kernel.

use anyhow::{ensure, Context, Result};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::settings::Settings;

/// Writes `NAME/kernel.json` in the folder of kernelspecs.
///
/// # Errors
/// If the name cannot be one, or the file cannot be written.
pub fn install(kernels: Option<PathBuf>, name: &str, settings: &Settings) -> Result<()> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    ensure!(is_name, "a kernelspec's name has letters, digits, '-', '_' and '.' only, not {name:?}");
    let kernels = match kernels {
        Some(folder) => folder,
        None => jupyter_zmq_client::user_data_dir()
            .context("the user's Jupyter folder was not found; name one with --kernels")?
            .join("kernels"),
    };
    let folder = kernels.join(name);
    let written = || format!("the kernelspec cannot be written to {}", folder.display());
    fs::create_dir_all(&folder).with_context(written)?;
    fs::write(folder.join("kernel.json"), serde_json::to_string_pretty(&kernelspec(name, settings)?)?)
        .with_context(written)?;
    println!("The kernelspec {name} is in {}.", folder.display());
    Ok(())
}

fn kernelspec(name: &str, settings: &Settings) -> Result<serde_json::Value> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let mut argv = vec![program.display().to_string(), "run".to_string(), "{connection_file}".to_string()];
    argv.extend(settings.arguments());
    let mut env = serde_json::Map::new();
    // rustup's stand-ins for cargo and rustc take 20 to 40 ms each time, and a start calls them twenty times.
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.context("rustc was not found; install Rust: https://rustup.rs")?.stdout;
    let bin = PathBuf::from(String::from_utf8_lossy(&sysroot).trim()).join("bin");
    if bin.join("cargo").is_file() {
        env.insert("PATH".to_string(), format!("{}:${{PATH}}", bin.display()).into());
    }
    Ok(json!({
        "argv": argv,
        "display_name": if name == "rust" { "Rust".to_string() } else { format!("Rust ({name})") },
        "language": "rust",
        "interrupt_mode": "message",
        "env": env,
    }))
}
