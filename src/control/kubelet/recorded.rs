//! The kubelets of recorded runs: pods whose life is written in their annotations.
//!
//! The recordings of a real control plane were made with fake nodes. This is their pod driver: no
//! admission, no images, no probes; a pod runs some time after it was seen bound, is ready some time
//! later, ends when its annotations say so, and is started again under the kubelet's crash-loop
//! back-off without polling. The annotations have the prefix `sim.example/`.

use super::backoff::{BackOff, Verdict};
use crate::api::{Annotations, PodPhase, RestartPolicy};
use crate::base::ids::{ClassId, NodeId, PodId, WorkloadId};
use crate::base::rng::Purpose;
use crate::base::{Map, Span, Streams, Time};
use crate::cluster::{Cluster, ExitCodes, PodRef, ReadyStatus, Reason};
use crate::control::config::Kubelet;
use crate::control::{
    Client, Command, Component, Config, Event, NodeChange, PodBefore, PodStatus, Topic, Write,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The prefix of the annotations.
const PREFIX: &str = "sim.example/";

/// The least lateness of a timer; at most it is twice that.
const LATE: Span = Span::from_millis(6);

/// How the pods of a class live.
#[derive(Clone, PartialEq, Debug)]
struct Life {
    /// From being seen as bound to running.
    start: Span,
    /// From running to ready.
    ready: Span,
    /// From running to the end; for ever if absent.
    run: Option<Span>,
    /// Exit codes by restart; the last one repeats.
    codes: Vec<u8>,
    /// Exit codes by the ordinal of the pod among those of its owner; they rule out `codes`.
    by_attempt: Vec<u8>,
    /// Exit codes by completion index, then attempt; they rule out both.
    by_index: BTreeMap<u32, Vec<u8>>,
    /// From being seen as deleted to the stop of a running container.
    stop: Span,
    /// The exit code of a container that is stopped so.
    stop_code: u8,
    policy: RestartPolicy,
}

impl Life {
    fn read(annotations: &Annotations, policy: RestartPolicy) -> Life {
        let text = |key: &str| annotations.get(&format!("{PREFIX}{key}")).map(String::as_str);
        let millis = |key: &str| text(key).and_then(|text| text.trim().parse().ok()).map(Span::from_millis);
        Life {
            start: millis("start-delay-ms").unwrap_or(Span::from_secs(1)),
            ready: millis("ready-delay-ms").unwrap_or(Span::ZERO),
            run: millis("run-ms"),
            codes: text("exit-codes").map_or(Vec::new(), codes),
            by_attempt: text("exit-codes-by-attempt").map_or(Vec::new(), codes),
            by_index: text("exit-by-index").map_or(BTreeMap::new(), codes_by_index),
            stop: millis("stop-ms").unwrap_or(Span::from_secs(1)),
            stop_code: text("stop-exit-code").and_then(|text| text.trim().parse().ok()).unwrap_or(143),
            policy,
        }
    }

    /// The exit code of a run.
    fn code(&self, attempt: u32, index: Option<u32>, restarts: u32) -> u8 {
        let nth = |codes: &[u8], n: u32| codes.get(n as usize).or(codes.last()).copied();
        let of_index = index.and_then(|index| self.by_index.get(&index));
        let by_attempt = of_index.or(Some(&self.by_attempt)).and_then(|codes| nth(codes, attempt));
        by_attempt.or_else(|| nth(&self.codes, restarts)).unwrap_or(0)
    }
}

/// A list such as `1,1,0`.
fn codes(text: &str) -> Vec<u8> {
    text.split(',').filter_map(|code| code.trim().parse().ok()).collect()
}

/// A mapping such as `{"0": "1,0"}`.
fn codes_by_index(text: &str) -> BTreeMap<u32, Vec<u8>> {
    let read: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
    read.into_iter().filter_map(|(index, list)| Some((index.parse().ok()?, codes(&list)))).collect()
}

/// What is going to happen to a pod.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Run,
    Ready,
    Exit,
    Restart,
    Stop,
}

