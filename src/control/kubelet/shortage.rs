//! What the kubelets do about nodes whose memory is short.

use super::eviction::Candidate;
use super::{Kubelets, Stage, qos};
use crate::api::TaintEffect;
use crate::base::ids::{NodeId, ResourceId};
use crate::base::rng::key_of;
use crate::base::{Span, Time};
use crate::cluster::class::tolerates;
use crate::cluster::{Cluster, PodClass, PodRef};
use crate::control::node_lifecycle::{MEMORY_PRESSURE, grid};
use crate::control::{Client, Command, Write};

impl Kubelets {
    /// New figures of a node's memory. The kubelet sees them at its next look.
    pub(super) fn measured(&mut self, now: Time, node: NodeId, available: i64, usage: &[(PodRef, i64)]) {
        self.pressure.entry(node).or_default().measure(available, usage);
        let period = self.settings.limits.eviction_period;
        let phase = self.settings.draw(key_of("eviction") ^ u64::from(node.0) << 8) % period.0.max(1);
        let next = grid(Time(phase), period, now);
        // A look that is nearer than that waits for a pod to go.
        let known = self.looks.iter().find(|(_, of)| *of == node).copied();
        if known.is_none_or(|(at, _)| at > next) {
            known.map(|known| self.looks.remove(&known));
            self.looks.insert((next, node));
        }
    }

    /// Looks at the nodes whose turn it is. A kubelet that does not run sees nothing.
    pub(super) fn look_at_nodes(&mut self, now: Time, cluster: &Cluster, out: &mut Vec<Command>) {
        while let Some(&(at, node)) = self.looks.first()
            && at <= now
        {
            self.looks.pop_first();
            if self.runs(node) {
                self.look_at_node(now, node, cluster, out);
            } else {
                self.looks.insert((now + self.settings.limits.eviction_period.max(Span(1)), node));
            }
        }
    }

    fn look_at_node(&mut self, now: Time, node: NodeId, cluster: &Cluster, out: &mut Vec<Command>) {
        let Some(mut pressure) = self.pressure.remove(&node) else { return };
        let is_gone = |pod| matches!(self.stage(pod), Stage::Absent | Stage::Ended);
        let look = pressure.look(now, &self.settings.limits, is_gone, |pressure| {
            let of_node = self.of_node.get(node.index()).into_iter().flatten();
            let active = of_node
                .filter(|pod| matches!(self.pods[pod.index()].stage, Stage::SettingUp | Stage::Active));
            active
                .map(|pod| {
                    let reference = cluster.pods.reference(*pod);
                    self.candidate(reference, pressure.usage(reference), cluster)
                })
                .collect()
        });
        if let Some(memory) = look.condition {
            out.push(Command::Write(Client::Kubelet(node), Write::NodePressure { node, memory }));
        }
        if look.next.is_some() {
            self.pressure.insert(node, pressure);
        }
        look.next.map(|next| self.looks.insert((next, node)));
        if let Some((pod, grace)) = look.evict {
            self.with(now, pod, cluster, out, |worker| worker.evict(grace));
        }
    }

    fn candidate(&self, pod: PodRef, usage: Option<i64>, cluster: &Cluster) -> Candidate {
        let class = &cluster.classes[cluster.pods.class[pod.id.index()]];
        let stated = class.template.spec.termination_grace_seconds;
        let default = self.settings.limits.termination_grace;
        Candidate {
            pod,
            serial: cluster.pods.serial[pod.id.index()],
            priority: class.priority,
            request: class.request(ResourceId::MEMORY),
            usage,
            grace: stated.map_or(default, |seconds| Span::from_secs(seconds.max(1) as u64)),
        }
    }

    /// Whether a node whose memory is short refuses a pod: one that asks for nothing, unless it is
    /// critical or bears the taint that goes with the condition.
    pub(super) fn is_refused_for_pressure(&self, cluster: &Cluster, node: NodeId, class: &PodClass) -> bool {
        if self.pressure.is_empty() || !self.pressure.get(&node).is_some_and(|pressure| pressure.condition) {
            return false;
        }
        let bears = |toleration| {
            let (key, none) = (cluster.names.get(MEMORY_PRESSURE), crate::base::Symbol::EMPTY);
            key.is_some_and(|key| tolerates(toleration, key, none, TaintEffect::NoSchedule))
        };
        qos::class(&class.template.spec) == qos::QosClass::BestEffort
            && class.priority < qos::CRITICAL
            && !class.tolerations.iter().any(bears)
    }
}
