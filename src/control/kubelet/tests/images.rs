//! Images that are pulled, step by step.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use super::scripts::{check, check_with};
use super::*;
use crate::api::ImagePullPolicy;
use expect_test::expect;

fn policy(policy: ImagePullPolicy) -> PodSpec {
    let mut spec = single(RestartPolicy::Always);
    spec.containers[0].image = "i".into();
    spec.containers[0].image_pull_policy = Some(policy);
    spec
}

#[test]
fn the_policy_says_when_an_image_is_pulled() {
    check(
        policy(ImagePullPolicy::IfNotPresent),
        "bind, sandbox, absent 0, pulled 0, started 0, exit 0 1, started 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            absent 0: fetch 0
            pulled 0: start 0
            started 0: Running
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
        "#]],
    );
    check(
        policy(ImagePullPolicy::IfNotPresent),
        "bind, sandbox, found 0",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        found 0: start 0
    "#]],
    );
    check(
        policy(ImagePullPolicy::Always),
        "bind, sandbox, found 0, pulled 0, started 0, exit 0 1, found 0, pulled 0, started 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            found 0: fetch 0
            pulled 0: start 0
            started 0: Running
            exit 0 1: restart 0 #1; pull 0
            found 0: fetch 0
            pulled 0: start 0; Running Error
            started 0: Running restarts=1
        "#]],
    );
    check(
        policy(ImagePullPolicy::Never),
        "bind, sandbox, absent 0, at 9, at 10, found 0",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        absent 0: Pending ErrImageNeverPull
        at 9: 
        at 10: [t=10s]; pull 0
        found 0: start 0; Pending
    "#]],
    );
}

#[test]
fn a_pull_that_fails_backs_off() {
    check(
        policy(ImagePullPolicy::Always),
        "bind, sandbox, absent 0, at 1, failed 0, at 11, absent 0, failed 0, at 31, absent 0, pulled 0, started 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            absent 0: fetch 0
            at 1: 
            failed 0: Failed 0; Pending ErrImagePull
            at 11: [t=11s]; pull 0
            absent 0: fetch 0
            failed 0: Failed 0
            at 31: [t=31s]; pull 0
            absent 0: fetch 0
            pulled 0: start 0; Pending
            started 0: Running
        "#]],
    );
}

#[test]
fn polled_pull_back_off() {
    let mut config = Config::default();
    config.kubelet.polled_backoff = true;
    check_with(
        &config,
        policy(ImagePullPolicy::Always),
        "bind, sandbox, absent 0, failed 0, at 15, absent 0, failed 0, at 30, absent 0, at 45, absent 0, pulled 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            absent 0: fetch 0
            failed 0: Failed 0; Pending ErrImagePull
            at 15: [t=10.934017553s]; pull 0
            absent 0: fetch 0
            failed 0: Failed 0
            at 30: [t=28.491275698s]; pull 0
            absent 0: ImagePullBackOff 0; Pending ImagePullBackOff
            at 45: [t=43.970074572s]; pull 0
            absent 0: fetch 0
            pulled 0: start 0; Pending
        "#]],
    );
}

#[test]
fn pulls_of_a_node_wait_for_each_other() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(8, 10);
    let class = bench.class(policy(ImagePullPolicy::IfNotPresent));
    let pods = [(); 3].map(|()| bench.create(class, Some(node), None));
    for pod in pods {
        scripts::step(&mut bench, pod, node, "sandbox");
        scripts::step(&mut bench, pod, node, "absent 0");
    }
    bench.delete(pods[1], 0);
    scripts::step(&mut bench, pods[0], node, "pulled 0");
    let fetched: Vec<PodRef> = bench
        .orders
        .iter()
        .filter(|(_, order)| matches!(order, RuntimeCommand::Fetch(_)))
        .map(|(pod, _)| *pod)
        .collect();
    assert_eq!(fetched, [pods[0], pods[2]]);
}

#[test]
fn too_many_pulls_at_once_fail() {
    let mut config = Config::default();
    config.kubelet.parallel_pulls = None;
    config.kubelet.registry_burst = 1;
    let mut bench = Bench::new(&config);
    let node = bench.node(8, 10);
    let class = bench.class(policy(ImagePullPolicy::IfNotPresent));
    for _ in 0..2 {
        let pod = bench.create(class, Some(node), None);
        bench.log.clear();
        scripts::step(&mut bench, pod, node, "sandbox");
        scripts::step(&mut bench, pod, node, "absent 0");
    }
    expect!["pull 0; Failed 0; Pending ErrImagePull"].assert_eq(&bench.log);
}
