//! One sync of a Job: what is done with its pods, and what is then written.
//!
//! Kubernetes 1.36, pkg/controller/job/job_controller.go, syncJob (reference control-plane §3.6 with its
//! 1.36 companion). The original waits for the answer to each request; so a sync is a value with three
//! steps. [`begin`] decides which pods are deleted or created. When that is answered, [`Sync::track`]
//! says which status is written before the finalizers of which pods are removed. When that is answered,
//! [`Sync::end`] says which status is written last. Who asks whom, and how long it takes, is not known
//! here.

use super::backoff::Backoff;
use super::intervals::Intervals;
use super::manage::{Actions, manage};
use super::policies::{Matched, is_past_restarts, match_success};
use crate::api::batch::{FailureAction, PodReplacement};
use crate::api::status::JobStatus;
use crate::api::{Condition, Job, Truth};
use crate::base::{Span, Time};
use std::collections::BTreeMap;

/// Job controllers by this name, and by none, are the built-in one.
pub const BUILT_IN: &str = "kubernetes.io/job-controller";

/// How many failures an index has had before a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IndexFailures {
    /// Those that count.
    pub counted: u32,
    /// Those that the failure policy ignores.
    pub ignored: u32,
}

impl IndexFailures {
    /// All of them.
    pub fn sum(self) -> u32 {
        self.counted.saturating_add(self.ignored)
    }
}

/// What has become of a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It waits or runs.
    Active,
    /// It is being deleted, and has not ended.
    Leaving,
    /// It has ended well.
    Succeeded,
    /// It has ended badly.
    Failed,
}

/// A pod as a sync sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tracked<P> {
    /// Which.
    pub pod: P,
    /// What has become of it.
    pub fate: Fate,
    /// Its completion index.
    pub index: Option<u32>,
    /// When it ended, as far as that is known.
    pub end: Time,
    /// Failures of its index before it.
    pub failures: IndexFailures,
    /// What the failure policy says of it.
    pub matched: Matched,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether the Job's finalizer holds it. One that is not held is none of the count's business.
    pub is_held: bool,
    /// Whether an earlier status has it as uncounted, its finalizer could not be removed then.
    pub is_noted: bool,
}

/// What a sync asks about pods, where numbers are not enough.
pub trait View {
    /// What names a pod.
    type Pod: Copy;
    /// The active pods.
    fn active(&self) -> Vec<Tracked<Self::Pod>>;
    /// The active pods that must be deleted when `count` are to be: first those that should not be
    /// there at all (they are deleted even if `count` is smaller), then the others in their order.
    fn removable(&self, count: usize) -> Vec<Tracked<Self::Pod>>;
    /// Whether an active pod has this index.
    fn has_active(&self, index: u32) -> bool;
    /// The first `count` indexes that nobody works on and that are in none of the sets `done`.
    fn pending(&self, count: usize, done: &[&Intervals]) -> Vec<u32>;
}

/// The constants of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Pods that one sync creates or deletes at most.
    pub burst: u32,
    /// Pods that one sync counts at most, if it has to note them in the status.
    pub uncounted: usize,
    /// The first wait after a failure.
    pub backoff_initial: Span,
    /// The longest.
    pub backoff_max: Span,
    /// The shortest wait for another look.
    pub batch: Span,
}

/// Pods that are noted in the status and not counted yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Uncounted {
    /// Those that succeeded.
    pub succeeded: i32,
    /// Those that failed.
    pub failed: i32,
}

