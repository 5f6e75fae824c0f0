//! Follows the records of a fleet: every one must fit those before it.

use super::super::injected::{Injected, Kind};
use super::super::story::Story;
use super::generate::Facts;
use super::mirror::{Going, Mirror, Row};
use crate::base::ids::{NodeId, TaskId};
use crate::base::{Span, Time};
use crate::cluster::Fleet;
use crate::cluster::fleet::Task;
use crate::control::fleet::{Eviction, FleetControl, Gang, NodeChoice};
use crate::sim::{FleetJob, FleetObserver, NodeSetup, Pool, SubmissionName};

/// Checks a run.
pub(super) struct Checker {
    pub(super) story: Story,
    pub(super) broken: Option<String>,
    pub(super) counts: Injected,
    pub(super) starts: u64,
    pub(super) mirror: Mirror,
    pub(super) now: Time,
    /// When each drawn job ended or was rejected.
    over: Vec<Option<Time>>,
    /// The drawn jobs that were submitted or rejected.
    seen: Vec<bool>,
    /// Tasks that have gone so that another can start: job and node, and why.
    taken: Vec<(u64, usize, Eviction)>,
    /// Jobs and nodes of tasks that went down with their node, which is told afterwards.
    lost: Vec<(u64, usize)>,
    /// Whether a task was evicted at this instant.
    pub(super) has_evicted: bool,
    /// Whether something has happened at this instant that lets all who wait be looked at again.
    pub(super) has_happened: bool,
    /// Where a round goes on.
    next: usize,
}

impl Checker {
    pub(super) fn new(facts: Facts) -> Checker {
        let jobs = facts.jobs.len();
        Checker {
            story: Story::default(),
            broken: None,
            counts: Injected::default(),
            starts: 0,
            mirror: Mirror::new(facts),
            now: Time::ZERO,
            over: vec![None; jobs],
            seen: vec![false; jobs],
            taken: Vec::new(),
            lost: Vec::new(),
            has_evicted: false,
            has_happened: false,
            next: 0,
        }
    }

