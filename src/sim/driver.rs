//! The driver: one thread, one run, from the first event to the stop rule.

use super::api_server::{ApiServer, PodRequest};
use super::faults::{Faults, Strike};
use super::latency::Clients;
use super::queue::{Class, EventQueue};
use super::record::{Observer, Record, View};
use super::setup::{Action, FaultKind, Setup, Source, StopRule, Submission, SubmissionName};
use super::world::{Arrival, Context, World};
use super::{Balance, Timing};
use crate::api::{Behavior, Node, Object, Pod, PodPhase, Taint, TaintEffect};
use crate::base::ids::{NodeId, PoolId};
use crate::base::rng::{Purpose, key_of};
use crate::base::{Diagnostic, Map, Span, Stream, Streams, Symbol, Time};
use crate::cluster::{Cluster, PodName, PodRef, ReadyStatus, WorkloadKind};
use crate::control::node_lifecycle::NOT_READY;
use crate::control::{Client, Command, Control, ControlPlane, Event, PodStatus, Write};
use crate::control::{ContainerIndex, RuntimeCommand, RuntimeEvent};
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
    /// A write reaches the API server.
    Commit(Client, Box<Write>),
    /// A watch delivers.
    Deliver(Box<Event>),
    /// A machine fails or is repaired.
    Strike(Strike),
    /// A person does something.
    Action(usize),
    /// An object of a manifest is created.
    Object(usize),
    /// The next submission of a source is due.
    Submit(usize),
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

/// Events between two looks at the progress display.
const TICK_EVERY: u64 = 4096;

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

/// A run in progress.
struct Run<'o> {
    now: Time,
    events: u64,
    queue: EventQueue<Happening>,
    inbox: VecDeque<Event>,
    commands: Vec<Command>,
    control: ControlPlane,
    cluster: Cluster,
    api: ApiServer,
    world: World,
    clients: Clients,
    faults: Faults,
    observer: &'o mut dyn Observer,
    timing: Timing,
    streams: Streams,
    /// Draws of API latencies, one after the other.
    api_draws: Stream,
    /// The latest delivery of each kind of object: watches keep the order.
    delivered: [Time; 3],
    default_behavior: Behavior,
    stop: StopRule,
    check_invariants: bool,
    sources: Vec<Box<dyn Source>>,
    /// The next submission of each source.
    upcoming: Vec<Option<Submission>>,
    objects: Vec<Option<Object>>,
    actions: Vec<Option<Action>>,
    setup_nodes: Vec<(Arc<Node>, PoolId)>,
    bound_pods: Vec<(Pod, usize)>,
    /// When each node's lease is renewed, as an offset into the period, and since when.
    heartbeat: Vec<(Span, Time)>,
    lease_renewal: Span,
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
}

impl<'o> Run<'o> {
    fn new(setup: Setup, observer: &'o mut dyn Observer) -> Run<'o> {
        let streams = Streams::new(setup.seed);
        let mut config = setup.control;
        config.seed = setup.seed;
        config.scheduler.attempt = setup.timing.scheduling_attempt;
        let mut cluster = Cluster::default();
        cluster.default_toleration = config.nodes.default_toleration;
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
            queue,
            inbox: VecDeque::new(),
            commands: Vec::new(),
            control: ControlPlane::new(&config),
            cluster,
            api: ApiServer::default(),
            world: World::default(),
            clients: Clients::new(&setup.timing),
            faults: Faults::new(setup.faults, setup.nodes.len(), streams),
            observer,
            streams,
            api_draws: streams.stream(Purpose::Latency, 0),
            timing: setup.timing,
            delivered: [Time::ZERO; 3],
            default_behavior: setup.default_behavior,
            stop: setup.stop,
            check_invariants: setup.check_invariants,
            upcoming: setup.sources.iter().map(|_| None).collect(),
            sources: setup.sources,
            objects: setup.objects.into_iter().map(|(_, object)| Some(object)).collect(),
            actions: setup.actions.into_iter().map(|(_, action)| Some(action)).collect(),
            setup_nodes: setup.nodes.into_iter().map(|node| (node.node, node.pool)).collect(),
            bound_pods: setup.bound_pods,
            heartbeat: Vec::new(),
            lease_renewal: config.nodes.lease_renewal,
            entity_bases: Map::default(),
            bases: Map::default(),
            pending_failures: 0,
            lingering: Vec::new(),
            open_pods: 0,
            open_pod_rows: Vec::new(),
        }
    }

