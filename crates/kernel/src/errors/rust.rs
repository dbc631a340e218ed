//! What beginners in Rust meet: ownership, types, and the brackets and semicolons of a cell.

use super::mistake::{pattern, Mistake, Rule};
use super::text::{part, unmatched_bracket, unterminated_text};

/// The first that has advice gives it.
const RULES: [Rule; 10] =
    [brackets, open_text, semicolon, moved, in_a_result, mismatched, numbers, changed, type_wanted, by_code];

/// The advice for an error that is not a habit from elsewhere.
pub fn advice(mistake: &Mistake) -> Option<String> {
    RULES.iter().find_map(|rule| rule(mistake))
}

/// Whether the compiler has lost count of the brackets; what else it says then means little.
pub fn is_about_brackets(mistake: &Mistake) -> bool {
    ["unclosed delimiter", "closing delimiter"].iter().any(|word| mistake.message().contains(word))
}

fn brackets(mistake: &Mistake) -> Option<String> {
    if !is_about_brackets(mistake) {
        return None;
    }
    let found = unmatched_bracket(mistake.cell)?;
    let (bracket, line) = (found.bracket, found.line);
    Some(match found.is_opening() {
        true => {
            format!("The `{bracket}` in line {line} is never closed: a `{}` is missing.", found.other_half())
        }
        false => format!(
            "The `{bracket}` in line {line} closes nothing: it is too much, or a `{}` is missing before it.",
            found.other_half()
        ),
    })
}

fn open_text(mistake: &Mistake) -> Option<String> {
    let is_open = mistake.message().starts_with("unterminated double quote");
    let line = unterminated_text(mistake.cell).filter(|_| is_open)?;
    Some(format!("The text that begins in line {line} has no `\"` at its end."))
}

fn semicolon(mistake: &Mistake) -> Option<String> {
    let message = mistake.message();
    let is_missing =
        message.starts_with("expected `;`") || message.contains("expected one of") && message.contains("`;`");
    if message.contains("missing a semicolon") || is_missing && at_a_line_end(mistake) {
        let line =
            mistake.error.primary().map_or(mistake.cell.trim_end().lines().count(), |span| span.start_line);
        return Some(format!("A `;` is missing at the end of line {}.", line_before(mistake, line)));
    }
    None
}

/// Whether nothing stands between the marked place and the end of its line, or the beginning of the line in which it is.
fn at_a_line_end(mistake: &Mistake) -> bool {
    let Some(span) = mistake.error.primary() else { return true };
    let Some(line) = mistake.cell.lines().nth(span.start_line.saturating_sub(1)) else { return true };
    let before: String = line.chars().take(span.start_column.saturating_sub(1)).collect();
    let after: String = line.chars().skip(span.start_column.saturating_sub(1)).collect();
    let after = after.trim_start();
    before.trim().is_empty() || after.is_empty() || after.starts_with("//")
}

/// The line in which the statement ends that comes before the marked place.
fn line_before(mistake: &Mistake, line: usize) -> usize {
    let lines: Vec<&str> = mistake.cell.lines().collect();
    let begins = mistake.error.primary().is_some_and(|span| {
        let text = lines.get(span.start_line.saturating_sub(1)).copied().unwrap_or("");
        text.chars().take(span.start_column.saturating_sub(1)).all(char::is_whitespace)
    });
    let before =
        (1..line).rev().find(|&number| !lines.get(number - 1).copied().unwrap_or("").trim().is_empty());
    before.filter(|_| begins).unwrap_or(line)
}

fn moved(mistake: &Mistake) -> Option<String> {
    let found = pattern!(r"^(?:use|borrow|assign to part) of (?:partially )?moved value: `([^`]*)`")
        .captures(mistake.message());
    if found.is_none() && mistake.code() != "E0382" {
        return None;
    }
    let name = found.as_ref().map_or("value", |found| found.get(1).map_or("value", |name| name.as_str()));
    let line = mistake
        .error
        .spans
        .iter()
        .find(|span| span.label.contains("moved ") && !span.label.contains("after"));
    let place = line.map_or("earlier".to_string(), |span| format!("in line {}", span.start_line));
    let copy = match mistake.all_text().contains("Tensor") {
        true => "shallow_clone",
        false => "clone",
    };
    Some(format!(
        "`{name}` was given away {place}. Pass a reference there (`&{name}`), or a copy (`{name}.{copy}()`)."
    ))
}

