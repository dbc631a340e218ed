//! TensorFlow Serving's REST interface.
//!
//! Source: `util/json_tensor.cc`, `model_servers/http_rest_api_handler.cc` and `http_rest_api_util.cc` of tensorflow/serving.

mod answer;
mod examples;
mod images;
mod path;
mod status;

pub use path::{Api, Target};

use axum::response::Response;
use std::sync::Arc;

use crate::app::App;
use crate::failure::{json, Failure};
use crate::json::{parse, shortened, Value};
use crate::limits::Held;
use crate::model::{Info, Served};

/// The only signature that a model has.
const SIGNATURE: &str = "serving_default";

/// Answers `:predict`.
///
/// # Errors
/// As TensorFlow Serving, in its order: the body, the model, the signature, the values.
pub async fn predict(app: &Arc<App>, target: Target, body: Held) -> Result<Response, Failure> {
    let arriving = app.on_its_way(&body);
    let (served, asked) = app
        .compute(body, move |app, body| {
            let mut request = request(body)?;
            let served = asked_for(app, &target, &request, body)?;
            let asked = images::read(&mut request, body, &served.info)?;
            Ok((served, asked))
        })
        .await?;
    let answer = served.predict(asked.numbers, asked.count);
    drop(arriving);
    let outputs = answer.await?;
    Ok(json(match asked.rows {
        true => answer::rows(&outputs, served.info.outputs()),
        false => answer::columns(&outputs, served.info.outputs()),
    }))
}

/// Answers `:classify`: a label and its score for each class; labels are the classes' numbers.
///
/// # Errors
/// As [`predict`].
pub async fn classify(app: &Arc<App>, target: Target, body: Held) -> Result<Response, Failure> {
    let (info, outputs) = of_examples(app, target, body).await?;
    Ok(json(answer::classes(&outputs, info.outputs())))
}

/// Answers `:regress`, for models with a single output.
///
/// # Errors
/// As [`predict`], and if the model has several outputs.
pub async fn regress(app: &Arc<App>, target: Target, body: Held) -> Result<Response, Failure> {
    let (info, outputs) = of_examples(app, target, body).await?;
    match info.outputs() {
        1 => Ok(json(answer::regressions(&outputs))),
        several => Err(Failure::invalid(format!(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [{},{several}]",
            outputs.len() / several
        ))),
    }
}

async fn of_examples(app: &Arc<App>, target: Target, body: Held) -> Result<(Info, Vec<f32>), Failure> {
    let (served, count, numbers) = app
        .compute(body, move |app, body| {
            let request = request(body)?;
            let (count, numbers, served) = {
                let examples = examples::listed(&request, body)?;
                let served = asked_for(app, &target, &request, body)?;
                (examples.len(), examples::numbers(examples, &served.info)?, served)
            };
            Ok((served, count, numbers))
        })
        .await?;
    let outputs = served.predict(numbers, count).await?;
    Ok((served.info.clone(), outputs))
}

/// Answers `GET /v1/models/NAME`.
///
/// # Errors
/// If there is no such model or version.
pub fn status(app: &App, target: &Target) -> Result<Response, Failure> {
    Ok(json(status::status(&app.registry.status(&target.model, &target.choice)?)))
}

/// Answers `GET /v1/models/NAME/metadata`.
///
/// # Errors
/// If there is no such model or version.
pub fn metadata(app: &App, target: &Target) -> Result<Response, Failure> {
    Ok(json(status::metadata(&app.registry.get(&target.model, &target.choice)?.info)))
}

/// The body as an object.
fn request(body: &[u8]) -> Result<Value, Failure> {
    if body.is_empty() {
        return Err(Failure::invalid("JSON Parse error: The document is empty"));
    }
    let request = parse(body).map_err(|error| Failure::invalid(format!("JSON Parse error: {error}")))?;
    match request.is_object() {
        true => Ok(request),
        false => Err(format_error(&request, body, "Is not object")),
    }
}

/// The model, if the request names its signature or none.
fn asked_for(app: &App, target: &Target, request: &Value, body: &[u8]) -> Result<Arc<Served>, Failure> {
    let signature = match request.get("signature_name") {
        None => "",
        Some(name) => name.as_str().ok_or_else(|| {
            let what = "not formatted correctly. 'signature_name' key must be a string value.";
            format_error(request, body, what)
        })?,
    };
    let served = app.registry.get(&target.model, &target.choice)?;
    match signature {
        "" | SIGNATURE => Ok(served),
        other => {
            Err(Failure::invalid(format!("Serving signature name: \"{other}\" not found in signature def")))
        }
    }
}

/// TensorFlow Serving's error about a value, which it shows.
fn format_error(value: &Value, body: &[u8], what: &str) -> Failure {
    Failure::invalid(format!("JSON Value: {} {what}", shortened(&body[value.span.clone()])))
}
