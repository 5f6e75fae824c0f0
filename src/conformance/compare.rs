//! Whether an answer agrees with the recorded one, and where it does not.
//!
//! Every field of the recorded answer must be there and equal: numbers to a relative 1e-9, lists in
//! order, reasons as sets. Fields that are recorded for information only are passed over, and fields
//! that only our answer has do not count. What the fields mean is not known here.

use serde_json::{Map, Value};

/// Fields that are recorded for information only.
const INFORMATION: [&str; 9] = [
    "allFailures",
    "highestVictimPriority",
    "sumPriorities",
    "earliestStartTimeOfHighestPriorityVictims",
    "nodeOrder",
    "secondTotal",
    "order",
    "orderIndependent",
    "error",
];
/// Lists whose order is free.
const SETS: [&str; 1] = ["reasons"];
/// How far numbers may be apart, relative to the larger one, or to one.
const TOLERANCE: f64 = 1e-9;
/// The longest excerpt of a value, in characters.
const MAX_EXCERPT: usize = 120;
/// More differences of one case are counted, but not kept.
const MAX_KEPT: usize = 20;

/// One field that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The field: `nodes[n3].failure.code`.
    pub field: String,
    /// What was recorded, as JSON; long values are cut.
    pub expected: String,
    /// What was computed, as JSON; empty if the field is missing.
    pub got: String,
}

/// The fields that differ.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Differences {
    /// The first of them, in the order of the recorded answer.
    pub first: Vec<Difference>,
    /// How many there are.
    pub count: usize,
}

impl Differences {
    /// Whether the answers agree.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, field: &str, expected: &Value, got: Option<&Value>) {
        self.count += 1;
        if self.first.len() < MAX_KEPT {
            let field = field.trim_start_matches('.').to_owned();
            let got = got.map_or_else(String::new, excerpt);
            self.first.push(Difference { field, expected: excerpt(expected), got });
        }
    }
}

/// Where `got` differs from the recorded answer `expected`.
pub fn differences(expected: &Value, got: &Value) -> Differences {
    let mut found = Differences::default();
    compare(&mut found, "", expected, got);
    found
}

/// The beginning of a value as JSON.
fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn compare(found: &mut Differences, field: &str, expected: &Value, got: &Value) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => compare_objects(found, field, expected, got),
        (Value::Array(wanted), Value::Array(ours)) if wanted.len() == ours.len() => {
            for (place, (one, other)) in wanted.iter().zip(ours).enumerate() {
                compare(found, &format!("{field}[{}]", label(one, place)), one, other);
            }
        }
        (Value::Number(one), Value::Number(other)) if are_near(one, other) => {}
        _ if expected == got => {}
        _ => found.add(field, expected, Some(got)),
    }
}

fn compare_objects(
    found: &mut Differences,
    field: &str,
    expected: &Map<String, Value>,
    got: &Map<String, Value>,
) {
    for (key, wanted) in expected.iter().filter(|(key, _)| !INFORMATION.contains(&key.as_str())) {
        let field = format!("{field}.{key}");
        let Some(ours) = got.get(key) else {
            found.add(&field, wanted, None);
            continue;
        };
        match (wanted, ours) {
            (Value::Array(wanted), Value::Array(ours)) if SETS.contains(&key.as_str()) => {
                compare(found, &field, &sorted(wanted), &sorted(ours));
            }
            _ => compare(found, &field, wanted, ours),
        }
    }
}

fn sorted(list: &[Value]) -> Value {
    let mut list = list.to_vec();
    list.sort_by_cached_key(Value::to_string);
    Value::Array(list)
}

/// What an entry of a list is called: by the name it gives itself, else by its place.
fn label(entry: &Value, place: usize) -> String {
    let named = ["node", "name"].into_iter().find_map(|key| entry.get(key)?.as_str());
    named.filter(|name| !name.is_empty()).map_or_else(|| place.to_string(), str::to_owned)
}

fn are_near(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        let largest = one.unsigned_abs().max(other.unsigned_abs()).max(1);
        return one.abs_diff(other) as f64 <= TOLERANCE * largest as f64;
    }
    let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return false };
    (one - other).abs() <= TOLERANCE * one.abs().max(other.abs()).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(expected: &Value, got: &Value) -> Vec<String> {
        differences(expected, got).first.into_iter().map(|difference| difference.field).collect()
    }

    #[test]
    fn every_recorded_field_must_be_there_and_equal() {
        let expected = json!({"result": "scheduled", "nodes": [{"node": "a", "total": 3}, {"total": 4}]});
        assert_eq!(fields(&expected, &expected), Vec::<String>::new());
        let got = json!({"nodes": [{"node": "a", "total": 4, "more": 1}, {"total": "4"}]});
        assert_eq!(fields(&expected, &got), ["result", "nodes[a].total", "nodes[1].total"]);
        assert_eq!(fields(&expected, &json!({"result": "scheduled", "nodes": []})), ["nodes"]);
        assert_eq!(fields(&json!({"a": true}), &json!({"a": 1})), ["a"]);
        assert_eq!(fields(&json!({"a": {}}), &json!({"a": null})), ["a"]);
        assert_eq!(fields(&expected, &json!(null)), [""]);
    }

    #[test]
    fn information_does_not_count_and_reasons_are_sets() {
        let expected = json!({"nodeOrder": ["a"], "failure": {"reasons": ["x", "y", "y"]}});
        assert_eq!(
            fields(&expected, &json!({"failure": {"reasons": ["y", "x", "y"]}})),
            Vec::<String>::new()
        );
        let got = json!({"failure": {"reasons": ["x", "x", "y"]}});
        assert_eq!(fields(&expected, &got), ["failure.reasons[1]"]);
    }

    #[test]
    fn numbers_are_equal_to_a_billionth() {
        assert_eq!(fields(&json!(1e12), &json!(1_000_000_000_100_i64)), Vec::<String>::new());
        assert_eq!(fields(&json!(1e12), &json!(1_000_000_002_000_i64)), [""]);
        assert_eq!(fields(&json!(0.5), &json!(0.500_000_000_9)), Vec::<String>::new());
        assert_eq!(fields(&json!(3), &json!(3.0)), Vec::<String>::new());
        assert_eq!(fields(&json!(i64::MAX), &json!(i64::MIN)), [""]);
    }

    #[test]
    fn many_and_long_differences_are_cut() {
        let expected = Value::Array((0..100).map(|_| "é".repeat(1000).into()).collect());
        let got = Value::Array(vec![Value::Null; 100]);
        let found = differences(&expected, &got);
        assert_eq!((found.count, found.first.len()), (100, MAX_KEPT));
        assert!(found.first[0].expected.chars().count() <= MAX_EXCERPT + 1);
    }
}