fn in_a_result(mistake: &Mistake) -> Option<String> {
    let text = mistake.all_text();
    let pattern = pattern!(
        r"found (enum )?`(std::result::|core::result::)?Result<|no (method|field) (named )?.*(on type|for enum|for type) `(std::result::|core::result::)?Result<|cannot (add|subtract|multiply|divide|index into)[^\n]*`?Result<|`Result<.*(doesn't implement|is not an iterator|cannot be indexed)|binary operation .* type `Result<"
    );
    pattern.is_match(&text).then(|| {
        "The value is still inside a `Result`. Put a `?` behind the call that returns it: that takes the value out, or ends the cell \
         with the error."
            .to_string()
    })
}

/// What a type is to a beginner.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    Point,
    Text,
    OwnedText,
    Bool,
    Option,
    Result,
    Unit,
    Other,
}

fn kind(type_name: &str) -> Kind {
    let bare = type_name.trim().trim_matches('`');
    match bare {
        "integer" | "{integer}" => Kind::Whole,
        "floating-point number" | "{float}" | "f32" | "f64" => Kind::Point,
        "bool" => Kind::Bool,
        "()" => Kind::Unit,
        "String" => Kind::OwnedText,
        _ if pattern!(r"^[iu](8|16|32|64|128|size)$").is_match(bare) => Kind::Whole,
        _ if pattern!(r"^&('static )?str$").is_match(bare) => Kind::Text,
        _ if bare.starts_with("Option<") => Kind::Option,
        _ if bare.starts_with("Result<") => Kind::Result,
        _ => Kind::Other,
    }
}

/// A longer expression is not repeated in the advice.
const LONGEST: usize = 60;

/// A type that differs from the one that is wanted.
fn mismatched(mistake: &Mistake) -> Option<String> {
    if mistake.code() != "E0308" {
        return None;
    }
    // Of several arguments that do not fit, the first counts.
    let labelled = mistake.error.spans.iter().filter(|span| span.label.starts_with("expected "));
    let span = labelled.min_by_key(|span| (!span.is_primary, span.start_line, span.start_column))?;
    let label = span.label.as_str();
    let found = pattern!(
        r"expected (?:\w+ )?(`[^`]*`|[\w-]+)(?:, found (?:[a-z]+ )??(`[^`]*`|integer|floating-point number))?"
    )
    .captures(label)?;
    let wanted = found.get(1).map_or("", |name| name.as_str()).trim_matches('`');
    let given = found.get(2).map_or("", |name| name.as_str()).trim_matches('`');
    let line = mistake.cell.lines().nth(span.start_line.saturating_sub(1)).unwrap_or("");
    let value = part(line, span.start_column, span.end_column);
    let is_short = span.start_line == span.end_line && !value.is_empty() && value.chars().count() <= LONGEST;
    let value = if is_short { value } else { "…".to_string() };
    let whole = |name: &str| if name == "integer" { "i64".to_string() } else { name.to_string() };
    use Kind::*;
    Some(match (kind(wanted), kind(given)) {
        (Whole | Point, Text | OwnedText) => {
            format!("Text becomes a number by `.parse()`: `{value}.parse::<{}>()?`.", whole(wanted))
        }
        (OwnedText, Text) => format!("`{value}` is a `&str`; a `String` of its own is `{value}.to_string()`."),
        (OwnedText, Whole | Point | Bool) => format!("A number becomes text by `{value}.to_string()`."),
        (Text, OwnedText) => format!("Where a `&str` is wanted, lend the `String`: `&{value}`."),
        (Whole, Whole) => format!(
            "Rust does not convert between number types by itself: `{} as {}` (sizes of tensors are `i64`, lengths of vectors \
             `usize`).",
            in_brackets(&value), whole(wanted)
        ),
        (Point, Point) => format!("Rust does not convert between number types by itself: `{} as {wanted}`.", in_brackets(&value)),
        (Point, Whole) if value.chars().all(|digit| digit.is_ascii_digit() || digit == '_') => {
            format!("Whole numbers and numbers with a point are different types: `{value}.0`.")
        }
        (Point, Whole) => format!("Whole numbers and numbers with a point are different types: `{} as {}`.", in_brackets(&value), wanted),
        (Whole, Point) => format!(
            "Whole numbers and numbers with a point are different types: `{} as {}` drops what is behind the point.",
            in_brackets(&value), whole(wanted)
        ),
        (Bool, Whole) => format!("A condition is `true` or `false`, never a number: `{value} != 0`."),
        (Bool, Text | OwnedText) => format!("A condition is `true` or `false`: `!{value}.is_empty()`."),
        (Option, given) if given != Option && given != Unit => format!("A value for an `Option` stands in `Some`: `Some({value})`."),
        (_, Option) => format!(
            "The value is still inside an `Option`: `if let Some(value) = {value} {{ … }}`, or with another value for `None`, \
             `{value}.unwrap_or(…)`."
        ),
        (Result, _) if given == "SequentialBuilder" => "The network is not built yet: `.build()` at its end makes a model of it, as a `Result`.".to_string(),
        (Result, given) if given != Result => "A function that returns a `Result` ends with `Ok(…)` around its value.".to_string(),
        (wanted, Unit) if wanted != Unit && wanted != Bool && !mistake.all_text().contains("remove this semicolon") => return None,
        (Bool, Unit) if mistake.marked().contains('=') => {
            format!("Equality is `==`: `{}`.", value.replacen('=', "==", 1))
        }
        (Unit, given) if given != Unit && mistake.all_text().contains("return type") => {
            format!("A function says behind `->` what it returns: `fn …(…) -> {} {{ … }}`.", whole(found.get(2).map_or("", |name| name.as_str()).trim_matches('`')))
        }
        (_, Unit) => "A value at the end of a function has no `;` behind it.".to_string(),
        _ if wanted.strip_prefix('&').is_some_and(|inner| inner == given || kind(inner) == kind(given) && kind(given) != Other) => format!("Lend the value: `&{value}`."),
        _ if wanted.strip_prefix("&mut ").is_some_and(|inner| inner == given) => format!("Lend the value to be changed: `&mut {value}`."),
        _ if given == "&Tensor" && wanted == "Tensor" => {
            format!("`{value}` is lent: `{value}.shallow_clone()` is a tensor of one's own, over the same numbers.")
        }
        _ if given.strip_prefix('&').is_some_and(|inner| inner == wanted) => {
            format!("`{value}` is lent; the value itself is `*{value}` for numbers, and `{value}.clone()` for others.")
        }
        _ => return None,
    })
}

