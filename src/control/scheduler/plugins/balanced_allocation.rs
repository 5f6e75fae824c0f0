//! NodeResourcesBalancedAllocation: nodes whose resources are used evenly are preferred; since 1.36
//! those whose balance the pod improves.
//!
//! Source: Kubernetes 1.36 and 1.34, pkg/scheduler/framework/plugins/noderesources/
//! balanced_allocation.go (reference kube-scheduler §13.4 and its 1.36 companion).

use super::ByClass;
use super::resources::{Input, LANES, Scored, Scratch, block, float, floor, integer};
use crate::base::ids::{ClassId, ResourceId};
use crate::cluster::{Cluster, NodeTable, requests};
use crate::control::config::PluginArgs;
use crate::control::scheduler::framework::{Column, Context, Plugin, Reach, Status, Targets};

/// The plugin.
#[derive(Debug)]
pub(crate) struct BalancedAllocation {
    names: Vec<String>,
    scored: ByClass<ForClass>,
    scratch: Scratch,
    before: Vec<Before>,
}

/// What is known of a pod class.
#[derive(Debug)]
struct ForClass {
    scored: Vec<Scored>,
    /// Which of the balances before the pod comes.
    before: usize,
}

/// The balance of every node as it is, by row: it depends on the pod only by which scalars count.
/// Brought up to date from the log of changed nodes.
#[derive(Debug, Default)]
struct Before {
    resources: Vec<ResourceId>,
    valid_at: Option<u64>,
    values: Vec<i64>,
}

impl Before {
    fn refresh(&mut self, nodes: &NodeTable) {
        let since = self.valid_at.replace(nodes.change_count());
        if since == self.valid_at {
            return;
        }
        self.values.resize(nodes.len(), 0);
        match since.and_then(|since| nodes.changed_since(since)) {
            Some(changed) => changed.for_each(|node| self.update(nodes, node.index())),
            None => (0..nodes.len()).for_each(|row| self.update(nodes, row)),
        }
    }

    fn update(&mut self, nodes: &NodeTable, row: usize) {
        let amounts = self.resources.iter().map(|resource| {
            let kind = resource.index();
            (nodes.requested[kind][row], nodes.allocatable[kind][row])
        });
        let fractions =
            amounts.filter(|(_, all)| *all != 0).map(|(used, all)| fraction(used as f64, all as f64));
        self.values[row] = balance_of(fractions);
    }
}

impl BalancedAllocation {
    pub(crate) fn new(args: &PluginArgs) -> BalancedAllocation {
        BalancedAllocation {
            names: args.balanced_resources.clone(),
            scored: ByClass::default(),
            scratch: Scratch::default(),
            before: Vec::new(),
        }
    }
}

impl Plugin for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Node
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let mut scored = Vec::new();
        for name in self.names.iter().filter(|name| requests::is_tracked(name)) {
            let resource = cluster.resource(name);
            let pod = cluster.classes[class].counted(resource);
            // A scalar that the pod does not ask for does not count.
            if pod > 0 || resource.index() < ResourceId::NATIVE {
                scored.push(Scored { resource, pod, weight: 1, non_zero: false });
            }
        }
        let resources: Vec<ResourceId> = scored.iter().map(|item| item.resource).collect();
        let known = self.before.iter().position(|before| before.resources == resources);
        let before = known.unwrap_or_else(|| {
            self.before.push(Before { resources, ..Before::default() });
            self.before.len() - 1
        });
        self.scored.set(class, ForClass { scored, before });
    }

    fn pre_score(&mut self, context: Context<'_>, _targets: Targets<'_>) -> Status {
        let asks = self.scored.get(context.class).scored.iter().any(|item| item.pod > 0);
        if asks { Status::SUCCESS } else { Status::SKIP }
    }

    fn is_node_local(&self) -> bool {
        true
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        let nodes = &context.cluster.nodes;
        let ForClass { scored, before } = self.scored.get(context.class);
        let inputs = self.scratch.inputs(nodes, scored, targets);
        let inputs = inputs.as_slice();
        let out = column.open(targets.len());
        let mut start = 0;
        while start < out.len() {
            let end = (start + LANES).min(out.len());
            let fast = match inputs {
                [first, second] => balance_block([*first, *second], start, &mut out[start..end]),
                _ => false,
            };
            if !fast {
                for (place, score) in out.iter_mut().enumerate().take(end).skip(start) {
                    *score = balance_with(inputs.iter(), place);
                }
            }
            start = end;
        }
        if context.version.compat().scores_improvement {
            let before = &mut self.before[*before];
            before.refresh(nodes);
            match targets {
                Targets::Rows(_) => improve(out, before.values.iter()),
                Targets::Stretch { from, len } => improve(out, before.values[from..from + len].iter()),
                Targets::Listed(rows) | Targets::Groups { rows, .. } => {
                    improve(out, rows.iter().map(|&row| &before.values[row as usize]));
                }
            }
        }
    }
}

/// Turns balances with the pod into scores of the improvement over those without it. Balances are in
/// 50 to 100, so that what is halved is in 0 to 100.
#[inline]
fn improve<'a>(out: &mut [i64], before: impl Iterator<Item = &'a i64>) {
    for (score, before) in out.iter_mut().zip(before) {
        *score = 50 + (score.wrapping_sub(*before).wrapping_add(50) >> 1);
    }
}

