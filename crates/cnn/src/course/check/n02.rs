//! The exercises of notebook 02: data preprocessing.

use tch::{Kind, Tensor};

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, same, tensor};
use crate::engine::text::thousands;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "standardise",
        notebook: 2,
        hints: &[
            "Two numbers for all images together: their mean, and their standard deviation.",
            "`images.mean(Kind::Float)` and `images.std(false)` are tensors of one number; arithmetic with them goes to every pixel.",
            "Subtract first, then divide, and mind the brackets: `/` comes before `-`.",
        ],
        solution: include_str!("solutions/standardise.rs"),
        why: "Less the mean they lie around 0, and divided by their typical distance from it that distance is 1.",
    },
    Exercise {
        name: "one_hot",
        notebook: 2,
        hints: &[
            "Each label becomes a row of `classes` numbers: a 1 in the label's column, zeros elsewhere.",
            "Compare every label with every class: a column `[n, 1]` against a row `[classes]` broadcasts to `[n, classes]`.",
            "`labels.unsqueeze(1)` is that column, `Tensor::arange(classes, …)` that row; `eq_tensor` compares.",
        ],
        solution: include_str!("solutions/one_hot.rs"),
        why: "A comparison is true in the label's own column alone, and true is 1 among floats.",
    },
    Exercise {
        name: "split_sizes",
        notebook: 2,
        hints: &[
            "What is trained on is the share that is left, `1 - validation_split`. What if that is no whole number?",
            "`as i64` and `.floor()` drop what stands behind the point: Keras does so with the training part.",
            "The other part is what is left of `samples`: do not multiply a second time.",
        ],
        solution: include_str!("solutions/split_sizes.rs"),
        why: "One part is rounded, the other is the rest, so no image is lost and none counts twice.",
    },
];

