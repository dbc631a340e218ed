//! Numbers between pixels.

use serde::{Deserialize, Serialize};

/// What stands between the pixels of an image that is made larger or moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// A mean of the four pixels around the place, the more of each the nearer it is.
    Bilinear,
}
