//! Folders of pictures as data sets: good ones, and each way in which they can be bad.

use cnn::prelude::*;
use std::fs;
use std::path::PathBuf;

type Rgb = [u8; 3];
const RED: Rgb = [250, 0, 0];
const BLUE: Rgb = [0, 0, 250];
const GREEN: Rgb = [0, 250, 0];

/// A folder that is removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir()
            .join(format!("cnn-image-folder-{name}-{}", std::process::id()))
            .join("photos");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Ten red pictures of the class "cat" and ten blue ones of the class "dog", each of another size.
    fn with_pictures(name: &str) -> Folder {
        let folder = Folder::new(name);
        for number in 0..10 {
            folder.write(&format!("cat/{number}.png"), &png(RED, 5 + number, 9));
            folder.write(&format!("dog/{number}.jpg"), &jpeg(&[BLUE; 12 * 16], 16, 12));
        }
        folder
    }

    /// Writes a file, and the folders that its name has in front.
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn load(&self, arguments: &ImageFolder) -> Dataset {
        image_dataset_from_directory(&self.0, arguments).unwrap()
    }

    /// That loading it is refused, in words that hold all of these, and the folder's name.
    #[track_caller]
    fn refuses(&self, arguments: &ImageFolder, expected: &[&str]) {
        let message = image_dataset_from_directory(&self.0, arguments).unwrap_err().to_string();
        for words in expected {
            assert!(message.contains(words), "{words:?} is not in: {message}");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn small() -> ImageFolder {
    ImageFolder { image_size: (4, 6), verbose: false, ..ImageFolder::default() }
}

fn encoded(bytes: &[u8], width: usize, height: usize, colours: png::ColorType) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(colours);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    file
}

fn png(colour: Rgb, width: usize, height: usize) -> Vec<u8> {
    encoded(&colour.repeat(width * height), width, height, png::ColorType::Rgb)
}

fn jpeg(pixels: &[Rgb], width: u16, height: u16) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut file, 100);
    encoder.encode(&pixels.concat(), width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    file
}

/// Red, green and blue in the middle of each image `[n, 3, 4, 6]`, rounded to 50.
fn colours(x: &Tensor) -> Vec<Rgb> {
    let round = |level: i64| ((level + 25) / 50 * 50) as u8;
    let level = |image: i64, channel: i64| round(x.int64_value(&[image, channel, 2, 3]));
    (0..x.size()[0]).map(|image| [0, 1, 2].map(|channel| level(image, channel))).collect()
}

fn labels(y: &Tensor) -> Vec<i64> {
    y.try_into().unwrap()
}

#[test]
fn a_folder_for_each_class_is_a_data_set() {
    let folder = Folder::with_pictures("classes");
    let data = folder.load(&ImageFolder { validation_split: 0.25, ..small() });
    assert_eq!(
        (data.name.as_str(), &data.class_names[..]),
        ("photos", &["cat".to_string(), "dog".to_string()][..])
    );
    assert_eq!((data.x_train.size(), data.x_train.kind()), (vec![15, 3, 4, 6], Kind::Uint8));
    assert_eq!(
        (data.x_test.size(), data.y_train.size(), data.y_test.size()),
        (vec![5, 3, 4, 6], vec![15], vec![5])
    );
    assert_eq!(data.y_train.kind(), Kind::Int64);
    for (x, y) in [(&data.x_train, &data.y_train), (&data.x_test, &data.y_test)] {
        let expected: Vec<Rgb> = labels(y).iter().map(|&label| [RED, BLUE][label as usize]).collect();
        assert_eq!(colours(x), expected);
    }
    // Shuffled, so that both classes are in the first pictures; all are there.
    let y = Tensor::cat(&[&data.y_train, &data.y_test], 0);
    assert!(labels(&y)[..10].contains(&1) && labels(&y).iter().sum::<i64>() == 10);
    // Without a split, all are for training.
    let data = folder.load(&small());
    assert_eq!((data.x_train.size(), data.x_test.size()), (vec![20, 3, 4, 6], vec![0, 3, 4, 6]));
}

#[test]
fn the_seed_alone_decides_on_the_order() {
    let folder = Folder::with_pictures("seed");
    let load = |seed, threads| {
        tch::set_num_threads(threads);
        let data = folder.load(&ImageFolder { seed, ..small() });
        (data.x_train, labels(&data.y_train))
    };
    let (one, two, other) = (load(1, 1), load(1, 5), load(2, 2));
    assert!(one == two);
    assert!(one.1 != other.1);
}

