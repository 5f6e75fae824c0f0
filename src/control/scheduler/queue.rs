//! The scheduling queue: pods that wait for an attempt, for the end of a back-off, or for an event.
//!
//! Rejected pods are parked by class and by the plugins that rejected them, so that an event is
//! judged once for all pods to which the same answer applies. Which event helps whom, and what an
//! attempt is, is not known here.
//!
//! An attempt is atomic, so no event can arrive between the pop of a pod and its return: the log of
//! in-flight events (reference kube-scheduler §9.8) is empty by construction and left out. Left out
//! is `activate`, too: what calls it in the original are plugins that make pods wait at Permit, and
//! preemptions whose orders fail.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/backend/queue (reference kube-scheduler §9, §28.2, §28.3).

use super::profile::PluginSet;
use crate::base::ids::{ClassId, PodId};
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};
use crate::cluster::PodRef;
use crate::control::Diagnosis;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// How long a rejected pod waits for an event before it is tried again anyway.
const MAX_PARKED: Span = Span::from_secs(300);
/// Time between two looks for pods that have waited that long.
const SWEEP_PERIOD: Span = Span::from_secs(30);

/// Where a pod is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the active queue.
    Active,
    /// Waits for the end of its back-off after a rejection.
    Backoff,
    /// Waits for the end of its back-off after an error.
    ErrorBackoff,
    /// Waits for an event.
    Unschedulable,
    /// Held back by a PreEnqueue plugin.
    Gated,
    /// In none of the queues: its node is chosen and the binding under way.
    InFlight,
}

/// The order of the active queue: higher priority first, then the longer wait. The last number is
/// different for each wait, as timestamps are in reality.
type Key = (Reverse<i32>, Time, u64);

/// What the queue knows of a pod.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The pod.
    pub pod: PodRef,
    /// Its class.
    pub class: ClassId,
    /// Where it is.
    pub place: Place,
    /// How many attempts it has had.
    pub attempts: u32,
    /// Why the last attempt failed; `None` before the first.
    pub diagnosis: Option<Arc<Diagnosis>>,
    /// The plugins that rejected it last.
    pub rejectors: PluginSet,
    /// The PreEnqueue plugin that holds it back, while one does; it is among the rejectors.
    pub gate: Option<usize>,
    /// When it began to wait: first when it was added, then when the last attempt failed.
    pub since: Time,
    priority: i32,
    sequence: u64,
    rejections: u32,
    errors: u32,
}

impl Waiting {
    fn key(&self) -> Key {
        (Reverse(self.priority), self.since, self.sequence)
    }
}

/// Parked pods to which the same answers apply.
type GroupKey = (ClassId, PluginSet);
/// The same for pods that a PreEnqueue plugin holds back.
type GatedKey = (ClassId, PluginSet, usize);
/// Pods by the start and number of their wait.
type ByWait = BTreeMap<(Time, u64), PodId>;

/// Who says what an event means for pods that wait, and which of them may be queued now.
pub(crate) trait Judge {
    /// Whether the event may help pods of a class that these plugins have rejected.
    fn helps(&mut self, class: ClassId, rejectors: PluginSet) -> bool;

    /// The same for pods that the plugin `gate` holds back: it must wait for such an event as well.
    fn helps_gated(&mut self, _class: ClassId, _rejectors: PluginSet, _gate: usize) -> bool {
        false
    }

    /// PreEnqueue: the plugin that holds a pod back, if one does.
    fn gate(&mut self, _pod: PodRef, _class: ClassId) -> Option<usize> {
        None
    }
}

impl<F: FnMut(ClassId, PluginSet) -> bool> Judge for F {
    fn helps(&mut self, class: ClassId, rejectors: PluginSet) -> bool {
        self(class, rejectors)
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    initial_backoff: Span,
    max_backoff: Span,
    /// By row of the pod table.
    entries: Vec<Option<Box<Waiting>>>,
    active: BinaryHeap<Reverse<(Key, PodId)>>,
    backoff: BinaryHeap<Reverse<(Time, Key, PodId)>>,
    error_backoff: BinaryHeap<Reverse<(Time, u64, PodId)>>,
    /// Rejected pods.
    parked: BTreeMap<GroupKey, ByWait>,
    /// Pods that are held back.
    gated: BTreeMap<GatedKey, ByWait>,
    lengths: Lengths,
    sweep: Option<Time>,
    sequence: u64,
}

/// How many pods are in each queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lengths {
    /// Ready for an attempt.
    pub active: usize,
    /// In back-off, after a rejection or an error.
    pub backoff: usize,
    /// Rejected, waiting for an event.
    pub unschedulable: usize,
    /// Held back before they are queued.
    pub gated: usize,
}

