//! seatrial's own tables: a workload, one row a line, and a list of machines.
//!
//! The format is described in `docs/trace-format.md`. Columns are found by name, in any order; units
//! stand in the names; an unknown column is an error, because a misspelt one would be lost silently.

mod machines;
mod quantity;
mod read;
mod write;

pub use machines::{MAX_COUNT, Machine, MachineColumn, expand, read_machines, write_machines};
pub use read::TableReader;
pub use write::{TableWriter, used_columns};

pub(super) use machines::check_name;
pub(super) use write::TableOut;

/// A column of a workload table, in the order in which they are written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Column {
    /// `number`: the job number.
    Number,
    /// `name`.
    Name,
    /// `submit_s`: seconds since the trace's time 0.
    Submit,
    /// `run_time_s`: seconds.
    RunTime,
    /// `estimate_s`: seconds.
    Estimate,
    /// `tasks`: equal tasks.
    Tasks,
    /// `cpu`: a Kubernetes quantity, per task.
    Cpu,
    /// `memory`: a Kubernetes quantity, per task.
    Memory,
    /// `processors`: whole processors of the row.
    Processors,
    /// `priority`.
    Priority,
    /// `user`.
    User,
    /// `group`.
    Group,
    /// `queue`.
    Queue,
    /// `partition`.
    Partition,
    /// `exit_code`: 0 to 255.
    ExitCode,
    /// `restart_policy`: `Always`, `OnFailure` or `Never`.
    RestartPolicy,
    /// `recorded_wait_s`: seconds.
    RecordedWait,
    /// `status`: as in SWF.
    Status,
    /// `preceding`: the number of the job that must end before.
    Preceding,
    /// `after`: the numbers of further jobs that must end before.
    After,
    /// `think_time_s`: seconds.
    ThinkTime,
    /// `deadline_s`: seconds after the submission.
    Deadline,
    /// `nodes:<label>`: values of a node label, separated by `|`.
    Nodes(String),
    /// `resource:<name>`: a Kubernetes quantity, per task.
    Resource(String),
    /// `label:<key>`: a label of the tasks.
    Label(String),
}

/// The columns with fixed names.
const FIXED: [(&str, Column); 22] = [
    ("number", Column::Number),
    ("name", Column::Name),
    ("submit_s", Column::Submit),
    ("run_time_s", Column::RunTime),
    ("estimate_s", Column::Estimate),
    ("tasks", Column::Tasks),
    ("cpu", Column::Cpu),
    ("memory", Column::Memory),
    ("processors", Column::Processors),
    ("priority", Column::Priority),
    ("user", Column::User),
    ("group", Column::Group),
    ("queue", Column::Queue),
    ("partition", Column::Partition),
    ("exit_code", Column::ExitCode),
    ("restart_policy", Column::RestartPolicy),
    ("recorded_wait_s", Column::RecordedWait),
    ("status", Column::Status),
    ("preceding", Column::Preceding),
    ("after", Column::After),
    ("think_time_s", Column::ThinkTime),
    ("deadline_s", Column::Deadline),
];

/// The beginnings of the columns whose names go on with a key.
const PREFIXES: [&str; 3] = ["nodes:", "resource:", "label:"];

impl Column {
    /// The column of that name.
    pub fn parse(name: &str) -> Option<Column> {
        if let Some((_, column)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
            return Some(column.clone());
        }
        let (prefix, key) = name.split_once(':')?;
        if key.is_empty() {
            return None;
        }
        match prefix {
            "nodes" => Some(Column::Nodes(key.to_owned())),
            "resource" => Some(Column::Resource(key.to_owned())),
            "label" => Some(Column::Label(key.to_owned())),
            _ => None,
        }
    }

    /// The name as the table has it.
    pub fn name(&self) -> String {
        match self {
            Column::Nodes(key) => format!("nodes:{key}"),
            Column::Resource(key) => format!("resource:{key}"),
            Column::Label(key) => format!("label:{key}"),
            fixed => FIXED.iter().find(|(_, column)| column == fixed).map_or("", |(name, _)| name).to_owned(),
        }
    }

    /// All names and beginnings of names, for messages.
    pub(super) fn known() -> impl Iterator<Item = &'static str> + Clone {
        FIXED.iter().map(|(name, _)| *name).chain(PREFIXES)
    }
}