/// A pod that a kubelet knows.
#[derive(Clone, Debug)]
struct Known {
    node: NodeId,
    life: Arc<Life>,
    attempt: u32,
    index: Option<u32>,
    status: PodStatus,
    backoff: BackOff,
    /// When the last run ended.
    finished: Time,
    /// Whether its container runs.
    running: bool,
    /// Whether it is being stopped.
    stopping: bool,
    /// Its timers, so that they can be taken back.
    timers: Vec<(Time, u64, Due)>,
}

/// The kubelets of all nodes.
#[derive(Debug)]
pub struct RecordedKubelets {
    settings: Kubelet,
    lives: Map<ClassId, Arc<Life>>,
    pods: BTreeMap<PodRef, Known>,
    /// Pods seen bound so far, by owner and completion index.
    attempts: Map<(WorkloadId, Option<u32>), u32>,
    timers: BTreeSet<(Time, u64, PodRef)>,
    sequence: u64,
    streams: Streams,
    /// Nodes that do nothing, with what they will do first when they return: deletions seen meanwhile.
    frozen: BTreeMap<NodeId, Vec<(PodRef, Span)>>,
    /// Timers that have run out on frozen nodes, in order.
    held: Vec<(u64, PodRef)>,
}

impl RecordedKubelets {
    /// Nothing seen yet.
    pub fn new(config: &Config) -> RecordedKubelets {
        RecordedKubelets {
            settings: config.kubelet.clone(),
            lives: Map::default(),
            pods: BTreeMap::new(),
            attempts: Map::default(),
            timers: BTreeSet::new(),
            sequence: 0,
            streams: Streams::new(config.seed),
            frozen: BTreeMap::new(),
            held: Vec::new(),
        }
    }

    fn bound(&mut self, now: Time, pod: PodRef, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(row) = cluster.pods.get(pod) else { return };
        if self.frozen.contains_key(&node) || self.pods.contains_key(&pod) {
            return;
        }
        let class = cluster.pods.class[row.index()];
        let compiled = &cluster.classes[class];
        let read = || Arc::new(Life::read(&compiled.template.annotations, compiled.restart_policy));
        let life = Arc::clone(self.lives.entry(class).or_insert_with(read));
        let index = cluster.pods.index[row.index()];
        let attempt = cluster.pods.owner[row.index()].map_or(0, |owner| {
            let count = self.attempts.entry((owner, index)).or_insert(0);
            *count += 1;
            *count - 1
        });
        let start = life.start;
        let known = Known {
            node,
            life,
            attempt,
            index,
            status: PodStatus::default(),
            backoff: BackOff::default(),
            finished: now,
            running: false,
            stopping: false,
            timers: Vec::new(),
        };
        self.pods.insert(pod, known);
        if cluster.pods.deleting_since[row.index()].is_some() {
            return self.delete(now, pod, Span::ZERO, out);
        }
        // That the pod was accepted is written at once.
        post(pod, &self.pods[&pod], out);
        self.set(pod, now + start, Due::Run);
    }

    /// Sets a timer. In the recordings they ran out some milliseconds late.
    fn set(&mut self, pod: PodRef, at: Time, due: Due) {
        let number = self.sequence;
        self.sequence += 1;
        let at = at + LATE + Span(self.streams.draw(Purpose::Latency, number) % LATE.0);
        if let Some(known) = self.pods.get_mut(&pod) {
            known.timers.push((at, number, due));
            self.timers.insert((at, number, pod));
        }
    }

    fn cancel(&mut self, pod: PodRef) {
        let Some(known) = self.pods.get_mut(&pod) else { return };
        for (at, number, _) in known.timers.drain(..) {
            self.timers.remove(&(at, number, pod));
        }
        self.held.retain(|(_, held)| *held != pod);
    }

    /// A timer has run out.
    fn fire(&mut self, now: Time, pod: PodRef, number: u64, out: &mut Vec<Command>) {
        let Some(known) = self.pods.get_mut(&pod) else { return };
        let Some(place) = known.timers.iter().position(|timer| timer.1 == number) else { return };
        match known.timers.remove(place).2 {
            Due::Run => self.run(now, pod, out),
            Due::Ready => {
                known.status.ready = true;
                post(pod, known, out);
            }
            Due::Exit => self.exit(now, pod, out),
            Due::Restart => {
                if let Verdict::Wait { until } = known.backoff.attempt(now, known.finished, &self.settings) {
                    return self.set(pod, until, Due::Restart);
                }
                known.status.restarts += 1;
                self.run(now, pod, out);
            }
            Due::Stop => self.stop(now, pod, out),
        }
    }

