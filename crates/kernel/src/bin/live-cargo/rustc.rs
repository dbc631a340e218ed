//! The compiler, called as cargo would call it: cargo is asked once, and what it did is kept beside the build.
//!
//! That spares cargo's own time, and gives each cell the same name for the compiler wherever it is built, so that the types
//! which a cell defines are the same in all others, and libraries work in every kernel's folder.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::identity::{file_identity, FileIdentity};

/// Where what cargo did is written, for the program that stands between cargo and rustc.
pub const RECORD: &str = "LIVE_CARGO_RECORD";
/// In the place of a build folder in what is kept, since each kernel has its own.
use crate::whole;

const BUILD: &str = "{build folder}";
/// Where cargo keeps what it has downloaded: nobody changes that.
const DOWNLOADED: [&str; 2] = ["/registry/src/", "/git/checkouts/"];
const RERUN_IF_ENV: [&str; 2] = ["cargo:rerun-if-env-changed=", "cargo::rerun-if-env-changed="];

/// A call of rustc, and what must be unchanged for it to be right.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct Call {
    pub arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    /// The sources of dependencies that may change.
    #[serde(default)]
    sources: BTreeMap<String, Option<FileIdentity>>,
    /// The variables that build scripts look at.
    #[serde(default)]
    variables: BTreeMap<String, Option<String>>,
}

/// What a compiler says and makes.
pub struct Outcome {
    /// Its exit code; none if it was ended by a signal.
    pub code: Option<i32>,
    pub stderr: String,
}

impl Call {
    /// Reads a call that was kept for this build folder, if it still holds.
    pub fn read(path: &Path, build: &Path) -> Option<Call> {
        let text = fs::read_to_string(path).ok()?;
        let mut value: Value = serde_json::from_str(&text).ok()?;
        replace(&mut value, BUILD, build.to_str()?);
        let call: Call = serde_json::from_value(value).ok()?;
        call.is_current().then_some(call)
    }

    fn is_current(&self) -> bool {
        let is_same =
            |(path, kept): (&String, &Option<FileIdentity>)| file_identity(Path::new(path)) == *kept;
        let is_set = |(name, kept): (&String, &Option<String>)| std::env::var(name).ok() == *kept;
        self.externs().all(|path| path.is_file())
            && self.sources.iter().all(is_same)
            && self.variables.iter().all(is_set)
    }

    /// Reads what the program between cargo and rustc has noted, adds what it depends on, and keeps it.
    pub fn learn(noted: &Path, kept: &Path, build: &Path) -> Option<Call> {
        let mut call: Call = serde_json::from_slice(&fs::read(noted).ok()?).ok()?;
        let _ = fs::remove_file(noted);
        let own: BTreeMap<String, String> = std::env::vars().collect();
        call.environment.retain(|name, value| own.get(name) != Some(value) && is_lasting(name));
        // Libraries of Rust that are linked when the cell is loaded are cargo's to find.
        if call
            .externs()
            .any(|path| path.extension().is_some_and(|ending| ending == "so" || ending == "dylib"))
        {
            return None;
        }
        for folder in call.dependency_folders() {
            for path in files_that_end_with(&folder, ".d") {
                call.sources.extend(sources_in(&path, build));
            }
            let scripts = folder.parent().unwrap_or(&folder).join("build");
            for entry in fs::read_dir(scripts).into_iter().flatten().flatten() {
                let said = fs::read_to_string(entry.path().join("output")).unwrap_or_default();
                let names = said
                    .lines()
                    .filter_map(|line| RERUN_IF_ENV.iter().find_map(|start| line.strip_prefix(start)));
                call.variables.extend(names.map(|name| (name.to_string(), std::env::var(name).ok())));
            }
        }
        let mut value = serde_json::to_value(&call).ok()?;
        replace(&mut value, build.to_str()?, BUILD);
        whole::write(kept, value.to_string()).is_ok().then_some(call)
    }

