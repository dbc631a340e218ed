//! Functions and methods of Python, and arguments with a name.

use std::sync::LazyLock;

use super::super::mistake::{pattern, Mistake};
use super::super::text::without_strings_and_comments;
use super::{arguments, keyword, value, Habit, Habits};

/// What a function that Python has built in is in Rust; `$1` is its argument.
const FUNCTIONS: &[(&str, &str)] = &[
    ("len", "A length is a method: `$1.len()`"),
    ("str", "A number becomes text by `$1.to_string()`"),
    ("int", "Text becomes a whole number by `$1.parse::<i64>()?`, and a number by `x as i64`"),
    ("float", "Text becomes a number by `$1.parse::<f64>()?`, and a whole number by `x as f64`"),
    ("bool", "A condition is compared, for example `$1 != 0`"),
    ("list", "A list is made by `$1.collect::<Vec<_>>()` from an iterator, and by `vec![…]` from values"),
    ("dict", "Keys and values stand in a `HashMap`: `std::collections::HashMap::from([(\"a\", 1)])`"),
    ("set", "A set is made by `$1.into_iter().collect::<std::collections::HashSet<_>>()`"),
    ("tuple", "Several values in one stand in brackets: `(1, 2)`"),
    ("sum", "A sum is a method of an iterator, with the type of the values: `$1.iter().sum::<f64>()`"),
    ("max", "The largest is a method of an iterator: `$1.iter().max()`, of two numbers `a.max(b)`"),
    ("min", "The smallest is a method of an iterator: `$1.iter().min()`, of two numbers `a.min(b)`"),
    ("abs", "The absolute value is a method: `$1.abs()`"),
    ("round", "Rounding is a method: `$1.round()`, and `println!(\"{x:.2}\")` shows two digits"),
    ("sqrt", "The square root is a method of numbers with a point: `$1.sqrt()`"),
    ("exp", "The exponential is a method of numbers with a point: `$1.exp()`"),
    ("pow", "Powers are methods: `x.powi(2)` for numbers with a point, `x.pow(2)` for whole ones"),
    ("sorted", "A list is sorted in place: `$1.sort();`"),
    ("reversed", "Backwards is a method of an iterator: `$1.iter().rev()`"),
    ("enumerate", "Values with their numbers: `$1.iter().enumerate()`"),
    ("range", "A range is written with two dots: `0..$1`"),
    ("map", "A function for each value is a method of an iterator: `values.iter().map(|x| …)`"),
    ("filter", "A selection is a method of an iterator: `values.iter().filter(|x| …)`"),
    ("any", "It is a method of an iterator: `values.iter().any(|x| …)`"),
    ("all", "It is a method of an iterator: `values.iter().all(|x| …)`"),
    ("zip", "Two lists side by side: `a.iter().zip(&b)`"),
    ("type", "A type's name is `std::any::type_name_of_val(&$1)`"),
    ("isinstance", "Types are known before the cell runs; cases of an `enum` are told apart by `match`"),
    ("open", "A file's text is read by `std::fs::read_to_string(path)?`"),
    ("input", "A line is read by `std::io::stdin().read_line(&mut line)?` into a `String`"),
    ("printf", "Text is printed by `println!`, with braces for values: `println!(\"{}\", x);`"),
    ("help", "Shift+Tab behind a name shows its documentation"),
    ("dir", "Tab behind `x.` shows what a value can do"),
    ("exit", "A cell ends at its last line, and earlier by `return` in a function or by `?`"),
];

