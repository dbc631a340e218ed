//! `:read`: the digit in a picture.

use axum::response::Response;
use cnn::preprocessing::digit_from_bytes;
use std::sync::Arc;

use crate::app::App;
use crate::failure::{json, Failure};
use crate::json::{push_f32, push_f32_list};
use crate::limits::Held;
use crate::metrics::answer;
use crate::rest::Target;

/// The side of the image that the network sees.
const SIDE: usize = 28;
/// A phone's picture has 12 to 50 million; a small file may claim to have many more.
const MOST_PIXELS: usize = 64_000_000;

/// Answers with the digit, the outputs for all classes, and the image that the network saw.
///
/// # Errors
/// If there is no such model, it takes no images of digits, or the body is no picture of a digit.
pub(crate) async fn read(app: &Arc<App>, target: Target, body: Held) -> Result<Response, Failure> {
    let served = app.registry.get(&target.model, &target.choice)?;
    if !served.info.reads_digits() {
        return Err(Failure::unimplemented(format!(
            "Model {} takes images of shape {:?}, and pictures are prepared for [1, {SIDE}, {SIDE}] alone; send numbers to :predict",
            target.model, served.info.input_shape
        )));
    }
    let work = tokio::task::spawn_blocking(move || prepared(&body.bytes));
    let image = work
        .await
        .map_err(|error| Failure::internal(format!("The picture could not be prepared: {error}")))??;
    let outputs = served.predict(image.clone(), 1).await?;
    let mut text = "{\n    \"digit\": ".to_string();
    match answer(&outputs) {
        Some((class, _)) => text.push_str(&class.to_string()),
        None => text.push_str("null"),
    }
    text.push_str(",\n    \"probabilities\": ");
    push_f32_list(&mut text, &outputs);
    text.push_str(",\n    \"image\": [");
    for (index, row) in image.chunks_exact(SIDE).enumerate() {
        text.push_str(if index == 0 { "\n        [" } else { ",\n        [" });
        for (index, &number) in row.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { ", " });
            push_f32(&mut text, number);
        }
        text.push(']');
    }
    text.push_str("\n    ]\n}");
    Ok(json(text))
}

/// What the network sees of a picture's file: 28 × 28 numbers from 0 to 1.
pub(crate) fn prepared(picture: &[u8]) -> Result<Vec<f32>, Failure> {
    let image =
        digit_from_bytes(picture, MOST_PIXELS).map_err(|error| Failure::invalid(format!("{error:#}")))?;
    let numbers = image.f_flatten(0, -1).and_then(|flat| Vec::<f32>::try_from(&flat));
    numbers.map_err(|error| Failure::internal(format!("The picture could not be prepared: {error}")))
}
