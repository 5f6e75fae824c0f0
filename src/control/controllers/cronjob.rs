//! CronJobs: Jobs by the clock.
//!
//! Kubernetes 1.36, pkg/controller/cronjob (reference control-plane §3.7). What one pass over a CronJob
//! does is decided in [`sync()`]; which time it is about, in [`missed`]; here is the event loop. How the
//! pods of the Jobs run is not known here.

pub mod missed;
pub mod sync;

pub use sync::{Outcome, Owned, State, sync};

use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::status::CronJobStatus;
use crate::api::{CronJob, ObjectMeta, Status};
use crate::base::ids::WorkloadId;
use crate::base::{Clock, Map, Set, Span, Time};
use crate::cluster::workloads::{JobEnd, job_end};
use crate::cluster::{Cluster, Workload, WorkloadKind};

/// A moment of the wall clock: nanoseconds since 1970. It is wide enough for Go's zero time.
pub type Wall = i128;

/// Nanoseconds in a second.
pub const SECOND: Wall = 1_000_000_000;

/// What is known of one CronJob.
#[derive(Clone, Debug, Default)]
struct Tracked {
    /// The status as last written.
    state: State,
    /// Its Jobs.
    jobs: Vec<WorkloadId>,
    /// Those whose deletion is asked for.
    deleting: Set<WorkloadId>,
    /// The Job that is being created, and the last schedule time before it.
    creating: Option<(String, Option<Wall>)>,
    /// Schedule and time zone, to see them change.
    schedule: (String, String),
}

/// The event loop around [`sync()`].
#[derive(Clone, Debug)]
pub struct CronJobController {
    queue: WorkQueue<WorkloadId>,
    crons: Map<WorkloadId, Tracked>,
    clock: Clock,
}

