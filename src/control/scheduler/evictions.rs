//! What follows from a rejection: PostFilter, nominations, the orders to evict, and the pods that are
//! held back until those are carried out.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/schedule_one.go (handleSchedulingFailure),
//! pkg/scheduler/eventhandlers.go and pkg/scheduler/framework/preemption/executor.go (reference
//! kube-scheduler §8.4, §17.5 to §17.7, §18). A pod that is assumed has its binding written already,
//! so as a victim it is deleted like one that is bound.

use super::cycle::{Attempt, Rejection};
use super::events::{Action, Change};
use super::preemption::{Candidate, Nomination, PostFiltered};
use super::{Scheduler, cycle_of};
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::base::{Map, Time};
use crate::cluster::{Cluster, PodRef, Reason};
use crate::control::{Client, Command, Diagnosis, Note, PodPatch, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What has been ordered and is not visible yet.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    /// By preemptor, the victim whose deletion is ordered last.
    last_victims: BTreeMap<PodRef, PodRef>,
    /// Pods that were promised a node and are on the way to one. Until 1.34 their binding looks like
    /// the deletion of a pod to those that had to make way for them.
    promised: BTreeSet<PodRef>,
    /// What the condition PodScheduled of each pod that waits says, as last written: why, and which node
    /// it was promised.
    conditions: Map<PodRef, (Arc<Diagnosis>, Option<NodeId>)>,
}

impl Evictions {
    /// Whether a pod's own evictions are still under way: the deletion of the last victim has not
    /// begun yet.
    pub(super) fn is_preempting(&self, cluster: &Cluster, pod: PodRef) -> bool {
        let is_there = |victim: &PodRef| {
            let id = cluster.pods.get(*victim);
            id.is_some_and(|id| cluster.pods.deleting_since[id.index()].is_none())
        };
        self.last_victims.get(&pod).is_some_and(is_there)
    }

    /// A pod is gone, or has ended: nobody waits for it, and it waits for nobody.
    pub(super) fn forget(&mut self, pod: PodRef) {
        self.last_victims.remove(&pod);
        self.promised.remove(&pod);
        self.conditions.remove(&pod);
        self.last_victims.retain(|_, victim| *victim != pod);
    }
}

impl Scheduler {
    /// Runs PostFilter for a rejected pod, returns it to the queue and does what PostFilter wants.
    pub(super) fn reject(
        &mut self,
        now: Time,
        attempt: Attempt,
        attempts: u32,
        rejection: &Rejection,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(id) = attempt.pod else { return };
        let Some(cycle) = cycle_of(&mut self.cycles, cluster, attempt.class) else { return };
        let filtered = cycle.post_filter(cluster, attempt, &self.nominator, rejection);
        let PostFiltered { diagnosis, nomination, candidate, cleared } = filtered;
        let pod = cluster.pods.reference(id);
        self.queue.fail(now, id, rejection.rejectors, Arc::clone(&diagnosis));
        out.push(Command::Note(Note::Unschedulable { pod, diagnosis: Arc::clone(&diagnosis), attempts }));
        match nomination {
            Nomination::Keep => {}
            Nomination::Clear => self.clear_nomination(now, id, cluster),
            Nomination::Set(node) => self.nominate(now, id, node, cluster),
        }
        self.write_condition(id, diagnosis, cluster, out);
        if let Some(candidate) = candidate {
            self.evict(now, pod, &candidate, &cleared, cluster, out);
        }
    }

    /// Writes why a pod waits and which node it is promised, if that is news (updatePod).
    pub(super) fn write_condition(
        &mut self,
        id: PodId,
        diagnosis: Arc<Diagnosis>,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let (pod, nominated) = (cluster.pods.reference(id), self.nominator.node_of(id));
        let known = self.evictions.conditions.get(&pod);
        if known.is_some_and(|(why, node)| *node == nominated && **why == *diagnosis) {
            return;
        }
        let is_written = cluster.pods.unscheduled[id.index()];
        let first = known.is_none() && !is_written;
        let is_known_to_others =
            known.is_none() && is_written && cluster.pods.nominated[id.index()] == nominated;
        self.evictions.conditions.insert(pod, (diagnosis, nominated));
        if is_known_to_others {
            // An earlier scheduler has written it.
            return;
        }
        let patch = PodPatch::Unscheduled { nominated, gated: false, first };
        out.push(Command::Write(Client::Scheduler, Write::PatchPod { pod, patch }));
    }

    /// Promises a pod a node. The node that it was promised before is free for others.
    fn nominate(&mut self, now: Time, id: PodId, node: NodeId, cluster: &mut Cluster) {
        let before = self.nominator.node_of(id);
        self.nominator.nominate(id, node);
        if before.is_some_and(|before| before != node) {
            self.no_longer_promised(now, cluster.pods.class[id.index()], cluster);
        }
    }

    /// Takes back the promise of a node, if there was one.
    pub(super) fn clear_nomination(&mut self, now: Time, id: PodId, cluster: &mut Cluster) {
        if self.nominator.remove(id).is_some() {
            self.no_longer_promised(now, cluster.pods.class[id.index()], cluster);
        }
    }

    /// A pod of a class does not stand in the way of others on a node that it was promised: to pods
    /// of no higher priority that is the end of a pod there.
    fn no_longer_promised(&mut self, now: Time, class: ClassId, cluster: &mut Cluster) {
        let limit = cluster.classes[class].priority;
        self.wake(now, &Change::Pod { class, before: None, action: Action::Delete }, Some(limit), cluster);
    }

    /// Orders the deletion of the victims that are not on their way out yet, the last one last. If
    /// there are none nothing else happens, either.
    fn evict(
        &mut self,
        now: Time,
        pod: PodRef,
        candidate: &Candidate,
        cleared: &[PodId],
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let is_staying = |id: &&PodId| cluster.pods.deleting_since[id.index()].is_none();
        let staying = candidate.victims.iter().filter(is_staying);
        let victims: Vec<PodRef> = staying.map(|&id| cluster.pods.reference(id)).collect();
        let count = victims.len() as u32;
        out.push(Command::Note(Note::Preempting { pod, node: candidate.node, victims: count }));
        let Some(&last) = victims.last() else { return };
        for &lower in cleared {
            self.clear_nomination(now, lower, cluster);
        }
        self.evictions.last_victims.insert(pod, last);
        let reason = Reason::Preempted;
        for pod in victims {
            let patch = PodPatch::Disrupted(reason);
            out.push(Command::Write(Client::Scheduler, Write::PatchPod { pod, patch }));
            out.push(Command::Write(Client::Scheduler, Write::DeletePod { pod, grace: None, reason }));
        }
    }

    /// The pod has a node: it needs no promise any more.
    pub(super) fn assume(&mut self, pod: PodRef) {
        let was_promised = self.nominator.remove(pod.id).is_some();
        self.evictions.last_victims.remove(&pod);
        self.evictions.conditions.remove(&pod);
        if was_promised && self.version.compat().wakes_at_promised_binding {
            self.evictions.promised.insert(pod);
        }
    }

    /// A pod that was promised a node is bound.
    pub(super) fn promise_kept(&mut self, now: Time, pod: PodRef, class: ClassId, cluster: &mut Cluster) {
        if self.evictions.promised.remove(&pod) {
            self.no_longer_promised(now, class, cluster);
        }
    }

    /// The API server has refused to delete a victim, because it is gone, which is as good.
    pub(super) fn deletion_refused(&mut self, victim: PodRef) {
        self.evictions.last_victims.retain(|_, last| *last != victim);
    }
}