    fn values_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let pairs = self.arguments.windows(2).filter(move |pair| pair[0] == name);
        pairs.map(|pair| pair[1].as_str())
    }

    fn externs(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.values_of("--extern").filter_map(|value| Some(PathBuf::from(value.split_once('=')?.1)))
    }

    /// Where the libraries lie that the cell is linked with.
    pub fn dependency_folders(&self) -> Vec<PathBuf> {
        self.values_of("-L")
            .filter_map(|value| value.strip_prefix("dependency="))
            .map(PathBuf::from)
            .collect()
    }

    /// Where the compiled cell is put.
    pub fn library(&self) -> Option<PathBuf> {
        let folder = PathBuf::from(self.values_of("--out-dir").next()?);
        Some(folder.join(format!("{}ctx{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)))
    }

    /// Compiles the cell, or only checks it.
    pub fn execute(&self, compiler: &Path, build: &Path, only_check: bool) -> Result<Outcome> {
        let mut arguments = self.arguments.clone();
        if only_check {
            let folder = build.join(".live-cargo/check");
            fs::create_dir_all(&folder)?;
            arguments = checking(arguments, &folder);
        } else if let Some(library) = self.library() {
            // The last one may be a second name of a file that is in use.
            let _ = fs::remove_file(library);
        }
        let mut command = Command::new(compiler);
        command
            .args(arguments)
            .envs(&self.environment)
            .current_dir(build)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let output =
            command.output().with_context(|| format!("{} could not be started", compiler.display()))?;
        Ok(Outcome {
            code: output.status.code(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The files and variables that the compiler says it has looked at, or nothing if it did not say.
    pub fn looked_at(&self, build: &Path, only_check: bool) -> Option<String> {
        let folder = match only_check {
            true => build.join(".live-cargo/check"),
            false => self.library()?.parent()?.to_path_buf(),
        };
        fs::read_to_string(folder.join("ctx.d")).ok()
    }
}

/// Variables that only hold while cargo runs.
fn is_lasting(name: &str) -> bool {
    ![
        "CARGO_MAKEFLAGS",
        "MAKEFLAGS",
        "MFLAGS",
        "RUSTC_WRAPPER",
        RECORD,
        "PATH",
        "_",
        "PWD",
        "OLDPWD",
        "SHLVL",
    ]
    .contains(&name)
}

fn checking(arguments: Vec<String>, folder: &Path) -> Vec<String> {
    let mut changed: Vec<String> = Vec::new();
    for argument in arguments {
        match changed.last().map(String::as_str) {
            Some("--out-dir") => changed.push(folder.display().to_string()),
            Some("-C") if argument.starts_with("incremental=") => drop(changed.pop()),
            _ if argument.starts_with("--emit=") => changed.push("--emit=dep-info,metadata".to_string()),
            _ => changed.push(argument),
        }
    }
    changed
}

/// The program between cargo and rustc: calls rustc, for a cell as all cells are compiled, and notes how.
pub fn between_cargo_and_rustc(noted: OsString, mut arguments: Vec<String>) -> Result<i32> {
    let rustc = arguments.remove(0);
    let is_cell = arguments.windows(2).any(|pair| pair == ["--crate-name", "ctx"]);
    if is_cell {
        arguments = as_in_all_kernels(arguments, std::env::var("EVCXR_CORE_EXTERN").ok());
        let call = Call {
            arguments: arguments.clone(),
            environment: std::env::vars().collect(),
            sources: BTreeMap::new(),
            variables: BTreeMap::new(),
        };
        fs::write(noted, serde_json::to_vec(&call)?)?;
    }
    Err(Command::new(rustc).args(arguments).exec()).context("rustc could not be started")
}

/// Cargo names a crate, and the way to the standard library, after the folder that it is in.
fn as_in_all_kernels(arguments: Vec<String>, core_extern: Option<String>) -> Vec<String> {
    let standard = core_extern.as_deref().and_then(|text| Path::new(text.strip_prefix("core=")?).parent());
    let beside = if cfg!(target_os = "macos") { "@loader_path" } else { "$ORIGIN" };
    let mut changed: Vec<String> = Vec::new();
    for argument in arguments {
        let of_codegen = changed.last().is_some_and(|last| last == "-C");
        match (argument.as_str(), standard) {
            ("rpath", Some(standard)) if of_codegen => {
                changed.push(format!("link-arg=-Wl,-rpath,{beside}"));
                changed.extend(["-C".to_string(), format!("link-arg=-Wl,-rpath,{}", standard.display())]);
            }
            (text, _) if of_codegen && text.starts_with("metadata=") => {
                changed.push("metadata=cells".to_string())
            }
            (text, _) if text.starts_with("--json=") => {
                changed.push("--json=artifacts,future-incompat".to_string())
            }
            _ => changed.push(argument),
        }
    }
    changed
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => *text = text.replace(from, to),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, from, to)),
        _ => {}
    }
}

fn files_that_end_with(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

/// The sources that a library was made from, as far as somebody may change them, and the Cargo.toml beside them.
fn sources_in(dependencies: &Path, build: &Path) -> BTreeMap<String, Option<FileIdentity>> {
    let text = fs::read_to_string(dependencies).unwrap_or_default();
    let mut sources = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.split_once(": ")) {
        for path in line.1.replace("\\ ", "\0").split(' ').map(|path| PathBuf::from(path.replace('\0', " ")))
        {
            let is_downloaded = DOWNLOADED.iter().any(|part| path.to_string_lossy().contains(part));
            if path.is_absolute() && !path.starts_with(build) && !is_downloaded {
                let manifests = path.ancestors().skip(1).map(|folder| folder.join("Cargo.toml"));
                sources.extend(manifests.take(4).find(|manifest| manifest.is_file()));
                sources.insert(path);
            }
        }
    }
    sources.iter().filter_map(|path| Some((path.to_str()?.to_string(), file_identity(path)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[String]) -> Call {
        let (environment, sources, variables) = Default::default();
        Call { arguments: arguments.to_vec(), environment, sources, variables }
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_string).collect()
    }

    #[test]
    fn a_cell_is_called_the_same_in_all_kernels_and_finds_the_standard_library() {
        let arguments = words("--crate-name ctx --json=diagnostic-rendered-ansi,artifacts -C metadata=0123 -C rpath -C opt-level=2");
        let changed = as_in_all_kernels(arguments, Some("core=/tools/lib/libstd-1.so".into())).join(" ");
        assert!(changed.starts_with(
            "--crate-name ctx --json=artifacts,future-incompat -C metadata=cells -C link-arg=-Wl,-rpath,"
        ));
        assert!(changed.ends_with("-C link-arg=-Wl,-rpath,/tools/lib -C opt-level=2"), "{changed}");
    }

    #[test]
    fn a_check_makes_metadata_at_a_place_of_its_own() {
        let arguments = words("--emit=dep-info,link --out-dir /deps -C incremental=/i -C opt-level=2");
        assert_eq!(
            checking(arguments, Path::new("/c")),
            words("--emit=dep-info,metadata --out-dir /c -C opt-level=2")
        );
    }

    #[test]
    fn a_call_is_kept_for_other_folders_until_a_source_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for build in ["first", "second"] {
            fs::create_dir_all(path(build).join("deps")).unwrap();
            fs::write(path(build).join("deps/liba.rlib"), "").unwrap();
        }
        fs::create_dir_all(path("a/src")).unwrap();
        fs::write(path("a/src/lib.rs"), "1").unwrap();
        fs::write(path("a/Cargo.toml"), "").unwrap();
        let source = path("a/src/lib.rs").display().to_string();
        let downloaded = "/home/x/.cargo/registry/src/index/b-1/src/lib.rs";
        fs::write(path("first/deps/a.d"), format!("a.rlib: {source} {downloaded} src/lib.rs\n\n{source}:\n"))
            .unwrap();
        let deps = path("first/deps").display().to_string();
        let noted =
            call(&words(&format!("-L dependency={deps} --extern a={deps}/liba.rlib --out-dir {deps}")));
        fs::write(path("noted"), serde_json::to_vec(&noted).unwrap()).unwrap();

        let kept = path("kept.json");
        let learned = Call::learn(&path("noted"), &kept, &path("first")).unwrap();
        let files: Vec<&String> = learned.sources.keys().collect();
        assert_eq!(files, [&path("a/Cargo.toml").display().to_string(), &source]);
        let read = Call::read(&kept, &path("second")).unwrap();
        assert_eq!(
            read.library(),
            Some(path("second/deps/libctx.so")).filter(|_| cfg!(target_os = "linux")).or(read.library())
        );
        assert_eq!(read.dependency_folders(), [path("second/deps")]);
        assert_eq!(Call::read(&kept, &path("third")), None, "its libraries are not there");
        fs::write(&source, "22").unwrap();
        assert_eq!(Call::read(&kept, &path("second")), None, "the dependency has changed");
    }

    #[test]
    fn a_cell_that_is_linked_with_rusts_dynamic_libraries_is_left_to_cargo() {
        let folder = tempfile::tempdir().unwrap();
        let noted = folder.path().join("noted");
        fs::write(&noted, serde_json::to_vec(&call(&words("--extern a=/deps/liba.so"))).unwrap()).unwrap();
        assert_eq!(Call::learn(&noted, &folder.path().join("kept.json"), folder.path()), None);
    }
}
