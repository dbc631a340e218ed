//! Images as rows of text: a label, then the pixels of a square image, with commas between, as Kaggle has them.
//!
//! The first line may name the columns: `label,pixel0,pixel1,…`.

use anyhow::{bail, ensure, Result};

use crate::data::dataset::{Images, Part};
use crate::data::source::Source;
use crate::engine::error::Context;

/// Reads a file with labels.
pub(crate) fn read(source: &Source) -> Result<Part> {
    parse(&source.read()?).with_context(|| source.to_string())
}

/// Whether a file has labels: Kaggle's `test.csv` has none, as its answers are what is asked for.
pub(crate) fn has_labels(source: &Source) -> Result<bool> {
    let text = source.read()?;
    let columns = lines(&text).next().map_or(0, |(_, line)| fields(line).count());
    Ok(side(columns).is_none())
}

/// The last of the images as a part of their own: one of seven, as MNIST's 10,000 test images are of its 70,000.
pub(crate) fn split(mut train: Part) -> Result<(Part, Part)> {
    let (count, height, width) = (train.labels.len(), train.images.height, train.images.width);
    let kept = count - count / 7;
    ensure!(kept < count, "it holds {count} images, too few to take a seventh for the test. Check the file");
    let labels = train.labels.split_off(kept);
    let pixels = train.images.pixels.split_off(kept * height * width);
    Ok((train, Part { images: Images::grey(height, width, pixels), labels }))
}

fn parse(text: &[u8]) -> Result<Part> {
    let mut lines = lines(text).peekable();
    let first = lines.peek().map(|(_, line)| *line).context("the file is empty. Download it again")?;
    let columns = fields(first).count();
    if fields(first).any(|field| number(field).is_none()) {
        let name = String::from_utf8_lossy(fields(first).next().unwrap_or_default());
        ensure!(
            name.trim_matches('"').eq_ignore_ascii_case("label") || side(columns).is_some(),
            "its first line begins with {:?}, where \"label\" or a label is expected. Check that it is the file \
             that its name says",
            name.chars().take(20).collect::<String>()
        );
        lines.next();
    }
    let Some(side) = side(columns.saturating_sub(1)) else {
        ensure!(
            side(columns).is_none(),
            "it has {columns} columns: pixels, and no labels, as Kaggle's test.csv. Check that it is the file with labels"
        );
        bail!(
            "its first line has {columns} columns, and a label with the pixels of a square image is expected \
             (785 for 28×28). Check that it is the file that its name says"
        );
    };
    let (mut labels, mut pixels) = (Vec::new(), Vec::new());
    for (line, row) in lines {
        let before = pixels.len();
        for (column, field) in fields(row).enumerate() {
            let value = number(field).with_context(|| {
                let found = String::from_utf8_lossy(&field[..field.len().min(20)]);
                format!(
                    "line {line}, column {} is {found:?}, and numbers from 0 to 255 are expected; the file is \
                     damaged. Download it again",
                    column + 1
                )
            })?;
            if column == 0 {
                labels.push(value);
            } else {
                pixels.push(value);
            }
        }
        ensure!(
            pixels.len() - before == side * side,
            "line {line} has {} columns, and the first line {columns}; the file is cut off or damaged. \
             Download it again",
            pixels.len() - before + 1
        );
    }
    ensure!(!labels.is_empty(), "it holds no images. Download it again");
    Ok(Part { images: Images::grey(side, side, pixels), labels })
}

/// The lines that are not empty, with their numbers.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text); // what Excel puts in front
    let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    lines.filter(|(_, line)| !line.is_empty()).map(|(index, line)| (index + 1, line))
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// A number from 0 to 255, in digits.
fn number(field: &[u8]) -> Option<u8> {
    if field.is_empty() || field.len() > 3 {
        return None;
    }
    let digits = field
        .iter()
        .try_fold(0_u16, |value, byte| byte.is_ascii_digit().then(|| 10 * value + u16::from(byte - b'0')));
    digits.and_then(|value| u8::try_from(value).ok())
}

/// The side of a square image of so many pixels.
fn side(pixels: usize) -> Option<usize> {
    let side = pixels.isqrt();
    (side > 1 && side * side == pixels).then_some(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_and_without_names_of_columns() {
        let expected =
            Part { images: Images::grey(2, 2, vec![0, 255, 7, 8, 1, 2, 3, 4]), labels: vec![9, 25] };
        for text in [
            "label,pixel0,pixel1,pixel2,pixel3\n9,0,255,7,8\n25,1,2,3,4\n",
            "\u{feff}\"label\",\"1x1\",\"1x2\",\"2x1\",\"2x2\"\r\n9, 0,255,7,8\r\n\r\n25,1,2,3,4",
            "9,0,255,7,8\n25,1,2,3,4",
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn bad_files_are_refused_with_what_was_found() {
        for (text, expected) in [
            ("", "is empty"),
            ("label,a,b,c,d\n", "holds no images"),
            ("1,2,3,4,5\n1,2,3,4", "line 2 has 4 columns, and the first line 5"),
            ("1,2,3,4,5\n\n1,2,3,x,5", "line 3, column 4 is \"x\""),
            ("1,2,3,4,5\n1,2,3,256,5", "column 4 is \"256\""),
            ("1,2,3,4,5\n1,2,3,,5", "column 4 is \"\""),
            ("pixel0,pixel1,pixel2,pixel3\n1,2,3,4", "no labels, as Kaggle's test.csv"),
            ("ImageId,Label\n1,0", "begins with \"ImageId\""),
            ("label,Label\n1,0", "has 2 columns"),
        ] {
            let message = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn the_last_seventh_is_for_the_test() {
        let part = |labels: Vec<u8>| Part { images: Images::grey(1, 2, labels.repeat(2)), labels };
        let (train, test) = split(part((0..15).collect())).unwrap();
        assert_eq!((train.labels.len(), test.labels), (13, vec![13, 14]));
        assert_eq!(train.images.count(), 13);
        assert_eq!(test.images.pixels, [11, 12, 13, 14]);
        assert!(split(part(vec![1; 6])).unwrap_err().to_string().contains("holds 6 images"));
    }
}
