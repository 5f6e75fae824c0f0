//! The store against its slow twin, and the promises of `fork` and `revert`.

use super::pods::NewRow;
use super::*;
use crate::api::{Container, ObjectMeta, PodSpec};
use proptest::prelude::*;

/// A node with the given CPU (cores) and zone.
fn node(name: &str, cpu: i64, zone: &str) -> Node {
    let mut node =
        Node { meta: ObjectMeta { name: name.into(), ..ObjectMeta::default() }, ..Node::default() };
    node.meta.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
    node.allocatable.insert("cpu".into(), crate::base::Quantity::from_units(cpu));
    node.allocatable.insert("pods".into(), crate::base::Quantity::from_units(110));
    node
}

fn template(milli: i64, port: u16) -> Arc<PodTemplate> {
    let mut container = Container::default();
    container.resources.requests.insert("cpu".into(), crate::base::Quantity::from_milli(milli));
    if port > 0 {
        container.host_ports.push(crate::api::HostPort { ip: String::new(), protocol: String::new(), port });
    }
    Arc::new(PodTemplate {
        spec: PodSpec { containers: vec![container], ..PodSpec::default() },
        ..PodTemplate::default()
    })
}

fn add_pod(cluster: &mut Cluster, row: u32, class: ClassId) -> PodId {
    let pod = PodRef { id: PodId(row), generation: 0 };
    let name = PodName::Own(format!("pod-{row}").into());
    let new = NewRow {
        serial: u64::from(row),
        name,
        class,
        owner: None,
        created: Time::ZERO,
        index: None,
        tracked: false,
    };
    cluster.pods.insert(pod, new);
    pod.id
}

/// What the scheduler can see of a cluster, for comparison.
fn visible(cluster: &Cluster) -> impl PartialEq + std::fmt::Debug + use<> {
    let nodes = &cluster.nodes;
    (
        nodes.present.clone(),
        nodes.unschedulable.clone(),
        nodes.class.clone(),
        nodes.requested.clone(),
        nodes.non_zero.clone(),
        nodes.pods.clone(),
        cluster.pods.counted_on.clone(),
    )
}

#[test]
fn a_node_that_is_replaced_keeps_its_place_in_the_list_until_another_comes_or_goes() {
    let mut cluster = Cluster::default();
    let ids: Vec<NodeId> = [("a", "1"), ("b", "1"), ("c", "2")]
        .map(|(name, zone)| cluster.add_node(&node(name, 4, zone), PoolId(0), Time::ZERO))
        .to_vec();
    let order = |cluster: &mut Cluster| {
        cluster.nodes.refresh_order();
        let names =
            cluster.nodes.order.iter().map(|node| cluster.names.text(cluster.nodes.name[node.index()]));
        names.collect::<Vec<&str>>().join(" ")
    };
    assert_eq!(order(&mut cluster), "a c b");
    let class = cluster.class(&template(500, 0), "default", 0);
    let pod = add_pod(&mut cluster, 0, class);
    cluster.place(pod, ids[0]);
    cluster.update_node(ids[0], &node("a", 8, "2"));
    assert_eq!(cluster.nodes.allocatable[0][0], 8_000);
    assert_eq!((cluster.nodes.requested[0][0], cluster.check()), (500, Ok(())));
    assert_eq!(order(&mut cluster), "a c b", "the list is not made anew");
    let more = cluster.add_node(&node("d", 4, "1"), PoolId(0), Time::ZERO);
    assert_eq!(order(&mut cluster), "b c d a");
    cluster.remove_node(more);
    cluster.add_node(&node("d", 4, "3"), PoolId(0), Time::ZERO);
    assert_eq!(order(&mut cluster), "b c d a", "gone and back between two looks");
}

#[test]
fn zones_take_turns_in_the_node_order() {
    let mut cluster = Cluster::default();
    for (name, zone) in [("a", "1"), ("b", "1"), ("c", "1"), ("d", "2"), ("e", "3"), ("f", "3")] {
        cluster.add_node(&node(name, 1, zone), PoolId(0), Time::ZERO);
    }
    cluster.nodes.refresh_order();
    let order: String =
        cluster.nodes.order.iter().map(|&id| cluster.names.text(cluster.nodes.name[id.index()])).collect();
    assert_eq!(order, "adebfc");
}

#[test]
fn equal_templates_share_a_class() {
    let mut cluster = Cluster::default();
    let first = cluster.class(&template(500, 0), "default", 0);
    assert_eq!(cluster.class(&template(500, 0), "default", 0), first);
    assert_ne!(cluster.class(&template(500, 0), "other", 0), first);
    assert_ne!(cluster.class(&template(500, 0), "default", 1), first);
}