#[test]
fn without_shuffling_pictures_come_class_by_class() {
    let folder = Folder::with_pictures("order");
    folder.write("cat/more/deep/1.PNG", &png(GREEN, 3, 3));
    let arguments = ImageFolder { shuffle: false, validation_split: 0.5, ..small() };
    let data = folder.load(&arguments);
    assert_eq!(labels(&data.y_train), [0; 11]);
    assert_eq!(labels(&data.y_test), [1; 10]);
    assert_eq!(colours(&data.x_train)[9..], [RED, GREEN]);
    // Python's order: capitals first.
    folder.write("Zebra/1.png", &png(GREEN, 3, 3));
    let data = folder.load(&arguments);
    assert_eq!(data.class_names, ["Zebra", "cat", "dog"]);
    assert_eq!(colours(&data.x_train)[..2], [GREEN, RED]);
    // The user's order.
    let class_names = ["dog", "Zebra", "cat"].map(String::from).to_vec();
    let data = folder.load(&ImageFolder { class_names: class_names.clone(), ..arguments });
    assert_eq!(data.class_names, class_names);
    assert_eq!(labels(&data.y_train), [vec![0; 10], vec![1]].concat());
    assert_eq!(data.class_name(1), "Zebra");
}

#[test]
fn class_names_must_be_the_folders() {
    let folder = Folder::with_pictures("names");
    let named = |names: &[&str]| ImageFolder {
        class_names: names.iter().map(|name| name.to_string()).collect(),
        ..small()
    };
    folder
        .refuses(&named(&["cat", "bird"]), &["no folder for \"bird\"", "\"dog\" stands not in class_names"]);
    folder.refuses(&named(&["cat"]), &["\"dog\" stands not in class_names"]);
    folder.refuses(&named(&["cat", "dog", "cat"]), &["\"cat\" twice"]);
}

#[test]
fn bad_arguments_are_refused() {
    let folder = Folder::with_pictures("arguments");
    for share in [1.0, -0.1, f64::NAN] {
        folder.refuses(&ImageFolder { validation_split: share, ..small() }, &["validation_split must be"]);
    }
    folder.refuses(&ImageFolder { validation_split: 0.01, ..small() }, &["of 20 pictures leaves 0"]);
    for image_size in [(0, 4), (4, -1), (4, 1 << 40)] {
        folder.refuses(&ImageFolder { image_size, ..small() }, &["image_size must be (height, width)"]);
    }
    let both = ImageFolder { crop_to_aspect_ratio: true, pad_to_aspect_ratio: true, ..small() };
    folder.refuses(&both, &["choose one"]);
}

#[test]
fn folders_that_hold_no_classes_are_refused() {
    let folder = Folder::new("none");
    folder.refuses(&small(), &["photos holds no folders; make a folder for each class"]);
    folder.write("1.png", &png(RED, 2, 2));
    folder.write("2.jpg", b"");
    folder.refuses(&small(), &["2 pictures and no folders; make a folder for each class"]);
    folder.write("cats/1.png", &png(RED, 2, 2));
    folder.refuses(&small(), &["one class alone, \"cats\"", "add a folder"]);
    folder.write("cats/tabby/1.png", &png(RED, 2, 2));
    folder.refuses(&small(), &["one class alone", "if the classes are in there, name", "photos/cats"]);
    folder.write("birds/notes.txt", b"none yet");
    folder.refuses(&small(), &["photos/birds holds no pictures; put some there, or remove it"]);

    let parts = Folder::new("parts");
    parts.write("train/cat/1.png", &png(RED, 2, 2));
    parts.write("Validation/cat/1.png", &png(RED, 2, 2));
    parts.refuses(&small(), &["parts of a data set, no classes: Validation, train", "photos/Validation"]);

    let error = |path: PathBuf| image_dataset_from_directory(path, &small()).unwrap_err().to_string();
    assert!(error("no-such-photos".into()).contains("there is no folder no-such-photos in /"));
    assert!(error(folder.0.join("1.png")).contains("1.png is a file; name the folder"));
    folder.write("photos.zip", b"");
    assert!(error(folder.0.join("photos.zip")).contains("photos.zip is a zip archive; unpack it"));
}

#[test]
fn pictures_that_cannot_be_read_are_all_named_or_left_out() {
    let folder = Folder::with_pictures("damaged");
    let whole = jpeg(&[RED; 64], 8, 8);
    folder.write("cat/3.png", b"<html>404</html>");
    folder.write("cat/cut.jpg", &whole[..whole.len() - 2]);
    folder.write("dog/phone.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0");
    folder.write("dog/moving.gif", b"GIF89a");
    folder.refuses(
        &small(),
        &[
            "4 pictures cannot be read: ",
            "photos/cat/3.png is not a PNG or JPEG picture",
            "photos/cat/cut.jpg is a damaged JPEG picture (its end is missing)",
            "photos/dog/moving.gif is not a PNG or JPEG picture: it is GIF; save it as PNG or JPEG",
            "photos/dog/phone.HEIC is not a PNG or JPEG picture: it is HEIC, as iPhones save",
            "skip_damaged: true",
        ],
    );
    let arguments = ImageFolder { skip_damaged: true, validation_split: 0.5, ..small() };
    let data = folder.load(&arguments);
    assert_eq!((data.y_train.size(), data.y_test.size()), (vec![10], vec![9]));
    for (x, y) in [(&data.x_train, &data.y_train), (&data.x_test, &data.y_test)] {
        let expected: Vec<Rgb> = labels(y).iter().map(|&label| [RED, BLUE][label as usize]).collect();
        assert_eq!(colours(x), expected);
    }
    folder.write("bird/1.png", b"");
    folder.refuses(
        &arguments,
        &["no picture of the class \"bird\" can be read", "bird/1.png", "the file is empty"],
    );
    for number in 0..9 {
        folder.write(&format!("dog/{number}.jpg"), b"");
    }
    folder.refuses(&small(), &["14 pictures cannot be read", "; and 9 more. "]);
}

