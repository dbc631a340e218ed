//! Layers that are computed in one go where that is faster, in loops of the crate's own.

mod conv_then_pool;
#[cfg(target_arch = "x86_64")]
mod normalisation;
#[cfg(target_arch = "x86_64")]
mod normalisation_loops;
mod window_loops;

pub(crate) use conv_then_pool::ConvThenPool;
#[cfg(target_arch = "x86_64")]
pub(super) use normalisation::Normalised;
