//! Floats as TensorFlow Serving writes them: six digits where these are enough, else nine, and `.0` behind whole numbers.

use std::fmt::Write;

/// Appends a float. NaN and infinities are bare words, which Python's `json` reads.
pub fn push_f32(out: &mut String, value: f32) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let start = out.len();
    push_digits(out, value, 6);
    if out[start..].parse() != Ok(value) {
        out.truncate(start);
        push_digits(out, value, 9);
    }
    if !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

/// Appends a list on one line.
pub fn push_f32_list(out: &mut String, values: &[f32]) {
    out.push('[');
    for (index, &value) in values.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        push_f32(out, value);
    }
    out.push(']');
}

/// C's `%.{digits}g`: an exponent where the number is very large or small, and no zeros at the end.
fn push_digits(out: &mut String, value: f32, digits: usize) {
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let without_zeros = |text: &str| text.trim_end_matches('0').trim_end_matches('.').len();
    // Writing to a string cannot fail.
    if exponent < -4 || exponent >= digits as i32 {
        let mantissa = if mantissa.contains('.') { &mantissa[..without_zeros(mantissa)] } else { mantissa };
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
        return;
    }
    let start = out.len();
    let _ = write!(out, "{value:.*}", (digits as i32 - 1 - exponent) as usize);
    if out[start..].contains('.') {
        let end = start + without_zeros(&out[start..]);
        out.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f32) -> String {
        let mut out = String::new();
        push_f32(&mut out, value);
        out
    }

    #[test]
    fn floats_are_written_as_tensorflow_serving_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (3.0, "3.0"),
            (9_000_000.0, "9e+06"),
            (100_000.0, "100000.0"),
            (1_234_567.0, "1234567.0"),
            (0.000_03, "3e-05"),
            (0.0001, "0.0001"),
            (0.2, "0.2"),
            (0.300_000_04, "0.300000042"),
            (1.0 / 3.0, "0.333333343"),
            (f32::MAX, "3.40282347e+38"),
            (f32::MIN_POSITIVE, "1.17549435e-38"),
            (1e-45, "1.4013e-45"),
            (16_777_216.0, "16777216.0"),
            (123_456_790_000.0, "1.23456791e+11"),
            (f32::NAN, "NaN"),
            (f32::INFINITY, "Infinity"),
            (f32::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(written(value), text);
        }
        let mut list = String::new();
        push_f32_list(&mut list, &[1.0, 0.5]);
        assert_eq!(list, "[1.0, 0.5]");
    }

    #[test]
    fn every_float_comes_back() {
        for bits in (0..u32::MAX).step_by(99_991) {
            let value = f32::from_bits(bits);
            if value.is_finite() {
                assert_eq!(written(value).parse::<f32>().unwrap().to_bits(), bits, "{value:e}");
            }
        }
    }
}
