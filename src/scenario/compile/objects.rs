//! Kubernetes objects from files: nodes, pods that are bound already, and what is created later.

use super::nodes::{Nodes, POOL, UNNAMED_POOL};
use super::priorities::Priorities;
use super::{Build, at_reference, files, selectors};
use crate::api::kubernetes::{self, Manifest, Part, Sourced};
use crate::api::workload::StatefulSetUpdate;
use crate::api::{Node, Object, ObjectMeta, Pod, PodPhase};
use crate::base::{Diagnostic, Location, Set, Time};
use crate::scenario::At;
use crate::scenario::schema::events::MAX_REPLICAS;
use crate::scenario::schema::scalars::Short;
use std::collections::BTreeMap;

/// The objects of a scenario except its nodes, each with the moment at which it is created.
pub(super) type Timed = Vec<(Time, Sourced)>;

/// Reads every manifest. Nodes are added to `nodes`; the rest is returned by time, then in order.
pub(super) fn read(build: &mut Build<'_>, nodes: &mut Nodes) -> Timed {
    let scenario = build.scenario;
    let mut objects = Timed::new();
    let of_cluster =
        scenario.cluster.manifests.iter().map(|file| (where_written(file), file.value.clone(), Time::ZERO));
    let of_workload = scenario.workload.manifests.iter().map(|reference| match &reference.value {
        Short::Text(file) => (where_written(reference), file.clone(), Time::ZERO),
        Short::Long(long) => {
            (where_written(reference), long.file.clone(), Time(long.at.unwrap_or_default().0.0))
        }
    });
    let mut is_empty = true;
    for (reference, file, at) in of_cluster.chain(of_workload) {
        let path = build.files.path(&file);
        let paths = files::expand(&path).map_err(|finding| at_reference(finding, &reference));
        for path in build.take(paths).unwrap_or_default() {
            let result = read_file(build, &path).map_err(|finding| at_reference(finding, &reference));
            let manifest = build.take(result).unwrap_or_default();
            is_empty &= manifest.objects.is_empty() && manifest.ignored.is_empty();
            for sourced in manifest.objects {
                sort_in(build, nodes, &mut objects, at, sourced);
            }
        }
    }
    if is_empty && build.is_adhoc() && build.errors.is_empty() {
        let finding = build.whole("there is no Kubernetes object in what is named");
        build.error(finding.help("is it the right file? did the command before the pipe print anything?"));
    }
    objects.sort_by_key(|(at, _)| *at);
    objects
}

/// The place of a reference, without its value.
fn where_written<T>(reference: &At<T>) -> At<()> {
    At { value: (), location: reference.location.clone(), found: reference.found.clone() }
}

pub(super) fn read_file(build: &mut Build<'_>, path: &std::path::Path) -> Result<Manifest, Diagnostic> {
    let (name, bytes) = build.files.read(path)?;
    let mut manifest = Manifest::default();
    kubernetes::read(&name, &bytes, &mut manifest)?;
    build.warnings.append(&mut manifest.warnings);
    for (kind, count) in &manifest.ignored {
        build.remark(format!("objects not simulated: {kind}"), *count);
    }
    if manifest.objects.is_empty() && manifest.ignored.is_empty() {
        build.warn(Diagnostic::warning(Location::file(name), "the file has no Kubernetes objects"));
    }
    Ok(manifest)
}

fn sort_in(build: &mut Build<'_>, nodes: &mut Nodes, objects: &mut Timed, at: Time, sourced: Sourced) {
    let place = sourced.at(Part::Name);
    match sourced.object {
        Object::Node(node) if at == Time::ZERO => add_node(build, nodes, *node, &place),
        Object::Node(node) => {
            let finding = Diagnostic::error(place, "nodes exist from the start").found(&node.meta.name);
            build.error(finding.help("name the file without `at`"));
        }
        object => {
            remark_of(build, &object);
            objects.push((at, Sourced { object, ..sourced }));
        }
    }
}

