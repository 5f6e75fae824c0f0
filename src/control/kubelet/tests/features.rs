//! Restart rules, probes, hooks, sidecars and gates of one pod, step by step.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use super::scripts::check;
use super::*;
use crate::api::{PreStop, Probe, RestartAction, RestartRule};
use expect_test::expect;

const PROBE: Probe = Probe::DEFAULT;

fn rule(action: RestartAction, is_negated: bool, codes: &[i32]) -> RestartRule {
    RestartRule { action, is_negated, codes: codes.to_vec() }
}

fn ruled(policy: RestartPolicy, rules: Vec<RestartRule>) -> api::Container {
    let all = rules.iter().any(|rule| rule.action == RestartAction::RestartAllContainers);
    api::Container { restart_rules: rules, restarts_all: all, ..container(Some(policy)) }
}

fn probed(restart_policy: RestartPolicy, change: impl FnOnce(&mut api::Container)) -> PodSpec {
    let mut spec = single(restart_policy);
    change(&mut spec.containers[0]);
    spec
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules =
        vec![rule(RestartAction::Restart, false, &[42]), rule(RestartAction::Restart, true, &[1, 2, 3])];
    let decide = |policy, codes: &[u8]| {
        let spec = PodSpec { containers: vec![ruled(policy, rules.clone())], ..PodSpec::default() };
        codes.iter().map(|&code| pod::after_exit(&spec, 0, code)).collect::<Vec<_>>()
    };
    let (stays, restarts) = (pod::AfterExit::Stays, pod::AfterExit::Restarts);
    assert_eq!(decide(RestartPolicy::Never, &[42, 1, 0]), [restarts, stays, restarts]);
    assert_eq!(decide(RestartPolicy::OnFailure, &[1]), [restarts]);
}

#[test]
fn a_rule_restarts_a_container_of_a_pod_that_never_does() {
    let mut spec = single(RestartPolicy::Never);
    spec.containers = vec![ruled(RestartPolicy::Never, vec![rule(RestartAction::Restart, false, &[42])])];
    check(
        spec,
        "bind, sandbox, up 0, exit 0 42, started 0, exit 0 42, at 10, started 0, exit 0 1",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            exit 0 42: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            exit 0 42: back-off 0 until t=10s; Running restarts=1 CrashLoopBackOff
            at 10: [t=10s]; restart 0 #2; start 0; Running restarts=1 Error
            started 0: Running restarts=2
            exit 0 1: Failed restarts=2 Error finished t=10s; tear down
        "#]],
    );
}

#[test]
fn a_rule_restarts_all_containers_without_back_off() {
    let mut spec = crowd(RestartPolicy::Never);
    spec.containers[1] =
        ruled(RestartPolicy::Never, vec![rule(RestartAction::RestartAllContainers, false, &[7])]);
    spec.containers[1].resources = container(None).resources;
    let mut bench = Bench::new(&Config::default());
    let name = bench.cluster.names.intern("RestartAllContainersOnContainerExits");
    let node = bench.node(8, 10);
    bench.cluster.nodes.declared_features[node.index()] = [name].into();
    let class = bench.class(spec);
    let pod = bench.create(class, None, None);
    let script = "bind, sandbox, up 0, exit 0 0, up 1, up 2, exit 2 0, up 3, up 4, at 5, exit 4 7, exit 3 143, exit 1 143, \
                  started 0, exit 0 0, started 1, started 2, exit 2 0, started 3, started 4, exit 4 7";
    let mut lines = String::new();
    for words in script.split(',').map(str::trim) {
        scripts::step(&mut bench, pod, node, words);
        let _ = writeln!(lines, "{words}: {}", std::mem::take(&mut bench.log));
    }
    expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0
        exit 0 0: pull 1
        up 1: start 1; pull 2
        up 2: start 2
        exit 2 0: pull 3
        up 3: start 3; pull 4
        up 4: start 4; Running; Running ready
        at 5: 
        exit 4 7: stop 3 in 2s; Running RestartingAllContainers
        exit 3 143: stop 1 in 2s
        exit 1 143: RestartAllContainers 4; restart 0 #1; start 0
        started 0: Pending restarts=1 RestartingAllContainers
        exit 0 0: restart 1 #1; start 1; Running restarts=1 RestartingAllContainers
        started 1: restart 2 #1; start 2; Running restarts=2 RestartingAllContainers
        started 2: Pending restarts=3 RestartingAllContainers
        exit 2 0: restart 3 #1; start 3; Running restarts=3 RestartingAllContainers
        started 3: restart 4 #1; start 4; Running restarts=4 RestartingAllContainers
        started 4: Running restarts=5
        exit 4 7: stop 3 in 2s; Running restarts=5 RestartingAllContainers
    "#]]
    .assert_eq(&lines);
}

