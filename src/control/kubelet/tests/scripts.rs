//! What happens to one pod, step by step.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use super::*;
use expect_test::{Expect, expect};

/// Runs a script on one pod and compares what was decided at each step. Steps: `bind`, `sandbox`,
/// `pulled C`, `started C`, `serving C`, `up C` (the three), `exit C CODE`, `oom C`, `at SECONDS`,
/// `delete GRACE`, `found C`, `absent C`, `failed C` (the image), `hook C` (is over), `unready C`,
/// `better C`, `hangs C` (what probes find), `gates`, `stop`, `crash`, `start` (the kubelet), `mark` (the node controller writes that
/// the pod is not ready).
pub(super) fn check(spec: PodSpec, script: &str, expected: &Expect) {
    check_with(&Config::default(), spec, script, expected);
}

pub(super) fn check_with(config: &Config, spec: PodSpec, script: &str, expected: &Expect) {
    let mut bench = Bench::new(config);
    let node = bench.node(8, 10);
    let class = bench.class(spec);
    let pod = bench.create(class, None, None);
    let mut lines = String::new();
    for words in script.split(',').map(str::trim) {
        step(&mut bench, pod, node, words);
        let _ = writeln!(lines, "{words}: {}", std::mem::take(&mut bench.log));
        assert_eq!(bench.kubelets.check(&bench.cluster), Ok(()));
    }
    expected.assert_eq(&lines);
}

pub(super) fn step(bench: &mut Bench, pod: PodRef, node: NodeId, words: &str) {
    let mut words = words.split(' ');
    let name = words.next().expect("a step has a name");
    let numbers: Vec<u64> = words.map(|word| word.parse().expect("a number")).collect();
    let container = ContainerIndex(numbers.first().map_or(0, |&number| number as u16));
    match name {
        "bind" => bench.send(Event::PodBound { pod, node }),
        "sandbox" => bench.runtime(pod, RuntimeEvent::SandboxReady),
        "pulled" => bench.runtime(pod, RuntimeEvent::ImagePulled(container)),
        "started" => bench.runtime(pod, RuntimeEvent::Started(container)),
        "serving" => bench.runtime(pod, RuntimeEvent::Serving(container)),
        "found" => bench.runtime(pod, RuntimeEvent::ImageFound(container)),
        "absent" => bench.runtime(pod, RuntimeEvent::ImageAbsent(container)),
        "failed" => bench.runtime(pod, RuntimeEvent::PullFailed(container)),
        "hook" => bench.runtime(pod, RuntimeEvent::HookDone(container)),
        "unready" => bench.runtime(pod, RuntimeEvent::Unready(container)),
        "better" => bench.runtime(pod, RuntimeEvent::ReadyAgain(container)),
        "hangs" => bench.runtime(pod, RuntimeEvent::Unhealthy(container)),
        "gates" => bench.runtime(pod, RuntimeEvent::GatesPassed),
        "up" => {
            bench.runtime(pod, RuntimeEvent::ImagePulled(container));
            bench.runtime(pod, RuntimeEvent::Started(container));
            bench.runtime(pod, RuntimeEvent::Serving(container));
        }
        "exit" => bench.exit(pod, container.0, numbers[1] as u8),
        "oom" => {
            let at = bench.now;
            bench.runtime(pod, RuntimeEvent::Exited { container, code: 1, out_of_memory: true, at });
        }
        "at" => bench.advance(Time::from_secs(numbers[0])),
        "delete" => bench.delete(pod, numbers[0]),
        "stop" => bench.send(Event::KubeletStopped { node, containers_lost: false }),
        "crash" => bench.send(Event::KubeletStopped { node, containers_lost: true }),
        "start" => bench.send(Event::KubeletStarted { node }),
        "mark" => {
            let phase = bench.phase(pod).expect("the pod exists");
            bench.send(Event::PodStatus { pod, status: PodStatus { phase, ..PodStatus::default() } });
        }
        _ => panic!("no step is called {name}"),
    }
}

