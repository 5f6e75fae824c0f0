//! Conversions: what both formats can hold comes back, and what is lost is counted.

use super::super::{Input, Processors, Rows, SwfOptions, SwfReader, TableReader};
use super::*;
use crate::api::RestartPolicy;
use crate::base::{Span, Time};
use proptest::prelude::*;

fn census(rows: &[Row], target: Target) -> Census {
    let mut census = Census::new(target);
    let report = super::super::ReadReport::new(&"rows".into(), "rows");
    for row in rows {
        census.add(row, &report).unwrap();
    }
    census
}

fn written(rows: &[Row], target: Target, preamble: &Preamble) -> (String, Census) {
    let census = census(rows, target);
    let mut out = Vec::new();
    let mut reader = Rows::new("rows", rows.to_vec());
    write(&mut out, &mut reader, &census, &Header::default(), preamble).unwrap();
    (String::from_utf8(out).unwrap(), census)
}

fn all(reader: &mut dyn Reader) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    while reader.read(&mut row).unwrap() {
        rows.push(Row { line: 0, ..row.clone() });
    }
    rows
}

fn read_table(text: &str) -> Vec<Row> {
    all(&mut TableReader::new(Input::from_bytes("a.csv", text).unwrap()).unwrap())
}

fn read_swf(text: &str) -> Vec<Row> {
    let options =
        SwfOptions { keep_zero_run: true, processors: Processors::Requested, ..SwfOptions::default() };
    all(&mut SwfReader::new(Input::from_bytes("a.swf", text).unwrap(), options))
}

/// Spans as traces have them, up to a hundred years.
fn span() -> impl Strategy<Value = Span> {
    prop_oneof![(0..100_000u64).prop_map(Span::from_secs), (0..3_000_000_000_000_000_000u64).prop_map(Span)]
}

/// A row with everything that both SWF and the table hold.
fn batch_row() -> impl Strategy<Value = Row> {
    let times =
        (span(), span(), prop::option::of(span()), prop::option::of(span()), prop::option::of(span()));
    let ids = (-1..50i32, -1..9i32, -1..5i32, -1..3i32, -1..1_000i64, -1..=1i8);
    (times, ids, 1..1_000u32, 0..5_000i64).prop_map(|(times, ids, processors, kilobytes)| Row {
        submit: Time(times.0.0),
        run_time: Some(times.1),
        estimate: times.2.filter(|estimate| *estimate > Span::ZERO),
        recorded_wait: times.3,
        think_time: times.4,
        user: ids.0,
        group: ids.1,
        queue: ids.2,
        partition: ids.3,
        preceding: ids.4,
        // A job that failed or was cancelled may not have run at all.
        status: if times.1 == Span::ZERO { 1 } else { ids.5 },
        processors,
        memory_bytes: kilobytes * 1024 * i64::from(processors),
        ..Row::default()
    })
}

/// A row with everything that the table holds.
fn pod_row() -> impl Strategy<Value = Row> {
    let text = "[a-zA-Z0-9 ,\"#äöü;:.-]{0,12}";
    let label = "[a-z0-9 ,\"#.-]{1,8}";
    let policy = prop_oneof![
        Just(None),
        Just(Some(RestartPolicy::Always)),
        Just(Some(RestartPolicy::OnFailure)),
        Just(Some(RestartPolicy::Never)),
    ];
    let sizes = (1..100u32, 0..1_000_000i64, 0..1i64 << 40, prop::option::of(0..1_000i64));
    let texts =
        (text, prop::option::of(label), prop::option::of(prop::collection::vec("[a-z0-9 ,-]{1,6}", 1..3)));
    (
        batch_row(),
        sizes,
        texts,
        policy,
        (
            any::<i32>(),
            0..256i32,
            prop::option::of(Just(())),
            prop::collection::vec(-5..50i64, 0..3),
            prop::option::of(span()),
        ),
    )
        .prop_map(|(row, sizes, texts, restart_policy, (priority, exit_code, run, after, deadline))| {
            Row {
                after,
                deadline,
                run_time: run.and(row.run_time),
                tasks: sizes.0,
                cpu_milli: sizes.1,
                memory_bytes: sizes.2,
                extended: sizes.3.map(|amount| ("example.com/gpu".to_owned(), amount)).into_iter().collect(),
                name: texts.0,
                labels: texts.1.map(|value| ("app".to_owned(), value)).into_iter().collect(),
                node_labels_in: texts.2.map(|values| ("zone".to_owned(), values)),
                restart_policy,
                priority,
                exit_code,
                ..row
            }
        })
}

