//! The setup of a batch machine.

pub(super) mod policy;

use super::{Build, generators, run, traces};
use crate::base::{Diagnostic, Span};
use crate::control::batch::Policy;
use crate::scenario::At;
use crate::scenario::schema::batch::Estimates;
use crate::scenario::schema::control::{Kubelet, Metrics, NodeLifecycle, PodAutoscaler, Scheduler, Timings};
use crate::scenario::schema::workload::Behavior;
use crate::sim::BatchSetup;

/// The setup of a batch machine; `None` if something is wrong.
pub(super) fn setup(build: &mut Build<'_>) -> Option<BatchSetup> {
    refuse_unused(build);
    let scenario = build.scenario;
    let Some(processors) = &scenario.cluster.processors else {
        let finding = build.whole("a batch machine has a number of processors");
        build.error(finding.help("write `cluster: {processors: 64}`"));
        return None;
    };
    let processors = processors.0 as u32;
    let mut sources = traces::job_sources(build, processors);
    sources.extend(generators::job_sources(build, processors));
    let batch = scenario.control_plane.batch.as_ref();
    let policy = batch.map_or_else(Policy::default, |batch| policy::policy(build, batch));
    let estimate_factor = batch.map_or(1.0, |batch| policy::factor(build, batch));
    let stop = run::stop(build);
    build.errors.is_empty().then(|| BatchSetup {
        seed: run::seed(scenario),
        processors,
        policy,
        kill_at_estimate: batch.is_some_and(|batch| batch.kill_at_estimate),
        clairvoyant: batch.is_some_and(|batch| batch.estimates == Estimates::Clairvoyant),
        estimate_factor,
        dispatch_delay: batch.and_then(|batch| batch.dispatch_delay).map_or(Span::ZERO, |delay| delay.0),
        sources,
        stop,
        check_invariants: scenario.run.check_invariants,
    })
}

/// Parts of a scenario that mean nothing to a batch machine are errors, not silence.
fn refuse_unused(build: &mut Build<'_>) {
    fn refuse<T>(what: &str, value: &At<T>) -> Diagnostic {
        value.error(format!("`{what}` needs `controlPlane.kind: kubernetes`")).help(
            "a batch machine has processors, traces, and generators of jobs with `processors` and `runTime`",
        )
    }
    let scenario = build.scenario;
    let cluster = &scenario.cluster;
    let mut findings: Vec<Diagnostic> = Vec::new();
    findings.extend(cluster.pools.first().map(|pool| refuse("cluster.pools", pool)));
    findings.extend(cluster.manifests.first().map(|file| refuse("cluster.manifests", file)));
    findings.extend(cluster.machines.as_ref().map(|machines| refuse("cluster.machines", machines)));
    findings.extend(scenario.workload.manifests.first().map(|file| refuse("workload.manifests", file)));
    findings.extend(scenario.workload.loads.first().map(|load| refuse("workload.loads", load)));
    findings.extend(scenario.workload.metrics.first().map(|metric| refuse("workload.metrics", metric)));
    findings.extend(scenario.faults.first().map(|fault| refuse("faults", fault)));
    findings.extend(scenario.actions.first().map(|action| refuse("actions", action)));
    if let Some(kind) = &scenario.control_plane.kind {
        let control = &scenario.control_plane;
        let unused = [
            (control.version.is_some(), "controlPlane.version"),
            (control.swarm.is_some(), "controlPlane.swarm"),
            (control.mesos.is_some(), "controlPlane.mesos"),
            (control.slurm.is_some(), "controlPlane.slurm"),
            (control.timings != Timings::default(), "controlPlane.timings"),
            (control.scheduler != Scheduler::default(), "controlPlane.scheduler"),
            (control.node_lifecycle != NodeLifecycle::default(), "controlPlane.nodeLifecycle"),
            (control.kubelet != Kubelet::default(), "controlPlane.kubelet"),
            (control.pod_autoscaler != PodAutoscaler::default(), "controlPlane.podAutoscaler"),
            (control.metrics != Metrics::default(), "controlPlane.metrics"),
            (scenario.workload.behavior != Behavior::default(), "workload.behavior"),
            (scenario.run.start.is_some(), "run.start"),
        ];
        findings.extend(unused.into_iter().filter(|(given, _)| *given).map(|(_, what)| refuse(what, kind)));
    }
    for generator in &scenario.workload.generators {
        let unused = [
            (generator.cpu.is_some(), "cpu"),
            (generator.memory.is_some(), "memory"),
            (!generator.resources.is_empty(), "resources"),
            (generator.tasks.is_some(), "tasks"),
            (generator.priority.is_some(), "priority"),
            (generator.restart_policy.is_some(), "restartPolicy"),
            (generator.namespace.is_some(), "namespace"),
            (!generator.labels.is_empty(), "labels"),
            (!generator.node_selector.is_empty(), "nodeSelector"),
        ];
        let unused = unused.into_iter().filter(|(given, _)| *given);
        findings.extend(unused.map(|(_, what)| refuse(what, &generator.name)));
    }
    build.errors.append(&mut findings);
}
