//! A confusion matrix whose cells show their images.

use anyhow::{bail, ensure, Result};
use serde_json::{json, Value};
use std::fmt;
use tch::{Device, Kind, Tensor};

use super::pixels::{bytes, span};
use super::shown::Shown;
use crate::browser::BARS;
use crate::engine::error::Context;
use crate::evaluation::ConfusionMatrix;
use crate::plots;
use crate::preprocessing::one_per_image;

/// Of a cell so many images are shown.
const MOST_IMAGES: i64 = 40;
/// A page with more cells than of so many classes is slow.
const MOST_CLASSES: usize = 100;

/// A confusion matrix to press on, which [`explore_confusion`] makes; it shows itself as the value of a cell.
#[derive(Clone)]
pub struct ConfusionExplorer {
    classes: usize,
    shown: Shown,
}

/// A confusion matrix whose cells show their images when they are clicked, or chosen with the arrow keys and Enter: up to 40 of a cell.
///
/// `predictions` are what the model gave for the `images`, `[n, classes]`, or the class numbers that followed from that, `[n]`. With
/// probabilities, the images of a cell are sorted by that of the answer, the surest first. `images` are `[n, height, width]` or
/// `[n, 1 or 3, height, width]`, bytes or floats; `labels` are the true class numbers, `[n]`. Without `class_names`, `&[]`, classes are
/// called by their numbers.
///
/// ```
/// use cnn::prelude::*;
/// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 50, 1));
/// let predictions = model.predict(&add_channel(&data.x_test)?)?;
/// explore_confusion::<&str>(&predictions, &data.x_test, &data.y_test, &[])?.show();
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If the three are not of as many images, a class number is beyond the classes, the images are no images, or there are over 100 classes
/// or other than as many names.
pub fn explore_confusion<S: AsRef<str>>(
    predictions: &Tensor,
    images: &Tensor,
    labels: &Tensor,
    class_names: &[S],
) -> Result<ConfusionExplorer> {
    let cells = Cells::new(predictions, images, labels, class_names).context("explore_confusion")?;
    let matrix = &cells.matrix;
    let classes = matrix.classes();
    let counts: Vec<Vec<i64>> = (0..classes)
        .map(|truth| (0..classes).map(|predicted| matrix.count(truth, predicted)).collect())
        .collect();
    let names: Vec<&str> = (0..classes).map(|class| matrix.class_name(class)).collect();
    let state = json!({ "classes": names, "counts": counts, "cell": null, "shown": null });
    let still = plots::confusion_matrix(matrix, "Confusion matrix")?.with_sentence(
        "Where the notebook has a running kernel, its cells show their images when they are clicked.",
    );
    let shown = Shown::new(&[BARS, include_str!("explore_confusion.js")], &state, still);
    shown.widget.on_change("cell", move |widget| {
        let cell = widget.get("cell").unwrap_or_default();
        let Ok([truth, predicted]) = serde_json::from_str::<[i64; 2]>(&cell) else {
            return Err(format!("two class numbers are wanted, and the page sent {cell}"));
        };
        let (pixels, state) = cells.images_of(truth, predicted);
        widget.set_bytes("images", &pixels);
        widget.set("shown", &state.to_string());
        Ok(())
    });
    Ok(ConfusionExplorer { classes, shown })
}

impl ConfusionExplorer {
    /// Shows the matrix as output of the cell.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for ConfusionExplorer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ConfusionExplorer({} classes)", self.classes)
    }
}

/// Which images are in which cell.
struct Cells {
    matrix: ConfusionMatrix,
    truth: Vec<i64>,
    predicted: Vec<i64>,
    /// The probability of each answer, if it is known.
    sure: Option<Vec<f64>>,
    /// `[n, channels, height, width]`.
    images: Tensor,
    span: (f64, f64),
}

impl Cells {
    fn new<S: AsRef<str>>(
        predictions: &Tensor,
        images: &Tensor,
        labels: &Tensor,
        class_names: &[S],
    ) -> Result<Cells> {
        let predictions = predictions.to_device(Device::Cpu);
        let (answers, sure) = match predictions.size()[..] {
            [_, classes] if classes > 1 => {
                let sure = predictions.amax([-1_i64].as_slice(), false).to_kind(Kind::Double);
                (predictions.argmax(-1, false), Some(Vec::<f64>::try_from(sure)?))
            }
            [_, 1] if predictions.is_floating_point() => (predictions.gt(0.5).squeeze_dim(1), None),
            [_] | [_, 1] => (one_per_image(&predictions).context("the predictions")?, None),
            _ => bail!(
                "the predictions have the shape {:?}; wanted are outputs [n, classes], or class numbers [n]",
                predictions.size()
            ),
        };
        let images = match images.size()[..] {
            [_, _, _] => images.unsqueeze(1),
            [_, 1 | 3, _, _] => images.shallow_clone(),
            _ => bail!(
                "the images have the shape {:?}; wanted are [n, height, width] or [n, 1 or 3, height, width]",
                images.size()
            ),
        };
        let labels = one_per_image(&labels.to_device(Device::Cpu)).with_context(|| {
            format!("the labels have the shape {:?}, and class numbers [n] are wanted", labels.size())
        })?;
        let (count, of_labels, of_answers) = (images.size()[0], labels.size()[0], answers.size()[0]);
        ensure!(
            count == of_labels && count == of_answers,
            "there are {count} images, {of_labels} labels and {of_answers} predictions; there must be as many of each"
        );
        ensure!(count > 0 && images.numel() > 0, "there are no images: the shape is {:?}", images.size());
        let numbers = |numbers: &Tensor| Vec::<i64>::try_from(numbers.to_kind(Kind::Int64));
        let (truth, predicted) = (numbers(&labels)?, numbers(&answers)?);
        let largest = truth.iter().chain(&predicted).copied().max().unwrap_or(0).max(1) as usize;
        let classes = match (class_names.len(), &sure) {
            (0, Some(_)) => predictions.size()[1] as usize,
            (0, None) => largest + 1,
            (names, _) => names,
        };
        ensure!(
            classes <= MOST_CLASSES,
            "{classes} classes are too many to press on, {MOST_CLASSES} is the most; ConfusionMatrix counts them without"
        );
        let matrix = ConfusionMatrix::new(&labels, &answers, classes)?;
        let matrix = if class_names.is_empty() { matrix } else { matrix.class_names(class_names)? };
        let span = span(&images);
        Ok(Cells { matrix, truth, predicted, sure, images, span })
    }