impl Lengths {
    fn of(&mut self, place: Place) -> Option<&mut usize> {
        Some(match place {
            Place::Active => &mut self.active,
            Place::Backoff | Place::ErrorBackoff => &mut self.backoff,
            Place::Unschedulable => &mut self.unschedulable,
            Place::Gated => &mut self.gated,
            Place::InFlight => return None,
        })
    }
}

impl Queue {
    /// An empty queue with these back-offs.
    pub(crate) fn new(initial_backoff: Span, max_backoff: Span) -> Queue {
        Queue {
            initial_backoff,
            max_backoff,
            entries: Vec::new(),
            active: BinaryHeap::new(),
            backoff: BinaryHeap::new(),
            error_backoff: BinaryHeap::new(),
            parked: BTreeMap::new(),
            gated: BTreeMap::new(),
            lengths: Lengths::default(),
            sweep: None,
            sequence: 0,
        }
    }

    /// Enters a new pod: into the active queue, or held back by `gate`, a PreEnqueue plugin.
    pub(crate) fn add(&mut self, now: Time, pod: PodRef, class: ClassId, priority: i32, gate: Option<usize>) {
        let index = pod.id.index();
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        let mut rejectors = PluginSet::default();
        if let Some(plugin) = gate {
            rejectors.insert(plugin);
        }
        self.sequence += 1;
        self.entries[index] = Some(Box::new(Waiting {
            pod,
            class,
            place: Place::InFlight,
            attempts: 0,
            diagnosis: None,
            rejectors,
            gate,
            since: now,
            priority,
            sequence: self.sequence,
            rejections: 0,
            errors: 0,
        }));
        self.put(now, pod.id, if gate.is_some() { Place::Gated } else { Place::Active });
    }

    /// What is known of a pod.
    pub(crate) fn get(&self, pod: PodRef) -> Option<&Waiting> {
        self.entries.get(pod.id.index())?.as_deref().filter(|waiting| waiting.pod == pod)
    }

