//! Conservative backfilling: every job that waits has a place in the future, and none loses its own
//! to one that came later.

use super::ends::Ends;
use super::profile::{Free, Profile};
use super::queue::Waiting;
use crate::base::ids::JobId;
use crate::base::{BitSet, Time};
use crate::cluster::Machine;
use std::collections::BTreeSet;

/// What a machine has free, as its jobs hold it.
pub(super) trait Seats: Free {
    /// All of a machine.
    fn all(machine: &Machine) -> Self;
    /// What a job holds that runs.
    fn held(machine: &Machine, job: JobId) -> Self::Part;
    /// Whether a part is free now.
    fn is_free(machine: &Machine, part: &Self::Part) -> bool;
    /// Gives a part to a job.
    fn take(machine: &mut Machine, job: JobId, part: Self::Part);
}

impl Seats for u32 {
    fn all(machine: &Machine) -> u32 {
        machine.processors
    }

    fn held(machine: &Machine, job: JobId) -> u32 {
        machine.size[job.index()]
    }

    fn is_free(machine: &Machine, part: &u32) -> bool {
        *part <= machine.free
    }

    fn take(machine: &mut Machine, job: JobId, _part: u32) {
        machine.take(job);
    }
}

impl Seats for BitSet {
    fn all(machine: &Machine) -> BitSet {
        let mut all = BitSet::new(machine.processors as usize);
        all.fill();
        all
    }

    fn held(machine: &Machine, job: JobId) -> BitSet {
        machine.held(job).cloned().unwrap_or_default()
    }

    fn is_free(machine: &Machine, part: &BitSet) -> bool {
        machine.numbered.as_ref().is_some_and(|numbered| part.is_subset(&numbered.idle))
    }

    fn take(machine: &mut Machine, job: JobId, part: BitSet) {
        machine.take_part(job, part);
    }
}

/// A part of the machine that a job has, or is to have.
#[derive(Clone, PartialEq, Debug)]
struct Slot<P> {
    from: Time,
    to: Time,
    part: P,
}

/// The places of all jobs, and what they leave.
#[derive(Clone, Debug)]
pub(super) struct Plan<F: Free> {
    profile: Profile<F>,
    /// By row, of jobs that run or wait.
    slots: Vec<Option<Slot<F::Part>>>,
    /// When jobs that wait are to start; then the order of submission.
    starts: BTreeSet<(Time, u64, JobId)>,
    /// Whether no job could take an earlier place when they were last tried, and nothing was given back
    /// since: to try again would change nothing.
    settled: bool,
}

impl<F: Seats> Plan<F> {
    pub(super) fn new(machine: &Machine) -> Plan<F> {
        let profile = Profile::new(Time::ZERO, F::all(machine));
        Plan { profile, slots: Vec::new(), starts: BTreeSet::new(), settled: true }
    }

    /// Forgets what is before `now`.
    pub(super) fn advance(&mut self, now: Time) {
        self.profile.advance(now);
    }

    /// The first moment after `now` at which a job is to start.
    pub(super) fn next_start(&self, now: Time) -> Option<Time> {
        let after = Time(now.0.saturating_add(1));
        self.starts.range((after, 0, JobId(0))..).next().map(|(at, ..)| *at).filter(|at| *at < Time::MAX)
    }

    /// The moment that a job which waits is to start at.
    pub(super) fn promised(&self, job: JobId) -> Option<Time> {
        self.slots.get(job.index())?.as_ref().map(|slot| slot.from)
    }

    /// What it is to have then.
    pub(super) fn part(&self, job: JobId) -> Option<&F::Part> {
        Some(&self.slots.get(job.index())?.as_ref()?.part)
    }

    /// Whether a job should have started by now.
    pub(super) fn is_late(&self, now: Time) -> bool {
        self.starts.first().is_some_and(|(at, ..)| *at < now)
    }

    /// Gives a job that waits the first place that is free for all its time.
    fn place(&mut self, now: Time, waiting: &Waiting) {
        let end = waiting.end(now);
        let found = self.profile.find(now, end, waiting.size);
        let (from, part) = found.expect("a job that needs no more than there is fits in the end");
        let to = if end == Time::MAX { end } else { Time(from.0.saturating_add(end.0 - now.0)) };
        self.profile.take(from, to, &part);
        self.starts.insert((from, waiting.number, waiting.job));
        self.fill(waiting.job, Slot { from, to, part });
    }

