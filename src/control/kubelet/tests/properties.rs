//! What holds whatever happens: random histories of pods on two nodes, with a runtime that answers
//! in any order.

use super::*;
use proptest::prelude::*;

/// A container runtime: what it has been asked for and has not answered, and what runs.
#[derive(Default)]
struct Runtime {
    pending: Vec<(PodRef, RuntimeEvent)>,
    running: BTreeSet<(PodRef, u16)>,
    over: BTreeSet<PodRef>,
}

impl Runtime {
    fn order(&mut self, pod: PodRef, order: RuntimeCommand, now: Time) {
        assert!(!self.over.contains(&pod), "{order:?} for a pod that was torn down");
        match order {
            RuntimeCommand::SetUp => self.pending.push((pod, RuntimeEvent::SandboxReady)),
            RuntimeCommand::Pull(container) => self.pending.push((pod, RuntimeEvent::ImagePulled(container))),
            RuntimeCommand::Start(container) => {
                assert!(!self.running.contains(&(pod, container.0)), "{container:?} is started twice");
                self.pending.push((pod, RuntimeEvent::Started(container)));
            }
            RuntimeCommand::Stop { .. } => {
                self.pending.retain(|(waiting, _)| *waiting != pod);
                for &(_, container) in self.running.iter().filter(|(running, _)| *running == pod) {
                    self.pending.push((pod, exited(container, 143, now)));
                }
            }
            RuntimeCommand::StopContainer { container, .. } => {
                let of_it = |event: &RuntimeEvent| matches!(event, RuntimeEvent::Started(index) if *index == container);
                self.pending.retain(|(waiting, event)| *waiting != pod || !of_it(event));
                if self.running.contains(&(pod, container.0)) {
                    self.pending.push((pod, exited(container.0, 143, now)));
                }
            }
            RuntimeCommand::PreStop(container) => {
                self.pending.push((pod, RuntimeEvent::HookDone(container)));
            }
            RuntimeCommand::Fetch(container) => {
                self.pending.push((pod, RuntimeEvent::ImagePulled(container)));
            }
            RuntimeCommand::TearDown => {
                self.forget(pod);
                self.over.insert(pod);
            }
        }
    }

    fn forget(&mut self, pod: PodRef) {
        self.pending.retain(|(waiting, _)| *waiting != pod);
        self.running.retain(|(running, _)| *running != pod);
    }
}

fn exited(container: u16, code: u8, at: Time) -> RuntimeEvent {
    RuntimeEvent::Exited { container: ContainerIndex(container), code, out_of_memory: false, at }
}

/// A bench with a runtime.
struct World {
    bench: Bench,
    runtime: Runtime,
    nodes: [NodeId; 2],
    down: [bool; 2],
    classes: Vec<ClassId>,
    pods: Vec<PodRef>,
}

impl World {
    fn new(polled: bool) -> World {
        let mut config = Config::default();
        config.kubelet.polled_backoff = polled;
        let mut bench = Bench::new(&config);
        let nodes = [bench.node(8, 4), bench.node(3, 10)];
        let deadline = PodSpec { active_deadline_seconds: Some(100), ..single(RestartPolicy::Always) };
        let specs = [
            single(RestartPolicy::Always),
            with_port(single(RestartPolicy::OnFailure), ""),
            single(RestartPolicy::Never),
            crowd(RestartPolicy::Always),
            crowd(RestartPolicy::OnFailure),
            crowd(RestartPolicy::Never),
            deadline,
        ];
        let classes = specs.map(|spec| bench.class(spec)).to_vec();
        World { bench, runtime: Runtime::default(), nodes, down: [false; 2], classes, pods: Vec::new() }
    }

    /// Hands the kubelets' new orders to the runtime.
    fn settle(&mut self) {
        let now = self.bench.now;
        for (pod, order) in std::mem::take(&mut self.bench.orders) {
            self.runtime.order(pod, order, now);
        }
        let ended = |pod: PodRef| self.bench.phase(pod).is_some_and(PodPhase::is_terminal);
        assert!(!self.runtime.running.iter().any(|&(pod, _)| ended(pod)), "a terminal pod runs");
        assert_eq!(self.bench.kubelets.check(&self.bench.cluster), Ok(()));
    }

    fn is_down(&self, pod: PodRef) -> bool {
        let node = self.bench.cluster.pods.get(pod).and_then(|pod| self.bench.cluster.pods.node[pod.index()]);
        node.is_some_and(|node| self.down[node.index()])
    }

    /// The runtime answers the `choice`-th of its orders whose kubelet can hear.
    fn answer(&mut self, choice: usize) -> bool {
        let heard = |(pod, _): &(PodRef, RuntimeEvent)| !self.is_down(*pod);
        let heard: Vec<usize> =
            (0..self.runtime.pending.len()).filter(|&row| heard(&self.runtime.pending[row])).collect();
        if heard.is_empty() {
            return false;
        }
        let (pod, mut event) = self.runtime.pending.remove(heard[choice % heard.len()]);
        match &mut event {
            RuntimeEvent::Started(container) => {
                self.runtime.running.insert((pod, container.0));
                self.runtime.pending.push((pod, RuntimeEvent::Serving(*container)));
            }
            RuntimeEvent::Exited { container, at, .. } => {
                *at = self.bench.now;
                self.runtime.running.remove(&(pod, container.0));
            }
            _ => {}
        }
        self.bench.runtime(pod, event);
        true
    }

