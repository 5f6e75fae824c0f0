//! What the utilization of a pod is a percentage of.
//!
//! Kubernetes 1.36, pkg/controller/podautoscaler/replica_calculator.go (reference
//! control-plane-1.36 §4).

use crate::api::{PodSpec, RestartPolicy};
use crate::base::Quantity;
use crate::cluster::requests::{Defaults, pod_requests};

/// The request of a resource, in thousandths: of one container if it is named; else the pod's own, if the
/// pod as a whole has requests; else the sum over its containers and sidecars. `None` if one of
/// them has none, or if there is no such container.
pub fn milli_request(spec: &PodSpec, resource: &str, container: Option<&str>) -> Option<i64> {
    if container.is_none() && has_own_requests(spec) {
        let requests = pod_requests(spec, Defaults::default(), true);
        return requests.get(resource).map(|amount| amount.milli_ceil());
    }
    let sidecars =
        spec.init_containers.iter().filter(|one| one.restart_policy == Some(RestartPolicy::Always));
    let mut containers = spec.containers.iter().chain(sidecars);
    let request = |amount: Option<&Quantity>| amount.map(|amount| amount.milli_ceil());
    if let Some(name) = container {
        let container = containers.find(|container| container.name == name)?;
        return request(container.resources.requests.get(resource));
    }
    containers.try_fold(0_i64, |sum, container| {
        Some(sum.saturating_add(request(container.resources.requests.get(resource))?))
    })
}

/// Whether the pod as a whole has a request of a kind that it can have.
fn has_own_requests(spec: &PodSpec) -> bool {
    let is_own = |name: &str| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    spec.resources.as_ref().is_some_and(|set| set.requests.keys().any(|name| is_own(name)))
}