    /// What exists before the first event: nodes, bound pods, the first strikes and submissions.
    fn begin(&mut self) -> Result<(), RunError> {
        for (row, (node, pool)) in std::mem::take(&mut self.setup_nodes).into_iter().enumerate() {
            self.add_node(NodeId(row as u32), &node, pool);
        }
        self.deliver_inbox();
        for (pod, node) in std::mem::take(&mut self.bound_pods) {
            self.create_pod(&pod, Some(NodeId(node as u32)));
        }
        for (at, strike) in self.faults.first() {
            self.pending_failures += u64::from(self.faults.is_random_failure(strike));
            self.queue.schedule(at, Class::FAULT, Happening::Strike(strike));
        }
        for source in 0..self.sources.len() {
            self.fetch(source)?;
        }
        Ok(())
    }

    fn run(&mut self, progress: &mut dyn Progress) -> Result<Outcome, RunError> {
        let ending = loop {
            self.decide(progress)?;
            if self.stop.when_jobs_done && self.jobs_are_done() {
                break Ending::JobsDone;
            }
            if self.stop.when_settled && self.is_settled() {
                break Ending::Settled;
            }
            let next = match (self.queue.peek(), self.control.poll_timeout()) {
                (Some(event), Some(timeout)) => event.min(timeout),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => break Ending::Settled,
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

    /// Lets the control plane do what is due at this instant, until it has nothing more to do.
    fn decide(&mut self, progress: &mut dyn Progress) -> Result<(), RunError> {
        self.deliver_inbox();
        while self.control.poll_timeout().is_some_and(|due| due <= self.now) {
            self.count_event(progress)?;
            self.control.handle_timeout(self.now, &mut self.cluster, &mut self.commands);
            self.execute();
            self.deliver_inbox();
        }
        if self.check_invariants {
            self.check().map_err(|what| RunError::Invariant(Span(self.now.0), what))?;
        }
        Ok(())
    }

    fn count_event(&mut self, progress: &mut dyn Progress) -> Result<(), RunError> {
        self.events += 1;
        if self.events.is_multiple_of(TICK_EVERY) && !progress.tick(self.now, self.events) {
            return Err(RunError::Interrupted(Span(self.now.0)));
        }
        Ok(())
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
                Command::Note(note) => self.tell("", &Record::Note(&note)),
            }
        }
        self.commands = commands;
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
        let latency = self.timing.api_write.sample_span(&mut self.api_draws);
        let at = self.clients.commit_time(client, self.now, latency);
        if at <= self.now {
            self.commit(client, write);
        } else {
            self.queue.schedule(at, Class::API, Happening::Commit(client, Box::new(write)));
        }
    }

    fn commit(&mut self, client: Client, write: Write) {
        let (observer, now) = (&mut *self.observer, self.now);
        let actor = client.name();
        let open = &mut self.open_pods;
        let rows = &mut self.open_pod_rows;
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            if let Record::PodEnded { pod, .. } | Record::PodRemoved { pod } = record
                && rows.get_mut(pod.id.index()).is_some_and(std::mem::take)
            {
                *open -= 1;
            }
            observer.record(now, record, View { cluster, actor });
        };
        let result = self.api.commit(now, write, &mut self.cluster, &mut tell);
        match result {
            Ok(None) => {}
            Ok(Some(event)) => {
                if let Event::PodAdded(new) = &event {
                    let name = self.entity_of(&new.name);
                    self.world.add_pod(new.pod, new.class, Arrival { entity: name, ..Arrival::default() });
                }
                self.announce(event);
            }
            Err(write) => self.announce(Event::Refused(Box::new(write))),
        }
    }

