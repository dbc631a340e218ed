//! Pickled dictionaries of arrays, as Python 2.7 with NumPy 1.16 and Python 3.12 with NumPy 2.4 write them.

use formats::numpy_pickle::{read, Pickled};

/// `cPickle.dumps({"data": a, "labels": [3, 9], …}, 2)` of the bytes 128 to 133, 2×3, row by row: how CIFAR-10's batches were made.
const PYTHON_2: &[u8] = b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(K\x03K\x09eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06\x80\x81\x82\x83\x84\x85tbU\x09filenamesq\x0c]q\x0d(U\x05a.pngq\x0eU\x05b.pngq\x0feu.";

/// The same, column by column.
const PYTHON_2_COLUMNS: &[u8] = b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(K\x03K\x09eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x88U\x06\x80\x83\x81\x84\x82\x85tbU\x09filenamesq\x0c]q\x0d(U\x05a.pngq\x0eU\x05b.pngq\x0feu.";

/// `pickle.dumps({b"data": a, b"labels": [3, 9], "batch_label": b"testing"}, protocol)` of the bytes 0 to 5.
const PYTHON_3: [&[u8]; 4] = [
    b"\x80\x02}q\x00(c_codecs\nencode\nq\x01X\x04\x00\x00\x00dataq\x02X\x06\x00\x00\x00latin1q\x03\x86q\x04Rq\x05cnumpy._core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85q\x08h\x01X\x01\x00\x00\x00bq\x09h\x03\x86q\nRq\x0b\x87q\x0cRq\x0d(K\x01K\x02K\x03\x86q\x0ecnumpy\ndtype\nq\x0fX\x02\x00\x00\x00u1q\x10\x89\x88\x87q\x11Rq\x12(K\x03X\x01\x00\x00\x00|q\x13NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x14b\x89h\x01X\x06\x00\x00\x00\x00\x01\x02\x03\x04\x05q\x15h\x03\x86q\x16Rq\x17tq\x18bh\x01X\x06\x00\x00\x00labelsq\x19h\x03\x86q\x1aRq\x1b]q\x1c(K\x03K\x09eX\x0b\x00\x00\x00batch_labelq\x1dh\x01X\x07\x00\x00\x00testingq\x1eh\x03\x86q\x1fRq u.",
    b"\x80\x03}q\x00(C\x04dataq\x01cnumpy._core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q\x04C\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02K\x03\x86q\x08cnumpy\ndtype\nq\x09X\x02\x00\x00\x00u1q\n\x89\x88\x87q\x0bRq\x0c(K\x03X\x01\x00\x00\x00|q\x0dNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89C\x06\x00\x01\x02\x03\x04\x05q\x0ftq\x10bC\x06labelsq\x11]q\x12(K\x03K\x09eX\x0b\x00\x00\x00batch_labelq\x13C\x07testingq\x14u.",
    b"\x80\x04\x95\xc5\x00\x00\x00\x00\x00\x00\x00}\x94(C\x04data\x94\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x02K\x03\x86\x94h\x05\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x89C\x06\x00\x01\x02\x03\x04\x05\x94t\x94bC\x06labels\x94]\x94(K\x03K\x09e\x8c\x0bbatch_label\x94C\x07testing\x94u.",
    b"\x80\x05\x95\xb0\x00\x00\x00\x00\x00\x00\x00}\x94(C\x04data\x94\x8c\x13numpy._core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94(\x96\x06\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94\x8c\x02u1\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bK\x02K\x03\x86\x94\x8c\x01C\x94t\x94R\x94C\x06labels\x94]\x94(K\x03K\x09e\x8c\x0bbatch_label\x94C\x07testing\x94u.",
];

#[track_caller]
fn assert_holds(pickle: &[u8], bytes: std::ops::Range<u8>) {
    let read = read(pickle).unwrap();
    let get = |wanted: &str| &read.iter().find(|(key, _)| key == wanted).unwrap().1;
    assert_eq!(get("data"), &Pickled::Bytes { shape: vec![2, 3], bytes: bytes.collect() });
    assert_eq!(get("labels"), &Pickled::Numbers(vec![3, 9]));
    assert_eq!(get("batch_label"), &Pickled::Other);
}

#[test]
fn what_python_2_and_3_write_is_read() {
    assert_holds(PYTHON_2, 128..134);
    assert_holds(PYTHON_2_COLUMNS, 128..134);
    for pickle in PYTHON_3 {
        assert_holds(pickle, 0..6);
    }
}

#[test]
fn damaged_pickles_are_errors() {
    for pickle in [PYTHON_2, PYTHON_2_COLUMNS].into_iter().chain(PYTHON_3) {
        for length in 0..pickle.len() {
            assert!(read(&pickle[..length]).is_err(), "the first {length} bytes");
        }
        for place in 0..pickle.len() {
            for change in [0xff, 0x01, 0x80] {
                let mut damaged = pickle.to_vec();
                damaged[place] ^= change;
                let _ = read(&damaged); // an answer, whichever
            }
        }
    }
}

#[test]
fn bad_pickles_are_refused_with_what_was_found() {
    let mut shape = PYTHON_2.to_vec();
    let at = shape.windows(4).position(|window| window == b"K\x02K\x03").unwrap();
    shape[at + 1] = 7;
    for (pickle, expected) in [
        (&b"\x80\x02cposix\nsystem\nU\x04echo\x85R."[..], "would call posix.system"),
        (b"\x80\x02c__builtin__\neval\nU\x01a\x85R.", "would call __builtin__.eval"),
        (b"\x80\x02]q\x01.", "holds no dictionary"),
        (&shape, "[7, 3], and 6 bytes are there"),
        (b"<html></html>", "the pickle, at its byte 0"),
    ] {
        let message = format!("{:#}", read(pickle).unwrap_err());
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}
