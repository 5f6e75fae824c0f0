//! Reading Kubernetes YAML and JSON into the objects of [`crate::api`].
//!
//! It gets bytes and the name of their file, and gives objects with their places, the number of
//! objects of kinds that are not modelled, and warnings. What the API server would refuse is an
//! error here. It opens no file, and does not know what the objects are for.

mod affinity;
mod autoscaling;
mod batch;
mod behavior;
mod container;
mod cron;
mod defaults;
mod fields;
mod known;
mod known_autoscaling;
mod known_storage;
mod meta;
mod node;
pub mod patch;
mod places;
mod pod;
mod quota;
mod repeats;
mod resources;
pub mod scheduler;
mod selectors;
mod service;
mod sets;
mod status;
mod storage;
mod templates;
#[cfg(test)]
mod tests;
mod volume;
mod workload;

pub use defaults::Defaulting;
pub use places::{Part, Places};

use super::Object;
use super::yaml::{Content, Source, Value, parse, split_documents};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use fields::{Fields, NearMisses, Read, text};
use repeats::Repeats;
use std::collections::BTreeMap;
use std::sync::Arc;
use templates::Templates;

/// What was read from one or more files.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// The objects in the order of the files.
    pub objects: Vec<Sourced>,
    /// How many objects of other kinds there were, by `apiVersion/Kind`, or
    /// by kind alone where they name no version.
    pub ignored: BTreeMap<String, u64>,
    /// What looks wrong, but can be used.
    pub warnings: Vec<Diagnostic>,
    templates: Templates,
    near_misses: NearMisses,
}

/// An object and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Sourced {
    /// The object.
    pub object: Object,
    /// Where its first key stands.
    pub location: Location,
    /// Where some of its parts stand; see [`Sourced::at`].
    pub places: Places,
}

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'o> {
    /// Whether objects are completed and checked as the API server does.
    pub defaulting: Defaulting,
    /// The `apiVersion` and `kind` of documents that name none, such as `("v1", "Pod")`.
    pub assumed: Option<(&'o str, &'o str)>,
}

/// Reads manifests or a dump, completing and checking the objects as the API server does. Stops at
/// the first error; what stands before it is then in `into`.
pub fn read(file: &Arc<str>, bytes: &[u8], into: &mut Manifest) -> Result<(), Diagnostic> {
    read_with(file, bytes, Options::default(), into)
}

/// Reads manifests or a dump; see [`read`].
pub fn read_with(
    file: &Arc<str>,
    bytes: &[u8],
    options: Options<'_>,
    into: &mut Manifest,
) -> Result<(), Diagnostic> {
    let first_warning = into.warnings.len();
    let result = read_documents(file, bytes, options, into);
    into.warnings[first_warning..].sort_by(|a, b| a.location.cmp(&b.location));
    result
}

fn read_documents(
    file: &Arc<str>,
    bytes: &[u8],
    options: Options<'_>,
    into: &mut Manifest,
) -> Result<(), Diagnostic> {
    let mut repeats = Repeats::default();
    for (line_offset, document) in split_documents(bytes) {
        let text = std::str::from_utf8(document)
            .map_err(|error| not_utf8(file, document, error.valid_up_to(), line_offset))?;
        if let Some(copy) = repeats.find(text) {
            let location = Location::at(file.clone(), line_offset.saturating_add(copy.line), copy.column);
            into.objects.push(Sourced { object: copy.object, location, places: copy.places });
            continue;
        }
        let (objects, warnings) = (into.objects.len(), into.warnings.len());
        let source = Source { file, line_offset, text };
        let mut context = Context {
            defaulting: options.defaulting,
            assumed: options.assumed,
            into,
            before_items: None,
            documents: 0,
            name: None,
            places: Places::default(),
            strict: false,
        };
        parse(source, &mut context, item, document_root)?;
        let name = context.name.take();
        if let Some(name) = name
            && into.objects.len() == objects + 1
            && into.warnings.len() == warnings
            && let Some(sourced @ Sourced { object: Object::Pod(_), .. }) = into.objects.last()
        {
            repeats.remember(text, &name, sourced, line_offset);
        }
    }
    Ok(())
}

fn not_utf8(file: &Arc<str>, document: &[u8], at: usize, line_offset: u32) -> Diagnostic {
    let before = &document[..at];
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.split(|byte| *byte == b'\n').count() as u32;
    let column = String::from_utf8_lossy(&before[start..]).chars().count() as u32 + 1;
    let location = Location::at(file.clone(), line_offset.saturating_add(line), column);
    let finding = Diagnostic::error(location, "the text is not UTF-8");
    match document {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => finding.help("the file is UTF-16; save it as UTF-8"),
        [0x1f, 0x8b, ..] => finding.help("the file is compressed with gzip; unpack it first"),
        _ => {
            let excerpt = &document[start..document.len().min(at + 16)];
            let excerpt = String::from_utf8_lossy(excerpt);
            finding.found(excerpt.lines().next().unwrap_or("")).help("save the file as UTF-8")
        }
    }
}