    /// Sends an event on its way through the watches.
    fn announce(&mut self, event: Event) {
        let latency = self.timing.watch.sample_span(&mut self.api_draws);
        let kind = match event {
            Event::NodeAdded { .. } | Event::NodeChanged { .. } | Event::NodeRemoved { .. } => 0,
            Event::WorkloadAdded { .. }
            | Event::WorkloadScaled { .. }
            | Event::WorkloadStatus { .. }
            | Event::WorkloadRemoved { .. } => 1,
            _ => 2,
        };
        let at = self.delivered[kind].max(self.now + latency);
        self.delivered[kind] = at;
        if at <= self.now {
            self.inbox.push_back(event);
        } else {
            self.queue.schedule(at, Class::API, Happening::Deliver(Box::new(event)));
        }
    }

    fn happen(&mut self, happening: Happening) -> Result<(), RunError> {
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
            Happening::Commit(client, write) => self.commit(client, *write),
            Happening::Deliver(event) => self.inbox.push_back(*event),
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
            Happening::Submit(source) => self.submit(source)?,
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

    /// Adds a node object and its machine. Nodes exist before anything is looked at, so they are in
    /// the view at once.
    fn add_node(&mut self, node: NodeId, object: &Arc<Node>, pool: PoolId) {
        let ready = if object.ready == Some(false) { ReadyStatus::False } else { ReadyStatus::True };
        self.api.create_node(node, &object.taints, ready, object.unschedulable);
        let event = Event::NodeAdded { node, object: Arc::clone(object), pool };
        self.control.handle(self.now, event, &mut self.cluster, &mut self.commands);
        self.world.add_machine(node, &self.cluster);
        let phase = self.streams.draw(Purpose::Phase, u64::from(node.0)) % self.lease_renewal.0.max(1);
        self.heartbeat.push((Span(phase), self.now));
        let nodes = &self.cluster.nodes;
        let allocatable: Vec<(String, i64)> = self
            .cluster
            .resources
            .iter()
            .enumerate()
            .map(|(id, &name)| {
                (self.cluster.names.text(name).to_owned(), nodes.allocatable[id][node.index()])
            })
            .collect();
        let zone = nodes.zones[nodes.zone[node.index()].index()].1;
        let record = Record::NodeAdded {
            node,
            pool,
            name: &object.meta.name,
            zone: self.cluster.names.text(zone),
            allocatable: &allocatable,
        };
        self.observer.record(self.now, &record, View { cluster: &self.cluster, actor: "user" });
        if ready != ReadyStatus::True {
            self.tell("user", &Record::NodeReady { node, ready });
        }
        self.execute();
    }

    fn strike(&mut self, strike: Strike) {
        let fault = &self.faults.list[strike.fault];
        let (kind, scope) = (fault.kind, fault.scope.name());
        let nodes = fault.groups[strike.group].clone();
        for node in nodes {
            let held = &mut self.faults.down[node];
            let node = NodeId(node as u32);
            if strike.begins {
                *held += 1;
                if *held == 1 {
                    self.fail(node, kind, scope);
                }
            } else {
                *held -= 1;
                if *held == 0 {
                    self.recover(node);
                }
            }
        }
        self.pending_failures -= u64::from(self.faults.is_random_failure(strike));
        if let Some((at, next)) = self.faults.next(self.now, strike) {
            self.pending_failures += u64::from(self.faults.is_random_failure(next));
            self.queue.schedule(at, Class::FAULT, Happening::Strike(next));
        }
    }

    fn fail(&mut self, node: NodeId, kind: FaultKind, scope: &'static str) {
        let containers_lost = kind == FaultKind::Crash;
        let last_renewal = self.last_renewal(node);
        self.tell("world", &Record::NodeFailed { node, containers_lost, scope, last_renewal });
        self.world.cut_off(node);
        if containers_lost {
            self.in_world(|world, context| world.lose_containers(node, context));
        }
        self.inbox.push_back(Event::KubeletStopped { node, containers_lost });
        self.inbox.push_back(Event::HeartbeatsStopped { node, last_renewal });
    }

    fn recover(&mut self, node: NodeId) {
        self.tell("world", &Record::NodeRecovered { node });
        self.heartbeat[node.index()] = (Span::ZERO, self.now);
        self.inbox.push_back(Event::KubeletStarted { node });
        self.world.reconnect(node, &mut self.inbox);
        self.inbox.push_back(Event::HeartbeatsResumed { node });
    }

    /// The latest renewal of a node's lease: every period from its phase on.
    fn last_renewal(&self, node: NodeId) -> Time {
        let (phase, since) = self.heartbeat[node.index()];
        let first = since + phase;
        if self.now < first {
            return since;
        }
        let period = self.lease_renewal.0.max(1);
        first + Span(self.now.since(first).0 / period * period)
    }

    fn act(&mut self, action: &Action) {
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "user" });
        };
        let event = match action {
            Action::Cordon(node) | Action::Uncordon(node) => {
                let cordon = matches!(action, Action::Cordon(_));
                self.api.cordon(NodeId(*node as u32), cordon, &self.cluster, &mut tell)
            }
            Action::Scale { kind, namespace, name, replicas } => {
                let names = &self.cluster.names;
                let found = names
                    .get(namespace)
                    .zip(names.get(name))
                    .and_then(|(namespace, name)| self.cluster.workloads.find(kind, namespace, name));
                let Some(workload) = found else { return };
                let write = Write::Scale { workload, replicas: *replicas };
                self.api.commit(now, write, &mut self.cluster, &mut tell).ok().flatten()
            }
        };
        if let Some(event) = event {
            self.announce(event);
        }
    }

    /// Creates an object of a manifest.
    fn create(&mut self, object: Object) {
        let kind = match object {
            Object::Pod(pod) => return self.create_pod(&pod, None),
            Object::Deployment(deployment) => WorkloadKind::Deployment(*deployment),
            Object::ReplicaSet(set) => WorkloadKind::ReplicaSet(*set),
            Object::Job(job) => WorkloadKind::Job(*job),
            Object::Node(node) => {
                return self.create_node(node);
            }
            // Priorities were resolved when the manifests were read.
            Object::PriorityClass(_) => return,
        };
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "user" });
        };
        let event = self.api.create_workload(now, kind, None, &mut self.cluster, &mut tell);
        self.announce(event);
    }

    /// Creates a node during the run. The API server admits it with a taint that the node
    /// life-cycle controller takes off when it has seen that the node is ready (Kubernetes 1.36,
    /// plugin/pkg/admission/nodetaint).
    fn create_node(&mut self, mut object: Box<Node>) {
        let node = NodeId(self.cluster.nodes.len() as u32);
        self.faults.down.push(0);
        let (key, effect) = (NOT_READY, TaintEffect::NoSchedule);
        let given = object.taints.iter().any(|taint| taint.key == key && taint.effect == effect);
        if !given {
            object.taints.push(Taint { key: key.into(), value: String::new(), effect });
        }
        self.add_node(node, &Arc::from(object), PoolId(0));
        if !given {
            self.tell("api-server", &Record::NodeTaint { node, key, effect, added: true });
        }
        self.deliver_inbox();
    }

    /// Creates a pod of a manifest or a dump.
    fn create_pod(&mut self, pod: &Pod, node: Option<NodeId>) {
        let priority = pod.template.spec.priority.unwrap_or(0);
        let class = self.cluster.class(&pod.template, &pod.meta.namespace, priority);
        let status =
            node.map(|_| PodStatus { phase: PodPhase::Running, ready: pod.ready, ..PodStatus::default() });
        let name = PodName::Own(pod.meta.name.as_str().into());
        let arrival =
            Arrival { entity: self.entity_of(&name), initial: node.is_some(), ..Arrival::default() };
        let request =
            PodRequest { name, class, owner: None, index: None, node, status, user: -1, estimate: None };
        self.enter_pod(request, arrival);
    }

    fn enter_pod(&mut self, request: PodRequest, arrival: Arrival) -> PodRef {
        let class = request.class;
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "user" });
        };
        let (pod, event) = self.api.create_pod(now, request, &self.cluster, &mut tell);
        self.world.add_pod(pod, class, arrival);
        self.announce(event);
        pod
    }

    /// Reads the next submission of a source.
    fn fetch(&mut self, source: usize) -> Result<(), RunError> {
        let next = self.sources[source].next()?;
        if let Some(submission) = &next {
            let at = submission.at.max(self.now);
            self.queue.schedule(at, Class::ARRIVAL, Happening::Submit(source));
        }
        self.upcoming[source] = next;
        Ok(())
    }

    fn submit(&mut self, source: usize) -> Result<(), RunError> {
        let Some(submission) = self.upcoming[source].take() else { return Ok(()) };
        let class = self.cluster.class(&submission.template, &submission.namespace, submission.priority);
        for task in 0..submission.tasks {
            let name = self.task_name(&submission, task);
            let arrival = Arrival {
                entity: self.entity_of(&name),
                run_time: submission.run_time,
                exit_code: submission.exit_code,
                initial: false,
            };
            let request = PodRequest {
                name,
                class,
                owner: None,
                index: None,
                node: None,
                status: None,
                user: submission.user,
                estimate: submission.estimate,
            };
            let pod = self.enter_pod(request, arrival);
            let rows = &mut self.open_pod_rows;
            if rows.len() <= pod.id.index() {
                rows.resize(pod.id.index() + 1, false);
            }
            rows[pod.id.index()] = true;
            self.open_pods += 1;
        }
        self.fetch(source)
    }

    fn task_name(&mut self, submission: &Submission, task: u32) -> PodName {
        match &submission.name {
            SubmissionName::Own(name) if submission.tasks == 1 => PodName::Own(name.clone()),
            SubmissionName::Own(name) => PodName::Own(format!("{name}-{}", task + 1).into()),
            SubmissionName::Numbered(base, number) if submission.tasks == 1 => {
                let base = match self.bases.get(base) {
                    Some(&symbol) => symbol,
                    None => *self.bases.entry(Arc::clone(base)).or_insert(self.cluster.names.intern(base)),
                };
                PodName::Numbered { base, number: *number }
            }
            SubmissionName::Numbered(base, number) => {
                PodName::Own(format!("{base}-{number}-{}", task + 1).into())
            }
        }
    }

    /// The key of a pod's random streams. It hangs on the name alone, so that a pod draws the same
    /// whatever else the scenario holds.
    fn entity_of(&mut self, name: &PodName) -> u64 {
        match name {
            PodName::Own(name) => key_of(name),
            PodName::Numbered { base, number } => {
                let names = &self.cluster.names;
                let key = *self.entity_bases.entry(*base).or_insert_with(|| key_of(names.text(*base)));
                key ^ (u64::from(*number) << 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            }
        }
    }

    /// Nothing runs that will end by itself, nothing is under way, and the control plane waits for
    /// nothing but its periodic looks at what cannot be helped.
    fn is_settled(&self) -> bool {
        self.world.finite == 0
            && self.inbox.is_empty()
            && self.queue.len() as u64 == self.pending_failures
            && self.control.is_settled()
    }

    fn jobs_are_done(&self) -> bool {
        let sources_done = self.upcoming.iter().all(Option::is_none) && self.open_pods == 0;
        let objects_done = self.objects.iter().all(Option::is_none) && self.inbox.is_empty();
        let jobs_done = self.cluster.workloads.iter().all(|(_, workload)| {
            !matches!(workload.kind, WorkloadKind::Job(_))
                || workload.status.end != crate::cluster::workloads::JobEnd::Open
        });
        sources_done && objects_done && jobs_done
    }

    /// Every invariant that can be checked from outside (design invariant 7).
    fn check(&self) -> Result<(), String> {
        self.cluster.check()?;
        let Balance { created, removed, .. } = self.api.balance;
        let present = self.api.pods_present();
        if created != present + removed {
            return Err(format!("{created} pods created, but {present} present and {removed} removed"));
        }
        for (index, column) in self.cluster.nodes.requested.iter().enumerate() {
            let allocatable = &self.cluster.nodes.allocatable[index];
            for node in self.cluster.nodes.present.iter() {
                if column[node] > allocatable[node] && !self.overcommit_is_given(node) {
                    return Err(format!(
                        "node row {node} has {} of resource {index} requested and {} allocatable",
                        column[node], allocatable[node]
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a dump brought more pods onto the node than it allows.
    fn overcommit_is_given(&self, node: usize) -> bool {
        self.cluster.nodes.pods[node].iter().any(|pod| self.cluster.pods.created[pod.index()] == Time::ZERO)
    }
}
