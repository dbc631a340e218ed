//! How a picture of one's own becomes an image for the network.

use anyhow::{ensure, Result};

use super::images::images;
use crate::preprocessing::Stage;
use crate::show::Figure;

/// The longer side, in pixels, that each stage is drawn with at most.
const SIDE: i64 = 168;

/// The stages of [`digit_stages`](crate::preprocessing::digit_stages) beside each other, each with its name and its size.
///
/// # Errors
/// If there are none.
pub fn digit_stages(stages: &[Stage]) -> Result<Figure> {
    ensure!(!stages.is_empty(), "there are no stages to show; digit_stages(path) makes them");
    let mut figures = stages.iter().map(|stage| {
        let (height, width) = stage.image.size2()?;
        let scale = (SIDE as f64 / height.max(width) as f64).min(1.0);
        let size = [height, width].map(|length| ((length as f64 * scale).round() as i64).max(1));
        let small = stage.image.reshape([1, 1, height, width]).adaptive_avg_pool2d(size);
        images(&small, &[format!("{}, {width}×{height}", stage.name)], 1)
    });
    let first = figures.next().expect("there is at least one stage")?;
    figures.try_fold(first, |left, right| Ok(left.beside(&right?)))
}
