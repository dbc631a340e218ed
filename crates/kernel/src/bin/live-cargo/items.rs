//! The items that stand before a cell's function: split into whole items, and put into one order.
//!
//! evcxr keeps them in a hash map, so they come in another order in every kernel. Items may stand in any order, but for
//! macros, which must stand before those who use them. The lines of an item stay as they are.

use ra_ap_rustc_lexer::{tokenize, FrontmatterAllowed, LiteralKind, TokenKind};
use std::collections::HashSet;
use std::ops::Range;

/// Where an item belongs: what others may need comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Attribute,
    ExternCrate,
    Macro,
    Other,
    /// Comments that no item follows.
    Rest,
}

/// The lines of each item, in the one order. `None` where a bracket or a string is left open, or something else keeps from
/// telling where items end.
pub fn in_order(lines: &[&str]) -> Option<Vec<Range<usize>>> {
    let mut items = split(lines)?;
    let text = |range: &Range<usize>| lines[range.clone()].concat();
    items.sort_by_cached_key(|(place, range)| (*place, text(range)));
    Some(items.into_iter().map(|(_, range)| range).collect())
}

/// Names that the user may define anew: of types, modules, and what `use` brings.
pub fn defined_names<'a>(lines: &[&'a str]) -> HashSet<&'a str> {
    const DEFINING: [&str; 7] = ["struct", "enum", "union", "type", "trait", "mod", "as"];
    let mut names = HashSet::new();
    for line in lines {
        let words: Vec<&str> = words(line).collect();
        for pair in words.windows(2) {
            if DEFINING.contains(&pair[0]) {
                names.insert(pair[1]);
            }
        }
        if words.contains(&"use") {
            names.extend(words);
        }
    }
    names
}

/// The words of a text: all that could be a name, also within strings, where formats name variables.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

fn split(lines: &[&str]) -> Option<Vec<(Place, Range<usize>)>> {
    let text = lines.concat();
    let (mut items, mut item) = (Vec::new(), Item::default());
    let (mut position, mut line, mut first_line) = (0, 0, 0);
    let mut open = Vec::new();
    for token in tokenize(&text, FrontmatterAllowed::No) {
        let part = &text[position..position + token.len as usize];
        position += token.len as usize;
        match token.kind {
            TokenKind::OpenParen => open.push(TokenKind::CloseParen),
            TokenKind::OpenBracket => open.push(TokenKind::CloseBracket),
            TokenKind::OpenBrace => open.push(TokenKind::CloseBrace),
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace
                if open.pop() != Some(token.kind) =>
            {
                return None;
            }
            TokenKind::BlockComment { terminated: false, .. } => return None,
            TokenKind::Literal { kind, .. } if is_open(kind) => return None,
            TokenKind::Unknown | TokenKind::UnknownPrefix | TokenKind::Frontmatter { .. } => return None,
            _ => {}
        }
        let is_space = matches!(token.kind, TokenKind::Whitespace);
        if is_space && part.contains('\n') && open.is_empty() && item.is_whole() {
            // The line ends with this white space, and so does the item.
            items.push((item.place(), first_line..line + 1));
            (first_line, item) = (line + 1, Item::default());
        }
        line += part.matches('\n').count();
        if !is_space && !is_comment(token.kind) {
            item.add(part, open.is_empty() || (open.len() == 1 && is_opening(token.kind)));
        }
    }
    match open.is_empty() && item.is_empty() {
        true if first_line < lines.len() => items.push((Place::Rest, first_line..lines.len())),
        true => {}
        false => return None,
    }
    Some(items)
}

fn is_opening(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace)
}

fn is_comment(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::LineComment { .. } | TokenKind::BlockComment { .. })
}

fn is_open(kind: LiteralKind) -> bool {
    use LiteralKind::*;
    matches!(
        kind,
        Char { terminated: false }
            | Byte { terminated: false }
            | Str { terminated: false }
            | ByteStr { terminated: false }
            | CStr { terminated: false }
            | RawStr { n_hashes: None }
            | RawByteStr { n_hashes: None }
            | RawCStr { n_hashes: None }
    )
}