#[test]
fn a_liveness_kill_restarts_in_the_same_go_and_then_backs_off() {
    let spec = probed(RestartPolicy::OnFailure, |container| container.probes.liveness = Some(PROBE));
    check(
        spec,
        "bind, sandbox, up 0, at 12, hangs 0, at 50, exit 0 0, at 51, started 0, serving 0, hangs 0, at 82, exit 0 143, \
         at 83, started 0, serving 0, hangs 0, at 110, exit 0 143, at 200",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            at 12: 
            hangs 0: 
            at 50: [t=41s]; Unhealthy 0; Killing 0; stop 0 in 30s
            exit 0 0: restart 0 #1; start 0; Running Completed
            at 51: 
            started 0: Running restarts=1
            serving 0: Running ready restarts=1
            hangs 0: 
            at 82: [t=1m21s]; Unhealthy 0; Killing 0; stop 0 in 30s
            exit 0 143: restart 0 #2; start 0; Running restarts=1 Error
            at 83: 
            started 0: Running restarts=2
            serving 0: Running ready restarts=2
            hangs 0: 
            at 110: 
            exit 0 143: back-off 0 until t=2m; Running restarts=2 CrashLoopBackOff
            at 200: [t=2m]; restart 0 #3; start 0; Running restarts=2 Error
        "#]],
    );
}

#[test]
fn rules_are_not_asked_after_a_kill() {
    let spec = probed(RestartPolicy::Never, |container| {
        *container = ruled(RestartPolicy::Never, vec![rule(RestartAction::Restart, false, &[143])]);
        container.probes.liveness = Some(Probe { failure_threshold: 1, ..PROBE });
    });
    check(
        spec,
        "bind, sandbox, up 0, at 1, hangs 0, at 20, exit 0 143",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0; Running; Running ready
        at 1: 
        hangs 0: 
        at 20: [t=11s]; Unhealthy 0; Killing 0; stop 0 in 30s
        exit 0 143: Failed Error finished t=20s; tear down
    "#]],
    );
}

