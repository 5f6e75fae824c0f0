//! What is known of one DaemonSet: its nodes with its pods, kept up to date event by event.

use super::backoff::Backoff;
use super::nodes::{DaemonNode, DaemonPod};
use super::placement::{NodeFacts, Placement, daemon_template, pinned, placement};
use crate::api::status::DaemonSetStatus;
use crate::api::{DaemonSet, PodTemplate, TaintEffect};
use crate::base::ids::{ClassId, NodeId, PodId, WorkloadId};
use crate::base::{Clock, Map, Span};
use crate::cluster::{ClassKey, Cluster, PodName};
use crate::control::controllers::revisions::Revisions;
use crate::control::controllers::writes::Writes;
use std::sync::Arc;

/// The revision of pods that an earlier leader has made of another template than the current one.
const UNKNOWN: u32 = u32::MAX;

/// For which node a pod is, and of which template.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Pin {
    node: NodeId,
    revision: u32,
}

/// What ControllerRevisions and pods themselves say of a set: it outlives the controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    templates: Revisions,
    revision: u32,
    classes: Map<Pin, ClassId>,
    pins: Map<ClassId, Pin>,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// By row; rows that never had a node are as if it had gone.
    pub(super) nodes: Vec<DaemonNode>,
    /// How long a pod must have been ready to count as available.
    pub(super) min_ready: Span,
    /// The waits of nodes with failed pods.
    pub(super) backoff: Backoff,
    /// The writes under way.
    pub(super) writes: Writes,
    /// The status as last written.
    pub(super) written: DaemonSetStatus,
    /// Whether the template's ControllerRevision is still to be written.
    pub(super) is_new_template: bool,
    /// The template with what all pods of the set have.
    template: PodTemplate,
    templates: Revisions,
    revision: u32,
    /// The classes of pods by node and template, and the reverse.
    classes: Map<Pin, ClassId>,
    pins: Map<ClassId, Pin>,
    /// The pods that are listed, by row.
    pods: Map<PodId, Pin>,
}

impl State {
    /// A set without nodes and pods whose template has a class, and of which something may have been
    /// written before.
    pub(super) fn new(class: ClassId, set: &DaemonSet, records: Option<Records>) -> State {
        let Records { templates, revision, classes, pins } = records.unwrap_or_default();
        let mut state = State {
            nodes: Vec::new(),
            min_ready: Span::ZERO,
            backoff: Backoff::default(),
            writes: Writes::default(),
            written: DaemonSetStatus::default(),
            is_new_template: false,
            template: daemon_template(&set.template),
            templates,
            revision,
            classes,
            pins,
            pods: Map::default(),
        };
        state.change_template(class, set);
        state
    }

    /// What outlives the controller.
    pub(super) fn into_records(self) -> Records {
        let State { templates, revision, classes, pins, .. } = self;
        Records { templates, revision, classes, pins }
    }

    /// The set was written. Says whether it has another template: then every node is to be looked at.
    pub(super) fn change_template(&mut self, class: ClassId, set: &DaemonSet) -> bool {
        self.min_ready = Span::from_secs(set.min_ready_seconds.max(0) as u64);
        let (revision, is_written) = self.templates.enter(class);
        if !is_written {
            return false;
        }
        self.is_new_template = true;
        self.revision = revision;
        self.template = daemon_template(&set.template);
        for node in &mut self.nodes {
            for pod in &mut node.pods {
                pod.is_new = self.pods.get(&PodId(pod.id)).is_some_and(|pin| pin.revision == revision);
            }
        }
        true
    }

