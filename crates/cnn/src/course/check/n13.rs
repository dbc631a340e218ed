//! The exercises of notebook 13: transfer learning.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, number, numbers};
use crate::engine::text::thousands;
use crate::layers::{Activation, Conv2D, Dense, Flatten};
use crate::model::Sequential;

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "cosine",
        notebook: 13,
        hints: &[
            "Two rows of features point in the same direction if their product is as large as their lengths allow.",
            "The product of two rows, number by number and added up, is `dot`; a row's length is `norm()`.",
            "Divide the product by both lengths.",
        ],
        solution: include_str!("solutions/cosine.rs"),
        why: "Divided by both lengths only the direction counts: 1 is the same, 0 has nothing in common.",
    },
    Exercise {
        name: "freeze_all_but_the_head",
        notebook: 13,
        hints: &[
            "First all layers, then one exception: the model has a method for each of the two.",
            "The head's name differs from model to model: `model.layers()` gives all names in order, and `.last()` the last.",
            "Make a `String` of the name first (`to_string`), or it borrows the model, which `set_trainable` wants to change.",
        ],
        solution: include_str!("solutions/freeze_all_but_the_head.rs"),
        why: "Its head alone knows the old classes; the layers before it know how to look.",
    },
    Exercise {
        name: "change_head",
        notebook: 13,
        hints: &[
            "Two methods of the model, one that takes the last layer off, one that puts another on.",
            "`pop` and `add`; both return a `Result`, so `?`.",
            "The new head is a `Dense` layer with as many units as there are classes, and the activation that makes probabilities.",
        ],
        solution: include_str!("solutions/change_head.rs"),
        why: "Everything before the head keeps its weights: that is what was learnt, and what is transferred.",
    },
];

/// Models that have learnt: their heads have other names, and one has a batch normalisation.
fn models() -> Result<[Sequential; 2]> {
    let head = |classes: i64| Dense::new(classes).activation(Activation::Softmax);
    let first =
        Sequential::input([1, 6, 6]).add(Conv2D::new(2, (3, 3))).add(Flatten).add(Dense::new(5)).add(head(4));
    let second = Sequential::input([3, 5, 5])
        .add(Conv2D::new(4, (3, 3)))
        .add(crate::layers::BatchNormalization::new());
    Ok([first.build()?, second.add(Flatten).add(head(2).name("head")).build()?])
}

fn copies(model: &Sequential) -> Vec<(String, Tensor)> {
    model.weights().into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect()
}

