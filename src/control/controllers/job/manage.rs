//! How many pods a Job should have now, and what is done about it.
//!
//! Kubernetes 1.36, pkg/controller/job/job_controller.go, manageJob (reference control-plane §3.6).
//! Whether the Job has ended is decided before, in [`super::sync`].

use super::backoff::Backoff;
use super::sync::{Counts, Facts, IndexFailures, Observed, Settled, Tracked, View};
use crate::api::Job;
use crate::base::Span;

/// What one sync does with pods: deletes or creates, never both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actions<P> {
    /// Nothing; and nobody has looked at what should be.
    Unmanaged,
    /// Nothing: all is as it should be.
    None,
    /// All active pods are deleted, because the Job ends. Their finalizers stay for the count.
    DeleteAll(Vec<Tracked<P>>),
    /// Pods are deleted; the finalizer of each is removed first.
    Delete(Vec<Tracked<P>>),
    /// Pods are created, in batches of 1, 2, 4…
    Create(Vec<Creation>),
    /// Pods are missing, and are to be created later.
    Wait,
}

/// A pod that is to be created.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Creation {
    /// Its completion index.
    pub index: Option<u32>,
    /// Failures of this index before it.
    pub failures: IndexFailures,
}

/// Decides; the time is what is left of the wait after failures.
pub(super) fn manage<V: View>(
    job: &Job,
    facts: Facts,
    counts: &Counts,
    settled: &Settled,
    seen: &Observed<'_, V::Pod>,
    view: &V,
) -> (Actions<V::Pod>, Option<Span>) {
    if facts.is_suspended {
        let all = if seen.active > 0 { view.removable(seen.active as usize) } else { Vec::new() };
        return (if all.is_empty() { Actions::None } else { Actions::Delete(all) }, None);
    }
    let active = i64::from(seen.active);
    let parallelism = i64::from(job.parallelism).max(0);
    let wanted = match facts.completions {
        None if counts.succeeded > 0 => active,
        None => parallelism,
        Some(completions) => (i64::from(completions) - counts.succeeded).min(parallelism).max(0),
    };
    let burst = seen.limits.burst as usize;
    let mut victims = view.removable((active - wanted).max(0) as usize);
    if !victims.is_empty() {
        victims.truncate(burst);
        return (Actions::Delete(victims), None);
    }
    let leaving = if facts.replaces_failed_only { i64::from(seen.terminating) } else { 0 };
    let missing = wanted - leaving - active;
    if missing <= 0 {
        return (Actions::None, None);
    }
    let missing = (missing as usize).min(burst);
    if job.backoff_limit_per_index.is_none() || !facts.is_indexed {
        let wait = remaining(counts.backoff, seen);
        if wait > Span::ZERO {
            return (Actions::Wait, Some(wait));
        }
    }
    if !facts.is_indexed {
        return (Actions::Create(vec![Creation::default(); missing]), None);
    }
    create_indexes(job, counts, settled, seen, view, missing)
}

fn remaining<P>(backoff: Backoff, seen: &Observed<'_, P>) -> Span {
    backoff.remaining(seen.now, seen.limits.backoff_initial, seen.limits.backoff_max)
}

/// Creates pods for the first indexes that are missing one. Where each index has its own limit, those
/// among them that have to wait are left out; if all have to, so does the Job.
fn create_indexes<V: View>(
    job: &Job,
    counts: &Counts,
    settled: &Settled,
    seen: &Observed<'_, V::Pod>,
    view: &V,
    missing: usize,
) -> (Actions<V::Pod>, Option<Span>) {
    let pending = view.pending(missing, &[&settled.succeeded, &settled.failed]);
    let mut creations = Vec::with_capacity(pending.len());
    let mut shortest: Option<Span> = None;
    for index in pending {
        let before = counts.delayed.get(&index).map(|&place| &seen.held[place]);
        let wait = before.map_or(Span::ZERO, |pod| {
            let failures = pod.failures.sum().saturating_add(1);
            remaining(Backoff { failures, last_failure: Some(pod.end) }, seen)
        });
        if wait == Span::ZERO {
            let failures = before.map(failures_after).unwrap_or_default();
            creations.push(Creation { index: Some(index), failures });
        } else {
            shortest = Some(shortest.map_or(wait, |known| known.min(wait)));
        }
    }
    debug_assert!(shortest.is_none() || job.backoff_limit_per_index.is_some());
    match shortest.filter(|_| creations.is_empty()) {
        Some(wait) => (Actions::Wait, Some(wait)),
        None => (Actions::Create(creations), None),
    }
}

/// The failures of an index, a failed pod of it included.
fn failures_after<P>(pod: &Tracked<P>) -> IndexFailures {
    let counts = pod.matched.counts();
    IndexFailures {
        counted: pod.failures.counted.saturating_add(u32::from(counts)),
        ignored: pod.failures.ignored.saturating_add(u32::from(!counts)),
    }
}
