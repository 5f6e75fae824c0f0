//! Lanes: the jobs of one account that ask for the same, in order; which of them are parked, and
//! which accounts are held by a job that nobody may pass.

use super::order::Key;
use super::reason::Waits;
use super::sharing::Accounts;
use crate::base::Map;
use crate::base::ids::{ClassId, JobId};
use std::collections::{BTreeMap, BTreeSet};

/// Jobs of one account and one class that start as many tasks at once.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) account: usize,
    pub(super) class: ClassId,
    pub(super) jobs: BTreeMap<Key, JobId>,
    /// Why the first could not start when it was tried last; only while that holds.
    pub(super) why: Option<Waits>,
    is_parked: bool,
    /// Its entry among the account's lanes that can be tried.
    entry: Option<Key>,
}

/// All lanes.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    rows: Vec<Lane>,
    by_key: Map<(usize, ClassId, u32), u32>,
    /// Parked lanes by class.
    parked: BTreeMap<ClassId, BTreeSet<u32>>,
    /// Parked lanes whose account has all that it may have.
    capped: BTreeSet<u32>,
    /// The first job of an account that nobody may pass, and its lane.
    pub(super) held: BTreeMap<usize, (Key, u32)>,
}

impl std::ops::Index<u32> for Lanes {
    type Output = Lane;
    fn index(&self, lane: u32) -> &Lane {
        &self.rows[lane as usize]
    }
}

impl Lanes {
    /// The lane of jobs of an account and a class that start so many tasks at once, new if there is none.
    pub(super) fn of(&mut self, account: usize, class: ClassId, at_once: u32) -> u32 {
        let next = self.rows.len() as u32;
        let lane = *self.by_key.entry((account, class, at_once)).or_insert(next);
        if lane == next {
            let jobs = BTreeMap::new();
            self.rows.push(Lane { account, class, jobs, why: None, is_parked: false, entry: None });
        }
        lane
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.rows.iter()
    }

    /// Enters a job; says whether it is the first.
    pub(super) fn insert(&mut self, lane: u32, key: Key, job: JobId) -> bool {
        let jobs = &mut self.rows[lane as usize].jobs;
        jobs.insert(key, job);
        jobs.first_key_value().is_some_and(|(first, _)| *first == key)
    }

    /// Takes a job out.
    pub(super) fn remove(&mut self, lane: u32, key: Key) {
        self.rows[lane as usize].jobs.remove(&key);
    }

    /// Gives the jobs of a lane other keys; says whether another one is first.
    pub(super) fn rekey(&mut self, lane: u32, key: impl Fn(JobId) -> Key) -> bool {
        let jobs = &mut self.rows[lane as usize].jobs;
        let first = jobs.values().next().copied();
        *jobs = std::mem::take(jobs).into_values().map(|job| (key(job), job)).collect();
        jobs.values().next().copied() != first
    }

    /// Brings the lane's entry in its account up to date.
    pub(super) fn refresh(&mut self, lane: u32, accounts: &mut Accounts) {
        let row = &mut self.rows[lane as usize];
        let first = row.jobs.first_key_value().map(|(key, _)| *key).filter(|_| !row.is_parked);
        if first == row.entry {
            return;
        }
        let ready = &mut accounts.rows[row.account].ready;
        if let Some(key) = row.entry {
            ready.remove(&(key, lane));
        }
        if let Some(key) = first {
            ready.insert((key, lane));
        }
        row.entry = first;
    }

    pub(super) fn is_parked(&self, lane: u32) -> bool {
        self.rows[lane as usize].is_parked
    }

    /// Notes why the first job of a lane cannot start.
    pub(super) fn note(&mut self, lane: u32, why: Waits) {
        self.rows[lane as usize].why = Some(why);
    }

    /// Parks a lane until something may help it.
    pub(super) fn park(&mut self, lane: u32, why: Waits) {
        let row = &mut self.rows[lane as usize];
        (row.is_parked, row.why) = (true, Some(why));
        if why == Waits::Queue {
            self.capped.insert(lane);
        } else {
            self.parked.entry(row.class).or_default().insert(lane);
        }
    }

    pub(super) fn unpark(&mut self, lane: u32) {
        let row = &mut self.rows[lane as usize];
        (row.is_parked, row.why) = (false, None);
        self.capped.remove(&lane);
        if let Some(lanes) = self.parked.get_mut(&row.class) {
            lanes.remove(&lane);
            if lanes.is_empty() {
                self.parked.remove(&row.class);
            }
        }
    }

    /// Whether some lane of a class is parked for want of room, and every other would be.
    pub(super) fn is_closed(&self, class: ClassId) -> bool {
        self.parked.contains_key(&class)
    }

    /// The lanes that are parked for want of room, of classes that `may_fit`.
    pub(super) fn parked_where(&self, may_fit: impl Fn(ClassId) -> bool) -> Vec<u32> {
        let classes = self.parked.iter().filter(|(class, _)| may_fit(**class));
        classes.flat_map(|(_, lanes)| lanes.iter().copied()).collect()
    }

    /// The lanes whose account has all that it may have.
    pub(super) fn capped(&self) -> Vec<u32> {
        self.capped.iter().copied().collect()
    }

    /// Every lane that is parked.
    pub(super) fn all_parked(&self) -> Vec<u32> {
        self.parked.values().flatten().chain(&self.capped).copied().collect()
    }
}
