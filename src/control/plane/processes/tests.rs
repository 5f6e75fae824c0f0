//! Failovers at quiet and unquiet moments.

use super::*;
use crate::api::{Node, PodPhase, PodTemplate};
use crate::base::Quantity;
use crate::cluster::{PodName, PodRef};
use crate::control::{Config, Control, NodeChange, Write};

/// A control plane with a node, and a way to tell it facts.
struct Scene {
    plane: ControlPlane,
    cluster: Cluster,
    out: Vec<Command>,
    pods: u32,
}

impl Scene {
    fn new() -> Scene {
        let mut scene = Scene {
            plane: ControlPlane::new(&Config::default()),
            cluster: Cluster::default(),
            out: Vec::new(),
            pods: 0,
        };
        let mut node = Node::default();
        node.meta.name = "n".into();
        node.allocatable.insert("pods".into(), Quantity::from_units(110));
        scene.tell(Event::NodeAdded { node: NodeId(0), object: Arc::new(node), pool: PoolId(0) });
        scene
    }

    fn tell(&mut self, event: Event) {
        self.plane.handle(Time::ZERO, event, &mut self.cluster, &mut self.out);
    }

    fn pod(&mut self, name: &str) -> PodRef {
        let class = self.cluster.class(&Arc::new(PodTemplate::default()), "default", 0);
        let pod = PodRef { id: PodId(self.pods), generation: 0 };
        self.pods += 1;
        self.tell(Event::PodAdded(Box::new(NewPod {
            pod,
            serial: u64::from(pod.id.0),
            name: PodName::Own(name.into()),
            class,
            owner: None,
            index: None,
            created: Time::ZERO,
            node: None,
            status: None,
            tracked: false,
            job: None,
        })));
        pod
    }

    /// Lets everything happen that is due, and gives the bindings that were ordered.
    fn bindings(&mut self, now: Time) -> Vec<PodRef> {
        while self.plane.poll_timeout().is_some_and(|due| due <= now) {
            self.plane.handle_timeout(now, &mut self.cluster, &mut self.out);
        }
        let bound = self.out.drain(..).filter_map(|command| match command {
            Command::Write(_, Write::Bind { pod, .. }) => Some(pod),
            _ => None,
        });
        bound.collect()
    }
}

#[test]
fn what_a_dead_scheduler_has_assumed_takes_no_room_and_the_next_one_starts_anew() {
    let mut scene = Scene::new();
    let pods = [scene.pod("b"), scene.pod("a")];
    let now = Time::from_secs(1);
    assert_eq!(scene.bindings(now), pods);
    assert!(pods.iter().all(|pod| scene.cluster.pods.counted_on[pod.id.index()].is_some()));
    scene.plane.stop(Process::Scheduler, &mut scene.cluster);
    assert!(!scene.plane.runs(Process::Scheduler) && scene.plane.runs(Process::ControllerManager));
    assert!(pods.iter().all(|pod| scene.cluster.pods.counted_on[pod.id.index()].is_none()));
    // While none runs pods come and go unseen; one of the writes was committed after all.
    let (third, fourth) = (scene.pod("d"), scene.pod("c"));
    scene.tell(Event::PodBound { pod: pods[0], node: NodeId(0) });
    scene.tell(Event::PodRemoved { pod: fourth });
    assert_eq!(scene.bindings(Time::from_secs(9)), []);
    let now = Time::from_secs(10);
    scene.plane.start(Process::Scheduler, now, &mut scene.cluster, &mut scene.out);
    assert_eq!(scene.bindings(now), [pods[1], third], "in the order of names");
}

#[test]
fn a_new_controller_manager_gives_silent_nodes_a_whole_grace_period() {
    let mut scene = Scene::new();
    scene.tell(Event::HeartbeatsStopped { node: NodeId(0), last_renewal: Time::ZERO });
    scene.bindings(Time::from_secs(40));
    scene.plane.stop(Process::ControllerManager, &mut scene.cluster);
    assert_eq!(scene.plane.poll_timeout(), None);
    scene.bindings(Time::from_secs(70));
    let start = Time::from_secs(71);
    scene.plane.start(Process::ControllerManager, start, &mut scene.cluster, &mut scene.out);
    let mut marked = None;
    while let Some(due) = scene.plane.poll_timeout().filter(|due| *due < Time::from_secs(1_000)) {
        scene.plane.handle_timeout(due, &mut scene.cluster, &mut scene.out);
        let writes = scene.out.drain(..);
        if writes.into_iter().any(|command| matches!(command, Command::Write(_, Write::NodeReady { .. }))) {
            marked = Some(due);
            break;
        }
    }
    assert_eq!(marked, Some(start + Span::from_secs(50)));
}

#[test]
fn a_pod_is_listed_with_all_that_is_known_of_it() {
    let mut scene = Scene::new();
    let pod = scene.pod("p");
    scene.tell(Event::PodBound { pod, node: NodeId(0) });
    let status = PodStatus { phase: PodPhase::Running, ready: true, restarts: 3, ..PodStatus::default() };
    scene.tell(Event::PodStatus { pod, status });
    scene.tell(Event::NodeChanged { node: NodeId(0), change: NodeChange::Unschedulable(true) });
    let listed = pod_as_listed(&scene.cluster, pod.id);
    assert_eq!((listed.node, listed.status), (Some(NodeId(0)), Some(status)));
    assert_eq!(scene.plane.known.nodes.len(), 1);
}
