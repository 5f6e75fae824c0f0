//! NodeResourcesFit: whether what a pod requests is free on a node, and how full nodes are.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/noderesources (fit.go,
//! least_allocated.go, most_allocated.go, requested_to_capacity_ratio.go; reference kube-scheduler
//! §13.1 to §13.3).

use super::ByClass;
use super::resources::{Input, LANES, Scored, Scratch, block, float, floor, integer};
use crate::base::BitSet;
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::cluster::requests::{self, Defaults};
use crate::cluster::{Cluster, NodeTable};
use crate::control::config::{FitArgs, PluginArgs, ScoringStrategy};
use crate::control::scheduler::events::{self, Action, Change, NodeFacts, Registration, Resource};
use crate::control::scheduler::framework::{
    Cause, Code, Column, Context, MAX_NODE_SCORE, Plugin, Reach, Targets,
};

/// The reason given where the number of pods is the limit.
const TOO_MANY_PODS: Cause = Cause::Text("Too many pods");
/// Loads and requests from this on are compared one by one: their sums could overflow.
const HUGE: i64 = 1 << 62;

/// The plugin.
#[derive(Debug)]
pub(crate) struct NodeResourcesFit {
    args: FitArgs,
    /// The requests that are looked at, where some are not.
    considered: ByClass<Vec<(ResourceId, i64)>>,
    scored: ByClass<Vec<Scored>>,
    scratch: Scratch,
}

impl NodeResourcesFit {
    pub(crate) fn new(args: &PluginArgs) -> NodeResourcesFit {
        NodeResourcesFit {
            args: args.fit.clone(),
            considered: ByClass::default(),
            scored: ByClass::default(),
            scratch: Scratch::default(),
        }
    }

    /// Whether the filter looks at some requests only.
    fn ignores(&self) -> bool {
        !self.args.ignored_resources.is_empty() || !self.args.ignored_resource_groups.is_empty()
    }

    /// Whether the filter does not look at an extended resource.
    fn is_ignored(&self, name: &str) -> bool {
        let FitArgs { ignored_resources, ignored_resource_groups, .. } = &self.args;
        let group = name.split('/').next().unwrap_or_default();
        requests::is_extended(name)
            && (ignored_resources.iter().any(|ignored| ignored == name)
                || ignored_resource_groups.iter().any(|ignored| ignored == group))
    }

    /// The requests that the filter looks at.
    fn requests<'a>(&'a self, context: Context<'a>) -> &'a [(ResourceId, i64)] {
        if self.ignores() { self.considered.get(context.class) } else { &context.pod().requests }
    }
}

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Node
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let template = cluster.classes[class].template.clone();
        let fit = cluster.classes[class].fit_score;
        // The pod's own pod-level requests are ignored in this score (reference §4.4).
        let listed = requests::pod_requests(&template.spec, Defaults { cpu: true, memory: true }, false);
        let mut scored = Vec::new();
        for (name, weight) in self.args.resources.iter().filter(|(name, _)| requests::is_tracked(name)) {
            let resource = cluster.resource(name);
            let pod = match resource {
                ResourceId::CPU => fit[0],
                ResourceId::MEMORY => fit[1],
                _ => listed.get(name).map_or(0, |&amount| requests::to_integer(name, amount).max(0)),
            };
            // A scalar that the pod does not ask for does not count.
            if pod > 0 || resource.index() < ResourceId::NATIVE {
                scored.push(Scored { resource, pod, weight: *weight, non_zero: true });
            }
        }
        self.scored.set(class, scored);
        if self.ignores() {
            let requests = cluster.classes[class].requests.iter();
            let looked_at =
                requests.filter(|(resource, _)| !self.is_ignored(cluster.resource_name(*resource)));
            let considered = looked_at.copied().collect();
            self.considered.set(class, considered);
        }
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        let (table, requests) = (&context.cluster.nodes, self.requests(context));
        let plain = requests.iter().all(|(_, amount)| *amount < HUGE);
        for (position, word) in nodes.words_mut().iter_mut().enumerate() {
            if *word != 0 {
                let start = position * 64;
                let failed = if plain { failing(table, requests, start) } else { None };
                *word &= !failed.unwrap_or_else(|| failing_one_by_one(table, requests, start, *word));
            }
        }
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let (table, row) = (&context.cluster.nodes, node.index());
        let before = causes.len();
        if table.pod_count[row] >= table.allowed_pods[row] {
            causes.push(TOO_MANY_PODS);
        }
        let mut hopeless = false;
        for &(resource, amount) in self.requests(context) {
            let (allocatable, requested) =
                (table.allocatable[resource.index()][row], table.requested[resource.index()][row]);
            if amount > allocatable.wrapping_sub(requested) {
                causes.push(Cause::Insufficient(resource));
                hopeless |= amount > allocatable;
            }
        }
        match causes.len() > before {
            false => Code::Success,
            true if hopeless => Code::UnschedulableAndUnresolvable,
            true => Code::Unschedulable,
        }
    }

    fn is_node_local(&self) -> bool {
        true
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        let scored = self.scored.get(context.class);
        let inputs = self.scratch.inputs(&context.cluster.nodes, scored, targets);
        let inputs = inputs.as_slice();
        let out = column.open(targets.len());
        match &self.args.strategy {
            ScoringStrategy::LeastAllocated => {
                shares(inputs, out, |free, _| free, |alloc, used| (alloc - used).max(0));
            }
            ScoringStrategy::MostAllocated => {
                shares(inputs, out, |_, taken| taken, |alloc, used| used.min(alloc));
            }
            ScoringStrategy::RequestedToCapacityRatio(points) => {
                for (place, score) in out.iter_mut().enumerate() {
                    *score = ratio_score(inputs, place, points);
                }
            }
        }
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration { resource: Resource::Pod, actions: &[Action::Delete, Action::UpdatePodScaleDown] },
            Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeAllocatable] },
        ]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        match change {
            // The end of any assigned pod; that it has freed enough is not looked at.
            Change::Pod { before: None, .. } => true,
            Change::Pod { class, before: Some(before), .. } => {
                let lowered = events::lowered(context.cluster, *before, *class);
                lowered.into_iter().any(|resource| context.pod().request(resource) > 0)
            }
            Change::Node { before, after, .. } => {
                let requests = &context.pod().requests;
                let fits = after.allowed_pods >= 1
                    && requests.iter().all(|&(resource, amount)| amount <= after.amount(resource));
                fits && before.is_none_or(|before| increased(requests, before, after))
            }
        }
    }
}

