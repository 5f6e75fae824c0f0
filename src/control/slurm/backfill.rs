//! The backfill scheduler's cycle: each job in turn is started if that delays no job before it, or
//! given a reservation at its earliest start.
//!
//! The plan is a profile: spans of time with the nodes that are not reserved in them. It is made
//! anew in each cycle, so that no reservation outlives one. Running jobs are not in it: the test of
//! future starts lets them end at their limits. Reservations take whole nodes, whatever the job asks of
//! them.

use super::life::YEAR;
use super::model::{Job, Share};
use super::reason::Reason;
use super::schedule::reserves;
use super::select::{earliest, eligible};
use super::{Action, Slurm, limits};
use crate::base::{BitSet, Map};

/// A part of the profile.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Span {
    begin: u64,
    end: u64,
    nodes: BitSet,
}

/// What is not reserved, over the planning window: spans that follow each other without a gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    spans: Vec<Span>,
}

impl Profile {
    /// A window in which nothing is reserved.
    pub fn new(begin: u64, end: u64, nodes: BitSet) -> Profile {
        Profile { spans: vec![Span { begin, end, nodes }] }
    }

    /// Takes from `nodes` what is reserved in spans that overlap (start, end]; gives the end of the
    /// first of them after which there are nodes that were not there before, or 0.
    fn restrict(&self, start: u64, end: u64, nodes: &mut BitSet) -> u64 {
        let all = nodes.clone();
        let mut later = 0;
        for (place, span) in self.spans.iter().enumerate() {
            if span.end <= start {
                continue;
            }
            if span.begin > end {
                break;
            }
            if let Some(next) = self.spans.get(place + 1).filter(|_| later == 0) {
                let mut gained = all.clone();
                gained.and(&next.nodes);
                // What the job may still use in this span, with what the spans before have left.
                let mut here = nodes.clone();
                here.and(&span.nodes);
                gained.and_not(&here);
                if gained.count() > 0 {
                    later = span.end;
                }
            }
            nodes.and(&span.nodes);
        }
        later
    }

    /// Whether some of the nodes are reserved at some moment of [begin, end).
    fn conflicts(&self, begin: u64, end: u64, nodes: &BitSet) -> bool {
        self.spans.iter().filter(|span| span.end > begin && span.begin < end).any(|span| {
            let mut reserved = nodes.clone();
            reserved.and_not(&span.nodes);
            reserved.count() > 0
        })
    }

    /// Reserves nodes over [begin, end), as far as the window goes.
    pub fn reserve(&mut self, begin: u64, end: u64, nodes: &BitSet) {
        self.cut(begin);
        self.cut(end);
        for span in self.spans.iter_mut().filter(|span| span.begin >= begin && span.end <= end) {
            span.nodes.and_not(nodes);
        }
    }

    /// Splits the span that has a moment inside.
    fn cut(&mut self, at: u64) {
        if let Some(place) = self.spans.iter().position(|span| span.begin < at && at < span.end) {
            let mut rest = self.spans[place].clone();
            rest.begin = at;
            self.spans[place].end = at;
            self.spans.insert(place + 1, rest);
        }
    }

    /// The spans: begin, end and rows of nodes that are not reserved.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64, Vec<usize>)> + '_ {
        self.spans.iter().map(|span| (span.begin, span.end, span.nodes.iter().collect()))
    }

    fn len(&self) -> usize {
        self.spans.len()
    }
}

/// What is to become of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Plan {
    Start(Vec<Share>),
    Reserve {
        at: u64,
        nodes: BitSet,
    },
    /// It gets no place in the window.
    Skip,
    /// It starts after the window.
    Late(u64),
}

/// How many jobs a cycle has looked at.
#[derive(Default)]
struct Counts {
    tested: u32,
    started: u32,
    by_user: Map<String, u32>,
    by_part: Map<usize, u32>,
    by_association: Map<usize, u32>,
    by_user_part: Map<(String, usize), u32>,
    array_reservations: Map<u32, u32>,
    part_reservations: Map<usize, u32>,
}

/// Counts one more, unless as many as may are counted; `most` 0 for no bound.
fn within<K: std::hash::Hash + Eq>(counts: &mut Map<K, u32>, key: K, most: u32) -> bool {
    let count = counts.entry(key).or_default();
    *count += 1;
    most == 0 || *count <= most
}

impl Counts {
    /// Whether a job may be tested, by the bounds on jobs of users, partitions and associations.
    fn admits(&mut self, slurm: &Slurm, job: &Job) -> bool {
        let bounds = &slurm.settings.backfill;
        within(&mut self.by_user, job.user.clone(), bounds.max_job_user)
            && within(&mut self.by_part, job.partition, bounds.max_job_part)
            && within(&mut self.by_association, job.association, bounds.max_job_assoc)
            && within(&mut self.by_user_part, (job.user.clone(), job.partition), bounds.max_job_user_part)
    }

    /// Whether a job may have a reservation, by the bounds on those of arrays and partitions.
    fn admits_reservation(&mut self, slurm: &Slurm, job: &Job) -> bool {
        let bounds = &slurm.settings.backfill;
        let array = job.array.map(|array| array.array);
        array.is_none_or(|array| within(&mut self.array_reservations, array, bounds.max_job_array_resv))
            && within(&mut self.part_reservations, job.partition, bounds.part_count_reserve)
    }
}

