//! The scheduler: filters, groups of equal tasks, assignment (reference control-plane §6.3). The filters
//! for plugins and cluster volumes have nothing to look at here.

use super::{Act, Manager, SCHEDULER};
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::base::{Span, Time};
use crate::cluster::{Cluster, HOSTNAME_KEY};
use crate::control::swarm::constraint::{Constraint, ENGINE_LABEL, NODE_LABEL, NodeFacts};
use crate::control::swarm::ranking::{Candidate, place};
use crate::control::swarm::service::ServiceSettings;
use crate::control::swarm::state::State;
use crate::control::swarm::store::{Group, Task, TaskId};
use crate::control::{Command, Diagnosis, Note, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a failure counts.
const FAILURE_WINDOW: Span = Span::from_secs(300);
/// The label with the address of a node, for constraints.
const IP_KEY: &str = "seatrial.dev/ip";
/// The label of nodes that are managers.
const MANAGER_KEY: &str = "node-role.kubernetes.io/control-plane";

/// Why a node cannot have a task, in swarmkit's words.
const NOT_AVAILABLE: &str = "node(s) not available for new tasks";
const INSUFFICIENT: &str = "node(s) with insufficient resources";
const CONSTRAINTS: &str = "node(s) that do not satisfy the scheduling constraints";
const PORTS: &str = "node(s) with the host-mode port in use";
const MAX_REPLICAS: &str = "node(s) with the most replicas allowed";

/// How the tasks of a group are placed.
struct Rules<'a> {
    group: Group,
    class: ClassId,
    constraints: &'a [Constraint],
    preferences: &'a [String],
    max_replicas: u32,
}

impl Manager {
    /// One look at the tasks that wait: first those whose node is given, then groups of equal ones.
    pub(super) fn tick(&mut self, act: &mut Act<'_>) {
        let (given, free): (Vec<TaskId>, Vec<TaskId>) =
            self.pending.iter().partition(|id| self.store.task(**id).is_some_and(|task| task.is_preassigned));
        for id in given {
            self.check_preassigned(id, act);
        }
        let mut groups: Vec<Vec<TaskId>> = Vec::new();
        let mut places: BTreeMap<(Group, u64, ClassId), usize> = BTreeMap::new();
        for id in free {
            let Some(task) = self.store.task(id) else { continue };
            let key = (task.group, task.version, task.spec.class);
            let place = if task.group == Group::Alone { None } else { places.get(&key) };
            if let Some(place) = place {
                groups[*place].push(id);
            } else {
                places.insert(key, groups.len());
                groups.push(vec![id]);
            }
        }
        // Room only shrinks during a look: where a task of its own fits nowhere, no equal one does.
        let mut hopeless: BTreeMap<ClassId, Arc<Diagnosis>> = BTreeMap::new();
        for group in groups {
            let alone = self.store.task(group[0]).filter(|task| task.group == Group::Alone);
            let class = alone.map(|task| task.spec.class);
            if let Some(diagnosis) = class.and_then(|class| hopeless.get(&class).cloned()) {
                self.explain(&group, &diagnosis, act);
                continue;
            }
            if let (Some(diagnosis), Some(class)) = (self.schedule_group(&group, act), class) {
                hopeless.insert(class, diagnosis);
            }
        }
    }

    /// A task of a global service only asks whether its node can have it.
    fn check_preassigned(&mut self, id: TaskId, act: &mut Act<'_>) {
        let Some(task) = self.store.task(id).cloned() else { return };
        let Some(node) = task.node else { return };
        let rules = self.rules(&task);
        match self.room(node, &rules, &[], act.cluster) {
            Ok(_) => self.assign(id, node, (1, 1), act),
            Err(reason) => {
                let reasons = vec![(reason.to_owned(), 1)];
                let diagnosis = Diagnosis { nodes: 1, reasons, ..Diagnosis::default() };
                self.explain(&[id], &Arc::new(diagnosis), act);
            }
        }
    }

