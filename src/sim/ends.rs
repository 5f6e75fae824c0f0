//! The ends of many tasks: a queue whose cost does not grow with how many there are.
//!
//! What ends within the present stretch of time is in a heap, which is small; everything later lies
//! unsorted in its own stretch, and what is further away than the stretches reach in a heap of its
//! own. Ends come in order of time, those of one moment in the order in which they were planned.
//! Whether an end is still meant is said by the caller, who knows its ticket.

use crate::base::Time;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// The binary logarithm of a stretch in nanoseconds: about 17 s.
const STRETCH: u32 = 34;
/// So many stretches are kept: about 52 days.
const REACH: u64 = 1 << 18;

/// When, the ticket, and what.
type Entry<E> = Reverse<(u64, u64, E)>;

/// See the module's description.
pub(super) struct Ends<E> {
    present: BinaryHeap<Entry<E>>,
    /// The stretch that `present` holds; the first of `later` is the next one.
    stretch: u64,
    later: VecDeque<Vec<Entry<E>>>,
    far: BinaryHeap<Entry<E>>,
    tickets: u64,
    /// What was planned for the present stretch when it began.
    fresh: Vec<E>,
}

impl<E: Copy + Ord> Ends<E> {
    pub(super) fn new() -> Ends<E> {
        Ends {
            present: BinaryHeap::new(),
            stretch: 0,
            later: VecDeque::new(),
            far: BinaryHeap::new(),
            tickets: 0,
            fresh: Vec::new(),
        }
    }

    /// What was planned for the stretch that has begun since the last call; empty if none has. It will
    /// be asked for soon.
    pub(super) fn fresh(&mut self) -> std::vec::Drain<'_, E> {
        self.fresh.drain(..)
    }

    /// Plans an end, which is not before the last one that was taken. Gives its ticket, which is never 0.
    pub(super) fn plan(&mut self, at: Time, what: E) -> u64 {
        self.tickets += 1;
        let entry = Reverse((at.0, self.tickets, what));
        let ahead = (at.0 >> STRETCH).saturating_sub(self.stretch);
        if ahead == 0 {
            self.present.push(entry);
        } else if ahead <= REACH {
            let place = ahead as usize - 1;
            if self.later.len() <= place {
                self.later.resize_with(place + 1, Vec::new);
            }
            self.later[place].push(entry);
        } else {
            self.far.push(entry);
        }
        self.tickets
    }

    /// The next end that is still meant: when, and what. Those that are not are forgotten.
    pub(super) fn peek(&mut self, is_meant: impl Fn(E, u64) -> bool) -> Option<(Time, E)> {
        loop {
            while let Some(&Reverse((at, ticket, what))) = self.present.peek() {
                if is_meant(what, ticket) {
                    return Some((Time(at), what));
                }
                self.present.pop();
            }
            if !self.advance() {
                return None;
            }
        }
    }

    /// Takes the end that [`Ends::peek`] has shown.
    pub(super) fn take(&mut self) {
        self.present.pop();
    }

    /// Goes to the next stretch with an end; false if there is none.
    fn advance(&mut self) -> bool {
        let near = self.later.iter().position(|stretch| !stretch.is_empty());
        let near = near.map(|place| self.stretch + 1 + place as u64);
        let far = self.far.peek().map(|Reverse((at, ..))| at >> STRETCH);
        let Some(next) = near.into_iter().chain(far).min() else { return false };
        for _ in self.stretch..next {
            if let Some(stretch) = self.later.pop_front() {
                self.fresh.extend(stretch.iter().map(|Reverse((_, _, what))| *what));
                self.present.extend(stretch);
            } else {
                break;
            }
        }
        self.stretch = next;
        while let Some(&Reverse((at, ..))) = self.far.peek()
            && at >> STRETCH <= next
        {
            self.present.extend(self.far.pop());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The ends come as from a sorted list, whatever is planned and given up on the way.
        #[test]
        fn safety_ends_come_as_from_a_sorted_list(
            steps in prop::collection::vec((0u64..1 << 38, 0u32..5, any::<bool>()), 1..200),
        ) {
            let mut ends = Ends::new();
            let mut list: Vec<(u64, u64, usize)> = Vec::new();
            let mut now = 0;
            for (number, (ahead, far, takes)) in steps.into_iter().enumerate() {
                // Some are as far away as fifty years.
                let at = now + (ahead << (far * 4).saturating_sub(4));
                let ticket = ends.plan(Time(at), number);
                list.push((at, ticket, number));
                if number % 7 == 3 {
                    list.remove(number % list.len());
                }
                if takes {
                    list.sort_unstable();
                    let meant = |what: usize, ticket: u64| list.iter().any(|&(_, t, w)| (t, w) == (ticket, what));
                    let expected = list.first().copied();
                    prop_assert_eq!(ends.peek(meant), expected.map(|(at, _, what)| (Time(at), what)));
                    if let Some((at, ..)) = expected {
                        ends.take();
                        list.remove(0);
                        now = at;
                    }
                }
            }
        }
    }
}
