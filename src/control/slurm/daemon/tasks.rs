//! Tasks of jobs that run: binding, the order to stop, ends, and new pods for jobs that go back to the
//! queue.

use super::jobs::REPLACES;
use super::{CLIENT, Slurmctld, seconds};
use crate::base::ids::{ClassId, WorkloadId};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, JobFacts, JobOrigin, PodRef, Reason};
use crate::control::slurm::model::{Ending, JobState};
use crate::control::slurm::{Action, reason};
use crate::control::{About, Command, Write};
use std::sync::Arc;

/// What a job's tasks are to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// Whether it goes back to the queue whenever it ends.
    pub(super) service: bool,
    /// The object it is from.
    pub(super) owner: Option<WorkloadId>,
    /// The class of its pods.
    pub(super) class: ClassId,
}

/// The tasks of a job that waits or runs.
#[derive(Clone, Debug)]
pub(super) struct Tasks {
    pub(super) pods: Vec<PodRef>,
    pub(super) class: ClassId,
    /// The reason for waiting that was told last.
    pub(super) told: reason::Reason,
    plan: Plan,
    /// Pods whose processes are not gone.
    open: u32,
    /// Whether a task has failed.
    failed: bool,
    /// Whether somebody else deletes its pods.
    cancelled: bool,
    /// The pods that take the place of the others, once the job goes back to the queue.
    replacements: Vec<PodRef>,
    /// How many were asked for.
    asked: u32,
    /// The time between the signals, once it is to be stopped.
    grace: Option<Span>,
}

impl Tasks {
    pub(super) fn new(pods: Vec<PodRef>, plan: Plan) -> Tasks {
        Tasks {
            open: pods.len() as u32,
            pods,
            class: plan.class,
            told: reason::Reason::None,
            plan,
            failed: false,
            cancelled: false,
            replacements: Vec::new(),
            asked: 0,
            grace: None,
        }
    }

    fn is_replaced(&self) -> bool {
        self.replacements.len() >= self.pods.len()
    }
}

impl Slurmctld {
    /// Carries out what the rules have ordered.
    pub(super) fn act(&mut self, now: Time, actions: &[Action], cluster: &Cluster, out: &mut Vec<Command>) {
        for action in actions {
            match *action {
                Action::Start(id) => self.start(id, out),
                Action::Stop { job, grace } => self.stop(now, job, grace, cluster, out),
                // The site's file allows no mode of preemption that needs these.
                Action::Suspend(_) | Action::Resume(_) => {}
            }
        }
        if !actions.is_empty() {
            self.changed_for_full = true;
            self.changed_for_backfill = true;
        }
    }

    /// Binds the tasks of a job to its nodes.
    fn start(&mut self, id: u32, out: &mut Vec<Command>) {
        let (job, Some(tasks)) = (&self.slurm.jobs[&id], self.tasks.get_mut(&id)) else { return };
        tasks.told = reason::Reason::None;
        let nodes = job
            .allocation
            .iter()
            .flat_map(|share| std::iter::repeat_n(self.node_of_row[share.node], share.tasks as usize));
        for (pod, node) in tasks.pods.iter().zip(nodes) {
            out.push(Command::Write(CLIENT, Write::Bind { pod: *pod, node }));
        }
        let waited = job.start.saturating_sub(job.submitted);
        let text = format!("job {id} starts on {} nodes after {waited} s", job.allocation.len());
        if let Some(pod) = tasks.pods.first().copied() {
            super::tell(About::Pod(pod), "Started", text, out);
        }
    }

    /// Whether a job whose end was asked for goes back to the queue.
    fn goes_back(&self, id: u32) -> bool {
        let job = &self.slurm.jobs[&id];
        match job.ending {
            Some(Ending::Preempted { requeue }) => requeue,
            Some(Ending::NodeFail) => job.requeue && self.slurm.settings.job_requeue,
            _ => false,
        }
    }

    fn stop(&mut self, now: Time, id: u32, grace: u64, cluster: &Cluster, out: &mut Vec<Command>) {
        let wait = if grace == 0 { self.slurm.settings.kill_wait } else { grace };
        let goes_back = self.goes_back(id);
        let Some(tasks) = self.tasks.get_mut(&id) else { return };
        tasks.grace = Some(Span::from_secs(wait));
        if goes_back {
            // The new pods are made from the old ones, which therefore go only afterwards.
            self.replace(id, cluster, out);
        } else {
            self.kill(now, id, cluster, out);
        }
    }

