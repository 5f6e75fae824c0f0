//! The life of a job: submission, start, end, time limit, requeue; and the nodes it runs on.

use super::array::ArrayTask;
use super::dependency::{self, Dependency, Kind, Known, Standing};
use super::model::{Ending, Job, JobState, NodeState, PreemptMode, Share};
use super::reason::Reason;
use super::settings::ReturnToService;
use super::{Action, Slurm, limits, preempt, priority, select};

/// Seconds that a job without a time limit is taken to run.
pub const YEAR: u64 = 365 * 86_400;

impl Slurm {
    /// Takes in a job; gives its number. A number of 0 means the next free one.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn submit(&mut self, now: u64, mut job: Job) -> Result<u32, Reason> {
        let partition = &self.partitions[job.partition];
        job.submitted = now;
        job.limit = job.limit.or(partition.default_time).or(partition.max_time);
        if let Some(reason) = limits::refusal(self, &job) {
            return Err(reason);
        }
        if job.id == 0 || self.jobs.contains_key(&job.id) || self.ended.contains_key(&job.id) {
            job.id = self.next_id;
        }
        self.next_id = self.next_id.max(job.id.saturating_add(1));
        let id = job.id;
        if let Some(array) = job.array {
            self.arrays.entry(array.array).or_default().push((array.task, id));
        }
        job.state = JobState::Pending;
        self.jobs.insert(id, job);
        self.pending.insert(id);
        self.count(id, |load| load.count_waiting(1));
        self.look_at(id, now);
        priority::refresh_one(self, id, now);
        Ok(id)
    }

    /// Takes in an array: a job for each of its tasks, the first of which gives it its number.
    ///
    /// # Errors
    /// Why a task is refused; those before it stay.
    pub fn submit_array(
        &mut self,
        now: u64,
        job: &Job,
        tasks: &[u32],
        at_a_time: u32,
    ) -> Result<Vec<u32>, Reason> {
        let array = if job.id == 0 { self.next_id } else { job.id };
        let mut ids = Vec::new();
        for (place, task) in tasks.iter().enumerate() {
            let id = if place == 0 { array } else { 0 };
            let array = Some(ArrayTask { array, task: *task, at_a_time });
            ids.push(self.submit(now, Job { id, array, ..job.clone() })?);
        }
        Ok(ids)
    }

    /// Starts a job.
    pub fn start(&mut self, now: u64, id: u32, shares: Vec<Share>) -> Action {
        let alone = select::is_alone(self, &self.jobs[&id]);
        for share in &shares {
            self.free.take(&self.jobs[&id].request, *share, alone);
        }
        self.pending.remove(&id);
        self.running.insert(id);
        let job = self.job_mut(id);
        job.allocation = shares;
        job.state = JobState::Running;
        job.reason = Reason::None;
        job.start = now;
        job.accounted = now;
        job.end = now.saturating_add(job.limit.unwrap_or(YEAR));
        job.expected = None;
        let held = self.jobs[&id].held();
        self.count(id, |load| {
            load.count_waiting(-1);
            load.count_running(&held, 1);
        });
        Action::Start(id)
    }

    /// Asks for the end of a job that runs.
    pub fn stop(&mut self, id: u32, ending: Ending, grace: u64) -> Action {
        let job = self.job_mut(id);
        job.state = JobState::Completing;
        job.ending = Some(ending);
        Action::Stop { job: id, grace }
    }

    /// Lets a job make way for another.
    pub(super) fn make_way(&mut self, id: u32, now: u64) -> Action {
        let job = &self.jobs[&id];
        let grace = preempt::grace_of(self, job);
        match preempt::mode_of(self, job) {
            PreemptMode::Suspend => self.suspend(id, now),
            mode => self.stop(id, Ending::Preempted { requeue: mode == PreemptMode::Requeue }, grace),
        }
    }

    fn suspend(&mut self, id: u32, now: u64) -> Action {
        self.owe(id, now);
        let job = &self.jobs[&id];
        for share in &job.allocation {
            self.free.lend_cpus(&job.request, *share, 1);
        }
        let job = self.job_mut(id);
        job.state = JobState::Suspended;
        // What is left of its time is kept in `end` as a span until it goes on.
        job.end = job.end.saturating_sub(now);
        Action::Suspend(id)
    }

    /// Lets suspended jobs go on whose CPUs are free again, lowest number first.
    pub fn resume(&mut self, now: u64) -> Vec<Action> {
        let suspended = self.running.iter().copied().filter(|id| self.jobs[id].state == JobState::Suspended);
        let mut actions = Vec::new();
        for id in suspended.collect::<Vec<_>>() {
            let job = &self.jobs[&id];
            if !job.allocation.iter().all(|share| self.free.has_cpus(&job.request, *share)) {
                continue;
            }
            for share in &job.allocation {
                self.free.lend_cpus(&job.request, *share, -1);
            }
            let job = self.job_mut(id);
            job.state = JobState::Running;
            job.accounted = now;
            job.end = job.end.saturating_add(now);
            actions.push(Action::Resume(id));
        }
        actions
    }

    /// The processes of a job are gone. Gives how it ended; a job that goes back to the queue waits
    /// again.
    pub fn ended(&mut self, now: u64, id: u32, succeeded: bool) -> JobState {
        let Some(job) = self.jobs.get(&id) else { return JobState::Cancelled };
        let (ending, was) = (job.ending, job.state);
        if !self.running.contains(&id) {
            return was;
        }
        self.give_back(id, now);
        let requeue = self.jobs[&id].requeue && self.settings.job_requeue;
        let outcome = match ending {
            Some(Ending::TimeLimit) => JobState::Timeout,
            Some(Ending::Cancel) => JobState::Cancelled,
            Some(Ending::Preempted { requeue: true }) => return self.go_back(id, now),
            Some(Ending::Preempted { requeue: false }) => JobState::Preempted,
            Some(Ending::NodeFail) if requeue => return self.go_back(id, now),
            Some(Ending::NodeFail) => JobState::NodeFail,
            None if succeeded => JobState::Completed,
            None => JobState::Failed,
        };
        self.close(id, outcome);
        outcome
    }

    /// Gives back what a job holds.
    fn give_back(&mut self, id: u32, now: u64) {
        if self.jobs[&id].state != JobState::Suspended {
            self.owe(id, now);
        } else if let Some(job) = self.jobs.get(&id) {
            for share in &job.allocation {
                self.free.lend_cpus(&job.request, *share, -1);
            }
        }
        let held = self.jobs[&id].held();
        self.count(id, |load| load.count_running(&held, -1));
        let job = &self.jobs[&id];
        for share in &job.allocation {
            self.free.release(&job.request, *share);
        }
        self.running.remove(&id);
        self.job_mut(id).allocation.clear();
    }

    /// Puts a job back in the queue; it may start again after a while.
    fn go_back(&mut self, id: u32, now: u64) -> JobState {
        let delay = self.settings.requeue_delay;
        let job = self.job_mut(id);
        job.state = JobState::Pending;
        job.ending = None;
        job.restarts += 1;
        job.begin = now.saturating_add(delay);
        job.eligible = None;
        job.submitted = now;
        self.pending.insert(id);
        self.count(id, |load| load.count_waiting(1));
        self.look_at(id, now);
        priority::refresh_one(self, id, now);
        JobState::Pending
    }

    /// A job is over: only how it ended is kept.
    fn close(&mut self, id: u32, outcome: JobState) {
        if let Some(job) = self.jobs.remove(&id) {
            self.ended.insert(id, (outcome, job.start));
        }
    }

    /// Cancels a job that waits. One that runs must be stopped.
    pub fn withdraw(&mut self, id: u32) {
        if self.pending.remove(&id) {
            self.count(id, |load| load.count_waiting(-1));
            self.close(id, JobState::Cancelled);
        }
    }

    /// How a job ended that is over, or where it is.
    pub fn state_of(&self, id: u32) -> Option<JobState> {
        let ended = self.ended.get(&id).map(|(state, _)| *state);
        self.jobs.get(&id).map(|job| job.state).or(ended)
    }

    /// The jobs whose time limit has passed are asked to end.
    pub fn enforce_limits(&mut self, now: u64) -> Vec<Action> {
        let over = self.settings.over_time_limit;
        let late = |id: &u32| {
            let job = &self.jobs[id];
            job.state == JobState::Running && job.limit.is_some() && now >= job.end.saturating_add(over)
        };
        let late: Vec<u32> = self.running.iter().copied().filter(late).collect();
        let grace = self.settings.kill_wait;
        late.into_iter().map(|id| self.stop(id, Ending::TimeLimit, grace)).collect()
    }

    /// When the next time limit passes.
    pub fn next_limit(&self) -> Option<u64> {
        let with_limit = |id: &u32| {
            let job = &self.jobs[id];
            let counts = job.state == JobState::Running && job.limit.is_some();
            counts.then(|| job.end.saturating_add(self.settings.over_time_limit))
        };
        self.running.iter().filter_map(with_limit).min()
    }

    /// A node is down: it was silent for too long, or was set so. Its jobs go back to the queue or fail;
    /// gives the orders to clean up what is left of them on other nodes.
    pub fn node_down(&mut self, node: usize, unresponsive: bool) -> Vec<Action> {
        self.nodes[node].state = NodeState::Down { unresponsive };
        let hit: Vec<u32> = self
            .running
            .iter()
            .copied()
            .filter(|id| self.jobs[id].allocation.iter().any(|share| share.node == node))
            .collect();
        hit.into_iter().map(|id| self.stop(id, Ending::NodeFail, 0)).collect()
    }

    /// A node registers again. Gives whether it takes jobs now.
    pub fn node_returns(&mut self, node: usize) -> bool {
        if let NodeState::Down { unresponsive } = self.nodes[node].state {
            let returns = match self.settings.return_to_service {
                ReturnToService::Never => false,
                ReturnToService::IfUnresponsive => unresponsive,
                ReturnToService::Always => true,
            };
            if returns {
                self.nodes[node].state = NodeState::Up;
            }
        }
        self.nodes[node].state == NodeState::Up
    }

    /// The jobs that wait only for their turn, in the order of the queue. Says of the others why they
    /// wait.
    pub fn queue(&mut self, now: u64) -> Vec<u32> {
        let waiting: Vec<u32> = self.pending.iter().copied().collect();
        let mut queue: Vec<u32> = waiting.into_iter().filter(|id| self.look_at(*id, now)).collect();
        super::order::sort(self, &mut queue);
        queue
    }

    /// Whether a job waits only for its turn; says why, if not.
    fn look_at(&mut self, id: u32, now: u64) -> bool {
        let job = &self.jobs[&id];
        let reason = if job.held {
            Some(Reason::JobHeldUser)
        } else if job.begin > now {
            Some(Reason::BeginTime)
        } else {
            match dependency::together(job, |dependency| self.standing(job, dependency, now)) {
                Standing::Satisfied => None,
                Standing::Waits => Some(Reason::Dependency),
                Standing::Never => Some(Reason::DependencyNeverSatisfied),
            }
        };
        let job = self.job_mut(id);
        match reason {
            Some(reason) => job.reason = reason,
            None => {
                if job.eligible.is_none() {
                    job.eligible = Some(now);
                    job.reason = Reason::None;
                }
            }
        }
        reason.is_none()
    }

    /// Whether as many tasks of a job's array run as may.
    pub(super) fn array_is_full(&self, id: u32) -> bool {
        let Some(array) = self.jobs[&id].array.filter(|array| array.at_a_time > 0) else { return false };
        let tasks = self.arrays.get(&array.array).map_or(&[][..], Vec::as_slice);
        let running = tasks.iter().filter(|(_, id)| self.running.contains(id)).count();
        running >= array.at_a_time as usize
    }

    fn known(&self, id: u32) -> Option<Known> {
        let there = self.jobs.get(&id).map(|job| Known { state: job.state, start: job.start });
        there.or_else(|| self.ended.get(&id).map(|(state, start)| Known { state: *state, start: *start }))
    }

    /// Where a dependency of a job stands. That on an array stands where the worst of its tasks does;
    /// `afternotok` holds as soon as all are over and one has not completed.
    fn standing(&self, job: &Job, dependency: &Dependency, now: u64) -> Standing {
        if dependency.kind == Kind::Singleton {
            let before = |id: &u32| {
                let other = &self.jobs[id];
                *id < job.id && other.name == job.name && other.user == job.user
            };
            let waits = self.pending.iter().any(before) || self.running.iter().any(before);
            return if waits { Standing::Waits } else { Standing::Satisfied };
        }
        let Some(tasks) = self.arrays.get(&dependency.job) else {
            return dependency::standing_of(dependency.kind, self.known(dependency.job), now);
        };
        if dependency.kind == Kind::AfterCorr
            && let Some(own) = job.array
        {
            let corresponding = tasks.iter().find(|(task, _)| *task == own.task);
            return corresponding.map_or(Standing::Never, |(_, id)| {
                dependency::standing_of(Kind::AfterCorr, self.known(*id), now)
            });
        }
        let each = tasks.iter().map(|(_, id)| dependency::standing_of(dependency.kind, self.known(*id), now));
        if dependency.kind == Kind::AfterNotOk {
            let each: Vec<Standing> = each.collect();
            let best = each.iter().copied().min().unwrap_or(Standing::Waits);
            if each.contains(&Standing::Waits) { Standing::Waits } else { best }
        } else {
            each.max().unwrap_or(Standing::Satisfied)
        }
    }
}
