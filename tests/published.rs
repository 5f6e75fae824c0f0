//! Published results of batch scheduling, from public data: skipped where `SEATRIAL_DATA` is not set.
//! Every expected number is the published one, to the digits that were printed.

mod common;

use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_methods, reason = "tests find the data by an environment variable")]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEATRIAL_DATA");
    if folder.is_none() {
        eprintln!("skipped: published results (SEATRIAL_DATA is not set)");
    }
    folder.map(|folder| Path::new(&folder).join("traces"))
}

fn unzipped(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    MultiGzDecoder::new(file).read_to_string(&mut text).expect("it is text");
    text
}

/// A job as `jobs.csv` has it, times in seconds.
struct Job {
    number: u64,
    processors: f64,
    submit: f64,
    start: f64,
    run: f64,
}

/// Runs the trace under the rules; the jobs in order of their ends.
fn run(name: &str, trace: &Path, processors: u32, batch: &str, options: &str) -> Vec<Job> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("published-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let scenario = format!(
        "apiVersion: seatrial/v1\ncluster: {{processors: {processors}}}\ncontrolPlane: {{kind: batch, batch: \
         {{{batch}}}}}\nworkload: {{traces: [{{file: {}, {options}}}]}}\nrun: {{stop: jobsDone}}\n",
        trace.display()
    );
    fs::write(folder.join("scenario.yaml"), scenario).expect("it can be written");
    let arguments = ["run", "scenario.yaml", "--quiet", "--outputs", "csv", "--out", "out"];
    let (code, _, err) = common::seatrial(&folder, &arguments, "");
    assert_eq!(code, 0, "{err}");
    let mut reader = csv::Reader::from_path(folder.join("out/jobs.csv")).expect("it is written");
    let heads = reader.headers().expect("there are heads").clone();
    let place = |head: &str| heads.iter().position(|known| known == head).expect("the column is there");
    let places = ["job", "processors", "submit_s", "start_s", "run_s"].map(place);
    let number = |record: &csv::StringRecord, column: usize| -> f64 {
        record[places[column]].parse().expect("a number")
    };
    let rows = reader.records().map(|record| record.expect("a row"));
    rows.map(|row| Job {
        number: number(&row, 0) as u64,
        processors: number(&row, 1),
        submit: number(&row, 2),
        start: number(&row, 3),
        run: number(&row, 4),
    })
    .collect()
}

/// The mean bounded slowdown, with a bound of ten seconds.
fn slowdown(jobs: &[Job]) -> f64 {
    let of = |job: &Job| ((job.start - job.submit + job.run) / job.run.max(10.0)).max(1.0);
    jobs.iter().map(of).sum::<f64>() / jobs.len() as f64
}

/// SC'15, "Improving Backfilling by using Machine Learning to Predict Running Times" (DOI
/// 10.1145/2807591.2807646): nine averages, and the start of every job.
#[test]
fn every_start_of_three_logs_under_three_kinds_of_easy() {
    let Some(data) = data() else { return };
    let variants = [
        ("easy", "backfill: easy, passes: perEventDue"),
        ("easy-clairvoyant", "backfill: easy, passes: perEventDue, estimates: clairvoyant"),
        (
            "easy-sjbf-clairvoyant",
            "backfill: easy, scan: shortestFirst, passes: perEventDue, estimates: clairvoyant",
        ),
    ];
    for (log, processors, means) in [
        ("KTH-SP2", 100, ["92.5765", "71.7224", "49.8477"]),
        ("CTC-SP2", 338, ["49.5713", "37.1654", "17.5717"]),
        ("SDSC-SP2", 128, ["87.8703", "70.4779", "56.8362"]),
    ] {
        for ((variant, batch), mean) in variants.iter().zip(means) {
            let trace = data.join("sc15-backfilling").join(log).join(format!("{variant}.swf.gz"));
            let jobs = run(variant, &trace, processors, batch, "processors: max, keepZeroRunTime: true");
            let rows = unzipped(&trace);
            let starts: BTreeMap<u64, f64> = rows
                .lines()
                .filter(|line| !line.starts_with(';'))
                .map(|line| {
                    let field = |place: usize| line.split_whitespace().nth(place).expect("a field");
                    let number = |place| field(place).parse::<f64>().expect("a number");
                    (field(0).parse().expect("a number"), number(1) + number(2))
                })
                .collect();
            assert_eq!(jobs.len(), starts.len(), "{log}, {variant}");
            let wrong = jobs.iter().filter(|job| (starts[&job.number] - job.start).abs() > 1e-6).count();
            assert_eq!(wrong, 0, "{log}, {variant}");
            assert_eq!(format!("{:.4}", slowdown(&jobs)), mean, "{log}, {variant}");
        }
    }
}