#[test]
fn a_job_pod_runs_to_its_end() {
    check(
        single(RestartPolicy::Never),
        "bind, sandbox, pulled 0, started 0, serving 0, at 60, exit 0 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            pulled 0: start 0
            started 0: Running
            serving 0: Running ready
            at 60: 
            exit 0 0: Succeeded Completed finished t=1m; tear down
        "#]],
    );
}

#[test]
fn an_init_container_is_done_before_the_next_and_a_sidecar_is_not_waited_for() {
    check(
        crowd(RestartPolicy::OnFailure),
        "bind, sandbox, up 0, exit 0 0, pulled 1, started 1, up 2, exit 2 0, pulled 3, started 3, up 4, serving 3, exit 1 1, pulled 1, started 1, exit 3 0, at 9, exit 4 0, at 10, exit 1 143",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0
            exit 0 0: pull 1
            pulled 1: start 1
            started 1: pull 2
            up 2: start 2
            exit 2 0: pull 3
            pulled 3: start 3
            started 3: pull 4
            up 4: start 4; Running
            serving 3: Running ready
            exit 1 1: restart 1 #1; start 1; Running Error
            pulled 1: 
            started 1: Running ready restarts=1
            exit 3 0: Running restarts=1
            at 9: 
            exit 4 0: killing in 30s; stop 1 in 30s
            at 10: 
            exit 1 143: Succeeded restarts=1 Completed finished t=10s; tear down
        "#]],
    );
}

#[test]
fn a_failed_init_container_fails_a_pod_that_never_restarts() {
    check(
        crowd(RestartPolicy::Never),
        "bind, sandbox, up 0, exit 0 0, pulled 1, started 1, up 2, exit 2 3, exit 1 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0
            exit 0 0: pull 1
            pulled 1: start 1
            started 1: pull 2
            up 2: start 2
            exit 2 3: killing in 30s; stop 1 in 30s
            exit 1 0: Failed Error finished t=0s; tear down
        "#]],
    );
}

#[test]
fn a_failed_init_container_is_tried_again_with_back_off() {
    check(
        crowd(RestartPolicy::Always),
        "bind, sandbox, up 0, exit 0 1, started 0, at 5, exit 0 1, at 15, started 0, exit 0 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0
            exit 0 1: restart 0 #1; start 0; Pending Error
            started 0: Pending restarts=1
            at 5: 
            exit 0 1: back-off 0 until t=15s; Pending restarts=1 CrashLoopBackOff
            at 15: [t=15s]; restart 0 #2; start 0; Pending restarts=1 Error
            started 0: Pending restarts=2
            exit 0 0: pull 1
        "#]],
    );
}

#[test]
fn crash_loop() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, at 1, exit 0 1, started 0, serving 0, at 2, oom 0, at 11, at 12, started 0, at 13, exit 0 0, at 40",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            at 1: 
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            serving 0: Running ready restarts=1
            at 2: 
            oom 0: back-off 0 until t=12s; Running restarts=1 CrashLoopBackOff
            at 11: 
            at 12: [t=12s]; restart 0 #2; start 0; Running restarts=1 OOMKilled
            started 0: Running restarts=2
            at 13: 
            exit 0 0: back-off 0 until t=33s; Running restarts=2 CrashLoopBackOff
            at 40: [t=33s]; restart 0 #3; start 0; Running restarts=2 Completed
        "#]],
    );
}

#[test]
fn polled_crash_loop() {
    let mut config = Config::default();
    config.kubelet.polled_backoff = true;
    check_with(
        &config,
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, exit 0 1, started 0, exit 0 1, at 100, started 0, exit 0 1, at 200",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            exit 0 1: back-off 0 until t=10s; Running restarts=1 CrashLoopBackOff
            at 100: [t=14.947282611s]; restart 0 #2; start 0; Running restarts=1 Error
            started 0: Running restarts=2
            exit 0 1: back-off 0 until t=2m; Running restarts=2 CrashLoopBackOff
            at 200: [t=2m2.032711477s]; restart 0 #3; start 0; Running restarts=2 Error
        "#]],
    );
}

