//! Cases as written, and the cluster that one describes.
//!
//! What is asked about the cluster, and what the answer is, is not known here.

use crate::api::kubernetes::{Defaulting, Manifest, Options, read_with};
use crate::api::{Node, Object, Pod};
use crate::base::{Diagnostic, Location};
use crate::control::Snapshot;
use crate::control::config::Version;
use serde_json::Value;
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
    pub(super) fn object(
        &mut self,
        assumed: (&str, &str),
        value: &Value,
        place: &str,
    ) -> Result<Object, Diagnostic> {
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

/// The cluster of a case.
pub(super) fn snapshot(
    case: &Case,
    objects: &mut Objects<'_>,
    version: Version,
) -> Result<Snapshot, Diagnostic> {
    let mut snapshot = Snapshot::new(version);
    let written = case.require(&case.input, "cluster")?;
    for (place, value) in case.list(written, "nodes")?.iter().enumerate() {
        let node = objects.node(value, &format!("nodes[{place}]"))?;
        add_node(case, &mut snapshot, &node)?;
    }
    for (key, kind) in LISTS {
        for (place, value) in case.list(written, key)?.iter().enumerate() {
            let object = objects.object(kind, value, &format!("{key}[{place}]"))?;
            snapshot.cluster.enter(object);
        }
    }
    for (place, value) in case.list(written, "pods")?.iter().enumerate() {
        let pod = objects.pod(value, &format!("pods[{place}]"))?;
        snapshot.add_known_pod(&pod);
    }
    Ok(snapshot)
}

/// Adds a node, whose name must be new.
pub(super) fn add_node(case: &Case, snapshot: &mut Snapshot, node: &Node) -> Result<(), Diagnostic> {
    let twice = || case.error("there are two nodes of one name").found(&node.meta.name);
    snapshot.add_node(node).map(|_| ()).ok_or_else(twice)
}
