//! Random runs of a fleet, and what must hold of them.

mod checker;
mod generate;
mod mirror;
mod rules;

use super::{Bound, Passed, compare, reason};
use crate::control::fleet::Gang;
use crate::sim::run_fleet;
use checker::Checker;
use generate::{Case, Twin, case};

/// Runs the case of a seed, then its twin, and checks both.
pub(super) fn check(seed: u64) -> Result<Passed, String> {
    let (first, events) = follow(case(seed, Twin::First))?;
    let (second, _) = follow(case(seed, Twin::Second))?;
    compare(first.story, second.story)?;
    Ok(Passed { events, pods: first.starts, story: second.story.digest, injected: first.counts })
}

fn follow(Case { setup, facts }: Case) -> Result<(Checker, u64), String> {
    // Jobs whose tasks start one by one can keep each other waiting for ever.
    let must_end = facts.mends && facts.policy.gang != Gang::Piecemeal;
    let mut checker = Checker::new(facts);
    let outcome = run_fleet(setup, &mut checker, &mut Bound).map_err(reason)?;
    if must_end {
        checker.check_liveness();
    }
    match checker.broken.take() {
        Some(broken) => Err(format!("{broken}\n  {}", checker.mirror.facts.in_words())),
        None => Ok((checker, outcome.events)),
    }
}

#[cfg(test)]
mod tests;