#[test]
fn on_failure_restarts_failures_only() {
    check(
        single(RestartPolicy::OnFailure),
        "bind, sandbox, up 0, exit 0 2, started 0, at 4, exit 0 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            exit 0 2: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            at 4: 
            exit 0 0: Succeeded restarts=1 Completed finished t=4s; tear down
        "#]],
    );
}

#[test]
fn a_containers_own_policy_wins() {
    let mut spec = single(RestartPolicy::Never);
    spec.containers.push(container(Some(RestartPolicy::OnFailure)));
    check(
        spec,
        "bind, sandbox, up 0, up 1, exit 0 1, exit 1 1, started 1, exit 1 0",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0; pull 1
        up 1: start 1; Running; Running ready
        exit 0 1: Running
        exit 1 1: restart 1 #1; start 1; Running Error
        started 1: Running restarts=1
        exit 1 0: Failed restarts=1 Error finished t=0s; tear down
    "#]],
    );
}

#[test]
fn the_deadline_fails_the_pod() {
    let spec = PodSpec { active_deadline_seconds: Some(30), ..single(RestartPolicy::Always) };
    check(
        spec.clone(),
        "at 5, bind, sandbox, up 0, at 40, exit 0 0",
        &expect![[r#"
            at 5: 
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            at 40: [t=35s]; killing in 30s; stop in 30s
            exit 0 0: Failed DeadlineExceeded finished t=40s; tear down
        "#]],
    );
    check(
        spec,
        "at 5, bind, at 40, delete 30",
        &expect![[r#"
        at 5: 
        bind: set up
        at 40: [t=35s]; Failed DeadlineExceeded; tear down
        delete 30: 
    "#]],
    );
}

#[test]
fn deletion_stops_then_removes() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, at 5, delete 30, delete 60, delete 10, at 8, exit 0 143",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            at 5: 
            delete 30: killing in 30s; stop in 30s
            delete 60: 
            delete 10: killing in 10s; stop in 10s
            at 8: 
            exit 0 143: Failed Error finished t=8s; tear down; delete
        "#]],
    );
}

#[test]
fn deletion_before_anything_ran() {
    check(
        single(RestartPolicy::Always),
        "bind, delete 30",
        &expect![[r#"
        bind: set up
        delete 30: Failed Error; tear down; delete
    "#]],
    );
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, pulled 0, delete 30",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        pulled 0: start 0
        delete 30: Failed Error; tear down; delete
    "#]],
    );
}

#[test]
fn deletion_in_a_crash_loop() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, exit 0 1, started 0, exit 0 1, delete 30, at 100",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            exit 0 1: back-off 0 until t=10s; Running restarts=1 CrashLoopBackOff
            delete 30: Failed restarts=1 Error finished t=0s; tear down; delete
            at 100: 
        "#]],
    );
}

#[test]
fn a_forced_deletion_leaves_the_containers_to_the_kubelet() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, delete 0",
        &expect![[r#"
        bind: set up
        sandbox: pull 0
        up 0: start 0; Running; Running ready
        delete 0: stop in 2s; tear down
    "#]],
    );
}

#[test]
fn a_container_that_starts_after_the_stop_is_stopped_too() {
    let mut spec = single(RestartPolicy::Always);
    spec.containers.push(container(None));
    check(
        spec,
        "bind, sandbox, up 0, pulled 1, delete 20, started 1, exit 0 0, exit 1 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; pull 1
            pulled 1: start 1
            delete 20: killing in 20s; stop in 20s
            started 1: stop in 20s; Running
            exit 0 0: 
            exit 1 0: Succeeded Completed finished t=0s; tear down; delete
        "#]],
    );
}

#[test]
fn a_removed_pod_leaves_no_timer() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(1, 10);
    let class = bench.class(single(RestartPolicy::Always));
    let pod = bench.create(class, Some(node), None);
    for words in ["sandbox", "up 0", "exit 0 1", "started 0", "exit 0 1"] {
        step(&mut bench, pod, node, words);
    }
    assert!(!bench.kubelets.is_settled());
    bench.delete(pod, 0);
    assert!(bench.kubelets.is_settled());
}

