//! Numbers as people write them.

/// 692352 as "692,352".
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0, 7, 999, 1000, 692_352, -1_234_567];
        let texts = ["0", "7", "999", "1,000", "692,352", "-1,234,567"];
        assert_eq!(numbers.map(thousands), texts);
    }
}