    /// Deletes the pods of a job whose end was asked for.
    fn kill(&mut self, now: Time, id: u32, cluster: &Cluster, out: &mut Vec<Command>) {
        let job = &self.slurm.jobs[&id];
        let why = match job.ending {
            Some(Ending::TimeLimit) => Reason::DeadlineExceeded,
            Some(Ending::Preempted { .. }) => Reason::Preempted,
            Some(Ending::NodeFail) => Reason::NodeLost,
            _ => Reason::Deleted,
        };
        let word = match job.ending {
            Some(Ending::TimeLimit) => JobState::Timeout.word(),
            Some(Ending::Preempted { .. }) => JobState::Preempted.word(),
            Some(Ending::NodeFail) => JobState::NodeFail.word(),
            _ => JobState::Cancelled.word(),
        };
        let Some(tasks) = self.tasks.get(&id) else { return };
        let grace = tasks.grace.unwrap_or(Span::ZERO);
        if let Some(pod) = tasks.pods.first() {
            super::tell(About::Pod(*pod), word, format!("job {id} is stopped"), out);
        }
        for pod in &tasks.pods {
            let Some(row) = cluster.pods.get(*pod) else { continue };
            // Nobody stops what runs on a node that does not answer: the object goes at once.
            let node = cluster.pods.node[row.index()].and_then(|node| self.row_of(node));
            let is_lost = node.is_some_and(|row| {
                matches!(self.slurm.nodes[row].state, crate::control::slurm::model::NodeState::Down { .. })
            });
            let grace = Some(if is_lost { Span::ZERO } else { grace });
            out.push(Command::Write(CLIENT, Write::DeletePod { pod: *pod, grace, reason: why }));
        }
        if tasks.open == 0 {
            self.finish(now, id, cluster, out);
        }
    }

    /// Asks for new pods in the place of a job's.
    fn replace(&mut self, id: u32, cluster: &Cluster, out: &mut Vec<Command>) {
        let restarts = self.slurm.jobs[&id].restarts + 1;
        let Some(tasks) = self.tasks.get_mut(&id) else { return };
        if tasks.asked > 0 {
            return;
        }
        tasks.asked = tasks.pods.len() as u32;
        for pod in &tasks.pods {
            let name = cluster.pods.name_text(&cluster.names, pod.id);
            let base = name
                .rsplit_once("-r")
                .filter(|(_, n)| n.parse::<u32>().is_ok())
                .map_or(name.as_str(), |(base, _)| base);
            let known = cluster.jobs.of(pod.id).map(|facts| (**facts).clone());
            let facts = known.unwrap_or_else(|| JobFacts {
                serial: 0,
                origin: JobOrigin::default(),
                tasks: tasks.pods.len() as u32,
                submitted: Time::ZERO,
                estimate: None,
                user: -1,
                priority: 0,
            });
            let job = Arc::new(JobFacts { serial: REPLACES + u64::from(id), ..facts });
            let name = format!("{base}-r{restarts}").into();
            out.push(Command::Write(CLIENT, Write::Resubmit { pod: *pod, name, job }));
        }
    }

    /// A pod has come in the place of another.
    pub(super) fn replacement_came(
        &mut self,
        now: Time,
        id: u32,
        pod: PodRef,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(tasks) = self.tasks.get_mut(&id) else { return };
        tasks.replacements.push(pod);
        if !tasks.is_replaced() {
            return;
        }
        if tasks.open == 0 {
            self.finish(now, id, cluster, out);
        } else {
            self.kill(now, id, cluster, out);
        }
    }

    /// A task's processes are gone.
    pub(super) fn task_ended(
        &mut self,
        now: Time,
        pod: PodRef,
        succeeded: bool,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(id) = self.job_of_pod.remove(&pod) else { return };
        let Some(tasks) = self.tasks.get_mut(&id) else { return };
        tasks.open = tasks.open.saturating_sub(1);
        tasks.failed |= !succeeded;
        let age = Span::from_secs(self.site.min_job_age);
        if cluster.pods.get(pod).is_some_and(|row| cluster.pods.phase[row.index()].is_terminal()) {
            self.ended.push_back((now + age, pod));
        }
        if tasks.open == 0 {
            self.finish(now, id, cluster, out);
        }
    }

    /// Somebody deletes a pod.
    pub(super) fn task_going(&mut self, now: Time, pod: PodRef, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(id) = self.job_of_pod.get(&pod).copied() else { return };
        let is_ours = self.slurm.jobs.get(&id).is_some_and(|job| job.ending.is_some());
        let Some(tasks) = self.tasks.get_mut(&id).filter(|_| !is_ours) else { return };
        if std::mem::replace(&mut tasks.cancelled, true) {
            return;
        }
        if self.slurm.running.contains(&id) {
            let action = self.slurm.stop(id, Ending::Cancel, 0);
            self.act(now, &[action], cluster, out);
        }
    }

