//! Marathon's rules.

use super::{Rule, check, secs};
use crate::base::{Span, Time};
use crate::control::mesos::marathon::backoff::{Condition, Delays, Settings};
use crate::control::mesos::marathon::kill::{Instance, Selection, State, choose};
use crate::control::mesos::marathon::unreachable;
use crate::control::mesos::marathon::upgrade::{Plan, Strategy, launches, plan};
use crate::control::mesos::marathon::wants::{self, Call, Wants};

const APP: (u32, u64) = (0, 1);

/// The delays after conditions that an app's instances come to, a second apart.
fn delays(conditions: &[Condition]) -> String {
    let (mut delays, settings) = (Delays::default(), Settings::default());
    let mut shown = Vec::new();
    for (second, &condition) in conditions.iter().enumerate() {
        let now = secs(second as u64);
        delays.note(now, APP, condition, &settings);
        let left = delays.until(now, APP).map_or(Span::ZERO, |until| until.since(now));
        shown.push(left.to_string());
    }
    shown.join(" ")
}

use Condition::{Dropped, Failed, Finished, Gone, Killed, Running, Staging, Unreachable};
const LAUNCH_DELAYS: &[Rule] = &[
    Rule {
        section: "§7.5",
        says: "1 s, then 1.15 times as long",
        check: || (delays(&[Failed, Failed, Failed]), "1s 1.15s 1.3225s"),
    },
    Rule {
        section: "§7.5",
        says: "dropped, gone and finished count as failed do",
        check: || (delays(&[Dropped, Gone, Finished]), "1s 1.15s 1.3225s"),
    },
    Rule {
        section: "§7.5, trap 16",
        says: "a running instance does not shorten the delay; it counts from then",
        check: || (delays(&[Failed, Failed, Staging, Running, Failed]), "1s 1.15s 1.15s 1.15s 1.3225s"),
    },
    Rule {
        section: "§7.5, §9.5",
        says: "an unreachable instance does not delay",
        check: || (delays(&[Unreachable, Unreachable]), "0s 0s"),
    },
    Rule {
        section: "§7.5",
        says: "neither does one that was killed on demand",
        check: || (delays(&[Failed, Killed]), "1s 0s"),
    },
    Rule {
        section: "§7.5",
        says: "the cap of 300 s is reached at the 42nd failure in a row",
        check: || {
            let settings = Settings::default();
            let mut delay = None;
            let mut series = Vec::new();
            for _ in 0..43 {
                delay = Some(settings.next(delay));
                series.extend(delay);
            }
            let capped = series.iter().position(|delay| *delay == Span::from_secs(300));
            let last = series[40].as_secs_f64();
            (format!("{:?} {last:.1} {}", capped.map(|place| place + 1), series[42]), "Some(42) 267.9 5m")
        },
    },
    Rule {
        section: "§7.5",
        says: "an entry is dropped when nothing has counted for longer than the longest delay",
        check: || {
            let (mut delays, settings) = (Delays::default(), Settings::default());
            delays.note(secs(0), APP, Condition::Failed, &settings);
            delays.note(secs(300), APP, Condition::Failed, &settings);
            let kept = delays.delay(APP);
            delays.note(secs(601), APP, Condition::Failed, &settings);
            (format!("{kept:?} {:?}", delays.delay(APP)), "Some(1.15s) Some(1s)")
        },
    },
    Rule {
        section: "§7.5",
        says: "each version of the configuration has its own delay; a deployment resets it",
        check: || {
            let (mut delays, settings) = (Delays::default(), Settings::default());
            delays.note(secs(0), APP, Condition::Failed, &settings);
            let other = delays.delay((0, 2));
            delays.reset(0);
            (format!("{other:?} {:?}", delays.delay(APP)), "None None")
        },
    },
    Rule {
        section: "§7.5",
        says: "a first delay beyond the longest one is cut",
        check: || {
            let settings = Settings { initial: Span::from_secs(900), ..Settings::default() };
            (settings.next(None).to_string(), "5m")
        },
    },
];

#[test]
fn launch_delays() {
    check(LAUNCH_DELAYS);
}

fn instance(key: u64, state: State, since: u64) -> Instance {
    Instance { key, state, since: secs(since), sentenced: false, group: String::new() }
}

