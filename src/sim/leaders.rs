//! Leader election in virtual time: which replica of a process leads, and when another takes over.
//!
//! Kubernetes 1.36, client-go/tools/leaderelection (reference control-plane §2.7): the leader writes
//! the lock's record every retry period, and gives up when it has failed to for the renew deadline.
//! A replica that stands by looks at the record at intervals of its own and takes it over at the
//! first look that comes a lease duration after it has seen the record change, by its own clock.
//! While all is well nothing of this needs an event: the looks of those that stand by are worked
//! out when the leader is gone. What a leader does is not known here.

use crate::base::{Span, Stream, Time};

/// The constants of an election.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lease {
    /// How long after its last seen change the record is taken to be held.
    pub duration: Span,
    /// How long a leader tries to renew before it gives up.
    pub renew_deadline: Span,
    /// Time between two renewals, and the shortest time between two looks.
    pub retry: Span,
    /// How much longer looks may be apart, as a share of `retry`.
    pub jitter: f64,
}

impl Default for Lease {
    fn default() -> Lease {
        Lease {
            duration: Span::from_secs(15),
            renew_deadline: Span::from_secs(10),
            retry: Span::from_secs(2),
            jitter: 1.2,
        }
    }
}

/// How far back the looks of a replica are worked out, in intervals: by then their phase is that of
/// one that has looked for ever.
const LOOKS_BACK: u64 = 20;

/// A replica that does not lead.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    number: u32,
    /// When its process started; the first look is then.
    since: Time,
    /// The change of the record that it has seen last, and when it saw it.
    seen: Option<(Time, Time)>,
    /// Its next look, while nobody leads and the API server answers.
    next: Option<Time>,
}

/// The replica that leads.
#[derive(Clone, Copy, Debug)]
struct Leader {
    /// A renewal; others follow it every retry period unless it fails.
    renewed: Time,
    /// The first try since then that has failed, or will.
    failing: Option<Time>,
    /// The try that will succeed because the API server is back.
    pending: Option<Time>,
}

/// A look at the record that is to come: when, and the number of who looks.
pub(super) type Look = (Time, u32);

/// The replicas of one process.
#[derive(Debug)]
pub(super) struct Election {
    /// `None` if there is no election: what runs leads.
    lease: Option<Lease>,
    stream: Stream,
    leader: Option<Leader>,
    candidates: Vec<Candidate>,
    /// The last change of the record, while nobody leads.
    changed: Time,
    /// The latest time without an API server; it may last.
    outage: Option<(Time, Option<Time>)>,
    replicas: u32,
}

impl Election {
    /// A process that leads from the start, and so many that stand by.
    pub(super) fn new(lease: Option<Lease>, standbys: u32, stream: Stream) -> Election {
        let mut election = Election {
            lease,
            stream,
            leader: None,
            candidates: Vec::new(),
            changed: Time::ZERO,
            outage: None,
            replicas: 0,
        };
        let phase = lease.map_or(Span::ZERO, |lease| Span(scaled(lease.retry.0, election.stream.unit())));
        election.leader = Some(Leader { renewed: Time::ZERO + phase, failing: None, pending: None });
        if lease.is_some() {
            (0..standbys).for_each(|_| election.enlist(Time::ZERO));
        }
        election
    }

    /// Whether somebody leads.
    pub(super) fn is_led(&self) -> bool {
        self.leader.is_some()
    }

    /// A replica starts. `true` if it leads at once; otherwise the look that it begins with may
    /// follow.
    pub(super) fn launch(&mut self, now: Time) -> (bool, Option<Look>) {
        if self.lease.is_none() {
            let leads = self.leader.is_none();
            self.leader.get_or_insert(Leader { renewed: now, failing: None, pending: None });
            return (leads, None);
        }
        self.enlist(now);
        if self.is_led() || self.is_down() {
            return (false, None);
        }
        let Some(candidate) = self.candidates.last_mut() else { return (false, None) };
        candidate.next = Some(now);
        (false, Some((now, candidate.number)))
    }

