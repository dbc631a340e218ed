//! How much memory and work a file may cost: what its size warrants.
