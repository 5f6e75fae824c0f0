//! The work queue in front of every workload controller: keys that are due, each once.
//!
//! It behaves as client-go's delaying and rate-limited queue does (util/workqueue): a key that is
//! added again while it waits is not added twice; of two delays the earlier one holds; a failed
//! sync is repeated after a wait that doubles. Keys come out by time, then in the order in which
//! they were added. What a key stands for is not known here.

use super::Config;
use crate::base::{Map, Span, Time};
use std::collections::BTreeSet;
use std::hash::Hash;

/// Where a key waits: its moment, and its number in order of addition.
type Place = (Time, u64);

/// See the module's description.
#[derive(Clone, Debug)]
pub(crate) struct WorkQueue<K> {
    order: BTreeSet<(Time, u64, K)>,
    ready: Map<K, Place>,
    delayed: Map<K, Place>,
    failures: Map<K, u32>,
    sequence: u64,
    retry_initial: Span,
    retry_max: Span,
}

impl<K: Copy + Ord + Hash> WorkQueue<K> {
    /// An empty queue with the waits of `config`.
    pub(crate) fn new(config: &Config) -> WorkQueue<K> {
        WorkQueue {
            order: BTreeSet::new(),
            ready: Map::default(),
            delayed: Map::default(),
            failures: Map::default(),
            sequence: 0,
            retry_initial: config.controllers.retry_initial,
            retry_max: config.controllers.retry_max,
        }
    }

    /// Adds a key that is due now.
    pub(crate) fn add(&mut self, key: K, now: Time) {
        if !self.ready.contains_key(&key) {
            let place = self.enter(key, now);
            self.ready.insert(key, place);
        }
    }

    /// Adds a key that is due at a later moment; an earlier one that is known already holds.
    pub(crate) fn add_at(&mut self, key: K, now: Time, due: Time) {
        if due <= now {
            return self.add(key, now);
        }
        if let Some(&(known, number)) = self.delayed.get(&key) {
            if known <= due {
                return;
            }
            self.order.remove(&(known, number, key));
        }
        let place = self.enter(key, due);
        self.delayed.insert(key, place);
    }

    /// Adds a key whose sync has failed: its n-th failure in a row waits 2^(n-1) times the first.
    pub(crate) fn add_failed(&mut self, key: K, now: Time) {
        let failures = self.failures.entry(key).or_insert(0);
        let wait = 1_u64.checked_shl(*failures).map_or(Span::MAX, |factor| self.retry_initial * factor);
        *failures = failures.saturating_add(1);
        let wait = wait.min(self.retry_max);
        self.add_at(key, now, now + wait);
    }

    /// Adds a key to which something has happened since its latest sync began, which wrote at `sent`.
    /// Where watches take time, the original begins anew before it has seen its own write; what it
    /// writes then is refused, or it notices itself, and it waits as after a failure.
    pub(crate) fn add_again(&mut self, key: K, sent: Time, now: Time) {
        let wait = if now > sent { self.retry_initial } else { Span::ZERO };
        // A longer wait after failures goes on beside it.
        if !self.ready.contains_key(&key) {
            let place = self.enter(key, now + wait);
            self.ready.insert(key, place);
        }
    }

    /// Forgets the failures of a key, after a sync that went well.
    pub(crate) fn forget(&mut self, key: K) {
        self.failures.remove(&key);
    }

    /// How often in a row the sync of a key has failed.
    pub(crate) fn failures(&self, key: K) -> u32 {
        self.failures.get(&key).copied().unwrap_or(0)
    }

    /// The earliest moment at which a key is due.
    pub(crate) fn next(&self) -> Option<Time> {
        self.order.first().map(|&(due, ..)| due)
    }

    /// Takes the next key that is due.
    pub(crate) fn pop(&mut self, now: Time) -> Option<K> {
        let &(due, number, key) = self.order.first().filter(|(due, ..)| *due <= now)?;
        self.order.remove(&(due, number, key));
        for waiting in [&mut self.ready, &mut self.delayed] {
            if let Some(&(due, number)) = waiting.get(&key)
                && due <= now
            {
                self.order.remove(&(due, number, key));
                waiting.remove(&key);
            }
        }
        Some(key)
    }

    fn enter(&mut self, key: K, due: Time) -> Place {
        let number = self.sequence;
        self.sequence += 1;
        self.order.insert((due, number, key));
        (due, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> WorkQueue<u32> {
        WorkQueue::new(&Config::default())
    }

    fn drain(queue: &mut WorkQueue<u32>, seconds: u64) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(Time::from_secs(seconds))).collect()
    }

    #[test]
    fn keys_come_once_and_in_order() {
        let mut queue = queue();
        let now = Time::from_secs(1);
        for key in [3, 1, 3, 2, 1] {
            queue.add(key, now);
        }
        assert_eq!(drain(&mut queue, 1), [3, 1, 2]);
        queue.add(1, now);
        assert_eq!(drain(&mut queue, 1), [1], "a key can come again after it was taken");
    }

    #[test]
    fn the_earlier_delay_holds_and_survives_an_immediate_add() {
        let mut queue = queue();
        let now = Time::from_secs(1);
        queue.add_at(7, now, Time::from_secs(5));
        queue.add_at(7, now, Time::from_secs(3));
        queue.add_at(7, now, Time::from_secs(4));
        queue.add(7, now);
        assert_eq!(queue.next(), Some(now));
        assert_eq!(drain(&mut queue, 2), [7]);
        assert_eq!(queue.next(), Some(Time::from_secs(3)));
        queue.add(7, Time::from_secs(3));
        assert_eq!(drain(&mut queue, 9), [7], "due for two reasons is due once");
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn beginning_anew_leaves_the_wait_after_failures_alone() {
        let mut queue = queue();
        queue.add_at(1, Time::ZERO, Time::from_secs(80));
        queue.add_again(1, Time::ZERO, Time::from_secs(1));
        queue.add_again(1, Time::ZERO, Time::from_secs(1));
        assert_eq!(drain(&mut queue, 2), [1]);
        assert_eq!(queue.next(), Some(Time::from_secs(80)));
    }

    #[test]
    fn failures_double_the_wait_up_to_the_longest() {
        let mut queue = queue();
        let mut waits = Vec::new();
        for _ in 0..70 {
            queue.add_failed(1, Time::ZERO);
            let due = queue.next().unwrap();
            waits.push(due.0 / 1_000_000);
            queue.pop(due);
        }
        assert_eq!(waits[..4], [5, 10, 20, 40]);
        assert_eq!(waits[69], 1_000_000);
        queue.forget(1);
        queue.add_failed(1, Time::ZERO);
        assert_eq!(queue.next(), Some(Time(5_000_000)));
    }
}
