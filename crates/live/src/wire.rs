//! What a program writes so that a kernel shows it: the wire format, version 1.
//!
//! A message is one line on the standard output: the mark `\u{1f}live/1 ` (unit separator, name, version, space), a JSON
//! object, and a newline. The object is one of
//!
//! ```json
//! {"op":"display","data":{"text/plain":"…"}}
//! {"op":"display","id":"…","data":{"text/plain":"…"}}
//! {"op":"update","id":"…","data":{"text/plain":"…"}}
//! {"op":"clear","wait":true}
//! {"op":"failed"}
//! {"op":"panicked"}
//! ```
//!
//! - `display` shows `data`, a content for each MIME type, after all that was written before it. With an `id`, the
//!   output can be updated.
//! - `update` replaces what the output `id` shows.
//! - `clear` removes the cell's output; with `wait`, not before the next output comes.
//! - `failed` and `panicked` say that the cell has ended with an error that `?` returned, or with a panic; what it has
//!   just written to the standard error is the message. The kernel itself has cells write these two.
//!
//! Contents are always strings: base64 for pictures, the JSON's text for JSON types. In the object every control
//! character is escaped, so a message never has a newline within. If a cell prints half a line before, without a
//! newline, then the mark stands in the middle of a line, and what is before it was printed.
//!
//! The kernel announces itself by the environment variable `LIVE_KERNEL`, the version. It asks a cell to stop by creating
//! the file that `LIVE_STOP` names, and removes the file before the next cell.

use crate::json::string;

/// The version of the format, as `LIVE_KERNEL` gives it.
pub(crate) const VERSION: &str = "1";

/// Shows data; with an id, they can be updated.
pub(crate) fn display(id: Option<&str>, data: &[(&str, &str)]) -> String {
    let id = id.map_or(String::new(), |id| format!("\"id\":{},", string(id)));
    message(&format!("\"op\":\"display\",{id}\"data\":{}", object(data)))
}

/// Replaces what the output `id` shows.
pub(crate) fn update(id: &str, data: &[(&str, &str)]) -> String {
    message(&format!("\"op\":\"update\",\"id\":{},\"data\":{}", string(id), object(data)))
}

/// Removes the cell's output.
pub(crate) fn clear(wait: bool) -> String {
    message(&format!("\"op\":\"clear\",\"wait\":{wait}"))
}

/// The same for a stock evcxr kernel, which keeps the last block of each type until the cell ends.
pub(crate) fn stock(data: &[(&str, &str)]) -> String {
    let block = |(mime, content): &(&str, &str)| {
        format!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT\n")
    };
    data.iter().map(block).collect()
}

fn message(fields: &str) -> String {
    format!("\u{1f}live/{VERSION} {{{fields}}}\n")
}

/// Pairs as a JSON object.
fn object(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{}:{}", string(key), string(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    /// Takes a message apart as a kernel does.
    fn parsed(message: &str) -> Value {
        let object = message.strip_prefix("\u{1f}live/1 ").expect("the mark").strip_suffix('\n');
        let object = object.expect("a newline at the end");
        assert!(!object.contains(char::is_control), "{object:?}");
        serde_json::from_str(object).expect("JSON")
    }

    #[test]
    fn messages_are_what_the_format_says() {
        let data = [("text/html", "<b>1</b>"), ("text/plain", "1")];
        let object = json!({ "text/html": "<b>1</b>", "text/plain": "1" });
        assert_eq!(parsed(&display(None, &data)), json!({ "op": "display", "data": object }));
        assert_eq!(
            parsed(&display(Some("a-1"), &data)),
            json!({ "op": "display", "id": "a-1", "data": object })
        );
        assert_eq!(parsed(&update("a-1", &data)), json!({ "op": "update", "id": "a-1", "data": object }));
        assert_eq!(parsed(&update("a-1", &[]))["data"], json!({}));
        assert_eq!(parsed(&clear(true)), json!({ "op": "clear", "wait": true }));
        assert_eq!(parsed(&clear(false)), json!({ "op": "clear", "wait": false }));
    }

    #[test]
    fn every_text_comes_through() {
        let controls: String = (0..0xa0).filter_map(char::from_u32).collect();
        let nasty = format!("{controls}\"\\\\\"/</script>\r\n\u{1f}live/1 {{}}\u{2028}äß 文 😀 \u{10ffff}");
        for text in ["", "\\", "\"", "\\n", "\u{feff}", &nasty] {
            let message = parsed(&update(text, &[(text, text)]));
            assert_eq!((&message["id"], &message["data"][text]), (&json!(text), &json!(text)));
        }
    }

    #[test]
    fn a_stock_kernel_gets_its_own_blocks() {
        let blocks = stock(&[("text/html", "<b>\n1</b>"), ("text/plain", "1")]);
        let expected = "EVCXR_BEGIN_CONTENT text/html\n<b>\n1</b>\nEVCXR_END_CONTENT\n\
                        EVCXR_BEGIN_CONTENT text/plain\n1\nEVCXR_END_CONTENT\n";
        assert_eq!(blocks, expected);
    }
}
