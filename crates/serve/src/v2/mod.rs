//! The Open Inference Protocol, version 2, over HTTP: <https://github.com/kserve/open-inference-protocol>, with the binary tensors of
//! NVIDIA's Triton, which its Python client sends unless it is told not to.

mod infer;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use std::sync::Arc;

use crate::app::{compressed, is_compressed, marked, App};
use crate::failure::{json, Failure};
use crate::json::push_string;
use crate::model::{Choice, Info};

/// `GET /v2`: what the server is.
pub(crate) async fn server() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    json(format!(r#"{{"name":"serve","version":"{version}","extensions":["binary_tensor_data"]}}"#))
}

/// Everything below `/v2/`.
pub(crate) async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let parts: Vec<&str> = path.trim_start_matches("/v2/").split('/').collect();
    let answer = match (&head.method, parts.as_slice()) {
        (&Method::GET, ["health", "live"]) => Ok(json(r#"{"live":true}"#.to_string())),
        // The server listens only when its models are loaded.
        (&Method::GET, ["health", "ready"]) => Ok(json(r#"{"ready":true}"#.to_string())),
        (method, ["models", name, rest @ ..]) => {
            let model = async {
                let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
                let (choice, rest) = match rest {
                    ["versions", version, rest @ ..] => (Choice::Version(number(version)?), rest),
                    rest => (Choice::Latest, rest),
                };
                let served = app.registry.get(&name, &choice)?;
                match (method, rest) {
                    (&Method::GET, []) => {
                        let all = app.registry.status(&name, &Choice::Latest)?;
                        let versions = all.iter().filter(|status| status.refused.is_none());
                        Ok(json(metadata(&served.info, versions.map(|status| status.version).collect())))
                    }
                    (&Method::GET, ["ready"]) => {
                        let mut text = r#"{"name":"#.to_string();
                        push_string(&mut text, &name);
                        text.push_str(r#","ready":true}"#);
                        Ok(json(text))
                    }
                    (&Method::POST, ["infer"]) if is_compressed(&head.headers) => Err(compressed()),
                    (&Method::POST, ["infer"]) => infer::infer(&app, served, &head.headers, body).await,
                    _ => Err(nothing(method, path)),
                }
            };
            model.await
        }
        (method, _) => Err(nothing(method, path)),
    };
    let api = if path.ends_with("/infer") { "infer" } else { "other" };
    marked(api, answer.into_response())
}

fn number(version: &str) -> Result<i64, Failure> {
    version.parse().map_err(|_| Failure::invalid(format!("The version {version:?} is no number")))
}

fn nothing(method: &Method, path: &str) -> Failure {
    Failure::not_found(format!("There is nothing at {method} {path}; /openapi.json lists what there is"))
}

fn metadata(info: &Info, mut versions: Vec<i64>) -> String {
    versions.sort_unstable();
    let versions: Vec<String> = versions.iter().map(|version| format!("\"{version}\"")).collect();
    let tensor = |name: &str, shape: &[usize]| {
        let sides: String = shape.iter().map(|side| format!(",{side}")).collect();
        format!(r#"{{"name":"{name}","datatype":"FP32","shape":[-1{sides}]}}"#)
    };
    let mut text = r#"{"name":"#.to_string();
    push_string(&mut text, &info.name);
    text.push_str(&format!(
        r#","versions":[{}],"platform":"libtorch","inputs":[{}],"outputs":[{}]}}"#,
        versions.join(","),
        tensor(Info::INPUT, &info.row_shape()),
        tensor(Info::OUTPUT, &info.output_shape)
    ));
    text
}
