//! What is started: which container is next, whether its back-off allows it, and its image.

use super::{
    AfterExit, ContainerIndex, ContainerState, KILLED, Role, RuntimeCommand, Stage, Turns, Worker,
    after_exit, earlier, role,
};
use crate::api::{ImagePullPolicy, RestartPolicy};
use crate::base::Time;
use crate::control::kubelet::backoff::Verdict;
use crate::control::kubelet::extra::Revival;
use crate::control::kubelet::pod::{Container, ImageTrouble, Past, policy, written};
use crate::control::{Command, Note};

impl Worker<'_> {
    /// Stops and starts what is to be. As in the original, one container at a time is on its way.
    pub(super) fn plan(&mut self) {
        let restarts_all = self.state.extra.as_ref().is_some_and(|extra| extra.restart_all.is_some());
        if !restarts_all && (self.init_failed() || self.is_complete()) {
            return self.kill(self.own_grace());
        }
        if self.containers().iter().any(Container::is_busy) {
            return;
        }
        if restarts_all && !self.restart_all() || self.stop_condemned() {
            return;
        }
        for index in 0..self.containers().len() {
            if self.is_to_start(index) && self.begin(index) {
                return;
            }
            let container = &self.containers()[index];
            let passed = match role(self.spec, index) {
                Role::Init => container.state == ContainerState::Exited,
                Role::Sidecar => container.started || self.is_passed(index),
                Role::Main => true,
            };
            if !passed {
                return;
            }
        }
    }

    fn is_to_start(&self, index: usize) -> bool {
        match self.containers()[index].state {
            ContainerState::Waiting | ContainerState::BackOff => true,
            ContainerState::PullBackOff => {
                let retry = self.state.extra.as_ref().and_then(|extra| extra.pull_retry);
                retry.is_none_or(|retry| retry <= self.now)
            }
            _ => false,
        }
    }

    /// Whether a later container has been begun since init containers were last to run: then the
    /// sidecars before it hold nothing back (pkg/kubelet/kuberuntime, `computeInitContainerActions`).
    fn is_passed(&self, index: usize) -> bool {
        let begun = |later: &Container| (later.has_started() && later.past == Past::Kept) || later.is_busy();
        self.containers()[index + 1..].iter().any(begun)
    }

    /// Starts a container, or sees to its image first; says whether it is on its way.
    fn begin(&mut self, index: usize) -> bool {
        let (pod, now, name) = (self.pod, self.now, ContainerIndex(index as u16));
        let revival = self.take_revival(index);
        let limits = &self.settings.limits;
        let container = &mut self.state.containers.get_mut()[index];
        let ran = container.has_exited && container.past != Past::Removed;
        let own = ran.then_some(container.finished);
        let since = revival.map_or(own, |revival| revival.finished_before);
        if let Some(finished) = since {
            // The clean-up belongs to the polled rule: by the published rule only a long run resets.
            if limits.polled_backoff {
                container.backoff.clean_up(now, limits);
            }
            if let Verdict::Wait { .. } = container.backoff.attempt(now, finished, limits) {
                self.hold_back(index, revival.is_some());
                return false;
            }
        }
        if container.has_exited && container.image == ImageTrouble::None {
            let count = container.restarts + 1;
            self.out.push(Command::Note(Note::Restarting { pod, container: name, count }));
        }
        let afresh = written(self.spec, index).image_pull_policy == Some(ImagePullPolicy::Always);
        let container = &mut self.state.containers.get_mut()[index];
        let (state, command) = if container.pulled && !afresh {
            (ContainerState::Starting, RuntimeCommand::Start(name))
        } else {
            (ContainerState::Pulling, RuntimeCommand::Pull(name))
        };
        container.state = state;
        self.order(command);
        true
    }

    /// Whether the container was stopped to be started again.
    fn take_revival(&mut self, index: usize) -> Option<Revival> {
        let revivals = &mut self.state.extra.as_mut()?.revivals;
        let position = revivals.iter().position(|revival| usize::from(revival.container) == index)?;
        Some(revivals.swap_remove(position))
    }

    /// What follows when a container ends by itself.
    fn after_exit(&self, index: usize, code: u8) -> AfterExit {
        if self.settings.restarts { after_exit(self.spec, index, code) } else { AfterExit::Stays }
    }

    /// The back-off refuses a start. One that was to follow its stop at once is judged by the exit
    /// code from now on.
    fn hold_back(&mut self, index: usize, revival: bool) {
        let (pod, name) = (self.pod, ContainerIndex(index as u16));
        let code = self.containers()[index].code;
        if revival && self.after_exit(index, code) == AfterExit::Stays {
            let container = &mut self.state.containers.get_mut()[index];
            container.state = ContainerState::Exited;
            return;
        }
        let container = &mut self.state.containers.get_mut()[index];
        if container.state != ContainerState::BackOff {
            container.state = ContainerState::BackOff;
            let until = container.backoff.until(container.finished);
            self.out.push(Command::Note(Note::BackOff { pod, container: name, until }));
        }
    }

    /// The image of a container is there, after a pull or without one.
    pub(super) fn image_pulled(&mut self, index: ContainerIndex) {
        if self.state.stage == Stage::Ended {
            return;
        }
        self.release_pull(index);
        let active = self.state.stage == Stage::Active;
        if let Some(container) = self.container(index, ContainerState::Pulling) {
            container.pulled = true;
            container.image = ImageTrouble::None;
            container.state = ContainerState::Waiting;
            if active {
                container.state = ContainerState::Starting;
                self.order(RuntimeCommand::Start(index));
            }
        }
    }

    /// The node has been asked for the image of a container.
    pub(super) fn image_looked_for(&mut self, index: ContainerIndex, found: bool) {
        let limits = &self.settings.limits;
        let (now, node) = (self.now, self.state.node);
        if self.container(index, ContainerState::Pulling).is_none() || self.state.stage != Stage::Active {
            return;
        }
        let image = self.image_of(index);
        match written(self.spec, index.0.into()).image_pull_policy {
            Some(ImagePullPolicy::Never) if !found => self.image_missing(index, ImageTrouble::NeverPull),
            Some(ImagePullPolicy::Never | ImagePullPolicy::IfNotPresent) | None if found => {
                self.image_pulled(index);
            }
            _ => {
                let held =
                    self.state.extra.as_mut().is_some_and(|extra| extra.pull(image).holds_pull(now, limits));
                if held {
                    return self.image_missing(index, ImageTrouble::BackOff);
                }
                let turns = self.pulls.ask(now, node, (self.pod, index), limits);
                self.take_turns(turns);
            }
        }
    }

    /// A pull is over; `done` says whether it brought the image.
    pub(super) fn pull_over(&mut self, index: ContainerIndex, done: bool) {
        self.release_pull(index);
        if !done {
            self.pull_failed(index);
        }
    }

    /// A pull has failed.
    pub(in crate::control::kubelet) fn pull_failed(&mut self, index: ContainerIndex) {
        if self.container(index, ContainerState::Pulling).is_none() || self.state.stage != Stage::Active {
            return;
        }
        let (now, limits, image) = (self.now, &self.settings.limits, self.image_of(index));
        self.extra().pull(image).pull_failed(now, limits);
        self.note(Some(index), "Failed");
        self.image_missing(index, ImageTrouble::Failed);
    }

    /// A pull that could begin has been refused: too much is asked of the registries.
    pub(in crate::control::kubelet) fn pull_refused(&mut self, index: ContainerIndex) {
        self.pull_failed(index);
        self.sync();
    }

    /// The container cannot start without its image; that is looked at again later. The error of a
    /// pull says nothing about when (reference control-plane-1.36 §1.3).
    fn image_missing(&mut self, index: ContainerIndex, trouble: ImageTrouble) {
        let limits = &self.settings.limits;
        let (now, image) = (self.now, self.image_of(index));
        let retry = if limits.polled_backoff {
            let entity = self.entity("image back-off");
            now + self.settings.jittered(limits.error_resync, entity)
        } else if trouble == ImageTrouble::NeverPull {
            now + limits.error_resync
        } else {
            self.extra().pull(image).pull_at().max(now + crate::base::Span(1))
        };
        let extra = self.extra();
        extra.pull_retry = earlier(extra.pull_retry.filter(|&earlier| earlier > now), Some(retry));
        if let Some(container) = self.container(index, ContainerState::Pulling) {
            container.state = ContainerState::PullBackOff;
            if container.image != trouble && trouble == ImageTrouble::BackOff {
                container.image = trouble;
                return self.note(Some(index), "ImagePullBackOff");
            }
            container.image = trouble;
        }
    }

    /// The first container with the same image.
    fn image_of(&self, index: ContainerIndex) -> u16 {
        let image = &written(self.spec, index.0.into()).image;
        let mut all = self.spec.init_containers.iter().chain(&self.spec.containers);
        all.position(|container| container.image == *image).unwrap_or(0) as u16
    }

    fn release_pull(&mut self, index: ContainerIndex) {
        let pull = (self.pod, index);
        let (now, node, limits) = (self.now, self.state.node, &self.settings.limits);
        let turns = self.pulls.done(now, node, |done| *done == pull, limits);
        self.take_turns(turns);
    }

    /// Lets pulls begin whose turn it is, of this pod or of others.
    pub(super) fn take_turns(&mut self, turns: Turns) {
        for (pod, container) in turns.begun {
            self.out.push(Command::Runtime(pod, RuntimeCommand::Fetch(container)));
        }
        self.refused.extend(turns.refused);
    }

    /// A container runs.
    pub(super) fn started(&mut self, index: ContainerIndex) {
        let probed = written(self.spec, index.0.into()).probes.startup.is_some();
        let Some(container) = self.container(index, ContainerState::Starting) else { return };
        container.state = ContainerState::Running;
        container.restarts += u32::from(container.has_exited);
        container.past = Past::Kept;
        container.started = !probed;
        (container.serving, container.probed_ready) = (false, false);
        (container.unready, container.unhealthy) = (false, false);
        let now = self.now;
        if let Some(extra) = &mut self.state.extra {
            let of_it = |prober: &&mut super::super::probes::Prober| prober.container == index.0;
            extra.probers.iter_mut().filter(of_it).for_each(|prober| prober.begin(now));
        }
        if self.state.stage == Stage::Stopping {
            self.stop_late(index);
        }
    }

    /// A container has ended.
    pub(super) fn exited(&mut self, index: ContainerIndex, code: u8, out_of_memory: bool, at: Time) {
        let place = usize::from(index.0);
        let Some(&Container { state, has_exited, finished, .. }) = self.containers().get(place) else {
            return;
        };
        if !matches!(state, ContainerState::Running | ContainerState::Starting | ContainerState::Stopping) {
            return;
        }
        let stopped = state == ContainerState::Stopping;
        let restarting_all = self.state.extra.as_ref().is_some_and(|extra| extra.restart_all.is_some());
        let after = match (self.state.stage == Stage::Stopping, restarting_all, stopped) {
            (true, ..) => AfterExit::Stays,
            (false, true, true) => AfterExit::RestartsAll,
            // Rules are not asked after a kill for a failed probe.
            (false, false, true) if policy(self.spec, place) == RestartPolicy::Never => AfterExit::Stays,
            (false, false, true) if !self.settings.restarts => AfterExit::Stays,
            (false, false, true) => AfterExit::Restarts,
            (false, _, false) => self.after_exit(place, code),
        };
        if let Some(extra) = &mut self.state.extra {
            extra.endings.retain(|ending| ending.container != index.0);
        }
        if stopped && after == AfterExit::Restarts {
            self.extra()
                .revivals
                .push(Revival { container: index.0, finished_before: has_exited.then_some(finished) });
        }
        if after == AfterExit::RestartsAll {
            self.extra().restart_all.get_or_insert(index);
        }
        let container = &mut self.state.containers.get_mut()[place];
        container.state =
            if after == AfterExit::Stays { ContainerState::Exited } else { ContainerState::Waiting };
        container.has_exited = true;
        (container.serving, container.started, container.probed_ready) = (false, false, false);
        container.finished = at;
        // An instance that was removed leaves no exit code behind.
        container.code = if restarting_all && stopped { KILLED } else { code };
        container.out_of_memory = out_of_memory;
        self.turn_of_others();
    }
}
