//! What a compiled cell depends on, in one name.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::rustc::Call;

/// Changes when cells are compiled or kept in another way.
const VERSION: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));
/// Variables that say to cargo, rustc and the linker how to compile.
const STARTS: [&str; 3] = ["CARGO_", "RUST", "MOLD"];
const NAMES: [&str; 9] = [
    "LIBRARY_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "SDKROOT",
    "MACOSX_DEPLOYMENT_TARGET",
    "LD_PRELOAD",
    "SOURCE_DATE_EPOCH",
    "CC",
    "LDFLAGS",
];
/// Of these, some say nothing about it.
const NOT: [&str; 8] = [
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUST_LOG",
    "RUST_SRC_PATH",
    "RUST_MIN_STACK",
    "CARGO_TERM_COLOR",
    "CARGO_MAKEFLAGS",
    "RUSTUP_AUTO_INSTALL",
];

/// A file's size, and its time in nanoseconds.
pub type FileIdentity = (u64, u128);

pub fn file_identity(path: &Path) -> Option<FileIdentity> {
    let metadata = fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_nanos()))
}

/// Gives a name to what is added to it, which no other sequence of additions gets.
#[derive(Default)]
pub struct Name(Sha256);

impl Name {
    pub fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn add_file(&mut self, path: &Path) {
        self.add(path.as_os_str().as_encoded_bytes());
        self.add(format!("{:?}", file_identity(path)));
    }

    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The compiler, the dependencies, and how cargo is asked to compile them. `None` where the compiler cannot be told.
pub fn context(build: &Path, arguments: &[String], environment: &BTreeMap<String, String>) -> Option<String> {
    let mut name = Name::default();
    name.add(VERSION);
    arguments.iter().for_each(|argument| name.add(argument));
    name.add("compiler");
    for file in compiler_files(environment)? {
        name.add_file(&file);
    }
    for (variable, value) in environment.iter().filter(|(variable, _)| matters(variable)) {
        name.add(variable);
        // Where a variable names the kernel's own folder, each kernel has another.
        name.add(value.replace(build.to_str()?, "{build folder}"));
    }
    name.add("files");
    name.add(sorted_dependencies(&fs::read_to_string(build.join("Cargo.toml")).ok()?));
    name.add(fs::read(build.join(".cargo/config.toml")).unwrap_or_default());
    name.add(environment.get("LIVE_LOCK").and_then(|path| fs::read(path).ok()).unwrap_or_default());
    Some(name.finish())
}

/// A compiled cell: its text and the files beside it, how it is compiled, and the libraries that it is linked with.
pub fn cell(context: &str, text: &str, call: &Call, build: &Path, only_check: bool) -> Option<String> {
    let mut name = Name::default();
    name.add(context);
    name.add(if only_check { "check" } else { "build" });
    for argument in &call.arguments {
        name.add(argument.replace(build.to_str()?, "{build folder}"));
    }
    for folder in call.dependency_folders() {
        for path in sorted_files(&folder).iter().filter(|path| is_library(path)) {
            name.add(path.file_name()?.as_encoded_bytes());
            name.add(format!("{:?}", file_identity(path)));
        }
    }
    name.add("source");
    name.add(text);
    add_sources(&mut name, &build.join("src"), &build.join("src/lib.rs"))?;
    Some(name.finish())
}

fn add_sources(name: &mut Name, folder: &Path, left_out: &Path) -> Option<()> {
    for path in sorted_files(folder) {
        if path.is_dir() {
            add_sources(name, &path, left_out)?;
        } else if path != left_out {
            name.add(path.file_name()?.as_encoded_bytes());
            name.add(fs::read(&path).ok()?);
        }
    }
    name.add("end of folder");
    Some(())
}

/// The program rustc, what it consists of, the standard library, and the linker.
fn compiler_files(environment: &BTreeMap<String, String>) -> Option<Vec<PathBuf>> {
    let rustc = fs::canonicalize(environment.get("RUSTC")?).ok()?;
    let standard = PathBuf::from(environment.get("EVCXR_CORE_EXTERN")?.strip_prefix("core=")?);
    file_identity(&standard)?;
    let sysroot = standard.ancestors().nth(5)?;
    let mut files = vec![rustc, standard.clone()];
    files.extend(sorted_files(&sysroot.join("lib")).into_iter().filter(|path| path.is_file()));
    let path = environment.get("PATH").cloned().unwrap_or_default();
    let linkers = ["cc", "ld", "mold", "lld"];
    let found = |program: &&str| {
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
    };
    files.extend(linkers.iter().filter_map(found));
    Some(files)
}

fn matters(variable: &str) -> bool {
    let is_named = NAMES.contains(&variable) || STARTS.iter().any(|start| variable.starts_with(start));
    is_named && !NOT.contains(&variable)
}

/// A Cargo.toml of evcxr, in which the dependencies come from a hash map, each in a line.
fn sorted_dependencies(manifest: &str) -> String {
    let Some((head, dependencies)) = manifest.split_once("[dependencies]\n") else {
        return manifest.to_string();
    };
    let mut lines: Vec<&str> = dependencies.lines().collect();
    lines.sort();
    format!("{head}[dependencies]\n{}", lines.join("\n"))
}

fn sorted_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Whether it is a dependency's library, and not a cell's.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_cell = name.starts_with("libctx.") || name.starts_with("libcode_");
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    !is_cell && ["rlib", "rmeta", "so", "dylib"].contains(&ending.as_ref())
}