impl CronJobController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> CronJobController {
        CronJobController { queue: WorkQueue::new(config), crons: Map::default(), clock: config.clock }
    }

    fn wall(&self, moment: Time) -> Wall {
        Wall::from(self.clock.unix_nanos(moment))
    }

    fn moment(&self, wall: Wall) -> Time {
        self.clock.moment(u64::try_from(wall).unwrap_or(0))
    }

    /// What a status says, by the wall clock.
    fn state(&self, status: &Status) -> State {
        let Status::CronJob(status) = status else { return State::default() };
        let wall = |moment: Option<Time>| moment.map(|moment| self.wall(moment));
        State {
            active: status.active.clone(),
            last_schedule: wall(status.last_schedule),
            last_successful: wall(status.last_successful),
        }
    }

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        match &workload.kind {
            WorkloadKind::CronJob(cron) => {
                let schedule = (cron.schedule.clone(), cron.time_zone.clone());
                let state = self.state(&workload.status);
                self.crons.insert(id, Tracked { state, schedule, ..Tracked::default() });
                self.queue.add(id, now);
            }
            WorkloadKind::Job(job) => {
                let Some(owner) = workload.owner else { return };
                let Some(tracked) = self.crons.get_mut(&owner) else { return };
                tracked.jobs.push(id);
                tracked.creating.take_if(|(name, _)| *name == job.meta.name);
                self.queue.add(owner, now);
            }
            _ => {}
        }
    }

    /// A change of the schedule is looked at when its time comes, any other at once (updateCronJob).
    fn changed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        let WorkloadKind::CronJob(cron) = &workload.kind else { return };
        let created = self.wall(self.clock.floor(workload.created));
        let wall = self.wall(now);
        let Some(tracked) = self.crons.get_mut(&id) else { return };
        let schedule = (cron.schedule.clone(), cron.time_zone.clone());
        if std::mem::replace(&mut tracked.schedule, schedule.clone()) == schedule {
            return self.queue.add(id, now);
        }
        if let Some(schedule) = sync::schedule(cron) {
            let (last, deadline) = (tracked.state.last_schedule, cron.starting_deadline_seconds);
            let wait = missed::wait(&missed::Counting { created, last, deadline }, wall, &schedule);
            self.wake_after(now, id, wait);
        }
    }

    fn removed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        if self.crons.remove(&id).is_some() {
            self.queue.forget(id);
        }
        if let Some(owner) = cluster.workloads[id].owner
            && let Some(tracked) = self.crons.get_mut(&owner)
        {
            tracked.jobs.retain(|job| *job != id);
            tracked.deleting.remove(&id);
            self.queue.add(owner, now);
        }
    }

    /// The new Job was refused: its time is still to come.
    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster, out: &mut Vec<Command>) {
        match write {
            Write::CreateWorkload { owner: Some(id), kind } => {
                let Some(tracked) = self.crons.get_mut(id) else { return };
                let Some((name, last)) = tracked.creating.take_if(|(name, _)| *name == kind.meta().name)
                else {
                    return;
                };
                tracked.state.forget(&name);
                tracked.state.last_schedule = last;
                self.write_status(*id, out);
                self.queue.add_failed(*id, now);
            }
            Write::DeleteWorkload { workload, .. } => {
                let owner = cluster.workloads[*workload].owner;
                if let Some(tracked) = owner.and_then(|owner| self.crons.get_mut(&owner)) {
                    tracked.deleting.remove(workload);
                }
            }
            Write::WorkloadStatus { workload, .. } if self.crons.contains_key(workload) => {
                self.queue.add_failed(*workload, now);
            }
            _ => {}
        }
    }

    fn wake_after(&mut self, now: Time, id: WorkloadId, wait: i64) {
        // A schedule that names no further time has a negative wait.
        if let Ok(wait) = u64::try_from(wait) {
            self.queue.add_at(id, now, now + Span(wait));
        }
    }

    fn sync(&mut self, now: Time, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::CronJob(cron) = &workload.kind else { return };
        let created = self.wall(self.clock.floor(workload.created));
        let wall = self.wall(now);
        let Some(tracked) = self.crons.get(&id) else { return };
        let jobs: Vec<Owned> = tracked.jobs.iter().map(|job| self.owned(&cluster.workloads[*job])).collect();
        let mut state = tracked.state.clone();
        let mut deleted = sync::beyond_history(cron, &jobs);
        for name in &deleted {
            state.forget(name);
        }
        let is_coming = |name: &str| tracked.creating.as_ref().is_some_and(|(coming, _)| coming == name);
        let outcome = sync(cron, created, &mut state, &jobs, is_coming, wall);
        deleted.extend(outcome.replaced);
        let Some(tracked) = self.crons.get_mut(&id) else { return };
        for (job, owned) in tracked.jobs.iter().zip(&jobs) {
            if deleted.contains(&owned.name) && tracked.deleting.insert(*job) {
                let write = Write::DeleteWorkload { workload: *job, foreground: false };
                out.push(Command::Write(Client::CronJob, write));
            }
        }
        let last = tracked.state.last_schedule;
        let is_new = state != tracked.state;
        tracked.state = state;
        if let Some((name, _)) = outcome.start {
            let kind = Box::new(WorkloadKind::Job(crate::api::Job {
                meta: job_meta(cron, &name),
                ..(*cron.job).clone()
            }));
            tracked.creating = Some((name, last));
            out.push(Command::Write(Client::CronJob, Write::CreateWorkload { owner: Some(id), kind }));
        }
        if is_new {
            self.write_status(id, out);
        }
        self.queue.forget(id);
        if let Some(wait) = outcome.wait {
            self.wake_after(now, id, wait);
        }
    }

    fn owned(&self, job: &Workload) -> Owned {
        let status = job.job_status();
        let wall = |moment: Option<Time>| moment.map(|moment| self.wall(moment));
        Owned {
            name: job.kind.meta().name.clone(),
            succeeded: match job_end(&job.status) {
                JobEnd::Open => None,
                JobEnd::Complete => Some(true),
                JobEnd::Failed => Some(false),
            },
            start: wall(status.and_then(|status| status.start)),
            completion: wall(status.and_then(|status| status.completion)),
        }
    }

    fn write_status(&self, id: WorkloadId, out: &mut Vec<Command>) {
        let Some(tracked) = self.crons.get(&id) else { return };
        let State { active, last_schedule, last_successful } = &tracked.state;
        let status = Status::CronJob(Box::new(CronJobStatus {
            active: active.clone(),
            last_schedule: last_schedule.map(|wall| self.moment(wall)),
            last_successful: last_successful.map(|wall| self.moment(wall)),
        }));
        out.push(Command::Write(Client::CronJob, Write::WorkloadStatus { workload: id, status }));
    }
}

/// The metadata of a Job of a CronJob: what the template says, under the given name.
fn job_meta(cron: &CronJob, name: &str) -> ObjectMeta {
    let namespace = cron.meta.namespace.clone();
    ObjectMeta { name: name.to_owned(), namespace, ..cron.job.meta.clone() }
}

impl Component for CronJobController {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        _before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::WorkloadAdded { workload, .. } => self.added(now, *workload, cluster),
            Event::WorkloadChanged { workload, .. } => self.changed(now, *workload, cluster),
            Event::WorkloadStatus { workload, .. } => {
                let owner = cluster.workloads[*workload].owner;
                if let Some(owner) = owner.filter(|owner| self.crons.contains_key(owner)) {
                    self.queue.add(owner, now);
                }
            }
            Event::WorkloadRemoved { workload } => self.removed(now, *workload, cluster),
            Event::Refused(write, _) => self.refused(now, write, cluster, out),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            self.sync(now, id, cluster, out);
        }
    }
}
