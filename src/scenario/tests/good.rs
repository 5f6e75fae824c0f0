//! What good scenarios compile to.

use super::{POOL, setup, try_compile};
use crate::api::ResourceList;
use crate::base::{Distribution, Span, Time};
use crate::control::config::{Mode, ScoringStrategy, Ties};
use crate::scenario::{Compiled, Named, Plan, adhoc, compile, json_schema, load};
use crate::sim::setup::{Action, FaultWhen, SubmissionName};
use crate::sim::{FaultScope, Submission};
use expect_test::expect;

fn list(list: &ResourceList) -> String {
    list.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn pools_become_nodes() {
    let setup = setup(
        "\
apiVersion: seatrial/v1
cluster:
  pools:
    - name: w
      count: 4
      capacity: {cpu: 8, memory: 32Gi, nvidia.com/gpu: 2}
      kubeReserved: {cpu: 100m, memory: 500Mi}
      systemReserved: {cpu: 200m}
      evictionHard: 100Mi
      labels: {disk: ssd}
      taints: ['dedicated=gpu:NoSchedule', 'old:NoExecute', {key: k, effect: PreferNoSchedule}]
      zones: [a, b]
      region: r1
      nodesPerRack: 1
      pricePerHour: 0.4
      images: [{name: 'registry.example/x:1', size: 100Mi}]
",
    );
    let node = &setup.nodes[3].node;
    expect!["cpu=8 memory=34359738368 nvidia.com/gpu=2 pods=110"].assert_eq(&list(&node.capacity));
    expect!["cpu=7700m memory=33730592768 nvidia.com/gpu=2 pods=110"].assert_eq(&list(&node.allocatable));
    let labels: Vec<String> = node.meta.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    expect![[r"
        beta.kubernetes.io/arch=amd64
        beta.kubernetes.io/os=linux
        disk=ssd
        kubernetes.io/arch=amd64
        kubernetes.io/hostname=w-3
        kubernetes.io/os=linux
        seatrial.dev/pool=w
        seatrial.dev/rack=w-b-rack-1
        topology.kubernetes.io/region=r1
        topology.kubernetes.io/zone=b"]]
    .assert_eq(&labels.join("\n"));
    let taints: Vec<String> = node
        .taints
        .iter()
        .map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect.name()))
        .collect();
    expect!["dedicated=gpu:NoSchedule old=:NoExecute k=:PreferNoSchedule"].assert_eq(&taints.join(" "));
    let racks: Vec<&str> = setup.nodes.iter().map(|node| node.rack.as_str()).collect();
    assert_eq!(racks, ["w-a-rack-0", "w-b-rack-0", "w-a-rack-1", "w-b-rack-1"]);
    assert_eq!(node.images[0].size_bytes, 100 << 20);
    assert!((setup.pools[0].price_per_hour - 0.4).abs() < 1e-12);
}

#[test]
fn a_dump_is_the_state_at_the_start() {
    let compiled = try_compile("apiVersion: seatrial/v1\ncluster: {manifests: [dump.yaml]}\n", &[]);
    let Ok(Compiled { plan: Plan::Kubernetes(setup), remarks, inputs, .. }) = compiled else {
        panic!("refused")
    };
    assert_eq!(setup.nodes.len(), 1);
    assert_eq!(setup.bound_pods.len(), 1);
    let (bound, row) = &setup.bound_pods[0];
    assert_eq!((bound.meta.name.as_str(), *row), ("web-1-x", 0));
    assert_eq!(bound.template.spec.priority, Some(2_000_001_000));
    let objects: Vec<&str> = setup.objects.iter().map(|(_, object)| object.meta().name.as_str()).collect();
    assert_eq!(objects, ["waiting"]);
    let remarks: Vec<String> = remarks.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    expect![[r"
        objects not simulated: v1/ConfigMap: 1
        pods left out because their node is not in the cluster: 1
        pods left out because they have ended: 1
        workload objects left out because their pods are listed: 2"]]
    .assert_eq(&remarks.join("\n"));
    assert_eq!(inputs.len(), 1);
    assert_eq!((inputs[0].0.as_str(), inputs[0].1.len()), ("tests/fixtures/dump.yaml", 64));
}

#[test]
fn faults_and_actions_have_rows() {
    let text = format!(
        "{POOL}workload: {{manifests: [{{file: ../../scenarios/manifests/two-applications.yaml, at: 30s}}]}}
faults:
  - {{zone: b, at: 10m, for: 5m, kind: partition}}
  - {{every: rack, mtbf: exponential(mean=1d), mttr: 1h}}
actions:
  - {{at: 2m, cordon: w-1}}
  - {{at: 1m, scale: deployment/shop, replicas: 5}}
"
    );
    let setup = setup(&text);
    assert_eq!(setup.faults[0].groups, [[1]]);
    assert_eq!(setup.faults[0].scope, FaultScope::Zone);
    let duration = Some(Span::from_secs(300));
    assert_eq!(setup.faults[0].when, FaultWhen::Scheduled { at: Time::from_secs(600), duration });
    assert_eq!(setup.faults[1].groups, [[0], [1]]);
    assert!(
        matches!(&setup.actions[0], (at, Action::Scale { kind: "Deployment", replicas: 5, .. }) if *at == Time::from_secs(60))
    );
    assert_eq!(setup.actions[1], (Time::from_secs(120), Action::Cordon("w-1".into())));
    assert!(setup.objects.iter().all(|(at, _)| *at == Time::from_secs(30)));
}

#[test]
fn actions_change_objects_as_written() {
    let text = format!(
        "{POOL}workload: {{manifests: [../../scenarios/manifests/two-applications.yaml]}}
actions:
  - {{at: 1m, setImage: Deployment/shop, image: 'shop:2'}}
  - {{at: 2m, patch: deployment/shop, with: {{spec: {{minReadySeconds: 7}}}}}}
  - {{at: 3m, patch: Deployment/shop, with: {{spec: {{replicas: 3}}}}}}
  - {{at: 4m, rolloutUndo: Deployment/shop}}
  - {{at: 5m, rolloutPause: Deployment/shop}}
  - {{at: 6m, taint: w-0, add: ['a=b:NoExecute', 'c:NoSchedule'], remove: ['d:NoSchedule']}}
  - {{at: 7m, addNode: w-9, like: w-1}}
  - {{at: 8m, drain: w-9}}
  - {{at: 9m, failNode: w-0, kind: partition}}
  - {{at: 10m, delete: Deployment/shop}}
"
    );
    let setup = setup(&text);
    let replaced = |place: usize| match &setup.actions[place].1 {
        Action::Replace { object, keep_replicas } => match &**object {
            crate::api::Object::Deployment(deployment) => (deployment.clone(), *keep_replicas),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let (first, kept) = replaced(0);
    assert!(kept && first.template.spec.containers.iter().all(|container| container.image == "shop:2"));
    let (second, _) = replaced(1);
    assert_eq!(second.min_ready_seconds, 7);
    assert_eq!(second.template.spec.containers[0].image, "shop:2", "patches follow each other");
    let (third, kept) = replaced(2);
    assert!(!kept && third.replicas == 3);
    assert!(
        matches!(&setup.actions[3].1, Action::RolloutUndo { name, revision: None, .. } if name == "shop")
    );
    assert!(replaced(4).0.paused);
    let Action::Taint { add, remove, .. } = &setup.actions[5].1 else { panic!("no taint") };
    assert_eq!((add.len(), add[0].value.as_str(), remove.len()), (2, "b", 1));
    let Action::AddNode(node) = &setup.actions[6].1 else { panic!("no node") };
    assert_eq!(node.meta.labels["kubernetes.io/hostname"], "w-9");
    assert_eq!(setup.actions[7].1, Action::Drain("w-9".into()));
    assert_eq!(
        setup.actions[8].1,
        Action::FailNode { node: "w-0".into(), kind: crate::sim::FaultKind::Partition }
    );
    assert!(matches!(&setup.actions[9].1, Action::Delete { kind: "Deployment", .. }));
}

#[test]
fn faults_of_the_control_plane_are_read() {
    use crate::control::Process;
    use crate::sim::{ClientGroup, ControlFault, ControlFaultKind};
    let text = format!(
        "{POOL}faults:
  - {{component: scheduler, at: 20s, kind: kill, standby: true}}
  - {{component: controller-manager, at: 30s, for: 1m, leaderElection: false}}
  - {{component: api-server, at: 60s, for: 30s}}
  - {{slowWrites: 'uniform(min=100ms, max=300ms)', at: 2m, for: 10s}}
  - {{watchDelay: 2s, at: 3m}}
  - {{clientLimit: {{qps: 5, burst: 10}}, component: kubelets, at: 4m}}
  - {{clientLimit: none, component: scheduler, at: 5m, for: 1m}}
  - {{node: w-0, at: 6m, kind: crash}}
"
    );
    let setup = setup(&text);
    assert_eq!(setup.faults.len(), 1);
    let (scheduler, manager) = (setup.plane.scheduler, setup.plane.controller_manager);
    assert!(scheduler.standbys == 1 && scheduler.election.is_some());
    assert!(manager.standbys == 0 && manager.election.is_none());
    let limit = Some(crate::sim::timing::RateLimit { qps: 5.0, burst: 10 });
    let kinds = [
        (20, None, ControlFaultKind::Kill(Process::Scheduler)),
        (30, Some(60), ControlFaultKind::Kill(Process::ControllerManager)),
        (60, Some(30), ControlFaultKind::ApiServerDown),
        (120, Some(10), ControlFaultKind::SlowWrites(Distribution::Uniform { min: 0.1, max: 0.3 })),
        (180, None, ControlFaultKind::WatchDelay(Distribution::Constant(2.0))),
        (240, None, ControlFaultKind::Limit(ClientGroup::Kubelets, limit)),
        (300, Some(60), ControlFaultKind::Limit(ClientGroup::Scheduler, None)),
    ];
    let expected = kinds.map(|(at, duration, kind)| ControlFault {
        at: Time::from_secs(at),
        duration: duration.map(Span::from_secs),
        kind,
    });
    assert_eq!(setup.plane.faults, expected);
}

fn drain(setup: &mut crate::sim::Setup, source: usize) -> Vec<Submission> {
    std::iter::from_fn(|| setup.sources[source].next().unwrap()).collect()
}

#[test]
fn traces_are_sorted_shifted_and_share_templates() {
    let text = format!(
        "{POOL}workload:\n  traces:\n    - {{file: unsorted.csv, at: 1m, timeScale: 0.5, select: {{from: 5s}}, name: t}}\n    - {{file: unsorted.csv}}\n"
    );
    let compiled = try_compile(&text, &[]).ok().unwrap();
    let remarks: Vec<String> =
        compiled.remarks.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    expect!["tests/fixtures/unsorted.csv: rows out of order, sorted by submit time: 3"]
        .assert_eq(&remarks.join("\n"));
    let Plan::Kubernetes(mut setup) = compiled.plan else { panic!("a batch machine") };
    let first = drain(&mut setup, 0);
    let times: Vec<f64> = first.iter().map(|row| row.at.as_secs_f64()).collect();
    assert_eq!(times.len(), 2);
    assert!((times[0] - 62.5).abs() < 1e-9 && (times[1] - 67.5).abs() < 1e-9, "{times:?}");
    assert_eq!(first[1].name, SubmissionName::Numbered("t".into(), 1));
    let second = drain(&mut setup, 1);
    assert_eq!(second.len(), 3);
    assert!(std::sync::Arc::ptr_eq(&second[0].template, &second[2].template), "20 s and 0 s are equal");
    let requests = &second[1].template.spec.containers[0].resources.requests;
    expect!["cpu=500m memory=1073741824"].assert_eq(&list(requests));
}

#[test]
fn generators_are_streams_in_order() {
    let text = format!(
        "{POOL}workload:\n  generators:\n    - {{name: g, arrivals: {{rate: 1}}, count: 50, cpu: 1, memory: 1Gi, tasks: 2, priority: 9, runTime: 5s}}\n"
    );
    let mut setup = setup(&text);
    let rows = drain(&mut setup, 0);
    assert_eq!(rows.len(), 50);
    assert!(rows.is_sorted_by_key(|row| row.at));
    assert_eq!((rows[0].tasks, rows[0].priority, rows[0].run_time), (2, 9, Some(Span::from_secs(5))));
    assert_eq!(rows[49].name, SubmissionName::Numbered("g".into(), 50));
}

#[test]
fn every_scenario_of_the_project_compiles() {
    let mut found = 0;
    let mut lines = Vec::new();
    let mut paths: Vec<_> =
        std::fs::read_dir("scenarios").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "yaml")) {
        let file = path.display().to_string();
        let named = Named { files: vec![file.clone()], ..Named::default() };
        let (scenario, environment) = load(&named, None).unwrap_or_else(|findings| panic!("{findings:#?}"));
        assert!(
            scenario.description.as_ref().is_some_and(|text| text.len() > 100),
            "{file} says what it shows"
        );
        assert!(!scenario.expect.is_empty(), "{file} expects something");
        let compiled = compile(&scenario, environment).unwrap_or_else(|findings| panic!("{findings:#?}"));
        assert!(compiled.warnings.is_empty(), "{file}: {:?}", compiled.warnings);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema=scenario.schema.json\n"), "{file}");
        let what = match &compiled.plan {
            Plan::Kubernetes(setup) => format!("{} nodes", setup.nodes.len()),
            Plan::Batch(setup) => format!("{} processors", setup.processors),
            Plan::Fleet(setup) => format!("{} nodes for jobs", setup.nodes.len()),
        };
        lines.push(format!("{}: {what}, {} inputs", compiled.name, compiled.inputs.len()));
        found += 1;
    }
    assert!(found >= 9);
    expect![[r"
        autoscaling-day: 6 nodes, 3 inputs
        backfilling: 64 processors, 2 inputs
        bad-rollout: 8 nodes, 2 inputs
        batch-day: 64 processors, 2 inputs
        batch-nodes: 16 nodes for jobs, 1 inputs
        capacity-queues: 10 nodes for jobs, 1 inputs
        cpu-sharing: 1 nodes, 2 inputs
        crash-loops: 2 nodes, 2 inputs
        drain-pool: 8 nodes, 2 inputs
        drf-two-users: 1 nodes for jobs, 1 inputs
        fair-share: 2 nodes for jobs, 2 inputs
        first-steps: 12 nodes, 2 inputs
        four-control-planes: 6 nodes, 2 inputs
        gang-deadlock: 2 nodes for jobs, 1 inputs
        gpu-cluster: 24 nodes, 3 inputs
        mesos-agent-failure: 4 nodes, 2 inputs
        mesos-two-frameworks: 1 nodes, 1 inputs
        mtbf-week: 200 nodes, 2 inputs
        nightly-jobs: 3 nodes, 2 inputs
        node-failure: 10 nodes, 2 inputs
        overloaded-queue: 4 nodes, 1 inputs
        packing: 8 nodes, 1 inputs
        preemption: 4 nodes, 3 inputs
        rolling-update: 8 nodes, 3 inputs
        scheduler-failover: 50 nodes, 2 inputs
        slurm-partitions: 8 nodes, 1 inputs
        snapshot: 3 nodes, 3 inputs
        spreading: 8 nodes, 1 inputs
        swarm-node-failure: 10 nodes, 2 inputs
        three-easys: 32 processors, 1 inputs
        two-applications: 4 nodes, 2 inputs
        zone-outage-budgets: 12 nodes, 2 inputs
        zone-outage: 45 nodes, 3 inputs"]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn the_schema_is_current() {
    let path = "scenarios/scenario.schema.json";
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert!(checked_in == json_schema(), "run `seatrial schema --out {path}`");
}

#[test]
fn manifests_run_without_a_scenario() {
    let named = Named {
        files: vec!["scenarios/manifests/services.yaml".into()],
        pools: vec!["5x8cpu,32Gi".into(), "gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b".into()],
        sets: vec!["run.seed=3".into()],
        ..Named::default()
    };
    let (scenario, environment) = load(&named, None).ok().unwrap();
    let compiled = compile(&scenario, environment).ok().unwrap();
    assert_eq!(compiled.name, "services");
    let Plan::Kubernetes(setup) = compiled.plan else { panic!("a batch machine") };
    assert_eq!((setup.nodes.len(), setup.objects.len(), setup.seed), (7, 2, 3));
    assert_eq!(setup.nodes[5].node.meta.name, "gpu-0");

    let piped =
        Named { files: vec!["-".into()], nodes: vec!["tests/fixtures/dump.yaml".into()], ..Named::default() };
    let text = std::fs::read("scenarios/manifests/services.yaml").unwrap();
    let (scenario, environment) = load(&piped, Some(Box::new(std::io::Cursor::new(text)))).ok().unwrap();
    let Plan::Kubernetes(setup) = compile(&scenario, environment).ok().unwrap().plan else {
        panic!("a batch machine")
    };
    assert_eq!((setup.nodes.len(), setup.bound_pods.len(), setup.objects.len()), (1, 1, 3));
}

#[test]
fn bad_arguments() {
    let pool =
        |text: &str| Named { files: vec!["app.yaml".into()], pools: vec![text.into()], ..Named::default() };
    let mut lines = String::new();
    for named in [
        Named::default(),
        Named { files: vec!["gone.yaml".into()], ..Named::default() },
        Named { files: vec!["-".into(), "-".into()], ..Named::default() },
        Named { files: vec!["scenarios/first-steps.yaml".into(), "x.yaml".into()], ..Named::default() },
        Named {
            files: vec!["scenarios/first-steps.yaml".into()],
            pools: vec!["1x1cpu,1Gi".into()],
            ..Named::default()
        },
    ] {
        let findings = load(&named, None).map(|_| ()).unwrap_err();
        lines.extend(findings.iter().map(|finding| format!("{finding}\n")));
    }
    for text in ["5", "5x8,32Gi", "5x8cpu", "5x8cpu,gpu=1", "5x8cpu,1Gi,gpu", "manyx8cpu,1Gi", "5x-8cpu,1Gi"]
    {
        let findings = adhoc(&pool(text), None).map(|_| ()).unwrap_err();
        lines.extend(findings.iter().map(|finding| format!("{finding}\n")));
    }
    expect![[r"
        <arguments>: error: no file is named (name a scenario, or files of Kubernetes objects)
        gone.yaml: error: no such file
        <arguments>: error: standard input is named twice: `-`
        <arguments>: error: a scenario is run alone, but a second file is named: `x.yaml` (name Kubernetes objects under `workload.manifests` of the scenario)
        <arguments>: error: `--pool` needs files of Kubernetes objects, not a scenario: `1x1cpu,1Gi` (change the scenario's own pools with `--set 'cluster.pools[0].count=20'`)
        --pool: error: not a pool: there is no number of machines: `5` (write `5x8cpu,32Gi`, or `gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b`)
        --pool: error: not a pool: there are no cores: `5x8,32Gi` (write `5x8cpu,32Gi`, or `gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b`)
        --pool: error: not a pool: there is no memory: `5x8cpu` (write `5x8cpu,32Gi`, or `gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b`)
        --pool: error: not a pool: there is no memory: `5x8cpu,gpu=1` (write `5x8cpu,32Gi`, or `gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b`)
        --pool: error: not `resource=amount`: `5x8cpu,1Gi,gpu` (write `5x8cpu,32Gi`, or `gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b`)
        --pool: error: expected a whole number from 0 to 1000000: `many`
        --pool: error: a quantity here is never negative: `-8`
    "]].assert_eq(&lines);
}

#[test]
fn the_scheduler_is_configured_by_its_own_file() {
    let file = "configuration: kube-scheduler.yaml, mode: plain, ties: raced";
    let scheduler = setup(&format!("{POOL}controlPlane: {{scheduler: {{{file}}}}}\n")).control.scheduler;
    assert_eq!((scheduler.percentage_of_nodes_to_score, scheduler.mode), (50, Mode::Plain));
    assert_eq!(scheduler.ties, Ties::Raced);
    assert_eq!(setup(POOL).control.scheduler.ties, Ties::Listed);
    let names: Vec<&str> = scheduler.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["default-scheduler", "packing"]);
    assert_eq!(scheduler.profiles[1].args.fit.strategy, ScoringStrategy::MostAllocated);
    let text = format!("{POOL}controlPlane: {{scheduler: {{configuration: kube-scheduler.yaml}}}}\n");
    let Ok(compiled) = try_compile(&text, &[]) else { panic!("it compiles") };
    assert!(compiled.inputs.iter().any(|(name, _)| name == "tests/fixtures/kube-scheduler.yaml"));
}
