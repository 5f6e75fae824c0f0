//! Filtering beside pods that have been promised a node: they are not there yet, but a pod of no
//! higher priority must fit with them and without them.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/runtime/framework.go
//! (RunFilterPluginsWithNominatedPods) and schedule_one.go (reference kube-scheduler §7.4, §8).

use super::cycle::{Attempt, Cycle};
use super::framework::{Cause, Code, Context};
use super::nominator::Nominator;
use crate::base::ids::{NodeId, PodId};
use crate::cluster::Cluster;

/// Why one node was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    /// The node.
    pub(super) node: NodeId,
    /// The place of the filter in [`super::profile::Profile::filters`].
    pub(super) filter: usize,
    /// Whether preemption could help.
    pub(super) code: Code,
    /// The reasons.
    pub(super) causes: Vec<Cause>,
}

impl Cycle {
    /// What the cycle shows to plugins.
    pub(super) fn context<'c>(&self, cluster: &'c Cluster, attempt: Attempt) -> Context<'c> {
        Context { cluster, class: attempt.class, pod: attempt.pod, version: self.profile.version }
    }

    /// The first filter that refuses a node; `None` if it passes. PreFilter has run.
    pub(super) fn first_refusal(&mut self, context: Context<'_>, node: NodeId) -> Option<Refusal> {
        let mut causes = Vec::new();
        for (filter, &plugin) in self.profile.filters.iter().enumerate() {
            if self.scratch.skipped.contains(plugin) {
                continue;
            }
            let code = self.profile.plugins[plugin].status(context, node, &mut causes);
            if code != Code::Success {
                return Some(Refusal { node, filter, code, causes });
            }
        }
        None
    }

    /// The same with the pods beside which it must fit added, and without them.
    pub(super) fn refusal_beside(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        node: NodeId,
        nominated: &Nominator,
    ) -> Option<Refusal> {
        let beside = relevant(cluster, attempt, nominated.on(node));
        if !beside.is_empty() {
            let refusal = self.refusal_with(cluster, attempt, node, &beside);
            if refusal.is_some() {
                return refusal;
            }
        }
        self.first_refusal(self.context(cluster, attempt), node)
    }

    /// The first filter that refuses a node on which these pods are, too.
    fn refusal_with(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        node: NodeId,
        pods: &[PodId],
    ) -> Option<Refusal> {
        cluster.fork();
        for &pod in pods {
            cluster.place(pod, node);
            self.add_pod(cluster, attempt, pod, node);
        }
        let refusal = self.first_refusal(self.context(cluster, attempt), node);
        for &pod in pods.iter().rev() {
            cluster.displace(pod);
            self.remove_pod(cluster, attempt, pod, node);
        }
        cluster.revert();
        refusal
    }

    /// Tells the plugins that a pod counts on a node as of now.
    pub(super) fn add_pod(&mut self, cluster: &Cluster, attempt: Attempt, pod: PodId, node: NodeId) {
        let (context, class) = (self.context(cluster, attempt), cluster.pods.class[pod.index()]);
        for &plugin in &self.profile.pre_filters {
            if !self.scratch.skipped.contains(plugin) {
                self.profile.plugins[plugin].add_pod(context, class, node);
            }
        }
    }

    /// Tells the plugins that a pod does not count on a node any more.
    pub(super) fn remove_pod(&mut self, cluster: &Cluster, attempt: Attempt, pod: PodId, node: NodeId) {
        let (context, class) = (self.context(cluster, attempt), cluster.pods.class[pod.index()]);
        for &plugin in &self.profile.pre_filters {
            if !self.scratch.skipped.contains(plugin) {
                self.profile.plugins[plugin].remove_pod(context, class, node);
            }
        }
    }

    /// Looks at the nodes that were promised to others and remembers those that refuse the pod only
    /// because of them. PreFilter has run.
    pub(super) fn judge_promised(&mut self, cluster: &mut Cluster, attempt: Attempt, nominated: &Nominator) {
        self.scratch.promised.clear();
        for (node, pods) in nominated.nodes() {
            let beside = relevant(cluster, attempt, pods);
            if beside.is_empty() || !cluster.nodes.present.contains(node.index()) {
                continue;
            }
            if let Some(refusal) = self.refusal_with(cluster, attempt, node, &beside) {
                self.scratch.promised.push((refusal, false));
            }
        }
    }
}

/// The pods among `pods` beside which the pod of the attempt must fit.
fn relevant(cluster: &Cluster, attempt: Attempt, pods: &[PodId]) -> Vec<PodId> {
    let priority = cluster.classes[attempt.class].priority;
    let counts = |&pod: &PodId| {
        Some(pod) != attempt.pod
            && cluster.pods.counted_on[pod.index()].is_none()
            && cluster.classes[cluster.pods.class[pod.index()]].priority >= priority
    };
    pods.iter().copied().filter(counts).collect()
}
