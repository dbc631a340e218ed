//! Damaged files: whatever is in them, every reader answers, soon and without much memory.
//!
//! A long run, in which checksums are not looked at so that what is behind them is reached:
//! `FUZZ_RUNS=1000000 RUSTFLAGS="--cfg fuzzing" cargo test -p formats --release --test damaged fuzz -- --nocapture`

mod common;

use anyhow::Result;
use common::fixture;
use formats::zipped::Archive;
use formats::{hdf5, npy, npz, pytorch};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// Each answer must come within this time, also on a machine with much to do.
const LONGEST: Duration = Duration::from_secs(20);

fn hdf5(bytes: &[u8]) -> Result<()> {
    let root = hdf5::read(bytes)?;
    // What could be read can be written, or is refused.
    if let Ok(written) = hdf5::write(&root) {
        hdf5::read(&written)?;
    }
    Ok(())
}

fn pytorch(bytes: &[u8]) -> Result<()> {
    pytorch::read(bytes).map(|_| ())
}

fn npz(bytes: &[u8]) -> Result<()> {
    npz::write(&npz::read(bytes)?).map(|_| ())
}

fn npy(bytes: &[u8]) -> Result<()> {
    npy::read(bytes).map(|_| ())
}

fn zipped(bytes: &[u8]) -> Result<()> {
    let archive = Archive::open(bytes)?;
    for name in archive.names() {
        archive.read(name)?;
    }
    Ok(())
}

const HDF5: [&str; 7] = [
    "h5py_earliest.h5",
    "h5py_latest.h5",
    "h5py_ordered.h5",
    "keras2.h5",
    "keras3.weights.h5",
    "soft.h5",
    "circle.h5",
];
const PYTORCH: [&str; 7] = [
    "pytorch.pt",
    "pytorch_legacy.pt",
    "pytorch_views.pt",
    "pytorch_views_legacy.pt",
    "pytorch_checkpoint.pt",
    "pytorch_checkpoint_legacy.pt",
    "pytorch_module_inside.pt",
];
const NPZ: [&str; 3] = ["numpy.npz", "numpy_compressed.npz", "numpy_headers.npz"];
const ZIPPED: [&str; 3] = ["numpy_compressed.npz", "pytorch.pt", "keras3.keras"];

#[test]
fn files_that_are_cut_off_are_refused() {
    type Read = fn(&[u8]) -> Result<()>;
    let cases: [(Read, &str); 7] = [
        (hdf5, "h5py_ordered.h5"),
        (hdf5, "circle.h5"),
        (pytorch, "pytorch.pt"),
        (pytorch, "pytorch_legacy.pt"),
        (npz, "numpy.npz"),
        (npz, "numpy_compressed.npz"),
        (zipped, "numpy_headers.npz"),
    ];
    for (read, name) in cases {
        let bytes = fixture(name);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{name}, cut off after {length} bytes, is read");
        }
    }
    let archive = fixture("numpy.npz");
    let array = Archive::open(&archive).unwrap().read("big_fortran.npy").unwrap();
    assert!((0..array.len()).all(|length| npy(&array[..length]).is_err()));
}

/// Changes a few places of a file, in the ways in which formats are brittle.
fn damage(random: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..random.gen_range(1..=6) {
        if bytes.is_empty() {
            return;
        }
        let at = random.gen_range(0..bytes.len());
        let length = bytes.len() as u64;
        match random.gen_range(0..10) {
            0..=2 => bytes[at] ^= 1 << random.gen_range(0..8),
            3 => bytes[at] = random.gen(),
            4..=6 => {
                // A number that leads to an edge, or into the file.
                let edges = [
                    0,
                    1,
                    length,
                    length - 1,
                    u64::MAX,
                    u64::MAX >> 1,
                    1 << 31,
                    1 << 16,
                    random.gen_range(0..length),
                ];
                let number = edges[random.gen_range(0..edges.len())].to_le_bytes();
                let width = (1 << random.gen_range(0..4)).min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            7 | 8 => {
                // A part of the file in another place.
                let from = random.gen_range(0..bytes.len());
                let most = (bytes.len() - at.max(from)).min(64);
                let count = random.gen_range(0..=most);
                bytes.copy_within(from..from + count, at);
            }
            _ if random.gen_bool(0.5) => bytes.truncate(at),
            _ => {
                let end = (at + random.gen_range(0..16)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
}

/// Reads damaged files, as many as `FUZZ_RUNS` says or some thousands.
fn fuzz(what: &str, names: &[&str], read: fn(&[u8]) -> Result<()>) {
    let runs =
        std::env::var("FUZZ_RUNS").ok().map_or(3000, |runs| runs.parse().expect("FUZZ_RUNS is a number"));
    let seed = std::env::var("FUZZ_SEED").ok().map_or(1, |seed| seed.parse().expect("FUZZ_SEED is a number"));
    let mut random = StdRng::seed_from_u64(seed);
    let files: Vec<Vec<u8>> = names.iter().map(|name| fixture(name)).collect();
    let (mut whole, mut slowest) = (0, Duration::ZERO);
    for run in 0..runs {
        let mut bytes = files[random.gen_range(0..files.len())].clone();
        damage(&mut random, &mut bytes);
        let started = Instant::now();
        whole += u64::from(read(&bytes).is_ok());
        let took = started.elapsed();
        assert!(took < LONGEST, "{what}, run {run} of seed {seed}: it took {took:?}");
        slowest = slowest.max(took);
    }
    println!("{what}: {runs} damaged files, {whole} of them read; the slowest took {slowest:?}");
}

#[test]
fn fuzz_hdf5() {
    fuzz("hdf5", &HDF5, hdf5);
}

#[test]
fn fuzz_pytorch() {
    fuzz("pytorch", &PYTORCH, pytorch);
}

#[test]
fn fuzz_npz() {
    fuzz("npz", &NPZ, npz);
}

#[test]
fn fuzz_zipped() {
    fuzz("zipped", &ZIPPED, zipped);
}