#[test]
fn a_partition_is_survived() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, stop, mark, at 60, start, at 70, exit 0 1",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            stop: 
            mark: 
            at 60: 
            start: node True; Running ready
            at 70: 
            exit 0 1: restart 0 #1; start 0; Running Error
        "#]],
    );
    check(
        single(RestartPolicy::Always),
        "stop, bind, start",
        &expect![[r#"
            stop: 
            bind: 
            start: node True; set up
        "#]],
    );
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, stop, delete 30, at 60, start, exit 0 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            stop: 
            delete 30: 
            at 60: 
            start: node True; killing in 30s; stop in 30s
            exit 0 0: Succeeded Completed finished t=1m; tear down; delete
        "#]],
    );
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, stop, delete 0, start",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            stop: 
            delete 0: 
            start: node True; stop in 2s; tear down
        "#]],
    );
    check(
        single(RestartPolicy::Always),
        "stop, bind, delete 30, start",
        &expect![[r#"
            stop: 
            bind: 
            delete 30: 
            start: node True; Failed Error; delete
        "#]],
    );
}

#[test]
fn lost_containers_count_as_killed() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, exit 0 1, started 0, at 1, crash, at 60, start, sandbox, started 0",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            at 1: 
            crash: 
            at 60: 
            start: node True; set up; Running restarts=1 Error
            sandbox: restart 0 #2; start 0
            started 0: Running restarts=2
        "#]],
    );
    check(
        single(RestartPolicy::Never),
        "bind, sandbox, up 0, crash, at 60, start",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            crash: 
            at 60: 
            start: node True; Failed Error finished t=1m; tear down
        "#]],
    );
    check(
        single(RestartPolicy::Never),
        "bind, sandbox, crash, at 60, start, sandbox",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            crash: 
            at 60: 
            start: node True; set up
            sandbox: pull 0
        "#]],
    );
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, crash, delete 30, at 60, start",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            crash: 
            delete 30: 
            at 60: 
            start: node True; Failed Error finished t=1m; tear down; delete
        "#]],
    );
}

#[test]
fn a_lost_sandbox_runs_init_containers_again() {
    check(
        crowd(RestartPolicy::OnFailure),
        "bind, sandbox, up 0, exit 0 0, pulled 1, started 1, up 2, exit 2 0, up 3, up 4, exit 3 0, crash, at 60, start, sandbox, started 0, exit 0 0, started 1, started 2, exit 2 0, started 4",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0
            exit 0 0: pull 1
            pulled 1: start 1
            started 1: pull 2
            up 2: start 2
            exit 2 0: pull 3
            up 3: start 3; pull 4
            up 4: start 4; Running; Running ready
            exit 3 0: Running
            crash: 
            at 60: 
            start: node True; set up; Running Completed
            sandbox: restart 0 #1; start 0
            started 0: Pending restarts=1 Error
            exit 0 0: restart 1 #1; start 1; Running restarts=1 Error
            started 1: restart 2 #1; start 2; Running restarts=2 Completed
            started 2: Pending restarts=3 Error
            exit 2 0: restart 4 #1; start 4; Running restarts=3 Error
            started 4: Running restarts=4
        "#]],
    );
}

