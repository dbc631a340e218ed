//! Pictures of one's own: what photographs of digits become, and what is said of pictures that show none.

mod photographs;

use cnn::prelude::*;
use cnn::preprocessing::{digit_from_file, digit_stages};
use photographs::*;
use std::path::PathBuf;

/// A file of its own for each test, gone at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> File {
        File(std::env::temp_dir().join(format!("cnn-digits-{name}-{}", std::process::id())))
    }

    fn read(&self, bytes: &[u8]) -> cnn::anyhow::Result<Tensor> {
        std::fs::write(&self.0, bytes).unwrap();
        digit_from_file(&self.0)
    }

    /// That the picture is refused, in words that hold all of these.
    fn refuses(&self, bytes: &[u8], expected: &[&str]) {
        let message = self.read(bytes).unwrap_err().to_string();
        assert!(message.contains(&self.0.display().to_string()), "{message}");
        expected.iter().for_each(|words| assert!(message.contains(words), "{words:?} is not in: {message}"));
        assert!(!message.contains("failed:"), "libtorch's own words: {message}");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// MNIST where it is at hand, and otherwise digits that the computer draws, which look more alike; and how many photographs of a
/// hundred are to be read.
fn digits() -> (Dataset, usize) {
    match mnist_at_hand() {
        Some(data) => (data, 97),
        None => (mnist::synthetic_digits(12_000, 2_000, 5), 93),
    }
}

fn mnist_at_hand() -> Option<Dataset> {
    let folder = std::env::var_os("CNN_DATA_DIR")?;
    cnn::data::idx::load_folder(folder, "mnist").ok()
}

fn trained_on(data: &Dataset, images: i64) -> Sequential {
    let mut model = cnn::course::model(1).unwrap();
    let x = normalize(&add_channel(&data.x_train.narrow(0, 0, images)).unwrap()).unwrap();
    let fit = Fit { epochs: 3, batch_size: 128, verbose: false, ..Fit::default() };
    model.fit(&x, &data.y_train.narrow(0, 0, images), &fit).unwrap();
    model
}

/// `[28 * 28]` bytes of a test image.
fn pixels(data: &Dataset, index: i64) -> Vec<u8> {
    data.x_test.get(index).contiguous().flatten(0, -1).try_into().unwrap()
}

/// A picture of 600 × 800 pixels with these digits of the test set on it, each with its middle.
fn page(digits: &[(i64, (f32, f32))], size: f32) -> Vec<u8> {
    let data = mnist::synthetic_digits(0, 20, 3);
    let mut page = vec![230_u8; 600 * 800 * 3];
    for &(index, middle) in digits {
        let scene = Scene { middle, size, quality: 0, noise: 0.0, ..Scene::default() };
        let path = path_of_the_pen(&pixels(&data, index));
        for (pixel, covered) in page.chunks_exact_mut(3).zip(strokes(&path, &scene)) {
            pixel.iter_mut().for_each(|level| *level -= (200.0 * covered) as u8);
        }
    }
    png_file(&page, 600, 800, png::ColorType::Rgb)
}

#[test]
fn photographs_are_read() {
    let (data, percent) = digits();
    let model = trained_on(&data, 12_000);
    let file = File::new("photograph");
    let (mut right, mut all, mut misread) = (0, 0, Vec::new());
    for (number, scene) in scenes().iter().enumerate() {
        // One large photograph is enough.
        for index in 0..if scene.width > 1000 { 1 } else { 3 } {
            let index = (number * 3 + index) as i64;
            let path = path_of_the_pen(&pixels(&data, index));
            let read = file.read(&photograph(&path, scene, index as u64));
            let truth = data.y_test.int64_value(&[index]);
            let seen = read.map(|x| model.predict(&x).unwrap().argmax(-1, false).int64_value(&[0]));
            all += 1;
            match seen {
                Ok(digit) if digit == truth => right += 1,
                Ok(digit) => misread.push(format!("{}: {truth} is read as {digit}", scene.name)),
                Err(error) => misread.push(format!("{}: {truth}: {error}", scene.name)),
            }
        }
    }
    println!("{right} of {all} are read; not: {misread:#?}");
    assert!(all >= 60 && right * 100 >= all * percent, "{right} of {all} are read; not: {misread:#?}");
}

/// How many of the images come out otherwise than they went in as PNG; and what comes out.
fn through_a_file(images: &Tensor) -> (usize, Tensor) {
    let file = File::new(&format!("same-{}", images.size()[0]));
    let x = normalize(&add_channel(images).unwrap()).unwrap();
    let mut changed = 0;
    let read: Vec<Tensor> = (0..images.size()[0])
        .map(|index| {
            let bytes: Vec<u8> = images.get(index).contiguous().flatten(0, -1).try_into().unwrap();
            let read = file.read(&png_file(&bytes, 28, 28, png::ColorType::Grayscale)).unwrap();
            // A pixel that is aside changes by much more than the brightest one's stretch to 1.
            changed += usize::from((&read - x.narrow(0, index, 1)).abs().max().double_value(&[]) > 0.1);
            read
        })
        .collect();
    (changed, Tensor::cat(&read, 0))
}

/// Whether MNIST's makers could have made it: the longer side has 20 pixels, and the centre of mass lies at 14.
fn is_placed_as_in_mnist(image: &Tensor) -> bool {
    let ink = image.to_kind(Kind::Double);
    let extents_and_centres = [0_i64, 1].map(|along| {
        let profile = ink.sum_dim_intlist([1 - along].as_slice(), false, Kind::Double);
        let used = profile.gt(0.0).nonzero();
        let centre = (&profile * Tensor::arange(28, (Kind::Double, Device::Cpu))).sum(Kind::Double)
            / profile.sum(Kind::Double);
        ((used.max() - used.min()).int64_value(&[]) + 1, centre.double_value(&[]))
    });
    let [(height, row), (width, column)] = extents_and_centres;
    height.max(width) == 20 && (row - 14.0).abs() < 0.49 && (column - 14.0).abs() < 0.49
}

#[test]
fn images_of_mnists_kind_come_out_as_they_are() {
    let data = mnist::synthetic_digits(0, 1_000, 11);
    let placed: Vec<Tensor> =
        (0..1_000).map(|index| data.x_test.get(index)).filter(is_placed_as_in_mnist).collect();
    assert!(placed.len() >= 100, "only {} drawn digits are placed as MNIST's", placed.len());
    let (changed, _) = through_a_file(&Tensor::stack(&placed, 0));
    assert_eq!(changed, 0, "of {}", placed.len());
}

#[test]
fn mnist_comes_out_as_it_is() {
    let Some(data) = mnist_at_hand() else {
        println!("skipped: CNN_DATA_DIR names no folder with MNIST");
        return;
    };
    let count = 2_000;
    let (changed, read) = through_a_file(&data.x_test.narrow(0, 0, count));
    let model = trained_on(&data, 12_000);
    let (x, y) = (
        normalize(&add_channel(&data.x_test.narrow(0, 0, count)).unwrap()).unwrap(),
        data.y_test.narrow(0, 0, count),
    );
    let (before, after) =
        (model.evaluate(&x, &y).unwrap().accuracy, model.evaluate(&read, &y).unwrap().accuracy);
    println!("{changed} of {count} images change, the accuracy goes from {before} to {after}");
    assert!(changed <= 4, "{changed} of {count} change");
    assert!(after >= before - 0.001, "the accuracy falls from {before} to {after}");
}

#[test]
fn phones_pictures_are_turned_upright() {
    let file = File::new("orientation");
    let data = mnist::synthetic_digits(0, 20, 3);
    let path = path_of_the_pen(&pixels(&data, 4));
    let read =
        |orientation| file.read(&photograph(&path, &Scene { orientation, ..Scene::default() }, 1)).unwrap();
    let upright = read(1);
    for orientation in 2..=8 {
        let difference = (read(orientation) - &upright).abs().max().double_value(&[]);
        // JPEG's squares lie elsewhere in a turned picture.
        assert!(difference < 0.2, "orientation {orientation}: {difference}");
    }
}

#[test]
fn dark_and_light_ink_without_paper_are_the_same_digit() {
    let file = File::new("transparent");
    let data = mnist::synthetic_digits(0, 20, 3);
    let path = path_of_the_pen(&pixels(&data, 7));
    let drawn = |ink| Scene { ink, transparent: true, ..Scene::default() };
    let [dark, light] =
        [[0.0; 3], [1.0; 3]].map(|ink| file.read(&photograph(&path, &drawn(ink), 1)).unwrap());
    assert!((&dark - &light).abs().max().double_value(&[]) < 0.02);
    assert!(dark.sum(Kind::Double).double_value(&[]) > 30.0, "there is a digit");
}

#[test]
fn the_stages_end_with_what_the_model_gets() {
    let file = File::new("stages");
    let x = file.read(&page(&[(3, (0.5, 0.5))], 400.0)).unwrap();
    let stages = digit_stages(&file.0).unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name).collect();
    assert_eq!(names, ["grey", "ink", "box", "20×20", "centred"]);
    assert_eq!(stages[0].image.size(), [800, 600]);
    assert_eq!(stages[3].image.size().into_iter().max(), Some(20));
    assert!(stages[4].image.equal(&x.reshape([28, 28])));
    for stage in &stages {
        let (low, high) = (stage.image.min().double_value(&[]), stage.image.max().double_value(&[]));
        assert!(low >= 0.0 && high <= 1.0, "{}: {low} to {high}", stage.name);
    }
    // As notebook 07 shrinks the grey picture.
    let grey = stages[0].image.reshape([1, 1, stages[0].image.size()[0], -1]);
    assert_eq!(grey.adaptive_avg_pool2d([28, 28]).size(), [1, 1, 28, 28]);
    let figure = plots::digit_stages(&stages).unwrap();
    assert!(figure.size().0 > 5 * 100);
    assert!(plots::digit_stages(&[]).is_err());
}

