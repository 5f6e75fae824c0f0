//! The hierarchical allocator: which framework is offered which agent's resources.
//!
//! Apache Mesos, src/master/allocator/mesos/hierarchical.cpp (reference control-plane §7.2, §7.3). An
//! offer is coarse: all that is left of an agent goes to the first framework that may have it. Modelled
//! are unreserved scalar resources; reservations, revocable and shared resources are not. What frameworks
//! do with offers is not known here.

use super::amounts::{Amounts, Limits};
use super::filters::{Filters, Refusal};
use super::share::Weight;
use super::sorter::Sorter;
use crate::base::{Span, Stream, Time};
use std::collections::BTreeMap;

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// The key as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

keys! {
    /// A framework, in order of registration.
    FrameworkKey;
    /// A role, in order of appearance.
    RoleKey;
    /// An agent, in order of registration.
    AgentKey;
}

/// What a role is guaranteed and may have at most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quota {
    /// Held back from others until the role has it.
    pub guarantees: Amounts,
    /// Never exceeded by the role and those below it.
    pub limits: Limits,
}

impl Quota {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

/// Resources of an agent, offered to a framework in one of its roles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Who gets them.
    pub framework: FrameworkKey,
    /// In which role.
    pub role: RoleKey,
    /// Of which agent.
    pub agent: AgentKey,
    /// How much.
    pub amounts: Amounts,
}

#[derive(Clone, Debug)]
struct Role {
    name: String,
    quota: Quota,
    /// The frameworks of the role.
    sorter: Sorter,
}

impl Role {
    fn top(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }
}

#[derive(Clone, Debug, Default)]
struct Agent {
    total: Amounts,
    taken: Amounts,
    /// Whether it exists.
    present: bool,
    /// Whether its resources are offered.
    active: bool,
}

#[derive(Clone, Debug, Default)]
struct Framework {
    /// Its roles; whether it wants offers in them.
    roles: BTreeMap<RoleKey, bool>,
    active: bool,
    present: bool,
}

/// What of the allocator can be set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// The time between two allocations of all agents: the least life of a filter.
    pub interval: Span,
    /// An offer contains at least one of these (`min_allocatable_resources`); none: any offer will do.
    pub min_allocatable: Vec<Amounts>,
    /// Kinds that do not count in shares (`fair_sharing_excluded_resource_names`).
    pub excluded: Vec<usize>,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub struct Allocator {
    rules: Rules,
    roles: Vec<Role>,
    sorter: Sorter,
    agents: Vec<Agent>,
    frameworks: Vec<Framework>,
    filters: Filters,
    /// Quotas of top-level roles, by name.
    quotas: BTreeMap<String, Quota>,
}

/// What one allocation keeps count of.
struct Ledger {
    /// What each top-level role with a quota uses of it.
    consumed: BTreeMap<String, Amounts>,
    /// What must be held back for guarantees.
    required: Amounts,
    /// What nobody has.
    available: Amounts,
}

impl Ledger {
    /// What may be given away without touching what is held back.
    fn surplus(&self) -> Amounts {
        self.available.without(&self.required)
    }

    fn consumed(&self, top: &str) -> Amounts {
        self.consumed.get(top).cloned().unwrap_or_default()
    }

    fn consume(&mut self, top: &str, amounts: &Amounts) {
        if let Some(consumed) = self.consumed.get_mut(top) {
            consumed.add(amounts);
        }
        self.available.take(amounts);
    }
}

impl Allocator {
    /// An allocator that knows nobody yet.
    pub fn new(rules: Rules) -> Allocator {
        Allocator {
            sorter: Sorter::new(rules.excluded.iter().copied()),
            rules,
            roles: Vec::new(),
            agents: Vec::new(),
            frameworks: Vec::new(),
            filters: Filters::default(),
            quotas: BTreeMap::new(),
        }
    }

    /// The role of a name, new if it has not been seen.
    pub fn role(&mut self, name: &str) -> RoleKey {
        if let Some(known) = self.roles.iter().position(|role| role.name == name) {
            return RoleKey(known as u32);
        }
        let key = RoleKey(self.roles.len() as u32);
        let mut sorter = Sorter::new(self.rules.excluded.iter().copied());
        sorter.add_total(self.sorter.total());
        self.roles.push(Role { name: name.to_owned(), quota: Quota::default(), sorter });
        self.sorter.add(key.0, name);
        if let Some(quota) = self.quotas.get(name) {
            self.roles[key.index()].quota = quota.clone();
        }
        key
    }

