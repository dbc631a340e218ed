//! The exercises of notebook 12: VGG, ResNet, MobileNet.

use tch::Tensor;

use super::attempt::attempt;
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, floats, tensor};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "receptive_field",
        notebook: 12,
        hints: &[
            "Begin with one pixel of the last output, and go back: how many pixels of its input does a kernel see?",
            "A kernel of 3 sees one pixel more on each side. Each further layer widens by that much again.",
            "So each kernel adds its side less 1, and before the first there was 1.",
        ],
        solution: include_str!("solutions/receptive_field.rs"),
        why: "Each layer widens the view by its kernel less 1, whatever the others are: VGG's bargain.",
    },
    Exercise {
        name: "residual",
        notebook: 12,
        hints: &[
            "The figure has two ways from `x` to the addition. What comes on each of them?",
            "One is `f(x)`, the other is `x` itself; `+` adds two tensors.",
            "ReLU comes after the addition, over the whole of it: `relu()` is a method of tensors.",
        ],
        solution: include_str!("solutions/residual.rs"),
        why: "Where f gives zeros, the block hands x on, so a deeper network is never worse off.",
    },
    Exercise {
        name: "separable_multiply_adds",
        notebook: 12,
        hints: &[
            "Two steps, each with its own cost for a pixel that comes out; and how many pixels come out?",
            "Depthwise: one kernel for each channel. Pointwise: a kernel of 1 × 1 that sees all channels, for each filter.",
            "For one pixel that is `kernel²·C` and `C·F`; they are added, and there are `side²` pixels.",
        ],
        solution: include_str!("solutions/separable_multiply_adds.rs"),
        why: "What a convolution multiplies, neighbours by channels by filters, becomes a sum of two smaller products.",
    },
];

