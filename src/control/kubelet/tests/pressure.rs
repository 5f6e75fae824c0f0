//! A node whose memory is short, and pods that a node refuses for other reasons.
use super::*;
use crate::api::{Taint, TaintEffect, Toleration, TolerationOperator};
use expect_test::expect;

const MIB: i64 = 1 << 20;

/// A pod that asks for so much memory.
fn hungry(mebibytes: i64) -> PodSpec {
    let mut spec = single(RestartPolicy::Always);
    spec.containers[0].resources.requests.insert("memory".into(), Quantity::from_units(mebibytes * MIB));
    spec
}

fn running(bench: &mut Bench, node: NodeId, spec: PodSpec) -> PodRef {
    let class = bench.class(spec);
    let pod = bench.create(class, Some(node), None);
    for words in ["sandbox", "up 0"] {
        scripts::step(bench, pod, node, words);
    }
    pod
}

#[test]
fn the_pod_that_is_furthest_above_its_request_goes() {
    let mut config = Config::default();
    config.kubelet.eviction_period = Span::from_secs(10);
    let mut bench = Bench::new(&config);
    let node = bench.node(8, 10);
    let modest = running(&mut bench, node, single(RestartPolicy::Always));
    let greedy = running(&mut bench, node, single(RestartPolicy::Always));
    bench.log.clear();
    let usage = [(modest, 10 * MIB), (greedy, 20 * MIB)].into();
    bench.send(Event::MachineMemory { node, available: MIB, usage });
    bench.advance(Time::from_secs(15));
    scripts::step(&mut bench, greedy, node, "exit 0 137");
    bench.send(Event::MachineMemory { node, available: 200 * MIB, usage: [(modest, 10 * MIB)].into() });
    let newcomer =
        bench.class(PodSpec { containers: vec![api::Container::default()], ..single(RestartPolicy::Always) });
    bench.create(newcomer, Some(node), None);
    bench.advance(Time::from_secs(400));
    assert_eq!(bench.phase(modest), Some(PodPhase::Running));
    assert!(bench.kubelets.is_settled());
    expect!["[t=7.276833894s]; memory pressure true; Evicted; killing in 2s; stop in 2s; Failed Evicted finished t=15s; tear down; Failed Evicted; rejected Evicted; [t=5m15.276833894s]; memory pressure false"].assert_eq(&bench.log);
}

#[test]
fn a_pod_that_asks_for_what_it_uses_stays_longer() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(8, 10);
    bench.cluster.nodes.allocatable[1][0] = 1000 * MIB;
    let pods = [hungry(500), hungry(10)].map(|spec| running(&mut bench, node, spec));
    let usage = [(pods[0], 400 * MIB), (pods[1], 11 * MIB)].into();
    bench.send(Event::MachineMemory { node, available: 0, usage });
    bench.advance(Time::from_secs(11));
    assert_eq!(pods.map(|pod| bench.kubelets.stage(pod)), [Stage::Active, Stage::Stopping]);
}

#[test]
fn a_pod_that_is_not_meant_for_a_node_is_refused() {
    let mut bench = Bench::new(&Config::default());
    let node = bench.node(8, 10);
    let mut elsewhere = single(RestartPolicy::Always);
    elsewhere.node_selector = vec![("disk".into(), "ssd".into())];
    let mut whole = single(RestartPolicy::Always);
    whole.containers[0].restarts_all = true;
    let taint = Taint { key: "k".into(), value: String::new(), effect: TaintEffect::NoExecute };
    bench.send(Event::NodeChanged { node, change: NodeChange::Taints(vec![taint]) });
    let mut bearing = whole.clone();
    bearing.tolerations = vec![Toleration { operator: TolerationOperator::Exists, ..Toleration::default() }];
    let specs = [elsewhere, single(RestartPolicy::Always), bearing, hungry(1)];
    let reasons = specs.map(|spec| {
        let class = bench.class(spec);
        let pod = bench.create(class, Some(node), None);
        bench.cluster.pods.reason[pod.id.index()].name()
    });
    assert_eq!(reasons, ["NodeAffinity", "TaintToleration", "PodFeatureUnsupported", "OutOfmemory"]);
}
