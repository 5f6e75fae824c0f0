//! The driver: one thread, one run, from the first event to the stop rule.

mod actions;
mod after;
mod checks;
mod create;
mod machines;
mod processes;

use super::api_server::ApiServer;
use super::faults::{Faults, Strike};
use super::latency::Clients;
use super::metrics::Metrics;
use super::queue::{Class, EventQueue};
use super::record::{Observer, Record, View};
use super::setup::{Action, Setup, Source, StopRule, Submission};
use super::world::{Arrival, Context, World};
use super::{Balance, Timing};
use crate::api::{Behavior, Node, Object, Pod, PodTemplate};
use crate::base::ids::{ClassId, NodeId, PoolId, WorkloadId};
use crate::base::rng::{Purpose, key_of};
use crate::base::{Diagnostic, Distribution, Location, Map, Span, Stream, Streams, Symbol, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, WorkloadKind};
use crate::control::{
    Client, Command, ContainerIndex, Control, ControlPlane, Event, NewPod, Refusal, RuntimeCommand,
    RuntimeEvent, Write,
};
use processes::{PlaneState, Turn};
use std::collections::VecDeque;
use std::sync::Arc;

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Happening {
    /// A container that is being started runs.
    Begin { pod: PodRef, container: ContainerIndex },
    /// A container ends.
    End { pod: PodRef, container: ContainerIndex },
    /// An answer of a container runtime reaches the kubelet.
    Runtime { pod: PodRef, epoch: u32, event: RuntimeEvent },
    /// What probes of a container would find changes, if it is still in the same run.
    Health { pod: PodRef, epoch: u32, run: u32, event: RuntimeEvent },
    /// What a pull costs before the transfer is over.
    Transfer { pod: PodRef, epoch: u32, container: ContainerIndex },
    /// A transfer to a machine is over.
    Transferred(NodeId),
    /// The kubelet of a machine looks whether images must be deleted.
    CollectImages(NodeId),
    /// A write reaches the API server, sent by the n-th process of its kind.
    Commit(Client, u32, Box<Write>),
    /// A watch delivers.
    Deliver(Box<Event>),
    /// The metrics API answers about an autoscaler and the pods of its target.
    Metrics(WorkloadId, Vec<PodRef>),
    /// A refusal reaches the n-th process of a kind.
    Answer(Client, u32, Box<Event>),
    /// Something happens to the control plane's processes or to the API server.
    Plane(Turn),
    /// A machine fails or is repaired.
    Strike(Strike),
    /// A person does something.
    Action(usize),
    /// An object of a manifest is created.
    Object(usize),
    /// The next submission of a source is due.
    Submit(usize),
    /// A submission of a source that has waited for others is due.
    Freed(Box<after::Waiting>),
}

/// How far a run has come, for a progress display; it may ask the run to stop.
pub trait Progress {
    /// Called now and then. `false` interrupts the run.
    fn tick(&mut self, now: Time, events: u64) -> bool;
}

/// Shows nothing and never interrupts.
impl Progress for () {
    fn tick(&mut self, _now: Time, _events: u64) -> bool {
        true
    }
}

/// Why a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The time that the stop rule names was reached.
    TimeReached,
    /// Nothing was left that could happen, or that could change anything.
    Settled,
    /// Every job had ended.
    JobsDone,
}

/// What a run has come to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it ended.
    pub end: Time,
    /// Why it ended.
    pub ending: Ending,
    /// How many events happened.
    pub events: u64,
    /// The count of pods at the end.
    pub balance: Balance,
    /// Pod objects that exist at the end.
    pub pods_present: u64,
}

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An input turned out to be unusable while it was read.
    #[error(transparent)]
    Input(#[from] Diagnostic),
    /// A person interrupted it.
    #[error("interrupted at {0}")]
    Interrupted(Span),
    /// An invariant does not hold: a bug.
    #[error("invariant broken at {0}: {1}")]
    Invariant(Span, String),
}