    /// Every pod that waits or whose binding is under way, by row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.entries.iter().flatten().map(|waiting| &**waiting)
    }

    /// How many pods are in each queue.
    pub(crate) fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// Whether an attempt can be made now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.active.is_empty() || !self.backoff.is_empty()
    }

    /// Takes the next pod: from the active queue, or, if that is empty, from the back-off queue
    /// however much of the back-off is left (SchedulerPopFromBackoffQ). Pods in error back-off are
    /// never taken early.
    pub(crate) fn pop(&mut self) -> Option<&Waiting> {
        let head = match self.active.pop() {
            Some(Reverse((_, pod))) => Some(pod),
            None => self.backoff.pop().map(|Reverse((_, _, pod))| pod),
        };
        let pod = head?;
        self.leave(pod);
        self.prune();
        let waiting = self.entries[pod.index()].as_mut().expect("a pod at the head of a queue is known");
        waiting.attempts += 1;
        Some(waiting)
    }

    /// Takes a popped pod back after a failed attempt. No rejectors mean an error.
    pub(crate) fn fail(&mut self, now: Time, pod: PodId, rejectors: PluginSet, diagnosis: Arc<Diagnosis>) {
        self.sequence += 1;
        let sequence = self.sequence;
        let Some(waiting) = self.entries.get_mut(pod.index()).and_then(Option::as_mut) else { return };
        waiting.sequence = sequence;
        waiting.since = now;
        waiting.rejectors = rejectors;
        waiting.gate = None;
        waiting.diagnosis = Some(diagnosis);
        if rejectors.is_empty() {
            waiting.errors = waiting.errors.saturating_add(1);
            self.after_backoff(now, pod);
        } else {
            waiting.rejections = waiting.rejections.saturating_add(1);
            waiting.errors = 0;
            self.put(now, pod, Place::Unschedulable);
        }
    }

    /// Forgets a pod: it is bound or gone.
    pub(crate) fn remove(&mut self, pod: PodRef) {
        if self.get(pod).is_some() {
            self.leave(pod.id);
            self.entries[pod.id.index()] = None;
            self.prune();
        }
    }

    /// Whether no pod is parked or held back, so that no event can help one.
    pub(crate) fn waits_for_no_event(&self) -> bool {
        self.parked.is_empty() && self.gated.is_empty()
    }

    /// Moves the parked pods out that an event may help, and those held back that their gate lets
    /// pass now. The judge is asked once for each group of pods to which the same answer applies, and
    /// about the gate of each pod that moves.
    pub(crate) fn wake(&mut self, now: Time, mut judge: impl Judge) {
        let woken: Vec<GroupKey> =
            self.parked.keys().copied().filter(|&(class, rejectors)| judge.helps(class, rejectors)).collect();
        let ungated: Vec<GatedKey> = self
            .gated
            .keys()
            .copied()
            .filter(|&(class, rejectors, gate)| judge.helps_gated(class, rejectors, gate))
            .collect();
        for group in woken {
            let pods = self.parked.remove(&group).unwrap_or_default();
            for pod in pods.into_values() {
                self.unpark(now, pod, &mut judge);
            }
        }
        for group in ungated {
            let pods = self.gated.remove(&group).unwrap_or_default();
            for pod in pods.into_values() {
                self.unpark(now, pod, &mut judge);
            }
        }
    }

    /// When a timer is due: the end of a back-off, or the sweep of pods parked for too long.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let backoff = self.backoff.peek().map(|Reverse((end, ..))| *end);
        let errors = self.error_backoff.peek().map(|Reverse((end, ..))| *end);
        let flush = backoff.into_iter().chain(errors).min().map(|end| end + Span(NANOS_PER_SECOND));
        let sweep = self.sweep.filter(|_| !self.parked.is_empty());
        flush.into_iter().chain(sweep).min()
    }

    /// Does what is due: the flush at each whole second, and every 30 seconds the sweep.
    pub(crate) fn handle_timeout(&mut self, now: Time, judge: &mut impl Judge) {
        self.flush(now);
        if self.sweep.is_some_and(|due| due <= now) {
            self.sweep(now, judge);
        }
    }

    /// Moves the pods whose back-off is over to the active queue.
    pub(crate) fn flush(&mut self, now: Time) {
        let second = now.floor_second();
        while self.backoff.peek().is_some_and(|Reverse((end, ..))| *end < second) {
            let Some(Reverse((_, _, pod))) = self.backoff.pop() else { break };
            self.leave(pod);
            self.prune();
            self.put(now, pod, Place::Active);
        }
        while self.error_backoff.peek().is_some_and(|Reverse((end, ..))| *end < second) {
            let Some(Reverse((_, _, pod))) = self.error_backoff.pop() else { break };
            self.leave(pod);
            self.prune();
            self.put(now, pod, Place::Active);
        }
    }

    /// Whether some pod, be it one that is held back, has waited for more than five minutes: the sweep
    /// is an event then for pods that are under way.
    pub(crate) fn is_sweep_due(&self, now: Time) -> bool {
        let waits = |waiting: &Waiting| matches!(waiting.place, Place::Unschedulable | Place::Gated);
        self.iter().any(|waiting| waits(waiting) && now.since(waiting.since) > MAX_PARKED)
    }

    /// Moves pods out that have been parked for more than five minutes. Pods that are held back stay.
    pub(crate) fn sweep(&mut self, now: Time, judge: &mut impl Judge) {
        let overdue = |since: Time| now.since(since) > MAX_PARKED;
        let mut moved = Vec::new();
        let mut oldest: Option<Time> = None;
        for pods in self.parked.values_mut() {
            while let Some(first) = pods.first_entry() {
                let since = first.key().0;
                if !overdue(since) {
                    oldest = Some(oldest.map_or(since, |known| known.min(since)));
                    break;
                }
                moved.push(first.remove());
            }
        }
        self.parked.retain(|_, pods| !pods.is_empty());
        self.sweep = oldest.map(sweep_after);
        for pod in moved {
            self.unpark(now, pod, judge);
        }
    }

    /// A pod that has left its group goes on by the rules of its back-off, unless it is held back.
    fn unpark(&mut self, now: Time, pod: PodId, judge: &mut impl Judge) {
        let Some(waiting) = self.entries[pod.index()].as_mut() else { return };
        let place = std::mem::replace(&mut waiting.place, Place::InFlight);
        self.lengths.of(place).into_iter().for_each(|length| *length -= 1);
        waiting.gate = judge.gate(waiting.pod, waiting.class);
        match waiting.gate {
            Some(gate) => {
                waiting.rejectors.insert(gate);
                self.put(now, pod, Place::Gated);
            }
            None => self.after_backoff(now, pod),
        }
    }

    /// Puts a pod that is in no queue where the strategy AfterBackoff puts it.
    fn after_backoff(&mut self, now: Time, pod: PodId) {
        let Some(waiting) = self.entries[pod.index()].as_deref() else { return };
        let place = match self.backoff_end(waiting) {
            Some(end) if end >= now.floor_second() => {
                if waiting.rejectors.is_empty() {
                    Place::ErrorBackoff
                } else {
                    Place::Backoff
                }
            }
            _ => Place::Active,
        };
        self.put(now, pod, place);
    }

    /// Puts a pod that is in no queue into one.
    fn put(&mut self, now: Time, pod: PodId, place: Place) {
        let Some(waiting) = self.entries[pod.index()].as_deref() else { return };
        let end = self.backoff_end(waiting).unwrap_or(now);
        match place {
            Place::Active => self.active.push(Reverse((waiting.key(), pod))),
            Place::Backoff => self.backoff.push(Reverse((end, waiting.key(), pod))),
            Place::ErrorBackoff => self.error_backoff.push(Reverse((end, waiting.sequence, pod))),
            Place::Unschedulable => {
                let group = self.parked.entry((waiting.class, waiting.rejectors)).or_default();
                group.insert((waiting.since, waiting.sequence), pod);
                let due = sweep_after(waiting.since);
                // Pods are parked in the order of their waits, so the first due stays the first.
                if self.lengths.unschedulable == 0 || self.sweep.is_none() {
                    self.sweep = Some(due);
                }
            }
            Place::Gated => {
                let key = (waiting.class, waiting.rejectors, waiting.gate.unwrap_or_default());
                self.gated.entry(key).or_default().insert((waiting.since, waiting.sequence), pod);
            }
            Place::InFlight => {}
        }
        self.lengths.of(place).into_iter().for_each(|length| *length += 1);
        if let Some(waiting) = self.entries[pod.index()].as_mut() {
            waiting.place = place;
        }
    }

    /// Takes a pod out of the queue it is in. Heaps are left alone: what they hold of it is dropped
    /// when it comes to the top.
    fn leave(&mut self, pod: PodId) {
        let Some(waiting) = self.entries[pod.index()].as_mut() else { return };
        let place = std::mem::replace(&mut waiting.place, Place::InFlight);
        self.lengths.of(place).into_iter().for_each(|length| *length -= 1);
        let wait = (waiting.since, waiting.sequence);
        match place {
            Place::Unschedulable => leave_group(&mut self.parked, &(waiting.class, waiting.rejectors), wait),
            Place::Gated => {
                let key = (waiting.class, waiting.rejectors, waiting.gate.unwrap_or_default());
                leave_group(&mut self.gated, &key, wait);
            }
            _ => {}
        }
    }

    /// Drops what is out of date from the tops of the heaps, so that each top is true.
    fn prune(&mut self) {
        let entries = &self.entries;
        let holds = |pod: PodId, sequence: u64, place: Place| {
            entries[pod.index()]
                .as_ref()
                .is_some_and(|waiting| waiting.sequence == sequence && waiting.place == place)
        };
        while let Some(Reverse(((_, _, sequence), pod))) = self.active.peek()
            && !holds(*pod, *sequence, Place::Active)
        {
            self.active.pop();
        }
        while let Some(Reverse((_, (_, _, sequence), pod))) = self.backoff.peek()
            && !holds(*pod, *sequence, Place::Backoff)
        {
            self.backoff.pop();
        }
        while let Some(Reverse((_, sequence, pod))) = self.error_backoff.peek()
            && !holds(*pod, *sequence, Place::ErrorBackoff)
        {
            self.error_backoff.pop();
        }
    }

    /// The end of a pod's back-off, in whole seconds: the pod is held until the flush of the second
    /// after it. `None` if it has none.
    fn backoff_end(&self, waiting: &Waiting) -> Option<Time> {
        let count = if waiting.errors > 0 { waiting.errors } else { waiting.rejections };
        if count == 0 || self.max_backoff == Span::ZERO {
            return None;
        }
        let shift = count - 1;
        let halved = self.max_backoff.0.checked_shr(shift).unwrap_or(0);
        let duration = if self.initial_backoff.0 > halved {
            self.max_backoff
        } else {
            Span(self.initial_backoff.0.checked_shl(shift).unwrap_or(0))
        };
        Some((waiting.since + duration).floor_second())
    }

    /// The end of a pod's back-off while it is in one of the back-off queues.
    pub(crate) fn release_of(&self, pod: PodRef) -> Option<Time> {
        self.get(pod).and_then(|waiting| self.backoff_end(waiting))
    }
}