    /// The name of a role.
    pub fn role_name(&self, role: RoleKey) -> &str {
        &self.roles[role.index()].name
    }

    /// Sets the weight of a role among its siblings, whether it has frameworks of its own or only roles
    /// below it.
    pub fn set_weight(&mut self, role: &str, weight: Weight) {
        self.sorter.set_weight(role, weight);
    }

    /// Sets the quota of a top-level role. Mesos has none for roles below others.
    pub fn set_quota(&mut self, role: &str, quota: Quota) {
        if let Some(known) = self.roles.iter_mut().find(|known| known.name == role) {
            known.quota = quota.clone();
        }
        self.quotas.insert(role.to_owned(), quota);
    }

    /// Adds a framework with its roles.
    pub fn add_framework(&mut self, roles: &[RoleKey]) -> FrameworkKey {
        let key = FrameworkKey(self.frameworks.len() as u32);
        for &role in roles {
            // Ids of frameworks end in a number of four digits: their order as texts is that of numbers.
            self.roles[role.index()].sorter.add(key.0, &format!("{:04}", key.0));
        }
        let roles = roles.iter().map(|&role| (role, true)).collect();
        self.frameworks.push(Framework { roles, active: true, present: true });
        self.refresh(key);
        key
    }

    /// Brings the sorters in line with what a framework wants.
    fn refresh(&mut self, key: FrameworkKey) {
        let framework = &self.frameworks[key.index()];
        for (&role, &wanted) in &framework.roles {
            self.roles[role.index()].sorter.set_active(key.0, framework.active && wanted);
            let any = self.frameworks.iter().any(|one| one.present && one.roles.contains_key(&role));
            self.sorter.set_active(role.0, any);
        }
    }

    /// A framework is connected, or it is not: then it gets no offers, and its filters are forgotten.
    pub fn set_framework_active(&mut self, key: FrameworkKey, active: bool) {
        self.frameworks[key.index()].active = active;
        if !active {
            self.filters.forget_framework(key);
        }
        self.refresh(key);
    }

    /// A framework is torn down; what it had must have come back.
    pub fn remove_framework(&mut self, key: FrameworkKey) {
        let framework = &mut self.frameworks[key.index()];
        (framework.active, framework.present) = (false, false);
        self.refresh(key);
        self.filters.forget_framework(key);
        let roles: Vec<RoleKey> = self.frameworks[key.index()].roles.keys().copied().collect();
        for role in roles {
            self.roles[role.index()].sorter.remove(key.0);
        }
    }

    /// A framework wants no offers in some of its roles.
    pub fn suppress(&mut self, key: FrameworkKey, roles: &[RoleKey]) {
        self.want(key, roles, false);
    }

    /// A framework wants offers in some of its roles, and forgets what it has refused there. The caller
    /// lets an allocation follow.
    pub fn revive(&mut self, key: FrameworkKey, roles: &[RoleKey]) {
        self.filters.revive(key, roles);
        self.want(key, roles, true);
    }

    fn want(&mut self, key: FrameworkKey, roles: &[RoleKey], wanted: bool) {
        for (role, wants) in &mut self.frameworks[key.index()].roles {
            if roles.contains(role) {
                *wants = wanted;
            }
        }
        self.refresh(key);
    }

    /// Whether some framework wants offers.
    pub fn has_takers(&self) -> bool {
        self.frameworks.iter().any(|one| one.active && one.roles.values().any(|&wants| wants))
    }

    /// Adds an agent, or one that was removed comes back. The caller lets an allocation of it follow.
    pub fn add_agent(&mut self, agent: AgentKey, total: Amounts) {
        if self.agents.len() <= agent.index() {
            self.agents.resize_with(agent.index() + 1, Agent::default);
        }
        self.remove_agent(agent);
        self.change_total(&total, Sorter::add_total);
        self.agents[agent.index()] = Agent { total, taken: Amounts::default(), present: true, active: true };
    }

