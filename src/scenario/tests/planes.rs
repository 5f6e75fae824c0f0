//! Control planes other than Kubernetes: what their scenarios compile to, and what is refused.

use super::{POOL, errors, setup, try_compile};
use crate::base::{Quantity, Span};
use crate::control::config::Plane;
use crate::control::swarm::{FailureAction, Order, RestartCondition};
use crate::scenario::Compiled;
use expect_test::expect;

#[test]
fn a_swarm_has_constants_of_its_own() {
    let setup = setup(&format!(
        "{POOL}controlPlane:
  kind: swarm
  swarm:
    heartbeatPeriod: 10s
    taskHistory: -1
    restart: {{condition: on-failure, delay: 1s, maxAttempts: 3, window: 1m}}
    update: {{parallelism: 2, failureAction: rollback, maxFailureRatio: 0.25, order: start-first}}
    constraints: [node.labels.disk==ssd]
    placementPreferences: [node.labels.topology.kubernetes.io/zone]
"
    ));
    let Plane::Swarm(swarm) = &setup.control.plane else { panic!("not a swarm") };
    assert_eq!(swarm.heartbeat_epsilon, Span::from_secs(1));
    assert_eq!(setup.control.nodes.lease_renewal, Span::from_secs(9));
    assert!((setup.control.nodes.lease_jitter - 2.0 / 9.0).abs() < 1e-12);
    assert_eq!((swarm.task_history, swarm.service.restart.max_attempts), (-1, 3));
    assert_eq!(swarm.service.restart.condition, RestartCondition::OnFailure);
    assert_eq!(swarm.service.update.failure_action, FailureAction::Rollback);
    assert_eq!(swarm.service.update.order, Order::StartFirst);
    assert_eq!(swarm.service.rollback.order, Order::StopFirst, "what goes back is written on its own");
    let pods = setup.nodes[0].node.capacity["pods"];
    assert_eq!(pods, Quantity::from_units(1_000_000), "nobody counts the tasks of a node");
}

#[test]
fn what_only_kubernetes_heeds_is_refused() {
    let said = errors(
        &format!(
            "{POOL}controlPlane:
  kind: swarm
  version: 1.34
  scheduler: {{strategy: MostAllocated}}
  nodeLifecycle: {{gracePeriod: 40s}}
  kubelet: {{backoffInitial: 1s}}
  timings: {{schedulerLimit: none}}
  swarm: {{constraints: [disk=ssd], placementPreferences: [node.role]}}
faults:
  - {{component: scheduler, at: 1m}}
actions:
  - {{at: 1m, taint: w-0, add: ['k:NoSchedule']}}
"
        ),
        &[],
    );
    expect![[r"
        s.yaml:6:9: error: `controlPlane.version` needs `controlPlane.kind: kubernetes`: `swarm`
        s.yaml:6:9: error: `controlPlane.scheduler` needs `controlPlane.kind: kubernetes`: `swarm`
        s.yaml:6:9: error: `controlPlane.nodeLifecycle` needs `controlPlane.kind: kubernetes`: `swarm`
        s.yaml:6:9: error: `controlPlane.timings` needs `controlPlane.kind: kubernetes`: `swarm`
        s.yaml:6:9: error: `controlPlane.kubelet` needs `controlPlane.kind: kubernetes`: `swarm`
        s.yaml:12:25: error: write `key==value` or `key!=value`, such as `node.labels.disk==ssd`: `disk=ssd`
        s.yaml:12:59: error: tasks cannot be spread over that: `node.role` (write `node.labels.KEY` or `engine.labels.KEY`)
        s.yaml:14:5: error: `component` needs `controlPlane.kind: kubernetes` (machines fail under every control plane: `node`, `rack`, `zone`)
        s.yaml:16:21: error: `taint` needs `controlPlane.kind: kubernetes`: `w-0`"]].assert_eq(&said);
}

#[test]
fn constants_of_a_swarm_need_a_swarm() {
    let said = errors(&format!("{POOL}controlPlane: {{swarm: {{taskHistory: 2}}}}\n"), &[]);
    expect!["s.yaml:5:23: error: `swarm` needs `controlPlane.kind: swarm`"].assert_eq(&said);
    let said = errors(&format!("{POOL}controlPlane: {{kind: nomad}}\n"), &[]);
    expect![
        "s.yaml:5:22: error: unknown value: `nomad` (expected one of kubernetes, batch, swarm, mesos, slurm)"
    ]
    .assert_eq(&said);
}

#[test]
fn what_the_control_plane_does_not_know_is_left_out_and_counted() {
    let text = format!(
        "{POOL}controlPlane: {{kind: swarm}}
workload: {{manifests: [../../scenarios/manifests/nightly.yaml]}}
"
    );
    let Ok(Compiled { remarks, .. }) = try_compile(&text, &[]) else { panic!("refused") };
    let remarks: Vec<String> = remarks.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    expect![[r"
        objects that this control plane does not know: CronJob: 2
        objects that this control plane does not know: ResourceQuota: 1"]]
    .assert_eq(&remarks.join("\n"));
}

#[test]
fn annotations_that_cannot_be_meant_are_refused() {
    let text = format!("{POOL}controlPlane: {{kind: swarm}}\nworkload: {{manifests: [bad-swarm.yaml]}}\n");
    expect![[r"
        tests/fixtures/bad-swarm.yaml:4:9: error: `seatrial.dev/swarm-restart-condition: always`: write `none`, `on-failure` or `any`: `web`
        tests/fixtures/bad-swarm.yaml:19:9: error: `seatrial.dev/swarm-constraints`: disk=ssd: write `key==value` or `key!=value`, such as `node.labels.disk==ssd`: `alone`"]]
    .assert_eq(&errors(&text, &[]));
    assert!(
        try_compile(&text.replace("swarm}", "kubernetes}"), &[]).is_ok(),
        "Kubernetes does not read them"
    );
}
