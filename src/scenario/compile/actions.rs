//! What a person does during the run, with what it is done to.

mod documents;

use self::documents::Documents;
use super::nodes::{Nodes, unknown};
use super::objects::Timed;
use super::priorities::Priorities;
use super::{Build, files, loads, objects, run};
use crate::api::{Node, Object, Taint, TaintEffect};
use crate::base::{Diagnostic, Span, Time};
use crate::scenario::At;
use crate::scenario::schema::events;
use crate::sim::{Action, FaultKind, Load};
use serde_json::{Value, json};

/// Kinds that can be scaled.
const SCALABLE: [&str; 4] = ["Deployment", "ReplicaSet", "StatefulSet", "Job"];
/// Kinds that can be deleted, patched and so on.
const KINDS: [&str; 11] = [
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Service",
    "Pod",
];

/// All actions by time, then in order; errors are noted.
pub(super) fn resolve(
    build: &mut Build<'_>,
    nodes: &Nodes,
    objects: &Timed,
    loads: &[Load],
    priorities: Priorities,
) -> Vec<(Time, Action)> {
    let (documents, loads) = (Documents::default(), loads.to_vec());
    let mut resolver = Resolver { nodes, objects, documents, loads, priorities, added: added_nodes(build) };
    let mut written: Vec<&At<events::Action>> = build.scenario.actions.iter().collect();
    // Patches follow each other in time.
    written.sort_by_key(|action| action.at.0);
    let mut actions = Vec::new();
    for action in written {
        let at = At { value: action.at, location: action.location.clone(), found: String::new() };
        run::check_reached(build, &at, "the action");
        let result = resolver.action(build, action);
        for resolved in build.take(result).unwrap_or_default() {
            actions.push((Time(action.at.0.0), resolved));
        }
    }
    actions
}

/// The names of machines that join during the run.
fn added_nodes(build: &Build<'_>) -> Vec<String> {
    let added = build.scenario.actions.iter().filter_map(|action| action.add_node.as_ref());
    added.map(|name| name.value.clone()).collect()
}

type Resolved = Result<Vec<Action>, Diagnostic>;

struct Resolver<'a> {
    nodes: &'a Nodes,
    objects: &'a Timed,
    documents: Documents,
    /// The loads as the actions so far have left them.
    loads: Vec<Load>,
    priorities: Priorities,
    added: Vec<String>,
}

