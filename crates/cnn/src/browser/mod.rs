//! What pages (`saving/page`) and widgets have in common in the browser, as JavaScript.
//!
//! `drawing.js` is the paper; `digit.js` and `strokes.js` prepare a digit as `preprocessing/digit` does, on the pictures of `grid.js`;
//! `bars.js` shows a network's answer as bars, and an image as it is given to the network.

/// Paper to draw on, and what becomes of a drawing.
pub(crate) const PAPER: &str = concat!(
    include_str!("grid.js"),
    include_str!("digit.js"),
    include_str!("strokes.js"),
    include_str!("drawing.js"),
);

/// Bars for a network's answer, and images.
pub(crate) const BARS: &str = include_str!("bars.js");
