//! What Tab offers: live-session's items as Jupyter's reply.
//!
//! Source: "Completion" in Jupyter's messaging protocol. Jupyter counts code points, live-session bytes.

use jupyter_protocol::messaging::CompleteReply;
use regex::Regex;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Longer lists say nothing, and take a browser seconds to show.
const MOST: usize = 500;

/// Methods that nearly every value has through a trait: they come after the type's own.
const OF_EVERYTHING: &[&str] = &[
    "borrow",
    "borrow_mut",
    "clone",
    "clone_from",
    "clone_into",
    "clone_to_uninit",
    "cmp",
    "eq",
    "fmt",
    "ge",
    "gt",
    "hash",
    "into",
    "le",
    "lt",
    "max",
    "min",
    "ne",
    "partial_cmp",
    "to_owned",
    "to_string",
    "try_into",
    "type_id",
    "clamp",
];

/// What may stand at a place in a cell.
#[derive(Deserialize, Debug, Default)]
pub struct Offer {
    /// What is replaced begins here, in bytes.
    pub start: usize,
    /// And ends before here.
    pub end: usize,
    /// What may take its place.
    pub items: Vec<Item>,
}

/// One possibility.
#[derive(Deserialize, Debug)]
pub struct Item {
    /// What evcxr would insert, with parameters: `from_utf8(vec)`.
    pub code: String,
    /// `function`, `class`, `module`, `instance`, `keyword` or `magic`.
    pub kind: String,
}

/// The byte at which the character begins that has `cursor` code points before it; the text's end if there are fewer.
pub fn byte_offset(code: &str, cursor: usize) -> usize {
    code.char_indices().nth(cursor).map_or(code.len(), |(offset, _)| offset)
}

/// How many code points there are before a byte.
pub fn code_points(code: &str, offset: usize) -> usize {
    code.char_indices().take_while(|(start, _)| *start < offset).count()
}

/// The reply: names only, best ones first. `variables` are the notebook's.
pub fn reply(code: &str, offer: &Offer, variables: &[String]) -> CompleteReply {
    let is_member = code.get(..offer.start).is_some_and(|before| before.trim_end().ends_with('.'));
    let typed = code.get(offer.start..offer.end).unwrap_or_default();
    let mut seen = HashSet::new();
    let mut found: Vec<Match> = offer.items.iter().filter_map(Match::new).collect();
    // What begins with an underscore is meant for nobody but its author, who types the underscore.
    found.retain(|found| typed.starts_with('_') || !found.name.starts_with('_'));
    // tch has most methods twice; those that return errors, `f_narrow` beside `narrow`, come behind the others.
    let names: HashSet<String> = found.iter().map(|found| found.name.clone()).collect();
    let is_twin = |name: &str| name.strip_prefix("f_").is_some_and(|name| names.contains(name));
    found.sort_by_key(|found| (found.rank(is_member, variables), is_twin(&found.name)));
    found.retain(|found| seen.insert(found.name.clone()));
    found.truncate(MOST);

    let (cursor_start, cursor_end) = (code_points(code, offer.start), code_points(code, offer.end));
    let typed: Vec<_> = found
        .iter()
        .map(|found| {
            json!({"start": cursor_start, "end": cursor_end, "text": found.name, "type": found.kind, "signature": found.signature})
        })
        .collect();
    let metadata = [("_jupyter_types_experimental".to_string(), typed.into())].into_iter().collect();
    let matches = found.into_iter().map(|found| found.name).collect();
    CompleteReply { matches, cursor_start, cursor_end, metadata, ..CompleteReply::default() }
}

struct Match {
    name: String,
    /// In the words for which JupyterLab has pictures.
    kind: &'static str,
    /// The parameters, as in `(vec)`; empty for what is not called.
    signature: String,
}

impl Match {
    /// None for what has no name, or is not for users.
    fn new(item: &Item) -> Option<Match> {
        static NAME: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^:?'?(r#)?\w+(::\w+)*!?").expect("a valid expression"));
        static PARAMETER: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\$\{\d+:([^}]*)\}|\$\d").expect("a valid expression"));
        let code = PARAMETER.replace_all(&item.code, "$1");
        let name = NAME.find(&code)?.as_str();
        if is_internal(name) {
            return None;
        }
        let signature = match (code[name.len()..].find('('), code.rfind(')')) {
            (Some(0), Some(end)) if !name.ends_with('!') => code[name.len()..=end].to_string(),
            _ => String::new(),
        };
        let kind = match item.kind.as_str() {
            "function" if name.ends_with('!') => "macro",
            "class" | "module" | "keyword" | "magic" | "function" => item.kind.as_str(),
            // A tuple variant, or a closure in a variable.
            _ if !signature.is_empty() => "function",
            _ => "instance",
        };
        let kind = KINDS.iter().find(|known| **known == kind).copied().unwrap_or("instance");
        Some(Match { name: name.to_string(), kind, signature })
    }

    /// Small is early. The sort keeps the order of equals, which is the compiler's: the type's own methods before those of
    /// what it refers to.
    fn rank(&self, is_member: bool, variables: &[String]) -> u8 {
        if is_member {
            return match self.kind {
                _ if is_for_few(&self.name) => 4,
                _ if OF_EVERYTHING.contains(&self.name.as_str()) => 3,
                "function" => 0,
                "instance" => 1,
                _ => 2,
            };
        }
        match self.kind {
            _ if variables.contains(&self.name) => 0,
            _ if is_for_few(&self.name) => 4,
            "keyword" => 3,
            "module" => 2,
            _ => 1,
        }
    }
}

