//! What is said before the first step: of data that a training works with, though not well.

use tch::{Kind, Tensor};

use super::Samples;
use crate::model::{Labels, Scale};
use crate::preprocessing::PixelRange;

/// Classes that the training part has at a tenth of their share in the validation part, or less, are hardly in it.
const HARDLY: f64 = 10.0;
/// And this share of the validation part must be theirs, or chance will do.
const WORTH_A_WORD: f64 = 0.1;

/// A line for each thing that is unusual about the numbers of the images.
pub(super) fn on_images(
    scale: &Scale,
    train: &Tensor,
    range: PixelRange,
    validation: Option<&Tensor>,
) -> Vec<String> {
    let mut lines: Vec<String> = scale.remark("The training images", train, range).into_iter().collect();
    if lines.is_empty() && !range.is_usual() {
        lines.push(format!(
            "The training images go {range}; networks learn best from numbers between 0 and 1, or with a mean of 0 and a \
             standard deviation of 1: use {}.",
            range.remedy()
        ));
    }
    let validation = validation.map(|images| (images.kind(), PixelRange::of(images)));
    if let Some((kind, other)) = validation.filter(|(_, other)| other.is_of_other_scale(range)) {
        let divided = if kind == Kind::Uint8 { " (bytes are divided by 255)" } else { "" };
        lines.push(format!(
            "The validation images go {other}{divided}, the training images {range}: prepare both in the same way."
        ));
    }
    lines
}

