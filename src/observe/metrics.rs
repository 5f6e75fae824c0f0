//! Every metric's name, unit and definition, and the sheet that a run's numbers are entered in.
//!
//! How a number is measured is not known here.

use super::results::Metric;
use super::samples::Summary;

/// A metric. Angle brackets in a name stand for a resource, such as `cpu`.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The name; the unit is last in it where there is one.
    pub name: &'static str,
    /// The unit; `<resource>` stands for cores, bytes (`B`) or units (`1`).
    pub unit: &'static str,
    /// What it is.
    pub definition: &'static str,
    /// The heading it is listed under.
    pub group: &'static str,
    /// Whether it belongs into the short summary.
    pub headline: bool,
}

/// Declares the table: a group, then `name, unit, headline, definition` a line.
macro_rules! definitions {
    ($($group:literal: { $($name:literal, $unit:literal, $headline:literal, $definition:literal;)* })*) => {
        &[$($(Definition {
            name: $name,
            unit: $unit,
            definition: $definition,
            group: $group,
            headline: $headline,
        },)*)*]
    };
}

/// Every metric, in the order of output. Where no time passes in a run, a time-weighted mean is the
/// value at its end. A number that is not defined in a run (no sample, no
/// capacity) is left empty; beside every mean stands the number of values it is made of.
pub const METRICS: &[Definition] = definitions! {
    "Pods": {
        "pods_created", "pods", true, "Pods that came to exist, those of the start included; = succeeded + failed + removed + pending + running.";
        "pods_initial", "pods", false, "Pods that existed before the run; they are in no waiting statistic.";
        "pods_succeeded", "pods", true, "Pods that ended in phase Succeeded.";
        "pods_failed", "pods", true, "Pods that ended with an error: in phase Failed without having been deleted before; those that a kubelet refused included.";
        "pods_removed", "pods", false, "Pods deleted before they reached an end of their own: scaled down, evicted, preempted, orphaned, lost with their node.";
        "pods_pending", "pods", false, "Pods without a node at the end of the run.";
        "pods_running", "pods", false, "Pods on a node and not ended at the end of the run.";
        "pods_unplaced", "pods", true, "Pods that were never bound to a node: pending at the end, or gone before.";
        "pods_never_started", "pods", false, "Pods of which no main container ever started, whatever became of them.";
        "pods_unfinished", "pods", true, "Pods that had not ended at the end of the run: pending + running.";
        "pods_rejected", "pods", false, "Pods that the kubelet of their node refused.";
    }
    "Jobs": {
        "jobs_submitted", "jobs", true, "Jobs that were submitted; = completed + failed + killed + rejected + never started + unfinished.";
        "jobs_completed", "jobs", true, "Jobs that ended by themselves and well.";
        "jobs_failed", "jobs", false, "Jobs that ended by themselves with an error or were cancelled.";
        "jobs_killed", "jobs", false, "Jobs stopped at the end of their requested time.";
        "jobs_rejected", "jobs", false, "Jobs that can never run, such as those larger than the machine.";
        "jobs_never_started", "jobs", true, "Jobs still queued at the end of the run.";
        "jobs_unfinished", "jobs", false, "Jobs still running at the end of the run.";
    }
    "Tasks": {
        "tasks_submitted", "tasks", true, "Tasks of the jobs that were submitted to nodes.";
        "tasks_started", "tasks", true, "Starts of tasks on nodes, repeated ones included.";
        "tasks_ended", "tasks", true, "Tasks that came to their end.";
        "tasks_preempted", "tasks", false, "Tasks that were evicted for a job of higher priority.";
        "tasks_reclaimed", "tasks", false, "Tasks that were evicted for a queue below its guarantee.";
        "tasks_lost", "tasks", false, "Tasks that were lost with their node, or evicted because another task that they need was.";
        "tasks_waiting_mean", "tasks", false, "Tasks that wait for a node, time-weighted mean over the run.";
        "tasks_running_mean", "tasks", true, "Tasks on nodes, time-weighted mean over the run.";
        "tasks_running_max", "tasks", false, "The most tasks that were on nodes at a time.";
    }
    "Waiting": {
        "queue_length_mean", "1", true, "Pods created and not yet bound (jobs submitted and not yet started), time-weighted mean over the run.";
        "queue_length_max", "1", true, "The longest queue that lasted any time.";
        "wait_n", "1", false, "How many waits there are: pods (jobs) that started.";
        "wait_mean_s", "s", true, "Mean wait: start of the first main container − creation (start − submission).";
        "wait_p50_s", "s", false, "Median wait.";
        "wait_p90_s", "s", false, "0.9 quantile of the waits.";
        "wait_p99_s", "s", true, "0.99 quantile of the waits.";
        "wait_max_s", "s", false, "Longest wait of those that started.";
        "delay_total_s", "s", false, "Total delay: sum of the waits.";
        "scheduling_latency_n", "1", false, "How many scheduling latencies there are: pods that were bound.";
        "scheduling_latency_mean_s", "s", true, "Mean scheduling latency: binding − creation.";
        "scheduling_latency_p50_s", "s", false, "Median scheduling latency.";
        "scheduling_latency_p90_s", "s", false, "0.9 quantile of the scheduling latencies.";
        "scheduling_latency_p99_s", "s", false, "0.99 quantile of the scheduling latencies.";
        "scheduling_latency_max_s", "s", false, "Longest scheduling latency of those bound.";
        "startup_n", "1", false, "How many start-up times there are: pods that became ready.";
        "startup_mean_s", "s", false, "Mean start-up time: first ready − binding.";
        "startup_p50_s", "s", false, "Median start-up time.";
        "startup_p90_s", "s", false, "0.9 quantile of the start-up times.";
        "startup_p99_s", "s", false, "0.99 quantile of the start-up times.";
        "startup_max_s", "s", false, "Longest start-up time of those that became ready.";
        "scheduling_attempts_total", "1", false, "Attempts of the scheduler.";
        "scheduling_failures_total", "1", false, "Attempts of the scheduler that found no node.";
    }
    "Completion": {
        "makespan_s", "s", true, "Largest end − smallest submission, over pods (jobs) that started and ended.";
        "last_end_s", "s", false, "Largest end, from the start of the run (some papers call this makespan).";
        "throughput_per_s", "1/s", false, "Pods (jobs) that ended well ÷ makespan.";
        "completion_time_total_s", "s", false, "Total completion time: sum of the ends, from the start of the run, over those that started and ended.";
        "turnaround_n", "1", false, "How many turnarounds there are: pods (jobs) that started and reached an end by themselves, well or not.";
        "turnaround_mean_s", "s", true, "Mean turnaround: end − submission.";
        "turnaround_p50_s", "s", false, "Median turnaround.";
        "turnaround_p90_s", "s", false, "0.9 quantile of the turnarounds.";
        "turnaround_p99_s", "s", false, "0.99 quantile of the turnarounds.";
        "turnaround_max_s", "s", false, "Longest turnaround.";
        "slowdown_n", "1", false, "How many slowdowns there are: turnarounds of those that ran longer than nothing.";
        "slowdown_mean", "1", false, "Mean slowdown: turnaround ÷ run time.";
        "slowdown_p50", "1", false, "Median slowdown.";
        "slowdown_p90", "1", false, "0.9 quantile of the slowdowns.";
        "slowdown_p99", "1", false, "0.99 quantile of the slowdowns.";
        "slowdown_max", "1", false, "Largest slowdown.";
        "bounded_slowdown_n", "1", false, "How many bounded slowdowns there are: as turnarounds.";
        "bounded_slowdown_mean", "1", true, "Mean bounded slowdown: max(1, turnaround ÷ max(run time, τ)), τ = 10 s unless set.";
        "bounded_slowdown_p50", "1", false, "Median bounded slowdown.";
        "bounded_slowdown_p90", "1", false, "0.9 quantile of the bounded slowdowns.";
        "bounded_slowdown_p99", "1", false, "0.99 quantile of the bounded slowdowns.";
        "bounded_slowdown_max", "1", false, "Largest bounded slowdown.";
    }
    "Utilization": {
        "utilization_requested_<resource>", "1", true, "Requested ÷ allocatable of the nodes that exist, both integrated over the run (as they are at its end if no time passes); a request counts from binding until the pod has ended or is gone.";
        "utilization_used_<resource>", "1", true, "Used ÷ allocatable of the nodes that exist, as for requested.";
        "capacity_mean_<resource>", "<resource>", false, "Allocatable of the nodes that exist, time-weighted mean over the run.";
        "allocation_total_<resource>", "<resource>·s", false, "Total allocation: sum over pods of requested × time held (binding to end).";
        "utilization_processors", "1", true, "Σ processors × run time ÷ (processors of the machine × makespan), over the jobs that started and ended.";
        "utilization_until_last_start", "1", false, "Σ processors × run time ÷ (processors of the machine × (last start − first submission)); some papers use this window.";
        "allocation_total_processor_s", "processor·s", false, "Σ processors × run time; of unfinished jobs until the end of the run.";
    }
    "Fragmentation": {
        "fragmentation_<resource>", "1", false, "Share of the free amount, on ready and uncordoned nodes, that no queued pod can use: it lies on nodes on which none of them fits by its requests. Time-weighted over the time that pods are queued, from samples at least 1 s apart (more in long runs).";
        "fragmentation_samples_n", "1", false, "How many samples the fragmentation is made of.";
        "stranded_<resource>", "1", false, "Stranded: free CPU on nodes with less than 5 % of their memory or no pod slot left (free memory on nodes with less than 5 % of their CPU or no pod slot left) ÷ allocatable, both integrated over the run.";
    }
    "Work": {
        "goodput_core_s", "core·s", false, "Requested CPU × work of main containers that counted: of pods that succeeded, and of all containers of pods that are always restarted (services).";
        "work_lost_core_s", "core·s", false, "Requested CPU × work of main containers that was lost to failures, kills, evictions and restarts.";
        "work_unfinished_core_s", "core·s", false, "Requested CPU × time run so far of what runs at the end, and work of pods whose fate is open.";
        "goodput_share", "1", false, "Goodput ÷ (goodput + work lost).";
        "goodput_processor_s", "processor·s", false, "Processors × run time of jobs that completed.";
        "work_lost_processor_s", "processor·s", false, "Processors × run time of jobs that failed or were killed.";
    }
    "Disruption": {
        "restarts_total", "1", true, "Starts of containers that had run before.";
        "evictions_total", "pods", true, "Pods deleted because of a NoExecute taint of their node.";
        "preemptions_total", "pods", false, "Pods deleted to make room for a pod of higher priority.";
        "oom_kills_total", "1", false, "Containers killed for using too much memory.";
        "node_failures_total", "1", true, "Times that a node went down or was cut off.";
        "node_downtime_s", "s", false, "Time that nodes were down or cut off, summed over nodes.";
        "replica_availability", "1", true, "Share of the desired replicas of Deployments and ReplicaSets that were ready on a node that was up and not being deleted, time-weighted from the workload's creation.";
    }
    "Fairness": {
        "users", "1", false, "Users with at least one wait.";
        "wait_jain_users", "1", false, "Jain's index of the users' mean waits: (Σx)² ÷ (n·Σx²).";
        "wait_gini_users", "1", false, "Gini coefficient of the users' mean waits.";
        "dominant_share_mean", "1", false, "Dominant share of an account (the largest share that it holds of any resource of the nodes that are up), time-weighted mean over the run.";
        "dominant_share_max", "1", false, "The largest dominant share that an account had.";
    }
    "Nodes": {
        "nodes_total", "nodes", false, "Nodes that existed at some time of the run.";
        "processors", "processors", false, "Processors of the machine.";
        "nodes_mean", "nodes", false, "Nodes that exist, time-weighted mean over the run.";
        "nodes_ready_mean", "nodes", false, "Nodes that exist and are Ready as the API server has it, time-weighted mean over the run.";
        "node_hours", "h", false, "Hours that nodes existed, summed.";
    }
    "Cost": {
        "cost_total", "currency", true, "Σ over nodes of hours existed × price of the pool, in the currency of the prices; empty if no pool has a price.";
        "cost_per_succeeded_pod", "currency", false, "Total cost ÷ pods that succeeded.";
    }
    "Run": {
        "end_s", "s", false, "The moment at which the run ended.";
    }
};

