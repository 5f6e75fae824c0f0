//! NodeUnschedulable: cordoned nodes take no pods but those that tolerate it.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/nodeunschedulable (reference
//! kube-scheduler §11).

use super::ByClass;
use crate::api::TaintEffect;
use crate::base::BitSet;
use crate::base::Symbol;
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::Cluster;
use crate::cluster::class::tolerates;
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, Reach, Tally};

/// The reason given.
const REASON: Cause = Cause::Text("node(s) were unschedulable");
/// The taint that stands for being cordoned.
const TAINT: &str = "node.kubernetes.io/unschedulable";

/// The plugin: whether each class tolerates cordoned nodes.
#[derive(Debug, Default)]
pub(crate) struct NodeUnschedulable {
    tolerates: ByClass<bool>,
}

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Node
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let key = cluster.names.intern(TAINT);
        let bears = cluster.classes[class]
            .tolerations
            .iter()
            .any(|toleration| tolerates(toleration, key, Symbol::EMPTY, TaintEffect::NoSchedule));
        self.tolerates.set(class, bears);
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        if !self.tolerates.get(context.class) {
            nodes.and_not(&context.cluster.nodes.unschedulable);
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let cordoned = context.cluster.nodes.unschedulable.contains(node.index());
        if !cordoned || *self.tolerates.get(context.class) {
            return Code::Success;
        }
        causes.push(REASON);
        Code::UnschedulableAndUnresolvable
    }

    fn tally(&mut self, _context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        tally.add(REASON, failed.count());
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeTaint] },
            Registration { resource: Resource::Pod, actions: &[Action::UpdatePodToleration] },
        ]
    }

    fn hint(&mut self, _context: Context<'_>, change: &Change<'_>) -> bool {
        match change {
            Change::Node { before, after, .. } => {
                !after.unschedulable && before.is_none_or(|before| before.unschedulable)
            }
            // Another pod's tolerations help nobody.
            Change::Pod { .. } => false,
        }
    }
}
