//! The kubelets against scripts, against an API server that takes every write at once.

mod features;
mod images;
mod pressure;
mod properties;
mod scripts;

use super::*;
use crate::api::{self, HostPort, Node, ObjectMeta, PodPhase, PodSpec, PodTemplate, RestartPolicy};
use crate::base::Quantity;
use crate::base::ids::{ClassId, PoolId};
use crate::cluster::{PodName, Reason};
use crate::control::{ContainerIndex, Note, PodStatus, RuntimeEvent, plane};
use std::fmt::Write as _;
use std::sync::Arc;

/// Kubelets, the view, and an API server without latency.
struct Bench {
    now: Time,
    cluster: Cluster,
    kubelets: Kubelets,
    /// Orders to the runtime, in order.
    orders: Vec<(PodRef, RuntimeCommand)>,
    /// What has been decided since it was read last, as text.
    log: String,
    created: u64,
}

impl Bench {
    fn new(config: &Config) -> Bench {
        Bench {
            now: Time::ZERO,
            cluster: Cluster::default(),
            kubelets: Kubelets::new(config),
            orders: Vec::new(),
            log: String::new(),
            created: 0,
        }
    }

    fn node(&mut self, cpu: i64, pods: i64) -> NodeId {
        let node = NodeId(self.cluster.nodes.len() as u32);
        let meta = ObjectMeta { name: format!("n{}", node.0), ..ObjectMeta::default() };
        let mut object = Node { meta, ..Node::default() };
        object.allocatable.insert("cpu".into(), Quantity::from_units(cpu));
        object.allocatable.insert("pods".into(), Quantity::from_units(pods));
        self.send(Event::NodeAdded { node, object: Arc::new(object), pool: PoolId(0) });
        node
    }

    fn class(&mut self, spec: PodSpec) -> ClassId {
        self.cluster.class(&Arc::new(PodTemplate { spec, ..PodTemplate::default() }), "default", 0)
    }

