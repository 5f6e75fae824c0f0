//! How long requests to the API server wait: each client's rate limit, and order within a client.

mod events;

use super::setup::ClientGroup;
use super::timing::{RateLimit, Timing};
use crate::base::ids::WorkloadId;
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};
use crate::control::{Client, Process};
use events::Sink;

/// A token bucket in the form of the generic cell rate algorithm: exact in integers.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    interval: u64,
    tolerance: u64,
    /// When the bucket would be full again.
    full_at: Time,
}

impl Bucket {
    fn new(limit: RateLimit) -> Bucket {
        let interval = (NANOS_PER_SECOND as f64 / limit.qps.max(1e-9)) as u64;
        let tolerance = interval.saturating_mul(u64::from(limit.burst.max(1)) - 1);
        Bucket { interval, tolerance, full_at: Time::ZERO }
    }

    /// The moment at which a request made now may go.
    fn take(&mut self, now: Time) -> Time {
        let at = now.max(self.full_at - Span(self.tolerance));
        self.full_at = self.full_at.max(at) + Span(self.interval);
        at
    }

    /// Takes one if that need not wait.
    fn try_take(&mut self, now: Time) -> bool {
        let is_free = self.full_at - Span(self.tolerance) <= now;
        if is_free {
            self.take(now);
        }
        is_free
    }
}

/// One client: its bucket, and the time of its latest commit, which a later request never overtakes.
#[derive(Clone, Debug)]
struct Line {
    bucket: Option<Bucket>,
    last: Time,
    /// The events that it writes; most clients write none.
    events: Option<Box<Sink>>,
}

impl Line {
    fn new(limit: Option<RateLimit>) -> Line {
        Line { bucket: limit.map(Bucket::new), last: Time::ZERO, events: None }
    }

    /// The moment at which a request made now may go. Events that were ready before go before it.
    fn send(&mut self, now: Time) -> Time {
        let Some(bucket) = &mut self.bucket else { return now };
        if let Some(events) = &mut self.events {
            events.send(now, bucket);
        }
        bucket.take(now)
    }
}

/// All clients.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    scheduler: Line,
    user: Line,
    /// Of a control plane other than Kubernetes: one manager writes.
    plane: Line,
    /// In the order of [`Client::CONTROLLERS`].
    controllers: Vec<Line>,
    kubelets: Vec<Line>,
    /// When the latest of the requests that wait for each other is committed.
    in_turn: Time,
    kubelet_limit: Option<RateLimit>,
}

impl Clients {
    pub(super) fn new(timing: &Timing) -> Clients {
        Clients {
            scheduler: Line::new(timing.scheduler_limit),
            user: Line::new(None),
            plane: Line::new(None),
            controllers: vec![Line::new(timing.controller_limit); Client::CONTROLLERS.len()],
            kubelets: Vec::new(),
            in_turn: Time::ZERO,
            kubelet_limit: timing.kubelet_limit,
        }
    }

    /// Sets the limit of some clients from now on.
    pub(super) fn set_limit(&mut self, now: Time, group: ClientGroup, limit: Option<RateLimit>) {
        let lines = match group {
            ClientGroup::Scheduler => std::slice::from_mut(&mut self.scheduler),
            ClientGroup::Controllers => self.controllers.as_mut_slice(),
            ClientGroup::Kubelets => {
                self.kubelet_limit = limit;
                self.kubelets.as_mut_slice()
            }
        };
        for line in lines {
            line.bucket = limit.map(|limit| Bucket { full_at: now, ..Bucket::new(limit) });
        }
    }

    /// A new process takes the place of one that is gone: its clients have made no requests yet.
    pub(super) fn renew(&mut self, process: Process, now: Time) {
        let lines = match process {
            Process::Scheduler => std::slice::from_mut(&mut self.scheduler),
            Process::ControllerManager => self.controllers.as_mut_slice(),
        };
        for line in lines {
            line.last = now;
            line.events = None;
            if let Some(bucket) = &mut line.bucket {
                bucket.full_at = now;
            }
        }
    }

    /// When a request made now, which takes `latency`, is committed, if it is one of a row each of
    /// which is sent when the one before has been answered. Other requests of the client go beside them.
    pub(super) fn commit_in_turn(&mut self, client: Client, now: Time, latency: Span) -> Time {
        let sent = self.line(client).send(now);
        self.in_turn = self.in_turn.max(sent) + latency;
        self.in_turn
    }

    /// [`Self::commit_time`] of a request to which the answer is awaited before a row of requests is sent.
    pub(super) fn commit_ahead_of_row(&mut self, client: Client, now: Time, latency: Span) -> Time {
        let at = self.commit_time(client, now, latency);
        self.in_turn = self.in_turn.max(at);
        at
    }

