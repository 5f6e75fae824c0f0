//! Slurm: what its part of a scenario compiles to, and what is refused.

use super::{POOL, errors, setup};
use crate::control::config::Plane;
use crate::control::slurm::Site;
use crate::control::slurm::fair_share::Shares;
use crate::control::slurm::model::{PreemptMode, PreemptType};
use crate::control::slurm::settings::{FairShareAlgorithm, ReturnToService};
use crate::control::slurm::site::Members;
use crate::control::slurm::tres::{CPU, GRES};
use expect_test::expect;

fn site(text: &str) -> Site {
    let setup = setup(text);
    let Plane::Slurm(site) = setup.control.plane else { panic!("not Slurm") };
    *site
}

#[test]
fn a_site_is_configured() {
    let site = site(&format!(
        "{POOL}controlPlane:
  kind: slurm
  slurm:
    priority: {{weightAge: 5, flags: [NO_FAIR_TREE], maxAge: 1d, weightTres: {{gpu: 2}}}}
    scheduler: {{queueDepth: 7, delay: 1s}}
    backfill: {{interval: 10s, window: 2h, maxJobUser: 3}}
    preemption: {{kind: qos, mode: requeue}}
    partitions:
      - {{name: a, nodes: ['w-[0-1]'], maxTime: 1h, graceTime: 10s}}
      - {{name: b, default: true, priorityTier: 3}}
    qos:
      - {{name: low}}
      - {{name: high, priority: 9, preempt: [low], maxTresPerUser: {{cpu: 4, gres/gpu: 1}}}}
    accounts:
      - {{name: top, fairshare: 3}}
      - {{name: sub, parent: top, users: [{{name: ann, fairshareParent: true, defaultQos: high, maxJobs: 2}}]}}
    nodes: [{{names: w-0, features: [ib], weight: 4}}]
    returnToService: 1
"
    ));
    let settings = &site.settings;
    assert_eq!((settings.weights.age, settings.max_age), (5, 86_400));
    assert_eq!(settings.fair_share, FairShareAlgorithm::Classic);
    assert_eq!(settings.weights.tres.0, [(GRES, 2.0)]);
    assert_eq!((settings.main.queue_depth, settings.main.delay, settings.main.interval), (7, 1, 60));
    let backfill = &settings.backfill;
    assert_eq!((backfill.interval, backfill.window, backfill.max_job_user), (10, 7200, 3));
    assert_eq!(
        (settings.preemption.kind, settings.preemption.mode),
        (PreemptType::Qos, PreemptMode::Requeue)
    );
    assert_eq!(settings.return_to_service, ReturnToService::IfUnresponsive);
    assert_eq!(site.default_partition, 1);
    let Members::Named(names) = &site.partitions[0].members else { panic!("all nodes") };
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["w-0", "w-1"]);
    assert_eq!((site.partitions[0].rules.max_time, site.partitions[0].rules.grace_time), (Some(3600), 10));
    assert_eq!((&site.partitions[1].members, site.partitions[1].rules.tier), (&Members::All, 3));
    assert_eq!(site.qos[1].preempt, [0]);
    assert_eq!(site.qos[1].max_tres_per_user.0, [(CPU, 4), (GRES, 1)]);
    let ann = site.associations.find("sub", Some("ann")).expect("she is there");
    let ann = &site.associations.rows[ann];
    assert_eq!((ann.shares, ann.default_qos, ann.limits.max_jobs), (Shares::Parent, 1, Some(2)));
    assert_eq!(site.associations.rows[ann.parent.unwrap()].parent, site.associations.find("top", None));
    assert_eq!(
        (&site.nodes["w-0"].features[..], site.nodes["w-0"].weight),
        (&["ib".to_owned()][..], Some(4))
    );
}

#[test]
fn without_latencies_cycles_follow_at_once() {
    let site = site(&format!("{POOL}controlPlane: {{kind: slurm, timing: ideal}}\n"));
    assert_eq!(site.settings.main.delay, 0);
    assert_eq!(site.partitions[0].rules.name, "main");
}

#[test]
fn a_file_brings_nodes_partitions_and_parameters() {
    let setup = setup(
        "apiVersion: seatrial/v1
controlPlane: {kind: slurm, slurm: {conf: slurm.conf, backfill: {interval: 20s}}}
",
    );
    let names: Vec<&str> = setup.nodes.iter().map(|node| node.node.meta.name.as_str()).collect();
    assert_eq!(names, ["n1", "n2", "g1"]);
    let Plane::Slurm(site) = setup.control.plane else { panic!("not Slurm") };
    assert_eq!((site.settings.backfill.interval, site.settings.weights.age), (20, 1000));
    assert_eq!(site.partitions[1].rules.name, "debug");
}

#[test]
fn what_cannot_be_is_said() {
    let said = errors(
        &format!(
            "{POOL}controlPlane:
  kind: slurm
  slurm:
    conf: no-such.conf
    partitions: [{{name: a, nodes: ['n[3-1]']}}, {{name: a}}]
    qos: [{{name: high, preempt: [low]}}]
    accounts: [{{name: sub, parent: top, users: [{{name: ann, defaultQos: none}}]}}]
"
        ),
        &[],
    );
    expect![[r"
        s.yaml:8:11: error: tests/fixtures/no-such.conf: no such file: `no-such.conf`
        s.yaml:9:36: error: a list of hosts has a range that runs backwards or is too long: `n[3-1]`
        s.yaml:9:55: error: a partition of this name is there already: `a`
        s.yaml:10:34: error: there is no QOS of this name: `low`
        s.yaml:11:36: error: there is no account of this name before this one: `top`
        s.yaml:11:73: error: there is no QOS of this name: `none`"]]
    .assert_eq(&said);
}

#[test]
fn slurm_needs_its_kind() {
    let said = errors(&format!("{POOL}controlPlane: {{slurm: {{killWait: 5s}}}}\n"), &[]);
    expect!["s.yaml:5:23: error: `slurm` needs `controlPlane.kind: slurm`"].assert_eq(&said);
    let said = errors(
        &format!("{POOL}controlPlane: {{kind: slurm, slurm: {{preemption: {{mode: suspend}}}}}}\n"),
        &[],
    );
    assert!(said.contains("unknown value: `suspend`"), "{said}");
}
