//! What the shapes of images and outputs must be like.

use anyhow::{ensure, Result};

use crate::engine::error::Context;
use crate::engine::text::thousands;

/// More weights than this, or more numbers in one output, are a mistake: VGG-16 has 138 million weights.
pub(crate) const MOST_NUMBERS: usize = 1 << 30;

/// Says if one image's numbers in this shape are too many.
pub(crate) fn check_size(shape: &[i64]) -> Result<()> {
    let count = shape.iter().try_fold(1, |count: i64, &side| count.checked_mul(side));
    ensure!(
        count.is_some_and(|count| count <= MOST_NUMBERS as i64),
        "the shape {shape:?} has more than {} numbers, for a single image; make it smaller",
        thousands(MOST_NUMBERS as i64)
    );
    Ok(())
}

/// Names the three dimensions of an image, or says that there is none.
pub(super) fn image_shape(input: &[i64]) -> Result<[i64; 3]> {
    input
        .try_into()
        .ok()
        .with_context(|| format!("it works on images [channels, height, width], and gets {input:?}"))
}