fn numbered(rows: Vec<Row>, by: i64) -> Vec<Row> {
    rows.into_iter().zip(1..).map(|(row, number)| Row { number: number * by, ..row }).collect()
}

proptest! {
    #[test]
    fn a_table_comes_back(rows in prop::collection::vec(pod_row(), 0..12), by in 1i64..4) {
        let rows = numbered(rows, by);
        let (text, census) = written(&rows, Target::Table, &Preamble { note: "made\nup".into(), capacity: None });
        prop_assert_eq!(census.lost().len(), 0);
        prop_assert_eq!(read_table(&text), rows);
    }

    #[test]
    fn swf_and_table_give_the_same_rows(rows in prop::collection::vec(batch_row(), 0..12), by in 1i64..4) {
        let rows = numbered(rows, by);
        let (swf, lost_by_swf) = written(&rows, Target::Swf, &Preamble::default());
        let from_swf = read_swf(&swf);
        let (table, lost_by_table) = written(&from_swf, Target::Table, &Preamble::default());
        prop_assert_eq!((lost_by_swf.lost().len(), lost_by_table.lost().len()), (0, 0));
        prop_assert_eq!(&read_table(&table), &rows);
        prop_assert_eq!(written(&read_table(&table), Target::Swf, &Preamble::default()).0, swf);
    }

    #[test]
    fn batsim_has_the_jobs(rows in prop::collection::vec(batch_row(), 0..12)) {
        let rows = numbered(rows, 1);
        let text = written(&rows, Target::Batsim, &Preamble { note: "a \"b\"".into(), capacity: Some(500) }).0;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let most = rows.iter().map(|row| row.processors).max().unwrap_or(0).max(500);
        prop_assert_eq!(&value["nb_res"], &serde_json::json!(most));
        let jobs = value["jobs"].as_array().unwrap();
        prop_assert_eq!(jobs.len(), rows.len());
        for (job, row) in jobs.iter().zip(&rows) {
            let close = |value: &serde_json::Value, span: Span| (value.as_f64().unwrap() - span.as_secs_f64()).abs() < 1e-6;
            prop_assert_eq!(&job["id"], &serde_json::json!(row.number.to_string()));
            prop_assert_eq!(&job["res"], &serde_json::json!(row.processors));
            prop_assert!(close(&job["subtime"], Span(row.submit.0)));
            prop_assert_eq!(job.get("walltime").is_some(), row.estimate.is_some());
            prop_assert!(row.estimate.is_none_or(|estimate| close(&job["walltime"], estimate)));
            let profile = &value["profiles"][job["profile"].as_str().unwrap()];
            prop_assert!(profile["type"] == "delay" && close(&profile["delay"], row.run_time.unwrap()));
        }
    }
}

fn lost(rows: &[Row], target: Target) -> Vec<(String, u64)> {
    census(rows, target).lost().iter().map(|(what, tally)| (what.clone(), tally.rows)).collect()
}

#[test]
fn what_a_format_cannot_hold_is_counted() {
    let job = Row { processors: 2, run_time: Some(Span(1)), ..Row::default() };
    let pod = Row {
        name: "a".into(),
        tasks: 2,
        cpu_milli: 1,
        memory_bytes: 1,
        exit_code: 3,
        labels: vec![("app".into(), "x".into())],
        estimate: Some(Span::ZERO),
        ..job.clone()
    };
    let other = Row { priority: 5, user: 3, line: 9, ..job.clone() };
    let rows = [pod, other];
    let swf = lost(&rows, Target::Swf);
    let names: Vec<&str> = swf.iter().map(|(what, _)| what.as_str()).collect();
    let expected = [
        reason::MEMORY_ROUNDED,
        "cpu",
        reason::ZERO_ESTIMATE,
        reason::EXIT_CODE,
        "label:app",
        "name",
        "priority",
        "tasks",
    ];
    assert!(expected.iter().all(|name| names.contains(name)) && names.len() == expected.len(), "{names:?}");
    assert!(swf.iter().all(|(_, rows)| *rows == 1));
    let batsim = lost(&rows, Target::Batsim);
    let names: Vec<&str> = batsim.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(names, ["cpu", "exit_code", "label:app", "memory", "priority", "tasks", "user"]);
    let warnings =
        census(&rows, Target::Batsim).warnings(&super::super::ReadReport::new(&"a.csv".into(), "x"));
    assert!(
        warnings[0].message.starts_with("Batsim's workload cannot hold: cpu (1 row), "),
        "{}",
        warnings[0]
    );
}

