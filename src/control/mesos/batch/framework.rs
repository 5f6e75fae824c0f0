//! A framework that runs tasks to their end: pods that nobody owns, and the pods of Jobs.
//!
//! A queue in order of arrival; a failed task of a Job is tried again as Chronos does it. A Job may name
//! others in its namespace that must have succeeded before (`seatrial.dev/mesos-parents`).

use super::queue::{Waiting, choose};
use super::retries::{DependencyEnd, Outcome, Record, is_released};
use crate::api::status::{Condition, JobStatus, Truth};
use crate::api::{PodPhase, Status};
use crate::base::ids::{ClassId, WorkloadId};
use crate::base::{Map, Set, Time};
use crate::cluster::workloads::{JobEnd, job_end};
use crate::cluster::{Cluster, PodRef, Reason, WorkloadKind};
use crate::control::mesos::agents::{Capabilities, TaskFate};
use crate::control::mesos::amounts::Amounts;
use crate::control::mesos::framework::{Answer, Context, Framework, Offer};
use crate::control::mesos::marathon::wants::Call;
use crate::control::mesos::needs::{may_run, needs};
use crate::control::mesos::settings::BatchSettings;
use crate::control::{About, PodBefore, PodStatus, Write};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The annotation of a Job with the names of those that must have succeeded before it begins.
pub const PARENTS: &str = "seatrial.dev/mesos-parents";

/// Pods of a Job that are asked for at a time.
const BURST: usize = 1_000;
/// Places of the queue that may be empty before it is made anew.
const SPARE: usize = 64;

/// A Job.
#[derive(Clone, Debug)]
struct Run {
    /// How often each task that has begun was tried again.
    attempts: Vec<u32>,
    /// How many there are to be.
    completions: usize,
    /// How many have succeeded.
    done: usize,
    parallelism: usize,
    indexed: bool,
    suspended: bool,
    parents: Vec<String>,
    record: Record,
    /// The pods of it that have not ended, with the task.
    pods: BTreeMap<PodRef, usize>,
    /// Tasks whose pod is asked for.
    creating: VecDeque<usize>,
    failed: i32,
    start: Option<Time>,
    end: JobEnd,
    /// The status as it was written last.
    written: JobStatus,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub(in crate::control::mesos) struct BatchFramework {
    settings: BatchSettings,
    queue: VecDeque<PodRef>,
    /// The pods of the queue that have not gone.
    queued: Set<PodRef>,
    /// What pods of the classes that it has seen need.
    needs: Map<ClassId, Amounts>,
    jobs: BTreeMap<WorkloadId, Run>,
    of_job: Map<PodRef, WorkloadId>,
    retries: BTreeSet<(Time, WorkloadId, usize)>,
    /// Whether the master knows that offers are wanted.
    wanted: bool,
}

impl BatchFramework {
    pub(in crate::control::mesos) fn new(settings: &BatchSettings) -> BatchFramework {
        BatchFramework {
            settings: settings.clone(),
            queue: VecDeque::new(),
            queued: Set::default(),
            needs: Map::default(),
            jobs: BTreeMap::new(),
            of_job: Map::default(),
            retries: BTreeSet::new(),
            wanted: true,
        }
    }

    /// Asks for the pods of a Job that may begin, and ends the Job if that is due.
    fn go_on(&mut self, id: WorkloadId, context: &mut Context<'_>) {
        let released = self.is_released(id, context.cluster);
        let Some(run) = self.jobs.get_mut(&id).filter(|run| run.end == JobEnd::Open) else { return };
        if run.done >= run.completions {
            run.record.succeeded(context.now);
            return self.finish(id, JobEnd::Complete, context);
        }
        if released && !run.suspended {
            run.start.get_or_insert(context.now);
            let open = run.pods.len() + run.creating.len();
            let room = run.parallelism.saturating_sub(open).min(BURST.saturating_sub(run.creating.len()));
            let begun = run.attempts.len();
            let next = begun..run.completions.min(begun.saturating_add(room)).max(begun);
            run.attempts.resize(next.end, 0);
            for place in next {
                self.ask(id, place, context);
            }
        }
        self.report(id, context);
    }

    fn is_released(&self, id: WorkloadId, cluster: &Cluster) -> bool {
        let Some(run) = self.jobs.get(&id) else { return false };
        let namespace = cluster.workloads[id].namespace;
        is_released(run.parents.iter().map(|name| {
            let found =
                cluster.names.get(name).and_then(|name| cluster.workloads.find("Job", namespace, name));
            match found.and_then(|id| self.jobs.get(&id)).map(|run| run.end) {
                Some(JobEnd::Complete) => DependencyEnd::Success,
                Some(JobEnd::Failed) => DependencyEnd::Error,
                Some(JobEnd::Open) | None => DependencyEnd::Open,
            }
        }))
    }

    fn ask(&mut self, id: WorkloadId, place: usize, context: &mut Context<'_>) {
        let Some(run) = self.jobs.get_mut(&id) else { return };
        run.creating.push_back(place);
        context.create(id, None, run.indexed.then_some(place as u32));
    }

