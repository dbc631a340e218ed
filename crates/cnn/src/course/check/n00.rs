//! The exercises of notebook 00: prerequisites.

use tch::Tensor;

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, number};
use crate::engine::text::thousands;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "iterations",
        notebook: 0,
        hints: &[
            "How many batches are full? And is anything left over then?",
            "`/` between whole numbers drops what is left over, `%` gives it.",
            "One batch more is needed wherever `samples % batch_size` is not 0.",
        ],
        solution: include_str!("solutions/iterations.rs"),
        why: "The last, smaller batch is a step as well: its images are learnt from, too.",
    },
    Exercise {
        name: "neuron",
        notebook: 0,
        hints: &[
            "Three steps: products, their sum with `b`, and what ReLU makes of that.",
            "`x.iter().zip(w)` goes through both at once; `map` multiplies, `sum::<f64>()` adds up.",
            "ReLU keeps what is positive: `f64` has a method `max`.",
        ],
        solution: include_str!("solutions/neuron.rs"),
        why: "A weighted sum, a bias, a bend: every layer of this course is many of these at once.",
    },
    Exercise {
        name: "mean_absolute_error",
        notebook: 0,
        hints: &[
            "The name read backwards: the error of each point, its size, the mean of all.",
            "Tensors subtract number by number: `predicted - wanted`; `.abs()` takes the sign off each.",
            "`.mean(Kind::Float)` is the mean as a tensor of one number; `double_value(&[])` takes the number out.",
        ],
        solution: include_str!("solutions/mean_absolute_error.rs"),
        why: "Without squares an error of 3 counts three times as much as one of 1, and not nine times: outliers pull less.",
    },
];

