//! Tests of comparisons.

use super::compare::{Options, Replay, compare, statistic};
use super::grid::cells;
use super::jobs::{Job, Jobs, Kind, same_workload};
use super::variants::{Axis, axis, product, single};
use super::why::{Side, moves};
use crate::base::{Span, Time};
use crate::observe::{Metric, Results};
use expect_test::expect;
use proptest::prelude::*;

/// A job of a machine: number, processors, submission, start, end.
fn job(number: u64, cores: u64, submit: u64, start: u64, end: u64) -> Job {
    Job {
        name: number.to_string(),
        number: Some(number),
        submit: Time::from_secs(submit),
        start: Some(Time::from_secs(start)),
        placed: Some(Time::from_secs(start)),
        end: Some(Time::from_secs(end)),
        waited: Some(Span::from_secs(start - submit)),
        cores,
        ..Job::default()
    }
}

/// Four processors. First come, first served: job 2 waits for job 1, job 3 waits behind it. With
/// backfilling job 3 passes it.
fn fcfs() -> Jobs {
    Jobs::new(Kind::Jobs, vec![job(1, 3, 0, 0, 100), job(2, 4, 10, 100, 200), job(3, 1, 20, 200, 250)])
}

fn easy() -> Jobs {
    Jobs::new(Kind::Jobs, vec![job(1, 3, 0, 0, 100), job(2, 4, 10, 110, 210), job(3, 1, 20, 20, 70)])
}

fn side<'a>(name: &'a str, jobs: &'a Jobs) -> Side<'a> {
    Side { name, jobs, end: Time::from_secs(300) }
}

