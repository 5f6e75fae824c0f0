//! A sync that is under way: which requests it has made, and what comes after their answers.
//!
//! The original makes the requests of a step side by side and waits for all answers before the next
//! step; with a limited client that takes seconds, and the Job is not looked at in the meantime.

use super::backoff::Backoff;
use super::manage::{Actions, Creation};
use super::sync::{Fate, IndexFailures, Sync, Tracked, Uncounted};
use super::track::Done;
use crate::api::Status;
use crate::api::status::JobStatus;
use crate::base::ids::{ClassId, WorkloadId};
use crate::cluster::{PodRef, Reason};
use crate::control::{Client, Command, PodPatch, Write};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a running sync waits for.
#[derive(Clone, PartialEq, Debug)]
enum Step {
    /// Pods to be deleted; each says whether it is ready.
    Deleting(BTreeMap<PodRef, bool>),
    /// Pods to be created: those that are asked for, by index, and those that are not yet.
    Creating { asked: Vec<Creation>, left: VecDeque<Creation>, batch: usize, has_failed: bool },
    /// The status that is written first, and the pods that are released then.
    Noting(Box<JobStatus>, Vec<Tracked<PodRef>>),
    /// Pods to be released.
    Releasing(BTreeMap<PodRef, Tracked<PodRef>>),
    /// The status that is written last.
    Counting(Box<JobStatus>),
    /// It is over.
    Over,
}

/// What the steps of a sync change in what is known of the Job.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// Pods whose finalizer is being removed.
    pub(super) releasing: Vec<PodRef>,
    /// The failures since the last success, if they are to be stored.
    pub(super) backoff: Option<Backoff>,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) sync: Sync<PodRef>,
    id: WorkloadId,
    class: ClassId,
    reason: Reason,
    step: Step,
    done: Done,
    /// Whether the first status has to be written.
    is_noting: bool,
    /// Noted pods whose finalizer could not be removed.
    refused: Uncounted,
    /// Pods that are gone since the sync began: nobody answers for them any more.
    gone: BTreeSet<PodRef>,
    /// Whether a request has failed: the sync is to be repeated.
    pub(super) has_failed: bool,
    /// The status that the API server has.
    written: JobStatus,
}

impl Running {
    /// Begins; what it asks for first is in `out`.
    pub(super) fn new(
        sync: Sync<PodRef>,
        id: WorkloadId,
        class: ClassId,
        reason: Reason,
        written: JobStatus,
    ) -> Running {
        let step = match &sync.actions {
            Actions::DeleteAll(pods) | Actions::Delete(pods) if !pods.is_empty() => {
                Step::Deleting(pods.iter().map(|pod| (pod.pod, pod.is_ready)).collect())
            }
            Actions::Create(pods) if !pods.is_empty() => Step::Creating {
                asked: Vec::new(),
                left: pods.iter().copied().collect(),
                batch: 1,
                has_failed: false,
            },
            _ => Step::Deleting(BTreeMap::new()),
        };
        Running {
            sync,
            id,
            class,
            reason,
            step,
            done: Done::default(),
            is_noting: false,
            refused: Uncounted::default(),
            gone: BTreeSet::new(),
            has_failed: false,
            written,
        }
    }

    /// Whether the finalizer of a pod is being removed.
    pub(super) fn is_releasing(&self, pod: PodRef) -> bool {
        matches!(&self.step, Step::Releasing(pods) if pods.contains_key(&pod))
    }

    /// Whether all is done.
    pub(super) fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// Makes the requests of the first step. `number` gives the numbers of new pods.
    pub(super) fn start(&mut self, number: &mut dyn FnMut() -> u32, out: &mut Vec<Command>) -> News {
        if let Step::Deleting(pods) = &self.step {
            let releases = matches!(self.sync.actions, Actions::Delete(_));
            for &pod in pods.keys().filter(|_| releases) {
                push(out, Write::PatchPod { pod, patch: PodPatch::Released });
            }
            for &pod in pods.keys() {
                push(out, Write::DeletePod { pod, grace: None, reason: self.reason });
            }
        }
        self.advance(number, out)
    }

    /// Goes on to the steps for which nothing is to be waited.
    pub(super) fn advance(&mut self, number: &mut dyn FnMut() -> u32, out: &mut Vec<Command>) -> News {
        let mut news = News::default();
        loop {
            let step = std::mem::replace(&mut self.step, Step::Over);
            self.step = match step {
                Step::Deleting(pods) if pods.is_empty() => self.track(out),
                Step::Creating { asked, left, batch, has_failed } if asked.is_empty() => {
                    if left.is_empty() || has_failed {
                        self.track(out)
                    } else {
                        self.create(left, batch, number, out)
                    }
                }
                Step::Noting(status, release) if *status == self.written => {
                    self.release(release, &mut news, out)
                }
                Step::Releasing(pods) if pods.is_empty() => self.count(out),
                Step::Counting(status) if *status == self.written => Step::Over,
                other => {
                    self.step = other;
                    return news;
                }
            };
            if self.step == Step::Over {
                return news;
            }
        }
    }

