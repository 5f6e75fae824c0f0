//! The counts that one kind of pods meets, by domain of each topology, brought up to date from the
//! log of placements. What follows from the counts is not known here.

use super::InterPodArgs;
use super::axes::{Axis, NO_DOMAIN};
use super::terms::{Contribution, Count, Kind, contributions};
use crate::base::ids::ClassId;
use crate::cluster::Cluster;

/// More topologies than this are not told apart in a [`State::mask`].
pub(super) const MASK_BITS: u32 = 63;

/// What the counts are made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) args: InterPodArgs,
    /// The kinds of pods.
    pub(super) kinds: &'a [Kind],
    /// The kinds with terms, in order of appearance.
    pub(super) carriers: &'a [u32],
    /// The kind of each class.
    pub(super) kind_of: &'a [u32],
    pub(super) axes: &'a [Axis],
    /// See [`super::axes::Axes::moves`].
    pub(super) moves: u64,
    /// How often namespaces have changed.
    pub(super) namespaces: u64,
}

/// One count by domain of one topology.
#[derive(Debug)]
pub(super) struct Table {
    /// What is counted.
    pub(super) count: Count,
    /// The topology.
    pub(super) axis: u32,
    /// The count by domain; domains beyond the end: zero.
    sums: Vec<i64>,
    /// How many domains have another count than zero.
    pub(super) nonzero: usize,
}

impl Table {
    /// The count in a domain; zero for none.
    pub(super) fn at(&self, domain: u32) -> i64 {
        self.sums.get(domain as usize).copied().unwrap_or(0)
    }

    /// The counts by domain; domains beyond the end: zero.
    pub(super) fn sums(&self) -> &[i64] {
        &self.sums
    }

    fn add(&mut self, domain: u32, amount: i64, domains: usize) {
        if self.sums.len() <= domain as usize {
            self.sums.resize(domains, 0);
        }
        let sum = &mut self.sums[domain as usize];
        let was_zero = *sum == 0;
        *sum += amount;
        match (was_zero, *sum == 0) {
            (true, false) => self.nonzero += 1,
            (false, true) => self.nonzero -= 1,
            _ => {}
        }
    }
}

/// What one pod adds to a table.
#[derive(Clone, Copy, Debug)]
struct Effect {
    table: u32,
    amount: i64,
    entries: i64,
}

/// Where the effects of a kind begin, and how many there are.
type Link = (u32, u32);

/// Not worked out yet.
const UNKNOWN: Link = (u32::MAX, 0);

/// The counts of one kind.
#[derive(Debug)]
pub(super) struct State {
    /// The kind.
    pub(super) kind: u32,
    /// When it was used last.
    pub(super) last_used: u64,
    /// The tables; those of the kind's own terms exist even while they count nothing.
    pub(super) tables: Vec<Table>,
    /// How many (pod, term) pairs have contributed to the score.
    pub(super) created: i64,
    /// Whether the pods match all of their own required terms.
    pub(super) matches_own_terms: bool,
    /// The topologies of the tables, as bits; the highest stands for all without a bit.
    pub(super) mask: u64,
    links: Vec<Link>,
    effects: Vec<Effect>,
    carriers: usize,
    position: u64,
    moves: u64,
    /// `None` before the first use.
    namespaces: Option<u64>,
    scratch: Vec<Contribution>,
}

impl State {
    /// Counts that are to be filled.
    pub(super) fn new(kind: u32) -> State {
        State {
            kind,
            last_used: 0,
            tables: Vec::new(),
            created: 0,
            matches_own_terms: false,
            mask: 0,
            links: Vec::new(),
            effects: Vec::new(),
            carriers: 0,
            position: 0,
            moves: 0,
            namespaces: None,
            scratch: Vec::new(),
        }
    }

