//! Random numbers that depend on nothing but where they are used.
//!
//! No generator is carried from one epoch to the next: the order of epoch 7, or the augmentation of its image
//! 1234, follows from the seed and these numbers alone. So it is the same on any number of threads, and after
//! a training that was interrupted.

use rand::{rngs::StdRng, SeedableRng};
use std::sync::{Mutex, PoisonError};

/// Of libtorch's own generator there is one for all threads.
static LIBTORCHS: Mutex<()> = Mutex::new(());

/// What a generator is for; each purpose has numbers of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Order,
    Dropout,
    Augmentation,
    Split,
    /// Weights of a layer that is added to a model which has its own already.
    Weights,
}

/// A seed for one purpose at one place, for example an epoch and an image.
pub(crate) fn seed_at(seed: u64, purpose: Purpose, place: [u64; 2]) -> u64 {
    let parts = [purpose as u64, place[0], place[1]];
    parts.into_iter().fold(seed, |state, part| mixed(state ^ mixed(part.wrapping_add(1))))
}

pub(crate) fn generator(seed: u64, purpose: Purpose, place: [u64; 2]) -> StdRng {
    StdRng::seed_from_u64(seed_at(seed, purpose, place))
}

/// Does work in which libtorch draws. The draws follow from the seed alone, also when another thread does such work.
pub(crate) fn drawing<T>(seed: u64, work: impl FnOnce() -> T) -> T {
    let _alone = LIBTORCHS.lock().unwrap_or_else(PoisonError::into_inner);
    tch::manual_seed(seed as i64);
    work()
}

/// SplitMix64: similar numbers become unlike ones. Source: Steele et al., *Fast splittable pseudorandom
/// number generators*, 2014.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Numbers from -1 to 1 for tests, of a generator of their own: libtorch's is shared with tests on other threads.
#[cfg(test)]
pub(crate) fn tensor(shape: &[i64], seed: u64) -> tch::Tensor {
    use rand::Rng;
    let mut random = StdRng::seed_from_u64(seed);
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| random.gen_range(-1.0..1.0)).collect();
    tch::Tensor::from_slice(&numbers).reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_purposes_have_seeds_of_their_own() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..10 {
            let purposes =
                [Purpose::Order, Purpose::Dropout, Purpose::Augmentation, Purpose::Split, Purpose::Weights];
            for purpose in purposes {
                for first in 0..10 {
                    for second in 0..10 {
                        assert!(seen.insert(seed_at(seed, purpose, [first, second])));
                    }
                }
            }
        }
    }
}
