//! The readers of foreign formats: the samples that were made for them, and what is wrong with inputs.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes texts so when it updates them")]

use super::table::used_columns;
use super::*;
use expect_test::{Expect, expect};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The rows as a table, findings, and what was dropped and repaired.
fn shown(name: &str, bytes: &[u8], format: Option<Format>) -> String {
    let mut input = Input::from_bytes(name, bytes).unwrap();
    let format = format.map_or_else(|| Format::detect(&mut input), Ok);
    let mut reader = match format.and_then(|format| format.reader(input, SwfOptions::default())) {
        Ok(reader) => reader,
        Err(finding) => return finding.to_string(),
    };
    let (mut rows, mut out) = (Vec::new(), String::new());
    let mut findings = Vec::new();
    let mut row = Row::default();
    loop {
        match reader.read(&mut row) {
            Ok(true) => rows.push(row.clone()),
            Ok(false) => break,
            Err(finding) => findings.push(finding.to_string()),
        }
        assert!(findings.len() < 20, "it does not end: {findings:?}");
    }
    let report = reader.report();
    if findings.is_empty() {
        assert_eq!(report.rows, report.used + report.dropped_rows(), "{name}");
        assert_eq!(report.used, rows.len() as u64, "{name}");
    }
    let mut columns = BTreeSet::new();
    for row in &rows {
        used_columns(row, &mut columns);
    }
    let mut bytes = Vec::new();
    let mut writer = TableWriter::new(&mut bytes, columns).unwrap();
    for row in &rows {
        writer.write(row).unwrap();
    }
    writer.finish().unwrap();
    if !rows.is_empty() {
        let _ = write!(out, "{}\n{}", report.format, String::from_utf8(bytes).unwrap());
    }
    let warnings = report.warnings().into_iter().map(|warning| warning.to_string());
    let header = report.header.entries.iter().map(|(key, value)| format!("{key}: {value}"));
    let lines: Vec<String> = findings.into_iter().chain(warnings).chain(header).collect();
    out + &lines.join("\n")
}

/// A sample of `traces/formats`.
fn sample(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/formats").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn check(name: &str, expected: &Expect) {
    expected.assert_eq(&shown(name, &sample(name), None));
}