    /// Places equal tasks; what fits nowhere goes on waiting, for the reason that is returned.
    fn schedule_group(&mut self, group: &[TaskId], act: &mut Act<'_>) -> Option<Arc<Diagnosis>> {
        let task = self.store.task(group[0])?.clone();
        let (candidates, mut diagnosis) = self.candidates(&task, act);
        let feasible = candidates.iter().filter(|candidate| candidate.room > 0).count() as u32;
        let best = candidates.iter().filter(|candidate| candidate.room > 0).min_by(|a, b| a.compare(b));
        let is_tied =
            |other: &&Candidate| other.room > 0 && best.is_some_and(|best| best.compare(other).is_eq());
        let tied = candidates.iter().filter(is_tied).count() as u32;
        let rows = place(group.len() as u32, &candidates);
        for (id, row) in group.iter().zip(&rows) {
            self.assign(*id, candidates[*row].node, (feasible, tied), act);
        }
        let left = &group[rows.len()..];
        if left.is_empty() {
            return None;
        }
        if diagnosis.reasons.is_empty() {
            diagnosis.reasons.push((INSUFFICIENT.to_owned(), diagnosis.nodes));
        }
        let diagnosis = Arc::new(diagnosis);
        self.explain(left, &diagnosis, act);
        Some(diagnosis)
    }

    /// Every node as the scheduler sees it for a task, and why some cannot have it.
    fn candidates(&self, task: &Task, act: &mut Act<'_>) -> (Vec<Candidate>, Diagnosis) {
        let rules = self.rules(task);
        let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut candidates = Vec::new();
        for (row, node) in self.store.nodes.iter().enumerate().filter(|(_, node)| node.is_present) {
            let id = NodeId(row as u32);
            let room = match self.room(id, &rules, rules.constraints, act.cluster) {
                Ok(room) => room,
                Err(reason) => {
                    *reasons.entry(reason).or_default() += 1;
                    0
                }
            };
            let (of_service, total) = node.active(rules.group);
            let failures = self.recent_failures(rules.group, task.version, id, act.now);
            let branch = rules.preferences.iter().map(|key| spread_value(act.cluster, id, key)).collect();
            candidates.push(Candidate { node: id, failures, of_service, total, room, branch });
        }
        let reasons = reasons.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
        let diagnosis = Diagnosis { nodes: candidates.len(), reasons, ..Diagnosis::default() };
        (candidates, diagnosis)
    }

    fn rules<'a>(&'a self, task: &'a Task) -> Rules<'a> {
        let (preferences, max_replicas) = match (task.service, self.lone.get(&task.spec.class)) {
            (Some(service), _) => {
                let ServiceSettings { preferences, max_replicas, .. } = &self.store.service(service).settings;
                (preferences.as_slice(), *max_replicas)
            }
            (None, Some(lone)) => (lone.preferences.as_slice(), lone.max_replicas),
            (None, None) => (&[][..], 0),
        };
        let constraints = &task.spec.constraints;
        Rules { group: task.group, class: task.spec.class, constraints, preferences, max_replicas }
    }

