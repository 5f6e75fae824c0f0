//! What a run under another control plane than Kubernetes' must have come to.

use super::Which;
use super::generate::Kind;
use super::watch::{LATE, Origin, Watch};
use crate::base::{Span, Time};
use crate::control::slurm::model::{PreemptMode, PreemptType};
use crate::control::swarm::RestartCondition;
use std::collections::BTreeMap;

impl Watch {
    /// Everything that must have come true in the end.
    pub(super) fn check_end(&mut self) {
        for row in 0..self.facts.rows.len() {
            self.check_row(row);
            self.check_gang(row);
        }
        for thing in 0..self.facts.things.len() {
            match self.facts.things[thing].kind {
                Kind::Service(replicas) => self.check_service(thing, replicas),
                Kind::Global => self.check_global(thing),
                Kind::Job { completions, .. } => self.check_job(thing, completions),
            }
            self.check_attempts(thing);
        }
    }

    /// Whether preemption may end jobs for good.
    fn is_cancelled(&self) -> bool {
        self.facts.settings.site().is_some_and(|site| {
            let preemption = &site.settings.preemption;
            preemption.kind != PreemptType::None && preemption.mode == PreemptMode::Cancel
        })
    }

    /// The tasks of a row have come to their end.
    fn check_row(&mut self, row: usize) {
        let origin = Origin::Row(row);
        let name = self.name(origin);
        let tasks = self.facts.rows[row].tasks;
        let created = self.of(origin).filter(|pod| pod.incarnation == 0).count();
        self.demand(created == tasks as usize, || {
            format!("safety_conservation: {created} pods of {name} were created, not {tasks}")
        });
        let is_held = self.label(origin, "hold").is_some();
        let open = self.of(origin).filter(|pod| pod.is_open()).count();
        let what = format!("{:?}, {:?}", self.facts.rows[row], self.of(origin).collect::<Vec<_>>());
        self.demand(is_held || open == 0, || {
            format!("liveness_row: {open} pods of {name} have not ended: {what}")
        });
        let fits = self.time_limit(origin).is_none_or(|limit| {
            let site = self.facts.settings.site().expect("there is a limit");
            let limit = limit.saturating_sub(Span::from_secs(site.settings.kill_wait + 2));
            self.facts.rows[row].shape.run_time.is_none_or(|run_time| run_time + LATE < limit)
        });
        let is_sure = self.facts.calm
            && !is_held
            && fits
            && !self.facts.rows[row].shape.fails
            && !self.is_preempted_for_good(origin);
        let well = self.successes(origin);
        self.demand(!is_sure || well == tasks, || {
            format!("liveness_row: {well} pods of {name} have succeeded, not {tasks}")
        });
    }

    /// Whether a row may be ended for another by Slurm.
    fn is_preempted_for_good(&self, origin: Origin) -> bool {
        let Some(site) = self.facts.settings.site() else { return false };
        site.settings.preemption.kind != PreemptType::None
            && (self.is_cancelled() || self.label(origin, "requeue") == Some("false"))
    }

    /// Under Slurm the tasks of a job start together.
    fn check_gang(&mut self, row: usize) {
        if self.facts.which != Which::Slurm {
            return;
        }
        let mut starts: BTreeMap<u32, Vec<Option<Time>>> = BTreeMap::new();
        for pod in self.of(Origin::Row(row)) {
            starts.entry(pod.incarnation).or_default().push(pod.bound.map(|(at, _)| at));
        }
        let late = if self.facts.ideal { Span::ZERO } else { LATE };
        for starts in starts.into_values() {
            let known: Vec<Time> = starts.iter().flatten().copied().collect();
            let (first, last) = (known.iter().min().copied(), known.iter().max().copied());
            let together = first.zip(last).is_none_or(|(first, last)| last.since(first) <= late);
            let whole = !self.facts.calm || known.is_empty() || known.len() == starts.len();
            self.demand(together && whole, || {
                format!("safety_gang: the tasks of row-{row} start at {starts:?}")
            });
        }
    }