    /// The images of a cell as bytes, and what is to be said of them.
    fn images_of(&self, truth: i64, predicted: i64) -> (Vec<u8>, Value) {
        let mut places: Vec<usize> = (0..self.truth.len())
            .filter(|&place| (self.truth[place], self.predicted[place]) == (truth, predicted))
            .collect();
        if let Some(sure) = &self.sure {
            places.sort_by(|&one, &other| sure[other].total_cmp(&sure[one]));
        }
        places.truncate(MOST_IMAGES as usize);
        let caption = |&place: &usize| match &self.sure {
            Some(sure) => format!("{place}: {:.1} %", 100.0 * sure[place]),
            None => place.to_string(),
        };
        let captions: Vec<String> = places.iter().map(caption).collect();
        let rows: Vec<i64> = places.iter().map(|&place| place as i64).collect();
        let rows = Tensor::from_slice(&rows).to_device(self.images.device());
        let pixels = match captions.is_empty() {
            true => Vec::new(),
            false => bytes(&self.images.index_select(0, &rows), self.span),
        };
        let order = self.sure.as_ref().map(|_| "The surest answer comes first.");
        let state = json!({
            "cell": [truth, predicted],
            "shape": &self.images.size()[1..],
            "captions": captions,
            "order": order,
        });
        (pixels, state)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;

    const NONE: [&str; 0] = [];

    /// Six images of 2×2 pixels, each as bright as its place, and what is said of them.
    fn six() -> (Tensor, Tensor, Tensor) {
        let images =
            (Tensor::arange(6, (Kind::Float, Device::Cpu)) / 5.0).reshape([6, 1, 1]).expand([6, 2, 2], false);
        let labels = Tensor::from_slice(&[0_i64, 0, 0, 1, 1, 1]);
        let outputs = [0.9_f32, 0.1, 0.4, 0.6, 0.2, 0.8, 0.3, 0.7, 0.6, 0.4, 0.0, 1.0];
        (Tensor::from_slice(&outputs).reshape([6, 2]), images, labels)
    }

    #[test]
    fn a_cell_shows_its_images_the_surest_first() {
        let (predictions, images, labels) = six();
        let explorer = explore_confusion(&predictions, &images, &labels, &["cat", "dog"]).unwrap();
        let widget = &explorer.shown.widget;
        assert_eq!(widget.get("counts").unwrap(), "[[1,2],[1,2]]");
        widget.change("cell", "[0,1]");
        until(|| widget.get("shown").is_some_and(|shown| shown != "null"));
        let shown: Value = serde_json::from_str(&widget.get("shown").unwrap()).unwrap();
        assert_eq!(shown["captions"], json!(["2: 80.0 %", "1: 60.0 %"]));
        assert_eq!(shown["shape"], json!([1, 2, 2]));
        assert_eq!(widget.get_bytes("images").unwrap(), [102, 102, 102, 102, 51, 51, 51, 51]);
        widget.change("cell", "\"both\"");
        until(|| widget.get("error").is_some_and(|error| error.contains("two class numbers are wanted")));
    }

    #[test]
    fn class_numbers_and_single_outputs_will_do() {
        let (predictions, images, labels) = six();
        let answers = predictions.argmax(-1, false);
        let single = predictions.narrow(1, 1, 1);
        for predictions in [&answers, &answers.unsqueeze(1), &single] {
            let cells = Cells::new(predictions, &images, &labels, &NONE).unwrap();
            let (pixels, state) = cells.images_of(1, 0);
            assert_eq!((pixels, &state["captions"]), (vec![204; 4], &json!(["4"])));
        }
        // A cell without images is no error.
        let cells = Cells::new(&labels, &images, &labels, &NONE).unwrap();
        assert!(cells.images_of(0, 1).0.is_empty());
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let (predictions, images, labels) = six();
        let refusal = |predictions: &Tensor, images: &Tensor, labels: &Tensor, names: &[&str]| {
            explore_confusion(predictions, images, labels, names).unwrap_err().to_string()
        };
        let fewer = refusal(&predictions, &images.narrow(0, 0, 5), &labels, &[]);
        assert!(fewer.contains("5 images, 6 labels and 6 predictions"), "{fewer}");
        let names = refusal(&predictions, &images, &labels, &["one"]);
        assert!(names.contains("class"), "{names}");
        let flat = refusal(&predictions, &labels, &labels, &[]);
        assert!(flat.contains("the images have the shape [6]"), "{flat}");
        let beyond = refusal(&predictions, &images, &(&labels + 5), &[]);
        assert!(beyond.contains("labels"), "{beyond}");
        let empty =
            refusal(&predictions.narrow(0, 0, 0), &images.narrow(0, 0, 0), &labels.narrow(0, 0, 0), &[]);
        assert!(empty.contains("there are no images"), "{empty}");
        let many = Tensor::zeros([6, 101], (Kind::Float, Device::Cpu));
        assert!(refusal(&many, &images, &labels, &[]).contains("101 classes are too many"));
    }
}
