//! The rules of batch frameworks.

use super::{Rule, check, of, secs};
use crate::base::Span;
use crate::control::mesos::batch::queue::{Order, Waiting, choose};
use crate::control::mesos::batch::retries::{DependencyEnd, Outcome, Record, Settings, is_released};

/// What follows from attempts that fail at 100 s.
fn failing(record: &mut Record, settings: &Settings, attempts: &[u32]) -> String {
    let one = |&attempt: &u32| match record.failed(secs(100), attempt, settings) {
        Outcome::Retry { at } => format!("again {}", Span(at.0)),
        Outcome::Failed => "failed".into(),
        Outcome::Disabled => "disabled".into(),
    };
    attempts.iter().map(one).collect::<Vec<_>>().join(", ")
}

const RETRIES: &[Rule] = &[
    Rule {
        section: "§7.6",
        says: "two retries a minute apart, then the run has failed",
        check: || {
            let found = failing(&mut Record::default(), &Settings::default(), &[0, 1, 2]);
            (found, "again 2m40s, again 2m40s, failed")
        },
    },
    Rule {
        section: "§7.6",
        says: "after a run that failed for good there are no retries until a success",
        check: || {
            let mut record = Record::default();
            let first = failing(&mut record, &Settings::default(), &[2, 0]);
            record.succeeded(secs(200));
            (
                format!("{first}, {}", failing(&mut record, &Settings::default(), &[0])),
                "failed, failed, again 2m40s",
            )
        },
    },
    Rule {
        section: "§7.6",
        says: "a success at the moment of the last error allows retries",
        check: || {
            let mut record = Record { last_error: Some(secs(50)), ..Record::default() };
            record.succeeded(secs(50));
            (failing(&mut record, &Settings::default(), &[1]), "again 2m40s")
        },
    },
    Rule {
        section: "§7.6",
        says: "disable_after_failures: given up after so many runs without a success",
        check: || {
            let settings = Settings { disable_after: 2, retries: 0, ..Settings::default() };
            let mut record = Record::default();
            let found = failing(&mut record, &settings, &[0, 0]);
            (format!("{found} {} {}", record.errors, record.disabled), "failed, disabled 2 true")
        },
    },
    Rule {
        section: "§7.6",
        says: "off by default",
        check: || {
            let mut record = Record { errors_since_success: 99, ..Record::default() };
            (failing(&mut record, &Settings::default(), &[2]), "failed")
        },
    },
    Rule {
        section: "§7.6",
        says: "what depends on others runs after their success, or a soft error, only",
        check: || {
            use DependencyEnd::{Error, Open, SoftError, Success};
            let ends = [[Success, Success], [Success, SoftError], [Success, Open], [Error, Success]];
            (format!("{:?}", ends.map(is_released)), "[true, true, false, false]")
        },
    },
];

#[test]
fn retries() {
    check(RETRIES);
}

#[test]
fn choices_from_a_queue() {
    let queue = [of(2, 2), of(5, 1), of(1, 1), of(1, 1)];
    let waiting = |denied: Option<usize>| {
        let all = queue.iter().enumerate();
        all.map(move |(place, needs)| Waiting { needs, allowed: Some(place) != denied }).collect::<Vec<_>>()
    };
    let cases = [
        ("in order, as long as they fit", Order::Fifo, of(8, 8), None, 9, vec![0, 1, 2]),
        ("nothing passes one that does not fit", Order::Fifo, of(4, 4), None, 9, vec![0]),
        ("unless that is allowed", Order::FirstFit, of(4, 4), None, 9, vec![0, 2, 3]),
        ("an agent that a task may not run on does not fit it", Order::Fifo, of(8, 8), Some(0), 9, vec![]),
        ("no more than an offer may be used for", Order::FirstFit, of(8, 8), None, 2, vec![0, 1]),
    ];
    for (says, order, offer, denied, most, right) in cases {
        assert_eq!(choose(waiting(denied), &offer, order, most), right, "§7: {says}");
    }
}
