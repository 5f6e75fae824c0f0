//! What a person does during the run, with what it is done to.

use super::nodes::{Nodes, unknown};
use super::objects::Timed;
use super::{Build, run};
use crate::api::Object;
use crate::base::{Diagnostic, Time};
use crate::scenario::At;
use crate::scenario::schema::events;
use crate::sim::setup::Action;

/// Kinds that can be scaled.
const SCALABLE: [&str; 2] = ["Deployment", "ReplicaSet"];

/// All actions by time, then in order; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>, nodes: &Nodes, objects: &Timed) -> Vec<(Time, Action)> {
    let mut actions = Vec::new();
    for action in &build.scenario.actions {
        let at = At { value: action.at, location: action.location.clone(), found: String::new() };
        run::check_reached(build, &at, "the action");
        let result = resolve_one(nodes, objects, action);
        actions.extend(build.take(result).map(|resolved| (Time(action.at.0.0), resolved)));
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}

fn resolve_one(nodes: &Nodes, objects: &Timed, action: &At<events::Action>) -> Result<Action, Diagnostic> {
    const HELP: &str = "write one of `scale` (with `replicas`), `cordon`, `uncordon`";
    if let (Some(replicas), None) = (&action.replicas, &action.scale) {
        return Err(replicas.error("`replicas` needs `scale`"));
    }
    match (&action.scale, &action.cordon, &action.uncordon) {
        (Some(target), None, None) => scale(objects, action, target),
        (None, Some(node), None) => nodes.find(node).map(|_| Action::Cordon(node.value.clone())),
        (None, None, Some(node)) => nodes.find(node).map(|_| Action::Uncordon(node.value.clone())),
        (None, None, None) => Err(action.error("the action does not say what is done").help(HELP)),
        _ => Err(action.error("an action does one thing").help(HELP)),
    }
}

fn scale(objects: &Timed, action: &At<events::Action>, target: &At<String>) -> Result<Action, Diagnostic> {
    let form = || target.error("not what can be scaled").help("write `Deployment/name` or `ReplicaSet/name`");
    let (kind, name) = target.split_once('/').ok_or_else(form)?;
    let kind = SCALABLE.into_iter().find(|known| known.eq_ignore_ascii_case(kind)).ok_or_else(form)?;
    let replicas = action.replicas.as_ref().ok_or_else(|| target.error("`scale` needs `replicas`"))?;
    let namespace = action.namespace.as_deref().unwrap_or("default");
    let exists = |object: &Object| {
        let meta = object.meta();
        object.kind() == kind && meta.namespace == namespace && meta.name == name
    };
    if !objects.iter().any(|(_, sourced)| exists(&sourced.object)) {
        let scalable = objects.iter().map(|(_, sourced)| &sourced.object);
        let scalable = scalable.filter(|object| SCALABLE.contains(&object.kind()));
        let known: Vec<String> =
            scalable.map(|object| format!("{}/{}", object.kind(), object.meta().name)).collect();
        return Err(unknown(target, "workload object", known.iter().map(String::as_str)));
    }
    Ok(Action::Scale {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        replicas: replicas.0 as i32,
    })
}
