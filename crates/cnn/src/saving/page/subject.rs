//! What a page is about: what the model is given, what its outputs mean, and how that is said.

use anyhow::{ensure, Result};

use crate::engine::text::thousands;
use crate::layers::{argument, Activation};
use crate::Sequential;

/// The note with the names of the classes, one a line.
const CLASS_NAMES: &str = "class_names";

/// What the user of a page gives to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Digits or letters, drawn, or on a picture, and prepared as those of MNIST.
    Drawing,
    Picture,
    Numbers,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Drawing => "drawing",
            Kind::Picture => "picture",
            Kind::Numbers => "numbers",
        }
    }

    /// The kinds of what may be given.
    pub fn inputs(self) -> &'static str {
        match self {
            Kind::Drawing => "drawing picture",
            other => other.name(),
        }
    }
}

/// What outputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Probabilities that add up to 1.
    Softmax,
    /// Probabilities, each for itself; a single one is that of the second of two classes.
    Sigmoid,
    /// Any numbers.
    Linear,
}

impl Ending {
    pub fn name(self) -> &'static str {
        match self {
            Ending::Softmax => "softmax",
            Ending::Sigmoid => "sigmoid",
            Ending::Linear => "linear",
        }
    }
}

pub(crate) struct Subject {
    pub kind: Kind,
    pub ending: Ending,
    pub classes: Vec<String>,
    /// What the network's images are multiples of: 1, or 255 where it was made for numbers up to that.
    pub scale: f64,
}

impl Subject {
    /// # Errors
    /// If the model gives no vector, or the note of class names has not as many as the model has outputs.
    pub fn of(model: &Sequential) -> Result<Subject> {
        let network = &model.network;
        let last = network.last();
        ensure!(
            last.output_shape.len() == 1,
            "the model ends with {} and an output of shape {:?}, and a page shows one number per class; add a \
             GlobalAveragePooling2D, or a Flatten and a Dense layer",
            last.name,
            last.output_shape
        );
        let ending = match last.layer.activation() {
            Activation::Softmax => Ending::Softmax,
            Activation::Sigmoid => Ending::Sigmoid,
            _ => Ending::Linear,
        };
        let count = match (ending, last.output_shape[0]) {
            (Ending::Sigmoid, 1) => 2,
            (_, outputs) => outputs as usize,
        };
        let named =
            model.notes.get(CLASS_NAMES).map(|names| names.lines().map(|name| name.trim().to_string()));
        let classes: Vec<String> = match named {
            Some(names) => names.collect(),
            None => (0..count).map(|index| index.to_string()).collect(),
        };
        ensure!(
            classes.len() == count,
            "the model's note {CLASS_NAMES:?} has {} names, and it tells {count} classes apart; write \
             model.notes.insert(\"{CLASS_NAMES}\".into(), names.join(\"\\n\")) with a name for each, or remove the note",
            classes.len()
        );
        let letters = classes.iter().all(|name| name.chars().count() == 1);
        let kind = match network.input_shape[..] {
            [1, 28, 28] if letters && ending != Ending::Linear => Kind::Drawing,
            [1 | 3, _, _] => Kind::Picture,
            _ => Kind::Numbers,
        };
        let scale = if kind == Kind::Numbers { 1.0 } else { scale(model) };
        Ok(Subject { kind, ending, classes, scale })
    }

    pub fn title(&self) -> &'static str {
        match self.kind {
            Kind::Drawing if self.are_digits() => "Draw a digit",
            Kind::Drawing => "Draw a letter or a digit",
            Kind::Picture => "Show it a picture",
            Kind::Numbers => "Give it numbers",
        }
    }

    /// What stands where the answer will be.
    pub fn invitation(&self) -> &'static str {
        match self.kind {
            Kind::Drawing if self.are_digits() => "Draw a digit on the paper, large.",
            Kind::Drawing => "Draw one letter or digit on the paper, large.",
            Kind::Picture => "Choose a picture, drop one here, or paste one.",
            Kind::Numbers => "Write numbers into the field.",
        }
    }

    pub fn explanation(&self, model: &Sequential) -> String {
        let trained = match model.notes.get("dataset") {
            Some(dataset) => format!(", trained on {dataset},"),
            None => String::new(),
        };
        let does = match self.kind {
            Kind::Drawing => "reads it while you draw".to_string(),
            Kind::Picture | Kind::Numbers if self.ending != Ending::Linear => {
                format!("says which of {} classes it is", thousands(self.classes.len() as i64))
            }
            _ => format!("computes {} of it", plural(self.classes.len() as i64, "number")),
        };
        format!(
            "A neural network with {} parameters{trained} {does}. It computes in this page: what you give it goes nowhere else, and no \
             connection is needed.",
            thousands(model.count_params())
        )
    }

    pub fn numbers_wanted(&self, model: &Sequential) -> String {
        let shape = &model.network.input_shape;
        let count = plural(shape.iter().product(), "number");
        match shape.len() {
            1 => format!("{count}, with spaces or commas between them"),
            _ => format!("{count} of the shape {shape:?}, row by row"),
        }
    }

    pub fn seen(&self, model: &Sequential) -> String {
        match model.network.input_shape[..] {
            [_, height, width] => format!("What the network sees: {height} × {width} pixels"),
            _ => String::new(),
        }
    }

    /// The model's other notes.
    pub fn notes(&self, model: &Sequential) -> String {
        let others = model.notes.iter().filter(|(name, _)| *name != CLASS_NAMES);
        others.map(|(name, text)| format!("{name}: {text}")).collect::<Vec<_>>().join(" · ")
    }

    fn are_digits(&self) -> bool {
        self.classes.iter().all(|name| name.chars().all(|letter| letter.is_ascii_digit()))
    }
}

/// 1 or 255, by the images of the training, or by a first layer that divides by 127.5 or 255.
fn scale(model: &Sequential) -> f64 {
    let layers = &model.network.layers;
    let first = layers.iter().find(|named| !named.layer.class_name().starts_with("Random"));
    let divides = first.filter(|named| named.layer.class_name() == "Rescaling").is_some_and(|named| {
        argument::<f64>(&named.layer.config(), "scale").is_ok_and(|scale| scale.abs() < 0.01)
    });
    match model.scale.factor() {
        Some(factor) => factor,
        None if divides => 255.0,
        None => 1.0,
    }
}

fn plural(count: i64, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}
