//! NodeResourcesBalancedAllocation: nodes whose resources are used evenly are preferred; since 1.36
//! those whose balance the pod improves.
//!
//! Source: Kubernetes 1.36 and 1.34, pkg/scheduler/framework/plugins/noderesources/
//! balanced_allocation.go (reference kube-scheduler §13.4 and its 1.36 companion).

use super::ByClass;
use super::resources::{Input, LANES, Scored, Scratch, block, float, floor, integer};
use crate::base::ids::{ClassId, ResourceId};
use crate::cluster::{Cluster, requests};
use crate::control::config::{Scheduler, Version};
use crate::control::scheduler::framework::{Column, Context, Plugin, Status, Targets};

/// The plugin.
#[derive(Debug)]
pub(crate) struct BalancedAllocation {
    names: Vec<String>,
    scored: ByClass<Vec<Scored>>,
    scratch: Scratch,
}

impl BalancedAllocation {
    pub(crate) fn new(config: &Scheduler) -> BalancedAllocation {
        BalancedAllocation {
            names: config.balanced_resources.clone(),
            scored: ByClass::default(),
            scratch: Scratch::default(),
        }
    }
}

impl Plugin for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let mut scored = Vec::new();
        for name in self.names.iter().filter(|name| requests::is_tracked(name)) {
            let resource = cluster.resource(name);
            let pod = cluster.classes[class].request(resource);
            // A scalar that the pod does not ask for does not count.
            if pod > 0 || resource.index() < ResourceId::NATIVE {
                scored.push(Scored { resource, pod, weight: 1, non_zero: false });
            }
        }
        self.scored.set(class, scored);
    }

    fn pre_score(&mut self, context: Context<'_>, _targets: Targets<'_>) -> Status {
        let asks = self.scored.get(context.class).iter().any(|item| item.pod > 0);
        if asks { Status::SUCCESS } else { Status::SKIP }
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        let scored = self.scored.get(context.class);
        let (inputs, _) = self.scratch.inputs(&context.cluster.nodes, scored, targets);
        let out = column.open(targets.len());
        let improvement = context.version >= Version::V1_36;
        let mut start = 0;
        while start < out.len() {
            let end = (start + LANES).min(out.len());
            let fast = match inputs {
                [Some(first), Some(second), None, ..] => {
                    score_block([first, second], start, improvement, &mut out[start..end])
                }
                _ => false,
            };
            if !fast {
                for (place, score) in out.iter_mut().enumerate().take(end).skip(start) {
                    *score = score_one(inputs.iter().flatten(), place, improvement);
                }
            }
            start = end;
        }
    }
}

/// The score of a block of nodes by two resources, of which every node has some; false if its
/// amounts do not allow for float arithmetic.
#[inline]
fn score_block(inputs: [Input<'_>; 2], start: usize, improvement: bool, out: &mut [i64]) -> bool {
    let [Some(first), Some(second)] = [block(&inputs[0], start), block(&inputs[1], start)] else {
        return false;
    };
    let Some(out) = out.first_chunk_mut::<LANES>() else { return false };
    let pods = inputs.map(|input| input.scored.pod as f64);
    for lane in 0..LANES {
        let (all, used) = (float(first.0[lane]), float(first.1[lane]));
        let (all_second, used_second) = (float(second.0[lane]), float(second.1[lane]));
        let with = balance([fraction(used + pods[0], all), fraction(used_second + pods[1], all_second)]);
        out[lane] = integer(if improvement {
            let without = balance([fraction(used, all), fraction(used_second, all_second)]);
            // 50 + (50 + with - without) / 2, where what is halved is never negative.
            50.0 + floor((50.0 + with - without) * 0.5)
        } else {
            with
        });
    }
    true
}

#[inline]
fn fraction(used: f64, all: f64) -> f64 {
    let fraction = used / all;
    if fraction > 1.0 { 1.0 } else { fraction }
}

/// The balance of two fractions: 50 to 100.
#[inline]
fn balance(fractions: [f64; 2]) -> f64 {
    let deviation = ((fractions[0] - fractions[1]) / 2.0).abs();
    floor((1.0 - deviation) * 100.0)
}

/// The score of one node: the textbook form.
fn score_one<'a>(
    inputs: impl Iterator<Item = &'a Input<'a>> + Clone,
    place: usize,
    improvement: bool,
) -> i64 {
    let of = |with_pod: bool| {
        let fractions = inputs.clone().filter(|input| input.allocatable[place] != 0).map(|input| {
            let pod = if with_pod { input.scored.pod } else { 0 };
            let used = input.used[place].saturating_add(pod);
            fraction(used as f64, input.allocatable[place] as f64)
        });
        balance_of(fractions)
    };
    if improvement { 50 + (50 + of(true) - of(false)) / 2 } else { of(true) }
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
        let held: Vec<_> = columns.iter().map(|&(all, used, pod)| ([all], [used], pod)).collect();
        let inputs: Vec<Input<'_>> = held
            .iter()
            .map(|(allocatable, used, pod)| Input {
                scored: Scored { resource: ResourceId::CPU, pod: *pod, weight: 1, non_zero: false },
                allocatable,
                used,
            })
            .collect();
        [false, true].map(|improvement| score_one(inputs.iter(), 0, improvement))
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
