//! What the kubelet does with one pod: the state machine from acceptance to the end.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kuberuntime/kuberuntime_manager.go (`computePodActions`),
//! kubelet_pods.go (`getPhase`), pod_workers.go (reference control-plane §1.2 to §1.6 with its 1.36
//! companion). It knows neither other pods nor the timers: when it wants to look again is a field
//! of the pod's row. Here is what comes in and what is reported; what is started is in `start`, what
//! is stopped in `stop`, and what probes find in `ask`.

mod ask;
mod start;
mod stop;

use super::extra::{Extra, first_wait};
use super::images::{Pull, Pulls, Turns};
use super::pod::{
    AfterExit, Container, ContainerState, Past, PodState, Role, Stage, after_exit, mains, role,
};
use super::status;
use crate::api::{PodPhase, PodSpec, RestartPolicy};
use crate::base::rng::{Purpose, Streams, key_of};
use crate::base::{Span, Time};
use crate::cluster::{PodRef, Reason};
use crate::control::{Client, Command, ContainerIndex, Note, PodStatus, RuntimeCommand, RuntimeEvent, Write};
use crate::control::{Config, config};

/// The least time between SIGTERM and SIGKILL (pkg/kubelet/kuberuntime/kuberuntime_container.go,
/// `minimumGracePeriodInSeconds`).
pub(super) const MIN_STOP_GRACE: Span = Span::from_secs(2);
/// The longest wait before a refused restart is looked at again (kubelet.go, `SyncFrequency`).
const MAX_LOOK: Span = Span::from_secs(60);
/// The exit code of a container that was killed, and of one that was lost with its machine.
const KILLED: u8 = 137;

/// What is the same for all pods.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: config::Kubelet,
    pub(super) streams: Streams,
    /// See [`config::Compat::requeues_by_expiry`].
    requeues_by_expiry: bool,
    /// See [`config::Plane::restarts_in_place`].
    pub(super) restarts: bool,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Settings {
        Settings {
            limits: config.kubelet.clone(),
            streams: Streams::new(config.seed),
            requeues_by_expiry: config.version.compat().requeues_by_expiry,
            restarts: config.plane.restarts_in_place(),
        }
    }

    /// A draw for one purpose of one pod.
    pub(super) fn draw(&self, entity: u64) -> u64 {
        self.streams.draw(Purpose::Latency, entity)
    }

    /// `span`, or up to half as much again.
    fn jittered(&self, span: Span, entity: u64) -> Span {
        // A span in nanoseconds times 2^32 may not fit in 64 bits.
        let jitter = (u128::from(span.0 / 2) * u128::from(self.draw(entity) >> 32)) >> 32;
        Span(span.0.saturating_add(jitter as u64))
    }
}

/// A pod while something happens to it.
pub(super) struct Worker<'a> {
    pub(super) now: Time,
    pub(super) pod: PodRef,
    pub(super) state: &'a mut PodState,
    pub(super) spec: &'a PodSpec,
    pub(super) settings: &'a Settings,
    /// What the API server says of the pod.
    pub(super) api: ApiView,
    /// When the kubelet started, if that was not before all else.
    pub(super) kubelet_start: Option<Time>,
    pub(super) pulls: &'a mut Pulls,
    /// Pulls, of this pod or of others on the node, that fail because too much is asked of the
    /// registries.
    pub(super) refused: &'a mut Vec<Pull>,
    pub(super) out: &'a mut Vec<Command>,
}

/// What the worker needs of the pod's object.
#[derive(Clone, Copy, Debug)]
pub(super) struct ApiView {
    pub(super) serial: u64,
    pub(super) phase: PodPhase,
    pub(super) ready: bool,
    pub(super) reason: Reason,
}