/// What a sync sees.
#[derive(Clone, Debug)]
pub struct Observed<'a, P> {
    /// The moment.
    pub now: Time,
    /// The moment as API objects hold it: in whole seconds.
    pub stamp: Time,
    /// Whether all that earlier syncs have ordered has been seen.
    pub is_satisfied: bool,
    /// Whether the Job's own deletion has begun.
    pub is_deleting: bool,
    /// Active pods.
    pub active: u32,
    /// Those of them that are ready.
    pub ready: u32,
    /// Pods that are being deleted and have not ended.
    pub terminating: u32,
    /// Restarts of pods that have not ended.
    pub restarts: u64,
    /// The pods that the finalizer holds and that are not active.
    pub held: &'a [Tracked<P>],
    /// Pods that were noted and are free of the finalizer since.
    pub released: Uncounted,
    /// The failures since the last success, as stored.
    pub backoff: Backoff,
    /// The constants.
    pub limits: Limits,
}

/// The indexes that are settled. A sync adds to them what it learns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settled {
    /// Those that have succeeded.
    pub succeeded: Intervals,
    /// Those that have failed for good.
    pub failed: Intervals,
    /// Whether the status writes these sets in another way, so that the next sync must rewrite it.
    is_unwritten: bool,
}

impl Settled {
    /// What a status says, of a Job with so many completions. Somebody else may have written it in
    /// another form (`0-1` for `0,1`), or for more completions.
    pub fn of(status: &JobStatus, completions: u32) -> Settled {
        let failed_text = status.failed_indexes.as_deref().unwrap_or("");
        let succeeded = Intervals::parse(&status.completed_indexes, completions);
        let failed = Intervals::parse(failed_text, completions);
        let is_unwritten =
            succeeded.to_string() != status.completed_indexes || failed.to_string() != failed_text;
        Settled { succeeded, failed, is_unwritten }
    }

    /// Takes out the indexes from `completions` on.
    pub fn truncate(&mut self, completions: u32) {
        self.is_unwritten |= self.succeeded.truncate(completions) | self.failed.truncate(completions);
    }
}

/// How a Job ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict<P> {
    /// Whether it has succeeded.
    pub is_success: bool,
    /// Kubernetes' reason word.
    pub reason: &'static str,
    /// Whether the status has the interim condition already.
    pub is_recorded: bool,
    /// The pod whose failure fails the Job, if one does.
    pub pod: Option<P>,
    /// The place of the rule of the success policy that is met.
    pub rule: Option<usize>,
}

impl<P> Verdict<P> {
    fn failure(reason: &'static str) -> Verdict<P> {
        Verdict { is_success: false, reason, is_recorded: false, pod: None, rule: None }
    }

    /// The condition that is written first.
    pub fn interim(&self) -> &'static str {
        if self.is_success { "SuccessCriteriaMet" } else { "FailureTarget" }
    }

    /// The condition that is written when no pod is left.
    pub fn terminal(&self) -> &'static str {
        if self.is_success { "Complete" } else { "Failed" }
    }
}

/// Whether a pod is replaced only when it has failed, not as soon as its deletion begins.
pub fn replaces_failed_only(job: &Job) -> bool {
    job.pod_failure_policy.is_some() || job.pod_replacement == Some(PodReplacement::Failed)
}

/// What of a Job's specification the counting needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Facts {
    pub(super) is_indexed: bool,
    pub(super) completions: Option<u32>,
    pub(super) is_suspended: bool,
    pub(super) replaces_failed_only: bool,
    pub(super) is_deleting: bool,
}

impl Facts {
    fn of(job: &Job, is_deleting: bool) -> Facts {
        Facts {
            is_indexed: job.indexed,
            completions: job.completions.map(|count| count.max(0) as u32),
            is_suspended: job.suspend,
            replaces_failed_only: replaces_failed_only(job),
            is_deleting: is_deleting || job.meta.deleting,
        }
    }

    /// Whether a pod has an index that the Job has, if it needs one.
    pub(super) fn is_valid<P>(self, pod: &Tracked<P>) -> bool {
        let below = |index| self.completions.is_none_or(|completions| index < completions);
        !self.is_indexed || pod.index.is_some_and(below)
    }

    pub(super) fn is_failed<P>(self, pod: &Tracked<P>) -> bool {
        pod.fate == Fate::Failed || pod.fate == Fate::Leaving && !self.replaces_failed_only
    }
}

