//! Whole runs of one or two machines: images, memory, probes, hooks and gates.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use crate::api::{Object, PodTemplate, PreStop, Probe, RestartPolicy};
use crate::base::{Distribution, Quantity, Span, Time};
use crate::sim::tests::{node, pod, setup, story, template};
use crate::sim::{Setup, StopRule};
use expect_test::{Expect, expect};

#[expect(clippy::unnecessary_wraps, reason = "behaviours are optional")]
fn seconds(seconds: f64) -> Option<Distribution> {
    Some(Distribution::Constant(seconds))
}

/// The story of a run of at most `until` seconds.
fn check(mut setup: Setup, until: u64, expected: &Expect) {
    setup.stop = StopRule { at: Some(Time::from_secs(until)), ..setup.stop };
    expected.assert_eq(&format!("{}\n", story(setup).join("\n")));
}

fn with_image(name: &str, gigabytes: f64) -> impl Fn(&mut PodTemplate) {
    let name = name.to_owned();
    move |template| {
        template.spec.containers[0].image.clone_from(&name);
        template.behavior.image_size = seconds(gigabytes * 1e9);
        template.behavior.run_time = seconds(1.0);
    }
}

fn pulling(parallel: Option<u32>, objects: Vec<(u64, Object)>) -> Setup {
    let mut setup = setup(vec![node("a", 8, 8)], objects);
    setup.timing.pull_rate = 1e8;
    setup.control.kubelet.parallel_pulls = parallel;
    setup
}

