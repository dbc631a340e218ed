//! `impl` blocks that can be executed again.
//!
//! evcxr replaces a function or a type when a cell defines it anew, by its name. An `impl` block has none, and would be there
//! twice. So each gets a module around it, whose name is that of the block that it replaces, and what is in it becomes visible
//! outside of that module. Only what is inserted differs from the learner's text, and positions are told without it.

use ra_ap_rustc_lexer::{tokenize, FrontmatterAllowed, TokenKind};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::commands::is_before_rust;

/// What begins a definition in a block, and can be made public.
const ITEMS: [&str; 6] = ["fn", "const", "async", "unsafe", "extern", "type"];

/// A block that evcxr has.
#[derive(Clone, PartialEq, Debug)]
struct Known {
    header: String,
    functions: BTreeSet<String>,
    module: String,
}

/// The blocks that evcxr has.
#[derive(Clone, Default)]
pub struct Impls(Vec<Known>);

/// A text that was inserted into a cell.
#[derive(Debug, PartialEq)]
struct Edit {
    at: usize,
    text: String,
}

/// A cell as evcxr gets it.
#[derive(Default)]
pub struct Rewritten {
    /// The text.
    pub code: String,
    /// The blocks that evcxr has when the cell has succeeded.
    pub impls: Impls,
    /// Line, column and length of what was inserted, in the order of the text; both count from 1.
    inserted: Vec<(usize, usize, usize)>,
}

impl Rewritten {
    /// The column in the learner's text.
    pub fn column(&self, line: usize, column: usize) -> usize {
        let mut shift = 0;
        for &(_, at, length) in self.inserted.iter().filter(|(of, ..)| *of == line) {
            match column.checked_sub(at + shift) {
                Some(behind) if behind >= length => shift += length,
                Some(_) => return at,
                None => break,
            }
        }
        column - shift
    }
}

impl Impls {
    /// Puts a module around each block of a cell.
    pub fn rewrite(&self, cell: &str) -> Rewritten {
        let mut impls = self.clone();
        let mut edits = Vec::new();
        for block in blocks(cell) {
            let module = impls.add(&block);
            edits.push(Edit { at: block.start, text: format!("mod {module} {{ use super::*; ") });
            edits.extend(block.hidden.iter().map(|&at| Edit { at, text: "pub ".to_string() }));
            edits.push(Edit { at: block.end, text: "}".to_string() });
        }
        let mut code = cell.to_string();
        edits.iter().rev().for_each(|edit| code.insert_str(edit.at, &edit.text));
        let place = |edit: &Edit| {
            let before = &cell[..edit.at];
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1, edit.text.chars().count())
        };
        let inserted = edits.iter().map(place).collect();
        Rewritten { code, impls, inserted }
    }

    /// Takes the place of a block of the same trait for the same type, or of one that has a function of the same name.
    fn add(&mut self, block: &Block) -> String {
        let is_same = |known: &&mut Known| {
            known.header == block.header
                && (block.is_of_trait || !known.functions.is_disjoint(&block.functions))
        };
        if let Some(known) = self.0.iter_mut().find(is_same) {
            known.functions = block.functions.clone();
            return known.module.clone();
        }
        let mut hasher = DefaultHasher::new();
        (&block.header, &block.functions).hash(&mut hasher);
        let module = format!("live_impl_{:08x}", hasher.finish() as u32);
        let known = Known {
            header: block.header.clone(),
            functions: block.functions.clone(),
            module: module.clone(),
        };
        self.0.push(known);
        module
    }
}

/// An `impl` block in a cell; positions are in bytes.
#[derive(Default)]
struct Block {
    start: usize,
    end: usize,
    header: String,
    is_of_trait: bool,
    functions: BTreeSet<String>,
    /// Where definitions begin that only the block's own module sees.
    hidden: Vec<usize>,
}

struct Token<'a> {
    kind: TokenKind,
    text: &'a str,
    at: usize,
}

