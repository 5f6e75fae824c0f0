//! NodeDeclaredFeatures: what a pod needs its node's kubelet to be able to do (since 1.36).
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/nodedeclaredfeatures and
//! component-helpers/nodedeclaredfeatures/features (reference kube-scheduler 1.36 §11.2).

use super::{ByClass, StaticSet};
use crate::api::{Container, PodSpec};
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Symbol};
use crate::cluster::Cluster;
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, PreFiltered, Reach, Tally};

/// The reason given.
const REASON: Cause = Cause::Text("node(s) didn't match Pod's required features");
/// A feature by name, and whether a pod needs it.
type Feature = (&'static str, fn(&PodSpec) -> bool);

/// The features that a pod can need for being placed.
const FEATURES: [Feature; 2] = [
    ("RestartAllContainersOnContainerExits", |spec| {
        let restarts = |container: &Container| container.restarts_all;
        spec.init_containers.iter().chain(&spec.containers).any(restarts)
    }),
    ("UserNamespacesHostNetworkSupport", |spec| spec.host_network && spec.own_users),
];

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct NodeDeclaredFeatures {
    names: [Symbol; FEATURES.len()],
    /// The features that a class needs: one bit each.
    needed: ByClass<usize>,
    /// The rows that have them, by these bits.
    sets: [StaticSet; 1 << FEATURES.len()],
}

impl NodeDeclaredFeatures {
    fn has(&self, cluster: &Cluster, row: usize, needed: usize) -> bool {
        let declared = &cluster.nodes.declared_features[row];
        let mut needed = self.names.iter().enumerate().filter(|(bit, _)| needed >> bit & 1 == 1);
        needed.all(|(_, name)| declared.contains(name))
    }
}

impl Plugin for NodeDeclaredFeatures {
    fn name(&self) -> &'static str {
        "NodeDeclaredFeatures"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        self.names = FEATURES.map(|(name, _)| cluster.names.intern(name));
        let spec = &cluster.classes[class].template.spec;
        let needed = FEATURES.iter().enumerate().filter(|(_, (_, needs))| needs(spec));
        self.needed.set(class, needed.fold(0, |bits, (bit, _)| bits | 1 << bit));
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        let needs = *self.needed.get(context.class) != 0 && context.version.compat().declares_features;
        if needs { PreFiltered::SUCCESS } else { PreFiltered::SKIP }
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        let needed = *self.needed.get(context.class);
        let mut set = std::mem::take(&mut self.sets[needed]);
        nodes.and(set.get(&context.cluster.nodes, |row| self.has(context.cluster, row, needed)));
        self.sets[needed] = set;
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let needed = *self.needed.get(context.class);
        if !context.version.compat().declares_features || self.has(context.cluster, node.index(), needed) {
            return Code::Success;
        }
        causes.push(REASON);
        Code::UnschedulableAndUnresolvable
    }

    fn tally(&mut self, _context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        tally.add(REASON, failed.count());
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Static
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration {
                resource: Resource::Node,
                actions: &[Action::Add, Action::UpdateNodeDeclaredFeature],
            },
            Registration { resource: Resource::UnscheduledPod, actions: &[Action::Update] },
        ]
    }

    fn hint(&mut self, _context: Context<'_>, change: &Change<'_>) -> bool {
        match change {
            Change::Node { before, after, .. } => {
                before.is_none_or(|before| before.declared_features != after.declared_features)
            }
            // Only the pod itself, if it then needs something else.
            Change::Pod { .. } => false,
        }
    }
}
