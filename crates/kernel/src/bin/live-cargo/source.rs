//! The source of a cell, as it is compiled: the same text in every kernel, and no more work than the cell needs.
//!
//! evcxr writes the items of all cells so far, and a function with the user's lines, which takes all variables of the
//! notebook from a store and puts them back. Most of that comes from hash maps, in another order each time. Here it gets one
//! order, and variables whose names the cell does not mention are left in the store. Each line knows where it was, since
//! evcxr tells by the line what an error is about; the user's own lines stay at their place.
//!
//! Written for the source that evcxr 0.22 generates (its eval_context.rs). What looks otherwise stays as it is.

use std::collections::HashSet;
use std::ops::Range;

use crate::items::{defined_names, in_order, words};

const FIRST_LINE: &str = "#![allow(unused_imports, unused_mut, dead_code)]\n";
const STORE: &str = "evcxr_variable_store";
const STORE_TYPE: &str = "mut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)\n";
const CHECKS: &str = "{let mut vars_ok = true;\n";
const CHECKED: &str = "if !vars_ok {return evcxr_variable_store;}}\n";
const CAUGHT: [&str; 5] = [
    "})) { \n",
    "  Ok(_) => {}\n",
    "  Err(_) => {\n",
    "    println!(\"EVCXR_PANIC_NOTIFICATION\");\n",
    "}}\n",
];
const ASYNC: &str = "let mut mutex = evcxr_variable_store.lazy_arc(\"evcxr_tokio_runtime\"";
const BLANK: &str = "\n";
/// Macros of these crates make names out of parts, which then stand nowhere.
const NAME_MAKERS: [&str; 3] = ["paste", "concat_idents", "format_ident"];

/// evcxr numbers the function of each cell, also where the cell is the same; live-cells finds it by this name as well.
const FUNCTION: &str = "pub extern \"C\" fn run_user_code(\n";

/// What `?` does with an error, in evcxr's words, and with the causes of the error, and where that `?` stands.
const ERROR_OF: &str = "            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {\n";
const PRINTED: &str = "                    eprintln!(\"{}\", error);\n";
const PRINTED_WITH_CAUSES: &str =
    "                    eprintln!(\"{:#}\\n\\u{1f}at {}\", error, std::panic::Location::caller());\n";
const MADE: &str = "                fn from(error: T) -> Self {\n";
const MADE_WITH_PLACE: &str = "                #[track_caller] fn from(error: T) -> Self {\n";

/// A source in its one order.
#[derive(Debug, PartialEq)]
pub struct Source {
    pub text: String,
    /// For each line, the line of evcxr's source that it is; from 0.
    pub origins: Vec<usize>,
    /// Variables that stay in the store.
    pub left_out: Vec<String>,
}

/// A line, and where it was.
type Line<'a> = (usize, &'a str);

impl Source {
    /// Puts a source into its one order. With `all_variables`, none is left out.
    pub fn new(text: &str, all_variables: bool) -> Source {
        let lines: Vec<Line> = text.split_inclusive('\n').enumerate().collect();
        let rewritten = rewrite(&lines, all_variables);
        let (lines, left_out) = rewritten.unwrap_or((lines, Vec::new()));
        Source {
            text: lines.iter().map(|(_, line)| *line).collect(),
            origins: lines.iter().map(|(origin, _)| *origin).collect(),
            left_out,
        }
    }
}

fn rewrite<'a>(lines: &[Line<'a>], all_variables: bool) -> Option<(Vec<Line<'a>>, Vec<String>)> {
    if lines.first()?.1 != FIRST_LINE {
        return None;
    }
    let start = start_of_function(lines)?;
    let (items, function) = (&lines[1..start], &lines[start..]);
    let (function, left_out) = match function[0].1 {
        "#[allow(unused_variables)]\n" => (analysis(function)?, Vec::new()),
        _ if function[2].1 == STORE_TYPE => with_variables(function, items, all_variables)?,
        _ => (function.to_vec(), Vec::new()),
    };
    let mut rewritten = vec![lines[0]];
    rewritten.extend(ordered_items(items));
    with_causes(&mut rewritten);
    rewritten.extend(function.into_iter().map(without_number));
    Some((rewritten, left_out))
}

fn without_number((origin, line): Line) -> Line {
    let number =
        line.strip_prefix("pub extern \"C\" fn run_user_code_").and_then(|rest| rest.strip_suffix("(\n"));
    let is_numbered = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    (origin, if is_numbered { FUNCTION } else { line })
}

