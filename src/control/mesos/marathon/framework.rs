//! Marathon: keeps apps running on what it is offered.
//!
//! An app is a Deployment, a ReplicaSet, a StatefulSet, or a DaemonSet, which is an app with one instance
//! on each agent that it may run on. An instance is a pod; one that waits for an offer is a pod that is
//! not bound. Sources: reference control-plane §7.5.

use super::app::{App, Instance, Stage, Steps};
use super::backoff::{Condition, Delays};
use super::upgrade::Strategy;
use super::wants::{Call, Wants};
use crate::api::{PodPhase, UpdateStrategy};
use crate::base::Time;
use crate::base::ids::{ClassId, NodeId, WorkloadId};
use crate::base::rng::Purpose;
use crate::cluster::{Cluster, PodName, PodRef, Reason, WorkloadKind};
use crate::control::mesos::agents::{Capabilities, TaskFate};
use crate::control::mesos::amounts::Amounts;
use crate::control::mesos::filters::DEFAULT_REFUSAL;
use crate::control::mesos::framework::{Answer, Context, Framework, Offer};
use crate::control::mesos::needs::{may_run, needs};
use crate::control::mesos::settings::MarathonSettings;
use crate::control::{About, PodBefore, Write};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done about an instance at a moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    /// Its launch has taken too long.
    LaunchTimeout,
    /// It has been unreachable for so long that another one takes its place.
    Inactive,
    /// It has been unreachable for so long that it is forgotten.
    Expunge,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub(in crate::control::mesos) struct Marathon {
    settings: MarathonSettings,
    apps: BTreeMap<WorkloadId, App>,
    owners: BTreeMap<PodRef, WorkloadId>,
    /// The apps that may have an instance that waits for an offer.
    open: BTreeSet<WorkloadId>,
    delays: Delays,
    wants: Wants,
    due: BTreeSet<(Time, PodRef, Due)>,
    /// Apps whose launch delay ends.
    delayed: BTreeSet<(Time, WorkloadId)>,
}

impl Marathon {
    pub(in crate::control::mesos) fn new(settings: &MarathonSettings) -> Marathon {
        Marathon {
            settings: settings.clone(),
            apps: BTreeMap::new(),
            owners: BTreeMap::new(),
            open: BTreeSet::new(),
            delays: Delays::default(),
            wants: Wants::default(),
            due: BTreeSet::new(),
            delayed: BTreeSet::new(),
        }
    }

    fn app_of(&mut self, pod: PodRef) -> Option<(WorkloadId, &mut App)> {
        let id = *self.owners.get(&pod)?;
        Some((id, self.apps.get_mut(&id)?))
    }

    /// Does what follows for an app from what has happened.
    fn reconcile(&mut self, id: WorkloadId, context: &mut Context<'_>) {
        let Some(app) = self.apps.get_mut(&id) else { return };
        let was_replacing = app.replacement.is_some();
        let Steps { queue, kill } = app.reconcile(self.settings.kill);
        let ordinals = app.ordinals.is_some();
        if app.replacement.is_some() && !was_replacing {
            self.delays.reset(id.0);
            context.say(About::Workload(id), "Deployment", "instances are replaced".into());
        }
        for number in queue {
            context.create(id, ordinals.then_some(number), None);
        }
        for pod in kill {
            context.kill(pod, Reason::ScaledDown);
        }
    }

    fn key(id: WorkloadId, class: ClassId) -> (u32, u64) {
        (id.0, u64::from(class.0))
    }

    /// An instance has come to a condition: the launches of its app may have to wait.
    fn note(&mut self, id: WorkloadId, class: ClassId, condition: Condition, context: &mut Context<'_>) {
        let key = Marathon::key(id, class);
        let before = self.delays.until(context.now, key);
        self.delays.note(context.now, key, condition, &self.settings.backoff);
        let until = self.delays.until(context.now, key);
        if let Some(until) = until.filter(|_| until != before) {
            self.delayed.insert((until, id));
            if condition.effect() == super::backoff::Effect::Delay {
                let wait = until.since(context.now).rounded();
                context.say(About::Workload(id), "Delayed", format!("no launch for {wait}"));
            }
        }
    }

    /// An instance is over: it is forgotten, and another one takes its place.
    fn ended(&mut self, pod: PodRef, condition: Condition, context: &mut Context<'_>) {
        let Some((id, app)) = self.app_of(pod) else { return };
        let Some(place) = app.instances.iter().position(|one| one.pod == pod) else { return };
        let one = app.instances.remove(place);
        let condition = if one.sentenced { Condition::Killed } else { condition };
        self.owners.remove(&pod);
        self.due.retain(|(_, of, _)| *of != pod);
        if one.stage != Stage::Scheduled {
            self.note(id, one.class, condition, context);
        }
        self.reconcile(id, context);
    }