impl Resolver<'_> {
    fn action(&mut self, build: &mut Build<'_>, action: &At<events::Action>) -> Resolved {
        check_keys(action)?;
        let namespace = || action.namespace.clone().unwrap_or_else(|| "default".into());
        let one = |action| Ok(vec![action]);
        if let Some(file) = &action.apply {
            return self.apply(build, file);
        }
        if let Some(target) = &action.scale {
            let (kind, name) = self.object(action, target, &SCALABLE)?;
            let replicas =
                action.replicas.as_ref().ok_or_else(|| target.error("`scale` needs `replicas`"))?;
            return one(Action::Scale { kind, namespace: namespace(), name, replicas: replicas.0 as i32 });
        }
        if let Some(target) = &action.patch {
            let with = action.with.as_ref().ok_or_else(|| target.error("`patch` needs `with`"))?;
            return self.patch(build, action, target, &with.value);
        }
        if let Some(target) = &action.set_image {
            return self.set_image(build, action, target);
        }
        if let Some(target) = &action.set_load {
            return self.set_load(action, target);
        }
        if let Some(target) = &action.rollout_undo {
            let (_, name) = self.object(action, target, &["Deployment"])?;
            let revision = action.revision.as_ref().map(|revision| revision.0 as u64);
            return one(Action::RolloutUndo { namespace: namespace(), name, revision });
        }
        for (target, paused) in [(&action.rollout_pause, true), (&action.rollout_resume, false)] {
            if let Some(target) = target {
                self.object(action, target, &["Deployment"])?;
                return self.patch(build, action, target, &json!({"spec": {"paused": paused}}));
            }
        }
        if let Some(target) = &action.delete {
            let (kind, name) = self.object(action, target, &KINDS)?;
            let grace = action.grace.as_ref().map(|grace| Span(grace.0.0));
            return one(Action::Delete { kind, namespace: namespace(), name, grace });
        }
        if let Some(pod) = &action.evict {
            return one(Action::Evict { namespace: namespace(), name: pod.value.clone() });
        }
        self.node_action(action)
    }

    fn set_load(&mut self, action: &events::Action, target: &At<String>) -> Resolved {
        let total = action.total.as_ref().ok_or_else(|| target.error("`setLoad` needs `total`"))?;
        let namespace = action.namespace.as_deref().unwrap_or("default");
        let mut load = loads::named(&self.loads, self.objects, target, namespace)?;
        load.total_milli.set_from(Time(action.at.0.0), loads::milli(total)?);
        match self.loads.iter_mut().find(|known| load.replaces(known)) {
            Some(known) => known.clone_from(&load),
            None => self.loads.push(load.clone()),
        }
        Ok(vec![Action::SetLoad(Box::new(load))])
    }

    fn node_action(&self, action: &events::Action) -> Resolved {
        type Simple<'a> = (&'a Option<At<String>>, fn(String) -> Action);
        let simple: [Simple<'_>; 5] = [
            (&action.cordon, Action::Cordon),
            (&action.uncordon, Action::Uncordon),
            (&action.drain, Action::Drain),
            (&action.recover_node, Action::RecoverNode),
            (&action.remove_node, Action::RemoveNode),
        ];
        for (node, make) in simple {
            if let Some(node) = node {
                self.known(node)?;
                return Ok(vec![make(node.value.clone())]);
            }
        }
        if let Some(node) = &action.fail_node {
            self.known(node)?;
            let kind = match action.kind.as_ref().map_or(events::FaultKind::Crash, |kind| kind.value) {
                events::FaultKind::Crash => FaultKind::Crash,
                events::FaultKind::Partition => FaultKind::Partition,
            };
            return Ok(vec![Action::FailNode { node: node.value.clone(), kind }]);
        }
        if let Some(node) = &action.taint {
            self.known(node)?;
            let read = |list: &[At<String>]| list.iter().map(taint).collect::<Result<Vec<_>, _>>();
            let (add, remove) = (read(&action.add)?, read(&action.remove)?);
            if add.is_empty() && remove.is_empty() {
                return Err(node.error("`taint` needs `add` or `remove`"));
            }
            return Ok(vec![Action::Taint { node: node.value.clone(), add, remove }]);
        }
        match &action.add_node {
            Some(name) => self.add_node(action, name),
            None => Ok(Vec::new()),
        }
    }

    /// Whether the node exists at the start or joins during the run.
    fn known(&self, node: &At<String>) -> Result<(), Diagnostic> {
        if self.added.contains(&node.value) {
            return Ok(());
        }
        self.nodes.find(node).map(|_| ())
    }

    fn add_node(&self, action: &events::Action, name: &At<String>) -> Resolved {
        let like = action.like.as_ref().ok_or_else(|| {
            name.error("`addNode` needs `like`").help("name a node of the cluster that the new one is like")
        })?;
        if self.nodes.row(&name.value).is_some() {
            return Err(name.error("a node of this name exists already"));
        }
        let model = &self.nodes.list[self.nodes.find(like)?].node;
        let mut node = Node::clone(model);
        node.meta.name.clone_from(&name.value);
        node.meta.labels.insert("kubernetes.io/hostname".into(), name.value.clone());
        Ok(vec![Action::AddNode(Box::new(node))])
    }

    /// Kind and name of `Kind/name`, which some manifest must make.
    fn object(
        &self,
        action: &events::Action,
        target: &At<String>,
        kinds: &[&'static str],
    ) -> Result<(&'static str, String), Diagnostic> {
        let form = || {
            let choices: Vec<String> = kinds.iter().map(|kind| format!("`{kind}/name`")).collect();
            target
                .error("not an object of a kind that this can be done to")
                .help(format!("write {}", choices.join(", ")))
        };
        let (kind, name) = target.split_once('/').ok_or_else(form)?;
        let kind = kinds.iter().copied().find(|known| known.eq_ignore_ascii_case(kind)).ok_or_else(form)?;
        let namespace = action.namespace.as_deref().unwrap_or("default");
        let exists = |object: &Object| {
            let meta = object.meta();
            object.kind() == kind && meta.namespace == namespace && meta.name == name
        };
        // Pods of workloads and what is applied later are not among the manifests.
        let known = self.objects.iter().any(|(_, sourced)| exists(&sourced.object))
            || self.documents.knows(kind, namespace, name)
            || matches!(kind, "Pod" | "ReplicaSet");
        if !known {
            let fitting = self.objects.iter().map(|(_, sourced)| &sourced.object);
            let fitting = fitting.filter(|object| kinds.contains(&object.kind()));
            let known: Vec<String> =
                fitting.map(|object| format!("{}/{}", object.kind(), object.meta().name)).collect();
            return Err(unknown(target, "object", known.iter().map(String::as_str)));
        }
        Ok((kind, name.to_owned()))
    }

    fn apply(&mut self, build: &mut Build<'_>, file: &At<String>) -> Resolved {
        let path = build.files.path(&file.value);
        let mut actions = Vec::new();
        for path in files::expand(&path)? {
            let manifest = objects::read_file(build, &path)?;
            self.documents.learn(build, &path)?;
            for mut sourced in manifest.objects {
                self.priorities.fill(build, &mut sourced);
                let object = Box::new(sourced.object);
                actions.push(match *object {
                    Object::Node(node) => Action::AddNode(node),
                    _ => Action::Replace { object, keep_replicas: false },
                });
            }
        }
        Ok(actions)
    }

    fn patch(
        &mut self,
        build: &mut Build<'_>,
        action: &events::Action,
        target: &At<String>,
        with: &Value,
    ) -> Resolved {
        let (kind, name) = self.object(action, target, &KINDS)?;
        let namespace = action.namespace.as_deref().unwrap_or("default");
        self.documents.find(build, self.objects, (kind, namespace, &name), target)?;
        let mut sourced = self.documents.patch((kind, namespace, &name), target, with)?;
        self.priorities.fill(build, &mut sourced);
        let field = if kind == "Job" { "parallelism" } else { "replicas" };
        let keep_replicas = with["spec"].get(field).is_none();
        Ok(vec![Action::Replace { object: Box::new(sourced.object), keep_replicas }])
    }

    fn set_image(&mut self, build: &mut Build<'_>, action: &events::Action, target: &At<String>) -> Resolved {
        let image = action.image.as_ref().ok_or_else(|| target.error("`setImage` needs `image`"))?;
        let (kind, name) = self.object(action, target, &KINDS)?;
        let namespace = action.namespace.as_deref().unwrap_or("default");
        self.documents.find(build, self.objects, (kind, namespace, &name), target)?;
        let containers = self.documents.containers((kind, namespace, &name));
        let chosen: Vec<&String> = match &action.container {
            None => containers.iter().collect(),
            Some(wanted) => {
                let found: Vec<&String> = containers.iter().filter(|name| **name == wanted.value).collect();
                if found.is_empty() {
                    return Err(unknown(wanted, "container", containers.iter().map(String::as_str)));
                }
                found
            }
        };
        let changed: Vec<Value> =
            chosen.into_iter().map(|name| json!({"name": name, "image": image.value})).collect();
        let template = json!({"spec": {"containers": changed}});
        let with = match kind {
            "Pod" => template,
            "CronJob" => json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
            _ => json!({"spec": {"template": template}}),
        };
        self.patch(build, action, target, &with)
    }
}

