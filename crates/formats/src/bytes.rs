//! Reading a file's bytes from front to back, with bounds.