    /// A service has the tasks that it is to have.
    fn check_service(&mut self, thing: usize, replicas: u32) {
        let origin = Origin::Thing(thing);
        let facts = &self.facts;
        let shape = &facts.things[thing].shape;
        let settings = facts.settings.service(&facts.things[thing]);
        let is_kept = match facts.which {
            Which::Swarm => settings.as_ref().is_some_and(|settings| {
                settings.restart.condition == RestartCondition::Any && settings.restart.max_attempts == 0
            }),
            Which::Slurm => {
                facts.settings.site().is_some_and(|site| site.settings.job_requeue) && !self.is_cancelled()
            }
            Which::Mesos => true,
        };
        if shape.run_time.is_some() || !is_kept {
            return;
        }
        let places =
            facts.machines.iter().filter(|machine| shape.zone.is_none_or(|zone| machine.zone == Some(zone)));
        let most = settings.map_or(0, |settings| settings.max_replicas);
        let most = if most == 0 { u32::MAX } else { most.saturating_mul(places.count() as u32) };
        let expected = replicas.min(most);
        let runs = self.of(origin).filter(|pod| pod.is_open() && pod.runs && !pod.is_deleting).count() as u32;
        let name = self.name(origin);
        let what = format!("{:?}", self.of(origin).filter(|pod| pod.is_open()).collect::<Vec<_>>());
        self.demand(runs == expected, || {
            format!("liveness_service: {runs} tasks of {name} run, not {expected}: {what}")
        });
    }

    /// There is a task on every node that may have one.
    fn check_global(&mut self, thing: usize) {
        let shape = &self.facts.things[thing].shape;
        let settings = self.facts.settings.service(&self.facts.things[thing]);
        let is_kept = settings.is_none_or(|settings| {
            settings.restart.condition == RestartCondition::Any && settings.restart.max_attempts == 0
        });
        let machines = self.facts.machines.iter();
        let expected =
            machines.filter(|machine| shape.zone.is_none_or(|zone| machine.zone == Some(zone))).count();
        let runs =
            self.of(Origin::Thing(thing)).filter(|pod| pod.is_open() && pod.runs && !pod.is_deleting).count();
        self.demand(!is_kept || runs == expected, || {
            format!("liveness_global: {runs} tasks run, not {expected}")
        });
    }

    /// A Job has come to its end.
    fn check_job(&mut self, thing: usize, completions: u32) {
        let origin = Origin::Thing(thing);
        let name = self.name(origin);
        let facts = &self.facts;
        let well = self.successes(origin);
        let repeats = |condition: RestartCondition| condition != RestartCondition::None;
        let settings = facts.settings.service(&facts.things[thing]);
        let fails = facts.things[thing].shape.fails;
        let waits_for_ever = facts.things[thing].after.is_some_and(|(other, must_succeed)| {
            if must_succeed { !self.succeeded(other) } else { !self.is_over(other) }
        });
        // A swarm tries again for ever.
        let may_be_open = (settings.is_some() && fails) || waits_for_ever;
        let open = self.of(origin).filter(|pod| pod.is_open()).count();
        let first = facts.things[thing].after.is_none_or(|(other, _)| !facts.things[other].shape.fails);
        let is_sure = !fails
            && !waits_for_ever
            && first
            && (facts.calm
                || settings.is_some_and(|s| repeats(s.restart.condition) && s.restart.max_attempts == 0));
        let is_sure = is_sure && !(self.is_cancelled());
        let what = format!("{:?}, {:?}", self.facts.things[thing], self.of(origin).collect::<Vec<_>>());
        self.demand(may_be_open || open == 0, || {
            format!("liveness_job: {open} pods of {name} have not ended: {what}")
        });
        self.demand(!is_sure || well >= completions, || {
            format!("liveness_job: {well} pods of {name} have succeeded, not {completions}: {what}")
        });
        let exact = self.facts.calm && well > completions;
        self.demand(!exact, || {
            format!("safety_job: {well} pods of {name} have succeeded, not {completions}")
        });
    }

    /// No task is tried more often than its policy says, where nothing goes wrong.
    fn check_attempts(&mut self, thing: usize) {
        let facts = &self.facts;
        let slots = match facts.things[thing].kind {
            Kind::Service(replicas) => replicas,
            Kind::Global => facts.machines.len() as u32,
            Kind::Job { completions, .. } => completions,
        };
        let is_job = matches!(facts.things[thing].kind, Kind::Job { .. });
        let attempts = match facts.which {
            Which::Slurm => return,
            Which::Mesos if !is_job => return,
            Which::Mesos => facts.settings.retries().map_or(1, |(retries, _)| retries + 1),
            Which::Swarm => {
                let Some(settings) = facts.settings.service(&facts.things[thing]) else { return };
                match settings.restart.condition {
                    RestartCondition::None => 1,
                    RestartCondition::OnFailure if !facts.things[thing].shape.fails => 1,
                    _ if settings.restart.max_attempts == 0 => return,
                    _ => settings.restart.max_attempts + 1,
                }
            }
        };
        let made = self.of(Origin::Thing(thing)).count() as u32;
        let name = self.name(Origin::Thing(thing));
        self.demand(!self.facts.calm || made <= slots * attempts, || {
            format!("safety_attempts: {name} was given {made} tasks, {slots} times {attempts} at most")
        });
    }
}