    /// A pod is gone.
    pub(super) fn task_removed(&mut self, now: Time, pod: PodRef, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(id) = self.job_of_pod.get(&pod).copied() else { return };
        if self.slurm.pending.contains(&id) {
            return self.withdraw(now, id, pod, out);
        }
        self.task_going(now, pod, cluster, out);
        self.task_ended(now, pod, false, cluster, out);
    }

    /// A task of a job that waits was deleted: the job is cancelled.
    fn withdraw(&mut self, now: Time, id: u32, gone: PodRef, out: &mut Vec<Command>) {
        self.slurm.withdraw(id);
        let Some(tasks) = self.tasks.remove(&id) else { return };
        for pod in tasks.pods {
            self.job_of_pod.remove(&pod);
            if pod != gone {
                let write = Write::DeletePod { pod, grace: None, reason: Reason::Deleted };
                out.push(Command::Write(CLIENT, write));
            }
        }
        self.changed(now);
    }

    /// All tasks of a job are gone: it is over, or goes back to the queue once its new pods are there.
    fn finish(&mut self, now: Time, id: u32, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(tasks) = self.tasks.get(&id) else { return };
        let (failed, plan) = (tasks.failed, tasks.plan);
        let ends_itself = self.slurm.jobs.get(&id).is_some_and(|job| job.ending.is_none());
        if plan.service && ends_itself && self.slurm.running.contains(&id) {
            self.slurm.stop(id, Ending::Preempted { requeue: true }, 0);
        }
        let Some(tasks) = self.tasks.get_mut(&id) else { return };
        let wants = self.slurm.jobs.get(&id).is_some_and(|job| job.ending.is_some());
        if wants && !tasks.is_replaced() && self.goes_back(id) {
            return self.replace(id, cluster, out);
        }
        let state = self.slurm.ended(seconds(now), id, !failed);
        if state == JobState::Pending {
            self.went_back(id, out);
        } else {
            self.over(now, id, state, out);
        }
        self.changed(now);
    }

    /// A job waits again, with new pods.
    fn went_back(&mut self, id: u32, out: &mut Vec<Command>) {
        let Some(tasks) = self.tasks.get_mut(&id) else { return };
        let fresh = Tasks::new(std::mem::take(&mut tasks.replacements), tasks.plan);
        *tasks = fresh;
        for pod in &tasks.pods {
            self.job_of_pod.insert(*pod, id);
        }
        if let Some(pod) = tasks.pods.first().copied() {
            super::tell(About::Pod(pod), "Requeued", format!("job {id} goes back to the queue"), out);
        }
    }

    fn over(&mut self, now: Time, id: u32, state: JobState, out: &mut Vec<Command>) {
        let Some(tasks) = self.tasks.remove(&id) else { return };
        for pod in tasks.replacements {
            let write = Write::DeletePod { pod, grace: None, reason: Reason::Deleted };
            out.push(Command::Write(CLIENT, write));
        }
        // Of a job that was stopped its end was told, while its pods were there.
        let ended_itself = matches!(state, JobState::Completed | JobState::Failed);
        if let Some(pod) = tasks.pods.first().filter(|_| ended_itself) {
            let text = format!("job {id} is over: {}", state.word());
            super::tell(About::Pod(*pod), state.word(), text, out);
        }
        if let Some(owner) = tasks.plan.owner {
            self.job_over(now, owner, state, out);
        }
    }

    /// A write was refused.
    pub(super) fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster, out: &mut Vec<Command>) {
        match write {
            // Whoever has deleted the pod or the node says so in an event of its own.
            Write::Bind { pod, .. } if cluster.pods.get(*pod).is_none() => {
                self.task_ended(now, *pod, false, cluster, out);
            }
            Write::Resubmit { job, .. } => {
                let id = (job.serial - REPLACES) as u32;
                if let Some(job) = self.slurm.jobs.get_mut(&id) {
                    job.requeue = false;
                    job.ending = job.ending.map(|ending| match ending {
                        Ending::Preempted { .. } => Ending::Preempted { requeue: false },
                        ending => ending,
                    });
                    let is_over = self.tasks.get(&id).is_some_and(|tasks| tasks.open == 0);
                    if is_over {
                        self.finish(now, id, cluster, out);
                    } else {
                        self.kill(now, id, cluster, out);
                    }
                }
            }
            _ => {}
        }
    }
}