#[test]
fn batsim() {
    check(
        "batsim.json",
        &expect![[r#"
        Batsim
        number,name,submit_s,run_time_s,estimate_s,processors,exit_code,status
        1,,0,10.25,20,4,0,
        2,,1.5,120.75,100,8,0,
        3,w0!three,2,10.25,,1,0,
        8,,7,30,60,2,1,0
        batsim.json:8: warning: 1 row dropped: more processors than the machine has
        batsim.json:9: warning: 1 row dropped: profile counts operations and bytes, run time unknown
        batsim.json:11: warning: 1 row dropped: profile not defined
        batsim.json:10: warning: 1 row dropped: profile replays a trace of its own, run time unknown
        description: eight jobs made by hand
        nb_res: 8"#]],
    );
}

#[test]
fn sacct() {
    check(
        "sacct.txt",
        &expect![[r#"
        Slurm accounting (sacct)
        number,name,submit_s,run_time_s,estimate_s,memory,processors,user,group,queue,partition,exit_code,recorded_wait_s,status,resource:nvidia.com/gpu
        101,,0,3600,7200,32Gi,16,1,1,1,1,0,10,1,
        102,102-1,30,1800,1800,8000Mi,4,2,1,1,1,0,30,0,
        103,102-2,30,600,1800,8000Mi,4,2,1,1,1,2,30,0,
        104,,300,86400,,64Gi,8,3,2,2,2,0,0,1,2
        107,,0,30,,8Gi,4,1,1,1,1,0,540,1,
        sacct.txt:7: warning: 1 row dropped: never started
        sacct.txt:8: warning: 1 row dropped: not ended when the accounting was printed
        sacct.txt:3: warning: 1 row dropped: step of a job (the job's line counts)
        sacct.txt:9: warning: 1 row repaired: submit out of order
        sacct.txt:9: warning: 1 row repaired: submitted before the first job of the file, taken as 0
        User: 1 ann
        Account: 1 physics
        Queue: 1 normal
        Partition: 1 batch
        User: 2 bob
        User: 3 eve
        Account: 2 biology
        Queue: 2 high
        Partition: 2 gpu"#]],
    );
}

#[test]
fn google_2011() {
    check(
        "google2011-task-events.csv",
        &expect![[r#"
        Google 2011, task events
        number,submit_s,run_time_s,cpu,memory,processors,priority,user,queue,exit_code,restart_policy,recorded_wait_s,status
        3,600,8.5,4,2748779070,4,0,2,0,0,Never,1.5,5
        5,610,28,4,2748779070,4,0,2,0,0,Never,2,1
        6,660,10,4,2748779070,4,1,3,1,1,Never,0,0
        1,0,,16,32Gi,16,9,1,2,0,Never,0,
        2,0,,0,0,1,9,1,2,0,Never,0,
        google2011-task-events.csv:7: warning: 1 row dropped: ended before it was scheduled
        google2011-task-events.csv:14: warning: 1 row dropped: ends without having been submitted in the trace
        google2011-task-events.csv:17: warning: 1 row dropped: not scheduled when the trace ends
        google2011-task-events.csv:3: warning: 1 row repaired: no request, none taken
        google2011-task-events.csv:15: warning: 1 row repaired: not submitted in the trace, taken as submitted when scheduled
        google2011-task-events.csv:5: warning: 2 rows repaired: restriction to different machines not kept
        google2011-task-events.csv:1: warning: 2 rows repaired: runs when the trace ends, runs for ever
        google2011-task-events.csv:1: warning: 1 row repaired: submit out of order
        User: 1 ann
        User: 2 bob
        User: 3 eve"#]],
    );
    check(
        "google2011-job-events.csv",
        &expect![[r#"
        Google 2011, job events
        number,submit_s,run_time_s,processors,user,queue,restart_policy,recorded_wait_s,status
        1,600,99,1,1,2,Never,1,1
        google2011-job-events.csv:4: warning: 1 row dropped: not scheduled when the trace ends
        User: 1 ann
        User: 2 bob"#]],
    );
    check(
        "google2011-machine-events.csv",
        &expect![
            "google2011-machine-events.csv: error: these are events of machines, not of jobs or tasks (name the file under `cluster.machines`, or `--machines`)"
        ],
    );
}

#[test]
fn machines() {
    let show = |(machines, report): (Vec<table::Machine>, ReadReport)| {
        let lines = machines
            .iter()
            .map(|machine| format!("{} {}m {}", machine.name, machine.cpu_milli, machine.memory_bytes >> 20));
        lines.chain(report.warnings().iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
    };
    let input = |name: &str| Input::from_bytes(name, sample(name)).unwrap();
    let google = google2011::read_machines(input("google2011-machine-events.csv"), Largest::default());
    expect![[r#"
        machine-1 32000m 65536
        machine-2 64000m 262144
        google2011-machine-events.csv:4: warning: 2 rows dropped: events of machines after the start are not replayed
        google2011-machine-events.csv:3: warning: 1 row dropped: no capacity"#]].assert_eq(&show(google.unwrap()));
    let alibaba = alibaba::read_machines(input("alibaba2017-server-event.csv"), Largest::default());
    expect![[r#"
        machine-1 64000m 180879
        machine-2 64000m 262144
        alibaba2017-server-event.csv:3: warning: 1 row dropped: errors of machines are not replayed"#]]
    .assert_eq(&show(alibaba.unwrap()));
}

#[test]
fn alibaba() {
    check(
        "alibaba2017-batch-task.csv",
        &expect![[r#"
        Alibaba 2017, batch tasks
        name,submit_s,run_time_s,tasks,cpu,memory,processors,exit_code,restart_policy,status
        j1-t1,0,80,4,500m,2748779070,2,0,Never,1
        j1-t2,10,120,1,1,1374389535,1,0,Never,1
        j2-t2,30,60,3,0,0,1,1,Never,0
        alibaba2017-batch-task.csv:5: warning: 1 row dropped: ends before it begins
        alibaba2017-batch-task.csv:6: warning: 1 row dropped: no instances
        alibaba2017-batch-task.csv:3: warning: 1 row dropped: not ended in the trace
        alibaba2017-batch-task.csv:1: warning: 1 row repaired: begins before the trace, taken as 0
        alibaba2017-batch-task.csv:4: warning: 1 row repaired: no planned resources, none requested"#]],
    );
    check(
        "alibaba2018-batch-task.csv",
        &expect![[r#"
            Alibaba 2018, batch tasks
            number,name,submit_s,run_time_s,tasks,cpu,memory,processors,exit_code,restart_policy,status,after
            7340033,j-7-m1,100,60,4,1,1374389535,4,0,Never,1,
            7340034,j-7-m2,100,30,2,500m,687194768,1,0,Never,1,
            7340035,j-7-r3-1-2,160,40,1,1,2748779069,1,0,Never,1,7340033|7340034
            7340036,j-7-j4-3-9,200,10,1,1,2748779069,1,1,Never,0,7340035|7340041
            4611686018427387908,j-8-task-abc,150,20,1,0,0,1,0,Never,1,
            alibaba2018-batch-task.csv:6: warning: 1 row dropped: not ended in the trace
            alibaba2018-batch-task.csv:5: warning: 1 row repaired: no planned resources, none requested
            alibaba2018-batch-task.csv:5: warning: 1 row repaired: submit out of order"#]],
    );
    let named = "name,job,instances,status,start_time,end_time,expected_duration,cpu_requested,mem_requested\n\
                 R2_1,j_9,2.0,Terminated,85,95,10,100.0,0.3\n";
    expect![[r#"
        Alibaba 2018, batch tasks with names
        number,name,submit_s,run_time_s,tasks,cpu,memory,processors,restart_policy,status,after
        9437186,j-9-r2-1,85,10,2,1,824633721,2,Never,1,9437185
    "#]]
    .assert_eq(&shown("x.csv", named.as_bytes(), None));
}

#[test]
fn azure() {
    check(
        "azure-vmtable.csv",
        &expect![[r#"
        Azure virtual machines
        number,submit_s,run_time_s,cpu,memory,processors,user,group,restart_policy,label:category
        1,0,,1,1792Mi,1,1,1,Never,Delay-insensitive
        2,300,7200,2,3584Mi,2,1,1,Never,Interactive
        3,600,300,24,64Gi,24,2,2,Never,Unknown
        azure-vmtable.csv:4: warning: 1 row dropped: deleted before it was created
        azure-vmtable.csv:1: warning: 1 row repaired: alive at the end of the trace, runs for ever
        azure-vmtable.csv:1: warning: 1 row repaired: created before the trace or at its start, taken as 0
        azure-vmtable.csv:3: warning: 1 row repaired: size given as `>N`, taken as N
        Subscription: 1 sub-1
        Deployment: 1 dep-1
        Subscription: 2 sub-2
        Deployment: 2 dep-2"#]],
    );
}

#[test]
fn philly() {
    check(
        "philly.json",
        &expect![[r#"
        Philly, job log
        name,submit_s,run_time_s,tasks,processors,user,queue,exit_code,restart_policy,recorded_wait_s,status,resource:nvidia.com/gpu
        application-1-1,30,3720,2,4,1,1,0,Never,30,1,2
        application-1-2,120,170,4,4,2,2,0,Never,10,5,1
        application-1-6,0,45,1,1,1,1,1,Never,60,0,1
        philly.json:20: warning: 1 row dropped: never started
        philly.json:24: warning: 1 row dropped: no end of an attempt, run time unknown
        philly.json:22: warning: 1 row dropped: no time of submission
        philly.json:12: warning: 1 row repaired: different numbers of GPUs on its machines, taken as a task a GPU
        philly.json:28: warning: 1 row repaired: submit out of order
        philly.json:28: warning: 1 row repaired: submitted before 2017-08-07, taken as 0
        User: 1 ann
        Queue: 1 vc-a
        User: 2 bob
        Queue: 2 vc-b"#]],
    );
    let table = "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,66.0,8,528.0,11cb48\n\
                 2017-10-09 06:13:03,0,1,0,11cb48\n";
    expect![[r#"
        Philly, table of jobs
        number,submit_s,run_time_s,processors,queue,restart_policy,resource:nvidia.com/gpu
        1,5468515,66,8,1,Never,8
        x.csv:3: warning: 1 row dropped: run time 0
        Queue: 1 11cb48"#]]
    .assert_eq(&shown("x.csv", table.as_bytes(), None));
}

#[test]
fn wfcommons() {
    check(
        "wfcommons-1.3.json",
        &expect![[r#"
            WfCommons
            number,name,submit_s,run_time_s,cpu,memory,processors,restart_policy,status,after
            1,split-1,0,5.5,1,2000000,1,Never,1,
            2,left-2,0,20,2,0,2,Never,1,1
            3,right-3,0,30,1,0,1,Never,1,1
            4,join-4,0,0,1,0,1,Never,1,2|3
            wfcommons-1.3.json:13: warning: 1 row dropped: no run time
            wfcommons-1.3.json:12: warning: 1 row repaired: waits for a task that is not there, which is left out
            name: diamond
            schemaVersion: 1.3"#]],
    );
    check(
        "wfcommons-1.5.json",
        &expect![[r#"
            WfCommons
            number,name,submit_s,run_time_s,cpu,memory,processors,restart_policy,status,after
            1,first,0,3,1,0,1,Never,1,
            2,second,0,7.25,4,1Mi,4,Never,1,1
            name: chain
            schemaVersion: 1.5"#]],
    );
    let old =
        r#"{"schemaVersion": "1.0", "workflow": {"jobs": [{"name": "a", "runtime": 1, "parents": ["a"]}]}}"#;
    expect![[r#"
        WfCommons
        number,name,submit_s,run_time_s,cpu,processors,restart_policy,status,after
        1,a,0,1,1,1,Never,1,1
        schemaVersion: 1.0"#]]
    .assert_eq(&shown("x.json", old.as_bytes(), None));
}

#[test]
fn kubernetes() {
    check(
        "pods.json",
        &expect![[r#"
        Kubernetes, pods
        name,submit_s,run_time_s,cpu,memory,processors,priority,exit_code,restart_policy,recorded_wait_s,status,resource:nvidia.com/gpu
        report-1,0,600,1,1Gi,1,0,3,Never,,0,
        shop-web-1,60,,2,256Mi,2,100,0,Always,2,,1
        pods.json:35: warning: 1 row dropped: not a Pod
        pods.json:28: warning: 1 row dropped: pod of a DaemonSet or of a node (mirror pod)
        pods.json:5: warning: 1 row repaired: had not ended, runs for ever
        pods.json:5: warning: 1 row repaired: node selector, affinity or spreading not kept"#]],
    );
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  creationTimestamp: \"2026-01-05T08:00:00Z\"\n\
                spec: {containers: [{name: c, resources: {requests: {cpu: 500m}}}]}\n\
                ---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: []}\n";
    expect![[r#"
        Kubernetes, pods
        name,submit_s,cpu,processors,restart_policy
        a,0,500m,1,Always
        x.yaml:8: warning: 1 row dropped: no creation time: a manifest, not a dump
        x.yaml:1: warning: 1 row repaired: had not ended, runs for ever"#]]
    .assert_eq(&shown("x.yaml", yaml.as_bytes(), None));
}

#[test]
fn dialects_of_swf() {
    check(
        "alea-workflow.swf",
        &expect![[r#"
        swf (Alea workflows, 20 fields)
        number,submit_s,run_time_s,estimate_s,processors,user,group,queue,partition,recorded_wait_s,status,after,think_time_s
        1,0,100,600,1,1,1,1,1,0,1,,0
        2,0,200,600,2,1,1,1,1,0,1,,0
        3,0,300,600,3,1,1,1,1,0,1,1,0
        4,0,400,600,4,1,1,1,1,0,1,1|2,0
        5,0,500,600,5,1,1,1,1,0,1,3|4,0
    "#]],
    );
    check(
        "slurm-simulator.swf",
        &expect![[r#"
        swf (Slurm simulator, fields separated by `;`)
        number,submit_s,run_time_s,estimate_s,processors,user,group,queue,partition
        1001,0,15,420,12,1,1,1,1
        1002,49,1201,1800,1,2,2,1,1
        1003,60,960,960,4,1,1,2,1
        slurm-simulator.swf:2: warning: 1 row repaired: memory field of the dialect not used
        User: 1 ann
        Group: 1 physics
        Queue: 1 normal
        Partition: 1 batch
        User: 2 bob
        Group: 2 biology
        Queue: 2 high"#]],
    );
}

/// The digest is of the file as it is stored, whatever way it is read.
#[test]
fn every_reader_knows_its_digest() {
    for (name, format) in SAMPLES {
        let mut reader = format.reader(Input::from_bytes(name, sample(name)).unwrap(), SwfOptions::default());
        let Ok(reader) = &mut reader else { continue };
        let mut row = Row::default();
        while reader.read(&mut row).unwrap() {}
        let expected = Input::from_bytes(name, sample(name)).unwrap().sha256().unwrap();
        assert_eq!(reader.sha256().unwrap(), Some(expected), "{name}");
        assert_eq!(reader.report().bytes, sample(name).len() as u64, "{name}");
    }
}

/// Every sample, and its format.
const SAMPLES: [(&str, Format); 14] = [
    ("batsim.json", Format::Batsim),
    ("sacct.txt", Format::Sacct),
    ("google2011-task-events.csv", Format::Google2011),
    ("google2011-job-events.csv", Format::Google2011),
    ("alibaba2017-batch-task.csv", Format::Alibaba2017),
    ("alibaba2018-batch-task.csv", Format::Alibaba2018),
    ("azure-vmtable.csv", Format::Azure),
    ("philly.json", Format::Philly),
    ("wfcommons-1.3.json", Format::WfCommons),
    ("wfcommons-1.5.json", Format::WfCommons),
    ("pods.json", Format::Kubernetes),
    ("alea-workflow.swf", Format::Swf),
    ("slurm-simulator.swf", Format::Swf),
    ("google2011-machine-events.csv", Format::Google2011),
];

/// Cut off anywhere, with any byte replaced, the samples are read or refused, and reading ends.
#[test]
fn safety_damaged_samples_are_read_or_refused() {
    for (name, format) in SAMPLES {
        let whole = sample(name);
        for cut in (0..whole.len()).step_by(31) {
            shown(name, &whole[..cut], Some(format));
        }
        for (at, byte) in (0..whole.len())
            .step_by(29)
            .zip([0xff, b'9', b'-', b'"', b'[', b'}', b',', 0, b'e'].iter().cycle())
        {
            let mut damaged = whole.clone();
            damaged[at] = *byte;
            shown(name, &damaged, Some(format));
        }
    }
}

/// Every number of the samples made absurd.
#[test]
fn safety_absurd_numbers_are_read_or_refused() {
    let absurd =
        ["99999999999999999999", "1e30", "-9223372036854775808", "9223372036854775807", "NaN", "1e-400"];
    for (name, format) in SAMPLES {
        let whole = String::from_utf8(sample(name)).unwrap();
        let digits: Vec<usize> = whole
            .char_indices()
            .filter(|(at, letter)| {
                letter.is_ascii_digit() && !whole[..*at].ends_with(|before: char| before.is_ascii_digit())
            })
            .map(|(at, _)| at)
            .collect();
        for (at, number) in digits.into_iter().zip(absurd.iter().cycle()) {
            let rest = whole[at..].trim_start_matches(|letter: char| letter.is_ascii_digit());
            shown(name, format!("{}{number}{rest}", &whole[..at]).as_bytes(), Some(format));
        }
    }
}

/// A line of a megabyte, and bytes that are no text.
#[test]
fn safety_long_lines_and_other_bytes_are_read_or_refused() {
    for (name, format) in SAMPLES {
        for put in [vec![b'7'; 1 << 20], vec![b','; 1 << 20], vec![b'['; 1 << 20], vec![0xc3; 999]] {
            let mut bytes = sample(name);
            let middle = bytes.len() / 2;
            bytes.splice(middle..middle, put);
            shown(name, &bytes, Some(format));
        }
    }
}

/// Lets a format read each text and looks for the message.
fn check_messages(cases: &[(Format, &str, &str)]) {
    for (format, text, message) in cases {
        let found = shown("x", text.as_bytes(), Some(*format));
        assert!(found.contains(message), "{format:?} {text}\n{found}");
    }
}

#[test]
fn what_is_wrong_with_json_is_said_with_its_place() {
    use Format::{Batsim, Kubernetes, Philly, WfCommons};
    check_messages(&[
        (
            Batsim,
            "{\"jobs\": [\n{\"id\": 1, \"subtime\": \"x\"}]}",
            "x:2: error: invalid type: string \"x\", expected f64",
        ),
        (Batsim, "{\"jobs\": [\n{\"id\": 1}]}", "x:2: error: missing field `subtime`"),
        (Batsim, "{\"jobs\": [{", "x:1: error: the file is cut off: expected the end of a value"),
        (Batsim, "", "x:1: error: the file is cut off: expected `{`"),
        (WfCommons, "{\"workflow\": {\"tasks\": {}}}", "x:1: error: not valid JSON: expected `[`: `{`"),
        (
            WfCommons,
            "{\"workflow\": {\"tasks\": [{\"parents\": 3}]}}",
            "invalid type: integer `3`, expected a sequence",
        ),
        (
            Philly,
            "[\n{\"attempts\": \"none\"}]",
            "x:2: error: invalid type: string \"none\", expected a sequence",
        ),
        (Philly, "timestamp,duration\n", "x:1: error: the table lacks the column `num_gpus`"),
        (
            Philly,
            "timestamp,duration,num_gpus,cluster\nsoon,1,1,a\n",
            "x:2:1: error: timestamp: not a date and time: `soon`",
        ),
        (
            Kubernetes,
            "{\"kind\": \"Pod\", \"metadata\": {\"creationTimestamp\": \"now\"}, \"spec\": {}}",
            "x:1:51: error: not a time: `now`",
        ),
        (
            Kubernetes,
            "kind: Pod\nmetadata: {creationTimestamp: \"2026-01-05T08:00:00Z\"}\nspec: {containers: [{resources: {requests: {cpu: lots}}}]}\n",
            "x:3:50: error: not a quantity: `lots`",
        ),
        (Kubernetes, "kind: Pod\nmetadata: [\n", "error: not valid YAML"),
    ]);
}

#[test]
fn what_is_wrong_with_tables_is_said_with_its_place() {
    use Format::{Alibaba2017, Alibaba2018, Azure, Google2011, Sacct};
    check_messages(&[
        (Sacct, "JobID|State\n", "x:1: error: the table lacks the column `Submit`"),
        (Sacct, "JobID|State|Submit\n1|FAILED\n", "x:2: error: expected 3 fields, found 2"),
        (
            Sacct,
            "JobID|State|Submit\n1|FAILED|today\n",
            "x:2:10: error: Submit: not a date and time: `today`",
        ),
        (
            Sacct,
            "JobID|State|Submit|Elapsed|NCPUS\n1|FAILED|2026-01-01T00:00:00|1:2:3:4|1\n",
            "x:2:30: error: Elapsed: not a time of Slurm",
        ),
        (
            Sacct,
            "JobID|State|Submit|Elapsed|NCPUS|ReqMem\n1|FAILED|2026-01-01T00:00:00|1:2|1|much\n",
            "ReqMem: not an amount of memory: `much`",
        ),
        (Google2011, "0,,7,0,,0,u,3,9,0.1,0.1\n", "x: error: expected 13 or 8 columns, found 11"),
        (Google2011, "0,,7,0,,0,u,3,9,0.1,0.1,0,0\n0,,7\n", "x:2: error: expected 13 fields, found 3"),
        (
            Google2011,
            "0,,7,0,,9,u,3,9,0.1,0.1,0,0\n",
            "x:1:9: error: event type: event types are 0 to 8: `9`",
        ),
        (Google2011, "-5,,7,0,,0,u,3,9,0.1,0.1,0,0\n", "x:1:1: error: time: the number is negative"),
        (Alibaba2017, "1,x,3,4,1,Terminated,50,0.1\n", "x:1:3: error: end_time: not a number: `x`"),
        (Alibaba2018, "M1,1,j_1,1,Terminated,1,2\n", "x:1: error: expected 9 fields, found 7"),
        (Alibaba2018, "M1,1,j_1,1,Terminated,1,2,-50,0.1\n", "plan_cpu: the number is negative"),
        (Azure, "a,b,c,0,300,1,1,1,Interactive,many,0.75\n", "x:1:31: error: cores: not a number: `many`"),
        (Azure, "a,b,c,0,300,1,1,1,Interactive,>x,0.75\n", "cores: not a number: `>x`"),
    ]);
}

/// The folder of public traces, or `None` where it is not at hand; then the test says so.
#[expect(clippy::disallowed_methods, reason = "public traces are found by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn public_traces(test: &str) -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("SEATRIAL_DATA").map(|folder| std::path::Path::new(&folder).join("traces"));
    if folder.is_none() {
        eprintln!("skipped: {test} (SEATRIAL_DATA is not set)");
    }
    folder
}

/// Rows, and those that are used, counted with an independent script.
#[test]
fn public_traces_are_read_whole() {
    let Some(folder) = public_traces("public_traces_are_read_whole") else { return };
    for (name, format, rows, used) in [
        ("alibaba-v2017/batch_task.csv.gz", Format::Alibaba2017, 80_553, 68_021),
        (
            "alibaba-v2018/batch_task-DERIVED-6191-long-critical-path-dags.csv.gz",
            Format::Alibaba2018,
            57_160,
            56_766,
        ),
        ("alibaba-v2018/batch_task-DERIVED-6600-random-dags.csv.gz", Format::Alibaba2018, 25_196, 24_991),
        ("alibaba-v2018/dags-with-usage-DERIVED-3690-dags.csv.gz", Format::Alibaba2018, 22_409, 22_409),
        ("azure-vm-v1/opendc-test-sample/vmtable.csv.gz", Format::Azure, 10, 10),
        ("philly/philly.csv.gz", Format::Philly, 82_247, 82_247),
        ("slurm-sim/micro_cluster/real_slurm_run/slurm_acct.out", Format::Sacct, 500, 444),
        ("slurm-sim/micro_cluster/workload/jobs500.swf", Format::Swf, 500, 435),
        ("swf-other/jaros2.swf", Format::Swf, 12, 12),
        ("swf-other/jaros3.swf", Format::Swf, 16, 16),
        ("batsim/medium_late.json", Format::Batsim, 801, 801),
        ("batsim/batpaper.json", Format::Batsim, 800, 800),
        ("batsim/kth_sp2.json.gz", Format::Batsim, 27_954, 0),
        ("wfcommons-dag/1000genome-chameleon-16ch-250k-001.json.gz", Format::WfCommons, 656, 656),
        ("wfcommons-dag/1000genome-chameleon-2ch-100k-001.json", Format::WfCommons, 52, 52),
        ("wfcommons-dag/epigenomics-chameleon-ilmn-2seq-50k-001.json.gz", Format::WfCommons, 515, 515),
        ("wfcommons-dag/montage-chameleon-dss-125d-001.json.gz", Format::WfCommons, 1_066, 1_066),
    ] {
        let mut input = Input::open(&folder.join(name), None).unwrap();
        assert_eq!(Format::detect(&mut input), Ok(format), "{name}");
        let mut reader = format.reader(input, SwfOptions::default()).unwrap();
        let mut row = Row::default();
        while reader.read(&mut row).unwrap_or_else(|finding| panic!("{finding}")) {}
        let report = reader.report();
        assert_eq!((report.rows, report.used), (rows, used), "{name}: {:?}", report.dropped);
        assert_eq!(report.rows, report.used + report.dropped_rows(), "{name}");
    }
}

/// Submissions, ends and schedulings of the first part of the task events, counted with an independent
/// script; the delays are those that the folder's index gives.
#[test]
fn public_google_events_become_attempts() {
    let Some(folder) = public_traces("public_google_events_become_attempts") else { return };
    let path = folder.join("google-2011/task_events/part-00000-of-00500.csv.gz");
    let mut reader =
        Format::Google2011.reader(Input::open(&path, None).unwrap(), SwfOptions::default()).unwrap();
    let mut waits = Vec::new();
    let mut row = Row::default();
    while reader.read(&mut row).unwrap() {
        if row.submit >= Time::from_secs(600) {
            waits.extend(row.recorded_wait);
        }
    }
    waits.sort_unstable();
    let report = reader.report();
    assert_eq!(report.rows, 201_491);
    assert_eq!((report.used, report.dropped_rows()), (189_994, 201_491 - 189_994));
    let seconds = |share: f64| waits[(waits.len() as f64 * share) as usize].as_secs_f64();
    let mean = waits.iter().map(|wait| wait.as_secs_f64()).sum::<f64>() / waits.len() as f64;
    assert_eq!(waits.len(), 56_711);
    let found = format!("{:.2} {:.2} {:.1} {mean:.1}", seconds(0.5), seconds(0.9), seconds(0.99));
    assert_eq!(found, "1.97 5.15 44.5 15.5");
}

/// The allocation that the record leads to, as published with the trace's analysis and as counted with an
/// independent script.
#[test]
fn public_google_placements_are_followed() {
    let Some(folder) = public_traces("public_google_placements_are_followed") else { return };
    let input = |name: &str| Input::open(&folder.join("google-2011").join(name), None).unwrap();
    let machines = input("machine_events/part-00000-of-00001.csv.gz");
    let tasks = vec![input("task_events/part-00000-of-00500.csv.gz")];
    let result = google2011::replay(machines, tasks, Span::from_secs(600)).unwrap();
    let mut found = format!(
        "CPU {:.2}, memory {:.2}; {} out of turn\n",
        result.initial.cpu as f64 / 1e9,
        result.initial.memory as f64 / 1e9,
        result.out_of_turn
    );
    for sample in &result.samples {
        let share = |part: i64, whole: i64| part as f64 / whole as f64;
        let _ = writeln!(
            found,
            "{} {} {} {} {:.4} {:.4} {:.4} {:.4}",
            sample.at.0 / 1_000_000_000,
            sample.machines,
            sample.running,
            sample.pending,
            share(sample.requested.cpu, result.initial.cpu),
            share(sample.requested.memory, result.initial.memory),
            share(sample.requested.cpu, sample.capacity.cpu),
            share(sample.requested.memory, sample.capacity.memory),
        );
    }
    expect![[r#"
        CPU 6603.25, memory 5862.75; 0 out of turn
        0 12477 132982 11357 1.1347 0.9327 1.1347 0.9327
        600 12477 132982 11357 1.1347 0.9327 1.1347 0.9327
        1200 12476 132744 11303 1.1323 0.9257 1.1324 0.9258
        1800 12475 136524 11275 1.1436 0.9381 1.1438 0.9383
        2400 12474 142923 11325 1.1667 0.9874 1.1670 0.9877
        3000 12473 135409 11474 1.1316 0.9585 1.1320 0.9588
        3600 12475 134563 11400 1.1268 0.9584 1.1271 0.9586
        4200 12475 133677 11361 1.1243 0.9516 1.1246 0.9518
        4800 12474 132115 11340 1.1192 0.9414 1.1196 0.9417
        5400 12476 132430 11291 1.1279 0.9247 1.1280 0.9248
        5611 12476 131409 11421 1.1234 0.9184 1.1236 0.9186
    "#]]
    .assert_eq(&found);
}
