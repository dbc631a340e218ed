//! A folder of pictures as a data set.

use anyhow::{bail, Result};
use rand::seq::SliceRandom;
use std::path::Path;
use tch::{Device, Kind, Tensor};

use super::arguments::{ColorMode, ImageFolder};
use super::classes::find;
use super::decode::decode;
use crate::data::dataset::Dataset;
use crate::engine::memory::guarded;
use crate::engine::random::{generator, Purpose};
use crate::engine::slices;
use crate::engine::text::thousands;
use crate::show::Bar;

/// So many pictures that cannot be read are named.
const MOST_NAMED: usize = 5;

/// Loads pictures of one's own from `directory`, in which there is a folder for each class, called as the class:
///
/// ```text
/// photos/cat/tom.jpg
/// photos/cat/felix.png
/// photos/dog/rex.jpg
/// ```
///
/// They may be PNG or JPEG of any size, in any folder below their class's. All are brought to `image_size`: bytes
/// `[n, 3, height, width]`, or `[n, height, width]` with [`ColorMode::Grayscale`], to which
/// [`add_channel`](crate::preprocessing::add_channel) adds what a network wants. Labels are numbers from 0 on in the order of the data
/// set's `class_names`, which are the folders' names; the data set is called as `directory`.
///
/// The pictures are shuffled, and the last of them, a share of `validation_split`, are `x_test` and `y_test`; without it these are empty.
/// The `seed` alone decides on the order, which is not Keras's. There are no batches, as [`fit`](crate::Sequential::fit) makes them.
///
/// Photographs are turned as their EXIF data says, and transparent parts are white; Keras does neither. They are made smaller
/// without skipping pixels, unless `antialias` is `false`. What is hidden (`.ipynb_checkpoints`) is not looked at, and other
/// files than pictures are counted in a printed line.
///
/// # Errors
/// If there is no such folder, or no class's folders in it; if a class has no pictures, or there is one class alone; if `class_names`
/// are not the folders; if a picture cannot be read and `skip_damaged` is not set: all such are found before the error is made; if the
/// images need more memory than there is; and if the user interrupts it.
///
/// Source: `keras/src/utils/image_dataset_utils.py`.
///
/// ```
/// use cnn::prelude::*;
/// # let photos = std::env::temp_dir().join(format!("cnn-photos-{}", std::process::id()));
/// # for class in ["light", "dark"] {
/// #     for number in 0..4 {
/// #         let ink = if class == "dark" { 90 } else { 5 };
/// #         let picture = Figure::draw((120, 100), |area| {
/// #             use cnn::plotters::prelude::*;
/// #             Ok(area.draw(&Rectangle::new([(number, 5), (100, ink)], BLACK.filled()))?)
/// #         })?;
/// #         picture.save(photos.join(class).join(format!("{number}.png")))?;
/// #     }
/// # }
/// let arguments = ImageFolder { image_size: (32, 32), validation_split: 0.25, ..ImageFolder::default() };
/// let data = image_dataset_from_directory(&photos, &arguments)?; // 4 pictures in photos/dark, 4 in photos/light
/// assert_eq!(data.class_names, ["dark", "light"]);
/// assert_eq!(data.x_train.size(), [6, 3, 32, 32]);
/// assert_eq!(data.y_test.size(), [2]);
/// let x_train = normalize(&data.x_train)?; // and from here on as with MNIST
/// # assert_eq!(x_train.size(), [6, 3, 32, 32]);
/// # std::fs::remove_dir_all(&photos)?;
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
pub fn image_dataset_from_directory(directory: impl AsRef<Path>, arguments: &ImageFolder) -> Result<Dataset> {
    let directory = directory.as_ref();
    arguments.check()?;
    let mut found = find(directory, &arguments.class_names)?;
    arguments.training(found.pictures.len())?;
    if arguments.shuffle {
        found.pictures.shuffle(&mut generator(arguments.seed, Purpose::Split, [0, 0]));
    }
    let shown = directory.display();
    let (paths, labels): (Vec<&Path>, Vec<i64>) =
        found.pictures.iter().map(|(path, class)| (path.as_path(), *class as i64)).unzip();
    let mut images = room_for(paths.len(), arguments)?;
    let bytes = slices::numbers_mut::<u8>(&mut images);
    let bar = Bar::new(&format!("load {shown}"), paths.len() as u64, "pictures");
    let mut damaged = decode(&paths, bytes, arguments, bar)?;
    damaged.sort_by_key(|&(place, _)| paths[place]);
    let list = list_of(&damaged.iter().map(|(_, error)| error.to_string()).collect::<Vec<_>>());
    if !(damaged.is_empty() || arguments.skip_damaged) {
        bail!("{list}. Mend or remove them, or leave them out: skip_damaged: true");
    }
    // What can be read moves up into the places of what cannot.
    let mut is_good = vec![true; paths.len()];
    damaged.iter().for_each(|&(place, _)| is_good[place] = false);
    let (good, image_bytes) = (places(&is_good), bytes.len() / paths.len());
    for (to, &from) in good.iter().enumerate() {
        bytes.copy_within(from * image_bytes..(from + 1) * image_bytes, to * image_bytes);
    }
    let labels: Vec<i64> = good.iter().map(|&place| labels[place]).collect();
    let (count, classes) = (labels.len(), &found.class_names);
    if let Some(class) = (0..classes.len()).find(|&class| !labels.contains(&(class as i64))) {
        bail!("no picture of the class {:?} can be read: {list}", classes[class]);
    }
    let training = arguments.training(count)?;
    let mut notes = Vec::new();
    if arguments.verbose {
        let pictures =
            format!("Found {} pictures of {} classes in {shown}", thousands(count as i64), classes.len());
        notes.push(pictures + &parts(training, count - training));
        notes.extend((!found.others.is_empty()).then(|| format!("Not looked at: {}.", found.ignored())));
    }
    notes.extend((!damaged.is_empty()).then(|| format!("{list}. They are left out.")));
    notes.extend(without_training(&labels[..training], classes));
    notes.iter().for_each(|note| println!("{note}"));

    let labels = Tensor::from_slice(&labels);
    let part = |tensor: &Tensor, first: usize, count: usize| tensor.narrow(0, first as i64, count as i64);
    Ok(Dataset {
        name: directory
            .canonicalize()
            .unwrap_or_default()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        x_train: part(&images, 0, training),
        y_train: part(&labels, 0, training),
        x_test: part(&images, training, count - training),
        y_test: part(&labels, training, count - training),
        class_names: found.class_names,
    })
}

