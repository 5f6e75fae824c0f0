//! What is not offered again for a while.

use super::{Rule, Table, check, of};
use crate::base::Span;
use crate::control::mesos::allocator::{AgentKey, FrameworkKey, Rules};
use crate::control::mesos::filters::Refusal;

/// The seconds at which an agent of (4, 4) is offered to a framework that declines it each time.
fn offered(interval: u64, refusal: f64, until: u64) -> String {
    let rules = Rules { interval: Span::from_secs(interval), ..Rules::default() };
    let mut table = Table::with(rules, &[(4, 4)]).frameworks(&["a"]);
    let mut seen = Vec::new();
    for second in (0..=until).step_by(interval as usize) {
        let grants = table.at(second);
        if !grants.is_empty() {
            seen.push(second.to_string());
        }
        table.declines(&grants, refusal);
    }
    seen.join(" ")
}

/// A table whose framework has declined an agent of (4, 4) at 0 s for a minute.
fn declined() -> Table {
    let mut table = Table::new(&[(4, 4)]).frameworks(&["a"]);
    let grants = table.run();
    table.declines(&grants, 60.0);
    table
}

const LIVES_OF_FILTERS: &[Rule] = &[
    Rule {
        section: "§7.1",
        says: "five seconds: the allocation at the filter's end comes before its removal",
        check: || (offered(1, 5.0, 20), "0 6 12 18"),
    },
    Rule {
        section: "§7.1",
        says: "a refusal shorter than the interval lives for the interval",
        check: || (offered(10, 3.0, 40), "0 20 40"),
    },
    Rule { section: "§7.1", says: "zero: no filter", check: || (offered(1, 0.0, 3), "0 1 2 3") },
    Rule {
        section: "§7.1",
        says: "negative: the default of five seconds",
        check: || (offered(1, -1.0, 12), "0 6 12"),
    },
    Rule {
        section: "§7.1",
        says: "not a number: the default of five seconds",
        check: || (offered(1, f64::NAN, 7), "0 6"),
    },
    Rule {
        section: "§7.1",
        says: "a year at most",
        check: || (format!("{}", Refusal::Seconds(1e12).span().unwrap().as_secs_f64()), "31536000"),
    },
];

#[test]
fn lives_of_filters() {
    check(LIVES_OF_FILTERS);
}

const WHAT_FILTERS_HOLD_BACK: &[Rule] = &[
    Rule { section: "§7.3", says: "what was refused is held back", check: || (declined().shown(), "") },
    Rule {
        section: "§7.3",
        says: "less than was refused is held back",
        check: || (declined().runs(0, "a", 0, (2, 0)).shown(), ""),
    },
    Rule {
        section: "§7.3",
        says: "more of one kind than was refused is offered",
        check: || {
            let mut table = declined();
            table.allocator.update_agent(AgentKey(0), &of(5, 2));
            (table.shown(), "f0:5,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "a task's end gives the agent more than was refused, and beats the filter",
        check: || {
            let mut table = Table::new(&[(8, 8)]).frameworks(&["a", "b"]).runs(1, "b", 0, (4, 4));
            let grants = table.run();
            table.declines(&grants, 60.0);
            let ended = table.grant(1, "b", 0, (4, 4));
            table.allocator.recover(table.now, &ended, Refusal::None);
            let role = table.role("b");
            table.allocator.suppress(FrameworkKey(1), &[role]);
            (table.shown(), "f0:8,8")
        },
    },
    Rule {
        section: "§7.3",
        says: "a filter is for one framework only",
        check: || (declined().frameworks(&["b"]).shown(), "f1:4,4"),
    },
    Rule {
        section: "§7.3",
        says: "a filter is for one role only",
        check: || {
            let mut table = Table::new(&[(4, 4)]);
            let roles = [table.role("a"), table.role("b")];
            table.allocator.add_framework(&roles);
            let first = table.run();
            table.declines(&first, 60.0);
            let second = table.run();
            (format!("{} {}", first[0].role.0, second[0].role.0), "0 1")
        },
    },
    Rule {
        section: "§7.3",
        says: "a filter is for one agent only",
        check: || {
            let mut table = declined();
            table.allocator.add_agent(AgentKey(1), of(3, 3));
            table.agents.push(AgentKey(1));
            (table.shown(), "f0:3,3")
        },
    },
    Rule {
        section: "§7.3",
        says: "revive clears filters",
        check: || {
            let mut table = declined();
            let role = table.role("a");
            table.allocator.revive(FrameworkKey(0), &[role]);
            (table.shown(), "f0:4,4")
        },
    },
    Rule {
        section: "§7.4",
        says: "a disconnection clears filters",
        check: || {
            let mut table = declined();
            table.allocator.set_framework_active(FrameworkKey(0), false);
            table.allocator.set_framework_active(FrameworkKey(0), true);
            (table.shown(), "f0:4,4")
        },
    },
    Rule {
        section: "§7.3",
        says: "what comes back without a refusal is offered again",
        check: || {
            let mut table = Table::new(&[(4, 4)]).frameworks(&["a"]);
            let grant = table.run().remove(0);
            table.allocator.recover(table.now, &grant, Refusal::None);
            (table.shown(), "f0:4,4")
        },
    },
];

#[test]
fn what_filters_hold_back() {
    check(WHAT_FILTERS_HOLD_BACK);
}