/// What is counted before anything is done.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    /// Indexes that have newly succeeded.
    pub(super) new_indexes: Intervals,
    /// The failed pods that are kept until their index has another, by index, as places in the list.
    pub(super) delayed: BTreeMap<u32, usize>,
    /// The wait after failures.
    pub(super) backoff: Backoff,
}

/// A sync that has begun.
#[derive(Clone, Debug)]
pub struct Sync<P> {
    /// What is done with pods.
    pub actions: Actions<P>,
    /// When to look again, if nothing happens before.
    pub wake: Option<Time>,
    /// Before this moment another look at the same pods finds the same.
    pub stable_until: Option<Time>,
    /// How the Job ends, if that is settled.
    pub verdict: Option<Verdict<P>>,
    /// The failures since the last success. They are stored when the first status is written.
    pub backoff: Backoff,
    pub(super) facts: Facts,
    pub(super) limits: Limits,
    pub(super) stamp: Time,
    pub(super) is_satisfied: bool,
    pub(super) active: u32,
    pub(super) ready: u32,
    pub(super) terminating: u32,
    pub(super) succeeded: i64,
    pub(super) held: Vec<Tracked<P>>,
    /// Active pods that are let go without a count, because the Job is being deleted.
    pub(super) freed: Vec<Tracked<P>>,
    pub(super) delayed: BTreeMap<u32, usize>,
    pub(super) new_indexes: Intervals,
    /// The status as it is being changed.
    pub(super) status: JobStatus,
    pub(super) needs_flush: bool,
    pub(super) uncounted: Uncounted,
    pub(super) is_finishing: bool,
    /// Whether more pods are to be counted than one sync counts.
    pub(super) is_cut: bool,
    /// How many noted pods keep their finalizers.
    pub(super) unreleased: usize,
}

/// Begins a sync of a Job that has not finished.
pub fn begin<V: View>(
    job: &Job,
    status: &JobStatus,
    seen: &Observed<'_, V::Pod>,
    settled: &mut Settled,
    view: &V,
) -> Sync<V::Pod> {
    let facts = Facts::of(job, seen.is_deleting);
    let mut status = status.clone();
    let mut needs_flush = count_released(&mut status, seen.released);
    let start = status.start.or_else(|| (!job.suspend).then_some(seen.now));
    status.start = status.start.or_else(|| (!job.suspend).then_some(seen.stamp));
    let mut counts = count(facts, &status, seen);
    let mut verdict = recorded_verdict(&status)
        .or_else(|| fail_job(facts, seen.held))
        .or_else(|| limit_verdict(job, counts.failed, seen, start));
    let deadline = job.active_deadline_seconds.filter(|_| verdict.is_none() && !job.suspend).zip(start);
    if facts.is_indexed {
        needs_flush |= settle(job, facts, seen.held, &mut counts, settled, &mut status);
        verdict = verdict.or_else(|| indexed_verdict(job, settled));
        if job.backoff_limit_per_index.is_some() {
            counts.delayed = delayed(facts, seen.held, settled, view);
        }
    }
    let (actions, wait) = match verdict {
        Some(_) => (Actions::DeleteAll(if seen.active > 0 { view.active() } else { Vec::new() }), None),
        None if seen.is_satisfied && !facts.is_deleting => manage(job, facts, &counts, settled, seen, view),
        None => (Actions::Unmanaged, None),
    };
    let is_left = facts.is_deleting && verdict.is_none() && seen.active > 0;
    let deadline = deadline.map(|(seconds, start)| start + Span::from_secs(seconds.max(0) as u64));
    Sync {
        actions,
        wake: wait.map(|wait| seen.now + wait.max(seen.limits.batch)).into_iter().chain(deadline).min(),
        stable_until: wait.map(|wait| seen.now + wait).into_iter().chain(deadline).min(),
        verdict,
        backoff: counts.backoff,
        facts,
        limits: seen.limits,
        stamp: seen.stamp,
        is_satisfied: seen.is_satisfied,
        active: seen.active,
        ready: seen.ready,
        terminating: seen.terminating,
        succeeded: counts.succeeded,
        held: seen.held.to_vec(),
        freed: if is_left { view.active() } else { Vec::new() },
        delayed: counts.delayed,
        new_indexes: counts.new_indexes,
        status,
        needs_flush,
        uncounted: Uncounted::default(),
        is_finishing: false,
        is_cut: false,
        unreleased: 0,
    }
}

