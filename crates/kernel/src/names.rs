//! What the kernel knows of a notebook's names: its variables, where they were defined, and what has become of others.

use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::answers::{Executed, Failure};
use crate::errors::Known;

/// The names of a notebook.
#[derive(Default)]
pub struct Names(Known);

impl Names {
    /// What an error message may tell.
    pub fn known(&self) -> &Known {
        &self.0
    }

    /// The names of the variables that there are now.
    pub fn variables(&self) -> Vec<String> {
        self.0.variables.keys().cloned().collect()
    }

    /// Takes note of what a cell has changed.
    pub fn after(&mut self, number: usize, cell: &str, executed: &Executed) {
        // Before the first cell there is a variable of the kernel's own.
        let visible = executed.variables.iter().filter(|(name, _)| !name.starts_with('_'));
        let now: BTreeMap<String, String> = visible.cloned().collect();
        let before = std::mem::replace(&mut self.0.variables, now);
        let known = &mut self.0;
        let clears = cell.lines().any(|line| line.trim() == ":clear");
        if clears {
            known.given_away.clear();
            known.lost.clear();
        }
        for name in before.keys().filter(|name| !known.variables.contains_key(*name)) {
            match &executed.failure {
                Some(Failure::Ended(_)) => {
                    known.lost.push((
                        name.clone(),
                        format!("the process that ran the cells has ended in cell [{number}]"),
                    ));
                }
                Some(Failure::Lost(_)) => {
                    known.lost.push((name.clone(), "its type was defined anew".to_string()));
                }
                _ if clears => {
                    known.lost.push((name.clone(), format!("cell [{number}] has cleared all (`:clear`)")));
                }
                // evcxr leaves out what has another type now than when it was made.
                _ if !words(cell).any(|word| word == name) => {
                    let of = words(&before[name]).find_map(|word| Some((word, known.defined_in.get(word)?)));
                    let why = of.map(|(of, cell)| format!("cell [{cell}] has defined its type `{of}` anew"));
                    known
                        .lost
                        .push((name.clone(), why.unwrap_or_else(|| "its type was defined anew".to_string())));
                }
                _ => known.given_away.push((name.clone(), number)),
            }
        }
        let made =
            known.variables.iter().filter(|&(name, of)| before.get(name) != Some(of) || is_made(name, cell));
        let mut made: Vec<String> = made.map(|(name, _)| name.clone()).collect();
        if executed.failure.is_none() {
            made.extend(items(cell));
        }
        for name in made {
            known.given_away.retain(|(other, _)| *other != name);
            known.lost.retain(|(other, _)| *other != name);
            known.defined_in.insert(name, number);
        }
    }

    /// All variables are gone.
    pub fn all_lost(&mut self, why: &str) {
        let variables = std::mem::take(&mut self.0.variables);
        self.0.lost.extend(variables.into_keys().map(|name| (name, why.to_string())));
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Whether a cell declares a variable of this name.
fn is_made(name: &str, cell: &str) -> bool {
    static LET: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^\s*let\b([^=;]*)").expect("a valid pattern"));
    let is_name = |word: &str| word == name;
    LET.captures_iter(cell)
        .any(|found| found[1].split(|c: char| !c.is_alphanumeric() && c != '_').any(is_name))
}

/// The functions, types and constants that a cell defines.
fn items(cell: &str) -> Vec<String> {
    static ITEM: LazyLock<Regex> = LazyLock::new(|| {
        let kinds = "fn|struct|enum|union|trait|type|const|static|mod|macro_rules!";
        let before = r"(?:pub(?:\([^)]*\))?\s+|unsafe\s+|async\s+|const\s+)*";
        Regex::new(&format!(r"(?m)^{before}(?:{kinds})\s+([A-Za-z_][A-Za-z0-9_]*)")).expect("a valid pattern")
    });
    ITEM.captures_iter(cell).map(|found| found[1].to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executed(names: &[&str], failure: Option<Failure>) -> Executed {
        let variables = names.iter().map(|name| (name.to_string(), "i32".to_string())).collect();
        Executed { failure, variables, ..Executed::default() }
    }

    #[test]
    fn what_becomes_of_variables_is_remembered() {
        let mut names = Names::default();
        names.after(1, "let a = 1;\nlet b = 2;", &executed(&["_warm_up", "a", "b"], None));
        assert_eq!(names.variables(), ["a", "b"]);
        names.after(2, "drop(a);", &executed(&["b"], None));
        assert_eq!(names.known().given_away, [("a".to_string(), 2)]);
        names.after(3, "let a = 3;", &executed(&["a", "b"], None));
        assert_eq!(names.known().given_away, []);
        assert_eq!(names.known().defined_in["a"], 3);
        names.after(4, "abort()", &executed(&[], Some(Failure::Ended("signal: 6".to_string()))));
        let lost: Vec<&str> = names.known().lost.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(lost, ["a", "b"]);
        names.after(5, "let c = 1;", &executed(&["c"], None));
        names.after(6, ":clear", &executed(&[], None));
        assert_eq!(
            names.known().lost,
            [("c".to_string(), "cell [6] has cleared all (`:clear`)".to_string())]
        );
    }

    #[test]
    fn definitions_are_found() {
        let cell = "pub fn f() {}\nstruct S;\npub(crate) const unsafe fn g() {}\nmacro_rules! m { () => {} }\nconst N: u8 = 1;";
        assert_eq!(items(cell), ["f", "S", "g", "m", "N"]);
        assert!(is_made("y", "let (x, mut y): (i32, i32) = (1, 2);") && !is_made("y", "let x = y;"));
    }
}
