//! Names that are not there: given away, lost, misspelt, or not imported.

use super::mistake::{pattern, Mistake};

/// The advice for a name that the compiler cannot find.
pub fn advice(mistake: &Mistake) -> Option<String> {
    let is_missing = pattern!(
        r"^(cannot find|unresolved import|failed to resolve|use of (undeclared|unresolved)|consider importing)"
    );
    if !is_missing.is_match(mistake.message()) {
        return None;
    }
    let name = mistake.quoted().first().copied().unwrap_or("");
    gone(mistake, name)
        .or_else(|| imported(mistake))
        .or_else(|| nearest(mistake, name))
        .or_else(|| declared(mistake, name))
        .or_else(|| similar(mistake))
        .or_else(|| missing(mistake, name))
}

/// A variable that was there.
fn gone(mistake: &Mistake, name: &str) -> Option<String> {
    let known = mistake.known;
    let is_name = |(other, _): &&(String, _)| other.as_str() == name;
    if let Some((_, cell)) = known.given_away.iter().rev().find(|(other, _)| other == name) {
        let maker = known.defined_in.get(name).filter(|maker| *maker != cell);
        let again = match maker {
            Some(maker) => format!("then run cell [{maker}], which makes `{name}`, and cell [{cell}] again"),
            None => format!("then run cell [{cell}] again"),
        };
        return Some(format!(
            "`{name}` was given away in cell [{cell}]; write `&{name}` or `{name}.clone()` there (for a tensor \
             `{name}.shallow_clone()`), {again}."
        ));
    }
    let (_, why) = known.lost.iter().rev().find(is_name)?;
    let again = match known.defined_in.get(name) {
        Some(maker) => format!("Run cell [{maker}], which makes it, again."),
        None => "Run the cell that makes it again.".to_string(),
    };
    Some(format!("`{name}` is gone: {}. {again}", why.trim_end_matches('.')))
}

/// A type that the compiler knows, but the cell does not.
fn imported(mistake: &Mistake) -> Option<String> {
    let text = mistake.all_text();
    let found = pattern!(r"(?m)^.*consider importing[^`]*?\s+`?(use [\w:]+;)").captures(&text)?;
    let path = found[1].trim_start_matches("use ");
    let from_std = ["std::", "core::", "alloc::"].iter().any(|root| path.starts_with(root));
    // Of a library's inner modules, the compiler names the first that it finds, which is seldom the one that is meant.
    (from_std && path.matches("::").count() <= 2)
        .then(|| format!("Write `{}` at the top of the cell.", &found[1]))
}

/// A first value without `let`.
fn declared(mistake: &Mistake, name: &str) -> Option<String> {
    let pattern =
        regex::Regex::new(&format!(r"(?m)^\s*{}\s*=\s*([^=\s].*?);?\s*$", regex::escape(name))).ok()?;
    let value = pattern.captures(mistake.cell)?;
    let is_list = value[1].starts_with('[');
    let of = if is_list { "vec!" } else { "" };
    Some(format!(
        "A new variable begins with `let`, and a statement ends with `;`: `let {name} = {of}{};`.",
        &value[1]
    ))
}

/// Another name of the notebook, as long as this one is long enough to be told from others.
fn nearest(mistake: &Mistake, name: &str) -> Option<String> {
    let other = mistake.known.nearest(name).filter(|_| name.chars().count() > 2)?;
    let is_variable = mistake.known.variables.contains_key(other);
    let fits = match mistake.message().contains("function") {
        true => !is_variable,
        false => is_variable || declared(mistake, name).is_none(),
    };
    fits.then(|| meant(mistake, other))
}

/// The compiler's own guess.
fn similar(mistake: &Mistake) -> Option<String> {
    let text = mistake.all_text();
    let found = pattern!(r"with a similar name exists:?\s+`?(\w+)").captures(&text)?;
    // `None` is like everything.
    (&found[1] != "None" && &found[1] != "Ok" && &found[1] != "Err").then(|| meant(mistake, &found[1]))
}

fn meant(mistake: &Mistake, name: &str) -> String {
    match mistake.known.defined_in.get(name) {
        Some(cell) => format!("Is `{name}` meant, of cell [{cell}]?"),
        None => format!("Is `{name}` meant?"),
    }
}

fn missing(mistake: &Mistake, name: &str) -> Option<String> {
    let message = mistake.message();
    if ["import", "crate", "module"].iter().any(|word| message.contains(word)) {
        // Of a crate that is there, the compiler says which part is not.
        let is_there = ["std", "core", "alloc", "crate", "self"]
            .iter()
            .any(|root| name == *root || name.starts_with(&format!("{root}::")));
        let line = "A crate that is not there yet is added by a line `:dep name = \"version\"` at the top of a cell; is the name spelt right?";
        return (!is_there).then(|| line.to_string());
    }
    Some(format!(
        "Is `{name}` spelt right, and was the cell that defines it run, without an error? Definitions of cells that failed are not kept."
    ))
    .filter(|_| !name.is_empty())
}