/// An item that is being read: its tokens outside of brackets.
#[derive(Default)]
struct Item {
    outer: Vec<String>,
    defines_macros: bool,
}

impl Item {
    fn add(&mut self, token: &str, is_outer: bool) {
        self.defines_macros |= token == "macro_use" || token == "macro_rules";
        if is_outer {
            self.outer.push(token.to_string());
        }
    }

    fn is_empty(&self) -> bool {
        self.outer.is_empty()
    }

    fn is_inner_attribute(&self) -> bool {
        self.outer.first().is_some_and(|token| token == "#")
            && self.outer.get(1).is_some_and(|token| token == "!")
    }

    /// Whether it may end here. A constant ends with its semicolon, whatever stands in braces before that.
    fn is_whole(&self) -> bool {
        match self.outer.last().map(String::as_str) {
            Some(";") => true,
            Some("}") => !self.needs_semicolon(),
            Some("]") => self.is_inner_attribute(),
            _ => false,
        }
    }

    fn needs_semicolon(&self) -> bool {
        const KINDS: [&str; 11] =
            ["fn", "struct", "enum", "union", "trait", "impl", "mod", "const", "static", "type", "use"];
        let of_function = ["fn", "unsafe", "async", "extern"];
        let mut tokens = self.outer.iter().map(String::as_str).peekable();
        while let Some(token) = tokens.next() {
            let is_const_fn =
                token == "const" && tokens.peek().is_some_and(|next| of_function.contains(next));
            if KINDS.contains(&token) && !is_const_fn {
                return ["const", "static", "type", "use"].contains(&token);
            }
        }
        false
    }

    fn place(&self) -> Place {
        if self.is_inner_attribute() {
            Place::Attribute
        } else if self.outer.windows(2).any(|pair| pair == ["extern", "crate"]) {
            Place::ExternCrate
        } else if self.defines_macros {
            Place::Macro
        } else {
            Place::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(text: &str) -> Option<String> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        Some(in_order(&lines)?.into_iter().map(|range| lines[range].concat()).collect())
    }

    #[test]
    fn items_are_sorted_whole_and_macros_come_first() {
        let text = "use b;\nfn f() -> i32\n{\n    1\n}\n#[derive(Debug)]\n/// It.\nstruct A { x: i32 }\nmacro_rules! m {\n    () => {}\n}\n#![feature(x)]\n";
        let wanted = "#![feature(x)]\nmacro_rules! m {\n    () => {}\n}\n#[derive(Debug)]\n/// It.\nstruct A { x: i32 }\nfn f() -> i32\n{\n    1\n}\nuse b;\n";
        assert_eq!(ordered(text).as_deref(), Some(wanted));
    }

    #[test]
    fn a_constant_ends_with_its_semicolon() {
        let text =
            "static Z: i32 = if cfg!(a) {\n    1\n}\nelse {\n    2\n};\nconst A: P = P { x: 1 }\n    .y();\n";
        let wanted =
            "const A: P = P { x: 1 }\n    .y();\nstatic Z: i32 = if cfg!(a) {\n    1\n}\nelse {\n    2\n};\n";
        assert_eq!(ordered(text).as_deref(), Some(wanted));
    }

    #[test]
    fn what_stands_in_strings_and_comments_is_no_bracket() {
        let text = "fn b() { \"}\"; }\n// }\nfn a() { '{'; /* { */ r#\"}\"# }\n";
        assert_eq!(
            ordered(text).as_deref(),
            Some("// }\nfn a() { '{'; /* { */ r#\"}\"# }\nfn b() { \"}\"; }\n")
        );
    }

    #[test]
    fn what_is_left_open_is_not_split() {
        for text in ["fn f() {\n", "fn f() }\n", "const A: &str = \"x;\n", "/* x\n", "struct A\n"] {
            assert_eq!(ordered(text), None, "{text}");
        }
    }
}
