//! Random runs under Docker Swarm, Apache Mesos and Slurm, and what must hold of them.

mod generate;
mod outcome;
mod settings;
mod watch;

use super::checker::Checker;
use super::story::Story;
use super::{Bound, Passed, check_outcome, compare, nodes, reason};
use crate::sim::{Setup, run};
use generate::{Case, case};
use watch::Watch;

/// Which control plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Which {
    Slurm,
    Swarm,
    Mesos,
}

/// Runs the case of a seed twice and checks it.
pub(super) fn check(which: Which, seed: u64) -> Result<Passed, String> {
    let Case { setup, facts } = case(which, seed);
    let words = facts.in_words();
    let found = |what: String| format!("{what}\n  {words}");
    let tolerations = setup.control.nodes.default_toleration.is_some();
    let inner = Checker::new(nodes(&setup), facts.ideal, tolerations);
    let mut watch = Watch::new(inner, facts);
    let outcome = run(setup, &mut watch, &mut Bound).map_err(reason).map_err(found)?;
    watch.check_end();
    if let Some(broken) = watch.inner.broken.take().or_else(|| watch.broken.take()) {
        return Err(found(broken));
    }
    check_outcome(&watch.inner, &outcome).map_err(found)?;
    // The second run is without the kernel's own checks: they must not matter.
    let mut again = Story::default();
    let setup = Setup { check_invariants: false, ..case(which, seed).setup };
    run(setup, &mut again, &mut Bound).map_err(reason).map_err(found)?;
    compare(watch.inner.story, again).map_err(found)?;
    Ok(Passed {
        events: outcome.events,
        pods: watch.starts,
        story: again.digest,
        injected: watch.inner.injected,
    })
}

#[cfg(test)]
mod tests;
