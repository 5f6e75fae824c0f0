//! Failures and repairs of machines, scheduled and random.

use super::setup::{Fault, FaultWhen};
use crate::base::rng::Purpose;
use crate::base::{Span, Stream, Streams, Time};

/// A failure or a repair of one group of one fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Strike {
    pub(super) fault: usize,
    pub(super) group: usize,
    /// Whether it begins; otherwise it ends.
    pub(super) begins: bool,
}

/// How a machine is held down.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outage {
    /// How many faults hold it down; 0 if it is up.
    pub(super) held: u32,
    /// Whether its containers were lost.
    pub(super) lost: bool,
    /// When its lease was renewed for the last time.
    pub(super) last_renewal: Time,
}

/// All faults with the streams of the random ones.
pub(super) struct Faults {
    pub(super) list: Vec<Fault>,
    /// By fault, then group: the streams of times to failure and times to repair.
    streams: Vec<Vec<(Stream, Stream)>>,
    /// By node.
    pub(super) down: Vec<Outage>,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>, nodes: usize, streams: Streams) -> Faults {
        let keyed = |fault: usize, group: usize| (fault as u64) << 32 | group as u64;
        let of_fault = |(number, fault): (usize, &Fault)| {
            let stream = |group| {
                let key = keyed(number, group);
                (streams.stream(Purpose::Failure, key), streams.stream(Purpose::Repair, key))
            };
            (0..fault.groups.len()).map(stream).collect()
        };
        let streams = faults.iter().enumerate().map(of_fault).collect();
        Faults { list: faults, streams, down: vec![Outage::default(); nodes] }
    }

    /// The first strike of every group of every fault, with its moment.
    pub(super) fn first(&mut self) -> Vec<(Time, Strike)> {
        let mut strikes = Vec::new();
        for fault in 0..self.list.len() {
            for group in 0..self.list[fault].groups.len() {
                let at = match &self.list[fault].when {
                    FaultWhen::Scheduled { at, .. } => *at,
                    FaultWhen::Random { time_to_failure, .. } => {
                        Time::ZERO + time_to_failure.sample_span(&mut self.streams[fault][group].0)
                    }
                };
                strikes.push((at, Strike { fault, group, begins: true }));
            }
        }
        strikes
    }

    /// Whether a strike is one of the failures that come again and again.
    pub(super) fn is_random_failure(&self, strike: Strike) -> bool {
        strike.begins && matches!(self.list[strike.fault].when, FaultWhen::Random { .. })
    }

    /// What follows a strike: the repair after a failure, the next failure after a repair.
    pub(super) fn next(&mut self, now: Time, strike: Strike) -> Option<(Time, Strike)> {
        let (failure, repair) = &mut self.streams[strike.fault][strike.group];
        let wait = match (&self.list[strike.fault].when, strike.begins) {
            (FaultWhen::Scheduled { duration, .. }, true) => (*duration)?,
            (FaultWhen::Scheduled { .. }, false) => return None,
            (FaultWhen::Random { time_to_repair, .. }, true) => time_to_repair.sample_span(repair),
            // A failure at the very instant of the repair would go on for ever.
            (FaultWhen::Random { time_to_failure, .. }, false) => {
                time_to_failure.sample_span(failure).max(Span(1))
            }
        };
        Some((now + wait, Strike { begins: !strike.begins, ..strike }))
    }
}
