//! The OpenAPI document at `/openapi.json`.

use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItemBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, InfoBuilder, ObjectBuilder, OpenApiBuilder, PathsBuilder, Ref,
    Required, ResponseBuilder,
};

use crate::json::push_string;

const JSON: &str = "application/json";
/// What an error may be.
const ERRORS: [(&str, &str); 8] = [
    ("400", "the request is wrong: its JSON, its names, its shape"),
    ("404", "there is no such model or version"),
    ("408", "the body did not come in time"),
    ("413", "the body is too large"),
    ("429", "too many requests wait"),
    ("500", "the model failed"),
    ("503", "the server ends, or has too many connections"),
    ("504", "the answer took too long"),
];

/// One address: its method, what it is for, the body that it takes, if it takes one, and the answer.
struct Address {
    path: &'static str,
    summary: &'static str,
    body: Option<(&'static str, &'static str)>,
    answer: (&'static str, &'static str),
}

const fn get(path: &'static str, summary: &'static str, answer: (&'static str, &'static str)) -> Address {
    Address { path, summary, body: None, answer }
}

const fn post(
    path: &'static str,
    summary: &'static str,
    schema: &'static str,
    answer: &'static str,
) -> Address {
    Address { path, summary, body: Some((JSON, schema)), answer: (JSON, answer) }
}

const ADDRESSES: [Address; 17] = [
    get("/", "A page to draw a digit on, or a list of the models", ("text/html", "Text")),
    get("/metrics", "What the server counts, for Prometheus", ("application/openmetrics-text", "Text")),
    post("/v1/models/{model}:predict", "Outputs for images", "Predict", "Predictions"),
    post(
        "/v1/models/{model}/versions/{version}:predict",
        "Outputs of a version for images",
        "Predict",
        "Predictions",
    ),
    post(
        "/v1/models/{model}/labels/{label}:predict",
        "Outputs of a labelled version",
        "Predict",
        "Predictions",
    ),
    post("/v1/models/{model}:classify", "A label and a score for each class", "Examples", "Results"),
    post("/v1/models/{model}:regress", "One number for each example", "Examples", "Results"),
    Address {
        path: "/v1/models/{model}:read",
        summary: "The digit in a picture (PNG or JPEG)",
        body: Some(("image/png", "Picture")),
        answer: (JSON, "Digit"),
    },
    get("/v1/models/{model}", "The model's versions and their states", (JSON, "Status")),
    get("/v1/models/{model}/metadata", "The model's inputs and outputs", (JSON, "Any")),
    get("/v2", "What the server is (Open Inference Protocol)", (JSON, "Any")),
    get("/v2/health/live", "Whether the server answers", (JSON, "Any")),
    get("/v2/health/ready", "Whether all models are loaded", (JSON, "Any")),
    get("/v2/models/{model}", "The model's inputs and outputs", (JSON, "Any")),
    get("/v2/models/{model}/ready", "Whether the model answers", (JSON, "Any")),
    post("/v2/models/{model}/infer", "Outputs for a tensor of images", "Infer", "Inferred"),
    post("/v2/models/{model}/versions/{version}/infer", "Outputs of a version", "Infer", "Inferred"),
];

/// The document.
pub(crate) fn document() -> String {
    let mut paths = PathsBuilder::new();
    for address in &ADDRESSES {
        let method = if address.body.is_some() { HttpMethod::Post } else { HttpMethod::Get };
        paths =
            paths.path(address.path, PathItemBuilder::new().operation(method, operation(address)).build());
    }
    let info = InfoBuilder::new()
        .title("A server for models of the crate cnn")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "TensorFlow Serving's REST interface, the Open Inference Protocol, and pictures of digits.",
        ));
    let document = OpenApiBuilder::new().info(info).paths(paths).components(Some(components())).build();
    document.to_json().unwrap_or_else(|error| {
        let mut text = r#"{"error":"#.to_string();
        push_string(&mut text, &error.to_string());
        text.push('}');
        text
    })
}

fn content(schema: &str) -> Content {
    Content::new(Some(Ref::from_schema_name(schema)))
}

