//! Comparing what a learner's function gives with what is right, and with what people give instead.

use tch::{Device, Kind, Tensor};

use super::attempt::{expect, Verdict};
use crate::engine::text::thousands;

/// Numbers shown of a tensor; of a larger one its shape alone says more.
const MOST_SHOWN: usize = 12;

/// The numbers of a tensor of any kind, wherever it is.
pub(super) fn numbers(of: &Tensor) -> Vec<f64> {
    let flat = of.detach().to_device(Device::Cpu).to_kind(Kind::Double).flatten(0, -1);
    Vec::try_from(&flat).unwrap_or_default()
}

/// A tensor of 32-bit floats.
pub(super) fn floats(numbers: &[f64], shape: &[i64]) -> Tensor {
    Tensor::from_slice(numbers).to_kind(Kind::Float).reshape(shape)
}

/// Equal but for what 32-bit floats cannot tell apart.
pub(super) fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-5 * wanted.abs() + 1e-6 || (found.is_nan() && wanted.is_nan())
}

fn all_near(found: &[f64], wanted: &[f64]) -> bool {
    found.len() == wanted.len() && found.iter().zip(wanted).all(|(&found, &wanted)| near(found, wanted))
}

/// Same shape, and the same numbers.
pub(super) fn same(found: &Tensor, wanted: &Tensor) -> bool {
    found.size() == wanted.size() && all_near(&numbers(found), &numbers(wanted))
}

/// A number as a person would write it: 3, 0.25, 54,000.
pub(super) fn short(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return thousands(number as i64);
    }
    if number != 0.0 && number.abs() < 0.001 {
        return format!("{number:.3e}");
    }
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `[1, 0.5]`.
pub(super) fn listed(numbers: &[f64]) -> String {
    let shown: Vec<String> = numbers.iter().take(MOST_SHOWN).map(|&number| short(number)).collect();
    let more = if numbers.len() > MOST_SHOWN { ", …" } else { "" };
    format!("[{}{more}]", shown.join(", "))
}

/// Whether a number is right; else which of the known mistakes it is.
pub(super) fn number(what: &str, found: f64, wanted: f64, mistakes: &[(f64, &str)]) -> Verdict {
    let known = mistakes.iter().find(|(value, _)| near(found, *value)).map(|(_, why)| *why);
    expect(near(found, wanted), || told(what, &short(found), &short(wanted), known))
}

/// The same for whole numbers, to the last digit.
pub(super) fn count(what: &str, found: i64, wanted: i64, mistakes: &[(i64, &str)]) -> Verdict {
    let known = mistakes.iter().find(|(value, _)| found == *value).map(|(_, why)| *why);
    expect(found == wanted, || told(what, &thousands(found), &thousands(wanted), known))
}

/// The same for lists of numbers.
pub(super) fn list(what: &str, found: &[f64], wanted: &[f64], mistakes: &[(Vec<f64>, &str)]) -> Verdict {
    let known = mistakes.iter().find(|(values, _)| all_near(found, values)).map(|(_, why)| *why);
    expect(all_near(found, wanted), || told(what, &listed(found), &listed(wanted), known))
}

/// The same for tensors, whose shape comes first.
pub(super) fn tensor(what: &str, found: &Tensor, wanted: &Tensor, mistakes: &[(Tensor, &str)]) -> Verdict {
    let known = mistakes.iter().find(|(values, _)| same(found, values)).map(|(_, why)| *why);
    expect(same(found, wanted), || match known {
        None if found.size() != wanted.size() => {
            format!("{what} your tensor has the shape {:?}, and {:?} is right", found.size(), wanted.size())
        }
        _ if wanted.numel() > MOST_SHOWN && known.is_some() => {
            format!("{what} {}", known.unwrap_or_default())
        }
        _ => told(what, &listed(&numbers(found)), &listed(&numbers(wanted)), known),
    })
}

fn told(what: &str, found: &str, wanted: &str, known: Option<&str>) -> String {
    match known {
        Some(why) => format!("{what} your answer is {found}: {why}"),
        None => format!("{what} your answer is {found}, and {wanted} is right"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::Finding;
    use super::*;

    fn why(verdict: Verdict) -> String {
        match verdict {
            Err(Finding::NotYet(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_written_as_people_do() {
        let shown = [3.0, 54_000.0, 0.25, 1.0 / 3.0, -2.5, 0.000_012_5, f64::NAN, f64::INFINITY].map(short);
        assert_eq!(shown, ["3", "54,000", "0.25", "0.3333", "-2.5", "1.250e-5", "NaN", "inf"]);
        assert_eq!(listed(&[1.0, 0.5]), "[1, 0.5]");
        assert!(listed(&[0.0; 20]).ends_with("0, …]"));
    }

    #[test]
    fn a_known_mistake_is_named_and_another_gets_the_answer() {
        assert_eq!(number("so", 0.1 + 0.2, 0.3, &[]), Ok(()));
        assert_eq!(why(number("so", 2.0, 3.0, &[(2.0, "halved")])), "so your answer is 2: halved");
        assert_eq!(why(number("so", f64::NAN, 3.0, &[])), "so your answer is NaN, and 3 is right");
        assert!(count("so", 54_001, 54_000, &[]).is_err());
        assert!(list("so", &[1.0], &[1.0, 2.0], &[]).is_err());
    }

    #[test]
    fn tensors_of_any_kind_and_shape_are_compared() {
        let wanted = floats(&[1.0, 2.0], &[2]);
        assert_eq!(tensor("so", &Tensor::from_slice(&[1.0_f64, 2.0]), &wanted, &[]), Ok(()));
        assert_eq!(tensor("so", &Tensor::from_slice(&[1_i64, 2]), &wanted, &[]), Ok(()));
        let row = wanted.unsqueeze(0);
        assert_eq!(
            why(tensor("so", &row, &wanted, &[])),
            "so your tensor has the shape [1, 2], and [2] is right"
        );
        assert!(why(tensor("so", &row, &wanted, &[(row.copy(), "a row")])).ends_with(": a row"));
        assert!(tensor("so", &Tensor::from_slice::<f64>(&[]), &wanted, &[]).is_err());
    }
}
