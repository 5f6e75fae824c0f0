//! Whether what is declared has come true, long after the last trouble.

use super::{Checker, Key, Machine, Pod, Thing, placement};
use crate::api::workload::{DaemonSetUpdate, StatefulSetUpdate};
use crate::api::{DaemonSet, Deployment, PodTemplate, StatefulSet, Status};
use crate::base::ids::WorkloadId;
use crate::base::{Span, Time};
use crate::cluster::WorkloadKind;
use crate::cluster::workloads::{JobEnd, job_end};
use crate::sim::fuzz::chaos::BROKEN;

/// A deletion takes no longer than its grace period and so much.
const DELETION: Span = Span::from_secs(300);
/// The quota controller counts everything anew this often.
const QUOTA_RESYNC: Span = Span::from_secs(300);
/// Sizes that an autoscaler has just changed need not be reached yet.
const RESIZE: Span = Span::from_secs(900);
/// CronJobs of the cases run at least so often.
const CRON: Span = Span::from_secs(3_600);
/// What a Deployment's controller adds to templates.
const HASH: &str = "pod-template-hash";

/// The template as it was declared.
fn plain(template: &PodTemplate) -> PodTemplate {
    let mut template = template.clone();
    template.labels.remove(HASH);
    template
}

impl Checker {
    /// What is declared is true now.
    pub(in crate::sim::fuzz) fn check_declared(&self, drains: &[(Time, String)]) -> Result<(), String> {
        for (id, thing) in self.things.iter().filter(|(_, thing)| thing.is_there()) {
            self.check_workload(*id, thing)?;
            self.check_follower(thing)?;
        }
        self.check_deletions()?;
        drains.iter().try_for_each(|(at, node)| self.check_drain(*at, node))
    }

    fn check_workload(&self, id: WorkloadId, thing: &Thing) -> Result<(), String> {
        let meta = thing.kind.meta();
        let is_broken = thing.kind.template().is_some_and(|template| template.labels.contains_key(BROKEN));
        if !meta.name.starts_with("must") || is_broken || self.now.since(thing.scaled) < RESIZE {
            return Ok(());
        }
        let done = match &thing.kind {
            WorkloadKind::Deployment(deployment) if !deployment.paused => {
                self.check_deployment(id, deployment)
            }
            WorkloadKind::ReplicaSet(set) if thing.owner.is_none() => {
                let ready = self.active_of(id).filter(|pod| pod.ready).count();
                reached(ready == set.replicas as usize, || format!("{ready} of {} ready", set.replicas))
            }
            WorkloadKind::StatefulSet(set) => self.check_stateful(id, set),
            WorkloadKind::DaemonSet(set) => self.check_daemons(id, set),
            WorkloadKind::Job(job) if thing.owner.is_none() && !job.suspend => {
                reached(job_end(&thing.status) == JobEnd::Complete, || format!("{:?}", thing.status))
            }
            WorkloadKind::CronJob(cron) if !cron.suspend => {
                let Status::CronJob(status) = &thing.status else { return Err("no status".into()) };
                let late = self.now.since(status.last_schedule.unwrap_or(Time::ZERO));
                reached(late <= CRON, || format!("last started {late} ago"))
            }
            _ => Ok(()),
        };
        done.map_err(|what| format!("liveness_{}: {}: {what}", thing.kind.kind().to_lowercase(), meta.name))
    }

