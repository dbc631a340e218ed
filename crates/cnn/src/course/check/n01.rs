//! The exercises of notebook 01: data acquisition and exploration.

use tch::{Kind, Tensor};

use super::attempt::attempt;
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, floats, tensor};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "count_of",
        notebook: 1,
        hints: &[
            "Two steps: for each label whether it is this digit, then how often that holds.",
            "`labels.eq(digit)` is true where a label is this digit; a true counts 1 in a sum.",
            "`.sum(Kind::Int64)` is a tensor of one number; `int64_value(&[])` takes it out.",
        ],
        solution: include_str!("solutions/count_of.rs"),
        why: "A comparison makes a tensor of the same shape, and its sum counts: no loop is needed.",
    },
    Exercise {
        name: "mean_image",
        notebook: 1,
        hints: &[
            "First choose the images of this digit, then take the mean of those, pixel by pixel.",
            "`labels.eq(digit).nonzero().flatten(0, -1)` has their places, and `index_select(0, …)` takes them.",
            "The mean runs over the images alone: `mean_dim` over dimension 0, which is not kept.",
        ],
        solution: include_str!("solutions/mean_image.rs"),
        why: "The mean over dimension 0 leaves the pixels where they are: the result is an image again.",
    },
    Exercise {
        name: "nearest_mean",
        notebook: 1,
        hints: &[
            "How far is the image from each of the means? Which distance is the smallest?",
            "`means - image` subtracts the image from every mean; make all differences positive before you add them up.",
            "Sum over the pixels, `.flatten(1, -1)` and `sum_dim_intlist(1, …)`, and `argmin` finds the place.",
        ],
        solution: include_str!("solutions/nearest_mean.rs"),
        why: "Squared, or without their signs, differences cannot cancel out; the place of the smallest is the class.",
    },
];

