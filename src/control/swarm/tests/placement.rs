//! Ranking, placement preferences, assignment.

use super::case;
use crate::base::ids::NodeId;
use crate::control::swarm::ranking::{Candidate, place};
use std::cmp::Ordering;

/// Failures, tasks of the service, tasks in all.
fn node(row: u32, (failures, of_service, total): (u32, u32, u32)) -> Candidate {
    Candidate { node: NodeId(row), failures, of_service, total, room: 100, branch: Vec::new() }
}

#[test]
fn nodes_are_ranked() {
    for (name, first, second, expected) in [
        ("fewer tasks of the service", (0, 1, 9), (0, 2, 0), Ordering::Less),
        ("then fewer tasks in all", (0, 1, 3), (0, 1, 4), Ordering::Less),
        ("otherwise they are equal", (0, 1, 3), (0, 1, 3), Ordering::Equal),
        ("four failures do not count", (4, 0, 0), (0, 1, 1), Ordering::Less),
        ("five do", (5, 0, 0), (4, 9, 9), Ordering::Greater),
        ("fewer of many failures", (6, 0, 0), (5, 9, 9), Ordering::Greater),
        ("equally many failures", (7, 1, 0), (7, 2, 0), Ordering::Less),
    ] {
        case("§6.3", name, node(0, first).compare(&node(1, second)), expected);
    }
}

#[test]
fn tasks_are_spread_over_nodes() {
    // (of the service, in all, room) of each node.
    type Nodes = &'static [(u32, u32, u32)];
    let cases: [(&str, u32, Nodes, &[usize]); 8] = [
        ("one after the other", 4, &[(0, 0, 9), (0, 0, 9)], &[0, 1, 0, 1]),
        ("the emptiest first", 2, &[(0, 5, 9), (0, 2, 9), (0, 3, 9)], &[1, 2]),
        ("what the service has counts before what there is", 1, &[(1, 1, 9), (0, 8, 9)], &[1]),
        ("one node is filled until the next is better", 3, &[(0, 0, 9), (2, 2, 9)], &[0, 0, 0]),
        ("a full node drops out", 4, &[(0, 0, 1), (0, 0, 9)], &[0, 1, 1, 1]),
        ("no room for all", 4, &[(0, 0, 1), (0, 0, 2)], &[0, 1, 1]),
        ("no room at all", 2, &[(0, 0, 0)], &[]),
        ("resources are no score", 2, &[(0, 0, 2), (0, 0, 99)], &[0, 1]),
    ];
    for (name, count, nodes, expected) in cases {
        let candidates: Vec<Candidate> = nodes
            .iter()
            .enumerate()
            .map(|(row, &(of_service, total, room))| Candidate {
                room,
                ..node(row as u32, (0, of_service, total))
            })
            .collect();
        case("§6.3", name, place(count, &candidates), expected.to_vec());
    }
}

#[test]
fn tasks_are_spread_over_branches() {
    // (branch, of the service, room) of each node.
    type Nodes = &'static [(&'static str, u32, u32)];
    let cases: [(&str, u32, Nodes, &[u32]); 7] = [
        ("evenly", 4, &[("a", 0, 9), ("a", 0, 9), ("b", 0, 9)], &[1, 1, 2]),
        ("the remainder one each", 3, &[("a", 0, 9), ("b", 0, 9)], &[2, 1]),
        ("what is there counts", 2, &[("a", 3, 9), ("b", 1, 9)], &[0, 2]),
        (
            "a branch over its share gets none, the first below it what is left",
            3,
            &[("a", 9, 9), ("b", 0, 9), ("c", 0, 9)],
            &[0, 3, 0],
        ),
        ("a branch without room is dropped", 6, &[("a", 0, 1), ("b", 0, 9)], &[1, 5]),
        ("a missing label is a branch, too", 2, &[("", 0, 9), ("a", 0, 9)], &[1, 1]),
        ("nested", 4, &[("a/x", 0, 9), ("a/y", 0, 9), ("b/x", 0, 9)], &[1, 1, 2]),
    ];
    for (name, count, nodes, expected) in cases {
        let candidates: Vec<Candidate> = nodes
            .iter()
            .enumerate()
            .map(|(row, &(branch, of_service, room))| Candidate {
                room,
                branch: branch.split('/').map(str::to_owned).collect(),
                ..node(row as u32, (0, of_service, of_service))
            })
            .collect();
        let mut counts = vec![0; nodes.len()];
        for row in place(count, &candidates) {
            counts[row] += 1;
        }
        case("§6.3", name, counts, expected.to_vec());
    }
}

proptest::proptest! {
    /// Whatever there is, no node gets more than it has room for, and nothing is left out while there is
    /// room.
    #[test]
    fn safety_and_liveness_of_placement(
        count in 0_u32..40,
        nodes in proptest::collection::vec((0_u32..8, 0_u32..5, 0_u32..9, 0_u32..6, 0_usize..3, 0_usize..3), 0..12),
    ) {
        let candidates: Vec<Candidate> = nodes
            .iter()
            .enumerate()
            .map(|(row, &(failures, of_service, others, room, zone, rack))| Candidate {
                node: NodeId(row as u32),
                failures,
                of_service,
                total: of_service + others,
                room,
                branch: vec![zone.to_string(), rack.to_string()],
            })
            .collect();
        let rows = place(count, &candidates);
        for (row, candidate) in candidates.iter().enumerate() {
            let placed = rows.iter().filter(|placed| **placed == row).count();
            proptest::prop_assert!(placed <= candidate.room as usize);
        }
        let room: u32 = candidates.iter().map(|candidate| candidate.room).sum();
        proptest::prop_assert_eq!(rows.len() as u32, count.min(room));
    }
}
