//! How far a learner has come: what is kept of it, and the map of the course.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use super::check::exercise;
use super::{artifact, results};
use crate::engine::error::Context;
use crate::engine::files::{explain, write_whole};
use crate::engine::json::from_json;
use crate::show::Table;

/// Kept in `artifacts/progress.json`, and sent nowhere.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    passed: BTreeSet<String>,
    /// How many hints of an exercise were shown.
    hints: BTreeMap<String, usize>,
}

impl Kept {
    fn load() -> Result<Kept> {
        let path = artifact("progress.json");
        match std::fs::read(&path) {
            Ok(bytes) => from_json(&bytes)
                .with_context(|| format!("{}: delete it; the exercises count anew", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(explain(error, &format!("{} cannot be read", path.display()))),
        }
    }

    fn save(&self) -> Result<()> {
        write_whole(&artifact("progress.json"), serde_json::to_string_pretty(self)?.as_bytes())
    }
}

/// Remembers that an exercise has passed.
pub(super) fn passed(name: &str) -> Result<()> {
    let mut kept = Kept::load()?;
    match kept.passed.insert(name.to_string()) {
        true => kept.save(),
        false => Ok(()),
    }
}

/// Counts one more hint, and says how many that makes.
pub(super) fn one_more_hint(name: &str, most: usize) -> Result<usize> {
    let mut kept = Kept::load()?;
    let count = kept.hints.entry(name.to_string()).or_default();
    *count = (*count + 1).min(most);
    let count = *count;
    kept.save()?;
    Ok(count)
}

/// A map of the course: for each notebook the exercises that have passed, and the best accuracy that it has recorded.
///
/// It is read from `artifacts/`, where checks and notebooks leave what they have found; nothing of it is sent anywhere.
///
/// # Errors
/// If one of those files is damaged.
///
/// ```
/// # let folder = std::env::temp_dir().join("cnn-doc-progress");
/// # std::env::set_var("CNN_ARTIFACTS", &folder);
/// let map = cnn::course::progress()?;
/// assert!(map.to_string().contains("00 Prerequisites"));
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn progress() -> Result<Table> {
    let (kept, results) = (Kept::load()?, results()?);
    let mut table = Table::new("Your course", ["notebook", "exercises", "best accuracy"]);
    let mut counts = (0, 0);
    for (number, title) in super::TITLES.iter().enumerate() {
        let exercises: Vec<_> = exercise::all().filter(|exercise| exercise.notebook == number).collect();
        let passed = exercises.iter().filter(|exercise| kept.passed.contains(exercise.name)).count();
        counts = (counts.0 + passed, counts.1 + exercises.len());
        let prefix = format!("{number:02}_");
        let of_notebook = results.iter().filter(|(name, _)| name.starts_with(&prefix));
        let accuracies = of_notebook.flat_map(|(_, results)| &results.metrics);
        let accuracies = accuracies.filter(|(name, _)| name.contains("accuracy")).map(|(_, value)| *value);
        let best = accuracies.fold(f64::NEG_INFINITY, f64::max);
        let best = if best.is_finite() { format!("{best:.4}") } else { String::new() };
        let done =
            if exercises.is_empty() { String::new() } else { format!("{passed} of {}", exercises.len()) };
        table.row([format!("{number:02} {title}"), done, best]);
    }
    table.note(&format!("{} of {} exercises passed", counts.0, counts.1));
    Ok(table)
}
