//! An app and its instances, and what is to be done about their number.
//!
//! Values only: what is written follows from the [`Steps`].

use super::kill::{self, Selection, State};
use super::upgrade::{Plan, Strategy, launches, plan};
use crate::base::Time;
use crate::base::ids::{ClassId, NodeId};
use crate::cluster::PodRef;

/// Instances of an app that are asked for at a time.
const BURST: u32 = 1_000;

/// Where an instance is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// It waits for an offer.
    Scheduled,
    /// It was launched.
    Staging,
    /// It runs.
    Running,
    /// Its agent is unreachable.
    Unreachable,
}

/// An instance of an app.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) pod: PodRef,
    pub(super) serial: u64,
    pub(super) number: u32,
    /// The class that it was made from: the version of its configuration.
    pub(super) class: ClassId,
    pub(super) node: Option<NodeId>,
    pub(super) stage: Stage,
    pub(super) since: Time,
    /// Whether it could serve.
    pub(super) healthy: bool,
    /// Whether it is being killed.
    pub(super) sentenced: bool,
    /// Whether it has been unreachable for so long that another one takes its place.
    pub(super) inactive: bool,
    /// Whether an old instance was killed because this one is healthy.
    pub(super) has_replaced: bool,
}

impl Instance {
    /// Whether it counts as one of the app's.
    pub(super) fn is_active(&self) -> bool {
        !self.sentenced && !self.inactive
    }
}

/// An app.
#[derive(Clone, Debug)]
pub(super) struct App {
    /// How many instances there should be.
    pub(super) desired: u32,
    /// The configuration.
    pub(super) class: ClassId,
    /// Whether there is one instance on each agent at most.
    pub(super) unique: bool,
    /// Whether its instances have volumes that stay on their agents.
    pub(super) resident: bool,
    /// The first number of an instance, where instances have numbers of their own.
    pub(super) ordinals: Option<u32>,
    pub(super) strategy: Strategy,
    pub(super) instances: Vec<Instance>,
    /// Instances that are asked for, with their numbers.
    pub(super) creating: Vec<u32>,
    /// The replacement that is under way.
    pub(super) replacement: Option<Plan>,
}

/// What is to be done about the number of instances.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Steps {
    /// Instances to queue for a launch, by their numbers; 0 where numbers do not matter.
    pub(super) queue: Vec<u32>,
    /// Instances to kill.
    pub(super) kill: Vec<PodRef>,
}

