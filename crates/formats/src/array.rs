//! Numbers with a shape, as they stand in files.

use std::sync::Arc;

use anyhow::{ensure, Context, Result};

use crate::half::{bf16_to_f32, f16_to_f32};

/// The kinds of numbers that files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// Half precision, IEEE 754: 5 bits of exponent.
    F16,
    /// bfloat16: the upper half of an [`F32`](Number::F32).
    BF16,
    /// Single precision, what weights usually are.
    F32,
    /// Double precision.
    F64,
    /// Signed, one byte.
    I8,
    /// Signed, two bytes.
    I16,
    /// Signed, four bytes.
    I32,
    /// Signed, eight bytes.
    I64,
    /// A byte.
    U8,
    /// Unsigned, two bytes.
    U16,
    /// Unsigned, four bytes.
    U32,
    /// Unsigned, eight bytes.
    U64,
    /// One byte, 0 or 1.
    Bool,
}

impl Number {
    /// The size of a number, in bytes.
    pub fn size(self) -> usize {
        match self {
            Number::I8 | Number::U8 | Number::Bool => 1,
            Number::F16 | Number::BF16 | Number::I16 | Number::U16 => 2,
            Number::F32 | Number::I32 | Number::U32 => 4,
            Number::F64 | Number::I64 | Number::U64 => 8,
        }
    }

    /// Whether it has a fraction.
    pub fn is_float(self) -> bool {
        matches!(self, Number::F16 | Number::BF16 | Number::F32 | Number::F64)
    }

    /// The float nearest to the number that these bytes are.
    fn float(self, bytes: &[u8]) -> f32 {
        match self {
            Number::F16 => f16_to_f32(u16::from_le_bytes(sized(bytes))),
            Number::BF16 => bf16_to_f32(u16::from_le_bytes(sized(bytes))),
            Number::F32 => f32::from_le_bytes(sized(bytes)),
            Number::F64 => f64::from_le_bytes(sized(bytes)) as f32,
            _ => self.integer(bytes) as f32,
        }
    }

    /// The integer that these bytes are; of a float, its bits.
    fn integer(self, bytes: &[u8]) -> i128 {
        match self {
            Number::I8 => i8::from_le_bytes(sized(bytes)).into(),
            Number::I16 => i16::from_le_bytes(sized(bytes)).into(),
            Number::I32 => i32::from_le_bytes(sized(bytes)).into(),
            Number::I64 => i64::from_le_bytes(sized(bytes)).into(),
            Number::U8 | Number::Bool => u8::from_le_bytes(sized(bytes)).into(),
            Number::U16 | Number::F16 | Number::BF16 => u16::from_le_bytes(sized(bytes)).into(),
            Number::U32 | Number::F32 => u32::from_le_bytes(sized(bytes)).into(),
            Number::U64 | Number::F64 => u64::from_le_bytes(sized(bytes)).into(),
        }
    }
}

/// Numbers with a shape: row-major (the last index runs fastest), little-endian.
///
/// ```
/// use formats::{Array, Number};
///
/// let array = Array::from_f32([2, 2], &[1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!((array.kind(), array.shape(), array.count()), (Number::F32, &[2, 2][..], 4));
/// assert_eq!(array.to_f32(), [1.0, 2.0, 3.0, 4.0]);
/// # anyhow::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    kind: Number,
    shape: Vec<usize>,
    /// Shared between copies: arrays are not changed.
    bytes: Arc<Vec<u8>>,
}

impl Array {
    /// An array of these bytes. A shape of no sides, `[]`, is one number.
    ///
    /// # Errors
    /// If the shape wants another number of bytes.
    pub fn new(kind: Number, shape: impl Into<Vec<usize>>, bytes: Vec<u8>) -> Result<Array> {
        let shape = shape.into();
        let wanted = bytes_of(&shape, kind.size())?;
        ensure!(
            wanted == bytes.len(),
            "the shape {shape:?} of {kind:?} takes {wanted} bytes, and there are {}",
            bytes.len()
        );
        Ok(Array { kind, shape, bytes: Arc::new(bytes) })
    }

