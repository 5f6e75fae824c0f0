//! Deletes finished Jobs when their time is over.
//!
//! Kubernetes 1.36, pkg/controller/ttlafterfinished: a Job with `ttlSecondsAfterFinished` is deleted so
//! long after the time stamp of its condition Complete or Failed, in the foreground.

use crate::api::{Job, Status};
use crate::base::ids::WorkloadId;
use crate::base::{Span, Time};
use crate::cluster::{Cluster, WorkloadKind};
use crate::control::controllers::{WorkQueue, existing};
use crate::control::{Client, Command, Config, Write};

/// The controller.
#[derive(Clone, Debug)]
pub(super) struct TtlAfterFinished {
    queue: WorkQueue<WorkloadId>,
}

impl TtlAfterFinished {
    pub(super) fn new(config: &Config) -> TtlAfterFinished {
        TtlAfterFinished { queue: WorkQueue::new(config) }
    }

    /// A Job has come or changed.
    pub(super) fn follow(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        if let Some(at) = expiry(id, cluster) {
            self.queue.add_at(id, now, at);
        }
    }

    /// The deletion of a Job was refused.
    pub(super) fn refused(&mut self, now: Time, id: WorkloadId) {
        self.queue.add_failed(id, now);
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.queue.next()
    }

    /// Deletes what is due.
    pub(super) fn work(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            match expiry(id, cluster) {
                Some(at) if at <= now => {
                    let write = Write::DeleteWorkload { workload: id, foreground: true };
                    out.push(Command::Write(Client::TtlAfterFinished, write));
                }
                Some(at) => self.queue.add_at(id, now, at),
                None => self.queue.forget(id),
            }
        }
    }
}

/// When a Job is to be deleted; `None` for one that is not.
fn expiry(id: WorkloadId, cluster: &Cluster) -> Option<Time> {
    let object = existing(cluster, id).filter(|object| !object.deleting)?;
    let (WorkloadKind::Job(Job { ttl_seconds_after_finished: Some(seconds), .. }), Status::Job(status)) =
        (&object.kind, &object.status)
    else {
        return None;
    };
    Some(status.end()?.since + Span::from_secs((*seconds).max(0) as u64))
}
