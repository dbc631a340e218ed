//! Pickled dictionaries of NumPy's arrays and of lists of numbers, as data sets come in: the batches of CIFAR-10's Python version.
//!
//! A pickle is a small program. This reader knows the few functions with which NumPy and Python make arrays and bytes, and refuses
//! any other by its name: nothing that a file names is imported or run.
//!
//! Source: NumPy's `ndarray.__reduce__` and `numpy.core.numeric._frombuffer`, from Python 2 and 3, protocols 2 to 5.

use anyhow::{bail, ensure, Context, Result};

use crate::budget::Budget;
use crate::bytes::Reader;
use crate::pytorch::pickle::load;
use crate::pytorch::value::{Id, Value, Values};
use crate::strided::gather;

const ARRAY: &str = "an array is not described as NumPy does it";

/// What stands under a key.
#[derive(Debug, PartialEq)]
pub enum Pickled {
    /// An array of bytes, row by row.
    Bytes {
        /// Its sides.
        shape: Vec<usize>,
        /// Its numbers.
        bytes: Vec<u8>,
    },
    /// A list of whole numbers.
    Numbers(Vec<i64>),
    /// Anything else, which is not read.
    Other,
}

/// The dictionary of a pickle, in its order. Keys may be text, or bytes as Python 2 has them; others are passed over.
///
/// # Errors
/// If the pickle is damaged or cut off, calls a function that has nothing to do with arrays, or holds no dictionary.
///
/// ```no_run
/// for (key, value) in formats::numpy_pickle::read(&std::fs::read("data_batch_1")?)? {
///     println!("{key}: {value:?}");
/// }
/// # anyhow::Ok(())
/// ```
pub fn read(bytes: &[u8]) -> Result<Vec<(String, Pickled)>> {
    let budget = Budget::of_file(bytes.len());
    let mut values = Values::default();
    let root = load(&mut Reader::new(bytes), &mut values, &budget, call)?;
    let Value::Dict(pairs) = values.get(root) else {
        bail!("the pickle holds no dictionary. Check that it is the file that its name says");
    };
    let mut read = Vec::new();
    for &(key, value) in pairs {
        let Some(key) = bytes_of(&values, key) else {
            continue;
        };
        let key = String::from_utf8_lossy(key).into_owned();
        let value = pickled(&values, value, &budget).with_context(|| format!("{key:?} in the pickle"))?;
        read.push((key, value));
    }
    Ok(read)
}

/// The functions that make arrays, types and bytes.
fn call(values: &Values, function: Id, arguments: Id) -> Result<Value> {
    let name = values.global(function).unwrap_or("what is no function");
    let items = values.items(arguments).unwrap_or_default();
    match name {
        // The array is still empty; a state follows.
        "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct" => {
            Ok(Value::Object { class: "numpy.ndarray".to_string(), state: None })
        }
        "numpy.core.numeric._frombuffer" | "numpy._core.numeric._frombuffer" => {
            Ok(Value::Object { class: "numpy.frombuffer".to_string(), state: Some(arguments) })
        }
        // The state that follows says little of bytes: they have no order.
        "numpy.dtype" => Ok(Value::Text(items.first().and_then(|&id| values.text(id)).context(ARRAY)?.to_string())),
        // How Python 3 writes bytes for Python 2.
        "_codecs.encode" => {
            let text = items.first().and_then(|&id| values.text(id)).context("bytes are not written as Python does it")?;
            let bytes: Result<Vec<u8>, _> = text.chars().map(|letter| u8::try_from(u32::from(letter))).collect();
            Ok(Value::Bytes(bytes.context("bytes are written as text that is none of Latin-1")?))
        }
        "__builtin__.bytes" | "builtins.bytes" | "builtins.bytearray" | "__builtin__.bytearray" => {
            let bytes = items.first().and_then(|&id| bytes_of(values, id)).unwrap_or_default();
            Ok(Value::Bytes(bytes.to_vec()))
        }
        _ => bail!(
            "it would call {name}, which arrays and numbers do not need, and which is not done here. Do not open the file in \
             Python unless you trust where it is from; download it again"
        ),
    }
}

fn pickled(values: &Values, id: Id, budget: &Budget) -> Result<Pickled> {
    match values.get(id) {
        Value::List(items) => {
            budget.spend(8 * items.len())?;
            let number = |&id: &Id| match values.get(id) {
                Value::Int(number) => Some(*number),
                _ => None,
            };
            Ok(items.iter().map(number).collect::<Option<_>>().map_or(Pickled::Other, Pickled::Numbers))
        }
        Value::Object { class, state: Some(state) } => {
            let state = values.items(*state).context(ARRAY)?;
            match (class.as_str(), state) {
                // Version, shape, type, whether it stands column by column, bytes.
                ("numpy.ndarray", &[_, shape, dtype, columns, bytes]) => {
                    let columns = matches!(values.get(columns), Value::Bool(true) | Value::Int(1));
                    array(values, bytes, dtype, shape, columns, budget)
                }
                ("numpy.frombuffer", &[bytes, dtype, shape, order]) => {
                    array(values, bytes, dtype, shape, values.text(order) == Some("F"), budget)
                }
                _ => bail!(ARRAY),
            }
        }
        _ => Ok(Pickled::Other),
    }
}

fn array(
    values: &Values,
    bytes: Id,
    dtype: Id,
    shape: Id,
    columns: bool,
    budget: &Budget,
) -> Result<Pickled> {
    if !matches!(values.text(dtype).context(ARRAY)?.trim_start_matches('|'), "u1" | "uint8") {
        return Ok(Pickled::Other);
    }
    let sides = values.items(shape).context(ARRAY)?.iter().map(|&id| values.count(id)?.try_into().ok());
    let shape: Vec<usize> = sides.collect::<Option<_>>().context(ARRAY)?;
    let bytes = bytes_of(values, bytes).context(ARRAY)?;
    ensure!(
        shape.iter().try_fold(1_usize, |size, &side| size.checked_mul(side)) == Some(bytes.len()),
        "the array's shape is {shape:?}, and {} bytes are there. Download the file again",
        bytes.len()
    );
    budget.spend(bytes.len())?;
    if !columns {
        return Ok(Pickled::Bytes { bytes: bytes.to_vec(), shape });
    }
    // Column by column: a step along a side goes over the sides before it.
    let strides: Vec<u64> =
        (0..shape.len()).map(|side| shape[..side].iter().product::<usize>() as u64).collect();
    Ok(Pickled::Bytes { bytes: gather(bytes, 1, 0, &shape, &strides)?, shape })
}

/// Bytes, or the text that a string of Python 2 is.
fn bytes_of(values: &Values, id: Id) -> Option<&[u8]> {
    match values.get(id) {
        Value::Bytes(bytes) => Some(bytes),
        Value::Text(text) => Some(text.as_bytes()),
        _ => None,
    }
}