#[test]
fn a_broken_stroke_is_one_digit_and_two_digits_are_an_error() {
    let file = File::new("several");
    let (left, right) = ((0.3, 0.5), (0.75, 0.5));
    file.refuses(
        &page(&[(1, left), (2, right)], 200.0),
        &["2 things that may be digits", "% from the left", "cut out"],
    );
    // They are named from left to right, whichever is larger.
    for digits in [[(1, left), (2, right)], [(2, left), (1, right)]] {
        let message = file.read(&page(&digits, 200.0)).unwrap_err().to_string();
        let places = message.split(" % from the left").filter_map(|text| text.rsplit(' ').next());
        let places: Vec<u8> = places.filter_map(|place| place.parse().ok()).collect();
        assert!(places.len() == 2 && places[0] < places[1], "{message}");
    }
    let single = file.read(&page(&[(1, left)], 200.0)).unwrap();
    assert_eq!(single.max().double_value(&[]), 1.0, "each alone is read");
    // A bar of ink in two parts, one above the other.
    let mut bar = vec![255_u8; 300 * 300];
    for row in (60..140).chain(150..240) {
        bar[row * 300 + 140..row * 300 + 160].fill(0);
    }
    let x = file.read(&png_file(&bar, 300, 300, png::ColorType::Grayscale)).unwrap();
    let rows = x.sum_dim_intlist([0_i64, 1, 3].as_slice(), false, Kind::Float);
    let used = rows.gt(0.0).nonzero();
    assert_eq!((used.max() - used.min()).int64_value(&[]), 19, "both parts are in the box");
}

