//! The exercises of notebook 07: making predictions.

use tch::{Kind, Tensor};

use super::attempt::{attempt, expect};
use super::checked::{examine, Checked};
use super::exercise::Exercise;
use super::values::{count, floats};

pub(super) const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "top_two",
        notebook: 7,
        hints: &[
            "Which digits, not which probabilities: you want the places of the two largest numbers.",
            "`argsort(-1, true)` gives the places from the largest number to the smallest; so does `topk`.",
            "`int64_value(&[0])` and `int64_value(&[1])` take the first two of them out.",
        ],
        solution: include_str!("solutions/top_two.rs"),
        why: "Sorting by probability, the largest first, puts the digits in the order in which the model believes in them.",
    },
    Exercise {
        name: "answer_if_sure",
        notebook: 7,
        hints: &[
            "The winner's probability is `max()`, its place `argmax(-1, false)`.",
            "`Some(digit)` is an answer, `None` is none: an `if` with both as its values will do.",
            "Compare the probability with `least`, and not the digit; `.double_value(&[])` makes an `f64` of it.",
        ],
        solution: include_str!("solutions/answer_if_sure.rs"),
        why: "softmax must always name a winner; that a small probability is no answer is for us to say.",
    },
    Exercise {
        name: "left_to_people",
        notebook: 7,
        hints: &[
            "For each image: how sure is the model of its own answer? That is one number for a row.",
            "`amax([-1_i64].as_slice(), false)` has the largest probability of each row.",
            "`.lt(least)` is true where it is too small; count these.",
        ],
        solution: include_str!("solutions/left_to_people.rs"),
        why: "The higher the bar, the fewer letters go astray, and the more are read by people.",
    },
];

const ROWS: [[f64; 10]; 5] = [
    [0.01, 0.02, 0.01, 0.03, 0.01, 0.7, 0.15, 0.02, 0.03, 0.02],
    [0.9, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.02],
    [0.05, 0.02, 0.05, 0.03, 0.3, 0.05, 0.02, 0.03, 0.05, 0.4],
    [0.0, 0.97, 0.0, 0.0, 0.0, 0.0, 0.0, 0.03, 0.0, 0.0],
    [0.1, 0.1, 0.11, 0.09, 0.1, 0.1, 0.1, 0.1, 0.08, 0.12],
];