    /// A Job is over: what is left of it is killed, and what waited for it may begin.
    fn finish(&mut self, id: WorkloadId, end: JobEnd, context: &mut Context<'_>) {
        let Some(run) = self.jobs.get_mut(&id) else { return };
        run.end = end;
        for pod in run.pods.keys() {
            context.kill(*pod, Reason::ScaledDown);
        }
        self.retries.retain(|(_, of, _)| *of != id);
        self.report(id, context);
        let others: Vec<WorkloadId> =
            self.jobs.iter().filter(|(_, run)| !run.parents.is_empty()).map(|(id, _)| *id).collect();
        for other in others.into_iter().filter(|other| *other != id) {
            self.go_on(other, context);
        }
    }

    /// Writes how far a Job has come, if that has changed.
    fn report(&mut self, id: WorkloadId, context: &mut Context<'_>) {
        let Some(run) = self.jobs.get_mut(&id) else { return };
        let ended = |end| match end {
            JobEnd::Complete => Some(("Complete", "CompletionsReached")),
            JobEnd::Failed => Some(("Failed", "RetriesExhausted")),
            JobEnd::Open => None,
        };
        let mut status = JobStatus {
            active: run.pods.len() as i32,
            succeeded: run.done as i32,
            failed: run.failed,
            start: run.start,
            completion: run.written.completion,
            conditions: run.written.conditions.clone(),
            ..JobStatus::default()
        };
        if let Some((kind, reason)) = ended(run.end).filter(|_| status.conditions.is_empty()) {
            let now = context.now;
            status.conditions.push(Condition { kind, status: Truth::True, reason, since: now, updated: now });
            status.completion = Some(now).filter(|_| run.end == JobEnd::Complete);
        }
        if status != run.written {
            run.written = status.clone();
            context.write(Write::WorkloadStatus { workload: id, status: Status::Job(Box::new(status)) });
        }
    }

    /// A pod of a Job has ended, or is gone before it ended.
    fn ended(&mut self, pod: PodRef, well: bool, context: &mut Context<'_>) {
        let Some(id) = self.of_job.remove(&pod) else { return };
        let Some(run) = self.jobs.get_mut(&id) else { return };
        let Some(place) = run.pods.remove(&pod) else { return };
        let attempt = &mut run.attempts[place];
        if well {
            run.done += 1;
            return self.go_on(id, context);
        }
        run.failed += 1;
        if run.end != JobEnd::Open {
            return self.report(id, context);
        }
        match run.record.failed(context.now, *attempt, &self.settings.retries) {
            Outcome::Retry { at } => {
                *attempt += 1;
                self.retries.insert((at, id, place));
                let wait = at.since(context.now).rounded();
                context.say(About::Workload(id), "Retry", format!("another attempt in {wait}"));
                self.go_on(id, context);
            }
            Outcome::Failed | Outcome::Disabled => self.finish(id, JobEnd::Failed, context),
        }
    }

    /// A pod waits no more.
    fn leave_queue(&mut self, pod: PodRef) {
        self.queued.remove(&pod);
        while self.queue.front().is_some_and(|first| !self.queued.contains(first)) {
            self.queue.pop_front();
        }
        if self.queue.len() > 2 * self.queued.len() + SPARE {
            self.queue.retain(|pod| self.queued.contains(pod));
        }
    }
}

impl Framework for BatchFramework {
    fn capabilities(&self) -> Capabilities {
        Capabilities { partition_aware: self.settings.partition_aware, checkpoint: true }
    }

    fn workload_changed(&mut self, id: WorkloadId, context: &mut Context<'_>) {
        let object = &context.cluster.workloads[id];
        let WorkloadKind::Job(job) = &object.kind else { return };
        let parallelism = job.parallelism.max(0) as usize;
        let suspended = job.suspend;
        let completions = job.completions.map_or(parallelism, |number| number.max(0) as usize);
        let end = job_end(&object.status);
        let run = self.jobs.entry(id).or_insert_with(|| Run {
            attempts: Vec::new(),
            completions,
            done: 0,
            parallelism,
            indexed: job.indexed,
            suspended,
            parents: parents(job.meta.annotations.get(PARENTS).map_or("", String::as_str)),
            record: Record::default(),
            pods: BTreeMap::new(),
            creating: VecDeque::new(),
            failed: 0,
            start: None,
            end,
            written: object.job_status().cloned().unwrap_or_default(),
        });
        (run.parallelism, run.suspended) = (parallelism, suspended);
        self.go_on(id, context);
    }

    fn workload_gone(&mut self, id: WorkloadId, _context: &mut Context<'_>) {
        if let Some(run) = self.jobs.remove(&id) {
            for pod in run.pods.keys() {
                self.of_job.remove(pod);
            }
            self.retries.retain(|(_, of, _)| *of != id);
        }
    }

