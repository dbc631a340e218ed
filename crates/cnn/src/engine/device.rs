//! Where the arithmetic happens.

use anyhow::{bail, ensure, Result};
use tch::Device;

/// The device that new models use: the environment variable `CNN_DEVICE` (`cpu`, `cuda` or `cuda:1`), else a
/// GPU if there is one, else the CPU.
///
/// # Errors
/// If `CNN_DEVICE` names no device, or one that this machine does not have.
pub fn device() -> Result<Device> {
    let named = std::env::var("CNN_DEVICE").unwrap_or_default();
    let device = match named.as_str() {
        "" => return Ok(Device::cuda_if_available()),
        "cpu" => Device::Cpu,
        "cuda" => Device::Cuda(0),
        other => match other.strip_prefix("cuda:").and_then(|index| index.parse().ok()) {
            Some(index) => Device::Cuda(index),
            None => bail!("CNN_DEVICE is {other:?}; it can be cpu, cuda, or cuda:1 and so on"),
        },
    };
    check(device, &format!("CNN_DEVICE is {named:?}"))?;
    Ok(device)
}

/// Says if this machine does not have the device that `what` names.
pub(crate) fn check(device: Device, what: &str) -> Result<()> {
    let Device::Cuda(index) = device else { return Ok(()) };
    let found = tch::Cuda::device_count();
    ensure!(
        index < usize::try_from(found).unwrap_or(0),
        "{what}, and libtorch sees {found} CUDA devices; \
         install its CUDA build with scripts/setup --cuda, or set CNN_DEVICE=cpu"
    );
    Ok(())
}

/// Loads libtorch's CUDA part, if it is there, before the program begins.
///
/// The linker drops `libtorch_cuda.so` from a program that names none of its symbols, and libtorch then
/// reports that there is no CUDA. Loading it by hand registers the GPU's functions. libtorch looks for them once, at its
/// first operation: after that it is too late, so this is no work for [`device`].
#[cfg(target_os = "linux")]
#[used]
#[link_section = ".init_array"]
static LOAD_CUDA: extern "C" fn() = {
    extern "C" fn load() {
        // SAFETY: the names are C strings, the environment is not being changed yet, and the library's initialisers are
        // meant to run on loading.
        unsafe {
            let named = libc::getenv(c"CNN_DEVICE".as_ptr());
            if named.is_null() || libc::strcmp(named, c"cpu".as_ptr()) != 0 {
                libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL);
            }
        }
    }
    load
};
