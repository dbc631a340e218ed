//! The kernelspec, by which Jupyter knows this kernel.

use anyhow::{ensure, Context, Result};
use serde_json::{json, Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::info::PROTOCOL;
use crate::settings::Settings;

/// What launchers show, drawn for this kernel: the pictures are made from the SVG.
const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-svg.svg", include_bytes!("../assets/logo-svg.svg")),
    ("logo-64x64.png", include_bytes!("../assets/logo-64x64.png")),
    ("logo-32x32.png", include_bytes!("../assets/logo-32x32.png")),
];

/// Writes `NAME/kernel.json` and the logos in the folder of kernelspecs; `environment` is what the kernel finds in its own.
///
/// # Errors
/// If the name cannot be one, or a file cannot be written.
pub fn install(
    kernels: Option<PathBuf>,
    name: &str,
    environment: &[(String, String)],
    settings: Settings,
) -> Result<()> {
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
    let settings = Settings { toolchain: Some(settings.toolchain.map_or_else(toolchain, Ok)?), ..settings };
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let spec = serde_json::to_string_pretty(&kernelspec(&program, name, environment, &settings))?;
    for (name, content) in [("kernel.json", format!("{spec}\n").as_bytes())].into_iter().chain(LOGOS) {
        replace(&folder.join(name), content).with_context(written)?;
    }
    println!("The kernelspec {name} is in {}.", folder.display());
    Ok(())
}

/// Jupyter's server may be reading it: there is always a whole one.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let fresh = path.with_extension("new");
    fs::write(&fresh, content)?;
    Ok(fs::rename(fresh, path)?)
}

/// Where the real cargo and rustc are: rustup's stand-ins for them take 20 to 40 ms each time, and a start calls them twenty
/// times.
fn toolchain() -> Result<PathBuf> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.context("rustc was not found; install Rust: https://rustup.rs")?.stdout;
    Ok(PathBuf::from(String::from_utf8_lossy(&sysroot).trim()).join("bin"))
}

/// Source: "Kernel specs" in jupyter_client's documentation; the protocol's version: Jupyter enhancement proposal 105. Some
/// clients take `env` literally, so nothing in it, such as `${PATH}`, needs to be expanded.
fn kernelspec(program: &Path, name: &str, environment: &[(String, String)], settings: &Settings) -> Value {
    let mut argv = vec![program.display().to_string(), "run".to_string(), "{connection_file}".to_string()];
    argv.extend(settings.arguments());
    let env: Map<String, Value> =
        environment.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "argv": argv,
        "display_name": if name == "rust" { "Rust".to_string() } else { format!("Rust ({name})") },
        "language": "rust",
        "interrupt_mode": "message",
        "kernel_protocol_version": PROTOCOL,
        "env": env,
        "metadata": {"debugger": false},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn the_kernelspec_says_all_that_a_client_needs() {
        let kernels = tempfile::tempdir().unwrap();
        let settings = Words::parse_from(["install", "--toolchain", "/rust/bin"]).settings;
        let environment = [("LIBTORCH".to_string(), "/a b".to_string())];
        install(Some(kernels.path().into()), "rust", &environment, settings).unwrap();
        let read = |name: &str| fs::read(kernels.path().join("rust").join(name)).unwrap();
        let spec: Value = serde_json::from_slice(&read("kernel.json")).unwrap();
        let argv: Vec<&str> = spec["argv"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(argv[1..3], ["run", "{connection_file}"]);
        assert!(argv.windows(2).any(|words| words == ["--toolchain", "/rust/bin"]), "{argv:?}");
        assert_eq!((&spec["language"], &spec["display_name"]), (&json!("rust"), &json!("Rust")));
        assert_eq!(
            (&spec["kernel_protocol_version"], &spec["env"]),
            (&json!("5.5"), &json!({"LIBTORCH": "/a b"}))
        );
        assert!(read("logo-64x64.png").starts_with(b"\x89PNG") && read("logo-svg.svg").starts_with(b"<svg"));
        assert!(install(Some(kernels.path().into()), "a/b", &[], Words::parse_from(["install"]).settings)
            .is_err());
    }
}
