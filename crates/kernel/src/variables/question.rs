//! The cell that is executed behind the user's, to look at the variables. It borrows them, and defines nothing.

use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::answers::Executed;

/// How the answer comes, among what a cell may end with.
const MIME: &str = "application/vnd.live.variables+json";
/// What the cell's code needs.
const MODULE: &str = include_str!("described.rs");

/// What was found of a variable: shape, device, and bytes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Details(pub Option<String>, pub Option<String>, pub Option<u64>);

/// What the notebook's libraries know of values, by paths that cells can use.
#[derive(Default, Debug, PartialEq)]
pub struct Helpers {
    /// The trait `live::Describe`.
    describe: Option<String>,
    /// Functions about types of further crates: `fn(&dyn Any) -> Option<live::Description>`.
    known: Vec<String>,
}

impl Helpers {
    /// As the libraries that are named by their path say it, in `[package.metadata.live]` of their `Cargo.toml`.
    pub fn of(build: &Path) -> Helpers {
        let mut helpers = Helpers::default();
        for (name, path) in libraries(&fs::read_to_string(build.join("Cargo.toml")).unwrap_or_default()) {
            let manifest = fs::read_to_string(Path::new(&path).join("Cargo.toml")).unwrap_or_default();
            let said = metadata(&manifest);
            let path = |key: &str| said.get(key).map(|path| format!("::{name}::{path}"));
            helpers.describe = helpers.describe.or(path("describe"));
            helpers.known.extend(path("known"));
        }
        helpers
    }
}

/// Of evcxr's Cargo.toml: the dependencies that have a path, sorted.
fn libraries(manifest: &str) -> BTreeMap<String, String> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?m)^"?([\w-]+)"?\s*=\s*\{.*\bpath\s*=\s*"([^"]*)""#).expect("a valid pattern")
    });
    LINE.captures_iter(manifest).map(|found| (found[1].replace('-', "_"), found[2].to_string())).collect()
}

/// The section of a Cargo.toml that is for kernels.
fn metadata(manifest: &str) -> BTreeMap<String, String> {
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[package.metadata.live]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_string(), value.trim().trim_matches('"').to_string())).collect()
}

/// The cell's code.
pub fn code<'a>(variables: impl Iterator<Item = &'a str>, helpers: &Helpers) -> String {
    let mut code = format!("let _ = {{\n#[allow(warnings)]\nmod __live_described {{\n{MODULE}");
    if let Some(describe) = &helpers.describe {
        code += &format!(
            "pub trait ByDescribe {{ fn described(&self) -> Found; }}\n\
             impl<T: {describe} + ?Sized> ByDescribe for &&Probe<'_, T> {{\n\
             fn described(&self) -> Found {{\n\
             quietly(|| (<T as {describe}>::shape(self.0), <T as {describe}>::device(self.0), <T as {describe}>::bytes(self.0)))\n\
             }}\n}}\n"
        );
    }
    code += "pub fn known(value: &dyn ::std::any::Any) -> Option<Found> {\n";
    for known in &helpers.known {
        code += &format!("if let Some(found) = quietly(|| {known}(value)) {{ return Some((found.shape, found.device, found.bytes)); }}\n");
    }
    code += "None\n}\n}\n";
    let by_describe = if helpers.describe.is_some() { "ByDescribe as _, " } else { "" };
    code += &format!(
        "#[allow(unused_imports)]\nuse __live_described::{{{by_describe}ByContents as _, BySize as _}};\n\
         let mut __live_rows: ::std::vec::Vec<::std::string::String> = ::std::vec::Vec::new();\n"
    );
    for name in variables {
        code += &format!(
            "__live_rows.push(__live_described::json(match __live_described::known(&{name}) {{ \
             ::std::option::Option::Some(found) => found, \
             ::std::option::Option::None => (&&&__live_described::Probe(&{name})).described() }}));\n"
        );
    }
    code + &format!(
        "::std::println!(\"EVCXR_BEGIN_CONTENT {MIME}\\n[{{}}]\\nEVCXR_END_CONTENT\", __live_rows.join(\",\"));\n}};"
    )
}

/// What has come, in the order of the variables; `None` if that is nothing that is understood.
pub fn answer(executed: &Executed) -> Option<Vec<Details>> {
    serde_json::from_str(executed.contents.get(MIME)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_say_what_they_know() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let at = |name: &str| folder.path().join(name).display().to_string();
        write(
            "build/Cargo.toml",
            &format!(
                "[package]\nname = \"ctx\"\n[dependencies]\na-b = {{ path = \"{}\" }}\nserde = \"1\"\nnone = {{ path = \"/nowhere\" }}\n",
                at("a")
            ),
        );
        write("a/Cargo.toml", "[package]\nname = \"a-b\"\n\n[package.metadata.live]\ndescribe = \"live::Describe\"\nknown = \"known\"\n\n[dependencies]\nother = \"1\"\n");
        let helpers = Helpers::of(&folder.path().join("build"));
        let expected = Helpers {
            describe: Some("::a_b::live::Describe".to_string()),
            known: vec!["::a_b::known".to_string()],
        };
        assert_eq!(helpers, expected);
        assert_eq!(Helpers::of(folder.path()), Helpers::default());
    }

    #[test]
    fn variables_are_borrowed() {
        let code = code(["x", "y"].into_iter(), &Helpers::default());
        assert!(code.starts_with("let _ = {") && code.ends_with("};"));
        for name in ["x", "y"] {
            assert_eq!(code.matches(&format!("(&{name})")).count(), 2);
        }
        assert!(!code.contains("ByDescribe"));
    }

    #[test]
    fn an_answer_is_read() {
        let of = |text: &str| Executed {
            contents: BTreeMap::from([(MIME.to_string(), text.to_string())]),
            ..Executed::default()
        };
        let expected = vec![Details(Some("[3]".to_string()), None, Some(24)), Details::default()];
        assert_eq!(answer(&of("[[\"[3]\",null,24],[null,null,null]]")), Some(expected));
        assert_eq!(answer(&of("[[")), None);
        assert_eq!(answer(&Executed::default()), None);
    }
}
