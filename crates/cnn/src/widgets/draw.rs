//! A pad to draw on, with a network that answers while one draws.

use anyhow::{ensure, Result};
use serde_json::{json, Value};
use std::fmt;
use tch::{no_grad, Device, Kind, Tensor};

use super::shown::{sentence, Shown};
use crate::browser::{BARS, PAPER};
use crate::engine::error::Context;
use crate::model::{Sequential, Twin};
use crate::saving::Subject;

/// The paper's images, without the batch.
const SHAPE: [i64; 3] = [1, 28, 28];
/// Of a layer's feature maps so many are shown, the first.
const MOST_MAPS: i64 = 64;

/// A pad to draw on, which [`draw`] makes; it shows itself as the value of a cell.
#[derive(Clone)]
pub struct Pad {
    shown: Shown,
}

/// A pad on which one draws a digit, or a letter, with mouse, pen, finger or keys. While one draws, bars show what the model answers, and
/// pictures what it is given and what one of its layers makes of that.
///
/// The drawing is prepared in the browser as [`digit_from_file`](crate::preprocessing::digit_from_file) prepares a picture, and the model
/// answers in this process, on a thread of the pad's own. The model is only lent to this function: it may be trained on afterwards, also
/// while the pad is used, and the pad answers with the weights that the model has at each stroke. Another model of the same name needs
/// another pad. [`Sequential::show_page`] makes a page that needs no kernel.
///
/// ```
/// use cnn::prelude::*;
/// let model = course::model(1)?;
/// draw(&model)?.show(); // in a notebook, draw(&model)? as the last line of a cell is enough
/// # Ok::<(), cnn::anyhow::Error>(())
/// ```
///
/// # Errors
/// If the model takes other images than `[1, 28, 28]` or gives out other things than numbers, one per class, or a layer is none of
/// this crate's.
pub fn draw(model: &Sequential) -> Result<Pad> {
    ensure!(
        model.input_shape() == SHAPE,
        "draw makes images of the shape {SHAPE:?}, and the model takes {:?}; give it a model for images of 28×28 pixels in grey",
        model.input_shape()
    );
    let subject = Subject::of(model).context("draw")?;
    let reader = Reader::new(model, subject.scale)?;
    let layers: Vec<Value> =
        reader.layers.iter().map(|(name, shape)| json!({ "name": name, "shape": shape })).collect();
    let state = json!({
        "classes": subject.classes,
        "ending": subject.ending.name(),
        "layers": layers,
        "layer": reader.layers.first().map(|(name, _)| name),
        "most_maps": MOST_MAPS,
        "drawn": 0,
        "answer": null,
    });
    let still = sentence(
        "A pad to draw on, with what the model answers: it works where the notebook has a running kernel. model.show_page()? makes one \
         that needs none."
            .to_string(),
    );
    let shown = Shown::new(&[PAPER, BARS, include_str!("answer.js"), include_str!("draw.js")], &state, still);
    let reader = std::sync::Arc::new(std::sync::Mutex::new(reader));
    for key in ["drawn", "layer"] {
        let reader = reader.clone();
        shown.widget.on_change(key, move |widget| {
            let Some(bytes) = widget.get_bytes("image") else { return Ok(()) };
            let reader = reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            reader.answer(widget, &bytes).map_err(|error| format!("{error:#}"))
        });
    }
    Ok(Pad { shown })
}

impl Pad {
    /// Shows the pad as output of the cell.
    pub fn show(&self) {
        self.shown.show();
    }

    /// Called by evcxr for a value at the end of a cell.
    pub fn evcxr_display(&self) {
        self.show();
    }

    /// What was drawn last, as the model gets it: `[1, 1, 28, 28]` floats from 0 to 1; none as long as nothing was drawn.
    ///
    /// ```
    /// use cnn::prelude::*;
    /// let pad = draw(&course::model(1)?)?;
    /// assert!(pad.image()?.is_none());
    /// # Ok::<(), cnn::anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the page has sent something else.
    pub fn image(&self) -> Result<Option<Tensor>> {
        self.shown.widget.get_bytes("image").map(|bytes| image(&bytes)).transpose()
    }
}

impl fmt::Debug for Pad {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Pad({SHAPE:?})")
    }
}

/// The model, on the pad's side.
struct Reader {
    twin: Twin,
    /// What images from 0 to 1 are multiplied by.
    scale: f64,
    /// Those that give out images, with their shapes `[channels, height, width]`.
    layers: Vec<(String, Vec<i64>)>,
}

impl Reader {
    fn new(model: &Sequential, scale: f64) -> Result<Reader> {
        let images = model.network.layers.iter().filter(|named| named.output_shape.len() == 3);
        let layers = images.map(|named| (named.name.clone(), named.output_shape.clone())).collect();
        Ok(Reader { twin: Twin::of(model).context("draw")?, scale, layers })
    }

    /// Answers a drawing, which is its number in the page and its bytes.
    fn answer(&self, widget: &live::Widget, bytes: &[u8]) -> Result<()> {
        let drawn = widget.get("drawn").and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let x = image(bytes)? * self.scale;
        let outputs: Vec<f32> = self.twin.answers(&x).get(0).try_into()?;
        widget.set("answer", &json!({ "drawn": drawn, "outputs": outputs }).to_string());
        let layer: Option<String> = widget.get("layer").and_then(|name| serde_json::from_str(&name).ok());
        if let Some(layer) = layer {
            widget.set_bytes("maps", &self.maps(&layer, &x)?);
        }
        Ok(())
    }