    /// The container runs from now on.
    fn run(&mut self, now: Time, pod: PodRef, out: &mut Vec<Command>) {
        let Some(known) = self.pods.get_mut(&pod) else { return };
        let life = Arc::clone(&known.life);
        known.running = true;
        let ready = life.ready == Span::ZERO;
        known.status = PodStatus { phase: PodPhase::Running, ready, reason: Reason::None, ..known.status };
        post(pod, known, out);
        if !ready {
            self.set(pod, now + life.ready, Due::Ready);
        }
        if let Some(run) = life.run {
            self.set(pod, now + run, Due::Exit);
        }
    }

    /// The container ends by itself.
    fn exit(&mut self, now: Time, pod: PodRef, out: &mut Vec<Command>) {
        self.cancel(pod);
        let Some(known) = self.pods.get_mut(&pod) else { return };
        let life = Arc::clone(&known.life);
        let code = life.code(known.attempt, known.index, known.status.restarts);
        known.running = false;
        let again = match life.policy {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => code != 0,
            RestartPolicy::Never => false,
        };
        if !again {
            return end(now, pod, known, code, out);
        }
        known.finished = now;
        match known.backoff.attempt(now, now, &self.settings) {
            Verdict::Start => {
                known.status.restarts += 1;
                self.run(now, pod, out);
            }
            Verdict::Wait { until } => {
                known.status = PodStatus { ready: false, reason: Reason::CrashLoopBackOff, ..known.status };
                post(pod, known, out);
                self.set(pod, until, Due::Restart);
            }
        }
    }

    /// Deletion is seen.
    fn delete(&mut self, now: Time, pod: PodRef, grace: Span, out: &mut Vec<Command>) {
        let Some(known) = self.pods.get_mut(&pod) else { return };
        if let Some(pods) = self.frozen.get_mut(&known.node) {
            return pods.push((pod, grace));
        }
        if std::mem::replace(&mut known.stopping, true) {
            return;
        }
        let wait = if known.running { known.life.stop.min(grace) } else { Span::ZERO };
        self.cancel(pod);
        if wait == Span::ZERO {
            return self.stop(now, pod, out);
        }
        self.set(pod, now + wait, Due::Stop);
    }

    /// The pod is stopped: its end is written, then its object deleted.
    fn stop(&mut self, now: Time, pod: PodRef, out: &mut Vec<Command>) {
        let Some(known) = self.pods.get_mut(&pod) else { return };
        known.running = false;
        if !known.status.phase.is_terminal() {
            let code = known.life.stop_code;
            end(now, pod, known, code, out);
        }
        let write = Write::DeletePod { pod, grace: Some(Span::ZERO), reason: Reason::Deleted };
        out.push(Command::Write(Client::Kubelet(known.node), write));
    }

    /// A node is back: it says so, posts every living pod, then does what it has missed.
    fn thaw(&mut self, now: Time, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(deletions) = self.frozen.remove(&node) else { return };
        out.push(Command::Write(Client::Kubelet(node), Write::NodeReady { node, ready: ReadyStatus::True }));
        let of_node = |(pod, known): (&PodRef, &Known)| (known.node == node).then_some(*pod);
        let mut pods: Vec<PodRef> = self.pods.iter().filter_map(of_node).collect();
        pods.sort_unstable_by_key(|pod| cluster.pods.serial.get(pod.id.index()).copied());
        for &pod in &pods {
            let known = &self.pods[&pod];
            let leaves = known.stopping || deletions.iter().any(|(deleted, _)| *deleted == pod);
            if known.status.phase == PodPhase::Running && !leaves {
                post(pod, known, out);
            }
        }
        let held = std::mem::take(&mut self.held);
        let (due, others) = held.into_iter().partition(|(_, pod)| pods.contains(pod));
        self.held = others;
        let due: Vec<(u64, PodRef)> = due;
        for (number, pod) in due {
            self.fire(now, pod, number, out);
        }
        for (pod, grace) in deletions {
            self.delete(now, pod, grace, out);
        }
        let mut bound: Vec<PodId> = cluster.nodes.pods[node.index()].clone();
        bound.retain(|pod| cluster.pods.node[pod.index()] == Some(node));
        bound.sort_unstable_by_key(|pod| cluster.pods.serial[pod.index()]);
        for pod in bound {
            self.bound(now, cluster.pods.reference(pod), node, cluster, out);
        }
    }
}

