//! What the API server checks against other objects: quotas when something is created, disruption budgets
//! when a pod is evicted.
//!
//! A request that is granted is charged in the same commit. The rules themselves are not known here.

#[cfg(test)]
mod tests;

use super::{ApiServer, Committed, Tell};
use crate::api::Status;
use crate::api::status::{BudgetStatus, QuotaStatus};
use crate::base::ids::{ClassId, WorkloadId};
use crate::base::{Span, Symbol, Time};
use crate::cluster::{Cluster, PodRef, Reason, Selector, WorkloadKind, namespace_of};
use crate::control::controllers::eviction::{Candidate, Guard, Refusal as Denied, Verdict, charge, judge};
use crate::control::controllers::quota::{Countable, Ledger, admit, resource_of};
use crate::control::{Event, PodPatch, Refusal};
use crate::sim::record::Record;

/// A disruption budget and the pods that it protects.
#[derive(Clone, Debug)]
struct Protector {
    workload: WorkloadId,
    namespace: Symbol,
    selector: Selector,
    /// When its status was last written.
    written: Time,
    /// The status before that.
    before: BudgetStatus,
}

/// The objects that requests are checked against.
#[derive(Clone, Debug, Default)]
pub(super) struct Guards {
    quotas: Vec<(WorkloadId, Symbol)>,
    budgets: Vec<Protector>,
    /// The quota that has forbidden something latest.
    denied_by: Option<WorkloadId>,
}

impl Guards {
    /// An object is there, perhaps with another specification than before.
    pub(super) fn enter(&mut self, workload: WorkloadId, kind: &WorkloadKind, cluster: &mut Cluster) {
        let mut namespace = || cluster.names.intern(namespace_of(kind.meta()));
        match kind {
            WorkloadKind::ResourceQuota(_) => {
                let namespace = namespace();
                if !self.quotas.contains(&(workload, namespace)) {
                    self.quotas.push((workload, namespace));
                }
            }
            WorkloadKind::PodDisruptionBudget(budget) => {
                let namespace = namespace();
                let selector = Selector::compile(&mut cluster.names, budget.selector.as_ref());
                if let Some(known) = self.budgets.iter_mut().find(|known| known.workload == workload) {
                    known.selector = selector;
                    return;
                }
                let (written, before) = (Time::ZERO, BudgetStatus::default());
                self.budgets.push(Protector { workload, namespace, selector, written, before });
            }
            _ => {}
        }
    }

    /// An object is gone.
    pub(super) fn leave(&mut self, workload: WorkloadId) {
        self.quotas.retain(|(known, _)| *known != workload);
        self.budgets.retain(|known| known.workload != workload);
    }

    /// The status of a budget was written; `before` is what it was.
    fn budget_written(&mut self, now: Time, workload: WorkloadId, before: BudgetStatus) {
        if let Some(known) = self.budgets.iter_mut().find(|known| known.workload == workload) {
            // Of several writes at one moment the first is the one that others have not seen.
            if known.written < now || known.before == BudgetStatus::default() {
                known.before = before;
            }
            known.written = now;
        }
    }
}

/// The number of writes that a status is based on, where that is checked.
fn version(status: &Status) -> Option<u64> {
    match status {
        Status::PodDisruptionBudget(status) => Some(status.version),
        Status::ResourceQuota(status) => Some(status.version),
        _ => None,
    }
}

/// The status after a write, or the refused one: others may have written since what it is based on.
pub(super) fn renewed(old: &Status, mut new: Status) -> Result<Status, Status> {
    let Some(base) = version(&new) else { return Ok(new) };
    if base != version(old).unwrap_or(0) {
        return Err(new);
    }
    if new == *old {
        return Ok(new);
    }
    match &mut new {
        Status::PodDisruptionBudget(status) => status.version += 1,
        Status::ResourceQuota(status) => status.version += 1,
        _ => {}
    }
    Ok(new)
}