const KINDS: &[&str] = &["macro", "class", "module", "keyword", "magic", "function", "instance"];

/// Pointers, and what else a learner does not look for.
fn is_for_few(name: &str) -> bool {
    let words = ["raw", "ptr", "unchecked", "leak", "boxed", "allocator", "nonnull", "boundary"];
    name.split('_').any(|word| words.contains(&word))
}

/// What evcxr and this kernel put into the code of cells.
fn is_internal(name: &str) -> bool {
    let name = name.to_lowercase();
    ["evcxr", "live_kernel", "__live"].iter().any(|prefix| name.starts_with(prefix))
        || name == "intellijrulezz"
        || name.contains("::evcxr")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(code: &str, start: usize, items: &[(&str, &str)]) -> Offer {
        let item = |(code, kind): &(&str, &str)| Item { code: code.to_string(), kind: kind.to_string() };
        Offer { start, end: code.len(), items: items.iter().map(item).collect() }
    }

    #[test]
    fn names_are_offered_and_parameters_are_told() {
        let code = "String::from_u";
        let items = [
            ("from_utf8(vec)", "function"),
            ("from_utf16(${1:v})$0", "function"),
            ("println!($0)", "function"),
        ];
        let reply = reply(code, &offer(code, 8, &items), &[]);
        assert_eq!(reply.matches, ["from_utf8", "from_utf16", "println!"]);
        assert_eq!((reply.cursor_start, reply.cursor_end), (8, 14));
        let typed = &reply.metadata["_jupyter_types_experimental"];
        assert_eq!(
            typed[0],
            json!({"start": 8, "end": 14, "text": "from_utf8", "type": "function", "signature": "(vec)"})
        );
        assert_eq!(typed[1]["signature"], "(v)");
        assert_eq!((&typed[2]["type"], &typed[2]["signature"]), (&json!("macro"), &json!("")));
    }

    #[test]
    fn methods_come_first_and_what_everything_has_last() {
        let items = [
            ("layers", "instance"),
            ("into()", "function"),
            ("fit(x, y)", "function"),
            ("to_string()", "function"),
        ];
        let found = reply("model.", &offer("model.", 6, &items), &[]).matches;
        assert_eq!(found, ["fit", "layers", "into", "to_string"]);
        let items = [("f_view(s)", "function"), ("f_new()", "function"), ("view(s)", "function")];
        assert_eq!(reply("x.", &offer("x.", 2, &items), &[]).matches, ["f_new", "view", "f_view"]);
    }

    #[test]
    fn variables_come_first_and_keywords_last() {
        let items = [
            ("match $1 {\n    $0\n}", "keyword"),
            ("std::", "module"),
            ("maximum(a)", "function"),
            ("model", "instance"),
        ];
        let found = reply("m", &offer("m", 0, &items), &["model".to_string()]).matches;
        assert_eq!(found, ["model", "maximum", "std", "match"]);
    }

    #[test]
    fn nobody_sees_what_evcxr_and_the_kernel_need() {
        let items = [
            ("evcxr_variable_store(_)", "function"),
            ("EvcxrUserCodeError", "class"),
            ("_warm_up", "instance"),
            ("x", "instance"),
            ("x", "instance"),
        ];
        assert_eq!(reply("", &offer("", 0, &items), &[]).matches, ["x"]);
        let items = [("_mine", "instance")];
        assert_eq!(reply("_m", &offer("_m", 0, &items), &[]).matches, ["_mine"]);
    }

    #[test]
    fn a_list_ends_somewhere() {
        let names: Vec<String> = (0..4000).map(|number| format!("name_{number}")).collect();
        let items: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "function")).collect();
        assert_eq!(reply("", &offer("", 0, &items), &[]).matches.len(), MOST);
    }

    #[test]
    fn positions_are_code_points() {
        // An emoji is one code point of four bytes; a decomposed ä is two, of one and two bytes.
        for (before, points) in [("\"😀\"; ", 5), ("\"a\u{308}\"; ", 6)] {
            let code = format!("{before}v.le");
            let start = before.len() + 2;
            assert_eq!(byte_offset(&code, points + 2), start);
            let reply = reply(&code, &offer(&code, start, &[("len()", "function")]), &[]);
            assert_eq!((reply.cursor_start, reply.cursor_end), (points + 2, points + 4));
        }
        assert_eq!(byte_offset("ab", 9), 2);
        assert_eq!(code_points("äb", 9), 2);
    }
}