    /// Objects that only follow others.
    fn check_follower(&self, thing: &Thing) -> Result<(), String> {
        match (&thing.kind, &thing.status) {
            (WorkloadKind::Service(service), status) => {
                let Some(selector) = &service.selector else { return Ok(()) };
                let told = if let Status::Service(status) = status { status.ready } else { 0 };
                let selects = |pod: &&Pod| {
                    let labels = &pod.template.labels;
                    pod.is_active()
                        && pod.node.is_some()
                        && (pod.ready || service.publish_not_ready)
                        && pod.namespace == service.meta.namespace
                        && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
                };
                let there = self.pods.values().filter(selects).count();
                let holds = told as usize == there || service.publish_not_ready;
                reached(holds, || {
                    format!("liveness_service: {} has {told} of {there} endpoints", service.meta.name)
                })
            }
            (WorkloadKind::ResourceQuota(quota), Status::ResourceQuota(status)) => {
                // What the controller and a request miss of each other is found when all is counted anew.
                let is_recent = |at: Time| self.now < at + QUOTA_RESYNC;
                let is_moving = |pod: &&Pod| {
                    let moments = [Some(pod.created), pod.ended.map(|(at, _)| at), pod.removed];
                    pod.namespace == quota.meta.namespace && moments.into_iter().flatten().any(is_recent)
                };
                if self.pods.values().any(|pod| is_moving(&pod)) {
                    return Ok(());
                }
                for (name, amount) in self.usage(&quota.meta.namespace, status) {
                    let told = status.used.get(&name).copied().unwrap_or_default();
                    reached(told == amount, || {
                        format!("liveness_quota: {told:?} of {name} in use, and {amount:?} in truth")
                    })?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The pods of a workload that are not on their way out.
    fn active_of(&self, owner: WorkloadId) -> impl Iterator<Item = &Pod> {
        self.pods.values().filter(move |pod| pod.owner == Some(owner) && pod.is_active())
    }

    fn check_deployment(&self, id: WorkloadId, deployment: &Deployment) -> Result<(), String> {
        let sets = self.things.iter().filter(|(_, thing)| thing.owner == Some(id) && !thing.removed);
        let pods: Vec<&Pod> = sets.flat_map(|(set, _)| self.active_of(*set)).collect();
        let wanted = plain(&deployment.template);
        let current = pods.iter().filter(|pod| plain(&pod.template) == wanted).count();
        let ready = pods.iter().filter(|pod| pod.ready).count();
        let all = deployment.replicas as usize;
        reached((pods.len(), current, ready) == (all, all, all), || {
            format!("{all} wanted, {} there, {current} current, {ready} ready", pods.len())
        })
    }

    fn check_stateful(&self, id: WorkloadId, set: &StatefulSet) -> Result<(), String> {
        let partition = match set.update {
            StatefulSetUpdate::RollingUpdate { partition, .. } => partition,
            StatefulSetUpdate::OnDelete => i32::MAX,
        };
        let there = self.active_of(id).count();
        reached(there == set.replicas as usize, || format!("{there} of {} pods", set.replicas))?;
        for index in 0..set.replicas {
            let number = (index + set.start_ordinal) as u32;
            let Some(pod) = self.active_of(id).find(|pod| pod.number == Some(number)) else {
                return Err(format!("number {number} is missing"));
            };
            reached(pod.ready, || format!("number {number} is not ready"))?;
            let is_current = index < partition || pod.template == set.template;
            reached(is_current, || format!("number {number} has an old template"))?;
        }
        Ok(())
    }

    fn check_daemons(&self, id: WorkloadId, set: &DaemonSet) -> Result<(), String> {
        for (node, machine) in self.machines.iter().filter(|(_, machine)| machine.present) {
            let spec = &set.template.spec;
            let hard = machine.taints.iter().filter(|taint| taint.key != "node.kubernetes.io/unschedulable");
            let taints: Vec<_> = hard.cloned().collect();
            let refusal = placement::refusal(spec, &machine.node, &taints, false, self.default_tolerations);
            let pods: Vec<&Pod> = self.active_of(id).filter(|pod| pod.node == Some(*node)).collect();
            let name = &machine.node.meta.name;
            let wanted = usize::from(refusal.is_none());
            reached(pods.len() == wanted, || format!("{} of {wanted} pods on {name}", pods.len()))?;
            for pod in pods {
                reached(pod.ready, || format!("{} on {name} is not ready", pod.name))?;
                let is_current = set.update == DaemonSetUpdate::OnDelete
                    || plain(&pod.template).labels == plain(&set.template).labels;
                reached(is_current, || format!("{} on {name} has an old template", pod.name))?;
            }
        }
        Ok(())
    }

    /// No pod is still there long after its deletion has begun.
    pub(super) fn check_deletions(&self) -> Result<(), String> {
        let is_stuck = |pod: &&Pod| {
            let due = pod.deleting.map(|(at, grace)| at + grace + DELETION);
            pod.removed.is_none() && due.is_some_and(|due| due < self.now)
        };
        match self.pods.values().find(is_stuck) {
            Some(pod) => {
                let since = pod.deleting.map(|(at, _)| Span(at.0));
                Err(format!("liveness_deletion: {} is being deleted since {since:?}", pod.name))
            }
            None => Ok(()),
        }
    }

    /// The pods that were on a node when it was drained are gone, but for those of DaemonSets and those
    /// that a budget protects for ever.
    fn check_drain(&self, at: Time, node: &str) -> Result<(), String> {
        let is_it = |machine: &&Machine| machine.node.meta.name == node && machine.since <= at;
        let Some(machine) = self.machines.values().find(is_it) else { return Ok(()) };
        if at == Time::ZERO || !machine.present {
            return Ok(());
        }
        let was_there = |key: &&Key| {
            let pod = &self.pods[*key];
            pod.bound.is_some_and(|bound| bound < at) && pod.ended.is_none() && !self.is_daemon(pod)
        };
        for key in machine.pods.iter().filter(was_there) {
            let pod = &self.pods[key];
            reached(self.is_protected_for_ever(pod), || {
                format!("liveness_drain: {} is still on {node}, drained at {}", pod.name, Span(at.0))
            })?;
        }
        Ok(())
    }

    pub(super) fn is_daemon(&self, pod: &Pod) -> bool {
        let owner = pod.owner.and_then(|owner| self.things.get(&owner));
        owner.is_some_and(|owner| matches!(owner.kind, WorkloadKind::DaemonSet(_)))
    }

    /// Whether the budgets of a pod can never allow its eviction. Where a quota or a lack of room may keep
    /// a workload from being whole (`may-…`), that is so if its budget allows none in the end.
    fn is_protected_for_ever(&self, pod: &Pod) -> bool {
        // A drain gives up on a pod that several budgets protect, though some may be deleted later.
        if self.all_budgets_of(pod).nth(1).is_some() {
            return true;
        }
        let budgets: Vec<WorkloadId> = self.budgets_of(pod).collect();
        match budgets.as_slice() {
            [] => false,
            [budget] => {
                let Status::PodDisruptionBudget(status) = &self.things[budget].status else { return false };
                let is_whole = !pod.name.starts_with("may");
                status.desired_healthy >= status.expected || !is_whole && status.allowed == 0
            }
            _ => true,
        }
    }
}

fn reached(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
