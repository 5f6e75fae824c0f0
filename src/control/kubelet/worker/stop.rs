//! What is stopped: single containers, and the pod as a whole with its hooks and sidecars in order.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kuberuntime/kuberuntime_container.go (`killContainer`) and
//! kuberuntime_termination_order.go (reference control-plane §1.4, §1.5).

use super::{
    Command, Container, ContainerIndex, ContainerState, MIN_STOP_GRACE, Note, Role, RuntimeCommand, Span,
    Stage, Time, Worker, role, status,
};
use crate::api::{PodSpec, PreStop};
use crate::base::units::NANOS_PER_SECOND;
use crate::control::kubelet::extra::{EndStep, Ending};
use crate::control::kubelet::pod::{Past, written};
use crate::control::kubelet::probes::Kind;

impl Worker<'_> {
    /// Tells the containers to stop; the pod is over when they have.
    pub(super) fn kill(&mut self, grace: Span) {
        let allowed = grace.max(MIN_STOP_GRACE);
        if self.state.stage == Stage::Stopping && allowed >= self.state.grace {
            return;
        }
        self.state.stage = Stage::Stopping;
        self.state.grace = allowed;
        if let Some(extra) = &mut self.state.extra {
            extra.restart_all = None;
            extra.revivals.clear();
            extra.endings.clear();
            extra.pull_retry = None;
        }
        if !self.runs() {
            return;
        }
        self.out.push(Command::Note(Note::Killing { pod: self.pod, grace: allowed }));
        if !is_ordered(self.spec) {
            return self.order(RuntimeCommand::Stop { grace: allowed });
        }
        for index in 0..self.containers().len() {
            if self.containers()[index].runs() {
                self.end(index, grace, true);
            }
        }
    }

    /// A container that was on its way when its pod was stopped runs now.
    pub(super) fn stop_late(&mut self, index: ContainerIndex) {
        let grace = self.state.grace;
        if is_ordered(self.spec) {
            self.end(index.0.into(), grace, true);
        } else {
            self.order(RuntimeCommand::Stop { grace });
        }
    }

    /// Begins the stop of a container: its hook first, if it has one and there is time.
    fn end(&mut self, index: usize, grace: Span, hook: bool) {
        let pre_stop = written(self.spec, index).pre_stop.filter(|_| hook && grace > Span::ZERO);
        let container = index as u16;
        let now = self.now;
        let step = match pre_stop {
            None => return self.wait_for_turn(container, grace),
            Some(PreStop::Sleep(seconds)) => EndStep::Hook(now + Span::from_secs(seconds).min(grace)),
            Some(PreStop::Run) => {
                self.order(RuntimeCommand::PreStop(ContainerIndex(container)));
                EndStep::Hook(now + grace)
            }
        };
        self.extra().endings.push(Ending { container, grace, since: now, step });
    }

    /// The runtime says that a hook is over.
    pub(super) fn hook_done(&mut self, index: ContainerIndex) {
        let Some(extra) = &mut self.state.extra else { return };
        let of_it = |ending: &Ending| ending.container == index.0 && matches!(ending.step, EndStep::Hook(_));
        if let Some(position) = extra.endings.iter().position(of_it) {
            let ending = extra.endings.remove(position);
            self.wait_for_turn(ending.container, left(&ending, self.now));
        }
    }

    /// Sidecars wait for the containers that are stopped before them while there is time.
    fn wait_for_turn(&mut self, container: u16, grace: Span) {
        let waits =
            self.state.stage == Stage::Stopping && grace > Span::ZERO && self.is_before(container.into());
        if waits {
            let (since, step) = (self.now, EndStep::Turn(self.now + grace));
            self.extra().endings.push(Ending { container, grace, since, step });
        } else {
            self.signal(container, grace);
        }
    }

    /// Whether a container still runs that is stopped before a sidecar: any main container, or the
    /// next sidecar.
    fn is_before(&self, index: usize) -> bool {
        if role(self.spec, index) != Role::Sidecar {
            return false;
        }
        let inits = self.spec.init_containers.len();
        let next = (index + 1..inits).find(|&later| role(self.spec, later) == Role::Sidecar);
        let all = self.containers();
        all[inits..].iter().chain(next.map(|next| &all[next])).any(Container::runs)
    }

    /// Tells a container to stop, now, with at least two seconds.
    fn signal(&mut self, container: u16, grace: Span) {
        let grace = grace.max(MIN_STOP_GRACE);
        let since = self.now;
        self.order(RuntimeCommand::StopContainer { container: ContainerIndex(container), grace });
        self.extra().endings.push(Ending { container, grace, since, step: EndStep::Signalled });
    }

    /// A container has ended: others may have waited for it.
    pub(super) fn turn_of_others(&mut self) {
        let Some(extra) = &self.state.extra else { return };
        let waiting: Vec<Ending> = extra
            .endings
            .iter()
            .filter(|ending| matches!(ending.step, EndStep::Turn(_)))
            .filter(|ending| !self.is_before(ending.container.into()))
            .copied()
            .collect();
        for ending in waiting {
            self.extra().endings.retain(|other| other.container != ending.container);
            self.signal(ending.container, left(&ending, self.now));
        }
    }

    /// Goes on with stops whose hook or wait has taken its time; says whether there was one.
    pub(super) fn next_steps(&mut self) -> bool {
        let now = self.now;
        let Some(extra) = &mut self.state.extra else { return false };
        let is_due = |ending: &Ending| ending.due().is_some_and(|due| due <= now);
        let due: Vec<Ending> = extra.endings.iter().copied().filter(is_due).collect();
        extra.endings.retain(|ending| !is_due(ending));
        for ending in &due {
            let grace = left(ending, now);
            match ending.step {
                EndStep::Hook(_) => self.wait_for_turn(ending.container, grace),
                _ => self.signal(ending.container, grace),
            }
        }
        !due.is_empty()
    }

    /// Stops the first container whose startup or liveness probe has failed; says whether there is
    /// one.
    pub(super) fn stop_condemned(&mut self) -> bool {
        let Some(extra) = &self.state.extra else { return false };
        let condemned = extra.probers.iter().find(|prober| {
            let running = self.containers()[usize::from(prober.container)].state == ContainerState::Running;
            running && prober.kind != Kind::Readiness && prober.result == Some(false)
        });
        let Some(prober) = condemned else { return false };
        let (index, kind) = (usize::from(prober.container), prober.kind);
        let probe = kind.of(&written(self.spec, index).probes);
        let own = probe.and_then(|probe| probe.termination_grace_seconds);
        let grace = own.map_or(self.own_grace(), |seconds| Span::from_secs(seconds.max(1) as u64));
        self.state.containers.get_mut()[index].state = ContainerState::Stopping;
        self.note(Some(ContainerIndex(index as u16)), "Killing");
        self.end(index, grace, true);
        true
    }

    /// Ends every container of the pod to start them all again; says whether that is done. Those
    /// that did not cause it are first, and main containers before init containers
    /// (reference control-plane-1.36 §1.2).
    pub(super) fn restart_all(&mut self) -> bool {
        let inits = self.spec.init_containers.len();
        let trigger = self.state.extra.as_ref().and_then(|extra| extra.restart_all);
        let mut order = (inits..self.containers().len()).chain(0..inits);
        let running = order.find(|&index| self.containers()[index].state == ContainerState::Running);
        if let Some(index) = running {
            self.state.containers.get_mut()[index].state = ContainerState::Stopping;
            self.end(index, Span::ZERO, false);
            return false;
        }
        for container in self.state.containers.get_mut().iter_mut().filter(|container| container.has_exited) {
            container.past = Past::Removed;
            container.state = ContainerState::Waiting;
        }
        let extra = self.extra();
        extra.restart_all = None;
        extra.revivals.clear();
        self.note(trigger, "RestartAllContainers");
        true
    }

    /// A pod that is being deleted comes to a kubelet that has not known it: it ends as one of which
    /// nothing has run.
    pub(in crate::control::kubelet) fn decline(&mut self) {
        self.state.deletion = Some(Span::ZERO);
        self.write_last();
        self.delete_object();
    }

    /// The last status. Without a phase that is an end no pod is deleted, whatever has run of it
    /// (pkg/kubelet/status/status_manager.go, canBeDeleted).
    fn write_last(&mut self) {
        self.state.stage = Stage::Ended;
        if !self.api.phase.is_terminal() {
            self.write(status::at_end(self.state, self.spec));
        }
    }

    /// Nothing runs any more: the last status, and the end of the sandbox.
    pub(super) fn finish(&mut self) {
        self.write_last();
        self.tear_down();
        self.state.extra = None;
        if self.state.deletion.is_some() {
            self.delete_object();
        }
    }

    /// The runtime forgets the pod; pulls that it waited for are for others now.
    pub(super) fn tear_down(&mut self) {
        self.order(RuntimeCommand::TearDown);
        let (pod, limits) = (self.pod, &self.settings.limits);
        let turns = self.pulls.done(self.now, self.state.node, |(of, _)| *of == pod, limits);
        self.take_turns(turns);
    }
}

/// What is left of the grace period after a step. The original counts the time that a hook or a
/// wait took in whole seconds.
fn left(ending: &Ending, now: Time) -> Span {
    let seconds = now.since(ending.since).0 / NANOS_PER_SECOND;
    ending.grace.saturating_sub(Span::from_secs(seconds))
}

/// Whether the containers of a pod are not simply all told to stop at once.
fn is_ordered(spec: &PodSpec) -> bool {
    let has_sidecar = || (0..spec.init_containers.len()).any(|index| role(spec, index) == Role::Sidecar);
    let hooked = |container: &crate::api::Container| container.pre_stop.is_some();
    has_sidecar() || spec.init_containers.iter().chain(&spec.containers).any(hooked)
}
