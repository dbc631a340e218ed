//! The exercises of notebook 05: evaluating the model.

use tch::Tensor;

use super::attempt::attempt;
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{floats, number};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "precision_of",
        notebook: 5,
        hints: &[
            "Of all the times the model *says* this class, how often is it right?",
            "`predicted.eq(class)` is where it says so; `logical_and` with `truth.eq(class)` is where it is right as well.",
            "Count both with `.sum(Kind::Double).double_value(&[])`, and divide the second by the first.",
        ],
        solution: include_str!("solutions/precision_of.rs"),
        why: "What the model says is the whole here: false alarms lower it, images that it misses do not.",
    },
    Exercise {
        name: "recall_of",
        notebook: 5,
        hints: &[
            "Of all the images that *are* of this class, how many does the model find?",
            "It is the same count as for the precision, divided by another: by how many there are.",
            "`truth.eq(class)` is where they are; `.sum(Kind::Double).double_value(&[])` counts.",
        ],
        solution: include_str!("solutions/recall_of.rs"),
        why: "What is there is the whole here: images that it misses lower it, false alarms do not.",
    },
    Exercise {
        name: "accuracy_when_sure",
        notebook: 5,
        hints: &[
            "How sure the model is: the largest probability of each row. Its answer: where that is.",
            "`max_dim(1, false)` gives both; comparing them, `gt(least)` and `eq_tensor(truth)`, gives true or false for each image.",
            "`hits.masked_select(&sure)` keeps the hits of those that it is sure of; their mean, as `Kind::Double`, is wanted.",
        ],
        solution: include_str!("solutions/accuracy_when_sure.rs"),
        why: "Those it is not sure of count neither as right nor as wrong: they are left to somebody else.",
    },
];

const TRUTH: [i64; 10] = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2];
const PREDICTED: [i64; 10] = [0, 2, 1, 1, 0, 2, 2, 1, 1, 2];

/// What is counted for a class, as numbers to divide.
struct Counts {
    right: f64,
    said: f64,
    there: f64,
}

fn counts(class: i64) -> Counts {
    let of = |labels: &[i64]| labels.iter().filter(|&&label| label == class).count() as f64;
    let right = TRUTH.iter().zip(PREDICTED).filter(|&(&truth, said)| truth == class && said == class).count();
    Counts { right: right as f64, said: of(&PREDICTED), there: of(&TRUTH) }
}

fn what(class: i64) -> String {
    format!("for the labels {TRUTH:?}, the answers {PREDICTED:?} and the class {class}")
}

fn tensors() -> (Tensor, Tensor) {
    (Tensor::from_slice(&TRUTH), Tensor::from_slice(&PREDICTED))
}

