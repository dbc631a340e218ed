//! What a name is, as evcxr's rust-analyzer knows it.

use anyhow::{anyhow, Result};
use evcxr::CommandContext;
use serde::Serialize;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::completion::without_commands;

/// evcxr's answer where there is none.
const NOTHING: &str = "No documentation found";
/// Where rust-analyzer leaves fields or variants out: evcxr has it show five.
const MORE: &str = "    /* … */\n";
/// So many are shown in its place, at most.
const MOST: usize = 30;

/// What is known of a name.
#[derive(Serialize, Debug, PartialEq)]
pub struct Explanation {
    /// As plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// What is known of the first of these names that is known. Each is given by the byte at which it ends.
///
/// # Errors
/// If evcxr cannot say.
pub fn explain(context: &mut CommandContext, code: &str, ends: &[usize]) -> Result<Option<Explanation>> {
    for end in ends {
        // With a parenthesis, evcxr looks for a method; without one, for all else.
        let called = format!("{}(", &code[..*end]);
        for (code, end) in [(code, *end), (called.as_str(), called.len())] {
            if let Some(mut found) = hover(context, code, end)? {
                if found.text.contains(MORE) {
                    let code = &code[..end];
                    let members = fields(context, code)?;
                    let members = if members.is_empty() { variants(context, code)? } else { members };
                    show(&mut found, &members);
                }
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// What evcxr says of the name that ends at this byte; None where it is not known.
///
/// # Errors
/// If evcxr cannot say.
pub fn hover(context: &mut CommandContext, code: &str, end: usize) -> Result<Option<Explanation>> {
    let code = without_commands(code);
    let (text, html) = catch_unwind(AssertUnwindSafe(|| context.hover_at(&code, end)))
        .map_err(|_| anyhow!("rust-analyzer failed at this place"))??;
    Ok((text.trim() != NOTHING && !text.trim().is_empty()).then_some(Explanation { text, html }))
}

/// The public fields of the struct whose name the code ends with: `pub epochs: usize`.
fn fields(context: &mut CommandContext, code: &str) -> Result<Vec<String>> {
    let literal = format!("{code} {{ ");
    let names = context.completions(&literal, literal.len())?.completions;
    let mut found = Vec::new();
    for name in names.iter().filter(|name| name.kind == "instance").take(MOST) {
        let field = format!("{literal}{}", name.code);
        let said = hover(context, &field, field.len())?.map(|said| said.text).unwrap_or_default();
        let declared = |line: &&str| line.starts_with(&format!("pub {}:", name.code));
        found.extend(said.lines().find(declared).map(str::to_string));
    }
    Ok(found)
}

/// The variants of the enum whose name the code ends with; unlike functions and constants they are written like types.
fn variants(context: &mut CommandContext, code: &str) -> Result<Vec<String>> {
    let path = format!("{code}::");
    let names = context.completions(&path, path.len())?.completions;
    let is_variant = |code: &&str| {
        code.starts_with(char::is_uppercase) && (code.len() == 1 || code.contains(char::is_lowercase))
    };
    Ok(names
        .iter()
        .map(|name| name.code.as_str())
        .filter(is_variant)
        .take(MOST)
        .map(str::to_string)
        .collect())
}

/// Puts what is missing into the place where rust-analyzer says that something is.
fn show(found: &mut Explanation, members: &[String]) {
    let is_missing = |member: &&String| !found.text.contains(&format!("    {member}"));
    let missing: String =
        members.iter().filter(is_missing).map(|member| format!("    {member},\n")).collect();
    if missing.is_empty() {
        return;
    }
    let escaped = missing.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    found.text = found.text.replacen(MORE, &missing, 1);
    found.html = found.html.replacen(MORE, &escaped, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_take_the_place_of_the_mark() {
        let shown = "pub struct Fit {\n    pub epochs: usize,\n    /* … */\n}".to_string();
        let mut found = Explanation { text: shown.clone(), html: shown.clone() };
        show(&mut found, &["pub epochs: usize".to_string(), "pub weights: Option<Vec<f64>>".to_string()]);
        assert_eq!(
            found.text,
            "pub struct Fit {\n    pub epochs: usize,\n    pub weights: Option<Vec<f64>>,\n}"
        );
        assert!(found.html.contains("    pub weights: Option&lt;Vec&lt;f64&gt;&gt;,\n}"));
        // With nothing to add, it still says that there is more.
        let mut found = Explanation { text: shown.clone(), html: shown.clone() };
        show(&mut found, &[]);
        assert_eq!(found.text, shown);
    }
}
