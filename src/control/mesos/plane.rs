//! The control plane of a Mesos cluster: a master and its frameworks, told of what happens.
//!
//! Messages between them take no time of their own; launching and killing tasks are writes to the API
//! server as under any other control plane. A framework's answer to an offer may take a while.

use super::agents::{TaskFate, Turn, fate};
use super::allocator::{AgentKey, FrameworkKey, RoleKey};
use super::batch::framework::BatchFramework;
use super::framework::{Context, Framework, Offer};
use super::marathon::framework::Marathon;
use super::marathon::wants::Call;
use super::master::Master;
use super::needs::needs;
use super::offers::OfferId;
use super::rounds::Cause;
use super::settings::{FrameworkKind, FrameworkSettings, Settings};
use crate::base::ids::{NodeId, PodId, WorkloadId};
use crate::base::{Map, Span, Streams, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, Reason, WorkloadKind};
use crate::control::kubelet::Affinities;
use crate::control::{
    About, Client, Command, Component, Config, Event, NewPod, NodeChange, Note, PodBefore, Topic, Write,
};
use std::collections::BTreeSet;

/// The name under which the master writes.
const MASTER: &str = "mesos-master";

/// A framework that is registered.
struct Registered {
    name: String,
    key: FrameworkKey,
    role: RoleKey,
    /// Which of the settings' frameworks it is of, and the user it is for.
    sort: (usize, Option<i32>),
    client: &'static str,
    inner: Box<dyn Framework>,
}

/// See the module's description.
pub(super) struct Mesos {
    settings: Settings,
    streams: Streams,
    /// None until something has been seen.
    master: Option<Master>,
    frameworks: Vec<Registered>,
    places: Affinities,
    pods: Map<PodRef, usize>,
    workloads: Map<WorkloadId, usize>,
    /// Offers that frameworks think about: when they answer, who.
    thinking: BTreeSet<(Time, OfferId, usize)>,
    /// When something last happened that could help a task that waits.
    news: Time,
    now: Time,
}

impl Mesos {
    pub(super) fn new(config: &Config, settings: &Settings) -> Mesos {
        Mesos {
            settings: settings.clone(),
            streams: Streams::new(config.seed),
            master: None,
            frameworks: Vec::new(),
            places: Affinities::default(),
            pods: Map::default(),
            workloads: Map::default(),
            thinking: BTreeSet::new(),
            news: Time::ZERO,
            now: Time::ZERO,
        }
    }

    /// Begins, with the frameworks that are there from the start.
    fn begin(&mut self, cluster: &mut Cluster) {
        self.master = Some(Master::new(&self.settings, self.streams, cluster));
        for sort in 0..self.settings.frameworks.len() {
            if !self.settings.frameworks[sort].per_user {
                self.register((sort, None));
            }
        }
    }

    /// Registers a framework of a sort.
    fn register(&mut self, sort: (usize, Option<i32>)) -> usize {
        let settings = &self.settings.frameworks[sort.0];
        let below = sort.1.map_or_else(String::new, |user| format!("/user-{user}"));
        let (client, inner): (_, Box<dyn Framework>) = match &settings.kind {
            FrameworkKind::Marathon(marathon) => ("marathon", Box::new(Marathon::new(marathon))),
            FrameworkKind::Batch(batch) => ("batch-framework", Box::new(BatchFramework::new(batch))),
        };
        let (name, role) = (format!("{}{below}", settings.name), format!("{}{below}", settings.role));
        let master = self.master.as_mut().expect("the master begins before frameworks");
        let role = master.allocator.role(&role);
        let key = master.allocator.add_framework(&[role]);
        master.note(Cause::FrameworkActive);
        self.frameworks.push(Registered { name, key, role, sort, client, inner });
        self.frameworks.len() - 1
    }

