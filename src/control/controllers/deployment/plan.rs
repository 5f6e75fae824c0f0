//! One sync of a Deployment as a decision: what is observed in, what is to be written out.
//!
//! Kubernetes 1.36, pkg/controller/deployment (deployment_controller.go, sync.go, rolling.go,
//! recreate.go; reference control-plane §3.3). Nothing is written here.

use super::super::rollout::{Member, Members, Target};
use super::history::{DESIRED_REPLICAS, MAX_REPLICAS, OldSet, annotate, next_revision, revision, surplus};
use super::object::{replica_set, resize, same_template};
use super::status::{self, Facts, Moment, SetFacts, Sets};
use crate::api::status::{DeploymentStatus, ReplicaSetStatus};
use crate::api::{Deployment, ReplicaSet, UpdateStrategy};
use crate::base::Time;

/// A ReplicaSet of the Deployment.
#[derive(Clone, Copy, Debug)]
pub struct SetView<'a> {
    /// The object.
    pub object: &'a ReplicaSet,
    /// Its status.
    pub status: ReplicaSetStatus,
    /// How often its specification was written.
    pub generation: u64,
    /// When it was created, in whole seconds.
    pub created: Time,
    /// Whether it has pods that have not ended, with those that are being deleted.
    pub is_alive: bool,
}

/// What a sync looks at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The object.
    pub deployment: &'a Deployment,
    /// Its status.
    pub status: &'a DeploymentStatus,
    /// How often its specification was written.
    pub generation: u64,
    /// Whether its deletion has begun.
    pub is_deleting: bool,
    /// Its ReplicaSets, oldest first.
    pub sets: &'a [SetView<'a>],
    /// Whether this sync goes on after the creation of the current template's ReplicaSet.
    pub has_created: bool,
}

/// What a sync writes, in the order of the fields.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The status, if it changes before anything else is done.
    pub first: Option<DeploymentStatus>,
    /// The ReplicaSet of the current template, to be created; the sync goes on when it is there.
    pub create: Option<Box<ReplicaSet>>,
    /// ReplicaSets as they are to be, by place.
    pub update: Vec<(usize, ReplicaSet)>,
    /// ReplicaSets that are deleted, by place.
    pub delete: Vec<usize>,
    /// The status, if it changes at the end.
    pub status: Option<DeploymentStatus>,
    /// When the Deployment is to be looked at again.
    pub recheck: Option<Time>,
}

/// One sync. The original writes the status up to twice in one sync, and the second time is
/// refused, as the object has changed; so the first one stands, and what follows from it comes with
/// the next sync.
pub fn reconcile(view: &View<'_>, at: Moment) -> Plan {
    let scene = Scene::new(view);
    let mut plan = Plan::default();
    if view.is_deleting {
        plan.status = scene.counted(at);
        return plan;
    }
    plan.first = scene.first_status(at);
    if let Some(update) = scene.annotated() {
        plan.update = vec![update];
        return plan;
    }
    if plan.first.is_none() && scene.members.new.is_some() {
        plan.first = status::after_finding(scene.facts, view.status, at);
    }
    let deployment = view.deployment;
    let mut after = scene.members.clone();
    if deployment.paused || scene.members.is_scaling_event(scene.target) {
        after.scale(scene.target, scene.is_rolling());
        plan.update = scene.resized(&after);
        if deployment.paused {
            plan.delete = scene.surplus();
        }
        plan.status = scene.counted(at).filter(|_| plan.first.is_none());
        return plan;
    }
    match scene.roll_out(&mut after) {
        Move::Create(size) => {
            let old = view.sets.iter().map(|set| set.object);
            let made = replica_set(deployment, size, scene.target, next_revision(old));
            plan.create = Some(Box::new(made));
            return plan;
        }
        Move::Resize => plan.update = scene.resized(&after),
        Move::Rest if status::is_complete(scene.facts, view.status) => plan.delete = scene.surplus(),
        Move::Rest | Move::Wait => {}
    }
    if plan.first.is_some() {
        return plan;
    }
    let counted = status::rollout(scene.facts, scene.sets(), view.status, at);
    if counted == *view.status {
        plan.recheck = status::recheck(scene.facts, view.status, &counted, at.now);
    } else {
        plan.status = Some(counted);
    }
    plan
}

/// What the strategy does.
enum Move {
    /// The current template's ReplicaSet is created with so many pods.
    Create(i32),
    /// ReplicaSets are given other sizes.
    Resize,
    /// Old pods must end first.
    Wait,
    /// Nothing.
    Rest,
}

/// A sync's observations as numbers.
struct Scene<'a> {
    view: &'a View<'a>,
    facts: Facts,
    target: Target,
    members: Members,
    counts: Vec<SetFacts>,
}

