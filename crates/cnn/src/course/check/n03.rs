//! The exercises of notebook 03: building the CNN model.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, floats, numbers, tensor};
use crate::engine::text::thousands;
use crate::model::Sequential;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "output_side",
        notebook: 3,
        hints: &[
            "Put the kernel at the left edge. By how many pixels can it move before it leaves the image?",
            "It can move by `side - kernel` pixels, and takes steps of `stride`; whole steps only.",
            "Steps are not places: the place where it begins counts as well.",
        ],
        solution: include_str!("solutions/output_side.rs"),
        why: "One place where the kernel begins, and one more for each whole step that fits behind it.",
    },
    Exercise {
        name: "conv_parameters",
        notebook: 3,
        hints: &[
            "Begin with one filter: how many weights has it, if it looks at all channels?",
            "A filter has `kernel × kernel` weights for each channel that comes in, and one bias.",
            "All filters are alike: multiply by how many there are, the bias included.",
        ],
        solution: include_str!("solutions/conv_parameters.rs"),
        why: "The size of the image does not occur: the same weights are used at every place.",
    },
    Exercise {
        name: "two_blocks",
        notebook: 3,
        hints: &[
            "Begin with the notebook's network, and put another `Conv2D` and `MaxPooling2D` before `Flatten`.",
            "Nearly all parameters are those of the first dense layer: what reaches `Flatten` should be small.",
            "After two blocks the sides are 5: with 32 filters that is 800 numbers, and 64 units then have 51,264 parameters.",
        ],
        solution: include_str!("solutions/two_blocks.rs"),
        why: "Each pooling quarters what reaches the dense layer, where nearly all weights sit.",
    },
    Exercise {
        name: "softmax",
        notebook: 3,
        hints: &[
            "The formula, for each row: `exp` of all logits, divided by their sum in this row.",
            "`sum_dim_intlist(1, true, Kind::Float)` adds up each row; `true` keeps it as a column `[n, 1]`, which divides row by row.",
            "`exp` of 1,000 is infinite. Only differences count: subtract each row's largest logit first, `amax([1].as_slice(), true)`.",
        ],
        solution: include_str!("solutions/softmax.rs"),
        why: "Less its largest logit, no power in a row exceeds 1, and the probabilities are the same.",
    },
];

