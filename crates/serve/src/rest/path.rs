//! Addresses: `/v1/models/NAME[/versions/N|/labels/L]:predict`, `/v1/models/NAME[/versions/N|/labels/L][/metadata]`.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::failure::Failure;
use crate::model::Choice;

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Outputs for tensors.
    Predict,
    /// Labels and scores for examples.
    Classify,
    /// A number for each example.
    Regress,
    /// The digit in a picture; not TensorFlow Serving's.
    Read,
    /// Which versions there are.
    Status,
    /// Inputs and outputs.
    Metadata,
}

impl Api {
    /// The word in addresses and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Api::Predict => "predict",
            Api::Classify => "classify",
            Api::Regress => "regress",
            Api::Read => "read",
            Api::Status => "status",
            Api::Metadata => "metadata",
        }
    }
}

/// Which model is asked, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What is asked.
    pub api: Api,
    /// Of which model.
    pub model: String,
    /// And which of its versions.
    pub choice: Choice,
}

impl Target {
    /// From the path of an address; all words but names are the same in capitals.
    ///
    /// # Errors
    /// If it is no address of the interface, or another method's.
    pub fn read(method: &Method, path: &str) -> Result<Target, Failure> {
        let malformed = || Failure::invalid(format!("Malformed request: {method} {path}"));
        let rest = after(path, "/v1/models").ok_or_else(malformed)?;
        if rest.is_empty() && method == Method::GET {
            return Err(Failure::invalid("Missing model name in request."));
        }
        let (of_model, api) = match *method {
            Method::POST => {
                let (of_model, verb) = rest.rsplit_once(':').ok_or_else(malformed)?;
                let verbs = [Api::Predict, Api::Classify, Api::Regress, Api::Read];
                let api = verbs.into_iter().find(|api| verb.eq_ignore_ascii_case(api.name()));
                (of_model, api.ok_or_else(malformed)?)
            }
            Method::GET => match before(rest, "/metadata") {
                Some(of_model) if !of_model.is_empty() => (of_model, Api::Metadata),
                _ => (rest, Api::Status),
            },
            _ => return Err(malformed()),
        };
        let mut parts = of_model.strip_prefix('/').ok_or_else(malformed)?.split('/');
        let (name, kind, which) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let is_name = |name: &str| !name.is_empty() && !name.contains(':');
        if !is_name(name) || parts.next().is_some() {
            return Err(malformed());
        }
        let choice = match (kind, which) {
            (None, _) => Choice::Latest,
            (Some(kind), Some(version)) if kind.eq_ignore_ascii_case("versions") && is_number(version) => {
                Choice::Version(version.parse().map_err(|_| {
                    Failure::invalid(format!("Failed to convert version: {version} to numeric."))
                })?)
            }
            (Some(kind), Some(label)) if kind.eq_ignore_ascii_case("labels") && is_name(label) => {
                Choice::Label(decoded(label))
            }
            _ => return Err(malformed()),
        };
        Ok(Target { api, model: decoded(name), choice })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn after<'a>(path: &'a str, start: &str) -> Option<&'a str> {
    let head = path.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| &path[start.len()..])
}

fn before<'a>(path: &'a str, end: &str) -> Option<&'a str> {
    let place = path.len().checked_sub(end.len())?;
    path.get(place..)?.eq_ignore_ascii_case(end).then(|| &path[..place])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: Method, path: &str) -> Result<(Api, String, Choice), String> {
        Target::read(&method, path)
            .map(|target| (target.api, target.model, target.choice))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn addresses() {
        let ok = |method: Method, path: &str| read(method, path).unwrap();
        let m = || "m".to_string();
        assert_eq!(ok(Method::POST, "/v1/models/m:predict"), (Api::Predict, m(), Choice::Latest));
        assert_eq!(
            ok(Method::POST, "/V1/Models/m/Versions/12:PREDICT"),
            (Api::Predict, m(), Choice::Version(12))
        );
        assert_eq!(
            ok(Method::POST, "/v1/models/m/labels/st%20able:classify"),
            (Api::Classify, m(), Choice::Label("st able".to_string()))
        );
        assert_eq!(
            ok(Method::POST, "/v1/models/M%C3%A9:read"),
            (Api::Read, "Mé".to_string(), Choice::Latest)
        );
        assert_eq!(ok(Method::GET, "/v1/models/m"), (Api::Status, m(), Choice::Latest));
        assert_eq!(
            ok(Method::GET, "/v1/models/m/versions/1/metadata"),
            (Api::Metadata, m(), Choice::Version(1))
        );
        assert_eq!(
            ok(Method::GET, "/v1/models/metadata"),
            (Api::Status, "metadata".to_string(), Choice::Latest)
        );
    }

    #[test]
    fn what_is_no_address_is_malformed() {
        for (method, path) in [
            (Method::GET, "/v1/models/m:predict"),
            (Method::POST, "/v1/models/m"),
            (Method::POST, "/v1/models/m:explain"),
            (Method::POST, "/v1/models/:predict"),
            (Method::POST, "/v1/models/a:b:predict"),
            (Method::POST, "/v1/models/m/versions/x:predict"),
            (Method::POST, "/v1/models/m/versions/:predict"),
            (Method::POST, "/v1/models/m/versions/1/labels/a:predict"),
            (Method::POST, "/v1/modelsm:predict"),
            (Method::GET, "/v1/elsewhere"),
            (Method::DELETE, "/v1/models/m"),
        ] {
            assert_eq!(
                read(method.clone(), path).unwrap_err(),
                format!("Malformed request: {method} {path}")
            );
        }
        assert_eq!(read(Method::GET, "/v1/models").unwrap_err(), "Missing model name in request.");
        let long = read(Method::GET, "/v1/models/m/versions/99999999999999999999").unwrap_err();
        assert_eq!(long, "Failed to convert version: 99999999999999999999 to numeric.");
    }
}
