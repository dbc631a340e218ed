//! What the kernel's panel of variables (`:variables`) shows of tensors.

use live::Description;
use std::any::Any;
use tch::{Device, Tensor};

/// Describes tensors, which are another crate's: shape and kind, device, bytes. `None` for all else.
///
/// ```
/// use cnn::tch::{Device, Kind, Tensor};
///
/// let images = Tensor::zeros([10, 28, 28], (Kind::Uint8, Device::Cpu));
/// let found = cnn::variables::known(&images).unwrap();
/// assert_eq!(found.shape.as_deref(), Some("[10, 28, 28] Uint8"));
/// assert_eq!((found.device.as_deref(), found.bytes), (Some("Cpu"), Some(7840)));
/// assert_eq!(cnn::variables::known(&5), None);
/// ```
pub fn known(value: &dyn Any) -> Option<Description> {
    if let Some(tensor) = value.downcast_ref::<Tensor>() {
        return Some(of_tensor(tensor));
    }
    let several: Vec<&Tensor> = if let Some((a, b)) = value.downcast_ref::<(Tensor, Tensor)>() {
        vec![a, b]
    } else if let Some(named) = value.downcast_ref::<Vec<(String, Tensor)>>() {
        named.iter().map(|(_, tensor)| tensor).collect()
    } else {
        value.downcast_ref::<Vec<Tensor>>()?.iter().collect()
    };
    Some(Description {
        shape: Some(format!("{} tensors", several.len())),
        device: several.iter().find(|tensor| tensor.defined()).map(|tensor| device(tensor.device())),
        bytes: Some(several.iter().map(|tensor| bytes(tensor)).sum()),
    })
}

fn of_tensor(tensor: &Tensor) -> Description {
    // Of one that a function has left empty, libtorch knows nothing.
    if !tensor.defined() {
        return Description::default();
    }
    Description {
        shape: Some(format!("{:?} {:?}", tensor.size(), tensor.kind())),
        device: Some(device(tensor.device())),
        bytes: Some(bytes(tensor)),
    }
}

/// A device as tensors print it.
pub(crate) fn device(device: Device) -> String {
    format!("{device:?}")
}

/// The memory of a tensor's numbers. Tensors that share it are not known here.
pub(crate) fn bytes(tensor: &Tensor) -> usize {
    if tensor.defined() {
        tensor.numel() * tensor.kind().elt_size_in_bytes()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn several_tensors_are_counted() {
        let tensor = || Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        for several in [
            &vec![tensor(), tensor()] as &dyn Any,
            &(tensor(), tensor()),
            &vec![("a".to_string(), tensor()), ("b".to_string(), tensor())],
        ] {
            let found = known(several).unwrap();
            assert_eq!((found.shape.as_deref(), found.bytes), (Some("2 tensors"), Some(48)));
        }
    }

    #[test]
    fn an_undefined_tensor_is_no_error() {
        assert_eq!(known(&Tensor::new()), Some(Description::default()));
        assert_eq!(known(&vec![Tensor::new()]).unwrap().bytes, Some(0));
    }
}
