//! Which nodes a job gets.
//!
//! Of the nodes that may be used, those of the lowest weight come first, then those that come first by
//! name (`n2` before `n10`), as Slurm keeps its table of nodes; each gets as many of the job's tasks as fit. That is what Slurm's
//! `select/cons_tres` does without a topology; its other preferences are not modelled.

use super::Slurm;
use super::model::{Job, Node, Request, Share};
use super::tres::{CPU, MEMORY, Tres};
use crate::base::BitSet;

/// What is free on each node, by row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Free {
    /// Kinds of resources; the amounts of a node lie side by side.
    width: usize,
    amounts: Vec<i64>,
    jobs: Vec<u32>,
    exclusive: Vec<bool>,
}

impl Free {
    /// Nodes with nothing on them.
    pub fn empty(nodes: &[Node]) -> Free {
        let width = nodes.iter().map(|node| node.total.0.len()).max().unwrap_or(0).max(MEMORY + 1);
        let amounts = nodes.iter().flat_map(|node| (0..width).map(|place| node.total.get(place)));
        Free {
            width,
            amounts: amounts.collect(),
            jobs: vec![0; nodes.len()],
            exclusive: vec![false; nodes.len()],
        }
    }

    /// Adds what is there of new nodes, with nothing on them.
    pub fn grow(&mut self, nodes: &[Node]) {
        let known = self.jobs.len();
        let mut grown = Free::empty(nodes);
        for node in 0..known {
            for place in 0..self.width.min(grown.width) {
                grown.amounts[node * grown.width + place] = self.get(node, place);
            }
            grown.jobs[node] = self.jobs[node];
            grown.exclusive[node] = self.exclusive[node];
        }
        *self = grown;
    }

    /// An amount that is free on a node.
    pub fn get(&self, node: usize, place: usize) -> i64 {
        if place < self.width { self.amounts[node * self.width + place] } else { 0 }
    }

    fn change(&mut self, share: Share, held: &Tres, sign: i64) {
        for (place, amount) in held.0.iter().enumerate().take(self.width) {
            self.amounts[share.node * self.width + place] += sign * amount;
        }
    }

    /// Gives back what a job has on a node.
    pub fn release(&mut self, request: &Request, share: Share) {
        self.change(share, &on_node(request, share.tasks), 1);
        self.jobs[share.node] = self.jobs[share.node].saturating_sub(1);
        self.exclusive[share.node] &= self.jobs[share.node] > 0;
    }

    /// Takes what a job has on a node.
    pub fn take(&mut self, request: &Request, share: Share, alone: bool) {
        self.change(share, &on_node(request, share.tasks), -1);
        self.jobs[share.node] += 1;
        self.exclusive[share.node] |= alone;
    }

    /// Gives back the CPUs of a job that is suspended, or takes them again with `sign` -1.
    pub fn lend_cpus(&mut self, request: &Request, share: Share, sign: i64) {
        let cpus = on_node(request, share.tasks).get(CPU);
        self.amounts[share.node * self.width + CPU] += sign * cpus;
    }

    /// Whether the CPUs of a suspended job are free on a node.
    pub fn has_cpus(&self, request: &Request, share: Share) -> bool {
        self.get(share.node, CPU) >= on_node(request, share.tasks).get(CPU)
    }

    /// How many tasks of a request fit on a node.
    fn tasks_on(&self, request: &Request, alone: bool, node: usize) -> u32 {
        if self.exclusive[node] || (alone && self.jobs[node] > 0) {
            return 0;
        }
        let mut most = request.tasks_per_node.unwrap_or(u32::MAX).min(request.tasks);
        for place in 0..request.per_task.0.len().max(request.per_node.0.len()) {
            let left = self.get(node, place).saturating_sub(request.per_node.get(place));
            let each = request.per_task.get(place);
            if left < 0 && request.per_node.get(place) > 0 {
                return 0;
            }
            if each > 0 {
                most = most.min(u32::try_from(left.max(0) / each).unwrap_or(u32::MAX));
            }
        }
        most
    }
}

/// What a job holds on a node with so many of its tasks.
pub fn on_node(request: &Request, tasks: u32) -> Tres {
    let mut held = request.per_node.clone();
    for (place, each) in request.per_task.0.iter().enumerate() {
        held.set(place, held.get(place).saturating_add(each.saturating_mul(i64::from(tasks))));
    }
    held
}

/// Whether a job has its nodes for itself.
pub fn is_alone(slurm: &Slurm, job: &Job) -> bool {
    job.request.exclusive || slurm.partitions[job.partition].exclusive
}

