//! Each habit as it is typed, compiled by the real compiler, and the advice for it.

use std::collections::BTreeMap;

use crate::errors::rustc::{compiled, compiled_after};
use crate::errors::{compile_errors, plain, warnings, Diagnostic, Known, Span};

/// A cell, and what its advice has to contain.
const TYPED: &[(&str, &str)] = &[
    // Loops and conditions.
    ("for i in range(3):\n    print(i)", "`for i in 0..3 { … }`"),
    ("for i in range(2, 5):\n    print(i)", "`for i in 2..5 { … }`"),
    ("for i in range(0, 10, 2):\n    print(i)", "`for i in (0..10).step_by(2) { … }`"),
    ("let x = [1];\nfor i in range(len(x)):\n    print(i)", "`for i in 0..x.len() { … }`"),
    ("let xs = [1];\nfor i, x in enumerate(xs):\n    print(i)", "`for (i, x) in xs.iter().enumerate() { … }`"),
    ("let xs = [1];\nfor a, b in zip(xs, xs):\n    print(a)", "`for (a, b) in xs.iter().zip(&xs) { … }`"),
    ("let xs = [1];\nfor x in xs:\n    print(x)", "`for x in &xs { … }`"),
    ("for i in range(3) {\n    println!(\"{i}\");\n}", "`for i in 0..3 { … }`"),
    ("for i in 3 {\n    println!(\"{i}\");\n}", "`for i in 0..3 { … }`"),
    ("while True:\n    break", "`loop { … }`"),
    ("let mut i = 0;\nwhile i < 3:\n    i += 1", "`while i < 3 { … }`"),
    ("let x = 1;\nif x > 0:\n    print(x)", "`if x > 0 { … }`"),
    ("let x = 1;\nif x > 0 {\n    1;\n} elif x < 0 {\n    2;\n}", "`} else if x < 0 { … }`"),
    ("let x = 1;\nif x > 0:\n    print(1)\nelse:\n    print(2)", "`if x > 0 { … }`"),
    ("let x = 5;\nif x {\n    1;\n}", "`x != 0`"),
    ("for i in 0..3:\n    println!(\"{i}\")", "`for i in 0..3 { … }`"),
    ("for (i = 0; i < 3; i++) { }", "`for i in 0..3 { … }`"),
    // Functions and types.
    ("fn add(a, b) { a + b }", "`fn add(a: f64, b: f64) -> f64 { … }`"),
    ("const n = 3;", "`let n = 3;`"),
    ("let x = new Vec();", "`Vec::new()`"),
    ("use numpy as np;", "Python's libraries"),
    ("x: int = 5", "`let x: i64 = 5;`"),
    ("vec = [1, 2]", "`let vec = [1, 2];`"),
    ("let a = 3 if True else 4", "`if true { 3 } else { 4 }`"),
    ("let x = 3;\nprintln(x)", "`println!(…)`"),
    ("let x = 3;\nprint(\"x is \" + str(x))", "`println!(\"x is {}\", x);`"),
    ("println!(\"x is \" + 3);", "`println!(\"x is {}\", 3)`"),
    ("let x = 1.5; println!(\"{x:.2f}\");", "`{x:.2}`"),
    ("println!(\"%d\", 3);", "`println!(\"{}\", 3)`"),
    ("let x = abs(-3);", "`(-3).abs()`"),
    ("let x = max(1, 2);", "`1.max(2)`"),
    ("let d = dict(a=1);", "`HashMap`"),
    ("let mut model = Sequential();", "`Sequential::input("),
    ("def f(x):\n    return x + 1", "`fn f(x: f64) -> f64 { … }`"),
    ("def area(w, h=2):\n    return w * h", "`fn area(w: f64, h: f64) -> f64 { … }`"),
    ("class Net:\n    pass", "`struct Net { … }`"),
    ("class Net {\n}", "`struct Net { … }`"),
    ("let f = lambda x: x + 1;", "`|x| x + 1`"),
    ("self.x = 3;", "`&self`"),
    ("let x: int = 3;", "`i64`"),
    // Errors, files, imports.
    ("with open(\"a\") as f:\n    pass", "`std::fs::read_to_string(\"a\")?`"),
    ("try:\n    f()\nexcept:\n    pass", "`match call() { Ok(value)"),
    ("raise ValueError(\"no\")", "`return Err(\"no\".into());`"),
    ("import numpy", "Python's libraries are not there"),
    ("import numpy as np", "Python's libraries are not there"),
    ("from tensorflow import keras", "`use cnn::prelude::*;`"),
    ("import matplotlib.pyplot as plt", "figures"),
    ("from x import y", "`use x::y;`"),
    ("from a.b import c, d", "`use a::b::{c, d};`"),
    ("import time", "`:dep time = \"version\"`"),
    ("%matplotlib inline", "leave the line out"),
    ("pip install numpy", "`:dep numpy = \"version\"`"),
    ("!pip install numpy", "`:dep numpy = \"version\"`"),
    ("# a comment\nlet x = 1;", "`// a comment`"),
    ("let x = 1; # it is one", "`// it is one`"),
    ("#comment", "`// comment`"),
    ("assert 1 == 1", "`assert!(1 == 1);`"),
    ("var x = 3;", "`let x = 3;`"),
    ("let x = 3;\nreturn x;", "its value: `x`"),
    // Variables.
    ("x = 3", "`let x = 3;`"),
    ("x = 3\ny = 4\nprint(x + y)", "`let x = 3;`"),
    ("name = 'Ada'", "double quotes: `\"Ada\"`"),
    ("let x = 1;\nx += 1;", "`let mut x` in line 1"),
    ("let v = vec![1];\nv.push(2);", "`let mut v` in line 1"),
    ("let x = None;", "`let x: Option<f64> = None;`"),
    ("let v = vec![];", "`let v: Vec<f64> = …`"),
    ("let c = |x| x + 1;", "`|x: f64|`"),
    // Calls.
    ("let x = vec![1, 2];\nlen(x)", "`x.len()`"),
    ("let x = 3;\nprint(x)", "`println!(\"{x}\");`"),
    ("let x = 3;\nprint(\"x is\", x + 1)", "`println!(\"x is {}\", x + 1);`"),
    ("print(\"a\")", "`println!(\"a\");`"),
    ("print('hello')", "`println!(\"hello\");`"),
    ("print(f\"x is {x}\")", "`println!(\"x is {x}\");`"),
    ("printf(\"%d\", 3);", "`println!"),
    ("let n = int(\"3\");", "`\"3\".parse::<i64>()?`"),
    ("let n = str(3);", "`3.to_string()`"),
    ("let v = [1.0, 2.0];\nlet s = sum(v);", "`v.iter().sum::<f64>()`"),
    ("let v = [1, 2, 3];\nv.append(4);", "`v.push(4);`"),
    ("let mut v = vec![1];\nv.append(4);", "`v.push(4);`"),
    ("let v = vec![1, 2];\nv.len", "`v.len()`"),
    ("let s = \"{}\".format(3);", "`format!(\"{}\", 3)`"),
    // Values and operators.
    ("let s = 'hello';", "`\"hello\"`"),
    ("let s = 'hello world';", "`\"hello world\"`"),
    ("let x = 3; println!(f\"x is {x}\");", "`println!(\"x is {x}\")`"),
    ("let x = 3;\nlet s = f\"x is {x}\";", "`format!(\"x is {x}\")`"),
    ("let done = True;", "`true`"),
    ("let done = False;", "`false`"),
    ("let x = null;", "`None`"),
    ("let a = true;\nlet b = a and false;", "`a && false`"),
    ("let a = true;\nlet b = a or false;", "`a || false`"),
    ("let a = not true;", "`!true`"),
    ("let mut i = 0;\ni++;", "`i += 1;`"),
    ("let p = 3 ** 2;", "`3_i64.pow(2)`"),
    ("let x = 1.5;\nlet p = x ** 2;", "`x.powi(2)`"),
    ("let x = 7 // 2;", "`7 / 2`"),
    ("let x = 5;\nlet y = x if x > 3 else 2;", "`if x > 3 { x } else { 2 }`"),
    ("let squares = [x * x for x in 0..3];", "`(0..3).map(|x| x * x).collect::<Vec<_>>()`"),
    ("let squares = [x * x for x in range(3)];", "`(0..3).map(|x| x * x).collect::<Vec<_>>()`"),
    ("let v = [1];\nlet w = [x * x for x in v if x > 1];", "`v.iter().filter(|x| x > 1).map(|x| x * x)"),
    ("let x = [1, 2, 3];\nlet y = x[1:3];", "`&x[1..3]`"),
    ("let x = [1, 2, 3];\nlet y = x[:2];", "`&x[..2]`"),
    ("let x = [1, 2, 3];\nx[-1]", "`x[x.len() - 1]`"),
    ("let d = {\"a\": 1};", "`std::collections::HashMap::from([(\"a\", 1)])`"),
    ("let a = String::from(\"a\");\nlet b = String::from(\"b\");\nlet c = a + b;", "`a + &b`"),
    ("let c = \"a\" + \"b\";", "`format!(\"{}{}\", \"a\", \"b\")`"),
    ("let c = \"a\" + 3;", "format!(\"{}{}\", \"a\", 3)"),
    ("let s = \"a\" * 3;", "`\"a\".repeat(3)`"),
    ("println!(\"{}\", vec![1, 2]);", "`println!(\"{:?}\", vec![1, 2])`"),
    ("let v = vec![1];\nprintln!(\"{v}\");", "`println!(\"{v:?}\")`"),
    ("let labels = vec![1, 2, 3];\nlet i: i64 = 1;\nlabels[i]", "`labels[i as usize]`"),
    ("let n: i32 = \"x\";", "`\"x\".parse::<i32>()?`"),
    // Keras.
    ("let x = Tensor;\nx.shape", "`x.size()`"),
    ("let x = Tensor;\nx[0]", "`x.get(0)`"),
    ("let d = Dense::new(10).activation(\"relu\");", "`.activation(Relu)`"),
    ("let d = Dense::new(10).padding(\"same\");", "`.padding(Padding::Same)`"),
    ("let d = Dense(10, activation=\"relu\");", "`.activation(Relu)`"),
    ("let d = Dense(10);", "`Dense::new(10)`"),
    ("let (x, y) = (Tensor, Tensor);\nlet mut model = Sequential::new();\nmodel.fit(x, y, epochs=3)", "`model.fit(&x, &y, &Fit { epochs: 3, ..Fit::default() })?`"),
    ("let (x, y) = (Tensor, Tensor);\nlet mut model = Sequential::new();\nmodel.fit(x, y, batch_size=32, epochs=3, verbose=0)", "`model.fit(&x, &y, &Fit { batch_size: 32, epochs: 3, verbose: false, ..Fit::default() })?`"),
    ("let (x, y) = (Tensor, Tensor);\nlet mut model = Sequential::new();\nmodel.fit(x, y)", "`model.fit(&x, &y, &Fit::default())?`"),
    ("let f = Fit { epochs: 3 };", "`Fit { epochs: 3, ..Fit::default() }`"),
    ("let mut model = Sequential::new();\nmodel.compile(optimizer=\"adam\", loss=\"categorical_crossentropy\")", "`model.compile(Adam::default(), Loss::CategoricalCrossentropy)?`"),
    ("let mut model = Sequential::new();\nmodel.compile(\"adam\", \"categorical_crossentropy\");", "`model.compile(Adam::default(), Loss::CategoricalCrossentropy)?`"),
    ("let model = Sequential::new();\nmodel.summary", "`model.summary()`"),
    ("let z = np.zeros(3);", "no numpy"),
    ("plt.plot(3)", "no matplotlib"),
    ("let l = keras.layers.Dense(10);", "no `keras`"),
    ("let t = tf.constant(3);", "no `tf`"),
];