impl App {
    pub(super) fn get_mut(&mut self, pod: PodRef) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|one| one.pod == pod)
    }

    /// Instances that wait for an offer, oldest first.
    pub(super) fn scheduled(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|one| one.stage == Stage::Scheduled && !one.sentenced)
    }

    /// Brings the number of instances in line with what should be.
    pub(super) fn reconcile(&mut self, selection: Selection) -> Steps {
        let mut steps = Steps::default();
        let is_old = |one: &Instance| one.class != self.class;
        if self.replacement.is_none() && self.instances.iter().any(|one| is_old(one) && one.is_active()) {
            self.begin_replacement(&mut steps);
        }
        match self.replacement {
            Some(plan) => self.go_on_replacing(plan, &mut steps),
            None => self.scale(selection, &mut steps),
        }
        for pod in &steps.kill {
            if let Some(one) = self.get_mut(*pod) {
                one.sentenced = true;
            }
        }
        self.creating.extend(&steps.queue);
        steps
    }

    /// Old instances that wait for an offer are forgotten; as many others are killed as the plan says.
    fn begin_replacement(&mut self, steps: &mut Steps) {
        let old = || self.instances.iter().filter(|one| one.class != self.class && one.is_active());
        steps.kill.extend(old().filter(|one| one.stage == Stage::Scheduled).map(|one| one.pod));
        let healthy = old().filter(|one| one.healthy).count() as u32;
        let plan = plan(self.desired, healthy, self.strategy, self.resident);
        let victims = self.next_victims(plan.kill_now as usize, &steps.kill);
        steps.kill.extend(victims);
        self.replacement = Some(plan);
    }

    /// The next old instances to kill: unhealthy ones first, then the oldest.
    fn next_victims(&self, amount: usize, but: &[PodRef]) -> Vec<PodRef> {
        let mut old: Vec<&Instance> = self
            .instances
            .iter()
            .filter(|one| one.class != self.class && one.is_active() && !but.contains(&one.pod))
            .collect();
        old.sort_by_key(|one| (one.healthy, one.serial));
        old.into_iter().take(amount).map(|one| one.pod).collect()
    }

    fn go_on_replacing(&mut self, plan: Plan, steps: &mut Steps) {
        let mut replaced = 0;
        for one in self.instances.iter_mut().filter(|one| one.class == self.class && one.healthy) {
            if !std::mem::replace(&mut one.has_replaced, true) {
                replaced += 1;
            }
        }
        let victims = self.next_victims(replaced, &steps.kill);
        steps.kill.extend(victims);
        let is_new = |one: &&Instance| one.class == self.class;
        let old = self.instances.iter().filter(|one| !is_new(one) && !one.inactive).count() as u32;
        let new = self.instances.iter().filter(is_new).filter(|one| one.is_active());
        let started = new.clone().count() as u32 + self.creating.len() as u32;
        let wanted = launches(self.desired, started, old, plan);
        self.queue(wanted, steps);
        let healthy = new.filter(|one| one.healthy).count() as u32;
        let waiting = self.instances.iter().any(|one| one.class != self.class && one.is_active());
        if old == 0 && healthy >= self.desired {
            self.replacement = None;
        } else if waiting && started >= self.desired && healthy >= self.desired {
            // Old ones that nobody's health speaks for, such as those of a larger app, go now.
            let rest = self.next_victims(usize::MAX, &steps.kill);
            steps.kill.extend(rest);
        }
    }

    fn scale(&self, selection: Selection, steps: &mut Steps) {
        let active = self.instances.iter().filter(|one| one.is_active()).count() + self.creating.len();
        let desired = self.desired as usize;
        if active < desired {
            return self.queue((desired - active) as u32, steps);
        }
        let surplus = active - desired;
        // What waits for an offer goes first, the latest before all.
        let waiting: Vec<PodRef> =
            self.scheduled().filter(|one| one.is_active()).map(|one| one.pod).collect();
        steps.kill.extend(waiting.into_iter().rev().take(surplus));
        let launched = self.instances.iter().filter(|one| one.stage != Stage::Scheduled && one.is_active());
        let candidates = launched.map(candidate).collect();
        let keys = kill::choose(candidates, surplus - steps.kill.len(), selection);
        let of = |key| self.instances.iter().find(|one| one.serial == key).map(|one| one.pod);
        steps.kill.extend(keys.into_iter().filter_map(of));
    }

    /// Queues instances; those that have numbers of their own get the lowest ones that nobody has.
    fn queue(&self, amount: u32, steps: &mut Steps) {
        let amount = amount.min(BURST.saturating_sub(self.creating.len() as u32));
        let Some(first) = self.ordinals else {
            steps.queue.extend((0..amount).map(|_| 0));
            return;
        };
        let is_taken = |number: &u32| {
            self.creating.contains(number) || self.instances.iter().any(|one| one.number == *number)
        };
        steps.queue.extend((first..).filter(|number| !is_taken(number)).take(amount as usize));
    }
}

fn candidate(one: &Instance) -> kill::Instance {
    let state = match one.stage {
        Stage::Unreachable => State::Unreachable,
        Stage::Scheduled | Stage::Staging => State::Staging,
        Stage::Running => State::Running,
    };
    kill::Instance {
        key: one.serial,
        state,
        since: one.since,
        sentenced: one.sentenced,
        group: String::new(),
    }
}