    /// Asks for the next batch of pods, twice as large as the last.
    fn create(
        &self,
        mut left: VecDeque<Creation>,
        batch: usize,
        number: &mut dyn FnMut() -> u32,
        out: &mut Vec<Command>,
    ) -> Step {
        let asked: Vec<Creation> = left.drain(..batch.min(left.len())).collect();
        for creation in &asked {
            let (owner, class, index) = (self.id, self.class, creation.index);
            push(out, Write::CreatePod { owner, class, number: number(), index, tracked: true });
        }
        Step::Creating { asked, left, batch: batch * 2, has_failed: false }
    }

    /// Counts pods, and writes the first status.
    fn track(&mut self, out: &mut Vec<Command>) -> Step {
        let tracking = self.sync.track(self.done);
        self.is_noting = tracking.status.is_some();
        let status = tracking.status.unwrap_or_else(|| self.written.clone());
        self.write(&status, out);
        Step::Noting(Box::new(status), tracking.release)
    }

    /// Removes finalizers.
    fn release(&self, pods: Vec<Tracked<PodRef>>, news: &mut News, out: &mut Vec<Command>) -> Step {
        for pod in &pods {
            push(out, Write::PatchPod { pod: pod.pod, patch: PodPatch::Released });
            news.releasing.push(pod.pod);
        }
        news.backoff = self.is_noting.then_some(self.sync.backoff);
        let there = pods.into_iter().filter(|pod| !self.gone.contains(&pod.pod));
        Step::Releasing(there.map(|pod| (pod.pod, pod)).collect())
    }

    /// Writes the last status.
    fn count(&mut self, out: &mut Vec<Command>) -> Step {
        match self.sync.end(self.refused) {
            None => Step::Over,
            Some(status) => {
                self.write(&status, out);
                Step::Counting(Box::new(status))
            }
        }
    }

    fn write(&self, status: &JobStatus, out: &mut Vec<Command>) {
        if *status != self.written {
            let status = Status::Job(Box::new(status.clone()));
            push(out, Write::WorkloadStatus { workload: self.id, status });
        }
    }

    /// A pod was created for the Job; gives the failures of its index before it.
    pub(super) fn created(&mut self, index: Option<u32>) -> IndexFailures {
        let Step::Creating { asked, .. } = &mut self.step else { return IndexFailures::default() };
        let Some(place) = asked.iter().position(|creation| creation.index == index) else {
            return IndexFailures::default();
        };
        self.done.pods += 1;
        asked.swap_remove(place).failures
    }

    /// A creation was refused.
    pub(super) fn not_created(&mut self, index: Option<u32>) {
        let Step::Creating { asked, has_failed, .. } = &mut self.step else { return };
        if let Some(place) = asked.iter().position(|creation| creation.index == index) {
            asked.swap_remove(place);
            (*has_failed, self.has_failed) = (true, true);
        }
    }

    /// The deletion of a pod has begun or is refused.
    pub(super) fn deleted(&mut self, pod: PodRef, is_refused: bool) {
        let Step::Deleting(pods) = &mut self.step else { return };
        let Some(is_ready) = pods.remove(&pod) else { return };
        self.done.pods += u32::from(!is_refused);
        self.done.ready += u32::from(is_ready);
        self.has_failed |= is_refused;
    }

    /// A pod is gone.
    pub(super) fn gone(&mut self, pod: PodRef) {
        self.gone.insert(pod);
        self.released(pod);
    }

    /// The finalizer of a pod is removed.
    pub(super) fn released(&mut self, pod: PodRef) {
        if let Step::Releasing(pods) = &mut self.step {
            pods.remove(&pod);
        }
    }

    /// The finalizer of a pod could not be removed: the pod, if that matters.
    pub(super) fn not_released(&mut self, pod: PodRef) -> Option<Tracked<PodRef>> {
        let Step::Releasing(pods) = &mut self.step else { return None };
        let kept = pods.remove(&pod)?;
        self.has_failed = true;
        match kept.fate {
            _ if !kept.is_noted => {}
            Fate::Succeeded => self.refused.succeeded += 1,
            _ => self.refused.failed += 1,
        }
        Some(kept)
    }

    /// A status of the Job was written.
    pub(super) fn written(&mut self, status: &JobStatus) {
        self.written.clone_from(status);
    }

    /// A status was refused: the sync is given up, and repeated.
    pub(super) fn not_written(&mut self) {
        self.step = Step::Over;
        self.has_failed = true;
    }
}

fn push(out: &mut Vec<Command>, write: Write) {
    out.push(Command::Write(Client::Job, write));
}
