//! How values show themselves: tables, figures and progress bars, and the style that all pictures share.

pub(crate) mod bar;
pub(crate) mod figure;
pub(crate) mod html;
mod item;
mod pixels;
pub(crate) mod style;
pub(crate) mod svg;
mod table;

pub(crate) use bar::Bar;
pub use figure::{Area, Figure, FONT};
pub use table::Table;
