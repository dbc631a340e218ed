//! Reading of JSON.

use serde::de::DeserializeOwned;

/// What `serde_json::from_slice` reads, and `from_str`. serde compiles a reader for each type and each of the two, and with both in
/// use the crate would take seconds longer to compile, so all of it is read here.
///
/// # Errors
/// If it is no JSON, or another type's; the message tells line and column.
pub(crate) fn from_json<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(text)
}