#[test]
fn a_table_has_one_number_of_processors_and_one_node_label() {
    let nodes = |key: &str, value: &str| Some((key.to_owned(), vec![value.to_owned()]));
    let rows = [
        Row { processors: 4, requested_processors: 4, allocated_processors: 8, ..Row::default() },
        Row { node_labels_in: nodes("zone", "a"), ..Row::default() },
        Row { node_labels_in: nodes("model", "b"), ..Row::default() },
        Row { node_labels_in: nodes("zone", "c|d"), ..Row::default() },
        Row { labels: vec![("app".into(), String::new())], ..Row::default() },
    ];
    let found = lost(&rows, Target::Table);
    let all = [reason::EMPTY_LABEL, reason::OTHER_NODES, reason::TWO_PROCESSORS, reason::SPLIT_NODES];
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(all.iter().all(|reason| found.contains(&((*reason).to_owned(), 1))), "{found:?}");
    let text = written(&rows, Target::Table, &Preamble::default()).0;
    assert_eq!(read_table(&text).len(), 5, "what is written can be read: {text}");

    let broken = Row { name: "a\nb".into(), line: 3, ..Row::default() };
    let report = super::super::ReadReport::new(&"a.csv".into(), "x");
    let finding = Census::new(Target::Table).add(&broken, &report).unwrap_err().to_string();
    assert!(finding.starts_with("a.csv:3: error: a value holds a line break"), "{finding}");
}

#[test]
fn rows_that_are_no_jobs_are_left_out_and_counted() {
    let job = Row { number: 1, processors: 2, run_time: Some(Span::from_secs(5)), ..Row::default() };
    let rows = [Row { processors: 0, ..job.clone() }, Row { run_time: None, line: 7, ..job.clone() }, job];
    for target in [Target::Swf, Target::Batsim] {
        let (_, census) = written(&rows, target, &Preamble::default());
        assert_eq!(census.rows(), 1);
        let reasons: Vec<(&str, u64)> =
            census.left_out().iter().map(|(reason, tally)| (*reason, tally.first_line)).collect();
        assert_eq!(reasons, [(reason::NO_PROCESSORS, 0), (reason::NO_RUN_TIME, 7)]);
    }
    let text = written(&rows, Target::Swf, &Preamble::default()).0;
    assert!(text.contains("; MaxJobs: 1\n") && read_swf(&text).len() == 1, "{text}");
    let text = written(&rows, Target::Batsim, &Preamble::default()).0;
    assert!(text.contains("\"nb_res\": 2") && text.matches("\"id\"").count() == 1, "{text}");
}

#[test]
fn jobs_of_one_name_are_told_apart() {
    let job = |number, name: &str| Row {
        number,
        name: name.into(),
        processors: 1,
        run_time: Some(Span(1)),
        ..Row::default()
    };
    let rows = [job(1, "a"), job(2, "a"), job(3, "a#2"), job(4, "a"), job(5, "b")];
    let text = written(&rows, Target::Batsim, &Preamble::default()).0;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ids: Vec<&str> =
        value["jobs"].as_array().unwrap().iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(ids, ["a", "a#2", "a#2#2", "a#3", "b"]);
}

#[test]
fn a_failed_exit_is_a_status_and_the_header_is_renewed() {
    let row = Row { processors: 1, run_time: Some(Span(1)), exit_code: 137, ..Row::default() };
    assert_eq!(read_swf(&written(&[row], Target::Swf, &Preamble::default()).0)[0].status, 0);
    let entries = vec![("Computer".into(), "a\nb".into()), ("MaxJobs".into(), "9".into())];
    let header = Header { entries, ..Header::default() };
    let mut out = Vec::new();
    let preamble = Preamble { note: "cut".into(), capacity: Some(64) };
    write(&mut out, &mut Rows::new("rows", vec![]), &Census::new(Target::Swf), &header, &preamble).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "; Computer: a b\n; MaxJobs: 0\n; Note: cut\n; MaxRecords: 0\n; MaxProcs: 64\n");
}

#[test]
fn formats_are_known_by_their_endings() {
    for (name, target) in [
        ("a.swf", Some(Target::Swf)),
        ("a.SWF.gz", Some(Target::Swf)),
        ("b/c.csv", Some(Target::Table)),
        ("a.json.gz", Some(Target::Batsim)),
        ("a.gz", None),
        ("swf", None),
        ("a.txt", None),
    ] {
        assert_eq!(Target::of_file(Path::new(name)), target, "{name}");
    }
}
