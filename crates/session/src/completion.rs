//! What may stand at a place in a cell, as evcxr's rust-analyzer knows it.
//!
//! rust-analyzer (0.0.347) searches for whole expressions of the expected type wherever a value of a known type is wanted, as
//! within a call's parentheses. That takes seconds, and panics where a library's generic functions are in scope ("failed to
//! unify type owners"). It is not done in a statement of its own, of which no value is expected; so the word at the cursor is
//! made one before it is asked about, in braces, where the same names are known.

use anyhow::{anyhow, Result};
use evcxr::CommandContext;
use ra_ap_syntax::algo::find_node_at_offset;
use ra_ap_syntax::{ast, AstNode, Edition, SourceFile, SyntaxKind, TextSize, T};
use serde::Serialize;
use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::inspection::hover;

/// evcxr's word for a field, or a variable.
const FIELD: &str = "instance";
/// So long fields are asked about; what is not known then is offered.
const PATIENCE: Duration = Duration::from_secs(1);

/// Around a word that becomes a statement; the one before it is there for cursors without a word.
const BEFORE: &str = "{();";
const AFTER: &str = ";}";

/// What may stand at a place; positions are bytes of the cell.
#[derive(Serialize, Debug)]
pub struct Offer {
    /// What is replaced begins here.
    pub start: usize,
    /// And ends before here.
    pub end: usize,
    /// What may take its place.
    pub items: Vec<Item>,
}

/// One possibility.
#[derive(Serialize, Debug)]
pub struct Item {
    /// What evcxr would insert, with parameters: `from_utf8(vec)`.
    pub code: String,
    /// `function`, `class`, `module`, `instance`, `keyword` or `magic`.
    pub kind: &'static str,
}

/// What may stand at the byte `position` of a cell.
///
/// # Errors
/// If evcxr cannot say.
pub fn offer(context: &mut CommandContext, code: &str, position: usize) -> Result<Offer> {
    let asked = Asked::new(code, position);
    // rust-analyzer may still panic; as in its own editor, the next question finds it as it was.
    let found = catch_unwind(AssertUnwindSafe(|| context.completions(&asked.code, asked.position)))
        .map_err(|_| anyhow!("rust-analyzer failed at this place"))??;
    let mut items: Vec<Item> =
        found.completions.into_iter().map(|found| Item { code: found.code, kind: found.kind }).collect();
    let start = asked.in_cell(found.start_offset);
    if code[..start].ends_with('.') {
        remove_private_fields(context, &code[..start], &mut items);
    }
    Ok(Offer { start, end: asked.in_cell(found.end_offset), items })
}

/// evcxr takes all crates for the learner's own, so rust-analyzer offers their private fields, too, and does not say which
/// these are; what it says of a field does. Behind a dot, nothing but fields is an `instance`.
fn remove_private_fields(context: &mut CommandContext, receiver: &str, items: &mut Vec<Item>) {
    static KNOWN: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    let fields: Vec<&str> =
        items.iter().filter(|item| item.kind == FIELD).map(|item| item.code.as_str()).collect();
    // The names of its fields tell types apart well enough.
    let of_type = fields.join(" ");
    let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let begin = Instant::now();
    items.retain(|item| {
        if item.kind != FIELD {
            return true;
        }
        let key = format!("{of_type}.{}", item.code);
        if let Some(is_public) = known.get(&key) {
            return *is_public;
        }
        if begin.elapsed() > PATIENCE {
            return true;
        }
        let code = format!("{receiver}{}", item.code);
        let Ok(Some(found)) = hover(context, &code, code.len()) else { return true };
        let is_public = found.text.lines().any(|line| line.starts_with("pub "));
        known.insert(key, is_public);
        is_public
    });
}

/// A cell's text as evcxr is asked about it.
#[derive(Debug, PartialEq)]
struct Asked {
    code: String,
    position: usize,
    /// How many bytes stand before the word that are not in the cell.
    added: usize,
}

impl Asked {
    fn new(code: &str, position: usize) -> Asked {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let (before, behind) = code.split_at(position);
        // Where the cursor is within a word, evcxr would offer what begins with all of it.
        let behind = behind.trim_start_matches(is_part);
        let start = before.trim_end_matches(is_part).len();
        let (before, word) = before.split_at(start);
        match is_value(before, word, behind) {
            true => Asked {
                code: format!("{before}{BEFORE}{word}{AFTER}{behind}"),
                position: position + BEFORE.len(),
                added: BEFORE.len(),
            },
            false => Asked { code: format!("{before}{word}{behind}"), position, added: 0 },
        }
    }

    fn in_cell(&self, offset: usize) -> usize {
        offset.saturating_sub(self.added)
    }
}