/// Whether `answer` gives the two digits that the model believes in most, the likelier first.
pub fn top_two(answer: impl Fn(&Tensor) -> (i64, i64)) -> Checked {
    examine("top_two", || {
        for (row, first, second) in [(0, 5_i64, 6_i64), (2, 9, 4), (3, 1, 7), (1, 0, 9)] {
            let found = attempt(|| answer(&floats(&ROWS[row], &[10])))?;
            let what = format!("for the probabilities {:?} your answer is {found:?}", ROWS[row]);
            let order = floats(&ROWS[row], &[10]).argsort(-1, false);
            let last = (order.int64_value(&[0]), order.int64_value(&[1]));
            expect(found == (first, second), || match found {
                _ if found == (second, first) => format!("{what}: the likelier of the two comes first"),
                _ if found == last => format!("{what}: these are the two least likely"),
                (one, other) if one == first && other == first => {
                    format!("{what}: the second is another digit; leave the first out when you look for it")
                }
                (0, 0) => format!("{what}: these are probabilities, cut off; their places are wanted"),
                _ => format!("{what}, and {:?} is right", (first, second)),
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` gives the digit if the model is sure enough, and `None` if it is not.
pub fn answer_if_sure(answer: impl Fn(&Tensor, f64) -> Option<i64>) -> Checked {
    examine("answer_if_sure", || {
        let cases = [
            (0, 0.5, Some(5)),
            (1, 0.5, Some(0)),
            (2, 0.5, None),
            (0, 0.8, None),
            (3, 0.95, Some(1)),
            (4, 0.5, None),
        ];
        for (row, least, wanted) in cases {
            let found = attempt(|| answer(&floats(&ROWS[row], &[10]), least))?;
            let largest = ROWS[row].iter().copied().fold(0.0, f64::max);
            let what = format!(
                "the largest probability is {largest}, {least} is wanted, and your answer is {found:?}"
            );
            expect(found == wanted, || match (found, wanted) {
                (None, Some(digit)) => format!("{what}: that is sure enough for Some({digit})"),
                (Some(_), None) => format!("{what}: that is too little for an answer"),
                (Some(one), Some(digit)) => format!(
                    "{what}: it is sure of the digit {digit}, where the largest probability is, not of {one}"
                ),
                (None, None) => what,
            })?;
        }
        Ok(())
    })
}

/// Whether `answer` counts the images that the model is not sure enough of.
pub fn left_to_people(answer: impl Fn(&Tensor, f64) -> i64) -> Checked {
    examine("left_to_people", || {
        let probabilities = floats(&ROWS.concat(), &[5, 10]);
        for (least, wanted) in [(0.5, 2), (0.8, 3), (0.99, 5), (0.05, 0)] {
            let found = attempt(|| answer(&probabilities, least))?;
            let numbers = probabilities.lt(least).sum(Kind::Int64).int64_value(&[]);
            let what = format!("of 5 images whose largest probabilities are 0.7, 0.9, 0.4, 0.97 and 0.12, {least} being wanted,");
            let mistakes = [
                (5 - wanted, "these are read by the machine; the others are left"),
                (numbers, "you have counted probabilities; an image counts once, by its largest"),
                (50 - numbers, "you have counted probabilities; an image counts once, by its largest"),
                (wanted * 20, "a count, please, no percentage"),
                (5, "these are all images"),
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

    solutions!(top_two, answer_if_sure, left_to_people);

    #[test]
    fn solutions_pass_and_a_todo_is_no_attempt() {
        for checked in solutions::checked() {
            assert!(checked.has_passed(), "{checked}");
        }
        says(top_two(|_| todo!()), "not attempted");
        says(answer_if_sure(|_, _| todo!()), "not attempted");
        says(left_to_people(|_, _| todo!()), "not attempted");
    }

    fn order(p: &Tensor, descending: bool) -> (i64, i64) {
        let places = p.argsort(-1, descending);
        (places.int64_value(&[0]), places.int64_value(&[1]))
    }

    fn winner(p: &Tensor) -> (i64, f64) {
        (p.argmax(-1, false).int64_value(&[]), p.max().double_value(&[]))
    }

    #[test]
    fn other_ways_are_right_as_well() {
        let largest = |p: &Tensor| {
            let places = p.topk(2, -1, true, true).1;
            (places.int64_value(&[0]), places.int64_value(&[1]))
        };
        assert!(top_two(largest).has_passed());
        assert!(answer_if_sure(|p, least| Some(winner(p).0).filter(|_| winner(p).1 >= least)).has_passed());
        let looped = |p: &Tensor, least: f64| {
            let rows: Vec<Vec<f64>> = p.to_kind(Kind::Double).try_into().unwrap();
            rows.iter().filter(|row| row.iter().all(|&p| p < least)).count() as i64
        };
        assert!(left_to_people(looped).has_passed());
    }

    #[test]
    fn pairs_that_people_give() {
        says(top_two(|p| (order(p, true).1, order(p, true).0)), "the likelier of the two comes first");
        says(top_two(|p| order(p, false)), "the two least likely");
        says(top_two(|p| (winner(p).0, winner(p).0)), "the second is another digit");
        says(top_two(|p| (p.max().int64_value(&[]), p.min().int64_value(&[]))), "these are probabilities");
        says(top_two(|_| (5, 6)), "and (9, 4) is right");
        says(top_two(|p| (p.int64_value(&[10]), 0)), "it panicked");
    }

    #[test]
    fn refusals_that_people_give() {
        says(answer_if_sure(|p, _| Some(winner(p).0)), "too little for an answer");
        says(answer_if_sure(|_, _| None), "sure enough for Some(5)");
        says(answer_if_sure(|p, least| Some(winner(p).0).filter(|_| winner(p).1 < least)), "sure enough");
        says(
            answer_if_sure(|p, least| {
                Some(p.argmin(-1, false).int64_value(&[])).filter(|_| winner(p).1 > least)
            }),
            "not of 0",
        );
        says(
            answer_if_sure(|p, least| Some(winner(p).0).filter(|&digit| digit as f64 > least)),
            "sure enough for Some(0)",
        );
        says(answer_if_sure(|p, least| Some(winner(p).1 as i64).filter(|_| winner(p).1 > least)), "not of 0");
        says(answer_if_sure(|p, _| Some(p.gt(0.5).nonzero().int64_value(&[0, 0]))), "it panicked");
    }

    #[test]
    fn counts_that_people_give() {
        let largest = |p: &Tensor| p.amax([-1_i64].as_slice(), false);
        let sum = |of: Tensor| of.sum(Kind::Int64).int64_value(&[]);
        says(left_to_people(|p, least| sum(largest(p).gt(least))), "read by the machine");
        says(left_to_people(|p, least| sum(p.lt(least))), "an image counts once");
        says(left_to_people(|p, least| sum(p.gt(least))), "read by the machine");
        says(left_to_people(|p, least| sum(largest(p).lt(least)) * 100 / 5), "no percentage");
        says(left_to_people(|p, _| p.size()[0]), "these are all images");
        says(left_to_people(|_, _| 2), "0.8 being wanted");
        says(left_to_people(|p, least| largest(p).lt(least).int64_value(&[])), "it panicked");
    }
}
