//! The exercises of notebook 06: visualising training results.

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, list};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "lowest_epoch",
        notebook: 6,
        hints: &[
            "Go through the losses and remember the lowest so far, and in which epoch it was.",
            "`enumerate()` counts from 0, epochs count from 1.",
            "For an iterator: `min_by(|a, b| a.1.total_cmp(b.1))` after `enumerate()`; floats have no `min` of their own there.",
        ],
        solution: include_str!("solutions/lowest_epoch.rs"),
        why: "Before it the model still gains on images it has not seen, after it on the others alone.",
    },
    Exercise {
        name: "stopping_epoch",
        notebook: 6,
        hints: &[
            "Keep two things: the lowest loss so far, and for how many epochs in a row there was none lower.",
            "A lower loss than ever sets the count to 0; any other adds 1. Compare with the best, not with the epoch before.",
            "When the count reaches `patience` the training ends, after this very epoch. If it never does, all epochs are run.",
        ],
        solution: include_str!("solutions/stopping_epoch.rs"),
        why: "It waits for so many epochs without a new best, so a single bad one does not end a training.",
    },
    Exercise {
        name: "smoothed",
        notebook: 6,
        hints: &[
            "One number for each epoch: the mean of its own value and of those just before it.",
            "For place `i` the first is at `i + 1 - window`, or at 0 where there are not so many: `saturating_sub` stops at 0.",
            "A slice, `&values[first..=i]`, has the values; divide their sum by how many they are, which at the beginning are fewer.",
        ],
        solution: include_str!("solutions/smoothed.rs"),
        why: "Only what has already happened is averaged, so the curve could be drawn while the training runs.",
    },
];

