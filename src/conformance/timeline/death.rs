//! The moments of one node's death, read off a timeline: from the last renewal of its lease to the
//! first breath of what takes the place of its pods.
//!
//! Only names and changes of lines are read, so that recorded timelines and ours are treated alike.

use super::compare::Recording;
use super::record::Line;
use std::collections::{BTreeMap, BTreeSet};

/// A step of a node's death, in the order in which steps usually come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// The node does nothing any more.
    Stopped,
    /// Its condition Ready becomes Unknown.
    Unknown,
    /// It gets the taint `unreachable:NoSchedule`.
    NoSchedule,
    /// Its pods are no longer ready.
    PodsNotReady,
    /// It gets the taint `unreachable:NoExecute`.
    NoExecute,
    /// Its pods are deleted, and begin to be Terminating.
    PodsDeleted,
    /// A ReplicaSet creates a pod in the place of a deleted one.
    Created,
    /// That pod has a node.
    Bound,
    /// That pod is ready.
    Ready,
}

/// The first node of a timeline that falls silent.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeDeath {
    /// Its name.
    pub node: String,
    /// When it renewed its lease for the last time, in seconds since the start.
    pub last_renewal: f64,
    /// When each step was seen of the first and of the last object that it concerns, in seconds since
    /// the start. Steps that were not seen are absent.
    pub steps: BTreeMap<Step, (f64, f64)>,
}

impl Recording {
    /// The death of the first node that falls silent, up to its return; `None` if all nodes live.
    pub fn node_death(&self) -> Option<NodeDeath> {
        let stop = self.lines.iter().position(|line| line.change == "heartbeat-stopped")?;
        let node = self.lines[stop].name.clone();
        let last_renewal = self.lines[stop].fields.get("lastRenew")?.as_f64()?;
        let back = |line: &&Line| line.change == "heartbeat-resumed" && line.name == node;
        let after: Vec<&Line> = self.lines[stop..].iter().take_while(|line| !back(line)).collect();
        let mut death = NodeDeath { node, last_renewal, steps: BTreeMap::new() };
        death.node_steps(&after);
        let victims = death.pod_steps(&self.lines[..stop], &after);
        death.replacement_steps(&after, &victims);
        Some(death)
    }
}

impl NodeDeath {
    fn saw(&mut self, step: Step, t: f64) {
        let stretch = self.steps.entry(step).or_insert((t, t));
        *stretch = (stretch.0.min(t), stretch.1.max(t));
    }

    /// What happens to the node. A controller that is new takes taints off and puts them back: the
    /// first time counts.
    fn node_steps(&mut self, after: &[&Line]) {
        for line in after.iter().filter(|line| line.kind == "Node") {
            if line.name != self.node {
                continue;
            }
            let text = |field: &str| line.fields.get(field).and_then(|value| value.as_str()).unwrap_or("");
            let step = match line.change.as_str() {
                "heartbeat-stopped" => Step::Stopped,
                "condition" if text("Ready").starts_with("Unknown") => Step::Unknown,
                "tainted" if text("taint").ends_with("unreachable:NoSchedule") => Step::NoSchedule,
                "tainted" if text("taint").ends_with("unreachable:NoExecute") => Step::NoExecute,
                _ => continue,
            };
            if !self.steps.contains_key(&step) {
                self.saw(step, line.t);
            }
        }
    }

