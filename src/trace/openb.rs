//! Alibaba's GPU trace of 2023 ("openb"): a list of nodes and lists of pods, with column names.
//!
//! Source: <https://github.com/alibaba/clusterdata/tree/master/cluster-trace-gpu-v2023>. Resources
//! and labels have the names that the trace's own Kubernetes manifests use.

use super::input::Input;
use super::record::Records;
use super::report::ReadReport;
use super::table::{Machine, TableOut, check_name};
use super::{Reader, Row};
use crate::api::RestartPolicy;
use crate::base::{Diagnostic, Set, Span, Time};
use std::io::{self, Write};

/// Whole GPUs.
pub const GPU_COUNT: &str = "alibabacloud.com/gpu-count";
/// Thousandths of GPUs, summed over the GPUs of a node or a pod.
pub const GPU_MILLI: &str = "alibabacloud.com/gpu-milli";
/// The node label with the model of the GPUs.
pub const GPU_MODEL: &str = "alibabacloud.com/gpu-card-model";
/// The label that keeps a pod's class of service as the trace calls it.
pub const QOS: &str = "qos";

/// Thousandths in a whole.
const MILLI: i64 = 1000;
/// Bytes in a MiB.
const MIB: i64 = 1 << 20;

/// What a pod that shares a GPU requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sharing {
    /// Only its thousandths, so that several fit on one GPU.
    #[default]
    Milli,
    /// Its thousandths and one whole GPU as well, as the trace's manifests annotate it: a scheduler
    /// that counts GPUs then gives each pod one of its own.
    MilliAndCount,
}

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: the pod is deleted before it starts.
    pub const NEGATIVE_RUN_TIME: &str = "deleted before it was scheduled";
    /// Repaired: the run time is counted from the creation.
    pub const NEVER_SCHEDULED: &str = "never scheduled, run time counted from creation";
    /// Repaired: the pod has no creation time, 0 is used.
    pub const NO_CREATION_TIME: &str = "no creation time, taken as 0";
    /// Repaired: the pod has no deletion time and runs for ever.
    pub const NO_DELETION_TIME: &str = "no deletion time, runs for ever";
}

const NODE_COLUMNS: [&str; 5] = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
const POD_COLUMNS: [&str; 11] = [
    "name",
    "cpu_milli",
    "memory_mib",
    "num_gpu",
    "gpu_milli",
    "gpu_spec",
    "qos",
    "pod_phase",
    "creation_time",
    "deletion_time",
    "scheduled_time",
];
/// So many of the pods' columns must be there: lists without times and phases exist.
const POD_COLUMNS_NEEDED: usize = 5;

/// The positions of `names` in the table, the first `needed` of which must exist. Other columns are
/// noted and ignored: the format is not ours.
fn find_columns<const N: usize>(
    records: &Records,
    names: [&str; N],
    needed: usize,
    report: &mut ReadReport,
) -> Result<[Option<usize>; N], Diagnostic> {
    let place = records.input.location(0);
    let columns = names.map(|name| records.names().iter().position(|column| column == name));
    if let Some(missing) = columns.iter().take(needed).position(Option::is_none) {
        let message = format!("the table lacks the column `{}`", names[missing]);
        return Err(Diagnostic::error(place, message).help(format!("expected {}", names.join(","))));
    }
    for name in records.names().iter().filter(|name| !names.contains(&name.as_str())) {
        report.note(Diagnostic::warning(place.clone(), "the column is not known and is ignored").found(name));
    }
    Ok(columns)
}

/// The value of an optional field: `None` for the spellings of "missing".
fn optional(records: &Records, column: Option<usize>) -> Option<usize> {
    column.and_then(|field| records.present(field))
}

/// A number of MiB in bytes.
fn mebibytes(records: &Records, field: usize) -> Result<i64, Diagnostic> {
    let bytes = records.count(field)?.checked_mul(MIB);
    bytes.ok_or_else(|| records.fault(field, "the number is too large"))
}

/// The most GPUs of a machine or a pod; larger numbers are slips.
const MAX_GPUS: i64 = 1_000_000;

