//! Observing a run of a fleet: jobs of tasks on nodes with several resources.
//!
//! The same metrics as for pods and for batch jobs, by the same definitions, where they exist. Who
//! decides which task starts where is not known here.

use super::batch::JobOutcome;
use super::columns;
use super::durations::{DEFAULT_BOUND, Durations};
use super::fleet_accounts::AccountLog;
use super::fleet_nodes::NodeLog;
use super::fleet_waits::FleetWaits;
use super::metrics::{Scope, Sheet, resource_scale};
use super::outputs::Observed;
use super::results::{BarKind, Results, Series};
use super::series::StepSeries;
use super::stats::{Integral, ratio};
use super::table::{Sink, Table};
use super::waits;
use crate::base::ids::{NodeId, ResourceId, TaskId};
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};
use crate::cluster::Fleet;
use crate::cluster::fleet::Task;
use crate::control::fleet::{Eviction, FleetControl, Reason};
use crate::sim::{FleetJob, FleetObserver, NodeSetup, Pool, SubmissionName};
use std::io;

/// How a run is observed.
#[derive(Clone, Copy, Debug)]
pub struct FleetOptions {
    /// τ of the bounded slowdown.
    pub slowdown_bound: Span,
    /// How many bars are kept for the Gantt chart.
    pub bars: usize,
}

impl Default for FleetOptions {
    fn default() -> FleetOptions {
        FleetOptions { slowdown_bound: DEFAULT_BOUND, bars: 5_000 }
    }
}

/// A quantity over the run.
#[derive(Default)]
struct Level {
    integral: Integral,
    series: StepSeries,
    most: i64,
}

impl Level {
    fn set(&mut self, now: Time, value: i64) {
        if i128::from(value) != self.integral.value() {
            self.integral.set(now.0, value);
            self.series.set(now.0, value as f64);
            self.most = self.most.max(value);
        }
    }
}

/// How tasks left their nodes, counted.
#[derive(Default)]
struct Counts {
    submitted: u64,
    started: u64,
    ended: u64,
    preempted: u64,
    reclaimed: u64,
    lost: u64,
}

/// Observes a run of a fleet. Feed it to the engine, then call [`FleetLog::observed`].
pub struct FleetLog {
    durations: Durations,
    table: Table,
    nodes: NodeLog,
    accounts: AccountLog,
    waits: FleetWaits,
    jobs: u64,
    outcomes: [u64; 6],
    tasks: Counts,
    /// Requested cores in thousandths times nanoseconds: of tasks that ended well, and in vain.
    good: u128,
    lost: u128,
    /// Jobs with tasks that have never been started, and tasks that wait.
    queue: Level,
    waiting: Level,
    running: Level,
    /// What tasks hold and what nodes have, by resource.
    used: Vec<Level>,
    capacity: Vec<Level>,
    resources: Vec<String>,
    queued: i64,
    unplaced: Vec<(String, u64)>,
    end: Option<Time>,
}

impl FleetLog {
    /// An observer that writes `jobs.csv` into `sink`, if there is one.
    pub fn new(options: FleetOptions, sink: Option<Sink>) -> FleetLog {
        FleetLog {
            durations: Durations::new(options.slowdown_bound),
            table: Table::new(sink, columns::names(columns::FLEET_JOBS)),
            nodes: NodeLog::new(options.bars),
            accounts: AccountLog::default(),
            waits: FleetWaits::default(),
            jobs: 0,
            outcomes: [0; 6],
            tasks: Counts::default(),
            good: 0,
            lost: 0,
            queue: Level::default(),
            waiting: Level::default(),
            running: Level::default(),
            used: Vec::new(),
            capacity: Vec::new(),
            resources: Vec::new(),
            queued: 0,
            unplaced: Vec::new(),
            end: None,
        }
    }

    /// The work of a task since it was started on its node, in thousandths of a core times nanoseconds.
    fn work(now: Time, task: &Task, fleet: &Fleet) -> u128 {
        let cpu = fleet.class_of(task.job).request(ResourceId::CPU).max(0);
        cpu as u128 * u128::from(now.since(task.started).0)
    }

