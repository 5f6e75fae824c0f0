//! What happens when the memory of a machine is used up.
//!
//! Pods may use what the node offers them and, for a moment, as much more as the kubelet wants to
//! keep free; beyond that the kernel kills the container with the highest score: what it uses, with
//! its `oom_score_adj` as thousandths of the whole. Source: the kernel's mm/oom_kill.c
//! (`oom_badness`); reference control-plane §1.10.

use super::{Class, Context, ENDLESS, Happening, KILLED, PodRun, World};
use crate::base::ids::{NodeId, ResourceId};
use crate::cluster::Reason;
use crate::control::Event;
use crate::control::kubelet::qos;
use std::cmp::Reverse;

impl World {
    /// Kills until what is left fits; says whether the pod in `entering`, whose container is just
    /// starting, is among the victims.
    pub(super) fn relieve(&mut self, node: NodeId, entering: usize, context: &mut Context<'_>) -> bool {
        let machine = &self.machines[node.index()];
        let Some(whole) = machine.memory.map(|memory| memory.saturating_add(self.reserve)) else {
            return false;
        };
        if machine.used_memory <= whole {
            return false;
        }
        let is_dying = |pod: &PodRun| {
            pod.runs.iter().any(|run| run.main && run.running && run.reason == Reason::OomKilled)
        };
        let rows = machine.running.iter().map(|pod| pod.index());
        let (dying, living): (Vec<usize>, Vec<usize>) = rows.partition(|&row| is_dying(&self.pods[row]));
        let leaving: i64 = dying.iter().map(|&row| self.pods[row].memory).sum();
        let mut excess = machine.used_memory - leaving - whole;
        let mut order: Vec<(Reverse<i128>, Reverse<u64>, usize)> = living
            .into_iter()
            .filter(|&row| self.pods[row].memory > 0)
            .map(|row| {
                let pod = &self.pods[row];
                let serial = context.cluster.pods.serial[row];
                (Reverse(badness(pod, whole, context)), Reverse(serial), row)
            })
            .collect();
        order.sort_unstable();
        let mut is_own = false;
        for (_, _, row) in order {
            if excess <= 0 {
                break;
            }
            excess -= self.pods[row].memory;
            is_own |= row == entering;
            self.kill_for_memory(row, context);
        }
        is_own
    }

    /// The memory of a pod is counted as a whole, so that all its main containers go.
    fn kill_for_memory(&mut self, row: usize, context: &mut Context<'_>) {
        self.bring_up_to_date(row, context.now);
        let pod = self.pods[row].pod;
        for run in self.pods[row].runs.iter_mut().filter(|run| run.main && run.running) {
            run.key.take().map(|key| context.queue.cancel(key));
            self.finite += u64::from(run.remaining == ENDLESS);
            (run.remaining, run.stopping) = (0, true);
            (run.code, run.reason) = (KILLED, Reason::OomKilled);
            let happening = Happening::End { pod, container: run.container };
            run.key = Some(context.queue.schedule(context.now, Class::WORLD, happening));
        }
    }

    /// Tells the kubelet what is left while that is little, and once when it no longer is.
    pub(super) fn tell_memory(&mut self, node: NodeId, context: &mut Context<'_>) {
        let machine = &mut self.machines[node.index()];
        let Some(memory) = machine.memory else { return };
        let available = memory.saturating_add(self.reserve) - machine.used_memory;
        let is_short = available < self.watermark;
        if !is_short && !machine.is_short {
            return;
        }
        machine.is_short = is_short;
        let pods = machine.running.iter().map(|pod| &self.pods[pod.index()]);
        let usage = pods.map(|pod| (pod.pod, pod.memory)).collect();
        context.inbox.push_back(Event::MachineMemory { node, available, usage });
    }
}

/// How deserving of death the first main container of a pod is.
fn badness(pod: &PodRun, whole: i64, context: &Context<'_>) -> i128 {
    let class = context.class(pod.class);
    let spec = &class.template.spec;
    let capacity = context.cluster.nodes.capacity[ResourceId::MEMORY.index()][pod.node.index()];
    let adj = qos::oom_score_adj(spec, spec.init_containers.len(), class.priority, capacity.max(1));
    i128::from(pod.memory) + i128::from(adj) * i128::from(whole) / 1_000
}