    fn pod_added(&mut self, pod: PodRef, context: &mut Context<'_>) {
        let Some(row) = context.row(pod) else { return };
        let pods = &context.cluster.pods;
        let owner = pods.owner[row.index()];
        let (phase, bound) = (pods.phase[row.index()], pods.node[row.index()].is_some());
        if let Some(id) = owner
            && let Some(run) = self.jobs.get_mut(&id)
        {
            let place = match run.creating.pop_front() {
                Some(place) => place,
                // A pod that somebody else has made is a task, too, while there are some to do.
                None if run.attempts.len() < run.completions => {
                    run.attempts.push(0);
                    run.attempts.len() - 1
                }
                None => return,
            };
            run.pods.insert(pod, place);
            self.of_job.insert(pod, id);
        }
        if phase.is_terminal() {
            return self.ended(pod, phase == PodPhase::Succeeded, context);
        }
        if !bound && pods_wait(context.cluster, pod) {
            let class = context.cluster.pods.class[row.index()];
            self.needs.entry(class).or_insert_with(|| needs(&context.cluster.classes[class]));
            self.queue.push_back(pod);
            self.queued.insert(pod);
        }
        if let Some(id) = owner {
            self.go_on(id, context);
        }
    }

    fn pod_changed(&mut self, pod: PodRef, _before: PodBefore, context: &mut Context<'_>) {
        let Some(row) = context.row(pod) else { return };
        let phase = context.cluster.pods.phase[row.index()];
        if phase.is_terminal() {
            self.leave_queue(pod);
            self.ended(pod, phase == PodPhase::Succeeded, context);
        }
    }

    fn pod_removed(&mut self, pod: PodRef, context: &mut Context<'_>) {
        self.leave_queue(pod);
        self.ended(pod, false, context);
    }

    fn refused(&mut self, write: &Write, context: &mut Context<'_>) {
        match write {
            Write::CreatePod { owner, .. } => {
                if let Some(run) = self.jobs.get_mut(owner)
                    && let Some(place) = run.creating.pop_front()
                {
                    self.retries.insert((context.now + self.settings.retries.delay, *owner, place));
                }
            }
            Write::Bind { pod, .. } if pods_wait(context.cluster, *pod) => {
                self.queue.push_front(*pod);
                self.queued.insert(*pod);
            }
            _ => {}
        }
    }

    fn task_fate(&mut self, pod: PodRef, fate: TaskFate, context: &mut Context<'_>) {
        if matches!(fate, TaskFate::Lost) && context.row(pod).is_some() {
            let status = PodStatus {
                phase: PodPhase::Failed,
                reason: Reason::NodeLost,
                finished: Some(context.now),
                ..PodStatus::default()
            };
            context.write(Write::PodStatus { pod, status });
            // Whatever still runs of it is killed when its agent is back.
            context.forget(pod, Reason::NodeLost);
        }
    }

    fn agents_changed(&mut self, _context: &mut Context<'_>) {}

    fn offered(&mut self, offer: &Offer, context: &mut Context<'_>) -> Answer {
        let Context { cluster, places, .. } = context;
        let class = |pod: &PodRef| cluster.pods.class[pod.id.index()];
        let (queue, needs) = (&self.queue, &self.needs);
        let waiting = || queue.iter().filter(|pod| self.queued.contains(pod));
        let tasks = waiting().map(|pod| Waiting {
            needs: &needs[&class(pod)],
            allowed: may_run(cluster, places, class(pod), offer.node),
        });
        let chosen = choose(tasks, &offer.amounts, self.settings.order, self.settings.launches_per_offer);
        let mut tasks: Vec<(PodRef, Amounts)> = Vec::with_capacity(chosen.len());
        let mut rest = waiting();
        let mut passed = 0;
        for place in chosen {
            if let Some(pod) = rest.nth(place - passed) {
                tasks.push((*pod, needs[&class(pod)].clone()));
            }
            passed = place + 1;
        }
        for (pod, _) in &tasks {
            self.leave_queue(*pod);
        }
        Answer { tasks, refuse: self.settings.refuse }
    }

    fn call(&mut self, _now: Time) -> Option<Call> {
        let wants = !self.queued.is_empty();
        let changed = std::mem::replace(&mut self.wanted, wants) != wants;
        changed.then_some(if wants { Call::Revive } else { Call::Suppress })
    }

    fn next(&self) -> Option<Time> {
        self.retries.first().map(|(at, ..)| *at)
    }

    fn wake(&mut self, context: &mut Context<'_>) {
        while let Some(&(at, id, place)) = self.retries.first().filter(|(at, ..)| *at <= context.now) {
            self.retries.remove(&(at, id, place));
            self.ask(id, place, context);
        }
    }
}

/// Whether a pod waits for a launch: it has not ended and is not being deleted.
fn pods_wait(cluster: &Cluster, pod: PodRef) -> bool {
    cluster.pods.get(pod).is_some_and(|row| cluster.pods.is_active(row))
}

/// The names in a list with commas.
fn parents(written: &str) -> Vec<String> {
    written.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
