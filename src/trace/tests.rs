//! The readers against quirks, noise and, where they are at hand, the public logs.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes texts so when it updates them")]

use super::openb::{GPU_COUNT, GPU_MILLI, GPU_MODEL, PodReader, Sharing, read_nodes};
use super::table::{expand, read_machines, used_columns};
use super::*;
use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// All rows and findings of a reader; it must end.
fn drain(reader: &mut dyn Reader) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    let mut row = Row::default();
    loop {
        match reader.read(&mut row) {
            Ok(true) => rows.push(row.clone()),
            Ok(false) => break,
            Err(finding) => findings.push(finding.to_string()),
        }
    }
    let report = reader.report();
    assert_eq!(report.rows, report.used + report.dropped_rows());
    (rows, findings)
}

/// Reads a text as SWF and prints what came of it: rows, findings, counts.
fn swf_text(text: &str, options: SwfOptions) -> String {
    let mut reader = SwfReader::new(Input::from_bytes("x.swf", text).unwrap(), options);
    let (rows, findings) = drain(&mut reader);
    let mut out = String::new();
    for row in rows {
        let span = |span: Option<Span>| span.map_or("-".to_owned(), |span| span.to_string());
        let _ = writeln!(
            out,
            "{}: #{} at {} run {} est {} procs {} status {}",
            row.line,
            row.number,
            Span(row.submit.0),
            span(row.run_time),
            span(row.estimate),
            row.processors,
            row.status
        );
    }
    let warnings: Vec<String> = reader.report().warnings().iter().map(ToString::to_string).collect();
    out + &[findings, warnings].concat().join("\n")
}

fn check_swf(text: &str, expected: &Expect) {
    expected.assert_eq(&swf_text(text, SwfOptions::default()));
}