    /// A launched instance is where its status says.
    fn follow(&mut self, pod: PodRef, context: &mut Context<'_>) {
        let Some(row) = context.row(pod) else { return };
        let (phase, ready) =
            (context.cluster.pods.phase[row.index()], context.cluster.pods.ready[row.index()]);
        match phase {
            PodPhase::Succeeded => self.over(pod, Condition::Finished, context),
            PodPhase::Failed => self.over(pod, Condition::Failed, context),
            PodPhase::Pending | PodPhase::Running => {
                let now = context.now;
                let Some((id, app)) = self.app_of(pod) else { return };
                let Some(one) = app.get_mut(pod) else { return };
                let starts = phase == PodPhase::Running && one.stage == Stage::Staging;
                if starts {
                    (one.stage, one.since) = (Stage::Running, now);
                }
                let changed = std::mem::replace(&mut one.healthy, ready) != ready;
                let class = one.class;
                if starts {
                    self.due.retain(|(_, of, due)| *of != pod || *due != Due::LaunchTimeout);
                    self.note(id, class, Condition::Running, context);
                }
                if starts || changed {
                    self.reconcile(id, context);
                }
            }
        }
    }

    /// An instance has ended by itself or was killed: Marathon keeps nothing of it.
    fn over(&mut self, pod: PodRef, condition: Condition, context: &mut Context<'_>) {
        if self.owners.contains_key(&pod) {
            self.ended(pod, condition, context);
            context.forget(pod, Reason::None);
        }
    }

    /// The apps that have something to launch now, with their order drawn for an offer.
    fn launchable(&self, offer: u64, context: &Context<'_>) -> Vec<WorkloadId> {
        let free = |id: WorkloadId, one: &Instance| {
            self.delays.until(context.now, Marathon::key(id, one.class)).is_none()
        };
        let waits = |id: &&WorkloadId| {
            self.apps.get(id).is_some_and(|app| app.scheduled().any(|one| free(**id, one)))
        };
        let mut apps: Vec<WorkloadId> = self.open.iter().filter(waits).copied().collect();
        let mut stream = context.streams.stream(Purpose::Tie, offer);
        for last in (1..apps.len()).rev() {
            apps.swap(last, stream.below(last as u64 + 1) as usize);
        }
        apps
    }

    /// An instance of an app that an offer is good for.
    fn matching(
        &self,
        id: WorkloadId,
        node: NodeId,
        left: &Amounts,
        taken: &[PodRef],
        context: &mut Context<'_>,
    ) -> Option<(PodRef, Amounts)> {
        let app = &self.apps[&id];
        if app.unique && app.instances.iter().any(|one| one.node == Some(node) && !one.inactive) {
            return None;
        }
        for one in app.scheduled().filter(|one| !taken.contains(&one.pod)) {
            if self.delays.until(context.now, Marathon::key(id, one.class)).is_some() {
                continue;
            }
            let needs = needs(&context.cluster.classes[one.class]);
            return (left.contains(&needs) && may_run(context.cluster, context.places, one.class, node))
                .then_some((one.pod, needs));
        }
        None
    }

    /// Whether something waits for an offer that may be launched now.
    fn waits(&mut self, now: Time) -> bool {
        let Marathon { apps, open, delays, .. } = self;
        open.retain(|id| apps.get(id).is_some_and(|app| app.scheduled().next().is_some()));
        let free =
            |id: &WorkloadId, one: &Instance| delays.until(now, Marathon::key(*id, one.class)).is_none();
        open.iter().any(|id| apps[id].scheduled().any(|one| free(id, one)))
    }

    fn launch(&mut self, pod: PodRef, node: NodeId, context: &mut Context<'_>) {
        let timeout = context.now + self.settings.launch_timeout;
        let now = context.now;
        let Some((id, app)) = self.app_of(pod) else { return };
        let Some(one) = app.get_mut(pod) else { return };
        (one.stage, one.since, one.node) = (Stage::Staging, now, Some(node));
        let class = one.class;
        self.due.insert((timeout, pod, Due::LaunchTimeout));
        self.note(id, class, Condition::Provisioned, context);
    }
}

impl Framework for Marathon {
    fn capabilities(&self) -> Capabilities {
        Capabilities { partition_aware: true, checkpoint: true }
    }

