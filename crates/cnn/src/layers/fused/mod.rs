//! Layers that are computed in one go where that is faster, in loops of the crate's own.

mod conv_then_pool;
mod window_loops;

pub(crate) use conv_then_pool::ConvThenPool;
