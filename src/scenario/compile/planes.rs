//! Control planes other than Kubernetes: which parts of a scenario mean nothing to them, and what
//! their kind of cluster is made of.
//!
//! Machines, workloads, faults and outputs are the same under each of them, so that a scenario goes
//! from one to another by its key `controlPlane.kind`. What only Kubernetes' control plane could heed
//! is refused where it is a key of the scenario, and left out with a remark where it is an object.

use super::objects::Timed;
use super::pools::DEFAULT_PODS;
use super::{Build, mesos, slurm, swarm};
use crate::api::Object;
use crate::base::{Diagnostic, Time};
use crate::control::config::Plane;
use crate::scenario::At;
use crate::scenario::schema::control::{
    ControlPlane, Kind, NodeLifecycle, PodAutoscaler, Scheduler, Timings,
};
use crate::scenario::schema::events::{Action, Fault};
use crate::sim;

/// The pods that a node may have where Kubernetes does not count them.
const PODS_UNCOUNTED: i64 = 1_000_000;

/// The kind of cluster that a scenario is about.
pub(super) fn kind(control: &ControlPlane) -> Kind {
    control.kind.as_ref().map_or(Kind::Kubernetes, |kind| kind.value)
}

/// The pods that a node may have where nothing is said.
pub(super) fn pods_of_a_node(build: &Build<'_>) -> i64 {
    match kind(&build.scenario.control_plane) {
        Kind::Kubernetes => DEFAULT_PODS,
        _ => PODS_UNCOUNTED,
    }
}

/// The control plane with its constants; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>) -> Plane {
    let control = &build.scenario.control_plane;
    if kind(control) != Kind::Swarm
        && let Some(swarm) = &control.swarm
    {
        build.error(swarm.error("`swarm` needs `controlPlane.kind: swarm`"));
    }
    if kind(control) != Kind::Mesos
        && let Some(mesos) = &control.mesos
    {
        build.error(mesos.error("`mesos` needs `controlPlane.kind: mesos`"));
    }
    if kind(control) != Kind::Slurm
        && let Some(slurm) = &control.slurm
    {
        build.error(slurm.error("`slurm` needs `controlPlane.kind: slurm`"));
    }
    match kind(control) {
        Kind::Kubernetes | Kind::Batch => Plane::Kubernetes,
        Kind::Mesos => Plane::Mesos(Box::new(mesos::settings(build))),
        Kind::Slurm => Plane::Slurm(Box::new(slurm::site(build))),
        Kind::Swarm => Plane::Swarm(Box::new(swarm::settings(build))),
    }
}

/// Parts of a scenario that only Kubernetes' control plane could heed are errors, not silence.
pub(super) fn refuse_unused(build: &mut Build<'_>) {
    let scenario = build.scenario;
    let control = &scenario.control_plane;
    let Some(place) = &control.kind else { return };
    if matches!(place.value, Kind::Kubernetes | Kind::Batch) {
        return;
    }
    let kubelet = &control.kubelet;
    let backs_off = kubelet.backoff_initial.is_some()
        || kubelet.backoff_max.is_some()
        || kubelet.backoff_reset.is_some()
        || kubelet.polled_backoff.is_some();
    let unused = [
        (control.version.is_some(), "controlPlane.version"),
        (control.scheduler != Scheduler::default(), "controlPlane.scheduler"),
        (control.node_lifecycle != NodeLifecycle::default(), "controlPlane.nodeLifecycle"),
        (control.pod_autoscaler != PodAutoscaler::default(), "controlPlane.podAutoscaler"),
        (has_limits(&control.timings), "controlPlane.timings"),
        (backs_off, "controlPlane.kubelet"),
    ];
    let mut findings: Vec<Diagnostic> = unused
        .into_iter()
        .filter(|(given, _)| *given)
        .map(|(_, what)| needs_kubernetes(place, what))
        .collect();
    findings.extend(scenario.faults.iter().filter(|fault| is_of_a_process(fault)).map(|fault| {
        needs_kubernetes(fault, "component")
            .help("machines fail under every control plane: `node`, `rack`, `zone`")
    }));
    findings.extend(scenario.actions.iter().filter_map(refused_action));
    build.errors.append(&mut findings);
}

fn needs_kubernetes<T>(place: &At<T>, what: &str) -> Diagnostic {
    place.error(format!("`{what}` needs `controlPlane.kind: kubernetes`"))
}

/// Whether latencies are given that only the clients of Kubernetes' API server have.
fn has_limits(timings: &Timings) -> bool {
    timings.scheduler_limit.is_some()
        || timings.controller_limit.is_some()
        || timings.scheduling_attempt.is_some()
        || timings.event_write.is_some()
        || timings.metrics_query.is_some()
}

fn is_of_a_process(fault: &Fault) -> bool {
    super::control_faults::is_of_control_plane(fault)
}

/// What nobody but Kubernetes' controllers would understand.
fn refused_action(action: &At<Action>) -> Option<Diagnostic> {
    let keys = [
        (action.taint.as_ref(), "taint"),
        (action.rollout_pause.as_ref(), "rolloutPause"),
        (action.rollout_resume.as_ref(), "rolloutResume"),
        (action.rollout_undo.as_ref(), "rolloutUndo"),
    ];
    keys.into_iter().find_map(|(given, what)| Some(needs_kubernetes(given?, what)))
}

/// Checks what people bring during the run.
pub(super) fn check_actions(build: &mut Build<'_>, actions: &[(Time, sim::Action)]) {
    if kind(&build.scenario.control_plane) == Kind::Swarm {
        swarm::check_actions(build, actions);
    }
}

/// Leaves out the objects that only Kubernetes' controllers look after, with a remark.
pub(super) fn known_objects(build: &mut Build<'_>, objects: Timed) -> Timed {
    let control = &build.scenario.control_plane;
    if kind(control) == Kind::Kubernetes {
        return objects;
    }
    let slurm = kind(control) == Kind::Slurm;
    let (known, unknown): (Timed, Timed) = objects.into_iter().partition(|(_, sourced)| {
        use Object::{CronJob, DaemonSet, HorizontalPodAutoscaler, PodDisruptionBudget, ResourceQuota};
        match sourced.object {
            CronJob(_) | HorizontalPodAutoscaler(_) | PodDisruptionBudget(_) | ResourceQuota(_) => false,
            DaemonSet(_) => !slurm,
            _ => true,
        }
    });
    for (_, sourced) in &known {
        if kind(control) == Kind::Swarm {
            swarm::check_annotations(build, sourced);
        }
        if kind(control) == Kind::Slurm {
            slurm::check_annotations(build, sourced);
        }
    }
    for (_, sourced) in unknown {
        build.remark(format!("objects that this control plane does not know: {}", sourced.object.kind()), 1);
    }
    known
}
