//! Which constraints a pod class has: its own, or the defaults with the selector that Services and
//! the controller that owns it make. How pods are counted is not known here.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/podtopologyspread/{common,plugin}.go and
//! plugins/helper/spread.go (reference kube-scheduler §14.1).

use crate::api::pod::{TopologySpreadConstraint, WhenUnsatisfiable};
use crate::base::{Interner, Symbol};
use crate::cluster::nodes::HOSTNAME_KEY;
use crate::cluster::{Cluster, ControllerKind, PodClass, Selector};
use crate::control::config::{SpreadArgs, SpreadDefaulting};

/// The label of the second system default.
const ZONE_KEY: &str = "topology.kubernetes.io/zone";

/// The constraints of pods without own ones. Kubernetes' built-in ones do not require nodes to have
/// every key.
pub(super) fn defaults(args: &SpreadArgs) -> Vec<TopologySpreadConstraint> {
    if args.defaulting == SpreadDefaulting::List {
        return args.default_constraints.clone();
    }
    let soft = |key: &str, max_skew| TopologySpreadConstraint {
        max_skew,
        topology_key: key.to_owned(),
        when_unsatisfiable: WhenUnsatisfiable::ScheduleAnyway,
        label_selector: None,
        min_domains: None,
        honor_node_affinity: true,
        honor_node_taints: false,
        match_label_keys: Vec::new(),
    };
    vec![soft(HOSTNAME_KEY, 3), soft(ZONE_KEY, 5)]
}

/// A constraint over interned names.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    pub(super) key: Symbol,
    /// Whether the key is the host name's, which scores count in a way of its own.
    pub(super) is_hostname: bool,
    pub(super) is_hard: bool,
    pub(super) max_skew: i64,
    pub(super) min_domains: i64,
    pub(super) honor_affinity: bool,
    pub(super) honor_taints: bool,
    pub(super) selector: Selector,
}

impl Constraint {
    /// A constraint as written; `pod` adds what its labels say of the `matchLabelKeys`.
    pub(super) fn new(
        names: &mut Interner,
        written: &TopologySpreadConstraint,
        pod: Option<&PodClass>,
    ) -> Constraint {
        let mut selector = Selector::compile(names, written.label_selector.as_ref());
        for key in &written.match_label_keys {
            let key = names.intern(key);
            let value = pod.and_then(|pod| pod.labels.iter().find(|(label, _)| *label == key));
            if let Some(&(key, value)) = value {
                selector.require_value(key, value);
            }
        }
        Constraint {
            key: names.intern(&written.topology_key),
            is_hostname: written.topology_key == HOSTNAME_KEY,
            is_hard: written.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule,
            max_skew: written.max_skew.into(),
            min_domains: written.min_domains.unwrap_or(1).into(),
            honor_affinity: written.honor_node_affinity,
            honor_taints: written.honor_node_taints,
            selector,
        }
    }
}

/// The selector that default constraints get: what the Services that select the pod and the
/// controller that owns it select. Empty if there are none, and then there is no default spreading.
pub(super) fn default_selector(cluster: &Cluster, pod: &PodClass) -> Selector {
    let mut selector = Selector::EVERYTHING;
    for service in cluster.selectors.services(pod.namespace).filter(|one| one.matches(&pod.labels)) {
        selector.require_all(service);
    }
    let Some(name) = pod.controller else { return selector };
    match cluster.selectors.controller(pod.namespace, name) {
        // A selector that is missing or cannot be built adds nothing.
        Some(theirs) if theirs.is_nothing() => {}
        // That of a ReplicationController is a map, and maps are merged.
        Some(theirs) if name.0 == ControllerKind::ReplicationController => selector.merge(theirs),
        Some(theirs) => selector.require_all(theirs),
        None => {}
    }
    selector
}