/// Writes the status of a pod.
fn post(pod: PodRef, known: &Known, out: &mut Vec<Command>) {
    let write = Write::PodStatus { pod, status: known.status };
    out.push(Command::Write(Client::Kubelet(known.node), write));
}

/// Writes the end of a pod.
fn end(now: Time, pod: PodRef, known: &mut Known, code: u8, out: &mut Vec<Command>) {
    let (phase, reason) = match code {
        0 => (PodPhase::Succeeded, Reason::Completed),
        _ => (PodPhase::Failed, Reason::Error),
    };
    let mut exits = ExitCodes::default();
    exits.set(0, code);
    known.status = PodStatus { phase, reason, ready: false, finished: Some(now), exits, ..known.status };
    post(pod, known, out);
}

impl Component for RecordedKubelets {
    fn listens(&self, topic: Topic) -> bool {
        matches!(topic, Topic::Pod | Topic::OwnedPod | Topic::Node)
    }

    fn handle(
        &mut self,
        now: Time,
        event: &Event,
        _before: PodBefore,
        cluster: &mut Cluster,
        out: &mut Vec<Command>,
    ) {
        match event {
            Event::PodAdded(new) => {
                if let Some(node) = new.node {
                    self.bound(now, new.pod, node, cluster, out);
                }
            }
            Event::PodBound { pod, node } => self.bound(now, *pod, *node, cluster, out),
            Event::PodDeleting { pod, grace, .. } => self.delete(now, *pod, *grace, out),
            Event::PodRemoved { pod } => {
                self.cancel(*pod);
                self.pods.remove(pod);
            }
            Event::KubeletStopped { node, .. } => drop(self.frozen.entry(*node).or_default()),
            Event::KubeletStarted { node } => self.thaw(now, *node, cluster, out),
            Event::NodeChanged { node, change: NodeChange::Ready(ReadyStatus::Unknown) }
                if !self.frozen.contains_key(node) =>
            {
                let write = Write::NodeReady { node: *node, ready: ReadyStatus::True };
                out.push(Command::Write(Client::Kubelet(*node), write));
            }
            _ => {}
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|&(at, ..)| at)
    }

    fn handle_timeout(&mut self, now: Time, _cluster: &mut Cluster, out: &mut Vec<Command>) {
        while let Some(&(at, number, pod)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            match self.pods.get(&pod) {
                Some(known) if self.frozen.contains_key(&known.node) => self.held.push((number, pod)),
                _ => self.fire(now, pod, number, out),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_from_annotations() {
        let annotations: Annotations = [
            ("sim.example/run-ms", "2000"),
            ("sim.example/exit-codes", "1, 1,0"),
            ("sim.example/exit-codes-by-attempt", "3,0"),
            ("sim.example/exit-by-index", r#"{"1": "7,8"}"#),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let life = Life::read(&annotations, RestartPolicy::Never);
        assert_eq!(
            (life.start, life.ready, life.run),
            (Span::from_secs(1), Span::ZERO, Some(Span::from_secs(2)))
        );
        assert_eq!([0, 1, 2].map(|attempt| life.code(attempt, None, 0)), [3, 0, 0]);
        assert_eq!([0, 1, 2].map(|attempt| life.code(attempt, Some(1), 0)), [7, 8, 8]);
        let plain = Life { by_attempt: Vec::new(), ..life };
        assert_eq!([0, 1, 2, 3].map(|restarts| plain.code(0, Some(0), restarts)), [1, 1, 0, 0]);
    }
}