    fn workload_changed(&mut self, id: WorkloadId, context: &mut Context<'_>) {
        let Some(shape) = shape(context.cluster, id, self.settings.upgrade) else { return };
        let desired = if shape.unique { places_for(shape.class, context) } else { shape.desired };
        match self.apps.get_mut(&id) {
            Some(app) => {
                if app.class != shape.class {
                    // A replacement of the replacement begins anew.
                    app.replacement = None;
                    for one in &mut app.instances {
                        one.has_replaced = false;
                    }
                }
                *app = App {
                    desired,
                    instances: std::mem::take(&mut app.instances),
                    creating: std::mem::take(&mut app.creating),
                    replacement: app.replacement,
                    ..shape
                };
            }
            None => {
                self.apps.insert(id, App { desired, ..shape });
            }
        }
        self.reconcile(id, context);
    }

    fn workload_gone(&mut self, id: WorkloadId, _context: &mut Context<'_>) {
        if let Some(app) = self.apps.remove(&id) {
            for one in app.instances {
                self.owners.remove(&one.pod);
                self.due.retain(|(_, of, _)| *of != one.pod);
            }
            self.delays.reset(id.0);
        }
    }

    fn pod_added(&mut self, pod: PodRef, context: &mut Context<'_>) {
        let Some(row) = context.row(pod) else { return };
        let pods = &context.cluster.pods;
        let Some(owner) = pods.owner[row.index()] else { return };
        let Some(app) = self.apps.get_mut(&owner) else { return };
        let number = if let PodName::Numbered { number, .. } = pods.name[row.index()] { number } else { 0 };
        if app.ordinals.is_some() {
            app.creating.retain(|of| *of != number);
        } else {
            app.creating.pop();
        }
        let node = pods.node[row.index()];
        app.instances.push(Instance {
            pod,
            serial: pods.serial[row.index()],
            number,
            class: pods.class[row.index()],
            node,
            stage: if node.is_some() { Stage::Staging } else { Stage::Scheduled },
            since: context.now,
            healthy: false,
            sentenced: pods.deleting_since[row.index()].is_some(),
            inactive: false,
            has_replaced: false,
        });
        self.owners.insert(pod, owner);
        if node.is_some() {
            self.follow(pod, context);
        } else {
            self.open.insert(owner);
            self.wants.begin();
            self.reconcile(owner, context);
        }
    }

    fn pod_changed(&mut self, pod: PodRef, _before: PodBefore, context: &mut Context<'_>) {
        self.follow(pod, context);
    }

    fn pod_removed(&mut self, pod: PodRef, context: &mut Context<'_>) {
        self.ended(pod, Condition::Killed, context);
    }

    fn refused(&mut self, write: &Write, context: &mut Context<'_>) {
        match write {
            Write::CreatePod { owner, number, .. } => {
                if let Some(app) = self.apps.get_mut(owner) {
                    match app.ordinals {
                        Some(_) => app.creating.retain(|of| of != number),
                        None => drop(app.creating.pop()),
                    }
                    // It is tried again as if the launch had been dropped.
                    let class = app.class;
                    self.note(*owner, class, Condition::Dropped, context);
                }
            }
            Write::Bind { pod, .. } => {
                if let Some((id, app)) = self.app_of(*pod)
                    && let Some(one) = app.get_mut(*pod)
                {
                    (one.stage, one.node) = (Stage::Scheduled, None);
                    let class = one.class;
                    self.note(id, class, Condition::Dropped, context);
                    self.open.insert(id);
                    self.wants.begin();
                }
            }
            _ => {}
        }
    }

    fn task_fate(&mut self, pod: PodRef, fate: TaskFate, context: &mut Context<'_>) {
        let (now, strategy) = (context.now, self.settings.unreachable);
        match fate {
            TaskFate::Unreachable => {
                let Some((id, app)) = self.app_of(pod) else { return };
                let Some(one) = app.get_mut(pod) else { return };
                (one.stage, one.healthy) = (Stage::Unreachable, false);
                let class = one.class;
                self.due.retain(|(_, of, _)| *of != pod);
                self.due.insert((strategy.replaced_at(now), pod, Due::Inactive));
                self.due.insert((strategy.expunged_at(now), pod, Due::Expunge));
                self.note(id, class, Condition::Unreachable, context);
            }
            TaskFate::Running => {
                let Some(row) = context.row(pod) else { return };
                let runs = context.cluster.pods.phase[row.index()] == PodPhase::Running;
                let Some((id, app)) = self.app_of(pod) else { return };
                let found = app.get_mut(pod).filter(|one| one.stage == Stage::Unreachable);
                let Some(one) = found else { return };
                one.stage = if runs { Stage::Running } else { Stage::Staging };
                one.inactive = false;
                self.due.retain(|(_, of, _)| *of != pod);
                self.follow(pod, context);
                self.reconcile(id, context);
            }
            TaskFate::Lost | TaskFate::Killed => self.over(pod, Condition::Gone, context),
        }
    }

    fn agents_changed(&mut self, context: &mut Context<'_>) {
        let unique: Vec<WorkloadId> =
            self.apps.iter().filter(|(_, app)| app.unique).map(|(id, _)| *id).collect();
        for id in unique {
            self.workload_changed(id, context);
        }
    }

