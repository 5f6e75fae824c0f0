//! NodePorts: a port of a host is taken once.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/nodeports and
//! pkg/scheduler/framework/types.go (HostPortInfo; reference kube-scheduler §5, §11).

use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Symbol};
use crate::cluster::{Cluster, Port};
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Context, Plugin, PreFiltered, Reach, Tally};

/// The reason given.
const REASON: Cause = Cause::Text("node(s) didn't have free ports for the requested pod ports");

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct NodePorts {
    /// The address that stands for all of a host's, once a class has been compiled.
    any: Symbol,
}

impl NodePorts {
    /// Whether two ports cannot be taken on one host.
    fn conflict(&self, a: Port, b: Port) -> bool {
        (a.protocol, a.number) == (b.protocol, b.number)
            && (a.ip == b.ip || a.ip == self.any || b.ip == self.any)
    }

    fn conflicts(&self, wanted: &[Port], taken: &[Port]) -> bool {
        taken.iter().any(|&taken| wanted.iter().any(|&wanted| self.conflict(wanted, taken)))
    }
}

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Node
    }

    fn compile(&mut self, cluster: &mut Cluster, _class: ClassId) {
        self.any = cluster.names.intern("0.0.0.0");
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        if context.pod().ports.is_empty() { PreFiltered::SKIP } else { PreFiltered::SUCCESS }
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        let wanted = &context.pod().ports;
        for (row, taken) in context.cluster.nodes.ports.iter().enumerate() {
            if !taken.is_empty() && self.conflicts(wanted, taken) {
                nodes.remove(row);
            }
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        if !self.conflicts(&context.pod().ports, &context.cluster.nodes.ports[node.index()]) {
            return Code::Success;
        }
        causes.push(REASON);
        Code::Unschedulable
    }

    fn tally(&mut self, _context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        tally.add(REASON, failed.count());
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration { resource: Resource::Pod, actions: &[Action::Delete] },
            Registration { resource: Resource::Node, actions: &[Action::Add] },
        ]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        match change {
            Change::Node { .. } => true,
            Change::Pod { class, .. } => {
                self.conflicts(&context.pod().ports, &context.cluster.classes[*class].ports)
            }
        }
    }
}
