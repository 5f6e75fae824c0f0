//! One sync of a CronJob after another.

use super::*;
use expect_test::expect;
use jiff::Timestamp;

fn wall(text: &str) -> Wall {
    text.parse::<Timestamp>().unwrap().as_nanosecond()
}

fn cron(schedule: &str) -> CronJob {
    let mut cron = CronJob {
        schedule: schedule.to_owned(),
        successful_history_limit: 3,
        failed_history_limit: 1,
        ..CronJob::default()
    };
    cron.meta.name = "cj".to_owned();
    cron
}

fn job(name: &str, succeeded: Option<bool>, start: &str, completion: Option<&str>) -> Owned {
    Owned { name: name.to_owned(), succeeded, start: Some(wall(start)), completion: completion.map(wall) }
}

fn active(names: &[&str]) -> State {
    State { active: names.iter().map(|&name| name.to_owned()).collect(), ..State::default() }
}

/// What one pass does, in a line. Every CronJob was created at half past midnight.
fn pass(cron: &CronJob, state: &mut State, jobs: &[Owned], now: &str) -> String {
    let outcome = sync(cron, wall("2026-01-01T00:30:00Z"), state, jobs, |name| name == "unseen", wall(now));
    let moment = |time: Wall| Timestamp::from_nanosecond(time).unwrap().to_string();
    format!(
        "replaced {:?}, start {:?}, wait {:?}, active {:?}, changed {}",
        outcome.replaced,
        outcome.start.map(|(name, time)| format!("{name} {}", moment(time))),
        outcome.wait.map(|nanos| nanos as f64 / 1e9),
        state.active,
        outcome.status_changed
    )
}

