//! Pod classes: the compiled specification that equal pods share.

use super::Cluster;
use super::requests::{self, Defaults};
use super::selectors::ControllerName;
use crate::api::{
    PodStatusResources, PodTemplate, ResourceList, RestartPolicy, TaintEffect, TolerationOperator,
};
use crate::base::ids::{ClassId, ResourceId};
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Interner, Map, Span, Symbol};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A toleration with interned strings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Toleration {
    /// The taint's key; empty for every key.
    pub key: Symbol,
    /// Any value (`Exists`) or this one.
    pub any_value: bool,
    /// The value to be equal to.
    pub value: Symbol,
    /// The effect; `None` for every effect.
    pub effect: Option<TaintEffect>,
    /// For NoExecute: how long, in seconds; `None` for ever. Never negative.
    pub seconds: Option<u64>,
}

/// A port of the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Port {
    /// The address; `0.0.0.0` where the manifest names none.
    pub ip: Symbol,
    /// The protocol.
    pub protocol: Symbol,
    /// The number.
    pub number: u16,
}

/// What makes the class of a pod.
#[derive(Clone, Copy, Debug)]
pub struct ClassKey<'t> {
    /// The specification as written.
    pub template: &'t Arc<PodTemplate>,
    /// The namespace.
    pub namespace: Symbol,
    /// The priority.
    pub priority: i32,
    /// The controller that owns the pods, if it is of a kind whose selector counts for default
    /// spreading.
    pub controller: Option<ControllerName>,
    /// The pod's own name, for pods whose volumes' claims are named after it; empty for others.
    pub own_name: Symbol,
    /// What the containers have been given, where that is not what the template asks for; makes
    /// such pods a class of their own.
    pub resized: Option<&'t Arc<PodStatusResources>>,
}

impl<'t> ClassKey<'t> {
    /// The key of pods that no controller owns and that have no claims of their own.
    pub fn new(template: &'t Arc<PodTemplate>, namespace: Symbol, priority: i32) -> ClassKey<'t> {
        ClassKey { template, namespace, priority, controller: None, own_name: Symbol::EMPTY, resized: None }
    }

    fn hash(&self) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        (self.namespace, self.priority, self.controller, self.own_name).hash(&mut hasher);
        (&self.template.labels, &self.template.spec).hash(&mut hasher);
        self.resized.map(|status| (&status.containers, &status.pod)).hash(&mut hasher);
        hasher.finish()
    }
}

/// What equal pods have in common. Amounts are in millicores, bytes and units.
#[derive(Clone, Debug)]
pub struct PodClass {
    /// The specification as written.
    pub template: Arc<PodTemplate>,
    /// The namespace.
    pub namespace: Symbol,
    /// The labels, sorted by key.
    pub labels: Vec<(Symbol, Symbol)>,
    /// The priority.
    pub priority: i32,
    /// See [`ClassKey::controller`].
    pub controller: Option<ControllerName>,
    /// See [`ClassKey::own_name`].
    pub own_name: Symbol,
    /// See [`ClassKey::resized`].
    pub resized: Option<Arc<PodStatusResources>>,
    /// Requests above zero, by resource: what the filter asks for.
    pub requests: Vec<(ResourceId, i64)>,
    /// The same as a node counts them: with what a resize under way adds.
    pub counted: Vec<(ResourceId, i64)>,
    /// CPU and memory as nodes count them for scores.
    pub non_zero: [i64; 2],
    /// CPU and memory of the incoming pod in NodeResourcesFit's score.
    pub fit_score: [i64; 2],
    /// CPU and memory limits over all containers; `None` where some container has none.
    pub limits: [Option<i64>; 2],
    /// Tolerations, in order.
    pub tolerations: Vec<Toleration>,
    /// Ports of the host.
    pub ports: Vec<Port>,
    /// What happens to containers that end.
    pub restart_policy: RestartPolicy,
}

impl PodClass {
    /// What makes this class.
    pub fn key(&self) -> ClassKey<'_> {
        ClassKey {
            template: &self.template,
            namespace: self.namespace,
            priority: self.priority,
            controller: self.controller,
            own_name: self.own_name,
            resized: self.resized.as_ref(),
        }
    }

    /// The amount requested of a resource; zero if there is none.
    pub fn request(&self, resource: ResourceId) -> i64 {
        amount_of(&self.requests, resource)
    }

    /// The amount of a resource that a node counts; zero if there is none.
    pub fn counted(&self, resource: ResourceId) -> i64 {
        amount_of(&self.counted, resource)
    }
}

fn amount_of(amounts: &[(ResourceId, i64)], resource: ResourceId) -> i64 {
    amounts.iter().find(|(id, _)| *id == resource).map_or(0, |(_, amount)| *amount)
}

/// Whether a toleration bears a taint (staging/src/k8s.io/api/core/v1/toleration.go).
pub fn tolerates(toleration: &Toleration, key: Symbol, value: Symbol, effect: TaintEffect) -> bool {
    toleration.effect.is_none_or(|only| only == effect)
        && (toleration.key == Symbol::EMPTY || toleration.key == key)
        && (toleration.any_value || toleration.value == value)
}

