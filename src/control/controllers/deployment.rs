//! The Deployment controller: keeps a ReplicaSet of the current template and sizes them all.
//!
//! Kubernetes 1.36, pkg/controller/deployment (reference control-plane §3.3). The arithmetic is in
//! [`super::rollout`]; pods are the ReplicaSets' business, except that Recreate waits for the end
//! of old ones.

pub mod history;
pub mod status;

use super::rollout::{Member, Members, Target};
use super::{Client, Command, Component, Config, Event, PodBefore, Topic, WorkQueue, Write, existing};
use crate::api::Status;
use crate::api::status::DeploymentStatus;
use crate::api::{
    Deployment, LabelSelector, ObjectMeta, OwnerReference, PodTemplate, ReplicaSet, UpdateStrategy,
};
use crate::base::ids::WorkloadId;
use crate::base::rng::key_of;
use crate::base::{Map, Time};
use crate::cluster::{Cluster, Workload, WorkloadKind};
use std::sync::Arc;

/// The label that tells the pods of a Deployment's ReplicaSets apart.
const HASH_LABEL: &str = "pod-template-hash";
/// What a ReplicaSet was last scaled for, as dumps have it.
const DESIRED_ANNOTATION: &str = "deployment.kubernetes.io/desired-replicas";
/// The most pods of the Deployment at that time.
const MAX_ANNOTATION: &str = "deployment.kubernetes.io/max-replicas";
/// The letters of a template's hash in names: no vowels, so no words (apimachinery's SafeEncodeString).
const HASH_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest object name.
const NAME_MAX: usize = 253;

/// What is known of one Deployment.
#[derive(Clone, Debug, Default)]
struct State {
    /// Its ReplicaSets, oldest first.
    sets: Vec<WorkloadId>,
    /// Whether the creation of a ReplicaSet is under way.
    creating: bool,
    /// The status as last written.
    written: DeploymentStatus,
}

/// What is known of one ReplicaSet.
#[derive(Clone, Copy, Debug, Default)]
struct SetState {
    /// The desired number and the most pods of the Deployment when it was last scaled.
    desired: Option<i32>,
    max: Option<i32>,
    /// Its pods that have not ended, with those that are being deleted.
    living: u32,
}

/// The event loop around [`super::rollout`].
#[derive(Clone, Debug)]
pub struct DeploymentController {
    queue: WorkQueue<WorkloadId>,
    deployments: Map<WorkloadId, State>,
    sets: Map<WorkloadId, SetState>,
}

impl DeploymentController {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> DeploymentController {
        DeploymentController {
            queue: WorkQueue::new(config),
            deployments: Map::default(),
            sets: Map::default(),
        }
    }

    fn added(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let workload = &cluster.workloads[id];
        match (&workload.kind, workload.owner) {
            (WorkloadKind::Deployment(_), _) => {
                self.deployments.insert(id, State { written: status_of(workload), ..State::default() });
                self.queue.add(id, now);
            }
            (WorkloadKind::ReplicaSet(set), Some(owner)) => {
                let Some(state) = self.deployments.get_mut(&owner) else { return };
                let annotation = |key| set.meta.annotations.get(key).and_then(|text| text.parse().ok());
                let (desired, max) = (annotation(DESIRED_ANNOTATION), annotation(MAX_ANNOTATION));
                self.sets.insert(id, SetState { desired, max, living: 0 });
                state.sets.push(id);
                state.creating = false;
                self.queue.add(owner, now);
            }
            _ => {}
        }
    }

    fn removed(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        self.deployments.remove(&id);
        self.sets.remove(&id);
        let Some(owner) = cluster.workloads[id].owner else { return };
        if let Some(state) = self.deployments.get_mut(&owner) {
            state.sets.retain(|&set| set != id);
            self.queue.add(owner, now);
        }
    }

    /// The ReplicaSet or Deployment changed: its Deployment is looked at.
    fn touched(&mut self, now: Time, id: WorkloadId, cluster: &Cluster) {
        let deployment = if self.sets.contains_key(&id) { cluster.workloads[id].owner } else { Some(id) };
        if let Some(deployment) = deployment.filter(|id| self.deployments.contains_key(id)) {
            self.queue.add(deployment, now);
        }
    }