#[test]
fn grey_and_coloured_pictures_go_together() {
    let folder = Folder::new("grey");
    folder.write("a/grey.png", &encoded(&[100; 12], 4, 3, png::ColorType::Grayscale));
    folder.write("a/see-through.png", &encoded(&[0; 48], 4, 3, png::ColorType::Rgba));
    folder.write("b/red.png", &png(RED, 7, 7));
    let arguments = ImageFolder { shuffle: false, ..small() };
    assert_eq!(colours(&folder.load(&arguments).x_train), [[100; 3], [250; 3], RED]);
    let grey = folder.load(&ImageFolder { color_mode: ColorMode::Grayscale, ..arguments }).x_train;
    assert_eq!(grey.size(), [3, 4, 6]);
    assert_eq!([0, 1, 2].map(|image| grey.int64_value(&[image, 0, 0])), [100, 255, 75]);
    assert_eq!(add_channel(&grey).unwrap().size(), [3, 1, 4, 6]);
}

/// A picture 16 wide and 32 high, red above blue, as a camera stores it that was held on its side.
#[test]
fn photographs_are_turned_as_their_exif_data_says() {
    let folder = Folder::new("exif");
    // TIFF, big-endian, one entry: tag 0x0112, a short, once. 6: what is stored on the left is above.
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let stored: Vec<Rgb> = (0..16 * 32).map(|index| if index % 32 < 16 { RED } else { BLUE }).collect();
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 100);
    encoder.add_exif_metadata(exif).unwrap();
    encoder.encode(&stored.concat(), 32, 16, jpeg_encoder::ColorType::Rgb).unwrap();
    folder.write("a/phone.jpg", &file);
    folder.write("b/1.png", &png(RED, 2, 2));
    let arguments = ImageFolder { shuffle: false, image_size: (8, 4), antialias: false, ..small() };
    for arguments in [arguments.clone(), ImageFolder { crop_to_aspect_ratio: true, ..arguments }] {
        let image = folder.load(&arguments).x_train.get(0);
        let is_red = |row: i64, column: i64| image.int64_value(&[0, row, column]) > 200;
        let is_blue = |row: i64, column: i64| image.int64_value(&[2, row, column]) > 200;
        for column in 0..4 {
            assert!((0..3).all(|row| is_red(row, column)) && (5..8).all(|row| is_blue(row, column)));
        }
    }
}

#[test]
fn what_is_hidden_is_no_class_and_other_files_are_no_pictures() {
    let folder = Folder::with_pictures("hidden");
    for name in [
        ".ipynb_checkpoints/1.png",
        "__MACOSX/1.png",
        "cat/._1.png",
        "cat/.DS_Store",
        "dog/labels.csv",
        "dog/README",
        "1.png",
    ] {
        folder.write(name, b"no picture");
    }
    let data = folder.load(&small());
    assert_eq!((data.class_names.len(), data.x_train.size()[0]), (2, 20));
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_not_followed() {
    let folder = Folder::with_pictures("links");
    std::os::unix::fs::symlink(&folder.0, folder.0.join("cat/back")).unwrap();
    // A class's folder itself, and a picture, may be links.
    std::os::unix::fs::symlink(folder.0.join("dog"), folder.0.join("wolf")).unwrap();
    std::os::unix::fs::symlink(folder.0.join("cat/0.png"), folder.0.join("cat/linked.png")).unwrap();
    let data = folder.load(&small());
    assert_eq!((data.class_names.len(), data.x_train.size()[0]), (3, 31));
}

#[test]
fn a_network_learns_from_a_folder() {
    let folder = Folder::with_pictures("learns");
    let data = folder.load(&ImageFolder { validation_split: 0.2, ..small() });
    let (x_train, x_test) = (normalize(&data.x_train).unwrap(), normalize(&data.x_test).unwrap());
    let mut model = Sequential::input([3, 4, 6])
        .add(Flatten)
        .add(Dense::new(2).activation(Softmax))
        .seed(1)
        .build()
        .unwrap();
    model.compile(Adam { learning_rate: 0.05, ..Adam::default() }, Loss::CategoricalCrossentropy).unwrap();
    model.fit(&x_train, &data.y_train, &Fit { epochs: 20, verbose: false, ..Fit::default() }).unwrap();
    assert_eq!(model.evaluate(&x_test, &data.y_test).unwrap().accuracy, 1.0);
}