fn operation(address: &Address) -> OperationBuilder {
    let (media_type, schema) = address.answer;
    let answer =
        ResponseBuilder::new().description("the answer").content(media_type, content(schema)).build();
    let names = ["model", "version", "label"]
        .into_iter()
        .filter(|name| address.path.contains(&format!("{{{name}}}")));
    let mut operation = OperationBuilder::new()
        .summary(Some(address.summary))
        .parameters(Some(names.map(parameter)))
        .response("200", answer);
    if address.path.contains("{model}") {
        for (code, description) in
            ERRORS.into_iter().filter(|(code, _)| address.body.is_some() || *code == "404")
        {
            let error =
                ResponseBuilder::new().description(description).content(JSON, content("Error")).build();
            operation = operation.response(code, error);
        }
    }
    match address.body {
        None => operation,
        Some((media_type, schema)) => {
            let mut body =
                RequestBodyBuilder::new().required(Some(Required::True)).content(media_type, content(schema));
            if schema == "Picture" {
                body = body.content("image/jpeg", content(schema));
            }
            operation.request_body(Some(body.build()))
        }
    }
}

fn parameter(name: &str) -> Parameter {
    let kind = if name == "version" { Type::Integer } else { Type::String };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .build()
}

fn components() -> utoipa::openapi::Components {
    let any = |description: &str| {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(description.to_string()))
    };
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let images = "lists of numbers in the shape of the metadata, also NaN, Infinity and -Infinity";
    ComponentsBuilder::new()
        .schema("Any", ObjectBuilder::new())
        .schema("Text", text())
        .schema("Picture", text().content_media_type("application/octet-stream"))
        .schema("Error", ObjectBuilder::new().property("error", text()).required("error"))
        .schema(
            "Predict",
            ObjectBuilder::new()
                .description(Some("either instances or inputs"))
                .property("signature_name", text())
                .property(
                    "instances",
                    any(&format!("a list of images: {images}; or of objects with the input's name")),
                )
                .property(
                    "inputs",
                    any(&format!("all images as one tensor: {images}; or an object with the input's name")),
                ),
        )
        .schema(
            "Predictions",
            ObjectBuilder::new()
                .property("predictions", any("for instances: a list of outputs for each image"))
                .property("outputs", any("for inputs: all outputs as one tensor")),
        )
        .schema(
            "Examples",
            ObjectBuilder::new()
                .property("signature_name", text())
                .property("context", ObjectBuilder::new())
                .property("examples", any("objects with the numbers of an image in one list"))
                .required("examples"),
        )
        .schema(
            "Results",
            ObjectBuilder::new().property("results", any("for each example")).required("results"),
        )
        .schema(
            "Digit",
            ObjectBuilder::new()
                .property("digit", ObjectBuilder::new().schema_type(Type::Integer))
                .property("probabilities", any("for each digit"))
                .property("image", any("28 rows of 28 numbers: what the network saw")),
        )
        .schema("Status", ObjectBuilder::new().property("model_version_status", any("for each version")))
        .schema(
            "Infer",
            ObjectBuilder::new()
                .property("id", text())
                .property("inputs", any("one tensor: name, datatype \"FP32\", shape, data"))
                .required("inputs"),
        )
        .schema(
            "Inferred",
            ObjectBuilder::new()
                .property("id", text())
                .property("model_name", text())
                .property("model_version", text())
                .property("outputs", any("one tensor: name, datatype, shape, data")),
        )
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cnn::serde_json::{from_str, Value};

    #[test]
    fn the_document_has_all_addresses_and_refers_to_what_it_has() {
        let text = document();
        let document: Value = from_str(&text).unwrap();
        assert_eq!(document["paths"].as_object().unwrap().len(), ADDRESSES.len());
        let predict = &document["paths"]["/v1/models/{model}/versions/{version}:predict"]["post"];
        assert_eq!(predict["parameters"].as_array().unwrap().len(), 2);
        assert!(predict["responses"]["429"]["content"][JSON]["schema"]["$ref"]
            .as_str()
            .unwrap()
            .ends_with("/Error"));
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