    /// The same for several, in order.
    pub(super) fn place_all(&mut self, now: Time, list: &[Waiting]) {
        for waiting in list {
            self.place(now, waiting);
        }
    }

    fn fill(&mut self, job: JobId, slot: Slot<F::Part>) {
        if self.slots.len() <= job.index() {
            self.slots.resize(job.index() + 1, None);
        }
        self.slots[job.index()] = Some(slot);
    }

    /// Takes back what is left of an ended job's place.
    pub(super) fn leave(&mut self, now: Time, job: JobId) {
        let Some(slot) = self.slots.get_mut(job.index()).and_then(Option::take) else { return };
        self.settled &= slot.to <= now;
        self.profile.give(slot.from.max(now), slot.to, &slot.part);
    }

    /// Each job in turn gives its place up and takes the first that is free, while all others keep
    /// theirs: none can get a later one.
    pub(super) fn compress(&mut self, now: Time, queue: &[Waiting]) {
        if self.settled {
            return;
        }
        self.settled = true;
        for waiting in queue {
            let Some(slot) = self.slots.get_mut(waiting.job.index()).and_then(Option::take) else { continue };
            self.starts.remove(&(slot.from, waiting.number, waiting.job));
            self.profile.give(slot.from, slot.to, &slot.part);
            self.place(now, waiting);
            self.settled &= self.slots[waiting.job.index()].as_ref() == Some(&slot);
        }
    }

    /// Makes all places anew, in the order of the queue: jobs that have outrun their estimates are taken
    /// to end now.
    pub(super) fn rebuild(&mut self, now: Time, machine: &Machine, running: &Ends, queue: &[Waiting]) {
        self.profile = Profile::new(now, F::all(machine));
        self.starts.clear();
        for (end, job) in running.iter() {
            let part = F::held(machine, job);
            self.profile.take(now, end, &part);
            self.fill(job, Slot { from: now, to: end.max(now), part });
        }
        self.place_all(now, queue);
        self.settled = false;
    }

    /// Gives jobs that are to start by now what they are to have, in order, where it is free; they count
    /// as running then.
    pub(super) fn start_due(&mut self, now: Time, machine: &mut Machine) -> Vec<JobId> {
        let due: Vec<_> = self.starts.iter().take_while(|(at, ..)| *at <= now).copied().collect();
        let mut started = Vec::new();
        for key in due {
            let Some(slot) = &self.slots[key.2.index()] else { continue };
            if F::is_free(machine, &slot.part) {
                F::take(machine, key.2, slot.part.clone());
                self.starts.remove(&key);
                started.push(key.2);
            }
        }
        started
    }
}

/// The plan, by what reservations are of.
#[derive(Clone, Debug, Default)]
pub(super) enum Plans {
    /// None: nothing is planned.
    #[default]
    None,
    /// Of numbers of processors.
    Counts(Plan<u32>),
    /// Of particular processors.
    Machines(Plan<BitSet>),
}

impl Plans {
    pub(super) fn next_start(&self, now: Time) -> Option<Time> {
        match self {
            Plans::None => None,
            Plans::Counts(plan) => plan.next_start(now),
            Plans::Machines(plan) => plan.next_start(now),
        }
    }

    pub(super) fn promised(&self, job: JobId) -> Option<Time> {
        match self {
            Plans::None => None,
            Plans::Counts(plan) => plan.promised(job),
            Plans::Machines(plan) => plan.promised(job),
        }
    }

    /// The processors that a job is to have, or has, where they are told apart.
    pub(super) fn part(&self, job: JobId) -> Option<&BitSet> {
        match self {
            Plans::None | Plans::Counts(_) => None,
            Plans::Machines(plan) => plan.part(job),
        }
    }

    pub(super) fn leave(&mut self, now: Time, job: JobId) {
        match self {
            Plans::None => {}
            Plans::Counts(plan) => plan.leave(now, job),
            Plans::Machines(plan) => plan.leave(now, job),
        }
    }
}
