//! EASY backfilling: what passes the head of the queue without delaying it.

use super::ends::Shadow;
use super::policy::{Reservation, Scan, ZeroSlack};
use super::queue::Waiting;
use super::{BatchCommand, BatchControl};
use crate::base::{BitSet, Time};
use crate::cluster::Machine;

/// What a job gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// As many processors as it needs.
    Any,
    /// These very ones.
    These(BitSet),
}

/// What a scan has left to give away.
#[derive(Debug)]
enum Room {
    /// So many processors are free, and so many of them are not needed for the head at its start.
    Counts { free: u32, extra: u32 },
    /// These processors are free, and these of them are not held for the head.
    Machines { idle: BitSet, outside: BitSet },
    /// So many processors are free; the head starts when it was said to.
    Frozen { free: u32 },
}

impl Room {
    fn is_full(&self) -> bool {
        match self {
            Room::Counts { free, .. } | Room::Frozen { free } => *free == 0,
            Room::Machines { idle, .. } => idle.is_empty(),
        }
    }

    /// Takes what a job needs that ends before the head is to start, or one that does not. `None` if it
    /// cannot have it.
    fn take(&mut self, size: u32, ends_in_time: bool) -> Option<Part> {
        match self {
            Room::Counts { free, extra } => {
                if size > *free || !(ends_in_time || size <= *extra) {
                    return None;
                }
                *free -= size;
                if !ends_in_time {
                    *extra -= size;
                }
                Some(Part::Any)
            }
            Room::Machines { idle, outside } => {
                let from = if ends_in_time { &*idle } else { &*outside };
                if from.count() < size as usize {
                    return None;
                }
                let part = from.lowest(size as usize);
                idle.and_not(&part);
                outside.and_not(&part);
                Some(Part::These(part))
            }
            Room::Frozen { free } => {
                if size > *free || !ends_in_time {
                    return None;
                }
                *free -= size;
                Some(Part::Any)
            }
        }
    }
}

impl BatchControl {
    /// Starts what may pass the head, from a place of the queue on. Gives the moment at which the head
    /// is to start; with frozen reservations that is what was said first, if something was.
    pub(super) fn easy(
        &mut self,
        now: Time,
        (head, said): (&Waiting, Option<Time>),
        from: usize,
        machine: &mut Machine,
        out: &mut Vec<BatchCommand>,
    ) -> Time {
        if machine.free == 0 && said.is_some() {
            return said.unwrap_or(now);
        }
        let (at, mut room) = self.room(now, head, said, machine);
        if machine.free == 0 || self.queue.len() <= from {
            return at;
        }
        let mut places = std::mem::take(&mut self.places);
        self.order_of_scan(from, &mut places);
        let mut started = std::mem::take(&mut self.started);
        let in_time = |waiting: &Waiting| match self.policy.zero_slack {
            ZeroSlack::Allowed => waiting.end(now) <= at,
            ZeroSlack::Refused => waiting.end(now) < at,
        };
        let queue = self.queue.as_slice();
        let mut look = |place: usize| {
            let waiting = &queue[place];
            if let Some(part) = room.take(waiting.size, in_time(waiting)) {
                started.push((place, part));
            }
            !room.is_full()
        };
        if self.policy.scan == Scan::InOrder {
            (from..queue.len()).all(&mut look);
        } else {
            places.iter().copied().all(&mut look);
        }
        self.start_places(now, &mut started, machine, out);
        (self.places, self.started) = (places, started);
        at
    }

    /// When the head is to start, and what can be given away before that.
    fn room(&self, now: Time, head: &Waiting, said: Option<Time>, machine: &Machine) -> (Time, Room) {
        match self.policy.reservation {
            Reservation::Counts => {
                let Shadow { at, extra } = self.ends.shadow(now, head.size, machine);
                (at, Room::Counts { free: machine.free, extra })
            }
            Reservation::Machines => {
                let at = self.ends.shadow(now, head.size, machine).at;
                let idle =
                    machine.numbered.as_ref().map(|numbered| numbered.idle.clone()).unwrap_or_default();
                let held = self.ends.idle_at(at, machine).lowest(head.size as usize);
                let mut outside = idle.clone();
                outside.and_not(&held);
                (at, Room::Machines { idle, outside })
            }
            Reservation::Frozen => {
                let at = said.unwrap_or_else(|| self.ends.first_fit(now, head, machine));
                (at, Room::Frozen { free: machine.free })
            }
        }
    }

    /// When the head is to start, how many processors others may have beyond that moment, and which
    /// ones are held for the head, where they are told apart.
    pub(super) fn held_for(
        &self,
        now: Time,
        (head, said): (&Waiting, Option<Time>),
        machine: &Machine,
    ) -> (Time, u32, Option<BitSet>) {
        let (at, room) = self.room(now, head, said, machine);
        match room {
            Room::Counts { extra, .. } => (at, extra, None),
            Room::Machines { outside, .. } => {
                let held = self.ends.idle_at(at, machine).lowest(head.size as usize);
                (at, outside.count() as u32, Some(held))
            }
            Room::Frozen { .. } => (at, 0, None),
        }
    }

    /// The places of the queue in the order in which they are looked at, if that is another one.
    fn order_of_scan(&self, from: usize, places: &mut Vec<usize>) {
        let queue = self.queue.as_slice();
        places.clear();
        match self.policy.scan {
            Scan::InOrder => {}
            Scan::ShortestFirst => {
                places.extend(from..queue.len());
                places.sort_by_key(|place| (queue[*place].estimate.is_none(), queue[*place].estimate));
            }
            Scan::Submission => {
                places.extend(from..queue.len());
                places.sort_unstable_by_key(|place| queue[*place].number);
            }
        }
    }

    /// Starts the jobs at places of the queue, in the order given, and takes them out of it.
    fn start_places(
        &mut self,
        now: Time,
        started: &mut Vec<(usize, Part)>,
        machine: &mut Machine,
        out: &mut Vec<BatchCommand>,
    ) {
        if started.is_empty() {
            return;
        }
        let mut places = Vec::with_capacity(started.len());
        for (place, part) in started.drain(..) {
            let waiting = self.queue.as_slice()[place];
            match part {
                Part::These(part) => machine.take_part(waiting.job, part),
                Part::Any => machine.take(waiting.job),
            }
            self.begin(now, &waiting, machine, out);
            places.push(place);
        }
        places.sort_unstable();
        self.queue.remove_places(&places);
    }
}
