//! Cells as lines, and lines as columns on a screen.

use ra_ap_rustc_lexer::{tokenize, FrontmatterAllowed, LiteralKind, TokenKind};
use unicode_width::UnicodeWidthStr;

/// A tab is shown as so many spaces.
const TAB: &str = "    ";

/// A line as it is shown: tabs as spaces, control characters as a sign.
pub fn shown(line: &str) -> String {
    line.chars().map(shown_character).collect()
}

fn shown_character(character: char) -> String {
    match character {
        '\t' => TAB.to_string(),
        _ if character.is_control() => '\u{fffd}'.to_string(),
        _ => character.to_string(),
    }
}

/// The column on the screen, from 0, at which the character with this number, from 1, begins.
pub fn screen_column(line: &str, character: usize) -> usize {
    let before: String = line.chars().take(character.saturating_sub(1)).collect();
    shown(&before).width()
}

/// The part of a line between two columns that count characters from 1; the second one is exclusive.
pub fn part(line: &str, start: usize, end: usize) -> String {
    line.chars().skip(start.saturating_sub(1)).take(end.saturating_sub(start)).collect()
}

/// The cell with what stands in strings and comments replaced, so that only code is found. Each byte keeps its place.
pub fn without_strings_and_comments(cell: &str) -> String {
    let mut masked = String::with_capacity(cell.len());
    for token in tokenize(cell, FrontmatterAllowed::No) {
        let text = &cell[masked.len()..masked.len() + token.len as usize];
        match token.kind {
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
                masked.push_str(&filled(text, ' '))
            }
            TokenKind::Literal { kind, .. } if is_string(kind) => {
                let (begin, end) = (text.find('"').unwrap_or(0), text.rfind('"').unwrap_or(0));
                match end > begin {
                    true => {
                        masked.push_str(&text[..=begin]);
                        masked.push_str(&filled(&text[begin + 1..end], '_'));
                        masked.push_str(&text[end..]);
                    }
                    false => masked.push_str(&filled(text, '_')),
                }
            }
            _ => masked.push_str(text),
        }
    }
    masked
}

/// So many bytes of one sign; lines stay lines.
fn filled(text: &str, sign: char) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { sign }).collect()
}

fn is_string(kind: LiteralKind) -> bool {
    use LiteralKind::*;
    matches!(
        kind,
        Str { .. } | ByteStr { .. } | CStr { .. } | RawStr { .. } | RawByteStr { .. } | RawCStr { .. }
    )
}

/// A bracket without its other half, with its line and column, which count from 1.
#[derive(Debug, PartialEq)]
pub struct Unmatched {
    pub bracket: char,
    pub line: usize,
    pub column: usize,
}

impl Unmatched {
    /// The bracket that is missing.
    pub fn other_half(&self) -> char {
        match self.bracket {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            ')' => '(',
            ']' => '[',
            _ => '{',
        }
    }

    pub fn is_opening(&self) -> bool {
        "([{".contains(self.bracket)
    }
}

/// The line, from 1, in which a text in quotes begins that does not end.
pub fn unterminated_text(cell: &str) -> Option<usize> {
    let mut begin = 0;
    for token in tokenize(cell, FrontmatterAllowed::No) {
        if let TokenKind::Literal { kind: LiteralKind::Str { terminated: false }, .. } = token.kind {
            // A quote too few makes a text of the code up to the next one.
            let odd = |line: &str| line.matches('"').count() % 2 == 1;
            let first_odd = cell.lines().position(odd).map(|line| line + 1);
            return first_odd.or(Some(cell[..begin].matches('\n').count() + 1));
        }
        begin += token.len as usize;
    }
    None
}

/// The first bracket that is closed by a wrong one, or that closes nothing; or else the last one that stays open.
pub fn unmatched_bracket(cell: &str) -> Option<Unmatched> {
    let mut open: Vec<Unmatched> = Vec::new();
    let masked = without_strings_and_comments(cell);
    for (number, line) in masked.lines().enumerate() {
        let original = cell.lines().nth(number).unwrap_or("");
        for (at, bracket) in line.char_indices().filter(|(_, character)| "()[]{}".contains(*character)) {
            let column = original.get(..at).map_or(at, |before| before.chars().count()) + 1;
            let found = Unmatched { bracket, line: number + 1, column };
            match (found.is_opening(), open.last()) {
                (true, _) => open.push(found),
                (false, None) => return Some(found),
                (false, Some(last)) if last.other_half() == bracket => drop(open.pop()),
                (false, Some(_)) => return open.pop(),
            }
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_on_the_screen_are_those_of_wide_and_combined_characters() {
        assert_eq!(screen_column("äö–x", 4), 3);
        assert_eq!(screen_column("🙂x", 2), 2);
        assert_eq!(screen_column("数字x", 3), 4);
        assert_eq!(screen_column("e\u{301}x", 3), 1);
        assert_eq!(screen_column("\tx", 2), 4);
        assert_eq!(part("äöüx", 2, 4), "öü");
    }

    #[test]
    fn strings_and_comments_are_no_code() {
        let cell = "let a = \"for ä\"; // b\nlet c = r#\"d\"#; 'e'";
        let masked = without_strings_and_comments(cell);
        assert_eq!(masked, "let a = \"______\";     \nlet c = r#\"_\"#; 'e'");
        assert_eq!(masked.len(), cell.len());
        assert_eq!(without_strings_and_comments("let a = \"open\nb"), "let a = _____\n_");
    }

    #[test]
    fn the_bracket_without_its_other_half() {
        let found =
            |cell: &str| unmatched_bracket(cell).map(|found| (found.bracket, found.line, found.column));
        assert_eq!(found("f(1); { [2] }"), None);
        assert_eq!(found("if true {\n    print!(\"}\");\nlet a = 1;"), Some(('{', 1, 9)));
        assert_eq!(found("let ä = f(1;\n"), Some(('(', 1, 10)));
        assert_eq!(found("{ f(1 }"), Some(('(', 1, 4)));
        assert_eq!(found("a = 1;\n}"), Some(('}', 2, 1)));
    }
}
