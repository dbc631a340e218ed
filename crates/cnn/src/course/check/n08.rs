//! The exercises of notebook 08: saving and loading the model.

use anyhow::Result;
use tch::Tensor;

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::count;
use crate::engine::text::thousands;
use crate::layers::{BatchNormalization, Conv2D, Dense, Flatten};
use crate::model::Sequential;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "size_in_bytes",
        notebook: 8,
        hints: &[
            "How many numbers has the model, and how many bytes has each?",
            "A 32-bit float has 32 bits, and a byte has 8.",
            "The model counts its own numbers: `count_params`.",
        ],
        solution: include_str!("solutions/size_in_bytes.rs"),
        why: "The rest of a file says what the numbers are: hundreds of bytes beside millions.",
    },
    Exercise {
        name: "same_weights",
        notebook: 8,
        hints: &[
            "`weights()` of both are lists of names and tensors. When may one go through both at once?",
            "Lists of different length are different, and so are tensors of different shape: look at these before the numbers.",
            "`==` of two tensors compares shapes and all numbers, exactly; of two pairs it compares the names, too.",
        ],
        solution: include_str!("solutions/same_weights.rs"),
        why: "Exactly the same is the only thing that a file can promise; nearly the same would hide a fault.",
    },
    Exercise {
        name: "erase_filters",
        notebook: 8,
        hints: &[
            "Take all weights, `model.weights()`, replace one of them, and give them back with `set_weights`.",
            "Find it by its name, `conv2d/kernel`; `zeros_like()` makes zeros of the same shape.",
            "`set_weights` wants all of them, in their order: change the pair in place, in a loop over `&mut weights`.",
        ],
        solution: include_str!("solutions/erase_filters.rs"),
        why: "Without filters every image looks alike to the network: only the biases are left.",
    },
];

/// Two small models: one with running means, which are no weights that training changes.
fn models() -> Result<[Sequential; 2]> {
    let first =
        Sequential::input([1, 6, 6]).seed(1).add(Conv2D::new(2, (3, 3))).add(Flatten).add(Dense::new(3));
    let second =
        Sequential::input([1, 6, 6]).seed(2).add(Conv2D::new(4, (3, 3))).add(BatchNormalization::new());
    Ok([first.build()?, second.add(Flatten).add(Dense::new(2)).build()?])
}

/// The first model again, one of whose numbers is a little larger, if one is named.
fn copy_with(changed: Option<&str>) -> Result<Sequential> {
    let [model, _] = models()?;
    for (_, weight) in model.weights().iter().filter(|(name, _)| Some(name.as_str()) == changed) {
        let last_bit = weight.abs().max().double_value(&[]).max(1e-3) * 2_f64.powi(-23);
        let mut number = weight.detach();
        while number.dim() > 0 {
            number = number.select(0, 0);
        }
        number += last_bit;
    }
    Ok(model)
}

