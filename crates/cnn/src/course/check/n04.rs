//! The exercises of notebook 04: training the model.

use tch::Tensor;

use super::attempt::attempt;
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, number, tensor};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "cross_entropy",
        notebook: 4,
        hints: &[
            "Three steps: the probability of each image's true class, its logarithm, and the mean of all.",
            "`gather(1, &labels.unsqueeze(1), false)` takes one number from each row, at the label's place.",
            "`.log()` is the natural logarithm; it is negative for what is below 1, so mind the sign.",
        ],
        solution: include_str!("solutions/cross_entropy.rs"),
        why: "Only the probability of the true class counts, and the closer to 0 it is the more it costs.",
    },
    Exercise {
        name: "one_step",
        notebook: 4,
        hints: &[
            "The gradient points to where the loss grows. Which way is down?",
            "How far: the gradient times the learning rate, number by number.",
            "Tensors are added and subtracted as numbers are, with `&` where they are borrowed.",
        ],
        solution: include_str!("solutions/one_step.rs"),
        why: "Against the gradient the loss falls fastest, and the rate says how far that is trusted.",
    },
    Exercise {
        name: "running_mean",
        notebook: 4,
        hints: &[
            "Begin with `let mut m = 0.0` and go through the values: each time m keeps `beta` of itself.",
            "The new value has the rest, `1 - beta`. After the loop m is too small, because it began at 0.",
            "After t values the shares of all of them add up to `1 - beta.powi(t)`: divide m by that.",
        ],
        solution: include_str!("solutions/running_mean.rs"),
        why: "m began at 0, and the part of it that is still 0 is betaᵗ: Adam divides by the rest, its m̂.",
    },
];

