//! The event queue: what happens next.
//!
//! Events are ordered by (time, class, sequence): at one instant the lower class comes first, and
//! within a class the event that was scheduled first. The order is total, so a run never depends on
//! how the queue is built. Scheduling returns a [`Key`] with which the event can be cancelled.
//!
//! Arrivals that are known to be sorted, such as the rows of a trace, go into a lane of their own
//! ([`EventQueue::append`]): they cost no heap operation and keep the heap small.
//!
//! ```
//! use seatrial::base::Time;
//! use seatrial::sim::queue::{Class, EventQueue};
//!
//! let mut queue = EventQueue::new();
//! let late = queue.schedule(Time(20), Class(0), "late");
//! queue.schedule(Time(10), Class(1), "second at ten");
//! queue.schedule(Time(10), Class(0), "first at ten");
//! queue.append(Time(10), Class(2), "arrival at ten");
//! assert_eq!(queue.cancel(late), Some("late"));
//!
//! let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
//! assert_eq!(order, ["first at ten", "second at ten", "arrival at ten"]);
//! ```

use crate::base::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The order of events at one instant: lower classes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Class(pub u8);

impl Class {
    /// Machines and containers.
    pub const WORLD: Class = Class(0);
    /// Failures and repairs.
    pub const FAULT: Class = Class(1);
    /// Commits and deliveries of the API server.
    pub const API: Class = Class(2);
    /// What a person does.
    pub const ACTION: Class = Class(3);
    /// New work.
    pub const ARRIVAL: Class = Class(4);
}

/// Names a scheduled event, for cancelling it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    slot: u32,
    rank: u64,
}

/// Bits of a rank that hold the sequence number; the class is above them.
const SEQUENCE_BITS: u32 = 56;

/// Where an event stands: time, then rank (class and sequence), and the slot of its payload.
type Entry = (u64, u64, u32);

/// A payload with the rank of the entry it belongs to.
#[derive(Clone, Debug)]
struct Slot<E> {
    rank: u64,
    event: Option<E>,
}

/// A priority queue of events of one type.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    heap: BinaryHeap<Reverse<Entry>>,
    slots: Vec<Slot<E>>,
    free: Vec<u32>,
    lane: VecDeque<(u64, u64, E)>,
    sequence: u64,
    /// Entries in the heap whose event has been cancelled.
    stale: usize,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue::new()
    }
}

impl<E> EventQueue<E> {
    /// An empty queue.
    pub fn new() -> EventQueue<E> {
        EventQueue {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            lane: VecDeque::new(),
            sequence: 0,
            stale: 0,
        }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.heap.len() - self.stale + self.lane.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Schedules an event. O(log n).
    pub fn schedule(&mut self, at: Time, class: Class, event: E) -> Key {
        let rank = self.next_rank(class);
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Slot { rank, event: Some(event) };
            slot
        } else {
            self.slots.push(Slot { rank, event: Some(event) });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 events wait")
        };
        self.heap.push(Reverse((at.0, rank, slot)));
        Key { slot, rank }
    }

    /// Schedules an event in the sorted lane. O(1). It cannot be cancelled.
    ///
    /// # Panics
    /// If the event is not after every event of the lane in the queue's order.
    pub fn append(&mut self, at: Time, class: Class, event: E) {
        let rank = self.next_rank(class);
        if let Some((last, last_rank, _)) = self.lane.back() {
            assert!((*last, *last_rank) < (at.0, rank), "the lane is sorted");
        }
        self.lane.push_back((at.0, rank, event));
    }

    /// Schedules an event that cannot be cancelled: in the sorted lane if it is after every event
    /// there, as the next arrival of an only source always is, and otherwise in the heap.
    pub fn arrive(&mut self, at: Time, class: Class, event: E) {
        let is_last = self.lane.back().is_none_or(|&(last, rank, _)| {
            (last, rank) < (at.0, u64::from(class.0) << SEQUENCE_BITS | self.sequence)
        });
        if is_last {
            self.append(at, class, event);
        } else {
            self.schedule(at, class, event);
        }
    }