    /// A node has come, changed or gone.
    pub(super) fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let exists = cluster.nodes.present.contains(node.index());
        let placement = if exists { self.placement(node, cluster) } else { Placement::default() };
        let row = self.row(node);
        (row.exists, row.placement) = (exists, placement);
    }

    /// Whether what has happened to a node is a reason for a sync.
    pub(super) fn is_concerned(&self, node: NodeId) -> bool {
        let row = &self.nodes[node.index()];
        let has_pods = !row.pods.is_empty();
        (row.placement.run && !has_pods)
            || (has_pods && (!row.placement.keep || self.written.misscheduled > 0))
    }

    fn row(&mut self, node: NodeId) -> &mut DaemonNode {
        for id in self.nodes.len()..=node.index() {
            let (placement, pods) = (Placement::default(), Vec::new());
            self.nodes.push(DaemonNode { id: id as u32, exists: false, placement, pods });
        }
        &mut self.nodes[node.index()]
    }

    fn placement(&self, node: NodeId, cluster: &Cluster) -> Placement {
        let (names, nodes) = (&cluster.names, &cluster.nodes);
        let label = |key: &str| Some(names.text(nodes.label(names, node, names.get(key)?)?));
        let taints = nodes.taints(names, node);
        let taints: Vec<(&str, &str, TaintEffect)> =
            taints.iter().map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect)).collect();
        let name = names.text(nodes.name[node.index()]);
        placement(&self.template.spec, &NodeFacts { name, label: &label, taints: &taints })
    }

    /// The class of the pod for a node: the scheduler can place it there only.
    pub(super) fn pinned(&mut self, node: NodeId, id: WorkloadId, cluster: &mut Cluster) -> ClassId {
        let pin = Pin { node, revision: self.revision };
        if let Some(&class) = self.classes.get(&pin) {
            return class;
        }
        let name = cluster.names.text(cluster.nodes.name[node.index()]);
        let template = Arc::new(pinned(&self.template, name));
        let workload = &cluster.workloads[id];
        let priority = cluster.classes[workload.class].priority;
        let class = cluster.class_of(&ClassKey::new(&template, workload.namespace, priority));
        self.classes.insert(pin, class);
        self.pins.insert(class, pin);
        class
    }

    /// A pod of the set was created. One of a dump is for the node it is bound to, and taken to be up
    /// to date; without a node it is not looked at.
    pub(super) fn pod_added(&mut self, pod: PodId, clock: Clock, cluster: &Cluster) {
        let known = self.pins.get(&cluster.pods.class[pod.index()]).copied();
        let known = known.or_else(|| self.recognized(pod, cluster));
        let bound = cluster.pods.node[pod.index()];
        let Some(pin) = known.or(bound.map(|node| Pin { node, revision: self.revision })) else { return };
        self.pods.insert(pod, pin);
        self.pod_changed(pod, clock, cluster);
    }

    /// The place of a pod that an earlier leader has made: it has a number, and names its node.
    fn recognized(&self, pod: PodId, cluster: &Cluster) -> Option<Pin> {
        if !matches!(cluster.pods.name[pod.index()], PodName::Numbered { .. }) {
            return None;
        }
        let template = &cluster.classes[cluster.pods.class[pod.index()]].template;
        let required = template.spec.affinity.node.as_ref()?.required.as_ref()?;
        let name = required.terms.first()?.match_fields.first()?.values.first()?;
        let node = cluster.nodes.find(cluster.names.get(name)?)?;
        let is_current = **template == pinned(&self.template, name);
        Some(Pin { node, revision: if is_current { self.revision } else { UNKNOWN } })
    }

    /// Something about a pod has changed. Time stamps have whole seconds.
    pub(super) fn pod_changed(&mut self, pod: PodId, clock: Clock, cluster: &Cluster) {
        let Some(&pin) = self.pods.get(&pod) else { return };
        let (index, pods) = (pod.index(), &cluster.pods);
        let seen = DaemonPod {
            id: pod.0,
            is_new: pin.revision == self.revision,
            bound: pods.node[index].is_some(),
            created: clock.floor(pods.created[index]),
            ready: pods.ready[index].then(|| clock.floor(pods.ready_since[index])),
            phase: pods.phase[index],
            deleting: pods.deleting_since[index].is_some(),
        };
        let listed = &mut self.row(pin.node).pods;
        match listed.iter().position(|known| known.id == seen.id) {
            Some(place) if seen.counts() => listed[place] = seen,
            Some(place) => drop(listed.remove(place)),
            None if seen.counts() => listed.push(seen),
            None => {}
        }
    }

    /// A pod is gone.
    pub(super) fn pod_removed(&mut self, pod: PodId) {
        if let Some(pin) = self.pods.remove(&pod) {
            self.row(pin.node).pods.retain(|known| known.id != pod.0);
        }
    }
}
