//! Who is offered what.

use super::{Rule, Table, check, of, shown};
use crate::base::Span;
use crate::control::mesos::allocator::{AgentKey, FrameworkKey, Rules};
use crate::control::mesos::amounts::Amounts;
use crate::control::mesos::filters::Refusal;

const NO_LIMIT: [Option<i64>; 2] = [None, None];

const DRF_ORDER: &[Rule] = &[
    Rule {
        section: "§7.3",
        says: "the whole of an agent goes to one framework",
        check: || (Table::new(&[(8, 16)]).frameworks(&["a", "b"]).shown(), "f0:8,16"),
    },
    Rule {
        section: "§7.3",
        says: "the role with the smaller dominant share comes first",
        check: || {
            let table = Table::new(&[(9, 18), (1, 1)]).frameworks(&["a", "b"]);
            (table.runs(0, "a", 0, (1, 0)).runs(1, "b", 0, (8, 18)).shown(), "f0:1,1")
        },
    },
    Rule {
        section: "§7.3",
        says: "a share is the largest over the kinds of resources",
        check: || {
            let table = Table::new(&[(10, 10), (10, 90)]).frameworks(&["a", "b"]);
            // Of 20 CPUs and 100 GB: 9/20 against 10/100.
            let mut table = table.runs(0, "a", 1, (9, 5)).runs(1, "b", 1, (1, 10));
            table.allocator.set_agent_active(AgentKey(1), false);
            (table.shown(), "f1:10,10")
        },
    },
    Rule {
        section: "§7.3",
        says: "a share is divided by the role's weight",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a", "b"]).weight("a", 3_000);
            // 4/10 with weight 3 against 2/10.
            (table.runs(0, "a", 0, (4, 4)).runs(1, "b", 0, (4, 4)).shown(), "f0:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "with equal shares the one with fewer allocations so far comes first",
        check: || {
            let mut table = Table::new(&[(8, 8)]).frameworks(&["a", "b"]);
            let grant = table.grant(0, "a", 0, (1, 1));
            table.allocator.allocate(&grant);
            table.allocator.recover(table.now, &grant, Refusal::None);
            (table.shown(), "f1:8,8")
        },
    },
    Rule {
        section: "§7.3",
        says: "with equal shares and counts the first by name comes first",
        check: || (Table::new(&[(8, 8)]).frameworks(&["zoo", "ant"]).shown(), "f1:8,8"),
    },
    Rule {
        section: "§7.3",
        says: "offered resources count as allocated: the next agent goes to another framework",
        check: || (Table::new(&[(4, 4), (4, 4)]).frameworks(&["a", "b"]).shown(), "f0:4,4 f1:4,4"),
    },
    Rule {
        section: "§7.3",
        says: "frameworks of one role are ordered by what they have in it",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a", "a"]);
            (table.runs(0, "a", 0, (6, 6)).runs(1, "a", 0, (2, 2)).shown(), "f1:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "excluded kinds of resources do not count in shares",
        check: || {
            let rules = Rules { excluded: vec![1], ..Rules::default() };
            let table = Table::with(rules, &[(8, 8), (2, 2)]).frameworks(&["a", "b"]);
            // By memory a would come first.
            (table.runs(0, "a", 0, (5, 1)).runs(1, "b", 0, (3, 7)).shown(), "f1:2,2")
        },
    },
];

#[test]
fn drf_order() {
    check(DRF_ORDER);
}

const ROLES_FORM_A_TREE: &[Rule] = &[
    Rule {
        section: "§7.3",
        says: "siblings are compared by the share of all below them",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a/x", "a/y", "b"]);
            // a has 5 of 10 with both below it, b 3, although y has least.
            (
                table.runs(0, "a/x", 0, (4, 4)).runs(1, "a/y", 0, (1, 1)).runs(2, "b", 0, (3, 3)).shown(),
                "f2:2,2",
            )
        },
    },
    Rule {
        section: "§7.3",
        says: "below a role the order is that of its own children",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a/x", "a/y", "b"]);
            (
                table.runs(0, "a/x", 0, (2, 2)).runs(1, "a/y", 0, (1, 1)).runs(2, "b", 0, (5, 5)).shown(),
                "f1:2,2",
            )
        },
    },
    Rule {
        section: "§7.3",
        says: "a role's own frameworks are siblings of the roles below it",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a", "a/x"]);
            (table.runs(0, "a", 0, (5, 5)).runs(1, "a/x", 0, (3, 3)).shown(), "f1:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "a weight counts among siblings only",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a/x", "b"]).weight("a/x", 100_000);
            (table.runs(0, "a/x", 0, (5, 5)).runs(1, "b", 0, (3, 3)).shown(), "f1:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "an inner role's weight counts for all below it",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a/x", "b"]).weight("a", 2_000);
            (table.runs(0, "a/x", 0, (5, 5)).runs(1, "b", 0, (3, 3)).shown(), "f0:2,2")
        },
    },
];