    fn change_total(&mut self, amounts: &Amounts, change: fn(&mut Sorter, &Amounts)) {
        change(&mut self.sorter, amounts);
        for role in &mut self.roles {
            change(&mut role.sorter, amounts);
        }
    }

    /// An agent has other resources than before. The caller lets an allocation of it follow.
    pub fn update_agent(&mut self, agent: AgentKey, total: &Amounts) {
        let before = std::mem::replace(&mut self.agents[agent.index()].total, total.clone());
        self.change_total(&before, Sorter::take_total);
        self.change_total(total, Sorter::add_total);
    }

    /// An agent is gone; what was taken of it must have come back.
    pub fn remove_agent(&mut self, agent: AgentKey) {
        let row = &mut self.agents[agent.index()];
        if std::mem::take(&mut row.present) {
            let total = std::mem::take(&mut row.total);
            row.active = false;
            self.change_total(&total, Sorter::take_total);
            self.filters.forget_agent(agent);
        }
    }

    /// Whether an agent's resources are offered. To offer them again starts no allocation by itself.
    pub fn set_agent_active(&mut self, agent: AgentKey, active: bool) {
        if let Some(row) = self.agents.get_mut(agent.index()) {
            row.active = active;
        }
    }

    /// What nobody has of an agent.
    pub fn available(&self, agent: AgentKey) -> Amounts {
        self.agents.get(agent.index()).map_or_else(Amounts::default, |row| row.total.without(&row.taken))
    }

    /// A framework has resources of an agent: offered, or allocated to a task.
    pub fn allocate(&mut self, grant: &Grant) {
        if let Some(row) = self.agents.get_mut(grant.agent.index()) {
            row.taken.add(&grant.amounts);
        }
        self.roles[grant.role.index()].sorter.allocated(grant.framework.0, &grant.amounts);
        self.sorter.allocated(grant.role.0, &grant.amounts);
    }

    /// Resources come back, refused or not. No allocation follows from that: they wait for the next one.
    pub fn recover(&mut self, now: Time, grant: &Grant, refusal: Refusal) {
        if let Some(row) = self.agents.get_mut(grant.agent.index()) {
            row.taken.take(&grant.amounts);
        }
        self.roles[grant.role.index()].sorter.unallocated(grant.framework.0, &grant.amounts);
        self.sorter.unallocated(grant.role.0, &grant.amounts);
        let is_active = self.frameworks[grant.framework.index()].active;
        if is_active && !grant.amounts.is_empty() {
            let key = (grant.framework, grant.role, grant.agent);
            self.filters.refuse(now, key, grant.amounts.clone(), (refusal, self.rules.interval));
        }
    }

    /// When the next filter ends.
    pub fn next_filter_end(&self) -> Option<Time> {
        self.filters.next_end()
    }

    /// What a framework's dominant share of the cluster is, over all of its roles, for people.
    pub fn share(&self, key: FrameworkKey) -> f64 {
        let shares = self.frameworks[key.index()].roles.keys();
        shares.map(|role| self.roles[role.index()].sorter.share(key.0).as_f64()).sum()
    }

    /// One allocation over some agents, in an order drawn from `stream`: first to roles whose guarantees
    /// are not met, then, in another order of agents, to all.
    pub fn run(&mut self, now: Time, candidates: &[AgentKey], stream: &mut Stream) -> Vec<Grant> {
        self.filters.expire(now);
        let usable = |agent: &&AgentKey| {
            self.agents.get(agent.index()).is_some_and(|row| row.active && row.total != row.taken)
        };
        let mut agents: Vec<AgentKey> = candidates.iter().filter(usable).copied().collect();
        let mut ledger = self.ledger();
        let mut grants = Vec::new();
        shuffle(&mut agents, stream);
        if self.roles.iter().any(|role| !role.quota.guarantees.is_empty()) {
            for &agent in &agents {
                self.guarantee(now, agent, &mut ledger, &mut grants);
            }
        }
        shuffle(&mut agents, stream);
        for &agent in &agents {
            self.share_out(now, agent, &mut ledger, &mut grants);
        }
        // What a framework gets is sent to it at once.
        grants.sort_by_key(|grant| grant.framework);
        grants
    }

