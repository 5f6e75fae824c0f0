//! The rules of the reference (control-plane §7.1 to §7.6), one case each; every case names its section.

mod agents;
mod allocation;
mod batch;
mod filters;
mod marathon;
mod offers;
mod plane;
mod rounds;

use super::allocator::{AgentKey, Allocator, FrameworkKey, Grant, Quota, RoleKey, Rules};
use super::amounts::{Amounts, Limits};
use super::filters::Refusal;
use super::share::Weight;
use crate::base::rng::Purpose;
use crate::base::{Span, Streams, Time};

/// A rule of the reference: its section, what it says, and a check that gives what was found and what is
/// right.
pub(super) struct Rule {
    pub(super) section: &'static str,
    pub(super) says: &'static str,
    pub(super) check: fn() -> (String, &'static str),
}

/// Checks rules, and that each names a section of the reference.
pub(super) fn check(rules: &[Rule]) {
    for Rule { section, says, check } in rules {
        assert!(section.starts_with("§7."), "{says}: names no section");
        let (found, right) = check();
        assert_eq!(found, right, "{section}: {says}");
    }
}

pub(super) fn secs(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

/// CPUs and gigabytes.
pub(super) fn of(cpus: i64, memory: i64) -> Amounts {
    Amounts::new([cpus, memory])
}

/// An allocator with agents, roles and frameworks, set up by hand.
pub(super) struct Table {
    pub(super) allocator: Allocator,
    pub(super) now: Time,
    agents: Vec<AgentKey>,
    seed: u64,
}

impl Table {
    /// Agents of (CPUs, gigabytes), in an order drawn from seed 1.
    pub(super) fn new(agents: &[(i64, i64)]) -> Table {
        Table::with(Rules { interval: Span::from_secs(1), ..Rules::default() }, agents)
    }

    pub(super) fn with(rules: Rules, agents: &[(i64, i64)]) -> Table {
        let mut table =
            Table { allocator: Allocator::new(rules), now: Time::ZERO, agents: Vec::new(), seed: 1 };
        for &(cpus, memory) in agents {
            let agent = AgentKey(table.agents.len() as u32);
            table.allocator.add_agent(agent, of(cpus, memory));
            table.agents.push(agent);
        }
        table
    }

    pub(super) fn seeded(mut self, seed: u64) -> Table {
        self.seed = seed;
        self
    }

    /// Frameworks in a role each.
    pub(super) fn frameworks(mut self, roles: &[&str]) -> Table {
        for role in roles {
            let role = self.allocator.role(role);
            self.allocator.add_framework(&[role]);
        }
        self
    }

    pub(super) fn weight(mut self, role: &str, weight: u32) -> Table {
        self.allocator.set_weight(role, Weight(weight));
        self
    }

    pub(super) fn quota(mut self, role: &str, guarantee: (i64, i64), limit: [Option<i64>; 2]) -> Table {
        let limits = if limit == [None, None] { Limits::default() } else { Limits::new(limit) };
        self.allocator.set_quota(role, Quota { guarantees: of(guarantee.0, guarantee.1), limits });
        self
    }

    /// A framework runs something on an agent in a role.
    pub(super) fn runs(mut self, framework: u32, role: &str, agent: u32, needs: (i64, i64)) -> Table {
        let grant = self.grant(framework, role, agent, needs);
        self.allocator.allocate(&grant);
        self
    }

    pub(super) fn grant(&mut self, framework: u32, role: &str, agent: u32, needs: (i64, i64)) -> Grant {
        let role = self.allocator.role(role);
        Grant {
            framework: FrameworkKey(framework),
            role,
            agent: AgentKey(agent),
            amounts: of(needs.0, needs.1),
        }
    }

    /// A framework gives back what it has, refused for so many seconds.
    pub(super) fn declines(&mut self, grants: &[Grant], seconds: f64) {
        for grant in grants {
            self.allocator.recover(self.now, grant, Refusal::Seconds(seconds));
        }
    }

    pub(super) fn run(&mut self) -> Vec<Grant> {
        let mut stream = Streams::new(self.seed).stream(Purpose::Tie, self.now.0);
        self.allocator.run(self.now, &self.agents.clone(), &mut stream)
    }

    pub(super) fn at(&mut self, seconds: u64) -> Vec<Grant> {
        self.now = secs(seconds);
        self.run()
    }

    /// Allocates and says who got what: `f0:4,8` for each grant, in order of frameworks.
    pub(super) fn shown(mut self) -> String {
        let grants = self.run();
        shown(&grants)
    }

    pub(super) fn role(&mut self, name: &str) -> RoleKey {
        self.allocator.role(name)
    }
}

/// Who got what: framework, CPUs, gigabytes.
pub(super) fn shown(grants: &[Grant]) -> String {
    let one =
        |grant: &Grant| format!("f{}:{},{}", grant.framework.0, grant.amounts.get(0), grant.amounts.get(1));
    grants.iter().map(one).collect::<Vec<_>>().join(" ")
}