/// The balance of a block of nodes with the pod by two resources, of which every node has some;
/// false if its amounts do not allow for float arithmetic.
#[inline]
fn balance_block(inputs: [Input<'_>; 2], start: usize, out: &mut [i64]) -> bool {
    let [Some(first), Some(second)] = [block(&inputs[0], start), block(&inputs[1], start)] else {
        return false;
    };
    let Some(out) = out.first_chunk_mut::<LANES>() else { return false };
    let pods = inputs.map(|input| input.scored.pod as f64);
    for (lane, balance) in out.iter_mut().enumerate() {
        let one = fraction(float(first.1[lane]) + pods[0], float(first.0[lane]));
        let other = fraction(float(second.1[lane]) + pods[1], float(second.0[lane]));
        let deviation = ((one - other) / 2.0).abs();
        *balance = integer(floor((1.0 - deviation) * 100.0));
    }
    true
}

/// The balance of one node with the pod: the textbook form.
fn balance_with<'a>(inputs: impl Iterator<Item = &'a Input<'a>> + Clone, place: usize) -> i64 {
    balance_of(inputs.filter(|input| input.allocatable[place] != 0).map(|input| {
        let used = input.used[place].saturating_add(input.scored.pod);
        fraction(used as f64, input.allocatable[place] as f64)
    }))
}

/// The share of what there is that is used, at most all of it.
#[inline]
fn fraction(used: f64, all: f64) -> f64 {
    let fraction = used / all;
    if fraction > 1.0 { 1.0 } else { fraction }
}

/// The balance of any number of fractions: one minus their standard deviation, in percent. Two have
/// a formula of their own, which the original rounds differently.
fn balance_of(fractions: impl Iterator<Item = f64> + Clone) -> i64 {
    let count = fractions.clone().count();
    let deviation = match count {
        0 | 1 => 0.0,
        2 => {
            let mut pair = fractions;
            let (first, second) = (pair.next().unwrap_or(0.0), pair.next().unwrap_or(0.0));
            ((first - second) / 2.0).abs()
        }
        _ => {
            let mean = fractions.clone().fold(0.0, |sum, fraction| sum + fraction) / count as f64;
            let squares = fractions.fold(0.0, |sum, fraction| sum + (fraction - mean) * (fraction - mean));
            libm::sqrt(squares / count as f64)
        }
    };
    ((1.0 - deviation) * 100.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores of both releases for (allocatable, used, pod) by resource.
    fn scores(columns: &[(i64, i64, i64)]) -> [i64; 2] {
        let [with, without] = [true, false].map(|with| balance(columns, with));
        let mut improved = [with];
        improve(&mut improved, [without].iter());
        [with, improved[0]]
    }

    fn balance(columns: &[(i64, i64, i64)], with: bool) -> i64 {
        let pod = |pod| if with { pod } else { 0 };
        let held: Vec<_> = columns.iter().map(|&(all, used, asked)| ([all], [used], pod(asked))).collect();
        let inputs: Vec<Input<'_>> = held
            .iter()
            .map(|(allocatable, used, pod)| Input {
                scored: Scored { resource: ResourceId::CPU, pod: *pod, weight: 1, non_zero: false },
                allocatable,
                used,
            })
            .collect();
        balance_with(inputs.iter(), 0)
    }

    #[test]
    fn golden_scores_of_1_34() {
        for (columns, score) in [
            (vec![(4000, 0, 3000), (10000, 0, 5000)], 87),
            (vec![(6000, 0, 3000), (10000, 0, 5000)], 100),
            (vec![(10000, 0, 6000), (20000, 0, 10000)], 95),
            (vec![(6000, 0, 6000), (10000, 0, 0)], 50),
            (vec![(3500, 0, 3000), (40000, 0, 5000)], 63),
            (vec![(3500, 0, 3000), (40000, 0, 5000), (8, 0, 4)], 70),
            (vec![(3500, 0, 3000), (40000, 0, 5000), (8, 0, 1)], 65),
        ] {
            assert_eq!(scores(&columns)[0], score, "{columns:?}");
        }
    }

    #[test]
    fn golden_scores_of_1_36() {
        for (columns, score) in [
            (vec![(10000, 3000, 3000), (20000, 0, 5000)], 73),
            (vec![(10000, 3000, 3000), (20000, 5000, 5000)], 74),
            (vec![(10000, 3000, 3000), (50000, 5000, 5000)], 70),
            (vec![(3000, 3000, 0), (5000, 0, 5000)], 100),
            (vec![(3000, 0, 0), (5000, 0, 5000)], 50),
            (vec![(6000, 3000, 3000), (10000, 0, 0)], 62),
            (vec![(6000, 3000, 3000), (10000, 5000, 0)], 62),
            (vec![(3500, 3000, 0), (40000, 5000, 0), (8, 3, 1)], 75),
            (vec![(3500, 0, 3000), (40000, 0, 5000)], 56),
            (vec![(4000, 0, 3000), (10000, 0, 5000)], 68),
            (vec![(4000, 1000, 0), (10000, 0, 0)], 75),
        ] {
            assert_eq!(scores(&columns)[1], score, "{columns:?}");
        }
    }
}
