//! Model files as bytes, without libtorch: the HDF5 of Keras and h5py, PyTorch's `.pt`, NumPy's `.npz`;
//! and pickled arrays ([`numpy_pickle`]).
//!
//! What is read is numbers with a shape ([`Array`]) and text, by name; what they mean is up to the caller. The ordinary
//! libraries for these files take minutes to compile or bring dozens of crates along, and this one is compiled before
//! the first cell of a notebook: it takes a tenth of their time, beside libtorch's bindings, and has no `unsafe`.
//!
//! A file may come from anywhere: every reader checks each place, length and count before it follows it, runs no code
//! that a file names, and takes no more memory than the file warrants. Errors say what was found, where in the file,
//! and what to do; they are chains, to be shown with `{:#}`.
//!
//! ```
//! use formats::{npz, Array};
//!
//! let kernel = Array::from_f32([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
//! let file = npz::write(&[("kernel".to_string(), kernel)])?;
//! let arrays = npz::read(&file)?;
//! assert_eq!(arrays[0].0, "kernel");
//! assert_eq!(arrays[0].1.shape(), [2, 3]);
//! # anyhow::Ok(())
//! ```

mod array;
mod budget;
mod bytes;
mod half;
pub mod hdf5;
pub mod npy;
pub mod npz;
pub mod numpy_pickle;
pub mod protobuf;
pub mod pytorch;
mod strided;
pub mod zipped;

pub use array::{Array, Number};
