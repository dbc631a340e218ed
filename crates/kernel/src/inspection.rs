//! What Shift+Tab shows: which name is meant, and what is known of it as Jupyter's reply.
//!
//! Source: "Introspection" in Jupyter's messaging protocol. Jupyter counts code points, live-session bytes.

use jupyter_protocol::messaging::InspectReply;
use jupyter_protocol::{Media, MediaType};
use ra_ap_rustc_lexer::{tokenize, FrontmatterAllowed, TokenKind};
use regex::Regex;
use serde::Deserialize;
use std::sync::LazyLock;

use crate::completion::byte_offset;

/// After so many paragraphs of documentation the rest is left out, as it is before its first heading.
const PARAGRAPHS: usize = 3;

/// What is known of a name.
#[derive(Deserialize, Debug)]
pub struct Explanation {
    /// As plain text.
    pub text: String,
    /// As HTML, where it is known.
    #[serde(default)]
    pub html: String,
}

/// Where the names end, in bytes, about which somebody may want to know at this place, the likeliest first: the one around
/// the cursor, then those whose parentheses or braces it is within, the innermost first.
pub fn names_at(code: &str, cursor: usize) -> Vec<usize> {
    let cursor = byte_offset(code, cursor);
    let (mut own, mut last_name, mut open) = (None, None, Vec::new());
    let mut start = 0;
    for token in tokenize(code, FrontmatterAllowed::No) {
        let end = start + token.len as usize;
        let is_name = matches!(token.kind, TokenKind::Ident | TokenKind::RawIdent);
        if is_name && start <= cursor && cursor <= end {
            own = Some(end);
        }
        if start >= cursor {
            break;
        }
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBrace | TokenKind::OpenBracket => {
                open.push(last_name.take())
            }
            TokenKind::CloseParen | TokenKind::CloseBrace | TokenKind::CloseBracket => {
                // Behind them stands no name, whatever was before: `(a) {`.
                last_name = None;
                open.pop();
            }
            TokenKind::Whitespace | TokenKind::Bang => {}
            _ => last_name = is_name.then_some(end),
        }
        start = end;
    }
    let mut found: Vec<usize> = own.into_iter().chain(open.into_iter().rev().flatten()).collect();
    found.dedup();
    found
}

/// The reply; with `detail`, which a second Shift+Tab asks for in some clients, all that is known.
pub fn reply(explanation: Option<&Explanation>, detail: bool) -> InspectReply {
    let Some(Explanation { text, html }) = explanation else { return InspectReply::default() };
    // The crate that evcxr makes of a notebook has a name that nobody has given it.
    static CRATE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^ctx\n\n|^<pre><code[^>]*>ctx\n?</code></pre>\n?|\bctx::").expect("a valid pattern")
    });
    let (text, html) = (&CRATE.replace_all(text, "").into_owned(), &CRATE.replace_all(html, "").into_owned());
    let mut content = vec![MediaType::Plain(if detail { text.clone() } else { beginning(text, "\n\n") })];
    if !html.is_empty() {
        content.push(MediaType::Html(if detail { html.clone() } else { beginning(html, "</p>") }));
    }
    InspectReply { found: true, data: Media::new(content), ..InspectReply::default() }
}

/// Up to the first heading of the documentation, or its first paragraphs. `end` ends a paragraph.
fn beginning(text: &str, end: &str) -> String {
    // In plain text, rust-analyzer puts what is below a heading behind it, without a space.
    static HEADING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"<h[1-6]|\n\n(?:# |(?:Examples|Panics|Safety|Errors)[^ ])").expect("a valid pattern")
    });
    let limit = HEADING.find(text).map_or(text.len(), |heading| heading.start());
    let text = &text[..limit];
    // The signature comes before: in HTML as blocks that are no paragraphs, in text as two of them.
    let signature = if end == "</p>" { 0 } else { 2 };
    match text.match_indices(end).nth(PARAGRAPHS + signature - 1) {
        Some((start, end)) => text[..start + end.len()].trim_end().to_string(),
        None => text.trim_end().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that are meant where `|` stands.
    fn meant(code: &str) -> Vec<String> {
        let cursor = code.chars().position(|c| c == '|').unwrap();
        let code = code.replace('|', "");
        let name = |end: usize| {
            code[..end].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_string()
        };
        names_at(&code, cursor).into_iter().map(name).collect()
    }

    #[test]
    fn the_whole_name_around_the_cursor_is_meant() {
        for code in ["|model.fit", "mo|del.fit", "model|.fit"] {
            assert_eq!(meant(code), ["model"], "{code}");
        }
        for code in ["model.|fit", "model.f|it", "model.fit|"] {
            assert_eq!(meant(code), ["fit"], "{code}");
        }
        assert_eq!(meant("let s = \"😀 a\u{308}\"; mod|el"), ["model"]);
    }

    #[test]
    fn within_parentheses_the_call_is_meant() {
        assert_eq!(meant("model.fit(|"), ["fit"]);
        assert_eq!(meant("model.fit(&x, |)"), ["fit"]);
        assert_eq!(meant("model.fit(&x, &Fit { epochs: | })"), ["Fit", "fit"]);
        assert_eq!(meant("model.fit(&images|, 3)"), ["images", "fit"]);
        assert_eq!(meant("println!(|"), ["println"]);
        assert_eq!(meant("f(1); |"), Vec::<String>::new());
        assert_eq!(meant("// model.fit(|"), Vec::<String>::new());
        assert_eq!(meant("let s = \"mod|el\";"), Vec::<String>::new());
    }

    #[test]
    fn the_first_paragraphs_are_shown_and_all_of_them_on_demand() {
        let html = "<pre>fn f()</pre>\n<hr />\n<p>One.</p>\n<p>Two.</p>\n<h1>Examples</h1>\n<p>Three.</p>"
            .to_string();
        let text = "a::b\n\nfn f()\n\nOne.\n\nTwo.\n\nThree.\n\nFour.".to_string();
        let explanation = Explanation { text, html };
        let shown = |detail| {
            let reply = reply(Some(&explanation), detail);
            assert!(reply.found);
            serde_json::to_value(&reply.data).unwrap()
        };
        assert_eq!(shown(false)["text/plain"], "a::b\n\nfn f()\n\nOne.\n\nTwo.\n\nThree.");
        assert_eq!(shown(false)["text/html"], "<pre>fn f()</pre>\n<hr />\n<p>One.</p>\n<p>Two.</p>");
        assert_eq!(shown(true)["text/html"], explanation.html);
        assert!(!reply(None, false).found);
        assert_eq!(
            beginning("a\n\nb\n\nExamples of it.\n\nExampleslet x = 1;", "\n\n"),
            "a\n\nb\n\nExamples of it."
        );
    }
}