/// A line if the two parts of `classes` classes that `validation_split` makes hold other classes, as with sorted labels.
pub(super) fn on_split(train: &Samples, validation: &Samples, classes: i64) -> Option<String> {
    // A single output's labels beyond 0 and 1 are what a regression gives: it has no classes.
    let is_regression = |(_, labels): &Samples| {
        labels.dim() == 2
            && (labels.gt(1.0).any().int64_value(&[]) == 1 || labels.lt(0.0).any().int64_value(&[]) == 1)
    };
    if is_regression(train) || is_regression(validation) {
        return None;
    }
    let shares = |(_, labels): &Samples| {
        let classes = Labels::classes(labels).bincount(None::<Tensor>, classes).to_kind(Kind::Double);
        Vec::<f64>::try_from(classes / labels.size()[0] as f64).ok()
    };
    let (of_train, of_validation) = (shares(train)?, shares(validation)?);
    let missing: Vec<usize> =
        (0..of_train.len()).filter(|&class| of_validation[class] > HARDLY * of_train[class]).collect();
    let percent = |shares: &[f64]| 100.0 * missing.iter().map(|&class| shares[class]).sum::<f64>();
    let (in_train, in_validation) = (percent(&of_train), percent(&of_validation));
    if in_validation < 100.0 * WORTH_A_WORD {
        return None;
    }
    let mut names: Vec<String> = missing.iter().take(10).map(usize::to_string).collect();
    if missing.len() > names.len() {
        names.push("…".to_string());
    }
    let of = if missing.len() == 1 { "class" } else { "the classes" };
    Some(format!(
        "validation_split takes the last samples, and the labels seem to be sorted: {in_validation:.0} % of the validation \
         samples are of {of} {}, and {in_train:.1} % of the training samples. Shuffle first: \
         let order = Tensor::randperm({}, (Kind::Int64, Device::Cpu)); \
         let (x, y) = (x.index_select(0, &order), y.index_select(0, &order));",
        names.join(", "),
        train.1.size()[0] + validation.1.size()[0]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn floats(numbers: &[f32]) -> Tensor {
        Tensor::from_slice(numbers).unsqueeze(1)
    }

    #[test]
    fn images_of_an_unusual_scale_are_named_with_the_line_that_mends_them() {
        let untrained = Scale::default();
        let said = |numbers: &[f32]| {
            on_images(&untrained, &floats(numbers), PixelRange::of(&floats(numbers)), None).join("\n")
        };
        assert!(said(&[0.0, 128.0, 255.0]).contains("The training images go from 0 to 255;"));
        assert!(said(&[0.0, 128.0, 255.0]).ends_with("use x / 255.0."));
        assert!(said(&[0.0, 8.0, 16.0]).ends_with("use x / 16.0."));
        assert!(said(&[-123.0, 20.0, 150.0]).ends_with("use (&x - x.mean(Kind::Float)) / x.std(true)."));
        assert_eq!(
            said(&[0.0, f32::NAN]),
            "The training images hold NaN or infinite numbers, for example image 1."
        );
        // Bytes, 0 to 1, -1 to 1, and standardised.
        let bytes = Tensor::from_slice(&[0_u8, 255]);
        assert_eq!(on_images(&untrained, &bytes, PixelRange::of(&bytes), None), [""; 0]);
        for usual in [[0.0, 0.5, 1.0], [-1.0, 0.0, 1.0], [-0.42, -0.42, 2.82]] {
            assert_eq!(said(&usual), "");
        }
    }

    #[test]
    fn validation_images_of_another_scale_are_named() {
        let (bytes, small) = (Tensor::from_slice(&[0_u8, 255]), floats(&[0.0, 1.0]));
        let said = |train: &Tensor, validation: &Tensor| {
            on_images(&Scale::default(), train, PixelRange::of(train), Some(validation))
        };
        assert_eq!(said(&small, &bytes), [""; 0]);
        let lines = said(&small, &floats(&[0.0, 255.0]));
        let expected = "The validation images go from 0 to 255, the training images from 0 to 1: prepare both in the same way.";
        assert_eq!(lines, [expected]);
        let lines = said(&floats(&[0.0, 255.0]), &bytes);
        assert!(
            lines[1].starts_with("The validation images go from 0 to 1 (bytes are divided by 255), the"),
            "{lines:?}"
        );
    }

    /// Labels `[n]` with so many samples of each class, the first class first.
    fn labels(counts: &[i64]) -> Samples {
        let runs: Vec<Tensor> = (0..)
            .zip(counts)
            .map(|(class, &count)| Tensor::full([count], class, (Kind::Int64, Device::Cpu)))
            .collect();
        (Tensor::zeros([0], (Kind::Float, Device::Cpu)), Tensor::cat(&runs, 0))
    }

    #[test]
    fn a_split_of_sorted_labels_is_named() {
        let line = on_split(&labels(&[100, 100, 100, 2, 0]), &labels(&[0, 0, 0, 48, 50]), 5).unwrap();
        assert!(
            line.contains("100 % of the validation samples are of the classes 3, 4, and 0.7 % of the"),
            "{line}"
        );
        assert!(line.contains("Tensor::randperm(400, (Kind::Int64, Device::Cpu))"), "{line}");
        let one = on_split(&labels(&[100, 0]), &labels(&[5, 5]), 2).unwrap();
        assert!(one.contains("50 % of the validation samples are of class 1, and 0.0 %"), "{one}");
        // Shuffled; a rare class that chance has put there; and a single output's labels [n, 1].
        assert!(on_split(&labels(&[300, 310]), &labels(&[40, 30]), 2).is_none());
        assert!(on_split(&labels(&[300, 300, 0]), &labels(&[50, 49, 1]), 3).is_none());
        let column = |(x, y): Samples| (x, y.to_kind(Kind::Float).unsqueeze(1));
        assert!(on_split(&column(labels(&[9])), &column(labels(&[0, 1])), 2).is_some());
        assert!(on_split(&column(labels(&[9])), &column(labels(&[0, 0, 1])), 2).is_none(), "a regression");
    }

    #[test]
    #[ignore = "the next test runs it, in a process of its own"]
    fn a_training_and_predictions_in_a_process_of_its_own() {
        use crate::layers::{Activation, Dense};
        let mut model =
            crate::Sequential::input([2]).add(Dense::new(2).activation(Activation::Softmax)).build().unwrap();
        model.compile(crate::Adam::default(), crate::Loss::CategoricalCrossentropy).unwrap();
        let x = Tensor::arange(40, (Kind::Float, Device::Cpu)).reshape([20, 2]) * 6.5;
        let y = Tensor::arange(20, (Kind::Int64, Device::Cpu)).ge(15).to_kind(Kind::Int64);
        for verbose in [true, false] {
            println!("verbose: {verbose}");
            let settings =
                crate::Fit { batch_size: 5, validation_split: 0.25, verbose, ..crate::Fit::default() };
            model.fit(&x, &y, &settings).unwrap();
        }
        let bytes = x.to_kind(Kind::Uint8);
        for _ in 0..2 {
            let _ = model.predict(&bytes).unwrap();
            model.evaluate(&bytes, &y).unwrap();
        }
    }

    #[test]
    fn remarks_are_printed_once_and_not_without_verbose() {
        let name = "training::remarks::tests::a_training_and_predictions_in_a_process_of_its_own";
        let arguments = ["--ignored", "--exact", "--nocapture", name];
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program).args(arguments).output().unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{seen}");
        let (verbose, rest) = seen.split_once("verbose: false\n").unwrap();
        assert!(verbose.contains("The training images go from 0 to 188; networks learn best"), "{seen}");
        assert!(
            verbose.contains("100 % of the validation samples are of class 1, and 0.0 % of the training"),
            "{seen}"
        );
        let bytes = "The images go from 0 to 1 (bytes are divided by 255), and the model was trained on images from 0 to 188";
        assert!(rest.starts_with(bytes) && rest.matches("The ").count() == 1, "{seen}");
    }
}