    /// A container ends by itself.
    fn end(&mut self, choice: usize, code: u8) {
        let up: Vec<(PodRef, u16)> =
            self.runtime.running.iter().copied().filter(|&(pod, _)| !self.is_down(pod)).collect();
        let Some(&(pod, container)) = up.get(choice % up.len().max(1)) else { return };
        self.runtime.running.remove(&(pod, container));
        let of_this = |event: &RuntimeEvent| {
            matches!(event, RuntimeEvent::Serving(index) | RuntimeEvent::Exited { container: index, .. }
                if index.0 == container)
        };
        self.runtime.pending.retain(|(waiting, event)| *waiting != pod || !of_this(event));
        self.bench.runtime(pod, exited(container, code, self.bench.now));
    }

    /// Starts a kubelet that is down; otherwise stops it, or its machine. A machine may also go
    /// down during a partition.
    fn toggle(&mut self, node: usize, crash: bool) {
        let (id, down) = (self.nodes[node], self.down[node]);
        if down && !crash {
            self.down[node] = false;
            return self.bench.send(Event::KubeletStarted { node: id });
        }
        self.down[node] = true;
        self.bench.send(Event::KubeletStopped { node: id, containers_lost: crash });
        if crash {
            let pods = &self.bench.cluster.pods;
            for pod in pods.iter().filter(|pod| pods.node[pod.index()] == Some(id)) {
                self.runtime.forget(pods.reference(pod));
            }
        }
    }

    fn step(&mut self, (kind, choice, number): (u8, usize, u8)) {
        let pod = self.pods.get(choice % self.pods.len().max(1)).copied();
        match (kind, pod) {
            (0..=1, _) => {
                let class = self.classes[choice % self.classes.len()];
                let pod = self.bench.create(class, None, None);
                self.pods.push(pod);
                let node = self.nodes[usize::from(number % 2)];
                self.bench.send(Event::PodBound { pod, node });
            }
            (2..=9, _) => drop(self.answer(choice)),
            (10..=12, _) => self.end(choice, number % 3),
            (13, _) => self.toggle(choice % 2, number % 2 == 0),
            (14, Some(pod)) => self.bench.delete(pod, u64::from(number % 60)),
            (15, Some(pod)) if self.bench.phase(pod) == Some(PodPhase::Running) => {
                let status = PodStatus { phase: PodPhase::Running, ..PodStatus::default() };
                self.bench.send(Event::PodStatus { pod, status });
            }
            _ => self.bench.advance(self.bench.now + Span::from_secs(number.into())),
        }
        self.settle();
    }

    /// Everything comes back, every order is answered, every timer runs out, init containers end
    /// well, and nothing else ends any more.
    fn drain(&mut self) {
        for node in (0..2).filter(|&node| self.down[node]).collect::<Vec<_>>() {
            self.toggle(node, false);
            self.settle();
        }
        for _ in 0..10_000 {
            let init = self.runtime.running.iter().copied().find(|&(pod, container)| {
                let class = self.bench.cluster.pods.class[pod.id.index()];
                let spec = &self.bench.cluster.classes[class].template.spec;
                pod::role(spec, container.into()) == pod::Role::Init
            });
            if self.answer(0) {
            } else if let Some((pod, container)) = init {
                self.runtime.running.remove(&(pod, container));
                self.bench.runtime(pod, exited(container, 0, self.bench.now));
            } else if let Some(due) = self.bench.kubelets.poll_timeout() {
                self.bench.advance(due);
            } else {
                return;
            }
            self.settle();
        }
        panic!("the kubelets do not come to rest");
    }
}

proptest! {
    /// A pod that has ended starts nothing, nothing is started twice, and no node is over-committed
    /// (all asserted at each step); when the runtime answers, every pod that was bound runs, has
    /// ended or is gone.
    #[test]
    fn safety_and_liveness(
        steps in prop::collection::vec((0u8..18, 0usize..64, 0u8..=255), 1..150),
        polled in any::<bool>(),
    ) {
        let mut world = World::new(polled);
        for step in steps {
            world.step(step);
        }
        world.drain();
        for &pod in &world.pods {
            let Some(phase) = world.bench.phase(pod) else { continue };
            let row = pod.id.index();
            prop_assert!(phase != PodPhase::Pending, "{:?}", world.bench.kubelets.containers(pod));
            prop_assert!(world.bench.cluster.pods.deleting_since[row].is_none(), "{pod:?} is not gone");
            let ready = world.bench.cluster.pods.ready[row];
            let runs = world.runtime.running.iter().any(|(running, _)| *running == pod);
            prop_assert_eq!(phase == PodPhase::Running, runs);
            prop_assert!(ready || phase.is_terminal() || partly_done(&world, pod));
        }
        prop_assert!(world.bench.kubelets.is_settled());
    }
}

/// Whether a main container has ended for good while another runs: then the pod is not ready.
fn partly_done(world: &World, pod: PodRef) -> bool {
    let containers = world.bench.kubelets.containers(pod);
    containers
        .last_chunk::<2>()
        .is_some_and(|mains| mains.iter().any(|main| main.state == ContainerState::Exited))
}
