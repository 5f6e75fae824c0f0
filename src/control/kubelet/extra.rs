//! What a kubelet remembers of the few pods that have probes, hooks, sidecars, images that cannot be
//! pulled, or rules that restart them as a whole. It is kept out of the common row.

use super::backoff::BackOff;
use super::probes::{Kind, Prober};
use super::worker::Settings;
use crate::api::PodSpec;
use crate::base::{Span, Time};
use crate::control::ContainerIndex;

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// The probe workers.
    pub(super) probers: Vec<Prober>,
    /// Containers that are being stopped one by one.
    pub(super) endings: Vec<Ending>,
    /// Containers that were stopped to be started again in the same go.
    pub(super) revivals: Vec<Revival>,
    /// Back-offs of pulls, by the first container with that image.
    pub(super) pulls: Vec<(u16, BackOff)>,
    /// When images that are not there are looked at again.
    pub(super) pull_retry: Option<Time>,
    /// The container because of whose end all are started again.
    pub(super) restart_all: Option<ContainerIndex>,
    /// Whether the conditions of the pod's readiness gates are true.
    pub(super) gates_passed: bool,
}

/// A container that was stopped to be started again in the same go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Revival {
    /// Which.
    pub(super) container: u16,
    /// The end of its run before the one that was stopped; `None` if there was none.
    pub(super) finished_before: Option<Time>,
}

/// How far the stop of one container is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ending {
    /// Which.
    pub(super) container: u16,
    /// What is left of the grace period, at the beginning of the step.
    pub(super) grace: Span,
    /// When the step began.
    pub(super) since: Time,
    /// What it waits for.
    pub(super) step: EndStep,
}

/// What a container that is being stopped waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EndStep {
    /// The hook, at most until this moment.
    Hook(Time),
    /// The containers that are stopped before it, at most until this moment.
    Turn(Time),
    /// It has been told.
    Signalled,
}

impl Ending {
    /// When the step is over without any event.
    pub(super) fn due(&self) -> Option<Time> {
        match self.step {
            EndStep::Hook(until) | EndStep::Turn(until) => Some(until),
            EndStep::Signalled => None,
        }
    }
}

impl Extra {
    /// What a pod needs that is accepted now; `None` for most. `jitter` is the wait before the first
    /// question of each prober: zero, but for a kubelet that has just started.
    pub(super) fn of(
        spec: &PodSpec,
        now: Time,
        jitter: impl Fn(&PodSpec, usize, Kind, Span) -> Span,
    ) -> Option<Box<Extra>> {
        let mut probers = Vec::new();
        for (index, container) in spec.init_containers.iter().chain(&spec.containers).enumerate() {
            if container.probes.is_empty() {
                continue;
            }
            for kind in Kind::ALL {
                if let Some(probe) = kind.of(&container.probes) {
                    let period = Span::from_secs(probe.period_seconds.into());
                    let wait = jitter(spec, index, kind, period);
                    probers.push(Prober::new(index as u16, kind, now, wait));
                }
            }
        }
        let needed = !probers.is_empty() || !spec.readiness_gates.is_empty();
        needed.then(|| Box::new(Extra { probers, ..Extra::default() }))
    }

    /// The back-off of the pulls of an image, named by the first container that has it.
    pub(super) fn pull(&mut self, image: u16) -> &mut BackOff {
        let position = self.pulls.iter().position(|(name, _)| *name == image).unwrap_or_else(|| {
            self.pulls.push((image, BackOff::default()));
            self.pulls.len() - 1
        });
        &mut self.pulls[position].1
    }
}

/// What the first question of a new worker waits for: a part of its period if the kubelet itself
/// started less than a period ago (pkg/kubelet/prober/worker.go).
pub(super) fn first_wait(
    settings: &Settings,
    now: Time,
    kubelet_start: Option<Time>,
    entity: u64,
    period: Span,
) -> Span {
    match kubelet_start {
        Some(start) if now.since(start) < period => Span(settings.draw(entity) % period.0.max(1)),
        _ => Span::ZERO,
    }
}