/// An action does one thing, and has only the keys that belong to it.
fn check_keys(action: &At<events::Action>) -> Result<(), Diagnostic> {
    const HELP: &str = "write one of `apply`, `scale`, `patch`, `setImage`, `setLoad`, `rolloutUndo`, `rolloutPause`, \
                        `rolloutResume`, `delete`, `evict`, `cordon`, `uncordon`, `drain`, `taint`, \
                        `failNode`, `recoverNode`, `addNode`, `removeNode`";
    let given = [
        &action.apply,
        &action.scale,
        &action.patch,
        &action.set_image,
        &action.set_load,
        &action.rollout_undo,
        &action.rollout_pause,
        &action.rollout_resume,
        &action.delete,
        &action.evict,
        &action.cordon,
        &action.uncordon,
        &action.drain,
        &action.taint,
        &action.fail_node,
        &action.recover_node,
        &action.add_node,
        &action.remove_node,
    ];
    match given.iter().filter(|key| key.is_some()).count() {
        0 => return Err(action.error("the action does not say what is done").help(HELP)),
        1 => {}
        _ => return Err(action.error("an action does one thing").help(HELP)),
    }
    let pairs = [
        (action.replicas.is_some(), "replicas", action.scale.is_some(), "scale"),
        (action.with.is_some(), "with", action.patch.is_some(), "patch"),
        (action.image.is_some(), "image", action.set_image.is_some(), "setImage"),
        (action.container.is_some(), "container", action.set_image.is_some(), "setImage"),
        (action.total.is_some(), "total", action.set_load.is_some(), "setLoad"),
        (action.revision.is_some(), "revision", action.rollout_undo.is_some(), "rolloutUndo"),
        (action.grace.is_some(), "grace", action.delete.is_some(), "delete"),
        (action.kind.is_some(), "kind", action.fail_node.is_some(), "failNode"),
        (action.like.is_some(), "like", action.add_node.is_some(), "addNode"),
        (!action.add.is_empty(), "add", action.taint.is_some(), "taint"),
        (!action.remove.is_empty(), "remove", action.taint.is_some(), "taint"),
    ];
    match pairs.into_iter().find(|(given, _, fits, _)| *given && !fits) {
        Some((_, key, _, main)) => Err(action.error(format!("`{key}` needs `{main}`"))),
        None => Ok(()),
    }
}

/// A taint written as `key=value:Effect` or `key:Effect`.
fn taint(text: &At<String>) -> Result<Taint, Diagnostic> {
    let form = || text.error("not a taint").help("write `key=value:NoSchedule` or `key:NoExecute`");
    let (mark, effect) = text.rsplit_once(':').ok_or_else(form)?;
    let effect = TaintEffect::parse(effect).ok_or_else(form)?;
    let (key, value) = mark.split_once('=').unwrap_or((mark, ""));
    if key.is_empty() {
        return Err(form());
    }
    Ok(Taint { key: key.to_owned(), value: value.to_owned(), effect })
}
