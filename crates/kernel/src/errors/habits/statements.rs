//! Statements of Python: loops, functions, imports, comments, and what has no like in Rust.

use std::sync::LazyLock;

use super::super::mistake::{pattern, Mistake};
use super::{arguments, Habit, Habits};

/// The first that fits is given.
const STATEMENTS: &[Habit] = &[
    // Loops and conditions.
    Habit { error: "", line: r"^\s*for\s+(\w+)\s+in\s+range\(\s*len\(([^()]+)\)\s*\)\s*[:{]", advice: "The numbers from 0 to a length: `for $1 in 0..$2.len() { … }`." },
    Habit { error: "", line: r"^\s*for\s+(\w+)\s+in\s+range\(([^(),]+|[^(),]*\([^()]*\))\)\s*[:{]", advice: "A range is written with two dots, and a body stands in braces: `for $1 in 0..$2 { … }`." },
    Habit { error: "", line: r"^\s*for\s+(\w+)\s+in\s+range\(([^,()]+),([^,()]+)\)\s*[:{]", advice: "A range is written with two dots, and a body stands in braces: `for $1 in $2..$3 { … }`." },
    Habit { error: "", line: r"^\s*for\s+(\w+)\s+in\s+range\(([^,()]+),([^,()]+),([^,()]+)\)\s*[:{]", advice: "A range with a step: `for $1 in ($2..$3).step_by($4) { … }`; backwards it is `.rev()`." },
    Habit { error: "", line: r"^\s*for\s+(\w+)\s*,\s*(\w+)\s+in\s+enumerate\((.+)\)\s*[:{]", advice: "Values with their numbers: `for ($1, $2) in $3.iter().enumerate() { … }`." },
    Habit { error: "", line: r"^\s*for\s+(\w+)\s*,\s*(\w+)\s+in\s+zip\(([^,]+),\s*([^,]+)\)\s*[:{]", advice: "Two lists side by side: `for ($1, $2) in $3.iter().zip(&$4) { … }`." },
    Habit { error: "", line: r"^\s*for\s*\(\s*(?:int |let |var )?(\w+)\s*=\s*(\w+)\s*;\s*\w+\s*<\s*([\w.]+)\s*;", advice: "A loop runs over a range: `for $1 in $2..$3 { … }`." },
    Habit { error: "", line: r"^\s*for\s+(\w+)\s+in\s+(\S*\.\.\S*?)\s*:", advice: "A body stands in braces, without a colon: `for $1 in $2 { … }`." },
    Habit { error: "", line: r"^\s*for\s+(.+?)\s*,\s*(.+?)\s+in\s+(.+?)\s*:\s*$", advice: "Several names stand in brackets, and a body in braces: `for ($1, $2) in $3 { … }`." },
    Habit { error: "", line: r"^\s*for\s+(.+?)\s+in\s+(.+?)\s*:(\s.*)?$", advice: "A body stands in braces, without a colon: `for $1 in &$2 { … }`." },
    Habit { error: "", line: r"^\s*while\s+(True|true|1)\s*:", advice: "A loop without end is `loop { … }`; `break` leaves it." },
    Habit { error: "", line: r"^\s*while\s+(.+?)\s*:(\s.*)?$", advice: "A body stands in braces, without a colon: `while $1 { … }`." },
    Habit { error: "", line: r"^\s*\}?\s*(?:elif|elsif|elseif)\b\s*\(?(.*?)\)?\s*[:{]?\s*$", advice: "Python's `elif` is `else if`: `} else if $1 { … }`." },
    Habit { error: "", line: r"^\s*else\s*:(\s.*)?$", advice: "A body stands in braces, without a colon: `if … { … } else { … }`." },
    Habit { error: "", line: r"^\s*if\s+not\s+(\w[\w.()]*)\s*:", advice: "`not` is `!`, and a body stands in braces: `if !$1 { … }`." },
    Habit { error: "", line: r"^\s*if\s+(\w[\w.]*)\s+(?:is\s+not|!=)\s+None\s*:", advice: "Whether there is a value: `if $1.is_some() { … }`, or with the value in a name, `if let Some(value) = $1 { … }`." },
    Habit { error: "", line: r"^\s*if\s+(\w[\w.]*)\s+(?:is|==)\s+None\s*:", advice: "Whether there is no value: `if $1.is_none() { … }`." },
    Habit { error: "", line: r"^\s*if\s+(\w+|.\w+.)\s+not\s+in\s+(\w[\w.]*)\s*[:{]", advice: "Whether a value is in a list: `if !$2.contains(&$1) { … }`." },
    Habit { error: "", line: r"^\s*if\s+(\w+|.\w+.)\s+in\s+(\w[\w.]*)\s*[:{]", advice: "Whether a value is in a list: `if $2.contains(&$1) { … }`." },
    Habit { error: "", line: r"^\s*if\s+__name__\s*==", advice: "A notebook needs no `main`: what stands in a cell runs." },
    Habit { error: "", line: r"^\s*if\s+([^{}]+?)\s*:(\s.*)?$", advice: "A body stands in braces, without a colon: `if $1 { … }`." },
    // Functions and types.
    Habit { error: "", line: r"^\s*class\s+(\w+)", advice: "Rust has no classes: `struct $1 { … }` holds the values, and `impl $1 { … }` the functions that work with them." },
    Habit { error: "", line: r"[=(]\s*lambda\s*:\s*(.+?)\)?;?\s*$", advice: "A function without a name is a closure: `|| $1`." },
    Habit { error: "", line: r"\blambda\s+([\w, ]+):\s*(.+?);?\s*$", advice: "A function without a name is a closure: `|$1| $2`." },
    Habit { error: "", line: r"^\s*function\s+(\w+)", advice: "A function begins with `fn`, and its parameters have types: `fn $1(x: f64) -> f64 { … }`." },
    Habit { error: r"E0424|module `self`|found module|`self`", line: r"\bself\b", advice: "`self` is known only in the functions inside `impl … { … }` whose first parameter is `&self` or `&mut self`." },
    Habit { error: "", line: r"^\s*@(\w+)", advice: "Rust has no decorators; what `@$1` does is a call inside of the function, or an attribute such as `#[derive(Debug)]`." },
    // Errors and files.
    Habit { error: "", line: r"^\s*with\s+open\(([^,()]+)", advice: "A file's text is read by `std::fs::read_to_string($1)?`; files close by themselves." },
    Habit { error: "", line: r"^\s*with\s+(.+?)\s+as\s+(\w+)\s*:", advice: "What a block opens is closed by itself at its end: `{ let $2 = $1; … }`." },
    Habit { error: "", line: r"^\s*(try\s*[:{]|except\b.*|finally\s*[:{]|\}?\s*catch\b.*)", advice: "Errors are values: `?` behind a call hands its error on, and `match call() { Ok(value) => …, Err(error) => … }` treats it." },
    Habit { error: "", line: r"^\s*(?:raise|throw)\s+(?:new\s+)?\w+\((.*?)\)", advice: "A function ends with an error by `return Err($1.into());`, a program by `panic!($1)`." },
    // Imports and commands of the notebook.
    Habit { error: "", line: r"^\s*(?:import|from|use)\s+(?:numpy|pandas|torch|jax)\b", advice: "Python's libraries are not there: numbers stand in a `Vec<f64>` or in a `Tensor`; `use` names what Rust crates have, for example `use std::collections::HashMap;`." },
    Habit { error: "", line: r"^\s*(?:import|from|use)\s+(?:tensorflow|keras|tf)\b", advice: "Keras's names come from a Rust crate: `use cnn::prelude::*;`, behind its `:dep` line." },
    Habit { error: "", line: r"^\s*(?:import|from|use)\s+(?:matplotlib|seaborn|plotly)\b", advice: "Python's figures are not there; a Rust crate such as `plotters` draws, and a cell shows the figure that is its last value." },
    Habit { error: "", line: r"^\s*import\s+([\w.]+)", advice: "Names of another crate come by `use`: `use std::collections::HashMap;`. A crate that is not there yet is added by a line `:dep $1 = \"version\"`." },
    Habit { error: "expected expression", line: r"^\s*%{1,2}\s*(\w+)", advice: "`%$1` is a command of Python's notebooks and not needed: leave the line out. Figures are shown as a cell's last value." },
    Habit { error: "", line: r"^\s*!?\s*(?:pip3?|conda|mamba|uv|cargo)\s+(?:install|add)\s+(?:-\S+\s+)*([\w-]+)", advice: "Crates are added in a cell of their own: `:dep $1 = \"version\"`." },
    // Smaller ones.
    Habit { error: "missing type for `const`", line: r"const\s+(?:mut\s+)?(\w+)\s*=\s*(.+?);?\s*$", advice: "A variable begins with `let`: `let $1 = $2;`; a constant has a type: `const N: i64 = 3;`." },
    Habit { error: "expected", line: r"\bnew\s+(\w+)\s*\((.*?)\)", advice: "A value is made by a function of its type: `$1::new($2)`." },
    Habit { error: "expected", line: r#"^\s*("""|\'\'\'|""_)"#, advice: "A description begins with three slashes, above what it describes: `/// …`." },
    Habit { error: "E0308|E0572", line: r"^return\s+(.+?)\s*;?\s*$", advice: "A cell has no `return`: what stands at its end without a `;` is its value: `$1`." },
    Habit { error: r"expected one of `!` or `\[`|unknown start of token|expected.*`\[`", line: r"#\s*([^!\[\s].*?)\s*$", advice: "A comment begins with two slashes: `// $1`." },
    Habit { error: r"expected one of `!` or `\[`", line: r"#", advice: "A comment begins with two slashes: `// …`." },
    Habit { error: "", line: r"^\s*del\s+(\w+)", advice: "A value is given back at the end of its block, or by `drop($1);`." },
    Habit { error: "E0425", line: r"^\s*pass\s*;?\s*$", advice: "An empty body needs no `pass`: `{}`." },
    Habit { error: "", line: r"^\s*(?:global|nonlocal)\s+(\w+)", advice: "A function gets what it works with as a parameter: `fn f($1: &mut f64) { … }`." },
    Habit { error: "", line: r"^\s*assert\s+(.+?)\s*;?\s*$", advice: "Macros have a `!` and brackets: `assert!($1);`." },
    Habit { error: "", line: r"^\s*yield\b", advice: "Values one by one come from an iterator: `(0..10).map(|x| …)`." },
    Habit { error: "", line: r"^\s*switch\b\s*\(?(\w*)", advice: "Cases are told apart by `match $1 { 1 => …, _ => … }`." },
    Habit { error: "", line: r"^\s*(?:var|auto|val|int|float|double|string)\s+(\w+)\s*=\s*(.+?);?\s*$", advice: "A new variable begins with `let`: `let $1 = $2;`." },
    Habit { error: "", line: r"^\s*print\s+(\S[^(]*?)\s*;?\s*$", advice: "Text is printed by `println!`: `println!(\"{}\", $1);`." },
    Habit { error: "", line: r"^\s*#\s*include", advice: "Names of another crate come by `use`: `use std::collections::HashMap;`." },
];

/// The Rust for a statement of Python.
pub fn advice(mistake: &Mistake) -> Option<String> {
    static ALL: LazyLock<Habits> = LazyLock::new(|| Habits::new(STATEMENTS));
    function(mistake)
        .or_else(|| untyped(mistake))
        .or_else(|| from_import(mistake))
        .or_else(|| ALL.advice(mistake))
        .or_else(|| without_let(mistake))
}

/// `def f(x):`
fn function(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r"^\s*(?:async\s+)?def\s+(\w+)\s*\((.*)\)\s*(?:->.*)?:?"))?;
    let parameters: Vec<String> = arguments(found.group(2)).into_iter().map(parameter).collect();
    Some(format!(
        "A function begins with `fn`, its parameters have types, and its body stands in braces: `fn {}({}) -> f64 {{ … }}`.",
        found.group(1),
        parameters.join(", ")
    ))
}

