//! The exercises of the course: their hints and solutions.

use anyhow::{bail, Result};

/// An exercise. Its check is the function of this name.
pub(in crate::course) struct Exercise {
    pub name: &'static str,
    /// The number of its notebook.
    pub notebook: usize,
    /// From a nudge to nearly all.
    pub hints: &'static [&'static str],
    /// A cell that passes.
    pub solution: &'static str,
    /// Why it is so, in a line.
    pub why: &'static str,
}

/// All of them, in the course's order.
pub(in crate::course) fn all() -> impl Iterator<Item = &'static Exercise> {
    super::NOTEBOOKS.iter().copied().flatten()
}

/// The exercise of this name.
///
/// # Errors
/// If there is none.
pub(super) fn named(name: &str) -> Result<&'static Exercise> {
    match all().find(|exercise| exercise.name == name) {
        Some(exercise) => Ok(exercise),
        None => {
            let names: Vec<&str> = all().map(|exercise| exercise.name).collect();
            bail!("there is no exercise {name:?}. There are: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exercise_is_whole() {
        let names: Vec<&str> = all().map(|exercise| exercise.name).collect();
        for exercise in all() {
            let name = exercise.name;
            assert_eq!(names.iter().filter(|&&other| other == name).count(), 1, "{name} is there twice");
            assert!((1..=3).contains(&exercise.hints.len()), "{name} has {} hints", exercise.hints.len());
            assert!(
                exercise.solution.contains(&format!("fn {name}(")),
                "the solution of {name} is another's"
            );
            assert!(!exercise.why.is_empty() && exercise.notebook < 16, "{name}");
        }
    }

    #[test]
    fn no_hint_gives_the_solution_away() {
        let bare = |text: &str| text.split_whitespace().collect::<String>().replace('`', "");
        for exercise in all() {
            let body = exercise.solution.split_once('{').map_or("", |(_, body)| body);
            for line in body.lines().map(bare).filter(|line| line.len() > 12) {
                let told = exercise.hints.iter().find(|hint| bare(hint).contains(&line));
                assert_eq!(told, None, "a hint of {} contains {line}", exercise.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_gets_the_list() {
        let error = named("itertions").err().unwrap().to_string();
        assert!(error.contains("\"itertions\"") && error.contains("iterations"), "{error}");
    }
}
