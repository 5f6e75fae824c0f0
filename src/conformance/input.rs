//! Cases as written, and the cluster that one describes.
//!
//! What is asked about the cluster, and what the answer is, is not known here.

use crate::api::kubernetes::{Defaulting, Manifest, Options, read_with};
use crate::api::{Node, Object, Pod};
use crate::base::ids::{ClassId, NodeId, PodId, PoolId};
use crate::base::{Diagnostic, Location, Time};
use crate::cluster::pods::NewRow;
use crate::cluster::{Cluster, ControllerKind, PodName, PodRef, Reason};
use crate::control::config::Version;
use crate::control::scheduler::nominator::Nominator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the manifest that each object is read from; nobody sees it.
const OBJECT: &str = "object";
/// More nodes or pods of one case are refused.
const MAX_OBJECTS: usize = 10_000_000;

/// One case: an input, and the answer that was recorded for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Where it stands.
    pub location: Location,
    /// Its name.
    pub id: String,
    /// What is asked.
    pub mode: String,
    /// The features it shows.
    pub features: Vec<String>,
    /// The input.
    pub input: Value,
    /// The recorded answer, if there is one.
    pub expected: Option<Value>,
}

impl Case {
    /// Reads a line.
    pub fn read(line: &[u8], location: Location) -> Result<Case, Diagnostic> {
        let wrong = |message: String| Diagnostic::error(location.clone(), message);
        let mut value: Value = serde_json::from_slice(line).map_err(|error| {
            let location = Location { column: error.column() as u32, ..location.clone() };
            let message = format!("this is no JSON: {}", without_place(&error.to_string()));
            Diagnostic::error(location, message).found(String::from_utf8_lossy(line))
        })?;
        let fields = value.as_object_mut().ok_or_else(|| wrong("a case is a JSON object".to_owned()))?;
        let mut take = |key: &str| fields.remove(key).filter(|value| !value.is_null());
        let (id, mode, features) = (take("id"), take("mode"), take("features"));
        let (input, expected) = (take("input"), take("expected"));
        let text = |value: Option<Value>, key: &str| match value {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(wrong(format!("`{key}` must be text")).found(other.to_string())),
            None => Err(wrong(format!("`{key}` is missing"))),
        };
        let features = match features {
            None => Vec::new(),
            Some(Value::Array(list)) => {
                list.into_iter().map(|entry| text(Some(entry), "features")).collect::<Result<_, _>>()?
            }
            Some(other) => return Err(wrong("`features` must be a list".to_owned()).found(other.to_string())),
        };
        let (id, mode) = (text(id, "id")?, text(mode, "mode")?);
        let input = input.ok_or_else(|| wrong("`input` is missing".to_owned()))?;
        if !input.is_object() {
            return Err(wrong("`input` must be an object".to_owned()).found(input.to_string()));
        }
        Ok(Case { location, id, mode, features, input, expected })
    }

    /// An error about the case.
    pub(super) fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.location.clone(), format!("{}: {}", self.id, message.into()))
    }

    /// The list at a key of a part of the input; none where it is absent.
    pub(super) fn list<'v>(&self, holder: &'v Value, key: &str) -> Result<&'v [Value], Diagnostic> {
        match holder.get(key) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(list)) if list.len() > MAX_OBJECTS => {
                Err(self.error(format!("`{key}` has more than {MAX_OBJECTS} entries")))
            }
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.error(format!("`{key}` must be a list")).found(other.to_string())),
        }
    }

    /// The text at a key of a part of the input; empty where it is absent.
    pub(super) fn text<'v>(&self, holder: &'v Value, key: &str) -> Result<&'v str, Diagnostic> {
        match holder.get(key) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.error(format!("`{key}` must be text")).found(other.to_string())),
        }
    }

    /// The truth value at a key of the input; false where it is absent.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Diagnostic> {
        match self.input.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => {
                Err(self.error(format!("`{key}` must be `true` or `false`")).found(other.to_string()))
            }
        }
    }

    /// What stands at a key of a part of the input.
    pub(super) fn require<'v>(&self, holder: &'v Value, key: &str) -> Result<&'v Value, Diagnostic> {
        let found = holder.get(key).filter(|value| !value.is_null());
        found.ok_or_else(|| self.error(format!("`{key}` is missing")))
    }
}

