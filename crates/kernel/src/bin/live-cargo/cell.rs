//! A cell is compiled, or checked: taken from the cache, or else compiled by the compiler itself. Cargo compiles the
//! dependencies, with an empty cell, and thereby shows how it calls the compiler.

use anyhow::{Context, Result};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::cache::{Cache, Compiled};
use crate::cloned::fetch_records;
use crate::identity;
use crate::lock;
use crate::messages::{blame_the_source, diagnostics, misses_a_name, of_cargo};
use crate::new_dependency;
use crate::programs;
use crate::rustc::{Call, Outcome, RECORD};
use crate::source::Source;
use crate::stand_in;
use crate::whole;

/// Cargo's exit code for what cannot be compiled.
const FAILED: i32 = 101;
const SO_PATH: &str = "EVCXR_EXECUTION_SO_PATH";
/// Set where cells are to be compiled, and not executed.
const COMPILE_ONLY: &str = "LIVE_COMPILE_ONLY";
const DEFAULT_MIB: u64 = 1024;
/// How a cell has the compiler read more than its text; of one with an error, the compiler does not say what it has read.
const READS_FILES: [&str; 5] = ["include!", "include_str", "include_bytes", "env!", "#[path"];

struct Cell {
    build: PathBuf,
    only_check: bool,
    context: String,
    source: Source,
}

/// Does what `cargo build` or `cargo check` is asked for.
pub fn answer(arguments: &[String]) -> Result<i32> {
    let build = std::env::current_dir()?;
    lock::fill(&build)?;
    if is_unusual(arguments) {
        return ask_cargo(arguments, &build);
    }
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let only_check = arguments.iter().any(|argument| argument == "check");
    let as_build: Vec<String> = arguments.iter().map(|argument| argument.replace("check", "build")).collect();
    let Some(context) = identity::context(&build, &as_build, &environment) else {
        return ask_cargo(arguments, &build);
    };
    let path = build.join("src/lib.rs");
    let text = fs::read_to_string(&path).context("the cell's source cannot be read")?;
    let source = Source::new(&text, false);
    let kept = build.join(".live-cargo").join(format!("{context}.json"));
    let call = match Call::read(&kept, &build) {
        Some(call) => call,
        None => {
            new_dependency::announce(&build)?;
            match learn(&as_build, &kept, &build)? {
                Learned::Call(call) => *call,
                Learned::Failed(code) => {
                    fs::write(&path, &text)?;
                    return Ok(code);
                }
                Learned::Nothing => {
                    fs::write(&path, &text)?;
                    return programs::go_on("cargo", arguments);
                }
            }
        }
    };
    Cell { build, only_check, context, source }.answer(&call, &text)
}

/// What cannot be answered here.
fn ask_cargo(arguments: &[String], build: &Path) -> Result<i32> {
    fetch_records(build).context("the build folder cannot be written")?;
    programs::go_on("cargo", arguments)
}

/// What is asked for in other ways than by a cell of evcxr is cargo's to answer.
fn is_unusual(arguments: &[String]) -> bool {
    let usual = |argument: &String| {
        ["build", "check", "--offline", "--target", "--message-format=json"].contains(&argument.as_str())
    };
    let others = arguments.iter().filter(|argument| !usual(argument)).count();
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    others != 1 || programs::variable("RUSTC_WRAPPER").is_some() || flags.contains("-Ztime-passes")
}

enum Learned {
    Call(Box<Call>),
    /// Cargo has said why.
    Failed(i32),
    /// Cargo has called the compiler in another way than is understood here.
    Nothing,
}

/// Has cargo compile the dependencies with an empty cell, and looks how it calls the compiler.
fn learn(arguments: &[String], kept: &Path, build: &Path) -> Result<Learned> {
    let folder = build.join(".live-cargo");
    fs::create_dir_all(&folder).context("the build folder cannot be written")?;
    fetch_records(build).context("the build folder cannot be written")?;
    let noted = folder.join("noted.json");
    let _ = fs::remove_file(&noted);
    fs::write(build.join("src/lib.rs"), "").context("the build folder cannot be written")?;
    let mut cargo = programs::cargo()?;
    cargo.args(arguments).env("RUSTC_WRAPPER", programs::own_path()?).env(RECORD, &noted);
    let output =
        cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cargo could not be started")?;
    if !output.status.success() {
        std::io::stdout().write_all(&output.stdout)?;
        return Ok(Learned::Failed(output.status.code().unwrap_or(FAILED)));
    }
    new_dependency::remember(build)?;
    Ok(Call::learn(&noted, kept, build).map_or(Learned::Nothing, |call| Learned::Call(Box::new(call))))
}