    /// What happens to the pods that were on the node when it fell silent; the names of the deleted
    /// ones.
    fn pod_steps<'a>(&mut self, before: &'a [Line], after: &[&'a Line]) -> BTreeSet<&'a str> {
        let mut on_it: BTreeSet<&str> = BTreeSet::new();
        for line in before.iter().filter(|line| line.kind == "Pod") {
            let here = line.fields.get("node").is_some_and(|node| node.as_str() == Some(&self.node));
            if line.change == "bound" && here {
                on_it.insert(&line.name);
            } else if matches!(line.change.as_str(), "deleted" | "succeeded" | "failed") {
                on_it.remove(line.name.as_str());
            }
        }
        let mut deleted = BTreeSet::new();
        for line in after.iter().filter(|line| line.kind == "Pod" && on_it.contains(line.name.as_str())) {
            if line.change == "notready" {
                self.saw(Step::PodsNotReady, line.t);
            } else if line.change == "terminating" {
                self.saw(Step::PodsDeleted, line.t);
                deleted.insert(line.name.as_str());
            }
        }
        deleted
    }

    /// What happens to the pods that ReplicaSets create in the place of the deleted ones.
    fn replacement_steps(&mut self, after: &[&Line], deleted: &BTreeSet<&str>) {
        let Some(&(begin, _)) = self.steps.get(&Step::PodsDeleted) else { return };
        let owners: BTreeSet<&str> = deleted.iter().filter_map(|pod| replica_set(pod)).collect();
        let mut fresh: BTreeSet<&str> = BTreeSet::new();
        for line in after.iter().filter(|line| line.kind == "Pod" && line.t >= begin) {
            let name = line.name.as_str();
            if line.change == "created" && replica_set(name).is_some_and(|owner| owners.contains(owner)) {
                fresh.insert(name);
            }
            let step = match line.change.as_str() {
                "created" => Step::Created,
                "bound" => Step::Bound,
                "ready" => Step::Ready,
                _ => continue,
            };
            if fresh.contains(name) {
                self.saw(step, line.t);
            }
        }
    }
}

/// The ReplicaSet of a pod by its canonical name: `web#1` of `web#1-7`.
fn replica_set(pod: &str) -> Option<&str> {
    pod.rsplit_once('-').map(|(owner, _)| owner).filter(|owner| owner.contains('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: &str = r#"
{"t":0.1,"kind":"Pod","name":"web#1-1","change":"bound","node":"a"}
{"t":0.1,"kind":"Pod","name":"web#1-2","change":"bound","node":"a"}
{"t":0.1,"kind":"Pod","name":"gone","change":"bound","node":"a"}
{"t":0.2,"kind":"Pod","name":"gone","change":"deleted"}
{"t":9.0,"kind":"Node","name":"a","change":"heartbeat-stopped","lastRenew":4.5}
{"t":55.0,"kind":"Node","name":"b","change":"condition","Ready":"Unknown/NodeStatusUnknown"}
{"t":56.0,"kind":"Node","name":"a","change":"condition","Ready":"Unknown/NodeStatusUnknown"}
{"t":56.1,"kind":"Node","name":"a","change":"tainted","taint":"node.kubernetes.io/unreachable:NoExecute"}
{"t":56.2,"kind":"Pod","name":"web#1-1","change":"notready"}
{"t":56.3,"kind":"Pod","name":"web#1-2","change":"notready"}
{"t":58.0,"kind":"Node","name":"a","change":"tainted","taint":"node.kubernetes.io/unreachable:NoExecute"}
{"t":90.0,"kind":"Pod","name":"web#1-3","change":"created"}
{"t":99.0,"kind":"Pod","name":"web#1-2","change":"terminating"}
{"t":99.1,"kind":"Pod","name":"web#1-4","change":"created"}
{"t":99.2,"kind":"Pod","name":"web#1-4","change":"bound","node":"b"}
{"t":99.2,"kind":"Pod","name":"other#1-1","change":"created"}
{"t":120.0,"kind":"Node","name":"a","change":"heartbeat-resumed"}
{"t":121.0,"kind":"Pod","name":"web#1-4","change":"ready"}
"#;

    #[test]
    fn the_steps_of_the_first_silent_node_are_found() {
        let death = Recording::parse(TIMELINE).expect("it is well-formed").node_death().expect("a node dies");
        assert_eq!((death.node.as_str(), death.last_renewal), ("a", 4.5));
        let expected = [
            (Step::Stopped, (9.0, 9.0)),
            (Step::Unknown, (56.0, 56.0)),
            (Step::PodsNotReady, (56.2, 56.3)),
            (Step::NoExecute, (56.1, 56.1)),
            (Step::PodsDeleted, (99.0, 99.0)),
            (Step::Created, (99.1, 99.1)),
            (Step::Bound, (99.2, 99.2)),
        ];
        assert_eq!(death.steps, BTreeMap::from(expected));
    }

    #[test]
    fn where_no_node_dies_there_is_no_death() {
        let lines = r#"{"t":1.0,"kind":"Pod","name":"a","change":"created"}"#;
        assert_eq!(Recording::parse(lines).expect("it is well-formed").node_death(), None);
    }
}