    /// Lets a framework do something.
    fn with<R>(
        &mut self,
        framework: usize,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
        act: impl FnOnce(&mut dyn Framework, &mut Context<'_>) -> R,
    ) -> R {
        let Registered { inner, client, .. } = &mut self.frameworks[framework];
        let mut context =
            Context { now: self.now, cluster, places: &mut self.places, out, streams: self.streams, client };
        act(inner.as_mut(), &mut context)
    }

    fn master(&mut self) -> &mut Master {
        self.master.as_mut().expect("it has begun")
    }

    /// The framework that looks after a workload that is new.
    fn taker_of_workload(&mut self, id: WorkloadId, cluster: &Cluster) -> Option<usize> {
        let object = &cluster.workloads[id];
        let batch = match &object.kind {
            WorkloadKind::Job(_) => true,
            WorkloadKind::Deployment(_)
            | WorkloadKind::ReplicaSet(_)
            | WorkloadKind::StatefulSet(_)
            | WorkloadKind::DaemonSet(_) => false,
            _ => return None,
        };
        let namespace = cluster.names.text(object.namespace);
        let labels = object.kind.template().map(|template| &template.labels);
        let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(String::as_str);
        let sort = self.sort_of(batch, namespace, None, &label)?;
        Some(self.of_sort(sort, -1))
    }

    /// The framework that looks after a pod that nobody owns.
    fn taker_of_pod(&mut self, pod: PodId, cluster: &Cluster) -> Option<usize> {
        let class = &cluster.classes[cluster.pods.class[pod.index()]];
        let namespace = cluster.names.text(class.namespace);
        let facts = cluster.jobs.of(pod);
        let job = facts.map(|job| (job.user, job.origin.queue));
        let label = |key: &str| class.template.labels.get(key).map(String::as_str);
        let sort = self.sort_of(true, namespace, job, &label)?;
        Some(self.of_sort(sort, facts.map_or(-1, |job| job.user)))
    }

    fn sort_of<'l>(
        &self,
        batch: bool,
        namespace: &str,
        job: Option<(i32, i32)>,
        label: &dyn Fn(&str) -> Option<&'l str>,
    ) -> Option<usize> {
        let takes = |settings: &FrameworkSettings| {
            let takes = &settings.takes;
            matches!(settings.kind, FrameworkKind::Batch(_)) == batch
                && (takes.namespaces.is_empty() || takes.namespaces.iter().any(|name| name == namespace))
                && (takes.users.is_empty() || job.is_some_and(|(user, _)| takes.users.contains(&user)))
                && (takes.queues.is_empty() || job.is_some_and(|(_, queue)| takes.queues.contains(&queue)))
                && takes.labels.iter().all(|(key, value)| label(key) == Some(value.as_str()))
        };
        self.settings.frameworks.iter().position(takes)
    }

    /// The framework of a sort, or of a sort for a user.
    fn of_sort(&mut self, sort: usize, user: i32) -> usize {
        let sort = (sort, self.settings.frameworks[sort].per_user.then_some(user));
        let known = self.frameworks.iter().position(|one| one.sort == sort);
        known.unwrap_or_else(|| self.register(sort))
    }

    fn pod_added(&mut self, new: &NewPod, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let row = new.pod.id;
        let taker = match new.owner {
            Some(owner) => self.workloads.get(&owner).copied(),
            None => self.taker_of_pod(row, cluster),
        };
        let node = cluster.pods.node[row.index()];
        if node.is_none() {
            // A launch that its predecessor has asked for.
            cluster.displace(row);
        }
        if let Some(node) = node.filter(|_| !cluster.pods.phase[row.index()].is_terminal()) {
            self.charge(new.pod, node, taker, cluster);
        }
        if let Some(framework) = taker {
            self.pods.insert(new.pod, framework);
            self.with(framework, cluster, out, |inner, context| inner.pod_added(new.pod, context));
        }
    }

    fn charge(&mut self, pod: PodRef, node: NodeId, taker: Option<usize>, cluster: &Cluster) {
        let amounts = needs(&cluster.classes[cluster.pods.class[pod.id.index()]]);
        let taker = taker.map(|framework| (self.frameworks[framework].key, self.frameworks[framework].role));
        self.master().charge(pod, node, amounts, taker);
    }