/// Whether `answer` tells how many pixels in a row a stack of convolutions sees.
pub fn receptive_field(answer: impl Fn(&[i64]) -> i64) -> Checked {
    examine("receptive_field", || {
        for (kernels, wanted) in
            [(vec![3_i64, 3], 5), (vec![3, 3, 3], 7), (vec![7, 3, 1, 5], 13), (vec![3; 8], 17), (vec![5], 5)]
        {
            let found = attempt(|| answer(&kernels))?;
            let what = format!("for kernels of the sides {kernels:?}");
            let mistakes = [
                (kernels.iter().sum(), "a layer widens the view by its kernel less 1, not by all of it"),
                (kernels.iter().product(), "the layers' widths are added, not multiplied"),
                (wanted - 1, "the pixel in the middle counts as well"),
                (kernels[kernels.len() - 1], "that is the last kernel alone"),
                (kernels.iter().sum::<i64>() - 1, "every kernel adds its side less 1"),
                (wanted * wanted, "the side of what it sees is wanted, not its area"),
            ];
            count(&what, found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` is a residual block around `f`.
pub fn residual(answer: impl Fn(&Tensor, &dyn Fn(&Tensor) -> Tensor) -> Tensor) -> Checked {
    examine("residual", || {
        let x = [1.0, -2.0, 3.0, -4.0, 0.5, 2.0];
        type Function = fn(&Tensor) -> Tensor;
        let functions: [(&str, Function); 3] = [
            ("f(x) = 3 - 2x", |x| 3.0 - 2.0 * x),
            ("f(x) = 0", Tensor::zeros_like),
            ("f(x) = x²", Tensor::square),
        ];
        for (name, f) in functions {
            let rows = floats(&x, &[1, 2, 3]);
            let found = attempt(|| answer(&rows, &f))?;
            let of = f(&rows);
            let mistakes = [
                (&of + &rows, "ReLU is missing: it comes after the addition"),
                (of.relu(), "x itself is missing: that is the way around"),
                (of.relu() + &rows, "ReLU comes after the addition, over both"),
                (&of + rows.relu(), "ReLU comes after the addition, over both"),
                (of.relu() + rows.relu(), "ReLU comes after the addition, over both"),
                ((&of - &rows).relu(), "add x; do not subtract it"),
                ((&of * &rows).relu(), "add x; do not multiply"),
                (f(&(&of + &rows)).relu(), "f is applied once, to x"),
                (f(&rows.relu()), "x itself is missing: that is the way around"),
            ];
            let what = format!("for x = {x:?} and {name}");
            tensor(&what, &found, &(&of + &rows).relu(), &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` counts the multiply-adds of a depthwise and a pointwise convolution.
pub fn separable_multiply_adds(answer: impl Fn(i64, i64, i64, i64) -> i64) -> Checked {
    examine("separable_multiply_adds", || {
        for (channels, filters, kernel, side) in
            [(96, 96, 3, 16), (16, 32, 3, 8), (8, 4, 5, 1), (3, 10, 1, 2)]
        {
            let found = attempt(|| answer(channels, filters, kernel, side))?;
            let (c, f, k, pixels) = (channels, filters, kernel, side * side);
            let what = format!(
                "for {c} channels, {f} filters, kernels of {k}×{k} and {side}×{side} pixels that come out"
            );
            let mistakes = [
                (
                    pixels * k * k * c * f,
                    "that is the usual convolution; the two steps are added, not multiplied",
                ),
                (k * k * c + c * f, "that is for one pixel; how many come out?"),
                (side * (k * k * c + c * f), "there are side × side pixels"),
                (pixels * (k * c + c * f), "a kernel is as high as it is wide"),
                (pixels * k * k * c, "that is the depthwise step; the pointwise one mixes the channels"),
                (pixels * c * f, "that is the pointwise step; the depthwise one looks at the neighbours"),
                (
                    pixels * (k * k * f + c * f),
                    "the depthwise step has a kernel for each channel that comes in",
                ),
                (pixels * (k * k + c * f), "the depthwise step has a kernel for each channel"),
                (pixels * (k * k * c + f), "the pointwise step sees all channels, for each filter"),
            ];
            count(&what, found, pixels * (k * k * c + c * f), &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use crate::prelude::{Padding, SeparableConv2D, Sequential};

    solutions!(receptive_field, residual, separable_multiply_adds);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(receptive_field(|_| todo!()), "not attempted");
        says(residual(|_, _| todo!()), "not attempted");
        says(separable_multiply_adds(|_, _, _, _| todo!()), "not attempted");
    }

    #[test]
    fn other_ways_are_right_as_well() {
        assert!(
            receptive_field(|kernels| kernels.iter().sum::<i64>() - kernels.len() as i64 + 1).has_passed()
        );
        assert!(residual(|x, f| f(x).g_add(x).clamp_min(0.0)).has_passed());
        let asked = |c: i64, f: i64, k: i64, side: i64| {
            let layer = SeparableConv2D::new(f, (k, k)).padding(Padding::Same).use_bias(false);
            Sequential::input([c, side, side]).add(layer).build().unwrap().multiply_adds()
        };
        assert!(separable_multiply_adds(asked).has_passed());
    }

    #[test]
    fn views_that_people_give() {
        says(receptive_field(|kernels| kernels.iter().sum()), "not by all of it");
        says(receptive_field(|kernels| kernels.iter().product()), "not multiplied");
        says(receptive_field(|kernels| kernels.iter().map(|k| k - 1).sum()), "counts as well");
        says(receptive_field(|kernels| kernels[0]), "the last kernel alone");
        says(receptive_field(|kernels| kernels.iter().sum::<i64>() - 1), "adds its side less 1");
        says(
            receptive_field(|kernels| (1 + kernels.iter().map(|k| k - 1).sum::<i64>()).pow(2)),
            "not its area",
        );
        says(receptive_field(|_| 5), "[3, 3, 3] your answer is 5, and 7 is right");
        says(receptive_field(|kernels| kernels[1]), "the last kernel");
    }

    #[test]
    fn blocks_that_people_give() {
        says(residual(|x, f| f(x) + x), "ReLU is missing");
        says(residual(|x, f| f(x).relu()), "x itself is missing");
        says(residual(|x, f| f(x).relu() + x), "after the addition");
        says(residual(|x, f| (f(x) - x).relu()), "do not subtract");
        says(residual(|x, f| (f(x) * x).relu()), "do not multiply");
        says(residual(|x, f| f(&(f(x) + x)).relu()), "f is applied once");
        says(residual(|x, f| (f(x) + x).relu().sum(tch::Kind::Float)), "your tensor has the shape []");
        says(residual(|x, f| (f(x) + x.transpose(1, 2)).relu()), "it panicked");
    }

    #[test]
    fn costs_that_people_give() {
        says(separable_multiply_adds(|c, f, k, side| side * side * k * k * c * f), "added, not multiplied");
        says(separable_multiply_adds(|c, f, k, _| k * k * c + c * f), "how many come out?");
        says(separable_multiply_adds(|c, f, k, side| side * (k * k * c + c * f)), "side × side pixels");
        says(separable_multiply_adds(|c, f, k, side| side * side * (k * c + c * f)), "as high as it is wide");
        says(separable_multiply_adds(|c, _, k, side| side * side * k * k * c), "the pointwise one mixes");
        says(separable_multiply_adds(|c, f, _, side| side * side * c * f), "looks at the neighbours");
        says(
            separable_multiply_adds(|c, f, k, side| side * side * (k * k * f + c * f)),
            "for each channel that comes in",
        );
        says(separable_multiply_adds(|_, _, _, _| 10_080), "how many come out?");
        says(separable_multiply_adds(|c, f, k, side| c / (k - 3) * f * side), "it panicked");
    }
}