#[test]
fn the_change_log_names_what_changed() {
    let mut cluster = Cluster::default();
    let a = cluster.add_node(&node("a", 1, "1"), PoolId(0), Time::ZERO);
    let b = cluster.add_node(&node("b", 1, "1"), PoolId(0), Time::ZERO);
    let mark = cluster.nodes.change_count();
    let class = cluster.class(&template(500, 0), "default", 0);
    let pod = add_pod(&mut cluster, 0, class);
    cluster.place(pod, b);
    cluster.set_unschedulable(a, true);
    let changed: Vec<NodeId> = cluster.nodes.changed_since(mark).unwrap().collect();
    assert_eq!(changed, [b, a]);
}

#[test]
fn a_removed_pod_is_not_found_by_an_old_reference() {
    let mut cluster = Cluster::default();
    let class = cluster.class(&template(500, 0), "default", 0);
    let pod = add_pod(&mut cluster, 0, class);
    let old = cluster.pods.reference(pod);
    cluster.pods.remove(pod);
    assert_eq!(cluster.pods.get(old), None);
    let again = PodRef { id: pod, generation: 1 };
    let name = PodName::Own("b".into());
    cluster.pods.insert(
        again,
        NewRow { serial: 1, name, class, owner: None, created: Time::ZERO, index: None, tracked: false },
    );
    assert_eq!(cluster.pods.get(old), None);
    assert_eq!(cluster.pods.get(again), Some(pod));
}

proptest! {
    /// Random changes inside a fork leave no trace after `revert`, and the counts are always those
    /// of the pods.
    #[test]
    fn safety_revert_restores_and_counts_hold(steps in prop::collection::vec((0u8..6, 0usize..8, 0usize..4), 1..60), fork_at in 0usize..60) {
        let mut cluster = Cluster::default();
        let nodes: Vec<NodeId> = (0..4).map(|n| cluster.add_node(&node(&format!("n{n}"), 8, "z"), PoolId(0), Time::ZERO)).collect();
        let classes = [cluster.class(&template(100, 0), "default", 0), cluster.class(&template(250, 80), "default", 0)];
        let pods: Vec<PodId> = (0..8).map(|row| add_pod(&mut cluster, row, classes[row as usize % 2])).collect();
        let mut before = None;
        for (number, (kind, pod, target)) in steps.into_iter().enumerate() {
            if number == fork_at {
                before = Some(visible(&cluster));
                cluster.fork();
            }
            match kind {
                0 | 1 if cluster.pods.counted_on[pod].is_none() => cluster.place(pods[pod], nodes[target]),
                2 => cluster.displace(pods[pod]),
                3 => cluster.set_unschedulable(nodes[target], pod % 2 == 0),
                4 => cluster.set_taints(nodes[target], &[Taint { key: format!("k{pod}"), value: String::new(), effect: crate::api::TaintEffect::NoSchedule }]),
                5 if cluster.nodes.present.contains(target) => cluster.remove_node(nodes[target]),
                _ => {}
            }
            prop_assert_eq!(cluster.check(), Ok(()));
        }
        if let Some(before) = before {
            cluster.revert();
            prop_assert_eq!(visible(&cluster), before);
            prop_assert_eq!(cluster.check(), Ok(()));
        }
    }
}

#[test]
fn a_pods_class_says_what_it_shares_with_others() {
    use crate::api::{OwnerReference, Volume};
    use std::collections::BTreeMap;
    let mut cluster = Cluster::default();
    let mut pod = Pod::default();
    pod.meta.name = "a".into();
    let plain = cluster.class_for_pod(&pod);
    assert_eq!(cluster.names.text(cluster.classes[plain].namespace), "default");
    pod.meta.name = "b".into();
    assert_eq!(cluster.class_for_pod(&pod), plain, "a name alone makes no class");
    let mut owned = pod.clone();
    owned.meta.owner = Some(OwnerReference {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        name: "set".into(),
        uid: String::new(),
    });
    let class = cluster.class_for_pod(&owned);
    assert_eq!(cluster.classes[class].controller.map(|(kind, _)| kind), Some(ControllerKind::ReplicaSet));
    let mut template = PodTemplate::default();
    template.spec.volumes.push(Volume { name: "scratch".into(), source: VolumeSource::Ephemeral });
    let mut ephemeral = Pod { template: Arc::new(template), ..pod.clone() };
    let b = cluster.class_for_pod(&ephemeral);
    ephemeral.meta.name = "c".into();
    assert_ne!(cluster.class_for_pod(&ephemeral), b, "claims are named after the pod");
    let mut status = PodStatusResources { pod: Some(BTreeMap::new()), ..PodStatusResources::default() };
    let mut resized = Pod { status_resources: Some(Arc::new(status.clone())), ..pod.clone() };
    assert_ne!(cluster.class_for_pod(&resized), plain);
    cluster.counts_pod_resizes = false;
    assert_eq!(cluster.class_for_pod(&resized), plain);
    status.containers.insert("main".into(), BTreeMap::new());
    resized.status_resources = Some(Arc::new(status));
    let class = cluster.class_for_pod(&resized);
    assert!(cluster.classes[class].resized.as_ref().is_some_and(|status| status.pod.is_none()));
}