impl<'a> Scene<'a> {
    fn new(view: &'a View<'a>) -> Scene<'a> {
        let deployment = view.deployment;
        let target = Target::new(deployment.replicas, deployment.strategy, view.status.replicas);
        let facts = Facts {
            replicas: target.replicas,
            unavailable: target.unavailable,
            deadline_seconds: deployment.progress_deadline_seconds,
            generation: view.generation,
        };
        let counts =
            view.sets.iter().map(|set| SetFacts { replicas: set.object.replicas, status: set.status });
        Scene { view, facts, target, members: members(view), counts: counts.collect() }
    }

    fn is_rolling(&self) -> bool {
        self.view.deployment.strategy != UpdateStrategy::Recreate
    }

    fn sets(&self) -> Sets<'_> {
        Sets { all: &self.counts, new: self.members.new }
    }

    fn counted(&self, at: Moment) -> Option<DeploymentStatus> {
        let status = status::counted(self.facts, self.sets(), self.view.status, at);
        (status != *self.view.status).then_some(status)
    }

    /// The status that is written before anything else.
    fn first_status(&self, at: Moment) -> Option<DeploymentStatus> {
        let before = self.view.status;
        if self.view.has_created {
            return status::after_creation(self.facts, before, true, at);
        }
        status::after_pausing(self.facts, self.view.deployment.paused, before, at)
    }

    /// The current template's ReplicaSet, if its annotations or `minReadySeconds` must follow.
    fn annotated(&self) -> Option<(usize, ReplicaSet)> {
        let new = self.members.new?;
        let old = self.view.sets.iter().enumerate().filter(|&(index, _)| index != new);
        let number = next_revision(old.map(|(_, set)| set.object));
        let deployment = self.view.deployment;
        let known = self.view.sets[new].object;
        let mut annotations = known.meta.annotations.clone();
        let changed = annotate(deployment, &mut annotations, number);
        if !changed && known.min_ready_seconds == deployment.min_ready_seconds {
            return None;
        }
        let mut set = known.clone();
        set.meta.annotations = annotations;
        set.min_ready_seconds = deployment.min_ready_seconds;
        Some((new, set))
    }

    /// What the strategy does next; `after` has the sizes then.
    fn roll_out(&self, after: &mut Members) -> Move {
        if self.is_rolling() {
            if after.new.is_none() {
                return Move::Create(after.new_size(0, self.target));
            }
            after.roll(self.target);
        } else {
            let old_go = after
                .sets
                .iter()
                .enumerate()
                .any(|(index, set)| Some(index) != after.new && set.replicas > 0);
            if !old_go && self.old_pods_run() {
                return Move::Wait;
            }
            if !old_go && after.new.is_none() {
                return Move::Create(self.target.replicas);
            }
            after.recreate(self.target);
        }
        // A step that was given up may have resized some sets all the same.
        if after.sets == self.members.sets { Move::Rest } else { Move::Resize }
    }

    /// Whether old ReplicaSets have pods, by their status or in fact (oldPodsRunning).
    fn old_pods_run(&self) -> bool {
        let sets = self.view.sets.iter().enumerate();
        sets.filter(|&(index, _)| Some(index) != self.members.new)
            .any(|(_, set)| set.status.replicas > 0 || set.is_alive)
    }

    /// The ReplicaSets whose size or annotations are to change.
    fn resized(&self, after: &Members) -> Vec<(usize, ReplicaSet)> {
        let pairs = self.members.sets.iter().zip(&after.sets).enumerate();
        pairs
            .filter(|(_, (before, after))| before != after)
            .map(|(index, (_, after))| {
                let mut set = self.view.sets[index].object.clone();
                let (desired, max) = (self.target.replicas, self.target.max_total());
                resize(&mut set, after.replicas, after.desired.unwrap_or(desired), after.max.unwrap_or(max));
                (index, set)
            })
            .collect()
    }

    /// Old ReplicaSets that the history has no room for.
    fn surplus(&self) -> Vec<usize> {
        let sets = self.view.sets.iter().enumerate();
        let (places, old): (Vec<usize>, Vec<OldSet>) = sets
            .filter(|&(index, _)| Some(index) != self.members.new)
            .map(|(index, set)| (index, old_set(set)))
            .unzip();
        let gone = surplus(&old, self.view.deployment.revision_history_limit);
        gone.into_iter().map(|place| places[place]).collect()
    }
}

fn old_set(set: &SetView<'_>) -> OldSet {
    let is_empty = set.object.replicas == 0
        && set.status.replicas == 0
        && set.status.observed_generation >= set.generation;
    OldSet { revision: revision(&set.object.meta.annotations), created: set.created, is_empty }
}

/// The ReplicaSets as numbers. The current template's is the oldest that matches.
fn members(view: &View<'_>) -> Members {
    let mut by_name: Vec<usize> = (0..view.sets.len()).collect();
    by_name.sort_by_key(|&index| &view.sets[index].object.meta.name);
    let mut members = Members::default();
    for (index, set) in view.sets.iter().enumerate() {
        if members.new.is_none() && same_template(&set.object.template, &view.deployment.template) {
            members.new = Some(index);
        }
        let number = |key| {
            let text = set.object.meta.annotations.get(key)?;
            text.parse().ok().filter(|&number: &i32| number >= 0)
        };
        members.sets.push(Member {
            created: set.created,
            order: 0,
            replicas: set.object.replicas,
            available: set.status.available,
            desired: number(DESIRED_REPLICAS),
            max: number(MAX_REPLICAS),
        });
    }
    for (order, index) in by_name.into_iter().enumerate() {
        members.sets[index].order = order;
    }
    members
}
