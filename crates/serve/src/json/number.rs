//! A number of a JSON text.

use super::parse::ParseError;

/// Powers of ten that a double holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Whole numbers up to here are exact in a double.
const WHOLE: u64 = 1 << 53;

/// Reads the number that begins at `start`; returns it and where it ends.
///
/// # Errors
/// As rapidjson: of what is no number, of a fraction or exponent without digits, and of what is too big for a double.
pub fn number(text: &[u8], start: usize) -> Result<(f64, usize), ParseError> {
    let at = |place: usize| text.get(place).copied().unwrap_or(0);
    let mut place = start;
    let negative = at(place) == b'-';
    place += usize::from(negative);
    let signed = |size: f64| if negative { -size } else { size };
    // All digits as one whole number, until it has 19 of them, and the power of ten that it is to be multiplied with.
    let (mut digits, mut power, mut all) = (0_u64, 0_i32, true);
    let mut add = |digit: u8| {
        all &= digits < 1_000_000_000_000_000_000;
        if all {
            digits = digits * 10 + u64::from(digit - b'0');
        }
    };
    match at(place) {
        b'0' => place += 1,
        b'1'..=b'9' => {
            while at(place).is_ascii_digit() {
                add(at(place));
                place += 1;
            }
        }
        b'N' | b'I' => return not_finite(text, place).map(|(size, end)| (signed(size), end)),
        _ => return Err(ParseError::new("Invalid value.", place)),
    }
    if at(place) == b'.' {
        place += 1;
        if !at(place).is_ascii_digit() {
            return Err(ParseError::new("Miss fraction part in number.", place));
        }
        while at(place).is_ascii_digit() {
            add(at(place));
            power -= 1;
            place += 1;
        }
    }
    if matches!(at(place), b'e' | b'E') {
        place += 1;
        let down = at(place) == b'-';
        place += usize::from(matches!(at(place), b'+' | b'-'));
        if !at(place).is_ascii_digit() {
            return Err(ParseError::new("Miss exponent in number.", place));
        }
        let mut exponent = 0_i32;
        while at(place).is_ascii_digit() {
            exponent = exponent.saturating_mul(10).saturating_add(i32::from(at(place) - b'0'));
            place += 1;
        }
        power = power.saturating_add(if down { -exponent } else { exponent });
    }
    // With both exact, one multiplication or division rounds as it should.
    let size = match EXACT.get(power.unsigned_abs() as usize) {
        Some(factor) if all && digits <= WHOLE => match power < 0 {
            true => digits as f64 / factor,
            false => digits as f64 * factor,
        },
        _ => {
            let unsigned = &text[start + usize::from(negative)..place];
            std::str::from_utf8(unsigned).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::INFINITY)
        }
    };
    match size.is_finite() {
        true => Ok((signed(size), place)),
        false => Err(ParseError::new("Number too big to be stored in double.", start)),
    }
}

/// `NaN`, `Inf` or `Infinity`.
fn not_finite(text: &[u8], start: usize) -> Result<(f64, usize), ParseError> {
    let rest = &text[start..];
    // rapidjson's offset is behind what could still have been right.
    let same = |word: &[u8]| rest.iter().zip(word).take_while(|(one, other)| one == other).count();
    let invalid = |matched: usize| Err(ParseError::new("Invalid value.", start + matched));
    match (same(b"NaN"), same(b"Infinity")) {
        (3, _) => Ok((f64::NAN, start + 3)),
        (_, 8) => Ok((f64::INFINITY, start + 8)),
        (_, 3) => Ok((f64::INFINITY, start + 3)),
        (nan, inf) => invalid(nan.max(inf)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_rust_reads() {
        let texts = [
            "0",
            "-0",
            "0.1",
            "1e5",
            "-12.5E-3",
            "9007199254740993",
            "123456789012345678901234567890",
            "1e-400",
            "0.1234567890123456789012345",
            "1.7976931348623157e308",
            "4.9e-324",
            "0.00000000000000000000001",
            "1e22",
            "18446744073709551616.5",
            "0e999",
            "1e39",
        ];
        for text in texts {
            let (found, end) = number(text.as_bytes(), 0).unwrap();
            assert_eq!(found.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
            assert_eq!(end, text.len());
        }
        assert_eq!(number(b"[1.5]", 1).unwrap(), (1.5, 4));
        assert_eq!(number(b"01", 0).unwrap(), (0.0, 1));
        assert_eq!(number(b"-Infinity", 0).unwrap(), (f64::NEG_INFINITY, 9));
        assert_eq!(number(b"Inf,", 0).unwrap(), (f64::INFINITY, 3));
        assert!(number(b"NaN", 0).unwrap().0.is_nan() && number(b"-NaN", 0).unwrap().0.is_nan());
    }

    #[test]
    fn what_is_no_number_is_named_with_its_place() {
        for (text, message, offset) in [
            ("-", "Invalid value.", 1),
            ("x", "Invalid value.", 0),
            ("+1", "Invalid value.", 0),
            (".5", "Invalid value.", 0),
            ("1.", "Miss fraction part in number.", 2),
            ("1.e5", "Miss fraction part in number.", 2),
            ("1e", "Miss exponent in number.", 2),
            ("1e+", "Miss exponent in number.", 3),
            ("1e400", "Number too big to be stored in double.", 0),
            ("-1e400", "Number too big to be stored in double.", 0),
            ("Na", "Invalid value.", 2),
            ("Infinit", "Invalid value.", 7),
        ] {
            let error = number(text.as_bytes(), 0).unwrap_err();
            assert_eq!((error.message, error.offset), (message, offset), "{text}");
        }
    }
}
