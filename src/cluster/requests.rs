//! What a pod requests, exactly.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/component-helpers/resource/helpers.go and
//! pkg/scheduler/framework/types.go (reference kube-scheduler §4). Sums are exact and are rounded
//! once, at the end.

use crate::api::{Container, PodSpec, PodStatusResources, ResourceList, RestartPolicy};
use crate::base::Quantity;

/// CPU that a container without a request is counted with in scores: 100 millicores
/// (pkg/scheduler/util/pod_resources.go).
pub const DEFAULT_MILLI_CPU: i64 = 100;
/// Memory that a container without a request is counted with in scores: 200 MiB (same source).
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Which values stand in for requests that a container does not state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Defaults {
    /// 100 millicores for absent CPU requests.
    pub cpu: bool,
    /// 200 MiB for absent memory requests.
    pub memory: bool,
}

/// The request of a whole pod: the sum over its containers and sidecars, or the largest stage of
/// its init containers if that is more, with overhead. `pod_level` says whether the pod-level
/// requests replace the sum.
pub fn pod_requests(spec: &PodSpec, defaults: Defaults, pod_level: bool) -> ResourceList {
    total_requests(spec, defaults, pod_level, None)
}

/// The request of a whole pod as a node counts it: while a resize is under way, the larger of what
/// is asked for and what has been given; where it cannot be done, what has been given (reference
/// §4.1; for pod-level requests its 1.36 companion).
pub fn counted_requests(
    spec: &PodSpec,
    defaults: Defaults,
    status: Option<&PodStatusResources>,
) -> ResourceList {
    total_requests(spec, defaults, true, status)
}

fn total_requests(
    spec: &PodSpec,
    defaults: Defaults,
    pod_level: bool,
    status: Option<&PodStatusResources>,
) -> ResourceList {
    let mut total = ResourceList::new();
    for container in &spec.containers {
        add(&mut total, &effective(container, defaults, status));
    }
    let mut sidecars = ResourceList::new();
    let mut stages = ResourceList::new();
    for container in &spec.init_containers {
        let is_sidecar = container.restart_policy == Some(RestartPolicy::Always);
        let mut stage = effective(container, defaults, status.filter(|_| is_sidecar));
        if is_sidecar {
            add(&mut total, &stage);
            add(&mut sidecars, &stage);
            stage = sidecars.clone();
        } else {
            add(&mut stage, &sidecars);
        }
        raise(&mut stages, &stage);
    }
    raise(&mut total, &stages);
    if pod_level && has_pod_level_requests(spec) {
        let requests = &spec.resources.as_ref().expect("just tested").requests;
        for (name, &asked) in requests.iter().filter(|(name, _)| is_pod_level_resource(name)) {
            total.insert(name.clone(), in_force(name, asked, status));
        }
    }
    add(&mut total, &spec.overhead);
    total
}

/// What counts of a pod-level request.
fn in_force(name: &str, asked: Quantity, status: Option<&PodStatusResources>) -> Quantity {
    let Some((status, given)) = status.and_then(|status| Some((status, status.pod.as_ref()?))) else {
        return asked;
    };
    let given = given.get(name).copied();
    if status.is_infeasible { given.unwrap_or_default() } else { asked.max(given.unwrap_or(asked)) }
}

/// The CPU (millicores) and memory (bytes) that a pod on a node is counted with in scores
/// (NonZeroRequested, reference §4.3).
pub fn non_zero_requests(spec: &PodSpec, status: Option<&PodStatusResources>) -> [i64; 2] {
    let defaults = if has_pod_level_requests(spec) {
        let stated = counted_requests(spec, Defaults::default(), status);
        Defaults { cpu: !stated.contains_key("cpu"), memory: !stated.contains_key("memory") }
    } else {
        Defaults { cpu: true, memory: true }
    };
    cpu_and_memory(&counted_requests(spec, defaults, status))
}