/// How long the API server waits, in seconds, before it repeats an eviction that met another write of the
/// same budget: 500 ms and up to a tenth more (EvictionsRetry in pkg/registry/core/pod/storage/eviction.go).
const EVICTION_RETRY: Distribution = Distribution::Uniform { min: 0.5, max: 0.55 };
/// Events between two looks at the progress display.
const TICK_EVERY: u64 = 4096;
/// More events than this at one instant, and more than so many for each pod there is, follow from
/// each other without end: pods that arrive at once need about ten each.
const MAX_AT_ONCE: u64 = 1_000_000;
const MAX_AT_ONCE_PER_POD: u64 = 100;

/// Runs a setup to its end.
pub fn run(
    setup: Setup,
    observer: &mut dyn Observer,
    progress: &mut dyn Progress,
) -> Result<Outcome, RunError> {
    let mut run = Run::new(setup, observer);
    run.begin()?;
    run.run(progress)
}

/// A class and what it was compiled from: most submissions of a source have the same.
struct LatestClass {
    template: Arc<PodTemplate>,
    namespace: Arc<str>,
    priority: i32,
    class: ClassId,
}

/// A run in progress.
struct Run<'o> {
    now: Time,
    events: u64,
    /// The instant of the last event, and the number of events before it.
    instant: (Time, u64),
    queue: EventQueue<Happening>,
    inbox: VecDeque<Event>,
    commands: Vec<Command>,
    control: ControlPlane,
    cluster: Cluster,
    api: ApiServer,
    world: World,
    metrics: Metrics,
    clients: Clients,
    plane: PlaneState,
    faults: Faults,
    observer: &'o mut dyn Observer,
    timing: Timing,
    streams: Streams,
    /// Draws of API latencies, one after the other.
    api_draws: Stream,
    event_draws: Stream,
    /// The latest delivery of each kind of object: watches keep the order.
    delivered: [Time; 3],
    default_behavior: Behavior,
    stop: StopRule,
    check_invariants: bool,
    sources: Vec<Box<dyn Source>>,
    /// The next submission of each source.
    upcoming: Vec<Option<Submission>>,
    /// The class of the latest submission of each source.
    latest: Vec<Option<LatestClass>>,
    objects: Vec<Option<Object>>,
    actions: Vec<Option<Action>>,
    setup_nodes: Vec<(Arc<Node>, PoolId)>,
    bound_pods: Vec<(Pod, usize)>,
    heartbeats: Vec<machines::Heartbeats>,
    lease: machines::Lease,
    registered: Option<Span>,
    /// Keys of random streams by the base of a pod's name.
    entity_bases: Map<Symbol, u64>,
    bases: Map<Arc<str>, Symbol>,
    /// Random failures that are due. They come for ever and never help a waiting pod.
    pending_failures: u64,
    /// Pods whose object is gone while something of them is left on a machine.
    lingering: Vec<PodRef>,
    /// Pods of sources that have not ended.
    open_pods: u64,
    open_pod_rows: Vec<bool>,
    waits: after::Waits,
    /// How many submissions there were, if the control plane wants to know what was said of them.
    submissions: Option<u64>,
}