/// A message of serde_json without the place, which the diagnostic has.
fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// Reads the objects of a case as they stand, without any completion or check; equal pod templates
/// are shared.
pub(super) struct Objects<'c> {
    case: &'c Case,
    manifest: Manifest,
    file: Arc<str>,
}

impl<'c> Objects<'c> {
    pub(super) fn new(case: &'c Case) -> Objects<'c> {
        Objects { case, manifest: Manifest::default(), file: OBJECT.into() }
    }

    /// Reads an object of a kind; `place` says where it stands in the case.
    fn object(&mut self, assumed: (&str, &str), value: &Value, place: &str) -> Result<Object, Diagnostic> {
        let options = Options { defaulting: Defaulting::None, assumed: Some(assumed) };
        let text = value.to_string();
        read_with(&self.file, text.as_bytes(), options, &mut self.manifest).map_err(|mut finding| {
            finding.message = format!("{}: {place}: {}", self.case.id, finding.message);
            finding.location = self.case.location.clone();
            finding
        })?;
        let read = self.manifest.objects.drain(..).next_back();
        self.manifest.warnings.clear();
        let object = read.map(|sourced| sourced.object).filter(|object| object.kind() == assumed.1);
        object
            .ok_or_else(|| self.case.error(format!("{place}: this is no {}", assumed.1)).found(text.as_str()))
    }

    /// Reads a pod.
    pub(super) fn pod(&mut self, value: &Value, place: &str) -> Result<Pod, Diagnostic> {
        match self.object(("v1", "Pod"), value, place)? {
            Object::Pod(pod) => Ok(*pod),
            other => Err(self.case.error(format!("{place}: a {}", other.kind()))),
        }
    }

    /// Reads a node.
    pub(super) fn node(&mut self, value: &Value, place: &str) -> Result<Node, Diagnostic> {
        match self.object(("v1", "Node"), value, place)? {
            Object::Node(node) => Ok(*node),
            other => Err(self.case.error(format!("{place}: a {}", other.kind()))),
        }
    }
}

/// The lists of a cluster besides nodes and pods, with the version and kind of their objects.
const LISTS: [(&str, (&str, &str)); 13] = [
    ("namespaces", ("v1", "Namespace")),
    ("services", ("v1", "Service")),
    ("replicaSets", ("apps/v1", "ReplicaSet")),
    ("statefulSets", ("apps/v1", "StatefulSet")),
    ("replicationControllers", ("v1", "ReplicationController")),
    ("pdbs", ("policy/v1", "PodDisruptionBudget")),
    ("persistentVolumes", ("v1", "PersistentVolume")),
    ("persistentVolumeClaims", ("v1", "PersistentVolumeClaim")),
    ("storageClasses", ("storage.k8s.io/v1", "StorageClass")),
    ("csiNodes", ("storage.k8s.io/v1", "CSINode")),
    ("csiDrivers", ("storage.k8s.io/v1", "CSIDriver")),
    ("csiStorageCapacities", ("storage.k8s.io/v1", "CSIStorageCapacity")),
    ("volumeAttachments", ("storage.k8s.io/v1", "VolumeAttachment")),
];

/// The namespace of objects that name none.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// Namespace and name.
type Name = (String, String);

/// The cluster of a case, with its pods by name.
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    pub(super) nominator: Nominator,
    pods: BTreeMap<Name, PodId>,
    /// Rows that are free again.
    free: Vec<PodRef>,
    serial: u64,
    /// Pods that are bound to, or were promised, a node that does not exist (yet).
    homeless: Vec<(String, PodId)>,
}

impl Scene {
    /// The cluster of a case.
    pub(super) fn read(
        case: &Case,
        objects: &mut Objects<'_>,
        version: Version,
    ) -> Result<Scene, Diagnostic> {
        let mut scene = Scene {
            cluster: Cluster::default(),
            nominator: Nominator::default(),
            pods: BTreeMap::new(),
            free: Vec::new(),
            serial: 0,
            homeless: Vec::new(),
        };
        set_release(&mut scene.cluster, version);
        let written = case.require(&case.input, "cluster")?;
        for (place, value) in case.list(written, "nodes")?.iter().enumerate() {
            let node = objects.node(value, &format!("nodes[{place}]"))?;
            scene.add_node(case, &node)?;
        }
        for (key, kind) in LISTS {
            for (place, value) in case.list(written, key)?.iter().enumerate() {
                let object = objects.object(kind, value, &format!("{key}[{place}]"))?;
                scene.enter(object);
            }
        }
        for (place, value) in case.list(written, "pods")?.iter().enumerate() {
            let pod = objects.pod(value, &format!("pods[{place}]"))?;
            scene.add_known_pod(&pod);
        }
        Ok(scene)
    }

