//! The status that a kubelet reports of a pod, as a function of its containers.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/kubelet_pods.go (`getPhase`), status/generate.go (reference
//! control-plane-1.36 §1.6). When it is written is not known here.

use super::pod::{Container, ContainerState, PodState, mains};
use crate::api::{PodPhase, PodSpec};
use crate::cluster::{ExitCodes, Reason};
use crate::control::PodStatus;

/// The status of a pod that has not ended. It is Running from when every main container has
/// started once, and ready while all of them serve.
pub(super) fn now(state: &PodState, spec: &PodSpec) -> PodStatus {
    let mains = mains(state, spec);
    let started = mains.iter().all(Container::has_started);
    PodStatus {
        phase: if started { PodPhase::Running } else { PodPhase::Pending },
        ready: started && mains.iter().all(|container| container.serving),
        restarts: restarts(state),
        reason: waiting_reason(state.containers.get()),
        finished: None,
        exits: ExitCodes::default(),
    }
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

/// Why a container does not run that is to run again.
fn waiting_reason(containers: &[Container]) -> Reason {
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
