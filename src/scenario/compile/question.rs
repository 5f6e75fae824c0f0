//! Not a run but a question: where would these pods go in this cluster, as it is now?
//!
//! The cluster is what a scenario names: dumps and manifests, or the scenario's own machines. What is
//! decided, and how it is shown, is not known here.

use super::nodes::Nodes;
use super::objects::{NOT_READY, Timed, drop_equal, read_file};
use super::priorities::Priorities;
use super::{Build, Environment, control, files, in_order, machines, nodes, objects, pools, timing};
use crate::api::kubernetes::{Part, Sourced};
use crate::api::{Deployment, Object, ObjectMeta, OwnerReference, Pod, PodTemplate, ReplicaSet};
use crate::base::diagnostic::{fold_repeats, suggest};
use crate::base::{Diagnostic, Location, Set, Time};
use crate::cluster::namespace_of;
use crate::control::{Config, Snapshot};
use crate::scenario::Scenario;
use std::path::PathBuf;
use std::sync::Arc;

/// The label that tells the pods of a Deployment's ReplicaSets apart.
const HASH_LABEL: &str = "pod-template-hash";
/// Stands for the letters that end the name of a pod that is still to be created.
const NEW: &str = "new";

/// Which pods are asked about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Files and folders of pods, or of objects that make pods; `-` is standard input.
    pub files: Vec<String>,
    /// Pods of the cluster, as `name` or `namespace/name`.
    pub names: Vec<String>,
}

/// A pod that is asked about.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    /// The pod, bound to no node.
    pub pod: Pod,
    /// Where its object begins.
    pub location: Location,
    /// The node that it is bound to already, which does not count; empty if it is not.
    pub bound_to: String,
}