    /// A write was refused: the Deployment is looked at again after a while.
    fn refused(&mut self, now: Time, write: &Write, cluster: &Cluster) {
        let id = match write {
            Write::CreateWorkload { owner: Some(owner), .. } => *owner,
            Write::WorkloadStatus { workload, .. } => *workload,
            Write::Scale { workload, .. } => match cluster.workloads[*workload].owner {
                Some(owner) => owner,
                None => return,
            },
            _ => return,
        };
        let Some(state) = self.deployments.get_mut(&id) else { return };
        state.creating = state.creating && !matches!(write, Write::CreateWorkload { .. });
        state.written = status_of(&cluster.workloads[id]);
        self.queue.add_failed(id, now);
    }

    /// Follows the living pods of a ReplicaSet.
    fn pod_changed(&mut self, now: Time, set: Option<WorkloadId>, was: bool, is: bool, cluster: &Cluster) {
        let Some(set) = set.filter(|_| was != is) else { return };
        let Some(state) = self.sets.get_mut(&set) else { return };
        state.living = if is { state.living + 1 } else { state.living.saturating_sub(1) };
        if state.living == 0 {
            self.touched(now, set, cluster);
        }
    }

    fn sync(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(workload) = existing(cluster, id) else { return };
        let WorkloadKind::Deployment(deployment) = &workload.kind else { return };
        self.write_status(id, cluster, out);
        let Some(state) = self.deployments.get(&id).filter(|state| !state.creating) else { return };
        let sets = state.sets.clone();
        let target = Target::new(deployment.replicas, deployment.strategy, status_of(workload).replicas);
        let members = self.members(&sets, deployment, cluster);
        let rolling = deployment.strategy != UpdateStrategy::Recreate;
        let mut after = members.clone();
        if deployment.paused || members.is_scaling_event(target) {
            after.scale(target, rolling);
        } else if rolling {
            if members.new.is_none() {
                let size = members.new_size(0, target);
                return self.create(id, size, target, cluster, out);
            }
            after.roll(target);
        } else if members.new.is_none() && self.old_pods_are_gone(&sets, &members) {
            return self.create(id, target.replicas, target, cluster, out);
        } else {
            after.recreate(target);
        }
        self.write_sizes(&sets, &members, &after, out);
    }

    /// The ReplicaSets as numbers. The current template's is the oldest that matches.
    fn members(&self, sets: &[WorkloadId], deployment: &Deployment, cluster: &Cluster) -> Members {
        let mut members = Members::default();
        for (order, &id) in sets.iter().enumerate() {
            let workload = &cluster.workloads[id];
            let WorkloadKind::ReplicaSet(set) = &workload.kind else { continue };
            if members.new.is_none() && same_template(&set.template, &deployment.template) {
                members.new = Some(members.sets.len());
            }
            let marks = self.sets[&id];
            members.sets.push(Member {
                created: workload.created,
                order,
                replicas: set.replicas,
                available: workload.replica_set_status().available,
                desired: marks.desired,
                max: marks.max,
            });
        }
        members
    }

    fn old_pods_are_gone(&self, sets: &[WorkloadId], members: &Members) -> bool {
        members.sets.iter().all(|set| set.replicas == 0) && sets.iter().all(|id| self.sets[id].living == 0)
    }

    fn write_sizes(
        &mut self,
        sets: &[WorkloadId],
        before: &Members,
        after: &Members,
        out: &mut Vec<Command>,
    ) {
        for ((&id, old), new) in sets.iter().zip(&before.sets).zip(&after.sets) {
            if let Some(marks) = self.sets.get_mut(&id) {
                (marks.desired, marks.max) = (new.desired, new.max);
            }
            if old.replicas != new.replicas {
                let write = Write::Scale { workload: id, replicas: new.replicas };
                out.push(Command::Write(Client::Deployment, write));
            }
        }
    }

