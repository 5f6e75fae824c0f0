//! What is free from now on, as far as it is promised: steps in time.

use crate::base::{BitSet, Time};
use std::fmt::Debug;

/// What is free at a moment: a number of processors, or particular ones.
pub(super) trait Free: Clone + PartialEq + Debug {
    /// What is taken of it for a job.
    type Part: Clone + PartialEq + Debug;

    /// How many processors that is.
    fn count(&self) -> u32;
    /// Keeps what is free in both.
    fn keep_common(&mut self, other: &Self);
    /// Chooses `count` processors of it.
    fn choose(&self, count: u32) -> Self::Part;
    /// Takes a part out.
    fn remove(&mut self, part: &Self::Part);
    /// Puts a part back.
    fn add(&mut self, part: &Self::Part);
}

impl Free for u32 {
    type Part = u32;

    fn count(&self) -> u32 {
        *self
    }

    fn keep_common(&mut self, other: &u32) {
        *self = (*self).min(*other);
    }

    fn choose(&self, count: u32) -> u32 {
        count
    }

    fn remove(&mut self, part: &u32) {
        *self -= part;
    }

    fn add(&mut self, part: &u32) {
        *self += part;
    }
}

impl Free for BitSet {
    type Part = BitSet;

    fn count(&self) -> u32 {
        self.count() as u32
    }

    fn keep_common(&mut self, other: &BitSet) {
        self.and(other);
    }

    fn choose(&self, count: u32) -> BitSet {
        self.lowest(count as usize)
    }

    fn remove(&mut self, part: &BitSet) {
        self.and_not(part);
    }

    fn add(&mut self, part: &BitSet) {
        self.or(part);
    }
}

/// What is free from a moment on until the next step.
#[derive(Clone, PartialEq, Debug)]
struct Step<F> {
    from: Time,
    free: F,
    count: u32,
}

/// Steps in time; the last one has no end.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Profile<F> {
    steps: Vec<Step<F>>,
}

impl<F: Free> Profile<F> {
    /// The same is free for ever.
    pub(super) fn new(now: Time, free: F) -> Profile<F> {
        let count = free.count();
        Profile { steps: vec![Step { from: now, free, count }] }
    }

    /// Forgets what is before `now`.
    pub(super) fn advance(&mut self, now: Time) {
        let past = self.steps.partition_point(|step| step.from <= now).saturating_sub(1);
        self.steps.drain(..past);
        self.steps[0].from = self.steps[0].from.max(now);
    }