    fn pod_bound(&mut self, pod: PodRef, node: NodeId, cluster: &Cluster) {
        // Somebody else has bound it.
        if !self.master().knows(pod) {
            let taker = self.pods.get(&pod).copied();
            self.charge(pod, node, taker, cluster);
        }
    }

    fn pod_changed(&mut self, pod: PodRef, before: PodBefore, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let ended = cluster.pods.get(pod).is_some_and(|row| cluster.pods.phase[row.index()].is_terminal());
        if ended {
            self.master().release(pod);
        }
        if let Some(&framework) = self.pods.get(&pod) {
            self.with(framework, cluster, out, |inner, context| inner.pod_changed(pod, before, context));
        }
    }

    fn pod_removed(&mut self, pod: PodRef, cluster: &mut Cluster, out: &mut Vec<Command>) {
        self.master().release(pod);
        if let Some(framework) = self.pods.remove(&pod) {
            self.with(framework, cluster, out, |inner, context| inner.pod_removed(pod, context));
        }
    }

    fn workload_added(&mut self, id: WorkloadId, cluster: &mut Cluster, out: &mut Vec<Command>) {
        if let Some(framework) = self.taker_of_workload(id, cluster) {
            self.workloads.insert(id, framework);
            self.with(framework, cluster, out, |inner, context| inner.workload_changed(id, context));
        }
    }

    fn refused(&mut self, write: &Write, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let framework = match write {
            Write::Bind { pod, .. } => {
                self.master().release(*pod);
                if let Some(row) = cluster.pods.get(*pod)
                    && cluster.pods.node[row.index()].is_none()
                {
                    cluster.displace(row);
                }
                self.pods.get(pod)
            }
            Write::CreatePod { owner, .. } => self.workloads.get(owner),
            _ => None,
        };
        if let Some(&framework) = framework {
            self.with(framework, cluster, out, |inner, context| inner.refused(write, context));
        }
    }

    fn node_changed(
        &mut self,
        node: NodeId,
        change: &NodeChange,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match change {
            NodeChange::Unschedulable(drained) => self.master().set_drained(AgentKey(node.0), *drained),
            NodeChange::Taints(_) => self.agents_changed(cluster, out),
            NodeChange::Ready(_) | NodeChange::MemoryPressure(_) => {}
        }
    }

    fn agents_changed(&mut self, cluster: &mut Cluster, out: &mut Vec<Command>) {
        for framework in 0..self.frameworks.len() {
            self.with(framework, cluster, out, |inner, context| inner.agents_changed(context));
        }
    }

    /// Tells frameworks what became of tasks whose agent takes a turn.
    fn turn(&mut self, turn: Turn, tasks: &[PodRef], cluster: &mut Cluster, out: &mut Vec<Command>) {
        for &pod in tasks {
            let Some(&framework) = self.pods.get(&pod) else { continue };
            let becomes = fate(turn, self.frameworks[framework].inner.capabilities());
            if matches!(becomes, TaskFate::Lost | TaskFate::Killed) {
                self.master().release(pod);
            }
            self.with(framework, cluster, out, |inner, context| inner.task_fate(pod, becomes, context));
        }
    }

    /// An agent is marked unreachable.
    fn agent_lost(&mut self, key: AgentKey, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let node = NodeId(key.0);
        let tasks = self.master().withdraw(key);
        say(node, "Unreachable", "it has answered no ping for too long", out);
        let mut write = |write| out.push(Command::Write(Client::Plane(MASTER), write));
        write(Write::NodeReady { node, ready: ReadyStatus::Unknown });
        for &pod in tasks.iter().filter(|pod| cluster.pods.ready[pod.id.index()]) {
            write(Write::PodNotReady { pod });
        }
        self.turn(Turn::Unreachable, &tasks, cluster, out);
    }