fn gpus(records: &Records, field: usize) -> Result<i64, Diagnostic> {
    match records.count(field)? {
        count if count <= MAX_GPUS => Ok(count),
        _ => Err(records.fault(field, format!("the number must be at most {MAX_GPUS}"))),
    }
}

/// Reads a list of nodes.
pub fn read_nodes(input: Input) -> Result<(Vec<Machine>, ReadReport), Diagnostic> {
    let mut report = ReadReport::new(input.name(), "openb nodes");
    let mut records = Records::new(input)?;
    let columns = find_columns(&records, NODE_COLUMNS, NODE_COLUMNS.len(), &mut report)?;
    let [name, cpu, memory, gpu, model] = columns.map(|column| column.unwrap_or(0));
    let mut machines = Vec::new();
    let mut names: Set<String> = Set::default();
    while records.next()? {
        let count = gpus(&records, gpu)?;
        check_name(&records, name, records.text(name)?)?;
        if !names.insert(records.text(name)?.to_owned()) {
            return Err(records.fault(name, "another machine has this name"));
        }
        let mut machine = Machine {
            name: records.text(name)?.to_owned(),
            count: 1,
            cpu_milli: records.count(cpu)?,
            memory_bytes: mebibytes(&records, memory)?,
            ..Machine::default()
        };
        if count > 0 {
            machine.extended = vec![(GPU_COUNT.into(), count), (GPU_MILLI.into(), count * MILLI)];
        }
        if let Some(model) = optional(&records, Some(model)) {
            machine.labels = vec![(GPU_MODEL.into(), records.text(model)?.to_owned())];
        }
        report.rows += 1;
        report.used += 1;
        machines.push(machine);
    }
    report.lines = records.input.line();
    report.bytes = records.input.bytes();
    Ok((machines, report))
}

/// Reads a list of pods. A pod's run time is from its scheduling to its deletion.
pub struct PodReader {
    records: Records,
    columns: [Option<usize>; POD_COLUMNS.len()],
    sharing: Sharing,
    report: ReadReport,
}

impl PodReader {
    /// Reads the row of column names.
    pub fn new(input: Input, sharing: Sharing) -> Result<PodReader, Diagnostic> {
        let mut report = ReadReport::new(input.name(), "openb pods");
        let records = Records::new(input)?;
        let columns = find_columns(&records, POD_COLUMNS, POD_COLUMNS_NEEDED, &mut report)?;
        Ok(PodReader { records, columns, sharing, report })
    }

    /// Fills the row; false if the pod is dropped.
    fn fill(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let records = &self.records;
        let [name, cpu, memory, count, milli, ..] = self.columns.map(|column| column.unwrap_or(0));
        row.reset();
        row.name.push_str(records.text(name)?);
        row.cpu_milli = records.count(cpu)?;
        row.memory_bytes = mebibytes(records, memory)?;
        let (count, milli) = (gpus(records, count)?, records.count(milli)?);
        if milli > MILLI {
            return Err(records.fault(self.columns[4].unwrap_or(0), "more than 1000 thousandths of a GPU"));
        }
        if count > 0 {
            let whole = milli == MILLI || self.sharing == Sharing::MilliAndCount;
            if whole {
                row.extended.push((GPU_COUNT.into(), count));
            }
            row.extended.push((GPU_MILLI.into(), count * milli));
        }
        if let Some(field) = optional(records, self.columns[5]) {
            let models = records.text(field)?.split('|').map(str::to_owned).collect();
            row.node_labels_in = Some((GPU_MODEL.into(), models));
        }
        if let Some(field) = optional(records, self.columns[6]) {
            row.labels.push((QOS.into(), records.text(field)?.to_owned()));
        }
        row.status = match self.columns[7].map(|field| records.field(field)) {
            Some(b"Succeeded") => 1,
            Some(b"Failed") => 0,
            _ => -1,
        };
        row.restart_policy = Some(RestartPolicy::Never);
        self.fill_times(row)
    }

