//! Pods that somebody follows: what moves them from one place of the queue to another, and every
//! attempt for them in full.
//!
//! Nothing here has a say in any decision, and nothing is done while nobody is followed.

use super::cycle::Attempt;
use super::explain::Explanation;
use super::{Place, Scheduler, cycle_of};
use crate::base::Time;
use crate::base::ids::{NodeId, PodId};
use crate::cluster::{Cluster, PodRef};
use crate::control::snapshot::full_pod_name;
use crate::control::{Command, Event, NodeChange, Note, Write};

/// What has moved a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// It is new.
    Added,
    /// Its attempt has failed.
    Failed,
    /// An event that may help it.
    Event {
        /// What happened, such as `node added`.
        what: &'static str,
        /// To which object: a node, or a pod as `namespace/name`.
        object: String,
    },
    /// Its back-off is over.
    BackoffOver,
    /// It has waited for an event for so long that it goes on without one.
    WaitedLong,
}

/// What a pod that is followed goes through.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// It has come to another place.
    Moved {
        /// The place.
        place: Place,
        /// When its back-off ends, if it is in one; the queue looks once a second.
        until: Option<Time>,
        /// The plugin that holds it back; empty if none does.
        gate: &'static str,
        /// What has moved it.
        cause: Cause,
    },
    /// An attempt begins.
    Attempt {
        /// How many it has had, with this one.
        number: u32,
        /// The place it was taken from.
        from: Place,
        /// What the attempt finds.
        explanation: Box<Explanation>,
    },
}

/// A pod that is followed, where it was seen last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    pod: PodRef,
    place: Option<Place>,
}

/// The pods that are followed.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Names, as `name` or `namespace/name`.
    names: Vec<String>,
    seen: Vec<Seen>,
}

impl Watch {
    pub(super) fn new(names: &[String]) -> Watch {
        Watch { names: names.to_vec(), seen: Vec::new() }
    }

    /// Whether anybody is followed.
    pub(super) fn is_on(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether a pod goes by one of the names.
    fn wants(&self, cluster: &Cluster, pod: PodId) -> bool {
        let full = full_pod_name(cluster, pod);
        let plain = full.split_once('/').map_or("", |(_, name)| name);
        self.names.iter().any(|name| *name == full || name == plain)
    }
}

impl Scheduler {
    /// Begins to follow a new pod, if it is wanted.
    fn meet(&mut self, event: &Event, cluster: &Cluster) {
        if let Event::PodAdded(new) = event
            && self.queue.get(new.pod).is_some()
            && self.watch.wants(cluster, new.pod.id)
        {
            self.watch.seen.push(Seen { pod: new.pod, place: None });
        }
    }

    /// Tells where the followed pods have come to through an event.
    pub(super) fn tell_moves(&mut self, event: &Event, cluster: &Cluster, out: &mut Vec<Command>) {
        self.meet(event, cluster);
        let is_new = |pod: PodRef| matches!(event, Event::PodAdded(new) if new.pod == pod);
        let cause = |seen: Seen| {
            if is_new(seen.pod) {
                return Cause::Added;
            }
            let (what, object) = describe(event, cluster);
            Cause::Event { what, object }
        };
        self.compare(cause, cluster, out);
    }

    /// Tells where the followed pods have come to through time alone.
    pub(super) fn tell_timeouts(&mut self, cluster: &Cluster, out: &mut Vec<Command>) {
        let cause = |seen: Seen| match seen.place {
            Some(Place::Backoff | Place::ErrorBackoff) => Cause::BackoffOver,
            _ => Cause::WaitedLong,
        };
        self.compare(cause, cluster, out);
    }

    /// Tells where the followed pods have come to through an attempt for a pod.
    pub(super) fn tell_outcome(&mut self, pod: PodId, cluster: &Cluster, out: &mut Vec<Command>) {
        let cause = |seen: Seen| {
            if seen.pod.id == pod {
                return Cause::Failed;
            }
            let object = full_pod_name(cluster, pod);
            Cause::Event { what: "pod gave up the node it was promised", object }
        };
        self.compare(cause, cluster, out);
    }

    fn compare(&mut self, cause: impl Fn(Seen) -> Cause, cluster: &Cluster, out: &mut Vec<Command>) {
        let mut seen = std::mem::take(&mut self.watch.seen);
        seen.retain_mut(|seen| {
            let Some(waiting) = self.queue.get(seen.pod) else { return false };
            let place = waiting.place;
            if seen.place == Some(place) {
                return true;
            }
            let gate = waiting.gate.zip(cycle_of(&mut self.cycles, cluster, waiting.class));
            let gate = gate.map_or("", |(gate, cycle)| cycle.profile.plugins[gate].name());
            let in_backoff = matches!(place, Place::Backoff | Place::ErrorBackoff);
            if place != Place::InFlight {
                let until = self.queue.release_of(seen.pod).filter(|_| in_backoff);
                let step = Step::Moved { place, until, gate, cause: cause(*seen) };
                out.push(Command::Note(Note::Followed { pod: seen.pod, step }));
            }
            seen.place = Some(place);
            true
        });
        self.watch.seen = seen;
    }

    /// Tells what an attempt for a followed pod is going to find.
    pub(super) fn tell_attempt(
        &mut self,
        now: Time,
        attempt: Attempt,
        number: u32,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        let Some(pod) = attempt.pod.map(|id| cluster.pods.reference(id)) else { return };
        let Some(seen) = self.watch.seen.iter_mut().find(|seen| seen.pod == pod) else { return };
        let from = seen.place.replace(Place::InFlight).unwrap_or(Place::Active);
        let Some(cycle) = cycle_of(&mut self.cycles, cluster, attempt.class) else { return };
        cycle.go_on(self.position, now);
        let explanation = Box::new(cycle.explain(cluster, attempt, &self.nominator));
        out.push(Command::Note(Note::Followed { pod, step: Step::Attempt { number, from, explanation } }));
    }
}

/// An event in words, with its object.
fn describe(event: &Event, cluster: &Cluster) -> (&'static str, String) {
    let node = |node: NodeId| cluster.names.text(cluster.nodes.name[node.index()]).to_owned();
    let pod = |pod: PodRef| cluster.pods.get(pod).map_or_else(String::new, |id| full_pod_name(cluster, id));
    match event {
        Event::NodeAdded { node: id, .. } => ("node added", node(*id)),
        Event::NodeChanged { node: id, change } => {
            let what = match change {
                NodeChange::Taints(_) => "taints of node changed",
                NodeChange::Unschedulable(true) => "node cordoned",
                NodeChange::Unschedulable(false) => "node uncordoned",
                NodeChange::Ready(_) | NodeChange::MemoryPressure(_) => "condition of node changed",
            };
            (what, node(*id))
        }
        Event::NodeRemoved { node: id } => ("node removed", node(*id)),
        Event::PodAdded(new) => ("pod added", pod(new.pod)),
        Event::PodBound { pod: bound, .. } => ("pod bound", pod(*bound)),
        Event::PodStatus { pod: ended, .. } => ("pod ended", pod(*ended)),
        Event::PodDeleting { pod: deleting, .. } => ("deletion of pod began", pod(*deleting)),
        Event::PodRemoved { pod: removed } => ("pod removed", pod(*removed)),
        Event::Refused(write, _) => match **write {
            Write::Bind { pod: refused, .. } => ("binding refused of pod", pod(refused)),
            Write::DeletePod { pod: refused, .. } => ("deletion refused of pod", pod(refused)),
            _ => ("write refused", String::new()),
        },
        _ => ("event", String::new()),
    }
}
