//! Zip archives: that of this crate, and those of Python.

mod common;

use common::fixture;
use formats::zipped::{self, Archive};

const FILES: [(&str, &[u8]); 3] = [("config.json", b"{}"), ("ä/b", &[7; 1000]), ("none", b"")];

#[test]
fn files_go_out_and_come_back_in_order() {
    let bytes = zipped::write(&FILES).unwrap();
    let archive = Archive::open(&bytes).unwrap();
    assert_eq!(archive.names().collect::<Vec<_>>(), ["config.json", "ä/b", "none"]);
    for (name, content) in FILES {
        assert_eq!(&*archive.read(name).unwrap(), content);
    }
    assert_eq!(bytes, zipped::write(&FILES).unwrap());
    assert_eq!(Archive::open(&zipped::write(&[]).unwrap()).unwrap().names().count(), 0);
}

#[test]
fn other_bytes_may_stand_before_and_a_comment_behind() {
    let mut bytes = [b"#!/bin/sh\n".to_vec(), zipped::write(&FILES).unwrap(), b"comment".to_vec()].concat();
    let comment = bytes.len() - 9;
    bytes[comment] = 7;
    assert_eq!(&*Archive::open(&bytes).unwrap().read("ä/b").unwrap(), FILES[1].1);
}

#[test]
fn names_of_windows_have_slashes() {
    let bytes = zipped::write(&[("layers\\conv2d\\vars", b"x")]).unwrap();
    assert_eq!(&*Archive::open(&bytes).unwrap().read("layers/conv2d/vars").unwrap(), b"x");
}

#[test]
fn deflated_files_are_unpacked() {
    let file = fixture("numpy_compressed.npz");
    let archive = Archive::open(&file).unwrap();
    assert!(archive.read("kernel.npy").unwrap().starts_with(b"\x93NUMPY"));
}

#[test]
fn what_is_wrong_is_named() {
    let message = |bytes: &[u8], name: &str| match Archive::open(bytes) {
        Ok(archive) => format!("{:#}", archive.read(name).map(|_| ()).expect_err("an error")),
        Err(error) => format!("{error:#}"),
    };
    let whole = zipped::write(&FILES).unwrap();
    assert!(message(&whole, "model").contains("holds no model, only config.json, ä/b, none"));
    assert!(message(b"no archive", "x").contains("end is not found"));
    let change = |mark: &[u8], behind: usize, byte: u8| {
        let mut bytes = whole.clone();
        let at = bytes.windows(mark.len()).rposition(|window| window == mark).unwrap();
        bytes[at + behind] = byte;
        bytes
    };
    // In the directory's last entry, "none": flags, method, size.
    assert!(message(&change(b"PK\x01\x02", 8, 1), "none").contains("encrypted"));
    assert!(message(&change(b"PK\x01\x02", 10, 12), "none").contains("method 12"));
    assert!(message(&change(b"PK\x01\x02", 24, 1), "none").contains("not the 1 bytes"));
    assert!(message(&change(&[7; 1000], 3, 8), "ä/b").contains("checksum"));
    let twice = zipped::write(&[("a", b""), ("a", b"")]).unwrap_err().to_string();
    assert!(twice.contains("two files are called a"), "{twice}");
    let twice = zipped::write(&[("a/b", b""), ("a\\b", b"")]).unwrap();
    assert!(message(&twice, "a/b").contains("twice"));
}

#[test]
fn what_is_read_again_and_again_is_refused() {
    // A directory may name the same bytes many times, each time small enough.
    let bytes = zipped::write(&FILES).unwrap();
    let archive = Archive::open(&bytes).unwrap();
    let reads = (64 << 20) / 1000 + 1;
    assert!((0..reads).any(|_| archive.read("ä/b").is_err()), "{reads} reads of 1000 bytes are paid for");
}