impl Worker<'_> {
    /// The pod has been accepted: its probe workers and its sandbox are made.
    pub(super) fn accept(&mut self) {
        self.state.accepted = self.now;
        let (settings, serial) = (self.settings, self.api.serial);
        let (now, kubelet_start) = (self.now, self.kubelet_start);
        self.state.extra = Extra::of(self.spec, now, |_, index, kind, period| {
            let entity = key_of("first probe") ^ (serial << 20) ^ (index as u64) << 2 ^ kind as u64;
            first_wait(settings, now, kubelet_start, entity, period)
        });
        self.set_up();
    }

    /// The node does not take the pod.
    pub(super) fn reject(&mut self, reason: Reason) {
        self.state.stage = Stage::Ended;
        self.write(PodStatus { phase: PodPhase::Failed, ready: false, reason, ..self.state.sent });
        self.out.push(Command::Note(Note::Rejected { pod: self.pod, reason }));
    }

    /// The runtime reports.
    pub(super) fn runtime(&mut self, event: RuntimeEvent) {
        self.count_answers();
        match event {
            RuntimeEvent::SandboxReady => {
                if self.state.stage == Stage::SettingUp {
                    self.state.stage = Stage::Active;
                }
            }
            RuntimeEvent::ImagePulled(index) => self.image_pulled(index),
            RuntimeEvent::ImageFound(index) => self.image_looked_for(index, true),
            RuntimeEvent::ImageAbsent(index) => self.image_looked_for(index, false),
            RuntimeEvent::PullFailed(index) => self.pull_over(index, false),
            RuntimeEvent::Started(index) => self.started(index),
            RuntimeEvent::Serving(index)
            | RuntimeEvent::Unready(index)
            | RuntimeEvent::ReadyAgain(index)
            | RuntimeEvent::Unhealthy(index) => return self.health_changed(index, event),
            RuntimeEvent::HookDone(index) => self.hook_done(index),
            RuntimeEvent::GatesPassed => {
                if let Some(extra) = &mut self.state.extra {
                    extra.gates_passed = true;
                }
            }
            RuntimeEvent::Exited { container, code, out_of_memory, at } => {
                let code = if out_of_memory { KILLED } else { code };
                self.exited(container, code, out_of_memory, at);
            }
        }
        self.sync();
    }

    /// The pod's deletion was ordered. A later order may shorten the time, never lengthen it.
    pub(super) fn delete(&mut self, grace: Span) {
        let has_asked = self.state.deletion == Some(Span::ZERO);
        let grace = self.state.deletion.map_or(grace, |earlier| earlier.min(grace));
        self.state.deletion = Some(grace);
        if self.state.stage == Stage::Ended {
            // The event may be the answer to its own request, while a finalizer holds the object.
            if !has_asked {
                self.delete_object();
            }
        } else {
            self.kill(grace);
            self.sync();
        }
    }

    /// The object of a pod that has not ended is gone: whatever runs is stopped.
    pub(super) fn remove(&mut self) {
        if self.runs() && self.state.stage != Stage::Stopping {
            self.order(RuntimeCommand::Stop { grace: MIN_STOP_GRACE });
        }
        self.tear_down();
    }

    /// The moment that `wake` names has come.
    pub(super) fn look(&mut self) {
        let mut changed = false;
        if self.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.state.cause = Reason::DeadlineExceeded;
            self.kill(self.own_grace());
            changed = true;
        }
        changed |= self.next_steps();
        changed |= self.ask();
        let is_due = |moment: Option<Time>| moment.is_some_and(|moment| moment <= self.now);
        let pull_retry = self.state.extra.as_ref().and_then(|extra| extra.pull_retry);
        if changed || is_due(self.state.retry) || is_due(pull_retry) {
            self.sync();
        } else {
            self.arm();
        }
    }

    /// The node runs short of memory: the pod has to go.
    pub(super) fn evict(&mut self, grace: Span) {
        self.state.cause = Reason::NodePressure;
        self.note(None, "Evicted");
        self.kill(grace);
        self.sync();
    }

    /// A status has been entered in the view. One that is not ours is written over, unless it ends
    /// the pod: then its containers are stopped.
    pub(super) fn observe(&mut self, status: PodStatus) {
        let running = self.state.stage != Stage::Ended;
        if running && status.phase.is_terminal() {
            self.kill(MIN_STOP_GRACE);
            self.sync();
        } else if self.state.in_flight > 0 {
            self.state.in_flight -= 1;
        } else if running {
            self.reconcile();
        }
    }

    /// Writes the status again if the API server has another.
    fn reconcile(&mut self) {
        let sent = self.state.sent;
        if (self.api.phase, self.api.ready) != (sent.phase, sent.ready) {
            self.write(sent);
        }
    }

    /// A write did not reach the API server: what is so now is written.
    pub(super) fn write_again(&mut self) {
        if !self.api.phase.is_terminal() {
            self.write(self.state.sent);
        }
        if self.state.stage == Stage::Ended && self.state.deletion.is_some() {
            self.delete_object();
        }
    }

    /// The kubelet has come back: what it missed is made up for.
    pub(super) fn resume(&mut self, containers_lost: bool) {
        self.state.in_flight = 0;
        let lost = containers_lost && self.state.stage != Stage::Ended;
        if lost {
            self.lose_containers();
            // Of what it wrote before, it knows what the API server has.
            (self.state.sent.phase, self.state.sent.ready) = (self.api.phase, self.api.ready);
        }
        if let Some(grace) = self.state.deletion {
            self.delete(grace);
        } else if self.state.stage == Stage::Ended {
            if !self.api.phase.is_terminal() {
                self.write(self.state.sent);
            }
        } else if self.api.phase.is_terminal() {
            self.kill(MIN_STOP_GRACE);
            self.sync();
        } else {
            self.reconcile();
            if lost && self.state.stage != Stage::Stopping {
                self.start_over();
            }
            self.look();
            self.sync();
        }
    }

    /// The machine went down: every container ended without a word, and the kubelet has forgotten
    /// its back-offs.
    fn lose_containers(&mut self) {
        if let Some(extra) = &mut self.state.extra {
            let probers = std::mem::take(&mut extra.probers);
            **extra = Extra { probers, gates_passed: extra.gates_passed, ..Extra::default() };
        }
        for index in 0..self.containers().len() {
            let container = &mut self.state.containers.get_mut()[index];
            container.backoff = super::backoff::BackOff::default();
            match container.state {
                ContainerState::Running | ContainerState::Stopping => {
                    self.exited(ContainerIndex(index as u16), KILLED, false, self.now);
                }
                ContainerState::Exited => {}
                _ => container.state = ContainerState::Waiting,
            }
        }
    }

    /// The sandbox is gone: a new one is made, and init containers run again from the first. A pod
    /// whose own policy is Never gets none once a container has run, whatever the containers'
    /// policies say (reference control-plane-1.36 §1.2).
    fn start_over(&mut self) {
        let never = self.spec.restart_policy == RestartPolicy::Never || !self.settings.restarts;
        let last = never && self.containers().iter().any(Container::has_started);
        if last || self.init_failed() || self.is_complete() {
            return self.kill(MIN_STOP_GRACE);
        }
        let inits = self.spec.init_containers.len();
        for container in &mut self.state.containers.get_mut()[..inits] {
            container.state = ContainerState::Waiting;
        }
        for container in self.state.containers.get_mut() {
            container.past = Past::Elsewhere;
        }
        self.set_up();
    }

    fn set_up(&mut self) {
        self.state.stage = Stage::SettingUp;
        self.order(RuntimeCommand::SetUp);
        self.arm();
    }

    /// Brings the containers, the status and the next look in line with what has happened.
    fn sync(&mut self) {
        if self.state.stage == Stage::Active {
            self.plan();
        }
        if self.state.stage == Stage::Stopping && !self.runs() {
            self.finish();
        }
        self.poke();
        self.report();
        self.state.retry = self.next_try();
        self.arm();
    }

    fn delete_object(&mut self) {
        let write = Write::DeletePod { pod: self.pod, grace: Some(Span::ZERO), reason: self.api.reason };
        self.out.push(Command::Write(Client::Kubelet(self.state.node), write));
    }

    /// Writes the status if it has changed.
    fn report(&mut self) {
        if self.state.stage == Stage::Ended {
            return;
        }
        let (status, sent) = (status::now(self.state, self.spec), self.state.sent);
        if status == sent {
            return;
        }
        if self.state.taken_over {
            let worse = status.phase < sent.phase || (sent.ready && !status.ready);
            if worse && !self.containers().iter().any(|container| container.has_exited) {
                return;
            }
            self.state.taken_over = false;
        }
        self.write(status);
    }

    fn write(&mut self, status: PodStatus) {
        self.state.sent = status;
        self.state.in_flight = self.state.in_flight.saturating_add(1);
        let write = Write::PodStatus { pod: self.pod, status };
        self.out.push(Command::Write(Client::Kubelet(self.state.node), write));
    }

    /// Sets when to look again.
    fn arm(&mut self) {
        let mut wake = earlier(self.deadline(), self.state.retry);
        if let Some(extra) = &self.state.extra {
            let steps = extra.endings.iter().filter_map(super::extra::Ending::due).min();
            let pull_retry = extra.pull_retry.filter(|&retry| retry > self.now);
            wake = earlier(wake, earlier(steps, pull_retry));
            wake = earlier(wake, self.next_answer());
        }
        self.state.wake = wake;
    }

    /// When restarts that are refused now are tried again. The original tries after
    /// min(remaining, 60 s) times a draw from [1, 1.5), until they are not refused; before 1.35 it
    /// was 10 s times such a draw.
    fn next_try(&mut self) -> Option<Time> {
        if self.state.stage != Stage::Active {
            return None;
        }
        let waits = |container: &&Container| container.state == ContainerState::BackOff;
        let ends = self.containers().iter().filter(waits);
        let until = ends.map(|container| container.backoff.until(container.finished)).min();
        // What is due already is held back by another container that is on its way.
        let until = until.filter(|&until| until > self.now)?;
        if !self.settings.limits.polled_backoff {
            return Some(until);
        }
        let remaining = if self.settings.requeues_by_expiry {
            until.since(self.now).min(MAX_LOOK)
        } else {
            self.settings.limits.error_resync
        };
        let entity = self.entity("crash-loop back-off");
        Some(self.now + self.settings.jittered(remaining, entity))
    }

    /// A new key for a draw of this pod.
    fn entity(&mut self, purpose: &str) -> u64 {
        let entity = key_of(purpose) ^ (self.api.serial << 20) ^ u64::from(self.state.looks);
        self.state.looks = self.state.looks.wrapping_add(1);
        entity
    }

    /// When `activeDeadlineSeconds` is over; `None` if it does not matter.
    fn deadline(&self) -> Option<Time> {
        let seconds = self.spec.active_deadline_seconds?;
        matches!(self.state.stage, Stage::SettingUp | Stage::Active)
            .then(|| self.state.accepted + Span::from_secs(seconds.max(0) as u64))
    }

    /// Whether an init container has failed for good.
    fn init_failed(&self) -> bool {
        let inits = &self.containers()[..self.spec.init_containers.len()];
        inits.iter().any(|init| init.state == ContainerState::Exited && init.code != 0)
    }

    /// Whether every main container has ended for good.
    fn is_complete(&self) -> bool {
        mains(self.state, self.spec).iter().all(|main| main.state == ContainerState::Exited)
    }

    fn own_grace(&self) -> Span {
        let stated = self.spec.termination_grace_seconds;
        stated
            .map_or(self.settings.limits.termination_grace, |seconds| Span::from_secs(seconds.max(1) as u64))
    }

    fn runs(&self) -> bool {
        self.containers().iter().any(Container::runs)
    }

    fn containers(&self) -> &[Container] {
        self.state.containers.get()
    }

    /// A container of the pod, if it is in the given state.
    fn container(&mut self, index: ContainerIndex, state: ContainerState) -> Option<&mut Container> {
        let containers = self.state.containers.get_mut();
        containers.get_mut(usize::from(index.0)).filter(|container| container.state == state)
    }

    /// What most pods do not need.
    fn extra(&mut self) -> &mut Extra {
        self.state.extra.get_or_insert_default()
    }

    fn order(&mut self, command: RuntimeCommand) {
        self.out.push(Command::Runtime(self.pod, command));
    }

    fn note(&mut self, container: Option<ContainerIndex>, word: &'static str) {
        self.out.push(Command::Note(Note::Kubelet { pod: self.pod, container, word }));
    }
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
