//! The exercises of notebook 15: deployment.

use anyhow::Result;
use tch::Tensor;

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, near, number, short};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "digits_of",
        notebook: 15,
        hints: &[
            "Two steps: text to numbers, then for each row of numbers the place of the largest.",
            "`cnn::serde_json::from_str` makes a `Value` of the text; `answer[\"predictions\"]` is the list of rows, or null.",
            "`cnn::serde_json::from_value` makes a `Vec<Vec<f64>>` of a copy of that, or an error where there is no such list: `?`.",
        ],
        solution: include_str!("solutions/digits_of.rs"),
        why: "An answer without predictions is an error, and goes to whoever has asked; a guess would be worse.",
    },
    Exercise {
        name: "percentile",
        notebook: 15,
        hints: &[
            "Put the times in order, the shortest first: where in that row is the one you want?",
            "Floats have no order of their own: `sort_by(f64::total_cmp)` on a copy, `to_vec()`.",
            "With a share of 0.99 it is the place after 99 of 100: multiply the number of times by the share, round up, and count from 0.",
        ],
        solution: include_str!("solutions/percentile.rs"),
        why: "So many have waited no longer; the mean would hide the few that waited long.",
    },
    Exercise {
        name: "mean_confidence",
        notebook: 15,
        hints: &[
            "One number for each image first: how sure the model is of its own answer.",
            "`amax([-1_i64].as_slice(), false)` has the largest probability of each row.",
            "Then the mean over the images: `mean(Kind::Double)`, and `double_value(&[])`.",
        ],
        solution: include_str!("solutions/mean_confidence.rs"),
        why: "It needs no labels, so it can be watched in production: where it falls, something has changed.",
    },
];

/// Whether `answer` reads the digits from what the server has answered.
pub fn digits_of(answer: impl Fn(&str) -> Result<Vec<i64>>) -> Checked {
    examine("digits_of", || {
        let three = r#"{"predictions": [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.0, 0.1, 0.9]]}"#;
        let cases = [
            (three, vec![1_i64, 0, 2]),
            ("{ \"predictions\" : [\n  [0, 0, 0, 0, 0, 0, 0, 0, 1.0, 0] ] }", vec![8]),
            (r#"{"predictions": [[1e-3, 2.5e-2, 9e-4, 0.97]], "model": "digits"}"#, vec![3]),
        ];
        for (text, wanted) in cases {
            let found = attempt(|| answer(text))?;
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    return expect(false, || format!("for {text} it returned the error: {error:#}"))
                }
            };
            let what = format!("for {text} your answer is {found:?}");
            expect(found == wanted, || match found.as_slice() {
                [] => format!("{what}: there is a digit for each row"),
                [one] if wanted.len() > 1 && *one == wanted[0] => {
                    format!("{what}: that is the first; each row is an image")
                }
                _ if found.iter().map(|digit| digit - 1).eq(wanted.iter().copied()) => {
                    format!("{what}: digits count from 0")
                }
                _ if found.len() != wanted.len() => {
                    format!("{what}, and {} rows were given: one digit for each", wanted.len())
                }
                _ => format!("{what}, and {wanted:?} is right: the place of the largest in each row"),
            })?;
        }
        for text in
            [r#"{"error": "Expecting images of shape [1,28,28]"}"#, r#"{"predictions": [[0.1, 0.9"#, ""]
        {
            match attempt(|| answer(text))? {
                Err(_) => {}
                Ok(found) => {
                    return expect(false, || {
                        format!("for {text:?}, which has no predictions, your answer is {found:?}; an error is wanted: let ? hand it on")
                    })
                }
            }
        }
        Ok(())
    })
}

