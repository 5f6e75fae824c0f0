//! Agents that fall silent and come back, and frameworks that do.

use super::{Rule, check, secs};
use crate::base::{Span, Time};
use crate::control::mesos::agents::{
    Capabilities, Observer, Pings, RemovalLimit, Turn, Verdict, fate, reregistration_deadline,
};
use crate::control::mesos::frameworks::Link;
use proptest::prelude::*;

/// How long after its failure an agent is found unreachable that registered at 0 s.
fn found(failed_millis: u64) -> String {
    let silent = Time(failed_millis * 1_000_000);
    format!("{}", Pings::default().unreachable_at(Time::ZERO, silent).since(silent))
}

/// What becomes of a task of a framework with capabilities, at each turn.
fn fates(partition_aware: bool, checkpoint: bool) -> String {
    let turns = [
        Turn::Disconnected,
        Turn::Reconnected,
        Turn::Unreachable,
        Turn::Returned,
        Turn::Replaced,
        Turn::Removed,
    ];
    let one = |turn| format!("{:?}", fate(turn, Capabilities { partition_aware, checkpoint }));
    turns.map(one).join(" ")
}

const PINGS: &[Rule] = &[
    Rule {
        section: "§7.4, §9.5",
        says: "an agent that fails right after a ping is found after 90 s",
        check: || (found(30_000), "1m30s"),
    },
    Rule {
        section: "§7.4, §9.5",
        says: "one that fails right before a ping is found after 75 s",
        check: || (found(29_999), "1m15.001s"),
    },
    Rule { section: "§7.4", says: "one between two pings in between", check: || (found(34_000), "1m26s") },
    Rule {
        section: "§7.4",
        says: "the fifth miss in a row makes it unreachable",
        check: || {
            let mut observer = Observer::default();
            let misses: Vec<Verdict> = (0..5).map(|_| observer.timed_out(false, &Pings::default())).collect();
            (format!("{misses:?}"), "[Missed(1), Missed(2), Missed(3), Missed(4), Unreachable]")
        },
    },
    Rule {
        section: "§7.4",
        says: "an answer begins the count anew",
        check: || {
            let mut observer = Observer::default();
            for answered in [false, false, false, false, true] {
                observer.timed_out(answered, &Pings::default());
            }
            (format!("{:?}", observer.timed_out(false, &Pings::default())), "Missed(1)")
        },
    },
    Rule {
        section: "§7.1",
        says: "agent_removal_rate_limit: one after the other",
        check: || {
            let mut limit = RemovalLimit::new(Some(Span::from_secs(600)));
            (
                format!("{:?}", [90, 90, 700, 5_000].map(|at| limit.acquire(secs(at)))),
                "[t=1m30s, t=11m30s, t=21m30s, t=1h23m20s]",
            )
        },
    },
    Rule {
        section: "§7.1",
        says: "without a rate limit all at once",
        check: || {
            let mut limit = RemovalLimit::default();
            (format!("{:?}", [90, 90].map(|at| limit.acquire(secs(at)))), "[t=1m30s, t=1m30s]")
        },
    },
    Rule {
        section: "§7.1",
        says: "agent_reregister_timeout is ten minutes at least",
        check: || (format!("{:?}", reregistration_deadline(secs(100), Span::from_secs(5))), "t=11m40s"),
    },
];

#[test]
fn pings() {
    check(PINGS);
}

const FATES_OF_TASKS: &[Rule] = &[
    Rule {
        section: "§7.4",
        says: "partition-aware, checkpointing: unreachable, then running again",
        check: || (fates(true, true), "Running Running Unreachable Running Lost Lost"),
    },
    Rule {
        section: "§7.4",
        says: "not partition-aware: lost, and killed when the agent returns",
        check: || (fates(false, true), "Running Running Lost Killed Lost Lost"),
    },
    Rule {
        section: "§7.4",
        says: "not checkpointing: lost when the agent disconnects",
        check: || (fates(true, false), "Lost Running Unreachable Running Lost Lost"),
    },
];

#[test]
fn fates_of_tasks() {
    check(FATES_OF_TASKS);
}

#[test]
fn links_to_frameworks() {
    let gone = |timeout: u64| {
        let mut link = Link::default();
        link.lost(secs(100), Span::from_secs(timeout));
        link
    };
    let mut at_once = gone(0);
    assert!(at_once.expire(secs(100)), "§7.1, §7.4: failover_timeout 0 tears down at once");
    assert!(!at_once.restored(secs(100)), "§7.4: who was torn down may not come back");
    let mut patient = gone(60);
    assert_eq!(patient.deadline(), Some(secs(160)), "§7.4: its tasks run until then");
    assert!(!patient.expire(secs(159)));
    assert!(patient.restored(secs(159)), "§7.4: a framework that comes back in time goes on");
    assert_eq!((patient, patient.deadline()), (Link::Connected, None));
    let mut late = gone(60);
    assert!(!late.restored(secs(160)) && late == Link::TornDown);
}

proptest! {
    /// Stepping through the pings one by one gives the moment that is computed at once.
    #[test]
    fn safety_the_computed_moment_is_that_of_the_pings(
        registered in 0u64..100,
        alive in 0u64..1_000,
        timeout in 1u64..40,
        most in 1u32..9,
    ) {
        let pings = Pings { timeout: Span::from_secs(timeout), most };
        let (registered, silent) = (secs(registered), secs(registered + alive));
        let mut observer = Observer::default();
        let mut ping = registered;
        let found = loop {
            let answered = ping <= silent;
            ping += pings.timeout;
            if observer.timed_out(answered, &pings) == Verdict::Unreachable {
                break ping;
            }
        };
        prop_assert_eq!(pings.unreachable_at(registered, silent), found);
    }
}
