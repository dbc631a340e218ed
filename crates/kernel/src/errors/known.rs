//! What the kernel knows of the notebook when a cell fails.

use std::collections::BTreeMap;

/// Names in the notebook, and what has become of them.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The variables that there are now, with their types.
    pub variables: BTreeMap<String, String>,
    /// Variables that a cell has moved, with the number of that cell. A name leaves the list when a cell defines it again.
    pub given_away: Vec<(String, usize)>,
    /// Variables that were lost, with the reason, such as "the process that ran the cells has ended in cell 4".
    pub lost: Vec<(String, String)>,
    /// Which cell has defined a variable, a function or a type.
    pub defined_in: BTreeMap<String, usize>,
}

impl Known {
    /// The name of the notebook that is most like this one, if one is like it.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let gone = self.given_away.iter().map(|(name, _)| name).chain(self.lost.iter().map(|(name, _)| name));
        let gone: Vec<&String> = gone.collect();
        let there = self.variables.keys().chain(self.defined_in.keys());
        let others = there.filter(|other| *other != name && !gone.contains(other));
        let near = others.map(|other| (distance(name, other), other.as_str()));
        near.filter(|&(distance, other)| distance <= 1 + name.len().min(other.len()) / 4)
            .min()
            .map(|(_, other)| other)
    }
}

/// How many letters have to be added, left out, replaced or swapped with their neighbour, without regard to capitals.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_of_the_keyboard_away() {
        let variables =
            ["model", "x_train", "x_test", "n", "m"].map(|name| (name.to_string(), "i32".to_string()));
        let known = Known { variables: variables.into(), ..Known::default() };
        for (typed, meant) in [
            ("modle", Some("model")),
            ("Model", Some("model")),
            ("x_trian", Some("x_train")),
            ("x_tets", Some("x_test")),
            ("model", None),
            ("history", None),
            ("y_valid", None),
        ] {
            assert_eq!(known.nearest(typed), meant, "{typed}");
        }
    }
}
