//! The exercises of notebook 14: hyperparameter tuning.

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, number};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "log_uniform",
        notebook: 14,
        hints: &[
            "Half of the way in the logarithm is as many times `low` as `high` is many times it.",
            "The whole way multiplies `low` by `high / low`. What does a share of the way multiply it by?",
            "By that factor to the power of `share`: `powf`.",
        ],
        solution: include_str!("solutions/log_uniform.rs"),
        why: "Equal steps multiply by equal factors, so 0.0001 to 0.001 gets as many trials as 0.01 to 0.1.",
    },
    Exercise {
        name: "survivors",
        notebook: 14,
        hints: &[
            "The places are wanted, not the accuracies: begin with all places, and sort them.",
            "`sort_by(|&a, &b| …)` on a `Vec` of places may look up the accuracies of both; `total_cmp` compares floats.",
            "The larger comes first if `b` is compared with `a`; `truncate(keep)` keeps the first of them.",
        ],
        solution: include_str!("solutions/survivors.rs"),
        why: "Sorting places instead of values tells which networks go on, not only how good they are.",
    },
    Exercise {
        name: "halving_epochs",
        notebook: 14,
        hints: &[
            "Rung by rung: how many networks run, and for how many epochs *more* than at the rung before?",
            "Networks go on where they were: from epoch 3 to epoch 9 each needs 6.",
            "After each rung a third goes on, rounded up: `div_ceil(3)`.",
        ],
        solution: include_str!("solutions/halving_epochs.rs"),
        why: "Each rung trains a third of the networks for about three times as long, so all rungs cost about the same.",
    },
];