/// Whether `answer` gives the side of what a kernel or a pooling window makes of an image.
pub fn output_side(answer: impl Fn(i64, i64, i64) -> i64) -> Checked {
    examine("output_side", || {
        for (side, kernel, stride, wanted) in
            [(28, 3, 1, 26), (28, 5, 1, 24), (26, 2, 2, 13), (11, 2, 2, 5), (32, 3, 2, 15), (7, 7, 1, 1)]
        {
            let found = attempt(|| answer(side, kernel, stride))?;
            let what =
                format!("for an image of side {side}, a kernel of side {kernel} and a stride of {stride}");
            let mistakes = [
                (side - kernel + 1, "that would be right with a stride of 1"),
                (wanted - 1, "the place where the kernel begins counts as well"),
                (side, "the kernel may not leave the image: padding is \"valid\" here"),
                ((side as u64).div_ceil(stride as u64) as i64, "that would be right with padding \"same\""),
                (wanted + 1, "the kernel would leave the image at the last place"),
            ];
            count(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` counts the parameters of a convolution.
pub fn conv_parameters(answer: impl Fn(i64, i64, i64) -> i64) -> Checked {
    examine("conv_parameters", || {
        for (channels, filters, kernel) in [(1, 32, 3), (32, 64, 3), (3, 16, 5), (8, 4, 1)] {
            let found = attempt(|| answer(channels, filters, kernel))?;
            let weights = kernel * kernel * channels * filters;
            let plural = if channels == 1 { "" } else { "s" };
            let what =
                format!("for {channels} channel{plural}, {filters} filters and kernels of {kernel}×{kernel}");
            let mistakes = [
                (weights, "these are the weights; each filter has a bias, too"),
                (weights + 1, "each filter has a bias of its own"),
                (kernel * kernel * filters + filters, "a filter has weights for each channel that comes in"),
                ((kernel * channels + 1) * filters, "a kernel is as high as it is wide"),
                (
                    (kernel * kernel + 1) * channels * filters,
                    "a filter has one bias, not one for each channel",
                ),
                ((kernel * kernel * filters + 1) * channels, "a bias belongs to a filter, not to a channel"),
                (weights + channels, "a bias belongs to a filter, not to a channel"),
            ];
            count(&what, found, weights + filters, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` builds a network with two convolutions, ten probabilities and fewer than 100,000 parameters.
pub fn two_blocks(answer: impl Fn() -> Result<Sequential>) -> Checked {
    examine("two_blocks", || {
        let model = attempt(&answer)??;
        let shape = model.input_shape().to_vec();
        expect(shape == [1, 28, 28], || {
            format!("your network takes images {shape:?}, and MNIST's are [1, 28, 28]; the channels come first here")
        })?;
        let classes: Vec<&str> = model.layers().map(|(_, layer)| layer.class_name()).collect();
        let convolutions = classes.iter().filter(|class| class.contains("Conv2D")).count();
        expect(convolutions >= 2, || {
            format!(
                "your network has {convolutions} convolution; two are wanted. Its layers are {}",
                classes.join(", ")
            )
        })?;
        let images = Tensor::linspace(0.0, 1.0, 3 * 28 * 28, (Kind::Float, model.device()));
        let output = attempt(|| model.predict(&images.reshape([3, 1, 28, 28])))??;
        expect(output.size() == [3, 10], || {
            format!(
                "for three images your network gives {:?}, and [3, 10] is wanted: ten classes",
                output.size()
            )
        })?;
        let rows = numbers(&output);
        let sums_to_one = rows.chunks(10).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-4);
        expect(sums_to_one && rows.iter().all(|&p| p >= 0.0), || {
            format!(
                "the ten numbers add up to {:.3}: they are no probabilities yet; softmax makes them so",
                rows[..10].iter().sum::<f64>()
            )
        })?;
        let count = model.count_params();
        expect(count < 100_000, || {
            format!("your network has {} parameters, and fewer than 100,000 are wanted; summary() says where they are", thousands(count))
        })
    })
}

/// Whether `answer` makes probabilities of rows of logits.
pub fn softmax(answer: impl Fn(&Tensor) -> Tensor) -> Checked {
    examine("softmax", || {
        for (logits, large) in
            [([2.0, 1.0, -1.0, 0.0, 0.0, 0.0], false), ([1000.0, 1001.0, 999.0, 0.5, -2.0, 3.0], true)]
        {
            let rows = floats(&logits, &[2, 3]);
            let found = attempt(|| answer(&rows))?;
            let what = format!("for the logits {:?} and {:?}", &logits[..3], &logits[3..]);
            expect(!large || !numbers(&found).iter().any(|p| !p.is_finite()), || {
                format!("{what} your answer has numbers that are none: exp(1000) is infinite; only differences count, so subtract each row's largest logit first")
            })?;
            let powers = rows.exp();
            let positive = rows.sum_dim_intlist(1, true, Kind::Float);
            let mistakes = [
                (&powers / powers.sum(Kind::Float), "all of it together adds up to 1; each row should"),
                (
                    &powers / powers.sum_dim_intlist(0, true, Kind::Float),
                    "each column adds up to 1; each row should",
                ),
                (powers.copy(), "exp is there; divide by the sum of each row"),
                (&rows / positive, "take exp of the logits first: it makes them positive"),
                (rows.sigmoid(), "that is the sigmoid of each logit; a row should add up to 1"),
                (rows.log_softmax(-1, Kind::Float), "these are the logarithms of the probabilities"),
            ];
            tensor(&what, &found, &rows.softmax(-1, Kind::Float), &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use crate::prelude::*;

    solutions!(output_side, conv_parameters, two_blocks, softmax);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(output_side(|_, _, _| todo!()), "not attempted");
        says(conv_parameters(|_, _, _| todo!()), "not attempted");
        says(two_blocks(|| todo!()), "not attempted");
        says(softmax(|_| todo!()), "not attempted");
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let counted = |side: i64, kernel: i64, stride: i64| {
            (0..side).filter(|place| place % stride == 0 && place + kernel <= side).count() as i64
        };
        assert!(output_side(counted).has_passed());
        let built = |channels: i64, filters: i64, kernel: i64| {
            let model = Sequential::input([channels, 8, 8]).add(Conv2D::new(filters, (kernel, kernel)));
            model.build().unwrap().count_params()
        };
        assert!(conv_parameters(built).has_passed());
        assert!(softmax(|logits| logits.to_kind(Kind::Double).softmax(-1, Kind::Double)).has_passed());
        let pooled = || {
            let model = Sequential::input([1, 28, 28]).add(Conv2D::new(16, (3, 3)).activation(Relu));
            let model = model.add(SeparableConv2D::new(32, (3, 3))).add(GlobalAveragePooling2D);
            model.add(Dense::new(10)).add(Softmax::new()).build()
        };
        assert!(two_blocks(pooled).has_passed(), "{}", two_blocks(pooled));
    }

    #[test]
    fn sides_that_people_give() {
        says(
            output_side(|side, kernel, stride| (side - kernel) / stride),
            "the place where the kernel begins",
        );
        says(output_side(|side, kernel, _| side - kernel + 1), "with a stride of 1");
        says(output_side(|side, _, _| side), "may not leave the image");
        says(output_side(|side, _, stride| (side + stride - 1) / stride), "may not leave");
        says(output_side(|side, kernel, stride| (side - kernel + 1) / stride), "the place where");
        says(output_side(|_, _, _| 26), "a kernel of side 5");
        says(output_side(|side, kernel, stride| (side - kernel + stride) / (stride - 1)), "it panicked");
    }

    #[test]
    fn parameters_that_people_give() {
        says(conv_parameters(|c, f, k| k * k * c * f), "each filter has a bias, too");
        says(conv_parameters(|_, f, k| (k * k + 1) * f), "for each channel that comes in");
        says(conv_parameters(|c, f, k| (k * c + 1) * f), "as high as it is wide");
        says(conv_parameters(|c, f, k| (k * k + 1) * c * f), "not one for each channel");
        says(conv_parameters(|c, f, k| k * k * c * f + 1), "a bias of its own");
        says(conv_parameters(|c, f, k| k * k * c * f + c), "a bias of its own");
        says(conv_parameters(|_, _, _| 320), "and 18,496 is right");
    }

    #[test]
    fn networks_that_people_give() {
        let begin = || Sequential::input([1, 28, 28]).add(Conv2D::new(8, (3, 3)).activation(Relu));
        let second = || begin().add(MaxPooling2D::new((2, 2))).add(Conv2D::new(8, (3, 3)).activation(Relu));
        says(two_blocks(|| begin().add(Flatten).add(Dense::new(10)).build()), "has 1 convolution;");
        says(two_blocks(|| second().add(Flatten).add(Dense::new(10)).build()), "no probabilities yet");
        let softmax = |units: i64| Dense::new(units).activation(Softmax);
        says(two_blocks(|| second().add(Flatten).add(softmax(9)).build()), "[3, 9], and [3, 10] is wanted");
        says(two_blocks(|| second().add(softmax(10)).build()), "it returned the error: ");
        let large = || second().add(Flatten).add(Dense::new(128)).add(softmax(10)).build();
        says(two_blocks(large), "fewer than 100,000 are wanted");
        let last = || {
            let model = Sequential::input([28, 28, 1]).add(Conv2D::new(8, (1, 1)));
            model.add(Conv2D::new(8, (1, 1))).add(Flatten).add(softmax(10)).build()
        };
        says(two_blocks(last), "channels come first here");
        let larger = || {
            let model = Sequential::input([1, 32, 32]).add(Conv2D::new(2, (3, 3)));
            model.add(Conv2D::new(2, (3, 3))).add(Flatten).add(softmax(10)).build()
        };
        says(two_blocks(larger), "and MNIST's are [1, 28, 28]");
        says(two_blocks(|| course::model(1)), "has 1 convolution;");
    }

    #[test]
    fn probabilities_that_people_give() {
        let rows = |x: &Tensor| x.sum_dim_intlist(1, true, Kind::Float);
        says(softmax(|x| x.exp() / x.exp().sum(Kind::Float)), "all of it together");
        says(softmax(|x| x.softmax(0, Kind::Float)), "each column adds up");
        says(softmax(|x| x.exp()), "divide by the sum");
        says(softmax(|x| x / rows(x)), "take exp");
        says(softmax(|x| x.sigmoid()), "the sigmoid");
        says(softmax(|x| x.exp() / rows(&x.exp())), "exp(1000) is infinite");
        says(softmax(|x| x.exp() / x.exp().sum_dim_intlist(1, false, Kind::Float)), "it panicked");
    }
}