/// A tensor for so many images, without values.
fn room_for(count: usize, arguments: &ImageFolder) -> Result<Tensor> {
    let ((height, width), channels) = (arguments.image_size, arguments.channels() as i64);
    let advice = || {
        let gigabytes = count as f64 * (channels * height * width) as f64 / 1e9;
        format!(
            "there is not enough memory for {} images of {channels}×{height}×{width} bytes, {gigabytes:.1} GB; choose a \
             smaller image_size",
            thousands(count as i64)
        )
    };
    let shape = match arguments.color_mode {
        ColorMode::Rgb => vec![count as i64, channels, height, width],
        ColorMode::Grayscale => vec![count as i64, height, width],
    };
    guarded("making room for the images", advice, || Ok(Tensor::empty(shape, (Kind::Uint8, Device::Cpu))))
}

/// Where there is `true`.
fn places(is_good: &[bool]) -> Vec<usize> {
    (0..is_good.len()).filter(|&place| is_good[place]).collect()
}

/// "2 pictures cannot be read: a.jpg is …; b.png is …", with the first of many.
fn list_of(errors: &[String]) -> String {
    let (count, named) = (errors.len(), &errors[..errors.len().min(MOST_NAMED)]);
    let more = match count - named.len() {
        0 => String::new(),
        more => format!("; and {} more", thousands(more as i64)),
    };
    let noun = if count == 1 { "picture" } else { "pictures" };
    format!("{} {noun} cannot be read: {}{more}", thousands(count as i64), named.join("; "))
}

/// The end of a line about what was found.
fn parts(training: usize, validation: usize) -> String {
    let [train, test] = [training, validation].map(|number| thousands(number as i64));
    match validation {
        0 => ".".to_string(),
        _ => format!(": {train} for training, and {test} for validation."),
    }
}

/// A line about the classes that a network cannot learn.
fn without_training(labels: &[i64], classes: &[String]) -> Option<String> {
    let missing = (0..classes.len()).filter(|&class| !labels.contains(&(class as i64)));
    let missing: Vec<String> = missing.map(|class| format!("{:?}", classes[class])).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "There is no training image of {}: all are kept for validation. Add pictures, or use shuffle: true, another seed or a \
             smaller validation_split.",
            missing.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_damaged_pictures_are_counted_and_some_named() {
        let errors: Vec<String> = (1..=1500).map(|number| format!("{number}.png is damaged")).collect();
        assert_eq!(list_of(&errors[..1]), "1 picture cannot be read: 1.png is damaged");
        let many = list_of(&errors);
        assert!(many.starts_with("1,500 pictures cannot be read: 1.png is damaged; 2.png is"), "{many}");
        assert!(many.ends_with("; 5.png is damaged; and 1,495 more"), "{many}");
        assert_eq!(parts(1600, 400), ": 1,600 for training, and 400 for validation.");
    }

    #[test]
    fn classes_without_training_images_are_named() {
        let classes = ["cat", "dog", "bird"].map(String::from);
        let note = without_training(&[0, 0], &classes).unwrap();
        assert!(note.contains("no training image of \"dog\", \"bird\""), "{note}");
        assert_eq!(without_training(&[2, 0, 1], &classes), None);
    }

    #[test]
    fn more_than_the_memory_holds_is_an_error() {
        let arguments = ImageFolder { image_size: (8192, 8192), ..ImageFolder::default() };
        let message = room_for(1 << 20, &arguments).unwrap_err().to_string();
        assert!(
            message.contains("1,048,576 images of 3×8192×8192 bytes, 211106.2 GB; choose a smaller"),
            "{message}"
        );
    }
}
