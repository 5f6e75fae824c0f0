//! What the API server fills in when an object is created from a manifest.
//!
//! Source: Kubernetes 1.36, pkg/apis/{core,apps,batch}/v1/defaults.go and
//! pkg/registry/core/pod/strategy.go. Defaults that every reader of the object would apply as well
//! (one replica, `restartPolicy: Always`) hold with every [`Defaulting`].

use crate::api::pod::PodAffinityTerm;
use crate::api::workload::IntOrPercent;
use crate::api::{
    Container, ImagePullPolicy, Labels, Node, ObjectMeta, Operator, PodSpec, PodTemplate, Requirement,
    ResourceList, Resources, RestartPolicy,
};
use crate::base::Quantity;

/// Whether objects are completed as they are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Defaulting {
    /// As the API server completes and checks a manifest.
    #[default]
    ApiServer,
    /// Not at all, and unchecked: the objects come from an API server, or are meant as they stand.
    None,
}

/// Replicas of a Deployment or ReplicaSet.
pub(super) const REPLICAS: i32 = 1;
/// Old ReplicaSets and revisions that are kept.
pub(super) const REVISION_HISTORY: i32 = 10;
/// Seconds until a roll-out without progress is reported.
pub(super) const PROGRESS_DEADLINE_SECONDS: i32 = 600;
/// Surge and unavailability of a rolling update.
pub(super) const ROLLING_PERCENT: i32 = 25;
/// Nodes on which a DaemonSet's new pod may run beside the old one.
pub(super) const DAEMON_SURGE: IntOrPercent = IntOrPercent::Int(0);
/// Nodes on which a rolling update of a DaemonSet may leave no pod available.
pub(super) const DAEMON_UNAVAILABLE: IntOrPercent = IntOrPercent::Int(1);

/// Failures that a Job bears: without bound where each index has a limit of its own.
pub(super) const fn backoff_limit(per_index: bool) -> i32 {
    if per_index { i32::MAX } else { 6 }
}

/// The namespace of an object that names `written`.
pub(super) fn namespace(written: &str, defaulting: Defaulting) -> &str {
    if written.is_empty() && defaulting == Defaulting::ApiServer { "default" } else { written }
}

/// Every namespace has its name as a label (plugin `NamespaceDefaultLabelName` of 1.21, since then
/// a default of the API).
pub(super) fn namespace_label(meta: &mut ObjectMeta, defaulting: Defaulting) {
    if defaulting == Defaulting::ApiServer {
        meta.labels.insert("kubernetes.io/metadata.name".into(), meta.name.clone());
    }
}

/// The pool of a Ceph image.
pub(super) fn rbd_pool(written: &str, defaulting: Defaulting) -> &str {
    if written.is_empty() && defaulting == Defaulting::ApiServer { "rbd" } else { written }
}

/// The selector of a ReplicationController: the labels of its pods where it has none.
pub(super) fn controller_selector(
    written: Option<Labels>,
    template: &PodTemplate,
    defaulting: Defaulting,
) -> Option<Labels> {
    if defaulting == Defaulting::None {
        return written;
    }
    written.filter(|selector| !selector.is_empty()).or_else(|| Some(template.labels.clone()))
}

/// Parallelism and completions of a Job: where both are absent the Job runs one pod; where only
/// parallelism is given it is a queue of work, without a number of completions.
pub(super) fn job_counts(
    parallelism: Option<i32>,
    completions: Option<i32>,
    defaulting: Defaulting,
) -> (i32, Option<i32>) {
    let none = parallelism.is_none() && completions.is_none() && defaulting == Defaulting::ApiServer;
    (parallelism.unwrap_or(1), if none { Some(1) } else { completions })
}

/// The host port that a container's port takes. With the host's network every port is the host's.
pub(super) fn host_port(
    written: Option<i64>,
    container_port: Option<i64>,
    host_network: bool,
    defaulting: Defaulting,
) -> Option<i64> {
    let from_container =
        if host_network && defaulting == Defaulting::ApiServer { container_port } else { None };
    written.or(from_container)
}