    /// Creates a pod in a free row, bound if a node is given.
    fn create(&mut self, class: ClassId, node: Option<NodeId>, status: Option<PodStatus>) -> PodRef {
        let pods = &self.cluster.pods;
        let row = pods.present.iter().position(|present| !present).unwrap_or(pods.present.len());
        let generation = pods.generation.get(row).map_or(0, |generation| generation + 1);
        let pod = PodRef { id: PodId(row as u32), generation };
        let (serial, created) = (self.created, self.now);
        self.created += 1;
        let name = PodName::Own(format!("p{serial}").into());
        let new = NewPod {
            pod,
            serial,
            name,
            class,
            owner: None,
            index: None,
            created,
            node,
            status,
            tracked: false,
            job: None,
        };
        self.send(Event::PodAdded(Box::new(new)));
        pod
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller makes the event for this call")]
    fn send(&mut self, event: Event) {
        plane::apply(self.now, &event, &mut self.cluster);
        let mut out = Vec::new();
        self.kubelets.handle(self.now, &event, PodBefore::default(), &mut self.cluster, &mut out);
        if let Event::PodRemoved { pod } = event {
            self.cluster.displace(pod.id);
            self.cluster.pods.remove(pod.id);
        }
        self.take(out);
    }

    fn take(&mut self, out: Vec<Command>) {
        for command in out {
            let gap = if self.log.is_empty() { "" } else { "; " };
            let _ = write!(self.log, "{gap}{}", text(&command));
            match command {
                Command::Write(_, write) => self.commit(write),
                Command::Runtime(pod, order) => self.orders.push((pod, order)),
                Command::Note(_) | Command::Query { .. } => {}
            }
        }
    }

    /// The API server: refuses writes about pods that are gone, and statuses of those that ended.
    fn commit(&mut self, write: Write) {
        let event = match write {
            Write::PodStatus { pod, status } if self.phase(pod).is_some_and(|phase| !phase.is_terminal()) => {
                Event::PodStatus { pod, status }
            }
            Write::DeletePod { pod, grace: Some(Span::ZERO), .. } if self.phase(pod).is_some() => {
                Event::PodRemoved { pod }
            }
            write => Event::Refused(Box::new(write), crate::control::Refusal::Conflict),
        };
        self.send(event);
    }

    /// A person deletes a pod: one that has ended, or is not bound, goes at once.
    fn delete(&mut self, pod: PodRef, grace: u64) {
        let Some(phase) = self.phase(pod) else { return };
        let bound = self.cluster.pods.node[pod.id.index()].is_some();
        if phase.is_terminal() || !bound || grace == 0 {
            return self.send(Event::PodRemoved { pod });
        }
        self.send(Event::PodDeleting { pod, grace: Span::from_secs(grace), reason: Reason::Deleted });
    }

    fn phase(&self, pod: PodRef) -> Option<PodPhase> {
        self.cluster.pods.get(pod).map(|pod| self.cluster.pods.phase[pod.index()])
    }

    fn runtime(&mut self, pod: PodRef, event: RuntimeEvent) {
        self.send(Event::Runtime { pod, event });
    }

    fn exit(&mut self, pod: PodRef, container: u16, code: u8) {
        let (container, at) = (ContainerIndex(container), self.now);
        self.runtime(pod, RuntimeEvent::Exited { container, code, out_of_memory: false, at });
    }

    /// Lets time pass, timers included.
    fn advance(&mut self, to: Time) {
        while let Some(due) = self.kubelets.poll_timeout().filter(|&due| due <= to) {
            self.now = due.max(self.now);
            let mut out = Vec::new();
            self.kubelets.handle_timeout(self.now, &mut self.cluster, &mut out);
            if !out.is_empty() {
                let gap = if self.log.is_empty() { "" } else { "; " };
                let _ = write!(self.log, "{gap}[{:?}]", self.now);
            }
            self.take(out);
        }
        self.now = to;
    }
}

/// A command in a few words.
fn text(command: &Command) -> String {
    match command {
        Command::Runtime(_, RuntimeCommand::SetUp) => "set up".into(),
        Command::Runtime(_, RuntimeCommand::Pull(container)) => format!("pull {}", container.0),
        Command::Runtime(_, RuntimeCommand::Start(container)) => format!("start {}", container.0),
        Command::Runtime(_, RuntimeCommand::Stop { grace }) => format!("stop in {grace}"),
        Command::Runtime(_, RuntimeCommand::Fetch(container)) => format!("fetch {}", container.0),
        Command::Runtime(_, RuntimeCommand::PreStop(container)) => format!("hook {}", container.0),
        Command::Runtime(_, RuntimeCommand::StopContainer { container, grace }) => {
            format!("stop {} in {grace}", container.0)
        }
        Command::Runtime(_, RuntimeCommand::TearDown) => "tear down".into(),
        Command::Write(_, Write::PodStatus { status, .. }) => status_text(status),
        Command::Write(_, Write::DeletePod { grace: Some(Span::ZERO), .. }) => "delete".into(),
        Command::Write(_, Write::NodeReady { ready, .. }) => format!("node {ready:?}"),
        Command::Note(Note::BackOff { container, until, .. }) => {
            format!("back-off {} until {until:?}", container.0)
        }
        Command::Note(Note::Restarting { container, count, .. }) => {
            format!("restart {} #{count}", container.0)
        }
        Command::Note(Note::Killing { grace, .. }) => format!("killing in {grace}"),
        Command::Note(Note::Rejected { reason, .. }) => format!("rejected {}", reason.name()),
        Command::Note(Note::Kubelet { container, word, .. }) => match container {
            Some(container) => format!("{word} {}", container.0),
            None => (*word).to_owned(),
        },
        Command::Write(_, Write::NodePressure { memory, .. }) => format!("memory pressure {memory}"),
        other => format!("{other:?}"),
    }
}

fn status_text(status: &PodStatus) -> String {
    let mut text = status.phase.name().to_owned();
    if status.ready {
        text += " ready";
    }
    if status.restarts > 0 {
        let _ = write!(text, " restarts={}", status.restarts);
    }
    if status.reason != Reason::None {
        let _ = write!(text, " {}", status.reason.name());
    }
    if let Some(finished) = status.finished {
        let _ = write!(text, " finished {finished:?}");
    }
    text
}

fn container(policy: Option<RestartPolicy>) -> api::Container {
    let mut container = api::Container { restart_policy: policy, ..api::Container::default() };
    container.resources.requests.insert("cpu".into(), Quantity::from_units(1));
    container
}

/// A pod of one container that asks for one core.
fn single(restart_policy: RestartPolicy) -> PodSpec {
    PodSpec { containers: vec![container(None)], restart_policy, ..PodSpec::default() }
}

fn with_port(mut spec: PodSpec, ip: &str) -> PodSpec {
    spec.containers[0].host_ports.push(HostPort { ip: ip.into(), protocol: String::new(), port: 80 });
    spec
}

/// An init container, a sidecar, another init container, and two main containers.
fn crowd(restart_policy: RestartPolicy) -> PodSpec {
    let sidecar = container(Some(RestartPolicy::Always));
    PodSpec {
        init_containers: vec![container(None), sidecar, container(None)],
        containers: vec![container(None), container(None)],
        restart_policy,
        ..PodSpec::default()
    }
}
