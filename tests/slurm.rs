//! A real run of Slurm, held against a run of the same jobs here: 500 jobs on ten virtual nodes with features,
//! GPUs, memory, fair share and backfilling. Skipped where `SEATRIAL_DATA` is not set.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The controller was started seven seconds before the first job.
const START: &str = "2021-02-11T22:36:12Z";
const FIRST: i64 = 7;
const SITE: &str = "
    conf: slurm.conf
    qos: [{name: normal}, {name: supporters, priority: 100}]
    accounts:
      - {name: account0, fairshare: 100, users: [{name: admin}]}
      - {name: account1, fairshare: 100, users: [{name: user1}, {name: user2}, {name: user3}]}
      - {name: account2, fairshare: 100, users: [{name: user4}, {name: user5}]}
workload:
  traces: [{file: jobs.csv}]
";

#[expect(clippy::disallowed_methods, reason = "tests find the data by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEATRIAL_DATA");
    if folder.is_none() {
        eprintln!("skipped: a real run of Slurm (SEATRIAL_DATA is not set)");
    }
    folder.map(|folder| Path::new(&folder).join("traces/slurm-sim/micro_cluster"))
}

/// The jobs as a table. A task is what a job has on a node; a run time of -1 lasts until the limit.
fn table(text: &str) -> String {
    let label = "label:seatrial.dev/slurm";
    let mut table = format!(
        "name,submit_s,run_time_s,estimate_s,tasks,cpu,memory,resource:slurm.schedmd.com/gpu,\
         {label}-user,{label}-account,{label}-qos,{label}-nodes,{label}-constraint\n"
    );
    for line in text.lines().skip(1) {
        let field: Vec<&str> = line.split(';').collect();
        let number = |place: usize| field[place].parse::<i64>().expect("a number");
        let (tasks, per_node) = (number(5), number(6));
        let nodes = (tasks + per_node - 1) / per_node;
        let run = if number(2) < 0 { "" } else { field[2] };
        let memory = if field[11].is_empty() { 2800 * per_node } else { number(11) };
        let gpus = field[12].strip_prefix("gpu:").unwrap_or_default();
        let (id, submit, limit) = (field[1], number(0) + FIRST, number(4) * 60);
        let (user, account, qos, feature) = (field[3], field[7], field[9], field[10]);
        let row = format!("j{id},{submit},{run},{limit},{nodes},{per_node},{memory}Mi,{gpus}");
        writeln!(table, "{row},{user},{account},{qos},{nodes},{feature}").expect("a string takes text");
    }
    table
}

fn metric(out: &Path, name: &str) -> f64 {
    let rows = fs::read_to_string(out.join("summary.csv")).expect("a run has a summary");
    let row = rows.lines().find(|row| row.split(',').next() == Some(name)).expect("the metric is there");
    row.split(',').find_map(|field| field.parse().ok()).expect("it has a value")
}

/// Mean wait and longest wait over jobs: 12301.354 s and 42226 s in the real run.
#[test]
#[expect(clippy::print_stderr, reason = "the numbers are for docs/fidelity.md")]
fn the_real_run_of_the_micro_cluster() {
    let Some(data) = data() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("micro-cluster");
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let read = |name: &str| fs::read_to_string(data.join(name)).expect("the data are there");
    fs::write(folder.join("jobs.csv"), table(&read("workload/jobs500.csv"))).expect("it can be written");
    fs::write(folder.join("slurm.conf"), read("etc/slurm.conf")).expect("it can be written");
    let head = "apiVersion: seatrial/v1\nname: micro\ncontrolPlane:\n  kind: slurm\n  slurm:";
    let scenario = format!("{head}{SITE}run: {{start: {START}, stop: jobsDone}}\n");
    fs::write(folder.join("micro.yaml"), scenario).expect("it can be written");
    let (code, printed, err) = common::seatrial(&folder, &["run", "micro.yaml", "--out", "out"], "");
    assert_eq!(code, 0, "{err}{printed}");
    let pods = fs::read_to_string(folder.join("out/pods.csv")).expect("a run has its pods");
    let mut lines = pods.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| columns.iter().position(|column| *column == name).expect("a column");
    let (name, created, bound, outcome) =
        (place("pod"), place("created_s"), place("bound_s"), place("outcome"));
    let mut waits = std::collections::BTreeMap::new();
    let mut ended = std::collections::BTreeSet::new();
    for line in lines {
        let field: Vec<&str> = line.split(',').collect();
        let job = field[name].split('-').next().unwrap_or_default().to_owned();
        let second = |place: usize| field[place].parse::<f64>().expect("a moment");
        if field[outcome] != "Succeeded" {
            ended.insert(job.clone());
        }
        waits.insert(job, second(bound) - second(created));
    }
    let mean = waits.values().sum::<f64>() / waits.len() as f64;
    let longest = waits.values().copied().fold(0.0, f64::max);
    eprintln!(
        "{} jobs, {} at their limit, mean wait {mean:.1} s, longest {longest:.0} s",
        waits.len(),
        ended.len()
    );
    assert_eq!((waits.len(), ended.len()), (500, 63), "as many last until their limit");
    assert!((mean / 12301.354 - 1.0).abs() < 0.2, "the mean wait is {mean} s");
    assert!((longest / 42226.0 - 1.0).abs() < 0.3, "the longest wait is {longest} s");
    assert!((metric(&folder.join("out"), "makespan_s") / 51464.0 - 1.0).abs() < 0.1);
}
