//! Cases of mode `queue`: a history of the scheduling queue.
//!
//! Recorded pods can be under way while events arrive, which cannot happen to the queue of this program,
//! whose attempts are atomic. So a pod that comes back is shown the events that it has missed.

use super::answer::{Fields, fields, put};
use super::input::{Case, Objects};
use crate::api::{Node, Pod};
use crate::base::ids::{ClassId, NodeId, PodId, PoolId};
use crate::base::{Diagnostic, Span, Time};
use crate::cluster::pods::NewRow;
use crate::cluster::{Cluster, PodName, PodRef};
use crate::control::Config;
use crate::control::config::{Scheduler, Version};
use crate::control::scheduler::Place;
use crate::control::scheduler::events::{Action, Change, NodeFacts, pod_changes};
use crate::control::scheduler::profile::{PluginSet, Profile};
use crate::control::scheduler::queue::Queue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The latest time of a history, in seconds.
const MAX_SECONDS: f64 = 1e9;
/// A label that makes a class of its own of each pod, so that each can be woken alone.
const OWN_LABEL: &str = "seatrial/own-name";

/// The answer to a case.
pub(super) fn answer(case: &Case, version: Version) -> Result<Value, Diagnostic> {
    let mut history = History::new(case, version)?;
    let mut answers = Vec::new();
    for (number, op) in case.list(&case.input, "ops")?.iter().enumerate() {
        answers.push(Value::Object(history.step(number, op)?));
    }
    Ok(json!({ "ops": answers }))
}

/// A change that happened while pods were under way, kept for them.
#[derive(Clone)]
enum Kept {
    Node {
        node: NodeId,
        action: Action,
        before: Option<NodeFacts>,
        after: NodeFacts,
    },
    Pod {
        class: ClassId,
        before: Option<ClassId>,
        action: Action,
    },
    /// Pods had waited for too long, which helps everybody.
    Sweep,
}

impl Kept {
    fn may_help(
        &self,
        profile: &mut Profile,
        cluster: &mut Cluster,
        class: ClassId,
        rejectors: PluginSet,
    ) -> bool {
        let change = match self {
            Kept::Sweep => return true,
            Kept::Node { node, action, before, after } => {
                Change::Node { node: *node, action: *action, before: before.as_ref(), after }
            }
            Kept::Pod { class, before, action } => {
                Change::Pod { class: *class, before: *before, action: *action }
            }
        };
        profile.may_help(cluster, class, rejectors, &change)
    }
}

/// A pod that the queue has seen.
struct Known {
    pod: PodRef,
    class: ClassId,
    /// While it is under way: what has happened since.
    missed: Option<Vec<Kept>>,
}

/// The queue with what a history needs around it.
struct History<'c> {
    case: &'c Case,
    objects: Objects<'c>,
    queue: Queue,
    profile: Profile,
    cluster: Cluster,
    pods: BTreeMap<String, Known>,
}

impl<'c> History<'c> {
    fn new(case: &'c Case, version: Version) -> Result<History<'c>, Diagnostic> {
        let scheduler = Scheduler::default_for(version);
        let seconds = |key: &str, default: Span| match case.input.get(key) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_u64().map(Span::from_secs).ok_or_else(|| {
                case.error(format!("`{key}` must be a whole number")).found(value.to_string())
            }),
        };
        let initial = seconds("podInitialBackoffSeconds", scheduler.initial_backoff)?;
        let longest = seconds("podMaxBackoffSeconds", scheduler.max_backoff)?;
        let config = Config { version, scheduler, ..Config::default() };
        Ok(History {
            case,
            objects: Objects::new(case),
            queue: Queue::new(initial, longest),
            profile: Profile::new(&config.scheduler.profiles[0], version),
            cluster: Cluster::default(),
            pods: BTreeMap::new(),
        })
    }

    fn wrong(&self, number: usize, message: &str) -> Diagnostic {
        self.case.error(format!("ops[{number}]: {message}"))
    }

