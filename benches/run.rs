//! Whole runs in memory: pods a second through the driver, the control plane and the world, without
//! observation and without files.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seatrial::api::{Behavior, Container, Node, ObjectMeta, PodSpec, PodTemplate, RestartPolicy};
use seatrial::base::ids::PoolId;
use seatrial::base::{Diagnostic, Quantity, Span, Time};
use seatrial::cluster::JobOrigin;
use seatrial::control::Config;
use seatrial::sim::{
    BatchJob, BatchPolicy, BatchSetup, JobSource, MetricsSetup, NodeSetup, Pool, Setup, Source, StopRule,
    Submission, SubmissionName, Timing, run, run_batch,
};
use std::sync::Arc;

const PODS: u32 = 50_000;
const JOBS: u64 = 200_000;

/// A cheap sequence of pseudo-random numbers below `bound`.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Short pods, a hundred a second.
struct ShortPods {
    left: u32,
    draws: Draws,
    template: Arc<PodTemplate>,
    namespace: Arc<str>,
    base: Arc<str>,
}

impl Source for ShortPods {
    fn next(&mut self) -> Result<Option<Submission>, Diagnostic> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let number = PODS - left;
        Ok(Some(Submission {
            at: Time(u64::from(number) * 10_000_000),
            template: Arc::clone(&self.template),
            namespace: Arc::clone(&self.namespace),
            name: SubmissionName::Numbered(Arc::clone(&self.base), number),
            tasks: 1,
            priority: 0,
            run_time: Some(Span(1_000_000_000 + self.draws.below(120_000_000_000))),
            exit_code: Some(0),
            estimate: None,
            user: -1,
            link: None,
            origin: JobOrigin::default(),
        }))
    }
}

fn setup() -> Setup {
    let node = |number: usize| {
        let meta = ObjectMeta { name: format!("node-{number}"), ..ObjectMeta::default() };
        let mut node = Node { meta, ..Node::default() };
        for (resource, amount) in [("cpu", 16), ("memory", 64 << 30), ("pods", 110)] {
            node.allocatable.insert(resource.into(), Quantity::from_units(amount));
        }
        node.capacity = node.allocatable.clone();
        NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() }
    };
    let mut container = Container { name: "main".into(), ..Container::default() };
    container.resources.requests.insert("cpu".into(), Quantity::from_milli(500));
    container.resources.requests.insert("memory".into(), Quantity::from_units(1 << 30));
    let spec =
        PodSpec { containers: vec![container], restart_policy: RestartPolicy::Never, ..PodSpec::default() };
    let source = ShortPods {
        left: PODS,
        draws: Draws(1),
        template: Arc::new(PodTemplate { spec, ..PodTemplate::default() }),
        namespace: "default".into(),
        base: "pod".into(),
    };
    Setup {
        seed: 1,
        pools: vec![Pool { name: "pool".into(), price_per_hour: 0.0 }],
        nodes: (0..1_000).map(node).collect(),
        registered: None,
        plane: seatrial::sim::Plane::default(),
        bound_pods: Vec::new(),
        objects: Vec::new(),
        sources: vec![Box::new(source)],
        faults: Vec::new(),
        actions: Vec::new(),
        default_behavior: Behavior::default(),
        metrics: MetricsSetup::default(),
        timing: Timing::ideal(),
        control: Config::default(),
        stop: StopRule { when_settled: true, ..StopRule::default() },
        check_invariants: false,
    }
}

/// Jobs on 256 processors.
struct Jobs {
    left: u64,
    draws: Draws,
}

impl JobSource for Jobs {
    fn next(&mut self) -> Result<Option<BatchJob>, Diagnostic> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let number = JOBS - left;
        Ok(Some(BatchJob {
            at: Time(number * 60_000_000_000),
            number,
            processors: 1 << self.draws.below(7),
            run_time: Span(1_000_000_000 + self.draws.below(600_000_000_000)),
            estimate: None,
            fails: false,
            user: -1,
            priority: 0,
            deadline: None,
            link: None,
        }))
    }
}

fn whole_runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole run");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(PODS)));
    group.bench_function("short pods on 1,000 nodes", |bencher| {
        bencher.iter_batched(
            setup,
            |setup| run(setup, &mut (), &mut ()).expect("the run ends well"),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(JOBS));
    group.bench_function("batch jobs first come, first served", |bencher| {
        let make = || BatchSetup {
            seed: 1,
            processors: 256,
            policy: BatchPolicy::default(),
            clairvoyant: false,
            estimate_factor: 1.0,
            dispatch_delay: Span::ZERO,
            kill_at_estimate: false,
            sources: vec![Box::new(Jobs { left: JOBS, draws: Draws(1) })],
            stop: StopRule::default(),
            check_invariants: false,
        };
        let run = |setup| run_batch(setup, &mut (), &mut ()).expect("the run ends well");
        bencher.iter_batched(make, run, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, whole_runs);
criterion_main!(benches);