    pub(super) fn demand(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(format!("at {}: {}", Span(self.now.0), otherwise()));
        }
    }

    fn told(&mut self, now: Time, what: &dyn std::fmt::Debug) {
        self.story.add(&(now, what));
        self.demand(now >= self.now, || "a record is told out of order of time".into());
        self.reach(now);
    }

    /// An instant has come.
    fn reach(&mut self, now: Time) {
        if now > self.now {
            (self.has_evicted, self.has_happened) = (false, false);
        }
        self.now = now;
    }

    /// The job of a record among the drawn ones, if its facts are those that were drawn.
    fn drawn(&mut self, job: &FleetJob) -> usize {
        let SubmissionName::Numbered(_, place) = &job.name else { unreachable!("jobs are named so") };
        let place = *place as usize;
        let drawn = &self.mirror.facts.jobs[place];
        let limit = drawn.estimate.filter(|_| self.mirror.facts.kill_at_estimate).unwrap_or(Span::MAX);
        let run_time = drawn.run_time.unwrap_or(Span::MAX);
        let is_same = (job.tasks, job.priority, job.user, job.estimate)
            == (drawn.tasks, drawn.priority, drawn.user, drawn.estimate);
        let ends_right = job.run_time == run_time.min(limit) && job.killed == (run_time > limit);
        self.demand(is_same && ends_right, || format!("job {place} is told to be another: {job:?}"));
        place
    }

    /// A job comes, to wait or to be rejected, when it has to.
    fn comes(&mut self, job: &FleetJob) -> usize {
        let place = self.drawn(job);
        let came = std::mem::replace(&mut self.seen[place], true);
        self.demand(!came, || format!("job {place} comes twice"));
        let drawn = &self.mirror.facts.jobs[place];
        let ends: Option<Vec<Time>> = drawn.after.iter().map(|other| self.over[*other]).collect();
        let due = ends.map(|ends| ends.into_iter().map(|end| end + drawn.think).max().unwrap_or(Time::ZERO));
        let due = due.map(|due| due.max(drawn.at));
        let now = self.now;
        self.demand(due == Some(now), || format!("job {place} comes at {now:?} and not at {due:?}"));
        place
    }

    /// A rejected job could never run.
    fn check_rejection(&mut self, place: usize, why: &str) {
        let mirror = &self.mirror;
        let drawn = &mirror.facts.jobs[place];
        let room = mirror.empty_room(drawn.ask);
        let all = if mirror.policy().gang == Gang::Independent { 1 } else { drawn.tasks };
        let holds = if let Some(said) = why.strip_prefix("more tasks at once than the nodes hold: ") {
            room > 0 && room < u64::from(all) && said == room.to_string()
        } else if let Some(percent) = why.strip_prefix("larger than its queue may be: ") {
            let account = self.account_row(&mirror.account_name(drawn));
            let max = account.and_then(|row| mirror.too_large(row, drawn.ask, all));
            max.is_some_and(|max| percent.split('%').next() == Some(&max.to_string()))
        } else {
            room == 0
        };
        self.demand(holds, || format!("job {place} is rejected though it could run some day: {why}"));
    }

    fn account_row(&self, name: &str) -> Option<usize> {
        self.mirror.accounts.iter().position(|account| account.name == name)
    }

    fn row(&mut self, job: &FleetJob) -> Option<Row> {
        let row = self.mirror.jobs.get(&job.number).cloned();
        self.demand(row.is_some(), || format!("job {} is told of and not there", job.number));
        row
    }

    /// A task may start where it does.
    fn check_place(&mut self, number: u64, row: &Row, node: usize) {
        let fits = self.mirror.room_on(row.ask, node) > 0;
        self.demand(fits, || {
            format!("safety_capacity: a task of job {number} starts on node {node}, which has no room")
        });
        self.demand(row.waiting > 0, || format!("job {number} starts a task that does not wait"));
        let capped = self.mirror.capped(row.account, row.ask, 1);
        self.demand(capped.is_none(), || {
            format!("safety_queue_max: job {number} takes more than its queue may")
        });
        let expected = self.expected_node(row);
        self.demand(expected.is_none_or(|expected| expected == node), || {
            format!("safety_choice: job {number} starts on node {node} and not on {expected:?}")
        });
    }

    /// The node that a task must start on, where that is known.
    fn expected_node(&self, row: &Row) -> Option<usize> {
        if !self.taken.is_empty() {
            return None;
        }
        let nodes = self.mirror.up.len();
        let mut fitting = (0..nodes).filter(|&node| self.mirror.room_on(row.ask, node) > 0);
        let policy = self.mirror.policy();
        match policy.choice {
            NodeChoice::FirstFit | NodeChoice::Own(_) => fitting.next(),
            NodeChoice::RoundRobin if policy.gang == Gang::Independent && !self.may_evict() => {
                let all: Vec<usize> = fitting.collect();
                all.iter().copied().find(|node| *node >= self.next).or(all.first().copied())
            }
            _ => None,
        }
    }

    /// Best and worst fit, up to rounding: nobody with room has clearly less, or more, left.
    fn check_fullness(&mut self, number: u64, row: &Row, node: usize) {
        let sign = match self.mirror.policy().choice {
            NodeChoice::BestFit => 1.0,
            NodeChoice::WorstFit => -1.0,
            _ => return,
        };
        if !self.taken.is_empty() {
            return;
        }
        let own = self.mirror.rest(node);
        let fitting = (0..self.mirror.up.len()).filter(|&node| self.mirror.room_on(row.ask, node) > 0);
        let better = fitting.filter(|&other| sign * (own - self.mirror.rest(other)) > 1e-6).min();
        self.demand(better.is_none(), || {
            format!("safety_choice: job {number} starts on node {node}, but {better:?} fits better")
        });
    }

    /// Those who went so that this task can start had to.
    fn check_taken(&mut self, number: u64, row: &Row, node: usize) {
        let taken = std::mem::take(&mut self.taken);
        let has_siblings = taken.iter().any(|(_, _, why)| *why == Eviction::Sibling);
        for (victim, from, why) in taken {
            let Some(loser) = self.mirror.jobs.get(&victim).cloned() else { continue };
            let of_other = loser.account != row.account;
            let is_right = match why {
                Eviction::Preempted => loser.priority < row.priority && (!of_other || !self.guarantees()),
                Eviction::Reclaimed => of_other,
                _ => continue,
            };
            self.demand(is_right, || {
                format!(
                    "safety_preemption: job {number} of priority {} takes the room of job {victim} of priority \
                     {}: {why:?}",
                    row.priority, loser.priority
                )
            });
            self.demand(from == node, || {
                format!("safety_preemption: job {number} starts on node {node}, room was made on {from}")
            });
            let stays = !has_siblings && self.mirror.room_on(loser.ask, node) > 0;
            self.demand(!stays, || {
                format!("safety_preemption: job {victim} goes for job {number} and was not in the way")
            });
            if why == Eviction::Reclaimed {
                let exceeds = self.mirror.exceeds_guarantee(row.account);
                self.demand(!exceeds, || {
                    format!("safety_reclaim: job {number} reclaims more than its queue is guaranteed")
                });
            }
        }
    }

    /// Tasks that wait for each other begin to work when the last of them is there.
    fn begin_work(&mut self, number: u64) {
        let row = &self.mirror.jobs[&number];
        let all = row.running + row.ended == row.tasks;
        if self.mirror.policy().gang != Gang::Piecemeal || all {
            let members = self.mirror.going.values_mut().filter(|going| going.job == number);
            for member in members {
                member.works.get_or_insert(self.now);
            }
        }
    }

    fn check_eviction(&mut self, job: &FleetJob, going: Going, why: Eviction) {
        let allowed = match why {
            Eviction::Preempted => self.mirror.policy().preemption,
            Eviction::Reclaimed => self.reclaims(),
            Eviction::Lost => true,
            Eviction::Sibling => self.mirror.policy().gang != Gang::Independent,
        };
        self.demand(allowed, || format!("job {} loses a task: {why:?}", job.number));
        let is_new = going.started == self.now && matches!(why, Eviction::Preempted | Eviction::Reclaimed);
        self.demand(!is_new, || format!("job {} loses a task that it has just started", job.number));
        if why == Eviction::Reclaimed {
            let account = self.mirror.jobs[&job.number].account;
            let exceeds = self.mirror.exceeds_guarantee(account);
            self.demand(exceeds, || {
                format!("safety_reclaim: job {} loses a task of what its queue is guaranteed", job.number)
            });
        }
        if why == Eviction::Lost {
            self.lost.push((job.number, going.node));
        } else if why != Eviction::Sibling || self.lost.is_empty() {
            self.taken.push((job.number, going.node, why));
        }
    }

    pub(super) fn guarantees(&self) -> bool {
        matches!(self.mirror.policy().sharing.discipline, crate::control::fleet::Discipline::Capacity { .. })
    }

    fn reclaims(&self) -> bool {
        self.mirror.policy().sharing.discipline
            == crate::control::fleet::Discipline::Capacity { reclaim: true }
    }

    /// Whether running tasks may go for others.
    pub(super) fn may_evict(&self) -> bool {
        self.mirror.policy().preemption || self.reclaims()
    }

    /// The drawn jobs that never came, and why they may not have.
    fn check_missing(&mut self) {
        for place in 0..self.seen.len() {
            let drawn = &self.mirror.facts.jobs[place];
            let waits = drawn
                .after
                .iter()
                .any(|other| self.over[*other].is_none_or(|end| end + drawn.think > self.now));
            let is_due = drawn.at <= self.now && !waits;
            let holds = self.seen[place] || !is_due;
            self.demand(holds, || format!("safety_conservation: job {place} has never come"));
        }
    }

    /// Everything that goes wrong has ended, and what can end has.
    pub(super) fn check_liveness(&mut self) {
        let left = self.over.iter().position(Option::is_none);
        self.demand(left.is_none(), || {
            format!("liveness_jobs: job {left:?} has not ended though nothing kept it")
        });
    }
}