    fn offered(&mut self, offer: &Offer, context: &mut Context<'_>) -> Answer {
        let mut left = offer.amounts.clone();
        let mut tasks: Vec<(PodRef, Amounts)> = Vec::new();
        let mut apps = self.launchable(offer.id, context);
        while !apps.is_empty() && tasks.len() < self.settings.offers.launches_per_offer as usize {
            let taken: Vec<PodRef> = tasks.iter().map(|(pod, _)| *pod).collect();
            let before = tasks.len();
            let mut still = Vec::new();
            for id in apps {
                if tasks.len() >= self.settings.offers.launches_per_offer as usize {
                    break;
                }
                if let Some((pod, needs)) = self.matching(id, offer.node, &left, &taken, context) {
                    left.take(&needs);
                    tasks.push((pod, needs));
                    still.push(id);
                    self.launch(pod, offer.node, context);
                }
            }
            if tasks.len() == before {
                break;
            }
            apps = still;
        }
        let refuse =
            if tasks.is_empty() { self.settings.offers.decline } else { DEFAULT_REFUSAL.as_secs_f64() };
        Answer { tasks, refuse }
    }

    fn call(&mut self, now: Time) -> Option<Call> {
        if self.waits(now) { self.wants.call(now, &self.settings.offers) } else { self.wants.end() }
    }

    fn next(&self) -> Option<Time> {
        let due = self.due.first().map(|(at, ..)| *at);
        let delayed = self.delayed.first().map(|(at, _)| *at);
        [due, delayed, self.wants.due(&self.settings.offers)].into_iter().flatten().min()
    }

    fn wake(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        while let Some(&(at, id)) = self.delayed.first().filter(|(at, _)| *at <= now) {
            self.delayed.remove(&(at, id));
            let class = self.apps.get(&id).map(|app| app.class);
            if class.is_some_and(|class| self.delays.until(now, Marathon::key(id, class)).is_none()) {
                self.reconcile(id, context);
                if self.apps[&id].scheduled().next().is_some() {
                    self.wants.begin();
                }
            }
        }
        while let Some(&(at, pod, due)) = self.due.first().filter(|(at, ..)| *at <= now) {
            self.due.remove(&(at, pod, due));
            let Some((id, app)) = self.app_of(pod) else { continue };
            let Some(one) = app.get_mut(pod) else { continue };
            match due {
                Due::LaunchTimeout => {
                    one.sentenced = true;
                    context.kill(pod, Reason::DeadlineExceeded);
                    self.reconcile(id, context);
                }
                Due::Inactive => {
                    one.inactive = true;
                    self.reconcile(id, context);
                }
                Due::Expunge => {
                    self.ended(pod, Condition::Killed, context);
                    context.forget(pod, Reason::NodeLost);
                }
            }
        }
    }
}

/// The app that an object stands for, without instances; `None` if it is none.
fn shape(cluster: &Cluster, id: WorkloadId, upgrade: Strategy) -> Option<App> {
    let object = &cluster.workloads[id];
    let replicas = object.kind.replicas().unwrap_or(0).max(0) as u32;
    let app = App {
        desired: replicas,
        class: object.class,
        unique: false,
        resident: false,
        ordinals: None,
        strategy: upgrade,
        instances: Vec::new(),
        creating: Vec::new(),
        replacement: None,
    };
    match &object.kind {
        WorkloadKind::Deployment(deployment) if deployment.strategy == UpdateStrategy::Recreate => {
            Some(App { strategy: Strategy { min_health: 0.0, over_capacity: 0.0 }, ..app })
        }
        WorkloadKind::Deployment(_) | WorkloadKind::ReplicaSet(_) => Some(app),
        WorkloadKind::StatefulSet(set) => {
            let resident = set.claim_templates > 0;
            let strategy = if resident { Strategy::RESIDENT } else { upgrade };
            Some(App { resident, strategy, ordinals: Some(set.start_ordinal.max(0) as u32), ..app })
        }
        // No second instance fits on an agent, so some of the old ones must go first.
        WorkloadKind::DaemonSet(_) => Some(App { unique: true, strategy: Strategy::RESIDENT, ..app }),
        _ => None,
    }
}

/// The agents that an app with one instance on each may run on.
fn places_for(class: ClassId, context: &mut Context<'_>) -> u32 {
    let Context { cluster, places, .. } = context;
    let fits = |row: &usize| {
        let node = NodeId(*row as u32);
        places.matches(cluster, class, node)
            && cluster.nodes.class_of(node).first_untolerated(&cluster.classes[class]).is_none()
    };
    cluster.nodes.present.iter().filter(fits).count() as u32
}