    /// Takes a scheduled event out; `None` if it has happened or was cancelled before. Amortised
    /// O(1): the entry stays in the heap until it is met, or until half of the heap is such.
    pub fn cancel(&mut self, key: Key) -> Option<E> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.rank != key.rank {
            return None;
        }
        let event = slot.event.take()?;
        self.free.push(key.slot);
        self.stale += 1;
        if self.stale * 2 > self.heap.len() && self.stale > 64 {
            self.sweep();
        }
        Some(event)
    }

    /// The moment of the next event.
    pub fn peek(&mut self) -> Option<Time> {
        self.drop_stale();
        let heap = self.heap.peek().map(|Reverse((time, _, _))| *time);
        let lane = self.lane.front().map(|(time, _, _)| *time);
        match (heap, lane) {
            (Some(heap), Some(lane)) => Some(Time(heap.min(lane))),
            (one, other) => one.or(other).map(Time),
        }
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.drop_stale();
        let heap = self.heap.peek().map(|Reverse((time, rank, _))| (*time, *rank));
        let lane = self.lane.front().map(|(time, rank, _)| (*time, *rank));
        let from_lane = match (heap, lane) {
            (Some(heap), Some(lane)) => lane < heap,
            (heap, _) => heap.is_none(),
        };
        if from_lane {
            return self.lane.pop_front().map(|(time, _, event)| (Time(time), event));
        }
        let Reverse((time, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slots[slot as usize].event.take();
        Some((Time(time), event.expect("stale entries were dropped")))
    }

    fn next_rank(&mut self, class: Class) -> u64 {
        let rank = (u64::from(class.0) << SEQUENCE_BITS) | self.sequence;
        self.sequence += 1;
        debug_assert!(self.sequence < 1 << SEQUENCE_BITS, "fewer than 2^56 events in a run");
        rank
    }

    fn is_live(slots: &[Slot<E>], entry: &Entry) -> bool {
        let slot = &slots[entry.2 as usize];
        slot.rank == entry.1 && slot.event.is_some()
    }

    /// Removes cancelled events from the top of the heap.
    fn drop_stale(&mut self) {
        while self.stale > 0
            && let Some(Reverse(entry)) = self.heap.peek()
            && !EventQueue::is_live(&self.slots, entry)
        {
            self.heap.pop();
            self.stale -= 1;
        }
    }

    /// Removes every cancelled event.
    fn sweep(&mut self) {
        let slots = &self.slots;
        self.heap.retain(|Reverse(entry)| EventQueue::is_live(slots, entry));
        self.stale = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_are_first_in_first_out() {
        let mut queue = EventQueue::new();
        for number in 0..100 {
            queue.schedule(Time(5), Class(3), number);
        }
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_key_cancels_once_and_never_another_event() {
        let mut queue = EventQueue::new();
        let first = queue.schedule(Time(1), Class(0), 'a');
        assert_eq!(queue.cancel(first), Some('a'));
        assert_eq!(queue.cancel(first), None);
        let second = queue.schedule(Time(2), Class(0), 'b');
        assert_eq!(queue.cancel(first), None, "the slot is used again, the key is not");
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.pop(), Some((Time(2), 'b')));
        assert_eq!(queue.cancel(second), None);
    }

    proptest! {
        /// The queue gives what a sorted list would, whatever is scheduled, appended and cancelled.
        #[test]
        fn safety_order_is_total(steps in prop::collection::vec((0u64..50, 0u8..4, 0u8..6), 1..400)) {
            let mut queue = EventQueue::new();
            let mut model: Vec<(u64, u8, usize)> = Vec::new();
            let mut keys = Vec::new();
            let mut lane_end = 0;
            for (number, (time, class, action)) in steps.into_iter().enumerate() {
                match action {
                    0 if !keys.is_empty() => {
                        let (key, event): (Key, usize) = keys.swap_remove(number % keys.len());
                        let expected = model.iter().position(|&(_, _, n)| n == event);
                        prop_assert_eq!(queue.cancel(key).is_some(), expected.is_some());
                        expected.map(|position| model.remove(position));
                    }
                    1 => {
                        lane_end += time;
                        queue.append(Time(lane_end), Class(class), number);
                        model.push((lane_end, class, number));
                        lane_end += 1;
                    }
                    5 => {
                        queue.arrive(Time(time), Class(class), number);
                        model.push((time, class, number));
                        lane_end = lane_end.max(time + 1);
                    }
                    2 => {
                        model.sort_unstable();
                        let expected = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(queue.peek(), expected.map(|(time, _, _)| Time(time)));
                        prop_assert_eq!(queue.pop(), expected.map(|(time, _, n)| (Time(time), n)));
                    }
                    _ => {
                        keys.push((queue.schedule(Time(time), Class(class), number), number));
                        model.push((time, class, number));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
            model.sort_unstable();
            for (time, _, number) in model {
                prop_assert_eq!(queue.pop(), Some((Time(time), number)));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}