    fn write_row(
        &mut self,
        job: &FleetJob,
        fleet: &Fleet,
        end: Option<Time>,
        outcome: JobOutcome,
        why: &str,
    ) {
        self.outcomes[outcome as usize] += 1;
        let class = &fleet.cluster.classes[job.class];
        let table = &mut self.table;
        write_name(table, &job.name);
        if job.user >= 0 {
            table.integer(job.user);
        } else {
            table.empty();
        }
        table.text(self.accounts.name(job.account));
        table.integer(job.priority);
        table.integer(job.tasks);
        table.decimal(class.request(ResourceId::CPU).max(0) as u64, 3);
        table.integer(class.request(ResourceId::MEMORY));
        table.seconds(job.at.0);
        table.maybe_seconds(job.first_start.map(|time| time.0));
        table.maybe_seconds(job.all_started.map(|time| time.0));
        table.maybe_seconds(end.map(|time| time.0));
        table.text(outcome.name());
        table.integer(job.evictions);
        table.maybe_seconds(job.estimate.map(|span| span.0));
        table.maybe_seconds(job.first_start.map(|start| start.since(job.at).0));
        if let (Some(start), Some(end)) = (job.first_start, end) {
            let (run, turnaround) = (end.since(start), end.since(job.at));
            table.seconds(run.0);
            table.seconds(turnaround.0);
            table.decimal(self.durations.bounded_micros(turnaround, run), 6);
        } else {
            (0..3).for_each(|_| table.empty());
        }
        table.text(why);
        table.end_row();
    }

    /// The results, once the run has told its end; or the first error of the sink. A run that was
    /// broken off before its end is an error of kind `Interrupted`.
    pub fn observed(mut self) -> io::Result<Observed> {
        let end = self
            .end
            .ok_or_else(|| io::Error::new(io::ErrorKind::Interrupted, "the run did not come to its end"))?;
        let mut sheet = Sheet::default();
        self.report(end, &mut sheet);
        self.nodes.report(end, &mut sheet);
        self.accounts.report(end, &mut sheet);
        let completed = self.outcomes[JobOutcome::Completed as usize];
        let reported = self.durations.report(&mut sheet, completed);
        let mut series = self.series(end);
        series.extend(self.accounts.series(end));
        let keeps_waits = self.waits.are_kept(self.tasks.started);
        let waits = if keeps_waits { self.waits.finish(end) } else { Vec::new() };
        let mut gantt = self.nodes.gantt();
        waits::draw(&waits, &mut gantt);
        let results = Results {
            metrics: sheet.finish(),
            series,
            samples: reported.samples,
            gantt,
            unplaced: self.unplaced,
            waits,
            keeps_waits,
            end,
            ..Results::default()
        };
        let documents = vec![self.nodes.document(end)];
        let mut observed = Observed::new(results, documents, vec![self.table.finish("jobs.csv")?]);
        if keeps_waits {
            observed.documents.push(waits::table(&observed.results.waits));
        }
        Ok(observed)
    }

