//! Where a model errs.

use anyhow::{ensure, Result};
use std::fmt;
use tch::Tensor;

use crate::engine::error::Context;
use crate::preprocessing::{class_numbers, one_per_image};
use crate::show::Table;

/// More classes than this are a mistake: their matrix would have as many rows and columns.
const MOST_CLASSES: usize = 4096;

/// How often each true class was predicted as each class.
///
/// ```
/// use cnn::{tch::Tensor, ConfusionMatrix};
/// let truth = Tensor::from_slice(&[0_i64, 0, 1, 1]);
/// let predicted = Tensor::from_slice(&[0_i64, 1, 1, 1]);
/// let matrix = ConfusionMatrix::new(&truth, &predicted, 2)?;
/// assert_eq!(matrix.count(0, 1), 1); // one 0 was taken for a 1
/// assert_eq!(matrix.accuracy(), 0.75);
/// assert_eq!(matrix.recall(0), 0.5);
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ConfusionMatrix {
    counts: Vec<Vec<i64>>,
    names: Vec<String>,
}

impl ConfusionMatrix {
    /// Counts pairs of true and predicted class numbers, both `[n]` (or `[n, 1]`), for `classes` classes. Of probabilities
    /// `[n, classes]`, `argmax(-1, false)` gives the class numbers; of those of a single output, `[n, 1]`, `gt(0.5)` does.
    ///
    /// # Errors
    /// If the two differ in length, a number is not a whole one from 0 to `classes - 1`, or `classes` is 0 or above 4,096.
    pub fn new(y_true: &Tensor, y_pred: &Tensor, classes: usize) -> Result<Self> {
        ensure!(
            (1..=MOST_CLASSES).contains(&classes),
            "classes must be from 1 to {MOST_CLASSES}, not {classes}; it is the number of classes that the model tells apart"
        );
        let numbers = |name: &str, labels: &Tensor| -> Result<Vec<i64>> {
            let numbers = one_per_image(labels).with_context(|| {
                format!(
                    "{name} has the shape {:?}, and class numbers [n] are wanted; argmax(-1, false) turns \
                     probabilities or one-hot rows into them",
                    labels.size()
                )
            })?;
            let more = |high: i64| {
                format!("ConfusionMatrix::new(y_true, y_pred, {}) has room for all", high.saturating_add(1))
            };
            Ok(class_numbers(&format!("the labels {name}"), &numbers, classes as i64, more)?.try_into()?)
        };
        let (truth, predicted) = (numbers("y_true", y_true)?, numbers("y_pred", y_pred)?);
        ensure!(
            truth.len() == predicted.len(),
            "y_true has {} labels and y_pred {}; there must be as many",
            truth.len(),
            predicted.len()
        );
        let mut counts = vec![vec![0; classes]; classes];
        for (truth, predicted) in truth.into_iter().zip(predicted) {
            counts[truth as usize][predicted as usize] += 1;
        }
        Ok(ConfusionMatrix { counts, names: (0..classes).map(|class| class.to_string()).collect() })
    }

    /// Gives the classes names, in the order of their numbers, which stand in tables and in
    /// [`plots::confusion_matrix`](crate::plots::confusion_matrix) from then on. Without, they are called as their numbers.
    ///
    /// # Errors
    /// If there are not as many names as classes.
    ///
    /// ```
    /// use cnn::{tch::Tensor, ConfusionMatrix};
    /// let (truth, predicted) = (Tensor::from_slice(&[0_i64, 0, 1]), Tensor::from_slice(&[0_i64, 1, 1]));
    /// let matrix = ConfusionMatrix::new(&truth, &predicted, 2)?.class_names(&["cat", "dog"])?;
    /// assert_eq!(matrix.class_name(1), "dog");
    /// assert!(matrix.report().to_string().contains("cat"));
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    pub fn class_names<S: AsRef<str>>(self, names: &[S]) -> Result<Self> {
        ensure!(
            names.len() == self.classes(),
            "the matrix has {} classes, and there are {} class names; there must be as many, in the order of the labels",
            self.classes(),
            names.len()
        );
        Ok(ConfusionMatrix { names: names.iter().map(|name| name.as_ref().to_string()).collect(), ..self })
    }