/// What the readers of the parts share.
struct Context<'c> {
    defaulting: Defaulting,
    assumed: Option<(&'c str, &'c str)>,
    into: &'c mut Manifest,
    /// What there was before the first of the `items` of the document that is being read.
    before_items: Option<Box<Checkpoint>>,
    /// How many documents the text has had so far; more than one only with odd line ends.
    documents: u32,
    /// Where the text has the name of its pod, if it is a single pod.
    name: Option<std::ops::Range<usize>>,
    /// Where parts of the object stand that is being read.
    places: Places,
    /// Whether every unknown key is refused.
    strict: bool,
}

struct Checkpoint {
    objects: usize,
    warnings: usize,
    /// What has been counted as ignored since.
    ignored: Vec<String>,
}

impl Context<'_> {
    /// Whether the API server's checks are made.
    fn checks(&self) -> bool {
        self.defaulting == Defaulting::ApiServer
    }

    fn warn(&mut self, warning: Diagnostic) {
        self.into.warnings.push(warning);
    }
}

/// A member of the `items` of a document, read as soon as it is complete. Its document's kind may
/// stand below, and be no list: then what was read is taken back.
fn item(context: &mut Context<'_>, value: Value<'_>) -> Read<bool> {
    if value.get("kind").is_none() {
        return Ok(false);
    }
    if context.before_items.is_none() {
        context.before_items = Some(Box::new(Checkpoint {
            objects: context.into.objects.len(),
            warnings: context.into.warnings.len(),
            ignored: Vec::new(),
        }));
    }
    object(context, value, None).map(|()| true)
}

fn document_root(context: &mut Context<'_>, value: Value<'_>) -> Read<()> {
    if value.is_null() {
        return Ok(());
    }
    let is_list = value.get("kind").is_some_and(|kind| kind.raw().ends_with("List"));
    if let Some(before) = context.before_items.take()
        && !is_list
    {
        context.into.objects.truncate(before.objects);
        context.into.warnings.truncate(before.warnings);
        for name in before.ignored {
            if let Some(count) = context.into.ignored.get_mut(&name) {
                *count -= 1;
            }
        }
        context.into.ignored.retain(|_, count| *count > 0);
    }
    let is_pod = value.get("kind").is_some_and(|kind| kind.raw() == "Pod");
    let name = value.get("metadata").filter(|_| is_pod).and_then(|metadata| metadata.get("name"));
    context.name = name.filter(|_| context.documents == 0).map(Value::byte_range);
    context.documents += 1;
    object(context, value, context.assumed)
}

/// Reads an object of one kind.
type Reader = fn(&Fields<'_>, &mut Context<'_>) -> Read<Object>;

/// Reads one object; `assumed` is its version and kind where it names none.
fn object(context: &mut Context<'_>, value: Value<'_>, assumed: Option<(&str, &str)>) -> Read<()> {
    if value.content() != Content::Mapping {
        return Err(no_mapping(value));
    }
    let (version, kind) = match (value.get("kind"), assumed) {
        (Some(kind), _) => {
            let version = value.get("apiVersion").map_or(Ok(""), |version| text(version, "apiVersion"))?;
            (version, text(kind, "kind")?)
        }
        (None, Some(assumed)) => assumed,
        (None, None) => return Err(without_kind(value)),
    };
    if let Some(of) = kind.strip_suffix("List")
        && let Some(items) = value.get("items")
        && items.content() != Content::Sequence
        && (of.is_empty() || READ.iter().any(|(read, ..)| *read == of))
    {
        return Err(items.error(format!("`items` must be a list, not {}", items.describe())));
    }
    if let Some(of) = kind.strip_suffix("List")
        && value.get("items").is_none_or(|items| items.content() == Content::Sequence)
    {
        let assumed = (!of.is_empty()).then_some((version, of));
        let mut items = value.get("items").into_iter().flat_map(Value::items);
        return items.try_for_each(|item| object(context, item, assumed));
    }
    let Some((.., reader)) = READ.iter().find(|(read, served, _)| (*served, *read) == (version, kind)) else {
        return ignore(context, value, version, kind);
    };
    let fields = Fields::open(value, &known::OBJECT, context)?;
    context.places = Places::default();
    let object = reader(&fields, context)?;
    let location = value.location();
    let places = context.places.relative_to(location.line);
    context.into.objects.push(Sourced { object, location, places });
    Ok(())
}

/// The error for a document that is no mapping, with a guess at what it is.
fn no_mapping(value: Value<'_>) -> Diagnostic {
    let finding = value.error(format!("a Kubernetes object is a mapping, but this is {}", value.describe()));
    match value.content() {
        Content::Sequence => {
            finding.help("put the objects under `items` of an object with `apiVersion: v1` and `kind: List`")
        }
        _ => finding.help(
            "a manifest has `apiVersion` and `kind`; a trace is named under `workload.traces` of a scenario",
        ),
    }
}