/// When an image is pulled of which nobody says it: each time where its tag is `latest` or missing.
pub(super) fn image_pull_policy(
    written: Option<ImagePullPolicy>,
    image: &str,
    defaulting: Defaulting,
) -> Option<ImagePullPolicy> {
    if written.is_some() || image.is_empty() || defaulting == Defaulting::None {
        return written;
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    let is_pinned = name.contains('@') || name.split_once(':').is_some_and(|(_, tag)| tag != "latest");
    Some(if is_pinned { ImagePullPolicy::IfNotPresent } else { ImagePullPolicy::Always })
}

/// A node that says what it has, but not what pods can have, gives all of it.
pub(super) fn allocatable(node: &mut Node, is_given: bool, defaulting: Defaulting) {
    if !is_given && defaulting == Defaulting::ApiServer {
        node.allocatable = node.capacity.clone();
    }
}

/// Adds the labels of the pod that a term names to the term's selector. A term without selector
/// selects nothing, and goes on doing so.
pub(super) fn match_label_keys(
    term: &mut PodAffinityTerm,
    keys: &[String],
    same: bool,
    labels: &Labels,
    defaulting: Defaulting,
) {
    let Some(selector) = term.label_selector.as_mut().filter(|_| defaulting == Defaulting::ApiServer) else {
        return;
    };
    let operator = if same { Operator::In } else { Operator::NotIn };
    for key in keys {
        if let Some(value) = labels.get(key) {
            let requirement = Requirement { key: key.clone(), operator, values: vec![value.clone()] };
            selector.match_expressions.push(requirement);
        }
    }
}

/// Completes requests: each container's from its limits, then the pod's own.
pub(super) fn pod_spec(spec: &mut PodSpec, defaulting: Defaulting) {
    if defaulting == Defaulting::None {
        return;
    }
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        requests_from_limits(&mut container.resources);
    }
    let Some(limits) = spec.resources.as_ref().map(|resources| resources.limits.clone()) else {
        return;
    };
    if limits.is_empty() {
        return;
    }
    let mut wanted = limits;
    for (name, amount) in container_requests(spec) {
        // Only what a limit names or a container asks for, and only what pods can ask for.
        if matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-") {
            wanted.insert(name, amount);
        }
    }
    if let Some(resources) = &mut spec.resources {
        for (name, amount) in wanted {
            resources.requests.entry(name).or_insert(amount);
        }
    }
}

fn requests_from_limits(resources: &mut Resources) {
    for (name, limit) in &resources.limits {
        resources.requests.entry(name.clone()).or_insert(*limit);
    }
}

/// What the containers of a pod ask for together, as the scheduler adds it up: the main containers
/// and sidecars, or the largest init container with the sidecars started before it.
fn container_requests(spec: &PodSpec) -> ResourceList {
    let is_sidecar = |container: &Container| container.restart_policy == Some(RestartPolicy::Always);
    let (mut sidecars, mut starting) = (ResourceList::new(), ResourceList::new());
    for container in &spec.init_containers {
        let mut moment = sidecars.clone();
        add(&mut moment, &container.resources.requests);
        if is_sidecar(container) {
            sidecars.clone_from(&moment);
        }
        for (name, amount) in moment {
            let most = starting.entry(name).or_insert(Quantity::ZERO);
            *most = amount.max(*most);
        }
    }
    let mut running = sidecars;
    for container in &spec.containers {
        add(&mut running, &container.resources.requests);
    }
    for (name, amount) in starting {
        let most = running.entry(name).or_insert(Quantity::ZERO);
        *most = amount.max(*most);
    }
    running
}

fn add(sum: &mut ResourceList, more: &ResourceList) {
    for (name, amount) in more {
        *sum.entry(name.clone()).or_insert(Quantity::ZERO) += *amount;
    }
}