/// Whether `answer` gives the bytes that a model's numbers take.
pub fn size_in_bytes(answer: impl Fn(&Sequential) -> i64) -> Checked {
    examine("size_in_bytes", || {
        let [first, second] = models()?;
        for model in [crate::course::model(1)?, first, second] {
            let found = attempt(|| answer(&model))?;
            let params = model.count_params();
            let what = format!("for a model of {} numbers", thousands(params));
            let mistakes = [
                (params, "that is how many numbers there are; each has 4 bytes"),
                (8 * params, "a 32-bit float has 4 bytes, not 8"),
                (32 * params, "that is how many bits; 8 of them are a byte"),
                (4 * model.count_trainable_params(), "running means are saved as well: count all numbers"),
                (2 * params, "a 32-bit float has 4 bytes, not 2"),
            ];
            count(&what, found, 4 * params, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` tells if two models have the same weights, to the last bit.
pub fn same_weights(answer: impl Fn(&Sequential, &Sequential) -> bool) -> Checked {
    examine("same_weights", || {
        let [model, other] = models()?;
        let seeded =
            Sequential::input([1, 6, 6]).seed(7).add(Conv2D::new(2, (3, 3))).add(Flatten).add(Dense::new(3));
        let shorter = Sequential::input([1, 6, 6]).seed(1).add(Conv2D::new(2, (3, 3)));
        let (seeded, shorter) = (seeded.build()?, shorter.build()?);
        let cases = [
            ("two models with the same weights are the same", copy_with(None)?, true),
            ("models of another seed have other weights", seeded, false),
            ("a model whose last bias differs a little is another", copy_with(Some("dense/bias"))?, false),
            (
                "a model one of whose filters differs a little is another",
                copy_with(Some("conv2d/kernel"))?,
                false,
            ),
            ("a model without the dense layer is another", shorter, false),
            ("a model with other layers is another", other, false),
        ];
        for (what, second, wanted) in cases {
            for (one, two) in [(&model, &second), (&second, &model)] {
                let found = attempt(|| answer(one, two))?;
                expect(found == wanted, || format!("{what}, and your answer is {found}"))?;
            }
        }
        Ok(())
    })
}

/// Whether `answer` sets the filters of a model to zero, and nothing else.
pub fn erase_filters(answer: impl Fn(&mut Sequential) -> Result<()>) -> Checked {
    examine("erase_filters", || {
        for number in 0..2 {
            let mut model = std::mem::replace(&mut models()?[number], crate::course::model(1)?);
            let copies = |model: &Sequential| -> Vec<(String, Tensor)> {
                model.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect()
            };
            let before = copies(&model);
            attempt(|| answer(&mut model))??;
            let after = copies(&model);
            let names = |of: &[(String, Tensor)]| of.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            expect(names(&before) == names(&after), || "the model has other layers now".to_string())?;
            for ((name, old), (_, new)) in before.iter().zip(&after) {
                let largest = new.abs().max().double_value(&[]);
                match name == "conv2d/kernel" {
                    true if old == new => expect(false, || {
                        "conv2d/kernel is as it was; has set_weights got the changed list?".into()
                    })?,
                    true => expect(largest == 0.0, || {
                        format!("conv2d/kernel has numbers up to {largest:.4}, and zeros are wanted")
                    })?,
                    false => {
                        expect(old == new, || format!("{name} has changed, too; only conv2d/kernel should"))?
                    }
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use tch::{no_grad, Kind};

    solutions!(size_in_bytes, same_weights, erase_filters);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(size_in_bytes(|_| todo!()), "not attempted");
        says(same_weights(|_, _| todo!()), "not attempted");
        says(erase_filters(|_| todo!()), "not attempted");
    }

    /// Whether a comparison of weights holds for all pairs.
    fn all(a: &Sequential, b: &Sequential, alike: impl Fn(&Tensor, &Tensor) -> bool) -> bool {
        a.weights().iter().zip(b.weights()).all(|((_, a), (_, b))| alike(a, &b))
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let summed = |model: &Sequential| {
            model.weights().iter().map(|(_, w)| (w.numel() * w.kind().elt_size_in_bytes()) as i64).sum()
        };
        assert!(size_in_bytes(summed).has_passed());
        let largest = |a: &Sequential, b: &Sequential| {
            let (a, b) = (a.weights(), b.weights());
            let same = |((_, a), (_, b)): (&(String, Tensor), &(String, Tensor))| {
                a.size() == b.size() && (a - b).abs().max().double_value(&[]) == 0.0
            };
            a.len() == b.len() && a.iter().zip(&b).all(same)
        };
        assert!(same_weights(largest).has_passed());
        let in_place = |model: &mut Sequential| {
            for (name, mut weight) in model.weights() {
                if name == "conv2d/kernel" {
                    let _ = no_grad(|| weight.zero_());
                }
            }
            Ok(())
        };
        assert!(erase_filters(in_place).has_passed());
    }

    #[test]
    fn sizes_that_people_give() {
        says(size_in_bytes(|model| model.count_params()), "each has 4 bytes");
        says(size_in_bytes(|model| 8 * model.count_params()), "not 8");
        says(size_in_bytes(|model| 32 * model.count_params()), "how many bits");
        says(size_in_bytes(|model| 4 * model.count_trainable_params()), "running means");
        says(size_in_bytes(|_| 4 * 693_962), "is right");
        says(
            size_in_bytes(|model| model.weights().iter().map(|(_, w)| w.double_value(&[]) as i64).sum()),
            "it panicked",
        );
    }

    #[test]
    fn comparisons_that_people_give() {
        says(same_weights(|_, _| true), "another seed have other weights, and your answer is true");
        says(same_weights(|_, _| false), "the same weights are the same, and your answer is false");
        says(same_weights(|a, b| a.count_params() == b.count_params()), "another seed");
        says(
            same_weights(|a, b| all(a, b, |a, b| a.size() == b.size() && a.allclose(b, 1e-3, 1e-3, false))),
            "differs a little",
        );
        says(same_weights(|a, b| a.weights()[0].1 == b.weights()[0].1), "whose last bias differs");
        says(same_weights(|a, b| all(a, b, |a, b| a == b)), "without the dense layer");
        says(
            same_weights(|a, b| {
                a.count_params() == b.count_params()
                    && a.weights()[3].1 == b.weights()[3].1
                    && a.weights()[0].0 == b.weights()[0].0
            }),
            "another seed",
        );
        says(
            same_weights(|a, b| all(a, b, |a, b| (a - b).abs().sum(Kind::Float).double_value(&[]) == 0.0)),
            "without the dense layer",
        );
    }

    #[test]
    fn erasures_that_people_give() {
        let zeroed = |model: &mut Sequential, chosen: fn(&str) -> bool| {
            for (_, mut weight) in model.weights().into_iter().filter(|(name, _)| chosen(name)) {
                let _ = no_grad(|| weight.zero_());
            }
            Ok(())
        };
        says(erase_filters(|_| Ok(())), "conv2d/kernel is as it was");
        says(
            erase_filters(move |model| zeroed(model, |name| name.ends_with("kernel"))),
            "dense/kernel has changed, too",
        );
        says(erase_filters(move |model| zeroed(model, |name| name == "conv2d/bias")), "is as it was");
        let ones = |model: &mut Sequential| {
            let mut weights = model.weights();
            weights[0].1 = weights[0].1.ones_like();
            model.set_weights(&weights)
        };
        says(erase_filters(ones), "up to 1.0000, and zeros are wanted");
        let one = |model: &mut Sequential| {
            let kernel = model.weight("conv2d/kernel")?.zeros_like();
            model.set_weights(&[("conv2d/kernel".into(), kernel)])
        };
        says(erase_filters(one), "it returned the error: ");
        says(erase_filters(|model| model.weight("conv/kernel").map(drop)), "no weight is called");
        says(
            erase_filters(|model| {
                model.pop()?;
                Ok(())
            }),
            "other layers now",
        );
    }
}