    /// Does one operation and says what the queue holds then.
    fn step(&mut self, number: usize, op: &Value) -> Result<Fields, Diagnostic> {
        let seconds =
            op.get("time").and_then(Value::as_f64).filter(|time| (0.0..=MAX_SECONDS).contains(time));
        let seconds = seconds.ok_or_else(|| self.wrong(number, "`time` must be a number of seconds"))?;
        let now = Time::from_secs_f64(seconds);
        let mut said = Fields::new();
        match self.case.text(op, "op")? {
            "add" => self.add(now, number, op)?,
            "pop" => said = self.pop(),
            "fail" => self.fail(now, number, op)?,
            "scheduled" => {
                let name = self.case.text(op, "name")?;
                let pod = self.known(number, name)?.pod;
                self.pods.remove(name);
                self.queue.remove(pod);
            }
            "event" => {
                for kept in self.event(number, op)? {
                    self.show(now, &kept, None);
                    self.keep(&kept);
                }
            }
            "flushBackoff" => self.queue.flush(now),
            "flushUnschedulable" => {
                if self.queue.is_sweep_due(now) {
                    self.queue.sweep(now, &mut |_: ClassId, _: PluginSet| true);
                    self.keep(&Kept::Sweep);
                }
            }
            other => return Err(self.wrong(number, "`op` has an unknown value").found(other)),
        }
        self.tell(&mut said);
        Ok(said)
    }

    fn known(&mut self, number: usize, name: &str) -> Result<&mut Known, Diagnostic> {
        let missing = self.wrong(number, "there is no pod of this name").found(name);
        self.pods.get_mut(name).ok_or(missing)
    }

    fn name_of(&self, pod: PodRef) -> &str {
        let found = self.pods.iter().find(|(_, known)| known.pod == pod);
        found.map_or("", |(name, _)| name)
    }

    fn pod(&mut self, number: usize, op: &Value, key: &str) -> Result<Pod, Diagnostic> {
        let value = self.case.require(op, key)?;
        self.objects.pod(value, &format!("ops[{number}].{key}"))
    }

    fn add(&mut self, now: Time, number: usize, op: &Value) -> Result<(), Diagnostic> {
        let mut pod = self.pod(number, op, "pod")?;
        let name = pod.meta.name.clone();
        if self.pods.contains_key(&name) {
            return Err(self.wrong(number, "there is a pod of this name already").found(name));
        }
        let mut template = (*pod.template).clone();
        template.labels.insert(OWN_LABEL.into(), name.clone());
        pod.template = Arc::new(template);
        let class = self.cluster.class_for_pod(&pod);
        let row = self.cluster.pods.present.len() as u32;
        let reference = PodRef { id: PodId(row), generation: 0 };
        let own = PodName::Own(name.as_str().into());
        let new = NewRow {
            serial: row.into(),
            name: own,
            class,
            owner: None,
            created: now,
            index: None,
            tracked: false,
        };
        self.cluster.pods.insert(reference, new);
        let gate = self.profile.gate(&mut self.cluster, class);
        let priority = self.cluster.classes[class].priority;
        self.pods.insert(name, Known { pod: reference, class, missed: None });
        self.queue.add(now, reference, class, priority, gate);
        Ok(())
    }

    fn pop(&mut self) -> Fields {
        let Some((pod, attempts)) = self.queue.pop().map(|waiting| (waiting.pod, waiting.attempts)) else {
            return fields([("popped", "".into())]);
        };
        let name = self.name_of(pod).to_owned();
        if let Some(known) = self.pods.get_mut(&name) {
            known.missed = Some(Vec::new());
        }
        fields([("popped", name.into()), ("attempts", attempts.into())])
    }

    fn fail(&mut self, now: Time, number: usize, op: &Value) -> Result<(), Diagnostic> {
        let mut rejectors = PluginSet::default();
        for plugin in self.case.list(op, "plugins")? {
            let name = plugin.as_str().unwrap_or_default();
            let place = self.profile.plugins.iter().position(|known| known.name() == name);
            let missing = || self.wrong(number, "there is no plugin of this name").found(plugin.to_string());
            rejectors.insert(place.ok_or_else(missing)?);
        }
        let known = self.known(number, self.case.text(op, "name")?)?;
        let (pod, class, missed) = (known.pod, known.class, known.missed.take());
        let missed = missed.ok_or_else(|| self.wrong(number, "this pod has not been popped"))?;
        self.queue.fail(now, pod.id, rejectors, Arc::default());
        for kept in missed {
            self.show(now, &kept, Some(class));
        }
        Ok(())
    }

