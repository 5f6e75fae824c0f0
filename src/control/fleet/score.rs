//! A score of nodes that a user has written: the node with the largest value is taken.

use super::tree::Query;
use crate::base::Expression;
use crate::base::expression::largest_first;
use crate::base::ids::{NodeId, ResourceId};

/// What an expression may name, in the order in which values are given: what a task asks for, what the
/// node has free and altogether (cores, and GiB of memory), the tasks on it, and its place in the order of
/// the nodes from 0.
pub const NAMES: [&str; 8] =
    ["cpu", "memory", "cpu_free", "memory_free", "cpu_total", "memory_total", "tasks", "node"];

/// Units of the table of nodes in one of an expression: thousandths of a core, bytes of a GiB.
const UNITS: [(ResourceId, f64); 2] =
    [(ResourceId::CPU, 1_000.0), (ResourceId::MEMORY, (1_u64 << 30) as f64)];

/// The value of a node for a task of a class.
fn value(own: &Expression, query: Query<'_>, row: usize) -> f64 {
    let nodes = &query.fleet.cluster.nodes;
    let requests = &query.fleet.cluster.classes[query.class].requests;
    let asked = UNITS.map(|(resource, unit)| {
        let amount = requests.iter().find(|(asked, _)| *asked == resource).map_or(0, |(_, amount)| *amount);
        amount as f64 / unit
    });
    let free = UNITS.map(|(resource, unit)| query.fleet.free(resource, NodeId(row as u32)) as f64 / unit);
    let total = UNITS.map(|(resource, unit)| nodes.allocatable[resource.index()][row] as f64 / unit);
    own.evaluate(&[
        asked[0],
        asked[1],
        free[0],
        free[1],
        total[0],
        total[1],
        nodes.pod_count[row] as f64,
        row as f64,
    ])
}

/// The node with room that has the largest value; the first of equal ones. What is not a number comes
/// last.
pub(super) fn choose(own: &Expression, query: Query<'_>) -> Option<usize> {
    let valued =
        query.fleet.up.iter().filter(|&row| query.fits(row)).map(|row| (value(own, query, row), row));
    valued.min_by(|(a, first), (b, second)| largest_first(*a, *b).then(first.cmp(second))).map(|(_, row)| row)
}
