//! What objects take of a resource quota, and whether a new one is admitted.
//!
//! Kubernetes 1.36, pkg/quota/v1/evaluator/core and the admission plugin ResourceQuota
//! (staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota; reference control-plane §3.9). Value
//! in, value out: which quotas and objects there are, and who writes statuses, is not known here.

mod controller;
#[cfg(test)]
mod tests;

pub use controller::QuotaController;

use crate::api::pod::PodAffinity;
use crate::api::quota::QuotaScope;
use crate::api::status::QuotaStatus;
use crate::api::{PodPhase, PodSpec, PodStatusResources, Requirement, ResourceList, ResourceQuota};
use crate::base::{Quantity, Span, Time};
use crate::cluster::requests::{Defaults, counted_requests, is_extended, pod_requests};

/// Resources without a slash that pods take.
const OF_PODS: &[&str] = &[
    "count/pods",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "pods",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
/// Resources that every container must state where a quota limits them (validationSet).
const STATED: &[&str] = &["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// An object that may count.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Countable<'o> {
    /// A pod.
    Pod {
        /// Its specification.
        spec: &'o PodSpec,
        /// What its containers have been given, where that differs.
        given: Option<&'o PodStatusResources>,
        /// Whether it takes more than its place in the count of objects; see [`is_charged`].
        charged: bool,
    },
    /// An object of another kind, by its resource and group: `deployments.apps`, `services`.
    Other(&'o str),
}

/// Whether a pod takes resources: it has not ended, and has not outlived its deletion by its grace period
/// once more (QuotaV1Pod). `deletion` is its deletion timestamp, which has the grace period in it, and the
/// grace period.
pub fn is_charged(phase: PodPhase, deletion: Option<(Time, Span)>, now: Time) -> bool {
    !phase.is_terminal() && deletion.is_none_or(|(at, grace)| now <= at + grace)
}

/// What an object takes.
pub fn usage(object: Countable<'_>) -> ResourceList {
    let one = Quantity::from_units(1);
    let mut usage = ResourceList::new();
    match object {
        Countable::Pod { spec, given, charged } => {
            if charged {
                usage = compute(&counted_requests(spec, Defaults::default(), given), &limits(spec));
            }
            usage.insert("count/pods".to_owned(), one);
        }
        Countable::Other(resource) => {
            usage.insert(format!("count/{resource}"), one);
            if has_own_name(resource) {
                usage.insert(resource.to_owned(), one);
            }
        }
    }
    usage
}

/// What is taken, of each resource that `hard` limits, by those of `objects` that the quota is about;
/// with each comes how many equal ones there are.
pub fn total<'o>(quota: &ResourceQuota, objects: impl Iterator<Item = (Countable<'o>, u64)>) -> ResourceList {
    let mut total: ResourceList = quota.hard.keys().map(|name| (name.clone(), Quantity::ZERO)).collect();
    for (object, count) in objects.filter(|(object, _)| in_scope(quota, *object)) {
        for (name, amount) in usage(object) {
            if let Some(sum) = total.get_mut(&name) {
                *sum += Quantity(amount.0.saturating_mul(i128::from(count)));
            }
        }
    }
    total
}

/// The resource and group of objects of a kind, as `count/` names them.
pub fn resource_of(kind: &str) -> &'static str {
    match kind {
        "ReplicaSet" => "replicasets.apps",
        "Deployment" => "deployments.apps",
        "StatefulSet" => "statefulsets.apps",
        "DaemonSet" => "daemonsets.apps",
        "Job" => "jobs.batch",
        "CronJob" => "cronjobs.batch",
        "HorizontalPodAutoscaler" => "horizontalpodautoscalers.autoscaling",
        "PodDisruptionBudget" => "poddisruptionbudgets.policy",
        "ResourceQuota" => "resourcequotas",
        "Service" => "services",
        _ => "",
    }
}

/// Whether a change of an object of that sort can change the usage of a quota with these limits.
pub fn concerns(hard: &ResourceList, object: Countable<'_>) -> bool {
    hard.keys().any(|name| counts_as(name, object))
}

/// Why an object is not admitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denial {
    /// Which of the quotas denies it.
    pub quota: usize,
    /// Why.
    pub reason: DenialReason,
    /// The resources that this is about, sorted.
    pub resources: Vec<String>,
}