/// The nodes of a job's partition that have its features and that it does not exclude.
pub fn eligible(slurm: &Slurm, job: &Job) -> BitSet {
    let mut nodes = slurm.partitions[job.partition].nodes.clone();
    if let Some(excluded) = &job.request.excluded {
        nodes.and_not(excluded);
    }
    if !job.request.features.is_empty() {
        for row in 0..slurm.nodes.len() {
            let node = &slurm.nodes[row];
            if !job.request.features.iter().all(|feature| node.features.contains(feature)) {
                nodes.remove(row);
            }
        }
    }
    nodes
}

/// The most nodes that a job may have.
fn most_nodes(slurm: &Slurm, job: &Job) -> u32 {
    let partition = slurm.partitions[job.partition].max_nodes.unwrap_or(u32::MAX);
    job.request.max_nodes.unwrap_or(u32::MAX).min(partition)
}

/// The nodes that a job gets of those that may be used, and the tasks on each; `None` if it does not
/// fit.
pub fn choose(slurm: &Slurm, job: &Job, usable: &BitSet, free: &Free) -> Option<Vec<Share>> {
    let request = &job.request;
    let alone = is_alone(slurm, job);
    let mut places: Vec<Share> = slurm
        .node_order()
        .iter()
        .filter(|node| usable.contains(**node))
        .map(|node| Share { node: *node, tasks: free.tasks_on(request, alone, *node) })
        .filter(|share| share.tasks > 0)
        .collect();
    if let Some(required) = &request.required {
        if required.iter().any(|node| places.iter().all(|share| share.node != node)) {
            return None;
        }
        places.sort_by_key(|share| !required.contains(share.node));
    }
    let most = most_nodes(slurm, job);
    spread(request, &places, most).or_else(|| {
        // With a bound on nodes the first ones may be too small where the largest are not.
        if most as usize >= places.len() {
            return None;
        }
        let is_required = |node| request.required.as_ref().is_some_and(|nodes| nodes.contains(node));
        places.sort_by_key(|share| (!is_required(share.node), std::cmp::Reverse(share.tasks)));
        spread(request, &places, most)
    })
}

/// Puts the tasks on the nodes in order: as many as fit, but so that the fewest nodes asked for get one
/// each.
fn spread(request: &Request, places: &[Share], most: u32) -> Option<Vec<Share>> {
    let required = request.required.as_ref().map_or(0, BitSet::count) as u32;
    let fewest = request.fewest_nodes().max(required);
    if fewest > most || fewest as usize > places.len() {
        return None;
    }
    // A job with fewer tasks than nodes gets a task on each node.
    let mut left = request.tasks.max(fewest);
    let mut shares = Vec::new();
    for place in places {
        let taken = shares.len() as u32;
        if left == 0 || taken == most {
            break;
        }
        let kept_back = fewest.saturating_sub(taken + 1);
        let tasks = place.tasks.min(left.saturating_sub(kept_back)).max(1);
        shares.push(Share { node: place.node, tasks });
        left -= tasks.min(left);
    }
    (left == 0).then_some(shares)
}

/// The earliest start of a job on usable nodes, with running jobs ending at their limits: now, or when
/// those have ended that make room; and where.
///
/// Ends are looked at in groups: all that lie within 30 s of the group's first, then within 60 s, 120 s
/// and so on (or 30 s more each time); the job starts at the end of the group's last.
pub fn earliest(slurm: &Slurm, job: &Job, usable: &BitSet, now: u64) -> Option<(u64, Vec<Share>)> {
    if let Some(shares) = choose(slurm, job, usable, &slurm.free) {
        return Some((now, shares));
    }
    let mut free = slurm.free.clone();
    let mut ends: Vec<(u64, u32)> = slurm
        .running
        .iter()
        .map(|id| (slurm.jobs[id].end, *id))
        .filter(|(_, id)| slurm.jobs[id].allocation.iter().any(|share| usable.contains(share.node)))
        .collect();
    ends.sort_unstable();
    let linear = slurm.settings.backfill.window_linear;
    let mut window = 30_u64;
    let mut ends = ends.as_slice();
    while let Some((first, _)) = ends.first() {
        let group = ends.iter().take_while(|(end, _)| *end <= first.saturating_add(window)).count();
        let (gone, rest) = ends.split_at(group);
        for (_, id) in gone {
            let running = &slurm.jobs[id];
            for share in running.allocation.iter().filter(|_| running.holds()) {
                free.release(&running.request, *share);
            }
        }
        if let Some(shares) = choose(slurm, job, usable, &free) {
            let last = gone.last().map_or(now, |(end, _)| *end);
            return Some((if last <= now { now + 1 } else { last }, shares));
        }
        window = if linear > 0 { window.saturating_add(linear) } else { window.saturating_mul(2) };
        ends = rest;
    }
    None
}