#[test]
fn pulls_are_serial_and_images_stay() {
    let big = |name| pod(name, template(100, with_image("big", 1.0)));
    let small = pod("small", template(100, with_image("small", 0.1)));
    check(
        pulling(Some(1), vec![(0, big("first")), (1, small), (30, big("second"))]),
        100,
        &expect![[r#"
        0s bound first a
        1s bound small a
        10s start first 0
        11s start small 0
        11s exit first 0 Completed work=1s
        11s Succeeded first
        12s exit small 0 Completed work=1s
        12s Succeeded small
        30s bound second a
        30s start second 0
        31s exit second 0 Completed work=1s
        31s Succeeded second
    "#]],
    );
}

#[test]
fn parallel_pulls_share_the_bandwidth_and_equal_images() {
    let big = |name| pod(name, template(100, with_image("big", 1.0)));
    let small = pod("small", template(100, with_image("small", 0.1)));
    check(
        pulling(None, vec![(0, big("first")), (1, small), (4, big("second"))]),
        100,
        &expect![[r#"
        0s bound first a
        1s bound small a
        3s start small 0
        4s exit small 0 Completed work=1s
        4s Succeeded small
        4s bound second a
        11s start first 0
        11s start second 0
        12s exit first 0 Completed work=1s
        12s Succeeded first
        12s exit second 0 Completed work=1s
        12s Succeeded second
    "#]],
    );
}

#[test]
fn pulls_that_fail_are_repeated_with_back_off() {
    let failing = template(100, |template| {
        with_image("big", 1.0)(template);
        template.behavior.pull_failures = 3;
    });
    check(
        pulling(Some(1), vec![(0, pod("p", failing))]),
        200,
        &expect![[r#"
        0s bound p a
        1m20s start p 0
        1m21s exit p 0 Completed work=1s
        1m21s Succeeded p
    "#]],
    );
}

fn using(name: &str, request: i64, usage: i64) -> Object {
    const GIB: i64 = 1 << 30;
    pod(
        name,
        template(100, |template| {
            let requests = &mut template.spec.containers[0].resources.requests;
            if request > 0 {
                requests.insert("memory".into(), Quantity::from_units(request * GIB));
            } else {
                requests.clear();
            }
            template.behavior.memory_usage = seconds((usage * GIB) as f64);
        }),
    )
}

#[test]
fn the_kernel_kills_the_pod_that_asks_for_least() {
    let objects = vec![
        (0, using("modest", 6, 5)),
        (1, using("greedy", 1, 2)),
        (2, using("nothing", 0, 1)),
        (3, using("late", 1, 3)),
    ];
    check(
        setup(vec![node("a", 4, 8)], objects),
        100,
        &expect![[r#"
        0s bound modest a
        0s start modest 0
        1s bound greedy a
        1s start greedy 0
        2s bound nothing a
        2s start nothing 0
        3s bound late a
        3s start late 0
        3s exit late 137 OOMKilled work=0s
        3s Failed late
    "#]],
    );
}

#[test]
fn a_short_node_evicts_one_pod_after_the_other_and_is_tainted() {
    let objects = vec![
        (0, using("modest", 5, 5)),
        (1, using("first", 1, 3)),
        (2, using("second", 0, 1)),
        (300, using("later", 0, 0)),
    ];
    let mut setup = setup(vec![node("a", 4, 8)], objects);
    setup.control.kubelet.eviction_memory = 2 << 30;
    check(
        setup,
        1000,
        &expect![[r#"
            0s bound modest a
            0s start modest 0
            1s bound first a
            1s start first 0
            2s bound second a
            2s start second 0
            3.718155161s taint a NoSchedule
            3.718155161s exit first 143 Deleted work=2.718155161s
            3.718155161s Failed first
            5m3.718155161s untaint a NoSchedule
            5m3.718155161s bound later a
            5m3.718155161s start later 0
        "#]],
    );
}

const PROBE: Probe = Probe::DEFAULT;

#[test]
fn a_container_that_hangs_is_restarted() {
    let hanging = template(100, |template| {
        template.spec.restart_policy = RestartPolicy::Always;
        template.spec.containers[0].probes.liveness = Some(PROBE);
        template.behavior.unhealthy_after = seconds(95.0);
    });
    check(
        setup(vec![node("a", 4, 8)], vec![(3, pod("p", hanging))]),
        300,
        &expect![[r#"
        3s bound p a
        3s start p 0
        2m4s exit p 143 Deleted work=2m1s
        2m4s start p 1
        4m4s exit p 143 Deleted work=2m
        4m4s start p 2
    "#]],
    );
}

#[test]
fn a_slow_start_is_killed_unless_a_startup_probe_gives_it_time() {
    let slow = |startup: Option<Probe>| {
        template(100, |template| {
            template.spec.restart_policy = RestartPolicy::Always;
            template.spec.containers[0].probes.liveness = Some(PROBE);
            template.spec.containers[0].probes.startup = startup;
            template.behavior.startup_time = seconds(45.0);
        })
    };
    let patient = Probe { failure_threshold: 30, ..PROBE };
    let objects = vec![(0, pod("killed", slow(None))), (1, pod("spared", slow(Some(patient))))];
    check(
        setup(vec![node("a", 4, 8)], objects),
        100,
        &expect![[r#"
        0s bound killed a
        0s start killed 0
        1s bound spared a
        1s start spared 0
        30s exit killed 143 Deleted work=30s
        30s start killed 1
        1m exit killed 143 Deleted work=30s
        1m start killed 2
        1m30s exit killed 143 Deleted work=30s
        1m30s start killed 3
    "#]],
    );
}

#[test]
fn a_hook_delays_the_end() {
    let mut setup = setup(
        vec![node("a", 4, 8)],
        vec![(
            0,
            pod(
                "p",
                template(100, |template| {
                    template.spec.active_deadline_seconds = Some(10);
                    template.spec.containers[0].pre_stop = Some(PreStop::Run);
                    template.behavior.pre_stop_time = seconds(4.5);
                    template.behavior.stop_time = seconds(60.0);
                }),
            ),
        )],
    );
    setup.control.kubelet.termination_grace = Span::from_secs(20);
    check(
        setup,
        100,
        &expect![[r#"
        0s bound p a
        0s start p 0
        30.5s exit p 137 Deleted work=30.5s
        30.5s Failed p
    "#]],
    );
}