impl<'o> Run<'o> {
    fn new(setup: Setup, observer: &'o mut dyn Observer) -> Run<'o> {
        let streams = Streams::new(setup.seed);
        let mut config = setup.control;
        config.seed = setup.seed;
        config.scheduler.attempt = setup.timing.scheduling_attempt;
        let mut cluster = Cluster::default();
        cluster.default_toleration = config.nodes.default_toleration;
        cluster.counts_pod_resizes = config.version.compat().counts_pod_resizes;
        let mut queue = EventQueue::new();
        for (index, (at, _)) in setup.actions.iter().enumerate() {
            queue.schedule(*at, Class::ACTION, Happening::Action(index));
        }
        for (index, (at, _)) in setup.objects.iter().enumerate() {
            queue.schedule(*at, Class::ARRIVAL, Happening::Object(index));
        }
        Run {
            now: Time::ZERO,
            events: 0,
            instant: (Time::ZERO, 0),
            queue,
            inbox: VecDeque::new(),
            commands: Vec::new(),
            control: ControlPlane::new(&config),
            cluster,
            api: ApiServer::default(),
            world: World::new(&config.kubelet),
            metrics: Metrics::new(setup.metrics, config.clock, setup.default_behavior.clone(), streams),
            clients: Clients::new(&setup.timing),
            plane: PlaneState::new(setup.plane, streams),
            faults: Faults::new(setup.faults, setup.nodes.len(), streams),
            observer,
            streams,
            api_draws: streams.stream(Purpose::Latency, 0),
            event_draws: streams.stream(Purpose::Latency, key_of("events")),
            timing: setup.timing,
            delivered: [Time::ZERO; 3],
            default_behavior: setup.default_behavior,
            stop: setup.stop,
            check_invariants: setup.check_invariants,
            upcoming: setup.sources.iter().map(|_| None).collect(),
            latest: setup.sources.iter().map(|_| None).collect(),
            sources: setup.sources,
            objects: setup.objects.into_iter().map(|(_, object)| Some(object)).collect(),
            actions: setup.actions.into_iter().map(|(_, action)| Some(action)).collect(),
            setup_nodes: setup.nodes.into_iter().map(|node| (node.node, node.pool)).collect(),
            bound_pods: setup.bound_pods,
            heartbeats: Vec::new(),
            lease: machines::Lease { renewal: config.nodes.lease_renewal, jitter: config.nodes.lease_jitter },
            registered: setup.registered,
            entity_bases: Map::default(),
            bases: Map::default(),
            pending_failures: 0,
            lingering: Vec::new(),
            open_pods: 0,
            open_pod_rows: Vec::new(),
            waits: after::Waits::default(),
            submissions: config.plane.wants_job_facts().then_some(0),
        }
    }

    /// What exists before the first event: nodes, bound pods, the first strikes and submissions.
    fn begin(&mut self) -> Result<(), RunError> {
        for (row, (node, pool)) in std::mem::take(&mut self.setup_nodes).into_iter().enumerate() {
            self.add_node(NodeId(row as u32), &node, pool, &[]);
        }
        self.deliver_inbox();
        for (pod, node) in std::mem::take(&mut self.bound_pods) {
            self.create_pod(&pod, Some(NodeId(node as u32)));
        }
        for (at, strike) in self.faults.first() {
            self.pending_failures += u64::from(self.faults.is_random_failure(strike));
            self.queue.schedule(at, Class::FAULT, Happening::Strike(strike));
        }
        self.plan_control_faults();
        self.join_dependencies();
        for source in 0..self.sources.len() {
            self.fetch(source)?;
        }
        Ok(())
    }

    fn run(&mut self, progress: &mut dyn Progress) -> Result<Outcome, RunError> {
        let ending = loop {
            let timeout = self.decide(progress)?;
            if self.stop.when_jobs_done && self.jobs_are_done() {
                break Ending::JobsDone;
            }
            if self.stop.when_settled && self.is_settled() {
                break Ending::Settled;
            }
            let next = match (self.queue.peek(), timeout) {
                (Some(event), Some(timeout)) => event.min(timeout),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => match self.stop.at {
                    // Services go on although nothing happens to them.
                    Some(at) if !self.stop.when_settled && !self.stop.when_jobs_done => {
                        self.now = at;
                        break Ending::TimeReached;
                    }
                    _ => break Ending::Settled,
                },
            };
            if let Some(at) = self.stop.at
                && next > at
            {
                self.now = at;
                break Ending::TimeReached;
            }
            self.now = self.now.max(next);
            while self.queue.peek() == Some(self.now) {
                let (_, happening) = self.queue.pop().expect("the queue has just shown it");
                self.count_event(progress)?;
                self.happen(happening)?;
                self.deliver_inbox();
            }
        };
        self.observer.finish(self.now, View { cluster: &self.cluster, actor: "" });
        Ok(Outcome {
            end: self.now,
            ending,
            events: self.events,
            balance: self.api.balance,
            pods_present: self.api.pods_present(),
        })
    }

    /// Lets the control plane do what is due at this instant, until it has nothing more to do; says
    /// when it will have.
    fn decide(&mut self, progress: &mut dyn Progress) -> Result<Option<Time>, RunError> {
        self.deliver_inbox();
        let mut timeout = self.control.poll_timeout();
        while timeout.is_some_and(|due| due <= self.now) {
            self.count_event(progress)?;
            self.control.handle_timeout(self.now, &mut self.cluster, &mut self.commands);
            self.execute();
            self.deliver_inbox();
            timeout = self.control.poll_timeout();
        }
        if self.check_invariants {
            self.check().map_err(|what| RunError::Invariant(Span(self.now.0), what))?;
        }
        Ok(timeout)
    }

    fn count_event(&mut self, progress: &mut dyn Progress) -> Result<(), RunError> {
        self.events += 1;
        if self.instant.0 != self.now {
            self.instant = (self.now, self.events);
        }
        if !self.events.is_multiple_of(TICK_EVERY) {
            return Ok(());
        }
        let at_once = self.events - self.instant.1;
        if at_once > MAX_AT_ONCE && at_once > MAX_AT_ONCE_PER_POD * self.api.pods_present() {
            return Err(self.never_ends(at_once).into());
        }
        if !progress.tick(self.now, self.events) {
            return Err(RunError::Interrupted(Span(self.now.0)));
        }
        Ok(())
    }

    /// Without latencies, pods that end or are evicted at once are replaced at once, for ever.
    fn never_ends(&self, events: u64) -> Diagnostic {
        let message = format!(
            "at {} {events} events have followed each other without any time passing: pods are replaced as \
             soon as they end",
            Span(self.now.0)
        );
        Diagnostic::error(Location::file("the run"), message)
            .help("let something take time: `timing: kubernetes`, a toleration of more than 0 s, a run time")
    }

    /// Delivers what has arrived, and what follows from it at the same instant.
    fn deliver_inbox(&mut self) {
        while let Some(event) = self.inbox.pop_front() {
            let removed = if let Event::PodRemoved { pod } = event { Some(pod) } else { None };
            self.control.handle(self.now, event, &mut self.cluster, &mut self.commands);
            self.execute();
            if let Some(pod) = removed {
                self.lingering.push(pod);
                self.release_lingering();
            }
        }
    }

    /// Carries out the control plane's commands.
    fn execute(&mut self) {
        if self.commands.is_empty() {
            return;
        }
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            match command {
                Command::Write(client, write) => self.write(client, write),
                Command::Runtime(pod, command) => {
                    let node = self.api.pod(pod).and_then(|row| row.node);
                    self.in_world(|world, context| world.command(pod, node, command, context));
                    if command == RuntimeCommand::TearDown {
                        self.release_lingering();
                    }
                }
                Command::Query { autoscaler, pods } => {
                    let latency = self.timing.metrics_query.sample_span(&mut self.api_draws);
                    if latency == Span::ZERO {
                        self.measure(autoscaler, &pods);
                    } else {
                        let happening = Happening::Metrics(autoscaler, pods);
                        self.queue.schedule(self.now + latency, Class::API, happening);
                    }
                }
                Command::Note(note) => self.tell("", &Record::Note(&note)),
            }
        }
        self.commands = commands;
    }