/// Counts pods that were noted, and whose finalizer has gone since; says whether there are any.
fn count_released(status: &mut JobStatus, released: Uncounted) -> bool {
    status.succeeded = status.succeeded.saturating_add(released.succeeded);
    status.failed = status.failed.saturating_add(released.failed);
    released != Uncounted::default()
}

/// Counts the pods that have ended, those of earlier syncs and those that are new.
fn count<P: Copy>(facts: Facts, status: &JobStatus, seen: &Observed<'_, P>) -> Counts {
    let mut counts = Counts {
        succeeded: i64::from(status.succeeded),
        failed: i64::from(status.failed),
        new_indexes: Intervals::default(),
        delayed: BTreeMap::new(),
        backoff: seen.backoff,
    };
    let (mut successes, mut failures) = (Vec::new(), Vec::new());
    for pod in seen.held.iter().filter(|pod| pod.is_noted || facts.is_valid(pod)) {
        let is_new = !pod.is_noted;
        if pod.fate == Fate::Succeeded {
            counts.succeeded += 1;
            successes.extend(is_new.then_some(pod.end));
        } else if facts.is_failed(pod) {
            counts.failed += i64::from(!is_new || pod.matched.counts());
            failures.extend(is_new.then_some(pod.end));
        }
    }
    counts.backoff.observe(&successes, &failures);
    counts
}

/// The verdict of an earlier sync.
fn recorded_verdict<P>(status: &JobStatus) -> Option<Verdict<P>> {
    let recorded = |kind: &str| {
        let is_it = |condition: &&Condition| condition.kind == kind && condition.status == Truth::True;
        status.conditions.iter().find(is_it).map(|condition| condition.reason)
    };
    let success = recorded("SuccessCriteriaMet").map(|reason| (true, reason));
    let (is_success, reason) = success.or_else(|| recorded("FailureTarget").map(|reason| (false, reason)))?;
    Some(Verdict { is_success, is_recorded: true, ..Verdict::failure(reason) })
}

/// Whether a pod has failed so that the Job fails.
fn fail_job<P: Copy>(facts: Facts, held: &[Tracked<P>]) -> Option<Verdict<P>> {
    let fails =
        |pod: &&Tracked<P>| pod.matched.action() == Some(FailureAction::FailJob) && facts.is_failed(pod);
    let pod = held.iter().find(fails)?.pod;
    Some(Verdict { pod: Some(pod), ..Verdict::failure("PodFailurePolicy") })
}

/// Whether the Job has failed too often, or takes too long.
fn limit_verdict<P>(
    job: &Job,
    failed: i64,
    seen: &Observed<'_, P>,
    start: Option<Time>,
) -> Option<Verdict<P>> {
    if failed > i64::from(job.backoff_limit) || is_past_restarts(job, seen.restarts) {
        return Some(Verdict::failure("BackoffLimitExceeded"));
    }
    let limit = job.active_deadline_seconds.filter(|_| !job.suspend).zip(start);
    let is_late =
        |(seconds, start): (i64, Time)| seen.now.since(start) >= Span::from_secs(seconds.max(0) as u64);
    limit.is_some_and(is_late).then(|| Verdict::failure("DeadlineExceeded"))
}

