//! How weights lie in Keras's files, and how they do here.
//!
//! Images are `[height, width, channels]` there and `[channels, height, width]` here, so a convolution's kernel is
//! `[height, width, channels, filters]` there and `[filters, channels, height, width]` here. A dense kernel is `[inputs, units]` in
//! both, and its rows after a Flatten run (h, w, c) in both.

use anyhow::{ensure, Result};
use tch::Tensor;

enum Layout {
    AsHere,
    /// `[height, width, channels, filters]`.
    Convolution,
    /// `[height, width, channels, multiplier]`; here `[channels · multiplier, 1, height, width]`.
    Depthwise,
}

fn layout(class_name: &str, weight: &str) -> Layout {
    match (class_name, weight) {
        ("Conv2D", "kernel") | ("SeparableConv2D", "pointwise_kernel") => Layout::Convolution,
        ("DepthwiseConv2D", "kernel" | "depthwise_kernel") | ("SeparableConv2D", "depthwise_kernel") => {
            Layout::Depthwise
        }
        _ => Layout::AsHere,
    }
}

/// A weight as Keras has it; `multiplier` is the layer's `depth_multiplier`.
pub(super) fn to_keras(class_name: &str, weight: &str, tensor: &Tensor, multiplier: i64) -> Tensor {
    match layout(class_name, weight) {
        Layout::AsHere => tensor.shallow_clone(),
        Layout::Convolution => tensor.permute([2, 3, 1, 0]),
        Layout::Depthwise => {
            let [_, _, height, width] = sides(tensor);
            tensor.reshape([-1, multiplier, height, width]).permute([2, 3, 0, 1])
        }
    }
}

/// A weight from Keras's layout; `like` has the shape that it is to have here. Kernels of Keras 1 may lie as here.
pub(super) fn from_keras(class_name: &str, weight: &str, tensor: Tensor, like: &[i64]) -> Result<Tensor> {
    let layout = layout(class_name, weight);
    if matches!(layout, Layout::AsHere) {
        return Ok(tensor);
    }
    ensure!(
        tensor.dim() == 4,
        "a kernel has four sides in Keras, and this one has the shape {:?}",
        tensor.size()
    );
    Ok(match layout {
        Layout::Convolution => {
            let turned = tensor.permute([3, 2, 0, 1]);
            if turned.size() != like && tensor.size() == like {
                tensor
            } else {
                turned
            }
        }
        _ => {
            let [height, width, channels, multiplier] = sides(&tensor);
            tensor.permute([2, 3, 0, 1]).reshape([channels * multiplier, 1, height, width])
        }
    })
}

fn sides(tensor: &Tensor) -> [i64; 4] {
    tensor.size().try_into().expect("the callers know the number of sides")
}

/// A dense kernel's rows in the order of an image `[channels, height, width]` that was laid out channel by channel, as
/// PyTorch does it, from the order here.
pub(in crate::saving) fn rows_to_channels_first(kernel: &Tensor, image: &[i64]) -> Tensor {
    let &[channels, height, width] = image else { return kernel.shallow_clone() };
    let rows = kernel.reshape([height, width, channels, -1]);
    rows.permute([2, 0, 1, 3]).reshape([channels * height * width, -1])
}

/// The other way round.
pub(in crate::saving) fn rows_from_channels_first(kernel: &Tensor, image: &[i64]) -> Tensor {
    let &[channels, height, width] = image else { return kernel.shallow_clone() };
    let rows = kernel.reshape([channels, height, width, -1]);
    rows.permute([1, 2, 0, 3]).reshape([height * width * channels, -1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn count(shape: &[i64]) -> Tensor {
        Tensor::arange(shape.iter().product::<i64>(), (Kind::Float, Device::Cpu)).reshape(shape)
    }

    #[test]
    fn layouts_go_there_and_back() {
        for (class_name, weight, shape, multiplier) in [
            ("Conv2D", "kernel", [5, 3, 2, 4], 1),
            ("DepthwiseConv2D", "kernel", [6, 1, 3, 2], 2),
            ("SeparableConv2D", "depthwise_kernel", [6, 1, 3, 2], 3),
        ] {
            let own = count(&shape);
            let there = to_keras(class_name, weight, &own, multiplier);
            assert_eq!(from_keras(class_name, weight, there, &shape).unwrap(), own);
        }
        let kernel = count(&[2 * 3 * 4, 5]);
        let there = rows_to_channels_first(&kernel, &[2, 3, 4]);
        // Row (c, h, w) = (1, 0, 2) there is row (h, w, c) = (0, 2, 1) here.
        assert_eq!(there.get(12 + 2), kernel.get(2 * 2 + 1));
        assert_eq!(rows_from_channels_first(&there, &[2, 3, 4]), kernel);
    }
}