#[test]
fn readiness_is_asked_at_once_and_then_by_the_tick() {
    let ready = |container: &mut api::Container| container.probes.readiness = Some(PROBE);
    check(
        probed(RestartPolicy::Always, ready),
        "bind, at 3, sandbox, up 0, at 4, unready 0, at 40, better 0, at 60, exit 0 1, started 0, at 62, serving 0, at 80",
        &expect![[r#"
            bind: set up
            at 3: 
            sandbox: pull 0
            up 0: start 0; Running
            at 4: [t=3s]; Running ready
            unready 0: 
            at 40: [t=30s]; Unhealthy 0; Running
            better 0: 
            at 60: [t=40s]; Running ready
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            at 62: 
            serving 0: 
            at 80: [t=1m10s]; Running ready restarts=1
        "#]],
    );
}

#[test]
fn a_startup_probe_holds_back_the_others_and_what_follows_a_sidecar() {
    let mut spec = crowd(RestartPolicy::Always);
    spec.init_containers[1].probes.startup = Some(Probe { period_seconds: 2, ..PROBE });
    spec.init_containers[1].probes.liveness = Some(Probe { period_seconds: 2, ..PROBE });
    check(
        spec,
        "bind, sandbox, up 0, exit 0 0, pulled 1, started 1, at 3, serving 1, at 5, up 2, exit 2 0, up 3, up 4, \
         hangs 1, at 20, exit 1 137, at 21, started 1, at 40",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0
            exit 0 0: pull 1
            pulled 1: start 1
            started 1: 
            at 3: 
            serving 1: 
            at 5: [t=4s]; pull 2
            up 2: start 2
            exit 2 0: pull 3
            up 3: start 3; pull 4
            up 4: start 4; Running; Running ready
            hangs 1: 
            at 20: [t=11s]; Unhealthy 1; Killing 1; stop 1 in 30s
            exit 1 137: restart 1 #1; start 1; Running Error
            at 21: 
            started 1: Running restarts=1
            at 40: [t=26s]; Unhealthy 1; Killing 1; stop 1 in 30s
        "#]],
    );
}

#[test]
fn a_container_that_does_not_start_up_is_killed() {
    let spec = probed(RestartPolicy::Always, |container| {
        container.probes.startup =
            Some(Probe { initial_delay_seconds: 5, termination_grace_seconds: Some(7), ..PROBE });
        container.probes.liveness = Some(PROBE);
    });
    check(
        spec,
        "bind, sandbox, pulled 0, started 0, at 40, exit 0 137, at 41",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        pulled 0: start 0
        started 0: Running
        at 40: [t=30s]; Unhealthy 0; Killing 0; stop 0 in 7s
        exit 0 137: restart 0 #1; start 0; Running Error
        at 41: 
    "#]],
    );
}

#[test]
fn gates_hold_back_readiness() {
    let spec = PodSpec { readiness_gates: vec!["lb".into()], ..single(RestartPolicy::Always) };
    check(
        spec,
        "bind, sandbox, up 0, at 3, gates",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0; Running
        at 3: 
        gates: Running ready
    "#]],
    );
}

#[test]
fn hooks_take_their_part_of_the_grace_period() {
    let hooked = |hook| probed(RestartPolicy::Always, |container| container.pre_stop = Some(hook));
    check(
        hooked(PreStop::Sleep(5)),
        "bind, sandbox, up 0, delete 30, at 5, at 6, exit 0 143",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            delete 30: killing in 30s
            at 5: [t=5s]; stop 0 in 25s
            at 6: 
            exit 0 143: Failed Error finished t=6s; tear down; delete
        "#]],
    );
    check(
        hooked(PreStop::Run),
        "bind, sandbox, up 0, delete 30, at 3, hook 0, at 6, exit 0 143",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            delete 30: killing in 30s; hook 0
            at 3: 
            hook 0: stop 0 in 27s
            at 6: 
            exit 0 143: Failed Error finished t=6s; tear down; delete
        "#]],
    );
    check(
        hooked(PreStop::Run),
        "bind, sandbox, up 0, delete 30, at 40, exit 0 143",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0; Running; Running ready
        delete 30: killing in 30s; hook 0
        at 40: [t=30s]; stop 0 in 2s
        exit 0 143: Failed Error finished t=40s; tear down; delete
    "#]],
    );
    check(
        hooked(PreStop::Sleep(50)),
        "bind, sandbox, up 0, delete 30, at 10, delete 4, at 20, exit 0 137",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            delete 30: killing in 30s
            at 10: 
            delete 4: killing in 4s
            at 20: [t=14s]; stop 0 in 2s
            exit 0 137: Failed Error finished t=20s; tear down; delete
        "#]],
    );
}

#[test]
fn sidecars_stop_after_the_others_in_reverse_order() {
    let sidecar = || container(Some(RestartPolicy::Always));
    let spec = || PodSpec { init_containers: vec![sidecar(), sidecar()], ..single(RestartPolicy::Always) };
    check(
        spec(),
        "bind, sandbox, up 0, up 1, up 2, delete 30, at 4, exit 2 143, at 6, exit 1 143, exit 0 143",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; pull 1
            up 1: start 1; pull 2
            up 2: start 2; Running; Running ready
            delete 30: killing in 30s; stop 2 in 30s
            at 4: 
            exit 2 143: stop 1 in 26s; Running
            at 6: 
            exit 1 143: stop 0 in 24s
            exit 0 143: Failed Error finished t=6s; tear down; delete
        "#]],
    );
    check(
        spec(),
        "bind, sandbox, up 0, up 1, up 2, delete 10, at 11, at 12, exit 2 137",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0; pull 1
        up 1: start 1; pull 2
        up 2: start 2; Running; Running ready
        delete 10: killing in 10s; stop 2 in 10s
        at 11: [t=10s]; stop 0 in 2s; stop 1 in 2s
        at 12: 
        exit 2 137: Running
    "#]],
    );
}

#[test]
fn a_job_pod_is_complete_while_its_sidecar_runs() {
    let sidecar = container(Some(RestartPolicy::Always));
    let spec = PodSpec { init_containers: vec![sidecar], ..single(RestartPolicy::Never) };
    check(
        spec,
        "bind, sandbox, up 0, up 1, exit 0 1, started 0, at 9, exit 1 0, at 10, exit 0 143",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; pull 1
            up 1: start 1; Running; Running ready
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running ready restarts=1
            at 9: 
            exit 1 0: killing in 30s; stop 0 in 30s; Running restarts=1
            at 10: 
            exit 0 143: Succeeded restarts=1 Completed finished t=10s; tear down
        "#]],
    );
}

#[test]
fn probes_of_a_kubelet_that_has_just_started_wait_for_a_part_of_their_period() {
    let spec = probed(RestartPolicy::Always, |container| {
        container.probes.liveness = Some(Probe { failure_threshold: 1, ..PROBE });
    });
    check(
        spec,
        "crash, start, bind, sandbox, pulled 0, started 0, at 20",
        &expect![[r#"
        crash: 
        start: node True
        bind: set up
        sandbox: pull 0
        pulled 0: start 0
        started 0: Running
        at 20: [t=0.990662148s]; Unhealthy 0; Killing 0; stop 0 in 30s
    "#]],
    );
}
