//! The nodes that preemption looks at: those that have refused the pod for a reason that can go away
//! with other pods.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/types.go (NodesForStatusCode; reference
//! kube-scheduler §7.6, §17.2).

use crate::base::ids::NodeId;
use crate::cluster::Cluster;
use crate::control::scheduler::cycle::{Attempt, Cycle};
use crate::control::scheduler::framework::{Code, Context, Status};
use crate::control::scheduler::nominator::Nominator;

/// How the nodes have answered.
pub(super) struct Judged {
    /// Those with the code Unschedulable, in list order.
    pub(super) potential: Vec<NodeId>,
    /// The code of the node that the pod was promised; Success if it was promised none.
    pub(super) own: Code,
}

impl Cycle {
    /// Runs PreFilter and Filter once more over all nodes and sorts them by code. `own` is the node
    /// that the pod was promised. An error is one of PreFilter.
    pub(super) fn potential_nodes(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        own: Option<NodeId>,
        nominated: &Nominator,
    ) -> Result<Judged, Status> {
        if let Err((status, _)) = self.pre_filter(self.context(cluster, attempt)) {
            // What PreFilter says of the pod holds for every node.
            return match status.code {
                Code::Unschedulable => {
                    Ok(Judged { potential: cluster.nodes.order.clone(), own: status.code })
                }
                code if code.is_rejected() => Ok(Judged { potential: Vec::new(), own: code }),
                _ => Err(status),
            };
        }
        let own_refusal = own.map(|node| (node, self.refusal_beside(cluster, attempt, node, nominated)));
        self.judge_promised(cluster, attempt, nominated);
        let context = self.context(cluster, attempt);
        self.search(context, usize::MAX);
        self.mark_potential(context);
        let mut code = Code::Success;
        if let Some((node, refusal)) = own_refusal {
            // It was tried even if PreFilter had excluded it.
            code = refusal.map_or(Code::Success, |refusal| refusal.code);
            if code == Code::Unschedulable {
                self.preemption.rows.insert(node.index());
            }
        }
        let rows = &self.preemption.rows;
        let listed = cluster.nodes.order.iter().copied().filter(|node| rows.contains(node.index()));
        Ok(Judged { potential: listed.collect(), own: code })
    }

    /// Marks the rows whose first refusal has the code Unschedulable, after a search.
    fn mark_potential(&mut self, context: Context<'_>) {
        let rows = &mut self.preemption.rows;
        rows.resize(context.cluster.nodes.len());
        rows.clear();
        let causes = &mut self.preemption.causes;
        for (failed, &plugin) in self.scratch.failed.iter().zip(&self.profile.filters) {
            for row in failed.iter() {
                causes.clear();
                let code = self.profile.plugins[plugin].status(context, NodeId(row as u32), causes);
                if code == Code::Unschedulable {
                    rows.insert(row);
                }
            }
        }
        for (refusal, is_met) in &self.scratch.promised {
            if *is_met && refusal.code == Code::Unschedulable {
                rows.insert(refusal.node.index());
            }
        }
    }
}