/// Whether `answer` computes the categorical cross-entropy of probabilities and class numbers.
pub fn cross_entropy(answer: impl Fn(&Tensor, &Tensor) -> f64) -> Checked {
    examine("cross_entropy", || {
        let rows = [[0.7_f64, 0.2, 0.05, 0.05], [0.1, 0.3, 0.5, 0.1], [0.25, 0.25, 0.25, 0.25]];
        for (images, labels) in [(3, [0_i64, 1, 3]), (2, [3, 2, 0])] {
            let rows = &rows[..images];
            let labels = &labels[..images];
            let probabilities = floats(&rows.concat(), &[-1, 4]);
            let found = attempt(|| answer(&probabilities, &Tensor::from_slice(labels)))?;
            let mean = |value: &dyn Fn(f64) -> f64| {
                let of_truth = rows.iter().zip(labels).map(|(row, &label)| value(row[label as usize]));
                of_truth.sum::<f64>() / images as f64
            };
            let wanted = mean(&|p| -p.ln());
            let largest = rows.iter().map(|row| -row.iter().copied().fold(0.0, f64::max).ln()).sum::<f64>();
            let all = rows.concat().iter().map(|p| -p.ln()).sum::<f64>();
            let what = format!("for the probabilities {rows:?} and the labels {labels:?}");
            let mistakes = [
                (wanted * images as f64, "that is the sum; take the mean over the images"),
                (-wanted, "the logarithm of a probability is negative; turn the sign"),
                (mean(&|p| p), "that is the mean probability of the true classes; take -ln of each first"),
                (-mean(&|p| p).ln(), "the logarithm comes first, then the mean"),
                (
                    wanted / std::f64::consts::LN_10,
                    "that is the logarithm to base 10; the natural one is wanted",
                ),
                (
                    wanted / std::f64::consts::LN_2,
                    "that is the logarithm to base 2; the natural one is wanted",
                ),
                (
                    largest / images as f64,
                    "that is the largest of each row; the one of the true class counts",
                ),
                (all / images as f64, "only the probability of the true class counts"),
                (all / images as f64 / 4.0, "only the probability of the true class counts"),
                (mean(&|p| 1.0 - p), "take -ln of the probability, not what it lacks to 1"),
            ];
            number(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` makes one step of gradient descent.
pub fn one_step(answer: impl Fn(&Tensor, &Tensor, f64) -> Tensor) -> Checked {
    examine("one_step", || {
        for (weight, gradient, rate) in
            [([1.0, -2.0, 0.5], [4.0, 1.0, -2.0], 0.1), ([0.0, 3.0, -1.0], [1.0, 1.0, 0.5], 0.5)]
        {
            let (w, g) = (floats(&weight, &[3]), floats(&gradient, &[3]));
            let found = attempt(|| answer(&w.copy(), &g.copy(), rate))?;
            let what = format!("for the weights {weight:?}, the gradient {gradient:?} and the rate {rate}");
            let mistakes = [
                (&w + &g * rate, "that goes up the slope; the loss falls against the gradient"),
                (&w - &g, "the learning rate is missing"),
                (&g * rate, "that is the step; take it, from where the weights are"),
                (&g * -rate, "that is the step; take it, from where the weights are"),
                (&w * (1.0 - rate), "the gradient is missing"),
                (&w - &w * &g * rate, "the gradient alone says how far; do not multiply by the weight"),
                (&w - rate, "the gradient is missing"),
                (w.copy(), "the weights are where they were"),
            ];
            tensor(&what, &found, &(&w - &g * rate), &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` is Adam's running mean, corrected for having begun at zero.
pub fn running_mean(answer: impl Fn(&[f64], f64) -> f64) -> Checked {
    examine("running_mean", || {
        for (values, beta) in [(vec![1.0, 2.0, 4.0], 0.9), (vec![3.0], 0.9), (vec![5.0, 5.0, 5.0, 5.0], 0.5)]
        {
            let found = attempt(|| answer(&values, beta))?;
            let mean =
                |begin: f64, keep: f64| values.iter().fold(begin, |m, value| keep * m + (1.0 - keep) * value);
            let (raw, lacking) = (mean(0.0, beta), 1.0 - beta.powi(values.len() as i32));
            let swapped = mean(0.0, 1.0 - beta);
            let what = format!("for the values {values:?} and beta = {beta}");
            let mistakes = [
                (raw, "it began at 0 and is still too small; divide by what betaᵗ leaves of 1"),
                (raw / (1.0 - beta), "after t values divide by 1 - betaᵗ, not by 1 - beta"),
                (raw / lacking.recip(), "divide by 1 - betaᵗ; do not multiply"),
                (swapped, "the old mean keeps beta, and the new value has 1 - beta"),
                (swapped / lacking, "the old mean keeps beta, and the new value has 1 - beta"),
                (
                    swapped / (1.0 - (1.0 - beta).powi(values.len() as i32)),
                    "the old mean keeps beta, and the new value has 1 - beta",
                ),
                (
                    values.iter().sum::<f64>() / values.len() as f64,
                    "that is the mean of all; newer values count more",
                ),
                (mean(values[0], beta), "begin at 0 and correct for it: the first value counts too much so"),
                (values[values.len() - 1], "that is the last value alone"),
            ];
            number(&what, found, raw / lacking, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use tch::Kind;

    solutions!(cross_entropy, one_step, running_mean);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(cross_entropy(|_, _| todo!()), "not attempted");
        says(one_step(|_, _, _| todo!()), "not attempted");
        says(running_mean(|_, _| todo!()), "not attempted");
    }

    fn of_truth(p: &Tensor, y: &Tensor) -> Tensor {
        p.gather(1, &y.unsqueeze(1), false)
    }

    fn value(of: Tensor) -> f64 {
        of.double_value(&[])
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let by_loss = |p: &Tensor, y: &Tensor| value(p.log().nll_loss(y));
        assert!(cross_entropy(by_loss).has_passed());
        let in_place = |w: &Tensor, g: &Tensor, rate: f64| {
            let mut w = w.shallow_clone();
            w -= g * rate;
            w
        };
        assert!(one_step(in_place).has_passed());
        let by_weights = |values: &[f64], beta: f64| {
            let weight = |age: usize| beta.powi(age as i32);
            let sum: f64 = values.iter().rev().enumerate().map(|(age, value)| value * weight(age)).sum();
            sum / (0..values.len()).map(weight).sum::<f64>()
        };
        assert!(running_mean(by_weights).has_passed());
    }

    #[test]
    fn losses_that_people_give() {
        let mean = Kind::Float;
        says(cross_entropy(|p, y| value(-of_truth(p, y).log().sum(mean))), "take the mean over the images");
        says(cross_entropy(|p, y| value(of_truth(p, y).log().mean(mean))), "turn the sign");
        says(cross_entropy(|p, y| value(of_truth(p, y).mean(mean))), "take -ln of each first");
        says(cross_entropy(|p, y| value(-of_truth(p, y).mean(mean).log())), "the logarithm comes first");
        says(cross_entropy(|p, y| value(-of_truth(p, y).log10().mean(mean))), "to base 10");
        says(cross_entropy(|p, y| value(-of_truth(p, y).log2().mean(mean))), "to base 2");
        says(
            cross_entropy(|p, _| value(-p.amax([1_i64].as_slice(), false).log().mean(mean))),
            "the largest of each row",
        );
        says(cross_entropy(|p, _| value(-p.log().mean(mean))), "only the probability of the true class");
        says(cross_entropy(|p, y| value(-of_truth(p, y).log())), "it panicked");
    }

    #[test]
    fn steps_that_people_give() {
        says(one_step(|w, g, rate| w + g * rate), "goes up the slope");
        says(one_step(|w, g, _| w - g), "the learning rate is missing");
        says(one_step(|_, g, rate| g * rate), "that is the step");
        says(one_step(|w, g, rate| w - w * g * rate), "do not multiply by the weight");
        says(one_step(|w, _, rate| w - rate), "the gradient is missing");
        says(one_step(|w, _, _| w.copy()), "where they were");
        says(one_step(|w, g, rate| (w - g * rate).sum(Kind::Float)), "the shape []");
    }

    #[test]
    fn running_means_that_people_give() {
        let raw =
            |values: &[f64], beta: f64| values.iter().fold(0.0, |m, value| beta * m + (1.0 - beta) * value);
        let t = |values: &[f64]| values.len() as i32;
        says(running_mean(raw), "still too small");
        says(running_mean(|values, beta| raw(values, beta) / (1.0 - beta)), "not by 1 - beta");
        says(running_mean(|values, beta| raw(values, 1.0 - beta)), "the old mean keeps beta");
        says(
            running_mean(|values, beta| raw(values, 1.0 - beta) / (1.0 - beta.powi(t(values)))),
            "the old mean keeps beta",
        );
        says(
            running_mean(|values, _| values.iter().sum::<f64>() / values.len() as f64),
            "newer values count more",
        );
        says(
            running_mean(|values, beta| {
                values.iter().fold(values[0], |m, value| beta * m + (1.0 - beta) * value)
            }),
            "begin at 0",
        );
        says(running_mean(|values, _| values[values.len() - 1]), "the last value alone");
        says(running_mean(|values, _| values[values.len()]), "it panicked");
    }
}
