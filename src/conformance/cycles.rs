//! The scheduling cycles of a case: one a profile, as the configuration says.

use super::Subject;
use super::input::{Case, Scene};
use crate::base::ids::ClassId;
use crate::base::{Diagnostic, Time};
use crate::control::Config;
use crate::control::config::{Scheduler, Version};
use crate::control::scheduler::{Cycle, configuration};

/// How nodes are searched.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    /// Whether as many nodes are looked at as the configuration says, as opposed to all.
    pub(super) is_sampled: bool,
    /// Whether pods that are judged alike share a scoring.
    pub(super) is_batching: bool,
}

/// The cycles.
pub(super) struct Cycles {
    cycles: Vec<Cycle>,
    /// Which one made the last attempt.
    last: usize,
}

impl Cycles {
    /// The cycles that the case configures.
    pub(super) fn new(case: &Case, subject: Subject, search: Search) -> Result<Cycles, Diagnostic> {
        let Subject { version, mode } = subject;
        let mut config =
            Config { version, scheduler: configured(case, version, search)?, ..Config::default() };
        config.scheduler.mode = mode;
        let cycles =
            (0..config.scheduler.profiles.len()).map(|profile| Cycle::new(&config, profile)).collect();
        Ok(Cycles { cycles, last: 0 })
    }

    /// The cycle for pods of a class: that of the profile they ask for, else the first. It goes on
    /// where the last attempt, whichever profile's it was, has stopped.
    pub(super) fn of(&mut self, scene: &Scene, class: ClassId) -> &mut Cycle {
        let wanted = &scene.cluster.classes[class].template.spec.scheduler_name;
        let place = self.cycles.iter().position(|cycle| cycle.profile.serves(wanted)).unwrap_or(0);
        let before = std::mem::replace(&mut self.last, place);
        if before != place {
            let position = self.cycles[before].position();
            self.cycles[place].go_on(position, Time::ZERO);
        }
        &mut self.cycles[place]
    }
}

/// Reads a configuration; the first finding counts.
fn read(case: &Case, config: &str, version: Version) -> Result<Scheduler, Diagnostic> {
    let configured = configuration::read(&"config".into(), config.as_bytes(), version);
    configured.map(|configured| configured.scheduler).map_err(|findings| {
        let mut findings = findings.into_iter();
        match findings.next() {
            Some(finding) => {
                let message = format!("{}: config: {}", case.id, finding.message);
                Diagnostic { location: case.location.clone(), message, ..finding }
            }
            None => case.error("the configuration cannot be used"),
        }
    })
}

fn configured(case: &Case, version: Version, search: Search) -> Result<Scheduler, Diagnostic> {
    let mut scheduler = match case.input.get("config").filter(|config| !config.is_null()) {
        Some(config) => read(case, &config.to_string(), version)?,
        None => Scheduler { percentage_of_nodes_to_score: 0, ..Scheduler::default_for(version) },
    };
    if !search.is_sampled {
        scheduler.percentage_of_nodes_to_score = 100;
        scheduler.profiles.iter_mut().for_each(|profile| profile.percentage_of_nodes_to_score = None);
    }
    scheduler.opportunistic_batching = search.is_batching;
    Ok(scheduler)
}
