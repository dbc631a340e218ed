//! The panel of variables: `:variables` in a cell shows a table of them, which follows what the notebook's cells do.
//!
//! Names and types are known after each cell. The rest is asked of the cells' process, by a cell of the kernel's own, only while a
//! panel is open and nothing else is to be executed.
//!
//! | file | what is in it |
//! |---|---|
//! | `question.rs` | the cell that is executed behind the user's, and its answer |
//! | `described.rs` | what can be told of a variable: a module of that cell |
//! | `types.rs` | types as a learner writes them |
//! | `table.rs` | the table, for the page and for clients without widgets |

mod question;
mod table;
mod types;

use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

pub use self::question::answer;
use self::question::{Details, Helpers};
use self::table::{Row, Table};
use crate::comms::values::{Value, Values};
use crate::errors::Known;

const PAGE: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");
/// The variables are looked at when no cell was executed for so long: who runs several cells does not wait for it.
const REST: Duration = Duration::from_millis(200);

/// The kernel's own cell, while it is executed.
pub struct Asked {
    /// The number of the question to the session.
    pub id: u64,
    /// Since when it runs, and is no longer being compiled.
    pub runs: Option<Instant>,
    /// Whether its compiler was ended, because a cell waits.
    pub is_unwanted: bool,
    /// The last cell before it.
    pub after: usize,
    names: Vec<String>,
}

/// What is known of a variable: its type, and the rest if that was found.
type Seen = (String, Option<Details>);

/// The panels, which all show the same.
#[derive(Default)]
pub struct Panel {
    /// The widgets that may be open.
    pub widgets: Vec<String>,
    pub asked: Option<Asked>,
    seen: BTreeMap<String, Seen>,
    /// The same before the last cell; `None` when no panel was open then.
    before: Option<BTreeMap<String, Seen>>,
    last_cell: usize,
    due: Option<Instant>,
}

impl Panel {
    /// Takes note of a cell's end; `is_looked_at` says that the variables are known as they are now.
    pub fn cell_ended(&mut self, number: usize, known: &Known, is_looked_at: bool) {
        self.last_cell = number;
        self.before = Some(self.seen.clone());
        self.names(known);
        self.due = (!is_looked_at).then(|| Instant::now() + REST);
    }

    /// Takes the names and types as they are now.
    pub fn names(&mut self, known: &Known) {
        let old = std::mem::take(&mut self.seen);
        for (name, of) in &known.variables {
            let details =
                old.get(name).filter(|(before, _)| before == of).and_then(|(_, details)| details.clone());
            self.seen.insert(name.clone(), (of.clone(), details));
        }
    }