/// Brings the settled indexes up to date; says whether the status must be written for it.
fn settle<P: Copy>(
    job: &Job,
    facts: Facts,
    held: &[Tracked<P>],
    counts: &mut Counts,
    settled: &mut Settled,
    status: &mut JobStatus,
) -> bool {
    let completions = facts.completions.unwrap_or(0);
    settled.truncate(completions);
    let mut succeeded_changed = std::mem::take(&mut settled.is_unwritten);
    let mut failed_changed = succeeded_changed;
    for pod in held.iter().filter(|pod| facts.is_valid(pod)) {
        let Some(index) = pod.index else { continue };
        if pod.fate == Fate::Succeeded && settled.succeeded.insert(index) {
            counts.new_indexes.insert(index);
            succeeded_changed = true;
        }
        let limit = job.backoff_limit_per_index.map(|limit| limit.max(0) as u32);
        if limit.is_some_and(|limit| fails_index(facts, pod, limit)) {
            failed_changed |= settled.failed.insert(index);
        }
    }
    counts.succeeded = i64::try_from(settled.succeeded.total()).unwrap_or(i64::MAX);
    status.succeeded = i32::try_from(counts.succeeded).unwrap_or(i32::MAX);
    let mut is_changed = false;
    if succeeded_changed || status.completed_indexes.is_empty() != settled.succeeded.is_empty() {
        let text = settled.succeeded.to_string();
        is_changed |= text != status.completed_indexes;
        status.completed_indexes = text;
    }
    if job.backoff_limit_per_index.is_none() {
        return is_changed | status.failed_indexes.take().is_some();
    }
    if failed_changed || status.failed_indexes.is_none() {
        let text = Some(settled.failed.to_string());
        is_changed |= text != status.failed_indexes;
        status.failed_indexes = text;
    }
    is_changed
}

/// Whether a pod has failed so that its index has failed for good.
fn fails_index<P>(facts: Facts, pod: &Tracked<P>, limit: u32) -> bool {
    if !facts.is_failed(pod) {
        return false;
    }
    pod.matched.action() == Some(FailureAction::FailIndex)
        || pod.matched.counts() && pod.failures.counted >= limit
}

/// Whether too many indexes have failed, all are settled, or enough have succeeded.
fn indexed_verdict<P>(job: &Job, settled: &Settled) -> Option<Verdict<P>> {
    let completions = job.completions.unwrap_or(0).max(0) as u32;
    if job.backoff_limit_per_index.is_some() {
        let failed = settled.failed.total();
        if job.max_failed_indexes.is_some_and(|most| failed > most.max(0) as u64) {
            return Some(Verdict::failure("MaxFailedIndexesExceeded"));
        }
        if failed > 0 && failed + settled.succeeded.total() >= u64::from(completions) {
            return Some(Verdict::failure("FailedIndexes"));
        }
    }
    let rule = match_success(&job.success_policy, completions, &settled.succeeded)?;
    Some(Verdict { is_success: true, rule: Some(rule), ..Verdict::failure("SuccessPolicy") })
}

/// The last failed pod of each index that is to be tried again: it is kept until the next pod of the
/// index is there, because that inherits the number of failures.
fn delayed<V: View>(
    facts: Facts,
    held: &[Tracked<V::Pod>],
    settled: &Settled,
    view: &V,
) -> BTreeMap<u32, usize> {
    let mut last: BTreeMap<u32, usize> = BTreeMap::new();
    for (place, pod) in held.iter().enumerate() {
        let Some(index) = pod.index.filter(|_| facts.is_valid(pod) && facts.is_failed(pod)) else {
            continue;
        };
        if settled.succeeded.contains(index) || settled.failed.contains(index) || view.has_active(index) {
            continue;
        }
        let known = last.entry(index).or_insert(place);
        let before = &held[*known];
        if before.failures.sum() <= pod.failures.sum() && before.end <= pod.end {
            *known = place;
        }
    }
    last
}

#[cfg(test)]
mod tests;