/// What ten sequences of a table of RLScheduler (SC'20) begin with: places in the list of jobs that run.
const SEQUENCES: [usize; 10] = [1981, 2756, 4299, 8850, 3316, 2714, 5228, 7762, 4022, 7085];

/// The mean bounded slowdown and utilization of the sequences, as they were printed.
fn sequences(name: &str, rows: &[String], order: &str, backfill: &str) -> (String, String) {
    let (mut slowdowns, mut utilizations) = (0.0, 0.0);
    for start in SEQUENCES {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sequence-{name}.swf"));
        fs::write(&path, rows[start..start + 1024].join("\n")).expect("it can be written");
        let batch = format!("order: {order}, head: kept, passes: perEvent, backfill: {backfill}");
        let jobs = run(name, &path, 256, &batch, "processors: max");
        assert_eq!(jobs.len(), 1024);
        let first = jobs.iter().map(|job| job.submit).fold(f64::INFINITY, f64::min);
        let last = jobs.iter().map(|job| job.start).fold(0.0, f64::max);
        let used: f64 = jobs.iter().map(|job| job.run * job.processors).sum();
        slowdowns += slowdown(&jobs);
        utilizations += used / (256.0 * (last - first));
    }
    let utilization = format!("{:.3}", utilizations / 10.0);
    (format!("{:.2}", slowdowns / 10.0), utilization[1..].to_owned())
}

/// The heuristic columns of tables V and VI, and the two that a fault spoils as they should be.
#[test]
fn forty_cells_of_a_table_of_heuristics() {
    let Some(data) = data() else { return };
    let orders = ["fcfs", "wfp3Published", "unicepPublished", "sjf", "f1"];
    let tables = [
        (
            "lublin_256.swf.gz",
            [
                ["7273.77", "19753.53", "22274.74", "277.35", "258.37"],
                ["235.82", "133.87", "307.23", "73.31", "75.07"],
            ],
            [[".657", ".747", ".691", ".762", ".816"], [".868", ".864", ".883", ".778", ".840"]],
            ["337.34", "381.71"],
        ),
        (
            "lublin_256_new2.gz",
            [
                ["7842.47", "9523.18", "11265.31", "787.89", "698.34"],
                ["247.61", "318.35", "379.59", "91.99", "148.25"],
            ],
            [[".404", ".543", ".510", ".562", ".478"], [".587", ".583", ".587", ".593", ".552"]],
            ["807.25", "830.49"],
        ),
    ];
    for (file, slowdowns, utilizations, mended) in tables {
        let text = unzipped(&data.join("rlscheduler").join(file));
        let runs = |line: &&str| {
            line.split_whitespace().nth(3).and_then(|run| run.parse().ok()).is_some_and(|run: f64| run > 0.0)
        };
        let lines = text.lines().filter(|line| !line.starts_with(';')).filter(runs);
        let rows: Vec<String> = lines.map(str::to_owned).collect();
        for (row, backfill) in ["none", "easy, reservation: frozen"].into_iter().enumerate() {
            for (column, order) in orders.into_iter().enumerate() {
                let expected = (slowdowns[row][column].to_owned(), utilizations[row][column].to_owned());
                assert_eq!(
                    sequences("table", &rows, order, backfill),
                    expected,
                    "{file}, {order}, {backfill}"
                );
            }
        }
        for (order, expected) in ["wfp3", "unicep"].into_iter().zip(mended) {
            assert_eq!(sequences("table", &rows, order, "none").0, expected, "{file}, {order}");
        }
    }
}

/// Whole logs of the Parallel Workloads Archive: all events of an instant first, n as allocated.
#[test]
fn baselines_on_whole_logs() {
    let Some(data) = data() else { return };
    let user = "killAtEstimate: true, backfill: easy";
    let told = "killAtEstimate: true, backfill: easy, estimates: clairvoyant";
    let fcfs = "killAtEstimate: true";
    for (log, processors, cases) in [
        ("KTH-SP2-1996-2.1-cln", 100, &[(fcfs, "4297.07"), (user, "86.398"), (told, "71.649")][..]),
        ("CTC-SP2-1996-3.1-cln", 338, &[(fcfs, "3652.0"), (user, "48.834"), (told, "37.168")]),
        ("HPC2N-2002-2.2-cln", 240, &[(user, "90.10"), (told, "78.87")]),
    ] {
        for &(batch, expected) in cases {
            let trace = data.join("swf-pwa").join(format!("{log}.swf.gz"));
            let found = slowdown(&run("baselines", &trace, processors, batch, "processors: allocated"));
            let decimals = expected.len() - expected.find('.').expect("it has decimals") - 1;
            assert_eq!(format!("{found:.decimals$}"), expected, "{log}, {batch}");
        }
    }
}
