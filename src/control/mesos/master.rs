//! The master: agents, offers, and who runs what on whose behalf.
//!
//! It knows tasks only as what they take of an agent, and frameworks only as takers of offers. What
//! frameworks are told follows from what its methods return. Sources: reference control-plane §7.1 to §7.4.

use super::agents::RemovalLimit;
use super::allocator::{AgentKey, Allocator, FrameworkKey, Grant, Quota, RoleKey, Rules};
use super::amounts::{Amounts, Limits};
use super::filters::Refusal;
use super::needs::total;
use super::offers::{OfferId, Offers};
use super::rounds::{Cause, Rounds, Scope};
use super::settings::{Named, Settings};
use crate::base::ids::NodeId;
use crate::base::rng::Purpose;
use crate::base::{Map, Span, Streams, Time};
use crate::cluster::{Cluster, PodRef};
use std::collections::{BTreeMap, BTreeSet};

/// The role of what runs on behalf of no framework.
const NOBODY: &str = "*";

/// Where an agent is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Agent {
    /// It does not exist.
    #[default]
    Absent,
    /// It has not registered yet.
    Coming,
    /// It is registered since a moment; pings began then.
    Registered {
        /// Since when.
        since: Time,
    },
    /// It was marked unreachable.
    Unreachable,
}

/// See the module's description.
pub(super) struct Master {
    pub(super) allocator: Allocator,
    rounds: Rounds,
    pub(super) offers: Offers,
    tasks: Map<PodRef, Grant>,
    agents: Vec<Agent>,
    /// Agents that register, and when.
    coming: BTreeSet<(Time, AgentKey)>,
    /// Agents that answer no pings, and when they are found to.
    silent: BTreeMap<AgentKey, Time>,
    removals: RemovalLimit,
    settings: Settings,
    streams: Streams,
    nobody: (FrameworkKey, RoleKey),
    /// Whether something may be offered at the next interval that could not be before.
    is_fresh: bool,
    now: Time,
}

impl Master {
    pub(super) fn new(settings: &Settings, streams: Streams, cluster: &mut Cluster) -> Master {
        let mut kind = |name: &str| cluster.resource(name).index();
        let rules = Rules {
            interval: settings.allocation_interval,
            min_allocatable: settings.min_allocatable.iter().map(|one| amounts(one, &mut kind)).collect(),
            excluded: settings.excluded.iter().map(|name| kind(name)).collect(),
        };
        let mut allocator = Allocator::new(rules);
        for role in &settings.roles {
            allocator.set_weight(&role.name, role.weight);
            let mut limits = Limits::default();
            for (name, most) in &role.limit {
                limits.set(kind(name), *most);
            }
            let guarantees = amounts(&role.guarantee, &mut kind);
            allocator.set_quota(&role.name, Quota { guarantees, limits });
        }
        let role = allocator.role(NOBODY);
        let framework = allocator.add_framework(&[role]);
        allocator.set_framework_active(framework, false);
        Master {
            allocator,
            rounds: Rounds::new(settings.allocation_interval),
            offers: Offers::new(settings.offer_timeout),
            tasks: Map::default(),
            agents: Vec::new(),
            coming: BTreeSet::new(),
            silent: BTreeMap::new(),
            removals: RemovalLimit::new(settings.removal_spacing),
            settings: settings.clone(),
            streams,
            nobody: (framework, role),
            is_fresh: false,
            now: Time::ZERO,
        }
    }

