//! The rules of rolling updates.

use super::case;
use crate::base::{Span, Time};
use crate::control::swarm::FailureAction::{Continue, Pause, Rollback};
use crate::control::swarm::UpdateConfig;
use crate::control::swarm::state::State;
use crate::control::swarm::update::{
    Progress, after_failure, is_dirty, is_failure, is_too_much, monitor, workers,
};

#[test]
fn slots_are_updated_a_few_at_a_time() {
    let config = |parallelism| UpdateConfig { parallelism, ..UpdateConfig::default() };
    for (name, parallelism, dirty, expected) in
        [("one", 1, 5, 1), ("all", 0, 5, 5), ("no more than there are", 9, 5, 5)]
    {
        case("§6.7", name, workers(&config(parallelism), dirty), expected);
    }
    for (name, delay, expected) in
        [("longer than the delay", 2, 5), ("the delay is as long", 5, 6), ("longer", 10, 11)]
    {
        let config = UpdateConfig { delay: Span::from_secs(delay), ..UpdateConfig::default() };
        case("§6.7", name, monitor(&config), Span::from_secs(expected));
    }
}

#[test]
fn new_tasks_are_watched() {
    let at = Time::from_secs;
    for (name, observed, started, now, expected) in [
        ("it has not run", State::Failed, None, 90, true),
        ("it was rejected", State::Rejected, None, 1, true),
        ("it has ended soon", State::Failed, Some(at(10)), 15, true),
        ("it has ended late", State::Failed, Some(at(10)), 16, false),
        ("it completed soon", State::Complete, Some(at(10)), 12, true),
        ("it runs", State::Running, Some(at(10)), 11, false),
        ("it waits", State::Pending, None, 99, false),
    ] {
        case("§6.7", name, is_failure(observed, started, Span::from_secs(5), at(now)), expected);
    }
}

#[test]
fn failures_are_weighed() {
    for (name, failures, dirty, max_failure_ratio, expected) in [
        ("one is too much", 1, 10, 0.0, true),
        ("none is not", 0, 10, 0.0, false),
        ("as many as may fail", 2, 10, 0.2, false),
        ("one more", 3, 10, 0.2, true),
        ("all may fail", 10, 10, 1.0, false),
    ] {
        let config = UpdateConfig { max_failure_ratio, ..UpdateConfig::default() };
        case("§6.7", name, is_too_much(failures, dirty, &config), expected);
    }
    for (name, action, is_rollback, has_previous, expected) in [
        ("pause", Pause, false, true, Some(Progress::Paused)),
        ("continue", Continue, false, true, None),
        ("roll back", Rollback, false, true, Some(Progress::RollbackStarted)),
        ("nothing to go back to", Rollback, false, false, Some(Progress::Paused)),
        ("going back never goes back", Rollback, true, true, Some(Progress::RollbackPaused)),
        ("going back pauses", Pause, true, true, Some(Progress::RollbackPaused)),
    ] {
        case("§6.7", name, after_failure(action, is_rollback, has_previous), expected);
    }
}

#[test]
fn what_differs_is_dirty() {
    for (name, same_template, same_constraints, node_meets, expected) in [
        ("another image", false, true, true, true),
        ("nothing", true, true, true, false),
        ("constraints that its node meets", true, false, true, false),
        ("constraints that it does not", true, false, false, true),
    ] {
        case("§6.7", name, is_dirty(same_template, same_constraints, node_meets), expected);
    }
}