/// The tokens without comments, white space and evcxr's commands.
fn tokens(cell: &str) -> Vec<Token<'_>> {
    let mut at = 0;
    let mut tokens = Vec::new();
    for token in tokenize(cell, FrontmatterAllowed::No) {
        let text = &cell[at..at + token.len as usize];
        tokens.push(Token { kind: token.kind, text, at });
        at += text.len();
    }
    use TokenKind::{BlockComment, LineComment, Whitespace};
    tokens.retain(|token| !matches!(token.kind, Whitespace | LineComment { .. } | BlockComment { .. }));
    let commands: Vec<std::ops::Range<usize>> = cell
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = std::mem::replace(at, *at + line.len());
            Some((start..*at, line))
        })
        .take_while(|(_, line)| is_before_rust(line))
        .map(|(range, _)| range)
        .collect();
    tokens.retain(|token| !commands.iter().any(|range| range.contains(&token.at)));
    tokens
}

/// The token behind the bracket that closes the one at `open`.
fn behind(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => depth += 1,
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Behind the attributes that begin there.
fn behind_attributes(tokens: &[Token], mut at: usize) -> Option<usize> {
    while tokens.get(at).is_some_and(|token| token.kind == TokenKind::Pound) {
        at = behind(tokens, at + 1)?;
    }
    Some(at)
}

fn blocks(cell: &str) -> Vec<Block> {
    let tokens = tokens(cell);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut found = Vec::new();
    let mut at = 0;
    // At each turn, a statement or a definition begins.
    while at < tokens.len() {
        let Some(begin) = behind_attributes(&tokens, at) else { return found };
        if text(begin) == "impl" || (text(begin) == "unsafe" && text(begin + 1) == "impl") {
            match block(&tokens, at, begin) {
                Some((block, next)) => {
                    found.push(block);
                    at = next;
                    continue;
                }
                None => return found,
            }
        }
        // To the statement's end.
        at = begin;
        loop {
            let Some(token) = tokens.get(at) else { return found };
            match token.kind {
                TokenKind::OpenBrace => match behind(&tokens, at) {
                    Some(next) => {
                        at = next;
                        break;
                    }
                    None => return found,
                },
                TokenKind::OpenBracket | TokenKind::OpenParen => match behind(&tokens, at) {
                    Some(next) => at = next,
                    None => return found,
                },
                TokenKind::Semi => {
                    at += 1;
                    break;
                }
                _ => at += 1,
            }
        }
    }
    found
}

/// The block whose attributes begin at one token and itself at another, and the token behind it.
fn block(tokens: &[Token], start: usize, begin: usize) -> Option<(Block, usize)> {
    let open = (begin..tokens.len()).find(|&at| tokens[at].kind == TokenKind::OpenBrace)?;
    let next = behind(tokens, open)?;
    let header: Vec<&str> = tokens[begin..open].iter().map(|token| token.text).collect();
    let is_of_trait = header.windows(2).any(|pair| pair[0] == "for" && pair[1] != "<");
    let mut block = Block {
        start: tokens[start].at,
        end: tokens[next - 1].at + 1,
        header: header.join(" "),
        is_of_trait,
        ..Block::default()
    };
    let mut at = open + 1;
    while at < next - 1 {
        at = behind_attributes(tokens, at)?;
        let first = &tokens[at];
        if !is_of_trait && ITEMS.contains(&first.text) {
            block.hidden.push(first.at);
        }
        // To the definition's end.
        while at < next - 1 {
            if tokens[at].text == "fn" {
                block.functions.extend(tokens.get(at + 1).map(|token| token.text.to_string()));
            }
            match tokens[at].kind {
                TokenKind::Semi => {
                    at += 1;
                    break;
                }
                TokenKind::OpenBrace => {
                    at = behind(tokens, at)?;
                    break;
                }
                TokenKind::OpenBracket | TokenKind::OpenParen => at = behind(tokens, at)?,
                _ => at += 1,
            }
        }
    }
    Some((block, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: &str = "struct Counter(u32);\n\nimpl Counter {\n    /// One more.\n    fn next(&mut self) -> u32 { self.0 += 1; self.0 }\n    pub fn zero() -> Self { Counter(0) }\n}\nlet c = Counter(1);";

    fn modules(code: &str) -> Vec<&str> {
        code.split("mod ").skip(1).filter_map(|rest| rest.split(' ').next()).collect()
    }

    #[test]
    fn a_block_gets_a_module_and_its_functions_are_seen_outside() {
        let code = Impls::default().rewrite(COUNTER).code;
        assert_eq!(code.lines().count(), COUNTER.lines().count());
        let lines: Vec<&str> = code.lines().collect();
        assert!(
            lines[2].starts_with("mod live_impl_") && lines[2].ends_with(" { use super::*; impl Counter {")
        );
        assert!(lines[4].starts_with("    pub fn next") && lines[5].starts_with("    pub fn zero"));
        assert_eq!((lines[6], lines[7]), ("}}", "let c = Counter(1);"));
    }

    #[test]
    fn the_same_block_again_has_the_same_module_and_another_has_its_own() {
        let first = Impls::default().rewrite("impl A { fn f(&self) {} }");
        let again = first.impls.rewrite("impl A { fn f(&self) -> u8 { 1 } fn g() {} }");
        assert_eq!(modules(&first.code), modules(&again.code));
        let other = again
            .impls
            .rewrite("impl A { fn h() {} }\nimpl B { fn f(&self) {} }\nimpl Show for A { fn f() {} }");
        let names: BTreeSet<&str> = modules(&other.code).into_iter().chain(modules(&first.code)).collect();
        assert_eq!(names.len(), 4);
        let of_trait = other.impls.rewrite("impl Show for A { fn renamed() {} }");
        assert_eq!(modules(&of_trait.code), modules(&other.code)[2..]);
        assert!(!of_trait.code.contains("pub"));
    }

    #[test]
    fn other_code_stays_as_it_is() {
        for cell in [
            "fn f(x: impl Fn() -> u8) -> impl Iterator<Item = u8> { vec![x()].into_iter() }",
            "let s = \"impl A { fn f() {} }\"; // impl A {}",
            "mod m { struct A; impl A {} }",
            "impl A {",
            ":dep a = { version = \"1\" }\nlet implementation = 1;",
            "if x { 1 } else { 2 }",
            "",
        ] {
            assert_eq!(Impls::default().rewrite(cell).code, cell);
        }
    }

    #[test]
    fn blocks_are_found_wherever_they_stand() {
        for (cell, count) in [
            (":dep a = \"1\"\nimpl A {}", 1),
            ("#[allow(dead_code)]\nimpl<T: Into<[u8; 3]>> A<T> where T: Copy { const N: u8 = 1; }\nimpl B {}", 2),
            ("let x = if true { 1 } else { 2 };\nunsafe impl Send for A {}", 1),
            ("x.f(|y| { y });\nimpl A {}", 1),
            ("impl<F> A for F where F: for<'a> Fn(&'a u8) {}", 1),
        ] {
            let code = Impls::default().rewrite(cell).code;
            assert_eq!(modules(&code).len(), count, "{code}");
        }
        let code = Impls::default().rewrite("#[allow(dead_code)]\nimpl A {}").code;
        assert!(code.starts_with("mod live_impl_") && code.contains("#[allow(dead_code)]\nimpl A {}}"));
    }

    #[test]
    fn positions_are_those_of_the_learners_text() {
        let rewritten = Impls::default().rewrite(COUNTER);
        let column = |line: usize, word: &str| {
            let text: Vec<&str> = rewritten.code.lines().collect();
            rewritten.column(line, text[line - 1].find(word).unwrap() + 1)
        };
        assert_eq!(column(3, "Counter {"), 6);
        assert_eq!(column(5, "next"), 8);
        assert_eq!(column(6, "zero"), 12);
        assert_eq!(column(8, "Counter"), 9);
        assert_eq!(rewritten.column(3, 3), 1);
    }
}
