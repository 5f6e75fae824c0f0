//! The workload objects of a run as the records tell of them.

use super::Checker;
use crate::api::Status;
use crate::base::Time;
use crate::base::ids::WorkloadId;
use crate::cluster::WorkloadKind;
use crate::sim::Record;
use std::collections::VecDeque;

/// A workload object.
#[derive(Debug)]
pub(in crate::sim::fuzz) struct Thing {
    pub(in crate::sim::fuzz) kind: WorkloadKind,
    pub(in crate::sim::fuzz) status: Status,
    pub(super) owner: Option<WorkloadId>,
    pub(super) generation: u64,
    pub(super) deleting: bool,
    pub(super) removed: bool,
    /// When its controller has last written the status of a quota.
    pub(super) counted: Time,
    /// When its number of replicas was last changed.
    pub(super) scaled: Time,
    /// Of a ReplicaSet: the available pods by its status, each with the moment from which on.
    pub(super) available: VecDeque<(Time, i32)>,
    /// Of a Deployment: earlier specifications, each with the moment of its end.
    pub(super) former: VecDeque<(Time, WorkloadKind)>,
}

impl Thing {
    /// Whether the object exists and is to stay.
    pub(super) fn is_there(&self) -> bool {
        !self.removed && !self.deleting
    }
}

impl Checker {
    /// Follows what is told of workload objects. It comes after all checks of the record.
    pub(super) fn follow_object(&mut self, record: &Record<'_>, actor: &str) {
        let (now, horizon) = (self.now, Time(self.now.0.saturating_sub(self.lag.0)));
        match record {
            Record::WorkloadCreated { workload, owner, object, .. } => {
                let thing = Thing {
                    kind: (*object).clone(),
                    status: Status::None,
                    owner: *owner,
                    generation: 1,
                    deleting: false,
                    removed: false,
                    counted: now,
                    scaled: now,
                    available: [(now, 0)].into(),
                    former: VecDeque::new(),
                };
                self.things.insert(*workload, thing);
            }
            Record::WorkloadScaled { workload, replicas } => {
                let Some(thing) = self.things.get_mut(workload) else { return };
                thing.remember(now, horizon);
                thing.kind.set_replicas(*replicas);
                thing.generation += 1;
                thing.scaled = now;
            }
            Record::WorkloadChanged { workload, object, generation, .. } => {
                let Some(thing) = self.things.get_mut(workload) else { return };
                thing.remember(now, horizon);
                thing.kind = (*object).clone();
                thing.generation = *generation;
            }
            Record::WorkloadStatus { workload, status } => {
                let Some(thing) = self.things.get_mut(workload) else { return };
                thing.status = (*status).clone();
                if actor == "resourcequota-controller" {
                    thing.counted = now;
                }
                if let Status::ReplicaSet(status) = status {
                    thing.available.push_back((now, status.available));
                    while thing.available.get(1).is_some_and(|(from, _)| *from < horizon) {
                        thing.available.pop_front();
                    }
                }
            }
            Record::WorkloadDeleting { workload } => {
                if let Some(thing) = self.things.get_mut(workload) {
                    thing.deleting = true;
                }
            }
            Record::WorkloadRemoved { workload } => {
                if let Some(thing) = self.things.get_mut(workload) {
                    thing.removed = true;
                }
            }
            _ => {}
        }
    }
}

impl Thing {
    /// Keeps the specification of a Deployment that is about to be another.
    fn remember(&mut self, now: Time, horizon: Time) {
        if matches!(self.kind, WorkloadKind::Deployment(_)) {
            self.former.push_back((now, self.kind.clone()));
            while self.former.front().is_some_and(|(until, _)| *until < horizon) {
                self.former.pop_front();
            }
        }
    }
}
