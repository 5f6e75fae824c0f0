//! What the kubelet does with one pod: the state machine from acceptance to the end.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kuberuntime/kuberuntime_manager.go (`computePodActions`),
//! kubelet_pods.go (`getPhase`), pod_workers.go (reference control-plane §1.2 to §1.6 with its 1.36
//! companion). It knows neither other pods nor the timers: when it wants to look again is a field
//! of the pod's row.

use super::backoff::Verdict;
use super::pod::{Container, ContainerState, PodState, Role, Stage, mains, restarts_after, role};
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
}

impl Settings {
    pub(super) fn new(config: &Config) -> Settings {
        Settings { limits: config.kubelet.clone(), streams: Streams::new(config.seed) }
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
    /// The pod has been accepted: its sandbox is made.
    pub(super) fn accept(&mut self) {
        self.state.accepted = self.now;
        self.set_up();
    }

    /// The pod does not fit on the node.
    pub(super) fn reject(&mut self) {
        self.state.stage = Stage::Ended;
        let reason = Reason::OutOfResources;
        self.write(PodStatus { phase: PodPhase::Failed, ready: false, reason, ..self.state.sent });
        self.out.push(Command::Note(Note::Rejected { pod: self.pod, reason }));
    }

    /// The runtime reports.
    pub(super) fn runtime(&mut self, event: RuntimeEvent) {
        match event {
            RuntimeEvent::SandboxReady => {
                if self.state.stage == Stage::SettingUp {
                    self.state.stage = Stage::Active;
                }
            }
            RuntimeEvent::ImagePulled(index) => self.image_pulled(index),
            RuntimeEvent::Started(index) => self.started(index),
            RuntimeEvent::Serving(index) => {
                if let Some(container) = self.container(index, ContainerState::Running) {
                    container.serving = true;
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
        self.order(RuntimeCommand::TearDown);
    }

    /// The moment that `wake` names has come.
    pub(super) fn look(&mut self) {
        let deadline = self.deadline();
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            self.state.cause = Reason::DeadlineExceeded;
            self.kill(self.own_grace());
        }
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
        }
    }

    /// The machine went down: every container ended without a word, and the kubelet has forgotten
    /// its back-offs.
    fn lose_containers(&mut self) {
        for index in 0..self.containers().len() {
            let container = &mut self.state.containers.get_mut()[index];
            container.backoff = super::backoff::BackOff::default();
            match container.state {
                ContainerState::Running => self.exited(ContainerIndex(index as u16), KILLED, false, self.now),
                ContainerState::Exited => {}
                _ => container.state = ContainerState::Waiting,
            }
        }
    }

    /// The sandbox is gone: a new one is made, and init containers run again from the first. A pod
    /// whose own policy is Never gets none once a container has run, whatever the containers'
    /// policies say (reference control-plane-1.36 §1.2).
    fn start_over(&mut self) {
        let never = self.spec.restart_policy == RestartPolicy::Never;
        let last = never && self.containers().iter().any(Container::has_started);
        if last || self.init_failed() || self.is_complete() {
            return self.kill(MIN_STOP_GRACE);
        }
        let inits = self.spec.init_containers.len();
        for container in &mut self.state.containers.get_mut()[..inits] {
            container.state = ContainerState::Waiting;
        }
        self.set_up();
    }

    fn set_up(&mut self) {
        self.state.stage = Stage::SettingUp;
        self.order(RuntimeCommand::SetUp);
        self.arm();
    }

    fn image_pulled(&mut self, index: ContainerIndex) {
        let active = self.state.stage == Stage::Active;
        if let Some(container) = self.container(index, ContainerState::Pulling) {
            container.pulled = true;
            container.state = ContainerState::Waiting;
            if active {
                container.state = ContainerState::Starting;
                self.order(RuntimeCommand::Start(index));
            }
        }
    }

    fn started(&mut self, index: ContainerIndex) {
        let Some(container) = self.container(index, ContainerState::Starting) else { return };
        container.state = ContainerState::Running;
        container.restarts += u32::from(container.has_exited);
        if self.state.stage == Stage::Stopping {
            self.order(RuntimeCommand::Stop { grace: self.state.grace });
        }
    }

    fn exited(&mut self, index: ContainerIndex, code: u8, out_of_memory: bool, at: Time) {
        let again = self.state.stage != Stage::Stopping && restarts_after(self.spec, index.0.into(), code);
        let Some(container) = self.state.containers.get_mut().get_mut(usize::from(index.0)) else { return };
        if !matches!(container.state, ContainerState::Running | ContainerState::Starting) {
            return;
        }
        container.state = if again { ContainerState::Waiting } else { ContainerState::Exited };
        container.has_exited = true;
        container.serving = false;
        container.finished = at;
        container.code = code;
        container.out_of_memory = out_of_memory;
    }

    /// Brings the containers, the status and the next look in line with what has happened.
    fn sync(&mut self) {
        if self.state.stage == Stage::Active {
            self.plan();
        }
        if self.state.stage == Stage::Stopping && !self.runs() {
            self.finish();
        }
        self.report();
        self.arm();
    }

    /// Starts what is to be started. As in the original, one container at a time is on its way.
    fn plan(&mut self) {
        if self.init_failed() || self.is_complete() {
            return self.kill(self.own_grace());
        }
        if self.containers().iter().any(Container::is_busy) {
            return;
        }
        for index in 0..self.containers().len() {
            let state = self.containers()[index].state;
            if matches!(state, ContainerState::Waiting | ContainerState::BackOff) && self.begin(index) {
                return;
            }
            let container = &self.containers()[index];
            let passed = match role(self.spec, index) {
                Role::Init => container.state == ContainerState::Exited,
                Role::Sidecar => container.has_started(),
                Role::Main => true,
            };
            if !passed {
                return;
            }
        }
    }

    /// Starts a container, or pulls its image first; says whether that was allowed.
    fn begin(&mut self, index: usize) -> bool {
        let (pod, now, name) = (self.pod, self.now, ContainerIndex(index as u16));
        let limits = &self.settings.limits;
        let container = &mut self.state.containers.get_mut()[index];
        if container.has_exited {
            // The clean-up belongs to the polled rule: by the published rule only a long run resets.
            if limits.polled_backoff {
                container.backoff.clean_up(now, limits);
            }
            if let Verdict::Wait { until } = container.backoff.attempt(now, container.finished, limits) {
                if container.state != ContainerState::BackOff {
                    container.state = ContainerState::BackOff;
                    self.out.push(Command::Note(Note::BackOff { pod, container: name, until }));
                }
                return false;
            }
            let count = container.restarts + 1;
            self.out.push(Command::Note(Note::Restarting { pod, container: name, count }));
        }
        let (state, command) = if container.pulled {
            (ContainerState::Starting, RuntimeCommand::Start(name))
        } else {
            (ContainerState::Pulling, RuntimeCommand::Pull(name))
        };
        container.state = state;
        self.order(command);
        true
    }

    /// Tells the containers to stop; the pod is over when they have.
    fn kill(&mut self, grace: Span) {
        let grace = grace.max(MIN_STOP_GRACE);
        if self.state.stage == Stage::Stopping && grace >= self.state.grace {
            return;
        }
        self.state.stage = Stage::Stopping;
        self.state.grace = grace;
        if self.runs() {
            self.out.push(Command::Note(Note::Killing { pod: self.pod, grace }));
            self.order(RuntimeCommand::Stop { grace });
        }
    }

    /// Nothing runs any more: the last status, and the end of the sandbox. A pod that is deleted
    /// before anything ran needs no last status.
    fn finish(&mut self) {
        self.state.stage = Stage::Ended;
        let started = self.containers().iter().any(Container::has_started);
        let status = status::at_end(self.state, self.spec);
        if (started || self.state.deletion.is_none()) && !self.api.phase.is_terminal() {
            self.write(status);
        }
        self.order(RuntimeCommand::TearDown);
        if self.state.deletion.is_some() {
            self.delete_object();
        }
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

    /// Sets when to look again: at the deadline, or when a back-off is over.
    fn arm(&mut self) {
        let deadline = self.deadline();
        let waiting = (self.state.stage == Stage::Active)
            .then(|| {
                let waits = |container: &&Container| container.state == ContainerState::BackOff;
                let ends = self.containers().iter().filter(waits);
                ends.map(|container| container.backoff.until(container.finished)).min()
            })
            .flatten()
            .filter(|&until| until > self.now);
        let retry = waiting.map(|until| self.retry_at(until));
        self.state.wake = [deadline, retry].into_iter().flatten().min();
    }

    /// When a restart that is refused until `until` is tried again. The original tries after
    /// min(remaining, 60 s) times a draw from [1, 1.5), until it is not refused.
    fn retry_at(&mut self, until: Time) -> Time {
        if !self.settings.limits.polled_backoff {
            return until;
        }
        let remaining = until.since(self.now).min(MAX_LOOK);
        let entity = key_of("crash-loop back-off") ^ (self.api.serial << 20) ^ u64::from(self.state.looks);
        let draw = self.settings.streams.draw(Purpose::Latency, entity);
        self.state.looks = self.state.looks.wrapping_add(1);
        // At most 60 s in nanoseconds times 2^32 does not fit in 64 bits.
        let jitter = (u128::from(remaining.0 / 2) * u128::from(draw >> 32)) >> 32;
        self.now + remaining + Span(jitter as u64)
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
        self.containers().iter().any(|container| container.state == ContainerState::Running)
    }

    fn containers(&self) -> &[Container] {
        self.state.containers.get()
    }

    /// A container of the pod, if it is in the given state.
    fn container(&mut self, index: ContainerIndex, state: ContainerState) -> Option<&mut Container> {
        let containers = self.state.containers.get_mut();
        containers.get_mut(usize::from(index.0)).filter(|container| container.state == state)
    }

    fn order(&mut self, command: RuntimeCommand) {
        self.out.push(Command::Runtime(self.pod, command));
    }
}