    fn create(
        &mut self,
        id: WorkloadId,
        replicas: i32,
        target: Target,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let WorkloadKind::Deployment(deployment) = &cluster.workloads[id].kind else { return };
        let kind = Box::new(WorkloadKind::ReplicaSet(replica_set(deployment, replicas, target)));
        out.push(Command::Write(Client::Deployment, Write::CreateWorkload { owner: Some(id), kind }));
        if let Some(state) = self.deployments.get_mut(&id) {
            state.creating = true;
        }
    }

    /// The sums over the ReplicaSets.
    fn write_status(&mut self, id: WorkloadId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(state) = self.deployments.get_mut(&id) else { return };
        let mut status = DeploymentStatus::default();
        for &set in &state.sets {
            let of_set = cluster.workloads[set].replica_set_status();
            status.replicas = status.replicas.saturating_add(of_set.replicas);
            status.ready = status.ready.saturating_add(of_set.ready);
            status.available = status.available.saturating_add(of_set.available);
        }
        if status != state.written {
            state.written = status.clone();
            let status = Status::Deployment(Box::new(status));
            let write = Write::WorkloadStatus { workload: id, status };
            out.push(Command::Write(Client::Deployment, write));
        }
    }
}

/// The status of a Deployment as written; zero if nothing is written yet.
fn status_of(workload: &Workload) -> DeploymentStatus {
    if let Status::Deployment(status) = &workload.status {
        (**status).clone()
    } else {
        DeploymentStatus::default()
    }
}

/// The ReplicaSet of a Deployment's current template.
fn replica_set(deployment: &Deployment, replicas: i32, target: Target) -> ReplicaSet {
    let hash = template_hash(&deployment.template);
    let mut template = PodTemplate::clone(&deployment.template);
    template.labels.insert(HASH_LABEL.into(), hash.clone());
    let mut meta = ObjectMeta {
        name: set_name(&deployment.meta.name, &hash),
        namespace: deployment.meta.namespace.clone(),
        labels: template.labels.clone(),
        owner: Some(OwnerReference {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: deployment.meta.name.clone(),
            uid: deployment.meta.uid.clone(),
        }),
        ..ObjectMeta::default()
    };
    meta.annotations.insert(DESIRED_ANNOTATION.into(), target.replicas.to_string());
    meta.annotations.insert(MAX_ANNOTATION.into(), target.max_total().to_string());
    let mut selector: LabelSelector = deployment.selector.clone();
    selector.match_labels.push((HASH_LABEL.into(), hash));
    selector.match_labels.sort_unstable();
    ReplicaSet {
        meta,
        replicas,
        min_ready_seconds: deployment.min_ready_seconds,
        selector,
        template: Arc::new(template),
    }
}

/// The Deployment's name, cut so that the whole fits, and the hash.
fn set_name(deployment: &str, hash: &str) -> String {
    let room = NAME_MAX - hash.len() - 1;
    let cut = deployment.char_indices().map(|(start, letter)| start + letter.len_utf8());
    let end = cut.take_while(|&end| end <= room).last().unwrap_or(0);
    format!("{}-{hash}", &deployment[..end])
}

/// A name for a template: equal templates have equal ones, on every platform. The value is not
/// that of the original, which hashes its own types' printed form.
fn template_hash(template: &PodTemplate) -> String {
    let hash = key_of(&format!("{template:?}")) as u32;
    let letter = |digit: u8| char::from(HASH_ALPHABET[usize::from(digit) % HASH_ALPHABET.len()]);
    hash.to_string().bytes().map(letter).collect()
}

/// Whether two templates are equal but for the hash label (EqualIgnoreHash).
fn same_template(a: &PodTemplate, b: &PodTemplate) -> bool {
    let labels = |template: &PodTemplate| {
        let mut labels = template.labels.clone();
        labels.remove(HASH_LABEL);
        labels
    };
    a.spec == b.spec && a.annotations == b.annotations && a.behavior == b.behavior && labels(a) == labels(b)
}