/// Says what of an object does not count.
fn remark_of(build: &mut Build<'_>, object: &Object) {
    match object {
        Object::ReplicationController(_) => {
            build.remark("objects of which only the selector counts: ReplicationController", 1);
        }
        Object::StatefulSet(set) => {
            build.remark(CLAIMS, u64::from(set.claim_templates > 0));
            let limited =
                matches!(set.update, StatefulSetUpdate::RollingUpdate { max_unavailable: Some(_), .. });
            build.remark(MAX_UNAVAILABLE, u64::from(limited));
        }
        _ => {}
    }
}

/// What is remarked of StatefulSets with `volumeClaimTemplates`.
const CLAIMS: &str = "StatefulSets whose own volume claims are left out";
/// What is remarked of StatefulSets that say how many pods may be unavailable: the feature gate is
/// off by default.
const MAX_UNAVAILABLE: &str = "StatefulSets whose `maxUnavailable` has no effect in this release";

/// Whether an object is there before those of the same moment that may need it: it makes no pods.
fn comes_first(object: &Object) -> bool {
    use Object::{DaemonSet, Deployment, Job, Node, Pod, ReplicaSet, StatefulSet};
    let makes_pods = matches!(object, ReplicaSet(_) | Deployment(_) | StatefulSet(_) | DaemonSet(_) | Job(_));
    !makes_pods && !matches!(object, Node(_) | Pod(_))
}

fn add_node(build: &mut Build<'_>, nodes: &mut Nodes, mut node: Node, location: &Location) {
    let pool = node.meta.labels.get(POOL).map_or(UNNAMED_POOL, String::as_str).to_owned();
    let pool = nodes.pool(&pool, 0.0);
    if node.meta.deleting {
        build.remark("nodes left out because they are being deleted", 1);
        return;
    }
    let ready = node.ready.take();
    build.remark(NOT_READY, u64::from(ready == Some(false)));
    if nodes.has_equal(&node) {
        build.remark(EQUAL, 1);
        return;
    }
    let result = nodes.add(node, pool, location);
    build.take(result);
}

/// Takes the pods that are bound out of `objects` (with the rows of their nodes), leaves out what
/// has ended or is only shown by a dump, fills in priorities, and checks what is left.
pub(super) fn place(
    build: &mut Build<'_>,
    nodes: &Nodes,
    objects: Timed,
) -> (Vec<(Pod, usize)>, Timed, Priorities) {
    let objects = drop_equal(build, objects);
    let represented = represented(&objects);
    let mut priorities = Priorities::read(build, &objects);
    let mut selectors = selectors::Checker::default();
    let (mut bound, mut rest) = (Vec::new(), Timed::new());
    for (at, mut sourced) in objects {
        if represented.contains(&key(&sourced.object)) {
            build.remark("workload objects left out because their pods are listed", 1);
            continue;
        }
        priorities.fill(build, &mut sourced);
        let place = sourced.at(Part::NodeName);
        match sourced.object {
            Object::PriorityClass(_) => {}
            Object::Pod(pod) if pod.phase.is_terminal() || pod.meta.deleting => {
                let what = if pod.phase.is_terminal() { "have ended" } else { "are being deleted" };
                build.remark(format!("pods left out because they {what}"), 1);
            }
            Object::Pod(pod) if !pod.template.spec.node_name.is_empty() => {
                bound.extend(bind(build, nodes, at, *pod, &place));
            }
            object => {
                let sourced = Sourced { object, ..sourced };
                check_replicas(build, &sourced);
                selectors.check(build, nodes, &sourced);
                rest.push((at, sourced));
            }
        }
    }
    selectors.report(build);
    rest.sort_by_key(|(at, sourced)| (*at, !comes_first(&sourced.object)));
    (bound, rest, priorities)
}

