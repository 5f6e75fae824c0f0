//! Event objects: what a controller tells people costs requests of the client that does its work.
//!
//! Source: Kubernetes 1.36, client-go tools/record (event.go: a recorder's sink sends one event after
//! the other; events_cache.go: EventSourceObjectSpamFilter). Seen in the recordings: of the events about
//! the creation of 200 or 300 pods of one workload 25 are written, ten objects and fifteen more counts,
//! one of them between two batches of pods.

use super::Bucket;
use crate::base::ids::WorkloadId;
use crate::base::{Map, Span, Time};
use crate::sim::timing::RateLimit;
use std::collections::VecDeque;

/// Events of one controller about one object: 25 at once, then one in five minutes.
const SPAM_LIMIT: RateLimit = RateLimit { qps: 1.0 / 300.0, burst: 25 };

/// Events that a recorder keeps; what comes on top is dropped (maxQueuedEvents).
const MOST_WAITING: usize = 1000;

/// From how many objects on it is worth a look which of them are quiet again.
const MANY_OBJECTS: usize = 1024;

/// What the events of a controller wait for.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    /// The events that are to be sent, in order: from when on, and how long the request takes.
    waiting: VecDeque<(Time, Span)>,
    /// When the latest request is answered.
    free_at: Time,
    about: Map<WorkloadId, Bucket>,
    /// How many objects there may be before those that are quiet again are forgotten.
    limit: usize,
}

impl Default for Sink {
    fn default() -> Sink {
        Sink { waiting: VecDeque::new(), free_at: Time::ZERO, about: Map::default(), limit: MANY_OBJECTS }
    }
}

impl Sink {
    /// An event is recorded at a moment not before the former ones'. Events about one workload are
    /// dropped where there are too many; those about pods are about a different object each.
    pub(super) fn record(&mut self, at: Time, latency: Span, about: Option<WorkloadId>) {
        if let Some(workload) = about {
            let bucket = self.about.entry(workload).or_insert_with(|| Bucket::new(SPAM_LIMIT));
            if !bucket.try_take(at) {
                return;
            }
            self.forget_quiet(at);
        }
        if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back((at, latency));
        }
    }

    /// Sends what can be sent up to a moment: each event takes one of the client's requests.
    pub(super) fn send(&mut self, now: Time, client: &mut Bucket) {
        while let Some(&(at, latency)) = self.waiting.front() {
            let ready = at.max(self.free_at);
            if ready > now {
                break;
            }
            self.waiting.pop_front();
            self.free_at = client.take(ready) + latency;
        }
    }

    /// A full bucket is as good as none.
    fn forget_quiet(&mut self, now: Time) {
        if self.about.len() > self.limit {
            self.about.retain(|_, bucket| bucket.full_at > now);
            self.limit = MANY_OBJECTS.max(2 * self.about.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: RateLimit = RateLimit { qps: 20.0, burst: 30 };

    #[test]
    fn twenty_five_events_about_one_workload_then_one_in_five_minutes() {
        let (mut sink, mut client) = (Sink::default(), Bucket::new(CLIENT));
        for _ in 0..60 {
            sink.record(Time::ZERO, Span::ZERO, Some(WorkloadId(0)));
        }
        assert_eq!(sink.waiting.len(), 25);
        sink.record(Time::ZERO, Span::ZERO, Some(WorkloadId(1)));
        sink.record(Time::ZERO, Span::ZERO, None);
        assert_eq!(sink.waiting.len(), 27);
        sink.send(Time::ZERO, &mut client);
        assert_eq!((sink.waiting.len(), client.full_at), (0, Time(27 * 50_000_000)));
        sink.record(Time::from_secs(300), Span::ZERO, Some(WorkloadId(0)));
        sink.record(Time::from_secs(300), Span::ZERO, Some(WorkloadId(0)));
        assert_eq!(sink.waiting.len(), 1);
    }

    #[test]
    fn one_event_is_under_way_at_a_time() {
        let (mut sink, mut client) = (Sink::default(), Bucket::new(RateLimit { qps: 1.0, burst: 1 }));
        client.take(Time::ZERO);
        for _ in 0..3 {
            sink.record(Time::ZERO, Span::from_millis(10), None);
        }
        // The first waits for a request until the first second is over, and the second for the first.
        sink.send(Time(900_000_000), &mut client);
        assert_eq!((sink.waiting.len(), sink.free_at), (2, Time(1_010_000_000)));
        sink.send(Time(1_009_000_000), &mut client);
        assert_eq!(sink.waiting.len(), 2);
        sink.send(Time(1_010_000_000), &mut client);
        assert_eq!((sink.waiting.len(), sink.free_at), (1, Time(2_010_000_000)));
    }

    #[test]
    fn objects_that_are_quiet_again_are_forgotten() {
        let mut sink = Sink::default();
        for workload in 0..5_000 {
            sink.record(Time::from_secs(u64::from(workload)), Span::ZERO, Some(WorkloadId(workload)));
        }
        assert!(sink.about.len() <= MANY_OBJECTS + 1, "{}", sink.about.len());
    }
}
