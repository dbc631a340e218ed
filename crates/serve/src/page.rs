//! The page at `/`: to draw on, where the first model can be written as one, else a list of what there is.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use cnn::anyhow::anyhow;
use std::sync::Arc;
use tracing::debug;

use crate::app::App;
use crate::model::Choice;

/// Answers with a page.
pub(crate) async fn page(State(app): State<Arc<App>>) -> Response {
    let drawing = match app.registry.get(&app.first, &Choice::Latest) {
        Ok(served) if served.info.reads_digits() => served.page().await,
        _ => Err(anyhow!("the first model reads no digits")),
    };
    let page = drawing.unwrap_or_else(|error| {
        debug!("no page to draw on: {error:#}");
        index(&app.registry.names(), &format!("{error:#}"))
    });
    ([(header::CACHE_CONTROL, "no-cache")], Html(page)).into_response()
}

fn index(models: &[String], why: &str) -> String {
    let links: String = models
        .iter()
        .map(|name| {
            let (text, address) = (escaped(name), escaped(&encoded(name)));
            format!(
                "<li>{text}: <a href=\"/v1/models/{address}\">status</a>, <a \
                 href=\"/v1/models/{address}/metadata\">inputs and outputs</a></li>\n"
            )
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Models</title>\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<style>body {{ font-family: system-ui; margin: 2em; color-scheme: light dark }}</style>\n\
         <h1>Models</h1>\n<ul>\n{links}</ul>\n<p>There is no page to draw on: {}.</p>\n<p><a href=\"/openapi.json\">All addresses</a>, <a \
         href=\"/metrics\">metrics</a></p>\n</html>\n",
        escaped(why)
    )
}

fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_links_to_each_model() {
        let page = index(&["a<b &c".to_string()], "a > b");
        assert!(page.contains("<li>a&lt;b &amp;c: <a href=\"/v1/models/a%3Cb%20%26c\">"), "{page}");
        assert!(page.contains("no page to draw on: a &gt; b."), "{page}");
    }
}