/// The CPU and memory of the incoming pod in NodeResourcesFit's score. Its pod-level requests are
/// ignored there: a quirk of the original (reference §4.4).
pub fn fit_score_requests(spec: &PodSpec) -> [i64; 2] {
    cpu_and_memory(&pod_requests(spec, Defaults { cpu: true, memory: true }, false))
}

/// CPU is counted in millicores rounded up, everything else in units rounded up.
pub fn to_integer(name: &str, amount: Quantity) -> i64 {
    if name == "cpu" { amount.milli_ceil() } else { amount.units_ceil() }
}

/// Whether the scheduler tracks the resource at all: CPU, memory, ephemeral storage and scalars
/// (extended resources, huge pages, attachable volumes, and names of `kubernetes.io/`). The pod
/// count is tracked apart; every other name is dropped (reference §3.4).
pub fn is_tracked(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_scalar(name)
}

/// Whether a name is that of an extended resource, which a device plugin or a person has added
/// (IsExtendedResourceName in pkg/apis/core/v1/helper/helpers.go).
pub fn is_extended(name: &str) -> bool {
    let native = !name.contains('/') || name.contains("kubernetes.io/");
    !native
        && !name.starts_with("requests.")
        && crate::api::selector::is_qualified_name(&format!("requests.{name}"))
}

fn is_scalar(name: &str) -> bool {
    is_extended(name)
        || name.starts_with("hugepages-")
        || name.contains("kubernetes.io/")
        || name.starts_with("attachable-volumes-")
}

fn has_pod_level_requests(spec: &PodSpec) -> bool {
    spec.resources.as_ref().is_some_and(|set| set.requests.keys().any(|name| is_pod_level_resource(name)))
}

fn is_pod_level_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn effective(container: &Container, defaults: Defaults, status: Option<&PodStatusResources>) -> ResourceList {
    let mut requests = container.resources.requests.clone();
    let given = status.and_then(|status| Some((status, status.containers.get(&container.name)?)));
    if let Some((status, given)) = given {
        if status.is_infeasible {
            requests.clone_from(given);
        } else {
            raise(&mut requests, given);
        }
    }
    if defaults.cpu {
        requests.entry("cpu".into()).or_insert(Quantity::from_milli(DEFAULT_MILLI_CPU));
    }
    if defaults.memory {
        requests.entry("memory".into()).or_insert(Quantity::from_units(DEFAULT_MEMORY));
    }
    requests
}

fn cpu_and_memory(list: &ResourceList) -> [i64; 2] {
    let amount = |name: &str| list.get(name).map_or(0, |&amount| to_integer(name, amount));
    [amount("cpu"), amount("memory")]
}

fn add(total: &mut ResourceList, more: &ResourceList) {
    for (name, &amount) in more {
        *total.entry(name.clone()).or_default() += amount;
    }
}

