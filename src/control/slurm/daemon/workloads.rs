//! Objects that own pods: Jobs are jobs or arrays, Deployments and their like are jobs without end.

use super::attributes::Attributes;
use super::jobs::is_service;
use super::{CLIENT, Slurmctld};
use crate::api::Status;
use crate::api::status::{Condition, JobStatus, Truth};
use crate::base::Time;
use crate::base::ids::{PodId, WorkloadId};
use crate::cluster::{Cluster, Reason, WorkloadKind};
use crate::control::slurm::array;
use crate::control::slurm::model::JobState;
use crate::control::{Command, Write};

/// The most pods of an object that are made.
const MOST_PODS: i32 = 1_000_000;

/// What is known of an object that owns pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Owner {
    /// The tasks of its job; `None` if each of its pods is a job.
    pub(super) tasks: Option<u32>,
    /// The tasks of its array, and how many run at a time.
    pub(super) array: Option<(Vec<u32>, u32)>,
    /// The first of its jobs.
    pub(super) first_job: Option<u32>,
    /// How many jobs were submitted.
    pub(super) submitted: u32,
    /// How many are not over.
    pub(super) open: u32,
    /// Pods created so far.
    created: u32,
    succeeded: i32,
    failed: i32,
    /// When it came.
    start: Time,
}

impl Slurmctld {
    pub(super) fn workload_added(
        &mut self,
        now: Time,
        id: WorkloadId,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let object = &cluster.workloads[id];
        let mut owner = Owner { start: now, ..Owner::default() };
        let pods = match &object.kind {
            WorkloadKind::Job(job) => {
                if job.suspend {
                    return;
                }
                let meta = &job.meta;
                let pairs = meta.labels.iter().chain(meta.annotations.iter());
                let read = Attributes::read(pairs.map(|(key, value)| (key.as_str(), value.as_str())));
                let expression = read.ok().and_then(|attributes| attributes.array);
                let parallelism = job.parallelism.clamp(0, MOST_PODS);
                let completions = job.completions.unwrap_or(parallelism).clamp(0, MOST_PODS);
                if let Some(Ok((tasks, at_a_time))) = expression.as_deref().map(array::parse) {
                    let count = tasks.len() as i32;
                    owner.array = Some((tasks, at_a_time));
                    count
                } else if completions > parallelism {
                    owner.array = Some(((0..completions as u32).collect(), parallelism as u32));
                    completions
                } else {
                    owner.tasks = Some(completions as u32);
                    completions
                }
            }
            kind if is_service(kind) => kind.replicas().unwrap_or(0).clamp(0, MOST_PODS),
            _ => return,
        };
        self.owners.insert(id, owner);
        self.create_pods(id, pods as u32, cluster, out);
    }

    fn create_pods(&mut self, id: WorkloadId, count: u32, cluster: &Cluster, out: &mut Vec<Command>) {
        let object = &cluster.workloads[id];
        let Some(owner) = self.owners.get_mut(&id) else { return };
        let is_set = matches!(object.kind, WorkloadKind::StatefulSet(_));
        let is_indexed = matches!(&object.kind, WorkloadKind::Job(job) if job.indexed);
        for _ in 0..count {
            let ordinal = owner.created;
            owner.created += 1;
            let number = if is_set { ordinal } else { ordinal + 1 };
            let index = is_indexed.then_some(ordinal);
            let write = Write::CreatePod { owner: id, class: object.class, number, index, tracked: false };
            out.push(Command::Write(CLIENT, write));
        }
    }

    /// The number of pods that an object asks for has changed: new ones are submitted, or the last ones
    /// cancelled. Jobs that run keep what they were submitted with.
    pub(super) fn workload_scaled(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let object = &cluster.workloads[id];
        if !is_service(&object.kind) || !self.owners.contains_key(&id) {
            return;
        }
        let wanted = object.kind.replicas().unwrap_or(0).clamp(0, MOST_PODS) as usize;
        let mut pods: Vec<PodId> = cluster.pods_of(id).to_vec();
        pods.retain(|pod| {
            let index = pod.index();
            cluster.pods.deleting_since[index].is_none() && !cluster.pods.phase[index].is_terminal()
        });
        pods.sort_unstable_by_key(|pod| cluster.pods.serial[pod.index()]);
        for pod in pods.iter().skip(wanted) {
            let pod = cluster.pods.reference(*pod);
            let write = Write::DeletePod { pod, grace: None, reason: Reason::ScaledDown };
            out.push(Command::Write(CLIENT, write));
        }
        self.create_pods(id, wanted.saturating_sub(pods.len()) as u32, cluster, out);
    }

    /// A job of an object is over. When all of a Job's are, its status says how.
    pub(super) fn job_over(&mut self, now: Time, id: WorkloadId, state: JobState, out: &mut Vec<Command>) {
        let Some(owner) = self.owners.get_mut(&id) else { return };
        owner.open = owner.open.saturating_sub(1);
        let tasks = owner.tasks.unwrap_or(1) as i32;
        if state == JobState::Completed {
            owner.succeeded += tasks;
        } else {
            owner.failed += tasks;
        }
        let expected = owner.array.as_ref().map_or(1, |(tasks, _)| tasks.len() as u32);
        if owner.open > 0 || owner.submitted < expected {
            return;
        }
        let kind = if owner.failed == 0 { "Complete" } else { "Failed" };
        let condition =
            Condition { kind, status: Truth::True, reason: state.word(), since: now, updated: now };
        let status = JobStatus {
            succeeded: owner.succeeded,
            failed: owner.failed,
            start: Some(owner.start),
            completion: (owner.failed == 0).then_some(now),
            conditions: vec![condition],
            ..JobStatus::default()
        };
        let write = Write::WorkloadStatus { workload: id, status: Status::Job(Box::new(status)) };
        out.push(Command::Write(CLIENT, write));
    }
}
