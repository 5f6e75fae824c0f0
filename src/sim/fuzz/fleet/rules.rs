//! What a policy promises: in which order jobs are served, who may wait, and why.

use super::super::injected::Kind;
use super::checker::Checker;
use super::mirror::Row;
use crate::cluster::Fleet;
use crate::control::fleet::{Discipline, FleetControl, Gang, Passing};

impl Checker {
    /// Nobody of the same account who could have started comes later.
    pub(super) fn check_order(&mut self, number: u64, row: &Row) {
        let may_pass = self.mirror.policy().passing == Passing::WhoeverFits;
        let earlier =
            self.mirror.jobs.iter().filter(|(_, other)| {
                other.account == row.account && other.rank < row.rank && other.waiting > 0
            });
        // What has been evicted at this instant may have made room for others.
        let is_passed =
            |other: &Row| if may_pass { !self.has_evicted && self.mirror.could_start(other) } else { true };
        let passed = earlier.filter(|(_, other)| is_passed(other)).map(|(number, _)| *number).next();
        self.demand(passed.is_none(), || format!("safety_order: job {number} starts before {passed:?}"));
    }

    /// Of the accounts that can be served, the one with the least is.
    pub(super) fn check_turn(&mut self, number: u64, row: &Row) {
        let policy = self.mirror.policy();
        let is_later_member = policy.gang == Gang::AllOrNothing && row.running > 0;
        if policy.sharing.discipline == Discipline::None
            || self.has_evicted
            || is_later_member
            || !self.mirror.has_plain_turns()
        {
            return;
        }
        let mut own: Vec<usize> = self.mirror.path(row.account).collect();
        own.reverse();
        let jobs: Vec<&Row> = self.mirror.jobs.values().filter(|other| other.waiting > 0).collect();
        let before = jobs.iter().find(|other| {
            if other.account == row.account
                || !self.is_first_or_may_pass(other)
                || !self.mirror.could_start(other)
            {
                return false;
            }
            let mut path: Vec<usize> = self.mirror.path(other.account).collect();
            path.reverse();
            let fork = own.iter().zip(&path).find(|(own, other)| own != other);
            fork.is_some_and(|(own, other)| self.mirror.turn(*other) < self.mirror.turn(*own))
        });
        let before = before.map(|other| (other.account, other.rank.2));
        self.demand(before.is_none(), || {
            format!("safety_share: job {number} of account {} is served before {before:?}", row.account)
        });
    }

    /// Whether a job is the first of its account that waits, or may pass those before it.
    fn is_first_or_may_pass(&self, row: &Row) -> bool {
        let is_before =
            |other: &Row| other.account == row.account && other.rank < row.rank && other.waiting > 0;
        self.mirror.policy().passing == Passing::WhoeverFits || !self.mirror.jobs.values().any(is_before)
    }

    /// What is told and what is counted are the same.
    pub(super) fn check_sums(&mut self, fleet: &Fleet, waiting: u64, control: &FleetControl) {
        let sum = |of: fn(&Row) -> u32| self.mirror.jobs.values().map(|row| u64::from(of(row))).sum::<u64>();
        let (waits, runs) = (sum(|row| row.waiting), sum(|row| row.running));
        self.demand((waiting, fleet.waiting, fleet.running) == (waits, waits, runs), || {
            format!(
                "safety_conservation: {waits} tasks wait and {runs} run, not {waiting} and {}",
                fleet.running
            )
        });
        let jobs = self.mirror.jobs.values().filter(|row| row.waiting > 0).count();
        let listed = control.waiting().len();
        self.demand(listed == jobs, || format!("safety_conservation: {jobs} jobs wait, not {listed}"));
        for account in 0..self.mirror.accounts.len() {
            let (own, told) = (self.mirror.dominant_share(account), control.dominant_share(fleet, account));
            self.demand((own - told).abs() < 1e-9, || {
                format!("safety_conservation: account {account} has {own}, and is told to have {told}")
            });
        }
        let torn = self.mirror.jobs.iter().find(|(_, row)| row.running > 0 && row.waiting > 0);
        let torn =
            torn.map(|(number, _)| *number).filter(|_| self.mirror.policy().gang == Gang::AllOrNothing);
        self.demand(torn.is_none(), || format!("safety_gang: job {torn:?} runs in part"));
    }

    /// Nobody waits who could start.
    pub(super) fn check_waiting(&mut self) {
        let waiting = self.mirror.jobs.iter().filter(|(_, row)| row.waiting > 0);
        let left = waiting.filter(|(_, row)| self.is_first_or_may_pass(row) && self.could_be_helped(row));
        let left = left.map(|(number, _)| *number).next();
        self.demand(left.is_none(), || format!("safety_work: job {left:?} waits though it could start"));
    }

    fn could_be_helped(&self, row: &Row) -> bool {
        if self.mirror.could_start(row) {
            return true;
        }
        let policy = self.mirror.policy();
        let takes = policy.preemption && policy.gang == Gang::Independent && !self.guarantees();
        // Where room was taken at this instant, what is left of it is found when something happens next.
        takes
            && self.has_happened
            && !self.has_evicted
            && (0..self.mirror.up.len()).any(|node| self.could_take(row, node))
    }

    /// Whether a task would fit on a node in the place of tasks of lower priority.
    fn could_take(&self, row: &Row, node: usize) -> bool {
        let mirror = &self.mirror;
        if !mirror.up[node] || !mirror.suits(row.ask, node) {
            return false;
        }
        let (mut free, mut slots) = (mirror.free[node], mirror.slots[node]);
        let going = mirror.going.values().filter(|going| going.node == node && going.started < self.now);
        for victim in going.map(|going| &mirror.jobs[&going.job]).filter(|job| job.priority < row.priority) {
            slots += 1;
            for (free, amount) in free.iter_mut().zip(mirror.facts.asks[victim.ask].amounts) {
                *free += amount;
            }
        }
        let asked = mirror.facts.asks[row.ask].amounts;
        slots > 0 && free.iter().zip(asked).all(|(free, asked)| asked == 0 || *free >= asked)
    }

    /// A job that is open at the end waits for the reason that is told, or runs.
    pub(super) fn check_reason(&mut self, number: u64, why: Option<&str>) {
        let Some(row) = self.mirror.jobs.get(&number).cloned() else { return };
        self.demand(why.is_some() == (row.waiting > 0), || format!("job {number} waits: {why:?}, {row:?}"));
        let Some(why) = why else { return };
        self.counts.count(Kind::Waiting);
        let holds = self.is_true(&row, why);
        self.demand(holds, || format!("safety_reason: job {number} does not wait because it {why}: {row:?}"));
    }

    fn is_true(&self, row: &Row, why: &str) -> bool {
        let mirror = &self.mirror;
        let at_once = mirror.at_once(row);
        if why.contains(" behind ") {
            return !self.is_first_or_may_pass(row);
        }
        if let Some((_, said)) = why.split_once("may hold at most ") {
            let capped = mirror.capped(row.account, row.ask, at_once).map(|full| mirror.max_percent(full));
            let said = said.split('%').next().and_then(|percent| percent.parse::<f64>().ok());
            return capped.zip(said).is_some_and(|(capped, said)| (capped - said).abs() < 1e-3);
        }
        if let Some((_, said)) = why.split_once("at once, there is room for ") {
            let room = mirror.room(row.ask);
            return said.parse() == Ok(room) && room < u64::from(at_once);
        }
        mirror.room(row.ask) < u64::from(at_once)
    }
}