    /// The tables of one count.
    pub(super) fn of(&self, count: Count) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(move |table| table.count == count)
    }

    /// Whether no domain has an entry of a count.
    pub(super) fn is_empty(&self, count: Count) -> bool {
        self.of(count).all(|table| table.nonzero == 0)
    }

    /// Brings the counts up to date.
    pub(super) fn bring_up(&mut self, world: &World<'_>) {
        let mut anew = self.moves != world.moves;
        if self.namespaces != Some(world.namespaces) {
            self.begin(world);
            anew = true;
        }
        while let Some(&carrier) = world.carriers.get(self.carriers) {
            self.carriers += 1;
            self.link(world, carrier);
        }
        let placements = &world.cluster.placements;
        if !anew && self.position != placements.count() {
            match placements.since(self.position) {
                Some(shifts) => shifts
                    .filter(|shift| shift.all != 0)
                    .for_each(|shift| self.shift(world, shift.class, shift.node.index(), shift.all.into())),
                None => anew = true,
            }
        }
        if anew {
            self.count_anew(world);
        }
        self.position = placements.count();
        self.moves = world.moves;
    }

    /// Forgets what depends on namespaces, and makes the tables of the kind's own terms.
    fn begin(&mut self, world: &World<'_>) {
        self.namespaces = Some(world.namespaces);
        self.links.clear();
        self.effects.clear();
        self.tables.clear();
        (self.mask, self.carriers) = (0, 0);
        let kind = &world.kinds[self.kind as usize];
        self.matches_own_terms = kind.matches_own_terms(world.cluster);
        let terms = kind.terms();
        for term in &terms.required {
            self.table(Count::Affinity, term.axis);
        }
        for term in &terms.required_anti {
            self.table(Count::Anti, term.axis);
        }
        for (_, term) in &terms.preferred {
            self.table(Count::Score, term.axis);
        }
    }

    /// The number of the table of a count in a topology, new if there is none.
    fn table(&mut self, count: Count, axis: u32) -> u32 {
        let known = self.tables.iter().position(|table| (table.count, table.axis) == (count, axis));
        let number = known.unwrap_or_else(|| {
            self.tables.push(Table { count, axis, sums: Vec::new(), nonzero: 0 });
            self.mask |= 1 << axis.min(MASK_BITS);
            self.tables.len() - 1
        });
        number as u32
    }

    /// Works out what pods of a kind contribute.
    fn link(&mut self, world: &World<'_>, kind: u32) -> Link {
        let mut found = std::mem::take(&mut self.scratch);
        let (incoming, existing) = (&world.kinds[self.kind as usize], &world.kinds[kind as usize]);
        contributions(world.args, world.cluster, incoming, existing, &mut found);
        let start = self.effects.len() as u32;
        for one in &found {
            let table = self.table(one.count, one.axis);
            let entries = if one.count == Count::Score { one.entries } else { 0 };
            self.effects.push(Effect { table, amount: one.amount, entries });
        }
        if self.links.len() <= kind as usize {
            self.links.resize(kind as usize + 1, UNKNOWN);
        }
        let link = (start, found.len() as u32);
        self.links[kind as usize] = link;
        self.scratch = found;
        link
    }

    /// `sign` more pods of a class on a node.
    pub(super) fn shift(&mut self, world: &World<'_>, class: ClassId, row: usize, sign: i64) {
        let kind = world.kind_of[class.index()];
        let known = self.links.get(kind as usize).copied().filter(|&link| link != UNKNOWN);
        let (start, len) = known.unwrap_or_else(|| self.link(world, kind));
        for effect in &self.effects[start as usize..(start + len) as usize] {
            let table = &mut self.tables[effect.table as usize];
            let axis = &world.axes[table.axis as usize];
            let domain = axis.domains[row];
            if domain != NO_DOMAIN {
                table.add(domain, sign * effect.amount, axis.len());
                self.created += sign * effect.entries;
            }
        }
    }

    /// Counts the pods on all nodes.
    fn count_anew(&mut self, world: &World<'_>) {
        self.created = 0;
        for table in &mut self.tables {
            table.sums.fill(0);
            table.nonzero = 0;
        }
        let Cluster { nodes, pods, .. } = world.cluster;
        for row in nodes.present.iter() {
            for pod in &nodes.pods[row] {
                self.shift(world, pods.class[pod.index()], row, 1);
            }
        }
    }
}
