//! Augmentation by hand: one image, sliders, and what the network says.

use anyhow::{ensure, Result};
use rand::{rngs::StdRng, Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use tch::{Device, Tensor};

use super::pixels::{bytes, span};
use super::shown::Shown;
use crate::browser::BARS;
use crate::engine::error::Context;
use crate::engine::slices::{numbers, numbers_mut};
use crate::model::{Sequential, Twin};
use crate::plots;
use crate::preprocessing::augmentation::{FillMode, Source};
use crate::preprocessing::to_float;
use crate::saving::Subject;

/// An image under sliders, which [`augment_by_hand`] makes; it shows itself as the value of a cell.
#[derive(Clone)]
pub struct AugmentByHand {
    shape: Vec<i64>,
    shown: Shown,
}

/// How an image is changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Change {
    /// Degrees, clockwise.
    rotation: f64,
    /// Shares of the width and the height.
    right: f64,
    down: f64,
    /// Above 1 the image is larger.
    zoom: f64,
    /// The standard deviation of what is added, as a share of what lies between black and white.
    noise: f64,
}

const UNCHANGED: Change = Change { rotation: 0.0, right: 0.0, down: 0.0, zoom: 1.0, noise: 0.0 };

/// An image with sliders that turn it, move it, zoom it and add noise to it, and what the model answers at each position. It says when the
/// model no longer reads it as it does unchanged.
///
/// `image` is one that the model takes, `[channels, height, width]` or as a batch of one, bytes or floats. Beyond its border the border's
/// pixels continue, as with [`Augment`](crate::Augment). The model is only lent, and answers with the weights that it has at the time, as
/// in [`draw`](crate::widgets::draw()).
///
/// ```
/// use cnn::prelude::*;
/// let (model, data) = (course::model(1)?, mnist::synthetic_digits(0, 5, 1));
/// augment_by_hand(&model, &add_channel(&data.x_test)?.get(0))?.show();
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If the image does not fit the model, has neither 1 nor 3 channels, or holds NaN; and as [`draw`](crate::widgets::draw()) for the model.
pub fn augment_by_hand(model: &Sequential, image: &Tensor) -> Result<AugmentByHand> {
    let shape = model.input_shape().to_vec();
    let given = image.size();
    let batch = if given.len() == shape.len() { image.unsqueeze(0) } else { image.shallow_clone() };
    ensure!(
        batch.size().first() == Some(&1) && batch.size()[1..] == shape[..],
        "augment_by_hand: the image has the shape {given:?}, and the model wants one of {shape:?}; x.get(0) is the first of several"
    );
    ensure!(
        matches!(shape[..], [1 | 3, _, _]),
        "augment_by_hand shows images of 1 or 3 channels, and the model takes {shape:?}"
    );
    model.network.check_images(&batch).context("augment_by_hand")?;
    let subject = Subject::of(model).context("augment_by_hand")?;
    let original = to_float(&batch.to_device(Device::Cpu)).contiguous();
    ensure!(
        original.isfinite().all().int64_value(&[]) == 1,
        "augment_by_hand: the image holds NaN or infinite numbers"
    );
    let span = span(&original);
    let hand = Hand::new(Twin::of(model).context("augment_by_hand")?, original, span)?;
    let range = |name: &str, label: &str, limit: (f64, f64), step: f64, unit: &str| json!({ "name": name, "label": label, "low": limit.0, "high": limit.1, "step": step, "unit": unit });
    let ranges = [
        range("rotation", "rotation, clockwise", (-90.0, 90.0), 1.0, "°"),
        range("right", "to the right", (-0.4, 0.4), 0.01, ""),
        range("down", "downwards", (-0.4, 0.4), 0.01, ""),
        range("zoom", "zoom", (0.4, 1.8), 0.01, ""),
        range("noise", "noise", (0.0, 1.0), 0.01, ""),
    ];
    let (pixels, answer) = hand.answer(&UNCHANGED)?;
    let state = json!({
        "classes": subject.classes,
        "ending": subject.ending.name(),
        "shape": shape,
        "ranges": ranges,
        "unchanged": UNCHANGED,
        "by": UNCHANGED,
        "answer": answer,
    });
    let name = &subject.classes[hand.at_first.min(subject.classes.len() - 1)];
    let still = plots::images(&hand.original, &[format!("read as {name}")], 1)?.with_sentence(
        "Where the notebook has a running kernel, sliders turn, move and zoom the image, and the model's answer moves along.",
    );
    let scripts = [BARS, include_str!("answer.js"), include_str!("augment_by_hand.js")];
    let shown = Shown::new(&scripts, &state, still);
    shown.widget.set_bytes("image", &pixels);
    shown.widget.on_change("by", move |widget| {
        let by = widget.get("by").unwrap_or_default();
        let change = serde_json::from_str(&by).map_err(|error| format!("the page sent {by}: {error}"))?;
        let (pixels, answer) = hand.answer(&change).map_err(|error| format!("{error:#}"))?;
        widget.set_bytes("image", &pixels);
        widget.set("answer", &answer.to_string());
        Ok(())
    });
    Ok(AugmentByHand { shape, shown })
}