#[test]
fn swf_lines_in_all_their_spellings() {
    check_swf(
        "; Version: 2.2\r\n  1  0 5  10  4 9.5 -1  4 20 -1 1 1 1 -1 1 1 -1 -1\r\n\n\
         2\t3.5\t-1\t1e1\t2\t-1\t-1\t-1\t-1\t-1\t1\t1\t1\t-1\t1\t1\t-1\t-1\n\
         ; MaxProcs: 8 (late)\n3 2 -0.0 10 -1 -1 -1 9 20 -1 0 1 1 -1 1 1 -1 -1\n\
         4 9 -1 10.00 -1 -1 -1 8 0 -1 7 1 1 -1 1 1 -1 -1",
        &expect![[r#"
            2: #1 at 0s run 10s est 20s procs 4 status 1
            4: #2 at 3.5s run 10s est - procs 2 status 1
            7: #4 at 9s run 10s est - procs 8 status -1
            x.swf:6: warning: 1 row dropped: more processors than the machine has
            x.swf:7: warning: 1 row repaired: status not defined, taken as unknown"#]],
    );
}

#[test]
fn swf_rows_that_did_not_run() {
    check_swf(
        "1 0 -1 -1 -1 -1 -1 4 20 -1 5 1 1 -1 1 1 -1 -1\n\
         2 0 -1 -1 -1 -1 -1 4 20 -1 1 1 1 -1 1 1 -1 -1\n\
         3 0 -1 0 -1 -1 -1 4 20 -1 5 1 1 -1 1 1 -1 -1\n\
         4 0 -1 0 4 -1 -1 4 20 -1 1 1 1 -1 1 1 -1 -1\n\
         5 0 -1 7 -1 -1 -1 -1 20 -1 1 1 1 -1 1 1 -1 -1\n\
         6 -5 -1 7 1 -1 -1 -1 20 -1 1 1 1 -1 1 1 -1 -1\n",
        &expect![[r#"
            6: #6 at 0s run 7s est 20s procs 1 status 1
            x.swf:1: warning: 2 rows dropped: never started
            x.swf:5: warning: 1 row dropped: no number of processors
            x.swf:4: warning: 1 row dropped: run time 0
            x.swf:2: warning: 1 row dropped: run time unknown
            x.swf:6: warning: 1 row repaired: submit before the log's start, taken as 0"#]],
    );
}

#[test]
fn swf_partial_executions_by_choice() {
    let text = "1 10 5 90 4 -1 -1 4 100 -1 1 1 1 -1 1 1 -1 -1\n\
                1 10 5 30 4 -1 -1 4 100 -1 2 1 1 -1 1 1 -1 -1\n\
                1 -1 20 60 4 -1 -1 4 100 -1 3 1 1 -1 1 1 -1 -1\n\
                2 50 0 10 1 -1 -1 1 100 -1 1 1 1 -1 1 1 -1 -1\n";
    check_swf(
        text,
        &expect![[r#"
        1: #1 at 10s run 1m30s est 1m40s procs 4 status 1
        4: #2 at 50s run 10s est 1m40s procs 1 status 1
        x.swf:2: warning: 2 rows dropped: partial execution (the summary line counts)"#]],
    );
    let parts = SwfOptions { partials: Partials::Parts, ..SwfOptions::default() };
    expect![[r#"
        2: #1 at 10s run 30s est 1m40s procs 4 status 2
        3: #1 at 45s run 1m est 1m40s procs 4 status 3
        4: #2 at 50s run 10s est 1m40s procs 1 status 1
        x.swf:1: warning: 1 row dropped: summary line (the partial executions count)
        x.swf:3: warning: 1 row repaired: partial execution without a submit time, taken as the end of the last"#]].assert_eq(&swf_text(text, parts));
}

#[test]
fn swf_choices_of_processors() {
    let line = "1 0 -1 10 4 -1 -1 6 20 -1 1 1 1 -1 1 1 -1 -1";
    for (processors, expected) in
        [(Processors::Allocated, 4), (Processors::Requested, 6), (Processors::Max, 6)]
    {
        let options = SwfOptions { processors, ..SwfOptions::default() };
        let mut reader = SwfReader::new(Input::from_bytes("x", line).unwrap(), options);
        let (rows, _) = drain(&mut reader);
        assert_eq!(rows[0].processors, expected);
        assert_eq!((rows[0].allocated_processors, rows[0].requested_processors), (4, 6));
    }
    for (choice, known, other) in [(Processors::Allocated, -1, 3), (Processors::Requested, 3, -1)] {
        assert_eq!(choice.of(known, other), 3);
    }
    let text = "; MaxProcs: 100\n1 0 -1 0 4 -1 -1 4 20 -1 1 1 1 -1 1 1 -1 -1\n2 0 -1 5 9 -1 -1 9 20 -1 1 1 1 -1 1 1 -1 -1";
    let options = SwfOptions { keep_zero_run: true, max_processors: Some(8), ..SwfOptions::default() };
    expect![[r#"
        2: #1 at 0s run 0s est 20s procs 4 status 1
        x.swf:3: warning: 1 row dropped: more processors than the machine has"#]]
    .assert_eq(&swf_text(text, options));
}

#[test]
fn what_is_no_swf_is_said() {
    let good = "1 0 5 10 4 -1 -1 4 20 -1 1 1 1 -1 1 1 -1 -1\n";
    for (text, expected) in [
        ("1 2 3 4 5\n".to_owned(), "x.swf:1:1: error: expected 18 fields, found 5"),
        (format!("{good}  {} 19\n", good.trim()), "x.swf:2:47: error: expected 18 fields, found 19"),
        (good.replace("10", "NaN"), "x.swf:1:7: error: run time: not a number (field 4): `NaN`"),
        (good.replace("10", "1e30"), "x.swf:1:7: error: run time: the number is too large (field 4)"),
        (good.replace("10", "99999999999"), "x.swf:1:7: error: run time: the number is too large (field 4)"),
        (good.replace(" 4 20", " 4.5 20"), "requested processors: not a whole number (field 8): `4.5`"),
        (good.replace(" 4 20", " 4000000000 20"), "requested processors: the number is too large (field 8)"),
        (
            good.replace("-1 -1 4", "é -1 4"),
            "x.swf:1:12: error: average CPU time: not a number (field 6): `é`",
        ),
        ("1001;0;-1;15;12;-1;".into(), "expected 18 fields, found 6"),
        (
            "1001;0;x;15;12;-1;-1;-1;420;-1;-1;u;a;-1;n;n;;-1;".into(),
            "x.swf:1:8: error: wait time: not a number",
        ),
        ("submit_s,run_time_s\n".into(), "a row of column names"),
        ("id submit wait\n".into(), "column names"),
        ("{\"jobs\": []}".into(), "JSON"),
        ("1,2,3,4".into(), "commas"),
        ("\0\0\0".into(), "expected 18 fields, found 1"),
    ] {
        let found = swf_text(&text, SwfOptions::default());
        assert!(found.contains(expected), "{text:?}: {found}");
    }
    // Reading goes on behind a line that is wrong.
    let both = format!("1 2 3\n{good}");
    assert!(swf_text(&both, SwfOptions::default()).contains("2: #1 at 0s"));
}

#[test]
fn dialects_of_alea() {
    let extended = "0 1356996147 0 5 2 1 1024 2 86400 68719476736 1 62 1 1 -1 1 1 1 {1,1} q_2d 1:ppn=2\n";
    check_swf(
        extended,
        &expect![[r#"
            1: #0 at 15705d23h22m27s run 5s est 1d procs 2 status 1
            x.swf:1: warning: 1 row repaired: memory field of the dialect not used"#]],
    );
    let names = "id\tsubmit\twait\trun\tcpus\tcpu\tmem\treq\twall\tmem\tstatus\tuser\tgroup\tapp\tqueue\tpart\tprec\tthink\tDAG_name\tTask_ID\r\n";
    let job = |preceding: &str| {
        format!(
            "1\t20\t0\t1200\t1\t-1\t3145728\t1\t1200\t3145728\t1\t1\t1\t1\t1\t1\t{preceding}\t0\tDAG-1\t1\r\n"
        )
    };
    check_swf(
        &format!("{names}{}{}", job("7"), job("1&2")),
        &expect![[r#"
            2: #1 at 20s run 20m est 20m procs 1 status 1
            3: #1 at 20s run 20m est 20m procs 1 status 1
        "#]],
    );
}

/// A line whose fields are extreme but legal, or not.
#[test]
fn extreme_numbers_do_not_panic() {
    for number in [
        "9223372036854775807",
        "-9223372036854775808",
        "999999999999999999",
        "-0",
        "18446744073",
        "4294967296",
    ] {
        for field in 0..18 {
            let mut fields = ["1"; 18];
            fields[field] = number;
            let text = fields.join(" ");
            let found = swf_text(&text, SwfOptions { partials: Partials::Parts, ..SwfOptions::default() });
            assert!(!found.is_empty(), "{text}");
        }
        let mut columns =
            "submit_s,run_time_s,estimate_s,tasks,cpu,memory,processors,priority,user,resource:x".to_owned();
        let cells = vec![number; columns.split(',').count()].join(",");
        let _ = write!(columns, "\n{cells}\n");
        let mut reader = TableReader::new(Input::from_bytes("x.csv", columns).unwrap()).unwrap();
        drain(&mut reader);
    }
}

fn table_text(text: &str) -> String {
    let mut reader = match TableReader::new(Input::from_bytes("x.csv", text).unwrap()) {
        Ok(reader) => reader,
        Err(finding) => return finding.to_string(),
    };
    let (rows, findings) = drain(&mut reader);
    let plain = Row::default();
    let mut out = String::new();
    for row in rows {
        let mut columns = BTreeSet::new();
        used_columns(&row, &mut columns);
        let mut bytes = Vec::new();
        let mut writer = TableWriter::new(&mut bytes, columns).unwrap();
        writer.write(&row).unwrap();
        writer.finish().unwrap();
        let _ = writeln!(out, "{}: {}", row.line, String::from_utf8(bytes).unwrap().replace('\n', " ; "));
        assert!(row.tasks >= plain.tasks);
    }
    out + &findings.join("\n")
}

#[test]
fn tables_read_and_write() {
    let text = "# a comment\nsubmit_s,name,cpu,memory,tasks,restart_policy,label:app,resource:example.com/gpu,nodes:zone,priority\n\
                1.5,a,250m,1Gi,3,Never,web,2,a|b,-7\n\n\
                2,,1.5,1.5Ki,,,,,,\n\
                0,\"b, \"\"c\"\"\",2,1000,1,OnFailure,,,c,\n";
    expect![[r#"
        3: name,submit_s,tasks,cpu,memory,priority,restart_policy,nodes:zone,resource:example.com/gpu,label:app ; a,1.5,3,250m,1Gi,-7,Never,a|b,2,web ; 
        5: number,submit_s,cpu,memory ; 2,2,1500m,1536 ; 
        6: name,submit_s,cpu,memory,restart_policy,nodes:zone ; "b, ""c""",0,2,1000,OnFailure,c ; 
    "#]].assert_eq(&table_text(text));
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    for (text, expected) in [
        ("", "x.csv: error: the table is empty"),
        (
            "submit_s,runtime_s\n",
            "x.csv:1:10: error: unknown column: `runtime_s` (did you mean `run_time_s`?)",
        ),
        ("submit_s,submit_s\n", "x.csv:1:10: error: the column is named twice: `submit_s`"),
        ("after\n1|x\n", "x.csv:2:1: error: after: not a number: `1|x`"),
        ("after\n|\n", "after: not a number: `|`"),
        ("nodes:a,nodes:b\n", "a second `nodes:` column"),
        ("label:\n", "unknown column"),
        ("submit_s,cpu\n1\n", "x.csv:2: error: expected 2 fields, found 1: `1`"),
        ("submit_s,cpu\n1,2x\n", "x.csv:2:3: error: cpu: not a quantity"),
        ("submit_s,cpu\n1,1e30\n", "the quantity is too large"),
        ("submit_s\n-1\n", "x.csv:2:1: error: submit_s: the number is negative: `-1`"),
        ("submit_s\nNaN\n", "not a number"),
        ("tasks\n0\n", "tasks: the number must be between 1 and 4294967295: `0`"),
        ("exit_code\n256\n", "between 0 and 255"),
        ("restart_policy\nalways\n", "write `Always`, `OnFailure` or `Never`"),
        ("name,submit_s\n\"a\nb\",1\n", "a quoted value does not end on its line"),
    ] {
        let found = table_text(text);
        assert!(found.contains(expected), "{text:?}: {found}");
    }
    assert!(table_text(&"a,".repeat(2_000)).contains("more than 1000 columns"));
    let bytes = b"name\n\xff\xfe\n".to_vec();
    let mut reader = TableReader::new(Input::from_bytes("x.csv", bytes).unwrap()).unwrap();
    assert!(drain(&mut reader).1[0].contains("not UTF-8"));
}

#[test]
fn every_column_is_documented() {
    const DOCUMENT: &str = include_str!("../../docs/trace-format.md");
    let (workloads, machines) = DOCUMENT.split_once("## Machines").unwrap();
    for name in Column::known() {
        let name = name.replace("nodes:", "nodes:<label>").replace("resource:", "resource:<name>");
        let name = name.replace("label:", "label:<key>");
        assert!(workloads.contains(&format!("\n| `{name}` |")), "{name}");
    }
    for name in table::MachineColumn::known() {
        assert!(machines.contains(&format!("\n| `{name}")), "{name}");
    }
    let examples: Vec<&str> =
        DOCUMENT.split("```csv\n").skip(1).filter_map(|part| part.split("```").next()).collect();
    let mut reader = TableReader::new(Input::from_bytes("doc", examples[0]).unwrap()).unwrap();
    assert_eq!(drain(&mut reader).1, [""; 0]);
    let machines = read_machines(Input::from_bytes("doc", examples[1]).unwrap()).unwrap().0;
    assert_eq!(expand(&machines).len(), 14);
}

#[test]
fn machines_read_write_and_expand() {
    let text = "name,count,cpu,memory,zone,price_per_hour,resource:example.com/gpu,label:tier\na,2,4,16Gi,z1,0.25,1,gold\nb,,500m,1Gi,,,,\n";
    let (machines, report) = read_machines(Input::from_bytes("m.csv", text).unwrap()).unwrap();
    assert_eq!((report.used, machines.len()), (2, 2));
    let mut written = Vec::new();
    table::write_machines(&mut written, &machines).unwrap();
    let again = read_machines(Input::from_bytes("m.csv", written).unwrap()).unwrap().0;
    assert_eq!(machines, again);
    let names: Vec<String> = expand(&machines).into_iter().map(|machine| machine.name).collect();
    assert_eq!(names, ["a-0", "a-1", "b"]);
    for (text, part) in [
        ("name,cpu\n", "lacks the column `memory`"),
        ("name,cpu,memory,colour\n", "unknown column"),
        ("name,cpu,memory\na,1,1\na,1,1\n", "m.csv:3:1: error: name: another machine has this name: `a`"),
        ("name,cpu,memory\n,1,1\n", "needs a name"),
        ("name,cpu,memory,count\na,1,1,0\n", "between 1 and"),
        ("name,cpu,memory,price_per_hour\na,1,1,inf\n", "not a price"),
    ] {
        let finding = read_machines(Input::from_bytes("m.csv", text).unwrap()).unwrap_err().to_string();
        assert!(finding.contains(part), "{finding}");
    }
}

const OPENB: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

#[test]
fn openb_pods() {
    let text = format!(
        "{OPENB}a,12000,16384,1,460,A|B,LS,Running,10,50,20\nb,1000,1,8,1000,,BE,Pending,5,9,\nc,1,1,0,0,,BE,Failed,5,4,\nd,1,1,0,0,,BE,Failed,5,,\n"
    );
    let mut reader = PodReader::new(Input::from_bytes("p.csv", text).unwrap(), Sharing::Milli).unwrap();
    let (rows, findings) = drain(&mut reader);
    assert_eq!(findings, [""; 0]);
    let [a, b, d] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(a.extended, [(GPU_MILLI.to_owned(), 460)]);
    assert_eq!(a.node_labels_in, Some((GPU_MODEL.to_owned(), vec!["A".to_owned(), "B".to_owned()])));
    assert_eq!((a.run_time, a.recorded_wait), (Some(Span::from_secs(30)), Some(Span::from_secs(10))));
    assert_eq!(b.extended, [(GPU_COUNT.to_owned(), 8), (GPU_MILLI.to_owned(), 8000)]);
    assert_eq!((b.run_time, b.memory_bytes), (Some(Span::from_secs(4)), 1 << 20));
    assert_eq!((d.run_time, d.status, d.number), (None, 0, 4));
    let warnings: Vec<String> = reader.report().warnings().iter().map(ToString::to_string).collect();
    expect![[r#"
        p.csv:4: warning: 1 row dropped: deleted before it was scheduled
        p.csv:3: warning: 1 row repaired: never scheduled, run time counted from creation
        p.csv:5: warning: 1 row repaired: no deletion time, runs for ever
        p.csv:3: warning: 1 row repaired: submit out of order"#]]
    .assert_eq(&warnings.join("\n"));
    for (row, part) in [
        ("a,1,1,1,2000,,,,0,1,0\n", "more than 1000 thousandths"),
        ("a,-1,1,1,1000,,,,0,1,0\n", "cpu_milli: the number is negative"),
        ("a,1,99999999999999999,1,1000,,,,0,1,0\n", "memory_mib: the number is too large"),
        ("a,1,1,99999999999,1000,,,,0,1,0\n", "num_gpu: the number must be at most"),
        ("a,1\n", "expected 11 fields, found 2"),
    ] {
        let input = Input::from_bytes("p.csv", format!("{OPENB}{row}")).unwrap();
        let findings = drain(&mut PodReader::new(input, Sharing::Milli).unwrap()).1;
        assert!(findings[0].contains(part), "{findings:?}");
    }
}

#[test]
fn the_samples_are_what_the_generators_make() {
    for name in samples::NAMES {
        let made = String::from_utf8(samples::sample(name).unwrap()).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(name);
        expect_file![path].assert_eq(&made);
    }
    assert_eq!(samples::sample("unknown"), None);
}

#[test]
fn the_samples_read() {
    for (name, used, dropped) in
        [("batch-day.swf", 290, 10), ("pods-hour.csv", 209, 0), ("gpu-pods.csv", 221, 0)]
    {
        let mut input = Input::from_bytes(name, samples::sample(name).unwrap()).unwrap();
        let format = Format::detect(&mut input).unwrap();
        let mut reader = format.reader(input, SwfOptions::default()).unwrap();
        let (rows, findings) = drain(&mut reader);
        assert_eq!(findings, [""; 0], "{name}");
        assert_eq!((rows.len(), reader.report().dropped_rows()), (used, dropped), "{name}");
    }
    let machines = |name| Input::from_bytes(name, samples::sample(name).unwrap()).unwrap();
    assert_eq!(expand(&read_machines(machines("machines.csv")).unwrap().0).len(), 45);
    assert_eq!(read_nodes(machines("gpu-nodes.csv")).unwrap().0.len(), 24);
}

/// A row with values in every field that the table has a column for.
fn any_row() -> impl Strategy<Value = Row> {
    let numbers = (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>(), 1..u32::MAX, 0..i32::MAX as u32);
    let sizes = (0..i64::MAX / 2_000, 0..i64::MAX, 0..i64::MAX);
    let text = "[ -~]{0,12}";
    let after = proptest::collection::vec(-999_999_999_999_999_999..=999_999_999_999_999_999i64, 0..3);
    (numbers, sizes, any::<[i32; 3]>(), -1..=5i8, 0..=255i32, (text, text), after).prop_map(
        |(
            (submit, run, estimate, tasks, processors),
            (cpu, memory, gpu),
            [priority, user, group],
            status,
            exit_code,
            (name, label),
            after,
        )| Row {
            number: 1,
            submit: Time(submit),
            run_time: run.map(Span),
            estimate: estimate.map(Span),
            tasks,
            processors,
            cpu_milli: cpu,
            memory_bytes: memory,
            extended: vec![("example.com/gpu".into(), gpu)],
            priority,
            user,
            group,
            status,
            exit_code,
            name,
            after,
            labels: if label.is_empty() { vec![] } else { vec![("app".into(), label)] },
            restart_policy: Some(crate::api::RestartPolicy::OnFailure),
            ..Row::default()
        },
    )
}

proptest! {
    #[test]
    fn safety_no_bytes_panic_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn safety_no_near_misses_panic_a_reader(text in "([-0-9.e+; \t,\"\r\n#a-z:|]{0,12}){0,60}") {
        read_as_everything(text.as_bytes());
        for names in ["submit_s,run_time_s,name,cpu,memory,tasks,label:a,resource:b,nodes:c,status\n", OPENB] {
            read_as_everything(format!("{names}{text}").as_bytes());
        }
    }

    #[test]
    fn safety_a_written_row_reads_back(row in any_row()) {
        let mut columns = BTreeSet::new();
        used_columns(&row, &mut columns);
        let mut bytes = Vec::new();
        let mut writer = TableWriter::new(&mut bytes, columns).unwrap();
        writer.write(&row).unwrap();
        writer.finish().unwrap();
        let mut reader = TableReader::new(Input::from_bytes("x.csv", bytes).unwrap()).unwrap();
        let (rows, findings) = drain(&mut reader);
        prop_assert_eq!(findings, [""; 0]);
        prop_assert_eq!(rows, [Row { line: 2, ..row }]);
    }
}

/// Lets every reader loose on the same bytes.
fn read_as_everything(bytes: &[u8]) {
    let input = || Input::from_bytes("x", bytes);
    for (_, format) in Format::NAMES {
        for partials in [Partials::Summary, Partials::Parts] {
            let options = SwfOptions { partials, ..SwfOptions::default() };
            if let Ok(mut reader) = input().and_then(|input| format.reader(input, options)) {
                drain(&mut reader);
            }
        }
    }
    let _ = input().and_then(read_machines);
    let _ = input().and_then(read_nodes);
    let _ = input().and_then(|mut input| Format::detect(&mut input));
}

/// The folder of public traces, or `None` where it is not at hand; then the test says so.
#[expect(clippy::disallowed_methods, reason = "public traces are found by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn public_traces(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SEATRIAL_DATA").map(|folder| PathBuf::from(folder).join("traces"));
    if folder.is_none() {
        eprintln!("skipped: {test} (SEATRIAL_DATA is not set)");
    }
    folder
}

#[test]
fn public_swf_logs_are_read_whole() {
    let Some(folder) = public_traces("public_swf_logs_are_read_whole") else { return };
    // The jobs of each log, counted with an independent script.
    for (name, rows) in [
        ("swf-pwa/CEA-Curie-2011-2.1-cln-b1.swf.gz", 36_465),
        ("swf-pwa/CEA-Curie-2011-2.1-cln-b2.swf.gz", 15_239),
        ("swf-pwa/CEA-Curie-2011-2.1-cln.swf.gz", 312_826),
        ("swf-pwa/CTC-SP2-1996-3.1-cln.swf.gz", 77_222),
        ("swf-pwa/HPC2N-2002-2.2-cln.swf.gz", 202_871),
        ("swf-pwa/KTH-SP2-1996-2.1-cln.swf.gz", 27_992),
        ("swf-pwa/LCG.swf.gz", 188_041),
        ("swf-pwa/LLNL-Thunder-2007-1.1-cln.swf.gz", 121_039),
        ("swf-pwa/METACENTRUM-2009-2.swf.gz", 103_656),
        ("swf-pwa/NASA-iPSC-1993-3.1-cln.swf.gz", 18_239),
        ("swf-pwa/RICC-2010-2.swf.gz", 447_794),
        ("swf-pwa/SDSC-BLUE-2000-4.2-cln.swf.gz", 243_306),
        ("swf-other/DOST-ASTI_COARE-Saliksik-2020-cln.swf.gz", 19_760),
        ("swf-other/alea-hpc2n.swf.gz", 3_170),
        ("swf-other/lublin-aaroh.swf.gz", 10_000),
        ("swf-other/lublin_256.swf.gz", 10_000),
        ("swf-other/wagap-2013.swf.gz", 17_900),
        ("swf-other/accasim-test-workload.swf", 25),
        ("swf-other/cqsim-test.swf", 9),
        ("swf-other/jaros1.swf", 12),
        ("batsim/evalys-tests/easy_mediumWL_smallPF.swf", 800),
        ("opendc/trace-api-tests/swf/trace.swf", 5),
    ] {
        let input = Input::open(&folder.join(name), None).unwrap();
        let mut reader = SwfReader::new(input, SwfOptions { keep_zero_run: true, ..SwfOptions::default() });
        let mut row = Row::default();
        while reader.read(&mut row).unwrap_or_else(|finding| panic!("{finding}")) {}
        let report = reader.report();
        assert_eq!(report.rows, rows, "{name}");
        assert_eq!(report.rows, report.used + report.dropped_rows(), "{name}");
    }
}

#[test]
fn public_swf_logs_drop_what_they_should() {
    let Some(folder) = public_traces("public_swf_logs_drop_what_they_should") else { return };
    let options = SwfOptions { processors: Processors::Allocated, ..SwfOptions::default() };
    let mut found = String::new();
    for name in [
        "CEA-Curie-2011-2.1",
        "CTC-SP2-1996-3.1",
        "LLNL-Thunder-2007-1.1",
        "SDSC-BLUE-2000-4.2",
        "KTH-SP2-1996-2.1",
    ] {
        let path = folder.join(format!("swf-pwa/{name}-cln.swf.gz"));
        let mut reader = SwfReader::new(Input::open(&path, None).unwrap(), options);
        let statistics = Statistics::collect(&mut reader).unwrap();
        let report = reader.report();
        let processors = report.header.max_procs.unwrap();
        let _ = writeln!(
            found,
            "{name}: {processors} processors, {} of {} rows, span {:.1} d, utilization {:.3}, mean run {:.0} s, mean wait {:.0} s",
            report.used,
            report.rows,
            statistics.recorded_span.as_secs_f64() / 86_400.0,
            statistics.recorded_utilization(processors).unwrap(),
            statistics.run_time.unwrap().mean,
            statistics.recorded_wait.map_or(-1.0, |wait| wait.mean),
        );
        for (reason, tally) in report.dropped.iter().chain(&report.repaired) {
            let _ = writeln!(found, "  {reason}: {} (line {})", tally.rows, tally.first_line);
        }
    }
    expect![[r#"
        CEA-Curie-2011-2.1: 93312 processors, 295540 of 312826 rows, span 257.1 d, utilization 0.619, mean run 6518 s, mean wait 7042 s
          never started: 15284 (line 77)
          run time 0: 2002 (line 443)
        CTC-SP2-1996-3.1: 338 processors, 77205 of 77222 rows, span 339.3 d, utilization 0.841, mean run 11280 s, mean wait 25543 s
          run time 0: 17 (line 8867)
        LLNL-Thunder-2007-1.1: 4008 processors, 113613 of 121039 rows, span 150.2 d, utilization 0.865, mean run 2329 s, mean wait -1 s
          never started: 1095 (line 3483)
          run time 0: 5141 (line 303)
          run time unknown: 1190 (line 325)
        SDSC-BLUE-2000-4.2: 1152 processors, 232536 of 243306 rows, span 975.6 d, utilization 0.769, mean run 4240 s, mean wait 31170 s
          never started: 10764 (line 161)
          run time 0: 4 (line 19150)
          run time unknown: 2 (line 105136)
        KTH-SP2-1996-2.1: 100 processors, 27992 of 27992 rows, span 332.9 d, utilization 0.686, mean run 8573 s, mean wait 15348 s
    "#]].assert_eq(&found);
}

#[test]
fn public_openb_lists_are_read_whole() {
    let Some(folder) = public_traces("public_openb_lists_are_read_whole") else { return };
    let folder = folder.join("alibaba-gpu-v2023-openb");
    let nodes = |name: &str| read_nodes(Input::open(&folder.join(name), None).unwrap()).unwrap().0;
    let gpu_nodes = nodes("openb_node_list_gpu_node.csv");
    let gpus: i64 = gpu_nodes.iter().map(|node| node.extended[0].1).sum();
    assert_eq!((gpu_nodes.len(), gpus), (1_213, 6_212));
    assert_eq!(nodes("openb_node_list_all_node.csv").len(), 1_523);
    let list = |name: &str| {
        let input = Input::open(&folder.join(format!("openb_pod_list_{name}.csv.gz")), None).unwrap();
        let mut reader = PodReader::new(input, Sharing::Milli).unwrap();
        assert_eq!(drain(&mut reader).1, [""; 0]);
        reader.report().clone()
    };
    let default = list("default");
    assert_eq!((default.rows, default.used), (8_152, 8_152));
    assert_eq!(default.repaired[super::openb::reason::NEVER_SCHEDULED].rows, 897);
    assert_eq!(list("gpushare40").repaired[report::OUT_OF_ORDER].rows, 3_518);
    assert_eq!(list("multigpu20").repaired[super::openb::reason::NO_CREATION_TIME].rows, 8_324);
}