impl FleetObserver for Checker {
    fn begin(&mut self, _fleet: &Fleet, _nodes: &[NodeSetup], _pools: &[Pool]) {}

    fn submitted(&mut self, now: Time, job: &FleetJob, control: &FleetControl) {
        self.told(now, &("submitted", job.number, &job.name));
        self.has_happened = true;
        let place = self.comes(job);
        let drawn = self.mirror.facts.jobs[place].clone();
        let name = self.mirror.account_name(&drawn);
        let said = control.accounts().nth(job.account).map(str::to_owned);
        let is_known = self.mirror.know(job.account, &name);
        self.demand(is_known && said.as_ref() == Some(&name), || {
            format!("job {} belongs to {name} and counts for {said:?}", job.number)
        });
        let told = drawn.estimate.filter(|_| !self.mirror.facts.clairvoyant).unwrap_or(job.run_time);
        let rank = self.mirror.rank(&drawn, told, job.number);
        let all = if self.mirror.policy().gang == Gang::Independent { 1 } else { drawn.tasks };
        let could = self.mirror.empty_room(drawn.ask) >= u64::from(all)
            && self.mirror.too_large(job.account, drawn.ask, all).is_none();
        self.demand(could, || format!("job {} is taken though it can never run", job.number));
        let row = Row {
            drawn: place,
            account: job.account,
            rank,
            ask: drawn.ask,
            tasks: drawn.tasks,
            waiting: drawn.tasks,
            running: 0,
            ended: 0,
            priority: drawn.priority,
            run_time: job.run_time,
            done: 0,
            evictions: 0,
        };
        self.mirror.jobs.insert(job.number, row);
    }