    fn report(&self, now: Time, sheet: &mut Sheet) {
        sheet.count("jobs_submitted", self.jobs);
        for (name, outcome) in [
            ("jobs_completed", JobOutcome::Completed),
            ("jobs_failed", JobOutcome::Failed),
            ("jobs_killed", JobOutcome::Killed),
            ("jobs_rejected", JobOutcome::Rejected),
            ("jobs_never_started", JobOutcome::NeverStarted),
            ("jobs_unfinished", JobOutcome::Unfinished),
        ] {
            sheet.count(name, self.outcomes[outcome as usize]);
        }
        let tasks = &self.tasks;
        for (name, count) in [
            ("tasks_submitted", tasks.submitted),
            ("tasks_started", tasks.started),
            ("tasks_ended", tasks.ended),
            ("tasks_preempted", tasks.preempted),
            ("tasks_reclaimed", tasks.reclaimed),
            ("tasks_lost", tasks.lost),
        ] {
            sheet.count(name, count);
        }
        sheet.put("tasks_waiting_mean", self.waiting.integral.mean(now.0));
        sheet.put("tasks_running_mean", self.running.integral.mean(now.0));
        sheet.put("tasks_running_max", self.running.most as f64);
        sheet.put("queue_length_mean", self.queue.integral.mean(now.0));
        sheet.put("queue_length_max", self.queue.most as f64);
        let core_seconds = |work: u128| work as f64 / 1_000.0 / NANOS_PER_SECOND as f64;
        sheet.put("goodput_core_s", core_seconds(self.good));
        sheet.put("work_lost_core_s", core_seconds(self.lost));
        let clamp = |value: u128| i128::try_from(value).unwrap_or(i128::MAX);
        sheet.put("goodput_share", ratio(clamp(self.good), clamp(self.good.saturating_add(self.lost))));
        for (row, name) in self.resources.iter().enumerate() {
            let (used, capacity) = (&self.used[row].integral, &self.capacity[row].integral);
            if self.capacity[row].most == 0 {
                continue;
            }
            let mut put = |pattern, value: Option<f64>| sheet.put_scoped(pattern, name, Scope::All, value);
            put("utilization_requested_<resource>", ratio(used.share(now.0), capacity.share(now.0)));
            let scale = resource_scale(name);
            put("capacity_mean_<resource>", Some(capacity.mean(now.0) / scale));
            put(
                "allocation_total_<resource>",
                Some(used.total(now.0) as f64 / scale / NANOS_PER_SECOND as f64),
            );
        }
        sheet.put("end_s", now.as_secs_f64());
    }

    fn series(&self, end: Time) -> Vec<Series> {
        let one = |name: &str, label: &str, chart, unit, level: &Level, scale| Series {
            name: name.into(),
            label: label.into(),
            chart,
            unit,
            points: level.series.finish(end.0, scale),
        };
        let mut series = Vec::new();
        for (row, name) in self.resources.iter().enumerate() {
            let most = self.capacity[row].most;
            if most > 0 && self.used[row].most > 0 {
                let label = format!("{name}, of the largest capacity");
                let used = format!("requested_{name}");
                series.push(one(&used, &label, "utilization", "1", &self.used[row], most as f64));
            }
        }
        series.push(one("queue_length", "Jobs waiting", "queue", "jobs", &self.queue, 1.0));
        series.push(one("tasks_waiting", "Tasks waiting", "tasks", "tasks", &self.waiting, 1.0));
        series.push(one("tasks_running", "Tasks running", "tasks", "tasks", &self.running, 1.0));
        series
    }

    fn not_started(&mut self, why: &str) {
        match self.unplaced.iter_mut().find(|(known, _)| known == why) {
            Some((_, count)) => *count += 1,
            None => self.unplaced.push((why.to_owned(), 1)),
        }
    }
}

