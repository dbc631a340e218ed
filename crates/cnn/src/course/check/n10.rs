//! The exercises of notebook 10: conclusion.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, number};
use crate::evaluation::ConfusionMatrix;
use crate::layers::{Activation, Dense, Flatten};
use crate::model::Sequential;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "classify",
        notebook: 10,
        hints: &[
            "A model takes batches of images with channels: what shape must one image of 28 × 28 bytes get?",
            "`image.reshape([1, 1, 28, 28])` is a batch of one; as bytes the model scales it by itself.",
            "`predict` gives `[1, 10]`: `argmax(-1, false)` is `[1]`, and `int64_value(&[0])` takes the number out.",
        ],
        solution: include_str!("solutions/classify.rs"),
        why: "The same steps as in training, for a batch of one, and the place of the largest probability.",
    },
    Exercise {
        name: "hardest_pair",
        notebook: 10,
        hints: &[
            "`matrix.count(truth, predicted)` is how often one was taken for the other. A pair can be confused in two directions.",
            "Go through all pairs with the first smaller than the second, and add both directions up.",
            "`(0..classes)` for the one, `(one + 1..classes)` for the other; remember the pair with the largest sum, or use `max_by_key`.",
        ],
        solution: include_str!("solutions/hardest_pair.rs"),
        why: "That 4 is taken for 9 and 9 for 4 is one difficulty, and shows only when both are added up.",
    },
    Exercise {
        name: "factor_to_halve",
        notebook: 10,
        hints: &[
            "Suppose that a times as many images divide the errors by b, and again each time. How often must that be done to halve them?",
            "With r for images and q for errors, each the larger by the smaller: q to the power of k is 2, so k = ln 2 / ln q.",
            "Then r to the power of that k is the factor: `ln()` and `powf()` are methods of `f64`.",
        ],
        solution: include_str!("solutions/factor_to_halve.rs"),
        why: "Errors fall with a power of the number of images, so each halving costs the same factor again.",
    },
];

/// A model that knows nothing of digits: it answers with the number of the image's brightest row.
fn brightest_row() -> Result<Sequential> {
    let dense = Dense::new(10).activation(Activation::Softmax);
    let mut model = Sequential::input([1, 28, 28]).add(Flatten).add(dense).build()?;
    let rows = Tensor::eye(28, (Kind::Float, model.device())).narrow(1, 0, 10); // [28, 10]
    let kernel = rows.unsqueeze(1).expand([28, 28, 10], true).reshape([784, 10]);
    let bias = Tensor::zeros([10], (Kind::Float, model.device()));
    model.set_weights(&[("dense/kernel".into(), kernel), ("dense/bias".into(), bias)])?;
    Ok(model)
}