/// `fn f(x)`, without the parameters' types
fn untyped(mistake: &Mistake) -> Option<String> {
    let is_untyped = mistake.message().contains("expected one of `:`");
    let found = mistake.find(pattern!(r"\bfn\s+(\w+)\s*\((.*?)\)")).filter(|_| is_untyped)?;
    let typed = |one: &str| if one.contains([':', '&']) { one.to_string() } else { parameter(one) };
    let parameters: Vec<String> = arguments(found.group(2)).into_iter().map(typed).collect();
    Some(format!("Parameters have types: `fn {}({}) -> f64 {{ … }}`.", found.group(1), parameters.join(", ")))
}

fn parameter(python: &str) -> String {
    let name = python.split([':', '=']).next().unwrap_or(python).trim();
    match name {
        "self" => "&self".to_string(),
        _ => format!("{}: f64", name.trim_start_matches('*')),
    }
}

/// `from x import y`
fn from_import(mistake: &Mistake) -> Option<String> {
    let found = mistake.find(pattern!(r"^\s*from\s+([\w.]+)\s+import\s+(.+?)\s*;?\s*$"))?;
    let path = found.group(1);
    if ["numpy", "pandas", "torch", "tensorflow", "keras", "matplotlib"]
        .iter()
        .any(|python| path.starts_with(python))
    {
        return None;
    }
    let names = match found.group(2) {
        "*" => "*".to_string(),
        one if !one.contains(',') => one.to_string(),
        several => format!("{{{several}}}"),
    };
    Some(format!("Names of another crate come by `use`: `use {}::{names};`.", path.replace('.', "::")))
}

