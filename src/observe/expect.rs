//! Expectations: conditions on the metrics of a run that make a scenario a test.
//!
//! Grammar: `metric op number`, `metric op number ± tolerance` (`+-` and `within` are the same),
//! `metric between number and number`; `op` is one of `<`, `<=`, `==` (or `=`), `!=`, `>=`, `>`.
//! A number may carry `%`. Where conditions are written is not known here.

use super::results::Metric;
use super::table::number;
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use std::fmt;

/// How far apart two numbers are at most that `==` takes for the same: this part of the larger one,
/// or this much below one. Counts are exact far beyond it; sums of floats are not.
const SAME: f64 = 1e-9;

/// A condition on a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// The text as written.
    pub text: String,
    /// The metric's name.
    pub metric: String,
    /// What its value must be.
    pub condition: Condition,
}

/// What a value must be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Condition {
    /// Below the number.
    Below(f64),
    /// Not above it.
    AtMost(f64),
    /// Equal, with the tolerance.
    Equal(f64, f64),
    /// Not equal, with the tolerance.
    Unequal(f64, f64),
    /// Not below it.
    AtLeast(f64),
    /// Above it.
    Above(f64),
    /// Between the two, which are allowed themselves.
    Between(f64, f64),
}

/// The judgement on an expectation.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// The expectation as written.
    pub text: String,
    /// Whether it is met. A metric that is not defined in the run meets nothing.
    pub met: bool,
    /// The value of the metric.
    pub actual: Option<f64>,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.met { "met" } else { "not met" };
        let actual = self.actual.map_or_else(|| "not defined in this run".to_owned(), number);
        write!(f, "{verdict}: {} (actual: {actual})", self.text)
    }
}

/// Reads a condition that stands at `location`.
pub fn parse(text: &str, location: &Location) -> Result<Expectation, Diagnostic> {
    let error = |message: &str| {
        Diagnostic::error(location.clone(), message)
            .found(text)
            .help("write for example `wait_mean_s < 30`, `restarts_total between 3 and 5` or `makespan_s == 120 ± 0.5`")
    };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | '!'))
        .ok_or_else(|| error("an expectation needs a metric, a comparison and a number"))?;
    let (metric, rest) = trimmed.split_at(end);
    if metric.is_empty() {
        return Err(error("an expectation begins with the name of a metric"));
    }
    let condition = condition(rest.trim()).map_err(|message| error(&message))?;
    Ok(Expectation { text: trimmed.to_owned(), metric: metric.to_owned(), condition })
}

fn condition(text: &str) -> Result<Condition, String> {
    if let Some(bounds) = text.strip_prefix("between ") {
        let (low, high) = bounds.split_once(" and ").ok_or("`between` needs two numbers with `and`")?;
        let (low, high) = (value(low)?, value(high)?);
        if low > high {
            return Err("the first number of `between` is above the second".into());
        }
        return Ok(Condition::Between(low, high));
    }
    let operators = ["<=", ">=", "==", "!=", "<", ">", "="];
    let operator = operators
        .into_iter()
        .find(|operator| text.starts_with(operator))
        .ok_or("the metric must be followed by <, <=, ==, !=, >=, > or `between`")?;
    let rest = &text[operator.len()..];
    let tolerance = ["±", "+-", "within"].into_iter().find_map(|word| rest.split_once(word));
    let (amount, tolerance) = match tolerance {
        Some((amount, tolerance)) => (value(amount)?, Some(value(tolerance)?)),
        None => (value(rest)?, None),
    };
    let is_equality = matches!(operator, "==" | "=" | "!=");
    if tolerance.is_some_and(|tolerance| tolerance < 0.0 || !is_equality) {
        return Err("a tolerance is not negative and stands only behind == and !=".into());
    }
    let slack = tolerance.unwrap_or(0.0) + SAME * amount.abs().max(1.0);
    Ok(match operator {
        "<" => Condition::Below(amount),
        "<=" => Condition::AtMost(amount),
        ">" => Condition::Above(amount),
        ">=" => Condition::AtLeast(amount),
        "!=" => Condition::Unequal(amount, slack),
        _ => Condition::Equal(amount, slack),
    })
}