/// Whether `answer` computes the cosine of two rows of features.
pub fn cosine(answer: impl Fn(&Tensor, &Tensor) -> f64) -> Checked {
    examine("cosine", || {
        let cases = [
            ([3.0, 4.0, 0.0], [4.0, 3.0, 0.0]),
            ([1.0, 2.0, 2.0], [-2.0, -4.0, -4.0]),
            ([1.0, 0.0, 0.0], [0.0, 5.0, 1.0]),
            ([2.0, 1.0, 2.0], [4.0, 0.0, 3.0]),
        ];
        for (a, b) in cases {
            let found = attempt(|| answer(&floats(&a, &[3]), &floats(&b, &[3])))?;
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (product, square_a, square_b) = (dot(&a, &b), dot(&a, &a), dot(&b, &b));
            let wanted = product / (square_a * square_b).sqrt();
            let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            let mistakes = [
                (product, "that is their product; divide it by both lengths"),
                (product / square_a.sqrt(), "divide by both lengths, not by one"),
                (product / square_b.sqrt(), "divide by both lengths, not by one"),
                (product / (square_a * square_b), "a length is the root of the sum of squares"),
                (
                    product / (square_a.sqrt() + square_b.sqrt()),
                    "divide by the product of the lengths, not by their sum",
                ),
                (wanted.abs(), "opposite directions have -1: the sign belongs to it"),
                (1.0 - wanted, "that is the distance; the cosine itself is wanted"),
                (apart.sqrt(), "that is how far they lie apart; their directions are to be compared"),
                (wanted.clamp(-1.0, 1.0).acos(), "that is the angle; its cosine is wanted"),
                (product / 3.0, "divide by both lengths, not by how many numbers there are"),
            ];
            number(&format!("for {a:?} and {b:?}"), found, wanted, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` leaves only the last layer of a model to training.
pub fn freeze_all_but_the_head(answer: impl Fn(&mut Sequential) -> Result<()>) -> Checked {
    examine("freeze_all_but_the_head", || {
        for mut model in models()? {
            let before = copies(&model);
            let of_head: i64 = before.iter().rev().take(2).map(|(_, weight)| weight.numel() as i64).sum();
            attempt(|| answer(&mut model))??;
            let after = copies(&model);
            expect(before == after, || {
                "the layers or their weights have changed; only what is trained should".to_string()
            })?;
            let [all, found] = [model.count_params(), model.count_trainable_params()];
            let what = format!(
                "of {} weights, {} of them in the last layer, training changes {}",
                thousands(all),
                thousands(of_head),
                thousands(found)
            );
            let head = before[before.len() - 1].0.split('/').next().unwrap_or_default().to_string();
            expect(found == of_head, || match found {
                0 => format!("{what}: the head should be trained"),
                _ if found == all - of_head => format!("{what}: it is the other way round"),
                _ if found > of_head => format!("{what}: the layers before {head:?} should be frozen, too"),
                _ => format!("{what}: only {head:?} should be trained"),
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` gives a model another head, for so many classes.
pub fn change_head(answer: impl Fn(&mut Sequential, i64) -> Result<()>) -> Checked {
    examine("change_head", || {
        for (mut model, classes) in models()?.into_iter().zip([3, 7]) {
            let (before, layers) = (copies(&model), model.layers().count());
            attempt(|| answer(&mut model, classes))??;
            let after = copies(&model);
            let kept = before.len() - 2;
            let what = format!("for {classes} classes and a model of {layers} layers");
            let found = model.layers().count();
            expect(found != layers + 1, || {
                format!("{what} there are {found} layers now: the old head is to be taken off first")
            })?;
            expect(found != layers - 1, || {
                format!("{what} there are {found} layers now: the new head is missing")
            })?;
            expect(after.len() >= kept && after[..kept] == before[..kept], || {
                format!(
                    "{what} the layers before the head have other weights now: what they have learnt is lost"
                )
            })?;
            let shape = [&[2], model.input_shape()].concat();
            let x = Tensor::linspace(0.0, 1.0, shape.iter().product(), (Kind::Float, model.device()))
                .reshape(&shape);
            let output = attempt(|| model.predict(&x))??;
            expect(output.size() == [2, classes], || {
                format!("{what} two images get {:?}, and [2, {classes}] is wanted", output.size())
            })?;
            let sum = numbers(&output)[..classes as usize].iter().sum::<f64>();
            expect((sum - 1.0).abs() < 1e-4, || {
                format!("{what} the numbers of an image add up to {sum:.3}: probabilities are wanted")
            })?;
            expect(after.len() > kept && after[kept..] != before[kept..], || {
                format!("{what} the head is the old one")
            })?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use crate::prelude::Softmax;

    solutions!(cosine, freeze_all_but_the_head, change_head);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(cosine(|_, _| todo!()), "not attempted");
        says(freeze_all_but_the_head(|_| todo!()), "not attempted");
        says(change_head(|_, _| todo!()), "not attempted");
    }

    fn last(model: &Sequential) -> String {
        model.layers().last().unwrap().0.to_string()
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let libtorchs = |a: &Tensor, b: &Tensor| Tensor::cosine_similarity(a, b, 0, 1e-8).double_value(&[]);
        assert!(cosine(libtorchs).has_passed());
        assert!(freeze_all_but_the_head(|model| model.set_trainable_from(&last(model))).has_passed());
        let each = |model: &mut Sequential| {
            let names: Vec<String> = model.layers().map(|(name, _)| name.to_string()).collect();
            names[..names.len() - 1].iter().try_for_each(|name| model.set_trainable(name, false))
        };
        assert!(freeze_all_but_the_head(each).has_passed());
        let cut = |model: &mut Sequential, classes: i64| {
            let names: Vec<String> = model.layers().map(|(name, _)| name.to_string()).collect();
            model.pop_after(&names[names.len() - 2])?;
            model.add(Dense::new(classes).activation(Softmax).name("new"))
        };
        assert!(change_head(cut).has_passed());
    }

    #[test]
    fn cosines_that_people_give() {
        let dot = |a: &Tensor, b: &Tensor| a.dot(b).double_value(&[]);
        let norm = |a: &Tensor| a.norm().double_value(&[]);
        says(cosine(dot), "divide it by both lengths");
        says(cosine(|a, b| dot(a, b) / norm(a)), "not by one");
        says(cosine(|a, b| dot(a, b) / (dot(a, a) * dot(b, b))), "the root of the sum");
        says(cosine(|a, b| dot(a, b) / (norm(a) + norm(b))), "not by their sum");
        says(cosine(|a, b| (dot(a, b) / (norm(a) * norm(b))).abs()), "the sign belongs");
        says(cosine(|a, b| 1.0 - dot(a, b) / (norm(a) * norm(b))), "that is the distance");
        says(cosine(|a, b| norm(&(a - b))), "how far they lie apart");
        says(cosine(|a, b| (a * b).double_value(&[])), "it panicked");
    }

    #[test]
    fn frozen_models_that_people_give() {
        says(freeze_all_but_the_head(|_| Ok(())), "should be frozen, too");
        says(
            freeze_all_but_the_head(|model| {
                model.set_all_trainable(false);
                Ok(())
            }),
            "the head should be trained",
        );
        says(
            freeze_all_but_the_head(|model| model.set_trainable(&last(model), false)),
            "the other way round",
        );
        says(freeze_all_but_the_head(|model| model.set_trainable_from("dense_1")), "it returned the error: ");
        says(freeze_all_but_the_head(|model| model.set_trainable("conv2d", false)), "should be frozen, too");
        says(
            freeze_all_but_the_head(|model| {
                model.pop()?;
                Ok(())
            }),
            "layers or their weights have changed",
        );
        says(
            freeze_all_but_the_head(|model| {
                model.set_all_trainable(false);
                model.set_trainable("conv2d", true)
            }),
            "only \"dense_1\" should be trained",
        );
    }

    #[test]
    fn heads_that_people_give() {
        let head = |classes: i64| Dense::new(classes).activation(Softmax);
        says(change_head(move |model, classes| model.add(head(classes))), "taken off first");
        says(change_head(|model, _| model.pop()), "the new head is missing");
        says(
            change_head(|model, classes| {
                model.pop()?;
                model.add(Dense::new(classes))
            }),
            "probabilities are wanted",
        );
        says(
            change_head(move |model, _| {
                model.pop()?;
                model.add(head(10))
            }),
            "and [2, 3] is wanted",
        );
        says(change_head(|_, _| Ok(())), "[2, 4], and [2, 3] is wanted");
        says(
            change_head(|model, classes| {
                model.pop()?;
                model.pop()?;
                model.add(Dense::new(5))?;
                model.add(Dense::new(classes))
            }),
            "what they have learnt is lost",
        );
        says(
            change_head(|model, classes| {
                model.set_trainable("head", false)?;
                model.add(Dense::new(classes))
            }),
            "it returned the error: ",
        );
    }
}
