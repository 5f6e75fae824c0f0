//! Expressions over named numbers: `-(wait / estimate)^3 * procs`.
//!
//! The language of policies that a user writes: pure, without loops, bounded in length and in depth.
//! A text is compiled once to a list of steps and evaluated without allocation. All operations are the
//! same on every platform (`libm`, no contraction of operations). What the names mean is not known
//! here: they are handed in as a list, and their values as a slice in the same order.
//!
//! Grammar, the loosest first: comparison (`<`, `<=`, `>`, `>=`, `==`, `!=`; not chained), `+` and `-`,
//! `*`, `/` and `%`, unary minus, `^` (to the right: `2^3^2` is `2^(3^2)`, and `-a^2` is `-(a^2)`),
//! numbers, names, calls, parentheses.
//!
//! Numbers are 64-bit floats. A comparison is 1 or 0, and 0 if a side is not a number (`!=` is 1).
//! `if(c, a, b)` is `b` if `c` is 0, and not a number if `c` is not. `min` and `max` are not a number
//! if one of their arguments is not. `%` has the sign of its left side. A power with a whole exponent
//! up to 16 that is written out is the product from left to right. Division by zero is infinite, or
//! not a number for `0 / 0`.

mod parse;
#[cfg(test)]
mod tests;

use super::diagnostic::{Diagnostic, Location};
use std::cmp::Ordering;

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 1_000;
/// The deepest nesting of parentheses, calls, signs and powers.
pub const MAX_DEPTH: usize = 32;
/// The most values that are open at once.
const MAX_STACK: usize = 64;

/// A compiled expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expression {
    text: String,
    steps: Vec<Step>,
}

/// What is wrong with a text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message} at character {}", at + 1)]
pub struct ExpressionError {
    /// Where in the text, in characters from 0.
    pub at: usize,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What would be right; empty if the message says it.
    pub help: String,
}

impl ExpressionError {
    /// The finding about a text that stands at `location`.
    pub fn diagnostic(&self, location: Location, text: &str) -> Diagnostic {
        Diagnostic::error(location, self.to_string()).found(text).help(self.help.clone())
    }
}

/// A step of a program: takes its operands off the stack and puts its result there.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Number(f64),
    Variable(u16),
    Unary(Unary),
    Binary(Binary),
    /// A whole power from 1 to 16.
    Power(u8),
    /// condition, then, otherwise.
    Select,
}

/// Functions of one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unary {
    Negate,
    Abs,
    Sqrt,
    Log2,
    Log10,
    Ln,
    Exp,
    Floor,
    Ceil,
    Round,
}

/// Functions of two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    Unequal,
    Min,
    Max,
}

impl Unary {
    fn apply(self, x: f64) -> f64 {
        match self {
            Unary::Negate => -x,
            Unary::Abs => x.abs(),
            Unary::Sqrt => libm::sqrt(x),
            Unary::Log2 => libm::log2(x),
            Unary::Log10 => libm::log10(x),
            Unary::Ln => libm::log(x),
            Unary::Exp => libm::exp(x),
            Unary::Floor => libm::floor(x),
            Unary::Ceil => libm::ceil(x),
            Unary::Round => libm::round(x),
        }
    }
}

impl Binary {
    fn apply(self, a: f64, b: f64) -> f64 {
        let truth = |holds: bool| f64::from(u8::from(holds));
        match self {
            Binary::Add => a + b,
            Binary::Subtract => a - b,
            Binary::Multiply => a * b,
            Binary::Divide => a / b,
            Binary::Remainder => libm::fmod(a, b),
            Binary::Power => libm::pow(a, b),
            Binary::Less => truth(a < b),
            Binary::LessOrEqual => truth(a <= b),
            Binary::Greater => truth(a > b),
            Binary::GreaterOrEqual => truth(a >= b),
            Binary::Equal => truth(is_equal(a, b)),
            Binary::Unequal => truth(!is_equal(a, b)),
            Binary::Min | Binary::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Binary::Min => a.min(b),
            Binary::Max => a.max(b),
        }
    }
}

/// Whether two numbers are the same one; what is not a number is not.
fn is_equal(a: f64, b: f64) -> bool {
    a.partial_cmp(&b) == Some(Ordering::Equal)
}

/// `x` multiplied by itself, from left to right.
fn whole_power(x: f64, exponent: u8) -> f64 {
    (1..exponent).fold(x, |product, _| product * x)
}

/// The value of `if`.
fn select(condition: f64, then: f64, otherwise: f64) -> f64 {
    match condition {
        c if c.is_nan() => f64::NAN,
        0.0 => otherwise,
        _ => then,
    }
}

/// A result as it is handed out: zero has no sign, and what is not a number is always the same.
fn plain(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

impl Expression {
    /// Compiles a text; `names` are the variables that it may use.
    pub fn parse(text: &str, names: &[&str]) -> Result<Expression, ExpressionError> {
        let steps = parse::compile(text, names)?;
        Ok(Expression { text: text.to_owned(), steps })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the `index`-th variable occurs.
    pub fn uses(&self, index: usize) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Variable(used) if usize::from(*used) == index))
    }

    /// The value, which may be infinite or not a number; `values` are those of the variables, in the
    /// order of their names.
    ///
    /// # Panics
    /// If there are fewer values than names that the expression uses.
    pub fn evaluate(&self, values: &[f64]) -> f64 {
        let mut stack = [0.0; MAX_STACK];
        let mut height = 0;
        for step in &self.steps {
            let (taken, value) = match *step {
                Step::Number(number) => (0, number),
                Step::Variable(index) => (0, values[usize::from(index)]),
                Step::Unary(function) => (1, function.apply(stack[height - 1])),
                Step::Power(exponent) => (1, whole_power(stack[height - 1], exponent)),
                Step::Binary(function) => (2, function.apply(stack[height - 2], stack[height - 1])),
                Step::Select => (3, select(stack[height - 3], stack[height - 2], stack[height - 1])),
            };
            height = height - taken + 1;
            stack[height - 1] = value;
        }
        plain(stack[0])
    }
}

/// The order of scores of which the smallest goes first. What is not a number goes last.
pub fn smallest_first(a: f64, b: f64) -> Ordering {
    plain(a).total_cmp(&plain(b))
}

/// The order of scores of which the largest goes first. What is not a number goes last.
pub fn largest_first(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then_with(|| plain(b).total_cmp(&plain(a)))
}
