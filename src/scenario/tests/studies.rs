//! Tests of studies, and of traces that are shaken.

use super::{Compiled, Plan, errors, try_compile};
use crate::base::Time;
use crate::scenario::parse_study;
use crate::sim::JobSource;

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
    let source: &mut dyn JobSource = &mut *setup.sources[0];
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
variants: [{name: a}, {name: b, set: ['x.y=1', z=2], scenario: other.yaml}]
baseline: b
";
    let study = read(good).expect("it says that it is one").expect("it is good");
    assert_eq!((study.variants.len(), study.variants[1].set.len()), (2, 2));
    assert_eq!(study.baseline.map(|name| name.location.line), Some(7));
    let wrong = |from: &str, to: &str| -> String {
        let findings = read(&good.replace(from, to)).expect("it says that it is one").unwrap_err();
        findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        wrong("baseline", "basline"),
        "t.yaml:7:1: error: unknown key: `basline` (did you mean `baseline`?)"
    );
    assert!(wrong("seatrial/v1", "seatrial/v9").contains("write `apiVersion: seatrial/v1`"));
    assert!(wrong("replications: 3", "replications: 0").starts_with("t.yaml:4:15: error"));
    assert!(wrong("scenario: day.yaml\n", "").contains("`scenario` is missing"));
    assert!(read("kind: Scenario\n").is_none() && read("[1]").is_none() && read("{").is_none());
}
