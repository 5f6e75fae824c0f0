//! Tests of studies, and of traces that are shaken or whose users are drawn anew.

use super::{Compiled, POOL, Plan, errors, try_compile};
use crate::base::{Span, Time};
use crate::scenario::parse_study;
use crate::sim::JobSource;
use crate::sim::setup::SubmissionName;
use crate::trace::transform::{Resample, Shake, resample, shake};
use crate::trace::{Format, Input, Reader as _, Row, SwfOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const MACHINE: &str = "\
apiVersion: seatrial/v1
cluster: {processors: 64}
controlPlane: {kind: batch}
workload: {traces: [{file: ../../traces/batch-day.swf}], shake: 30s}
";

fn submissions(sets: &[&str]) -> Vec<(u64, Time)> {
    let Ok(Compiled { plan: Plan::Batch(mut setup), remarks, .. }) = try_compile(MACHINE, sets) else {
        panic!("a batch machine")
    };
    assert!(remarks.iter().all(|(what, _)| !what.contains("out of order")), "{remarks:?}");
    jobs_of(&mut *setup.sources[0])
}

fn jobs_of(source: &mut dyn JobSource) -> Vec<(u64, Time)> {
    let jobs = std::iter::from_fn(|| source.next().expect("it was read before"));
    jobs.map(|job| (job.number, job.at)).collect()
}

#[test]
fn shaken_rows_move_by_their_own_draws_and_are_in_order() {
    let recorded = submissions(&["workload.shake=0s"]);
    let (first, other) = (submissions(&["run.seed=1"]), submissions(&["run.seed=2"]));
    assert_eq!(first, submissions(&["run.seed=1"]));
    assert_ne!(first, other);
    assert!(first.is_sorted_by_key(|(_, at)| *at) && other.is_sorted_by_key(|(_, at)| *at));
    let at = |jobs: &[(u64, Time)], number: u64| jobs.iter().find(|job| job.0 == number).map(|job| job.1);
    let mut moved = 0;
    for &(number, time) in &recorded {
        let shaken = at(&first, number).expect("no job is lost");
        let shift = shaken.since(time).0.max(time.since(shaken).0);
        assert!(shift <= 30_000_000_000, "job {number} moved by {shift} ns");
        moved += usize::from(shift > 0);
    }
    assert!(moved > 260, "{moved} of {} moved", recorded.len());
    // A policy changes no draw.
    assert_eq!(first, submissions(&["run.seed=1", "controlPlane.batch.backfill=easy"]));
}

/// The rows of the trace that the machine can take.
fn day() -> Vec<Row> {
    let input = Input::open(Path::new("traces/batch-day.swf"), None).expect("it is there");
    let options = SwfOptions { max_processors: Some(64), ..SwfOptions::default() };
    let mut reader = Format::Swf.reader(input, options).expect("it can be read");
    let (mut rows, mut row) = (Vec::new(), Row::default());
    while reader.read(&mut row).expect("it is good") {
        rows.push(row.clone());
    }
    rows
}

fn told(rows: &[Row]) -> Vec<(u64, Time)> {
    rows.iter().map(|row| (u64::try_from(row.number).unwrap_or(0), row.submit)).collect()
}

/// One rule: a run with this seed has the trace that `trace shake` with this seed writes.
#[test]
fn a_shaken_trace_is_that_of_the_rule_for_its_seed() {
    for (sets, bound) in
        [("workload.shake=2m", Span::from_secs(120)), ("workload.shake=50ms", Span(50_000_000))]
    {
        let mut rows = day();
        shake(&mut rows, 7, Shake::up_to(bound)).expect("the shift is good");
        rows.sort_by_key(|row| (row.submit, row.number));
        assert_eq!(submissions(&[sets, "run.seed=7"]), told(&rows), "{sets}");
    }
}

#[test]
fn shifts_are_of_the_time_of_the_run_and_of_the_place_in_the_trace() {
    let shifts = |more: &[&str]| -> BTreeMap<u64, i64> {
        let at = |shake: &str| submissions(&[&[shake][..], more].concat());
        let plain: BTreeMap<u64, Time> = at("workload.shake=0s").into_iter().collect();
        let moved = at("workload.shake=30s").into_iter();
        moved.map(|(number, at)| (number, at.0 as i64 - plain[&number].0 as i64)).collect()
    };
    let all = shifts(&["workload.traces[0].at=1h"]);
    assert_eq!(shifts(&["workload.traces[0].at=1h", "workload.traces[0].timeScale=3"]), all);
    let late = shifts(&["workload.traces[0].at=1h", "workload.traces[0].select={from: 12h}"]);
    assert!(late.len() > 50 && late.iter().all(|(number, shift)| all[number] == *shift), "{late:?}");
}

#[test]
fn without_a_trace_there_is_nothing_to_shake() {
    let text = MACHINE.replace("traces: [{file: ../../traces/batch-day.swf}], ", "");
    assert_eq!(
        errors(&text, &[]),
        "s.yaml:4:19: error: there is no trace whose submit times could be shaken: `30s` (jobs of generators \
         differ by `run.seed` alone)"
    );
    let negative = errors(MACHINE, &["workload.shake=-1s"]);
    assert!(negative.contains("`-1s`"), "{negative}");
    assert_eq!(
        errors(&MACHINE.replace("30s", "400d"), &[]),
        "s.yaml:4:65: error: the largest shift is above a year: `400d`"
    );
}

#[test]
fn a_resampled_trace_is_that_of_the_rule_for_each_seed_and_the_same_for_each_policy() {
    let draw = |sets: &[&str]| {
        submissions(&[&["workload.shake=0s", "workload.resample=1h", "run.seed=7"], sets].concat())
    };
    let first = draw(&[]);
    assert_eq!(first, draw(&["controlPlane.batch.backfill=easy"]));
    assert_ne!(first, draw(&["run.seed=8"]));
    let options = Resample { users: None, period: Span::from_secs(3_600) };
    let new = resample(&day(), 7, options).expect("it has users");
    assert!(new.periods > 20 && new.distinct < new.drawn, "{} periods", new.periods);
    assert_eq!(first, told(&new.rows));
}

#[test]
fn users_are_drawn_of_the_selected_rows_and_shaken_afterwards() {
    let select = "workload.traces[0].select={from: 6h, until: 12h}";
    let recorded = submissions(&["workload.shake=0s", select]);
    let sets = ["workload.resample=7d", select, "run.seed=3"];
    let drawn = submissions(&[&sets[..], &["workload.shake=0s"]].concat());
    assert!(recorded.len() > 50 && drawn.len() > 20 && drawn != recorded, "{} jobs", drawn.len());
    let times: BTreeSet<Time> = recorded.iter().map(|(_, at)| *at).collect();
    assert!(drawn.iter().all(|(_, at)| times.contains(at)), "six hours are one week: nothing is moved");
    let shaken = submissions(&sets);
    assert_eq!(shaken.len(), drawn.len());
    assert!(shaken.iter().any(|(_, at)| !times.contains(at)));
    // The cycle of 150 minutes within six hours is longer than they are: nothing is cut behind them.
    let moved = submissions(&["workload.shake=0s", "workload.resample=150m", select, "run.seed=3"]);
    assert_eq!(moved.len(), drawn.len());
    let few = submissions(&["workload.shake=0s", "workload.traces[0].select={rows: 1}", sets[0]]);
    assert_eq!(few.len(), 1);
}

#[test]
fn traces_of_one_scenario_are_drawn_apart() {
    let text = MACHINE.replace("batch-day.swf}", "batch-day.swf}, {file: ../../traces/batch-day.swf}");
    let compiled = try_compile(&text, &["workload.shake=0s", "workload.resample=7d"]);
    let Ok(Compiled { plan: Plan::Batch(mut setup), .. }) = compiled else { panic!("a batch machine") };
    let [one, two] = [0, 1].map(|index| jobs_of(&mut *setup.sources[index]));
    assert_ne!(one, two);
}

#[test]
fn pods_of_users_are_drawn_anew_too() {
    let text = format!("{POOL}workload: {{traces: [{{file: users.csv}}], resample: 1d}}\n");
    let names = |seed: &str| -> Vec<String> {
        let Ok(Compiled { plan: Plan::Kubernetes(mut setup), .. }) = try_compile(&text, &[seed]) else {
            panic!("a cluster")
        };
        let source = &mut setup.sources[0];
        let rows = std::iter::from_fn(|| source.next().expect("it was read before"));
        let named = rows.map(|row| match row.name {
            SubmissionName::Own(name) => name.into(),
            SubmissionName::Numbered(..) => panic!("every row has a name"),
        });
        named.collect()
    };
    let all: BTreeSet<String> = (0..20).flat_map(|seed| names(&format!("run.seed={seed}"))).collect();
    // Two users are drawn of two, and copies become users 1 and 2: both may be of one.
    for name in ["web-1", "web-2", "etl-1", "etl-2"] {
        assert!(all.contains(name), "{name} is not in {all:?}");
    }
    assert!(all.contains("nobody") && !all.contains("web"), "{all:?}");
}

#[test]
fn what_has_no_users_cannot_be_resampled() {
    let pods = format!("{POOL}workload: {{traces: [{{file: unsorted.csv}}], resample: 7d}}\n");
    assert_eq!(
        errors(&pods, &[]),
        "s.yaml:5:54: error: the users of tests/fixtures/unsorted.csv cannot be drawn anew: no row names a \
         user: `7d` (leave `resample` out; `shake` shifts the submit times of any trace)"
    );
    let set = errors(&pods.replace(", resample: 7d", ""), &["workload.resample=7d"]);
    assert!(set.starts_with("--set") && set.contains("no row names a user"), "{set}");
    let none = errors(&format!("{POOL}workload: {{resample: 7d}}\n"), &[]);
    assert_eq!(
        none,
        "s.yaml:5:22: error: there is no trace whose users could be drawn anew: `7d` (jobs of generators \
         differ by `run.seed` alone)"
    );
    for (wrong, part) in [("0s", "at least `1ms`"), ("-7d", "never negative"), ("weekly", "not a duration")] {
        let found = errors(&MACHINE.replace("shake: 30s", &format!("resample: {wrong}")), &[]);
        let place = found.starts_with("s.yaml:4:68: error") && found.contains(&format!("`{wrong}`"));
        assert!(place && found.contains(part), "{found}");
    }
}

#[test]
fn a_study_is_read_with_its_places() {
    let read = |text: &str| parse_study(&"t.yaml".into(), text.as_bytes());
    let good = "\
apiVersion: seatrial/v1
kind: Study
scenario: day.yaml
replications: 3
shake: 1m
resample: 7d
variants: [{name: a}, {name: b, set: ['x.y=1', z=2], scenario: other.yaml}]
baseline: b
";
    let study = read(good).expect("it says that it is one").expect("it is good");
    assert_eq!((study.variants.len(), study.variants[1].set.len()), (2, 2));
    assert_eq!(study.baseline.map(|name| name.location.line), Some(8));
    let wrong = |from: &str, to: &str| -> String {
        let findings = read(&good.replace(from, to)).expect("it says that it is one").unwrap_err();
        findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        wrong("baseline", "basline"),
        "t.yaml:8:1: error: unknown key: `basline` (did you mean `baseline`?)"
    );
    assert!(wrong("seatrial/v1", "seatrial/v9").contains("write `apiVersion: seatrial/v1`"));
    assert_eq!(study.resample.map(|period| period.0), Some(Span::from_secs(7 * 86_400)));
    assert!(wrong("resample: 7d", "resample: 0s").starts_with("t.yaml:6:11: error"));
    assert!(wrong("replications: 3", "replications: 0").starts_with("t.yaml:4:15: error"));
    assert!(wrong("scenario: day.yaml\n", "").contains("`scenario` is missing"));
    assert!(read("kind: Scenario\n").is_none() && read("[1]").is_none() && read("{").is_none());
}