/// The tolerations of a pod after admission: those for not-ready and unreachable nodes are added
/// with `seconds` unless the pod tolerates that key for NoExecute already (plugin
/// DefaultTolerationSeconds).
pub fn with_defaults(
    tolerations: &[Toleration],
    seconds: Option<Span>,
    names: &mut Interner,
) -> Vec<Toleration> {
    let mut all = tolerations.to_vec();
    let Some(seconds) = seconds else { return all };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(|key| names.intern(key))
    {
        let stated = tolerations.iter().any(|toleration| {
            (toleration.key == key || toleration.key == Symbol::EMPTY)
                && toleration.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
        });
        if !stated {
            all.push(Toleration {
                key,
                any_value: true,
                value: Symbol::EMPTY,
                effect: Some(TaintEffect::NoExecute),
                seconds: Some(seconds.0 / NANOS_PER_SECOND),
            });
        }
    }
    all
}

/// All classes, by [`ClassId`].
#[derive(Clone, Debug, Default)]
pub struct PodClasses {
    rows: Vec<PodClass>,
    by_hash: Map<u64, Vec<ClassId>>,
}

impl PodClasses {
    /// The class of that key, if there is one.
    pub fn find(&self, key: &ClassKey<'_>) -> Option<ClassId> {
        let same = |class: &PodClass| {
            class.namespace == key.namespace
                && class.priority == key.priority
                && class.controller == key.controller
                && class.own_name == key.own_name
                && class.resized.as_ref() == key.resized
                && (Arc::ptr_eq(&class.template, key.template) || class.template == *key.template)
        };
        let ids = self.by_hash.get(&key.hash())?;
        ids.iter().copied().find(|id| same(&self.rows[id.index()]))
    }

    /// Enters a class that [`PodClasses::find`] did not find.
    pub fn insert(&mut self, class: PodClass) -> ClassId {
        let id = ClassId(self.rows.len() as u32);
        self.by_hash.entry(class.key().hash()).or_default().push(id);
        self.rows.push(class);
        id
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl std::ops::Index<ClassId> for PodClasses {
    type Output = PodClass;
    fn index(&self, id: ClassId) -> &PodClass {
        &self.rows[id.index()]
    }
}

/// Compiles a template.
pub(super) fn compile(cluster: &mut Cluster, key: &ClassKey<'_>) -> PodClass {
    let template = key.template;
    let spec = &template.spec;
    let status = key.resized.map(Arc::as_ref);
    let requested = amounts(cluster, &requests::pod_requests(spec, Defaults::default(), true));
    let counted = match status {
        Some(_) => amounts(cluster, &requests::counted_requests(spec, Defaults::default(), status)),
        None => requested.clone(),
    };
    let names = &mut cluster.names;
    let labels =
        template.labels.iter().map(|(key, value)| (names.intern(key), names.intern(value))).collect();
    let tolerations: Vec<Toleration> = spec
        .tolerations
        .iter()
        .map(|toleration| Toleration {
            key: names.intern(&toleration.key),
            any_value: toleration.operator == TolerationOperator::Exists,
            value: names.intern(&toleration.value),
            effect: toleration.effect,
            seconds: toleration.seconds.map(|seconds| seconds.max(0) as u64),
        })
        .collect();
    let sidecars = spec
        .init_containers
        .iter()
        .filter(|container| container.restart_policy == Some(RestartPolicy::Always));
    let ports = sidecars
        .chain(&spec.containers)
        .flat_map(|container| &container.host_ports)
        .map(|port| Port {
            ip: names.intern(if port.ip.is_empty() { "0.0.0.0" } else { &port.ip }),
            protocol: names.intern(if port.protocol.is_empty() { "TCP" } else { &port.protocol }),
            number: port.port,
        })
        .collect();
    PodClass {
        template: Arc::clone(template),
        namespace: key.namespace,
        labels,
        priority: key.priority,
        controller: key.controller,
        own_name: key.own_name,
        resized: key.resized.cloned(),
        requests: requested,
        counted,
        non_zero: requests::non_zero_requests(spec, status),
        fit_score: requests::fit_score_requests(spec),
        limits: [limit(template, "cpu"), limit(template, "memory")],
        tolerations,
        ports,
        restart_policy: spec.restart_policy,
    }
}

/// The tracked amounts above zero of a list, by resource.
fn amounts(cluster: &mut Cluster, list: &ResourceList) -> Vec<(ResourceId, i64)> {
    let mut amounts: Vec<(ResourceId, i64)> = Vec::new();
    for (name, &amount) in list.iter().filter(|(name, _)| requests::is_tracked(name)) {
        let value = requests::to_integer(name, amount);
        if value > 0 {
            amounts.push((cluster.resource(name), value));
        }
    }
    amounts.sort_unstable();
    amounts
}

/// The sum of the containers' limits, or the pod-level limit; `None` where a container has none.
fn limit(template: &PodTemplate, name: &str) -> Option<i64> {
    let whole = template.spec.resources.as_ref().and_then(|resources| resources.limits.get(name));
    if let Some(&whole) = whole {
        return Some(requests::to_integer(name, whole));
    }
    let mut sum = crate::base::Quantity::ZERO;
    for container in &template.spec.containers {
        sum += *container.resources.limits.get(name)?;
    }
    (!template.spec.containers.is_empty()).then(|| requests::to_integer(name, sum))
}