/// Whether `answer` spreads shares from 0 to 1 evenly over the logarithm of a range.
pub fn log_uniform(answer: impl Fn(f64, f64, f64) -> f64) -> Checked {
    examine("log_uniform", || {
        let cases = [
            (0.5, 0.01, 1.0, 0.1),
            (0.0, 0.01, 1.0, 0.01),
            (1.0, 0.01, 1.0, 1.0),
            (0.25, 0.01, 100.0, 0.1),
            (0.5, 4.0, 64.0, 16.0),
        ];
        for (share, low, high, wanted) in cases {
            let found = attempt(|| answer(share, low, high))?;
            let log = low.ln() + share * (high.ln() - low.ln());
            let mistakes = [
                (low + share * (high - low), "that is even in the number itself; be even in its logarithm"),
                (high * (low / high).powf(share), "it runs backwards: 0 is the lower end"),
                (log, "that is the logarithm; take exp of it"),
                (log / std::f64::consts::LN_10, "that is the logarithm; 10 to that power is wanted"),
                (10_f64.powf(log), "logarithm and power have different bases"),
                ((log / std::f64::consts::LN_10).exp(), "logarithm and power have different bases"),
                (low * high.powf(share), "the factor of the whole way is high / low"),
                (low * (high - low).powf(share), "the factor of the whole way is high / low"),
                (low * (high / low) * share, "a share of the way is the factor to that power"),
            ];
            let what = format!("for a share of {share} between {low} and {high}");
            number(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` tells which of the networks are the best.
pub fn survivors(answer: impl Fn(&[f64], usize) -> Vec<usize>) -> Checked {
    examine("survivors", || {
        let accuracies = [0.91, 0.32, 0.97, 0.88, 0.95, 0.11];
        for (part, keep, wanted) in
            [(6, 2, vec![2, 4]), (6, 4, vec![2, 4, 0, 3]), (4, 1, vec![2]), (2, 5, vec![0, 1])]
        {
            let accuracies = &accuracies[..part];
            let found = attempt(|| answer(accuracies, keep))?;
            let what =
                format!("for the accuracies {accuracies:?} and {keep} to keep your answer is {found:?}");
            let mut in_order = wanted.clone();
            in_order.sort();
            let mut worst: Vec<usize> = (0..part).collect();
            worst.sort_by(|&a, &b| accuracies[a].total_cmp(&accuracies[b]));
            let backwards: Vec<usize> = wanted.iter().rev().copied().collect();
            worst.truncate(keep);
            expect(found == wanted, || match &found {
                _ if found == worst => format!("{what}: these are the worst"),
                _ if found == in_order || found == backwards => {
                    format!("{what}: these are they, and the best should come first")
                }
                _ if found == (0..keep.min(part)).collect::<Vec<_>>() => {
                    format!("{what}: these are the first, not the best")
                }
                _ if found.iter().map(|place| place.wrapping_sub(1)).eq(wanted.iter().copied()) => {
                    format!("{what}: places count from 0")
                }
                _ if found.len() != wanted.len() => format!("{what}: {} are wanted", wanted.len()),
                _ => format!("{what}, and {wanted:?} is right"),
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` counts the epochs of successive halving.
pub fn halving_epochs(answer: impl Fn(usize, &[usize]) -> usize) -> Checked {
    examine("halving_epochs", || {
        let cases: [(usize, &[usize], i64); 4] =
            [(27, &[1, 3, 9], 63), (81, &[1, 3, 9, 27], 243), (10, &[2, 5], 32), (5, &[4], 20)];
        for (candidates, rungs, wanted) in cases {
            let found = attempt(|| answer(candidates, rungs))? as i64;
            let all = candidates as i64;
            let sum = |next: fn(i64) -> i64, again: bool| {
                let (mut running, mut before, mut epochs) = (all, 0, 0);
                for &rung in rungs {
                    epochs += running * (rung as i64 - before);
                    before = if again { 0 } else { rung as i64 };
                    running = next(running);
                }
                epochs
            };
            let last = *rungs.last().unwrap_or(&0) as i64;
            let mistakes = [
                (
                    sum(|n| (n + 2) / 3, true),
                    "networks go on where they were: from epoch 3 to epoch 9 are 6 epochs",
                ),
                (all * last, "that is the cost of all of them to the end; most end earlier"),
                (sum(|n| n / 3, false), "a third, rounded up, goes on"),
                (sum(|n| (n + 1) / 2, false), "a third goes on, not half"),
                (sum(|n| n - n / 3, false), "a third goes on, not all but a third"),
                (
                    rungs.iter().sum::<usize>() as i64 * all,
                    "fewer run after each rung, and they go on where they were",
                ),
                (last, "that is one network; all of them cost"),
            ];
            count(&format!("for {candidates} candidates and the rungs {rungs:?}"), found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;

    solutions!(log_uniform, survivors, halving_epochs);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(log_uniform(|_, _, _| todo!()), "not attempted");
        says(survivors(|_, _| todo!()), "not attempted");
        says(halving_epochs(|_, _| todo!()), "not attempted");
    }

    fn sorted(accuracies: &[f64], best_first: bool) -> Vec<usize> {
        let mut places: Vec<usize> = (0..accuracies.len()).collect();
        places.sort_by(|&a, &b| accuracies[a].total_cmp(&accuracies[b]));
        if best_first {
            places.reverse();
        }
        places
    }

    /// Epochs, if so many of `running` go on.
    fn epochs(candidates: usize, rungs: &[usize], next: fn(usize) -> usize) -> usize {
        let starts = [&[0], rungs].concat();
        let steps = rungs.iter().zip(starts).scan(candidates, |running, (to, from)| {
            let now = *running;
            *running = next(now);
            Some(now * (to - from))
        });
        steps.sum()
    }

    #[test]
    fn other_ways_are_right_as_well() {
        assert!(log_uniform(
            |share, low, high| 10_f64.powf(low.log10() * (1.0 - share) + high.log10() * share)
        )
        .has_passed());
        assert!(survivors(|accuracies, keep| sorted(accuracies, true).into_iter().take(keep).collect())
            .has_passed());
        assert!(halving_epochs(|candidates, rungs| epochs(candidates, rungs, |n| n.div_ceil(3))).has_passed());
    }

    #[test]
    fn draws_that_people_give() {
        says(log_uniform(|share, low, high| low + share * (high - low)), "be even in its logarithm");
        says(log_uniform(|share, low, high| high * (low / high).powf(share)), "it runs backwards");
        says(log_uniform(|share, low, high| low.ln() + share * (high / low).ln()), "take exp of it");
        says(log_uniform(|share, low, high| low.log10() + share * (high / low).log10()), "10 to that power");
        says(
            log_uniform(|share, low, high| 10_f64.powf(low.ln() + share * (high / low).ln())),
            "different bases",
        );
        says(
            log_uniform(|share, low, high| (low.log10() + share * (high / low).log10()).exp()),
            "different bases",
        );
        says(log_uniform(|share, low, high| low * high.powf(share)), "high / low");
        says(log_uniform(|share, low, high| low * (high / low) * share), "the factor to that power");
        says(log_uniform(|share, _, _| (1 / (share as i64)) as f64), "it panicked");
    }

    #[test]
    fn survivors_that_people_give() {
        says(
            survivors(|accuracies, keep| sorted(accuracies, false).into_iter().take(keep).collect()),
            "these are the worst",
        );
        let in_order = |accuracies: &[f64], keep: usize| {
            let mut best: Vec<usize> = sorted(accuracies, true).into_iter().take(keep).collect();
            best.sort();
            best.reverse();
            best
        };
        says(survivors(in_order), "the best should come first");
        says(
            survivors(|accuracies, keep| (0..keep.min(accuracies.len())).collect()),
            "the first, not the best",
        );
        says(
            survivors(|accuracies, keep| {
                sorted(accuracies, true).into_iter().take(keep).map(|place| place + 1).collect()
            }),
            "count from 0",
        );
        says(survivors(|accuracies, _| sorted(accuracies, true)), "2 are wanted");
        says(survivors(|accuracies, keep| sorted(accuracies, true)[..keep].to_vec()), "it panicked");
        says(survivors(|_, _| vec![2, 0]), "and [2, 4] is right");
    }

    #[test]
    fn costs_that_people_give() {
        let again = |candidates: usize, rungs: &[usize]| {
            rungs.iter().enumerate().map(|(i, rung)| candidates / 3_usize.pow(i as u32) * rung).sum()
        };
        says(halving_epochs(again), "go on where they were");
        says(halving_epochs(|candidates, rungs| candidates * rungs[rungs.len() - 1]), "most end earlier");
        says(halving_epochs(|candidates, rungs| epochs(candidates, rungs, |n| n / 3)), "rounded up");
        says(halving_epochs(|candidates, rungs| epochs(candidates, rungs, |n| n.div_ceil(2))), "not half");
        says(halving_epochs(|candidates, rungs| epochs(candidates, rungs, |n| n)), "most end earlier");
        says(halving_epochs(|_, _| 63), "[1, 3, 9, 27] your answer is 63");
        says(halving_epochs(|candidates, rungs| candidates * rungs[3]), "it panicked");
    }
}
