//! Pictures' files become images, on all cores.

use anyhow::{Error, Result};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tch::Tensor;

use super::arguments::{ColorMode, ImageFolder};
use super::resize::resized;
use crate::engine::memory::guarded;
use crate::engine::picture::{read, turned};
use crate::engine::{slices, threads};
use crate::show::Bar;

/// Fills `images` with the pictures, and returns those that cannot be read, by their place and with the reason.
///
/// # Errors
/// If the user interrupts it.
pub(super) fn decode(
    paths: &[&Path],
    images: &mut [u8],
    arguments: &ImageFolder,
    mut bar: Bar,
) -> Result<Vec<(usize, Error)>> {
    let jobs = images.chunks_exact_mut(images.len() / paths.len().max(1)).zip(paths).enumerate();
    let (jobs, damaged, done) = (Mutex::new(jobs), Mutex::new(Vec::new()), AtomicU64::new(0));
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    // The bar is shown from this thread, which decodes as the others do.
    let workers = [Some(&mut bar)].into_iter().chain(std::iter::repeat_with(|| None));
    threads::on_each(workers.take(threads::count()), |mut bar| {
        let mut shown = 0;
        while !live::stop_requested() {
            let Some((place, (image, path))) = next() else { break };
            if let Err(error) = decode_one(path, image, arguments) {
                damaged.lock().unwrap_or_else(PoisonError::into_inner).push((place, error));
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(bar) = &mut bar {
                bar.advance(done - shown);
                shown = done;
            }
        }
    });
    bar.check()?;
    Ok(damaged.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn decode_one(path: &Path, image: &mut [u8], arguments: &ImageFolder) -> Result<()> {
    let (height, width) = arguments.image_size;
    let advice = || format!("there is not enough memory for the picture {}; make it smaller", path.display());
    guarded(&format!("decoding {}", path.display()), advice, || {
        let picture = read(path)?;
        // Orientations from 5 on exchange height and width.
        let (lying_height, lying_width) =
            if picture.orientation < 5 { (height, width) } else { (width, height) };
        let size = (lying_height as usize, lying_width as usize);
        let lying = match arguments.color_mode {
            ColorMode::Rgb => resized::<3>(&picture, size, arguments),
            ColorMode::Grayscale => resized::<1>(&picture, size, arguments),
        };
        match picture.orientation {
            2..=8 => {
                let lying = Tensor::from_slice(&lying).reshape([-1, lying_height, lying_width]);
                image.copy_from_slice(slices::numbers::<u8>(
                    &turned(&lying, picture.orientation).contiguous(),
                ));
            }
            _ => image.copy_from_slice(&lying),
        }
        Ok(())
    })
}
