//! The arguments of a layer, read by their names from what is saved of it.
//!
//! serde's derived readers would do the same, but each is code for several forms of a layer that are never met here, and all of
//! it is compiled before the first cell of a notebook.

use anyhow::{anyhow, Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// An argument that always was among the layer's.
///
/// # Errors
/// If it is missing, or of the wrong type; the message names it.
pub(crate) fn argument<'a, T: Deserialize<'a>>(config: &'a Value, name: &str) -> Result<T> {
    let saved = config.get(name).ok_or_else(|| missing(name))?;
    T::deserialize(saved).map_err(|error| wrong(name, error))
}

/// An argument that may be missing, as in files of before it was there; it is `default` then.
///
/// # Errors
/// If it is of the wrong type; the message names it.
pub(crate) fn argument_or<'a, T: Deserialize<'a>>(config: &'a Value, name: &str, default: T) -> Result<T> {
    match config.get(name) {
        Some(_) => argument(config, name),
        None => Ok(default),
    }
}

fn missing(name: &str) -> Error {
    anyhow!("the argument {name} is missing")
}

fn wrong(name: &str, error: serde_json::Error) -> Error {
    anyhow!("the argument {name}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_read_by_name() {
        let config = json!({ "rate": 0.5, "strides": null, "size": [2, 3] });
        assert_eq!(argument::<f64>(&config, "rate").unwrap(), 0.5);
        assert_eq!(argument::<(i64, i64)>(&config, "size").unwrap(), (2, 3));
        assert_eq!(argument_or(&config, "strides", Some((1, 1))).unwrap(), None);
        assert_eq!(argument_or(&config, "groups", 1).unwrap(), 1);
        assert_eq!(argument_or(&Value::Null, "groups", 1).unwrap(), 1);
        let missing = argument::<i64>(&config, "units").unwrap_err().to_string();
        assert!(missing.contains("units") && missing.contains("missing"), "{missing}");
        for wrong in [argument::<i64>(&config, "rate"), argument_or(&config, "rate", 1)] {
            let wrong = wrong.unwrap_err().to_string();
            assert!(wrong.contains("rate") && wrong.contains("0.5"), "{wrong}");
        }
    }
}