/// Methods of Python's types.
const METHODS: &[Habit] = &[
    Habit {
        error: "E0599|E0308",
        line: r"([\w.]+)\.append\(([^&].*?)\)\s*;?\s*$",
        advice: "A list grows by `push`: `$1.push($2);`, and has to be declared as `let mut $1 = vec![…];`.",
    },
    Habit {
        error: "E0599",
        line: r"([\w.]+)\.(?:upper|toUpperCase)\(\)",
        advice: "Capital letters: `$1.to_uppercase()`.",
    },
    Habit {
        error: "E0599",
        line: r"([\w.]+)\.(?:lower|toLowerCase)\(\)",
        advice: "Small letters: `$1.to_lowercase()`.",
    },
    Habit {
        error: "E0599",
        line: r"([\w.]+)\.strip\(\)",
        advice: "Without blanks at its ends: `$1.trim()`.",
    },
    Habit { error: "E0599", line: r"([\w.]+)\.startswith\((.*?)\)", advice: "`$1.starts_with($2)`." },
    Habit { error: "E0599", line: r"([\w.]+)\.endswith\((.*?)\)", advice: "`$1.ends_with($2)`." },
    Habit {
        error: "E0599",
        line: r"([\w.]+)\.(?:items|iteritems)\(\)",
        advice: "Keys and values of a `HashMap`: `for (key, value) in &$1 { … }`.",
    },
    Habit {
        error: "E0599",
        line: r#"("[^"]*")\.format\((.*?)\)"#,
        advice: "Values are put into text by `format!`: `format!($1, $2)`.",
    },
    Habit {
        error: "E0599",
        line: r#"("[^"]*")\.join\((.*?)\)"#,
        advice: "Texts are joined by the list's method: `$2.join($1)`.",
    },
    Habit {
        error: "E0599",
        line: r"([\w.]+)\.astype\((.*?)\)",
        advice: "A tensor's numbers are converted by `$1.to_kind(Kind::Float)`, a number by `x as f64`.",
    },
    Habit {
        error: "E0061|E0277|E0308",
        line: r"([\w.]+)\.reshape\((\d[\d, ]*)\)",
        advice: "The new shape stands in a list: `$1.reshape([$2])`.",
    },
    Habit {
        error: r"(?:E0609|E0610|E0615).*(?:Tensor|Vec<|\[)",
        line: r"([\w.]+)\.shape\b",
        advice: "The shape of a tensor is `$1.size()`, the length of a list `$1.len()`.",
    },
    Habit {
        error: r"(?:E0609|E0610|E0615).*Tensor",
        line: r"([\w.]+)\.(?:ndim|ndims)\b",
        advice: "How many dimensions a tensor has: `$1.dim()`.",
    },
    Habit {
        error: r"(?:E0609|E0610|E0615).*Tensor",
        line: r"([\w.]+)\.dtype\b",
        advice: "The type of a tensor's numbers: `$1.kind()`.",
    },
    Habit {
        error: r"(?:E0609|E0610|E0615).*Tensor",
        line: r"([\w.]+)\.T\b",
        advice: "The transposed tensor: `$1.tr()`.",
    },
    Habit {
        error: "E0615|E0616",
        line: r"([\w.]+)\.len\b",
        advice: "A method is called with brackets: `$1.len()`.",
    },
    Habit {
        error: "E0615",
        line: r"([\w.]+)\.(\w+)\s*;?\s*$",
        advice: "A method is called with brackets: `$1.$2()`.",
    },
];

/// The Rust for a call of Python.
pub fn advice(mistake: &Mistake) -> Option<String> {
    static ALL: LazyLock<Habits> = LazyLock::new(|| Habits::new(METHODS));
    print(mistake)
        .or_else(|| macro_call(mistake))
        .or_else(|| function(mistake))
        .or_else(|| ALL.advice(mistake))
        .filter(|line| !line.is_empty())
        .or_else(|| named(mistake))
}

