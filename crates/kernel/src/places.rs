//! Where in which cell something is that the compiler has found in the file that evcxr makes of a cell, and that nobody sees.

use regex::Regex;
use std::sync::{Arc, LazyLock};

/// So many lines before a line say which of several equal ones it is.
const CONTEXT: usize = 3;

/// The cells of a notebook by the numbers beside them, in the order in which they were executed.
#[derive(Default, Clone)]
pub struct Places {
    cells: Vec<(usize, Arc<str>)>,
    /// evcxr's file.
    generated: String,
}

impl Places {
    /// Another cell.
    pub fn add(&mut self, number: usize, cell: &str) {
        self.cells.push((number, cell.into()));
    }

    /// What evcxr has made of the last one.
    pub fn set_generated(&mut self, source: String) {
        self.generated = source;
    }

    /// What to say in the place of `src/lib.rs:10:5`: the file has a cell's statements, and the definitions of others.
    pub fn find(&self, place: &str) -> Option<String> {
        static PLACE: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^src/lib\.rs:(\d+)(?::\d+)?$").expect("a valid pattern"));
        let (number, line) = self.locate(PLACE.captures(place)?[1].parse().ok()?)?;
        Some(format!("cell [{number}], line {line}"))
    }

    /// The cell, and the line in it, that a line of evcxr's file is.
    pub fn locate(&self, line: usize) -> Option<(usize, usize)> {
        let line = line.checked_sub(1)?;
        let generated: Vec<&str> = self.generated.lines().map(str::trim).collect();
        let mut best: Option<(usize, usize, usize)> = None;
        for (number, cell) in self.cells.iter().rev() {
            let lines: Vec<&str> = cell.lines().collect();
            for at in 0..lines.len() {
                let score = score(&lines, at, &generated, line);
                if score > best.map_or(0, |(score, ..)| score) {
                    best = Some((score, *number, at + 1));
                }
            }
        }
        best.map(|(_, number, line)| (number, line))
    }
}

/// How well a line of a cell fits to one of the file, whose lines have no blanks around them: 0 if it is another.
fn score(lines: &[&str], at: usize, generated: &[&str], line: usize) -> usize {
    let Some(wanted) = generated.get(line).filter(|line| !line.is_empty()) else { return 0 };
    let is_same = lines[at].trim() == *wanted;
    // evcxr puts each of several statements in a line on a line of its own.
    if !is_same && !lines[at].contains(wanted) {
        return 0;
    }
    let before = |back: &usize| {
        let own = at.checked_sub(*back).map(|at| lines[at].trim());
        own.is_some() && own == line.checked_sub(*back).map(|at| generated[at])
    };
    1 + CONTEXT * usize::from(is_same) + (1..=CONTEXT).take_while(before).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_evcxrs_file_is_one_in_a_cell() {
        let mut places = Places::default();
        places.add(3, "fn half(x: i32) -> i32 {\n    assert!(x > 0);\n    x / 2\n}");
        places.add(4, "let a = 1; let b = 2;\n\nhalf(a);\nhalf(b);\nhalf(a);");
        let file = "#![allow(x)]\nfn half(x: i32) -> i32 {\n    assert!(x > 0);\n    x / 2\n}\npub fn run() {\nlet a = 1;\nlet b = 2;\n\
                    half(a);\nhalf(b);\nhalf(a);\n}";
        places.set_generated(file.to_string());
        let place = |line: usize| places.find(&format!("src/lib.rs:{line}:5")).unwrap_or_default();
        assert_eq!(place(3), "cell [3], line 2");
        assert_eq!(place(8), "cell [4], line 1");
        assert_eq!(place(10), "cell [4], line 4");
        assert_eq!(place(11), "cell [4], line 5");
        assert_eq!(place(1), "");
        assert_eq!(place(99), "");
        assert_eq!(places.find("src/main.rs:3:5"), None);
    }
}