    /// When the variables are to be looked at.
    pub fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.asked.is_none())
    }

    /// They are looked at later.
    pub fn put_off(&mut self) {
        self.due = Some(Instant::now() + REST);
    }

    /// Nobody wants to know.
    pub fn rest(&mut self) {
        (self.due, self.before) = (None, None);
    }

    /// The code that looks at the variables, and their names; `None` where there are none. `build` is where evcxr compiles.
    pub fn code(&mut self, known: &Known, build: &Path) -> Option<(String, Vec<String>)> {
        self.due = None;
        let names: Vec<String> = known.variables.keys().cloned().collect();
        let code = question::code(names.iter().map(String::as_str), &Helpers::of(build));
        (!names.is_empty()).then_some((code, names))
    }

    /// That code is being executed, under a number, behind a cell.
    pub fn ask(&mut self, id: u64, names: Vec<String>, after: usize) {
        self.asked = Some(Asked { id, runs: None, is_unwanted: false, after, names });
    }

    /// What was found, in the order in which it was asked for.
    pub fn found(&mut self, asked: &Asked, found: Vec<Details>) {
        for (name, details) in asked.names.iter().zip(found) {
            if let Some(seen) = self.seen.get_mut(name) {
                seen.1 = Some(details);
            }
        }
    }

    fn table(&self, known: &Known) -> Table {
        let row = |(name, seen): (&String, &Seen)| Row {
            name: name.clone(),
            of: types::short(&seen.0),
            details: seen.1.clone().unwrap_or_default(),
            cell: known.defined_in.get(name).copied(),
            mark: self.mark(name, seen, known),
        };
        let given = known
            .given_away
            .iter()
            .map(|(name, cell)| (name.clone(), format!("given away in cell [{cell}]")));
        let lost = known.lost.iter().map(|(name, why)| (name.clone(), format!("lost: {why}")));
        let gone: BTreeMap<String, String> = given.chain(lost).collect();
        let is_gone = |name: &String| !known.variables.contains_key(name);
        Table {
            rows: self.seen.iter().map(row).collect(),
            gone: gone.into_iter().filter(|(name, _)| is_gone(name)).collect(),
        }
    }

    /// What the last cell did with a variable.
    fn mark(&self, name: &str, (of, details): &Seen, known: &Known) -> &'static str {
        let Some(before) = &self.before else { return "" };
        let is_made = known.defined_in.get(name) == Some(&self.last_cell);
        match before.get(name) {
            None => "new",
            Some((old, _)) if old != of || is_made => "changed",
            Some((_, Some(old))) if details.as_ref().is_some_and(|now| now != old) => "changed",
            Some(_) => "",
        }
    }

    /// The state of a widget that shows it.
    pub fn state(&self, known: &Known) -> Values {
        let mut state = self.news(known);
        for (key, text) in [("_esm", PAGE), ("_css", STYLE), ("_anywidget_id", "live-variables")] {
            state.insert(key.to_string(), Value::Json(json!(text)));
        }
        state
    }

    /// What changes of that state.
    pub fn news(&self, known: &Known) -> Values {
        Values::from([("table".to_string(), Value::Json(self.table(known).json()))])
    }

    /// What stands for it where there are no widgets, by MIME type.
    pub fn still(&self, known: &Known) -> BTreeMap<String, String> {
        self.table(known).still()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(variables: &[(&str, &str, usize)]) -> Known {
        Known {
            variables: variables.iter().map(|(name, of, _)| (name.to_string(), of.to_string())).collect(),
            defined_in: variables.iter().map(|(name, _, cell)| (name.to_string(), *cell)).collect(),
            ..Known::default()
        }
    }

    fn bytes(bytes: u64) -> Details {
        Details(None, None, Some(bytes))
    }

    fn look(panel: &mut Panel, known: &Known, found: &[u64]) {
        let (_, names) = panel.code(known, Path::new("/nowhere")).unwrap();
        panel.ask(1, names, 1);
        let asked = panel.asked.take().unwrap();
        panel.found(&asked, found.iter().copied().map(bytes).collect());
    }

    fn marks(panel: &Panel, known: &Known) -> Vec<&'static str> {
        panel.table(known).rows.iter().map(|row| row.mark).collect()
    }

    #[test]
    fn what_the_last_cell_has_changed_is_marked() {
        let mut panel = Panel::default();
        let first = known(&[("a", "i32", 1), ("b", "Vec<i32>", 1)]);
        panel.names(&first);
        look(&mut panel, &first, &[4, 24]);
        assert_eq!(marks(&panel, &first), ["", ""], "nothing is known of what was before");
        let second = known(&[("a", "f64", 3), ("b", "Vec<i32>", 1), ("c", "u8", 3)]);
        panel.cell_ended(3, &second, false);
        assert_eq!(marks(&panel, &second), ["changed", "", "new"]);
        assert_eq!(
            panel.table(&second).rows[1].details,
            bytes(24),
            "what was found stays until there is news"
        );
        look(&mut panel, &second, &[8, 48, 1]);
        assert_eq!(marks(&panel, &second), ["changed", "changed", "new"]);
        panel.cell_ended(4, &second, false);
        look(&mut panel, &second, &[8, 48, 1]);
        assert_eq!(marks(&panel, &second), ["", "", ""]);
    }

    #[test]
    fn variables_that_are_gone_come_with_the_reason() {
        let mut panel = Panel::default();
        let mut now = known(&[("a", "i32", 1)]);
        now.given_away = vec![("b".to_string(), 5), ("a".to_string(), 2)];
        now.lost = vec![("c".to_string(), "its type was defined anew".to_string())];
        panel.cell_ended(5, &now, false);
        let gone = panel.table(&now).gone;
        let expected = [("b", "given away in cell [5]"), ("c", "lost: its type was defined anew")];
        assert_eq!(gone, expected.map(|(name, why)| (name.to_string(), why.to_string())));
        now.variables.clear();
        assert!(panel.code(&now, Path::new("/nowhere")).is_none());
    }

    #[test]
    fn the_variables_are_looked_at_after_a_cell_and_not_twice_at_once() {
        let mut panel = Panel::default();
        let now = known(&[("a", "i32", 1)]);
        assert_eq!(panel.due(), None);
        panel.cell_ended(1, &now, false);
        assert!(panel.due().is_some());
        let (_, names) = panel.code(&now, Path::new("/nowhere")).unwrap();
        panel.ask(1, names, 1);
        panel.put_off();
        assert_eq!(panel.due(), None);
        panel.asked = None;
        assert!(panel.due().is_some());
        panel.cell_ended(2, &now, true);
        assert_eq!(panel.due(), None);
    }
}
