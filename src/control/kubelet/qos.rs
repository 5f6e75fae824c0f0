//! Classes of service, and who is killed first when a machine's memory is used up.
//!
//! Source: Kubernetes 1.36, pkg/apis/core/v1/helper/qos and pkg/kubelet/qos/policy.go (reference
//! control-plane §1.10 with its 1.36 companion). How much memory anybody uses is not known here.

use crate::api::{Container, PodSpec, Resources, RestartPolicy};
use crate::base::Quantity;

/// The quality of service that a pod is owed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum QosClass {
    /// It asks for nothing.
    BestEffort,
    /// It asks for something.
    Burstable,
    /// It asks for all that it may use.
    Guaranteed,
}

/// The resources that count.
const COUNTED: [&str; 2] = ["cpu", "memory"];
/// Pods of this priority and above are needed by their node (`system-node-critical`).
const NODE_CRITICAL: i32 = 2_000_001_000;
/// Pods of this priority and above are critical: they are not evicted (`system-cluster-critical`).
pub const CRITICAL: i32 = 2_000_000_000;
/// The adjustment of pods that are killed last.
const GUARANTEED_ADJUSTMENT: i64 = -997;
/// The adjustment of pods that are killed first.
const BEST_EFFORT_ADJUSTMENT: i64 = 1_000;

/// The class of a pod. Requests of the pod as a whole decide where there are any.
pub fn class(spec: &PodSpec) -> QosClass {
    let amount = |amounts: &crate::api::ResourceList, name: &str| {
        amounts.get(name).copied().filter(|&amount| amount > Quantity::ZERO)
    };
    let of_one = |resources: &Resources| {
        let asks = COUNTED.iter().any(|name| {
            amount(&resources.requests, name).is_some() || amount(&resources.limits, name).is_some()
        });
        let bound = COUNTED.iter().all(|name| {
            let limit = amount(&resources.limits, name);
            // A request that is not stated is the limit (API defaulting).
            limit.is_some() && resources.requests.get(*name).is_none_or(|&request| Some(request) == limit)
        });
        (asks, bound)
    };
    let all = || spec.init_containers.iter().chain(&spec.containers);
    let (asks, bound) = match &spec.resources {
        Some(resources) => of_one(resources),
        None => (
            all().any(|container| of_one(&container.resources).0),
            all().all(|container| of_one(&container.resources).1),
        ),
    };
    match (asks, bound) {
        (false, _) => QosClass::BestEffort,
        (true, true) => QosClass::Guaranteed,
        (true, false) => QosClass::Burstable,
    }
}

/// The `oom_score_adj` of the `index`-th container of a pod on a machine with `memory` bytes.
pub fn oom_score_adj(spec: &PodSpec, index: usize, priority: i32, memory: i64) -> i64 {
    let class = class(spec);
    if priority >= NODE_CRITICAL || class == QosClass::Guaranteed {
        return GUARANTEED_ADJUSTMENT;
    }
    if class == QosClass::BestEffort {
        return BEST_EFFORT_ADJUSTMENT;
    }
    let container =
        spec.init_containers.get(index).or_else(|| spec.containers.get(index - spec.init_containers.len()));
    let Some(container) = container else { return BEST_EFFORT_ADJUSTMENT };
    let share = share_of_pod(spec);
    let own = burstable(request(container) + share, memory);
    let is_sidecar =
        index < spec.init_containers.len() && container.restart_policy == Some(RestartPolicy::Always);
    if !is_sidecar {
        return own;
    }
    // A sidecar is not killed before the containers that it serves.
    let least = spec.containers.iter().map(request).min().unwrap_or(0);
    own.min(burstable(least + share, memory))
}

fn request(container: &Container) -> i64 {
    container.resources.requests.get("memory").map_or(0, |amount| amount.units_ceil())
}

/// What each container gets of that part of the pod's own request that no container asks for.
fn share_of_pod(spec: &PodSpec) -> i64 {
    let whole = spec.resources.as_ref().and_then(|resources| resources.requests.get("memory"));
    let Some(whole) = whole else { return 0 };
    let running = || {
        let is_sidecar = |container: &&Container| container.restart_policy == Some(RestartPolicy::Always);
        spec.containers.iter().chain(spec.init_containers.iter().filter(is_sidecar))
    };
    let asked: i64 = running().map(request).fold(0, i64::saturating_add);
    (whole.units_ceil() - asked).max(0) / (running().count().max(1) as i64)
}

fn burstable(request: i64, memory: i64) -> i64 {
    let part = (1_000 * i128::from(request)) / i128::from(memory.max(1));
    // Below the best-effort pods, above the guaranteed ones.
    (1_000 - part.clamp(0, 1_000) as i64).clamp(3, 999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(requests: &[(&str, i64)], limits: &[(&str, i64)]) -> Container {
        let list = |amounts: &[(&str, i64)]| {
            amounts.iter().map(|&(name, amount)| (name.to_owned(), Quantity::from_units(amount))).collect()
        };
        let resources = Resources { requests: list(requests), limits: list(limits) };
        Container { resources, ..Container::default() }
    }

    fn pod(containers: Vec<Container>) -> PodSpec {
        PodSpec { containers, ..PodSpec::default() }
    }

    #[test]
    fn classes() {
        let all = [("cpu", 1), ("memory", 100)];
        assert_eq!(class(&pod(vec![container(&[], &[])])), QosClass::BestEffort);
        assert_eq!(class(&pod(vec![container(&[("example.com/gpu", 1)], &[])])), QosClass::BestEffort);
        assert_eq!(class(&pod(vec![container(&all, &all)])), QosClass::Guaranteed);
        assert_eq!(class(&pod(vec![container(&[], &all)])), QosClass::Guaranteed);
        assert_eq!(class(&pod(vec![container(&all, &all[..1])])), QosClass::Burstable);
        assert_eq!(class(&pod(vec![container(&all, &all), container(&[], &[])])), QosClass::Burstable);
        let mut whole = pod(vec![container(&[], &[])]);
        whole.resources = Some(container(&all, &all).resources);
        assert_eq!(class(&whole), QosClass::Guaranteed);
        whole.resources = Some(container(&all, &[]).resources);
        assert_eq!(class(&whole), QosClass::Burstable);
    }

    #[test]
    fn the_published_adjustments() {
        let adj = |request| oom_score_adj(&pod(vec![container(&[("memory", request)], &[])]), 0, 0, 1_000);
        assert_eq!([adj(1), adj(400), adj(999), adj(5_000)], [999, 600, 3, 3]);
        assert_eq!(oom_score_adj(&pod(vec![container(&[], &[])]), 0, 0, 1_000), 1_000);
        assert_eq!(oom_score_adj(&pod(vec![container(&[], &[])]), 0, NODE_CRITICAL, 1_000), -997);
        let mut sidecar = container(&[("memory", 100)], &[]);
        sidecar.restart_policy = Some(RestartPolicy::Always);
        let spec = PodSpec {
            init_containers: vec![sidecar],
            ..pod(vec![container(&[("memory", 300)], &[]), container(&[("memory", 500)], &[])])
        };
        assert_eq!(oom_score_adj(&spec, 0, 0, 1_000), 700);
    }
}