    /// What a class is called: its number, where no names were given; empty for classes that do not exist.
    pub fn class_name(&self, class: usize) -> &str {
        self.names.get(class).map_or("", String::as_str)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// How often class `truth` was predicted as class `predicted`; 0 for classes that do not exist.
    pub fn count(&self, truth: usize, predicted: usize) -> i64 {
        self.counts.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// How many samples have the true class `class`.
    pub fn support(&self, class: usize) -> i64 {
        (0..self.classes()).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Share of all samples that were predicted rightly.
    pub fn accuracy(&self) -> f64 {
        let right = (0..self.classes()).map(|class| self.count(class, class)).sum();
        share(right, self.total())
    }

    /// Of the samples predicted as `class`, the share that truly are; 0 where none was predicted so.
    pub fn precision(&self, class: usize) -> f64 {
        let predicted = (0..self.classes()).map(|truth| self.count(truth, class)).sum();
        share(self.count(class, class), predicted)
    }

    /// Of the samples that truly are `class`, the share predicted so; 0 where there are none.
    pub fn recall(&self, class: usize) -> f64 {
        share(self.count(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall; 0 where both are.
    pub fn f1(&self, class: usize) -> f64 {
        let (precision, recall) = (self.precision(class), self.recall(class));
        if precision + recall == 0.0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        }
    }

    /// Precision, recall, F1 and support of every class, as scikit-learn's `classification_report`.
    pub fn report(&self) -> Table {
        let mut table = Table::new("", ["class", "precision", "recall", "f1-score", "support"]);
        let mut row = |name: &str, [precision, recall, f1]: [f64; 3], support: i64| {
            let [precision, recall, f1] = [precision, recall, f1].map(|value| format!("{value:.4}"));
            table.row([name.to_string(), precision, recall, f1, support.to_string()]);
        };
        let scores = |class| [self.precision(class), self.recall(class), self.f1(class)];
        for class in 0..self.classes() {
            row(self.class_name(class), scores(class), self.support(class));
        }
        row("macro avg", self.mean(scores, |_| 1.0), self.total());
        row("weighted avg", self.mean(scores, |class| self.support(class) as f64), self.total());
        table.note(&format!("accuracy {:.4}", self.accuracy()));
        table
    }

    /// The (truth, predicted, count) of wrong predictions, the most frequent first.
    pub fn confusions(&self) -> Vec<(usize, usize, i64)> {
        let classes = self.classes();
        let pairs = (0..classes).flat_map(|truth| (0..classes).map(move |predicted| (truth, predicted)));
        let wrong = pairs.filter(|(truth, predicted)| truth != predicted);
        let mut found: Vec<_> =
            wrong.map(|(truth, predicted)| (truth, predicted, self.count(truth, predicted))).collect();
        found.retain(|&(_, _, count)| count > 0);
        found.sort_by_key(|&(_, _, count)| -count);
        found
    }

    fn total(&self) -> i64 {
        self.counts.iter().flatten().sum()
    }

    fn mean(&self, scores: impl Fn(usize) -> [f64; 3], weight: impl Fn(usize) -> f64) -> [f64; 3] {
        let total: f64 = (0..self.classes()).map(&weight).sum();
        [0, 1, 2].map(|score| {
            let sum: f64 = (0..self.classes()).map(|class| scores(class)[score] * weight(class)).sum();
            if total == 0.0 {
                0.0
            } else {
                sum / total
            }
        })
    }

    /// True classes as rows, predicted classes as columns.
    pub fn table(&self) -> Table {
        let names = self.names.iter().cloned();
        let mut table = Table::new("", ["true \\ predicted".to_string()].into_iter().chain(names.clone()));
        for (name, row) in names.zip(&self.counts) {
            table.row([name].into_iter().chain(row.iter().map(i64::to_string)));
        }
        table
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.table().show();
    }
}

impl fmt::Debug for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.table())
    }
}

fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_tables() {
        let labels = Tensor::from_slice(&[0_i64, 1, 1, 2]);
        let matrix = || ConfusionMatrix::new(&labels, &labels, 3).unwrap();
        let names = ["cat", "T-shirt/top", "7"];
        let named = matrix().class_names(&names).unwrap();
        assert_eq!(names, [0, 1, 2].map(|class| named.class_name(class)));
        let heads = |table: Table| -> Vec<String> {
            let text = table.to_string();
            text.lines().map(|line| line.split('│').next().unwrap().trim().to_string()).collect()
        };
        assert_eq!(heads(named.table())[2..], names);
        assert_eq!(heads(named.report())[2..5], names);
        assert!(named.table().to_string().starts_with(" true \\ predicted │ cat │ T-shirt/top │ 7"));
        // Numbers as names are as none.
        assert!(matrix().class_names(&["0", "1", "2"]).unwrap() == matrix());
        assert_eq!(heads(matrix().table())[2..], ["0", "1", "2"]);
    }

    #[test]
    fn there_are_as_many_names_as_classes() {
        let labels = Tensor::from_slice(&[0_i64, 1]);
        let message = ConfusionMatrix::new(&labels, &labels, 2).unwrap().class_names(&["cat"]).unwrap_err();
        assert!(message.to_string().contains("2 classes, and there are 1 class names"), "{message}");
    }
}