    /// The replica that leads dies, or, if none does, one of the others; says whether it was the
    /// leader, and the looks that follow.
    pub(super) fn kill(&mut self, now: Time) -> (bool, Vec<Look>) {
        if self.leader.is_none() {
            self.candidates.pop();
            return (false, Vec::new());
        }
        (true, self.vacate(now))
    }

    /// A candidate looks at the record. `Ok` if it takes it over; otherwise its next look.
    pub(super) fn look(&mut self, now: Time, number: u32) -> Result<(), Option<Look>> {
        let (changed, down, lease) = (self.changed, self.is_down(), self.lease.ok_or(None)?);
        let mine = |candidate: &&mut Candidate| candidate.number == number && candidate.next == Some(now);
        let candidate = self.candidates.iter_mut().find(mine).ok_or(None)?;
        candidate.next = None;
        if down {
            return Err(None);
        }
        match candidate.seen.filter(|(seen, _)| *seen == changed) {
            Some((_, at)) if now >= at + lease.duration => {
                self.candidates.retain(|candidate| candidate.number != number);
                self.candidates.iter_mut().for_each(|candidate| candidate.next = None);
                self.leader = Some(Leader { renewed: now, failing: None, pending: None });
                Ok(())
            }
            seen => {
                candidate.seen = seen.or(Some((changed, now)));
                let next = now + interval(lease, &mut self.stream);
                candidate.next = Some(next);
                Err(Some((next, number)))
            }
        }
    }

    /// The API server is gone. Returns when the leader gives up unless it is back.
    pub(super) fn api_down(&mut self, now: Time) -> Option<Time> {
        self.settle(now);
        self.outage = Some((now, None));
        let (lease, leader) = (self.lease?, self.leader.as_mut()?);
        leader.pending = None;
        if leader.failing.is_none() {
            leader.renewed = last_renewal(leader.renewed, lease.retry, now);
            leader.failing = Some(leader.renewed + lease.retry);
        }
        leader.failing.map(|first| first + lease.renew_deadline)
    }

    /// The API server is back. Returns the looks of those who want to lead.
    pub(super) fn api_up(&mut self, now: Time) -> Vec<Look> {
        if let Some((_, up)) = &mut self.outage {
            *up = Some(now);
        }
        let Some(lease) = self.lease else { return Vec::new() };
        if let Some(leader) = &mut self.leader {
            leader.pending = leader.failing.and_then(|first| {
                let again = first + Span(now.since(first).0.div_ceil(lease.retry.0.max(1)) * lease.retry.0);
                (again < first + lease.renew_deadline).then_some(again)
            });
            return Vec::new();
        }
        let mut looks = Vec::new();
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.next.is_none()) {
            let wait = Span(scaled(interval(lease, &mut self.stream).0, self.stream.unit()));
            candidate.next = Some(now + wait);
            looks.push((now + wait, candidate.number));
        }
        looks
    }

    /// The moment of [`Election::api_down`] has come: whether the leader gives up, and the looks that
    /// follow.
    pub(super) fn deadline(&mut self, now: Time) -> Option<Vec<Look>> {
        self.settle(now);
        let (lease, leader) = (self.lease?, self.leader?);
        let is_due = leader.failing.is_some_and(|first| first + lease.renew_deadline == now);
        (is_due && leader.pending.is_none()).then(|| self.vacate(now))
    }

    fn is_down(&self) -> bool {
        matches!(self.outage, Some((_, None)))
    }

    fn enlist(&mut self, since: Time) {
        let number = self.replicas;
        self.replicas += 1;
        self.candidates.push(Candidate { number, since, seen: None, next: None });
    }

    /// A renewal that was to succeed has.
    fn settle(&mut self, now: Time) {
        if let Some(leader) = &mut self.leader
            && let Some(renewed) = leader.pending.filter(|at| *at <= now)
        {
            *leader = Leader { renewed, failing: None, pending: None };
        }
    }

    /// Nobody leads any more. What those who stand by have seen of the record until now, and when
    /// they look next.
    fn vacate(&mut self, now: Time) -> Vec<Look> {
        self.settle(now);
        let Some((leader, lease)) = self.leader.take().zip(self.lease) else { return Vec::new() };
        self.changed = match leader.failing {
            Some(_) => leader.renewed,
            None => last_renewal(leader.renewed, lease.retry, now),
        };
        let changed = self.changed;
        let (outage, down) = (self.outage, self.is_down());
        let is_answered =
            |at: Time| outage.is_none_or(|(begin, end)| at < begin || end.is_some_and(|end| at >= end));
        let mut looks = Vec::new();
        for candidate in &mut self.candidates {
            let early = Time(changed.0.saturating_sub(LOOKS_BACK.saturating_mul(lease.retry.0)));
            let mut at = candidate.since;
            if at < early {
                at = early + Span(scaled(interval(lease, &mut self.stream).0, self.stream.unit()));
            }
            while at <= now {
                let is_first = candidate.seen.is_none_or(|(seen, _)| seen != changed);
                if at >= changed && is_first && is_answered(at) {
                    candidate.seen = Some((changed, at));
                }
                at += interval(lease, &mut self.stream);
            }
            candidate.next = (!down).then_some(at);
            looks.extend(candidate.next.map(|at| (at, candidate.number)));
        }
        looks
    }
}

