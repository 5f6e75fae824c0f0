//! The processes of the control plane in a run: who leads, what a dead process leaves behind, and
//! what happens while the API server is away.
//!
//! A request to an API server that is away fails at once (connection refused), and whoever made it
//! tries again by its own rules. People and the sources of work wait until it is back. Watches
//! break; they are resumed as a reflector of client-go does, which waits longer after every failure
//! (Kubernetes 1.36, client-go/tools/cache/reflector.go), and deliver then what was not delivered.

use super::{Happening, Run};
use crate::base::ids::NodeId;
use crate::base::rng::Purpose;
use crate::base::{Distribution, Span, Stream, Streams, Time};
use crate::control::{Client, Event, Process};
use crate::sim::leaders::{Election, Look};
use crate::sim::queue::Class;
use crate::sim::record::{ProcessStep, Record};
use crate::sim::setup::{Action, ClientGroup, ControlFault, ControlFaultKind, Plane};
use std::collections::BTreeMap;

/// The first wait of a reflector before it asks for its watch again; it doubles up to the longest.
const REFLECTOR_INITIAL: Span = Span::from_millis(800);
const REFLECTOR_MAX: Span = Span::from_secs(30);
/// The waits of a kubelet before it tries again to renew its lease: the first doubles up to the
/// longest (Kubernetes 1.36, component-helpers/apimachinery/lease; reference control-plane §2.1).
const RENEW_INITIAL: Span = Span::from_millis(100);
const RENEW_MAX: Span = Span::from_secs(7);

/// Something that happens to the processes of the control plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::sim) enum Turn {
    /// A fault begins or ends.
    Fault { fault: usize, begins: bool },
    /// A replica that does not lead looks whether it can.
    Look { process: Process, replica: u32 },
    /// A leader that could not renew its lease gives up.
    Deadline(Process),
    /// The n-th leader of a process knows what exists.
    Ready { process: Process, term: u32 },
    /// A process is started by its supervisor.
    Launch(Process),
    /// The watches of that outage are resumed.
    Watches(u32),
    /// A kubelet renews its lease for the first time after an outage.
    Renew(NodeId),
}

/// The processes, and the state of the API server.
pub(super) struct PlaneState {
    faults: Vec<ControlFault>,
    /// In the order of [`Process::ALL`].
    elections: [Election; 2],
    /// How often each process has got or lost its leader.
    terms: [u32; 2],
    cache_sync: Distribution,
    restart: Span,
    stream: Stream,
    /// How many faults hold the API server down, since when, and how many outages there were.
    held: u32,
    down_since: Time,
    outages: u32,
    /// Whether watches wait for their connection.
    is_cut_off: bool,
    /// What they have not delivered.
    undelivered: Vec<Event>,
    /// What people and sources wait to do.
    pub(super) waiting: Vec<Happening>,
    /// The latest renewal of the leases that are not renewed because of the API server.
    pub(super) muted: BTreeMap<NodeId, Time>,
    /// The faults that add to the time of a write and of a delivery now.
    pub(super) slow_writes: Vec<usize>,
    pub(super) watch_delays: Vec<usize>,
}

impl PlaneState {
    pub(super) fn new(plane: Plane, streams: Streams) -> PlaneState {
        let election = |process: Process| {
            let replicas = plane.replicas(process);
            let stream = streams.stream(Purpose::Phase, crate::base::rng::key_of(process.name()));
            Election::new(replicas.election, replicas.standbys, stream)
        };
        PlaneState {
            elections: Process::ALL.map(election),
            faults: plane.faults,
            terms: [0; 2],
            cache_sync: plane.cache_sync,
            restart: plane.restart,
            stream: streams.stream(Purpose::Latency, 1),
            held: 0,
            down_since: Time::ZERO,
            outages: 0,
            is_cut_off: false,
            undelivered: Vec::new(),
            waiting: Vec::new(),
            muted: BTreeMap::new(),
            slow_writes: Vec::new(),
            watch_delays: Vec::new(),
        }
    }