    /// It is now.
    pub(super) fn at(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    pub(super) fn note(&mut self, cause: Cause) {
        self.rounds.note(cause);
    }

    fn agent(&mut self, key: AgentKey) -> &mut Agent {
        if self.agents.len() <= key.index() {
            self.agents.resize(key.index() + 1, Agent::Absent);
        }
        &mut self.agents[key.index()]
    }

    /// An agent starts: it registers after a wait of its own.
    pub(super) fn agent_starts(&mut self, key: AgentKey) {
        let longest = self.settings.registration_backoff;
        let draw = self.streams.stream(Purpose::Phase, u64::from(key.0)).unit();
        let at = self.now + Span::from_secs_f64(longest.as_secs_f64() * draw);
        *self.agent(key) = Agent::Coming;
        self.coming.insert((at, key));
    }

    /// Registers the agents whose time has come; gives them.
    pub(super) fn register(&mut self, cluster: &Cluster) -> Vec<AgentKey> {
        let mut keys = Vec::new();
        while let Some(&(at, key)) = self.coming.first().filter(|(at, _)| *at <= self.now) {
            self.coming.remove(&(at, key));
            self.enter(key, cluster);
            keys.push(key);
        }
        keys
    }

    /// An agent registers: its resources may be offered, but for what runs there.
    pub(super) fn enter(&mut self, key: AgentKey, cluster: &Cluster) {
        *self.agent(key) = Agent::Registered { since: self.now };
        let node = NodeId(key.0);
        self.allocator.add_agent(key, total(cluster, node));
        self.allocator.set_agent_active(key, !cluster.nodes.unschedulable.contains(node.index()));
        let there: Vec<Grant> = self.tasks.values().filter(|grant| grant.agent == key).cloned().collect();
        let mut there = there;
        there.sort_by_key(|grant| (grant.framework, grant.role));
        for grant in &there {
            self.allocator.allocate(grant);
        }
        self.rounds.note(Cause::AgentAdded(key));
    }

    /// An agent answers no more pings. One that has not registered yet does not do so now.
    pub(super) fn agent_falls_silent(&mut self, key: AgentKey) {
        match *self.agent(key) {
            Agent::Registered { since } => {
                self.silent.insert(key, self.settings.pings.unreachable_at(since, self.now));
            }
            Agent::Coming => self.coming.retain(|(_, of)| *of != key),
            Agent::Absent | Agent::Unreachable => {}
        }
    }

    /// An agent answers again; says whether it was marked unreachable before.
    pub(super) fn agent_answers(&mut self, key: AgentKey) -> bool {
        self.silent.remove(&key);
        if *self.agent(key) == Agent::Coming {
            self.coming.retain(|(_, of)| *of != key);
            self.agent_starts(key);
        }
        *self.agent(key) == Agent::Unreachable
    }

    /// The agents that are marked unreachable now.
    pub(super) fn lost(&mut self) -> Vec<AgentKey> {
        let now = self.now;
        let due: Vec<AgentKey> =
            self.silent.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
        let mut lost = Vec::new();
        for key in due {
            let at = self.removals.acquire(now);
            if at <= now {
                self.silent.remove(&key);
                *self.agent(key) = Agent::Unreachable;
                lost.push(key);
            } else {
                self.silent.insert(key, at);
            }
        }
        lost
    }

    /// An agent is gone, at least for now: its offers are rescinded, and what its tasks take is not
    /// counted any more. Gives the tasks, which the master still knows.
    pub(super) fn withdraw(&mut self, key: AgentKey) -> Vec<PodRef> {
        let now = self.now;
        for grant in self.offers.rescind_agent(key) {
            self.allocator.recover(now, &grant, Refusal::None);
        }
        let mut tasks: Vec<PodRef> =
            self.tasks.iter().filter(|(_, grant)| grant.agent == key).map(|(pod, _)| *pod).collect();
        tasks.sort_unstable();
        for pod in &tasks {
            self.allocator.recover(now, &self.tasks[pod], Refusal::None);
        }
        self.allocator.remove_agent(key);
        tasks
    }

    /// An agent does not exist any more.
    pub(super) fn agent_removed(&mut self, key: AgentKey) -> Vec<PodRef> {
        self.silent.remove(&key);
        self.coming.retain(|(_, of)| *of != key);
        let before = std::mem::take(self.agent(key));
        if matches!(before, Agent::Registered { .. }) {
            return self.withdraw(key);
        }
        let mut tasks: Vec<PodRef> =
            self.tasks.iter().filter(|(_, grant)| grant.agent == key).map(|(pod, _)| *pod).collect();
        tasks.sort_unstable();
        tasks
    }

    /// Whether an agent is drained: it is offered to nobody.
    pub(super) fn set_drained(&mut self, key: AgentKey, drained: bool) {
        self.allocator.set_agent_active(key, !drained);
        if drained {
            for grant in self.offers.rescind_agent(key) {
                self.allocator.recover(self.now, &grant, Refusal::None);
            }
        } else {
            self.is_fresh = true;
        }
    }

    fn is_registered(&self, key: AgentKey) -> bool {
        matches!(self.agents.get(key.index()), Some(Agent::Registered { .. }))
    }

    /// What runs on an agent without an offer, such as what was there before: it takes its part.
    pub(super) fn charge(
        &mut self,
        pod: PodRef,
        node: NodeId,
        amounts: Amounts,
        taker: Option<(FrameworkKey, RoleKey)>,
    ) {
        let (framework, role) = taker.unwrap_or(self.nobody);
        let grant = Grant { framework, role, agent: AgentKey(node.0), amounts };
        if self.is_registered(grant.agent) {
            self.allocator.allocate(&grant);
        }
        self.tasks.insert(pod, grant);
    }

    /// Whether the master knows a task.
    pub(super) fn knows(&self, pod: PodRef) -> bool {
        self.tasks.contains_key(&pod)
    }

    /// A task is over: what it took comes back.
    pub(super) fn release(&mut self, pod: PodRef) {
        let Some(grant) = self.tasks.remove(&pod) else { return };
        if self.is_registered(grant.agent) {
            self.allocator.recover(self.now, &grant, Refusal::None);
            self.is_fresh = true;
        }
    }

    /// A framework launches tasks on an offer, or none, and refuses the rest. Gives those that are not
    /// launched: the offer was taken back, or is too small.
    pub(super) fn answer(
        &mut self,
        offer: OfferId,
        tasks: Vec<(PodRef, Amounts)>,
        refuse: f64,
    ) -> Vec<PodRef> {
        let mut sum = Amounts::default();
        for (_, amounts) in &tasks {
            sum.add(amounts);
        }
        let refusal = Refusal::Seconds(refuse);
        let Ok(accepted) = self.offers.accept(offer, &sum) else {
            if let Some(grant) = self.offers.decline(offer) {
                self.allocator.recover(self.now, &grant, Refusal::None);
            }
            return tasks.into_iter().map(|(pod, _)| pod).collect();
        };
        self.allocator.recover(self.now, &accepted.rest, refusal);
        self.is_fresh = true;
        for (pod, amounts) in tasks {
            self.tasks.insert(pod, Grant { amounts, ..accepted.launched.clone() });
        }
        Vec::new()
    }

    /// Takes back the offers that nobody has answered in time.
    pub(super) fn expire_offers(&mut self) {
        for grant in self.offers.expire(self.now) {
            self.allocator.recover(self.now, &grant, Refusal::None);
            self.is_fresh = true;
        }
    }

    /// Allocates, if it is time; gives the new offers.
    pub(super) fn allocate(&mut self) -> Vec<(OfferId, Grant)> {
        let Some(scope) = self.rounds.take(self.now) else { return Vec::new() };
        let agents: Vec<AgentKey> = match scope {
            Scope::All => {
                self.is_fresh = false;
                (0..self.agents.len() as u32).map(AgentKey).filter(|key| self.is_registered(*key)).collect()
            }
            Scope::Some(agents) => agents.into_iter().filter(|key| self.is_registered(*key)).collect(),
        };
        let mut stream = self.streams.stream(Purpose::Tie, self.now.0);
        let grants = self.allocator.run(self.now, &agents, &mut stream);
        grants.into_iter().map(|grant| (self.offers.send(self.now, grant.clone()), grant)).collect()
    }

    /// Whether somebody has offers in hand, or could be offered something new.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh || self.rounds.is_pending()
    }

    /// Whether the master waits for an agent to register or to be found unreachable.
    pub(super) fn waits_for_agents(&self) -> bool {
        !self.silent.is_empty() || !self.coming.is_empty()
    }

    /// When the master has something to do. An interval at whose end nothing could be offered that was
    /// not before is passed over.
    pub(super) fn next(&self) -> Option<Time> {
        let coming = self.coming.first().map(|(at, _)| *at);
        let lost = self.silent.values().copied().min();
        let round = if self.rounds.is_pending() { Some(self.now) } else { self.next_interval() };
        [coming, lost, round, self.offers.next_timeout()].into_iter().flatten().min()
    }

    fn next_interval(&self) -> Option<Time> {
        if !self.allocator.has_takers() {
            return None;
        }
        if self.is_fresh {
            return Some(self.rounds.interval_end(self.now));
        }
        let expired = self.allocator.next_filter_end()? + Span(1);
        Some(self.rounds.interval_end(expired.max(self.now)))
    }
}

fn amounts(named: &Named, kind: &mut impl FnMut(&str) -> usize) -> Amounts {
    let mut amounts = Amounts::default();
    for (name, amount) in named {
        amounts.set(kind(name), *amount);
    }
    amounts
}