#[test]
fn reasons_are_what_both_schedules_show() {
    let (fcfs, easy) = (fcfs(), easy());
    let moved = moves(1, side("fcfs", &fcfs), side("easy", &easy), 5);
    assert_eq!(moved.counts, [1, 1, 1]);
    let told: Vec<String> =
        moved.gained.iter().chain(&moved.lost).map(|one| format!("{}: {}\n", one.job, one.why)).collect();
    expect![[r"
        3: Started 3m earlier, at 20s and not at 3m20s. It passed 1 job that was submitted before it, and in `fcfs` did not pass it: job 2 (4 processors, waited until 1m50s).
        2: Started 10s later, at 1m50s and not at 1m40s. 1 job that was submitted after it passed it, in `fcfs` not: job 3 (1 processor, at 20s).
    "]].assert_eq(&told.concat());
    assert_eq!((moved.gained[0].reason, moved.lost[0].reason), ("passes", "is_passed"));
    let back = moves(1, side("easy", &easy), side("fcfs", &fcfs), 5);
    assert_eq!((back.gained[0].reason, back.lost[0].reason), ("not_passed", "does_not_pass"));
}

#[test]
fn who_held_the_place_is_named_where_nobody_was_passed() {
    // Job 1 ends sooner, so job 2 starts sooner; on another machine it ends later.
    let short = Jobs::new(Kind::Jobs, vec![job(1, 4, 0, 0, 50), job(2, 4, 10, 50, 150)]);
    let long = Jobs::new(Kind::Jobs, vec![job(1, 4, 0, 0, 100), job(2, 4, 10, 100, 200)]);
    let gained = moves(1, side("long", &long), side("short", &short), 5);
    let lost = moves(1, side("short", &short), side("long", &long), 5);
    expect!["Started 50s earlier, at 50s and not at 1m40s. 1 job ran in `long` at that moment, here not: job 1 (4 processors, 0s to 1m40s)."].assert_eq(&gained.gained[0].why);
    expect!["Started 50s later, at 1m40s and not at 50s. When it started in `short`, 1 job ran in `long`, there not: job 1 (4 processors, 0s to 1m40s)."].assert_eq(&lost.lost[0].why);
}

#[test]
fn a_job_that_never_starts_has_lost_most() {
    let mut never = easy();
    never.list[1].start = None;
    never.list[1].placed = None;
    never.list[1].end = None;
    never.list[1].waited = None;
    let (fcfs, never) = (fcfs(), Jobs::new(Kind::Jobs, never.list));
    let moved = moves(1, side("fcfs", &fcfs), side("easy", &never), 1);
    assert_eq!((moved.lost[0].job.as_str(), moved.lost[0].wait), ("2", None));
    assert!(moved.lost[0].why.starts_with("Never started, in `fcfs` at 1m40s."), "{}", moved.lost[0].why);
    let found = moves(1, side("easy", &never), side("fcfs", &fcfs), 1);
    assert!(found.gained[0].why.starts_with("Started at 1m40s, in `easy` never."), "{}", found.gained[0].why);
}

#[test]
fn a_job_that_was_stopped_is_not_said_to_hold_anything() {
    let table = "job,processors,submit_s,start_s,end_s,wait_s,run_s\n\
                 1,2,0,10,50,10,40\n\
                 2,2,0,10,50,25,25\n";
    let jobs = Jobs::read(table.as_bytes()).unwrap();
    let held: Vec<bool> = jobs.list.iter().map(|job| job.holds_at(Time::from_secs(20))).collect();
    assert_eq!((held, jobs.waits()), (vec![true, false], vec![10.0, 25.0]));
}

#[test]
fn tables_are_read_by_their_column_names() {
    let table = "extra,job,user,processors,submit_s,start_s,end_s,outcome,wait_s,run_s\n\
                 x,7,1,4,0.5,2.000000001,,Unfinished,1.500000001,\n\
                 x,3,1,2,0.5,,,NeverStarted,,\n";
    let jobs = Jobs::read(table.as_bytes()).unwrap();
    let names: Vec<_> = jobs.list.iter().map(|job| (job.number, job.start, job.cores)).collect();
    assert_eq!(names, [(Some(3), None, 2), (Some(7), Some(Time(2_000_000_001)), 4)]);
    assert_eq!((jobs.not_done(), jobs.wait_p95()), (2, Some(1.500_000_001)));
    let table = "pod,namespace,workload,created_s,bound_s,started_s,ended_s,node,request_cpu_cores,request_memory_bytes,initial,message,wait_s,run_s\n\
                 a,shop,Job/x,1,2,3,4,n1,0.25,1073741824,0,,2,1\n";
    let pods = Jobs::read(table.as_bytes()).unwrap();
    let pod = &pods.list[0];
    assert_eq!((pods.kind, pod.name.as_str(), pod.cores, pod.memory), (Kind::Pods, "shop/a", 250, 1 << 30));
    assert!(pod.owned && pod.placed == Some(Time::from_secs(2)) && pod.start == Some(Time::from_secs(3)));
    assert_eq!(Jobs::read(b"node,zone\na,b\n"), None);
}

#[test]
fn different_workloads_are_told_apart() {
    let base = fcfs();
    assert_eq!(same_workload(("a", &base), ("b", &easy()), true), Ok(()));
    let late =
        Jobs::new(Kind::Jobs, vec![job(1, 3, 5, 5, 100), job(2, 4, 10, 100, 200), job(3, 1, 20, 200, 250)]);
    assert_eq!(same_workload(("a", &base), ("b", &late), false), Ok(()), "submissions may move");
    let differ = |change: fn(&mut Vec<Job>)| {
        let mut list = easy().list;
        change(&mut list);
        same_workload(("a", &base), ("b", &Jobs::new(Kind::Jobs, list)), true).unwrap_err()
    };
    assert_eq!(differ(|list| drop(list.pop())), "job 3 is in `a`, not in `b`");
    assert_eq!(differ(|list| list.push(job(9, 1, 0, 0, 1))), "job 9 is in `b`, not in `a`");
    assert_eq!(differ(|list| list[1].cores = 5), "job 2 asks for other amounts in `b` than in `a`");
    assert_eq!(
        differ(|list| list[0].submit = Time::from_secs(90)),
        "job 1 is submitted at 0s in `a` and at 1m30s in `b`"
    );
}

#[test]
fn differences_are_paired_and_have_an_interval_only_with_two() {
    let base = [Some(10.0), Some(20.0), Some(30.0)];
    let same = statistic(&[Some(11.0), Some(21.0), Some(31.0)], Some(&base), 0.95);
    assert_eq!((same.value, same.difference, same.half_width), (Some(21.0), Some(1.0), Some(0.0)));
    // Differences 1, 2, 3: mean 2, s = 1, t(0.975, 2) = 4.30265272974946.
    let spread = statistic(&[Some(11.0), Some(22.0), Some(33.0)], Some(&base), 0.95);
    let half = spread.half_width.unwrap();
    assert!((half - 4.302_652_729_749_46 / 3f64.sqrt()).abs() < 1e-9, "{half}");
    assert!((spread.change.unwrap() - 0.1).abs() < 1e-12);
    let single = statistic(&[Some(11.0)], Some(&base[..1]), 0.95);
    assert_eq!((single.difference, single.half_width, single.pairs), (Some(1.0), None, 1));
    let gaps = statistic(&[None, Some(1.0), None], Some(&base), 0.95);
    assert_eq!((gaps.n, gaps.pairs, gaps.difference, gaps.half_width), (1, 1, Some(-19.0), None));
    let thirds = [Some(0.1), Some(0.7), Some(1.3)];
    let shifted: Vec<Option<f64>> = thirds.iter().map(|value| value.map(|value| value + 0.2)).collect();
    assert_eq!(statistic(&shifted, Some(&thirds), 0.95).half_width, Some(0.0), "rounding is no spread");
    let own = statistic(&base, None, 0.95);
    assert_eq!((own.value, own.difference, own.pairs), (Some(20.0), None, 0));
}

fn replay(seed: u64, digest: &str, wait: f64, jobs: Jobs) -> Replay {
    let metric = |name: &str, value| Metric {
        name: name.into(),
        unit: "s",
        value: Some(value),
        definition: "",
        group: "",
        headline: false,
    };
    let metrics = vec![metric("wait_mean_s", wait), metric("end_s", 3.0)];
    Replay { seed, metrics, digest: digest.into(), jobs: Some(jobs), results: Some(Results::default()) }
}

fn options(metrics: Option<&str>) -> Options {
    let metrics = metrics.map(|name| vec![name.to_owned()]);
    Options { baseline: 0, confidence: 0.95, metrics, top: 5, fixed_submissions: true }
}

#[test]
fn metrics_are_chosen_and_misspelt_ones_suggested() {
    let names = ["a".to_owned(), "b".to_owned()];
    let runs = [vec![replay(1, "x", 5.0, fcfs())], vec![replay(1, "y", 2.0, easy())]];
    let shown = |metrics| -> Vec<String> {
        compare(&names, &runs, &options(metrics)).unwrap().rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(shown(None), ["wait_mean_s"]);
    assert_eq!(shown(Some("all")), ["wait_mean_s", "end_s"]);
    let wrong = compare(&names, &runs, &options(Some("wait_means"))).unwrap_err();
    assert_eq!(
        wrong[0].to_string(),
        "--metrics: error: these runs have no such metric: `wait_means` (did you mean `wait_mean_s`?)"
    );
}

#[test]
fn replications_that_are_all_the_same_are_refused() {
    let names = ["a".to_owned(), "b".to_owned()];
    let runs = |second: &str| {
        [
            vec![replay(1, "x", 5.0, fcfs()), replay(2, second, 5.0, fcfs())],
            vec![replay(1, "y", 2.0, easy()), replay(2, "y", 2.0, easy())],
        ]
    };
    let wrong = compare(&names, &runs("x"), &options(None)).unwrap_err();
    assert!(wrong[0].message.contains("very same run") && wrong[0].help.contains("--shake"), "{}", wrong[0]);
    assert!(compare(&names, &runs("z"), &options(None)).unwrap().identical.is_empty());
    let twins = [vec![replay(1, "x", 5.0, fcfs())], vec![replay(1, "x", 5.0, fcfs())]];
    assert_eq!(compare(&names, &twins, &options(None)).unwrap().identical, [(1, 0)]);
}

#[test]
fn variants_are_read_as_they_are_written() {
    let read = |text: &str| axis(text).map(|Axis { path, values }| (path, values.join("|")));
    assert_eq!(read("a.b=1, 2").unwrap(), ("a.b".into(), "1|2".into()));
    assert_eq!(
        read("a.b={x: 1, y: [2, 3]},\"c,d\"").unwrap(),
        ("a.b".into(), "{x: 1, y: [2, 3]}|\"c,d\"".into())
    );
    for (wrong, why) in [
        ("a.b", "no `=`"),
        ("=1,2", "no key"),
        ("a=1", "only one value"),
        ("a=1,,2", "a value is empty"),
        ("run.seed=1,2", "a seed is no policy"),
    ] {
        assert!(axis(wrong).unwrap_err().message.contains(why), "{wrong}");
    }
    let own = axis("a.order=sjf,-(wait/estimate)^3 * procs,max(wait, 1)/2").unwrap();
    let names: Vec<String> = product(&[own]).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["order=sjf", "order=-(wait/estimate)^3 * procs", "order=max(wait, 1)/2"]);
    let files = product(&[axis("a.file=x/one.swf,y/two.swf").unwrap()]).unwrap();
    assert_eq!(files[1].0, "file=two.swf");
    let axes = [axis("c.batch.order=fcfs,sjf").unwrap(), axis("c.batch.backfill=none,easy").unwrap()];
    let names: Vec<String> = product(&axes).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[1], "order=fcfs backfill=easy");
    assert_eq!(names.len(), 4);
    let many = axis(&format!("a={}", vec!["1"; 60].join(","))).unwrap();
    assert!(product(&[many.clone(), many]).unwrap_err().message.contains("too many"));
    assert_eq!(single("x: a=1; b={c: 2;3}").unwrap(), ("x".into(), vec!["a=1".into(), "b={c: 2;3}".into()]));
    assert_eq!(single("as-it-is").unwrap(), ("as-it-is".into(), vec![]));
    assert!(single("a.b=1").is_err() && single(": a=1").is_err() && single("x: run.seed=1").is_err());
}

#[test]
fn replications_have_the_same_seeds_in_every_variant() {
    let all = cells(2, 3, 7).unwrap();
    assert_eq!(all.iter().map(|cell| cell.seed).collect::<Vec<_>>(), [7, 8, 9, 7, 8, 9]);
    assert!(cells(1, 2, i64::MAX as u64).is_none() && cells(1, 2, u64::MAX).is_none());
    assert_eq!(cells(1, 1, i64::MAX as u64).map(|cells| cells.len()), Some(1));
}

/// A random schedule of the same jobs.
fn schedules() -> impl Strategy<Value = (Jobs, Jobs)> {
    let one = (0u64..50, 0u64..100, 0u64..100, 1u64..60, 1u64..9);
    prop::collection::vec(one, 1..25).prop_map(|rows| {
        let of = |second: bool| {
            let list = rows.iter().enumerate().map(|(number, &(submit, a, b, run, cores))| {
                let start = submit + if second { b } else { a };
                job(number as u64, cores, submit, start, start + run)
            });
            Jobs::new(Kind::Jobs, list.collect())
        };
        (of(false), of(true))
    })
}

proptest! {
    /// Every named job is what the reason says of it, in the schedules as they are.
    #[test]
    fn safety_reasons_hold((base, now) in schedules()) {
        let moved = moves(1, side("base", &base), side("now", &now), 100);
        prop_assert_eq!(moved.counts.iter().sum::<usize>(), base.list.len());
        let find = |jobs: &Jobs, name: &str| jobs.list.iter().find(|job| job.name == name).cloned().unwrap();
        let passes = |a: &Job, b: &Job| b.is_before(a) && b.start > a.start;
        for (one, gained) in moved.gained.iter().map(|one| (one, true)).chain(moved.lost.iter().map(|one| (one, false))) {
            prop_assert_eq!(one.wait < one.baseline_wait, gained);
            let (own, own_base) = (find(&now, &one.job), find(&base, &one.job));
            for other in &one.others {
                let (other, other_base) = (find(&now, other), find(&base, other));
                let holds = match one.reason {
                    "passes" => passes(&own, &other) && !passes(&own_base, &other_base),
                    "not_passed" => passes(&other_base, &own_base) && !passes(&other, &own),
                    "is_passed" => passes(&other, &own) && !passes(&other_base, &own_base),
                    "does_not_pass" => passes(&own_base, &other_base) && !passes(&own, &other),
                    "freed" => {
                        let at = own.start.unwrap();
                        other_base.holds_at(at) && !other.holds_at(at)
                    }
                    "held" => {
                        let at = own_base.start.unwrap();
                        other.holds_at(at) && !other_base.holds_at(at)
                    }
                    _ => false,
                };
                prop_assert!(holds, "{} {}", one.job, one.why);
            }
            prop_assert_eq!(one.others.is_empty(), one.reason == "other");
        }
    }

    #[test]
    fn safety_no_text_of_a_variant_panics(text in ".{0,60}") {
        let _ = (axis(&text), single(&text));
    }
}
