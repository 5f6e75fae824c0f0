//! Why pods were never placed: their last diagnoses, those that differ only in numbers together.
//!
//! Which pods these are is decided by the caller.

use super::pods::Pod;
use crate::control::Diagnosis;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Stands for a number in the text of a group.
const NUMBER: char = '\u{0}';

/// Diagnoses that are the same but for their numbers.
#[derive(Debug)]
struct Group {
    /// The first of them, as Kubernetes writes it.
    text: String,
    /// The lowest and the highest of each number, in the order of the group's text.
    numbers: Vec<(u64, u64)>,
    pods: u64,
}

/// The diagnoses, by their text with the numbers left out.
#[derive(Debug, Default)]
pub(super) struct Unplaced {
    groups: BTreeMap<String, Group>,
    last: Option<(Arc<Diagnosis>, String)>,
}

impl Unplaced {
    /// One more pod that never got a node.
    pub(super) fn count(&mut self, pod: &Pod) {
        let Some(failure) = &pod.failure else {
            let text = if pod.attempts == 0 {
                "no scheduling attempt"
            } else {
                "found a node, but was not bound to it"
            };
            self.groups.entry(text.to_owned()).or_insert_with(|| Group::new(text.to_owned())).pods += 1;
            return;
        };
        let diagnosis = &failure.diagnosis;
        if let Some((last, key)) = &self.last
            && Arc::ptr_eq(last, diagnosis)
            && let Some(group) = self.groups.get_mut(key)
        {
            group.pods += 1;
            return;
        }
        let (key, numbers) = without_numbers(&by_reason(diagnosis));
        let group = self.groups.entry(key.clone()).or_insert_with(|| Group {
            numbers: numbers.iter().map(|&number| (number, number)).collect(),
            ..Group::new(diagnosis.to_string())
        });
        for (range, number) in group.numbers.iter_mut().zip(numbers) {
            *range = (range.0.min(number), range.1.max(number));
        }
        group.pods += 1;
        self.last = Some((Arc::clone(diagnosis), key));
    }

    /// The most frequent reasons first; at most `limit`, and one line for all others. Numbers that
    /// differ within a group are ranges, such as `3–12 Insufficient cpu`.
    pub(super) fn listed(&self, limit: usize) -> Vec<(String, u64)> {
        let mut all: Vec<(String, u64)> =
            self.groups.iter().map(|(key, group)| (group.text(key), group.pods)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let rest: u64 = all.iter().skip(limit).map(|(_, count)| count).sum();
        all.truncate(limit);
        if rest > 0 {
            all.push(("other reasons".into(), rest));
        }
        all
    }
}

impl Group {
    fn new(text: String) -> Group {
        Group { text, numbers: Vec::new(), pods: 0 }
    }

    fn text(&self, key: &str) -> String {
        if self.numbers.iter().all(|(low, high)| low == high) {
            return self.text.clone();
        }
        let mut numbers = self.numbers.iter();
        let mut text = String::new();
        for c in key.chars() {
            match (c, numbers.as_slice().first()) {
                (NUMBER, Some((low, high))) => {
                    let _ = write!(text, "{low}");
                    if high > low {
                        let _ = write!(text, "–{high}");
                    }
                    numbers.next();
                }
                _ => text.push(c),
            }
        }
        text
    }
}

/// The diagnosis with its reasons in the order of their words: Kubernetes sorts them with their
/// numbers, so that the same reasons come in different orders.
fn by_reason(diagnosis: &Diagnosis) -> String {
    if !diagnosis.pre_filter.is_empty() || diagnosis.reasons.is_empty() {
        return diagnosis.to_string();
    }
    let mut reasons: Vec<&(String, usize)> = diagnosis.reasons.iter().collect();
    reasons.sort_unstable();
    let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let text = format!("0/{} nodes are available: {}.", diagnosis.nodes, reasons.join(", "));
    if diagnosis.post_filter.is_empty() { text } else { format!("{text} {}", diagnosis.post_filter) }
}

/// The text with [`NUMBER`] in the place of each word that is a number (or `0/` and a number), and
/// these numbers.
fn without_numbers(text: &str) -> (String, Vec<u64>) {
    let mut numbers = Vec::new();
    let words = text.split(' ').map(|word| {
        let (lead, digits) = word.strip_prefix("0/").map_or(("", word), |digits| ("0/", digits));
        match digits.parse() {
            Ok(number) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                numbers.push(number);
                format!("{lead}{NUMBER}")
            }
            _ => word.replace(NUMBER, " "),
        }
    });
    let words: Vec<String> = words.collect();
    (words.join(" "), numbers)
}

#[cfg(test)]
mod tests {
    use super::super::pods::Failure;
    use super::*;
    use crate::base::Time;

    fn pod(reasons: &[(&str, usize)], post_filter: &str) -> Pod {
        let diagnosis = Diagnosis {
            nodes: 1213,
            reasons: reasons.iter().map(|&(reason, count)| (reason.to_owned(), count)).collect(),
            post_filter: post_filter.to_owned(),
            ..Diagnosis::default()
        };
        let failure = Failure { diagnosis: Arc::new(diagnosis), since: Time::ZERO, repeated: 0, lines: 1 };
        Pod { failure: Some(failure), attempts: 1, ..Pod::default() }
    }

    #[test]
    fn texts_that_differ_in_numbers_are_one() {
        const NONE: &str = "preemption: 0/1213 nodes are available: 5 No preemption victims found.";
        let mut unplaced = Unplaced::default();
        unplaced.count(&pod(&[("Insufficient memory", 1049), ("Insufficient cpu", 1213)], ""));
        unplaced.count(&pod(&[("Insufficient cpu", 1213), ("Insufficient memory", 1213)], ""));
        unplaced.count(&pod(&[("Insufficient memory", 7), ("Insufficient cpu", 1213)], ""));
        unplaced.count(&pod(&[("node(s) had untolerated taint(s)", 3), ("Insufficient cpu", 1210)], NONE));
        unplaced.count(&Pod::default());
        let listed = unplaced.listed(10);
        let expected = [
            ("0/1213 nodes are available: 1213 Insufficient cpu, 7–1213 Insufficient memory.".to_owned(), 3),
            (
                format!(
                    "0/1213 nodes are available: 1210 Insufficient cpu, 3 node(s) had untolerated taint(s). {NONE}"
                ),
                1,
            ),
            ("no scheduling attempt".to_owned(), 1),
        ];
        assert_eq!(listed, expected);
        assert_eq!(unplaced.listed(1)[1], ("other reasons".to_owned(), 2));
    }
}
