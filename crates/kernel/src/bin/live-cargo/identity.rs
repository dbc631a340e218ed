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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::time::{Duration, SystemTime};

    /// A build folder, a compiler, and the environment in which it is called.
    struct Setting {
        folder: tempfile::TempDir,
        environment: BTreeMap<String, String>,
        call: Call,
    }

    impl Setting {
        fn new() -> Setting {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            let standard = "tools/lib/rustlib/linux/lib/libstd-1.so";
            for (name, text) in [
                ("build/Cargo.toml", "[lib]\n[dependencies]\nb = \"1\"\na = { path = \"x\" }\n"),
                ("build/.cargo/config.toml", "[net]\noffline = false\n"),
                ("build/src/lib.rs", "evcxr's"),
                ("build/src/shown.rs", "shown"),
                ("build/deps/liba-1.rlib", "library"),
                ("build/deps/libctx.so", "cell"),
                ("tools/bin/rustc", "program"),
                ("tools/lib/librustc_driver-1.so", "compiler"),
                (standard, "std"),
            ] {
                fs::create_dir_all(path(name).parent().unwrap()).unwrap();
                fs::write(path(name), text).unwrap();
            }
            let text = |name: &str| path(name).display().to_string();
            let environment = BTreeMap::from([
                ("RUSTC".to_string(), text("tools/bin/rustc")),
                ("EVCXR_CORE_EXTERN".to_string(), format!("core={}", text(standard))),
                ("RUSTFLAGS".to_string(), "-Cprefer-dynamic".to_string()),
                ("CARGO_PROFILE_DEV_LTO".to_string(), "off".to_string()),
                ("HOME".to_string(), "/home/a".to_string()),
            ]);
            let call = serde_json::json!({
                "arguments": ["-L", format!("dependency={}", text("build/deps")), "-C", "opt-level=2"],
                "environment": {},
            });
            Setting { folder, environment, call: serde_json::from_value(call).unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn key(&self, arguments: &[&str], text: &str, only_check: bool) -> String {
            let arguments: Vec<String> = arguments.iter().map(|word| word.to_string()).collect();
            let build = self.path("build");
            let context = context(&build, &arguments, &self.environment).unwrap();
            cell(&context, text, &self.call, &build, only_check).unwrap()
        }

        fn usual(&self) -> String {
            self.key(&["build"], "text", false)
        }
    }

    #[test]
    fn what_changes_nothing_leaves_the_key() {
        let mut setting = Setting::new();
        let first = setting.usual();
        assert_eq!(setting.usual(), first);
        fs::write(setting.path("build/src/lib.rs"), "in another order").unwrap();
        fs::write(setting.path("build/deps/libctx.so"), "another cell").unwrap();
        fs::write(setting.path("build/deps/libcode_3.so"), "another cell").unwrap();
        fs::write(
            setting.path("build/Cargo.toml"),
            "[lib]\n[dependencies]\na = { path = \"x\" }\nb = \"1\"\n",
        )
        .unwrap();
        setting.environment.insert("HOME".into(), "/home/b".into());
        setting.environment.insert("RUST_BACKTRACE".into(), "1".into());
        assert_eq!(setting.usual(), first);
    }

    #[test]
    fn a_build_folder_at_another_place_has_the_same_keys() {
        let (first, second) = (Setting::new(), Setting::new());
        // The same tools and libraries, to the nanosecond.
        let time =
            FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_000_000_007));
        for setting in [&first, &second] {
            File::options()
                .write(true)
                .open(setting.path("build/deps/liba-1.rlib"))
                .unwrap()
                .set_times(time)
                .unwrap();
        }
        let build = |setting: &Setting| setting.path("build");
        let context = context(&build(&first), &[], &first.environment).unwrap();
        let key = |setting: &Setting| cell(&context, "text", &setting.call, &build(setting), false);
        assert_eq!(key(&first), key(&second));
    }

    #[test]
    fn whatever_a_cell_depends_on_changes_the_key() {
        let mut keys = vec![Setting::new().usual()];
        let mut changed = |what: &str, change: &dyn Fn(&mut Setting)| {
            let mut setting = Setting::new();
            let before = setting.usual();
            change(&mut setting);
            let after = setting.usual();
            assert_ne!(before, after, "{what}");
            keys.push(after);
        };
        for file in [
            "build/Cargo.toml",
            "build/.cargo/config.toml",
            "build/src/shown.rs",
            "build/src/another.rs",
            "build/src/folder/mod.rs",
            "build/deps/liba-1.rlib",
            "build/deps/libnew-2.rmeta",
            "tools/bin/rustc",
            "tools/lib/librustc_driver-1.so",
            "tools/lib/rustlib/linux/lib/libstd-1.so",
        ] {
            changed(file, &|setting| {
                fs::create_dir_all(setting.path(file).parent().unwrap()).unwrap();
                fs::write(setting.path(file), "changed now").unwrap();
            });
        }
        changed("a library's time alone", &|setting| {
            let file = File::options().write(true).open(setting.path("build/deps/liba-1.rlib")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        });
        for (name, value) in [
            ("RUSTFLAGS", "-Cprefer-dynamic -Cdebuginfo=1"),
            ("CARGO_PROFILE_DEV_LTO", "thin"),
            ("CARGO_PROFILE_DEV_OPT_LEVEL", "0"),
            ("RUSTC_BOOTSTRAP", "1"),
            ("LIBRARY_PATH", "/elsewhere"),
        ] {
            changed(name, &|setting| drop(setting.environment.insert(name.into(), value.into())));
        }
        changed("the call", &|setting| setting.call.arguments[3] = "opt-level=3".into());
        let setting = Setting::new();
        assert_ne!(
            setting.key(&["build"], "text", false),
            setting.key(&["build", "--offline"], "text", false)
        );
        assert_ne!(setting.key(&["build"], "text", false), setting.key(&["build"], "text", true));
        assert_ne!(setting.key(&["build"], "text", false), setting.key(&["build"], "text ", false));
    }

    #[test]
    fn without_a_known_compiler_there_is_no_key() {
        let mut setting = Setting::new();
        setting.environment.remove("EVCXR_CORE_EXTERN");
        assert_eq!(context(&setting.path("build"), &[], &setting.environment), None);
    }
}