/// Whether the node can hold more pods, or more of something that is requested.
fn increased(requests: &[(ResourceId, i64)], before: &NodeFacts, after: &NodeFacts) -> bool {
    after.allowed_pods > before.allowed_pods
        || requests.iter().any(|&(resource, _)| after.amount(resource) > before.amount(resource))
}

/// The rows `start..start + 64` that fail, as bits; `None` if some load is huge or the rows end.
fn failing(nodes: &NodeTable, requests: &[(ResourceId, i64)], start: usize) -> Option<u64> {
    fn slice(column: &[i64], start: usize) -> Option<&[i64; 64]> {
        column.get(start..)?.first_chunk::<64>()
    }
    // A negative number says that something is missing. Wrapping subtraction because checks would
    // keep the loop from vectorising; nothing can wrap below HUGE.
    let (allowed, count) = (slice(&nodes.allowed_pods, start)?, slice(&nodes.pod_count, start)?);
    let mut missing = [0i64; 64];
    for lane in 0..64 {
        missing[lane] = allowed[lane].wrapping_sub(count[lane]).wrapping_sub(1);
    }
    let mut loads = 0;
    for &(resource, amount) in requests {
        let allocatable = slice(&nodes.allocatable[resource.index()], start)?;
        let requested = slice(&nodes.requested[resource.index()], start)?;
        for lane in 0..64 {
            loads |= requested[lane];
            missing[lane] |= allocatable[lane].wrapping_sub(requested[lane]).wrapping_sub(amount);
        }
    }
    if !(0..HUGE).contains(&loads) {
        return None;
    }
    // The sign bits, gathered: as bytes first, then eight of these at a time, whose lowest bits the product
    // moves side by side into its highest byte.
    let mut signs = [0u8; 64];
    for (sign, missing) in signs.iter_mut().zip(&missing) {
        *sign = ((*missing as u64) >> 63) as u8;
    }
    let mut failed = 0u64;
    for (place, bytes) in signs.as_chunks::<8>().0.iter().enumerate() {
        failed |= (u64::from_le_bytes(*bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * place);
    }
    Some(failed)
}

/// The same, among the rows of `word`, without any assumption.
fn failing_one_by_one(nodes: &NodeTable, requests: &[(ResourceId, i64)], start: usize, word: u64) -> u64 {
    let fails = |row: usize| {
        nodes.pod_count[row] >= nodes.allowed_pods[row]
            || requests.iter().any(|&(resource, amount)| {
                let kind = resource.index();
                amount > nodes.allocatable[kind][row].wrapping_sub(nodes.requested[kind][row])
            })
    };
    (0..64).filter(|lane| word >> lane & 1 == 1 && fails(start + lane)).fold(0, |bits, lane| bits | 1 << lane)
}

/// The weighted mean of shares in percent: of what is free, or of what is taken. `pick` chooses
/// between the two in floats, `part` in integers.
fn shares(
    inputs: &[Input<'_>],
    out: &mut [i64],
    pick: impl Fn(f64, f64) -> f64 + Copy,
    part: impl Fn(i64, i64) -> i64 + Copy,
) {
    let weights: i64 = inputs.iter().map(|input| input.scored.weight).sum();
    // With a sum S below 2^31 and W > 0 the number (S + ½)/W is at least ½/W away from every
    // integer, far more than the error of multiplying by the inverse.
    let inverse = 1.0 / weights as f64;
    let mut start = 0;
    while start < out.len() {
        let end = (start + LANES).min(out.len());
        let fast = match inputs {
            [first, second] if weights > 0 => {
                share_block([first, second], start, inverse, pick, &mut out[start..end])
            }
            _ => false,
        };
        if !fast {
            for (place, score) in out.iter_mut().enumerate().take(end).skip(start) {
                *score = match inputs {
                    [first, second] if weights > 0 && first.is_narrow(place) && second.is_narrow(place) => {
                        let amounts =
                            [first, second].map(|input| (input.allocatable[place], input.used[place]));
                        share_pair([first, second], amounts, inverse, pick)
                    }
                    _ => share_score(inputs, place, part),
                };
            }
        }
        start = end;
    }
}

/// The scores of a block of nodes by two resources; false if the block's amounts do not allow for
/// float arithmetic.
#[inline]
fn share_block(
    inputs: [&Input<'_>; 2],
    start: usize,
    inverse: f64,
    pick: impl Fn(f64, f64) -> f64 + Copy,
    out: &mut [i64],
) -> bool {
    let [Some(first), Some(second)] = inputs.map(|input| block(input, start)) else { return false };
    let Some(out) = out.first_chunk_mut::<LANES>() else { return false };
    for (lane, score) in out.iter_mut().enumerate() {
        let amounts = [(first.0[lane], first.1[lane]), (second.0[lane], second.1[lane])];
        *score = share_pair(inputs, amounts, inverse, pick);
    }
    true
}

/// The score of one node by two resources from what it has and what is taken of each, in floats.
#[expect(clippy::inline_always, reason = "a call for each node costs as much as the node")]
#[inline(always)]
fn share_pair(
    inputs: [&Input<'_>; 2],
    amounts: [(i64, i64); 2],
    inverse: f64,
    pick: impl Fn(f64, f64) -> f64,
) -> i64 {
    let share = |input: &Input<'_>, (all, taken): (i64, i64)| {
        let (all, taken) = (float(all), float(taken) + input.scored.pod as f64);
        let free = if all > taken { all - taken } else { 0.0 };
        let taken = if taken < all { taken } else { all };
        floor(pick(free, taken) * 100.0 / all) * input.scored.weight as f64
    };
    integer(floor((share(inputs[0], amounts[0]) + share(inputs[1], amounts[1]) + 0.5) * inverse))
}

/// The same for one node in integers: the textbook form. Resources of which the node has nothing
/// count neither in the sum nor in the weights.
fn share_score(inputs: &[Input<'_>], place: usize, part: impl Fn(i64, i64) -> i64) -> i64 {
    let (mut sum, mut weights) = (0i128, 0i128);
    for input in inputs.iter().filter(|input| input.allocatable[place] != 0) {
        let allocatable = input.allocatable[place];
        let used = input.used[place].saturating_add(input.scored.pod);
        let share = i128::from(part(allocatable, used)) * 100 / i128::from(allocatable);
        sum += share * i128::from(input.scored.weight);
        weights += i128::from(input.scored.weight);
    }
    if weights == 0 { 0 } else { (sum / weights) as i64 }
}

/// RequestedToCapacityRatio for one node. Resources that score zero count neither in the sum nor in
/// the weights; the mean is rounded half away from zero.
fn ratio_score(inputs: &[Input<'_>], place: usize, points: &[(i64, i64)]) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for input in inputs.iter().filter(|input| input.allocatable[place] != 0) {
        let allocatable = input.allocatable[place];
        let used = input.used[place].saturating_add(input.scored.pod);
        let utilization =
            if used > allocatable { 100 } else { (i128::from(used) * 100 / i128::from(allocatable)) as i64 };
        let score = curve(points, utilization);
        if score > 0 {
            sum += score * input.scored.weight;
            weights += input.scored.weight;
        }
    }
    if weights == 0 { 0 } else { libm::round(sum as f64 / weights as f64) as i64 }
}

/// The curve through the points (utilization, 0…10) at a utilization, scaled to 0…100; straight
/// lines between the points, truncated towards zero.
fn curve(points: &[(i64, i64)], utilization: i64) -> i64 {
    let scaled = |score: i64| score * (MAX_NODE_SCORE / 10);
    let Some(next) = points.iter().position(|&(at, _)| utilization <= at) else {
        return points.last().map_or(0, |&(_, score)| scaled(score));
    };
    let (at, score) = points[next];
    if next == 0 {
        return scaled(score);
    }
    let (from, low) = points[next - 1];
    scaled(low) + (scaled(score) - scaled(low)) * (utilization - from) / (at - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node's score from (allocatable, used) by resource with weights.
    fn inputs(columns: &[([i64; 1], [i64; 1], i64)]) -> Vec<Input<'_>> {
        columns
            .iter()
            .enumerate()
            .map(|(kind, (allocatable, used, weight))| Input {
                scored: Scored { resource: ResourceId(kind as u32), pod: 0, weight: *weight, non_zero: true },
                allocatable,
                used,
            })
            .collect()
    }

    fn both(used: [i64; 2], allocatable: [i64; 2], weights: [i64; 2]) -> [([i64; 1], [i64; 1], i64); 2] {
        [0, 1].map(|kind| ([allocatable[kind]], [used[kind]], weights[kind]))
    }

    #[test]
    fn golden_least_and_most_allocated() {
        let least = |used, allocatable, weights| {
            let columns = both(used, allocatable, weights);
            share_score(&inputs(&columns), 0, |alloc, used| (alloc - used).max(0))
        };
        let most = |used, allocatable| {
            let columns = both(used, allocatable, [1, 1]);
            share_score(&inputs(&columns), 0, |alloc, used| used.min(alloc))
        };
        assert_eq!(least([3000, 5000], [4000, 10000], [1, 1]), 37);
        assert_eq!(least([3000, 5000], [6000, 10000], [1, 1]), 50);
        assert_eq!(least([5000, 5000], [4000, 10000], [1, 1]), 25);
        assert_eq!(least([0, 0], [4000, 10000], [1, 1]), 100);
        assert_eq!(least([3000, 5000], [4000, 10000], [1, 2]), 41);
        assert_eq!(most([3000, 5000], [4000, 10000]), 62);
        assert_eq!(most([5000, 5000], [4000, 10000]), 75);
    }

    #[test]
    fn golden_requested_to_capacity_ratio() {
        let score = |used, points: &[(i64, i64)]| {
            let columns = both(used, [4000, 10000], [1, 1]);
            ratio_score(&inputs(&columns), 0, points)
        };
        let rising = [(0, 0), (100, 10)];
        assert_eq!(score([3000, 5000], &rising), 63);
        assert_eq!(score([0, 5000], &rising), 50, "a zero score is dropped from the weights");
        assert_eq!(score([5000, 5000], &rising), 75);
        let falling = [(0, 10), (100, 0)];
        assert_eq!(score([3000, 5000], &falling), 38);
        assert_eq!(score([4000, 5000], &falling), 50);
    }

    #[test]
    fn golden_curves() {
        let shape = [(10, 1), (50, 9), (90, 2)];
        let at = [0, 10, 30, 50, 90, 95].map(|utilization| curve(&shape, utilization));
        assert_eq!(at, [10, 10, 50, 90, 20, 20]);
        let steep = [(0, 2), (70, 10), (100, 0)];
        let at = [0, 1, 33, 69, 70, 71, 99, 100].map(|utilization| curve(&steep, utilization));
        assert_eq!(at, [20, 21, 57, 98, 100, 97, 4, 0]);
    }

    #[test]
    fn absurd_amounts_do_not_overflow() {
        let columns = both([i64::MAX, 5], [i64::MAX, 10], [1, 1]);
        let list = inputs(&columns);
        assert_eq!(share_score(&list, 0, |alloc, used| used.min(alloc)), 75);
        let mut out = [0];
        shares(&list, &mut out, |free, _| free, |alloc, used| (alloc - used).max(0));
        assert_eq!(out, [25]);
    }
}