impl Component for DeploymentController {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::OwnedPod | Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        _out: &mut Vec<Command>,
    ) {
        match event {
            Event::WorkloadAdded { workload, .. } => self.added(now, *workload, cluster),
            Event::WorkloadRemoved { workload } => self.removed(now, *workload, cluster),
            Event::WorkloadScaled { workload, .. } | Event::WorkloadStatus { workload, .. } => {
                self.touched(now, *workload, cluster);
            }
            Event::PodAdded(new) => {
                let living = !cluster.pods.phase[new.pod.id.index()].is_terminal();
                self.pod_changed(now, new.owner, false, living, cluster);
            }
            Event::PodStatus { pod, status } => {
                let owner = cluster.pods.get(*pod).and_then(|row| cluster.pods.owner[row.index()]);
                let (was, is) = (!before.phase.is_terminal(), !status.phase.is_terminal());
                self.pod_changed(now, owner, was, is, cluster);
            }
            Event::PodRemoved { pod } => {
                let owner = cluster.pods.get(*pod).and_then(|row| cluster.pods.owner[row.index()]);
                self.pod_changed(now, owner, !before.phase.is_terminal(), false, cluster);
            }
            Event::Refused(write, _) => self.refused(now, write, cluster),
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.queue.next()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(id) = self.queue.pop(now) {
            self.sync(id, cluster, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::controllers::ReplicaSetController;
    use crate::control::harness::Harness;

    fn harness() -> Harness {
        let config = Config::default();
        Harness::with(vec![
            Box::new(DeploymentController::new(&config)),
            Box::new(ReplicaSetController::new(&config)),
        ])
    }

    fn deployment(replicas: i32) -> Deployment {
        let mut deployment = Deployment { replicas, ..Deployment::default() };
        deployment.meta.name = "web".into();
        deployment.template = Arc::new(PodTemplate::default());
        deployment
    }

    #[test]
    fn a_deployment_makes_one_replica_set_and_follows_it() {
        let mut harness = harness();
        let node = harness.node("n", "a");
        let id = harness.deployment(deployment(3));
        let set = WorkloadId(id.0 + 1);
        assert_eq!(harness.cluster.workloads[set].owner, Some(id));
        let pods = harness.active(set);
        harness.start(pods[0], node);
        let status = harness.workload_status(id);
        let Status::Deployment(status) = status else { panic!("no status is written") };
        assert_eq!([status.replicas, status.ready, status.available], [3, 1, 1]);
        harness.scale(id, 5);
        harness.scale(id, 2);
        assert_eq!(harness.active(set).len(), 2);
        let Status::Deployment(status) = harness.workload_status(id) else { panic!("no status is written") };
        assert_eq!(status.replicas, 2);
        assert_eq!(harness.cluster.workloads.len(), 2);
    }

    #[test]
    fn a_refused_replica_set_is_tried_again() {
        let mut harness = harness();
        harness.reject_next(1);
        harness.deployment(deployment(1));
        assert_eq!(harness.cluster.workloads.len(), 1);
        harness.run_until(Time::from_secs(1));
        assert_eq!(harness.cluster.workloads.len(), 2);
    }

    #[test]
    fn a_paused_deployment_scales_but_makes_no_replica_set() {
        let mut harness = harness();
        harness.deployment(Deployment { paused: true, ..deployment(3) });
        assert_eq!(harness.cluster.workloads.len(), 1);
    }

    #[test]
    fn the_hash_is_stable_and_not_part_of_the_comparison() {
        let made = replica_set(&deployment(1), 1, Target::new(1, UpdateStrategy::default(), 0));
        let again = replica_set(&deployment(9), 9, Target::new(9, UpdateStrategy::default(), 0));
        assert_eq!(made.meta.name, again.meta.name);
        assert!(same_template(&made.template, &deployment(1).template));
        assert!(made.template.labels.contains_key(HASH_LABEL));
        let other = PodTemplate { labels: [("a".into(), "b".into())].into(), ..PodTemplate::default() };
        assert!(!same_template(&made.template, &other));
        assert_ne!(template_hash(&other), template_hash(&PodTemplate::default()));
    }

    #[test]
    fn names_fit_whatever_the_deployment_is_called() {
        assert_eq!(set_name("web", "xyz"), "web-xyz");
        let long = set_name(&"ä".repeat(300), "bcdfghjklm");
        assert!(long.len() <= NAME_MAX && long.ends_with("ä-bcdfghjklm"), "{}", long.len());
    }
}