    /// An array of [`Number::F32`].
    ///
    /// # Errors
    /// If the shape wants another number of values.
    pub fn from_f32(shape: impl Into<Vec<usize>>, values: &[f32]) -> Result<Array> {
        Array::new(Number::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// An array of [`Number::I64`].
    ///
    /// # Errors
    /// If the shape wants another number of values.
    pub fn from_i64(shape: impl Into<Vec<usize>>, values: &[i64]) -> Result<Array> {
        Array::new(Number::I64, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// An array of [`Number::I32`].
    ///
    /// # Errors
    /// If the shape wants another number of values.
    pub fn from_i32(shape: impl Into<Vec<usize>>, values: &[i32]) -> Result<Array> {
        Array::new(Number::I32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// What its numbers are.
    pub fn kind(&self) -> Number {
        self.kind
    }

    /// The length of each side.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.kind.size()
    }

    /// The numbers as bytes: row-major, little-endian.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The numbers as bytes, without a copy if no other array shares them.
    pub fn into_bytes(self) -> Vec<u8> {
        Arc::unwrap_or_clone(self.bytes)
    }

    /// The numbers as 32-bit floats: exactly from F16, BF16 and F32, rounded from F64 and large integers.
    pub fn to_f32(&self) -> Vec<f32> {
        match self.kind {
            Number::F32 => self.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            kind => self.bytes.chunks_exact(kind.size()).map(|bytes| kind.float(bytes)).collect(),
        }
    }

    /// The numbers as integers.
    ///
    /// # Errors
    /// If they are floats, or larger than an i64 can be.
    pub fn to_i64(&self) -> Result<Vec<i64>> {
        ensure!(!self.kind.is_float(), "the numbers are {:?}, and integers are expected", self.kind);
        let integers: Option<_> = self
            .bytes
            .chunks_exact(self.kind.size())
            .map(|bytes| i64::try_from(self.kind.integer(bytes)).ok())
            .collect();
        integers.context("a U64 is too large for an I64")
    }
}

/// The first bytes as an array; there are as many, since the kind says how many there are.
fn sized<const SIZE: usize>(bytes: &[u8]) -> [u8; SIZE] {
    bytes.first_chunk().copied().unwrap_or([0; SIZE])
}

/// The bytes of a shape, which a damaged file can make larger than any memory.
pub(crate) fn bytes_of(shape: &[usize], size: usize) -> Result<usize> {
    let product = shape.iter().try_fold(size, |product, &side| product.checked_mul(side));
    product.with_context(|| format!("the shape {shape:?} is larger than any memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_fit_the_shape() {
        assert_eq!(Array::from_i64([], &[7]).unwrap().to_i64().unwrap(), [7]);
        assert_eq!(Array::new(Number::F64, [0, 3], vec![]).unwrap().count(), 0);
        for (shape, expected) in
            [(vec![3], "takes 12 bytes, and there are 8"), (vec![usize::MAX, 2], "larger than any")]
        {
            let message = Array::from_i32(shape, &[1, 2]).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn numbers_of_all_kinds_are_converted() {
        let array = |kind, bytes: &[u8]| {
            Array::new(kind, [bytes.len() / Number::size(kind)], bytes.to_vec()).unwrap()
        };
        assert_eq!(array(Number::F16, &[0, 0x3c]).to_f32(), [1.0]);
        assert_eq!(array(Number::BF16, &[0x80, 0x3f]).to_f32(), [1.0]);
        assert_eq!(array(Number::F64, &0.1_f64.to_le_bytes()).to_f32(), [0.1]);
        assert_eq!(array(Number::I8, &[255]).to_f32(), [-1.0]);
        assert_eq!(array(Number::U8, &[255]).to_i64().unwrap(), [255]);
        assert_eq!(array(Number::I16, &[0, 0x80]).to_i64().unwrap(), [-32768]);
        assert_eq!(array(Number::Bool, &[1, 0]).to_i64().unwrap(), [1, 0]);
        assert!(array(Number::U64, &[255; 8]).to_i64().is_err());
        assert!(array(Number::F32, &[0; 4]).to_i64().unwrap_err().to_string().contains("F32"));
    }
}
