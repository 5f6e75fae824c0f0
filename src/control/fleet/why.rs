//! Why tasks of a job wait, as of the last pass: for people, in words that need no name but a job's.
//!
//! What is free is looked at anew when it is asked for, so that the answer is about that moment, and
//! asking changes no later choice. How jobs are named is not known here.

use super::reason::{self, Waits};
use super::{FleetControl, Gang, Row};
use crate::base::ids::JobId;
use crate::cluster::Fleet;
use std::fmt::{self, Display, Formatter};

/// Why tasks wait. `J` is how jobs are named.
#[derive(Clone, PartialEq, Debug)]
pub enum Why<J = JobId> {
    /// No node has room for one more task: what is needed and what is free at best, in words.
    Room(String),
    /// So many must start at once, and so many would fit.
    Gang {
        /// Tasks that wait.
        needs: u32,
        /// Tasks that have room.
        room: u32,
    },
    /// A queue has all that it may have.
    Queue {
        /// The queue, if it is not the job's own but one above.
        above: Option<String>,
        /// What it may hold at most, in percent of the nodes.
        percent: f64,
    },
    /// Another job comes first, and does not fit.
    Behind {
        /// That job.
        first: J,
    },
}

/// What waits of a job, and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason<J = JobId> {
    /// All of its tasks.
    pub tasks: u32,
    /// Those that wait for a node.
    pub waiting: u32,
    /// Those that are on nodes and do nothing until the others have started.
    pub holding: u32,
    /// Why.
    pub why: Why<J>,
}

impl<J> Why<J> {
    /// The same with other names of jobs.
    pub fn named<K>(self, name: impl FnOnce(J) -> K) -> Why<K> {
        match self {
            Why::Room(words) => Why::Room(words),
            Why::Gang { needs, room } => Why::Gang { needs, room },
            Why::Queue { above, percent } => Why::Queue { above, percent },
            Why::Behind { first } => Why::Behind { first: name(first) },
        }
    }
}

impl<J> Reason<J> {
    /// The same with other names of jobs.
    pub fn named<K>(self, name: impl FnOnce(J) -> K) -> Reason<K> {
        let Reason { tasks, waiting, holding, why } = self;
        Reason { tasks, waiting, holding, why: why.named(name) }
    }
}

impl<J: Display> Display for Why<J> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Why::Room(words) => f.write_str(words),
            Why::Gang { needs, room } => {
                write!(f, "needs room for {needs} tasks at once, there is room for {room}")
            }
            Why::Queue { above: None, percent } => {
                write!(f, "its queue may hold at most {percent}% of the nodes")
            }
            Why::Queue { above: Some(name), percent } => {
                write!(f, "its queue is part of {name}, which may hold at most {percent}% of the nodes")
            }
            Why::Behind { first } => write!(f, "waits behind {first}, which does not fit"),
        }
    }
}

/// Tasks, counted.
fn counted(tasks: u32) -> String {
    if tasks == 1 { "1 task".into() } else { format!("{tasks} tasks") }
}

impl<J: Display> Display for Reason<J> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Reason { tasks, waiting, holding, why } = self;
        let wait = if *waiting == 1 { "waits" } else { "wait" };
        let part = match (holding, why) {
            (0, Why::Gang { .. }) => None,
            (0, Why::Behind { .. }) if waiting == tasks => None,
            (0, _) if *tasks == 1 => None,
            (0, _) => Some(format!("{waiting} of {} {wait}", counted(*tasks))),
            _ => Some(format!("holds room for {}, {waiting} more {wait}", counted(*holding))),
        };
        match (part, why) {
            (None, _) => write!(f, "{why}"),
            (Some(part), Why::Behind { first }) => write!(f, "{part} behind {first}, which does not fit"),
            (Some(part), _) => write!(f, "{part}: {why}"),
        }
    }
}

impl FleetControl {
    /// What waits of a job with tasks that wait, and why.
    pub fn reason(&mut self, fleet: &mut Fleet, job: JobId) -> Reason {
        let row = fleet.jobs[job.index()];
        let holding = if self.policy.gang == Gang::Piecemeal { row.running } else { 0 };
        Reason { tasks: row.tasks, waiting: row.waiting, holding, why: self.why(fleet, job) }
    }

