//! What went wrong with a request: TensorFlow Serving's kinds of errors, and their JSON.

use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::json::push_string;

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub code: StatusCode,
    /// What the client reads as `error`.
    pub message: String,
}

impl Failure {
    fn new(code: StatusCode, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into() }
    }

    /// 400: the request is wrong, and will be the next time.
    pub fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, message)
    }

    /// 404: there is no such model, version or page.
    pub fn not_found(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, message)
    }

    /// 408: the body did not come in time.
    pub fn too_slow(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::REQUEST_TIMEOUT, message)
    }

    /// 413: the body is too large.
    pub fn too_large(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 429: too many requests wait.
    pub fn exhausted(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::TOO_MANY_REQUESTS, message)
    }

    /// 500: the model failed.
    pub fn internal(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 501: a model of this kind cannot do it.
    pub fn unimplemented(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    /// 503: the server is ending.
    pub fn unavailable(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// 504: the answer took too long.
    pub fn deadline(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::GATEWAY_TIMEOUT, message)
    }

    /// `{"error": "…"}`, as TensorFlow Serving lays it out.
    pub fn to_json(&self) -> String {
        let mut json = "{\n    \"error\": ".to_string();
        push_string(&mut json, &self.message);
        json.push_str("\n}");
        json
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.code, [(header::CONTENT_TYPE, "application/json")], self.to_json()).into_response()
    }
}

/// A JSON text as an answer.
pub fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_tensorflow_servings_json() {
        assert_eq!(Failure::invalid("a \"b\"").to_json(), "{\n    \"error\": \"a \\\"b\\\"\"\n}");
    }
}
