//! How values show themselves at the end of a notebook cell.
//!
//! A live kernel shows each item at once, in its place between what the cell prints.
//!
//! A stock evcxr kernel takes rich output from lines between `EVCXR_BEGIN_CONTENT type` and `EVCXR_END_CONTENT`. It
//! keeps one output of each type per cell, the last. So that a cell may show two figures, or a table and a figure,
//! everything that a cell has shown so far is sent again with each new item.

use std::sync::Mutex;

use super::rows::Rows;

/// Something that a cell shows, and the text for where only text can be shown.
#[derive(Clone)]
pub(crate) enum Item {
    Picture { rows: Rows, text: String },
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
    let pictures = shown.iter().map(|item| match item {
        Item::Picture { rows, .. } => Some(rows.clone()),
        Item::Html { .. } => None,
    });
    let only_pictures: Option<Vec<Rows>> = pictures.collect();
    match only_pictures.and_then(|pictures| pictures.into_iter().reduce(|upper, lower| upper.above(&lower))) {
        // A PNG of its own is what every viewer of notebooks can show.
        Some(all) => send("image/png", &all.whole().base64()),
        None => send("text/html", &shown.iter().map(Item::html).collect::<String>()),
    }
    send("text/plain", &shown.iter().map(Item::text).collect::<Vec<_>>().join("\n"));
}

fn send(mime_type: &str, content: &str) {
    println!("EVCXR_BEGIN_CONTENT {mime_type}\n{content}\nEVCXR_END_CONTENT");
}

impl Item {
    /// Pairs of MIME type and content.
    pub fn data(&self) -> Vec<(&'static str, String)> {
        let mut data = match self {
            // Pages prefer HTML; where nothing can stack, a PNG alone is small.
            Item::Picture { rows, .. } if !rows.can_stack() => vec![("image/png", rows.whole().base64())],
            Item::Picture { rows, .. } => {
                vec![("image/png", rows.whole().base64()), ("text/html", rows.html())]
            }
            Item::Html { html, .. } => vec![("text/html", html.clone())],
        };
        data.push(("text/plain", self.text().to_string()));
        data
    }

    pub fn html(&self) -> String {
        match self {
            Item::Picture { rows, .. } => rows.html(),
            Item::Html { html, .. } => html.clone(),
        }
    }

    fn text(&self) -> &str {
        match self {
            Item::Picture { text, .. } | Item::Html { text, .. } => text,
        }
    }
}
