//! Notebooks that answer: controls whose value a running loop can read, and what one does with a model by hand.
//!
//! All of them show themselves as the value of a cell, work while another cell runs, and leave a still picture or a sentence for saved
//! notebooks and for clients without widgets. Without a running kernel, as in a program, controls keep the value that they began with.
//!
//! ```
//! use cnn::prelude::*;
//! let rate = log_slider("learning rate", 1e-5..=1e-1, 1e-3)?;
//! let pause = toggle("Pause");
//! rate.show(); // or `rate` as the last line of a cell
//! for _batch in 0..3 {
//!     if !pause.value() {
//!         let _step = rate.value();
//!     }
//! }
//! # Ok::<(), cnn::anyhow::Error>(())
//! ```

mod augment_by_hand;
mod button;
mod checkbox;
mod draw;
mod dropdown;
mod explore_confusion;
mod loss_surface;
mod pixels;
mod shown;
mod slider;
mod steer;
mod switch;
mod toggle;
mod whole_slider;

pub use augment_by_hand::{augment_by_hand, AugmentByHand};
pub use button::{button, Button};
pub use checkbox::{checkbox, Checkbox};
pub use draw::{draw, Pad};
pub use dropdown::{dropdown, Dropdown};
pub use explore_confusion::{explore_confusion, ConfusionExplorer};
pub use loss_surface::{loss_surface, LossSurface};
pub use slider::{log_slider, slider, Slider};
pub use steer::Steer;
pub use toggle::{toggle, Toggle};
pub use whole_slider::{whole_slider, WholeSlider};

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    /// Waits for what a widget's thread does.
    pub fn until(condition: impl Fn() -> bool) {
        let begin = Instant::now();
        while !condition() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the widget's thread has not done it");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
