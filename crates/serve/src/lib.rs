//! A server for models of the crate `cnn`: TensorFlow Serving's REST interface, the Open Inference Protocol, pictures of digits, and a
//! page to draw on.
//!
//! A request goes this way: [`server`] accepts the connection, [`app`] knows the addresses, [`limits`] reads the body, [`rest`] or
//! `v2` make images of it with [`json`], and the thread that owns the [`model`] computes them, together with those of other requests.

pub mod app;
pub mod arguments;
pub mod failure;
pub mod health;
pub mod json;
pub mod lifetime;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod model;
mod openapi;
mod page;
mod read;
pub mod rest;
pub mod server;
mod stall;
mod v2;

pub use cnn::anyhow;