    /// The counts that an allocation begins with.
    fn ledger(&self) -> Ledger {
        let mut consumed = BTreeMap::new();
        let mut required = Amounts::default();
        for (name, quota) in self.quotas.iter().filter(|(_, quota)| !quota.is_default()) {
            let used = self.sorter.allocated_below(name);
            required.add(&quota.guarantees.without(&used));
            consumed.insert(name.clone(), used);
        }
        let available = self.sorter.total().without(self.sorter.allocated_to_all());
        Ledger { consumed, required, available }
    }

    /// The first stage for one agent.
    fn guarantee(&mut self, now: Time, agent: AgentKey, ledger: &mut Ledger, grants: &mut Vec<Grant>) {
        for role in self.sorter.sort().to_vec() {
            let quota = self.roles[role as usize].quota.clone();
            if self.available(agent).is_empty() {
                return;
            }
            if quota.guarantees.is_empty() {
                continue;
            }
            let top = self.roles[role as usize].top().to_owned();
            let mut missing = quota.guarantees.without(&ledger.consumed(&top));
            for framework in self.roles[role as usize].sorter.sort().to_vec() {
                let available = self.available(agent);
                if missing.is_empty() || available.is_empty() {
                    break;
                }
                let for_guarantee = available.chopped_to(&missing);
                if !self.is_allocatable(&available) || for_guarantee.is_empty() {
                    continue;
                }
                let mut taken = ledger.consumed(&top);
                taken.add(&for_guarantee);
                let mut more = quota.limits.chop(&available.without(&for_guarantee), &taken);
                if !ledger.required.is_empty() {
                    more = more.chopped_to(&ledger.surplus());
                }
                let mut amounts = for_guarantee.clone();
                amounts.add(&more);
                let grant = Grant { framework: FrameworkKey(framework), role: RoleKey(role), agent, amounts };
                if self.give(now, &grant) {
                    missing.take(&grant.amounts);
                    ledger.required.take(&for_guarantee);
                    ledger.consume(&top, &grant.amounts);
                    grants.push(grant);
                }
            }
        }
    }

    /// The second stage for one agent.
    fn share_out(&mut self, now: Time, agent: AgentKey, ledger: &mut Ledger, grants: &mut Vec<Grant>) {
        for role in self.sorter.sort().to_vec() {
            if self.available(agent).is_empty() {
                return;
            }
            let top = self.roles[role as usize].top().to_owned();
            // The limit of a role is that of all roles below it together.
            let limits = self.quotas.get(&top).map(|quota| quota.limits.clone()).unwrap_or_default();
            for framework in self.roles[role as usize].sorter.sort().to_vec() {
                let available = self.available(agent);
                if available.is_empty() {
                    break;
                }
                if !self.is_allocatable(&available) {
                    continue;
                }
                let mut amounts = limits.chop(&available, &ledger.consumed(&top));
                if !ledger.required.is_empty() {
                    amounts = amounts.chopped_to(&ledger.surplus());
                }
                let grant = Grant { framework: FrameworkKey(framework), role: RoleKey(role), agent, amounts };
                if self.give(now, &grant) {
                    ledger.consume(&top, &grant.amounts);
                    grants.push(grant);
                }
            }
        }
    }

    /// Gives resources to a framework, unless they are too little or it has refused them.
    fn give(&mut self, now: Time, grant: &Grant) -> bool {
        let key = (grant.framework, grant.role, grant.agent);
        let given = self.is_allocatable(&grant.amounts) && !self.filters.holds_back(now, key, &grant.amounts);
        if given {
            self.allocate(grant);
        }
        given
    }

    /// Whether resources are worth an offer.
    fn is_allocatable(&self, amounts: &Amounts) -> bool {
        let least = &self.rules.min_allocatable;
        !amounts.is_empty() && (least.is_empty() || least.iter().any(|least| amounts.contains(least)))
    }
}

/// Puts agents in an order drawn from a stream (Fisher and Yates).
fn shuffle(agents: &mut [AgentKey], stream: &mut Stream) {
    for last in (1..agents.len()).rev() {
        agents.swap(last, stream.below(last as u64 + 1) as usize);
    }
}