/// An expression before `as`, which binds tighter than other operators.
fn in_brackets(value: &str) -> String {
    match value.contains([' ', '-', '+', '*', '/']) && !(value.starts_with('(') && value.ends_with(')')) {
        true => format!("({value})"),
        false => value.to_string(),
    }
}

/// Numbers of different types in one operation.
fn numbers(mistake: &Mistake) -> Option<String> {
    static OPERATION: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        let number = r"`&?([iu](?:8|16|32|64|128|size)|f32|f64|\{integer\}|\{float\})`";
        let operations = "cannot (?:add|subtract|multiply|divide|calculate[^`]*)|can't compare";
        regex::Regex::new(&format!("^(?:{operations})[^`]*{number}[^`]*{number}")).expect("a valid pattern")
    });
    let found = OPERATION.captures(mistake.message())?;
    let has_point = |name: &str| name.starts_with('f') || name == "{float}";
    let (first, second) = (&found[1], &found[2]);
    if has_point(first) == has_point(second) {
        return Some(format!(
            "Rust does not convert between number types by itself. Write `as {first}` behind the `{second}`, or `as {second}` behind the `{first}`."
        ));
    }
    let (point, whole) = if has_point(first) { (first, second) } else { (second, first) };
    let point = if point == "{float}" { "f64" } else { point };
    Some(match whole {
        "{integer}" => "Whole numbers and numbers with a point are different types. Write `2.0` instead of `2`.".to_string(),
        _ => format!("Whole numbers and numbers with a point are different types. Write `as {point}` behind the `{whole}`."),
    })
}

/// Something changes that was not declared to.
fn changed(mistake: &Mistake) -> Option<String> {
    let found = pattern!(
        r"^(?:cannot borrow|cannot assign twice to immutable variable|cannot assign to) `([^`]*)`(.*)"
    )
    .captures(mistake.message())?;
    if found[0].starts_with("cannot borrow") && !found[2].contains("not declared as mutable") {
        return found[2]
            .contains("behind a `&` reference")
            .then(|| "A value that is lent by `&` cannot be changed: lend it by `&mut`.".to_string());
    }
    if found[2].contains("behind a `&` reference") {
        return Some("A value that is lent by `&` cannot be changed: lend it by `&mut`.".to_string());
    }
    let name = found[1].split(['.', '[']).next().unwrap_or("").trim_start_matches('*');
    let line = mistake.cell.lines().position(|line| {
        let words: Vec<&str> =
            line.split(|character: char| !character.is_alphanumeric() && character != '_').collect();
        words.windows(2).any(|pair| pair == ["let", name])
    });
    let place = match (line, mistake.known.defined_in.get(name)) {
        (Some(line), _) => format!(" in line {}", line + 1),
        (None, Some(cell)) => format!(" in cell [{cell}], and run it again"),
        (None, None) => "; run the cell that declares it again".to_string(),
    };
    Some(format!("A variable that changes has to be declared with `let mut {name}`{place}."))
}