    /// The metrics API answers about an autoscaler, unless that is gone.
    fn measure(&mut self, autoscaler: WorkloadId, pods: &[PodRef]) {
        let Run { metrics, api, cluster, world, .. } = self;
        let Some(row) = api.workload(autoscaler) else { return };
        if let WorkloadKind::HorizontalPodAutoscaler(hpa) = &row.kind {
            let readings = metrics.answer(self.now, hpa, pods, cluster, world);
            self.inbox.push_back(Event::Metrics { autoscaler, readings });
        }
    }

    /// Frees the rows of removed pods of which nothing is left on their machines.
    fn release_lingering(&mut self) {
        let (api, world) = (&mut self.api, &self.world);
        self.lingering.retain(|&pod| {
            let clear = world.is_clear(pod);
            if clear {
                api.release(pod);
            }
            !clear
        });
    }

    fn write(&mut self, client: Client, write: Write) {
        let mut latency = self.timing.api_write.sample_span(&mut self.api_draws);
        if matches!(write, Write::CreatePod { .. }) && self.api.has_quotas() {
            // The request writes the status of the quota before the pod.
            latency += self.timing.api_write.sample_span(&mut self.api_draws);
        }
        if !self.plane.slow_writes.is_empty() {
            latency = self.plane.slowed(latency);
        }
        // The node life-cycle controller writes that a node is silent, and then that its pods are not
        // ready, one after the other.
        let at = match write {
            Write::PodNotReady { .. } => self.clients.commit_in_turn(client, self.now, latency),
            Write::NodeReady { ready: ReadyStatus::Unknown, .. } => {
                self.clients.commit_ahead_of_row(client, self.now, latency)
            }
            _ => self.clients.commit_time(client, self.now, latency),
        };
        self.record_event(client, &write, at);
        if at <= self.now {
            self.commit(client, write);
        } else {
            let sender = self.plane.sender(client);
            self.queue.schedule(at, Class::API, Happening::Commit(client, sender, Box::new(write)));
        }
    }