/// Whether `answer` finds the epoch with the lowest validation loss.
pub fn lowest_epoch(answer: impl Fn(&[f64]) -> usize) -> Checked {
    examine("lowest_epoch", || {
        for losses in [vec![0.9, 0.5, 0.3, 0.35, 0.6], vec![0.2, 0.4], vec![2.3, 1.2, 1.1, 1.15, 0.8, 0.7]] {
            let found = attempt(|| answer(&losses))?;
            let place_of = |better: fn(f64, f64) -> bool| {
                (0..losses.len()).fold(0, |best, i| if better(losses[i], losses[best]) { i } else { best })
            };
            let (lowest, highest) = (place_of(|a, b| a < b), place_of(|a, b| a > b));
            let mistakes = [
                (lowest as i64, "epochs count from 1"),
                (highest as i64 + 1, "there the loss is highest"),
                (losses.len() as i64, "that is the last epoch"),
            ];
            count(&format!("for the losses {losses:?}"), found as i64, lowest as i64 + 1, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` tells after which epoch `EarlyStopping` ends a training.
pub fn stopping_epoch(answer: impl Fn(&[f64], usize) -> usize) -> Checked {
    examine("stopping_epoch", || {
        let bumpy = vec![0.9, 0.7, 0.8, 0.75, 0.6, 0.65, 0.62, 0.61, 0.55, 0.5];
        let cases = [
            (bumpy.clone(), 3, 8),
            (bumpy.clone(), 2, 4),
            (bumpy, 1, 3),
            (vec![0.9, 0.8, 0.7], 2, 3),
            (vec![0.5, 0.6, 0.4, 0.6, 0.3], 2, 5),
            (vec![0.5, 0.5, 0.5, 0.5], 2, 3),
        ];
        for (losses, patience, wanted) in cases {
            let found = attempt(|| answer(&losses, patience))?;
            let before =
                |end: usize| (0..end).fold(0, |best, i| if losses[i] < losses[best] { i } else { best }) + 1;
            let mistakes = [
                (
                    wanted as i64 - 1,
                    "epochs count from 1, and the one that exhausts the patience is run to its end",
                ),
                (wanted as i64 + 1, "one epoch too late: it ends as soon as so many in a row were no better"),
                (
                    before(wanted) as i64,
                    "that is the best epoch; the training goes on until the patience ends",
                ),
                (losses.len() as i64, "that is the last epoch: the patience ends before"),
            ];
            let what = format!("for the losses {losses:?} and a patience of {patience}");
            let known = mistakes.iter().find(|(value, _)| *value == found as i64).map(|(_, why)| *why);
            expect(found == wanted, || {
                match known {
                Some(why) => format!("{what} your answer is {found}: {why}"),
                None => format!("{what} your answer is {found}, and {wanted} is right: count the epochs in a row that were no better than the best before them"),
            }
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` makes a moving average.
pub fn smoothed(answer: impl Fn(&[f64], usize) -> Vec<f64>) -> Checked {
    examine("smoothed", || {
        for (values, window) in
            [(vec![6.0, 3.0, 0.0, 9.0, 6.0], 3), (vec![1.0, 5.0, 2.0], 1), (vec![4.0, 2.0], 5)]
        {
            let found = attempt(|| answer(&values, window))?;
            let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
            let last = values.len() - 1;
            let before: Vec<&[f64]> =
                (0..=last).map(|i| &values[(i + 1).saturating_sub(window)..=i]).collect();
            let each = |of: &dyn Fn(usize) -> f64| (0..=last).map(of).collect::<Vec<f64>>();
            let mistakes = [
                (
                    values.windows(window).map(mean).collect(),
                    "there is a number for each epoch, also where there are fewer before it",
                ),
                (
                    each(&|i| before[i].iter().sum::<f64>() / window as f64),
                    "at the beginning there are fewer; divide by how many there are",
                ),
                (each(&|i| before[i].iter().sum()), "these are sums; divide by how many there are"),
                (
                    each(&|i| mean(&values[i..(i + window).min(last + 1)])),
                    "these are means of what comes; take what was before",
                ),
                (
                    each(&|i| mean(&values[i.saturating_sub(window / 2)..=(i + window / 2).min(last)])),
                    "the window stands around each epoch; it should end there",
                ),
                (
                    each(&|i| mean(&values[i.saturating_sub(window)..=i])),
                    "the window has one value too many: the epoch itself is one of them",
                ),
                (
                    each(&|i| mean(&values[..=i])),
                    "that is the mean since the beginning; the window has an end",
                ),
                (values.clone(), "these are the values as they were"),
            ];
            let wanted = each(&|i| mean(before[i]));
            list(&format!("for the values {values:?} and a window of {window}"), &found, &wanted, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;

    solutions!(lowest_epoch, stopping_epoch, smoothed);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(lowest_epoch(|_| todo!()), "not attempted");
        says(stopping_epoch(|_, _| todo!()), "not attempted");
        says(smoothed(|_, _| todo!()), "not attempted");
    }

    fn place(of: &[f64], order: fn(&f64, &f64) -> std::cmp::Ordering) -> usize {
        of.iter().enumerate().min_by(|a, b| order(a.1, b.1)).unwrap().0
    }

    /// Ends where `is_worse` has held so many times, counted anew by `anew`.
    fn stopped(losses: &[f64], patience: usize, anew: bool, is_worse: fn(&[f64]) -> bool) -> usize {
        let mut waited = 0;
        for end in 1..=losses.len() {
            waited = if is_worse(&losses[..end]) {
                waited + 1
            } else if anew {
                0
            } else {
                waited
            };
            if waited >= patience {
                return end;
            }
        }
        losses.len()
    }

    fn no_best(losses: &[f64]) -> bool {
        let (last, before) = losses.split_last().unwrap();
        before.iter().any(|loss| loss <= last)
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let looped = |losses: &[f64]| {
            let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
            losses.iter().position(|&loss| loss == lowest).unwrap() + 1
        };
        assert!(lowest_epoch(looped).has_passed());
        assert!(stopping_epoch(|losses, patience| stopped(losses, patience, true, no_best)).has_passed());
        let sums = |values: &[f64], window: usize| {
            let mean = |i: usize| {
                let recent: Vec<f64> = values[..=i].iter().rev().take(window).copied().collect();
                recent.iter().sum::<f64>() / recent.len() as f64
            };
            (0..values.len()).map(mean).collect()
        };
        assert!(smoothed(sums).has_passed());
    }

    #[test]
    fn epochs_that_people_give() {
        says(lowest_epoch(|losses| place(losses, f64::total_cmp)), "epochs count from 1");
        says(lowest_epoch(|losses| place(losses, |a, b| b.total_cmp(a)) + 1), "there the loss is highest");
        says(lowest_epoch(|losses| losses.len()), "the last epoch");
        says(lowest_epoch(|_| 3), "and 1 is right");
        let first_rise = |losses: &[f64]| {
            losses.windows(2).position(|pair| pair[1] > pair[0]).unwrap_or(losses.len() - 1) + 1
        };
        says(lowest_epoch(first_rise), "your answer is 3, and 6 is right");
        says(lowest_epoch(|losses| losses[losses.len()] as usize), "it panicked");
    }

    #[test]
    fn stops_that_people_give() {
        says(
            stopping_epoch(|losses, patience| stopped(losses, patience, true, no_best) - 1),
            "epochs count from 1",
        );
        says(
            stopping_epoch(|losses, patience| stopped(losses, patience + 1, true, no_best)),
            "the last epoch",
        );
        says(
            stopping_epoch(|losses, patience| {
                (stopped(losses, patience, true, no_best) + 1).min(losses.len())
            }),
            "one epoch too late",
        );
        says(stopping_epoch(|losses, _| place(losses, f64::total_cmp) + 1), "the last epoch");
        says(
            stopping_epoch(|losses, patience| stopped(losses, patience, true, no_best) - patience),
            "that is the best epoch",
        );
        says(
            stopping_epoch(|losses, patience| stopped(losses, patience, false, no_best)),
            "count the epochs in a row",
        );
        let than_before =
            |losses: &[f64]| losses.len() > 1 && losses[losses.len() - 1] >= losses[losses.len() - 2];
        says(
            stopping_epoch(move |losses, patience| stopped(losses, patience, true, than_before)),
            "the last epoch",
        );
        says(stopping_epoch(|losses, patience| losses[patience * 100] as usize), "it panicked");
    }

    #[test]
    fn moving_averages_that_people_give() {
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        says(smoothed(|values, window| values.windows(window).map(mean).collect()), "for each epoch");
        let sum = |values: &[f64], i: usize, window: usize| {
            values[(i + 1).saturating_sub(window)..=i].iter().sum::<f64>()
        };
        let all = |values: &[f64]| 0..values.len();
        says(
            smoothed(|values, window| all(values).map(|i| sum(values, i, window) / window as f64).collect()),
            "there are fewer; divide",
        );
        says(
            smoothed(|values, window| all(values).map(|i| sum(values, i, window)).collect()),
            "these are sums",
        );
        says(
            smoothed(|values, window| {
                all(values).map(|i| mean(&values[i..(i + window).min(values.len())])).collect()
            }),
            "take what was before",
        );
        says(
            smoothed(|values, window| {
                all(values).map(|i| mean(&values[i.saturating_sub(window)..=i])).collect()
            }),
            "one value too many",
        );
        says(smoothed(|values, _| all(values).map(|i| mean(&values[..=i])).collect()), "since the beginning");
        says(smoothed(|values, _| values.to_vec()), "as they were");
        says(
            smoothed(|values, window| all(values).map(|i| mean(&values[i + 1 - window..=i])).collect()),
            "it panicked",
        );
    }
}
