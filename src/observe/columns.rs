//! The columns of every CSV file with their definitions: the writers take their headers from here,
//! `docs/metrics.md` its tables.
//!
//! How the files are written is not known here.

/// A column: its name, with the unit last, and what it holds.
pub type Column = (&'static str, &'static str);

/// The names of a file's columns.
pub fn names(columns: &'static [Column]) -> impl Iterator<Item = &'static str> {
    columns.iter().map(|(name, _)| *name)
}

/// `pods.csv`: one row a pod; ended and removed ones in order of their end, then those that were
/// still there, in order of creation.
pub const PODS: &[Column] = &[
    ("pod", "Name."),
    ("namespace", "Namespace."),
    (
        "workload",
        "Kind and name of the Deployment, ReplicaSet or Job that it belongs to, such as `Job/train`; empty if there is none.",
    ),
    ("user", "The trace's number of the user; empty if there is none."),
    ("created_s", "Creation of the object."),
    ("first_attempt_s", "First attempt of the scheduler; empty if there was none."),
    ("bound_s", "Binding to a node; empty if there was none."),
    ("started_s", "First start of a main container; empty if there was none."),
    ("ready_s", "First time that the pod was ready; empty if it never was."),
    (
        "ended_s",
        "End of the last container, or removal of the object if that was first; empty at the end of the run.",
    ),
    ("node", "Name of the node."),
    (
        "outcome",
        "`Succeeded`, `Failed`, `Removed` (deleted before an end of its own), `Pending` or `Running` (at the end of the run).",
    ),
    ("reason", "Why it ended or was deleted, in Kubernetes' words."),
    ("attempts", "Attempts of the scheduler."),
    ("restarts", "Starts of containers that had run before."),
    ("request_cpu_cores", "Requested CPU."),
    ("request_memory_bytes", "Requested memory."),
    ("estimate_s", "The user's estimate of the run time; empty if there is none."),
    ("wait_s", "started − created."),
    ("run_s", "ended − started, for pods that reached a terminal phase."),
    ("turnaround_s", "ended − created, for pods that started and reached a terminal phase."),
    ("bounded_slowdown", "max(1, turnaround ÷ max(run, τ)), rounded down to six decimals."),
    ("initial", "1 if the pod existed before the run, else 0."),
    ("message", "What the last scheduling attempt said, of a pod that was never bound; empty otherwise."),
];

/// `waits.csv`: one row a stretch of waiting for one reason, by job in the order of submission and time;
/// batch runs of at most 200 jobs have it, on nodes of at most 200 nodes and 2,000 starts of tasks.
pub const WAITS: &[Column] = &[
    ("job", "Number in the trace; on nodes the name."),
    ("from_s", "Since when it waited for this reason."),
    ("until_s", "Until when: its start (that of its last task), another reason, or the end of the run."),
    ("reason", "Why it did not start, as the policy saw it after its pass."),
];

/// `jobs.csv`: one row a job, in the order in which they ended.
pub const JOBS: &[Column] = &[
    ("job", "Number in the trace."),
    ("user", "The trace's number of the user; empty if there is none."),
    ("processors", "Processors that it held or asked for."),
    ("submit_s", "Submission."),
    ("start_s", "Start; empty if it did not start."),
    ("end_s", "End; empty if it did not end."),
    (
        "outcome",
        "`Completed`, `Failed`, `Killed` (at its requested time), `Rejected`, `NeverStarted` or `Unfinished`.",
    ),
    ("estimate_s", "The user's estimate of the run time; empty if there is none."),
    ("wait_s", "start − submit; for a job that was stopped and went on, turnaround − run."),
    ("run_s", "end − start, without the time that it was stopped."),
    ("turnaround_s", "end − submit."),
    ("bounded_slowdown", "max(1, turnaround ÷ max(run, τ)), rounded down to six decimals."),
    ("machines", "Numbers of the processors that it had, as `0-3 7`, where they are told apart; else empty."),
];

/// `jobs.csv` of a run on nodes: one row a job, in the order in which they ended.
pub const FLEET_JOBS: &[Column] = &[
    ("job", "Name."),
    ("user", "The trace's number of the user; empty if there is none."),
    ("account", "The queue, user or namespace that it counts for; empty without sharing."),
    ("priority", "Priority, higher first."),
    ("tasks", "How many tasks it has."),
    ("task_cpu_cores", "CPU that each task requests."),
    ("task_memory_bytes", "Memory that each task requests."),
    ("submit_s", "Submission."),
    ("start_s", "Start of the first task; empty if none was started."),
    (
        "all_started_s",
        "When all tasks were on nodes or had ended for the first time; empty if they never were.",
    ),
    ("end_s", "End of the last task; empty if it did not end."),
    (
        "outcome",
        "`Completed`, `Failed`, `Killed` (at its requested time), `Rejected`, `NeverStarted` or `Unfinished`.",
    ),
    ("evictions", "How often a task was taken from its node before its end."),
    ("estimate_s", "The user's estimate of the run time; empty if there is none."),
    ("wait_s", "start − submit."),
    ("run_s", "end − start."),
    ("turnaround_s", "end − submit."),
    ("bounded_slowdown", "max(1, turnaround ÷ max(run, τ)), rounded down to six decimals."),
    ("message", "Why tasks of it wait at the end of the run, or why it was rejected; empty otherwise."),
];

/// `nodes.csv`: one row a node, in order of first appearance.
pub const NODES: &[Column] = &[
    ("node", "Name."),
    ("pool", "Name of its pool."),
    ("zone", "Zone label; empty if there is none."),
    ("allocatable_cpu_cores", "Allocatable CPU."),
    ("allocatable_memory_bytes", "Allocatable memory."),
    ("allocatable_other", "Other allocatable amounts as `name=amount`, separated by spaces."),
    ("existed_s", "Time that the Node object existed."),
    ("ready_s", "Time that it existed and was Ready as the API server has it."),
    ("downtime_s", "Time that the machine was down or cut off."),
    ("failures", "Times that it went down or was cut off."),
    ("pods_bound", "Pods that were bound to it."),
    ("requested_cpu_share", "Requested ÷ allocatable CPU, both integrated over the time it existed."),
    ("requested_memory_share", "Requested ÷ allocatable memory, likewise."),
    ("used_cpu_share", "Used ÷ allocatable CPU, likewise."),
    ("used_memory_share", "Used ÷ allocatable memory, likewise."),
    ("cost", "Hours existed × price of the pool, in the scenario's currency."),
];

/// `timeseries.csv`: one row a point. A series is constant from a point to the next; one with more
/// than 2,000 changes is thinned so that its minima and maxima stay.
pub const TIMESERIES: &[Column] = &[
    ("time_s", "Since the start of the run, to twelve significant digits."),
    ("series", "Name of the series."),
    ("unit", "Its unit."),
    ("value", "The value from then on."),
];

/// `events.csv`: one row an event, in order of time.
pub const EVENTS: &[Column] = &[
    ("time_s", "Since the start of the run."),
    (
        "actor",
        "Who did it: a component, `world` for machines and containers, `user` for the scenario's objects and actions.",
    ),
    ("action", "Kubernetes' reason word where there is one."),
    ("kind", "Kind of the object."),
    ("object", "Its name, with its namespace before it unless that is `default`."),
    ("node", "The node it happened on; empty if there is none."),
    ("message", "Why, or what exactly."),
];

/// `decisions.csv`: one row an attempt of the scheduler, in order of time.
pub const DECISIONS: &[Column] = &[
    ("time_s", "Since the start of the run."),
    ("pod", "Name of the pod."),
    ("node", "The node that was chosen; empty if none was found."),
    ("feasible", "Nodes that passed every filter."),
    ("score", "The best total score; 0 if only one node was feasible and nothing was scored."),
    ("tied", "How many nodes had that score."),
    ("attempts", "Attempts that the pod has had, with this one."),
    ("message", "Why no node was found."),
];

/// `summary.csv`: one row a metric.
pub const SUMMARY: &[Column] = &[
    ("name", "Name of the metric, with its scope."),
    ("unit", "Its unit."),
    ("value", "Its value, to twelve significant digits; empty if it is not defined."),
    ("definition", "What it is."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::METRICS;
    use std::fmt::Write as _;

    /// The page `docs/metrics.md`.
    fn page() -> String {
        let mut page = String::from(
            "# Metrics and columns\n\n\
            This page is made from the tables in `src/observe`; after a change there run\n\
            `UPDATE_EXPECT=1 cargo test --lib observe::columns`.\n\n\
            Times count from the start of the run and are in seconds, exact to the nanosecond unless said. Percentiles are\n\
            interpolated linearly between ranks (type 7 of Hyndman and Fan, the default of R, NumPy and pandas);\n\
            they are exact up to 4,194,304 values, beyond that to one part in 4,096. A metric that is not defined\n\
            in a run is empty, and beside every mean stands the number of values it is made of. `<resource>`\n\
            stands for `cpu` (cores), `memory` (bytes), `pods` and every other resource that a node offers.\n\
            Behind a point follows the scope, where there is one: `.pool.<name>`, `.zone.<name>`,\n\
            `.workload.<name>`, `.account.<name>`.\n\n\
            The digest of a run is the SHA-256 of the lines `<sha256>  <file>` (as `sha256sum` prints them) of\n\
            `nodes.csv`, `pods.csv` or `jobs.csv`, `summary.csv` and `timeseries.csv`, in this order; it does\n\
            not depend on which of them are written.\n",
        );
        let mut group = "";
        for metric in METRICS {
            if metric.group != group {
                group = metric.group;
                let _ = write!(page, "\n## {group}\n\n| metric | unit | definition |\n|---|---|---|\n");
            }
            let _ = writeln!(page, "| `{}` | {} | {} |", metric.name, metric.unit, metric.definition);
        }
        for (file, columns) in [
            ("summary.csv", SUMMARY),
            ("pods.csv", PODS),
            ("jobs.csv", JOBS),
            ("jobs.csv (of tasks on nodes)", FLEET_JOBS),
            ("waits.csv", WAITS),
            ("nodes.csv", NODES),
            ("timeseries.csv", TIMESERIES),
            ("events.csv", EVENTS),
            ("decisions.csv", DECISIONS),
        ] {
            let _ = write!(page, "\n## `{file}`\n\n| column | what it holds |\n|---|---|\n");
            for (name, what) in columns {
                let _ = writeln!(page, "| `{name}` | {what} |");
            }
        }
        page
    }

    #[test]
    fn the_page_of_metrics_is_current() {
        expect_test::expect_file!["../../docs/metrics.md"].assert_eq(&page());
    }
}