    /// Controllers tell people of the pods that they have created, deleted and found on silent nodes, and
    /// of those that they are about to evict.
    fn record_event(&mut self, client: Client, write: &Write, at: Time) {
        use Client::{DaemonSet, Job, ReplicaSet, StatefulSet, TaintEviction};
        let (at, about) = match (client, write) {
            (_, Write::CreatePod { owner, .. }) => (at, Some(*owner)),
            (ReplicaSet | Job | StatefulSet | DaemonSet, Write::DeletePod { pod, .. }) => {
                (at, self.cluster.pods.owner[pod.id.index()])
            }
            (_, Write::PodNotReady { .. }) => (at, None),
            (TaintEviction, Write::DeletePod { .. }) => (self.now, None),
            _ => return,
        };
        let latency = self.timing.event_write.sample_span(&mut self.event_draws);
        self.clients.record_event(client, at, latency, about);
    }

    fn commit(&mut self, client: Client, write: Write) {
        if self.plane.api_is_down() {
            return self.answer(client, Event::Refused(Box::new(write), Refusal::Unavailable));
        }
        if let Write::EvictPod { pod, .. } = write
            && self.eviction_must_wait(pod)
        {
            let sender = self.plane.sender(client);
            let again = Happening::Commit(client, sender, Box::new(write));
            let wait = EVICTION_RETRY.sample_span(&mut self.api_draws);
            self.queue.schedule(self.now + wait, Class::API, again);
            return;
        }
        let model = if let Write::Resubmit { pod, .. } = &write { Some(*pod) } else { None };
        let (observer, now) = (&mut *self.observer, self.now);
        let actor = client.name();
        let open = &mut self.open_pods;
        let rows = &mut self.open_pod_rows;
        let waits = &mut self.waits;
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            if let Record::PodEnded { pod, .. } | Record::PodRemoved { pod } = record
                && rows.get_mut(pod.id.index()).is_some_and(std::mem::take)
            {
                *open -= 1;
                waits.pod_ended(now, *pod);
            }
            observer.record(now, record, View { cluster, actor });
        };
        let result = self.api.commit(now, write, &mut self.cluster, &mut tell);
        self.plan_freed();
        self.announce_side_events();
        match result {
            Ok(None) => {}
            Ok(Some(event)) => {
                if let Event::PodAdded(new) = &event {
                    self.enter_created(new, model);
                }
                self.announce(event);
            }
            Err((write, why)) if client == Client::User => self.request_refused(write, why),
            Err((write, why)) => self.answer(client, Event::Refused(Box::new(write), why)),
        }
    }

    /// Enters a pod that the control plane has created in the world. One that is like another pod has the
    /// same work to do, and counts among a source's if the other did.
    fn enter_created(&mut self, new: &NewPod, model: Option<PodRef>) {
        let entity = self.entity_of(&new.name);
        let arrival = model.map_or(Arrival::default(), |model| self.world.arrival_of(model));
        self.world.add_pod(new.pod, new.class, Arrival { entity, ..arrival });
        let is_open = |pod: PodRef| self.open_pod_rows.get(pod.id.index()).is_some_and(|open| *open);
        if model.is_some_and(is_open) {
            let row = new.pod.id.index();
            if self.open_pod_rows.len() <= row {
                self.open_pod_rows.resize(row + 1, false);
            }
            self.open_pod_rows[row] = true;
            self.open_pods += 1;
        }
    }

    /// Whether an eviction conflicts with another request about the same disruption budget.
    fn eviction_must_wait(&mut self, pod: PodRef) -> bool {
        if !self.api.has_budgets() {
            return false;
        }
        let pace = self.timing.api_write.sample_span(&mut self.api_draws);
        self.api.eviction_conflicts(self.now, pod, pace, &self.cluster)
    }

    /// Announces what the latest commit has changed on the way.
    pub(super) fn announce_side_events(&mut self) {
        for event in self.api.take_side_events() {
            self.announce(event);
        }
    }

    /// Sends an event on its way through the watches.
    fn announce(&mut self, event: Event) {
        let at = self.delivery(&event);
        if at <= self.now {
            self.receive(event);
        } else {
            self.queue.schedule(at, Class::API, Happening::Deliver(Box::new(event)));
        }
    }

    /// When an event that is sent now is delivered: after all that were sent before it.
    fn delivery(&mut self, event: &Event) -> Time {
        let mut latency = self.timing.watch.sample_span(&mut self.api_draws);
        if !self.plane.watch_delays.is_empty() {
            latency = self.plane.delayed(latency);
        }
        let kind = match event {
            Event::NodeAdded { .. } | Event::NodeChanged { .. } | Event::NodeRemoved { .. } => 0,
            Event::WorkloadAdded { .. }
            | Event::WorkloadScaled { .. }
            | Event::WorkloadChanged { .. }
            | Event::WorkloadStatus { .. }
            | Event::WorkloadDeleting { .. }
            | Event::WorkloadRemoved { .. } => 1,
            _ => 2,
        };
        let at = self.delivered[kind].max(self.now + latency);
        self.delivered[kind] = at;
        at
    }

    fn happen(&mut self, happening: Happening) -> Result<(), RunError> {
        if self.plane.api_is_down() && self.needs_the_api_server(&happening) {
            self.plane.waiting.push(happening);
            return Ok(());
        }
        match happening {
            Happening::Begin { pod, container } => {
                self.in_world(|world, context| world.begin(pod, container, context));
            }
            Happening::End { pod, container } => {
                self.in_world(|world, context| world.end(pod, container, context));
            }
            Happening::Runtime { pod, epoch, event } => {
                self.world.deliver(pod, epoch, event, &mut self.inbox);
            }
            Happening::Health { pod, epoch, run, event } => {
                self.world.deliver_health(pod, epoch, run, event, &mut self.inbox);
            }
            Happening::Transfer { pod, epoch, container } => {
                self.in_world(|world, context| world.transfer(pod, epoch, container, context));
            }
            Happening::Transferred(node) => {
                self.in_world(|world, context| world.transferred(node, context));
            }
            Happening::CollectImages(node) => {
                self.in_world(|world, context| world.collect_images(node, context));
            }
            Happening::Metrics(autoscaler, pods) => self.measure(autoscaler, &pods),
            Happening::Commit(client, sender, write) => {
                if sender == self.plane.sender(client) {
                    self.commit(client, *write);
                }
            }
            Happening::Deliver(event) => self.receive(*event),
            Happening::Answer(client, sender, event) => {
                if sender == self.plane.sender(client) {
                    self.inbox.push_back(*event);
                }
            }
            Happening::Plane(turn) => self.turn(turn),
            Happening::Strike(strike) => self.strike(strike),
            Happening::Action(index) => {
                if let Some(action) = self.actions[index].take() {
                    self.act(&action);
                }
            }
            Happening::Object(index) => {
                if let Some(object) = self.objects[index].take() {
                    self.create(object);
                }
            }
            Happening::Submit(source) => self.submit_next(source)?,
            Happening::Freed(waiting) => self.submit_freed(&waiting),
        }
        Ok(())
    }

    fn tell(&mut self, actor: &'static str, record: &Record<'_>) {
        self.observer.record(self.now, record, View { cluster: &self.cluster, actor });
    }

    fn in_world(&mut self, act: impl FnOnce(&mut World, &mut Context<'_>)) {
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "world" });
        };
        let mut context = Context {
            now,
            queue: &mut self.queue,
            inbox: &mut self.inbox,
            cluster: &self.cluster,
            timing: &self.timing,
            streams: self.streams,
            default_behavior: &self.default_behavior,
            tell: &mut tell,
        };
        act(&mut self.world, &mut context);
    }
}
