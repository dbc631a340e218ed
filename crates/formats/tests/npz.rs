//! NumPy's files: those of NumPy, and those of this crate.

mod common;

use common::{as_json, compare, fixture};
use formats::{npy, npz, zipped, Array, Number};

#[test]
fn what_numpy_writes_is_read() {
    for name in ["numpy.npz", "numpy_compressed.npz", "numpy_headers.npz"] {
        let arrays = npz::read(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        compare(name, arrays.iter().map(|(name, array)| (name.clone(), as_json(array))).collect());
    }
}

#[test]
fn what_is_written_is_read_back() {
    let arrays = npz::read(&fixture("numpy.npz")).unwrap();
    let written = npz::write(&arrays).unwrap();
    assert_eq!(npz::read(&written).unwrap(), arrays);
    assert_eq!(npz::write(&arrays).unwrap(), written);
    // What NumPy had in its own order is written as NumPy does it, to the byte.
    let file = fixture("numpy.npz");
    let original = zipped::Archive::open(&file).unwrap().read("kernel.npy").unwrap();
    assert_eq!(npy::write(&arrays[0].1).unwrap(), &*original);
}

#[test]
fn what_is_wrong_is_named() {
    let npy = |descr: &str, shape: &str, content: &[u8]| {
        let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\0", (text.len() as u16).to_le_bytes().as_slice(), text.as_bytes(), content].concat()
    };
    assert_eq!(npy::read(&npy("'<i2'", "(1L, 2L)", &[1, 0, 2, 0])).unwrap().to_i64().unwrap(), [1, 2]);
    for (bytes, expected) in [
        (npy("'<c8'", "(1,)", &[0; 8]), "'<c8'"),
        (npy("'|O'", "(1,)", &[0; 8]), "'|O'"),
        (npy("[('a', '<f4'), ('b', '<f4')]", "(1,)", &[0; 8]), "'[('a', '<f4'), ('b', '<f4')]'"),
        (npy("'<f4'", "(2, 2)", &[0; 5]), "[2, 2] of '<f4', and 5 bytes follow"),
        (npy("'<f4'", "(2, -2)", &[0; 4]), "damaged"),
        (npy("'<f4'", "(18446744073709551615, 2)", &[0; 4]), "larger than any memory"),
        (npy("'<f4'", "(2, 2)", &[])[..20].to_vec(), "damaged"),
        (b"\x93NUMPY\x04\0".to_vec(), "version 4"),
    ] {
        let message = format!("{:#}", npy::read(&bytes).unwrap_err());
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        let inside = npz::read(&zipped::write(&[("x.npy", &bytes)]).unwrap()).unwrap_err();
        assert!(format!("{inside:#}").starts_with("the array x: "), "{inside:#}");
    }
    let message = |error: anyhow::Error| format!("{error:#}");
    assert!(message(npz::read(b"PK").unwrap_err()).contains("zip archive is damaged"));
    assert!(
        message(npz::read(&zipped::write(&[("a.txt", b"")]).unwrap()).unwrap_err()).contains("only a.txt")
    );
    let array = Array::from_f32([1], &[1.0]).unwrap();
    let twice = npz::write(&[("a".to_string(), array.clone()), ("a".to_string(), array)]).unwrap_err();
    assert!(message(twice).contains("two files are called a.npy"));
    let brain = Array::new(Number::BF16, [1], vec![0; 2]).unwrap();
    assert!(message(npz::write(&[("a".to_string(), brain)]).unwrap_err())
        .contains("the array a: NumPy has no numbers of the kind BF16"));
}