/// `print(x)`
fn print(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r"\bprint\((.*)\)\s*;?\s*$"))?;
    let is_plain = ["E0423", "E0425", ""].contains(&mistake.code());
    let (mut text, mut values, mut macro_name) = (Vec::new(), Vec::new(), "println!");
    for argument in arguments(found.group(1)) {
        match keyword(argument) {
            Some(("end", _)) => macro_name = "print!",
            Some(_) => {}
            None if joined(argument).is_some() => {
                let (joined, inserted) = joined(argument).unwrap_or_default();
                text.push(joined);
                values.extend(inserted);
            }
            None => match literal(argument) {
                Some(literal) => text.push(literal),
                None if pattern!(r"^[A-Za-z_]\w*$").is_match(argument) => {
                    text.push(format!("{{{argument}}}"))
                }
                None => {
                    text.push("{}".to_string());
                    values.push(argument);
                }
            },
        }
    }
    let values: String = values.iter().map(|value| format!(", {value}")).collect();
    is_plain.then(|| {
        format!("Text is printed by a macro, with a `!`: `{macro_name}(\"{}\"{values});`.", text.join(" "))
    })
}

/// `println(x)`
fn macro_call(mistake: &Mistake) -> Option<String> {
    let found = pattern!(r"^expected function, found macro `(\w+)`").captures(mistake.message())?;
    Some(format!("A macro is called with a `!`: `{}!(…)`.", &found[1]))
}

/// `"a" + str(x)` as a text with braces, and what stands for them.
fn joined(argument: &str) -> Option<(String, Vec<&str>)> {
    let code = without_strings_and_comments(argument);
    if !code.contains('+') || !code.contains('"') {
        return None;
    }
    let (mut text, mut values, mut begin) = (String::new(), Vec::new(), 0);
    let ends = code.match_indices('+').map(|(at, _)| at).chain([code.len()]);
    for end in ends {
        let part = argument.get(begin..end)?.trim();
        begin = end + 1;
        match literal(part) {
            Some(literal) => text.push_str(&literal),
            None => {
                text.push_str("{}");
                values.push(
                    part.strip_prefix("str(").and_then(|inner| inner.strip_suffix(')')).unwrap_or(part),
                );
            }
        }
    }
    Some((text, values))
}

/// What stands in a string of Python.
fn literal(argument: &str) -> Option<String> {
    let found = pattern!(r#"(?s)^f?(?:"([^"]*)"|'([^']*)')$"#).captures(argument)?;
    Some(found.get(1).or(found.get(2))?.as_str().to_string())
}

/// `len(x)`
fn function(mistake: &Mistake) -> Option<String> {
    let name =
        mistake.quoted().into_iter().next().filter(|_| ["E0425", "E0423"].contains(&mistake.code()))?;
    let (_, template) = FUNCTIONS.iter().find(|(function, _)| *function == name)?;
    // Brackets in the argument may stand in each other once.
    let call = regex::Regex::new(&format!(r"\b{name}\(([^()]*(?:\([^()]*\)[^()]*)*)\)?")).ok()?;
    let call = mistake.find(&call)?;
    let given = arguments(call.group(1));
    if let (["max" | "min"], [first, second]) = ([name], given.as_slice()) {
        return Some(format!("Of two numbers it is a method: `{}.{name}({second})`.", in_brackets(first)));
    }
    let argument = given.first().map_or("x".to_string(), |first| in_brackets(&value(first)));
    Some(format!("{}.", template.replace("$1", &argument)))
}

/// What a method is called on; a method binds tighter than an operator.
fn in_brackets(value: &str) -> String {
    let is_text = value.starts_with('"');
    match !is_text && (value.starts_with('-') || value.contains([' ', '+', '*', '/'])) {
        true => format!("({value})"),
        false => value.to_string(),
    }
}

/// `f(x, size=3)`, which Rust reads as an assignment.
fn named(mistake: &Mistake) -> Option<String> {
    let name = mistake.quoted().into_iter().next().filter(|_| mistake.code() == "E0425")?;
    let found = mistake.find(&regex::Regex::new(&format!(r"\b(\w+)(\(.*?\b|\(){name}\s*=[^=]")).ok()?)?;
    if let Some((_, template)) = FUNCTIONS.iter().find(|(function, _)| *function == found.group(1)) {
        return Some(format!("{}.", template.replace("$1", "x")));
    }
    Some(format!(
        "Arguments have no names in Rust: `{}(…)` gets them in their order, without `{name}=`; Shift+Tab shows which there are.",
        found.group(1)
    ))
}