    /// Why a job with tasks that wait has not started them.
    pub fn why(&mut self, fleet: &mut Fleet, job: JobId) -> Why {
        let Row { key, account, lane, .. } = *self.row(job);
        if let Some(&(first, of)) = self.lanes.held.get(&account)
            && first != key
            && let Some(&first) = self.lanes[of].jobs.get(&first)
        {
            return Why::Behind { first };
        }
        let (class, waiting) = (fleet.jobs[job.index()].class, fleet.jobs[job.index()].waiting);
        let is_whole = self.policy.gang == Gang::AllOrNothing;
        let needs = if is_whole { waiting } else { 1 };
        if let Some(full) = self.accounts.limit(fleet, account, &fleet.cluster.classes[class], needs) {
            // Digits beyond a ten-thousandth of a percent are not the user's.
            let percent = (self.accounts.max(full) * 1e6).round() / 1e4;
            let above = (full != account).then(|| self.accounts.rows[full].name.clone());
            return Why::Queue { above, percent };
        }
        if is_whole {
            let eligible = self.nodes.eligible(fleet, class);
            let room = reason::room(fleet, class, eligible);
            if needs > 1 && room < needs {
                return Why::Gang { needs, room };
            }
            // Of equal jobs none starts before the first, though fewer of its tasks are left.
            let first = self.lanes[lane].jobs.first_key_value().map(|(_, first)| *first);
            if let Some(first) = first.filter(|&first| first != job && room >= needs) {
                return Why::Behind { first };
            }
            // A scheduler's profile wants more of a node than room.
            if let Some(Waits::Siblings(fit)) = self.lanes[lane].why.filter(|_| room >= needs) {
                return Why::Gang { needs, room: fit };
            }
        }
        let said = self.nodes.rejection(fleet, class);
        Why::Room(said.unwrap_or_else(|| {
            let eligible = self.nodes.eligible(fleet, class);
            reason::no_room(fleet, class, eligible)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn reason(tasks: u32, waiting: u32, holding: u32, why: Why<&str>) -> String {
        Reason { tasks, waiting, holding, why }.to_string()
    }

    #[test]
    fn reasons_in_words() {
        let room = || Why::Room("needs 1 cpu, the node with the most free has 0".into());
        let behind = || Why::Behind { first: "job a" };
        let lines = [
            reason(1, 1, 0, room()),
            reason(6, 2, 0, room()),
            reason(6, 1, 0, room()),
            reason(6, 2, 4, room()),
            reason(2, 1, 1, room()),
            reason(1, 1, 0, behind()),
            reason(6, 6, 0, behind()),
            reason(6, 2, 0, behind()),
            reason(6, 2, 4, behind()),
            reason(6, 6, 0, Why::Gang { needs: 6, room: 2 }),
            reason(1, 1, 0, Why::Queue { above: None, percent: 33.25 }),
            reason(3, 2, 0, Why::Queue { above: Some("eng".into()), percent: 50.0 }),
        ];
        expect![[r"
            needs 1 cpu, the node with the most free has 0
            2 of 6 tasks wait: needs 1 cpu, the node with the most free has 0
            1 of 6 tasks waits: needs 1 cpu, the node with the most free has 0
            holds room for 4 tasks, 2 more wait: needs 1 cpu, the node with the most free has 0
            holds room for 1 task, 1 more waits: needs 1 cpu, the node with the most free has 0
            waits behind job a, which does not fit
            waits behind job a, which does not fit
            2 of 6 tasks wait behind job a, which does not fit
            holds room for 4 tasks, 2 more wait behind job a, which does not fit
            needs room for 6 tasks at once, there is room for 2
            its queue may hold at most 33.25% of the nodes
            2 of 3 tasks wait: its queue is part of eng, which may hold at most 50% of the nodes"]]
        .assert_eq(&lines.join("\n"));
    }
}