    /// An agent answers again.
    fn agent_answers(&mut self, key: AgentKey, cluster: &mut Cluster, out: &mut Vec<Command>) {
        if self.master().agent_answers(key) {
            self.master().enter(key, cluster);
            let node = NodeId(key.0);
            say(node, "Reregistered", "its tasks are known again", out);
            let tasks: Vec<PodRef> = cluster.nodes.pods[node.index()]
                .iter()
                .map(|pod| cluster.pods.reference(*pod))
                .filter(|pod| self.pods.contains_key(pod))
                .collect();
            self.turn(Turn::Returned, &tasks, cluster, out);
        }
    }

    fn node_removed(&mut self, key: AgentKey, cluster: &mut Cluster, out: &mut Vec<Command>) {
        let tasks = self.master().agent_removed(key);
        self.turn(Turn::Removed, &tasks, cluster, out);
        for &pod in &tasks {
            self.master().release(pod);
            let gone = Write::DeletePod { pod, grace: Some(Span::ZERO), reason: Reason::NodeGone };
            out.push(Command::Write(Client::Plane(MASTER), gone));
        }
        self.agents_changed(cluster, out);
    }

    /// What frameworks have to say about offers reaches the master.
    fn calls(&mut self) {
        for place in 0..self.frameworks.len() {
            let (key, role) = (self.frameworks[place].key, self.frameworks[place].role);
            let call = self.frameworks[place].inner.call(self.now);
            let master = self.master();
            match call {
                Some(Call::Revive) => {
                    master.allocator.revive(key, &[role]);
                    master.note(Cause::Revived);
                }
                Some(Call::Suppress) => master.allocator.suppress(key, &[role]),
                None => {}
            }
        }
    }

    /// The master allocates; frameworks begin to think about what they are offered.
    fn allocate(&mut self) {
        for (offer, grant) in self.master().allocate() {
            let taker = self.frameworks.iter().position(|one| one.key == grant.framework);
            if let Some(framework) = taker {
                let think = self.settings.frameworks[self.frameworks[framework].sort.0].think;
                self.thinking.insert((self.now + think, offer, framework));
            }
        }
    }

    /// Frameworks answer the offers that they have thought about.
    fn answers(&mut self, cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(&(at, id, framework)) = self.thinking.first().filter(|(at, ..)| *at <= self.now) {
            self.thinking.remove(&(at, id, framework));
            let Some(grant) = self.master().offers.get(id).cloned() else { continue };
            let offer = Offer { id, node: NodeId(grant.agent.0), amounts: grant.amounts };
            let answer = self.with(framework, cluster, out, |inner, context| inner.offered(&offer, context));
            let launched: Vec<PodRef> = answer.tasks.iter().map(|(pod, _)| *pod).collect();
            let dropped = self.master().answer(id, answer.tasks, answer.refuse);
            let client = self.frameworks[framework].client;
            for pod in launched.into_iter().filter(|pod| !dropped.contains(pod)) {
                // The agent's ports and places are taken from now on.
                cluster.place(pod.id, offer.node);
                let agent = cluster.names.text(cluster.nodes.name[offer.node.index()]);
                let text = format!("{} accepts offer {id} of {agent}", self.frameworks[framework].name);
                let about = About::Pod(pod);
                let note = Note::Told { by: client, about, word: "Accepted", text: text.into() };
                out.push(Command::Note(note));
                let bind = Write::Bind { pod, node: offer.node };
                out.push(Command::Write(Client::Plane(client), bind));
                self.news = self.now;
            }
            for pod in dropped {
                let bind = Write::Bind { pod, node: offer.node };
                self.with(framework, cluster, out, |inner, context| inner.refused(&bind, context));
            }
        }
    }

    /// How long nothing may happen before it is certain that nothing will: every filter has ended
    /// once, and each framework has had its turn with each agent.
    fn patience(&self) -> Span {
        let longest = |one: &FrameworkSettings| {
            let seconds = match &one.kind {
                FrameworkKind::Marathon(marathon) => marathon.offers.decline,
                FrameworkKind::Batch(batch) => batch.refuse,
            };
            Span::from_secs_f64(seconds.max(5.0)) + one.think
        };
        let filters = self.settings.frameworks.iter().map(longest).max().unwrap_or(Span::ZERO);
        let turns = self.frameworks.len() as u64 + 2;
        filters + filters + self.settings.allocation_interval * turns
    }

