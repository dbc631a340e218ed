//! The exercises of notebook 09: experimenting with model improvements.

use tch::Tensor;

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, number, tensor};
use crate::engine::text::thousands;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "worth_believing",
        notebook: 9,
        hints: &[
            "Two numbers: how far the accuracies lie apart, and how uncertain one of them is.",
            "The uncertainty of a share p on n images is √(p(1 − p)/n); `.sqrt()` is a method of `f64`.",
            "The rule of the notebook: three times that. And which of the two is larger should not matter: `.abs()`.",
        ],
        solution: include_str!("solutions/worth_believing.rs"),
        why: "What chance alone brings about often is no reason to choose one network over another.",
    },
    Exercise {
        name: "smooth_labels",
        notebook: 9,
        hints: &[
            "A share of each row, `smoothing`, is taken away and given to all classes alike.",
            "Multiplied by `1 - smoothing` the row adds up to that; what is missing to 1 is `smoothing` in all.",
            "How many classes there are says the tensor: `one_hot.size()[1]`. Each gets its part, the true one as well.",
        ],
        solution: include_str!("solutions/smooth_labels.rs"),
        why: "The rows still add up to 1, and nobody asks the network any more to be infinitely sure.",
    },
    Exercise {
        name: "one_cycle",
        notebook: 9,
        hints: &[
            "Where in the training is this step? As a share from 0 to 1; `step as f64 / steps as f64`.",
            "Up to 0.3 the rate rises from 0 to `peak`: at a share of 0.15 it is half of it.",
            "After that it falls, and at 1 it is 0: how much is left of the way, `1.0 - share`, out of 0.7?",
        ],
        solution: include_str!("solutions/one_cycle.rs"),
        why: "Small steps while the weights are raw, large ones while there is far to go, small ones to settle.",
    },
];