/// A finite number, with `%` if it is a percentage.
fn value(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (digits, divisor) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 100.0),
        None => (text, 1.0),
    };
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value / divisor),
        _ => Err(format!("`{text}` is not a number")),
    }
}

impl Condition {
    /// Whether a value meets it.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Condition::Below(bound) => value < bound,
            Condition::AtMost(bound) => value <= bound,
            Condition::Above(bound) => value > bound,
            Condition::AtLeast(bound) => value >= bound,
            Condition::Equal(amount, slack) => (value - amount).abs() <= slack,
            Condition::Unequal(amount, slack) => (value - amount).abs() > slack,
            Condition::Between(low, high) => (low..=high).contains(&value),
        }
    }
}

impl Expectation {
    /// Judges the metrics of a run. A name that is none of them is an error, with the nearest one
    /// as a suggestion.
    pub fn judge(&self, metrics: &[Metric], location: &Location) -> Result<Judgement, Diagnostic> {
        let Some(metric) = metrics.iter().find(|metric| metric.name == self.metric) else {
            let error =
                Diagnostic::error(location.clone(), "this run has no such metric").found(&self.metric);
            let names = metrics.iter().map(|metric| metric.name.as_str());
            return Err(match suggest(&self.metric, names) {
                Some(name) => error.help(format!("did you mean `{name}`?")),
                None => error.help("the metrics are listed in docs/metrics.md and in summary.csv"),
            });
        };
        let met = metric.value.is_some_and(|value| self.condition.is_met(value));
        Ok(Judgement { text: self.text.clone(), met, actual: metric.value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Location {
        Location::at("a.yaml", 3, 5)
    }

    fn metric(name: &str, value: Option<f64>) -> Metric {
        Metric { name: name.into(), unit: "s", value, definition: "", group: "", headline: false }
    }

    #[test]
    fn conditions_are_judged() {
        let metrics = [
            metric("wait_mean_s", Some(30.0)),
            metric("pods_unplaced", Some(0.0)),
            metric("utilization_requested_cpu.zone.a-1", Some(0.1 + 0.2)),
            metric("wait_p50_s", None),
        ];
        for (text, met) in [
            ("wait_mean_s < 30", false),
            ("wait_mean_s<=30", true),
            ("wait_mean_s != 30", false),
            ("wait_mean_s between 3e1 and 40", true),
            ("wait_mean_s == 31 ± 1", true),
            ("wait_mean_s == 31 +- 0.5", false),
            ("wait_mean_s = 29.5 within 0.5", true),
            ("pods_unplaced == 0", true),
            ("pods_unplaced > 0", false),
            ("utilization_requested_cpu.zone.a-1 == 30%", true),
            ("utilization_requested_cpu.zone.a-1 >= 0.5", false),
            ("wait_p50_s < 1", false),
            ("wait_p50_s != 1", false),
        ] {
            let judged = parse(text, &here()).unwrap().judge(&metrics, &here()).unwrap();
            assert_eq!(judged.met, met, "{judged}");
        }
    }

    #[test]
    fn what_is_no_expectation() {
        for text in [
            "",
            "wait_mean_s",
            "< 3",
            "a <",
            "a < x",
            "a < NaN",
            "a < inf",
            "a ~ 3",
            "a between 3",
            "a between 5 and 3",
            "a < 3 ± 1",
            "a == 3 ± -1",
            "a == 3 4",
            "a between 1 and 2 and 3",
            "é<=1e999",
        ] {
            assert!(parse(text, &here()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_metric_is_an_error_with_a_suggestion() {
        let expectation = parse("wait_means < 3", &here()).unwrap();
        let error = expectation.judge(&[metric("wait_mean_s", None)], &here()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.yaml:3:5: error: this run has no such metric: `wait_means` (did you mean `wait_mean_s`?)"
        );
    }
}
