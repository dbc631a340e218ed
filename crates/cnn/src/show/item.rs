//! How values show themselves at the end of a notebook cell.
//!
//! A live kernel shows each item at once, in its place between what the cell prints.
//!
//! A stock evcxr kernel takes rich output from lines between `EVCXR_BEGIN_CONTENT type` and `EVCXR_END_CONTENT`. It
//! keeps one output of each type per cell, the last. So that a cell may show two figures, or a table and a figure,
//! everything that a cell has shown so far is sent again with each new item.

use base64::{engine::general_purpose::STANDARD, Engine};
use std::sync::Mutex;

use super::html::escape;
use super::pixels::Pixels;

/// Something that a cell shows, and the text for where only text can be shown.
#[derive(Clone)]
pub(crate) enum Item {
    Picture { pixels: Pixels, text: String },
    Html { html: String, text: String },
}

// evcxr links each cell with its own copy of this crate, so this list begins empty in every cell.
static SHOWN: Mutex<Vec<Item>> = Mutex::new(Vec::new());

/// Shows `item`: at once, or, in a stock kernel, as the newest part of all that this cell has shown.
pub(crate) fn show(item: Item) {
    if live::is_live() {
        let data = item.data();
        let data: Vec<(&str, &str)> = data.iter().map(|(mime, content)| (*mime, content.as_str())).collect();
        return live::display(&data);
    }
    let mut shown = SHOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    shown.push(item);
    let only_pictures: Option<Vec<&Pixels>> = shown
        .iter()
        .map(|item| match item {
            Item::Picture { pixels, .. } => Some(pixels),
            Item::Html { .. } => None,
        })
        .collect();
    match only_pictures {
        // A PNG of its own is what every viewer of notebooks can show.
        Some(pictures) => send("image/png", &base64(&Pixels::stacked(&pictures))),
        None => send("text/html", &shown.iter().map(Item::html).collect::<String>()),
    }
    send("text/plain", &shown.iter().map(Item::text).collect::<Vec<_>>().join("\n"));
}

fn send(mime_type: &str, content: &str) {
    println!("EVCXR_BEGIN_CONTENT {mime_type}\n{content}\nEVCXR_END_CONTENT");
}

fn base64(pixels: &Pixels) -> String {
    STANDARD.encode(pixels.png())
}

impl Item {
    /// Pairs of MIME type and content.
    pub fn data(&self) -> Vec<(&'static str, String)> {
        let richest = match self {
            Item::Picture { pixels, .. } => ("image/png", base64(pixels)),
            Item::Html { html, .. } => ("text/html", html.clone()),
        };
        vec![richest, ("text/plain", self.text().to_string())]
    }

    pub fn html(&self) -> String {
        match self {
            Item::Picture { pixels, text } => {
                let (alt, data) = (escape(text), base64(pixels));
                format!("<div><img alt=\"{alt}\" src=\"data:image/png;base64,{data}\"/></div>")
            }
            Item::Html { html, .. } => html.clone(),
        }
    }

    fn text(&self) -> &str {
        match self {
            Item::Picture { text, .. } | Item::Html { text, .. } => text,
        }
    }
}