    fn rejected(&mut self, now: Time, job: &FleetJob, _fleet: &Fleet, why: &str) {
        self.told(now, &("rejected", job.number, why));
        let place = self.comes(job);
        self.over[place] = Some(now);
        self.counts.count(Kind::Rejected);
        self.check_rejection(place, why);
    }

    fn started(&mut self, now: Time, job: &FleetJob, id: TaskId, task: &Task, _fleet: &Fleet) {
        let node = task.node.index();
        self.told(now, &("started", job.number, id, node));
        let Some(row) = self.row(job) else { return };
        self.starts += 1;
        self.demand(task.started == now, || format!("job {} starts a task at another time", job.number));
        self.check_place(job.number, &row, node);
        self.check_fullness(job.number, &row, node);
        self.check_order(job.number, &row);
        self.check_turn(job.number, &row);
        self.next = node + 1;
        self.mirror.hold(job.number, node, 1);
        let row = self.mirror.jobs.get_mut(&job.number).expect("it was just looked at");
        row.waiting = row.waiting.saturating_sub(1);
        row.running += 1;
        let row = row.clone();
        let going = Going { job: job.number, node, started: now, works: None };
        let before = self.mirror.going.insert(id.0, going);
        self.demand(before.is_none(), || format!("task {} starts while it runs", id.0));
        self.check_taken(job.number, &row, node);
        self.begin_work(job.number);
    }

    fn ended(&mut self, now: Time, job: &FleetJob, id: TaskId, task: &Task, _fleet: &Fleet) {
        self.told(now, &("ended", job.number, id));
        self.has_happened = true;
        let Some(row) = self.row(job) else { return };
        let going = self.mirror.going.remove(&id.0);
        let going = going.filter(|going| going.job == job.number && going.node == task.node.index());
        let Some(going) = going else {
            return self.demand(false, || format!("a task of job {} ends and did not run", job.number));
        };
        let ran = going.works.map(|since| now.since(since));
        let keeps = self.mirror.facts.keeps_work && row.evictions > 0;
        let is_right =
            if keeps { ran.is_some_and(|ran| ran <= row.run_time) } else { ran == Some(row.run_time) };
        self.demand(is_right, || format!("a task of job {} ends at a wrong time", job.number));
        self.mirror.hold(job.number, going.node, -1);
        let row = self.mirror.jobs.get_mut(&job.number).expect("it was just looked at");
        row.running -= 1;
        row.ended += 1;
        row.done += u128::from(ran.unwrap_or_default().0);
    }