impl ApiServer {
    /// Writes a status as part of another request.
    fn charge_status(
        &mut self,
        now: Time,
        workload: WorkloadId,
        status: Status,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) {
        let row = &mut self.workloads[workload.index()];
        let before = row.status.clone();
        let Ok(status) = renewed(&before, status) else { return };
        row.status.clone_from(&status);
        self.note_status(now, workload, &before);
        tell(&Record::WorkloadStatus { workload, status: &status }, cluster);
        self.side.push(Event::WorkloadStatus { workload, status });
    }

    /// A status was written; `before` is what it was.
    pub(super) fn note_status(&mut self, now: Time, workload: WorkloadId, before: &Status) {
        if matches!(self.workloads[workload.index()].kind, WorkloadKind::PodDisruptionBudget(_)) {
            self.guards.budget_written(now, workload, budget_status(before).cloned().unwrap_or_default());
        }
    }

    /// Checks the creation of a pod against the quotas of its namespace, and charges it. The error is the
    /// quota that forbids it.
    pub(in crate::sim) fn admit_pod(
        &mut self,
        now: Time,
        class: ClassId,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<(), WorkloadId> {
        if self.guards.quotas.is_empty() {
            return Ok(());
        }
        let class = &cluster.classes[class];
        let object = Countable::Pod { spec: &class.template.spec, given: None, charged: true };
        self.admit(now, class.namespace, object, cluster, tell)
    }

    /// Checks the creation of another object against the quotas of its namespace, and charges it.
    pub(super) fn admit_workload(
        &mut self,
        now: Time,
        kind: &WorkloadKind,
        cluster: &mut Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<(), Refusal> {
        if self.guards.quotas.is_empty() {
            return Ok(());
        }
        let namespace = cluster.names.intern(namespace_of(kind.meta()));
        let object = Countable::Other(resource_of(kind.kind()));
        self.admit(now, namespace, object, cluster, tell).map_err(|quota| {
            self.guards.denied_by = Some(quota);
            Refusal::Forbidden
        })
    }

    /// The quota that has forbidden the creation of an object other than a pod, once.
    pub(in crate::sim) fn take_denial(&mut self) -> Option<WorkloadId> {
        self.guards.denied_by.take()
    }

    fn admit(
        &mut self,
        now: Time,
        namespace: Symbol,
        object: Countable<'_>,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<(), WorkloadId> {
        let none = QuotaStatus::default();
        let near: Vec<WorkloadId> =
            self.guards.quotas.iter().filter(|(_, place)| *place == namespace).map(|(id, _)| *id).collect();
        let ledger = |id: &WorkloadId| {
            let row = &self.workloads[id.index()];
            let WorkloadKind::ResourceQuota(quota) = &row.kind else { return None };
            let status =
                if let Status::ResourceQuota(status) = &row.status { status.as_ref() } else { &none };
            Some(Ledger { quota, status })
        };
        let ledgers: Vec<Ledger<'_>> = near.iter().filter_map(ledger).collect();
        let charged = admit(&ledgers, object).map_err(|denial| near[denial.quota])?;
        let charged = charged.into_iter().map(|(place, used)| {
            let status = QuotaStatus { used, ..ledgers[place].status.clone() };
            (near[place], Status::ResourceQuota(Box::new(status)))
        });
        let charged: Vec<(WorkloadId, Status)> = charged.collect();
        for (workload, status) in charged {
            self.charge_status(now, workload, status, cluster, tell);
        }
        Ok(())
    }

    /// The budgets that protect a pod.
    fn protectors(&self, pod: PodRef, cluster: &Cluster) -> Vec<&Protector> {
        let Some(row) = self.pod(pod) else { return Vec::new() };
        let class = &cluster.classes[row.class];
        let protects =
            |known: &&Protector| known.namespace == class.namespace && known.selector.matches(&class.labels);
        self.guards.budgets.iter().filter(protects).collect()
    }

    /// What becomes of the eviction of a pod, by the statuses of its budgets as `status` gives them.
    fn judge_eviction<'s>(
        &'s self,
        pod: PodRef,
        protectors: &[&'s Protector],
        status: impl Fn(&'s Protector) -> Option<&'s BudgetStatus>,
    ) -> Option<Verdict> {
        let row = self.pod(pod)?;
        let candidate =
            Candidate { phase: row.status.phase, ready: row.status.ready, deleting: row.deleting };
        let none = BudgetStatus::default();
        let guard = |known: &&'s Protector| {
            let workload = &self.workloads[known.workload.index()];
            let always_allow_unhealthy = matches!(&workload.kind, WorkloadKind::PodDisruptionBudget(budget) if budget.always_allow_unhealthy);
            Guard {
                status: status(known).unwrap_or(&none),
                generation: workload.generation,
                always_allow_unhealthy,
            }
        };
        let guards: Vec<Guard<'_>> = protectors.iter().map(guard).collect();
        Some(judge(candidate, &guards))
    }

    /// Whether an eviction that takes `pace` from its look at the budget to its write finds that the
    /// budget was written in between.
    pub(in crate::sim) fn eviction_conflicts(
        &self,
        now: Time,
        pod: PodRef,
        pace: Span,
        cluster: &Cluster,
    ) -> bool {
        let protectors = self.protectors(pod, cluster);
        let [protector] = protectors.as_slice() else { return false };
        protector.written + pace > now
            && protector.before != BudgetStatus::default()
            && self.judge_eviction(pod, &protectors, |known| Some(&known.before)) == Some(Verdict::Charged)
    }

    /// Whether anything is limited at all.
    pub(in crate::sim) fn has_quotas(&self) -> bool {
        !self.guards.quotas.is_empty()
    }

    /// Whether any pod is protected at all.
    pub(in crate::sim) fn has_budgets(&self) -> bool {
        !self.guards.budgets.is_empty()
    }

    /// Evicts a pod if its disruption budget allows.
    pub(super) fn evict_pod(
        &mut self,
        now: Time,
        pod: PodRef,
        grace: Option<Span>,
        cluster: &Cluster,
        tell: &mut Tell<'_>,
    ) -> Result<Committed, Refusal> {
        let protectors = self.protectors(pod, cluster);
        let status = |known: &Protector| budget_status(&self.workloads[known.workload.index()].status);
        let verdict = self.judge_eviction(pod, &protectors, status).ok_or(Refusal::Conflict)?;
        let charged = match verdict {
            Verdict::Free => None,
            Verdict::Charged => protectors.first().map(|known| known.workload),
            Verdict::Refused(Denied::ManyBudgets) => return Err(Refusal::Ambiguous),
            Verdict::Refused(Denied::Exhausted | Denied::Unobserved) => {
                return Err(Refusal::TooManyRequests);
            }
            Verdict::Refused(Denied::Negative | Denied::TooManyGranted) => return Err(Refusal::Forbidden),
        };
        if let Some(workload) = charged {
            let name = cluster.pods.get(pod).map(|row| &cluster.pods.name[row.index()]);
            let name = name.map(|name| name.text(&cluster.names)).unwrap_or_default();
            let old = budget_status(&self.workloads[workload.index()].status);
            let status = charge(old.unwrap_or(&BudgetStatus::default()), &name, now);
            let status = Status::PodDisruptionBudget(Box::new(status));
            self.charge_status(now, workload, status, cluster, tell);
        }
        if self.pod(pod).is_some_and(|row| !row.deleting) {
            let patch = PodPatch::Disrupted(Reason::Evicted);
            let patched = self.patch_pod(pod, patch, cluster, tell).flatten();
            self.side.extend(patched);
        }
        self.delete_pod(pod, grace, Reason::Evicted, cluster, tell).ok_or(Refusal::Conflict)
    }

    /// What the latest commit has changed besides what it returned; it comes before that.
    pub(in crate::sim) fn take_side_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.side)
    }
}

fn budget_status(status: &Status) -> Option<&BudgetStatus> {
    if let Status::PodDisruptionBudget(status) = status { Some(status) } else { None }
}
