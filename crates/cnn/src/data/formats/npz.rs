//! Keras's `mnist.npz`: a zip archive of the arrays `x_train`, `y_train`, `x_test` and `y_test`, bytes in NumPy's format.

use anyhow::{anyhow, ensure, Result};
use formats::npy;
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
        Ok(Part { images: Images::grey(sides[1], sides[2], pixels), labels })
    };
    Ok((part("x_train", "y_train")?, part("x_test", "y_test")?))
}

/// An array's shape and its bytes, which stand behind a header.
fn array(mut bytes: Vec<u8>) -> Result<(Vec<usize>, Vec<u8>)> {
    let damaged =
        |_| anyhow!("it is no array of NumPy, or a damaged one. Delete the file and download it again");
    let npy::Header { descr, fortran_order, shape, length } = npy::header(&bytes).map_err(damaged)?;
    ensure!(
        descr == "|u1",
        "its numbers are '{descr}', and bytes, '|u1', are expected. Save it again from Python, with .astype(\"uint8\")"
    );
    ensure!(
        !fortran_order,
        "its numbers stand column by column. Save it again from Python, with np.ascontiguousarray"
    );
    bytes.drain(..length);
    let wanted = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    ensure!(
        wanted == Some(bytes.len()),
        "its shape is {shape:?}, and {} bytes follow. Delete the file and download it again",
        bytes.len()
    );
    Ok((shape, bytes))
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
