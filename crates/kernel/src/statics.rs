//! A word about `static`, whose value lives as long as a cell, and not as long as the notebook.

use ra_ap_rustc_lexer::{tokenize, FrontmatterAllowed, TokenKind};

/// What to say when a notebook declares its first one.
pub const NOTE: &str = "A `static` (and what `thread_local!`, `OnceLock` or `LazyLock` keep in one) begins anew in each cell that uses it: each cell is \
                        a library of its own. Keep a value that later cells need in a variable, with `let`.\n";

/// Whether a cell declares one.
pub fn is_declared(cell: &str) -> bool {
    let mut at = 0;
    tokenize(cell, FrontmatterAllowed::No).any(|token| {
        let text = &cell[at..at + token.len as usize];
        at += text.len();
        token.kind == TokenKind::Ident && ["static", "thread_local"].contains(&text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_declaration_counts() {
        for cell in ["static N: AtomicU32 = AtomicU32::new(0);", "thread_local! { static A: u8 = 1; }"] {
            assert!(is_declared(cell), "{cell}");
        }
        for cell in ["fn f() -> &'static str { \"static\" } // static", "let statics = 1;", ""] {
            assert!(!is_declared(cell), "{cell}");
        }
    }
}