    /// Enters an object that selects pods or is about storage.
    fn enter(&mut self, object: Object) {
        let Cluster { names, selectors, budgets, .. } = &mut self.cluster;
        let full = |meta: &crate::api::ObjectMeta| full_name(&meta.namespace, &meta.name);
        match object {
            Object::Namespace(namespace) => {
                selectors.set_namespace(names, &namespace.meta.name, &namespace.meta.labels);
            }
            Object::Service(service) => {
                let (namespace, name) = full(&service.meta);
                selectors.set_service(names, &namespace, &name, service.selector.as_ref());
            }
            Object::ReplicaSet(set) => {
                let (namespace, name) = full(&set.meta);
                let kind = ControllerKind::ReplicaSet;
                selectors.set_controller(names, kind, (&namespace, &name), Some(&set.selector));
            }
            Object::StatefulSet(set) => {
                let (namespace, name) = full(&set.meta);
                let kind = ControllerKind::StatefulSet;
                selectors.set_controller(names, kind, (&namespace, &name), set.selector.as_ref());
            }
            Object::ReplicationController(controller) => {
                let (namespace, name) = full(&controller.meta);
                let selector = controller.selector.map(|labels| crate::api::LabelSelector {
                    match_labels: labels.into_iter().collect(),
                    ..crate::api::LabelSelector::default()
                });
                let kind = ControllerKind::ReplicationController;
                selectors.set_controller(names, kind, (&namespace, &name), selector.as_ref());
            }
            Object::PodDisruptionBudget(mut budget) => {
                budget.meta.namespace = full(&budget.meta).0;
                budgets.set(names, &budget);
            }
            other => enter_storage(&mut self.cluster, other),
        }
    }

    /// Adds a node, with the pods that are bound to it already.
    pub(super) fn add_node(&mut self, case: &Case, node: &Node) -> Result<NodeId, Diagnostic> {
        if self.node(&node.meta.name).is_some() {
            return Err(case.error("there are two nodes of one name").found(&node.meta.name));
        }
        let id = self.cluster.add_node(node, PoolId(0), Time::ZERO);
        for (name, pod) in std::mem::take(&mut self.homeless) {
            if name == node.meta.name { self.settle(pod, id) } else { self.homeless.push((name, pod)) }
        }
        Ok(id)
    }

    /// Removes a node and the pods on it.
    pub(super) fn remove_node(&mut self, node: NodeId) {
        for pod in self.cluster.nodes.pods[node.index()].clone() {
            self.cluster.displace(pod);
            self.remove_row(pod);
        }
        for pod in self.nominator.on(node).to_vec() {
            self.nominator.remove(pod);
        }
        self.cluster.remove_node(node);
    }

    /// The node of a name.
    pub(super) fn node(&mut self, name: &str) -> Option<NodeId> {
        let symbol = self.cluster.names.intern(name);
        self.cluster.nodes.find(symbol)
    }

    /// The name of a node.
    pub(super) fn node_name(&self, node: NodeId) -> &str {
        self.cluster.names.text(self.cluster.nodes.name[node.index()])
    }

    /// The names of nodes, sorted.
    pub(super) fn sorted_names(&self, nodes: &[NodeId]) -> Vec<&str> {
        let mut names: Vec<&str> = nodes.iter().map(|&node| self.node_name(node)).collect();
        names.sort_unstable();
        names
    }

    /// Adds a pod of the cluster: it counts if it is bound, and has a say if it was promised a node.
    /// Pods that have ended are unknown to the scheduler.
    fn add_known_pod(&mut self, pod: &Pod) {
        let bound = &pod.template.spec.node_name;
        let home = if bound.is_empty() { &pod.nominated_node_name } else { bound };
        if pod.phase.is_terminal() || home.is_empty() {
            return;
        }
        let id = self.add_row(pod);
        match self.node(home) {
            Some(node) => self.settle(id, node),
            None => self.homeless.push((home.clone(), id)),
        }
    }