/// Whether `answer` computes the precision of a class.
pub fn precision_of(answer: impl Fn(&Tensor, &Tensor, i64) -> f64) -> Checked {
    examine("precision_of", || {
        for class in [2, 1, 0] {
            let Counts { right, said, there } = counts(class);
            let (truth, predicted) = tensors();
            let found = attempt(|| answer(&truth, &predicted, class))?;
            let mistakes = [
                (right / there, "that is the recall: divide by how often the model says the class"),
                (right, "that is how often it is right; divide by how often it says the class"),
                (100.0 * right / said, "a share from 0 to 1, please, no percentage"),
                (1.0 - right / said, "that is the share of false alarms"),
                (right / 10.0, "divide by how often the model says the class, not by all images"),
                (0.5, "that is the accuracy over all classes"),
                (said / there, "count only where it is right as well"),
            ];
            number(&what(class), found, right / said, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` computes the recall of a class.
pub fn recall_of(answer: impl Fn(&Tensor, &Tensor, i64) -> f64) -> Checked {
    examine("recall_of", || {
        for class in [2, 1, 0] {
            let Counts { right, said, there } = counts(class);
            let (truth, predicted) = tensors();
            let found = attempt(|| answer(&truth, &predicted, class))?;
            let mistakes = [
                (right / said, "that is the precision: divide by how many images are of the class"),
                (right, "that is how many it finds; divide by how many there are"),
                (100.0 * right / there, "a share from 0 to 1, please, no percentage"),
                (1.0 - right / there, "that is the share that it misses"),
                (right / 10.0, "divide by how many are of the class, not by all images"),
                (said / there, "count only where it is right as well"),
            ];
            number(&what(class), found, right / there, &mistakes)?;
        }
        Ok(())
    })
}

/// Whether `answer` computes the accuracy on those images that the model is sure of.
pub fn accuracy_when_sure(answer: impl Fn(&Tensor, &Tensor, f64) -> f64) -> Checked {
    examine("accuracy_when_sure", || {
        let rows = [
            [0.8, 0.1, 0.1],
            [0.3, 0.6, 0.1],
            [0.2, 0.1, 0.7],
            [0.4, 0.3, 0.3],
            [0.05, 0.05, 0.9],
            [0.48, 0.32, 0.2],
            [0.3, 0.4, 0.3],
        ];
        let probabilities = floats(&rows.concat(), &[7, 3]);
        let truth = [0_i64, 1, 0, 1, 2, 0, 0];
        let images = 7.0;
        for (least, right, sure) in [(0.65, 2.0, 3.0), (0.5, 3.0, 4.0), (0.0, 4.0, 7.0)] {
            let found = attempt(|| answer(&probabilities, &Tensor::from_slice(&truth), least))?;
            let what =
                format!("for the probabilities {rows:?}, the labels {truth:?} and those above {least}");
            let own = [0.8, 0.6, 0.2, 0.3, 0.9, 0.48, 0.3].iter().filter(|&&p| p > least).count() as f64;
            let mistakes = [
                (right / images, "divide by how many it is sure of, not by all images"),
                (4.0 / images, "that is the accuracy on all images; leave out those it is not sure of"),
                (sure / images, "that is the share of images it is sure of; how many of those are right?"),
                (right, "that is how many are right; divide by how many it is sure of"),
                (100.0 * right / sure, "a share from 0 to 1, please, no percentage"),
                (1.0 - right / sure, "that is the share of wrong answers"),
                ((4.0 - right) / (images - sure), "that is the accuracy on those it is *not* sure of"),
                (own / images, "sure is what the largest probability of a row says, right or wrong"),
                (1.0, "sure is what the largest probability of a row says, right or wrong"),
            ];
            number(&what, found, right / sure, &mistakes)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{says, solutions};
    use super::*;
    use crate::evaluation::ConfusionMatrix;
    use tch::Kind;

    solutions!(precision_of, recall_of, accuracy_when_sure);

    fn sum(of: Tensor) -> f64 {
        of.sum(Kind::Double).double_value(&[])
    }

    fn both(truth: &Tensor, predicted: &Tensor, class: i64) -> f64 {
        sum(truth.eq(class).logical_and(&predicted.eq(class)))
    }

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(precision_of(|_, _, _| todo!()), "not attempted");
        says(recall_of(|_, _, _| todo!()), "not attempted");
        says(accuracy_when_sure(|_, _, _| todo!()), "not attempted");
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let matrix = |truth: &Tensor, predicted: &Tensor| ConfusionMatrix::new(truth, predicted, 3).unwrap();
        assert!(precision_of(|t, p, class| matrix(t, p).precision(class as usize)).has_passed());
        assert!(recall_of(|t, p, class| matrix(t, p).recall(class as usize)).has_passed());
        let chosen = |p: &Tensor, truth: &Tensor, least: f64| {
            let places = p.amax([1_i64].as_slice(), false).gt(least).nonzero().squeeze_dim(1);
            let hits = p.argmax(-1, false).eq_tensor(truth).index_select(0, &places);
            sum(hits) / places.size()[0] as f64
        };
        assert!(accuracy_when_sure(chosen).has_passed());
    }

    #[test]
    fn precisions_that_people_give() {
        says(precision_of(|t, p, c| both(t, p, c) / sum(t.eq(c))), "that is the recall");
        says(precision_of(both), "that is how often it is right");
        says(precision_of(|t, p, c| 100.0 * both(t, p, c) / sum(p.eq(c))), "no percentage");
        says(precision_of(|t, p, c| 1.0 - both(t, p, c) / sum(p.eq(c))), "false alarms");
        says(precision_of(|t, p, c| both(t, p, c) / t.size()[0] as f64), "not by all images");
        says(precision_of(|t, p, _| sum(t.eq_tensor(p)) / t.size()[0] as f64), "the accuracy over all");
        says(
            precision_of(|t, p, c| (both(t, p, c) as i64 / sum(p.eq(c)) as i64) as f64),
            "and 0.75 is right",
        );
    }

    #[test]
    fn recalls_that_people_give() {
        says(recall_of(|t, p, c| both(t, p, c) / sum(p.eq(c))), "that is the precision");
        says(recall_of(both), "divide by how many there are");
        says(recall_of(|t, p, c| 100.0 * both(t, p, c) / sum(t.eq(c))), "no percentage");
        says(recall_of(|t, p, c| 1.0 - both(t, p, c) / sum(t.eq(c))), "that it misses");
        says(recall_of(|t, p, c| both(t, p, c) / t.size()[0] as f64), "not by all images");
        says(recall_of(|t, p, c| sum(p.eq(c)) / sum(t.eq(c))), "right as well");
        says(recall_of(|t, p, c| sum(t.eq(c).masked_select(p)) / sum(t.eq(c))), "it panicked");
    }

    #[test]
    fn accuracies_when_sure_that_people_give() {
        let sure = |p: &Tensor, least: f64| p.amax([1_i64].as_slice(), false).gt(least);
        let hits = |p: &Tensor, truth: &Tensor| p.argmax(-1, false).eq_tensor(truth);
        let right = |p: &Tensor, t: &Tensor, least: f64| sum(sure(p, least).logical_and(&hits(p, t)));
        says(accuracy_when_sure(|p, t, least| right(p, t, least) / 7.0), "not by all images");
        says(accuracy_when_sure(|p, t, _| sum(hits(p, t)) / 7.0), "leave out those");
        says(accuracy_when_sure(|p, _, least| sum(sure(p, least)) / 7.0), "the share of images");
        says(accuracy_when_sure(right), "divide by how many it is sure of");
        let wrong = |p: &Tensor, t: &Tensor, least: f64| 1.0 - right(p, t, least) / sum(sure(p, least));
        says(accuracy_when_sure(wrong), "wrong answers");
        let unsure = |p: &Tensor, t: &Tensor, least: f64| {
            let unsure = sure(p, least).logical_not();
            sum(unsure.logical_and(&hits(p, t))) / sum(unsure)
        };
        says(accuracy_when_sure(unsure), "*not* sure of");
        let of_truth = |p: &Tensor, t: &Tensor, least: f64| {
            let sure = p.gather(1, &t.unsqueeze(1), false).squeeze_dim(1).gt(least);
            sum(sure.logical_and(&hits(p, t))) / sum(sure)
        };
        says(accuracy_when_sure(of_truth), "right or wrong");
    }
}
