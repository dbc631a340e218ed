//! Whether a cell is finished, or a console should ask for another line.

use jupyter_protocol::messaging::IsCompleteReply;
use ra_ap_rustc_lexer::{tokenize, FrontmatterAllowed, LiteralKind, TokenKind};

/// How much deeper the lines within a bracket stand.
const INDENT: &str = "    ";

/// Judges by brackets, strings, comments, and an operator at the end, as rustc's own lexer sees them.
pub fn judge(code: &str) -> IsCompleteReply {
    let mut open = Vec::new();
    let mut last = None;
    let mut attribute = false;
    let mut position = 0;
    // evcxr's commands, such as `:dep`, are not Rust.
    let code: String =
        code.lines().filter(|line| !is_command(line)).map(|line| format!("{line}\n")).collect();
    for token in tokenize(&code, FrontmatterAllowed::No) {
        let text = &code[position..position + token.len as usize];
        position += token.len as usize;
        match token.kind {
            TokenKind::OpenParen => open.push(TokenKind::CloseParen),
            TokenKind::OpenBracket => {
                attribute = open.is_empty() && matches!(last, Some((TokenKind::Pound | TokenKind::Bang, _)));
                open.push(TokenKind::CloseBracket);
            }
            TokenKind::OpenBrace => open.push(TokenKind::CloseBrace),
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace
                if open.pop() != Some(token.kind) =>
            {
                return IsCompleteReply::invalid();
            }
            TokenKind::BlockComment { terminated: false, .. } => return incomplete(open.len()),
            TokenKind::Literal { kind, .. } if is_open(kind) => {
                return IsCompleteReply::incomplete(String::new())
            }
            _ => {}
        }
        if !matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment { .. } | TokenKind::BlockComment { .. }
        ) {
            attribute &= !open.is_empty() || token.kind == TokenKind::CloseBracket;
            last = Some((token.kind, text));
        }
    }
    let awaits_more = match last {
        Some((kind, text)) => {
            attribute || is_operator(kind) || ["else", "let", "mut", "in", "as"].contains(&text)
        }
        None => false,
    };
    match open.is_empty() && !awaits_more {
        true => IsCompleteReply::complete(),
        false => incomplete(open.len()),
    }
}

fn incomplete(depth: usize) -> IsCompleteReply {
    IsCompleteReply::incomplete(INDENT.repeat(depth))
}

fn is_command(line: &str) -> bool {
    let mut characters = line.trim_start().chars();
    characters.next() == Some(':') && characters.next().is_some_and(char::is_alphabetic)
}

fn is_open(kind: LiteralKind) -> bool {
    use LiteralKind::*;
    matches!(
        kind,
        Str { terminated: false }
            | ByteStr { terminated: false }
            | CStr { terminated: false }
            | RawStr { n_hashes: None }
            | RawByteStr { n_hashes: None }
            | RawCStr { n_hashes: None }
    )
}

/// Operators after which an expression has to follow.
fn is_operator(kind: TokenKind) -> bool {
    use TokenKind::*;
    matches!(kind, Dot | Comma | Eq | Plus | Minus | Star | Slash | Percent | And | Or | Caret | Lt | Colon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::messaging::IsCompleteReplyStatus::{Complete, Incomplete, Invalid};

    #[test]
    fn finished_cells_are_complete() {
        for code in [
            "",
            "let x = 1;",
            "x",
            "fn f() { 1 }\n",
            ":dep cnn = { path = \"../crates/cnn\" }\nuse cnn::prelude::*;",
            ":vars",
            "println!(\"(\");",
            "let c = '{'; // and a comment with (",
            "let s = r#\"a \" b\"#;",
            "/* [ */ 1",
            "#[derive(Debug)]\nstruct A;",
            "fn f<'a>(x: &'a str) -> &'a str { x }",
            "a.f()?",
        ] {
            assert_eq!(judge(code).status, Complete, "{code}");
        }
    }

    #[test]
    fn what_is_open_asks_for_another_line() {
        for (code, depth) in [
            ("fn f() {", 1),
            ("vec![\n(1,", 2),
            ("let x =", 0),
            ("x +", 0),
            ("a.b().", 0),
            ("a &&", 0),
            ("let s = \"abc", 0),
            ("let s = r#\"abc\"", 0),
            ("{ /* comment", 1),
            ("#[derive(Debug)]", 0),
            ("if a { 1 } else", 0),
            (":dep a = \"1\"\nfn f(", 1),
        ] {
            let reply = judge(code);
            assert_eq!((reply.status, reply.indent.len()), (Incomplete, depth * INDENT.len()), "{code}");
        }
    }

    #[test]
    fn wrong_brackets_are_invalid() {
        for code in ["}", "fn f() { (1 }", "a]"] {
            assert_eq!(judge(code).status, Invalid, "{code}");
        }
    }
}