/// The latest of the renewals that come every `retry` from one on.
fn last_renewal(one: Time, retry: Span, now: Time) -> Time {
    one + Span(now.since(one).0 / retry.0.max(1) * retry.0)
}

/// Time between two looks: evenly between the retry period and that with the whole jitter. Never
/// zero, so that looks come to an end.
fn interval(lease: Lease, stream: &mut Stream) -> Span {
    let retry = lease.retry.0.max(1);
    Span(retry.saturating_add(scaled(retry, lease.jitter * stream.unit())))
}

/// A share of a number of nanoseconds.
fn scaled(nanos: u64, share: f64) -> u64 {
    (nanos as f64 * share) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::base::rng::Purpose;

    fn election(seed: u64, standbys: u32) -> Election {
        let stream = Streams::new(seed).stream(Purpose::Phase, 0);
        Election::new(Some(Lease::default()), standbys, stream)
    }

    fn at(seconds: f64) -> Time {
        Time::from_secs_f64(seconds)
    }

    /// Lets the replicas look until one takes over; `None` if none will.
    fn takeover(election: &mut Election, mut looks: Vec<Look>) -> Option<Time> {
        loop {
            looks.sort_unstable();
            if looks.is_empty() {
                return None;
            }
            let (now, number) = looks.remove(0);
            match election.look(now, number) {
                Ok(()) => return Some(now),
                Err(next) => looks.extend(next),
            }
        }
    }

    /// Quantiles of the time from a kill to the takeover, in seconds.
    fn quantiles(mut waits: Vec<f64>) -> [f64; 5] {
        waits.sort_by(f64::total_cmp);
        [0.0, 0.1, 0.5, 0.9, 1.0].map(|share| waits[((waits.len() - 1) as f64 * share) as usize])
    }

    /// The recorded runs public-kcm-failover (16.1, 18.1, 21.4 s) and public-scheduler-failover
    /// (14.2, 19.3, 15.0 s after the kill).
    #[test]
    #[expect(clippy::print_stdout, reason = "the test shows what it has measured")]
    fn a_standby_takes_over_when_the_recorded_ones_did() {
        let waits = (0..200).map(|seed| {
            let mut election = election(seed, 1);
            let kill = at(30.0 + seed as f64 * 0.037);
            let (was_leader, looks) = election.kill(kill);
            assert!(was_leader);
            takeover(&mut election, looks).unwrap().since(kill).as_secs_f64()
        });
        let [min, low, median, high, max] = quantiles(waits.collect());
        println!(
            "takeover after {min:.1} {low:.1} {median:.1} {high:.1} {max:.1} s (min p10 median p90 max)"
        );
        // A lease counts from the look after the last renewal, which may be 2 s before the kill.
        assert!(min >= 13.0 && max <= 15.0 + 4.4 + 4.4, "{min} {max}");
        assert!(low < 15.5 && high > 19.0 && (16.0..19.0).contains(&median), "{low} {median} {high}");
    }

    #[test]
    fn the_first_of_many_standbys_leads_and_the_others_stand_by_again() {
        let mut election = election(7, 3);
        let (_, looks) = election.kill(at(30.0));
        assert_eq!(looks.len(), 3);
        let first = takeover(&mut election, looks).unwrap();
        let (_, looks) = election.kill(first + Span::from_secs(60));
        assert_eq!(looks.len(), 2);
        let second = takeover(&mut election, looks).unwrap();
        assert!(second > first + Span::from_secs(60 + 13));
        // Kills while nobody leads hit those that stand by.
        let (_, looks) = election.kill(second + Span::from_secs(60));
        assert_eq!((looks.len(), election.kill(second + Span::from_secs(61)).0), (1, false));
        assert_eq!(takeover(&mut election, looks), None);
    }

    #[test]
    fn a_replica_that_starts_anew_waits_for_the_whole_lease() {
        for seed in 0..50 {
            let mut election = election(seed, 0);
            assert_eq!(election.kill(at(30.0)), (true, Vec::new()));
            let start = at(90.0);
            let (leads, look) = election.launch(start);
            assert!(!leads);
            let wait = takeover(&mut election, look.into_iter().collect()).unwrap().since(start);
            assert!(wait >= Span::from_secs(15) && wait <= Span::from_millis(19_400), "{wait}");
        }
    }

    #[test]
    fn without_an_election_what_starts_leads() {
        let stream = Streams::new(1).stream(Purpose::Phase, 0);
        let mut election = Election::new(None, 5, stream);
        assert_eq!(election.kill(at(30.0)), (true, Vec::new()));
        assert_eq!(election.launch(at(31.0)), (true, None));
        assert_eq!(election.launch(at(32.0)), (false, None));
        assert_eq!(election.api_down(at(40.0)), None);
    }

    /// The last try that counts comes 8 s after the first that fails, which comes up to 2 s after
    /// the outage begins.
    #[test]
    fn a_leader_survives_short_outages_and_gives_up_in_long_ones() {
        for (length, survives) in [(1.0, true), (5.0, true), (8.0, true), (12.1, false), (60.0, false)] {
            for seed in 0..50 {
                let mut election = election(seed, 0);
                let down = at(30.0);
                let deadline = election.api_down(down).unwrap();
                assert!(deadline > at(40.0) && deadline <= at(42.0));
                let up = at(30.0 + length);
                if up < deadline {
                    assert_eq!(election.api_up(up), Vec::new());
                }
                assert_eq!(election.deadline(deadline).is_none(), survives, "{length} {seed}");
                assert_eq!(election.is_led(), survives);
            }
        }
    }

    #[test]
    fn who_stands_by_through_an_outage_takes_over_soon_after() {
        for seed in 0..50 {
            let mut election = election(seed, 1);
            let deadline = election.api_down(at(30.0)).unwrap();
            assert_eq!(election.deadline(deadline), Some(Vec::new()), "nobody can look");
            let up = at(90.0);
            let looks = election.api_up(up);
            let wait = takeover(&mut election, looks).unwrap().since(up);
            // It has seen the last renewal before the outage, or sees it now.
            let soon = wait <= Span::from_millis(4_400);
            let late = (Span::from_secs(15)..=Span::from_millis(23_800)).contains(&wait);
            assert!(soon || late, "{wait}");
        }
    }

    #[test]
    fn flapping_outages_do_not_prolong_the_deadline() {
        let mut election = election(3, 0);
        let deadline = election.api_down(at(30.0)).unwrap();
        election.api_up(at(33.0));
        // The next try has not come yet when it is gone again.
        assert_eq!(election.api_down(at(33.000_001)), Some(deadline));
        assert_eq!(election.deadline(deadline), Some(Vec::new()));
        assert!(!election.is_led());
    }
}
