//! From text to steps, by precedence climbing (Pratt 1973).

use super::{Binary, ExpressionError, MAX_DEPTH, MAX_STACK, MAX_TEXT, Step, Unary};
use crate::base::diagnostic::suggest;

/// The largest exponent that is multiplied out.
const MAX_WHOLE: u8 = 16;
/// How tightly a unary minus binds: less than `^`, more than `*`.
const SIGN: u8 = 4;

/// What a function is called, and what it is.
const FUNCTIONS: [(&str, Function); 12] = [
    ("if", Function::If),
    ("min", Function::Fold(Binary::Min)),
    ("max", Function::Fold(Binary::Max)),
    ("abs", Function::One(Unary::Abs)),
    ("sqrt", Function::One(Unary::Sqrt)),
    ("log2", Function::One(Unary::Log2)),
    ("log10", Function::One(Unary::Log10)),
    ("ln", Function::One(Unary::Ln)),
    ("exp", Function::One(Unary::Exp)),
    ("floor", Function::One(Unary::Floor)),
    ("ceil", Function::One(Unary::Ceil)),
    ("round", Function::One(Unary::Round)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    One(Unary),
    /// Of two or more numbers.
    Fold(Binary),
    /// Of three.
    If,
}

/// Two-letter operators come before the letters that they begin with.
const OPERATORS: [(&str, Binary, u8); 12] = [
    ("<=", Binary::LessOrEqual, 1),
    (">=", Binary::GreaterOrEqual, 1),
    ("==", Binary::Equal, 1),
    ("!=", Binary::Unequal, 1),
    ("<", Binary::Less, 1),
    (">", Binary::Greater, 1),
    ("+", Binary::Add, 2),
    ("-", Binary::Subtract, 2),
    ("*", Binary::Multiply, 3),
    ("/", Binary::Divide, 3),
    ("%", Binary::Remainder, 3),
    ("^", Binary::Power, 5),
];

/// Compiles a text.
pub(super) fn compile(text: &str, names: &[&str]) -> Result<Vec<Step>, ExpressionError> {
    if text.len() > MAX_TEXT {
        let message = format!("an expression has at most {MAX_TEXT} bytes, this one has {}", text.len());
        return Err(ExpressionError { at: 0, message, help: String::new() });
    }
    let mut parser = Parser { text, at: 0, names, steps: Vec::new(), height: 0, depth: 0 };
    parser.skip();
    if parser.rest().is_empty() {
        return Err(parser.error("there is no expression", "write for example `wait / estimate`"));
    }
    parser.expression(0)?;
    match parser.rest().chars().next() {
        None => Ok(parser.steps),
        Some(')') => Err(parser.error("there is a `)` without its `(`", "")),
        Some(',') => Err(parser.error("there is a `,` outside of a call", "")),
        Some(letter) => {
            let help =
                if letter == '=' { "write `==` to compare" } else { "there must be an operator before it" };
            Err(parser.error(&format!("`{}` is not expected", parser.word()), help))
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    /// How far it has been read, in bytes.
    at: usize,
    names: &'t [&'t str],
    steps: Vec<Step>,
    /// How many values are on the stack after the steps so far.
    height: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Reads a symbol if it comes next.
    fn take(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
            self.skip();
        }
        found
    }

    /// What comes next, for messages: a name, a number or a letter.
    fn word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        &rest[..end.max(first)]
    }

    fn error(&self, message: &str, help: &str) -> ExpressionError {
        self.error_at(self.at, message, help)
    }

    fn error_at(&self, at: usize, message: &str, help: &str) -> ExpressionError {
        let at = self.text[..at].chars().count();
        ExpressionError { at, message: message.to_owned(), help: help.to_owned() }
    }

    /// Adds a step that takes so many values and gives one.
    fn push(&mut self, step: Step, taken: usize) -> Result<(), ExpressionError> {
        self.height = self.height - taken + 1;
        if self.height > MAX_STACK {
            return Err(self.error("the expression has too many open values", "write it shorter"));
        }
        self.steps.push(step);
        Ok(())
    }

    /// An expression whose operators bind tighter than `least`.
    fn expression(&mut self, least: u8) -> Result<(), ExpressionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(&format!("nested more than {MAX_DEPTH} deep"), "write it simpler"));
        }
        self.operand()?;
        let mut compared = false;
        while let Some(&(symbol, function, strength)) =
            OPERATORS.iter().find(|(symbol, ..)| self.rest().starts_with(symbol))
        {
            if strength <= least {
                break;
            }
            if strength == 1 && std::mem::replace(&mut compared, true) {
                let help = "put one of them into parentheses, such as `(a < b) * (b < c)`";
                return Err(self.error("comparisons cannot be chained", help));
            }
            self.take(symbol);
            self.right_side(function, strength)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn right_side(&mut self, function: Binary, strength: u8) -> Result<(), ExpressionError> {
        // A power binds to the right, and its exponent may have a sign.
        let from = self.steps.len();
        self.expression(if function == Binary::Power { SIGN - 1 } else { strength })?;
        if function == Binary::Power
            && let [Step::Number(exponent)] = self.steps[from..]
            && let Some(whole) =
                (1..=MAX_WHOLE).find(|&whole| f64::from(whole).to_bits() == exponent.to_bits())
        {
            self.steps.pop();
            self.height -= 1;
            return self.push(Step::Power(whole), 1);
        }
        self.push(Step::Binary(function), 2)
    }

    fn operand(&mut self) -> Result<(), ExpressionError> {
        let Some(first) = self.rest().chars().next() else {
            return Err(self.error("the expression ends too early", "a number, a name or a `(` is missing"));
        };
        match first {
            '-' => {
                self.take("-");
                self.expression(SIGN)?;
                self.push(Step::Unary(Unary::Negate), 1)
            }
            '(' => {
                let open = self.at;
                self.take("(");
                self.expression(0)?;
                self.close(open)
            }
            '0'..='9' | '.' => self.number(),
            letter if letter.is_alphabetic() || letter == '_' => self.name(),
            '+' => Err(self.error("a `+` needs a number before it", "leave it out")),
            _ => Err(self.error(
                &format!("`{}` is not expected", self.word()),
                "a number, a name or a `(` is missing",
            )),
        }
    }

    fn close(&mut self, open: usize) -> Result<(), ExpressionError> {
        if self.take(")") {
            return Ok(());
        }
        match self.word() {
            "" => Err(self.error_at(open, "a `(` is not closed", "")),
            word => Err(self.error(&format!("`{word}` is not expected"), "a `)` or an operator is missing")),
        }
    }

    fn number(&mut self) -> Result<(), ExpressionError> {
        let rest = self.rest();
        let digits = |from: usize| from + rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut end = digits(0);
        if rest[end..].starts_with('.') {
            end = digits(end + 1);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let exponent = digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        let written = &rest[..end];
        let value = written.parse::<f64>().ok().filter(|value| value.is_finite());
        let follows = rest[end..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
        let Some(value) = value.filter(|_| !follows) else {
            let end =
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
            let help = "numbers are written like `60`, `0.5` or `1e3`, without a unit";
            return Err(self.error(&format!("`{}` is not a number", &rest[..end]), help));
        };
        self.at += end;
        self.skip();
        self.push(Step::Number(value), 0)
    }

    fn name(&mut self) -> Result<(), ExpressionError> {
        let (start, word) = (self.at, self.word());
        self.at += word.len();
        self.skip();
        let function = FUNCTIONS.iter().find(|(name, _)| *name == word).map(|(_, function)| *function);
        let variable = self.names.iter().position(|name| *name == word);
        if self.rest().starts_with('(') {
            return match (function, variable) {
                (Some(function), _) => self.call(word, start, function),
                (None, Some(_)) => {
                    let message = format!("`{word}` is a number, not a function");
                    Err(self.error_at(start, &message, "write `*` to multiply"))
                }
                (None, None) => {
                    Err(self.unknown(start, word, "function", &mut FUNCTIONS.iter().map(|f| f.0)))
                }
            };
        }
        match (variable, function) {
            (Some(index), _) => self.push(Step::Variable(index as u16), 0),
            (None, Some(_)) => {
                let help = format!("write `{word}(…)`");
                Err(self.error_at(start, &format!("`{word}` is a function"), &help))
            }
            (None, None) => Err(self.unknown(start, word, "name", &mut self.names.iter().copied())),
        }
    }

    fn unknown(
        &self,
        at: usize,
        word: &str,
        what: &str,
        known: &mut dyn Iterator<Item = &'t str>,
    ) -> ExpressionError {
        let known: Vec<&str> = known.collect();
        let help = match suggest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        self.error_at(at, &format!("unknown {what} `{word}`"), &help)
    }

    fn call(&mut self, word: &str, start: usize, function: Function) -> Result<(), ExpressionError> {
        let open = self.at;
        self.take("(");
        let mut count = 0;
        if !self.rest().starts_with(')') {
            loop {
                self.expression(0)?;
                count += 1;
                if let Function::Fold(fold) = function
                    && count > 1
                {
                    self.push(Step::Binary(fold), 2)?;
                }
                if !self.take(",") {
                    break;
                }
            }
        }
        self.close(open)?;
        let wrong = |wanted: &str| {
            let message = format!("`{word}` takes {wanted}, and is given {count}");
            Err(self.error_at(start, &message, ""))
        };
        match (function, count) {
            (Function::One(unary), 1) => self.push(Step::Unary(unary), 1),
            (Function::One(_), _) => wrong("one number"),
            (Function::Fold(_), 2..) => Ok(()),
            (Function::Fold(_), _) => wrong("two numbers or more"),
            (Function::If, 3) => self.push(Step::Select, 3),
            (Function::If, _) => wrong("three numbers (condition, then, otherwise)"),
        }
    }
}