/// `x = 3`
fn without_let(mistake: &Mistake) -> Option<String> {
    let is_typed = ["E0425", "E0423", ""].contains(&mistake.code());
    let found = mistake
        .find(pattern!(r"^\s*([a-z_]\w*)(\s*:\s*\w+)?\s*=\s*([^=].*?)\s*;?\s*$"))
        .filter(|_| is_typed)?;
    let (name, value) = (found.group(1), found.group(3));
    let is_missing = !mistake.code().is_empty() && mistake.quoted().first() == Some(&name);
    let is_syntax = mistake.code().is_empty() && mistake.message().starts_with("expected");
    let lacks_semicolon = is_syntax && (mistake.message().contains("`;`") || !found.group(2).is_empty());
    let is_new = !mistake.known.variables.contains_key(name) && mistake.known.nearest(name).is_none();
    ((is_missing || lacks_semicolon) && is_new).then(|| {
        let of_type = found.group(2).trim_start_matches(':').trim();
        let of_type = match of_type {
            "" => String::new(),
            "int" => ": i64".to_string(),
            "float" => ": f64".to_string(),
            "str" => ": &str".to_string(),
            other => format!(": {other}"),
        };
        format!(
            "A new variable begins with `let`, and a statement ends with `;`: `let {name}{of_type} = {};`.",
            super::value(value)
        )
    })
}