    /// How many more tasks a node can have, or the filter that keeps the next one out.
    fn room(
        &self,
        node: NodeId,
        rules: &Rules<'_>,
        constraints: &[Constraint],
        cluster: &Cluster,
    ) -> Result<u32, &'static str> {
        let row = &self.store.nodes[node.index()];
        if !row.is_available() {
            return Err(NOT_AVAILABLE);
        }
        let class = &cluster.classes[rules.class];
        let fits = |&(resource, wanted): &(ResourceId, i64)| {
            let column = resource.index();
            let (has, used) = (&cluster.nodes.allocatable[column], &cluster.nodes.requested[column]);
            (has[node.index()] - used[node.index()]).max(0) / wanted.max(1)
        };
        let most = class.requests.iter().map(fits).min().unwrap_or(i64::from(u32::MAX));
        if most == 0 {
            return Err(INSUFFICIENT);
        }
        if !meets(cluster, node, constraints) {
            return Err(CONSTRAINTS);
        }
        let taken = &cluster.nodes.ports[node.index()];
        if class.ports.iter().any(|port| taken.contains(port)) {
            return Err(PORTS);
        }
        let by_ports = if class.ports.is_empty() { i64::from(u32::MAX) } else { 1 };
        let left = match rules.max_replicas {
            0 => i64::from(u32::MAX),
            // A preassigned task counts for its node already.
            most => i64::from(most) - i64::from(row.active(rules.group).0),
        };
        if left <= 0 {
            return Err(MAX_REPLICAS);
        }
        Ok(most.min(by_ports).min(left).min(i64::from(u32::MAX)) as u32)
    }

    /// Gives a task a node; its pod is bound as soon as the task may start.
    fn assign(&mut self, id: TaskId, node: NodeId, (feasible, tied): (u32, u32), act: &mut Act<'_>) {
        self.pending.remove(&id);
        self.store.change(id, |task| {
            (task.node, task.observed) = (Some(node), task.observed.reported(State::Assigned));
            task.attempts += 1;
            task.stamp = act.now;
        });
        let Some(task) = self.store.task(id) else { return };
        let Some(pod) = task.pod else { return };
        let attempts = task.attempts;
        let note = Note::Assigned { pod, node, feasible, score: 0, tied, attempts };
        act.out.push(Command::Note(note));
        if act.cluster.pods.get(pod).is_some() && act.cluster.pods.counted_on[pod.id.index()].is_none() {
            act.cluster.place(pod.id, node);
        }
        self.bind(id, act);
    }

    /// Binds the pod of a task that has a node and may start.
    pub(super) fn bind(&mut self, id: TaskId, act: &mut Act<'_>) {
        let Some(task) = self.store.task(id) else { return };
        let (Some(pod), Some(node)) = (task.pod, task.node) else { return };
        let may_start = matches!(task.desired, State::Running | State::Complete);
        if !may_start || task.is_bound || task.observed < State::Assigned {
            return;
        }
        self.store.change(id, |task| task.is_bound = true);
        act.write(SCHEDULER, Write::Bind { pod, node });
    }

    /// No suitable node.
    fn explain(&mut self, tasks: &[TaskId], diagnosis: &Arc<Diagnosis>, act: &mut Act<'_>) {
        for id in tasks {
            self.store.change(*id, |task| task.attempts += 1);
            let Some(task) = self.store.task(*id) else { continue };
            if let Some(pod) = task.pod {
                let (diagnosis, attempts) = (Arc::clone(diagnosis), task.attempts);
                act.out.push(Command::Note(Note::Unschedulable { pod, diagnosis, attempts }));
            }
        }
    }

    /// A task has failed on a node.
    pub(super) fn note_failure(&mut self, task: &Task, now: Time) {
        if let Some(node) = task.node.filter(|_| !task.is_preassigned && task.group != Group::Alone) {
            let failures = self.failures.entry((task.group, task.version, node)).or_default();
            failures.retain(|at| now.since(*at) < FAILURE_WINDOW);
            failures.push(now);
        }
    }

    fn recent_failures(&self, group: Group, version: u64, node: NodeId, now: Time) -> u32 {
        let failures = self.failures.get(&(group, version, node)).into_iter().flatten();
        failures.filter(|at| now.since(**at) < FAILURE_WINDOW).count() as u32
    }

    /// The nodes that may have a task of a global service: they meet the constraints and are not drained or
    /// down; paused ones get no new task.
    pub(super) fn global_nodes(&self, constraints: &[Constraint], cluster: &Cluster) -> BTreeSet<NodeId> {
        let rows = self.store.nodes.iter().enumerate().filter(|(_, node)| node.is_available());
        let ids = rows.map(|(row, _)| NodeId(row as u32));
        ids.filter(|node| meets(cluster, *node, constraints)).collect()
    }
}

/// Whether a node meets every constraint.
pub(super) fn meets(cluster: &Cluster, node: NodeId, constraints: &[Constraint]) -> bool {
    if constraints.is_empty() {
        return true;
    }
    let label = |key: &str| label(cluster, node, key);
    let facts = NodeFacts {
        id: cluster.names.text(cluster.nodes.name[node.index()]),
        hostname: label(HOSTNAME_KEY),
        ip: label(IP_KEY),
        is_manager: has_label(cluster, node, MANAGER_KEY),
        os: label("kubernetes.io/os"),
        arch: label("kubernetes.io/arch"),
        label: &label,
    };
    constraints.iter().all(|constraint| constraint.is_met(&facts))
}

/// The value of a label of a node; empty if it is missing.
fn label<'a>(cluster: &'a Cluster, node: NodeId, key: &str) -> &'a str {
    if key == HOSTNAME_KEY {
        return cluster.names.text(cluster.nodes.hostname[node.index()]);
    }
    let value = cluster.names.get(key).and_then(|key| cluster.nodes.class_of(node).label(key));
    value.map_or("", |value| cluster.names.text(value))
}

fn has_label(cluster: &Cluster, node: NodeId, key: &str) -> bool {
    cluster.names.get(key).is_some_and(|key| cluster.nodes.class_of(node).label(key).is_some())
}

/// The value of what tasks are spread over.
fn spread_value(cluster: &Cluster, node: NodeId, key: &str) -> String {
    let key = key.strip_prefix(NODE_LABEL).unwrap_or(key);
    debug_assert!(key.starts_with(ENGINE_LABEL) || !key.starts_with("engine."), "keys are checked before");
    label(cluster, node, key).to_owned()
}
