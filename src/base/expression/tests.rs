//! Tests of expressions.

use super::*;
use proptest::prelude::*;

const NAMES: [&str; 4] = ["wait", "estimate", "procs", "submit"];
const VALUES: [f64; 4] = [30.0, 10.0, 4.0, 0.0];

fn value(text: &str) -> f64 {
    Expression::parse(text, &NAMES).unwrap_or_else(|error| panic!("{text}: {error}")).evaluate(&VALUES)
}

fn error(text: &str) -> String {
    let error = Expression::parse(text, &NAMES).expect_err(text);
    if error.help.is_empty() { error.to_string() } else { format!("{error} ({})", error.help) }
}

#[test]
fn values_follow_the_usual_rules() {
    for (text, expected) in [
        ("-(wait/estimate)^3 * procs", -108.0),
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("10 - 4 - 3", 3.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("4 ^ 0.5", 2.0),
        ("--3", 3.0),
        ("2 * -3", -6.0),
        ("7 % 4 + -7 % 4", 0.0),
        ("1 + 1 < 3", 1.0),
        ("(1 == 1) + (2 != 2) + (3 >= 3) + (1 > 2) + (2 <= 1)", 2.0),
        ("if(wait > 20, procs, submit)", 4.0),
        ("if(submit, 1, 2)", 2.0),
        ("min(wait, estimate, procs) + max(1, 2)", 6.0),
        ("abs(-2) + sqrt(9) + log2(8) + log10(100) + ln(exp(2))", 12.0),
        ("floor(1.7) + ceil(1.2) + round(2.5)", 6.0),
        (".5 + 1.5e1 + 2E-1", 15.7),
        ("  wait\t", 30.0),
    ] {
        assert!((value(text) - expected).abs() < 1e-12, "{text} = {}", value(text));
    }
}

#[test]
fn what_is_not_a_number_has_rules_of_its_own() {
    for text in ["0 / submit", "sqrt(-1)", "ln(-1)", "if(0/0, 1, 2)", "min(1, 0/0)", "max(0/0, 1)", "1 % 0"] {
        let result = value(text);
        assert_eq!(result.to_bits(), f64::NAN.to_bits(), "{text} = {result}");
    }
    assert_eq!((value("0/0 < 1"), value("0/0 == 0/0"), value("0/0 != 0/0")), (0.0, 0.0, 1.0));
    assert_eq!(value("1 / submit").to_bits(), f64::INFINITY.to_bits());
    assert_eq!(value("-submit").to_bits(), 0f64.to_bits(), "zero has no sign");
    let mut scores = [f64::NAN, 1.0, f64::INFINITY, -f64::NAN, -1.0];
    scores.sort_by(|a, b| smallest_first(*a, *b));
    assert!(scores[..3] == [-1.0, 1.0, f64::INFINITY] && scores[3..].iter().all(|score| score.is_nan()));
    scores.sort_by(|a, b| largest_first(*a, *b));
    assert!(scores[..3] == [f64::INFINITY, 1.0, -1.0] && scores[3..].iter().all(|score| score.is_nan()));
}

#[test]
fn a_cube_is_the_product_that_programs_compute() {
    let expression = Expression::parse("-(wait/estimate)^3 * procs", &NAMES).unwrap();
    for (wait, estimate) in [(0.1, 0.3), (12_345.678, 77.7), (1e-9, 3.3)] {
        let ratio: f64 = wait / estimate;
        let expected = -(ratio * ratio * ratio) * 7.0;
        assert_eq!(expression.evaluate(&[wait, estimate, 7.0, 0.0]).to_bits(), expected.to_bits());
    }
    assert!(expression.uses(0) && expression.uses(2) && !expression.uses(3));
    assert_eq!(expression.text(), "-(wait/estimate)^3 * procs");
}

#[test]
fn errors_say_where_and_what_would_be_right() {
    for (text, expected) in [
        ("", "there is no expression at character 1 (write for example `wait / estimate`)"),
        ("2 * wiat", "unknown name `wiat` at character 5 (did you mean `wait`?)"),
        ("colour", "unknown name `colour` at character 1 (there are wait, estimate, procs, submit)"),
        ("sqr(2)", "unknown function `sqr` at character 1 (did you mean `sqrt`?)"),
        ("sqrt", "`sqrt` is a function at character 1 (write `sqrt(…)`)"),
        ("wait(2)", "`wait` is a number, not a function at character 1 (write `*` to multiply)"),
        ("sqrt(1, 2)", "`sqrt` takes one number, and is given 2 at character 1"),
        ("min(1)", "`min` takes two numbers or more, and is given 1 at character 1"),
        ("if(1, 2)", "`if` takes three numbers (condition, then, otherwise), and is given 2 at character 1"),
        ("exp()", "`exp` takes one number, and is given 0 at character 1"),
        ("(1 + 2", "a `(` is not closed at character 1"),
        ("1 + 2)", "there is a `)` without its `(` at character 6"),
        ("1, 2", "there is a `,` outside of a call at character 2"),
        ("1 +", "the expression ends too early at character 4 (a number, a name or a `(` is missing)"),
        ("+ 1", "a `+` needs a number before it at character 1 (leave it out)"),
        (
            "1 < 2 < 3",
            "comparisons cannot be chained at character 7 (put one of them into parentheses, such as `(a < b) * (b < c)`)",
        ),
        ("wait = 2", "`=` is not expected at character 6 (write `==` to compare)"),
        ("2 wait", "`wait` is not expected at character 3 (there must be an operator before it)"),
        (
            "3s",
            "`3s` is not a number at character 1 (numbers are written like `60`, `0.5` or `1e3`, without a unit)",
        ),
        (
            "1e999",
            "`1e999` is not a number at character 1 (numbers are written like `60`, `0.5` or `1e3`, without a unit)",
        ),
        (
            "1.2.3",
            "`1.2.3` is not a number at character 1 (numbers are written like `60`, `0.5` or `1e3`, without a unit)",
        ),
        ("ä + €", "unknown name `ä` at character 1 (there are wait, estimate, procs, submit)"),
        ("1 + €", "`€` is not expected at character 5 (a number, a name or a `(` is missing)"),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    let finding =
        Expression::parse("wiat", &NAMES).unwrap_err().diagnostic(Location::at("s.yaml", 3, 9), "wiat");
    assert_eq!(
        finding.to_string(),
        "s.yaml:3:9: error: unknown name `wiat` at character 1: `wiat` (did you mean `wait`?)"
    );
}

#[test]
fn length_and_depth_are_bounded() {
    let deep = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(value(&deep(MAX_DEPTH - 1)).to_bits(), 1f64.to_bits());
    assert!(error(&deep(MAX_DEPTH)).contains("nested more than"));
    assert!(error(&"-".repeat(900)).contains("nested more than"));
    assert!(error(&"1^".repeat(400)).contains("nested more than"));
    assert!(error(&"1+".repeat(600)).contains("at most 1000 bytes"));
    let long = vec!["1"; 400].join("+");
    assert_eq!(value(&long).to_bits(), 400f64.to_bits());
}

/// The twin: an expression as a tree, which is walked.
#[derive(Clone, Debug)]
enum Tree {
    Number(f64),
    Variable(usize),
    Unary(&'static str, Box<Tree>),
    Binary(&'static str, Box<Tree>, Box<Tree>),
    If(Box<Tree>, Box<Tree>, Box<Tree>),
}

impl Tree {
    fn walk(&self, values: &[f64]) -> f64 {
        match self {
            Tree::Number(number) => *number,
            Tree::Variable(index) => values[*index],
            Tree::Unary(name, of) => one(name, of.walk(values)),
            Tree::Binary(name, a, b) => two(name, a.walk(values), b.walk(values)),
            Tree::If(c, a, b) => {
                let (c, a, b) = (c.walk(values), a.walk(values), b.walk(values));
                if c.is_nan() {
                    f64::NAN
                } else if c == 0.0 {
                    b
                } else {
                    a
                }
            }
        }
    }

    /// The text, with every operator in parentheses.
    fn text(&self) -> String {
        match self {
            Tree::Number(number) => format!("{number}"),
            Tree::Variable(index) => NAMES[*index].to_owned(),
            Tree::Unary("-", of) => format!("(-{})", of.text()),
            Tree::Unary(name, of) => format!("{name}({})", of.text()),
            Tree::Binary(name @ ("min" | "max"), a, b) => format!("{name}({}, {})", a.text(), b.text()),
            Tree::Binary(name, a, b) => format!("({} {name} {})", a.text(), b.text()),
            Tree::If(c, a, b) => format!("if({}, {}, {})", c.text(), a.text(), b.text()),
        }
    }
}

fn one(name: &str, x: f64) -> f64 {
    match name {
        "-" => -x,
        "abs" => x.abs(),
        "sqrt" => libm::sqrt(x),
        "log2" => libm::log2(x),
        "log10" => libm::log10(x),
        "ln" => libm::log(x),
        "exp" => libm::exp(x),
        "floor" => x.floor(),
        "ceil" => x.ceil(),
        _ => x.round(),
    }
}

fn two(name: &str, a: f64, b: f64) -> f64 {
    let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
    match name {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "%" => a % b,
        "<" => truth(a < b),
        "<=" => truth(a <= b),
        ">" => truth(a > b),
        ">=" => truth(a >= b),
        "==" => truth(a.partial_cmp(&b) == Some(Ordering::Equal)),
        "!=" => truth(a.partial_cmp(&b) != Some(Ordering::Equal)),
        "min" | "max" if a.is_nan() || b.is_nan() => f64::NAN,
        "min" => {
            if b < a {
                b
            } else {
                a
            }
        }
        _ => {
            if b > a {
                b
            } else {
                a
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (0u32..1000).prop_map(|number| Tree::Number(f64::from(number) / 8.0)),
        (0..NAMES.len()).prop_map(Tree::Variable),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let unary = prop::sample::select(vec![
            "-", "abs", "sqrt", "log2", "log10", "ln", "exp", "floor", "ceil", "round",
        ]);
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "min", "max",
        ]);
        let boxed = inner.prop_map(Box::new);
        prop_oneof![
            (unary, boxed.clone()).prop_map(|(name, of)| Tree::Unary(name, of)),
            (binary, boxed.clone(), boxed.clone()).prop_map(|(name, a, b)| Tree::Binary(name, a, b)),
            (boxed.clone(), boxed.clone(), boxed).prop_map(|(c, a, b)| Tree::If(c, a, b)),
        ]
    })
}

proptest! {
    #[test]
    fn safety_steps_equal_the_tree(tree in trees(), values in prop::array::uniform4(-1e6f64..1e6)) {
        let text = tree.text();
        prop_assume!(text.len() <= MAX_TEXT);
        let compiled = Expression::parse(&text, &NAMES).expect(&text).evaluate(&values);
        prop_assert_eq!(compiled.to_bits(), plain(tree.walk(&values)).to_bits(), "{}", text);
    }

    #[test]
    fn safety_no_text_panics(text in ".{0,200}") {
        if let Ok(expression) = Expression::parse(&text, &NAMES) {
            expression.evaluate(&VALUES);
        }
    }

    #[test]
    fn safety_no_text_of_its_own_letters_panics(text in "[-+*/%^<>=!(), .0-9ewaitmnsqrlogf_]{0,120}") {
        match Expression::parse(&text, &NAMES) {
            Ok(expression) => drop(expression.evaluate(&VALUES)),
            Err(error) => prop_assert!(error.at <= text.chars().count()),
        }
    }

    /// Precedence without parentheses is that of the same text with them.
    #[test]
    fn safety_precedence_is_the_usual(a in 1u8..9, b in 1u8..9, c in 1u8..9, d in 1u8..9) {
        let plain = value(&format!("{a} + {b} * {c} - {d} ^ 2 / {a} < {b}"));
        let full = value(&format!("((({a} + ({b} * {c})) - (({d} ^ 2) / {a})) < {b})"));
        prop_assert_eq!(plain.to_bits(), full.to_bits());
    }
}
