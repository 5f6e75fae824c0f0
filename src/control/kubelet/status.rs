//! The status that a kubelet reports of a pod, as a function of its containers.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kubelet_pods.go (`getPhase`), status/generate.go (reference
//! control-plane-1.36 §1.6). When it is written is not known here.

use super::pod::{Container, ContainerState, ImageTrouble, Past, PodState, Role, mains, role, written};
use crate::api::{PodPhase, PodSpec};
use crate::cluster::{ExitCodes, Reason};
use crate::control::PodStatus;

/// The status of a pod that has not ended.
pub(super) fn now(state: &PodState, spec: &PodSpec) -> PodStatus {
    PodStatus {
        phase: phase(state, spec),
        ready: is_ready(state, spec),
        restarts: restarts(state),
        reason: waiting_reason(state),
        finished: None,
        exits: ExitCodes::default(),
    }
}

/// The phase of a pod that has not ended: Running unless something in it has never started, or is
/// about to be initialized again.
fn phase(state: &PodState, spec: &PodSpec) -> PodPhase {
    let containers = state.containers.get();
    let initialized = mains(state, spec).iter().any(Container::has_started);
    let pending = |(index, container): (usize, &Container)| match role(spec, index) {
        Role::Init => container.runs() || !container.has_exited,
        Role::Sidecar => !container.has_started() || (container.runs() && !container.started && !initialized),
        Role::Main => !container.has_started(),
    };
    if containers.iter().enumerate().any(pending) { PodPhase::Pending } else { PodPhase::Running }
}

/// Whether every main container and sidecar is ready, and every readiness gate is passed.
fn is_ready(state: &PodState, spec: &PodSpec) -> bool {
    let ready = |(index, container): (usize, &Container)| {
        let probes = &written(spec, index).probes;
        let could = match (role(spec, index), probes.readiness) {
            (Role::Init, _) => return true,
            (_, Some(_)) => container.probed_ready,
            // Nothing says that a sidecar without probes is not ready.
            (Role::Sidecar, None) => true,
            (Role::Main, None) => container.serving,
        };
        container.runs() && container.started && could
    };
    let gates =
        spec.readiness_gates.is_empty() || state.extra.as_ref().is_some_and(|extra| extra.gates_passed);
    gates && state.containers.get().iter().enumerate().all(ready)
}

/// The status of a pod of which nothing runs any more: Succeeded if every main container ended
/// well, and the kubelet had no reason of its own to end it.
pub(super) fn at_end(state: &PodState, spec: &PodSpec) -> PodStatus {
    let containers = state.containers.get();
    let good = state.cause == Reason::None && mains(state, spec).iter().all(Container::succeeded);
    let failed = |container: &&Container| container.has_exited && container.code != 0;
    let bad_end = mains(state, spec).iter().chain(containers).find(failed);
    let (phase, reason) = match (good, state.cause) {
        (true, _) => (PodPhase::Succeeded, Reason::Completed),
        (false, Reason::None) => (PodPhase::Failed, bad_end.map_or(Reason::Error, Container::exit_reason)),
        (false, cause) => (PodPhase::Failed, cause),
    };
    let ends = containers.iter().filter(|container| container.has_exited);
    let finished = ends.map(|container| container.finished).max();
    let mut exits = ExitCodes::default();
    for (place, container) in containers.iter().enumerate().filter(|(_, container)| container.has_exited) {
        exits.set(place, container.code);
    }
    PodStatus { phase, ready: false, restarts: restarts(state), reason, finished, exits }
}

/// Why a container does not run that is to run.
fn waiting_reason(state: &PodState) -> Reason {
    let containers = state.containers.get();
    let trouble =
        containers.iter().map(|container| container.image).find(|image| *image != ImageTrouble::None);
    match trouble {
        Some(ImageTrouble::Failed) => return Reason::ErrImagePull,
        Some(ImageTrouble::BackOff) => return Reason::ImagePullBackOff,
        Some(ImageTrouble::NeverPull) => return Reason::ErrImageNeverPull,
        _ => {}
    }
    if containers.iter().any(|container| container.past == Past::Removed)
        || state.extra.as_ref().is_some_and(|extra| extra.restart_all.is_some())
    {
        return Reason::RestartingAllContainers;
    }
    if containers.iter().any(|container| container.state == ContainerState::BackOff) {
        return Reason::CrashLoopBackOff;
    }
    let between = |container: &&Container| {
        container.has_exited && matches!(container.state, ContainerState::Waiting | ContainerState::Starting)
    };
    containers.iter().find(between).map_or(Reason::None, Container::exit_reason)
}

fn restarts(state: &PodState) -> u32 {
    let own = state.containers.get().iter().map(|container| container.restarts);
    own.fold(state.earlier_restarts, u32::saturating_add)
}