/// Takes a pod out of its group; the group goes with its last pod.
fn leave_group<K: Ord>(groups: &mut BTreeMap<K, ByWait>, key: &K, wait: (Time, u64)) {
    if let Some(pods) = groups.get_mut(key) {
        pods.remove(&wait);
        if pods.is_empty() {
            groups.remove(key);
        }
    }
}

/// The first sweep that finds a pod overdue which has been parked since `since`.
fn sweep_after(since: Time) -> Time {
    let period = SWEEP_PERIOD.0;
    let overdue = (since + MAX_PARKED).0;
    Time((overdue / period + 1).saturating_mul(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIT: PluginSet = PluginSet(1);

    fn pod(row: u32) -> PodRef {
        PodRef { id: PodId(row), generation: 0 }
    }

    fn queue() -> Queue {
        Queue::new(Span::from_secs(1), Span::from_secs(10))
    }

    fn at(seconds: f64) -> Time {
        Time::from_secs_f64(seconds)
    }

    fn add(queue: &mut Queue, seconds: f64, row: u32, priority: i32) {
        queue.add(at(seconds), pod(row), ClassId(row), priority, None);
    }

    fn pop(queue: &mut Queue) -> Option<u32> {
        queue.pop().map(|waiting| waiting.pod.id.0)
    }

    fn fail(queue: &mut Queue, seconds: f64, row: u32, rejectors: PluginSet) {
        queue.fail(at(seconds), PodId(row), rejectors, Arc::default());
    }

    /// A judge to whom every event helps.
    fn anything(_class: ClassId, _rejectors: PluginSet) -> bool {
        true
    }

    /// A judge whose gate, plugin 5, is open or shut, and waits for the event that happens or not.
    struct Gatekeeper {
        shut: bool,
        hears: bool,
    }

    impl Judge for Gatekeeper {
        fn helps(&mut self, _class: ClassId, _rejectors: PluginSet) -> bool {
            true
        }
        fn helps_gated(&mut self, _class: ClassId, rejectors: PluginSet, gate: usize) -> bool {
            assert!(gate == 5 && rejectors.contains(5) && rejectors.contains(0));
            self.hears
        }
        fn gate(&mut self, _pod: PodRef, _class: ClassId) -> Option<usize> {
            self.shut.then_some(5)
        }
    }

    #[test]
    fn a_woken_pod_can_be_held_back_until_its_gate_opens() {
        let mut queue = queue();
        add(&mut queue, 0.0, 0, 0);
        pop(&mut queue);
        fail(&mut queue, 0.0, 0, FIT);
        queue.wake(at(1.0), Gatekeeper { shut: true, hears: true });
        assert_eq!(queue.lengths(), Lengths { gated: 1, ..Lengths::default() });
        assert_eq!((pop(&mut queue), queue.poll_timeout()), (None, None));
        queue.wake(at(2.0), Gatekeeper { shut: false, hears: false });
        queue.handle_timeout(at(1000.0), &mut Gatekeeper { shut: false, hears: true });
        assert_eq!(queue.lengths().gated, 1, "not the gate's event, and no sweep of what is held back");
        queue.wake(at(1000.0), Gatekeeper { shut: true, hears: true });
        assert_eq!(queue.lengths().gated, 1, "the gate is still shut");
        queue.wake(at(1000.5), Gatekeeper { shut: false, hears: true });
        assert_eq!(queue.lengths(), Lengths { active: 1, ..Lengths::default() });
        assert_eq!(queue.get(pod(0)).unwrap().gate, None);
        assert_eq!(pop(&mut queue), Some(0));
        queue.remove(pod(0));
        assert!(queue.gated.is_empty() && queue.parked.is_empty());
    }

    #[test]
    fn a_pod_that_is_held_back_can_go() {
        let mut queue = queue();
        queue.add(at(0.0), pod(0), ClassId(0), 0, Some(3));
        queue.remove(pod(0));
        assert_eq!((queue.lengths(), queue.gated.len()), (Lengths::default(), 0));
    }

    #[test]
    fn priority_then_arrival() {
        let mut queue = queue();
        for (row, priority) in [(0, 0), (1, 5), (2, 0), (3, 5)] {
            add(&mut queue, 0.0, row, priority);
        }
        assert_eq!(std::iter::from_fn(|| pop(&mut queue)).collect::<Vec<_>>(), [1, 3, 0, 2]);
    }

    #[test]
    fn golden_release_ticks() {
        for (failed, errors, release) in [(12.3, 1, 14.0), (12.0, 1, 14.0), (12.3, 3, 17.0)] {
            let mut queue = queue();
            add(&mut queue, 0.0, 0, 0);
            for attempt in 0..errors {
                queue.flush(at(12.0));
                assert_eq!(pop(&mut queue), Some(0), "attempt {attempt}");
                let moment = if attempt + 1 == errors { failed } else { f64::from(attempt) };
                fail(&mut queue, moment, 0, PluginSet::default());
            }
            assert_eq!(queue.poll_timeout(), Some(at(release)));
            queue.flush(at(release - 0.001));
            assert_eq!(queue.lengths().active, 0);
            queue.flush(at(release));
            assert_eq!(queue.lengths().active, 1);
        }
    }

    #[test]
    fn backoffs_double_up_to_the_limit() {
        let mut queue = queue();
        add(&mut queue, 0.0, 0, 0);
        let mut waits = Vec::new();
        for _ in 0..6 {
            pop(&mut queue);
            fail(&mut queue, 0.0, 0, FIT);
            waits.push(queue.release_of(pod(0)).unwrap().0 / NANOS_PER_SECOND);
            queue.wake(at(0.0), |_, _| true);
        }
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn an_idle_queue_does_not_wait_for_rejected_pods_but_for_errors() {
        let mut queue = queue();
        add(&mut queue, 0.0, 0, 0);
        pop(&mut queue);
        fail(&mut queue, 0.0, 0, FIT);
        assert_eq!(pop(&mut queue), None, "parked until an event");
        queue.wake(at(0.1), |_, _| true);
        assert_eq!(queue.lengths().backoff, 1);
        assert_eq!(pop(&mut queue), Some(0), "back-off is bypassed when the active queue is empty");
        fail(&mut queue, 0.2, 0, PluginSet::default());
        assert_eq!(pop(&mut queue), None);
        assert!(!queue.is_ready());
    }

    #[test]
    fn only_groups_that_are_helped_move() {
        let mut queue = queue();
        for row in 0..3 {
            add(&mut queue, 0.0, row, 0);
            pop(&mut queue);
            fail(&mut queue, 0.0, row, FIT);
        }
        let mut asked = 0;
        queue.wake(at(20.0), |class, _| {
            asked += 1;
            class == ClassId(1)
        });
        assert_eq!((asked, queue.lengths().active, queue.lengths().unschedulable), (3, 1, 2));
    }

    #[test]
    fn leftovers_are_swept_after_more_than_five_minutes() {
        let mut queue = queue();
        add(&mut queue, 0.0, 0, 0);
        pop(&mut queue);
        fail(&mut queue, 30.0, 0, FIT);
        // At 330 s it has waited exactly five minutes, which is not more.
        assert_eq!(queue.poll_timeout(), Some(at(360.0)));
        queue.handle_timeout(at(330.0), &mut anything);
        assert_eq!(queue.lengths().unschedulable, 1);
        queue.handle_timeout(at(360.0), &mut anything);
        assert_eq!((queue.lengths().active, queue.poll_timeout()), (1, None));
    }

    #[test]
    fn removed_pods_leave_no_trace() {
        let mut queue = queue();
        for row in 0..4 {
            add(&mut queue, 0.0, row, 0);
        }
        pop(&mut queue);
        fail(&mut queue, 0.0, 0, FIT);
        pop(&mut queue);
        fail(&mut queue, 0.0, 1, PluginSet::default());
        for row in 0..4 {
            queue.remove(pod(row));
        }
        assert_eq!(queue.lengths(), Lengths::default());
        assert_eq!((queue.poll_timeout(), queue.is_ready(), pop(&mut queue)), (None, false, None));
        // The row is used again by another pod.
        add(&mut queue, 1.0, 2, 0);
        assert_eq!(pop(&mut queue), Some(2));
    }

    #[test]
    fn gated_pods_stay() {
        let mut queue = queue();
        queue.add(at(0.0), pod(0), ClassId(0), 0, Some(3));
        queue.wake(at(1.0), |_, _| true);
        queue.handle_timeout(at(1000.0), &mut anything);
        assert_eq!((pop(&mut queue), queue.lengths().gated), (None, 1));
        assert_eq!(queue.poll_timeout(), None);
    }
}