/// A cycle; gives the orders and the profile as it is at the end.
pub fn run(slurm: &mut Slurm, now: u64) -> (Vec<Action>, Profile) {
    let parameters = slurm.settings.backfill.clone();
    let slot = parameters.resolution.max(1);
    let offset = parameters.offset % slot;
    let floor = |at: u64| (at.saturating_add(offset) / slot * slot).saturating_sub(offset);
    let window_end = floor(now.saturating_add(parameters.window));
    let mut profile = Profile::new(floor(now), window_end.max(now + slot), slurm.up_nodes());
    let mut counts = Counts::default();
    let mut actions = Vec::new();
    for id in slurm.queue(now) {
        if counts.tested >= parameters.max_job_test
            || (parameters.max_job_start > 0 && counts.started >= parameters.max_job_start)
        {
            break;
        }
        if slurm.array_is_full(id) {
            slurm.note(id, Reason::JobArrayTaskLimit);
            continue;
        }
        if let Some(reason) = limits::holds_back(slurm, &slurm.jobs[&id]) {
            slurm.note(id, reason);
            continue;
        }
        if !counts.admits(slurm, &slurm.jobs[&id]) {
            continue;
        }
        counts.tested += 1;
        let limit = planned_limit(slurm, &slurm.jobs[&id]);
        match plan(slurm, &slurm.jobs[&id], limit, now, &profile) {
            Plan::Skip => slurm.job_mut(id).expected = None,
            Plan::Late(at) => slurm.job_mut(id).expected = Some(at),
            Plan::Start(shares) => {
                counts.started += 1;
                extend(slurm, id, &shares, now, &profile);
                actions.push(slurm.start(now, id, shares));
            }
            Plan::Reserve { at, nodes } => {
                slurm.job_mut(id).expected = Some(at);
                let job = &slurm.jobs[&id];
                let wants = reserves(slurm, job, now) && !slurm.qos[job.qos].no_reserve;
                if !wants || !counts.admits_reservation(slurm, job) {
                    continue;
                }
                if profile.len() >= parameters.max_job_test as usize {
                    break;
                }
                let begin = floor(at);
                let end = floor(at.saturating_add(limit).saturating_add(slot - 1));
                profile.reserve(begin, end.max(begin + slot), &nodes);
            }
        }
    }
    (actions, profile)
}

/// Seconds that a job is planned to run: its limit, or the shortest that will do.
fn planned_limit(slurm: &Slurm, job: &Job) -> u64 {
    let most = slurm.partitions[job.partition].max_time;
    let limit = job.limit.or(most).unwrap_or(YEAR).min(most.unwrap_or(u64::MAX));
    job.shortest.map_or(limit, |shortest| shortest.min(limit))
}

/// A job that was planned with its shortest limit gets the longest that reaches into no reservation.
fn extend(slurm: &mut Slurm, id: u32, shares: &[Share], now: u64, profile: &Profile) {
    let job = &slurm.jobs[&id];
    let Some(shortest) = job.shortest else { return };
    let full = Job { shortest: None, ..job.clone() };
    let nodes = nodes_of(slurm, shares);
    let reserved_from = profile
        .spans
        .iter()
        .filter(|span| span.begin > now)
        .find(|span| profile.conflicts(span.begin, span.end, &nodes))
        .map_or(u64::MAX, |span| span.begin);
    let room = reserved_from.saturating_sub(now) / 60 * 60;
    let limit = planned_limit(slurm, &full).min(room.max(shortest));
    slurm.job_mut(id).limit = Some(limit);
}

fn nodes_of(slurm: &Slurm, shares: &[Share]) -> BitSet {
    let mut nodes = BitSet::new(slurm.nodes.len());
    for share in shares {
        nodes.insert(share.node);
    }
    nodes
}

/// Where and when a job gets its place.
fn plan(slurm: &Slurm, job: &Job, limit: u64, now: u64, profile: &Profile) -> Plan {
    let slot = slurm.settings.backfill.resolution.max(1);
    let window_end = now.saturating_add(slurm.settings.backfill.window);
    let fewest = job.request.fewest_nodes() as usize;
    let mut allowed = eligible(slurm, job);
    allowed.and(&slurm.up_nodes());
    let mut later = 0;
    loop {
        let start = later;
        let mut usable = allowed.clone();
        later = profile.restrict(start, start.max(now).saturating_add(limit), &mut usable);
        let lacks = |required: &BitSet| {
            let mut missing = required.clone();
            missing.and_not(&usable);
            missing.count() > 0
        };
        let is_short = usable.count() < fewest || job.request.required.as_ref().is_some_and(lacks);
        let found = if is_short { None } else { earliest(slurm, job, &usable, now) };
        let Some((at, shares)) = found else {
            if later > 0 {
                continue;
            }
            return Plan::Skip;
        };
        let at = at.max(start);
        if at <= now {
            return Plan::Start(shares);
        }
        let nodes = nodes_of(slurm, &shares);
        if profile.conflicts(at, at.saturating_add(limit), &nodes) {
            later = if at > start { at } else { start + slot };
            continue;
        }
        if later > 0 && at > later {
            continue;
        }
        if at > window_end {
            return Plan::Late(at);
        }
        return Plan::Reserve { at, nodes };
    }
}
