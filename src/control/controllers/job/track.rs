//! The second half of a sync: counting pods, removing finalizers, and the conditions.
//!
//! Kubernetes 1.36, pkg/controller/job/job_controller.go, trackJobStatusAndRemoveFinalizers (reference
//! control-plane §3.6). A finished pod is noted in the status, then its finalizer is removed, then it is
//! counted: so nothing is counted twice, or lost, whenever the controller dies.

use super::manage::Actions;
use super::sync::{Fate, Sync, Tracked, Uncounted, Verdict};
use crate::api::status::JobStatus;
use crate::api::{Condition, Truth};
use crate::base::Time;
use std::collections::BTreeSet;

/// What came of the actions of a sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Done {
    /// Pods that were deleted or created.
    pub pods: u32,
    /// Ready pods whose deletion was ordered.
    pub ready: u32,
}

/// What a sync writes when its actions are done.
#[derive(Clone, PartialEq, Debug)]
pub struct Tracking<P> {
    /// The status that is written before any finalizer is removed, if it must be.
    pub status: Option<JobStatus>,
    /// The pods whose finalizers are removed.
    pub release: Vec<Tracked<P>>,
}

impl<P: Copy> Sync<P> {
    /// The outcome of actions that all went well.
    pub fn all_done(&self) -> Done {
        let deleted = |pods: &[Tracked<P>]| Done {
            pods: pods.len() as u32,
            ready: pods.iter().filter(|pod| pod.is_ready).count() as u32,
        };
        match &self.actions {
            Actions::DeleteAll(pods) | Actions::Delete(pods) => deleted(pods),
            Actions::Create(pods) => Done { pods: pods.len() as u32, ready: 0 },
            Actions::Unmanaged | Actions::None | Actions::Wait => Done::default(),
        }
    }

    /// Says what is written when the actions have come out as `done`.
    pub fn track(&mut self, done: Done) -> Tracking<P> {
        let mut active = self.active;
        match &self.actions {
            Actions::DeleteAll(_) | Actions::Delete(_) => {
                active = active.saturating_sub(done.pods);
                self.ready = self.ready.saturating_sub(done.ready);
                self.terminating = self.terminating.saturating_add(done.pods);
            }
            Actions::Create(_) => active = active.saturating_add(done.pods),
            // The original reports no active pods in a sync that has to wait.
            Actions::Wait => active = 0,
            Actions::Unmanaged | Actions::None => {}
        }
        self.is_finishing = match &self.verdict {
            Some(_) => done.pods == self.active && self.is_satisfied,
            None => self.complete_or_suspend(active),
        };
        self.count_pods(active);
        let release = self.choose_released();
        self.record_interim();
        let status = std::mem::take(&mut self.needs_flush).then(|| self.status.clone());
        Tracking { status, release }
    }

    /// Whether enough pods have succeeded; if not, whether the Job is suspended is noted.
    fn complete_or_suspend(&mut self, active: u32) -> bool {
        let wanted = self.facts.completions.map_or(1, i64::from);
        if self.succeeded >= wanted && active == 0 {
            let reason = "CompletionsReached";
            let (pod, rule) = (None, None);
            self.verdict = Some(Verdict { is_success: true, reason, is_recorded: false, pod, rule });
            return true;
        }
        if matches!(self.actions, Actions::Unmanaged) {
            return false;
        }
        let (state, reason) = if self.facts.is_suspended {
            (Truth::True, "JobSuspended")
        } else {
            (Truth::False, "JobResumed")
        };
        if ensure(&mut self.status.conditions, "Suspended", state, reason, self.stamp) {
            self.needs_flush = true;
            // The deadline counts from the moment at which the Job goes on.
            self.status.start = (!self.facts.is_suspended).then_some(self.stamp);
        }
        false
    }

    /// Writes the numbers of pods.
    fn count_pods(&mut self, active: u32) {
        let (active, ready, terminating) = (signed(active), signed(self.ready), signed(self.terminating));
        let status = &mut self.status;
        self.needs_flush |=
            active != status.active || status.ready != Some(ready) || status.terminating != Some(terminating);
        status.active = active;
        status.ready = Some(ready);
        status.terminating = Some(terminating);
    }