impl AugmentByHand {
    /// Shows image and sliders as output of the cell.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }
}

impl fmt::Debug for AugmentByHand {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "AugmentByHand({:?})", self.shape)
    }
}

/// The image, and the model that reads it.
struct Hand {
    twin: Twin,
    /// `[1, channels, height, width]` floats.
    original: Tensor,
    /// What is black, and what is white.
    span: (f64, f64),
    /// What the unchanged image was read as.
    at_first: usize,
}

impl Hand {
    fn new(twin: Twin, original: Tensor, span: (f64, f64)) -> Result<Hand> {
        let mut hand = Hand { twin, original, span, at_first: 0 };
        hand.at_first = read_as(&hand.outputs(&UNCHANGED)?.1);
        Ok(hand)
    }

    fn outputs(&self, change: &Change) -> Result<(Tensor, Vec<f32>)> {
        let changed = changed(&self.original, change, self.span)?;
        let outputs = self.twin.answers(&changed).get(0).try_into()?;
        Ok((changed, outputs))
    }

    /// The changed image as bytes, and what there is to say of it.
    fn answer(&self, change: &Change) -> Result<(Vec<u8>, serde_json::Value)> {
        let (changed, outputs) = self.outputs(change)?;
        // The model may have learnt since.
        let at_first = read_as(&self.outputs(&UNCHANGED)?.1);
        let now = read_as(&outputs);
        let answer = json!({ "outputs": outputs, "read_as": now, "at_first": at_first, "is_misread": now != at_first });
        Ok((bytes(&changed, self.span), answer))
    }
}

/// The class with the largest output; of a single output it is the second from ½ on.
fn read_as(outputs: &[f32]) -> usize {
    match outputs {
        [single] => usize::from(*single > 0.5),
        _ => (0..outputs.len()).max_by(|&one, &other| outputs[one].total_cmp(&outputs[other])).unwrap_or(0),
    }
}