    fn evicted(
        &mut self,
        now: Time,
        job: &FleetJob,
        (id, task, why): (TaskId, &Task, Eviction),
        kept: bool,
        _fleet: &Fleet,
    ) {
        self.told(now, &("evicted", job.number, id, why, kept));
        if self.row(job).is_none() {
            return;
        }
        let going = self.mirror.going.remove(&id.0);
        let going = going.filter(|going| going.job == job.number && going.node == task.node.index());
        let Some(going) = going else {
            return self.demand(false, || format!("a task of job {} goes and did not run", job.number));
        };
        let keeps = self.mirror.facts.keeps_work && why != Eviction::Lost;
        self.demand(kept == keeps, || format!("job {}: work is kept: {kept}", job.number));
        self.check_eviction(job, going, why);
        self.has_evicted = true;
        self.counts.count(match why {
            Eviction::Preempted => Kind::TaskPreempted,
            Eviction::Reclaimed => Kind::TaskReclaimed,
            Eviction::Lost => Kind::TaskLost,
            Eviction::Sibling => Kind::TaskOfGang,
        });
        self.mirror.hold(job.number, going.node, -1);
        let row = self.mirror.jobs.get_mut(&job.number).expect("it was just looked at");
        row.running -= 1;
        row.waiting += 1;
        row.evictions += 1;
        if kept {
            row.done += u128::from(going.works.map_or(Span::ZERO, |since| now.since(since)).0);
        }
    }

    fn job_ended(&mut self, now: Time, job: &FleetJob, _fleet: &Fleet) {
        self.told(now, &("job ended", job.number));
        let Some(row) = self.row(job) else { return };
        self.demand((row.ended, row.running, row.waiting) == (row.tasks, 0, 0), || {
            format!("safety_conservation: job {} ends with {row:?}", job.number)
        });
        let work = u128::from(row.run_time.0) * u128::from(row.tasks);
        self.demand(row.done >= work, || format!("job {} has done too little", job.number));
        self.over[row.drawn] = Some(now);
        self.mirror.jobs.remove(&job.number);
    }

    fn node(&mut self, now: Time, node: NodeId, up: bool) {
        self.told(now, &("node", node, up));
        self.has_happened = true;
        let row = node.index();
        self.demand(self.mirror.up[row] != up, || format!("node {row} changes to what it is"));
        self.mirror.up[row] = up;
        let lost = std::mem::take(&mut self.lost);
        self.demand(lost.iter().all(|(_, from)| !up && *from == row), || {
            format!("tasks are lost on other nodes than {row}: {lost:?}")
        });
        let stays = self.mirror.going.values().any(|going| going.node == row);
        self.demand(!stays, || format!("a task is on node {row}, which goes down or comes up"));
        if !up {
            self.counts.count(Kind::Crash);
        }
    }

    fn instant(&mut self, now: Time, fleet: &Fleet, waiting: u64, control: &FleetControl) {
        self.reach(now);
        let vain = std::mem::take(&mut self.taken);
        self.demand(vain.is_empty(), || format!("safety_preemption: tasks go for nobody: {vain:?}"));
        self.check_sums(fleet, waiting, control);
        self.check_waiting();
    }

    fn finish(
        &mut self,
        now: Time,
        _fleet: &Fleet,
        _control: &FleetControl,
        open: &[(FleetJob, Option<String>)],
    ) {
        self.now = now;
        self.story.add(&(now, open.iter().map(|(job, why)| (job.number, why)).collect::<Vec<_>>()));
        let numbers: Vec<u64> = open.iter().map(|(job, _)| job.number).collect();
        let expected: Vec<u64> = self.mirror.jobs.keys().copied().collect();
        self.demand(numbers == expected, || {
            format!("safety_conservation: {numbers:?} are open at the end and not {expected:?}")
        });
        for (job, why) in open {
            self.check_reason(job.number, why.as_deref());
        }
        self.check_missing();
    }
}
