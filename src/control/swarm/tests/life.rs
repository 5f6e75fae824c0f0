//! States, heartbeats, restarts, slots, jobs, history.

use super::case;
use crate::base::ids::NodeId;
use crate::base::{Span, Time};
use crate::control::swarm::heartbeat::{Registrations, deadline, deadline_of_unknown, period};
use crate::control::swarm::reaper::{Kept, excess, is_removable, limit};
use crate::control::swarm::restart::{History, OldNode, Start, is_wanted, start};
use crate::control::swarm::scale::{Slot, free_numbers, new_tasks, removed};
use crate::control::swarm::state::State::{self, Complete, Failed, Pending, Remove, Running, Shutdown};
use crate::control::swarm::{RestartCondition, RestartPolicy, Settings};

const fn at(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

#[test]
fn states_only_go_up() {
    let numbers: Vec<u32> = State::ALL.into_iter().map(State::number).collect();
    case("§6.2", "numbers", numbers, vec![0, 64, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 800, 832]);
    for (name, before, report, expected) in [
        ("news", State::Assigned, State::Running, State::Running),
        ("no news", State::Running, State::Starting, State::Running),
        ("what has failed does not run again", State::Failed, State::Running, State::Failed),
        ("an orphan is for ever", State::Orphaned, State::Complete, State::Orphaned),
    ] {
        case("§6.2", name, before.reported(report), expected);
    }
    for (name, desired, expected) in [
        ("a task that waits is active", State::Ready, true),
        ("a task of a job is active", State::Complete, true),
        ("one that is told to stop is not", State::Shutdown, false),
        ("nor is one to be removed", State::Remove, false),
    ] {
        case("§6.2", name, desired.is_wanted(), expected);
    }
}

#[test]
fn silence_is_measured() {
    let settings = Settings::default();
    let seconds = Span::from_secs_f64;
    for (name, draw, expected) in
        [("shortest", 0.0, seconds(4.5)), ("mean", 0.5, seconds(5.0)), ("longest", 1.0, seconds(5.5))]
    {
        case("§6.1", name, period(&settings, draw), expected);
    }
    for (name, draw, expected) in [("first", 0.0, 13_500), ("last", 1.0, 16_500)] {
        let down = deadline(&settings, at(100), period(&settings, draw));
        case("§6.6", name, down, at(100) + Span::from_millis(expected));
    }
    let unknown = deadline_of_unknown(&settings, at(10), seconds(5.0));
    case("§6.1", "six times after the manager has changed", unknown, at(40));
}

#[test]
fn a_node_registers_three_times_in_eight_seconds() {
    let mut registrations = Registrations::default();
    for (name, now, is_allowed) in [
        ("first", 0, true),
        ("second", 2, true),
        ("third", 4, true),
        ("fourth", 6, false),
        ("in time again", 9, true),
    ] {
        case("§6.1", name, registrations.register(at(now)).is_ok(), is_allowed);
    }
}

#[test]
fn conditions_ask_for_restarts() {
    use RestartCondition::{Any, None, OnFailure};
    for (name, condition, observed, is_job, expected) in [
        ("any, completed", Any, State::Complete, false, true),
        ("any, failed", Any, State::Failed, false, true),
        ("on-failure, completed", OnFailure, State::Complete, false, false),
        ("on-failure, failed", OnFailure, State::Failed, false, true),
        ("on-failure, rejected", OnFailure, State::Rejected, false, true),
        ("on-failure, its node is down", OnFailure, State::Running, false, true),
        ("none, failed", None, State::Failed, false, false),
        ("a job, any, completed", Any, State::Complete, true, false),
        ("a job, any, failed", Any, State::Failed, true, true),
        ("a job, none, failed", None, State::Failed, true, false),
    ] {
        case("§6.5", name, is_wanted(condition, observed, is_job), expected);
    }
}

#[test]
fn attempts_are_counted() {
    let policy = |max_attempts, window| RestartPolicy {
        max_attempts,
        window: Span::from_secs(window),
        ..RestartPolicy::default()
    };
    // Restarts at seconds 1, 2 and 3 of version 1, then a question.
    for (name, policy, version, now, expected) in [
        ("no limit", policy(0, 0), 1, 4, true),
        ("fewer than the limit", policy(4, 0), 1, 4, true),
        ("the limit", policy(3, 0), 1, 4, false),
        ("the limit for all time", policy(3, 0), 1, 4_000, false),
        ("the window has moved on by one", policy(3, 10), 1, 11, true),
        ("it has not", policy(3, 10), 1, 10, false),
        ("another version begins anew", policy(3, 0), 2, 4, true),
    ] {
        let mut history = History::default();
        for second in 1..=3 {
            history.note(&policy, 1, at(second));
        }
        case("§6.5", name, history.allows(&policy, version, at(now)), expected);
    }
}

#[test]
fn replacements_start_later() {
    let policy = RestartPolicy::default();
    let minute = Span::from_secs(60);
    for (name, node, observed, expected) in [
        ("it has ended", OldNode::Up, State::Failed, Start { at: at(15), waits_until: None }),
        ("it still runs", OldNode::Up, State::Running, Start { at: at(15), waits_until: Some(at(70)) }),
        ("its node is down", OldNode::Down, State::Running, Start { at: at(15), waits_until: None }),
        (
            "its node is drained",
            OldNode::Drained,
            State::Running,
            Start { at: at(10), waits_until: Some(at(70)) },
        ),
    ] {
        case("§6.5", name, start(&policy, node, observed, minute, at(10)), expected);
    }
    let waiting = Start { at: at(15), waits_until: Some(at(70)) };
    for (name, now, has_stopped, expected) in [
        ("the delay", 14, true, false),
        ("delay and stop", 15, true, true),
        ("no stop", 60, false, false),
        ("a minute at most", 70, false, true),
    ] {
        case("§6.5", name, waiting.is_due(at(now), has_stopped), expected);
    }
}

#[test]
fn slots_come_and_go() {
    let slot = |number, runs, node: u32| Slot { number, runs, node: Some(NodeId(node)) };
    let nowhere = Slot { number: 4, runs: false, node: None };
    for (name, slots, keep, expected) in [
        ("the highest number of a node", vec![slot(1, true, 0), slot(2, true, 0)], 1, vec![2]),
        ("nodes stay even", vec![slot(1, true, 0), slot(2, true, 0), slot(3, true, 1)], 2, vec![2]),
        ("what runs stays", vec![slot(1, false, 0), slot(2, true, 0)], 1, vec![1]),
        ("without a node first", vec![slot(1, true, 0), nowhere, slot(5, true, 1)], 2, vec![4]),
        ("nothing to do", vec![slot(1, true, 0)], 1, vec![]),
        ("to nothing", vec![slot(1, true, 0), slot(2, true, 1)], 0, vec![1, 2]),
    ] {
        case("§6.5", name, removed(&slots, keep), expected);
    }
    case("§6.5", "gaps are filled", free_numbers(1, 3, |number| [1, 3].contains(&number)), vec![2, 4, 5]);
    case("§6.8", "jobs count from 0", free_numbers(0, 2, |_| false), vec![0, 1]);
}

#[test]
fn jobs_start_what_they_may() {
    for (name, (completions, concurrent, running, complete), expected) in [
        ("at the beginning", (10, 4, 0, 0), 4),
        ("one has completed", (10, 4, 3, 1), 1),
        ("a failed one is replaced and counts", (10, 4, 4, 1), 0),
        ("near the end", (10, 4, 2, 8), 0),
        ("fewer left than may run", (10, 4, 0, 9), 1),
        ("all done", (10, 4, 0, 10), 0),
        ("scaled down below what runs", (10, 1, 4, 0), 0),
    ] {
        case("§6.8", name, new_tasks(completions, concurrent, running, complete), expected);
    }
}

#[test]
fn history_is_short() {
    for (name, history, attempts, expected) in
        [("five", 5, 0, Some(5)), ("attempts and one", 5, 2, Some(3)), ("all", -1, 2, None)]
    {
        case("§6.9", name, limit(history, attempts), expected);
    }
    let kept = |task, observed, desired, stamp| Kept { task, observed, desired, stamp: at(stamp) };
    let failed = |task, stamp| kept(task, Failed, Shutdown, stamp);
    for (name, tasks, expected) in [
        ("no more than that", vec![failed(1, 1), kept(2, Running, Running, 2)], vec![]),
        ("the oldest goes", vec![failed(1, 5), failed(2, 3), kept(3, Running, Running, 9)], vec![2]),
        (
            "what runs stays",
            vec![kept(1, Running, Shutdown, 1), failed(2, 2), kept(3, Running, Running, 3)],
            vec![2],
        ),
        (
            "what never had a node is dead when it is told to stop",
            vec![kept(1, Pending, Shutdown, 1), failed(2, 2), kept(3, Pending, Running, 3)],
            vec![1],
        ),
    ] {
        case("§6.9", name, excess(&tasks, Some(2)), expected);
    }
    case("§6.9", "everything is kept", excess(&[failed(1, 1), failed(2, 2)], None), vec![]);
    for (name, desired, observed, expected) in [
        ("removed before it had a node", Remove, Pending, true),
        ("removed after its end", Remove, Complete, true),
        ("removed while it runs", Remove, Running, false),
        ("shut down", Shutdown, Failed, false),
    ] {
        case("§6.9", name, is_removable(desired, observed), expected);
    }
}