/// The last line of what a learner reads, and how many errors stand above it.
fn read(cell: &str, known: &Known) -> (String, String) {
    let text = plain(&compile_errors(&compiled(cell), cell, 1, known));
    let inner = ["evcxr", "<end of input>", "keyword `fn`"];
    assert!(!inner.iter().any(|part| text.contains(part)), "evcxr's own parts are named:\n{text}");
    (text.lines().last().unwrap_or("").to_string(), text)
}

#[test]
fn habits_get_one_line_with_the_rust_for_it() {
    let mut wrong = Vec::new();
    for (cell, advice) in TYPED {
        let (last, text) = read(cell, &Known::default());
        let advised = text.lines().filter(|line| line.starts_with("→ ")).count();
        if !last.starts_with("→ ") || !last.contains(advice) || advised != 1 {
            wrong.push(format!("{cell}\n wanted: {advice}\n{text}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TYPED.len(), wrong.join("\n"));
}

/// Errors of people who write Rust: a word that the advice has to contain, or nothing where the compiler says enough.
const ORDINARY: &[(&str, Option<&str>)] = &[
    (
        "let name = String::from(\"a\");\nlet other = name;\nprintln!(\"{name}\");",
        Some("`name` was given away in line 2."),
    ),
    ("let v = vec![1];\nfor x in v { println!(\"{x}\"); }\nv.len();", Some("`v` was given away in line 2.")),
    ("let n: i64 = \"5\".parse::<i64>();", Some("Put a `?`")),
    ("let n: i64 = vec![1].len();", Some("`vec![1].len() as i64`")),
    ("let n = 1i64 + 1usize;", Some("between number types")),
    ("let x: f64 = 2;", Some("`2.0`")),
    ("let x = 2 * 1.5;", Some("`2.0` instead of `2`")),
    ("let x: i64 = 2.5;", Some("drops")),
    ("let s: String = \"a\";", Some("`\"a\".to_string()`")),
    ("let o: Option<i32> = 3;", Some("`Some(3)`")),
    ("let n: i32 = Some(3);", Some("`Option`")),
    ("fn f(x: &i32) {}\nf(3);", Some("`&3`")),
    ("let m = squre(3);", Some("Is `squre` spelt right")),
    ("let m = HashMap::from([(1, 2)]);", Some("`use std::collections::HashMap;`")),
    ("struct P { x: i32 }\nlet p = P { x: 1, y: 2 };", None),
    ("struct P { x: i32, y: i32 }\nlet p = P { x: 1 };", Some("All fields of `P`")),
    ("struct P;\nprintln!(\"{:?}\", P);", Some("`#[derive(Debug)]`")),
    ("fn f(a: i32, b: i32) -> i32 { a + b }\nf(1);", None),
    ("match 3 { 1 => {}, 2 => {} }", Some("`_ => …`")),
    ("fn f() -> i32 { \"1\".parse::<i32>()? }", Some("return a `Result`")),
    ("let v = vec![1];\nlet w = &v;\ndrop(v);\nprintln!(\"{w:?}\");", Some("still lent")),
    ("let mut v = vec![1];\nlet first = &v[0];\nv.push(2);\nprintln!(\"{first}\");", Some("still lent")),
    ("fn f() -> &'static str { let s = String::new(); &s }", Some("cannot live longer")),
    ("struct A;\nstruct B;\nif A == A {}", Some("PartialEq")),
    ("let t: (i32, i32) = (1, 2, 3);", None),
    ("trait T { fn f(&self); }\nstruct S;\nimpl T for S {}", None),
    ("let x: u8 = 256;", None),
    ("let f = || 1;\nlet n = f(2);", None),
    ("fn f<T: Copy>(t: T) {}\nf(String::new());", None),
    ("let a = [1, 2, 3];\nlet b: [i32; 2] = a;", None),
    ("let x = 5;\nx.foo();", None),
    ("break;", None),
    ("let x = std::thread::spawn(|| v.len());", Some("Is `v` spelt right")),
    ("let r: Result<i32, String> = 3;", Some("`Ok(…)`")),
    ("let s = String::from(\"a\");\nlet c = s[0];", None),
    ("let v: Vec<i32> = (0..3).collect::<String>();", None),
    ("let x = 3 as bool;", None),
    ("use std::collection::HashMap;", None),
    ("let 3 = 4;", None),
    ("fn f(x: i32) -> i32 { x + 1; }", Some("has no `;`")),
    ("if x == None { }", Some("Is `x` spelt right")),
    ("let f: &Fit = Fit { epochs: 3, ..Fit::default() };", Some("`&Fit { epochs: 3, ..Fit::default() }`")),
    ("fn add(a: f64, b: f64) -> f64 { a + b }\nadd(1, 2)", Some("`1.0`")),
    ("fn add(a: f64, b: f64) { a + b }", Some("-> f64")),
    ("if 1 = 1 { }", Some("`1 == 1`")),
    ("let n = 10;\nlet v = [0; n];", Some("`vec![0; n]`")),
    ("let x = \"3\".parse();", Some("`.parse::<f64>()`")),
    ("let x = \"3\".parse()?;", Some("`.parse::<f64>()")),
    ("let xs = [1.0];\nlet m = xs.iter().sum() / 2.0;", Some("`.sum::<f64>()`")),
    ("let xs = vec![1.0];\nlet m = 2.0_f64 / xs.len();", Some("`as f64` behind the `usize`")),
    ("let a = 1;\nlet s = \"hello;", Some("line 2 has no")),
    ("fn longer<'a>(x: &'a str, y: &'a str) -> &'a str { 3 }", None),
    ("let c = 'x';\nlet n: u8 = matches!(c, 'a' | 'b');", None),
    ("let lambda: f64 = \"x\";", Some("`\"x\".parse::<f64>()?`")),
    ("let x: Vec<Vec<i32> = vec![];", None),
    ("let n = 3;\nlet m: i32 = n\n    % \"a\";", None),
    ("println!(\"{}\", sum);", Some("Is `sum` spelt right")),
    ("struct R;\nimpl R { fn compile(&self, s: &str) {} }\nlet n: i32 = R.compile(\"x\");", None),
    ("struct P;\nlet p = P;\np.shape;", None),
    ("let k = 3", Some("A `;` is missing at the end of line 1")),
    ("let k = 3\nprintln!(\"{k}\");", Some("A `;` is missing at the end of line 1")),
    ("let k = 3\n// and now\n\nlet l = 4;", Some("A `;` is missing at the end of line 1")),
    ("fn f() {\n    println!(\"a\");", Some("The `{` in line 1 is never closed: a `}` is missing.")),
    ("if true {\n    println!(\"ä – 🙂\");\nlet y = 3;", Some("The `{` in line 1 is never closed")),
    ("let v = (1, 2;", Some("The `(` in line 1 is never closed: a `)` is missing.")),
    ("let v = 1;\n}", Some("The `}` in line 2 closes nothing")),
];

/// Words of advice that only fit for what was typed by habit.
const FOREIGN: &[&str] = &[
    "Python",
    "Keras",
    "macro",
    "comment",
    "body stands",
    "classes",
    "closure is",
    "Settings stand",
    "There is no",
    "Powers",
];

#[test]
fn ordinary_errors_get_advice_for_rust_or_none() {
    let mut wrong = Vec::new();
    for (cell, advice) in ORDINARY {
        let (last, text) = read(cell, &Known::default());
        let given = last.strip_prefix("→ ");
        let is_right = match (advice, given) {
            (Some(advice), Some(given)) => {
                given.contains(advice) && !FOREIGN.iter().any(|word| given.contains(word))
            }
            (None, None) => true,
            _ => false,
        };
        if !is_right || !text.starts_with("error") {
            wrong.push(format!("{cell}\n wanted: {advice:?}\n{text}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ORDINARY.len(), wrong.join("\n"));
}

#[test]
fn names_that_were_there_say_where_they_are() {
    let known = Known {
        variables: BTreeMap::from([("model".to_string(), "Sequential".to_string())]),
        given_away: vec![("text".to_string(), 4)],
        lost: vec![("data".to_string(), "the process that ran the cells has ended".to_string())],
        defined_in: BTreeMap::from([
            ("text".to_string(), 2),
            ("data".to_string(), 1),
            ("square".to_string(), 3),
        ]),
    };
    for (cell, advice) in [
        ("println!(\"{}\", text);", "→ `text` was given away in cell [4]; write `&text` or `text.clone()` there"),
        ("let n = text.len();", "then run cell [2], which makes `text`, and cell [4] again."),
        ("let n = data.len();", "→ `data` is gone: the process that ran the cells has ended. Run cell [1], which makes it, again."),
        ("let n = modle.len();", "→ Is `model` meant?"),
        ("let n = squre(3);", "→ Is `square` meant, of cell [3]?"),
        ("modle = 3;", "→ Is `model` meant?"),
    ] {
        let (last, text) = read(cell, &known);
        assert!(last.contains(advice), "{text}");
    }
}

#[test]
fn what_follows_from_an_error_of_syntax_is_left_out() {
    for cell in ["def f(x):\n    return x + 1", "from x import y", "x = 3\ny = 4\nprint(x + y)"] {
        let (_, text) = read(cell, &Known::default());
        assert_eq!(text.matches("--> cell [1], line").count(), 1, "{text}");
    }
}

#[test]
fn a_later_cells_error_is_not_an_earlier_cells_warning() {
    let before = "fn unused() { let x = 1; std::fs::remove_file(\"a\"); }";
    let diagnostics = compiled_after(before, "let n: i32 = \"x\";");
    let error = compile_errors(&diagnostics, "let n: i32 = \"x\";", 2, &Known::default());
    assert_eq!((error.ename.as_str(), error.evalue.as_str()), ("E0308", "mismatched types"));
    assert!(!plain(&error).contains("warning"));
}

#[test]
fn a_forgotten_question_mark_is_a_warning() {
    let cell = "let a = 1;\nstd::fs::remove_file(\"missing\");";
    let text = warnings(&compiled(cell), cell, 3).expect("a warning");
    assert_eq!(
        text,
        "warning in cell [3], line 2: this may have failed, and nobody looks: write a `?` before the `;`\n    std::fs::remove_file(\"missing\");\n"
    );
    let cell = "let mut a = 1;\nlet unused = 2;\nfn f() {}";
    assert_eq!(warnings(&compiled(cell), cell, 3), None);
    let cell = "let v = vec![1];\nv.iter().map(|x| x + 1);";
    assert!(warnings(&compiled(cell), cell, 3)
        .is_some_and(|text| text.contains("must be used") && text.contains("lazy")));
}

#[test]
fn at_most_three_errors_are_shown() {
    let cell = "let a: i32 = \"a\";\nlet b: i32 = \"b\";\nlet c: i32 = \"c\";\nlet d: i32 = \"d\";\nlet e: i32 = \"e\";";
    let (last, text) = read(cell, &Known::default());
    assert_eq!(text.matches("error[E0308]").count(), 3, "{text}");
    assert!(text.contains("\n… and 2 more errors\n→ ") && last.contains("`\"a\".parse::<i32>()?`"), "{text}");
}

#[test]
fn carets_stand_under_their_characters() {
    let cell = "let größe = \"数字 🙂\"; let n: i32 = größe;";
    let (_, text) = read(cell, &Known::default());
    // Two columns for each wide character.
    let line = "1 | let größe = \"数字 🙂\"; let n: i32 = größe;\n";
    assert!(text.contains(line), "{text}");
    assert!(text.contains(&format!("\n  | {}^^^^^ expected `i32`, found `&str`", " ".repeat(36))), "{text}");
}

#[test]
fn what_evcxr_hands_on_of_a_lost_error_is_understood() {
    // Of an error in code of its own, evcxr keeps only the help.
    let help = |message: &str| Diagnostic {
        level: "help".to_string(),
        message: message.to_string(),
        ..Diagnostic::default()
    };
    let text = plain(&compile_errors(
        &[help("consider importing this function")],
        "let a = 1;\nnull",
        1,
        &Known::default(),
    ));
    assert!(text.contains("→ A value that may be missing is an `Option`"), "{text}");
    // Where the compiler has no label, evcxr repeats the message, before it is made readable.
    let span = Span {
        start_line: 1,
        start_column: 10,
        end_line: 1,
        end_column: 10,
        label: "error: expected `;`, found `evcxr_variable_store`".to_string(),
        is_primary: true,
    };
    let error = Diagnostic {
        level: "error".to_string(),
        message: "expected `;`, found <end of input>".to_string(),
        spans: vec![span],
        ..Diagnostic::default()
    };
    let text = plain(&compile_errors(&[error], "let k = 3", 2, &Known::default()));
    assert_eq!(
        text,
        "error: expected `;`, found the end of the cell\n --> cell [2], line 1\n  |\n1 | let k = 3\n  |          ^\n\
         → A `;` is missing at the end of line 1."
    );
}
