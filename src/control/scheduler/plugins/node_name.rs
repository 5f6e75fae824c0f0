//! NodeName: a pod that names its node goes nowhere else.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/nodename (reference kube-scheduler §11).

use super::ByClass;
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Symbol};
use crate::cluster::Cluster;
use crate::control::scheduler::events::{Action, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, Reach, Tally};

/// The reason given.
const REASON: Cause = Cause::Text("node(s) didn't match the requested node name");

/// The plugin: the name that each class asks for, empty for none.
#[derive(Debug, Default)]
pub(crate) struct NodeName {
    wanted: ByClass<Symbol>,
}

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Static
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let wanted = cluster.names.intern(&cluster.classes[class].template.spec.node_name);
        self.wanted.set(class, wanted);
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        let wanted = *self.wanted.get(context.class);
        if wanted == Symbol::EMPTY {
            return;
        }
        let kept = context.cluster.nodes.find(wanted).filter(|node| nodes.contains(node.index()));
        nodes.clear();
        if let Some(node) = kept {
            nodes.insert(node.index());
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let wanted = *self.wanted.get(context.class);
        if wanted == Symbol::EMPTY || wanted == context.cluster.nodes.name[node.index()] {
            return Code::Success;
        }
        causes.push(REASON);
        Code::UnschedulableAndUnresolvable
    }

    fn tally(&mut self, _context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        tally.add(REASON, failed.count());
    }

    fn registrations(&self) -> &'static [Registration] {
        &[Registration { resource: Resource::Node, actions: &[Action::Add] }]
    }
}