    /// When a request made now, which takes `latency`, is committed.
    pub(super) fn commit_time(&mut self, client: Client, now: Time, latency: Span) -> Time {
        let line = self.line(client);
        let sent = line.send(now);
        line.last = line.last.max(sent + latency);
        line.last
    }

    /// A controller tells people something from a moment on that is not before what it said last; the
    /// request takes `latency`. `about` is the workload that it is about, or nothing for a pod.
    pub(super) fn record_event(
        &mut self,
        client: Client,
        at: Time,
        latency: Span,
        about: Option<WorkloadId>,
    ) {
        let line = self.line(client);
        if line.bucket.is_some() {
            line.events.get_or_insert_default().record(at, latency, about);
        }
    }

    fn line(&mut self, client: Client) -> &mut Line {
        match client {
            Client::Scheduler => &mut self.scheduler,
            Client::User => &mut self.user,
            Client::Plane(_) => &mut self.plane,
            Client::Kubelet(node) => {
                let limit = self.kubelet_limit;
                if self.kubelets.len() <= node.index() {
                    self.kubelets.resize(node.index() + 1, Line::new(limit));
                }
                &mut self.kubelets[node.index()]
            }
            controller => {
                let place = Client::CONTROLLERS.iter().position(|known| *known == controller);
                &mut self.controllers[place.expect("every other client is a controller")]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_follows_what_it_waits_for_and_holds_nobody_else_up() {
        let mut clients = Clients::new(&Timing::ideal());
        let client = Client::NodeLifecycle;
        assert_eq!(clients.commit_ahead_of_row(client, Time(10), Span(5)), Time(15));
        assert_eq!(clients.commit_in_turn(client, Time(10), Span(4)), Time(19));
        assert_eq!(clients.commit_in_turn(client, Time(10), Span(4)), Time(23));
        assert_eq!(clients.commit_time(client, Time(10), Span(6)), Time(16));
        assert_eq!(clients.commit_in_turn(client, Time(90), Span(4)), Time(94));
    }

    #[test]
    fn a_burst_goes_at_once_then_the_rate_rules() {
        let timing = Timing { controller_limit: Some(RateLimit { qps: 20.0, burst: 30 }), ..Timing::ideal() };
        let mut clients = Clients::new(&timing);
        let at: Vec<Time> =
            (0..32).map(|_| clients.commit_time(Client::Job, Time::ZERO, Span::ZERO)).collect();
        assert!(at[..30].iter().all(|&time| time == Time::ZERO));
        assert_eq!((at[30], at[31]), (Time(50_000_000), Time(100_000_000)));
        // Each controller has a client of its own.
        assert_eq!(clients.commit_time(Client::ReplicaSet, Time::ZERO, Span::ZERO), Time::ZERO);
    }

    #[test]
    fn two_hundred_pods_take_what_was_observed() {
        // 200 replicas take 8.5 s at 20/s with a burst of 30 (control-plane-observed §11: 8.6 s).
        let mut clients =
            Clients::new(&Timing { api_write: Timing::ideal().api_write, ..Timing::kubernetes() });
        let last = (0..200).map(|_| clients.commit_time(Client::ReplicaSet, Time::ZERO, Span::ZERO)).last();
        assert_eq!(last, Some(Time(8_500_000_000)));
    }

    #[test]
    fn a_changed_limit_holds_from_then_on_and_a_new_process_starts_with_a_full_bucket() {
        let mut clients = Clients::new(&Timing::ideal());
        let now = Time::from_secs(9);
        clients.set_limit(now, ClientGroup::Scheduler, Some(RateLimit { qps: 1.0, burst: 2 }));
        let ask = |clients: &mut Clients| clients.commit_time(Client::Scheduler, now, Span::ZERO);
        let at: Vec<Time> = (0..3).map(|_| ask(&mut clients)).collect();
        assert_eq!(at, [now, now, Time::from_secs(10)]);
        clients.renew(Process::Scheduler, now);
        assert_eq!(ask(&mut clients), now);
        clients.set_limit(now, ClientGroup::Scheduler, None);
        assert!((0..9).all(|_| ask(&mut clients) == now));
    }

    #[test]
    fn a_later_request_never_overtakes() {
        let mut clients = Clients::new(&Timing::ideal());
        let first = clients.commit_time(Client::Scheduler, Time::ZERO, Span::from_millis(3));
        let second = clients.commit_time(Client::Scheduler, Time::ZERO, Span::from_millis(1));
        assert!(second >= first);
    }
}
