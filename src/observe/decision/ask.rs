//! Asking the scheduler about one pod of a snapshot, with or without acting on the answer.

use super::preempt;
use super::table::{node_name, table};
use super::{Decision, Ending};
use crate::api::Pod;
use crate::base::Time;
use crate::base::ids::{NodeId, PodId};
use crate::cluster::Reason;
use crate::control::Snapshot;
use crate::control::scheduler::explain::Explanation;
use crate::control::scheduler::preemption::{Nomination, Preemption};
use crate::control::scheduler::{Attempt, Cycle, Outcome};
use crate::control::snapshot::Cycles;

/// Whether the answer is acted on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acting {
    /// The pod takes its node, or is promised one while its victims go: who is asked about next sees
    /// it.
    Placing,
    /// The cluster stays as it is.
    Asking,
}

/// Makes an attempt for a pod and says everything about it. There must be a profile that serves it.
pub fn ask(snapshot: &mut Snapshot, cycles: &mut Cycles, pod: &Pod, acting: Acting) -> Decision {
    let (id, class) = snapshot.add_pending_pod(pod);
    let name = snapshot.pod_name(id);
    let cycle = cycles.of(&snapshot.cluster, class);
    if let Some(gate) = cycle.held_back(&mut snapshot.cluster, class) {
        let nothing = Explanation::nothing();
        let mut decision = table(&snapshot.cluster, (name, class), &nothing, None);
        decision.result = Ending::Gated;
        decision.rule = format!("{} holds it back: {}", gate.plugin, gate.reasons.join(", "));
        snapshot.remove_row(id);
        return decision;
    }
    // Draws depend on it as they do in a queue: the pod's number and the first attempt.
    let key = (snapshot.cluster.pods.serial[id.index()] << 20) ^ 1;
    let attempt = Attempt { class, pod: Some(id), key };
    let explanation = cycle.explain(&mut snapshot.cluster, attempt, &snapshot.nominator);
    match cycle.schedule(&mut snapshot.cluster, attempt, &snapshot.nominator) {
        Outcome::Placed(placement) => {
            let mut decision = table(&snapshot.cluster, (name, class), &explanation, Some(placement.node));
            if cycle.batched().is_hinted {
                "it was next best when an equal pod was scored (opportunistic batching)"
                    .clone_into(&mut decision.rule);
            }
            place(snapshot, cycle, (id, placement.node), acting, &mut decision);
            decision
        }
        Outcome::Rejected(rejection) => {
            let (cluster, nominator) = (&mut snapshot.cluster, &snapshot.nominator);
            let (diagnosis, preemption) = cycle.explain_rejection(cluster, attempt, nominator, &rejection);
            let mut decision = table(cluster, (name, class), &explanation, None);
            decision.message = diagnosis.to_string();
            decision.preemption = preemption.as_ref().map(|preemption| preempt::table(cluster, preemption));
            match preemption.filter(|_| acting == Acting::Placing) {
                Some(preemption) => make_way(snapshot, id, &preemption),
                None => snapshot.remove_row(id),
            }
            decision
        }
    }
}

/// Takes the node for the pod, or forgets the pod again.
fn place(
    snapshot: &mut Snapshot,
    cycle: &mut Cycle,
    (pod, node): (PodId, NodeId),
    acting: Acting,
    decision: &mut Decision,
) {
    if acting == Acting::Asking {
        return snapshot.remove_row(pod);
    }
    snapshot.nominator.remove(pod);
    if let Err(status) = cycle.take_node(&mut snapshot.cluster, pod, node) {
        decision.result = Ending::Unschedulable;
        decision.node = None;
        decision.rule =
            format!("{} was chosen, and refused when it was to be taken", node_name(&snapshot.cluster, node));
        decision.message = status.message;
        snapshot.remove_row(pod);
    }
}

/// The victims are on their way out, and the pod is promised the node; or it waits without a promise.
fn make_way(snapshot: &mut Snapshot, pod: PodId, preemption: &Preemption) {
    let Nomination::Set(node) = preemption.nomination else { return snapshot.remove_row(pod) };
    for &cleared in &preemption.cleared {
        snapshot.nominator.remove(cleared);
    }
    snapshot.nominator.nominate(pod, node);
    for &victim in preemption.choice().into_iter().flat_map(|candidate| &candidate.victims) {
        snapshot.cluster.begin_deletion(victim, Time::ZERO);
        snapshot.cluster.pods.reason[victim.index()] = Reason::Preempted;
    }
}