/// The kinds that are read, each with a version that is served; the first of a kind is the newest.
const READ: &[(&str, &str, Reader)] = &[
    ("Pod", "v1", pod::read),
    ("Node", "v1", node::read),
    ("ReplicaSet", "apps/v1", workload::replica_set),
    ("Deployment", "apps/v1", workload::deployment),
    ("Job", "batch/v1", batch::job),
    ("CronJob", "batch/v1", cron::cron_job),
    ("StatefulSet", "apps/v1", sets::stateful_set),
    ("DaemonSet", "apps/v1", sets::daemon_set),
    ("ReplicationController", "v1", workload::replication_controller),
    ("PriorityClass", "scheduling.k8s.io/v1", workload::priority_class),
    ("Namespace", "v1", service::namespace),
    ("Service", "v1", service::service),
    ("PodDisruptionBudget", "policy/v1", service::budget),
    ("HorizontalPodAutoscaler", "autoscaling/v2", autoscaling::autoscaler),
    ("HorizontalPodAutoscaler", "autoscaling/v1", autoscaling::autoscaler_v1),
    ("ResourceQuota", "v1", quota::quota),
    ("PersistentVolume", "v1", storage::volume),
    ("PersistentVolumeClaim", "v1", storage::claim),
    ("StorageClass", "storage.k8s.io/v1", storage::class_object),
    ("CSINode", "storage.k8s.io/v1", storage::node),
    ("CSIDriver", "storage.k8s.io/v1", storage::driver),
    ("CSIStorageCapacity", "storage.k8s.io/v1", storage::capacity),
    ("VolumeAttachment", "storage.k8s.io/v1", storage::attachment),
];

/// Counts an object that is not read, and warns if it looks as if it should have been.
fn ignore(context: &mut Context<'_>, value: Value<'_>, version: &str, kind: &str) -> Read<()> {
    let at = value.get("kind").unwrap_or(value);
    let served = READ.iter().find(|(read, ..)| *read == kind).map(|(_, served, _)| *served);
    if let (Some(served), true) = (served, version.is_empty()) {
        let help = format!("write `apiVersion: {served}`");
        return Err(at.error("`apiVersion` is missing").help(help));
    }
    if is_own_group(version) {
        if let Some(served) = served {
            let at = value.get("apiVersion").unwrap_or(at);
            let message = format!("this {kind} is not read: its version is not served");
            context.warn(at.warning(message).help(format!("write `apiVersion: {served}`")));
        } else if !known::KINDS.contains(&kind)
            && let Some(near) = suggest(kind, known::KINDS.iter().copied())
        {
            context.warn(at.warning("unknown kind; it is not read").help(format!("did you mean `{near}`?")));
        }
    }
    let name = if version.is_empty() { kind.to_owned() } else { format!("{version}/{kind}") };
    if let Some(before) = &mut context.before_items {
        before.ignored.push(name.clone());
    }
    let count = context.into.ignored.entry(name).or_default();
    *count = count.saturating_add(1);
    Ok(())
}

/// Whether a version is of a group that Kubernetes itself has had these kinds in, or looks like one.
fn is_own_group(version: &str) -> bool {
    let group = version.split_once('/').map_or("", |(group, _)| group);
    matches!(group, "scheduling.k8s.io" | "storage.k8s.io") || !group.contains('.')
}

/// The error for a document that is no Kubernetes object, with a guess at what it is.
fn without_kind(value: Value<'_>) -> Diagnostic {
    let has = |key: &str| value.get(key).is_some();
    let keys: Vec<&str> = value.entries().take(6).map(|(key, _)| key.raw()).collect();
    let near = suggest("kind", value.entries().map(|(key, _)| key.raw()));
    let finding = Diagnostic::error(value.location(), "not a Kubernetes object: `kind` is missing");
    let finding = finding.found(keys.join(", "));
    let is_scenario = value.get("apiVersion").is_some_and(|version| version.raw().starts_with("seatrial/"));
    let looks_like = if is_scenario {
        "this is a scenario: run it by itself, not among manifests"
    } else if ["nodes", "Nodes"].into_iter().any(has) && ["pods", "Pods"].into_iter().any(has) {
        "this looks like the export of another tool; put its objects under `items` of a `kind: List`, each with `apiVersion` and `kind`"
    } else if has("resources")
        && (has("images") || has("patches") || has("namePrefix") || has("commonLabels"))
    {
        "this looks like a kustomization; build it first, for example with `kubectl kustomize`"
    } else if has("replicaCount") || (has("image") && !has("spec")) {
        "this looks like the values of a Helm chart; render the chart first with `helm template`"
    } else if has("services") {
        "this looks like a Compose file"
    } else if has("apiVersion") && has("version") && has("name") {
        "this looks like the description of a Helm chart; render the chart first with `helm template`"
    } else if let Some(near) = near {
        return finding.help(format!("is `{near}` meant to be `kind`?"));
    } else {
        "a manifest has `apiVersion` and `kind`"
    };
    finding.help(looks_like)
}
