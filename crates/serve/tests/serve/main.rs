//! The server over real sockets.

mod batches;
mod client;
mod faults;
mod fuzz;
mod models;
mod program;
mod reload;
mod rest;
mod v2;
