//! The files of published results in a folder.

use super::Outcome;
use crate::base::{Diagnostic, Location};
use crate::conformance::batch::{
    BATSIM_VARIANTS, Expected, HEURISTIC_TABLES, LOGS, Record, SC15_VARIANTS, oar_records,
};
use crate::trace::{self, Format, Input, Reader, Row, SwfOptions, SwfReader};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Something to compute: a file, and what it is compared with.
pub(super) enum Task {
    /// A log of SC'15 under a policy.
    Sc15 { log: String, variant: String, path: PathBuf },
    /// A log of the table of heuristics.
    Heuristics { table: usize, path: PathBuf },
    /// A whole log.
    Log { log: usize, path: PathBuf },
    /// A workload of Batsim under a scheduler.
    Batsim { name: String, variant: &'static str, workload: PathBuf, expected: PathBuf },
    /// A run of a real cluster.
    Oar { name: String, path: PathBuf, processors: u32 },
}

/// The nodes of the real cluster, where the name of a run does not say it.
const OAR_NODES: u32 = 32;

impl Task {
    /// The name of its table.
    pub(super) const fn table(&self) -> &'static str {
        match self {
            Task::Sc15 { .. } => "SC'15: EASY on logs, every start",
            Task::Heuristics { .. } => "SC'20: a table of heuristics",
            Task::Log { .. } => "Whole logs of the Parallel Workloads Archive",
            Task::Batsim { .. } => "Batsim: every start and the processors of every job",
            Task::Oar { .. } => "OAR: runs of a real cluster",
        }
    }
}

fn fault(path: &Path, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(Location::file(path.to_string_lossy().as_ref()), what.to_string())
}

/// The entries of a folder by name; none if there is no such folder.
fn entries(folder: &Path) -> Outcome<Vec<(String, PathBuf)>> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| fault(folder, format!("cannot be read: {error}")))?,
    };
    let mut found = Vec::new();
    for entry in read {
        let path = entry.map_err(|error| fault(folder, format!("cannot be read: {error}")))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.push((name, path));
    }
    found.sort();
    Ok(found)
}

/// What can be computed of a folder.
pub(super) fn tasks(folder: &Path) -> Outcome<Vec<Task>> {
    if !folder.is_dir() {
        return Err(fault(folder, "this is not a folder").help("name the folder that holds the data"));
    }
    let mut tasks = Vec::new();
    for (log, files) in
        entries(&folder.join("sc15-backfilling"))?.into_iter().filter(|(_, path)| path.is_dir())
    {
        for (name, path) in entries(&files)? {
            let variant = name.trim_end_matches(".gz").trim_end_matches(".swf");
            if SC15_VARIANTS.contains(&variant) {
                tasks.push(Task::Sc15 { log: log.clone(), variant: variant.to_owned(), path });
            }
        }
    }
    for (table, of) in HEURISTIC_TABLES.iter().enumerate() {
        let path = folder.join("rlscheduler").join(of.file);
        if path.exists() {
            tasks.push(Task::Heuristics { table, path });
        }
    }
    for (name, workload) in entries(&folder.join("batsim"))? {
        let Some(stem) = name.strip_suffix(".json") else { continue };
        for variant in BATSIM_VARIANTS {
            let expected = folder.join(format!("batsim/{stem}-expected/{variant}/out_jobs.csv"));
            if expected.exists() {
                tasks.push(Task::Batsim {
                    name: stem.to_owned(),
                    variant,
                    workload: workload.clone(),
                    expected,
                });
            }
        }
    }
    oar_runs(&folder.join("batsim-oar-real-vs-sim"), "", &mut tasks)?;
    for (log, of) in LOGS.iter().enumerate() {
        let path = folder.join("swf-pwa").join(format!("{}.swf.gz", of.name));
        if path.exists() {
            tasks.push(Task::Log { log, path });
        }
    }
    Ok(tasks)
}

/// Runs in a folder and in the folders in it, down to a depth that no layout has.
fn oar_runs(folder: &Path, before: &str, tasks: &mut Vec<Task>) -> Outcome<()> {
    for (name, path) in entries(folder)? {
        if path.is_dir() && before.matches('/').count() < 8 {
            oar_runs(&path, &format!("{before}{name}/"), tasks)?;
        } else if let Some(run) = name.strip_prefix("oar_gant_") {
            let run = run.trim_end_matches(".gz").trim_end_matches(".json");
            let nodes = run.rsplit_once("_size").and_then(|(_, nodes)| nodes.parse().ok());
            let name = format!("{before}{run}");
            tasks.push(Task::Oar { name, path, processors: nodes.unwrap_or(OAR_NODES) });
        }
    }
    Ok(())
}

/// Every row that a reader gives.
fn rows(reader: &mut dyn Reader) -> Outcome<Vec<Row>> {
    let (mut rows, mut row) = (Vec::new(), Row::default());
    while reader.read(&mut row)? {
        rows.push(row.clone());
    }
    Ok(rows)
}

/// The rows of a log, and the processors that its header names.
pub(super) fn swf(
    path: &Path,
    processors: trace::Processors,
    keep_zero_run: bool,
) -> Outcome<(Vec<Row>, Option<u32>)> {
    let options = SwfOptions { processors, keep_zero_run, ..SwfOptions::default() };
    let mut reader = SwfReader::new(Input::open(path, None)?, options);
    let rows = rows(&mut reader)?;
    Ok((rows, reader.report().header.max_procs))
}

/// The jobs of a workload of Batsim, and its number of hosts.
pub(super) fn batsim(path: &Path) -> Outcome<(Vec<Row>, u32)> {
    let mut reader = Format::Batsim.reader(Input::open(path, None)?, SwfOptions::default())?;
    let rows = rows(reader.as_mut())?;
    let hosts = reader.report().header.max_procs;
    Ok((rows, hosts.ok_or_else(|| fault(path, "the workload does not name its number of hosts (`nb_res`)"))?))
}

/// What Batsim has written about jobs (`out_jobs.csv`).
pub(super) fn expected(path: &Path) -> Outcome<Vec<Expected>> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| fault(path, error))?;
    let heads = reader.headers().map_err(|error| fault(path, error))?.clone();
    let place = |name: &str| {
        let missing = || fault(path, format!("the table has no column `{name}`"));
        heads.iter().position(|head| head.trim() == name).ok_or_else(missing)
    };
    let [number, submit, start, end] =
        [place("job_id")?, place("submission_time")?, place("starting_time")?, place("finish_time")?];
    let machines = place("allocated_resources")?;
    let mut jobs = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| fault(path, error))?;
        let field = |place: usize| record.get(place).unwrap_or("").trim();
        let wrong = |what: &str| {
            let location =
                Location { line: row as u32 + 2, ..Location::file(path.to_string_lossy().as_ref()) };
            Diagnostic::error(location, "this is not a number").found(what)
        };
        let seconds = |place: usize| field(place).parse::<f64>().map_err(|_| wrong(field(place)));
        jobs.push(Expected {
            number: field(number).parse().map_err(|_| wrong(field(number)))?,
            submit: seconds(submit)?,
            start: seconds(start)?,
            end: seconds(end)?,
            machines: field(machines).to_owned(),
        });
    }
    Ok(jobs)
}

/// What a real cluster did.
pub(super) fn oar(path: &Path) -> Outcome<Record> {
    let (bytes, _) = trace::read_all(path, None)?;
    oar_records(&path.to_string_lossy(), &bytes)
}
