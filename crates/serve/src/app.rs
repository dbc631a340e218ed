//! The addresses, and who answers them.

use axum::extract::{Request, State};
use axum::http::{header, HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn_with_state, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::Router;
use std::any::Any;
use std::sync::Arc;
use std::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{debug, error};

use crate::failure::{json, Failure};
use crate::limits::{Bodies, Held, Limits};
use crate::metrics::{self, Metrics};
use crate::model::{Arriving, OnItsWay, Registry};
use crate::rest::{self, Api, Target};
use crate::{openapi, page, read, v2};

/// Larger bodies are read on threads of their own, so that they do not hold others up.
const LARGE: usize = 256_000;

/// What all requests share.
#[derive(Debug)]
pub struct App {
    /// The models.
    pub registry: Arc<Registry>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Requests whose body is here and whose images are not in a queue yet.
    pub arriving: Arriving,
    /// Reads bodies.
    pub bodies: Bodies,
    /// Whether pages of other hosts may ask.
    pub cors: bool,
    /// The model of the page at `/`.
    pub first: String,
}

impl App {
    /// For models that are loaded already; the first is that of the page at `/`.
    pub fn new(registry: Arc<Registry>, metrics: Arc<Metrics>, arriving: Arriving, limits: &Limits) -> App {
        let first = registry.names().into_iter().next().unwrap_or_default();
        App { registry, metrics, arriving, bodies: Bodies::new(limits), cors: false, first }
    }

    /// What answers requests.
    pub fn router(self) -> Router {
        let app = Arc::new(self);
        Router::new()
            .route("/", get(page::page))
            .route("/openapi.json", get(|| async { json(openapi::document()) }))
            .route("/metrics", get(counted))
            .route("/v2", get(v2::server))
            .route("/v2/{*rest}", any(v2::answer))
            .fallback(of_tensorflow)
            .method_not_allowed_fallback(not_found)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(app.clone(), noted))
            .with_state(app)
    }

    /// A small request, for which a batch may wait.
    pub(crate) fn on_its_way(&self, body: &Held) -> Option<OnItsWay> {
        (body.bytes.len() <= LARGE).then(|| self.arriving.one())
    }

    /// Does work with a body: at once where it is small, on another thread where it takes longer.
    pub(crate) async fn compute<T: Send + 'static>(
        self: &Arc<Self>,
        body: Held,
        work: impl FnOnce(&App, &[u8]) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let has_picture = || memchr::memmem::find(&body.bytes, b"\"b64\"").is_some();
        if body.bytes.len() <= LARGE && !has_picture() {
            return work(self, &body.bytes);
        }
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app, &body.bytes)).await;
        done.unwrap_or_else(|error| Err(Failure::internal(format!("The request could not be read: {error}"))))
    }
}

/// `/v1/…`, and what is no address at all.
async fn of_tensorflow(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if !path.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("/v1/")) {
        return Err(nothing_at(&head.method, path));
    }
    if head.method == Method::OPTIONS {
        let origin =
            head.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
        return match origin.contains("http://") || origin.contains("https://") {
            true => Ok(StatusCode::OK.into_response()),
            false => Err(Failure::invalid("Origin header is missing in CORS preflight")),
        };
    }
    let target = Target::read(&head.method, path)?;
    let api = target.api;
    let answer = async {
        match api {
            Api::Status => rest::status(&app, &target),
            Api::Metadata => rest::metadata(&app, &target),
            _ if is_compressed(&head.headers) => Err(compressed()),
            _ => {
                let body = app.bodies.read(body).await?;
                match api {
                    Api::Predict => rest::predict(&app, target, body).await,
                    Api::Classify => rest::classify(&app, target, body).await,
                    Api::Regress => rest::regress(&app, target, body).await,
                    _ => read::read(&app, target, body).await,
                }
            }
        }
    };
    Ok(marked(api.name(), answer.await.into_response()))
}

/// With the name under which it is counted.
pub(crate) fn marked(api: &'static str, mut response: Response) -> Response {
    response.extensions_mut().insert(api);
    response
}

/// Whether a body would have to be unpacked: nobody knows how large it then is.
pub(crate) fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity")
}

pub(crate) fn compressed() -> Failure {
    let message = "Compressed bodies are not read; send it as it is".to_string();
    Failure { code: StatusCode::UNSUPPORTED_MEDIA_TYPE, message }
}

fn nothing_at(method: &Method, path: &str) -> Failure {
    Failure::not_found(format!("There is nothing at {method} {path}; /openapi.json lists what there is"))
}

async fn not_found(request: Request) -> Failure {
    nothing_at(request.method(), request.uri().path())
}

async fn counted(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], app.metrics.text()).into_response()
}

/// Counts an answer, writes a line about it, and lets pages of other hosts read it where that is wanted.
async fn noted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let mut response = next.run(request).await;
    let (status, took) = (response.status(), begin.elapsed());
    let api = response.extensions().get::<&'static str>().copied().unwrap_or("other");
    app.metrics.answered(api, status.as_u16(), took);
    let ms = took.as_secs_f64() * 1e3;
    match status.is_server_error() {
        true => error!(%method, path, status = status.as_u16(), ms, "answered with an error"),
        false => debug!(%method, path, status = status.as_u16(), ms, "answered"),
    }
    if app.cors {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
    }
    response
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason is given");
    error!("a request has panicked: {text}");
    Failure::internal("The server failed at this request; its log says why").into_response()
}