#[test]
fn roles_form_a_tree() {
    check(ROLES_FORM_A_TREE);
}

const QUOTAS: &[Rule] = &[
    Rule {
        section: "§7.3",
        says: "stage 1: an unmet guarantee goes before a smaller share",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a", "b"]);
            let table = table.quota("b", (10, 10), NO_LIMIT);
            (table.runs(0, "a", 0, (0, 0)).runs(1, "b", 0, (8, 8)).shown(), "f1:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "stage 1: a met guarantee gives no precedence",
        check: || {
            let table = Table::new(&[(8, 8), (2, 2)]).frameworks(&["a", "b"]);
            let table = table.quota("b", (3, 3), NO_LIMIT);
            (table.runs(1, "b", 0, (8, 8)).shown(), "f0:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "stage 1: unguaranteed kinds come along with a guaranteed one",
        check: || {
            let table = Table::new(&[(4, 32)]).frameworks(&["a"]);
            (table.quota("a", (2, 0), NO_LIMIT).shown(), "f0:4,32")
        },
    },
    Rule {
        section: "§7.3",
        says: "stage 1: an agent that adds nothing to the guarantee is skipped",
        check: || {
            let table = Table::new(&[(0, 32)]).frameworks(&["a", "b"]);
            // Left to stage 2, where b comes first: its share is smaller.
            let mut table = table.quota("b", (2, 0), NO_LIMIT);
            table.allocator.add_agent(AgentKey(1), of(4, 32));
            (table.runs(0, "a", 1, (4, 1)).shown(), "f1:0,32")
        },
    },
    Rule {
        section: "§7.3",
        says: "limits chop what is offered",
        check: || {
            let table = Table::new(&[(15, 15)]).frameworks(&["a"]);
            (table.quota("a", (0, 0), [Some(10), None]).shown(), "f0:10,15")
        },
    },
    Rule {
        section: "§7.3",
        says: "what is left when a limit has chopped goes to the next framework",
        check: || {
            let table = Table::new(&[(15, 15)]).frameworks(&["a", "b"]);
            (table.quota("a", (0, 0), [Some(10), Some(5)]).shown(), "f0:10,5 f1:5,10")
        },
    },
    Rule {
        section: "§7.3",
        says: "what the role has already counts against its limit",
        check: || {
            let table = Table::new(&[(15, 15)]).frameworks(&["a"]);
            let table = table.quota("a", (0, 0), [Some(10), Some(10)]);
            (table.runs(0, "a", 0, (7, 9)).shown(), "f0:3,1")
        },
    },
    Rule {
        section: "§7.3",
        says: "a role at its limit is offered nothing",
        check: || {
            let table = Table::new(&[(15, 15)]).frameworks(&["a"]);
            let table = table.quota("a", (0, 0), [Some(7), Some(9)]);
            (table.runs(0, "a", 0, (7, 9)).shown(), "")
        },
    },
    Rule {
        section: "§7.3",
        says: "what roles below use counts against the quota of the top-level role",
        check: || {
            let table = Table::new(&[(15, 15)]).frameworks(&["a", "a/x"]);
            let table = table.quota("a", (0, 0), [Some(10), Some(10)]);
            let mut table = table.runs(1, "a/x", 0, (8, 8));
            let role = table.role("a/x");
            table.allocator.suppress(FrameworkKey(1), &[role]);
            (table.shown(), "f0:2,2")
        },
    },
    Rule {
        section: "§7.3",
        says: "stage 2: headroom for an absent role's guarantee is held back",
        check: || {
            let table = Table::new(&[(10, 10)]).frameworks(&["a"]);
            (table.quota("absent", (4, 6), NO_LIMIT).shown(), "f0:6,4")
        },
    },
    Rule {
        section: "§7.3",
        says: "stage 2: headroom is for the whole cluster, not for each agent",
        check: || {
            let table = Table::new(&[(10, 10), (10, 10)]).frameworks(&["a"]);
            let mut grants = { table.quota("absent", (4, 4), NO_LIMIT) }.run();
            grants.sort_by_key(|grant| grant.amounts.get(0));
            (shown(&grants), "f0:6,6 f0:10,10")
        },
    },
    Rule {
        section: "§7.3",
        says: "stage 1: a guarantee is given even if guarantees exceed the cluster",
        check: || {
            let table = Table::new(&[(10, 10)]).frameworks(&["a"]);
            let table = table.quota("a", (6, 6), NO_LIMIT).quota("absent", (90, 90), NO_LIMIT);
            (table.shown(), "f0:6,6")
        },
    },
];

#[test]
fn quotas() {
    check(QUOTAS);
}

#[test]
fn what_is_offered_at_all() {
    let least = || Rules {
        interval: Span::from_secs(1),
        min_allocatable: vec![of(2, 0), of(0, 8)],
        ..Rules::default()
    };
    let under = Table::with(least(), &[(1, 7)]).frameworks(&["a"]).shown();
    assert_eq!(under, "", "§7.1: less than min_allocatable_resources is not offered");
    let memory = Table::with(least(), &[(1, 8)]).frameworks(&["a"]).shown();
    assert_eq!(memory, "f0:1,8", "§7.1: enough of one of them is enough");
    check(&[
        Rule {
            section: "§7.2",
            says: "suppressed frameworks are skipped",
            check: || {
                let mut table = Table::new(&[(4, 4)]).frameworks(&["a", "b"]);
                let role = table.role("a");
                table.allocator.suppress(FrameworkKey(0), &[role]);
                (table.shown(), "f1:4,4")
            },
        },
        Rule {
            section: "§7.3",
            says: "a framework that revives is in the order again",
            check: || {
                let mut table = Table::new(&[(4, 4)]).frameworks(&["a", "b"]);
                let role = table.role("a");
                table.allocator.suppress(FrameworkKey(0), &[role]);
                table.allocator.revive(FrameworkKey(0), &[role]);
                (table.shown(), "f0:4,4")
            },
        },
        Rule {
            section: "§7.4",
            says: "a disconnected framework gets no offers",
            check: || {
                let mut table = Table::new(&[(4, 4)]).frameworks(&["a"]);
                table.allocator.set_framework_active(FrameworkKey(0), false);
                (table.shown(), "")
            },
        },
        Rule {
            section: "§7.4",
            says: "a framework that was torn down gets no offers",
            check: || {
                let mut table = Table::new(&[(4, 4)]).frameworks(&["a", "b"]);
                table.allocator.remove_framework(FrameworkKey(0));
                (table.shown(), "f1:4,4")
            },
        },
        Rule {
            section: "§7.4",
            says: "a disconnected agent is not offered",
            check: || {
                let mut table = Table::new(&[(4, 4), (2, 2)]).frameworks(&["a"]);
                table.allocator.set_agent_active(AgentKey(0), false);
                (table.shown(), "f0:2,2")
            },
        },
        Rule {
            section: "§7.2",
            says: "an agent whose total has grown has more to offer",
            check: || {
                let mut table = Table::new(&[(4, 4)]).frameworks(&["a"]).runs(0, "a", 0, (4, 4));
                table.allocator.update_agent(AgentKey(0), &of(6, 5));
                (table.shown(), "f0:2,1")
            },
        },
    ]);
}

#[test]
fn the_order_of_agents_is_drawn_from_the_seed() {
    // Reference control-plane §7.3 and trap 15: one framework takes the first agent, the other the second.
    let first = |seed| {
        let mut table = Table::new(&[(4, 4); 6]).frameworks(&["a", "b"]).seeded(seed);
        let grants = table.run();
        grants.iter().map(|grant| (grant.framework.0, grant.agent.0)).collect::<Vec<_>>()
    };
    assert_eq!(first(1), first(1));
    assert!((2..12).any(|seed| first(seed) != first(1)));
}

#[test]
fn two_frameworks_come_to_the_drf_allocation() {
    // The example of the paper: 9 CPUs and 18 GB, tasks of (1, 4) and of (3, 1); DRF gives three tasks to
    // the one and two to the other. Agents as small as a CPU make offers fine enough (reference §7.3).
    let mut table = Table::new(&[(9, 18)]).frameworks(&["a", "b"]);
    let needs = [of(1, 4), of(3, 1)];
    let mut running = [0, 0];
    for second in 0..12 {
        let grants = table.at(second);
        for grant in grants {
            let framework = grant.framework.index();
            let task = &needs[framework];
            let mut rest = grant.clone();
            if grant.amounts.contains(task) {
                running[framework] += 1;
                rest.amounts.take(task);
            }
            table.allocator.recover(table.now, &rest, Refusal::Seconds(0.0));
        }
    }
    assert_eq!(running, [3, 2]);
    let shares = [table.allocator.share(FrameworkKey(0)), table.allocator.share(FrameworkKey(1))];
    assert!(shares.iter().all(|share| (share - 2.0 / 3.0).abs() < 1e-12), "{shares:?}");
    assert_eq!(table.allocator.available(AgentKey(0)), Amounts::new([0, 4]));
}
