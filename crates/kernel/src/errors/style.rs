//! How errors look. Only bold and the default colour are used: the red of a terminal's colours cannot be read on the ground that
//! JupyterLab gives errors, and no other colour is legible both in its light and in its dark theme.

use regex::Regex;
use std::sync::LazyLock;

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Each line of a text in bold.
pub fn bold(text: &str) -> String {
    text.lines().map(|line| format!("{BOLD}{line}{PLAIN}")).collect::<Vec<_>>().join("\n")
}

/// The text without a terminal's colours.
pub fn without_colours(text: &str) -> String {
    static COLOURS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("\u{1b}\\[[0-9;]*m").expect("a valid pattern"));
    COLOURS.replace_all(text, "").to_string()
}