    /// The earliest time from which `count` processors are free for as long as from `now` to `end`, and
    /// which ones.
    pub(super) fn find(&self, now: Time, end: Time, count: u32) -> Option<(Time, F::Part)> {
        let mut first = 0;
        'starts: while first < self.steps.len() {
            let start = self.steps[first].from.max(now);
            let end = if end == Time::MAX { end } else { Time(start.0.saturating_add(end.0 - now.0)) };
            for (place, step) in self.steps.iter().enumerate().skip(first) {
                if place > first && step.from >= end {
                    break;
                }
                if step.count < count {
                    first = place + 1;
                    continue 'starts;
                }
            }
            if let Some(part) = self.common(first, end, count) {
                return Some((start, part));
            }
            first += 1;
        }
        None
    }

    /// `count` of the processors that are free in every step from one on to `end`.
    fn common(&self, first: usize, end: Time, count: u32) -> Option<F::Part> {
        let mut free = self.steps[first].free.clone();
        for step in self.steps[first + 1..].iter().take_while(|step| step.from < end) {
            free.keep_common(&step.free);
        }
        (free.count() >= count).then(|| free.choose(count))
    }

    /// Promises a part from one moment to another.
    pub(super) fn take(&mut self, from: Time, to: Time, part: &F::Part) {
        self.change(from, to, |free| free.remove(part));
    }

    /// Takes a promise back.
    pub(super) fn give(&mut self, from: Time, to: Time, part: &F::Part) {
        self.change(from, to, |free| free.add(part));
    }

    fn change(&mut self, from: Time, to: Time, change: impl Fn(&mut F)) {
        let from = from.max(self.steps[0].from);
        if from >= to {
            return;
        }
        let first = self.split(from);
        let last = if to == Time::MAX { self.steps.len() } else { self.split(to) };
        for step in &mut self.steps[first..last] {
            change(&mut step.free);
            step.count = step.free.count();
        }
        self.merge(last);
        self.merge(first);
    }

    /// The step that begins at `at`, made if there is none.
    fn split(&mut self, at: Time) -> usize {
        let place = self.steps.partition_point(|step| step.from < at);
        if self.steps.get(place).is_none_or(|step| step.from != at) {
            let mut step = self.steps[place - 1].clone();
            step.from = at;
            self.steps.insert(place, step);
        }
        place
    }

    /// Drops a step that changes nothing.
    fn merge(&mut self, place: usize) {
        if place > 0 && place < self.steps.len() && self.steps[place - 1].free == self.steps[place].free {
            self.steps.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(profile: &Profile<u32>) -> Vec<(u64, u32)> {
        profile.steps.iter().map(|step| (step.from.0, step.free)).collect()
    }

    #[test]
    fn promises_are_steps() {
        let mut profile = Profile::new(Time(0), 10);
        profile.take(Time(0), Time(50), &4);
        profile.take(Time(20), Time(50), &6);
        assert_eq!(steps(&profile), [(0, 6), (20, 0), (50, 10)]);
        assert_eq!(profile.find(Time(0), Time(20), 6), Some((Time(0), 6)));
        assert_eq!(profile.find(Time(0), Time(21), 6), Some((Time(50), 6)), "one too long");
        assert_eq!(profile.find(Time(0), Time::MAX, 1), Some((Time(50), 1)));
        assert_eq!(profile.find(Time(0), Time(1), 11), None);
        profile.give(Time(20), Time(50), &6);
        assert_eq!(steps(&profile), [(0, 6), (50, 10)]);
        profile.advance(Time(60));
        assert_eq!(steps(&profile), [(60, 10)]);
    }

    #[test]
    fn particular_processors_must_be_free_all_the_time() {
        let mut all = BitSet::new(4);
        all.fill();
        let set = |numbers: &[usize]| {
            let mut set = BitSet::new(4);
            for &number in numbers {
                set.insert(number);
            }
            set
        };
        let mut profile = Profile::new(Time(0), all);
        profile.take(Time(0), Time(10), &set(&[0, 1]));
        profile.take(Time(10), Time(20), &set(&[2, 3]));
        // Two are free at any time, but never the same two from 0 to 11.
        assert_eq!(profile.find(Time(0), Time(10), 2), Some((Time(0), set(&[2, 3]))));
        assert_eq!(profile.find(Time(0), Time(11), 2), Some((Time(10), set(&[0, 1]))));
        assert_eq!(profile.find(Time(0), Time(1), 3), Some((Time(20), set(&[0, 1, 2]))));
    }

    proptest::proptest! {
        /// The earliest fit is what trying every moment finds.
        #[test]
        fn the_earliest_fit_is_what_trying_every_moment_finds(
            promised in proptest::collection::vec((0u64..40, 1u64..20, 1u32..4), 0..12),
            count in 1u32..9,
            length in 1u64..15,
        ) {
            let mut free = vec![8u32; 200];
            let mut profile = Profile::new(Time(0), 8u32);
            for (from, length, count) in promised {
                let all = from as usize..(from + length) as usize;
                if free[all.clone()].iter().all(|left| *left >= count) {
                    free[all].iter_mut().for_each(|left| *left -= count);
                    profile.take(Time(from), Time(from + length), &count);
                }
            }
            let fits = |start: &usize| free[*start..*start + length as usize].iter().all(|left| *left >= count);
            let expected = (0..180).find(fits).map(|start| Time(start as u64));
            proptest::prop_assert_eq!(profile.find(Time(0), Time(length), count).map(|found| found.0), expected);
        }
    }
}
