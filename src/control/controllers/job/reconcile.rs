//! What one sync of a Job does: counts in, decision out.
//!
//! Kubernetes 1.36, pkg/controller/job/job_controller.go, syncJob and manageJob (reference
//! control-plane §3.6 with its 1.36 companion). Which pods exist and how they are named is not
//! known here.

use crate::base::{Span, Time};

/// What the Job asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    /// How many pods run at a time.
    pub parallelism: i32,
    /// How many must succeed; `None`: one is enough once no pod is left.
    pub completions: Option<i32>,
    /// How many failures are tolerated.
    pub backoff_limit: i32,
    /// How long it may take.
    pub deadline: Option<Span>,
    /// Whether it waits.
    pub suspend: bool,
    /// Whether restarts inside pods count as failures (`restartPolicy: OnFailure`).
    pub counts_restarts: bool,
    /// Pods that one sync creates or deletes at most.
    pub burst: u32,
}

/// How a Job is going to end; the condition follows when its pods are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// SuccessCriteriaMet.
    Complete,
    /// FailureTarget: too many failures.
    BackoffLimitExceeded,
    /// FailureTarget: too late.
    DeadlineExceeded,
}

impl Verdict {
    /// Kubernetes' reason word.
    pub const fn reason(self) -> &'static str {
        match self {
            Verdict::Complete => "CompletionsReached",
            Verdict::BackoffLimitExceeded => "BackoffLimitExceeded",
            Verdict::DeadlineExceeded => "DeadlineExceeded",
        }
    }
}

/// What is seen of the Job's pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observed {
    /// The moment of the sync.
    pub now: Time,
    /// When it was started, in whole seconds; `None` while it is suspended.
    pub start: Option<Time>,
    /// Pods that have not ended and are not being deleted.
    pub active: u32,
    /// Pods that are being deleted and have not ended.
    pub terminating: u32,
    /// Pods that succeeded.
    pub succeeded: i64,
    /// Pods that failed.
    pub failed: i64,
    /// Restarts over all pods that have not ended.
    pub restarts: u64,
    /// The verdict of an earlier sync.
    pub verdict: Option<Verdict>,
    /// What is left of the wait after failures.
    pub backoff: Span,
}

/// The decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// How it is going to end, if that is settled.
    pub verdict: Option<Verdict>,
    /// Whether it ends now: there is nothing to wait for.
    pub ended: bool,
    /// Pods to delete, in the deletion order.
    pub delete: u32,
    /// Whether the deleted pods count as failed.
    pub deleted_fail: bool,
    /// Pods to create.
    pub create: u32,
    /// `status.active` after this sync.
    pub active: u32,
    /// When the creation that back-off forbids now is possible.
    pub retry_after: Option<Span>,
    /// When the deadline passes.
    pub deadline: Option<Time>,
}

/// Decides.
pub fn reconcile(spec: &Spec, seen: &Observed) -> Plan {
    if let Some(verdict) = seen.verdict.or_else(|| failure(spec, seen)) {
        let deleted_fail = verdict != Verdict::Complete;
        return Plan {
            verdict: Some(verdict),
            ended: seen.active == 0 && seen.terminating == 0,
            delete: seen.active,
            deleted_fail,
            ..Plan::default()
        };
    }
    let mut plan = manage(spec, seen);
    let complete = match spec.completions {
        None => seen.succeeded > 0 && plan.active == 0 && plan.retry_after.is_none(),
        Some(completions) => seen.succeeded >= i64::from(completions),
    };
    if complete {
        plan.verdict = Some(Verdict::Complete);
        plan.ended = seen.active == 0 && seen.terminating == 0;
    } else if !spec.suspend {
        plan.deadline = spec.deadline.zip(seen.start).map(|(deadline, start)| start + deadline);
    }
    plan
}

/// The reasons to fail, in their order.
fn failure(spec: &Spec, seen: &Observed) -> Option<Verdict> {
    let limit = i64::from(spec.backoff_limit);
    let restarts = i64::try_from(seen.restarts).unwrap_or(i64::MAX);
    if seen.failed > limit || spec.counts_restarts && restarts > 0 && restarts >= limit {
        return Some(Verdict::BackoffLimitExceeded);
    }
    let running = spec.deadline.zip(seen.start).filter(|_| !spec.suspend);
    let late = running.is_some_and(|(deadline, start)| seen.now >= start + deadline);
    late.then_some(Verdict::DeadlineExceeded)
}

/// Creates or deletes, never both.
fn manage(spec: &Spec, seen: &Observed) -> Plan {
    if spec.suspend {
        return Plan { delete: seen.active, ..Plan::default() };
    }
    let active = i64::from(seen.active);
    let wanted = match spec.completions {
        None if seen.succeeded > 0 => active,
        None => i64::from(spec.parallelism),
        Some(completions) => {
            (i64::from(completions) - seen.succeeded).min(i64::from(spec.parallelism)).max(0)
        }
    };
    if active > wanted {
        let delete = (active - wanted).min(i64::from(spec.burst)) as u32;
        return Plan { delete, active: seen.active - delete, ..Plan::default() };
    }
    if wanted > active && seen.backoff > Span::ZERO {
        return Plan { retry_after: Some(seen.backoff), ..Plan::default() };
    }
    let create = (wanted - active).min(i64::from(spec.burst)) as u32;
    Plan { create, active: seen.active + create, ..Plan::default() }
}

#[cfg(test)]
mod tests;
