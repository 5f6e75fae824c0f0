//! What the API server may grant: objects within quotas, evictions within budgets.

use super::{Checker, Key, Pod, placement};
use crate::api::status::{BudgetStatus, QuotaStatus};
use crate::api::{PodPhase, Status};
use crate::base::ids::WorkloadId;
use crate::base::{Quantity, Span};
use crate::cluster::{Reason, WorkloadKind};

impl Checker {
    /// The status of a quota or a budget is written.
    pub(super) fn guard_written(
        &mut self,
        workload: WorkloadId,
        status: &Status,
        actor: &str,
    ) -> Result<(), String> {
        let Some(thing) = self.things.get(&workload) else { return Ok(()) };
        match (status, &thing.status) {
            (Status::ResourceQuota(new), old) if actor != "resourcequota-controller" => {
                let none = QuotaStatus::default();
                let old = if let Status::ResourceQuota(old) = old { old } else { &none };
                charged(&thing.kind, old, new)
            }
            (Status::PodDisruptionBudget(new), old) if actor != "disruption-controller" => {
                let none = BudgetStatus::default();
                let old = if let Status::PodDisruptionBudget(old) = old { old } else { &none };
                let is_fresh = old.observed_generation >= thing.generation;
                if !is_fresh || old.allowed < 1 || new.allowed != old.allowed - 1 {
                    let name = &thing.kind.meta().name;
                    return Err(format!("safety_eviction: {actor} charges {name} from {old:?} to {new:?}"));
                }
                self.charged = Some((self.now, workload));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The deletion of a pod begins because somebody has asked for its eviction.
    pub(super) fn evicted(&mut self, pod: Key, reason: Reason) -> Result<(), String> {
        let paid = self.charged.take().filter(|(at, _)| *at == self.now).map(|(_, budget)| budget);
        if reason != Reason::Evicted {
            return Ok(());
        }
        let pod = &self.pods[&pod];
        let budgets: Vec<WorkloadId> = self.budgets_of(pod).collect();
        let is_protected = pod.running && pod.ended.is_none() && pod.deleting.is_none();
        let [budget] = budgets.as_slice() else {
            if is_protected && !budgets.is_empty() {
                return Err(format!("safety_eviction: {} is evicted in spite of two budgets", pod.name));
            }
            return Ok(());
        };
        let thing = &self.things[budget];
        let WorkloadKind::PodDisruptionBudget(object) = &thing.kind else { return Ok(()) };
        let Status::PodDisruptionBudget(status) = &thing.status else {
            return if is_protected {
                Err(format!("safety_eviction: {} goes before its budget is known", pod.name))
            } else {
                Ok(())
            };
        };
        let is_spare = status.desired_healthy > 0 && status.healthy >= status.desired_healthy;
        let is_free = !is_protected || (!pod.ready && (object.always_allow_unhealthy || is_spare));
        if !is_free && paid != Some(*budget) {
            return Err(format!(
                "safety_eviction: {} is evicted, and {} has not paid",
                pod.name, object.meta.name
            ));
        }
        Ok(())
    }

    /// The budgets that protect a pod.
    pub(super) fn budgets_of<'s>(&'s self, pod: &'s Pod) -> impl Iterator<Item = WorkloadId> + 's {
        self.all_budgets_of(pod).filter(|budget| !self.things[budget].removed)
    }

    /// The same with those that have been deleted.
    pub(super) fn all_budgets_of<'s>(&'s self, pod: &'s Pod) -> impl Iterator<Item = WorkloadId> + 's {
        self.things.iter().filter_map(|(id, thing)| {
            let WorkloadKind::PodDisruptionBudget(budget) = &thing.kind else { return None };
            let selects = budget.selector.as_ref()?.matches(&pod.template.labels);
            (selects && budget.meta.namespace == pod.namespace).then_some(*id)
        })
    }

    /// After the creation of a pod: the pods that there are keep within every quota.
    pub(super) fn within_quotas(&self, created: &Pod) -> Result<(), String> {
        if self.lag > Span::ZERO || !self.is_ideal() {
            return Ok(());
        }
        for thing in self.things.values().filter(|thing| !thing.removed) {
            let (WorkloadKind::ResourceQuota(quota), Status::ResourceQuota(status)) =
                (&thing.kind, &thing.status)
            else {
                continue;
            };
            if quota.meta.namespace != created.namespace || !quota.scopes.is_empty() {
                continue;
            }
            // The controller counts what it has heard of: not yet of what is created at the same instant,
            // as in the real one.
            let namesakes = self.pods.values().filter(|pod| pod.namespace == created.namespace);
            if namesakes.into_iter().any(|pod| pod.created == thing.counted) {
                continue;
            }
            for (name, used) in self.usage(&created.namespace, status) {
                if used > status.hard[&name] {
                    let (quota, hard) = (&quota.meta.name, status.hard[&name]);
                    return Err(format!(
                        "safety_quota: with {} {quota} has {used:?} of {name} and {hard:?} allowed",
                        created.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// What the pods of a namespace take of what a quota limits, as far as that is known here.
    pub(super) fn usage(&self, namespace: &str, status: &QuotaStatus) -> Vec<(String, Quantity)> {
        let counts = |pod: &&Pod| {
            let is_late = pod.deleting.is_some_and(|(at, grace)| self.now > at + grace + grace);
            pod.removed.is_none() && pod.ended.is_none() && pod.namespace == namespace && !is_late
        };
        let pods: Vec<&Pod> = self.pods.values().filter(counts).collect();
        let sum = |resource: &str| {
            let amounts = pods.iter().map(|pod| placement::request(&pod.template.spec, resource));
            amounts.fold(Quantity::ZERO, |sum, amount| sum + amount)
        };
        let mut used = Vec::new();
        for name in status.hard.keys() {
            let amount = match name.as_str() {
                "pods" => Quantity::from_units(pods.len() as i64),
                "cpu" | "requests.cpu" => sum("cpu"),
                "memory" | "requests.memory" => sum("memory"),
                _ => continue,
            };
            used.push((name.clone(), amount));
        }
        used
    }
}

/// A request that was granted is charged to a quota.
fn charged(kind: &WorkloadKind, old: &QuotaStatus, new: &QuotaStatus) -> Result<(), String> {
    for (name, used) in &new.used {
        let grows = old.used.get(name).is_none_or(|before| used > before);
        let Some(hard) = new.hard.get(name).filter(|hard| grows && used > *hard) else { continue };
        let quota = &kind.meta().name;
        return Err(format!("safety_quota: {quota} is charged {used:?} of {name}, and {hard:?} is allowed"));
    }
    Ok(())
}

impl Pod {
    /// Whether the pod serves, or waits to, and is not on its way out.
    pub(super) fn is_active(&self) -> bool {
        self.removed.is_none() && self.ended.is_none() && self.deleting.is_none()
    }

    /// The phase that the records tell of.
    pub(super) fn phase(&self) -> PodPhase {
        match self.ended {
            Some((_, phase)) => phase,
            None if self.running => PodPhase::Running,
            None => PodPhase::Pending,
        }
    }
}