/// Whether `answer` tells which digit a model sees in an image of bytes.
pub fn classify(answer: impl Fn(&Sequential, &Tensor) -> Result<i64>) -> Checked {
    examine("classify", || {
        let model = brightest_row()?;
        for wanted in [3, 0, 7, 9] {
            let image = Tensor::zeros([28, 28], (Kind::Uint8, tch::Device::Cpu));
            let _ = image.narrow(0, wanted, 1).fill_(200);
            let found = attempt(|| answer(&model, &image))??;
            let least = i64::from(wanted == 0);
            let mistakes = [(least, "the least likely digit, or always the same?")];
            let what = "for an image [28, 28] and a model that was made to see this digit in it";
            count(what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` finds the two classes that are taken for each other most often.
pub fn hardest_pair(answer: impl Fn(&ConfusionMatrix) -> (usize, usize)) -> Checked {
    examine("hardest_pair", || {
        let matrix = |rows: [[i64; 4]; 4]| {
            let mut pairs: Vec<(i64, i64)> = Vec::new();
            for (truth, row) in rows.iter().enumerate() {
                for (predicted, &times) in row.iter().enumerate() {
                    pairs.extend(vec![(truth as i64, predicted as i64); times as usize]);
                }
            }
            let (truth, predicted): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
            ConfusionMatrix::new(&Tensor::from_slice(&truth), &Tensor::from_slice(&predicted), 4)
        };
        let first = [[30, 6, 0, 1], [0, 30, 1, 4], [0, 2, 30, 0], [0, 4, 1, 30]];
        let second = [[30, 0, 3, 0], [9, 30, 0, 0], [4, 0, 30, 0], [0, 2, 2, 30]];
        for (rows, wanted, one_way) in [(first, (1, 3), (0, 1)), (second, (0, 1), (1, 0))] {
            let matrix = matrix(rows)?;
            let found = attempt(|| answer(&matrix))?;
            let what = format!("for the counts {rows:?} your answer is {found:?}");
            let either = [wanted, (wanted.1, wanted.0)];
            expect(either.contains(&found), || match found {
                (one, two) if one == two => format!("{what}: those on the diagonal are right answers"),
                _ if found == one_way || found == (one_way.1, one_way.0) => {
                    format!("{what}: that is the most frequent confusion in one direction; add both up")
                }
                (one, two) if one > 3 || two > 3 => {
                    format!("{what}: the classes are 0 to 3; they count from 0")
                }
                _ => format!("{what}, and {wanted:?} is right"),
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` tells how many times as many images it takes to halve the errors.
pub fn factor_to_halve(answer: impl Fn((f64, f64), (f64, f64)) -> f64) -> Checked {
    examine("factor_to_halve", || {
        let cases = [
            ((1_000.0, 0.08), (3_000.0, 0.02), 3_f64.sqrt()),
            ((1_000.0, 0.08), (4_000.0, 0.04), 4.0),
            ((10_000.0, 0.04), (20_000.0, 0.03), 2_f64.powf(2_f64.ln() / (4.0_f64 / 3.0).ln())),
        ];
        for (first, second, wanted) in cases {
            let found = attempt(|| answer(first, second))?;
            let (images, errors): (f64, f64) = (second.0 / first.0, first.1 / second.1);
            let what = format!(
                "with errors of {} from {} images and of {} from {}",
                first.1, first.0, second.1, second.0
            );
            let mistakes = [
                (
                    2.0 * images / errors,
                    "the errors do not fall in proportion to the images: think in factors",
                ),
                (
                    2_f64.ln() / errors.ln(),
                    "that is how often the step must be done; the factor is the images' to that power",
                ),
                (
                    2_f64.powf(errors.ln() / images.ln()),
                    "that is how much the errors fall with twice the images",
                ),
                (wanted * second.0, "that is how many images; the factor is wanted"),
                (wanted.recip(), "more images are needed, not fewer"),
                (2.0, "twice the images do not halve the errors here"),
                (errors.ln() / images.ln(), "that is the exponent; which factor does it need for 2?"),
            ];
            number(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use crate::preprocessing::normalize;

    solutions!(classify, hardest_pair, factor_to_halve);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(classify(|_, _| todo!()), "not attempted");
        says(hardest_pair(|_| todo!()), "not attempted");
        says(factor_to_halve(|_, _| todo!()), "not attempted");
    }

    fn row(model: &Sequential, image: &Tensor) -> Result<Tensor> {
        model.predict(&image.reshape([1, 1, 28, 28]))
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let scaled = |model: &Sequential, image: &Tensor| {
            let image = normalize(&image.unsqueeze(0).unsqueeze(0))?;
            Ok(model.predict(&image)?.squeeze().argmax(0, false).int64_value(&[]))
        };
        assert!(classify(scaled).has_passed());
        let sorted = |matrix: &ConfusionMatrix| {
            let both = |&(t, p, n): &(usize, usize, i64)| n + matrix.count(p, t);
            matrix.confusions().iter().max_by_key(|&one| both(one)).map(|&(t, p, _)| (p, t)).unwrap()
        };
        assert!(hardest_pair(sorted).has_passed());
        let by_exponent =
            |(n1, e1): (f64, f64), (n2, e2): (f64, f64)| 2_f64.powf((n2 / n1).ln() / (e1 / e2).ln());
        assert!(factor_to_halve(by_exponent).has_passed());
    }

    #[test]
    fn digits_that_people_give() {
        says(
            classify(|model, image| Ok(model.predict(image)?.argmax(-1, false).int64_value(&[0]))),
            "it returned the error: ",
        );
        says(
            classify(|model, image| Ok(row(model, image)?.argmin(-1, false).int64_value(&[0]))),
            "the least likely digit",
        );
        says(
            classify(|model, image| Ok(row(model, image)?.argmax(0, false).int64_value(&[0]))),
            "the least likely digit",
        );
        says(
            classify(|model, image| Ok(row(model, image)?.argmax(-1, false).int64_value(&[0]) + 1)),
            "and 3 is right",
        );
        says(classify(|_, _| Ok(3)), "your answer is 3, and 0 is right");
        says(
            classify(|model, image| Ok(row(model, image)?.argmax(-1, false).int64_value(&[1]))),
            "it panicked",
        );
        says(
            classify(|model, image| Ok(model.predict(&image.unsqueeze(0))?.size()[0])),
            "it returned the error: ",
        );
    }

    #[test]
    fn pairs_that_people_give() {
        let first = |matrix: &ConfusionMatrix| matrix.confusions()[0];
        says(hardest_pair(move |matrix| (first(matrix).0, first(matrix).1)), "in one direction");
        says(hardest_pair(|_| (0, 0)), "right answers");
        says(hardest_pair(|_| (2, 4)), "they count from 0");
        says(hardest_pair(|_| (1, 3)), "and (0, 1) is right");
        says(hardest_pair(|matrix| ([0, 1][matrix.classes()], 0)), "it panicked");
        says(hardest_pair(|_| (2, 3)), "and (1, 3) is right");
    }

    #[test]
    fn factors_that_people_give() {
        let ratios = |(n1, e1): (f64, f64), (n2, e2): (f64, f64)| -> (f64, f64) { (n2 / n1, e1 / e2) };
        says(factor_to_halve(|a, b| 2.0 * ratios(a, b).0 / ratios(a, b).1), "think in factors");
        says(factor_to_halve(|a, b| 2_f64.ln() / ratios(a, b).1.ln()), "how often the step");
        says(
            factor_to_halve(|a, b| 2_f64.powf(ratios(a, b).1.ln() / ratios(a, b).0.ln())),
            "with twice the images",
        );
        says(
            factor_to_halve(|a, b| b.0 * ratios(a, b).0.powf(2_f64.ln() / ratios(a, b).1.ln())),
            "how many images",
        );
        says(factor_to_halve(|a, b| ratios(a, b).0.powf(-(2_f64.ln()) / ratios(a, b).1.ln())), "not fewer");
        says(factor_to_halve(|_, _| 2.0), "do not halve");
        says(factor_to_halve(|a, b| ((b.0 - a.0) as i64 / 0_i64.max(b.1 as i64)) as f64), "it panicked");
    }
}