    fn fill_times(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let records = &self.records;
        let line = records.input.line();
        let time = |column: usize| {
            optional(records, self.columns[column]).map(|field| records.seconds(field)).transpose()
        };
        let (created, deleted, scheduled) = (time(8)?, time(9)?, time(10)?);
        let submit = created.unwrap_or(0);
        let start = scheduled.unwrap_or(submit);
        row.line = line;
        row.number = self.report.rows as i64 + 1;
        row.submit = Time(submit);
        row.recorded_wait = scheduled.map(|start| Time(start).since(Time(submit)));
        if deleted.is_some_and(|deleted| deleted < start) {
            self.report.drop_row(reason::NEGATIVE_RUN_TIME, line);
            return Ok(false);
        }
        row.run_time = deleted.map(|deleted| Span(deleted - start));
        if created.is_none() {
            self.report.repair_row(reason::NO_CREATION_TIME, line);
        }
        if deleted.is_none() {
            self.report.repair_row(reason::NO_DELETION_TIME, line);
        } else if scheduled.is_none() {
            self.report.repair_row(reason::NEVER_SCHEDULED, line);
        }
        self.report.use_row(row.submit, line);
        Ok(true)
    }
}

impl Reader for PodReader {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let result = loop {
            match self.records.next() {
                Ok(true) => match self.fill(row) {
                    Ok(used) => {
                        self.report.rows += 1;
                        if used {
                            break Ok(true);
                        }
                    }
                    Err(finding) => break Err(finding),
                },
                other => break other,
            }
        };
        self.report.lines = self.records.input.line();
        self.report.bytes = self.records.input.bytes();
        result
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.records.input.sha256().map(Some)
    }
}

/// The amount of a resource; 0 if it is not there.
fn amount(extended: &[(String, i64)], name: &str) -> i64 {
    extended.iter().find(|(resource, _)| resource == name).map_or(0, |(_, amount)| *amount)
}

/// Writes a list of nodes.
pub fn write_nodes(out: impl Write, machines: &[Machine]) -> io::Result<()> {
    let mut table = TableOut::new(out);
    table.record(NODE_COLUMNS.iter().map(|name| (*name).to_owned()))?;
    for machine in machines {
        let model = machine.labels.iter().find(|(key, _)| key == GPU_MODEL);
        let cells = [
            machine.name.clone(),
            machine.cpu_milli.to_string(),
            (machine.memory_bytes / MIB).to_string(),
            amount(&machine.extended, GPU_COUNT).to_string(),
            model.map(|(_, model)| model.clone()).unwrap_or_default(),
        ];
        table.record(cells.into_iter())?;
    }
    table.finish()
}

/// Writes a list of pods, whole seconds only. A row without a recorded wait counts as scheduled when
/// it was submitted.
pub fn write_pods(out: impl Write, rows: impl IntoIterator<Item = Row>) -> io::Result<()> {
    let mut table = TableOut::new(out);
    table.record(POD_COLUMNS.iter().map(|name| (*name).to_owned()))?;
    for row in rows {
        let total = amount(&row.extended, GPU_MILLI);
        let count = amount(&row.extended, GPU_COUNT).max(i64::from(total > 0));
        let submit = row.submit.0 / 1_000_000_000;
        let start = submit + row.recorded_wait.unwrap_or_default().0 / 1_000_000_000;
        let end = row.run_time.map(|run| start + run.0 / 1_000_000_000);
        let phase = match row.status {
            1 => "Succeeded",
            0 => "Failed",
            _ => "Running",
        };
        let cells = [
            row.label(),
            row.cpu_milli.to_string(),
            (row.memory_bytes / MIB).to_string(),
            count.to_string(),
            if count > 0 { (total / count).to_string() } else { "0".into() },
            row.node_labels_in.map(|(_, models)| models.join("|")).unwrap_or_default(),
            row.labels.iter().find(|(key, _)| key == QOS).map(|(_, qos)| qos.clone()).unwrap_or_default(),
            phase.to_owned(),
            submit.to_string(),
            end.map(|end| end.to_string()).unwrap_or_default(),
            start.to_string(),
        ];
        table.record(cells.into_iter())?;
    }
    table.finish()
}
