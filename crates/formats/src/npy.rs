//! NumPy's `.npy`: one array, after a header that describes it.
//!
//! Source: NumPy's `numpy/lib/format.py`.

use anyhow::{bail, ensure, Context, Result};

use crate::array::bytes_of;
use crate::bytes::Reader;
use crate::strided::gather;
use crate::{Array, Number};

const MAGIC: &[u8] = b"\x93NUMPY";
const DAMAGED: &str =
    "it is no array of NumPy, or a damaged one. Copy or download the file again, or save it again";

/// What stands before an array's numbers.
///
/// ```
/// let file = formats::npy::write(&formats::Array::from_f32([3], &[1.0, 2.0, 3.0])?)?;
/// let header = formats::npy::header(&file)?;
/// assert_eq!((header.descr.as_str(), header.shape), ("<f4", vec![3]));
/// assert_eq!(file.len() - header.length, 12);
/// # anyhow::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The kind of the numbers in NumPy's words, `<f4` for 32-bit floats; the columns' kinds of a table.
    pub descr: String,
    /// Whether the first index runs fastest.
    pub fortran_order: bool,
    /// The length of each side.
    pub shape: Vec<usize>,
    /// How many bytes the header takes: the numbers follow.
    pub length: usize,
}

/// Reads what stands before the numbers, of any version (1 to 3).
///
/// # Errors
/// If it is no `.npy` file, or a damaged one.
pub fn header(bytes: &[u8]) -> Result<Header> {
    parse(bytes).context(DAMAGED)
}

fn parse(bytes: &[u8]) -> Result<Header> {
    let mut reader = Reader::new(bytes);
    reader.expect(MAGIC)?;
    let (version, _minor) = (reader.u8()?, reader.u8()?);
    let length = match version {
        1 => reader.u16()?.into(),
        2 | 3 => usize::try_from(reader.u32()?)?,
        _ => bail!("version {version} is not known, 1 to 3 are"),
    };
    let text = String::from_utf8_lossy(reader.take(length)?);
    let length = bytes.len() - reader.rest().len();
    // It is a dictionary as Python writes it: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
    let value = |key: &str| {
        let found = text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        found.with_context(|| format!("there is no {key}"))
    };
    let descr = value("descr")?;
    let descr = match descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        Some((descr, _)) => descr,
        None => {
            descr.split_once("'fortran_order'").map_or(descr, |(descr, _)| descr).trim().trim_end_matches(',')
        }
    };
    let fortran_order = match value("fortran_order")? {
        order if order.starts_with("False") => false,
        order if order.starts_with("True") => true,
        _ => bail!("fortran_order is neither True nor False"),
    };
    let shape = value("shape")?.strip_prefix('(').and_then(|shape| shape.split_once(')'));
    let (shape, _) = shape.context("the shape is no tuple")?;
    // Python 2 wrote long integers as 3L.
    let sides =
        shape.split(',').map(|side| side.trim().trim_end_matches('L')).filter(|side| !side.is_empty());
    let shape = sides.map(str::parse).collect::<Result<_, _>>().context("the shape")?;
    Ok(Header { descr: descr.to_string(), fortran_order, shape, length })
}

/// Reads an array. Numbers in Fortran's order, or of the other byte order, are turned.
///
/// # Errors
/// If it is no `.npy` file, a damaged one, or of numbers that are none of [`Number`]'s: texts, complex numbers, tables, objects of
/// Python (a pickle, which is not run).
pub fn read(bytes: &[u8]) -> Result<Array> {
    let Header { descr, fortran_order, shape, length } = header(bytes)?;
    let kind = number(&descr).with_context(|| {
        format!("its elements are '{descr}', and only numbers are read. Save it again from Python, with .astype(\"float32\")")
    })?;
    let mut numbers = bytes.get(length..).unwrap_or_default().to_vec();
    let size = bytes_of(&shape, kind.size())?;
    ensure!(
        size == numbers.len(),
        "its shape is {shape:?} of '{descr}', and {} bytes follow: it is damaged. Copy or download the file again",
        numbers.len()
    );
    if fortran_order {
        // A step along a side passes over all that the sides before it have.
        let stride = |before: &mut u64, &side: &usize| {
            let stride = *before;
            *before = stride.saturating_mul(side as u64);
            Some(stride)
        };
        let strides: Vec<u64> = shape.iter().scan(1, stride).collect();
        numbers = gather(&numbers, kind.size(), 0, &shape, &strides)?;
    }
    if descr.starts_with('>') {
        numbers.chunks_mut(kind.size()).for_each(<[u8]>::reverse);
    }
    Array::new(kind, shape, numbers)
}

/// The bytes of a file, as `np.save` writes it.
///
/// # Errors
/// If the numbers are BF16, which NumPy does not have.
pub fn write(array: &Array) -> Result<Vec<u8>> {
    let descr = descr(array.kind())?;
    let sides: Vec<String> = array.shape().iter().map(usize::to_string).collect();
    let shape = if sides.len() == 1 { format!("({},)", sides[0]) } else { format!("({})", sides.join(", ")) };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // The numbers begin at a multiple of 64; before them come ten bytes, the text and a line's end.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
    let length = u16::try_from(length).context("it has too many sides")?;
    Ok([MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes(), b"\n", array.bytes()].concat())
}

fn number(descr: &str) -> Option<Number> {
    Some(match descr.strip_prefix(['<', '>', '|', '='])? {
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        "i1" => Number::I8,
        "i2" => Number::I16,
        "i4" => Number::I32,
        "i8" => Number::I64,
        "u1" => Number::U8,
        "u2" => Number::U16,
        "u4" => Number::U32,
        "u8" => Number::U64,
        "b1" => Number::Bool,
        _ => return None,
    })
}

fn descr(kind: Number) -> Result<&'static str> {
    Ok(match kind {
        Number::F16 => "<f2",
        Number::F32 => "<f4",
        Number::F64 => "<f8",
        Number::I8 => "|i1",
        Number::I16 => "<i2",
        Number::I32 => "<i4",
        Number::I64 => "<i8",
        Number::U8 => "|u1",
        Number::U16 => "<u2",
        Number::U32 => "<u4",
        Number::U64 => "<u8",
        Number::Bool => "|b1",
        Number::BF16 => bail!("NumPy has no numbers of the kind BF16: write them as F32, Array::from_f32(shape, &array.to_f32())"),
    })
}