/// Whether `answer` gives the time within which a share of the requests were answered.
pub fn percentile(answer: impl Fn(&[f64], f64) -> f64) -> Checked {
    examine("percentile", || {
        let mixed = |count: usize| -> Vec<f64> { (0..count).map(|i| (1 + i * 389 % count) as f64).collect() };
        for (count, share, wanted) in
            [(1_000, 0.99, 990.0), (1_000, 0.5, 500.0), (200, 0.95, 190.0), (1_000, 0.25, 250.0)]
        {
            let waited: Vec<f64> = mixed(count).iter().map(|wait| wait * wait).collect();
            let found = attempt(|| answer(&waited, share))?;
            let right = |place: f64| near(found, place * place);
            // Some count the place a little differently.
            let near_by = [wanted - 1.0, wanted, wanted + 1.0].into_iter().any(right);
            let between = found > (wanted - 1.0).powi(2) && found < (wanted + 1.0).powi(2);
            let (n, mean) = (count as f64, waited.iter().sum::<f64>() / count as f64);
            let what = format!(
                "for {count} times from 1 to {} ms, in any order, and a share of {share}, your answer is {}",
                short(n * n),
                short(found)
            );
            expect(near_by || between, || match () {
                _ if right(n) && wanted < n => format!("{what}: that is the longest of all"),
                _ if near(found, mean) => {
                    format!("{what}: that is the mean, which hides the few that waited long")
                }
                _ if near(found, mean * share) || near(found, share * n * n) => {
                    format!("{what}: the share is one of the requests, not of the time")
                }
                _ if (-1..=1).any(|by| right(n - wanted + by as f64)) => {
                    format!("{what}: so many have waited *longer*; sort the shortest first")
                }
                _ if (-1..=1).any(|by| {
                    waited.get((wanted as i64 + by) as usize).is_some_and(|&wait| near(found, wait))
                }) =>
                {
                    format!("{what}: that is the time at this place before they are sorted")
                }
                _ => format!("{what}, and about {} is right", short(wanted * wanted)),
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` gives the mean confidence of a batch of answers.
pub fn mean_confidence(answer: impl Fn(&Tensor) -> f64) -> Checked {
    examine("mean_confidence", || {
        let rows = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.98, 0.01, 0.01]];
        for images in [4, 2, 1] {
            let rows = &rows[..images];
            let found = attempt(|| answer(&floats(&rows.concat(), &[-1, 3])))?;
            let largest: Vec<f64> = rows.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect();
            let sum: f64 = largest.iter().sum();
            let (highest, least) =
                (largest.iter().copied().fold(0.0, f64::max), largest.iter().copied().fold(1.0, f64::min));
            let columns: f64 =
                (0..3).map(|column| rows.iter().map(|row| row[column]).fold(0.0, f64::max)).sum();
            let mistakes = [
                (1.0 / 3.0, "that is the mean of all probabilities, always one by the number of classes"),
                (sum, "that is the sum; divide by the number of images"),
                (sum / 3.0, "divide by the number of images, not of classes"),
                (1.0 - sum / images as f64, "that is how unsure it is"),
                (columns / 3.0, "that is the largest of each class; a row is an image"),
                (100.0 * sum / images as f64, "a share from 0 to 1, please, no percentage"),
                (highest, "that is the surest of the answers; their mean is wanted"),
                (least, "that is the least sure of the answers; their mean is wanted"),
            ];
            number(&format!("for the probabilities {rows:?}"), found, sum / images as f64, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use serde_json::{from_str, from_value, Value};
    use tch::Kind;

    solutions!(digits_of, percentile, mean_confidence);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(digits_of(|_| todo!()), "not attempted");
        says(percentile(|_, _| todo!()), "not attempted");
        says(mean_confidence(|_| todo!()), "not attempted");
    }

    fn rows(text: &str) -> Result<Vec<Vec<f64>>> {
        Ok(from_value(from_str::<Value>(text)?["predictions"].clone())?)
    }

    fn largest(row: &[f64]) -> i64 {
        (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as i64
    }

    fn sorted(waited: &[f64]) -> Vec<f64> {
        let mut waited = waited.to_vec();
        waited.sort_by(f64::total_cmp);
        waited
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let by_hand = |text: &str| {
            let value: Value = from_str(text)?;
            let Some(rows) = value["predictions"].as_array() else { anyhow::bail!("{text}") };
            let numbers = |row: &Value| {
                row.as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect::<Vec<f64>>()
            };
            Ok(rows.iter().map(|row| largest(&numbers(row))).collect())
        };
        assert!(digits_of(by_hand).has_passed());
        assert!(percentile(|waited, share| sorted(waited)[((waited.len() - 1) as f64 * share) as usize])
            .has_passed());
        let interpolated = |waited: &[f64], share: f64| {
            let quantile = Tensor::from_slice(waited).quantile_scalar(share, None::<i64>, false, "linear");
            quantile.double_value(&[])
        };
        assert!(percentile(interpolated).has_passed());
        assert!(mean_confidence(|p| p
            .max_dim(1, false)
            .0
            .to_kind(Kind::Double)
            .mean(Kind::Double)
            .double_value(&[]))
        .has_passed());
    }

    #[test]
    fn digits_that_people_give() {
        let digits =
            |text: &str| -> Result<Vec<i64>> { Ok(rows(text)?.iter().map(|row| largest(row)).collect()) };
        says(digits_of(move |text| Ok(digits(text)?[..1].to_vec())), "that is the first");
        says(
            digits_of(move |text| Ok(digits(text)?.iter().map(|digit| digit + 1).collect())),
            "digits count from 0",
        );
        says(digits_of(move |text| Ok(digits(text).unwrap_or_default())), "an error is wanted");
        says(digits_of(move |text| Ok(digits(text).unwrap())), "it panicked");
        says(digits_of(|_| Ok(Vec::new())), "a digit for each row");
        says(digits_of(|_| Ok(vec![1, 0, 2])), "and 1 rows were given");
        says(digits_of(|text| Ok(vec![text.parse()?])), "it returned the error: ");
        says(
            digits_of(|text| Ok(rows(text)?.iter().map(|row| row.len() as i64 - 1).collect())),
            "the place of the largest",
        );
    }

    #[test]
    fn percentiles_that_people_give() {
        says(percentile(|waited, _| sorted(waited)[waited.len() - 1]), "the longest of all");
        says(percentile(|waited, _| waited.iter().sum::<f64>() / waited.len() as f64), "that is the mean");
        says(percentile(|waited, share| share * sorted(waited)[waited.len() - 1]), "not of the time");
        says(
            percentile(|waited, share| sorted(waited)[((1.0 - share) * waited.len() as f64) as usize]),
            "waited *longer*",
        );
        says(
            percentile(|waited, share| waited[(waited.len() as f64 * share) as usize]),
            "before they are sorted",
        );
        says(percentile(|waited, _| sorted(waited)[waited.len() / 2]), "is right");
        says(percentile(|waited, _| waited[waited.len()]), "it panicked");
    }

    #[test]
    fn confidences_that_people_give() {
        let rows = |p: &Tensor| p.amax([-1_i64].as_slice(), false);
        says(mean_confidence(|p| p.mean(Kind::Double).double_value(&[])), "the mean of all probabilities");
        says(mean_confidence(|p| rows(p).sum(Kind::Double).double_value(&[])), "that is the sum");
        says(mean_confidence(|p| p.max().double_value(&[])), "the surest of the answers");
        says(mean_confidence(|p| 1.0 - rows(p).mean(Kind::Double).double_value(&[])), "how unsure");
        says(
            mean_confidence(|p| p.amax([0_i64].as_slice(), false).mean(Kind::Double).double_value(&[])),
            "a row is an image",
        );
        says(mean_confidence(|p| 100.0 * rows(p).mean(Kind::Double).double_value(&[])), "no percentage");
        says(mean_confidence(|p| rows(p).min().double_value(&[])), "the least sure");
        says(mean_confidence(|p| rows(p).double_value(&[])), "it panicked");
    }
}