/// A pod of a dump with the row of its node; `None` if it cannot be bound.
fn bind(
    build: &mut Build<'_>,
    nodes: &Nodes,
    at: Time,
    mut pod: Pod,
    location: &Location,
) -> Option<(Pod, usize)> {
    let name = &pod.template.spec.node_name;
    if at > Time::ZERO {
        let finding =
            Diagnostic::error(location.clone(), "a pod that is bound already exists from the start");
        build.error(finding.found(name).help("name the file without `at`, or remove `nodeName`"));
        return None;
    }
    let Some(row) = nodes.row(name) else {
        build.remark("pods left out because their node is not in the cluster", 1);
        return None;
    };
    if pod.phase == PodPhase::Pending {
        pod.ready = false;
    }
    Some((pod, row))
}

/// What is remarked of nodes that a dump shows as not ready.
pub(super) const NOT_READY: &str = "nodes of dumps that were not ready, taken as ready";
/// What is remarked when the same object is read twice.
const EQUAL: &str = "objects left out because an equal one exists already";

/// Leaves out objects that are equal to an earlier one: applying a manifest twice changes nothing.
/// Another object of the same name is an error.
pub(super) fn drop_equal(build: &mut Build<'_>, objects: Timed) -> Timed {
    let mut first: BTreeMap<(&str, &str, &str), &Sourced> = BTreeMap::new();
    let mut kept = Vec::with_capacity(objects.len());
    for (_, sourced) in &objects {
        let meta = sourced.object.meta();
        let other = *first.entry((sourced.object.kind(), &meta.namespace, &meta.name)).or_insert(sourced);
        let is_first = std::ptr::eq(other, sourced);
        kept.push(is_first);
        if !is_first && other.object != sourced.object {
            let message = format!("another {} of this name exists already", sourced.object.kind());
            let finding = Diagnostic::error(sourced.at(Part::Name), message).found(&meta.name);
            let other = other.at(Part::Name);
            build.error(finding.help(format!(
                "it is at {other} and differs; leave one of the two out: name single files, not their folder"
            )));
        }
    }
    build.remark(EQUAL, kept.iter().filter(|kept| !**kept).count() as u64);
    let both = objects.into_iter().zip(kept);
    both.filter_map(|(timed, kept)| kept.then_some(timed)).collect()
}

type Key = (String, String, String);

fn key(object: &Object) -> Key {
    let meta = object.meta();
    (object.kind().to_owned(), meta.namespace.clone(), meta.name.clone())
}

fn owner_key(meta: &ObjectMeta) -> Option<Key> {
    let owner = meta.owner.as_ref()?;
    Some((owner.kind.clone(), meta.namespace.clone(), owner.name.clone()))
}

/// Workload objects whose pods, or whose ReplicaSets' pods, are listed themselves, as in a dump:
/// creating them again would double the pods.
fn represented(objects: &Timed) -> Set<Key> {
    let pods = objects.iter().filter(|(_, sourced)| matches!(sourced.object, Object::Pod(_)));
    let mut owners: Set<Key> = pods.filter_map(|(_, pod)| owner_key(pod.object.meta())).collect();
    let of_owners: Vec<Key> = objects
        .iter()
        .filter(|(_, sourced)| owners.contains(&key(&sourced.object)))
        .filter_map(|(_, sourced)| owner_key(sourced.object.meta()))
        .collect();
    owners.extend(of_owners);
    owners
}

fn check_replicas(build: &mut Build<'_>, sourced: &Sourced) {
    let (what, wanted) = match &sourced.object {
        Object::Deployment(deployment) => ("replicas", deployment.replicas),
        Object::ReplicaSet(set) => ("replicas", set.replicas),
        Object::StatefulSet(set) => ("replicas", set.replicas),
        Object::Job(job) => ("pods", job.parallelism.max(job.completions.unwrap_or(0))),
        _ => return,
    };
    if i64::from(wanted) > MAX_REPLICAS {
        let message = format!("a {} has at most {MAX_REPLICAS} {what}", sourced.object.kind());
        build.error(Diagnostic::error(sourced.at(Part::Replicas), message).found(wanted.to_string()));
    }
}
