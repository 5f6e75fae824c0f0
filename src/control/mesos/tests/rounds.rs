//! When allocations run.

use super::{Rule, check, secs};
use crate::base::{Span, Time};
use crate::control::mesos::allocator::AgentKey;
use crate::control::mesos::rounds::{Cause, Rounds, Scope};

/// The agents that are allocated half a second after an interval, because of causes.
fn run_for(causes: &[Cause]) -> String {
    let mut rounds = Rounds::new(Span::from_secs(1));
    rounds.take(secs(1));
    for &cause in causes {
        rounds.note(cause);
    }
    match rounds.take(Time(1_500_000_000)) {
        None => "none".into(),
        Some(Scope::All) => "all".into(),
        Some(Scope::Some(agents)) => {
            agents.iter().map(|agent| agent.0.to_string()).collect::<Vec<_>>().join(" ")
        }
    }
}

const A: AgentKey = AgentKey(3);
const B: AgentKey = AgentKey(5);
const CAUSES_OF_ALLOCATIONS: &[Rule] = &[
    Rule {
        section: "§7.2",
        says: "a framework registers: all agents",
        check: || (run_for(&[Cause::FrameworkActive]), "all"),
    },
    Rule { section: "§7.2", says: "revive: all agents", check: || (run_for(&[Cause::Revived]), "all") },
    Rule {
        section: "§7.2",
        says: "an agent registers: that one",
        check: || (run_for(&[Cause::AgentAdded(A)]), "3"),
    },
    Rule {
        section: "§7.2",
        says: "an agent changes: that one",
        check: || (run_for(&[Cause::AgentChanged(B)]), "5"),
    },
    Rule {
        section: "§7.2",
        says: "a maintenance window changes: that agent",
        check: || (run_for(&[Cause::Maintenance(B)]), "5"),
    },
    Rule {
        section: "§7.2",
        says: "requests before a run are one, over the union of agents",
        check: || (run_for(&[Cause::AgentAdded(B), Cause::AgentChanged(A)]), "3 5"),
    },
    Rule {
        section: "§7.2",
        says: "one for all agents takes in the others",
        check: || (run_for(&[Cause::AgentAdded(B), Cause::Revived]), "all"),
    },
    Rule {
        section: "§7.2, trap 15",
        says: "recovered resources start nothing",
        check: || (run_for(&[Cause::Recovered(A)]), "none"),
    },
    Rule {
        section: "§7.4",
        says: "the end of a disconnection starts nothing",
        check: || (run_for(&[Cause::AgentReconnected(A)]), "none"),
    },
];

#[test]
fn causes_of_allocations() {
    check(CAUSES_OF_ALLOCATIONS);
}

#[test]
fn intervals_come_round() {
    // Reference control-plane §7.1: allocation_interval.
    let mut rounds = Rounds::new(Span::from_secs(1));
    assert_eq!(rounds.interval_end(Time::ZERO), secs(1));
    assert_eq!(rounds.take(Time(400_000_000)), None);
    assert_eq!(rounds.take(secs(1)), Some(Scope::All));
    assert_eq!((rounds.take(secs(1)), rounds.interval_end(secs(1))), (None, secs(2)));
    // Nobody woke it for a while: it is not made up for.
    assert_eq!(rounds.interval_end(Time(7_100_000_000)), secs(8));
    rounds.note(Cause::Revived);
    assert!(rounds.is_pending());
    assert_eq!(rounds.take(secs(8)), Some(Scope::All));
    assert!(!rounds.is_pending(), "the request is served by the interval's allocation");
}
