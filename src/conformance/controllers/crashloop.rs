//! Restarts of containers that end again and again: what the kubelet's back-off says to each attempt.

use crate::base::{Diagnostic, Span, Time};
use crate::conformance::input::Case;
use crate::control::config;
use crate::control::kubelet::backoff::{BackOff, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is answered to each event of a case: whether the container is restarted, the back-off after
/// that, and if it is not, until when it waits.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let mut limits = config::Kubelet::default();
    if case.input.get("maxBackoff").is_some_and(|max| !max.is_null()) {
        limits.backoff_max = Span(moment(case, &case.input, "maxBackoff")?.0);
    }
    let mut entries: BTreeMap<&str, BackOff> = BTreeMap::new();
    let mut answers = Vec::new();
    for event in case.list(&case.input, "events")? {
        let now = moment(case, event, "time")?;
        answers.push(match case.text(event, "op")? {
            "gc" => {
                for entry in entries.values_mut() {
                    entry.clean_up(now, &limits);
                }
                json!({})
            }
            "sync" => {
                let entry = entries.entry(case.text(event, "container")?).or_default();
                let finished = moment(case, event, "finishedAt")?;
                let verdict = entry.attempt(now, finished, &limits);
                let mut answer = json!({
                    "restart": verdict == Verdict::Start, "backoff": entry.length().as_secs_f64()});
                if let Verdict::Wait { until } = verdict {
                    answer["backoffUntil"] = until.as_secs_f64().into();
                }
                answer
            }
            other => {
                return Err(case.error("`op` has an unknown value").found(other).help("one of gc, sync"));
            }
        });
    }
    Ok(json!({ "events": answers }))
}

/// The moment at a key, in seconds.
fn moment(case: &Case, holder: &Value, key: &str) -> Result<Time, Diagnostic> {
    /// Beyond this moments no longer fit.
    const LATEST: f64 = 1e9;
    let value = case.require(holder, key)?;
    match value.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds)) {
        Some(seconds) => Ok(Time::from_secs_f64(seconds)),
        None => Err(case.error(format!("`{key}` must be seconds, not negative")).found(value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Diagnostic, Location};
    use crate::conformance::controllers::answer;
    use crate::conformance::{Case, differences};
    use serde_json::{Value, json};

    fn of(input: &Value) -> Result<Value, Diagnostic> {
        let line = json!({ "id": "own", "mode": "crashloop", "input": input }).to_string();
        answer(&Case::read(line.as_bytes(), Location::at("cases.jsonl", 1, 0))?)
    }

    fn sync(time: f64, finished: f64) -> Value {
        json!({ "op": "sync", "time": time, "container": "c", "finishedAt": finished })
    }

    #[test]
    fn waits_grow_and_are_forgotten() {
        let events = [
            sync(1.0, 1.0),
            sync(2.0, 2.0),
            sync(12.0, 2.0),
            json!({ "op": "gc", "time": 700.0 }),
            sync(700.0, 699.0),
        ];
        let expected = json!({ "events": [
            { "restart": true, "backoff": 10 },
            { "restart": false, "backoff": 10, "backoffUntil": 12 },
            { "restart": true, "backoff": 20 },
            {},
            { "restart": true, "backoff": 10 },
        ]});
        let got = of(&json!({ "events": events })).unwrap();
        assert_eq!(differences(&expected, &got).first, []);
    }

    #[test]
    fn what_is_no_case_is_refused() {
        for (input, message) in [
            (json!({ "events": [{ "op": "stop", "time": 1 }] }), "`op` has an unknown value"),
            (json!({ "events": [{ "op": "gc", "time": -1 }] }), "`time` must be seconds"),
            (json!({ "events": [{ "op": "gc", "time": 1e30 }] }), "`time` must be seconds"),
            (json!({ "events": [], "maxBackoff": "a" }), "`maxBackoff` must be seconds"),
            (json!({ "events": {} }), "`events` must be a list"),
        ] {
            assert!(of(&input).unwrap_err().message.contains(message), "{input}");
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "the data lie outside the repository"
    )]
    fn conformance_crashloop() {
        use std::io::BufRead as _;
        let Some(data) = std::env::var_os("SEATRIAL_DATA") else {
            eprintln!("skipped: conformance_crashloop (SEATRIAL_DATA is not set)");
            return;
        };
        let path = std::path::Path::new(&data).join("conformance/controllers-1.36/crashloop.jsonl.gz");
        let file = flate2::read::MultiGzDecoder::new(std::fs::File::open(path).expect("the data are there"));
        let mut cases = 0;
        for line in std::io::BufReader::new(file).lines() {
            let line = line.expect("text");
            let case = Case::read(line.as_bytes(), Location::file("cases")).expect("a case");
            let ours = answer(&case).expect("an answer");
            let expected = case.expected.as_ref().expect("a recorded answer");
            if let Some(found) = differences(expected, &ours).first.into_iter().next() {
                panic!("{}: {}: {} for {}", case.id, found.field, found.got, found.expected);
            }
            cases += 1;
        }
        assert_eq!(cases, 30);
    }
}
