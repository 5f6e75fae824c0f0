//! What differs between the releases of Kubernetes whose decisions can be taken: one value, so that a
//! rule asks for what it depends on and not for a number.

use super::Version;

/// What a release does (reference kube-scheduler-1.36 §0; each field says since when).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compat {
    /// Which of the nodes with the highest total is taken is drawn. Since 1.35 the order of the
    /// feasible nodes decides.
    pub draws_ties: bool,
    /// BalancedAllocation scores the improvement that the pod brings. Since 1.36.
    pub scores_improvement: bool,
    /// The reason of TaintToleration names the taint. Until 1.34.1.
    pub names_taints: bool,
    /// DynamicResources scores pods without claims, all nodes alike. Since 1.35.
    pub scores_without_claims: bool,
    /// Nodes declare features, and the plugin for them is there. Since 1.36.
    pub declares_features: bool,
    /// ImageLocality counts the images of volumes. Since 1.36.
    pub counts_image_volumes: bool,
    /// Pod-level requests of pods on nodes follow a resize. Since 1.36.
    pub counts_pod_resizes: bool,
    /// A pod that ends wakes those that its own anti-affinity kept away. Since 1.36.
    pub wakes_the_kept_away: bool,
    /// The deletion of a pod whose binding is under way frees its node at once. Since 1.35.
    pub frees_deleted_at_once: bool,
    /// The binding of a promised pod counts as the end of a pod. Until 1.34.
    pub wakes_at_promised_binding: bool,
    /// Pods that are judged alike can share a scoring. Since 1.35.
    pub batches: bool,
    /// The bits of events are numbered with that of declared features. Since 1.35.
    pub numbers_declared_features: bool,
    /// Portworx volumes count as their driver's only where the node lists them. Until 1.35.
    pub moves_portworx_by_list: bool,
    /// The kubelet tries a refused restart again after what is left of its back-off; before that it
    /// tried every ten seconds. Since 1.35.
    pub requeues_by_expiry: bool,
    /// A curve of requested to capacity is refused where the strategy is another. Since 1.36.
    pub refuses_unused_curves: bool,
    /// Statuses of ReplicaSets and Deployments count the pods that are being deleted. Since 1.35.
    pub counts_terminating_replicas: bool,
}

impl Version {
    /// What the release does.
    pub const fn compat(self) -> Compat {
        let is_new = matches!(self, Version::V1_36);
        Compat {
            draws_ties: !is_new,
            scores_improvement: is_new,
            names_taints: !is_new,
            scores_without_claims: is_new,
            declares_features: is_new,
            counts_image_volumes: is_new,
            counts_pod_resizes: is_new,
            wakes_the_kept_away: is_new,
            frees_deleted_at_once: is_new,
            wakes_at_promised_binding: !is_new,
            batches: is_new,
            numbers_declared_features: is_new,
            moves_portworx_by_list: !is_new,
            requeues_by_expiry: is_new,
            refuses_unused_curves: is_new,
            counts_terminating_replicas: is_new,
        }
    }
}