    /// The feature maps of a layer as bytes, 255 being the largest number of them all, and 0 the smallest, or 0.
    fn maps(&self, layer: &str, x: &Tensor) -> Result<Vec<u8>> {
        let network = &self.twin.newest().network;
        let count = network.position(layer)? + 1;
        let maps = no_grad(|| network.output_of(count, x)).get(0).to_device(Device::Cpu);
        let maps = maps.narrow(0, 0, maps.size()[0].min(MOST_MAPS));
        let (low, high) = (maps.min().double_value(&[]).min(0.0), maps.max().double_value(&[]));
        let levels = (maps - low) * (255.0 / (high - low).max(f64::MIN_POSITIVE));
        Ok(levels.clamp(0.0, 255.0).round().to_kind(Kind::Uint8).contiguous().view([-1]).try_into()?)
    }
}

/// What the page has sent as an image `[1, 1, 28, 28]`.
fn image(bytes: &[u8]) -> Result<Tensor> {
    let numbers: Vec<f32> =
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    let wanted = SHAPE.iter().product::<i64>() as usize;
    ensure!(numbers.len() == wanted, "the page sent {} numbers, and an image has {wanted}", numbers.len());
    Ok(Tensor::from_slice(&numbers).reshape([1, 1, 28, 28]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::until;
    use super::*;
    use crate::layers::{Activation, Conv2D, Dense, Flatten, Layer};
    use crate::{course, Fit};

    /// As the page does.
    fn draws(pad: &Pad, number: u32, x: &Tensor) {
        let bytes = crate::engine::slices::to_bytes(x).unwrap();
        pad.shown.widget.set_bytes("image", &bytes);
        pad.shown.widget.change("drawn", &number.to_string());
    }

    fn outputs(pad: &Pad, number: u32) -> Vec<f32> {
        let answer = || -> Value { serde_json::from_str(&pad.shown.widget.get("answer").unwrap()).unwrap() };
        until(|| answer()["drawn"] == number);
        serde_json::from_value(answer()["outputs"].clone()).unwrap()
    }

    fn predicted(model: &Sequential, x: &Tensor) -> Vec<f32> {
        model.predict(x).unwrap().get(0).try_into().unwrap()
    }

    #[test]
    fn a_drawing_gets_the_models_answer_also_after_a_training() {
        let mut model = course::model(1).unwrap();
        let x = Tensor::rand([40, 1, 28, 28], (Kind::Float, Device::Cpu));
        let y = Tensor::randint(10, [40], (Kind::Int64, Device::Cpu));
        let one = x.narrow(0, 0, 1);
        let pad = draw(&model).unwrap();
        draws(&pad, 1, &one);
        let before = outputs(&pad, 1);
        assert_eq!(before, predicted(&model, &one));
        model.fit(&x, &y, &Fit { verbose: false, ..Fit::default() }).unwrap();
        draws(&pad, 2, &one);
        let after = outputs(&pad, 2);
        assert!(after != before);
        // The training was on images of just this scale, so nothing is multiplied.
        assert_eq!(after, predicted(&model, &one));
        assert_eq!(pad.image().unwrap().unwrap(), one);
    }

    #[test]
    fn feature_maps_are_those_of_the_chosen_layer() {
        let model = course::model(1).unwrap();
        let x = Tensor::rand([1, 1, 28, 28], (Kind::Float, Device::Cpu));
        let pad = draw(&model).unwrap();
        let length = || pad.shown.widget.get_bytes("maps").map_or(0, |bytes| bytes.len());
        draws(&pad, 1, &x);
        until(|| length() == 32 * 26 * 26);
        pad.shown.widget.change("layer", "\"max_pooling2d\"");
        until(|| length() == 32 * 13 * 13);
        let maps = model.layer_output("max_pooling2d", &x).unwrap().get(0);
        let largest = maps.flatten(0, -1).argmax(0, false).int64_value(&[]) as usize;
        let bytes = pad.shown.widget.get_bytes("maps").unwrap();
        assert_eq!((bytes[largest], bytes.iter().max()), (255, Some(&255)));
        pad.shown.widget.change("layer", "\"dense_9\"");
        until(|| pad.shown.widget.get("error").is_some_and(|error| error.contains("no layer is called")));
    }

    #[test]
    fn what_the_page_should_not_send_is_an_error_in_the_widget() {
        let pad = draw(&course::model(1).unwrap()).unwrap();
        pad.shown.widget.set_bytes("image", &[1, 2, 3, 4, 5]);
        pad.shown.widget.change("drawn", "1");
        until(|| pad.shown.widget.get("error").is_some_and(|error| error.contains("sent 1 numbers")));
    }

    #[test]
    fn models_that_do_not_fit_are_refused_with_their_shapes() {
        #[derive(Debug)]
        struct Own;
        impl Layer for Own {
            fn class_name(&self) -> &'static str {
                "Own"
            }
            fn output_shape(&self, input: &[i64]) -> Result<Vec<i64>> {
                Ok(input.to_vec())
            }
            fn forward(&self, x: &Tensor, _training: bool) -> Tensor {
                x.shallow_clone()
            }
        }
        let built = |builder: crate::SequentialBuilder| builder.build().unwrap();
        let end = || Dense::new(10).activation(Activation::Softmax);
        let cases = [
            (built(Sequential::input([3, 32, 32]).add(Flatten).add(end())), "takes [3, 32, 32]"),
            (built(Sequential::input([784]).add(end())), "takes [784]"),
            (built(Sequential::input(SHAPE).add(Conv2D::new(4, (3, 3)))), "[4, 26, 26]"),
            (built(Sequential::input(SHAPE).add(Own).add(Flatten).add(end())), "the layer own"),
        ];
        for (model, expected) in cases {
            let message = draw(&model).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