/// Whether `answer` brings images to mean 0 and standard deviation 1.
pub fn standardise(answer: impl Fn(&Tensor) -> Tensor) -> Checked {
    examine("standardise", || {
        let first = [0.0, 0.2, 0.4, 1.0, 0.9, 0.1, 0.0, 0.0, 0.5, 0.3, 0.8, 0.6];
        for images in [floats(&first, &[2, 2, 3]), floats(&[0.25, 0.5, 0.75, 0.0], &[1, 2, 2])] {
            let found = attempt(|| answer(&images))?;
            let (mean, std) = (images.mean(Kind::Float), images.std(false));
            let centred = &images - &mean;
            if same(&found, &(&centred / images.std(true))) {
                continue; // a sample's standard deviation is as good
            }
            let over = [1_i64, 2];
            let own_mean = images.mean_dim(over.as_slice(), true, Kind::Float);
            let own_std = images.std_dim(over.as_slice(), false, true);
            let mistakes = [
                (centred.copy(), "the mean is 0 now; divide by the standard deviation, too"),
                (&images / &std, "the spread is 1 now, but the mean is not 0: subtract it first"),
                (&images - &mean / &std, "the brackets are missing: only the mean is divided"),
                (&centred / images.var(false), "you have divided by the variance; take its root"),
                ((&images - 0.1307) / 0.3081, "those are MNIST's numbers; take those of the images given"),
                (
                    (&images - own_mean) / own_std,
                    "each image has its own mean here; take one for all of them",
                ),
                (images.copy(), "they are unchanged"),
            ];
            let what =
                format!("for images of shape {:?} with mean {:.4},", images.size(), mean.double_value(&[]));
            tensor(&what, &found, &(centred / std), &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` makes one-hot rows of labels.
pub fn one_hot(answer: impl Fn(&Tensor, i64) -> Tensor) -> Checked {
    examine("one_hot", || {
        for (labels, classes) in [(vec![2_i64, 0, 3, 2, 1], 4), (vec![0, 1], 3)] {
            let found = attempt(|| answer(&Tensor::from_slice(&labels), classes))?;
            let rows = |shift: i64, columns: i64| {
                let cell =
                    |place: i64| f64::from(labels[(place / columns) as usize] - shift == place % columns);
                let all: Vec<f64> = (0..labels.len() as i64 * columns).map(cell).collect();
                floats(&all, &[-1, columns])
            };
            let wanted = rows(0, classes);
            let mistakes = [
                (wanted.transpose(0, 1), "rows and columns are exchanged: each image has a row"),
                (rows(1, classes), "the classes are counted from 0"),
                (rows(0, 2), "there is a column for each class, also for those that no label names"),
                (1.0 - &wanted, "zeros and ones are exchanged"),
                (Tensor::from_slice(&labels), "these are the labels themselves"),
                (wanted.flatten(0, -1), "the numbers are right, and each image wants a row of its own"),
            ];
            let what = format!("for the labels {labels:?} and {classes} classes");
            tensor(&what, &found, &wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` splits as Keras does: so many to train on, so many for validation.
pub fn split_sizes(answer: impl Fn(i64, f64) -> (i64, i64)) -> Checked {
    examine("split_sizes", || {
        for (samples, share, train) in
            [(60_000, 0.1, 54_000), (10, 0.25, 7), (7, 0.5, 3), (100, 0.0, 100), (1_000, 0.2, 800)]
        {
            let (found, rest) = attempt(|| answer(samples, share))?;
            let what = format!("of {} images with a validation_split of {share}", thousands(samples));
            let [first, second] = [found, rest].map(thousands);
            expect((found, rest) == (train, samples - train), || match () {
                _ if (rest, found) == (train, samples - train) => {
                    format!("{what} your answer is ({first}, {second}): those to train on come first")
                }
                _ if found + rest != samples => {
                    format!(
                        "{what} your answer is ({first}, {second}), and that is {} together",
                        thousands(found + rest)
                    )
                }
                _ if found == train + 1 => {
                    format!("{what} your answer is ({first}, {second}): Keras rounds the training part down")
                }
                _ => format!(
                    "{what} your answer is ({first}, {second}), and ({}, {}) is right",
                    thousands(train),
                    thousands(samples - train)
                ),
            })?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use crate::prelude::to_categorical;

    solutions!(standardise, one_hot, split_sizes);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(standardise(|_| todo!()), "not attempted");
        says(one_hot(|_, _| todo!()), "not attempted");
        says(split_sizes(|_, _| todo!()), "not attempted");
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let in_doubles = |x: &Tensor| {
            let x = x.to_kind(Kind::Double);
            (&x - x.mean(Kind::Double)) / x.std(true)
        };
        assert!(standardise(in_doubles).has_passed());
        assert!(one_hot(|labels, classes| to_categorical(labels, classes).unwrap()).has_passed());
        assert!(one_hot(|labels, classes| labels.one_hot(classes)).has_passed());
        let rounded_up = |samples: i64, share: f64| {
            let validation = (samples as f64 * share).ceil() as i64;
            (samples - validation, validation)
        };
        assert!(split_sizes(rounded_up).has_passed());
    }

    #[test]
    fn standardised_images_that_people_give() {
        let mean = |x: &Tensor| x.mean(Kind::Float);
        says(standardise(|x| x - mean(x)), "divide by the standard deviation, too");
        says(standardise(|x| x / x.std(false)), "subtract it first");
        says(standardise(|x| x - mean(x) / x.std(false)), "the brackets are missing");
        says(standardise(|x| (x - mean(x)) / x.var(false)), "take its root");
        says(standardise(|x| (x - 0.1307) / 0.3081), "MNIST's numbers");
        says(standardise(|x| x.copy()), "unchanged");
        let each = |x: &Tensor| {
            let over = [1_i64, 2];
            (x - x.mean_dim(over.as_slice(), true, Kind::Float)) / x.std_dim(over.as_slice(), false, true)
        };
        says(standardise(each), "take one for all");
        says(standardise(mean), "your tensor has the shape []");
    }

    #[test]
    fn one_hot_rows_that_people_give() {
        let right = |labels: &Tensor, classes: i64| to_categorical(labels, classes).unwrap();
        says(one_hot(|labels, classes| right(labels, classes).transpose(0, 1)), "exchanged: each image");
        says(one_hot(|labels, classes| right(&(labels - 1).abs(), classes)), "and [");
        let from_one = |labels: &Tensor, classes: i64| {
            let columns = Tensor::arange(classes, (Kind::Int64, labels.device())) + 1;
            labels.unsqueeze(1).eq_tensor(&columns).to_kind(Kind::Float)
        };
        says(one_hot(from_one), "counted from 0");
        let largest = |labels: &Tensor, _: i64| right(labels, labels.max().int64_value(&[]) + 1);
        says(one_hot(largest), "also for those that no label names");
        says(one_hot(|labels, classes| 1.0 - right(labels, classes)), "zeros and ones");
        says(one_hot(|labels, _| labels.to_kind(Kind::Float)), "the labels themselves");
        says(one_hot(|labels, classes| right(labels, classes).flatten(0, -1)), "a row of its own");
        says(one_hot(|labels, _| right(labels, 2)), "it panicked");
    }

    #[test]
    fn splits_that_people_give() {
        let validation = |samples: i64, share: f64| (samples as f64 * share) as i64;
        says(
            split_sizes(|n, share| (validation(n, share), n - validation(n, share))),
            "to train on come first",
        );
        says(
            split_sizes(|n, share| (n - validation(n, share), validation(n, share))),
            "rounds the training part down",
        );
        let both_down = |n: i64, share: f64| ((n as f64 * (1.0 - share)) as i64, validation(n, share));
        says(split_sizes(both_down), "and that is 9 together");
        says(split_sizes(|n, share| (n, validation(n, share))), "66,000 together");
        says(split_sizes(|_, _| (54_000, 6_000)), "of 10 images");
        says(split_sizes(|n, share| (n / (share as i64), 0)), "it panicked");
        says(split_sizes(|n, _| (n, 0)), "(54,000, 6,000) is right");
    }
}
