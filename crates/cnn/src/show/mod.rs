//! How values show themselves: tables, figures and progress bars, and the style that all pictures share.

pub(crate) mod bar;
pub(crate) mod canvas;
pub(crate) mod describe;
pub(crate) mod figure;
mod fonts;
pub(crate) mod html;
pub(crate) mod item;
pub(crate) mod pixels;
mod progbar;
mod rows;
pub(crate) mod style;
pub(crate) mod svg;
mod system_fonts;
mod table;
pub(crate) mod text_width;

pub(crate) use bar::Bar;
pub use figure::{Area, Figure};
pub use fonts::FONT;
pub use progbar::Progbar;
pub use table::Table;