/// Whether `answer` tells if a difference of two accuracies is more than chance.
pub fn worth_believing(answer: impl Fn(f64, f64, i64) -> bool) -> Checked {
    examine("worth_believing", || {
        let cases = [
            (0.97, 0.98, 4_000, true),
            (0.98, 0.97, 4_000, true),
            (0.97, 0.973, 4_000, false),
            (0.973, 0.97, 4_000, false),
            (0.9, 0.92, 1_000, false),
            (0.9, 0.92, 10_000, true),
            (0.5, 0.6, 100, false),
            (0.99, 0.995, 60_000, true),
        ];
        for (first, second, images, wanted) in cases {
            let found = attempt(|| answer(first, second, images))?;
            let noise = (first * (1.0 - first) / images as f64).sqrt();
            expect(found == wanted, || {
                let apart = (second - first).abs();
                format!(
                    "{first} and {second} on {} images: they lie {apart:.3} apart, three times the noise is {:.4}, and your answer is {found}",
                    thousands(images),
                    3.0 * noise
                )
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` smooths one-hot labels.
pub fn smooth_labels(answer: impl Fn(&Tensor, f64) -> Tensor) -> Checked {
    examine("smooth_labels", || {
        for (rows, classes, smoothing) in [
            (vec![0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], 4, 0.2),
            (vec![0.0, 1.0], 2, 0.1),
            (vec![1.0, 0.0], 2, 0.0),
        ] {
            let one_hot = floats(&rows, &[-1, classes]);
            let found = attempt(|| answer(&one_hot, smoothing))?;
            let each = smoothing / classes as f64;
            let kept = &one_hot * (1.0 - smoothing);
            let wrong = 1.0 - &one_hot;
            let mistakes = [
                (kept.copy(), "what was taken away is missing: each row should add up to 1 again"),
                (&one_hot + each, "each row adds up to more than 1: take away first, then give"),
                (&kept + smoothing, "the share is for all classes together: divide it by how many there are"),
                (
                    &kept + &wrong * smoothing,
                    "the share is for all classes together: divide it by how many there are",
                ),
                (
                    &kept + &wrong * (smoothing / (classes as f64 - 1.0)),
                    "the true class gets its part as well: the share goes to all of them alike",
                ),
                (&kept + &wrong * each, "the true class gets its part as well"),
                (
                    &kept + smoothing / 10.0,
                    "there are not always ten classes: the tensor's shape says how many",
                ),
                (one_hot.copy(), "these are the labels as they were"),
            ];
            let what = format!("for the rows {rows:?} of {classes} classes and a smoothing of {smoothing}");
            tensor(&what, &found, &(&kept + each), &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` lets a learning rate rise for 30 % of the steps, and fall for the rest.
pub fn one_cycle(answer: impl Fn(i64, i64, f64) -> f64) -> Checked {
    examine("one_cycle", || {
        let cases = [
            (30, 100, 0.01),
            (15, 100, 0.01),
            (65, 100, 0.01),
            (100, 100, 0.01),
            (0, 100, 0.01),
            (6, 40, 0.2),
            (26, 40, 0.2),
            (10, 1_000, 3.0),
        ];
        for (step, steps, peak) in cases {
            let found = attempt(|| answer(step, steps, peak))?;
            let share = step as f64 / steps as f64;
            let (up, down) = (share / 0.3, (1.0 - share) / 0.7);
            let symmetric = if share < 0.5 { 2.0 * share } else { 2.0 - 2.0 * share };
            let wanted = peak * up.min(down);
            let mistakes = [
                (up.min(down), "that is the factor; times the peak it is the rate"),
                (peak * symmetric, "the peak is at 30 % of the steps, not in the middle"),
                (peak * up, "after 30 % of the steps it falls"),
                (peak * up.max(down), "the two parts are exchanged: up to 30 % it rises"),
                (peak * (1.0 - share), "it does not begin at the peak: up to 30 % of the steps it rises"),
                (peak * (1.0 - (share - 0.3)), "at the end it should be 0"),
                (0.0, "`/` between whole numbers cuts off; as f64 first"),
                (peak, "it is the peak at 30 % of the steps alone"),
            ];
            let what = format!("at step {step} of {} with a peak of {peak}", thousands(steps));
            number(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use tch::Kind;

    solutions!(worth_believing, smooth_labels, one_cycle);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(worth_believing(|_, _, _| todo!()), "not attempted");
        says(smooth_labels(|_, _| todo!()), "not attempted");
        says(one_cycle(|_, _, _| todo!()), "not attempted");
    }

    fn noise(p: f64, images: i64) -> f64 {
        (p * (1.0 - p) / images as f64).sqrt()
    }

    #[test]
    fn other_ways_are_right_as_well() {
        assert!(worth_believing(|a, b, n| (a - b).powi(2) > 9.0 * b * (1.0 - b) / n as f64).has_passed());
        let of_both = |a: f64, b: f64, n: i64| (a - b).abs() > 3.0 * noise((a + b) / 2.0, n);
        assert!(worth_believing(of_both).has_passed());
        let mixed = |y: &Tensor, s: f64| {
            let even = y.ones_like() / y.size()[1];
            y * (1.0 - s) + even * s
        };
        assert!(smooth_labels(mixed).has_passed());
        let in_steps = |step: i64, steps: i64, peak: f64| {
            let top = 0.3 * steps as f64;
            let step = step as f64;
            if step <= top {
                peak * step / top
            } else {
                peak * (steps as f64 - step) / (steps as f64 - top)
            }
        };
        assert!(one_cycle(in_steps).has_passed());
    }

    #[test]
    fn beliefs_that_people_give() {
        says(worth_believing(|a, b, n| (a - b).abs() > noise(a, n)), "they lie 0.003 apart");
        says(worth_believing(|a, b, n| b - a > 3.0 * noise(a, n)), "0.98 and 0.97");
        says(
            worth_believing(|a, b, n| (a - b).abs() > 3.0 * a * (1.0 - a) / n as f64),
            "your answer is true",
        );
        says(worth_believing(|_, _, _| true), "your answer is true");
        says(worth_believing(|a, b, _| (a - b).abs() > 0.005), "0.9 and 0.92 on 1,000 images");
        says(
            worth_believing(|a, b, n| (a - b).abs() > 3.0 * (a * (1.0 - a)).sqrt() / n as f64),
            "your answer is true",
        );
        says(worth_believing(|a, _, n| n / (a as i64) > 0), "it panicked");
    }

    #[test]
    fn smoothed_labels_that_people_give() {
        says(smooth_labels(|y, s| y * (1.0 - s)), "what was taken away is missing");
        says(smooth_labels(|y, s| y + s / y.size()[1] as f64), "more than 1");
        says(smooth_labels(|y, s| y * (1.0 - s) + s), "divide it by how many");
        says(
            smooth_labels(|y, s| y * (1.0 - s) + (1.0 - y) * s / (y.size()[1] - 1)),
            "the true class gets its part",
        );
        says(smooth_labels(|y, s| y * (1.0 - s) + s / 10.0), "not always ten classes");
        says(smooth_labels(|y, _| y.copy()), "as they were");
        says(smooth_labels(|y, s| y * (1.0 - s) + s / y.size()[0] as f64), "is right");
        says(smooth_labels(|y, s| y * (1.0 - s) + s / y.size()[2] as f64), "it panicked");
        says(smooth_labels(|y, _| y.argmax(-1, false).to_kind(Kind::Float)), "your tensor has the shape [2]");
    }

    #[test]
    fn rates_that_people_give() {
        let share = |step: i64, steps: i64| step as f64 / steps as f64;
        says(
            one_cycle(|step, steps, _| (share(step, steps) / 0.3).min((1.0 - share(step, steps)) / 0.7)),
            "times the peak",
        );
        says(
            one_cycle(|step, steps, peak| peak * (1.0 - (2.0 * share(step, steps) - 1.0).abs())),
            "not in the middle",
        );
        says(one_cycle(|step, steps, peak| peak * share(step, steps) / 0.3), "after 30 %");
        says(one_cycle(|step, steps, peak| peak * (1.0 - share(step, steps))), "does not begin at the peak");
        says(one_cycle(|step, steps, peak| peak * (step / steps) as f64), "cuts off");
        says(one_cycle(|_, _, peak| peak), "it is the peak at 30 %");
        says(one_cycle(|step, steps, peak| peak * (steps / (step - 15)) as f64), "is right");
        says(one_cycle(|step, steps, peak| peak * (steps / (step - 30)) as f64), "it panicked");
    }
}