#[test]
fn the_latest_of_the_missed_times_is_started_once() {
    let (cron, mut state) = (cron("*/10 * * * *"), State::default());
    let mut lines = Vec::new();
    for now in
        ["2026-01-01T00:39:59.5Z", "2026-01-01T00:40:00.1Z", "2026-01-01T00:40:01Z", "2026-01-02T00:05:00Z"]
    {
        lines.push(pass(&cron, &mut state, &[job("cj-29453800", None, "2026-01-01T00:40:00Z", None)], now));
    }
    expect![[r#"
        replaced [], start None, wait Some(0.6), active [], changed false
        replaced [], start Some("cj-29453800 2026-01-01T00:40:00Z"), wait Some(600.0), active ["cj-29453800"], changed true
        replaced [], start None, wait Some(599.1), active ["cj-29453800"], changed false
        replaced [], start Some("cj-29455200 2026-01-02T00:00:00Z"), wait Some(300.1), active ["cj-29453800", "cj-29455200"], changed true"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn concurrency() {
    let running =
        [job("a", None, "2026-01-01T00:30:00Z", None), job("b", None, "2026-01-01T00:31:00Z", None)];
    let mut lines = Vec::new();
    for concurrency in [Concurrency::Allow, Concurrency::Forbid, Concurrency::Replace] {
        let cron = CronJob { concurrency, ..cron("@hourly") };
        lines.push(pass(&cron, &mut active(&["a", "b"]), &running, "2026-01-01T01:00:00.1Z"));
    }
    expect![[r#"
        replaced [], start Some("cj-29453820 2026-01-01T01:00:00Z"), wait Some(3600.0), active ["a", "b", "cj-29453820"], changed true
        replaced [], start None, wait Some(3600.0), active ["a", "b"], changed false
        replaced ["a", "b"], start Some("cj-29453820 2026-01-01T01:00:00Z"), wait Some(3600.0), active ["cj-29453820"], changed true"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn a_deadline_ends_the_wait_for_a_slot() {
    let running = [job("a", None, "2026-01-01T00:30:00Z", None)];
    let forbid =
        CronJob { concurrency: Concurrency::Forbid, starting_deadline_seconds: Some(300), ..cron("@hourly") };
    let ended = [job("a", Some(true), "2026-01-01T00:30:00Z", Some("2026-01-01T01:04:00Z"))];
    let mut lines = vec![pass(&forbid, &mut active(&["a"]), &running, "2026-01-01T01:00:00.1Z")];
    for now in ["2026-01-01T01:05:00Z", "2026-01-01T01:05:00.1Z"] {
        lines.push(pass(&forbid, &mut active(&["a"]), &ended, now));
    }
    expect![[r#"
        replaced [], start None, wait Some(3600.0), active ["a"], changed false
        replaced [], start None, wait Some(3300.1), active [], changed true
        replaced [], start None, wait Some(3300.0), active [], changed true"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn what_is_gone_or_has_ended_is_not_active() {
    let jobs = [
        job("done", Some(true), "2026-01-01T00:30:00Z", Some("2026-01-01T00:31:00Z")),
        job("failed", Some(false), "2026-01-01T00:30:00Z", None),
        job("stray", None, "2026-01-01T00:30:00Z", None),
    ];
    let mut state = active(&["done", "failed", "gone", "unseen"]);
    expect![[r#"replaced [], start None, wait Some(1200.1), active ["unseen"], changed true"#]]
        .assert_eq(&pass(&cron("@hourly"), &mut state, &jobs, "2026-01-01T00:40:00Z"));
    assert_eq!(state.last_successful, Some(wall("2026-01-01T00:31:00Z")));
}

#[test]
fn nothing_is_started_by_what_waits_or_cannot_be_read() {
    let now = "2026-01-01T05:00:00Z";
    let suspended = CronJob { suspend: true, ..cron("@hourly") };
    let lost = CronJob { time_zone: "No/Where".to_owned(), ..cron("@hourly") };
    for cron in [suspended, lost, cron("bad schedule")] {
        let none = "replaced [], start None, wait None, active [], changed false";
        assert_eq!(pass(&cron, &mut State::default(), &[], now), none);
    }
    // There is no 31st of February: the original gives up, and so never looks again by itself.
    let never = "replaced [], start None, wait None, active [], changed false";
    assert_eq!(pass(&cron("0 0 31 2 *"), &mut State::default(), &[], now), never);
}

#[test]
fn every_keeps_its_rhythm() {
    let (cron, mut state) = (cron("@every 1h30m"), State::default());
    let mut lines = Vec::new();
    for now in ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-09T12:34:56Z"] {
        lines.push(pass(&cron, &mut state, &[], now));
        state.active.clear();
    }
    expect![[r#"
        replaced [], start None, wait Some(3600.1), active [], changed false
        replaced [], start Some("cj-29453880 2026-01-01T02:00:00Z"), wait Some(5400.1), active ["cj-29453880"], changed true
        replaced [], start Some("cj-29466030 2026-01-09T12:30:00Z"), wait Some(5104.1), active ["cj-29466030"], changed true"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn the_history_is_cut_from_its_beginning() {
    let mut jobs: Vec<Owned> = [("d", 4), ("a", 1), ("c", 1), ("b", 2), ("e", 5)]
        .map(|(name, hour)| job(name, Some(true), &format!("2026-01-01T0{hour}:00:00Z"), None))
        .into();
    jobs.push(Owned { name: "unstarted".into(), succeeded: Some(true), ..Owned::default() });
    jobs.push(job("running", None, "2026-01-01T00:00:00Z", None));
    jobs.push(job("y", Some(false), "2026-01-01T00:00:01Z", None));
    jobs.push(job("x", Some(false), "2026-01-01T00:00:00Z", None));
    assert_eq!(beyond_history(&cron("@hourly"), &jobs), ["a", "c", "b", "x"]);
    let none = CronJob { successful_history_limit: 0, failed_history_limit: 0, ..cron("@hourly") };
    assert_eq!(beyond_history(&none, &jobs).len(), 8);
}
