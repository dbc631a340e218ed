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

/// What `?` does with an error, in evcxr's words, and with the causes of the error.
const ERROR_OF: &str = "            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {\n";
const PRINTED: &str = "                    eprintln!(\"{}\", error);\n";
const PRINTED_WITH_CAUSES: &str = "                    eprintln!(\"{:#}\", error);\n";

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
    rewritten.extend(function);
    Some((rewritten, left_out))
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
    if let Some(line) = lines.get_mut(at + 2).filter(|(_, line)| *line == PRINTED) {
        line.1 = PRINTED_WITH_CAUSES;
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
