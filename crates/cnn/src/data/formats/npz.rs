//! Keras's `mnist.npz`: a zip archive of the arrays `x_train`, `y_train`, `x_test` and `y_test`, bytes in NumPy's format.
//!
//! Source: NumPy's `numpy/lib/format.py`.

use anyhow::{ensure, Result};
use std::io::Cursor;

use crate::data::dataset::{Images, Part};
use crate::data::source::{member, names, Source};
use crate::engine::error::Context;

/// Reads the training and the test part.
pub(crate) fn read(source: &Source) -> Result<(Part, Part)> {
    parse(&source.read()?).with_context(|| source.to_string())
}

fn parse(archive: &[u8]) -> Result<(Part, Part)> {
    let names = names(Cursor::new(archive))?;
    let part = |x: &str, y: &str| -> Result<Part> {
        let [images, labels] = [x, y].map(|name| {
            let file = format!("{name}.npy");
            ensure!(
                names.contains(&file),
                "it has no array {name}, only {}; x_train, y_train, x_test and y_test are expected. \
                 Check that it is the file that its name says",
                names.join(", ")
            );
            array(member(Cursor::new(archive), &file)?).context(name)
        });
        let ((sides, pixels), (count, labels)) = (images?, labels?);
        ensure!(
            sides.len() == 3 && sides[1] * sides[2] > 0 && !pixels.is_empty(),
            "{x} has the shape {sides:?}, and images are [count, height, width]. Save it again with that shape, \
             {x}[..., 0] if one channel stands last, or download the file again"
        );
        ensure!(
            count == sides[..1],
            "{x} has the shape {sides:?} and {y} {count:?}, and one label per image is expected. Download the file again"
        );
        Ok(Part { images: Images { height: sides[1], width: sides[2], pixels }, labels })
    };
    Ok((part("x_train", "y_train")?, part("x_test", "y_test")?))
}

/// An array's shape and its bytes. Before them stand: `\x93NUMPY`, a version, the length of the description, and that.
fn array(mut bytes: Vec<u8>) -> Result<(Vec<usize>, Vec<u8>)> {
    let damaged = "it is no array of NumPy, or a damaged one. Delete the file and download it again";
    ensure!(bytes.starts_with(b"\x93NUMPY") && bytes.len() > 12, damaged);
    let (start, length): (usize, usize) = match bytes[6] {
        1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        _ => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
    };
    let description = bytes.get(start..start.saturating_add(length)).context(damaged)?;
    let description = String::from_utf8_lossy(description).into_owned();
    let value = |key: &str| description.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
    let kind = value("descr").context(damaged)?;
    ensure!(
        kind.starts_with("'|u1'"),
        "its numbers are {}, and bytes, '|u1', are expected. Save it again from Python, with .astype(\"uint8\")",
        kind.split(',').next().unwrap_or_default()
    );
    ensure!(
        value("fortran_order").context(damaged)?.starts_with("False"),
        "its numbers stand column by column. Save it again from Python, with np.ascontiguousarray"
    );
    let (shape, _) =
        value("shape").and_then(|shape| shape.strip_prefix('(')?.split_once(')')).context(damaged)?;
    let sides = shape.split(',').map(str::trim).filter(|side| !side.is_empty());
    let sides: Vec<usize> = sides.map(str::parse).collect::<Result<_, _>>().context(damaged)?;
    bytes.drain(..start + length);
    let wanted = sides.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    ensure!(
        wanted == Some(bytes.len()),
        "its shape is {sides:?}, and {} bytes follow. Delete the file and download it again",
        bytes.len()
    );
    Ok((sides, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, fortran: &str, shape: &str, content: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\0", (text.len() as u16).to_le_bytes().as_slice(), text.as_bytes(), content].concat()
    }

    #[test]
    fn arrays_of_bytes_are_read() {
        assert_eq!(array(npy("|u1", "False", "(3,)", &[1, 2, 3])).unwrap(), (vec![3], vec![1, 2, 3]));
        assert_eq!(array(npy("|u1", "False", "(1, 2, 3)", &[9; 6])).unwrap(), (vec![1, 2, 3], vec![9; 6]));
    }

    #[test]
    fn other_arrays_are_refused_with_what_was_found() {
        for (bytes, expected) in [
            (npy("<f4", "False", "(1,)", &[0; 4]), "'<f4'"),
            (npy("|u1", "True", "(2, 2)", &[0; 4]), "column by column"),
            (npy("|u1", "False", "(2, 2)", &[0; 5]), "[2, 2], and 5 bytes follow"),
            (npy("|u1", "False", "(2, -2)", &[0; 4]), "damaged"),
            (npy("|u1", "False", "(18446744073709551615, 2)", &[0; 4]), "4 bytes follow"),
            (npy("|u1", "False", "(2, 2)", &[])[..20].to_vec(), "damaged"),
            (b"\x93NUMPY".to_vec(), "damaged"),
        ] {
            let message = array(bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }
}
