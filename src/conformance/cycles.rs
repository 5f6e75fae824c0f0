//! The scheduling cycles of a case: one a profile, as the configuration says.

use super::Subject;
use super::input::Case;
use crate::base::Diagnostic;
use crate::control::Config;
use crate::control::config::{Scheduler, Version};
use crate::control::scheduler::configuration;
use crate::control::snapshot::Cycles;

/// How nodes are searched.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    /// Whether as many nodes are looked at as the configuration says, as opposed to all.
    pub(super) is_sampled: bool,
    /// Whether pods that are judged alike share a scoring.
    pub(super) is_batching: bool,
}

/// The cycles that the case configures.
pub(super) fn cycles(case: &Case, subject: Subject, search: Search) -> Result<Cycles, Diagnostic> {
    let Subject { version, mode } = subject;
    let mut scheduler = configured(case, version, search)?;
    scheduler.mode = mode;
    Ok(Cycles::new(&Config { version, scheduler, ..Config::default() }))
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