    /// Counts a pod on the node that its specification names, or promises it the node.
    fn settle(&mut self, pod: PodId, node: NodeId) {
        let class = &self.cluster.classes[self.cluster.pods.class[pod.index()]];
        if class.template.spec.node_name.is_empty() {
            self.nominator.nominate(pod, node);
        } else {
            self.cluster.place(pod, node);
        }
    }

    /// Enters a pod that is to be placed, with the node that it was promised; its own `spec.nodeName`
    /// does not count.
    pub(super) fn add_pending_pod(&mut self, pod: &Pod) -> (PodId, ClassId) {
        let id = self.add_row(pod);
        if let Some(node) = self.node(&pod.nominated_node_name) {
            self.nominator.nominate(id, node);
        }
        (id, self.cluster.pods.class[id.index()])
    }

    fn add_row(&mut self, pod: &Pod) -> PodId {
        let class = self.cluster.class_for_pod(pod);
        let next = PodRef { id: PodId(self.cluster.pods.present.len() as u32), generation: 0 };
        let row = self.free.pop().unwrap_or(next);
        self.cluster.pods.insert(
            row,
            NewRow {
                serial: self.serial,
                name: PodName::Own(pod.meta.name.as_str().into()),
                class,
                owner: None,
                created: Time::ZERO,
                index: None,
            },
        );
        self.serial += 1;
        self.cluster.pods.started[row.id.index()] = pod.start_unix_nanos;
        if pod.meta.deleting {
            self.cluster.begin_deletion(row.id, Time::ZERO);
        }
        if pod.preempted_condition {
            self.cluster.pods.reason[row.id.index()] = Reason::Preempted;
        }
        self.pods.insert(full_name(&pod.meta.namespace, &pod.meta.name), row.id);
        row.id
    }

    /// Removes a bound pod; false if none of that name is bound.
    pub(super) fn remove_pod(&mut self, namespace: &str, name: &str) -> bool {
        let Some(&pod) = self.pods.get(&full_name(namespace, name)) else { return false };
        let was_bound = self.cluster.pods.counted_on[pod.index()].is_some();
        self.cluster.displace(pod);
        self.remove_row(pod);
        was_bound
    }

    /// Forgets a pod that is not counted on a node.
    pub(super) fn remove_row(&mut self, pod: PodId) {
        self.nominator.remove(pod);
        self.homeless.retain(|(_, listed)| *listed != pod);
        self.pods.retain(|_, listed| *listed != pod);
        self.cluster.pods.remove(pod);
        let generation = self.cluster.pods.generation[pod.index()].wrapping_add(1);
        self.free.push(PodRef { id: pod, generation });
    }

    /// A pod as `namespace/name`.
    pub(super) fn pod_name(&self, pod: PodId) -> String {
        let class = &self.cluster.classes[self.cluster.pods.class[pod.index()]];
        let name = self.cluster.pods.name_text(&self.cluster.names, pod);
        format!("{}/{name}", self.cluster.names.text(class.namespace))
    }
}

fn full_name(namespace: &str, name: &str) -> Name {
    let namespace = if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace };
    (namespace.to_owned(), name.to_owned())
}

/// Sets what depends on the release.
fn set_release(cluster: &mut Cluster, version: Version) {
    cluster.counts_pod_resizes = version >= Version::V1_36;
}

/// Enters a storage object; others are nothing here.
fn enter_storage(cluster: &mut Cluster, object: Object) {
    let storage = &mut cluster.storage;
    match object {
        Object::PersistentVolume(volume) => storage.set_volume(*volume),
        Object::PersistentVolumeClaim(claim) => storage.set_claim(*claim),
        Object::StorageClass(class) => storage.set_class(*class),
        Object::CsiNode(node) => storage.set_node(*node),
        Object::CsiDriver(driver) => storage.set_driver(*driver),
        Object::CsiStorageCapacity(capacity) => storage.set_capacity(*capacity),
        Object::VolumeAttachment(attachment) => storage.set_attachment(*attachment),
        _ => {}
    }
}