#[test]
fn pages_that_show_nothing() {
    let file = File::new("nothing");
    let nothing = ["shows nothing", "darker or larger"];
    file.refuses(&png_file(&[255; 3], 1, 1, png::ColorType::Rgb), &nothing);
    file.refuses(&png_file(&[7; 28 * 28], 28, 28, png::ColorType::Grayscale), &nothing);
    file.refuses(&page(&[], 100.0), &nothing);
    for (noise, gradient, shadow) in [(0.02, 0.0, 0.0), (0.06, 0.3, 0.0), (0.02, 0.5, 0.4)] {
        let scene = Scene { noise, gradient, shadow, ..Scene::default() };
        file.refuses(&photograph(&[], &scene, 4), &nothing);
    }
}

#[test]
fn other_formats_are_named() {
    let file = File::new("formats");
    for (bytes, name) in [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice(), "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0heic", "Most Compatible"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "WebP"),
        (b"GIF89a\x01\0", "GIF"),
        (b"%PDF-1.7", "PDF"),
        (b"", "empty"),
        (b"a text", "not a PNG or JPEG"),
    ] {
        file.refuses(bytes, &["not a PNG or JPEG picture", name, "save it as PNG or JPEG"]);
    }
}

/// Run by the next test.
#[test]
#[ignore = "the next test runs it, in a process of its own"]
fn damaged_pictures_in_a_process_of_its_own() {
    let file = File::new("damaged");
    let scene = Scene { width: 120, height: 160, size: 90.0, ..Scene::default() };
    let path: Vec<(f32, f32)> = (0..100).map(|n| (0.1, n as f32 / 100.0)).collect();
    for quality in [0, 85] {
        let whole = photograph(&path, &Scene { quality, ..scene.clone() }, 1);
        let _ = file.read(&whole).unwrap();
        for length in (1..whole.len() - 12).step_by(whole.len() / 40) {
            file.refuses(&whole[..length], &["save it"]);
        }
    }
    // 100,000 × 100,000 pixels, says the header; no more is there.
    let mut bomb = png_file(&[0], 1, 1, png::ColorType::Grayscale);
    bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    file.refuses(&bomb, &["100000×100000 pixels", "make it smaller"]);
}

#[test]
fn of_damaged_pictures_only_the_error_is_seen() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "damaged_pictures_in_a_process_of_its_own"])
        .output()
        .unwrap();
    let seen = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && seen.is_empty(), "{seen}");
}
