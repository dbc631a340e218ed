//! Figures in words, for those who cannot see them.

use crate::engine::text::thousands;

/// Of a longer list, the rest is counted: nobody listens to a hundred numbers.
const MOST: usize = 20;

/// The words, one after the other.
pub(crate) fn listed<S: AsRef<str>>(words: &[S], between: &str) -> String {
    let shown: Vec<&str> = words.iter().take(MOST).map(AsRef::as_ref).collect();
    let rest = match words.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("{between}and {more} more"),
    };
    shown.join(between) + &rest
}

/// The words with a full stop, if they have no sign at their end.
pub(crate) fn sentence(words: &str) -> String {
    let stop = if words.ends_with(['.', '?', '!', '…']) { "" } else { "." };
    format!("{words}{stop}")
}

/// What kind of figure it is, and its title, if it has one.
pub(crate) fn entitled(kind: &str, title: &str) -> String {
    if title.is_empty() {
        kind.to_string()
    } else {
        format!("{kind} “{title}”")
    }
}

/// Four digits are enough to hear: 0.123456 as "0.1235", 54000 as "54,000", 0.00012 as "1.2e-4".
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        return thousands(value as i64);
    }
    if !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.3e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// Where a line of points (x, y) goes: from its first point to its last, and to the highest and lowest between.
pub(crate) fn course(points: &[(f64, f64)]) -> String {
    let (Some(&(x_first, first)), Some(&(x_last, last))) = (points.first(), points.last()) else {
        return "has no points".to_string();
    };
    let at = |(x, y): (f64, f64)| format!("{} at {}", number(y), number(x));
    if points.len() == 1 {
        return format!("has one point, {}", at((x_first, first)));
    }
    let verb = match last.total_cmp(&first) {
        std::cmp::Ordering::Less => "falls",
        std::cmp::Ordering::Equal => "goes",
        std::cmp::Ordering::Greater => "rises",
    };
    let extreme = |sign: f64| points.iter().copied().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
    let (high, low) = (extreme(1.0).unwrap_or_default(), extreme(-1.0).unwrap_or_default());
    let mut text = format!("{verb} from {} to {}", at((x_first, first)), at((x_last, last)));
    if high.1 > first.max(last) {
        text += &format!(", highest {}", at(high));
    }
    if low.1 < first.min(last) {
        text += &format!(", lowest {}", at(low));
    }
    text
}

/// From the lowest to the highest, or the one number that all are.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> String {
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.fold(ends, |(low, high), value| (low.min(value), high.max(value)));
    match low < high {
        true => format!("{} to {}", number(low), number(high)),
        false => number(high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let numbers = [0.0, 0.123_456, 54_000.0, 0.000_12, 1.5, -12.345_6, 2.5e7 + 0.5, 0.1, 987_654.5];
        let texts = ["0", "0.1235", "54,000", "1.2e-4", "1.5", "-12.35", "2.5e7", "0.1", "987654"];
        assert_eq!(numbers.map(number), texts);
    }

    #[test]
    fn a_line_is_told_with_its_turns() {
        assert_eq!(course(&[(1.0, 0.5), (2.0, 0.1)]), "falls from 0.5 at 1 to 0.1 at 2");
        let turning = [(1.0, 0.5), (2.0, 0.1), (3.0, 0.2)];
        assert_eq!(course(&turning), "falls from 0.5 at 1 to 0.2 at 3, lowest 0.1 at 2");
        let arch = [(-1.0, 0.0), (0.0, 1.0), (1.0, 0.0)];
        assert_eq!(course(&arch), "goes from 0 at -1 to 0 at 1, highest 1 at 0");
        assert_eq!(course(&[(3.0, 4.0)]), "has one point, 4 at 3");
        assert_eq!(course(&[]), "has no points");
    }

    #[test]
    fn a_long_list_is_counted() {
        let names: Vec<String> = (0..22).map(|number| number.to_string()).collect();
        assert!(listed(&names, ", ").ends_with("18, 19, and 2 more"));
        assert_eq!(listed(&["a", "b"], ", "), "a, b");
    }

    #[test]
    fn a_sentence_ends_once() {
        assert_eq!(["a", "a.", "a?"].map(sentence), ["a.", "a.", "a?"]);
        assert_eq!([entitled("Chart", ""), entitled("Chart", "Loss")], ["Chart", "Chart “Loss”"]);
    }
}
