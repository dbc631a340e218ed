//! Numbers of pixels at the four sides of an image.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};

use super::padding::LONGEST;

/// How many pixels are added to an image's sides, or cut from them: ((top, bottom), (left, right)), as in Keras. A pair
/// (height, width) means the same on both sides, a single number the same on all.
///
/// ```
/// use cnn::layers::Sides;
/// assert_eq!(Sides::from(1), Sides::from(((1, 1), (1, 1))));
/// assert_eq!(Sides::from((1, 2)), Sides::from(((1, 1), (2, 2))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides(pub(crate) (i64, i64), pub(crate) (i64, i64));

impl From<i64> for Sides {
    fn from(all: i64) -> Self {
        Sides((all, all), (all, all))
    }
}

impl From<(i64, i64)> for Sides {
    fn from((height, width): (i64, i64)) -> Self {
        Sides((height, height), (width, width))
    }
}

impl From<((i64, i64), (i64, i64))> for Sides {
    fn from((height, width): ((i64, i64), (i64, i64))) -> Self {
        Sides(height, width)
    }
}

impl Sides {
    /// Left, right, top and bottom, as libtorch wants them.
    pub(super) fn around(&self) -> [i64; 4] {
        let &Sides((top, bottom), (left, right)) = self;
        [left, right, top, bottom]
    }

    pub(super) fn check(&self, argument: &str) -> Result<()> {
        ensure!(
            self.around().iter().all(|side| (0..=LONGEST).contains(side)),
            "{argument} must be from 0 to {LONGEST} at each side, not ((top, bottom), (left, right)) = ({:?}, {:?})",
            self.0,
            self.1
        );
        Ok(())
    }
}