const WHO_IS_KILLED_FIRST: &[Rule] = &[
    Rule {
        section: "§7.5",
        says: "the youngest first, by default",
        check: || {
            let all = (1..=3).map(|key| instance(key, State::Running, key * 10)).collect();
            (format!("{:?}", choose(all, 2, Selection::default())), "[3, 2]")
        },
    },
    Rule {
        section: "§7.5",
        says: "OLDEST_FIRST: the oldest",
        check: || {
            let all = (1..=3).map(|key| instance(key, State::Running, key * 10)).collect();
            (format!("{:?}", choose(all, 2, Selection::OldestFirst)), "[1, 2]")
        },
    },
    Rule {
        section: "§7.5",
        says: "unreachable, staging, starting, running, whatever their age",
        check: || {
            let all = vec![
                instance(1, State::Running, 90),
                instance(2, State::Starting, 80),
                instance(3, State::Unreachable, 1),
                instance(4, State::Staging, 50),
            ];
            (format!("{:?}", choose(all, 4, Selection::YoungestFirst)), "[3, 4, 2, 1]")
        },
    },
    Rule {
        section: "§7.5",
        says: "sentenced ones before all",
        check: || {
            let mut all = vec![instance(1, State::Unreachable, 90), instance(2, State::Running, 1)];
            all[1].sentenced = true;
            (format!("{:?}", choose(all, 1, Selection::YoungestFirst)), "[2]")
        },
    },
    Rule {
        section: "§7.5",
        says: "then those that a balance of groups needs gone",
        check: || {
            let groups = ["a", "a", "a", "b"];
            let all = groups.iter().zip(1..).map(|(group, key)| {
                let one = instance(key, State::Running, key);
                Instance { group: (*group).into(), ..one }
            });
            (format!("{:?}", choose(all.collect(), 3, Selection::YoungestFirst)), "[3, 2, 4]")
        },
    },
];

#[test]
fn who_is_killed_first() {
    check(WHO_IS_KILLED_FIRST);
}

#[test]
fn replacements() {
    let show = |Plan { kill_now, max_capacity }| format!("{kill_now} {max_capacity}");
    let half = Strategy { min_health: 0.5, over_capacity: 0.0 };
    let cases = [
        (
            "§7.5",
            "default: none killed at once, twice as many allowed",
            plan(4, 4, Strategy::default(), false),
            "0 8",
        ),
        ("§7.5", "half: the other half is killed at once", plan(5, 5, half, false), "2 5"),
        ("§7.5", "the least number of healthy ones is rounded up", plan(3, 3, half, false), "1 3"),
        (
            "§7.5",
            "the most allowed is cut",
            plan(3, 3, Strategy { min_health: 0.0, over_capacity: 0.5 }, false),
            "3 4",
        ),
        (
            "§7.5",
            "no room either way: one more than wanted",
            plan(3, 3, Strategy { min_health: 1.0, over_capacity: 0.0 }, false),
            "0 4",
        ),
        (
            "§7.5",
            "no room either way, resident: one fewer than wanted",
            plan(3, 3, Strategy { min_health: 1.0, over_capacity: 0.0 }, true),
            "1 3",
        ),
        ("§7.5", "unhealthy ones leave less to kill", plan(4, 1, half, false), "0 4"),
    ];
    for (section, says, found, right) in cases {
        assert_eq!(show(found), right, "{section}: {says}");
    }
    let plan = plan(4, 4, half, false);
    assert_eq!(launches(4, 0, 4, plan), 0, "§7.5: no room before the old ones are gone");
    assert_eq!(launches(4, 0, 2, plan), 2, "§7.5: as many as there is room");
    assert_eq!(launches(4, 3, 0, plan), 1, "§7.5: no more than are wanted");
}

#[test]
fn unreachable_instances() {
    let strategy = unreachable::Strategy::default();
    let later =
        unreachable::Strategy { inactive_after: Span::from_secs(60), expunge_after: Span::from_secs(600) };
    let cases = [
        ("§7.5, §9.5", "by default replaced at once", strategy.replaced_at(secs(90)), 90),
        ("§7.5", "or after inactiveAfterSeconds", later.replaced_at(secs(90)), 150),
        ("§7.5", "forgotten at the first look, after five minutes", strategy.expunged_at(secs(90)), 300),
        ("§7.5", "then at one every 30 s", strategy.expunged_at(secs(301)), 330),
        ("§7.5", "a look at the very end of the time counts", strategy.expunged_at(secs(330)), 330),
        ("§7.5", "or after expungeAfterSeconds", later.expunged_at(secs(90)), 690),
    ];
    for (section, says, found, right) in cases {
        assert_eq!(found, secs(right), "{section}: {says}");
    }
}

#[test]
fn offers_are_wanted_while_something_waits() {
    let settings = wants::Settings::default();
    let mut wants = Wants::default();
    assert_eq!((wants.due(&settings), wants.end()), (None, None));
    wants.begin();
    assert_eq!(wants.call(secs(0), &settings), Some(Call::Revive), "§7.5: something waits");
    wants.begin();
    assert_eq!(wants.call(secs(3), &settings), None, "§7.5: no two revivals within 5 s");
    assert_eq!(wants.due(&settings), Some(secs(5)));
    assert_eq!(wants.call(secs(5), &settings), Some(Call::Revive));
    assert_eq!(wants.due(&settings), None, "§7.5: nothing new waits");
    assert_eq!(wants.end(), Some(Call::Suppress), "§7.2: nothing waits: no offers");
    assert_eq!((wants.end(), wants.call(Time::MAX, &settings)), (None, None));
    let declined = crate::control::mesos::filters::Refusal::Seconds(settings.decline);
    assert_eq!(declined.span(), Some(Span::from_secs(120)), "§7.5: decline_offer_duration");
}