/// Where the function begins; nowhere if that is not certain.
fn start_of_function(lines: &[Line]) -> Option<usize> {
    let is_start = |pair: &[Line]| match pair[0].1 {
        "#[unsafe(no_mangle)]\n" => pair[1].1.starts_with("pub extern \"C\" fn run_user_code_"),
        "#[allow(unused_variables)]\n" => pair[1].1 == "async fn evcxr_analysis_wrapper(\n",
        _ => false,
    };
    let mut starts = (0..lines.len().saturating_sub(2)).filter(|&at| is_start(&lines[at..at + 2]));
    let start = starts.next()?;
    starts.next().is_none().then_some(start)
}

fn ordered_items<'a>(items: &[Line<'a>]) -> Vec<Line<'a>> {
    let texts: Vec<&str> = items.iter().map(|(_, line)| *line).collect();
    match in_order(&texts) {
        Some(order) => order.into_iter().flat_map(|range| items[range].to_vec()).collect(),
        None => items.to_vec(),
    }
}

fn with_causes(lines: &mut [Line]) {
    let Some(at) = lines.iter().position(|(_, line)| *line == ERROR_OF) else { return };
    if let Some([made, printed]) = lines.get_mut(at + 1..at + 3) {
        if (made.1, printed.1) == (MADE, PRINTED) {
            (made.1, printed.1) = (MADE_WITH_PLACE, PRINTED_WITH_CAUSES);
        }
    }
}

/// The function that is only checked: variables are its parameters, and at the end given to a function.
fn analysis<'a>(function: &[Line<'a>]) -> Option<Vec<Line<'a>>> {
    let body = function.iter().position(|(_, line)| *line == ") -> Result<(), EvcxrUserCodeError> {\n")?;
    let end = function.len().checked_sub(2)?;
    let is_stored = |line: &Line| line.1.starts_with("evcxr_variable_store(") && line.1.ends_with(");\n");
    let stored = function[..end].iter().rev().take_while(|line| is_stored(line)).count();
    let mut sorted = function.to_vec();
    sort(&mut sorted[2..body]);
    sort(&mut sorted[end - stored..end]);
    (body <= end - stored && function[end].1 == "Ok(())\n").then_some(sorted)
}

fn sort(lines: &mut [Line]) {
    lines.sort_by_key(|(_, line)| *line);
}