    /// What an event may change for pods that wait.
    fn event(&mut self, number: usize, op: &Value) -> Result<Vec<Kept>, Diagnostic> {
        Ok(match self.case.text(op, "event")? {
            "nodeAdd" => {
                let (node, after) = self.add_node(number, op, "node")?;
                vec![Kept::Node { node, action: Action::Add, before: None, after }]
            }
            "nodeUpdate" => {
                let (_, before) = self.add_node(number, op, "oldNode")?;
                let (node, after) = self.add_node(number, op, "node")?;
                let actions = after.changes_since(&self.cluster, &before);
                let keep =
                    |action| Kept::Node { node, action, before: Some(before.clone()), after: after.clone() };
                actions.into_iter().map(keep).collect()
            }
            "podDelete" => {
                let class = self.assigned(number, op, "oldPod")?;
                vec![Kept::Pod { class, before: None, action: Action::Delete }]
            }
            "podAdd" => {
                let class = self.assigned(number, op, "pod")?;
                vec![Kept::Pod { class, before: None, action: Action::Add }]
            }
            "podUpdate" => {
                let before = self.assigned(number, op, "oldPod")?;
                let class = self.assigned(number, op, "pod")?;
                let keep = |action| Kept::Pod { class, before: Some(before), action };
                pod_changes(&self.cluster, before, class).into_iter().map(keep).collect()
            }
            other => return Err(self.wrong(number, "`event` has an unknown value").found(other)),
        })
    }

    /// The class of an assigned pod.
    fn assigned(&mut self, number: usize, op: &Value, key: &str) -> Result<ClassId, Diagnostic> {
        let pod = self.pod(number, op, key)?;
        Ok(self.cluster.class_for_pod(&pod))
    }

    /// Adds a node, in the place of the one of its name: what hints see of a node is kept apart.
    fn add_node(&mut self, number: usize, op: &Value, key: &str) -> Result<(NodeId, NodeFacts), Diagnostic> {
        let value = self.case.require(op, key)?;
        let node: Node = self.objects.node(value, &format!("ops[{number}].{key}"))?;
        let name = self.cluster.names.intern(&node.meta.name);
        if let Some(known) = self.cluster.nodes.find(name) {
            self.cluster.remove_node(known);
        }
        let id = self.cluster.add_node(&node, PoolId(0), Time::ZERO);
        Ok((id, NodeFacts::of(&self.cluster, id)))
    }

    /// Shows a change to the pods that wait, or to those of one class.
    fn show(&mut self, now: Time, kept: &Kept, only: Option<ClassId>) {
        let (profile, cluster) = (&mut self.profile, &mut self.cluster);
        self.queue.wake(now, |class, rejectors| {
            only.is_none_or(|only| only == class) && kept.may_help(profile, cluster, class, rejectors)
        });
    }

    /// Keeps a change for the pods that are under way.
    fn keep(&mut self, kept: &Kept) {
        for missed in self.pods.values_mut().filter_map(|known| known.missed.as_mut()) {
            missed.push(kept.clone());
        }
    }

    /// What the queue holds. Empty lists but the active one are left out.
    fn tell(&self, said: &mut Fields) {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::from([("active", Vec::new())]);
        let mut ends: BTreeMap<&str, Fields> = BTreeMap::new();
        for waiting in self.queue.iter() {
            let name = self.name_of(waiting.pod);
            let queue = match waiting.place {
                Place::Active => "active",
                Place::Unschedulable | Place::Gated => "unschedulable",
                Place::Backoff => "backoff",
                Place::ErrorBackoff => "errorBackoff",
                Place::InFlight => continue,
            };
            if matches!(waiting.place, Place::Backoff | Place::ErrorBackoff) {
                let end = self.queue.release_of(waiting.pod).unwrap_or(Time::ZERO);
                put(ends.entry(queue).or_default(), name, end.as_secs_f64());
            } else {
                names.entry(queue).or_default().push(name);
            }
        }
        for (queue, mut names) in names {
            names.sort_unstable();
            put(said, queue, names);
        }
        for (queue, ends) in ends {
            put(said, queue, ends);
        }
    }
}
