//! Keras typed by habit: arguments with names, and text where Rust has types.

use super::super::mistake::{pattern, Mistake};
use super::{arguments, keyword, value};

const MODULES: &[(&str, &str)] = &[
    ("np", "There is no numpy: numbers stand in a `Vec<f64>`, or in a tensor, as `Tensor::zeros([3], (Kind::Float, Device::Cpu))`."),
    ("numpy", "There is no numpy: numbers stand in a `Vec<f64>`, or in a tensor, as `Tensor::zeros([3], (Kind::Float, Device::Cpu))`."),
    ("tf", "There is no `tf`: layers, losses and optimizers stand without a module's name, as in `Dense::new(10)`."),
    ("keras", "There is no `keras`: layers, losses and optimizers stand without a module's name, as in `Dense::new(10)`."),
    ("layers", "There is no `layers`: layers stand without a module's name, as in `Dense::new(10)`."),
    ("torch", "There is no `torch`: what it has is in `Tensor`, as in `Tensor::from_slice(&[1.0, 2.0])`."),
    ("plt", "There is no matplotlib: a figure is drawn by a Rust crate, and shown as a cell's last value."),
    ("pd", "There is no pandas: rows stand in a `Vec`, or in a crate such as `polars`."),
    ("math", "Mathematics are methods of numbers: `x.sqrt()`, `x.exp()`; π is `std::f64::consts::PI`."),
    ("random", "Random numbers come from a crate such as `rand`, added by a line `:dep rand = \"version\"`."),
    ("os", "Files and folders are in `std::fs` and `std::path`, as in `std::path::Path::new(\"a\").exists()`."),
    ("sys", "A program's surroundings are in `std::env`."),
    ("time", "Time is measured by `let begin = std::time::Instant::now();` and `begin.elapsed()`."),
];

/// The Rust for a call of Keras.
pub fn advice(mistake: &Mistake) -> Option<String> {
    fit(mistake)
        .or_else(|| compile(mistake))
        .or_else(|| activation(mistake))
        .or_else(|| padding(mistake))
        .or_else(|| layer(mistake))
        .or_else(|| settings(mistake))
        .or_else(|| module(mistake))
}

/// `model.fit(x, y, epochs=3)`
fn fit(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r"(\w+)\.fit\((.*)\)"))?;
    let (named, plain): (Vec<&str>, Vec<&str>) =
        arguments(found.group(2)).into_iter().partition(|one| keyword(one).is_some());
    let lacks_settings = mistake.code() == "E0061" && plain.len() < 3;
    let known = ["epochs", "batch_size", "validation_split", "shuffle", "seed", "verbose"];
    let of_keras = ["validation_data", "callbacks", "class_weight", "steps_per_epoch"];
    let is_setting = |(name, _): (&str, &str)| known.contains(&name) || of_keras.contains(&name);
    if !lacks_settings && !named.iter().filter_map(|one| keyword(one)).any(is_setting) {
        return None;
    }
    let fields: Vec<String> = named
        .iter()
        .filter_map(|one| keyword(one))
        .filter(|(name, _)| known.contains(name))
        .map(|(name, given)| match (name, given) {
            ("verbose", "0") => "verbose: false, ".to_string(),
            ("verbose", _) => "verbose: true, ".to_string(),
            _ => format!("{name}: {}, ", value(given)),
        })
        .collect();
    let data: Vec<String> =
        plain.iter().take(2).map(|one| format!("&{}", one.trim_start_matches('&'))).collect();
    let settings = match fields.is_empty() {
        true => "&Fit::default()".to_string(),
        false => format!("&Fit {{ {}..Fit::default() }}", fields.concat()),
    };
    Some(format!(
        "Settings stand in a `Fit`, and data is lent by `&`: `{}.fit({}, {settings})?`.",
        found.group(1),
        data.join(", ")
    ))
}

