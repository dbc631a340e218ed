//! Yes or no for each pixel.

use anyhow::Result;
use tch::{Kind, Tensor};

/// The end of the message when nothing is found.
pub(super) const NOTHING: &str =
    "shows nothing that stands out from its background; write the digit darker or larger";

/// Row by row from the top.
#[derive(Clone)]
pub(super) struct Mask {
    pub width: usize,
    pub height: usize,
    pub on: Vec<bool>,
}

impl Mask {
    /// From `[height, width]`: on where it is not 0.
    pub fn from_tensor(tensor: &Tensor) -> Result<Mask> {
        let (height, width) = tensor.size2()?;
        let bytes: Vec<u8> = tensor.ne(0.0).to_kind(Kind::Uint8).contiguous().flatten(0, -1).try_into()?;
        Ok(Mask {
            width: width as usize,
            height: height as usize,
            on: bytes.iter().map(|&on| on == 1).collect(),
        })
    }

    /// `[height, width]` of 1 and 0.
    pub fn to_tensor(&self) -> Tensor {
        let numbers: Vec<f32> = self.on.iter().map(|&on| f32::from(u8::from(on))).collect();
        Tensor::from_slice(&numbers).reshape([self.height as i64, self.width as i64])
    }

    pub fn count(&self) -> usize {
        self.on.iter().filter(|&&on| on).count()
    }
}