/// What a metric with a scope is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope<'a> {
    /// The whole run.
    All,
    /// A node pool: `.pool.<name>`.
    Pool(&'a str),
    /// A zone: `.zone.<name>`.
    Zone(&'a str),
    /// A workload: `.workload.<name>`.
    Workload(&'a str),
    /// Somebody who shares nodes with others: `.account.<name>`.
    Account(&'a str),
}

/// The metrics of a run as they are entered, in any order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sheet {
    rows: Vec<(usize, Metric)>,
}

impl Sheet {
    /// Enters a metric of the whole run.
    pub fn put(&mut self, name: &'static str, value: impl Into<Option<f64>>) {
        self.put_scoped(name, "", Scope::All, value);
    }

    /// Enters a count.
    pub fn count(&mut self, name: &'static str, value: u64) {
        self.put(name, value as f64);
    }

    /// Enters a metric of a resource and a scope; `pattern` is the name in [`METRICS`].
    ///
    /// # Panics
    /// If the table has no such metric.
    pub fn put_scoped(
        &mut self,
        pattern: &'static str,
        resource: &str,
        scope: Scope<'_>,
        value: impl Into<Option<f64>>,
    ) {
        let (order, definition) = METRICS
            .iter()
            .enumerate()
            .find(|(_, definition)| definition.name == pattern)
            .expect("every metric that is entered is in the table");
        let name = pattern.replace("<resource>", resource);
        let name = match scope {
            Scope::All => name,
            Scope::Pool(pool) => format!("{name}.pool.{pool}"),
            Scope::Zone(zone) => format!("{name}.zone.{zone}"),
            Scope::Workload(workload) => format!("{name}.workload.{workload}"),
            Scope::Account(account) => format!("{name}.account.{account}"),
        };
        let metric = Metric {
            name,
            unit: unit(definition.unit, resource),
            value: value.into().filter(|value| value.is_finite()),
            definition: definition.definition,
            group: definition.group,
            headline: definition.headline && scope == Scope::All && matches!(resource, "" | "cpu" | "memory"),
        };
        self.rows.push((order, metric));
    }

    /// Enters number, mean, percentiles and maximum of a sample under `names`.
    pub fn summary(&mut self, names: &SummaryNames, summary: &Summary) {
        self.put(names.0[0], summary.n as f64);
        let values = [summary.mean, summary.p50, summary.p90, summary.p99, summary.max];
        for (name, value) in names.0[1..].iter().zip(values) {
            self.put(name, value);
        }
    }

    /// The metrics in the order of the table; within one metric as they were entered.
    pub fn finish(mut self) -> Vec<Metric> {
        self.rows.sort_by_key(|(order, _)| *order);
        self.rows.into_iter().map(|(_, metric)| metric).collect()
    }
}

/// The names of number, mean, percentiles and maximum of a sample.
#[derive(Clone, Copy, Debug)]
pub struct SummaryNames([&'static str; 6]);

/// Makes [`SummaryNames`] from a stem and the end of the names.
macro_rules! summary_names {
    ($stem:literal, $end:literal) => {
        SummaryNames([
            concat!($stem, "_n"),
            concat!($stem, "_mean", $end),
            concat!($stem, "_p50", $end),
            concat!($stem, "_p90", $end),
            concat!($stem, "_p99", $end),
            concat!($stem, "_max", $end),
        ])
    };
}

/// Waits.
pub const WAIT: SummaryNames = summary_names!("wait", "_s");
/// Scheduling latencies.
pub const SCHEDULING_LATENCY: SummaryNames = summary_names!("scheduling_latency", "_s");
/// Start-up times.
pub const STARTUP: SummaryNames = summary_names!("startup", "_s");
/// Turnarounds.
pub const TURNAROUND: SummaryNames = summary_names!("turnaround", "_s");
/// Slowdowns.
pub const SLOWDOWN: SummaryNames = summary_names!("slowdown", "");
/// Bounded slowdowns.
pub const BOUNDED_SLOWDOWN: SummaryNames = summary_names!("bounded_slowdown", "");

/// The unit of a metric of a resource.
fn unit(pattern: &'static str, resource: &str) -> &'static str {
    let kind = match resource {
        "cpu" => 0,
        "memory" | "ephemeral-storage" => 1,
        name if name.starts_with("hugepages-") => 1,
        _ => 2,
    };
    match pattern {
        "<resource>" => ["cores", "B", "1"][kind],
        "<resource>·s" => ["core·s", "B·s", "1·s"][kind],
        other => other,
    }
}

/// By how much stored amounts of a resource are larger than its unit: CPU is stored in millicores.
pub fn resource_scale(resource: &str) -> f64 {
    if resource == "cpu" { 1_000.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_carry_their_unit() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(metric.unit != "s" || metric.name.ends_with("_s"), "{}", metric.name);
            assert!(metric.definition.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn the_sheet_is_in_the_order_of_the_table() {
        let mut sheet = Sheet::default();
        sheet.put("end_s", 3.0);
        sheet.put_scoped("allocation_total_<resource>", "cpu", Scope::All, 1.0);
        sheet.put_scoped("utilization_requested_<resource>", "cpu", Scope::Zone("a"), f64::NAN);
        sheet.count("pods_created", 2);
        let rows = sheet.finish();
        let names: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.unit, row.value)).collect();
        assert_eq!(
            names,
            [
                ("pods_created", "pods", Some(2.0)),
                ("utilization_requested_cpu.zone.a", "1", None),
                ("allocation_total_cpu", "core·s", Some(1.0)),
                ("end_s", "s", Some(3.0)),
            ]
        );
    }
}