/// `model.compile(optimizer="adam", loss="categorical_crossentropy")`
fn compile(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r"(\w+)\.compile\((.*)\)"))?;
    let given = arguments(found.group(2));
    let text = |wanted: &str, place: usize| {
        let named = given
            .iter()
            .filter_map(|one| keyword(one))
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value);
        let plain = given.iter().filter(|one| keyword(one).is_none()).nth(place).copied();
        named.or(plain).unwrap_or("").trim_matches(['"', '\'']).to_string()
    };
    let optimizer = match text("optimizer", 0).to_lowercase().as_str() {
        "sgd" => "SGD::default()",
        "rmsprop" => "RMSprop::default()",
        "adamw" => "AdamW::default()",
        _ => "Adam::default()",
    };
    let loss = match text("loss", 1).to_lowercase().as_str() {
        name if name.contains("sparse") => "Loss::SparseCategoricalCrossentropy",
        name if name.contains("mse") || name.contains("mean_squared") => "Loss::MeanSquaredError",
        name if name.contains("binary") => "Loss::BinaryCrossentropy",
        _ => "Loss::CategoricalCrossentropy",
    };
    let optimizers = ["adam", "sgd", "rmsprop", "adamw", "adagrad", "nadam"];
    let is_named = given
        .iter()
        .filter_map(|one| keyword(one))
        .any(|(name, _)| ["optimizer", "loss", "metrics"].contains(&name));
    let is_keras = is_named || optimizers.contains(&text("optimizer", 0).to_lowercase().as_str());
    is_keras.then(|| {
        format!(
            "Optimizers and losses are types, given in this order: `{}.compile({optimizer}, {loss})?`; accuracy is always measured.",
            found.group(1)
        )
    })
}

/// `activation("relu")`
fn activation(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r#"\bactivation\s*(\(|=)\s*(?:"(\w*)"|'(\w+)')"#))?;
    let name = if found.group(2).is_empty() { found.group(3) } else { found.group(2) };
    Some(format!("Activations are names, not text: `.activation({})`.", capitalised(name)))
}

/// `padding="same"`
fn padding(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r#"\bpadding\s*(\(|=)\s*(?:"(\w*)"|'(\w+)')"#))?;
    let name = if found.group(2).is_empty() { found.group(3) } else { found.group(2) };
    Some(format!("Paddings are names, not text: `.padding(Padding::{})`.", capitalised(name)))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `Dense(10)` instead of `Dense::new(10)`
fn layer(mistake: &Mistake) -> Option<String> {
    let name = mistake
        .quoted()
        .into_iter()
        .next()
        .filter(|_| ["E0423", "E0533", "E0618"].contains(&mistake.code()))?;
    let name = name.rsplit("::").next()?;
    if name == "Sequential" {
        return Some(
            "A model begins with the shape of an image, and layers are added: `Sequential::input([1, 28, 28]).add(Flatten)\
             .add(Dense::new(10)).build()?`."
                .to_string(),
        );
    }
    let is_layer = pattern!(r"^(Dense|Conv2D|MaxPooling2D|AveragePooling2D|Dropout)$").is_match(name);
    let found =
        mistake.find(pattern!(r"\b[A-Z]\w+\(([^()]*(?:\([^()]*\)[^()]*)*)\)")).filter(|_| is_layer)?;
    let plain: Vec<&str> =
        arguments(found.group(1)).into_iter().filter(|one| keyword(one).is_none()).collect();
    Some(format!("A layer is made by `new`: `{name}::new({})`.", plain.join(", ")))
}

/// `Fit { epochs: 3 }`
fn settings(mistake: &Mistake) -> Option<String> {
    if mistake.code() != "E0063" {
        return None;
    }
    let name = mistake.quoted().last()?.rsplit("::").next()?.to_string();
    let found = mistake.find(&regex::Regex::new(&format!(r"\b{}\s*\{{(.*?)\}}", regex::escape(&name))).ok()?);
    let fields = found.as_ref().map_or("", |found| found.group(1)).trim_end_matches(',');
    let fields = if fields.is_empty() { "…".to_string() } else { fields.to_string() };
    Some(match name.as_str() {
        "Fit" | "Augment" | "Adam" | "AdamW" | "SGD" | "RMSprop" => {
            format!("The other settings come from `Default`: `{name} {{ {fields}, ..{name}::default() }}`.")
        }
        _ => format!(
            "All fields of `{name}` are to be given; where it has a `Default`, the others come from `..{name}::default()`."
        ),
    })
}

/// `np.zeros(3)`
fn module(mistake: &Mistake) -> Option<String> {
    let name = mistake
        .quoted()
        .into_iter()
        .next()
        .filter(|_| ["E0425", "E0433", "E0432"].contains(&mistake.code()))?;
    mistake.find(&regex::Regex::new(&format!(r"\b{}(\.|::)\w", regex::escape(name))).ok()?)?;
    MODULES.iter().find(|(module, _)| *module == name).map(|(_, advice)| advice.to_string())
}
