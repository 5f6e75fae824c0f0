//! Scenarios of Apache Mesos: what they compile to, what is refused, and a run.

use super::{POOL, errors, setup};
use crate::base::Span;
use crate::control::config::Plane;
use crate::control::mesos::batch::queue::Order;
use crate::control::mesos::marathon::kill::Selection;
use crate::control::mesos::settings::{FrameworkKind, Settings};
use crate::control::mesos::share::Weight;
use expect_test::expect;

fn mesos(text: &str) -> Settings {
    let Plane::Mesos(settings) = setup(&format!("{POOL}{text}")).control.plane else { panic!("not Mesos") };
    *settings
}

#[test]
fn a_mesos_cluster_has_constants_of_its_own() {
    let settings = mesos(
        "controlPlane:
  kind: mesos
  mesos:
    allocationInterval: 2s
    minAllocatable: [{cpu: 1, memory: 1Gi}]
    offerTimeout: 30s
    agentPingTimeout: 10s
    maxAgentPingTimeouts: 3
    agentRemovalInterval: 1m
    roles:
      - {name: prod, weight: 2.5, guarantee: {cpu: 4}, limit: {cpu: 8}}
    frameworks:
      - name: web
        kind: marathon
        role: prod
        answerTime: 1s
        marathon: {backoff: 2s, backoffFactor: 2, killSelection: oldest-first, maximumOverCapacity: 0.5}
      - {name: jobs, kind: batch, users: [7], perUser: true, batch: {order: first-fit, retries: 0, refuse: 0s}}
",
    );
    assert_eq!(settings.allocation_interval, Span::from_secs(2));
    assert_eq!(settings.min_allocatable, [[("cpu".into(), 1_000), ("memory".into(), 1 << 30)]]);
    assert_eq!(settings.offer_timeout, Some(Span::from_secs(30)));
    assert_eq!((settings.pings.timeout, settings.pings.most), (Span::from_secs(10), 3));
    assert_eq!(settings.removal_spacing, Some(Span::from_secs(60)));
    assert_eq!(
        (settings.roles[0].weight, &settings.roles[0].limit),
        (Weight(2_500), &vec![("cpu".into(), 8_000)])
    );
    let [web, jobs] = &settings.frameworks[..] else { panic!("two frameworks") };
    assert_eq!((web.role.as_str(), web.think), ("prod", Span::from_secs(1)));
    let FrameworkKind::Marathon(marathon) = &web.kind else { panic!("not Marathon") };
    assert_eq!((marathon.backoff.initial, marathon.kill), (Span::from_secs(2), Selection::OldestFirst));
    assert!((marathon.upgrade.over_capacity - 0.5).abs() < 1e-12);
    let FrameworkKind::Batch(batch) = &jobs.kind else { panic!("no batch framework") };
    assert_eq!((batch.order, batch.retries.retries), (Order::FirstFit, 0));
    assert!(jobs.per_user && jobs.takes.users == [7] && batch.refuse.abs() < 1e-12);
}

#[test]
fn without_frameworks_there_is_one_of_each_kind() {
    let settings = mesos("controlPlane: {kind: mesos}\n");
    let names: Vec<&str> = settings.frameworks.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((names, settings.registration_backoff), (vec!["marathon", "chronos"], Span::from_secs(1)));
    let ideal = mesos("controlPlane: {kind: mesos, timing: ideal}\n");
    assert_eq!(ideal.registration_backoff, Span::ZERO);
}

#[test]
fn what_means_nothing_is_said_with_its_place() {
    let said = errors(
        &format!(
            "{POOL}controlPlane:
  kind: mesos
  mesos:
    minAllocatable: [{{cores: 1}}]
    roles:
      - {{name: a/b, guarantee: {{cpu: 1}}}}
      - {{name: c, weight: 0, guarantee: {{cpu: 3}}, limit: {{cpu: 2}}}}
      - {{name: c}}
      - {{name: d//e}}
    frameworks:
      - {{name: web, kind: marathon, perUser: true, batch: {{order: fifo}}}}
      - {{name: web, kind: batch, marathon: {{backoffFactor: 0.5}}}}
      - {{name: x, kind: marathon, marathon: {{backoffFactor: 0.5}}}}
"
        ),
        &[],
    );
    expect![[r"
        s.yaml:8:30: error: `cores` is not a resource that is offered: `1` (write cpu, memory, ephemeral-storage, or `vendor.example/name`)
        s.yaml:10:16: error: only a role that is below no other has a quota: `a/b`
        s.yaml:11:27: error: a weight is a number from 0.001 to 1000000: `0`
        s.yaml:11:64: error: less `cpu` than is guaranteed: `2`
        s.yaml:12:16: error: there is another role of this name: `c`
        s.yaml:13:16: error: not the name of a role: `d//e` (write names with slashes between them)
        s.yaml:15:46: error: apps belong to no user: `true`
        s.yaml:15:59: error: `batch` needs `kind: batch`
        s.yaml:16:16: error: there is another framework of this name: `web`
        s.yaml:16:44: error: `marathon` needs `kind: marathon`
        s.yaml:17:61: error: a factor is a number from 1 to 1000: `0.5`"]]
    .assert_eq(&said);
    let said = errors(&format!("{POOL}controlPlane: {{mesos: {{offerTimeout: never}}}}\n"), &[]);
    expect!["s.yaml:5:23: error: `mesos` needs `controlPlane.kind: mesos`"].assert_eq(&said);
}