/// Why a quota denies an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DenialReason {
    /// A container does not state what the quota limits.
    NotStated,
    /// What is used is not known yet.
    StatusUnknown,
    /// More would be used than may be.
    Exceeded,
}

/// A quota and its status; limits count as its status repeats them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ledger<'q> {
    /// The quota.
    pub quota: &'q ResourceQuota,
    /// Its status.
    pub status: &'q QuotaStatus,
}

/// Judges the creation of an object against the quotas of its namespace: what each that it concerns will
/// have used, by its place in `ledgers`; or why it is denied. All is charged, or nothing.
pub fn admit(ledgers: &[Ledger<'_>], object: Countable<'_>) -> Result<Vec<(usize, ResourceList)>, Denial> {
    let mut concerned = Vec::new();
    for (place, ledger) in ledgers.iter().enumerate() {
        let hard = &ledger.status.hard;
        if !concerns(hard, object) || !in_scope(ledger.quota, object) {
            continue;
        }
        let denial = |reason, resources: Vec<String>| Denial { quota: place, reason, resources };
        let missing = not_stated(hard, object);
        if !missing.is_empty() {
            return Err(denial(DenialReason::NotStated, missing));
        }
        let is_unknown = |name: &&String| counts_as(name, object) && !ledger.status.used.contains_key(*name);
        let unknown: Vec<String> = hard.keys().filter(is_unknown).cloned().collect();
        if !unknown.is_empty() {
            return Err(denial(DenialReason::StatusUnknown, unknown));
        }
        concerned.push(place);
    }
    let mut more = usage(object);
    more.retain(|_, amount| *amount != Quantity::ZERO);
    if more.is_empty() {
        return Ok(Vec::new());
    }
    concerned.into_iter().map(|place| Ok((place, charge(place, ledgers[place].status, &more)?))).collect()
}

/// The usage with `more` added, if it is not above the limits.
fn charge(place: usize, status: &QuotaStatus, more: &ResourceList) -> Result<ResourceList, Denial> {
    let mut used = status.used.clone();
    let mut exceeded = Vec::new();
    for (name, &amount) in more {
        let Some(&limit) = status.hard.get(name) else { continue };
        let sum = used.entry(name.clone()).or_default();
        *sum += amount;
        if *sum > limit {
            exceeded.push(name.clone());
        }
    }
    if exceeded.is_empty() {
        Ok(used)
    } else {
        Err(Denial { quota: place, reason: DenialReason::Exceeded, resources: exceeded })
    }
}

/// Whether a limit on `name` is about objects of that sort (MatchingResources).
fn counts_as(name: &str, object: Countable<'_>) -> bool {
    match object {
        Countable::Pod { .. } => {
            let requested = name.strip_prefix("requests.");
            OF_PODS.contains(&name)
                || requested.unwrap_or(name).starts_with("hugepages-")
                || (requested.is_some() && name.contains('/') && !name.contains("kubernetes.io/"))
        }
        Countable::Other(resource) => {
            name.strip_prefix("count/") == Some(resource) || (name == resource && has_own_name(resource))
        }
    }
}

/// Whether objects of a kind are also counted without `count/` (legacyObjectCountAliases).
fn has_own_name(resource: &str) -> bool {
    matches!(
        resource,
        "configmaps"
            | "persistentvolumeclaims"
            | "replicationcontrollers"
            | "resourcequotas"
            | "secrets"
            | "services"
    )
}

/// Whether all scopes of the quota hold. Objects other than pods are in none.
fn in_scope(quota: &ResourceQuota, object: Countable<'_>) -> bool {
    match object {
        Countable::Pod { spec, .. } => quota.scopes.iter().all(|scope| holds(scope, spec)),
        Countable::Other(_) => quota.scopes.is_empty(),
    }
}

fn holds(scope: &QuotaScope, spec: &PodSpec) -> bool {
    let is_terminating = || spec.active_deadline_seconds.is_some_and(|seconds| seconds >= 0);
    match scope {
        QuotaScope::Terminating => is_terminating(),
        QuotaScope::NotTerminating => !is_terminating(),
        QuotaScope::BestEffort => is_best_effort(spec),
        QuotaScope::NotBestEffort => !is_best_effort(spec),
        QuotaScope::CrossNamespacePodAffinity => {
            let affinities = [&spec.affinity.pod, &spec.affinity.pod_anti];
            affinities.into_iter().flatten().any(reaches_out)
        }
        QuotaScope::PriorityClass { operator, values } => {
            let class = Some(spec.priority_class_name.as_str()).filter(|name| !name.is_empty());
            let (key, values) = (String::new(), values.clone());
            Requirement { key, operator: *operator, values }.matches_value(class)
        }
    }
}

/// Whether a term names other namespaces than the pod's own.
fn reaches_out(affinity: &PodAffinity) -> bool {
    let preferred = affinity.preferred.iter().map(|(_, term)| term);
    let mut terms = affinity.required.iter().chain(preferred);
    terms.any(|term| !term.namespaces.is_empty() || term.namespace_selector.is_some())
}

/// Whether the pod has no request and no limit of CPU and memory: of its own, if it has any, else of its
/// containers (ComputePodQOS in pkg/apis/core/v1/helper/qos).
fn is_best_effort(spec: &PodSpec) -> bool {
    let is_empty = |list: &ResourceList| {
        ["cpu", "memory"].iter().all(|name| list.get(*name).is_none_or(|amount| *amount <= Quantity::ZERO))
    };
    if let Some(own) = spec.resources.as_ref().filter(|_| has_own_resources(spec)) {
        return is_empty(&own.requests) && is_empty(&own.limits);
    }
    let mut containers = spec.containers.iter().chain(&spec.init_containers);
    containers
        .all(|container| is_empty(&container.resources.requests) && is_empty(&container.resources.limits))
}

/// Whether the pod as a whole states what it takes.
fn has_own_resources(spec: &PodSpec) -> bool {
    let is_own = |name: &String| matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-");
    spec.resources.as_ref().is_some_and(|own| own.requests.keys().chain(own.limits.keys()).any(is_own))
}

/// The limited resources that every container must state and one does not.
fn not_stated(hard: &ResourceList, object: Countable<'_>) -> Vec<String> {
    let Countable::Pod { spec, .. } = object else {
        return Vec::new();
    };
    if has_own_resources(spec) {
        return Vec::new();
    }
    let required: Vec<&str> = STATED.iter().copied().filter(|name| hard.contains_key(*name)).collect();
    if required.is_empty() {
        return Vec::new();
    }
    let containers = spec.containers.iter().chain(&spec.init_containers);
    let stated: Vec<ResourceList> = containers
        .map(|container| compute(&container.resources.requests, &container.resources.limits))
        .collect();
    let is_missing = |name: &&str| stated.iter().any(|stated| !stated.contains_key(*name));
    required.into_iter().filter(is_missing).map(str::to_owned).collect()
}

/// Requests and limits as quotas call them (podComputeUsageHelper).
fn compute(requests: &ResourceList, limits: &ResourceList) -> ResourceList {
    let mut usage = ResourceList::from([("pods".to_owned(), Quantity::from_units(1))]);
    for (name, &amount) in requests {
        let is_basic = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        let has_plain_name = is_basic || name.starts_with("hugepages-");
        if has_plain_name {
            usage.insert(name.clone(), amount);
        }
        if has_plain_name || is_extended(name) {
            usage.insert(format!("requests.{name}"), amount);
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(&amount) = limits.get(name) {
            usage.insert(format!("limits.{name}"), amount);
        }
    }
    usage
}

/// The limits of a whole pod, summed up as its requests are; the overhead counts only where there is a
/// limit (PodLimits in component-helpers/resource).
fn limits(spec: &PodSpec) -> ResourceList {
    let mut swapped = spec.clone();
    for container in swapped.containers.iter_mut().chain(&mut swapped.init_containers) {
        container.resources.requests = std::mem::take(&mut container.resources.limits);
    }
    if let Some(own) = &mut swapped.resources {
        own.requests = std::mem::take(&mut own.limits);
    }
    let overhead = std::mem::take(&mut swapped.overhead);
    let mut limits = pod_requests(&swapped, Defaults::default(), true);
    for (name, amount) in overhead {
        if let Some(limit) = limits.get_mut(&name) {
            *limit += amount;
        }
    }
    limits
}