    /// Chooses the pods that need not be held any longer, and notes those that are not counted yet: not
    /// more than the limit, the others in the next sync.
    fn choose_released(&mut self) -> Vec<Tracked<P>> {
        let all_go = self.is_finishing || self.facts.is_deleting;
        let kept: BTreeSet<usize> = self.delayed.values().copied().collect();
        let held = std::mem::take(&mut self.held);
        self.unreleased = held.iter().filter(|pod| pod.is_noted).count();
        let mut noted = self.unreleased;
        self.status.uncounted = noted as i32;
        let may_go = |place: usize, pod: &Tracked<P>| {
            pod.fate == Fate::Succeeded || all_go || self.facts.is_failed(pod) && !kept.contains(&place)
        };
        let chosen = held.iter().enumerate().filter(|(place, pod)| may_go(*place, pod));
        let mut chosen: Vec<Tracked<P>> = chosen.map(|(_, pod)| *pod).collect();
        if all_go && let Actions::DeleteAll(deleted) | Actions::Delete(deleted) = &self.actions {
            chosen.extend(deleted.iter().filter(|pod| pod.is_held));
        }
        chosen.extend(self.freed.iter().filter(|pod| pod.is_held));
        if self.facts.is_indexed {
            chosen.sort_by_key(|pod| pod.index);
        }
        let mut released = Vec::with_capacity(chosen.len());
        for mut pod in chosen {
            self.unreleased -= usize::from(pod.is_noted);
            let is_counted = self.note(&pod);
            noted += usize::from(is_counted);
            // The index alone says that an Indexed Job's success is counted.
            if is_counted && !(self.facts.is_indexed && pod.fate == Fate::Succeeded) {
                pod.is_noted = true;
                self.status.uncounted += 1;
            }
            released.push(pod);
            if noted >= self.limits.uncounted {
                self.is_cut = true;
                break;
            }
        }
        released
    }

    /// Notes a pod whose finalizer is removed, if it is to be counted; says whether it is new.
    fn note(&mut self, pod: &Tracked<P>) -> bool {
        let fails_all = self.is_finishing && self.verdict.as_ref().is_some_and(|verdict| !verdict.is_success);
        let is_new = !pod.is_noted;
        let mut is_counted = false;
        if pod.fate == Fate::Succeeded {
            if self.facts.is_indexed {
                // The index itself says that the pod is counted.
                is_counted = pod.index.is_some_and(|index| self.new_indexes.contains(index));
            } else {
                is_counted = is_new;
                self.uncounted.succeeded += 1;
            }
        } else if (self.facts.is_failed(pod) || fails_all) && self.facts.is_valid(pod) || pod.is_noted {
            is_counted = is_new && pod.matched.counts();
            self.uncounted.failed += i32::from(is_counted || pod.is_noted);
        }
        self.needs_flush |= is_counted;
        is_counted
    }

    /// Writes that the Job is going to end.
    fn record_interim(&mut self) {
        let Some(verdict) = self.verdict.as_ref().filter(|it| self.is_finishing && !it.is_recorded) else {
            return;
        };
        let (kind, reason) = (verdict.interim(), verdict.reason);
        self.needs_flush |= ensure(&mut self.status.conditions, kind, Truth::True, reason, self.stamp);
    }

    /// Says what is written when the finalizers are removed, but for those of `refused` noted pods.
    pub fn end(&mut self, refused: Uncounted) -> Option<JobStatus> {
        let (succeeded, failed) =
            (self.uncounted.succeeded - refused.succeeded, self.uncounted.failed - refused.failed);
        self.status.succeeded = self.status.succeeded.saturating_add(succeeded);
        self.status.failed = self.status.failed.saturating_add(failed);
        self.status.uncounted = self.status.uncounted.saturating_sub(succeeded + failed);
        let is_all = self.unreleased == 0 && refused == Uncounted::default();
        let ends = self.is_finishing && is_all && !self.is_cut && self.terminating == 0;
        if let Some(verdict) = self.verdict.as_ref().filter(|_| ends) {
            let (kind, reason) = (verdict.terminal(), verdict.reason);
            ensure(&mut self.status.conditions, kind, Truth::True, reason, self.stamp);
            self.status.completion = verdict.is_success.then_some(self.stamp);
        }
        (ends || succeeded > 0 || failed > 0).then(|| self.status.clone())
    }
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Makes a condition hold or not; says whether that changes anything. A condition that was never there
/// need not be said not to hold.
fn ensure(
    conditions: &mut Vec<Condition>,
    kind: &'static str,
    status: Truth,
    reason: &'static str,
    now: Time,
) -> bool {
    let new = Condition { kind, status, reason, since: now, updated: now };
    match conditions.iter_mut().find(|condition| condition.kind == kind) {
        Some(known) if (known.status, known.reason) == (status, reason) => false,
        Some(known) => {
            *known = new;
            true
        }
        None => {
            let is_said = status != Truth::False;
            conditions.extend(is_said.then_some(new));
            is_said
        }
    }
}
