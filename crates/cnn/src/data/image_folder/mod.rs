//! Pictures of one's own as a data set: a folder for each class.

mod arguments;
mod classes;
mod decode;
mod load;
mod resize;

pub use arguments::{ColorMode, ImageFolder};
pub use load::image_dataset_from_directory;
