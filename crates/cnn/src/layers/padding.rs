//! What happens at an image's border, for the layers that slide a window over it.

use anyhow::{ensure, Result};
use serde::{Deserialize, Serialize};

/// No window or stride is longer, so that products of their sizes do not overflow.
pub(super) const LONGEST: i64 = 1 << 15;

/// What happens at an image's border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// No padding: a 3×3 window makes each side 2 pixels shorter. Keras's default.
    #[default]
    Valid,
    /// Pixels around the image, so that with strides of 1 the output is as large as the input.
    Same,
}

impl Padding {
    /// Pixels to put before and after `length` of them; where they are odd in number, the last side gets one
    /// more, as in TensorFlow.
    pub(super) fn around(self, length: i64, window: i64, stride: i64) -> (i64, i64) {
        match self {
            Padding::Valid => (0, 0),
            Padding::Same => {
                let steps = (length + stride - 1) / stride;
                let total = ((steps - 1) * stride + window - length).max(0);
                (total / 2, total - total / 2)
            }
        }
    }

    /// What to put to the left, right, top and bottom of an image of (height, width).
    pub(crate) fn of_image(self, size: (i64, i64), window: (i64, i64), strides: (i64, i64)) -> [i64; 4] {
        let (top, bottom) = self.around(size.0, window.0, strides.0);
        let (left, right) = self.around(size.1, window.1, strides.1);
        [left, right, top, bottom]
    }

    /// Height and width after a window of (height, width) has gone over an image; `what` is the window's name.
    pub(super) fn output_sides(
        self,
        what: &str,
        size: (i64, i64),
        window: (i64, i64),
        strides: (i64, i64),
    ) -> Result<[i64; 2]> {
        let side = |name: &str, length: i64, window: i64, stride: i64| {
            let sizes = 1..=LONGEST;
            ensure!(sizes.contains(&window), "the {what}'s {name} must be from 1 to {LONGEST}, not {window}");
            ensure!(
                sizes.contains(&stride),
                "the stride along the {name} must be from 1 to {LONGEST}, not {stride}"
            );
            let (before, after) = self.around(length, window, stride);
            ensure!(
                length + before + after >= window,
                "its {what}'s {name} is {window}, and the image's {name} only {length}; \
                 use a smaller {what}, Padding::Same, or less pooling before it"
            );
            Ok((length + before + after - window) / stride + 1)
        };
        Ok([side("height", size.0, window.0, strides.0)?, side("width", size.1, window.1, strides.1)?])
    }
}