/// Whether `answer` counts the labels that are this digit.
pub fn count_of(answer: impl Fn(&Tensor, i64) -> i64) -> Checked {
    examine("count_of", || {
        let labels = [5_i64, 1, 4, 1, 9, 2, 1, 3, 1, 4, 0];
        for (digit, wanted) in [(1, 4), (4, 2), (7, 0), (9, 1)] {
            let found = attempt(|| answer(&Tensor::from_slice(&labels), digit))?;
            let what = format!("of the digit {digit} among the labels {labels:?}");
            let mistakes = [
                (11, "that is how many labels there are"),
                (11 - wanted, "that is how many are another digit"),
                (digit * wanted, "that is their sum; each counts 1"),
            ];
            count(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` makes the mean image of a digit.
pub fn mean_image(answer: impl Fn(&Tensor, &Tensor, i64) -> Tensor) -> Checked {
    examine("mean_image", || {
        let images = Tensor::arange(24, (Kind::Float, tch::Device::Cpu)).square().reshape([4, 2, 3]) / 600.0;
        let labels = Tensor::from_slice(&[7_i64, 1, 7, 3]);
        for (digit, places) in [(7, vec![0_i64, 2]), (3, vec![3])] {
            let chosen = images.index_select(0, &Tensor::from_slice(&places));
            let over = [0_i64];
            let wanted = chosen.mean_dim(over.as_slice(), false, Kind::Float);
            let found = attempt(|| answer(&images, &labels, digit))?;
            let what =
                format!("for 4 images of 2×3 pixels with the labels [7, 1, 7, 3], and the digit {digit},");
            let mistakes = [
                (wanted.unsqueeze(0), "the first dimension is left over: mean_dim(…, false, …) drops it"),
                (chosen.copy(), "these are the images; their mean is wanted"),
                (images.mean_dim(over.as_slice(), false, Kind::Float), "that is the mean of all four images"),
                (
                    chosen.sum_dim_intlist(over.as_slice(), false, Kind::Float),
                    "that is their sum, not the mean",
                ),
                (chosen.get(0), "that is the first of them, not the mean of all"),
                (
                    chosen.mean(Kind::Float),
                    "that is one number for all pixels; each pixel has a mean of its own",
                ),
            ];
            tensor(&what, &found, &wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` finds the mean image that is nearest to an image.
pub fn nearest_mean(answer: impl Fn(&Tensor, &Tensor) -> i64) -> Checked {
    examine("nearest_mean", || {
        let means =
            [[0.0, 1.0, 1.0, 0.0], [0.9, 0.1, 0.2, 0.7], [2.0, 2.0, 2.0, 2.0], [-3.0, 0.0, 0.0, -3.0]];
        let stack = floats(&means.concat(), &[4, 2, 2]);
        for (image, wanted, cancelled, farthest) in [
            ([-2.0, 0.0, 0.0, -3.0], 3, 3, 2),
            ([1.0, 0.0, 0.0, 1.0], 1, 0, 3),
            ([2.0, 1.0, 2.0, 2.0], 2, 2, 3),
        ] {
            let found = attempt(|| answer(&floats(&image, &[2, 2]), &stack))?;
            let what = format!("for the image {image:?} and the means {means:?}");
            let mistakes = [
                (cancelled, "differences of both signs have cancelled out; square each before the sum"),
                (farthest, "that one is the farthest; the nearest has the smallest distance, argmin"),
                (means.len() as i64, "the means are counted from 0"),
            ];
            count(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;

    solutions!(count_of, mean_image, nearest_mean);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(count_of(|_, _| todo!()), "not attempted");
        says(mean_image(|_, _, _| todo!()), "not attempted");
        says(nearest_mean(|_, _| todo!()), "not attempted");
    }

    fn of_digit(images: &Tensor, labels: &Tensor, digit: i64) -> Tensor {
        images.index_select(0, &labels.eq(digit).nonzero().flatten(0, -1))
    }

    fn distances(image: &Tensor, means: &Tensor) -> Tensor {
        (means - image).square().flatten(1, -1).sum_dim_intlist(1, false, Kind::Float)
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let looped = |labels: &Tensor, digit: i64| {
            Vec::<i64>::try_from(labels).unwrap().iter().filter(|&&label| label == digit).count() as i64
        };
        assert!(count_of(looped).has_passed());
        let masked = |images: &Tensor, labels: &Tensor, digit: i64| {
            let weights = labels.eq(digit).to_kind(Kind::Double);
            let sum = (images * weights.reshape([-1, 1, 1])).sum_dim_intlist(0, false, Kind::Double);
            sum / weights.sum(Kind::Double)
        };
        assert!(mean_image(masked).has_passed());
        let without_signs = |image: &Tensor, means: &Tensor| {
            let sizes = (means - image).abs().mean_dim([1_i64, 2].as_slice(), false, Kind::Float);
            sizes.argmin(0, false).int64_value(&[])
        };
        assert!(nearest_mean(without_signs).has_passed());
    }

    #[test]
    fn counts_that_people_give() {
        says(count_of(|labels, _| labels.size()[0]), "how many labels there are");
        says(count_of(|labels, digit| labels.ne(digit).sum(Kind::Int64).int64_value(&[])), "another digit");
        let sum = |labels: &Tensor, digit: i64| (labels.eq(digit) * digit).sum(Kind::Int64).int64_value(&[]);
        says(count_of(sum), "your answer is 8: that is their sum");
        says(count_of(|_, _| 4), "of the digit 4 among");
        says(count_of(|labels, digit| labels.eq(digit).int64_value(&[])), "it panicked");
        says(
            count_of(|labels, digit| labels.eq(digit).to_kind(Kind::Int64).argmax(0, false).int64_value(&[])),
            "and 4 is right",
        );
    }

    #[test]
    fn mean_images_that_people_give() {
        let over = [0_i64];
        says(
            mean_image(|x, y, d| of_digit(x, y, d).mean_dim(over.as_slice(), true, Kind::Float)),
            "left over",
        );
        says(mean_image(of_digit), "these are the images");
        says(mean_image(|x, _, _| x.mean_dim(over.as_slice(), false, Kind::Float)), "mean of all four");
        says(
            mean_image(|x, y, d| of_digit(x, y, d).sum_dim_intlist(over.as_slice(), false, Kind::Float)),
            "their sum",
        );
        says(mean_image(|x, y, d| of_digit(x, y, d).get(0)), "the first of them");
        says(mean_image(|x, y, d| of_digit(x, y, d).mean(Kind::Float)), "one number for all pixels");
        says(
            mean_image(|x, y, d| of_digit(x, y, d).mean_dim([2_i64].as_slice(), false, Kind::Float)),
            "and [2, 3] is right",
        );
        says(mean_image(|_, _, _| Tensor::new()), "not yet");
    }

    #[test]
    fn nearest_means_that_people_give() {
        says(
            nearest_mean(|image, means| distances(image, means).argmax(0, false).int64_value(&[])),
            "that one is the farthest",
        );
        let cancelled = |image: &Tensor, means: &Tensor| {
            let sums = (means - image).flatten(1, -1).sum_dim_intlist(1, false, Kind::Float);
            sums.abs().argmin(0, false).int64_value(&[])
        };
        says(nearest_mean(cancelled), "cancelled out");
        says(
            nearest_mean(|image, means| distances(image, means).argmin(0, false).int64_value(&[]) + 1),
            "counted from 0",
        );
        says(nearest_mean(|image, means| distances(image, means).min().int64_value(&[])), "and 3 is right");
        says(nearest_mean(|_, _| 1), "your answer is 1, and 3 is right");
        says(nearest_mean(|image, means| distances(image, means).int64_value(&[])), "it panicked");
    }
}