/// Whether the word between the two texts is a value by itself: no type, pattern or field, and behind no dot or `::`.
fn is_value(before: &str, word: &str, behind: &str) -> bool {
    if is_command(before.rsplit('\n').next().unwrap_or_default()) {
        return false;
    }
    const WRAPPER: &str = "fn cell() {";
    // So that a cursor without a word has one, too.
    const MADE_UP: &str = "made_up";
    let code = format!("{WRAPPER}{}{word}{MADE_UP}{behind}}}", without_commands(before));
    let offset = TextSize::try_from(WRAPPER.len() + before.len() + word.len()).unwrap_or_default();
    let file = SourceFile::parse(&code, Edition::Edition2024).tree();
    if let Some(name) = find_node_at_offset::<ast::NameRef>(file.syntax(), offset) {
        let path = name.syntax().ancestors().find_map(ast::Path::cast);
        let Some(path) = path.filter(|path| path.qualifier().is_none()) else { return false };
        let Some(value) = path.syntax().parent().and_then(ast::PathExpr::cast) else { return false };
        // A field's name alone, as in `Fit { epochs }`, looks like a value.
        let field = value.syntax().parent().and_then(ast::RecordExprField::cast);
        return field.is_none_or(|field| field.colon_token().is_some());
    }
    // What a macro is given has no structure yet: a value stands alone, or between commas and operators.
    let word = file.syntax().token_at_offset(offset).find(|token| token.kind() == SyntaxKind::IDENT);
    let Some(token) = word else { return false };
    let called = token.parent_ancestors().find_map(ast::MacroCall::cast).and_then(|call| call.path());
    // Its second argument is a pattern.
    let in_macro = called.is_some_and(|path| path.to_string() != "matches");
    let previous = std::iter::successors(token.prev_token(), |token| token.prev_token());
    let previous = previous.map(|token| token.kind()).find(|kind| !kind.is_trivia());
    in_macro
        && matches!(
            previous,
            Some(T!['('] | T!['['] | T![,] | T![+] | T![-] | T![*] | T![/] | T![&] | T![==] | T![<] | T![>])
        )
}

/// evcxr's commands, such as `:dep`, are not Rust; spaces take their place.
pub fn without_commands(code: &str) -> String {
    let line = |line: &str| if is_command(line) { " ".repeat(line.len()) } else { line.to_string() };
    code.split_inclusive('\n').map(line).collect()
}

fn is_command(line: &str) -> bool {
    line.trim_start().starts_with(':') && !line.trim_start().starts_with("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell that is asked about, with `|` where the cursor is.
    fn asked(code: &str) -> String {
        let position = code.find('|').unwrap();
        let asked = Asked::new(&code.replacen('|', "", 1), position);
        let (before, behind) = asked.code.split_at(asked.position);
        format!("{before}|{behind}")
    }

    #[test]
    fn a_value_becomes_a_statement() {
        for (code, wanted) in [
            ("model.fit(|", "model.fit({();|;}"),
            ("model.fit(&im|", "model.fit(&{();im|;}"),
            ("x.narrow(0, |)", "x.narrow(0, {();|;})"),
            ("Dense::new(|);", "Dense::new({();|;});"),
            ("let y: Tensor = mo|", "let y: Tensor = {();mo|;}"),
            ("let fit = Fit { epochs: ep| };", "let fit = Fit { epochs: {();ep|;} };"),
            ("mod|el", "{();mod|;}"),
            (":dep a = \"1\"\nf(|", ":dep a = \"1\"\nf({();|;}"),
            ("println!(\"{}\", mo|)", "println!(\"{}\", {();mo|;})"),
            ("fn f() -> i32 { x|", "fn f() -> i32 { {();x|;}"),
        ] {
            assert_eq!(asked(code), wanted);
        }
    }

    #[test]
    fn all_else_stays_as_it_is() {
        for code in [
            "model.|",
            "f(model.fi|)",
            "f(Vec::<i32>::with_ca|)",
            "use std::col|",
            "let x: Ve|",
            "let x: Vec<Te|> = a;",
            "fn f(x: Te|",
            "let fit = Fit { ep| };",
            "match x { So| => 1 }",
            "let Som|",
            "#[derive(De|)] struct A;",
            "struct A { b: Ve| }",
            "println!(\"{}\", model.fi|)",
            "matches!(x, So|)",
            "println!(\"{}|\")",
            "// model.fit(|",
        ] {
            assert_eq!(asked(code), code);
        }
        assert_eq!(asked("x.nar|row(0)"), "x.nar|(0)");
        assert_eq!(asked(":ver|"), ":ver|");
    }

    #[test]
    fn positions_are_those_of_the_cell() {
        let asked = Asked::new("f(ab", 4);
        assert_eq!((asked.in_cell(asked.position - 2), asked.in_cell(asked.position)), (2, 4));
        let asked = Asked::new("a.b", 3);
        assert_eq!((asked.in_cell(2), asked.in_cell(3)), (2, 3));
    }
}
