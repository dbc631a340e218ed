//! Figures for the notebooks, drawn with plotters. They take plain numbers, tensors and histories, and know nothing of
//! how a history came about.

mod bars;
mod chart;
mod compare;
mod confusion;
mod digit_stages;
mod history;
mod images;
mod lr_found;
mod parallel_coordinates;

pub use crate::show::style::COLOURS;
pub use crate::training::history::epochs;
pub use bars::bars;
pub use chart::Chart;
pub use compare::{compare, By};
pub use confusion::confusion_matrix;
pub use digit_stages::digit_stages;
pub use history::history;
pub use images::images;
pub use parallel_coordinates::parallel_coordinates;
