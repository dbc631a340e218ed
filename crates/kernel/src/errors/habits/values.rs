//! Values and operators of Python: text, `True`, slices, powers, comprehensions.

use std::sync::LazyLock;

use super::super::mistake::{pattern, Mistake};
use super::{Habit, Habits};

/// The first that fits is given.
const VALUES: &[Habit] = &[
    // Text.
    Habit { error: r"expected `,`, found `\+`", line: r#"(\w+!)\(("[^"]*)"\s*\+\s*(.+?)\)\s*;?\s*$"#, advice: "Values are put into text by braces: `$1($2{}\", $3)`." },
    Habit { error: "unknown format trait", line: r#"(\w+!)\("#, advice: "Digits behind the point need no letter: `{x:.2}`." },
    Habit { error: "argument never used|arguments never used", line: r#"(\w+!)\(("[^"]*"),\s*(.+?)\)\s*;?\s*$"#, advice: "Each value has its braces in the text: `$1(\"{}\", $3)`." },
    Habit { error: "prefix `f` is unknown|prefix `f`", line: r#"\b(?:print|println|eprintln|format)!\s*\(\s*f(".*?")"#, advice: "Rust's macros put values into text without an `f`: `println!($1)`." },
    Habit { error: "prefix `f` is unknown|prefix `f`", line: r#"\bf(".*?")"#, advice: "Values are put into text by `format!`: `format!($1)`." },
    Habit { error: "prefix `[rub]+` is unknown", line: r#"\b[rub]+(".*?")"#, advice: "Text stands in double quotes, raw text in `r\"…\"`: `$1`." },
    Habit { error: "character literal|codepoint|prefix", line: r"(?:\bf)'([^']*)'", advice: "Values are put into text by `format!`, in double quotes: `format!(\"$1\")`." },
    Habit { error: "character literal|codepoint", line: r"'([^'\\]{2,}|)'", advice: "Text stands in double quotes: `\"$1\"`; single quotes hold one character." },
    Habit { error: r"E0369 cannot add `&(?:'static )?str` to `&(?:'static )?str`", line: r#"("[^"]*"|\w+)\s*\+\s*("[^"]*"|\w+)"#, advice: "Texts are joined by `format!`: `format!(\"{}{}\", $1, $2)`." },
    Habit { error: r"E0369 cannot add `.*` to `(?:&(?:'static )?str|String)`|E0277 cannot add", line: r#"("[^"]*")\s*\+\s*([\w.]+)"#, advice: "Values are put into text by `format!`: `format!(\"{}{}\", $1, $2)`." },
    Habit { error: r"E0369 cannot multiply `&(?:'static )?str` by", line: r#"("[^"]*"|\w+)\s*\*\s*(\w+)"#, advice: "Text is repeated by `$1.repeat($2)`." },
    Habit { error: r"E0369 cannot multiply `(?:\[|Vec<)", line: r"(\w+|\[[^\]]*\])\s*\*\s*(\w+)", advice: "A list of equal values is `vec![0; $2]`; a number for each value comes by `.iter().map(|x| x * 2)`." },
    Habit { error: r"E0369 cannot calculate.*`&(?:'static )?str`|E0369 cannot .*remainder", line: r#"("[^"]*")\s*%\s*\(?([\w., ]+)\)?"#, advice: "Values are put into text by `format!`, in braces: `format!(\"{}\", $2)`." },
    // Constants.
    Habit { error: "E0425.*`True`", line: r"\bTrue\b", advice: "Rust's `True` is `true`, in small letters." },
    Habit { error: "E0425.*`False`", line: r"\bFalse\b", advice: "Rust's `False` is `false`, in small letters." },
    Habit { error: "(?:E0425|E0423).*`(?:null|NULL|nil|undefined|nullptr)`|consider importing", line: r"\b(null|NULL|nil|undefined|nullptr)\b", advice: "A value that may be missing is an `Option`: `None`, or `Some(value)`." },
    Habit { error: "E0425.*`(?:nan|inf|NaN|pi|PI)`", line: r"\b(nan|inf|NaN|pi|PI)\b", advice: "Constants of numbers are `f64::NAN`, `f64::INFINITY` and `std::f64::consts::PI`." },
    Habit { error: "E0412|E0425|E0573", line: r":\s*(?:int|long)\b", advice: "Whole numbers are `i64` (sizes `usize`), numbers with a point `f64`." },
    Habit { error: "E0412|E0425|E0573", line: r"(?::|->)\s*(?:float|double)\b", advice: "Numbers with a point are `f64` or `f32`, whole numbers `i64`." },
    Habit { error: "E0412|E0425|E0573", line: r"(?::|->)\s*(?:string|List|list|dict|int)\b", advice: "Types: text is `&str` or `String`, a list `Vec<f64>`, a dictionary `HashMap<String, f64>`, a whole number `i64`." },
    Habit { error: "E0277.*the size for values of type `str`|E0277.*`str` cannot be known", line: r":\s*str\b", advice: "Text is `&str`, or `String` where it is to be kept or changed." },
    // Operators.
    Habit { error: "`and` is not|logical|expected", line: r"(\S+)\s+and\s+([^\s;{:]+)", advice: "`and`, `or` and `not` are `&&`, `||` and `!`: `$1 && $2`." },
    Habit { error: "`or` is not|logical|expected", line: r"(\S+)\s+or\s+([^\s;{:]+)", advice: "`and`, `or` and `not` are `&&`, `||` and `!`: `$1 || $2`." },
    Habit { error: "after identifier|expected|`not`", line: r"\bnot\s+(\w[^\s;{:]*)", advice: "`and`, `or` and `not` are `&&`, `||` and `!`: `!$1`." },
    Habit { error: "postfix increment|prefix increment|E0600|expected", line: r"(\w+)\+\+|\+\+(\w+)", advice: "Rust has no `++`: `$1$2 += 1;`." },
    Habit { error: "postfix decrement|prefix decrement|expected", line: r"(\w+)--", advice: "Rust has no `--`: `$1 -= 1;`." },
    Habit { error: "E0614", line: r"\b(\d+)\s*\*\*\s*(\w+)", advice: "Powers are methods: `$1_i64.pow($2)`." },
    Habit { error: "E0614", line: r"\b(\d+\.\d*)\s*\*\*\s*(\w+)", advice: "Powers are methods: `$1_f64.powi($2)`." },
    Habit { error: r"E0614 type `f(?:32|64)`", line: r"(\w+)\s*\*\*\s*(\w+)", advice: "Powers are methods: `$1.powf($2)`." },
    Habit { error: "E0614|E0277|E0308", line: r"(\w+|\([^()]*\))\s*\*\*\s*(\w+)", advice: "Powers are methods: `$1.powi($2)` for numbers with a point, `$1.pow($2)` for whole ones." },
    Habit { error: "expected", line: r"=\s*(.+?)\s+if\s+(.+?)\s+else\s+(.+?)\s*;?\s*$", advice: "A choice is an `if` with braces: `if $2 { $1 } else { $3 }`." },
    Habit { error: "expected", line: r"(\w+)\s*\?\s*([^:;]+?)\s*:\s*([^;]+?)\s*;?\s*$", advice: "A choice is an `if` with braces: `if $1 { $2 } else { $3 }`." },
    Habit { error: "expected", line: r"\b(\w[\w.]*)\s+is\s+not\s+(?:None)\b", advice: "Whether there is a value: `$1.is_some()`." },
    Habit { error: "expected", line: r"\b(\w[\w.]*)\s+is\s+None\b", advice: "Whether there is no value: `$1.is_none()`." },
    Habit { error: "expected|`in`", line: r"=\s*([\w.]+)\s+in\s+([\w.]+)", advice: "Whether a value is in a list: `$2.contains(&$1)`." },
    Habit { error: "chained", line: r"\b([a-z_]\w*|\d+)\s*<\s*([a-z_]\w*)\s*<\s*([a-z_]\w*|\d+)\b", advice: "Comparisons are joined by `&&`: `$1 < $2 && $2 < $3`." },
    Habit { error: "===|expected", line: r"(\S+)\s*===\s*([^\s;{]+)", advice: "Equality is `==`: `$1 == $2`." },
    Habit { error: "<>|expected", line: r"(\S+)\s*<>\s*([^\s;{]+)", advice: "What is not equal is `!=`: `$1 != $2`." },
    // Lists, slices and dictionaries.
    Habit { error: "expected|unexpected", line: r"\[\s*(.+?)\s+for\s+(\w+)\s+in\s+range\(([^(),]+)\)\s*\]", advice: "A list from another is collected: `(0..$3).map(|$2| $1).collect::<Vec<_>>()`." },
    Habit { error: "expected|unexpected", line: r"\[\s*(.+?)\s+for\s+(\w+)\s+in\s+(\w[\w.]*)\s+if\s+(.+?)\s*\]", advice: "A list from another is collected: `$3.iter().filter(|$2| $4).map(|$2| $1).collect::<Vec<_>>()`." },
    Habit { error: "expected|unexpected", line: r"\[\s*(.+?)\s+for\s+(\w+)\s+in\s+([^\[\]]*\.\.[^\[\]]*?)\s*\]", advice: "A list from another is collected: `($3).map(|$2| $1).collect::<Vec<_>>()`." },
    Habit { error: "expected|unexpected", line: r"\[\s*(.+?)\s+for\s+(\w+)\s+in\s+(.+?)\s*\]", advice: "A list from another is collected: `$3.iter().map(|$2| $1).collect::<Vec<_>>()`." },
    Habit { error: "expected|unexpected", line: r"\(\s*(.+?)\s+for\s+(\w+)\s+in\s+(.+?)\s*\)", advice: "Values one by one: `$3.iter().map(|$2| $1)`." },
    Habit { error: "found `:`", line: r"\b([\w.]+)\[\s*:\s*,", advice: "Each dimension of a tensor has its own call: `$1.narrow(1, 0, 2)` takes columns 0 and 1." },
    Habit { error: "found `:`|expected", line: r"\b([\w.]+)\[\s*:\s*-\s*(\w+)\s*\]", advice: "A part of a list is lent, with two dots: `&$1[..$1.len() - $2]`." },
    Habit { error: "found `:`|expected", line: r"\b([\w.]+)\[\s*-\s*(\w+)\s*:\s*\]", advice: "A part of a list is lent, with two dots: `&$1[$1.len() - $2..]`." },
    Habit { error: "found `:`", line: r"\b([\w.]+)\[\s*([^\[\]:,]*?)\s*:\s*([^\[\]:,]*?)\s*\]", advice: "A part of a list is lent, with two dots: `&$1[$2..$3]`; of a tensor it is `$1.narrow(0, start, length)`." },
    Habit { error: "negative integers cannot be used to index|E0277|E0600", line: r"\b([\w.]+)\[\s*-\s*(\w+)\s*\]", advice: "From the end it is counted by the length: `$1[$1.len() - $2]`, and the last one is `$1.last()`." },
    Habit { error: r"E0608 cannot index into a value of type `&?(?:\w+::)*Tensor`", line: r"\b([\w.]+)\[\s*([^\[\]]+?)\s*\]", advice: "A part of a tensor is `$1.get($2)`, and one number of it `$1.double_value(&[$2])`." },
    Habit { error: "E0608 cannot index into a value of type `&?\\(", line: r"\b([\w.]+)\[\s*(\d+)\s*\]", advice: "The parts of a tuple have numbers behind a point: `$1.$2`." },
    Habit { error: "found `:`|expected", line: r#"=\s*\{\s*("[^"]*"|\w+)\s*:\s*([^,}]+)"#, advice: "A dictionary is a `HashMap`: `std::collections::HashMap::from([($1, $2)])`." },
    // Loops over what is no range.
    Habit { error: "E0277 `\\{?(?:integer|[iu](?:8|16|32|64|size))\\}?` is not an iterator", line: r"\bfor\s+(\w+)\s+in\s+([^{]+?)\s*\{", advice: "A loop runs over a range: `for $1 in 0..$2 { … }`." },
];

/// The Rust for a value or an operator of Python.
pub fn advice(mistake: &Mistake) -> Option<String> {
    static ALL: LazyLock<Habits> = LazyLock::new(|| Habits::new(VALUES));
    shown_as_debug(mistake)
        .or_else(|| index(mistake))
        .or_else(|| whole_division(mistake))
        .or_else(|| owned_plus_owned(mistake))
        .or_else(|| ALL.advice(mistake))
}

/// `println!("{}", vec)`
fn shown_as_debug(mistake: &Mistake) -> Option<String> {
    let is_display =
        pattern!(r"`(.*)` doesn't implement `(?:std::fmt::)?Display`").captures(mistake.message())?;
    let found = mistake.find(pattern!(r"\b(\w+!)\s*\((.*)\)"))?;
    let whole = found.group(2);
    let text = match pattern!(r"\{(\w*)\}").is_match(whole) {
        true => pattern!(r"\{(\w*)\}").replace_all(whole, "{$1:?}").to_string(),
        false => whole.to_string(),
    };
    let name = is_display[1].split('<').next().unwrap_or("this").trim_start_matches('&').to_string();
    Some(format!("A `{name}` is shown by `{{:?}}`: `{}({text})`.", found.group(1)))
}

/// `labels[i]` with an `i64`
fn index(mistake: &Mistake) -> Option<String> {
    let is_index = pattern!(r"cannot be indexed by `&?[iu](?:8|16|32|64)`").is_match(mistake.message());
    let found = mistake.find(pattern!(r"\b([\w.]+)\[([^\[\]]+)\]")).filter(|_| is_index)?;
    let place = found.group(2);
    let place = if place.contains(' ') { format!("({place})") } else { place.to_string() };
    Some(format!("Places in a list are counted in `usize`: `{}[{place} as usize]`.", found.group(1)))
}

/// `7 // 2`
fn whole_division(mistake: &Mistake) -> Option<String> {
    let span = mistake.error.primary()?;
    let lines = mistake.cell.lines().collect::<Vec<_>>();
    let line = [span.start_line, span.start_line.saturating_sub(1)]
        .iter()
        .find_map(|number| lines.get(number.checked_sub(1)?).filter(|line| line.contains("//")))?;
    let found = pattern!(r"(?:=|\()\s*([\w.]+)\s*//\s*([\w.]+)\s*\)?\s*;\s*$").captures(line)?;
    mistake.message().starts_with("expected").then(|| {
        format!(
            "`//` begins a comment; between whole numbers `/` drops the rest: `{} / {}`.",
            &found[1], &found[2]
        )
    })
}

/// `a + b` with two `String`s
fn owned_plus_owned(mistake: &Mistake) -> Option<String> {
    let label = mistake.error.primary().map_or("", |span| span.label.as_str());
    let is_text = mistake.code() == "E0308" && label.contains("expected `&str`, found `String`");
    let found = mistake.find(pattern!(r#"([\w.]+|"[^"]*")\s*\+\s*([\w.]+)"#)).filter(|_| is_text)?;
    Some(found.fill("To a `String`, text is added by lending it: `$1 + &$2`, or `format!(\"{}{}\", $1, $2)`, which keeps both."))
}