/// The name of a job.
fn write_name(table: &mut Table, name: &SubmissionName) {
    match name {
        SubmissionName::Own(name) => table.text(name),
        SubmissionName::Numbered(base, number) => table.text(&format!("{base}-{number}")),
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl FleetObserver for FleetLog {
    fn begin(&mut self, fleet: &Fleet, nodes: &[NodeSetup], pools: &[Pool]) {
        self.nodes.begin(fleet, nodes, pools);
        self.waits.begin(nodes.len());
    }

    fn submitted(&mut self, _now: Time, job: &FleetJob, control: &FleetControl) {
        self.accounts.learn(job.account, control);
        self.jobs += 1;
        self.tasks.submitted += u64::from(job.tasks);
        self.queued += 1;
        self.waits.submitted();
    }

    fn rejected(&mut self, _now: Time, job: &FleetJob, fleet: &Fleet, why: &str) {
        self.jobs += 1;
        self.tasks.submitted += u64::from(job.tasks);
        self.not_started(why);
        self.write_row(job, fleet, None, JobOutcome::Rejected, why);
    }

    fn started(&mut self, now: Time, job: &FleetJob, id: TaskId, task: &Task, fleet: &Fleet) {
        self.tasks.started += 1;
        if job.starts == 1 {
            self.durations.started(now, now.since(job.at), job.user);
            self.queued -= 1;
        }
        self.nodes.started(now, id, task, fleet);
        self.accounts.started(now, job.account);
    }

    fn ended(&mut self, now: Time, job: &FleetJob, id: TaskId, task: &Task, fleet: &Fleet) {
        self.tasks.ended += 1;
        let work = Self::work(now, task, fleet);
        if job.fails || job.killed {
            self.lost += work;
        } else {
            self.good += work;
        }
        let kind = if job.fails || job.killed { BarKind::Failed } else { BarKind::Ran };
        self.nodes.left(now, job, (id, task), kind, fleet);
        self.accounts.left(now, job.account);
    }

    fn evicted(
        &mut self,
        now: Time,
        job: &FleetJob,
        (id, task, why): (TaskId, &Task, Eviction),
        kept: bool,
        fleet: &Fleet,
    ) {
        match why {
            Eviction::Preempted => self.tasks.preempted += 1,
            Eviction::Reclaimed => self.tasks.reclaimed += 1,
            Eviction::Lost | Eviction::Sibling => self.tasks.lost += 1,
        }
        let work = Self::work(now, task, fleet);
        if kept {
            self.good += work;
        } else {
            self.lost += work;
        }
        self.nodes.left(now, job, (id, task), BarKind::Lost, fleet);
        self.accounts.left(now, job.account);
    }

    fn job_ended(&mut self, now: Time, job: &FleetJob, fleet: &Fleet) {
        let start = job.first_start.expect("an ended job has started");
        self.durations.ended(job.at, now, now.since(start));
        let outcome = match (job.killed, job.fails) {
            (true, _) => JobOutcome::Killed,
            (false, true) => JobOutcome::Failed,
            (false, false) => JobOutcome::Completed,
        };
        self.write_row(job, fleet, Some(now), outcome, "");
    }

    fn node(&mut self, now: Time, node: NodeId, up: bool) {
        self.nodes.node(now, node, up);
    }

    fn instant(&mut self, now: Time, fleet: &Fleet, waiting: u64, control: &FleetControl) {
        self.queue.set(now, self.queued);
        self.waiting.set(now, waiting as i64);
        self.running.set(now, fleet.running as i64);
        let resources = fleet.capacity.len();
        if self.used.len() < resources {
            self.used.resize_with(resources, Level::default);
            self.capacity.resize_with(resources, Level::default);
        }
        for row in 0..resources {
            self.used[row].set(now, clamp(fleet.used[row]));
            self.capacity[row].set(now, clamp(fleet.capacity[row]));
        }
        self.accounts.instant(now, fleet, control);
    }

    fn wants_reasons(&self) -> bool {
        self.waits.are_kept(self.tasks.started)
    }

    fn waits(&mut self, now: Time, waiting: &[(&FleetJob, Reason<String>)]) {
        self.waits.told(now, waiting);
    }

    fn finish(
        &mut self,
        now: Time,
        fleet: &Fleet,
        control: &FleetControl,
        open: &[(FleetJob, Option<String>)],
    ) {
        self.accounts.instant(now, fleet, control);
        let resources = 0..fleet.capacity.len() as u32;
        self.resources =
            resources.map(|row| fleet.cluster.resource_name(ResourceId(row)).to_owned()).collect();
        self.used.resize_with(self.resources.len(), Level::default);
        self.capacity.resize_with(self.resources.len(), Level::default);
        for (job, why) in open {
            let outcome =
                if job.first_start.is_some() { JobOutcome::Unfinished } else { JobOutcome::NeverStarted };
            let why = why.as_deref().unwrap_or_default();
            if !why.is_empty() && job.first_start.is_none() {
                self.not_started(why);
            }
            self.write_row(job, fleet, None, outcome, why);
        }
        self.nodes.finish(now, fleet, open.iter().map(|(job, _)| job));
        self.end = Some(now);
    }
}

#[cfg(test)]
mod tests;