/// A cluster and the pods that are asked about.
pub struct Question {
    /// The cluster, without the pods in question.
    pub snapshot: Snapshot,
    /// The scheduler's configuration.
    pub config: Config,
    /// The pods, in the order in which they are named.
    pub pods: Vec<Asked>,
    /// Every file that was read, with the sha256 of what is stored.
    pub inputs: Vec<(String, String)>,
    /// What was left out, and how often.
    pub remarks: Vec<(String, u64)>,
    /// What looks wrong, but can be used.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the cluster that `scenario` describes and the pods that are wanted. The error holds every
/// finding, sorted by place.
pub fn question(
    scenario: &Scenario,
    environment: Environment,
    wanted: &Wanted,
) -> Result<Question, Vec<Diagnostic>> {
    let mut build = Build::new(scenario, environment);
    let mut nodes = Nodes::default();
    pools::add(&mut build, &mut nodes);
    machines::add(&mut build, &mut nodes);
    let of_cluster = objects::read(&mut build, &mut nodes);
    build.remarks.remove(NOT_READY);
    if nodes.list.is_empty() && build.errors.is_empty() {
        let help =
            "name a file or folder with Nodes, such as what `kubectl get nodes,pods -A -o yaml` prints";
        let finding = build.whole("the cluster has no nodes").help(help);
        build.error(finding);
    }
    nodes::check(&mut build, &nodes);
    let of_cluster = drop_equal(&mut build, of_cluster);
    let of_files = read_files(&mut build, &wanted.files);
    let (of_cluster, of_files) = with_priorities(&mut build, of_cluster, of_files);
    let timing = timing::resolve(&mut build);
    let config = control::resolve(&mut build, &timing);
    let mut snapshot = Snapshot::new(config.version);
    snapshot.cluster.default_toleration = config.nodes.default_toleration;
    for node in &nodes.list {
        snapshot.add_node(&node.node);
    }
    let mut extra = Vec::new();
    let mut asked = asked_in_files(&mut build, of_files, &of_cluster, &mut extra);
    asked.extend(asked_by_name(&mut build, &wanted.names, &of_cluster));
    enter(&mut build, of_cluster, &asked, &mut snapshot);
    for object in extra {
        snapshot.cluster.enter(object);
    }
    let Build { files, errors, warnings, remarks, .. } = build;
    if !errors.is_empty() {
        return Err(in_order(errors));
    }
    let (remarks, warnings) = (remarks.into_iter().collect(), fold_repeats(warnings));
    Ok(Question { snapshot, config, pods: asked, inputs: files.inputs, remarks, warnings })
}

fn read_files(build: &mut Build<'_>, names: &[String]) -> Vec<Sourced> {
    let mut found = Vec::new();
    for name in names {
        let paths = files::expand(&PathBuf::from(name));
        for path in build.take(paths).unwrap_or_default() {
            let manifest = read_file(build, &path);
            found.extend(build.take(manifest).unwrap_or_default().objects);
        }
    }
    found
}

/// Fills in the priorities of all pods by the classes of both lists.
fn with_priorities(
    build: &mut Build<'_>,
    of_cluster: Timed,
    of_files: Vec<Sourced>,
) -> (Timed, Vec<Sourced>) {
    let count = of_cluster.len();
    let mut all = of_cluster;
    all.extend(of_files.into_iter().map(|sourced| (Time::ZERO, sourced)));
    let mut priorities = Priorities::read(build, &all);
    for (_, sourced) in &mut all {
        priorities.fill(build, sourced);
    }
    let of_files = all.split_off(count);
    (all, of_files.into_iter().map(|(_, sourced)| sourced).collect())
}

/// The pods that the objects of files are, or make. What else is in the files goes into `extra`: it
/// becomes part of the cluster.
fn asked_in_files(
    build: &mut Build<'_>,
    of_files: Vec<Sourced>,
    of_cluster: &Timed,
    extra: &mut Vec<Object>,
) -> Vec<Asked> {
    let Some(first) = of_files.first().map(|sourced| sourced.location.clone()) else { return Vec::new() };
    let mut asked = Vec::new();
    for sourced in of_files {
        let location = sourced.location.clone();
        if let Object::Node(node) = &sourced.object {
            let finding = Diagnostic::error(sourced.at(Part::Name), "a Node among the pods to be placed");
            build
                .error(finding.found(&node.meta.name).help("the cluster's nodes are named with `--cluster`"));
            continue;
        }
        match pod_of(&sourced.object, of_cluster, extra) {
            Some(pod) => asked.extend(unbound(build, pod, location)),
            None => extra.push(sourced.object),
        }
    }
    if asked.is_empty() && build.errors.is_empty() {
        let finding =
            Diagnostic::error(Location::file(first.file), "there is no pod in what is to be placed");
        build.error(finding.help("a Pod, or a Deployment, ReplicaSet, StatefulSet or Job with a template"));
    }
    asked
}

/// The pod as if it was not bound; an error is noted if it has ended.
fn unbound(build: &mut Build<'_>, mut pod: Pod, location: Location) -> Option<Asked> {
    if pod.phase.is_terminal() {
        let finding = Diagnostic::error(location, format!("the pod has ended: it is {}", pod.phase.name()));
        build.error(finding.found(&pod.meta.name).help("only pods that want a node can be placed"));
        return None;
    }
    let mut bound_to = String::new();
    if !pod.template.spec.node_name.is_empty() {
        bound_to = std::mem::take(&mut Arc::make_mut(&mut pod.template).spec.node_name);
    }
    pod.meta.deleting = false;
    pod.preempted_condition = false;
    Some(Asked { pod, location, bound_to })
}

/// The pod that an object is, or the next one that it makes. Its controller goes into `extra`.
fn pod_of(object: &Object, of_cluster: &Timed, extra: &mut Vec<Object>) -> Option<Pod> {
    match object {
        Object::Pod(pod) => return Some(Pod::clone(pod)),
        Object::Deployment(deployment) => return Some(of_deployment(deployment, of_cluster, extra)),
        Object::ReplicaSet(_) | Object::StatefulSet(_) | Object::ReplicationController(_) => {
            extra.push(object.clone());
        }
        _ => {}
    }
    Some(match object {
        Object::ReplicaSet(set) => made(object, &set.meta, &set.template, NEW),
        Object::Job(job) => {
            let mut pod = made(object, &job.meta, &job.template, NEW);
            for key in ["batch.kubernetes.io/job-name", "job-name"] {
                label(&mut pod, key, &job.meta.name);
            }
            pod
        }
        Object::StatefulSet(set) => {
            let mut pod = made(object, &set.meta, &set.template, "0");
            let name = pod.meta.name.clone();
            label(&mut pod, "statefulset.kubernetes.io/pod-name", &name);
            label(&mut pod, "apps.kubernetes.io/pod-index", "0");
            pod
        }
        Object::ReplicationController(controller) => {
            made(object, &controller.meta, &controller.template, NEW)
        }
        _ => return None,
    })
}

fn label(pod: &mut Pod, key: &str, value: &str) {
    Arc::make_mut(&mut pod.template).labels.insert(key.to_owned(), value.to_owned());
}

/// A pod that a controller makes of its template.
fn made(owner: &Object, meta: &ObjectMeta, template: &Arc<PodTemplate>, suffix: &str) -> Pod {
    Pod {
        meta: ObjectMeta {
            name: format!("{}-{suffix}", meta.name),
            namespace: namespace_of(meta).to_owned(),
            labels: template.labels.clone(),
            owner: Some(OwnerReference {
                api_version: owner.api_version().to_owned(),
                kind: owner.kind().to_owned(),
                name: meta.name.clone(),
                uid: meta.uid.clone(),
            }),
            ..ObjectMeta::default()
        },
        template: Arc::clone(template),
        ..Pod::default()
    }
}

/// The next pod of a Deployment: of its ReplicaSet with the same template, or of a new one.
fn of_deployment(deployment: &Deployment, of_cluster: &Timed, extra: &mut Vec<Object>) -> Pod {
    let is_of_template = |set: &&ReplicaSet| {
        let mut template = PodTemplate::clone(&set.template);
        template.labels.remove(HASH_LABEL);
        let owner = set.meta.owner.as_ref();
        owner.is_some_and(|owner| owner.kind == "Deployment" && owner.name == deployment.meta.name)
            && namespace_of(&set.meta) == namespace_of(&deployment.meta)
            && template == *deployment.template
    };
    let sets = of_cluster.iter().filter_map(|(_, sourced)| match &sourced.object {
        Object::ReplicaSet(set) => Some(&**set),
        _ => None,
    });
    let set = sets.into_iter().find(is_of_template).cloned().unwrap_or_else(|| new_set(deployment));
    let (meta, template) = (set.meta.clone(), Arc::clone(&set.template));
    let object = Object::ReplicaSet(Box::new(set));
    extra.push(object.clone());
    made(&object, &meta, &template, NEW)
}

fn new_set(deployment: &Deployment) -> ReplicaSet {
    let mut template = PodTemplate::clone(&deployment.template);
    template.labels.insert(HASH_LABEL.to_owned(), NEW.to_owned());
    let mut selector = deployment.selector.clone();
    selector.match_labels.push((HASH_LABEL.to_owned(), NEW.to_owned()));
    let meta = ObjectMeta {
        name: format!("{}-{NEW}", deployment.meta.name),
        namespace: namespace_of(&deployment.meta).to_owned(),
        ..ObjectMeta::default()
    };
    ReplicaSet { meta, selector, template: Arc::new(template), ..ReplicaSet::default() }
}

/// The pods of the cluster that are asked about by name; what is wrong with a name is noted.
fn asked_by_name(build: &mut Build<'_>, names: &[String], of_cluster: &Timed) -> Vec<Asked> {
    let pods: Vec<(&Pod, &Sourced)> = of_cluster
        .iter()
        .filter_map(|(_, sourced)| match &sourced.object {
            Object::Pod(pod) => Some((&**pod, sourced)),
            _ => None,
        })
        .collect();
    let mut asked = Vec::new();
    for name in names {
        let is_meant = |pod: &Pod| match name.split_once('/') {
            Some((namespace, name)) => namespace_of(&pod.meta) == namespace && pod.meta.name == name,
            None => pod.meta.name == *name,
        };
        let found: Vec<&(&Pod, &Sourced)> = pods.iter().filter(|(pod, _)| is_meant(pod)).collect();
        let place = Location::file("--pod");
        match found[..] {
            [(pod, sourced)] => asked.extend(unbound(build, Pod::clone(pod), sourced.location.clone())),
            [] => {
                let known = pods.iter().map(|(pod, _)| pod.meta.name.as_str());
                let plain = name.split_once('/').map_or(name.as_str(), |(_, name)| name);
                let help = suggest(plain, known).map_or_else(
                    || format!("the cluster has {} pods", pods.len()),
                    |near| format!("did you mean `{near}`?"),
                );
                let finding = Diagnostic::error(place, "there is no pod of this name in the cluster");
                build.error(finding.found(name).help(help));
            }
            [(first, _), ..] => {
                let help = format!(
                    "name one of them by its namespace, such as `{}/{name}`",
                    namespace_of(&first.meta)
                );
                let finding = Diagnostic::error(place, "there are pods of this name in several namespaces");
                build.error(finding.found(name).help(help));
            }
        }
    }
    asked
}

/// Enters the cluster's objects, without the pods that are asked about.
fn enter(build: &mut Build<'_>, of_cluster: Timed, asked: &[Asked], snapshot: &mut Snapshot) {
    let name = |meta: &ObjectMeta| (namespace_of(meta).to_owned(), meta.name.clone());
    let asked: Set<(String, String)> = asked.iter().map(|asked| name(&asked.pod.meta)).collect();
    let mut waiting = 0;
    for (_, sourced) in of_cluster {
        match sourced.object {
            Object::Pod(pod) if asked.contains(&name(&pod.meta)) => {}
            Object::Pod(pod) => {
                let is_open = !pod.phase.is_terminal();
                waiting += u64::from(!snapshot.add_known_pod(&pod) && is_open);
            }
            other => snapshot.cluster.enter(other),
        }
    }
    build.remark("pods of the cluster that wait for a node themselves", waiting);
    build.remark("pods of the cluster whose node is not there", snapshot.homeless() as u64);
}