    pub(super) fn api_is_down(&self) -> bool {
        self.held > 0
    }

    /// Which process of its kind a client belongs to now: a later one does not know of the requests
    /// of an earlier one.
    pub(super) fn sender(&self, client: Client) -> u32 {
        client.process().map_or(0, |process| self.terms[process as usize])
    }

    /// The time of a write with what faults add to it.
    pub(super) fn slowed(&mut self, latency: Span) -> Span {
        let PlaneState { slow_writes, faults, stream, .. } = self;
        slow_writes.iter().fold(latency, |sum, &fault| sum + added(&faults[fault].kind, stream))
    }

    /// The time of a delivery with what faults add to it.
    pub(super) fn delayed(&mut self, latency: Span) -> Span {
        let PlaneState { watch_delays, faults, stream, .. } = self;
        watch_delays.iter().fold(latency, |sum, &fault| sum + added(&faults[fault].kind, stream))
    }
}

/// A draw of what a fault adds to a latency.
fn added(kind: &ControlFaultKind, stream: &mut Stream) -> Span {
    match kind {
        ControlFaultKind::SlowWrites(time) | ControlFaultKind::WatchDelay(time) => time.sample_span(stream),
        _ => Span::ZERO,
    }
}

impl Run<'_> {
    /// Schedules the beginning of every fault of the control plane.
    pub(super) fn plan_control_faults(&mut self) {
        for fault in 0..self.plane.faults.len() {
            let at = self.plane.faults[fault].at;
            self.schedule(at, Turn::Fault { fault, begins: true });
        }
    }

    fn schedule(&mut self, at: Time, turn: Turn) {
        self.queue.schedule(at, Class::FAULT, Happening::Plane(turn));
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Fault { fault, begins } => self.control_fault(fault, begins),
            Turn::Look { process, replica } => self.look(process, replica),
            Turn::Deadline(process) => self.lose_lease(process),
            Turn::Ready { process, term } => self.ready(process, term),
            Turn::Launch(process) => self.launch(process),
            Turn::Watches(outage) => {
                if outage == self.plane.outages && !self.plane.api_is_down() {
                    self.resume_watches();
                }
            }
            Turn::Renew(node) => self.renew(node),
        }
    }

    fn control_fault(&mut self, fault: usize, begins: bool) {
        let ControlFault { duration, kind, .. } = self.plane.faults[fault].clone();
        if let Some(duration) = duration.filter(|_| begins) {
            self.schedule(self.now + duration, Turn::Fault { fault, begins: false });
        }
        let toggle = |list: &mut Vec<usize>| {
            if begins {
                list.push(fault);
            } else {
                list.retain(|active| *active != fault);
            }
        };
        match kind {
            ControlFaultKind::Kill(process) if begins => self.kill(process),
            ControlFaultKind::Kill(process) => self.launch(process),
            ControlFaultKind::Launch(process) if begins => self.launch(process),
            ControlFaultKind::Launch(_) => {}
            ControlFaultKind::ApiServerDown if begins => self.api_down(),
            ControlFaultKind::ApiServerDown => self.api_up(),
            ControlFaultKind::SlowWrites(_) => toggle(&mut self.plane.slow_writes),
            ControlFaultKind::WatchDelay(_) => toggle(&mut self.plane.watch_delays),
            ControlFaultKind::Limit(group, limit) => {
                let usual = match group {
                    ClientGroup::Scheduler => self.timing.scheduler_limit,
                    ClientGroup::Controllers => self.timing.controller_limit,
                    ClientGroup::Kubelets => self.timing.kubelet_limit,
                };
                self.clients.set_limit(self.now, group, if begins { limit } else { usual });
            }
        }
    }

    /// SIGKILL to the replica of a process that leads, or, while none leads, to another one.
    pub(super) fn kill(&mut self, process: Process) {
        let (led, looks) = self.plane.elections[process as usize].kill(self.now);
        self.tell("world", &Record::Process { process, step: ProcessStep::Killed { led } });
        if led {
            self.bereave(process);
        }
        self.plan_looks(process, looks);
    }

    /// Starts a replica of a process.
    pub(super) fn launch(&mut self, process: Process) {
        let (leads, look) = self.plane.elections[process as usize].launch(self.now);
        self.tell("world", &Record::Process { process, step: ProcessStep::Launched });
        if leads {
            self.lead(process);
        }
        self.plan_looks(process, look);
    }

    fn plan_looks(&mut self, process: Process, looks: impl IntoIterator<Item = Look>) {
        for (at, replica) in looks {
            self.schedule(at, Turn::Look { process, replica });
        }
    }

    fn look(&mut self, process: Process, replica: u32) {
        match self.plane.elections[process as usize].look(self.now, replica) {
            Ok(()) => self.lead(process),
            Err(next) => self.plan_looks(process, next),
        }
    }

    /// The leader of a process is no more: what it was about to write is lost.
    fn bereave(&mut self, process: Process) {
        self.plane.terms[process as usize] += 1;
        self.control.stop(process, &mut self.cluster);
    }

    fn lose_lease(&mut self, process: Process) {
        let Some(looks) = self.plane.elections[process as usize].deadline(self.now) else { return };
        self.tell("world", &Record::Process { process, step: ProcessStep::LeaseLost });
        self.bereave(process);
        self.plan_looks(process, looks);
        self.schedule(self.now + self.plane.restart, Turn::Launch(process));
    }

    /// A replica leads. It works once it has listed what exists now, and that is known here when
    /// what is under way has been delivered.
    fn lead(&mut self, process: Process) {
        self.plane.terms[process as usize] += 1;
        self.tell("world", &Record::Process { process, step: ProcessStep::Leads });
        if !self.plane.api_is_down() {
            self.resume_watches();
        }
        let sync = self.plane.cache_sync.sample_span(&mut self.plane.stream);
        let known = self.delivered.into_iter().max().unwrap_or(Time::ZERO);
        let term = self.plane.terms[process as usize];
        self.schedule((self.now + sync).max(known), Turn::Ready { process, term });
    }

    fn ready(&mut self, process: Process, term: u32) {
        if term != self.plane.terms[process as usize] {
            return;
        }
        self.clients.renew(process, self.now);
        self.control.start(process, self.now, &mut self.cluster, &mut self.commands);
        self.tell("world", &Record::Process { process, step: ProcessStep::Ready });
        self.execute();
    }

    fn api_down(&mut self) {
        self.plane.held += 1;
        if self.plane.held > 1 {
            return;
        }
        self.tell("world", &Record::ApiServer { is_up: false });
        self.plane.down_since = self.now;
        self.plane.outages += 1;
        self.plane.is_cut_off = true;
        for process in Process::ALL {
            if let Some(deadline) = self.plane.elections[process as usize].api_down(self.now) {
                self.schedule(deadline, Turn::Deadline(process));
            }
        }
        let nodes: Vec<NodeId> = self.cluster.nodes.present.iter().map(|row| NodeId(row as u32)).collect();
        for node in nodes {
            if self.faults.down[node.index()].held == 0 {
                let last_renewal = self.last_renewal(node);
                self.plane.muted.insert(node, last_renewal);
                self.inbox.push_back(Event::HeartbeatsStopped { node, last_renewal });
            }
        }
    }

    fn api_up(&mut self) {
        self.plane.held -= 1;
        if self.plane.held > 0 {
            return;
        }
        self.tell("world", &Record::ApiServer { is_up: true });
        for process in Process::ALL {
            let looks = self.plane.elections[process as usize].api_up(self.now);
            self.plan_looks(process, looks);
        }
        let lasted = self.now.since(self.plane.down_since);
        let again = reconnection(lasted, &mut self.plane.stream);
        self.schedule(self.plane.down_since + again, Turn::Watches(self.plane.outages));
        let muted: Vec<NodeId> = self.plane.muted.keys().copied().collect();
        for node in muted {
            let due = self.next_renewal(node);
            let again = due + retried(self.now.since(due));
            self.schedule(again.max(self.now), Turn::Renew(node));
        }
        for happening in std::mem::take(&mut self.plane.waiting) {
            self.queue.schedule(self.now, Class::ACTION, happening);
        }
    }

    /// A kubelet whose lease was not renewed because of the API server renews it.
    fn renew(&mut self, node: NodeId) {
        let is_cut_off = self.faults.down[node.index()].held > 0;
        if self.plane.api_is_down() || self.plane.muted.remove(&node).is_none() || is_cut_off {
            return;
        }
        self.resume_heartbeats(node);
        self.receive(Event::HeartbeatsResumed { node });
    }

    /// An event reaches the control plane, unless its watches are broken.
    pub(super) fn receive(&mut self, event: Event) {
        if self.plane.is_cut_off {
            self.plane.undelivered.push(event);
        } else {
            self.inbox.push_back(event);
        }
    }

    fn resume_watches(&mut self) {
        self.plane.is_cut_off = false;
        self.inbox.extend(self.plane.undelivered.drain(..));
    }

    /// Sends a refusal back to the client. It comes on the connection of the request and reaches
    /// only the process that has asked.
    pub(super) fn answer(&mut self, client: Client, event: Event) {
        if client == Client::User {
            if let Event::Refused(write, why) = event {
                self.request_refused(*write, why);
            }
            return;
        }
        let at = if self.plane.is_cut_off { self.now } else { self.delivery(&event) };
        if at <= self.now {
            self.inbox.push_back(event);
        } else {
            let sender = self.plane.sender(client);
            self.queue.schedule(at, Class::API, Happening::Answer(client, sender, Box::new(event)));
        }
    }

    /// Whether something is done by a person or a source of work at the API server.
    pub(super) fn needs_the_api_server(&self, happening: &Happening) -> bool {
        match happening {
            Happening::Object(_)
            | Happening::Submit(_)
            | Happening::Freed(_)
            | Happening::Commit(Client::User, ..)
            | Happening::Plane(Turn::Ready { .. }) => true,
            Happening::Action(index) => {
                let is_no_request = |action: &Action| {
                    use Action::{FailNode, Kill, Launch, RecoverNode};
                    matches!(action, FailNode { .. } | RecoverNode(_) | Kill(_) | Launch(_))
                };
                !self.actions[*index].as_ref().is_some_and(is_no_request)
            }
            _ => false,
        }
    }
}

/// How long after it broke a watch is resumed, if the API server is away for `lasted`: the waits
/// between tries double, and each is longer by a share drawn from [0, 1).
fn reconnection(lasted: Span, stream: &mut Stream) -> Span {
    let (mut sum, mut wait) = (Span::ZERO, REFLECTOR_INITIAL);
    while sum < lasted {
        sum = sum + wait + Span((wait.0 as f64 * stream.unit()) as u64);
        wait = Span(wait.0.saturating_mul(2)).min(REFLECTOR_MAX);
    }
    sum
}

/// How long after a renewal was due it succeeds, if the API server comes back `lasted` after that;
/// zero if it is back by then.
fn retried(lasted: Span) -> Span {
    let (mut sum, mut wait) = (Span::ZERO, RENEW_INITIAL);
    while sum < lasted && wait < RENEW_MAX {
        sum += wait;
        wait = Span(wait.0.saturating_mul(2));
    }
    sum + Span(lasted.saturating_sub(sum).0.div_ceil(RENEW_MAX.0) * RENEW_MAX.0)
}

#[cfg(test)]
mod tests;