/// A type that the compiler cannot guess.
fn type_wanted(mistake: &Mistake) -> Option<String> {
    if !mistake.message().starts_with("type annotations needed")
        && !mistake.message().contains("automatically determine type")
    {
        return None;
    }
    let calls = [
        (pattern!(r"\.parse\(\)"), ".parse::<f64>()"),
        (pattern!(r"\.collect\(\)"), ".collect::<Vec<_>>()"),
        (pattern!(r"\.sum\(\)"), ".sum::<f64>()"),
    ];
    if let Some((_, typed)) = calls.iter().find(|(call, _)| mistake.find(call).is_some()) {
        return Some(format!("Say what is to come out of it, for example `{typed}`."));
    }
    let unknown = mistake.quoted().first().map_or("", |name| *name);
    if mistake.all_text().contains("closure parameter") {
        let found = mistake.find(pattern!(r"\|\s*(\w+)"));
        let name = found.map_or("x", |found| found.group(1));
        return Some(format!("Give the closure's parameter its type: `|{name}: f64|`."));
    }
    let found = mistake.find(pattern!(r"\blet\s+(mut\s+)?(\w+)\s*="))?;
    let name = if found.group(1).is_empty() {
        found.group(2).to_string()
    } else {
        format!("mut {}", found.group(2))
    };
    let example = match unknown {
        _ if unknown.starts_with("Option<") => {
            return Some(format!("Rust has to know what may be inside: `let {name}: Option<f64> = None;`."))
        }
        _ if unknown.starts_with("HashMap<") => "HashMap<String, f64>",
        _ => "Vec<f64>",
    };
    Some(format!("Give the variable its type, for example `let {name}: {example} = …`."))
}

/// Errors whose number says enough.
fn by_code(mistake: &Mistake) -> Option<String> {
    let text = mistake.all_text();
    let name = mistake.quoted().first().map_or("x", |name| *name);
    Some(match mistake.code() {
        "E0507" => "A value that is only lent, or inside of another, cannot be given away: take a reference (`&x`) or a copy \
                    (`x.clone()`, for a tensor `x.shallow_clone()`)."
            .to_string(),
        "E0505" => format!("`{name}` is still lent to another variable here: give it away after the last use of that one, or pass a copy (`{name}.clone()`)."),
        "E0502" | "E0499" | "E0506" => format!(
            "`{name}` is still lent to another variable, which is used later: finish with that one first, or let it keep a copy (`.clone()`)."
        ),
        "E0597" | "E0716" | "E0515" => "A reference cannot live longer than the value that it refers to. Keep the value itself (`.clone()`, `.to_vec()`, \
                    `.to_string()`)."
            .to_string(),
        "E0435" => "A list whose length is a variable is made by `vec![0; n]`.".to_string(),
        "E0277" if text.contains("!: FromStr") => "Say what is to come out of it, for example `.parse::<f64>()?`.".to_string(),
        "E0373" => "A closure that lives longer than the variables that it uses has to take them along: write `move` before its `|`.".to_string(),
        "E0004" => "A `match` has to name all cases; `_ => …` stands for all others.".to_string(),
        "E0369" if text.contains("PartialEq") => format!("Values of a type of your own can be compared if `#[derive(PartialEq)]` stands above `{}`.", mistake.quoted().last().map_or("it", |name| *name)),
        "E0277" if text.contains("doesn't implement `Debug`") || text.contains("doesn't implement `std::fmt::Debug`") => format!(
            "Values of `{name}` can be shown if `#[derive(Debug)]` stands above it; a cell that shows nothing ends with `;`."
        ),
        "E0277" if text.contains("the `?` operator") => "`?` hands an error on, so the function has to return a `Result`, with `Ok(…)` around its value at the end.".to_string(),
        "E0658" if text.contains("the `!` type") => "Nothing is left of a value of code that never returns: put braces `{ … }` around the whole cell, or give the closure a value at its end.".to_string(),
        "E0605" | "E0606" if text.contains("str`") || text.contains("`String`") => "Text becomes a number by `.parse()`, for example `x.parse::<i64>()?`; `as` converts numbers only.".to_string(),
        _ if text.contains("reference with a non-static lifetime") => "A variable that later cells use cannot borrow from another one. Keep the value itself (`.clone()`, `.to_vec()`, `.to_string()`), \
                 or put braces `{ … }` around the code that needs the reference."
            .to_string(),
        _ => return None,
    })
}
