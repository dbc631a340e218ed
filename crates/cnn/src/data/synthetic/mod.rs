//! Data sets that the computer draws: digits, fashion and objects, for when MNIST, Fashion-MNIST and CIFAR-10 cannot be
//! downloaded.
//!
//! Each image has random numbers of its own, made from the seed and its place in the set: the seed alone decides what
//! is drawn, on any number of threads, and a larger count only adds images.
//!
//! Garments and objects are made for convolutions. Of 10,000 others, the course's network tells 93 % of the garments
//! and 90 % of the objects after four epochs on as many images as Fashion-MNIST and CIFAR-10 have; a linear model, which
//! weighs single pixels, tells 76 and 50 %.

mod canvas;
mod digits;
pub(crate) mod fashion;
#[rustfmt::skip] // points of a line stand beside each other
mod garments;
pub(crate) mod objects;
mod shape;
mod silhouettes;

pub(crate) use digits::digits_with;
pub use digits::{digits, Digits};
pub use fashion::fashion;
pub use objects::objects;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::mpsc::channel;

/// Images that a thread draws between two reports.
const PART: usize = 100;

/// Images that were drawn, with their labels.
pub struct Drawn {
    /// Bytes, image after image, each channel after channel and row by row: `28 * 28` or `3 * 32 * 32` per image.
    pub images: Vec<u8>,
    /// One label per image, from 0 to 9.
    pub labels: Vec<u8>,
}

/// Draws `count` images of `bytes` bytes; each label is drawn uniformly from 0 to 9. `report` is called with the number of
/// every few images that are drawn; an error ends the work.
fn share_out(
    count: usize,
    bytes: usize,
    seed: u64,
    draw: impl Fn(u8, &mut StdRng, &mut [u8]) + Sync,
    report: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Drawn> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    share_out_on(threads, count, bytes, seed, draw, report)
}

/// Shares the work among threads, for speed: the result does not depend on how many there are.
fn share_out_on(
    threads: usize,
    count: usize,
    bytes: usize,
    seed: u64,
    draw: impl Fn(u8, &mut StdRng, &mut [u8]) + Sync,
    report: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Drawn> {
    let mut images = vec![0; count * bytes];
    let mut labels = vec![0; count];
    let share = count.div_ceil(threads).max(1);
    let shares = images.chunks_mut(share * bytes).zip(labels.chunks_mut(share));
    std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        for (thread, (images, labels)) in shares.enumerate() {
            let (sender, draw) = (sender.clone(), &draw);
            scope.spawn(move || {
                let parts = images.chunks_mut(PART * bytes).zip(labels.chunks_mut(PART));
                for (part, (images, labels)) in parts.enumerate() {
                    let images = images.chunks_exact_mut(bytes);
                    for (i, (image, label)) in images.zip(labels.iter_mut()).enumerate() {
                        let mut rng = generator(seed, thread * share + part * PART + i);
                        *label = rng.gen_range(0..10);
                        draw(*label, &mut rng, image);
                    }
                    if sender.send(labels.len()).is_err() {
                        break; // the work has ended early
                    }
                }
            });
        }
        drop(sender);
        receiver.into_iter().try_for_each(report)
    })?;
    Ok(Drawn { images, labels })
}

/// The random numbers of one image: its own, so that it does not matter which thread draws it, or when.
fn generator(seed: u64, index: usize) -> StdRng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(index as u64).to_le_bytes());
    StdRng::from_seed(key)
}

/// A random number of mean 0 and standard deviation 1, nearly normal, and never beyond 3.
fn normal(rng: &mut StdRng) -> f32 {
    (0..3).map(|_| rng.gen_range(-1.0..1.0f32)).sum()
}

/// A random number of mean 0 and standard deviation 1, evenly spread: quicker, for noise at each pixel.
fn grain(rng: &mut StdRng) -> f32 {
    3f32.sqrt() * (2.0 * rng.gen::<f32>() - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = fn(usize, u64) -> Drawn;
    type Draw = fn(u8, &mut StdRng, &mut [u8]);
    /// Each set: how it is had, how one of its images is drawn, and the bytes of that.
    const SETS: [(Set, Draw, usize); 3] = [
        (digits, digits::draw, 28 * 28),
        (fashion, fashion::draw, 28 * 28),
        (objects, objects::draw, 3 * 32 * 32),
    ];

    #[test]
    fn the_seed_alone_decides() {
        for (set, ..) in SETS {
            let (one, same, other) = (set(100, 1), set(100, 1), set(100, 2));
            assert!(one.images == same.images && one.labels == same.labels);
            assert!(one.images != other.images && one.labels != other.labels);
        }
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        for (_, draw, bytes) in SETS {
            let on = |threads| share_out_on(threads, 250, bytes, 3, draw, |_| Ok(())).unwrap();
            let alone = on(1);
            for threads in [2, 3, 7, 250, 300] {
                let shared = on(threads);
                assert!(shared.images == alone.images && shared.labels == alone.labels);
            }
        }
    }

    #[test]
    fn every_image_is_reported_until_an_error_ends_the_work() {
        let mut reported = 0;
        let draw = |label: u8, _: &mut StdRng, image: &mut [u8]| image[0] = label;
        share_out(1234, 1, 1, draw, |more| {
            reported += more;
            Ok(())
        })
        .unwrap();
        assert_eq!(reported, 1234);
        let stop = |_| anyhow::bail!("enough");
        for refused in [
            digits_with(100_000, 1, stop),
            fashion::fashion_with(100_000, 1, stop),
            objects::objects_with(100_000, 1, stop),
        ] {
            assert_eq!(refused.err().unwrap().to_string(), "enough");
        }
    }

    #[test]
    fn a_larger_count_only_adds() {
        for (set, _, bytes) in SETS {
            let (few, many) = (set(10, 4), set(100, 4));
            assert_eq!((few.images.len(), many.images.len()), (10 * bytes, 100 * bytes));
            assert_eq!(few.labels, many.labels[..10]);
            assert_eq!(few.images, many.images[..10 * bytes]);
        }
    }

    #[test]
    fn none_is_allowed() {
        for (set, ..) in SETS {
            let none = set(0, 5);
            assert!(none.images.is_empty() && none.labels.is_empty());
        }
    }

    #[test]
    fn labels_are_balanced() {
        for (set, ..) in SETS {
            let labels = set(5_000, 6).labels;
            for label in 0..10 {
                let count = labels.iter().filter(|&&l| l == label).count();
                assert!((420..580).contains(&count), "{count} images of {label}");
            }
        }
    }
}
