//! The writes of one sync of a workload, from the first to the status.
//!
//! In the original a worker makes them one after the other, in batches that double while all goes
//! well (slow start), and the workload is not synced again until its watches have delivered them. Here
//! a batch is answered by the events of its writes or by refusals. What is written is not known here.

use super::slow_start::SlowStart;
use super::{Client, Command, Write};
use crate::base::Set;
use crate::cluster::PodRef;
use std::collections::VecDeque;

/// Writes that are made at once.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// The writes.
    pub(super) writes: Vec<Write>,
    /// Whether they are made even if one before was refused.
    pub(super) always: bool,
}

/// Cuts writes into batches of 1, 2, 4… up to `most`.
pub(super) fn in_batches(writes: Vec<Write>, most: u32) -> Vec<Batch> {
    let mut plan = SlowStart::limited(u32::try_from(writes.len()).unwrap_or(u32::MAX), most);
    let mut rest = writes.into_iter();
    let sizes = std::iter::from_fn(|| Some(plan.next_batch()).filter(|&size| size > 0));
    sizes.map(|size| Batch { writes: rest.by_ref().take(size as usize).collect(), always: false }).collect()
}

/// The writes of a sync that are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Writes {
    batches: VecDeque<Batch>,
    creating: u32,
    deleting: Set<PodRef>,
    report: Report,
    active: bool,
    failed: bool,
    again: bool,
}

/// Where the status of a sync is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Report {
    /// Not written yet.
    #[default]
    Open,
    /// Under way.
    Written,
    /// Answered.
    Answered,
}

/// How a sync ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ended {
    /// Whether a write was refused.
    pub(super) failed: bool,
    /// Whether somebody asked for another sync in the meantime.
    pub(super) again: bool,
}

impl Writes {
    /// Whether a sync is under way; if so, another one follows it.
    pub(super) fn is_busy(&mut self) -> bool {
        self.again |= self.active;
        self.active
    }

    /// Begins a sync.
    pub(super) fn begin(&mut self, batches: Vec<Batch>) {
        *self = Writes { batches: batches.into(), active: true, ..Writes::default() };
    }

    /// Makes the next writes if those before are answered. Says whether all are answered: then the
    /// status is written, or, if that is done, the sync ends.
    pub(super) fn advance(&mut self, client: Client, out: &mut Vec<Command>) -> bool {
        while self.active && self.report != Report::Written && self.creating == 0 && self.deleting.is_empty()
        {
            let Some(batch) = self.batches.pop_front() else { return true };
            if self.failed && !batch.always {
                continue;
            }
            for write in batch.writes {
                match &write {
                    Write::CreatePod { .. } => self.creating += 1,
                    Write::DeletePod { pod, .. } => drop(self.deleting.insert(*pod)),
                    _ => {}
                }
                out.push(Command::Write(client, write));
            }
        }
        false
    }

    /// The status is being written.
    pub(super) fn report(&mut self) {
        self.report = Report::Written;
    }

    /// Whether this sync has written the status.
    pub(super) fn has_reported(&self) -> bool {
        self.report != Report::Open
    }

    /// A status of the workload was written.
    pub(super) fn reported(&mut self) {
        if self.report == Report::Written {
            self.report = Report::Answered;
        }
    }

    /// A pod of the workload was created.
    pub(super) fn created(&mut self) {
        self.creating = self.creating.saturating_sub(1);
    }

    /// The deletion of a pod has begun.
    pub(super) fn deleted(&mut self, pod: PodRef) {
        self.deleting.remove(&pod);
    }

    /// A pod is gone. A deletion that has yet to be asked for would be refused, and nobody could say of
    /// which workload it was.
    pub(super) fn removed(&mut self, pod: PodRef) {
        self.deleted(pod);
        let is_it = |write: &Write| matches!(write, Write::DeletePod { pod: of, .. } if *of == pod);
        for batch in &mut self.batches {
            let before = batch.writes.len();
            batch.writes.retain(|write| !is_it(write));
            self.failed |= batch.writes.len() < before;
        }
    }

    /// A write of the workload was refused.
    pub(super) fn refused(&mut self, write: &Write) {
        match write {
            Write::CreatePod { .. } => self.creating = self.creating.saturating_sub(1),
            Write::DeletePod { pod, .. } => {
                if !self.deleting.remove(pod) {
                    return;
                }
            }
            _ => self.reported(),
        }
        self.failed = true;
    }

    /// Ends the sync.
    pub(super) fn end(&mut self) -> Option<Ended> {
        let Writes { active, failed, again, .. } = std::mem::take(self);
        active.then_some(Ended { failed, again })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ClassId, WorkloadId};
    use crate::cluster::Reason;

    fn create(number: u32) -> Write {
        let (owner, class) = (WorkloadId(0), ClassId(0));
        Write::CreatePod { owner, class, number, index: None, tracked: false }
    }

    fn advance(writes: &mut Writes) -> (usize, bool) {
        let mut out = Vec::new();
        let done = writes.advance(Client::DaemonSet, &mut out);
        (out.len(), done)
    }

    #[test]
    fn batches_double_and_wait_for_their_answers() {
        let batches = in_batches((1..=9).map(create).collect(), 4);
        assert_eq!(batches.iter().map(|batch| batch.writes.len()).collect::<Vec<_>>(), [1, 2, 4, 2]);
        let mut writes = Writes::default();
        assert!(!writes.is_busy() && writes.end().is_none());
        writes.begin(batches);
        assert_eq!(advance(&mut writes), (1, false));
        assert_eq!(advance(&mut writes), (0, false));
        writes.created();
        assert_eq!(advance(&mut writes), (2, false));
        assert!(writes.is_busy());
        writes.created();
        writes.refused(&create(3));
        assert_eq!(advance(&mut writes), (0, true), "nothing more after a refusal");
        writes.report();
        assert_eq!(advance(&mut writes), (0, false));
        writes.reported();
        assert!(advance(&mut writes).1 && writes.has_reported());
        assert_eq!(writes.end(), Some(Ended { failed: true, again: true }));
        assert!(!writes.is_busy());
    }

    #[test]
    fn deletions_come_after_refused_creations() {
        let pod = PodRef::default();
        let delete = Write::DeletePod { pod, grace: None, reason: Reason::ScaledDown };
        let mut batches = in_batches((1..=3).map(create).collect(), 4);
        batches.push(Batch { writes: vec![delete.clone()], always: true });
        let mut writes = Writes::default();
        writes.begin(batches);
        assert_eq!(advance(&mut writes), (1, false));
        writes.refused(&create(1));
        assert_eq!(advance(&mut writes), (1, false));
        writes.deleted(pod);
        writes.refused(&delete);
        assert_eq!(advance(&mut writes), (0, true));
        assert!(writes.end().is_some_and(|ended| ended.failed));
    }

    #[test]
    fn a_pod_that_is_gone_before_its_deletion_is_asked_for_holds_nothing_up() {
        let pod = PodRef::default();
        let delete = Write::DeletePod { pod, grace: None, reason: Reason::ScaledDown };
        let mut writes = Writes::default();
        writes.begin(in_batches(vec![create(1), delete], 4));
        assert_eq!(advance(&mut writes), (1, false));
        writes.removed(pod);
        writes.created();
        assert_eq!(advance(&mut writes), (0, true));
        assert!(writes.end().is_some_and(|ended| ended.failed));
    }
}
