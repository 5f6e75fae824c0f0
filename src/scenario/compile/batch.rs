//! The setup of a batch machine.

use super::{Build, generators, run, traces};
use crate::base::Diagnostic;
use crate::scenario::At;
use crate::scenario::schema::control::BatchPolicy;
use crate::sim::{self, BatchSetup};

/// The setup of a batch machine; `None` if something is wrong.
pub(super) fn setup(build: &mut Build<'_>) -> Option<BatchSetup> {
    refuse_nodes(build);
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
    let policy = batch.map(|batch| batch.policy).unwrap_or_default();
    let stop = run::stop(build);
    build.errors.is_empty().then(|| BatchSetup {
        seed: run::seed(scenario),
        processors,
        policy: match policy {
            BatchPolicy::Fcfs => sim::BatchPolicy::Fcfs,
        },
        kill_at_estimate: batch.is_some_and(|batch| batch.kill_at_estimate),
        sources,
        stop,
        check_invariants: scenario.run.check_invariants,
    })
}

/// Parts of a scenario that mean nothing to a batch machine are errors, not silence.
fn refuse_nodes(build: &mut Build<'_>) {
    fn refuse<T>(what: &str, value: &At<T>) -> Diagnostic {
        value
            .error(format!("`{what}` needs `controlPlane.kind: kubernetes`"))
            .help("a batch machine has `cluster.processors`, `workload.traces` and `workload.generators`")
    }
    let scenario = build.scenario;
    let cluster = &scenario.cluster;
    let mut findings: Vec<Diagnostic> = Vec::new();
    findings.extend(cluster.pools.first().map(|pool| refuse("cluster.pools", pool)));
    findings.extend(cluster.manifests.first().map(|file| refuse("cluster.manifests", file)));
    findings.extend(cluster.machines.as_ref().map(|machines| refuse("cluster.machines", machines)));
    findings.extend(scenario.workload.manifests.first().map(|file| refuse("workload.manifests", file)));
    findings.extend(scenario.faults.first().map(|fault| refuse("faults", fault)));
    findings.extend(scenario.actions.first().map(|action| refuse("actions", action)));
    build.errors.append(&mut findings);
}