/// The image `[1, channels, height, width]` turned, moved, zoomed and disturbed.
fn changed(original: &Tensor, change: &Change, (low, high): (f64, f64)) -> Result<Tensor> {
    let (_, _, height, width) = original.size4()?;
    let (height, width) = (height as usize, width as usize);
    let (sin, cos) = (-change.rotation).to_radians().sin_cos();
    let zoom = change.zoom.max(0.01);
    let (x, y) = (change.right * width as f64, change.down * height as f64);
    // From the output's pixels back to the image's: first the shift, then rotation and zoom about the centre.
    let row = |a: f64, b: f64| [a / zoom, b / zoom, -(a * x + b * y) / zoom];
    let matrix = [row(cos, -sin), row(sin, cos)];
    let mut changed = original.copy();
    let planes = numbers::<f32>(original).chunks(height * width);
    for (pixels, plane) in planes.zip(numbers_mut::<f32>(&mut changed).chunks_mut(height * width)) {
        if matrix != [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
            let source = Source { pixels, height, width, fill_mode: FillMode::Nearest, cval: 0.0 };
            source.sample(&matrix, plane);
        }
    }
    if change.noise > 0.0 {
        // The same for every position of the sliders, so that the image does not flicker.
        let mut random = StdRng::seed_from_u64(42);
        for pixel in numbers_mut::<f32>(&mut changed) {
            // The sum of twelve uniform numbers has the variance 1, and is nearly normal.
            let normal = (0..12).map(|_| random.gen::<f64>()).sum::<f64>() - 6.0;
            *pixel = (f64::from(*pixel) + normal * change.noise * (high - low)).clamp(low, high) as f32;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;
    use crate::course;
    use crate::layers::{Activation, Dense, Flatten};
    use tch::Kind;

    /// A bright pixel at (row, column) of 5×5.
    fn spot(row: i64, column: i64) -> Tensor {
        let image = Tensor::zeros([1, 1, 5, 5], (Kind::Float, Device::Cpu));
        let _ = image.get(0).get(0).get(row).narrow(0, column, 1).fill_(1.0);
        image
    }

    #[test]
    fn images_are_turned_moved_and_zoomed_as_the_sliders_say() {
        let changed = |change: &Change| changed(&spot(1, 2), change, (0.0, 1.0)).unwrap();
        let close = |one: Tensor, other: Tensor| (one - other).abs().max().double_value(&[]) < 1e-6;
        assert_eq!(changed(&UNCHANGED), spot(1, 2));
        assert!(close(changed(&Change { right: 0.2, ..UNCHANGED }), spot(1, 3)));
        assert!(close(changed(&Change { down: 0.4, ..UNCHANGED }), spot(3, 2)));
        assert!(close(changed(&Change { rotation: 90.0, ..UNCHANGED }), spot(2, 3)), "clockwise");
        // A shift is one on the screen, also of a turned image.
        assert!(close(changed(&Change { rotation: 90.0, right: 0.2, ..UNCHANGED }), spot(2, 4)));
        let zoomed = changed(&Change { zoom: 2.0, ..UNCHANGED });
        assert!((zoomed.get(0).get(0).double_value(&[0, 2]) - 1.0).abs() < 1e-6, "{zoomed}");
        let noisy = |noise| changed(&Change { noise, ..UNCHANGED });
        assert_eq!(noisy(0.3), noisy(0.3));
        assert!(noisy(0.3) != spot(1, 2));
        assert!(noisy(1.0).max().double_value(&[]) <= 1.0 && noisy(1.0).min().double_value(&[]) >= 0.0);
    }

    #[test]
    fn the_answer_moves_along_and_says_when_it_is_another() {
        // It says where the light is: 0 above, 1 below.
        let end = Dense::new(2).activation(Activation::Softmax);
        let model = Sequential::input([1, 28, 28]).add(Flatten).add(end).device(Device::Cpu).build().unwrap();
        let options = (Kind::Float, Device::Cpu);
        let (kernel, bias) = (Tensor::zeros([784, 2], options), Tensor::zeros([2], options));
        let _ = kernel.narrow(0, 0, 392).select(1, 0).fill_(0.01);
        let _ = kernel.narrow(0, 392, 392).select(1, 1).fill_(0.01);
        for (name, mut weight) in model.weights() {
            tch::no_grad(|| weight.copy_(if name.ends_with("kernel") { &kernel } else { &bias }));
        }
        let x = Tensor::zeros([1, 28, 28], (Kind::Float, Device::Cpu));
        let _ = x.narrow(1, 0, 14).fill_(1.0);

        let hand = augment_by_hand(&model, &x).unwrap();
        let widget = &hand.shown.widget;
        let answer =
            || -> serde_json::Value { serde_json::from_str(&widget.get("answer").unwrap()).unwrap() };
        let at_first: Vec<f32> = serde_json::from_value(answer()["outputs"].clone()).unwrap();
        assert_eq!(Tensor::from_slice(&at_first), model.predict(&x.unsqueeze(0)).unwrap().get(0));
        assert_eq!((&answer()["is_misread"], &answer()["read_as"]), (&json!(false), &json!(0)));
        assert_eq!(widget.get_bytes("image").unwrap(), [vec![255; 392], vec![0; 392]].concat());
        for (rotation, read_as) in [(180.0, 1), (10.0, 0), (-170.0, 1)] {
            let change = Change { rotation, ..UNCHANGED };
            widget.change("by", &serde_json::to_string(&change).unwrap());
            until(|| answer()["read_as"] == read_as);
            assert_eq!((&answer()["at_first"], &answer()["is_misread"]), (&json!(0), &json!(read_as == 1)));
        }
        widget.change("by", "{\"rotation\":1}");
        until(|| widget.get("error").is_some_and(|error| error.contains("missing field")));
    }

    #[test]
    fn images_that_do_not_fit_are_refused_with_their_shapes() {
        let model = course::model(1).unwrap();
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        for shape in [vec![28, 28], vec![3, 28, 28], vec![2, 1, 28, 28], vec![], vec![1, 1, 1, 28, 28]] {
            let message = augment_by_hand(&model, &zeros(&shape)).unwrap_err().to_string();
            let expected = format!("the shape {shape:?}, and the model wants one of [1, 28, 28]");
            assert!(message.contains(&expected), "{message}");
        }
        let doubles = augment_by_hand(&model, &zeros(&[1, 28, 28]).to_kind(Kind::Double)).unwrap_err();
        assert!(doubles.to_string().contains("32-bit floats"), "{doubles}");
        let nan = augment_by_hand(&model, &(zeros(&[1, 28, 28]) + f64::NAN)).unwrap_err();
        assert!(nan.to_string().contains("NaN"), "{nan}");
    }
}
