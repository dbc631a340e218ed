//! What all widgets are made of: JavaScript and style, a state, and what stands for them where there are none.

use live::Widget;
use serde_json::Value;

use crate::show::html::escape;
use crate::show::item::{show, Item};

const COMMON: &str = include_str!("common.js");
const STYLE: &str = include_str!("widget.css");

/// A widget, and what is shown in its place in saved notebooks and where there are no widgets.
#[derive(Clone)]
pub(super) struct Shown {
    pub widget: Widget,
    still: Item,
}

impl Shown {
    /// `scripts` are put together, with what all widgets share before them; the last one ends with the module's export. `state` is an
    /// object.
    pub fn new(scripts: &[&str], state: &Value, still: Item) -> Shown {
        let module = [&[COMMON], scripts].concat().join("\n");
        let texts: Vec<(&String, String)> =
            state.as_object().into_iter().flatten().map(|(key, value)| (key, value.to_string())).collect();
        let texts: Vec<(&str, &str)> =
            texts.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
        let data = still.data();
        let data: Vec<(&str, &str)> = data.iter().map(|(mime, content)| (*mime, content.as_str())).collect();
        Shown { widget: Widget::new(&module, STYLE, &texts).still(&data), still }
    }

    pub fn show(&self) {
        match live::is_live() {
            true => self.widget.show(),
            // A stock kernel gets all of a cell's outputs in one.
            false => show(self.still.clone()),
        }
    }
}

/// A sentence in a widget's place.
pub(super) fn sentence(text: String) -> Item {
    Item::Html { html: format!("<p>{}</p>", escape(&text)), text }
}