impl Cell {
    fn answer(&self, call: &Call, text: &str) -> Result<i32> {
        let cache = cache();
        let key = identity::cell(&self.context, &self.source.text, call, &self.build, self.only_check);
        if let Some(compiled) = key.as_ref().and_then(|key| cache.get(key)) {
            if let (Some(bytes), Some(path)) = (&compiled.library, call.library()) {
                whole::write(&path, bytes).context("the cell cannot be written")?;
            }
            return self.deliver(&compiled, call);
        }
        let (outcome, messages) = self.compile(call, text)?;
        let succeeded = outcome.code == Some(0);
        let library = match succeeded && !self.only_check {
            true => Some(fs::read(call.library().context("the compiler's output has no place")?)?),
            false => None,
        };
        let compiled =
            Compiled { messages: messages.iter().map(Value::to_string).collect(), library, succeeded };
        let may_be_kept = match succeeded {
            true => call.looked_at(&self.build, self.only_check).is_some_and(|said| is_closed(&said)),
            false => {
                outcome.code == Some(1) && blame_the_source(&messages) && !reads_files(&self.source.text)
            }
        };
        if let (Some(key), true) = (key, may_be_kept) {
            cache.put(&key, &compiled);
        }
        if !succeeded && messages.is_empty() {
            eprintln!("{}", outcome.stderr);
        }
        self.deliver(&compiled, call)
    }

    /// Compiles the cell with the variables that it mentions. Where a name is missing, with all of them: the compiler then
    /// says which one was meant.
    fn compile(&self, call: &Call, text: &str) -> Result<(Outcome, Vec<Value>)> {
        let compile = |source: &str| -> Result<(Outcome, Vec<Value>)> {
            fs::write(self.build.join("src/lib.rs"), source).context("the build folder cannot be written")?;
            let compiler = programs::variable("RUSTC").context("RUSTC is not set")?;
            let outcome = call.execute(&compiler, &self.build, self.only_check)?;
            let messages = diagnostics(&outcome.stderr);
            Ok((outcome, messages))
        };
        let first = compile(&self.source.text)?;
        match !self.source.left_out.is_empty() && misses_a_name(&first.1) {
            true => compile(&Source::new(text, true).text),
            false => Ok(first),
        }
    }

    /// The source that was compiled, whose lines panics name, and what the compiler has said about it. Without them the kernel
    /// says less.
    fn leave_for_kernel(&self, compiled: &Compiled) {
        let folder = self.build.join(".live-cargo");
        let _ = fs::write(folder.join("cell.rs"), &self.source.text);
        let _ = fs::write(folder.join("messages.json"), compiled.messages.join("\n"));
    }

    /// Tells evcxr what cargo would tell.
    fn deliver(&self, compiled: &Compiled, call: &Call) -> Result<i32> {
        let mut said = String::new();
        for message in &compiled.messages {
            said.push_str(&of_cargo(serde_json::from_str(message)?, &self.source.origins));
            said.push('\n');
        }
        if let (true, Some(library)) = (compiled.library.is_some(), call.library()) {
            let target = json!({"kind": ["cdylib"], "name": "ctx"});
            said.push_str(
                &json!({"reason": "compiler-artifact", "target": target, "filenames": [library]}).to_string(),
            );
            said.push('\n');
            if programs::variable(COMPILE_ONLY).is_some() {
                stand_in::put(&library, &self.build)?;
            }
            self.leave_for_kernel(compiled);
            if let Some(file) = programs::variable(SO_PATH) {
                fs::write(file, library.as_os_str().as_encoded_bytes())
                    .context("the cell's place cannot be told")?;
            }
        }
        said.push_str(&json!({"reason": "build-finished", "success": compiled.succeeded}).to_string());
        said.push('\n');
        std::io::stdout().write_all(said.as_bytes())?;
        Ok(if compiled.succeeded { 0 } else { FAILED })
    }
}

/// Whether the compiler has looked at nothing but the cell's own files.
fn is_closed(said: &str) -> bool {
    let depends =
        said.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, files)| files.split(' '));
    !said.contains("# env-dep:") && depends.into_iter().all(|file| file.starts_with("src/"))
}

fn reads_files(text: &str) -> bool {
    let code = || text.lines().filter(|line| !line.starts_with("//"));
    code().any(|line| READS_FILES.iter().any(|word| line.contains(word)))
}

fn cache() -> Cache {
    let mebibytes =
        std::env::var("LIVE_CELLS_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_MIB);
    Cache::new(programs::variable("LIVE_CELLS"), programs::variable("LIVE_CELLS_SHARED"), mebibytes << 20)
}