    /// Does what is due, and what follows from it at once.
    fn work(&mut self, cluster: &mut Cluster, out: &mut Vec<Command>) {
        for key in self.master().register(cluster) {
            self.news = self.now;
            say(NodeId(key.0), "Registered", "", out);
        }
        for key in self.master().lost() {
            self.news = self.now;
            self.agent_lost(key, cluster, out);
        }
        self.master().expire_offers();
        for framework in 0..self.frameworks.len() {
            if self.frameworks[framework].inner.next().is_some_and(|due| due <= self.now) {
                self.with(framework, cluster, out, |inner, context| inner.wake(context));
            }
        }
        self.calls();
        self.allocate();
        self.answers(cluster, out);
        self.calls();
    }
}

/// The master says something about an agent.
fn say(node: NodeId, word: &'static str, text: &str, out: &mut Vec<Command>) {
    out.push(Command::Note(Note::Told { by: MASTER, about: About::Node(node), word, text: text.into() }));
}

impl Component for Mesos {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::Pod | Topic::OwnedPod | Topic::Node | Topic::Workload | Topic::Refused)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        if self.master.is_none() {
            self.begin(cluster);
        }
        self.now = now;
        self.master().at(now);
        match event {
            Event::PodAdded(new) => self.pod_added(new, cluster, out),
            Event::PodBound { pod, node } => return self.pod_bound(*pod, *node, cluster),
            Event::PodStatus { pod, .. } => self.pod_changed(*pod, before, cluster, out),
            Event::PodRemoved { pod } => self.pod_removed(*pod, cluster, out),
            Event::WorkloadAdded { workload, .. } => self.workload_added(*workload, cluster, out),
            Event::WorkloadScaled { workload, .. } | Event::WorkloadChanged { workload, .. } => {
                if let Some(&framework) = self.workloads.get(workload) {
                    let id = *workload;
                    self.with(framework, cluster, out, |inner, context| inner.workload_changed(id, context));
                }
            }
            Event::WorkloadDeleting { workload } | Event::WorkloadRemoved { workload } => {
                if let Some(&framework) = self.workloads.get(workload) {
                    let id = *workload;
                    self.with(framework, cluster, out, |inner, context| inner.workload_gone(id, context));
                }
            }
            Event::NodeAdded { node, .. } => {
                self.master().agent_starts(AgentKey(node.0));
                self.agents_changed(cluster, out);
            }
            Event::NodeChanged { node, change } => self.node_changed(*node, change, cluster, out),
            Event::NodeRemoved { node } => self.node_removed(AgentKey(node.0), cluster, out),
            Event::HeartbeatsStopped { node, .. } => self.master().agent_falls_silent(AgentKey(node.0)),
            Event::HeartbeatsResumed { node } => self.agent_answers(AgentKey(node.0), cluster, out),
            Event::Refused(write, _) => self.refused(write, cluster, out),
            _ => return,
        }
        self.news = now;
        self.calls();
    }

    fn poll_timeout(&self) -> Option<Time> {
        let frameworks = self.frameworks.iter().filter_map(|one| one.inner.next());
        let thinking = self.thinking.first().map(|(at, ..)| *at);
        frameworks.chain(self.master.as_ref()?.next()).chain(thinking).min()
    }

    fn handle_timeout(&mut self, now: Time, cluster: &mut Cluster, out: &mut Vec<Command>) {
        self.now = now;
        self.master().at(now);
        self.work(cluster, out);
    }

    /// Offers of resources that nobody can use come and go for ever.
    fn is_settled(&self) -> bool {
        let Some(master) = &self.master else { return true };
        let quiet = self.frameworks.iter().all(|one| one.inner.next().is_none())
            && !master.waits_for_agents()
            && self.thinking.is_empty();
        let idle = !master.allocator.has_takers() && !master.is_fresh();
        quiet && (idle || self.now > self.news + self.patience())
    }
}