fn raise(total: &mut ResourceList, floor: &ResourceList) {
    for (name, &amount) in floor {
        let entry = total.entry(name.clone()).or_default();
        *entry = amount.max(*entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, &str)]) -> ResourceList {
        entries.iter().map(|(name, amount)| ((*name).to_owned(), amount.parse().unwrap())).collect()
    }

    fn container(requests: &[(&str, &str)], sidecar: bool) -> Container {
        let mut container = Container::default();
        container.resources.requests = list(requests);
        container.restart_policy = sidecar.then_some(RestartPolicy::Always);
        container
    }

    #[test]
    fn init_stages_sidecars_and_overhead() {
        let spec = PodSpec {
            containers: vec![container(&[("cpu", "0.5m")], false), container(&[("cpu", "0.5m")], false)],
            init_containers: vec![
                container(&[("cpu", "1")], false),
                container(&[("cpu", "500m"), ("memory", "1Gi")], true),
                container(&[("cpu", "2")], false),
            ],
            overhead: list(&[("cpu", "100m")]),
            ..PodSpec::default()
        };
        // Stages: 1, 0.5 (sidecar), 2 + 0.5; running: 1m + 0.5; the largest is 2.5, plus overhead.
        let total = pod_requests(&spec, Defaults::default(), true);
        assert_eq!(to_integer("cpu", total["cpu"]), 2_600);
        assert_eq!(to_integer("memory", total["memory"]), 1 << 30);
    }

    #[test]
    fn pods_without_requests_count_in_scores() {
        let two = PodSpec { containers: vec![Container::default(); 2], ..PodSpec::default() };
        assert_eq!(non_zero_requests(&two, None), [200, 2 * DEFAULT_MEMORY]);
        let zero = PodSpec { containers: vec![container(&[("cpu", "0")], false)], ..PodSpec::default() };
        assert_eq!(non_zero_requests(&zero, None), [0, DEFAULT_MEMORY], "an explicit zero stays");
    }

    #[test]
    fn the_fit_score_ignores_pod_level_requests() {
        let spec = PodSpec {
            containers: vec![Container::default()],
            resources: Some(crate::api::Resources {
                requests: list(&[("cpu", "3"), ("storage", "1")]),
                limits: ResourceList::new(),
            }),
            ..PodSpec::default()
        };
        assert_eq!(fit_score_requests(&spec), [100, DEFAULT_MEMORY]);
        assert_eq!(non_zero_requests(&spec, None), [3_000, DEFAULT_MEMORY]);
    }

    #[test]
    fn a_resize_under_way_counts_on_the_node() {
        let named = |name: &str, requests: &[(&str, &str)], sidecar| Container {
            name: name.to_owned(),
            ..container(requests, sidecar)
        };
        let spec = PodSpec {
            containers: vec![named("a", &[("cpu", "1"), ("memory", "8")], false), named("b", &[], false)],
            init_containers: vec![named("s", &[("cpu", "1")], true), named("i", &[("cpu", "1")], false)],
            ..PodSpec::default()
        };
        let cpu = |is_infeasible| {
            let given = [("a", "3"), ("s", "4"), ("i", "50")];
            let containers =
                given.iter().map(|&(name, cpu)| (name.to_owned(), list(&[("cpu", cpu)]))).collect();
            let status = PodStatusResources { containers, is_infeasible, pod: None };
            let total = counted_requests(&spec, Defaults::default(), Some(&status));
            (total["cpu"].units_ceil(), total.get("memory").map_or(0, |memory| memory.units_ceil()))
        };
        assert_eq!(cpu(false), (7, 8), "the ordinary init container's status does not count");
        assert_eq!(cpu(true), (7, 0));
        assert_eq!(to_integer("cpu", pod_requests(&spec, Defaults::default(), true)["cpu"]), 2_000);
    }

    #[test]
    fn a_resize_of_the_whole_pod_concerns_what_it_asks_for_as_a_whole() {
        let requests = list(&[("cpu", "1")]);
        let resources = Some(crate::api::Resources { requests, limits: ResourceList::new() });
        let spec = PodSpec { containers: vec![Container::default()], resources, ..PodSpec::default() };
        let counted = |cpu, is_infeasible| {
            let pod = Some(list(&[("cpu", cpu), ("memory", "4Gi")]));
            let status = PodStatusResources { pod, is_infeasible, ..PodStatusResources::default() };
            let total = counted_requests(&spec, Defaults::default(), Some(&status));
            assert!(!total.contains_key("memory"));
            assert_eq!(non_zero_requests(&spec, Some(&status))[1], DEFAULT_MEMORY);
            to_integer("cpu", total["cpu"])
        };
        assert_eq!([counted("3", false), counted("0.5", false)], [3_000, 1_000]);
        assert_eq!(counted("0.5", true), 500);
    }

    #[test]
    fn only_known_kinds_of_names_are_tracked() {
        for (name, tracked) in [
            ("cpu", true),
            ("nvidia.com/gpu", true),
            ("hugepages-2Mi", true),
            ("attachable-volumes-csi-x", true),
            ("storage", false),
            ("pods", false),
            ("foo", false),
            ("requests.nvidia.com/gpu", false),
        ] {
            assert_eq!(is_tracked(name), tracked, "{name}");
        }
    }
}