/// Whether `answer` gives the number of steps in an epoch for so many samples and this batch size.
pub fn iterations(answer: impl Fn(i64, i64) -> i64) -> Checked {
    examine("iterations", || {
        for (samples, batch_size, wanted) in
            [(54_000, 128, 422), (128, 128, 1), (256, 128, 2), (5, 128, 1), (54_000, 1, 54_000)]
        {
            let found = attempt(|| answer(samples, batch_size))?;
            let what = format!("{} images in batches of {batch_size}", thousands(samples));
            expect(found == wanted, || match () {
                _ if found == samples / batch_size => format!(
                    "{what} are more than {} steps: {} images are left over, and make a smaller batch",
                    thousands(found),
                    samples % batch_size
                ),
                _ if found == samples / batch_size + 1 => {
                    format!(
                        "{what} are {} steps, not {}: nothing is left over here",
                        thousands(wanted),
                        thousands(found)
                    )
                }
                _ => {
                    format!("{what} are {} steps, and your answer is {}", thousands(wanted), thousands(found))
                }
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` computes a neuron with ReLU from its inputs, weights and bias.
pub fn neuron(answer: impl Fn(&[f64], &[f64], f64) -> f64) -> Checked {
    examine("neuron", || {
        let cases: [(&[f64], &[f64], f64, f64); 4] = [
            (&[1.0, 2.0], &[3.0, 0.5], 0.25, 4.25),
            (&[1.0, 2.0], &[-3.0, 0.5], 0.25, 0.0),
            (&[1.0, -2.0, 0.5], &[0.5, -0.25, 2.0], -1.0, 1.0),
            (&[0.0], &[7.0], 0.5, 0.5),
        ];
        for (x, w, b, wanted) in cases {
            let found = attempt(|| answer(x, w, b))?;
            let sum: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
            let what = format!("for x = {x:?}, w = {w:?}, b = {b}");
            expect((found - wanted).abs() < 1e-9, || match found {
                _ if (found - (sum + b)).abs() < 1e-9 => {
                    format!("{what} the sum is {found}, and ReLU makes 0 of what is negative")
                }
                _ if (found - sum.max(0.0)).abs() < 1e-9 => {
                    format!("{what} your neuron gives {found}, and {wanted} is right: the bias is missing")
                }
                _ if (found - (sum.max(0.0) + b)).abs() < 1e-9 => {
                    format!("{what} your neuron gives {found}, and {wanted} is right: the bias comes before the ReLU")
                }
                _ if (found - 1.0 / (1.0 + (-sum - b).exp())).abs() < 1e-9 => {
                    format!("{what} your neuron gives {found:.3}: that is the sigmoid; ReLU is wanted")
                }
                _ => format!("{what} your neuron gives {found}, and {wanted} is right"),
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` computes the mean absolute error of predicted and wanted values.
pub fn mean_absolute_error(answer: impl Fn(&Tensor, &Tensor) -> f64) -> Checked {
    examine("mean_absolute_error", || {
        for (predicted, wanted) in [
            ([2.0, 0.0, -1.0, 4.0], [0.0, 0.0, 1.0, 1.0]),
            ([0.5, 1.0, 1.5, 2.0], [1.5, 0.0, 0.5, 4.0]),
            ([1.0, 3.0, 0.0, 2.0], [1.0, 3.0, 0.0, 2.0]),
        ] {
            let found = attempt(|| answer(&floats(&predicted, &[4]), &floats(&wanted, &[4])))?;
            let mean = |of: &dyn Fn(f64) -> f64| {
                predicted.iter().zip(&wanted).map(|(p, w)| of(p - w)).sum::<f64>() / 4.0
            };
            let (right, squared, signed) =
                (mean(&f64::abs), mean(&|error| error * error), mean(&|error| error));
            let mistakes = [
                (4.0 * right, "that is the sum of the errors' sizes; divide it by how many there are"),
                (signed, "errors of both signs cancel out; take the size of each before the mean"),
                (-signed, "errors of both signs cancel out; take the size of each before the mean"),
                (signed.abs(), "the sign comes off each error, before the mean"),
                (squared, "that is the mean of the squares; their sizes are wanted"),
                (squared.sqrt(), "that is the root of the mean of squares; take the sizes, without squares"),
            ];
            let what = format!("for predictions {predicted:?} where {wanted:?} is right,");
            number(&what, found, right, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use tch::Kind;

    solutions!(iterations, neuron, mean_absolute_error);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(iterations(|_, _| todo!("how many?")), "not attempted");
        says(neuron(|_, _, _| todo!()), "not attempted");
        says(mean_absolute_error(|_, _| todo!()), "not attempted");
    }

    #[test]
    fn other_ways_are_right_as_well() {
        assert!(iterations(|n, batch| (n as f64 / batch as f64).ceil() as i64).has_passed());
        assert!(iterations(|n, batch| (n + batch - 1) / batch).has_passed());
        let loss = |a: &Tensor, b: &Tensor| a.l1_loss(b, tch::Reduction::Mean).double_value(&[]);
        assert!(mean_absolute_error(loss).has_passed());
    }

    #[test]
    fn iterations_that_people_give() {
        says(iterations(|n, batch| n / batch), "112 images are left over");
        says(iterations(|n, batch| n / batch + 1), "128 images in batches of 128 are 1 steps, not 2");
        says(iterations(|n, batch| n * batch), "6,912,000");
        says(iterations(|n, batch| n % batch), "422 steps, and your answer is 112");
        says(iterations(|n, batch| (n as f64 / batch as f64).round() as i64), "5 images in batches of 128");
        says(iterations(|n, batch| n / (batch - batch)), "it panicked: attempt to divide by zero");
    }

    #[test]
    fn neurons_that_people_give() {
        let sum = |x: &[f64], w: &[f64]| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
        says(neuron(|x, w, b| sum(x, w) + b), "ReLU makes 0 of what is negative");
        says(neuron(|x, w, _| sum(x, w).max(0.0)), "the bias is missing");
        says(neuron(|x, w, b| sum(x, w).max(0.0) + b), "the bias comes before");
        says(neuron(|x, w, b| 1.0 / (1.0 + (-sum(x, w) - b).exp())), "that is the sigmoid");
        says(neuron(|x, w, b| (x[0] * w[0] + x[1] * w[1] + b).max(0.0)), "your neuron gives 0");
        says(
            neuron(|x, w, b| (x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + b).max(0.0)),
            "it panicked: index out of bounds",
        );
    }

    #[test]
    fn errors_that_people_give() {
        let number = |of: Tensor| of.double_value(&[]);
        says(
            mean_absolute_error(|a, b| number((a - b).abs().sum(Kind::Float))),
            "the sum of the errors' sizes",
        );
        says(mean_absolute_error(|a, b| number((a - b).mean(Kind::Float))), "cancel out");
        says(mean_absolute_error(|a, b| number((b - a).mean(Kind::Float))), "cancel out");
        says(
            mean_absolute_error(|a, b| number((a - b).square().mean(Kind::Float))),
            "the mean of the squares",
        );
        says(
            mean_absolute_error(|a, b| number((a - b).square().mean(Kind::Float).sqrt())),
            "without squares",
        );
        says(mean_absolute_error(|_, _| 1.75), "is right");
        says(mean_absolute_error(|a, b| number((a - b).abs())), "it panicked");
    }
}