#[test]
fn a_back_off_that_ends_during_an_outage_is_over_at_the_start() {
    check(
        single(RestartPolicy::Always),
        "bind, sandbox, up 0, exit 0 1, started 0, exit 0 1, stop, at 60, start",
        &expect![[r#"
            bind: set up
            sandbox: pull 0
            up 0: start 0; Running; Running ready
            exit 0 1: restart 0 #1; start 0; Running Error
            started 0: Running restarts=1
            exit 0 1: back-off 0 until t=10s; Running restarts=1 CrashLoopBackOff
            stop: 
            at 60: 
            start: node True; restart 0 #2; start 0; Running restarts=1 Error
        "#]],
    );
}

#[test]
fn admission_counts_requests_slots_and_ports() {
    let mut bench = Bench::new(&Config::default());
    let (wide, narrow) = (bench.node(4, 2), bench.node(1, 10));
    let plain = bench.class(single(RestartPolicy::Never));
    let all = bench.class(with_port(single(RestartPolicy::Never), ""));
    let one = bench.class(with_port(single(RestartPolicy::Never), "10.0.0.1"));
    let pods = [(plain, narrow), (plain, narrow), (all, wide), (one, wide), (plain, wide), (plain, wide)];
    let stages = pods.map(|(class, node)| {
        let pod = bench.create(class, Some(node), None);
        bench.kubelets.stage(pod)
    });
    let (yes, no) = (Stage::SettingUp, Stage::Ended);
    assert_eq!(stages, [yes, no, yes, no, yes, no]);
    assert_eq!(bench.kubelets.check(&bench.cluster), Ok(()));
    let refusals = ["OutOfcpu", "NodePorts", "OutOfpods"];
    let log = refusals.map(|reason| format!("set up; Failed {reason}; rejected {reason}"));
    assert_eq!(bench.log, log.join("; "));
}

#[test]
fn room_is_free_when_a_pod_has_ended() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(1, 1);
    let class = bench.class(single(RestartPolicy::Never));
    for _ in 0..3 {
        let pod = bench.create(class, Some(node), None);
        step(&mut bench, pod, node, "sandbox");
        step(&mut bench, pod, node, "up 0");
        assert_eq!(bench.phase(pod), Some(PodPhase::Running));
        step(&mut bench, pod, node, "exit 0 0");
    }
    assert!(bench.kubelets.is_settled());
}

#[test]
fn pods_bound_during_an_outage_are_admitted_by_age() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(1, 10);
    let class = bench.class(single(RestartPolicy::Never));
    bench.send(Event::KubeletStopped { node, containers_lost: false });
    let (old, young) = (bench.create(class, None, None), bench.create(class, None, None));
    bench.send(Event::PodBound { pod: young, node });
    bench.send(Event::PodBound { pod: old, node });
    bench.send(Event::KubeletStarted { node });
    assert_eq!([old, young].map(|pod| bench.kubelets.stage(pod)), [Stage::SettingUp, Stage::Ended]);
}

#[test]
fn a_pod_that_is_taken_over_running_stays_running() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(1, 10);
    let class = bench.class(single(RestartPolicy::Always));
    let status = PodStatus { phase: PodPhase::Running, ready: true, restarts: 3, ..PodStatus::default() };
    let pod = bench.create(class, Some(node), Some(status));
    for words in ["sandbox", "up 0", "exit 0 1"] {
        step(&mut bench, pod, node, words);
    }
    expect!["set up; pull 0; start 0; restart 0 #1; start 0; Running restarts=3 Error"].assert_eq(&bench.log);
}

/// How many short pods the test below puts through.
const SHORT_PODS: u32 = 5_000;

#[test]
fn many_short_pods_leave_nothing_behind() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(4, 110);
    let class = bench.class(single(RestartPolicy::Never));
    let mut row = None;
    for number in 0..SHORT_PODS {
        bench.now += Span::from_millis(10);
        let pod = bench.create(class, None, None);
        bench.send(Event::PodBound { pod, node });
        for words in ["sandbox", "up 0", "exit 0 0"] {
            step(&mut bench, pod, node, words);
        }
        bench.delete(pod, 0);
        assert_eq!(*row.get_or_insert(pod.id), pod.id, "pod {number} takes a row of its own");
    }
    assert!(bench.kubelets.is_settled());
    assert_eq!(bench.kubelets.check(&bench.cluster), Ok(()));
    assert_eq!(bench.orders.len(), 4 * SHORT_PODS as usize);
}