/// The function that takes variables from the store, and puts them back.
fn with_variables<'a>(
    function: &[Line<'a>],
    items: &[Line<'a>],
    all_variables: bool,
) -> Option<(Vec<Line<'a>>, Vec<String>)> {
    let checks = function.iter().position(|(_, line)| *line == CHECKS)? + 1;
    let checked = checks + function[checks..].iter().position(|(_, line)| *line == CHECKED)?;
    let loads = checked + 1;
    let body = loads + (checked - checks);
    let parse = |range: Range<usize>, is_check: bool| {
        let lines = function.get(range)?.iter();
        lines.map(|line| variable(line.1, is_check)).collect::<Option<HashSet<_>>>()
    };
    // Each variable that is checked is taken, and nothing else.
    let variables = parse(checks..checked, true)?;
    if variables != parse(loads..body, false)? || variables.len() != checked - checks {
        return None;
    }

    let end = function.len().checked_sub(2).filter(|&end| end >= body)?;
    if function[end].1 != "evcxr_variable_store\n" {
        return None;
    }
    let is_put = |line: &&Line| put(line.1).is_some();
    let count_puts = |range: Range<usize>| function[range].iter().rev().take_while(is_put).count();
    let back = end - count_puts(body..end);
    let mut user_end = back;
    let has_end = |end: usize, wanted: &[&str]| {
        end >= body + wanted.len()
            && function[end - wanted.len()..end].iter().map(|line| line.1).eq(wanted.iter().copied())
    };
    for wanted in [&CAUGHT[..], &["});\n"], &["Ok::<(), EvcxrUserCodeError>(())\n"], &["Ok(())})();\n"]] {
        if has_end(user_end, wanted) {
            user_end -= wanted.len();
        }
    }
    let new = user_end - count_puts(body..user_end);
    let user: String = function[body..new].iter().map(|(_, line)| *line).collect();
    let own_use = usize::from(user.contains(ASYNC));
    if words(&user).filter(|word| *word == STORE).count() != own_use {
        return None;
    }

    let mut sorted = function.to_vec();
    for range in [checks..checked, loads..body, new..user_end, back..end] {
        sort(&mut sorted[range]);
    }
    let item_texts: Vec<&str> = items.iter().map(|(_, line)| *line).collect();
    let mentioned: HashSet<&str> = words(&user).collect();
    let makes_names = |text: &str| words(text).any(|word| NAME_MAKERS.contains(&word));
    if all_variables || makes_names(&user) || item_texts.iter().any(|line| makes_names(line)) {
        return Some((sorted, Vec::new()));
    }
    let is_left_out = |name: &str| name.is_ascii() && !mentioned.contains(name.trim_start_matches("r#"));
    let redefinable = defined_names(&item_texts);
    for line in &mut sorted[checks..checked] {
        // Types that the user has defined are checked always.
        let is_redefinable = |of: &str| words(of).any(|word| redefinable.contains(word));
        if variable(line.1, true).is_some_and(|(name, of)| is_left_out(name) && !is_redefinable(of)) {
            line.1 = BLANK;
        }
    }
    for line in &mut sorted[loads..body] {
        if variable(line.1, false).is_some_and(|(name, _)| is_left_out(name)) {
            line.1 = BLANK;
        }
    }
    for line in &mut sorted[back..end] {
        if put(line.1)
            .is_some_and(|name| is_left_out(name) && variables.iter().any(|(other, _)| *other == name))
        {
            line.1 = BLANK;
        }
    }
    let mut left_out: Vec<String> =
        variables.iter().map(|(name, _)| name.to_string()).filter(|name| is_left_out(name)).collect();
    left_out.sort();
    Some((sorted, left_out))
}

/// The name and the type of the variable that a line checks, or takes from the store.
fn variable(line: &str, is_check: bool) -> Option<(&str, &str)> {
    let rest = match is_check {
        true => line.strip_prefix("vars_ok &= evcxr_variable_store.check_variable::<")?,
        false => line.strip_prefix("let ")?,
    };
    let (of, name) = rest.strip_suffix("));\n")?.rsplit_once(">(stringify!(")?;
    if is_check {
        return Some((name, of));
    }
    let (taken, of) = of.split_once(" = evcxr_variable_store.take_variable::<")?;
    (taken == name || taken.strip_prefix("mut ") == Some(name)).then_some((name, of))
}

/// The name of the variable that a line puts into the store.
fn put(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("evcxr_variable_store.put_variable::<")?.strip_suffix(");\n")?;
    let (start, name) = rest.rsplit_once("), ")?;
    start.ends_with(&format!(">(stringify!({name}")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A notebook's state, from which evcxr generates a source; in any order where it walks a hash map.
    #[derive(Clone, PartialEq, Debug)]
    struct Notebook {
        items: Vec<String>,
        stored: Vec<(&'static str, &'static str, bool)>,
        new: Vec<(&'static str, &'static str)>,
        user: String,
        question_mark: bool,
        catch: bool,
        number: usize,
    }

    /// Small numbers, always the same ones.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % limit
        }

        fn shuffled<T: Clone>(&mut self, values: &[T]) -> Vec<T> {
            let mut values = values.to_vec();
            for at in (1..values.len()).rev() {
                values.swap(at, self.below(at + 1));
            }
            values
        }
    }

    const ITEMS: [&str; 9] = [
        "use cnn::prelude::*;\n",
        "use std::collections::HashMap;\n",
        "struct P { x: i32 }\nimpl P { fn y(&self) -> i32 { self.x } }\n",
        "#[derive(Debug)]\nenum Kind {\n    A,\n    B(i32),\n}\n",
        "fn f(x: f64) -> f64 {\n    // twice }\n    2.0 * x\n}\n",
        "const LIMIT: usize = {\n    3\n}\n+ 1;\n",
        "macro_rules! sq { ($x:expr) => { $x * $x } }\n",
        "mod shown;\n",
        "/// Of documentation.\npub(crate) static NAME: &str = \"};{\";\n",
    ];
    const VARIABLES: [(&str, &str, bool); 7] = [
        ("a", "i32", false),
        ("b", "Vec<f64>", true),
        ("history", "History", false),
        ("model", "Sequential", true),
        ("p", "P", false),
        ("r#type", "String", false),
        ("größe", "f32", false),
    ];
    const CELLS: [&str; 6] = [
        "println!(\"{a:?} {}\", b.len());\n",
        "let c = a + 1;\nlet d = c;\n",
        "model.fit(\n    &x,\n)?;\n",
        "(\nf(2.0)\n).evcxr_display();\n",
        "for i in 0..3 {\n    println!(\"{i} }}\");\n}\n",
        "let c = P { x: 1 };\n",
    ];

    impl Notebook {
        fn any(random: &mut Random) -> Notebook {
            let pick = |random: &mut Random, of: usize| random.below(of + 1);
            let items = random.shuffled(&ITEMS);
            let items = items[..pick(random, ITEMS.len())].iter().map(|item| item.to_string()).collect();
            let stored = random.shuffled(&VARIABLES);
            let stored = stored[..pick(random, VARIABLES.len())].to_vec();
            let new = [("c", "i32"), ("d", "i32")][..random.below(3)].to_vec();
            let user = CELLS[random.below(CELLS.len())].to_string();
            let (question_mark, catch) = (random.below(2) == 0, random.below(4) > 0);
            Notebook { items, stored, new, user, question_mark, catch, number: random.below(50) }
        }

        /// As in evcxr's eval_context.rs: code_to_compile, wrap_user_code.
        fn source(&self, random: &mut Random) -> String {
            let mut text = FIRST_LINE.to_string();
            text += &random.shuffled(&self.items).concat();
            if self.question_mark {
                text += &format!("\n            struct EvcxrUserCodeError {{}}\n{ERROR_OF}                fn from(error: T) -> Self {{\n{PRINTED}                    println!(\"{{}}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);\n                    EvcxrUserCodeError {{}}\n                }}\n            }}\n        \n");
            }
            text += "mod evcxr_internal_runtime {\n// The store.\npub struct VariableStore {}\n}\n#[unsafe(no_mangle)]\n";
            text += &format!("pub extern \"C\" fn run_user_code_{}(\n{STORE_TYPE}", self.number);
            text += "  -> *mut evcxr_internal_runtime::VariableStore {\nif evcxr_variable_store.is_null() {\n  evcxr_variable_store = evcxr_internal_runtime::create_variable_store();\n}\nlet evcxr_variable_store = unsafe {&mut *evcxr_variable_store};\n";
            text += CHECKS;
            for (name, of, _) in random.shuffled(&self.stored) {
                text +=
                    &format!("vars_ok &= evcxr_variable_store.check_variable::<{of}>(stringify!({name}));\n");
            }
            text += CHECKED;
            for (name, of, is_mut) in random.shuffled(&self.stored) {
                let mutability = if is_mut { "mut " } else { "" };
                text += &format!("let {mutability}{name} = evcxr_variable_store.take_variable::<{of}>(stringify!({name}));\n");
            }
            if self.catch {
                text += "match std::panic::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\n";
            }
            if self.question_mark {
                text += "let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {\n";
            }
            text += &self.user;
            let put = |name: &str, of: &str| {
                format!("evcxr_variable_store.put_variable::<{of}>(stringify!({name}), {name});\n")
            };
            for (name, of) in random.shuffled(&self.new) {
                text += &put(name, of);
            }
            if self.question_mark {
                text += "Ok(())})();\n";
            }
            if self.catch {
                text += &CAUGHT.concat();
            }
            for (name, of, _) in random.shuffled(&self.stored) {
                text += &put(name, of);
            }
            text + "evcxr_variable_store\n}\n"
        }

        fn changed(&self, random: &mut Random) -> Notebook {
            let mut other = self.clone();
            match random.below(7) {
                0 => other.items.push("const ANOTHER: u8 = 1;\n".to_string()),
                1 => other.user.insert(random.below(2), ' '),
                2 => other.question_mark = !self.question_mark,
                3 => other.items.push("fn another() {}\n".to_string()),
                4 => other.new.push(("e", "u8")),
                5 => other.catch = !self.catch,
                _ => other.user.push_str("f(1.0);\n"),
            }
            other
        }
    }

    #[test]
    fn only_evcxrs_own_order_makes_no_difference() {
        let mut random = Random(42);
        for trial in 0..10_000 {
            let notebook = Notebook::any(&mut random);
            let first = notebook.source(&mut random);
            // Nor does the number that evcxr gives to a cell.
            let second = Notebook { number: random.below(2000), ..notebook.clone() }.source(&mut random);
            let (one, two) = (Source::new(&first, false), Source::new(&second, false));
            assert_eq!(one.text, two.text, "trial {trial}:\n{first}\n{second}");
            let other = notebook.changed(&mut random);
            let changed = Source::new(&other.source(&mut random), false);
            assert_ne!(one.text, changed.text, "trial {trial}: {notebook:?} {other:?}");
            for (source, original) in [(&one, &first), (&two, &second)] {
                let original: Vec<&str> = original.split_inclusive('\n').collect();
                let lines: Vec<&str> = source.text.split_inclusive('\n').collect();
                assert_eq!(lines.len(), original.len());
                let mut origins = source.origins.clone();
                for (line, origin) in lines.iter().zip(&origins) {
                    let is_same = *line == original[*origin]
                        || [BLANK, PRINTED_WITH_CAUSES, MADE_WITH_PLACE, FUNCTION].contains(line);
                    assert!(is_same, "trial {trial}: {line}");
                }
                // The user's own lines are whole, and where evcxr has put them.
                let at = source.text.find(&notebook.user).expect("the user's lines");
                assert_eq!(
                    original.concat().find(&notebook.user).map(|at| original.concat()[..at].lines().count()),
                    Some(source.text[..at].lines().count())
                );
                origins.sort();
                assert!(origins.iter().copied().eq(0..original.len()));
            }
        }
    }

    fn notebook(user: &str) -> Notebook {
        Notebook {
            items: vec![ITEMS[2].to_string()],
            stored: VARIABLES.to_vec(),
            new: vec![],
            user: user.to_string(),
            question_mark: true,
            catch: true,
            number: 1,
        }
    }

    fn source(user: &str) -> Source {
        Source::new(&notebook(user).source(&mut Random(1)), false)
    }

    #[test]
    fn variables_that_a_cell_does_not_mention_stay_in_the_store() {
        let source = source("println!(\"{b:?}\", model);\n");
        assert_eq!(source.left_out, ["a", "history", "p", "r#type"]);
        for name in ["b", "model", "größe"] {
            assert!(source.text.contains(&format!(
                "check_variable::<{}>",
                if name == "b" {
                    "Vec<f64>"
                } else if name == "model" {
                    "Sequential"
                } else {
                    "f32"
                }
            )));
            assert!(source.text.contains(&format!("(stringify!({name}), {name});")));
        }
        assert!(!source.text.contains("stringify!(history)"));
    }

    #[test]
    fn types_that_can_be_defined_anew_are_checked_always() {
        let source = source("1 + 1;\n");
        assert!(source.text.contains("check_variable::<P>(stringify!(p));"));
        assert!(!source.text.contains("take_variable::<P>"));
    }

    #[test]
    fn where_names_are_made_of_parts_all_variables_are_taken() {
        assert!(source("paste! { [<his tory>] };\n").left_out.is_empty());
        let all = Source::new(&notebook("1;\n").source(&mut Random(1)), true);
        assert!(all.left_out.is_empty() && all.text.contains("stringify!(history)"));
    }

    #[test]
    fn errors_are_printed_with_their_causes_by_evcxrs_own_line_alone() {
        let source = source(PRINTED);
        assert_eq!(source.text.matches(PRINTED_WITH_CAUSES).count(), 1);
        assert_eq!(source.text.matches(PRINTED).count(), 1, "the user's own");
    }

    #[test]
    fn what_evcxr_does_not_generate_stays_as_it_is() {
        let mut random = Random(3);
        let usual = notebook("a;\n").source(&mut random);
        for text in [
            "fn main() {}\n".to_string(),
            String::new(),
            usual.replace(FIRST_LINE, "#![allow(unused)]\n"),
            usual.replace("a;\n", "evcxr_variable_store.check_variable::<i32>(\"a\");\n"),
            usual.replace("a;\n", "#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_7() {}\n"),
            usual.replace("let a = evcxr", "let other = evcxr"),
        ] {
            let source = Source::new(&text, false);
            assert_eq!((source.text.as_str(), source.left_out.len()), (text.as_str(), 0));
        }
    }

    #[test]
    fn a_source_to_check_has_one_order() {
        let source = |order: [&str; 2], stored: [&str; 2]| {
            let (parameters, stored) = (order.concat(), stored.concat());
            format!("{FIRST_LINE}use b;\nuse a;\n#[allow(unused_variables)]\nasync fn evcxr_analysis_wrapper(\n{parameters}) -> Result<(), EvcxrUserCodeError> {{\nlet c = a;\n{stored}Ok(())\n}}\n")
        };
        let (a, b) = ("a: i32,\n", "mut b: f64,\n");
        let (put_a, put_c) = ("evcxr_variable_store(a);\n", "evcxr_variable_store(c);\n");
        let one = Source::new(&source([a, b], [put_a, put_c]), false);
        assert_eq!(one.text, Source::new(&source([b, a], [put_c, put_a]), false).text);
        assert!(one.text.contains("use a;\nuse b;\n"));
    }
}
