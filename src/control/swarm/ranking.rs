//! Which nodes the tasks of a service go to: spread, and nothing else (reference control-plane §6.3;
//! swarmkit, manager/scheduler).
//!
//! Where the original follows the order of a map or a heap, the order of nodes and of the values of
//! labels is taken here.

use crate::base::ids::NodeId;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Recent failures from which a node is avoided.
pub const MAX_FAILURES: u32 = 5;

/// A node as the scheduler sees it for the tasks of one service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Recent failures of the service there.
    pub failures: u32,
    /// Active tasks of the service.
    pub of_service: u32,
    /// Active tasks in all.
    pub total: u32,
    /// How many more of these tasks pass every filter.
    pub room: u32,
    /// Its values of what the tasks are spread over, from the root down.
    pub branch: Vec<String>,
}

impl Candidate {
    fn key(&self, placed: u32) -> (u32, u32, u32) {
        let failures = if self.failures < MAX_FAILURES { 0 } else { self.failures };
        (failures, self.of_service + placed, self.total + placed)
    }

    /// Compares two nodes, the better one first: where one has failed often the one that has failed
    /// less, then the one with fewer tasks of the service, then the one with fewer tasks.
    pub fn compare(&self, other: &Candidate) -> Ordering {
        self.key(0).cmp(&other.key(0))
    }
}

/// A part of the tree of the values that tasks are spread over.
#[derive(Default)]
struct Branch<'a> {
    /// Tasks of the service on all its nodes.
    tasks: u32,
    next: BTreeMap<&'a str, Branch<'a>>,
    /// The nodes of a leaf.
    nodes: Vec<usize>,
}

/// What has been placed so far.
struct Placing<'a> {
    candidates: &'a [Candidate],
    placed: Vec<u32>,
    /// In order, rows of `candidates`.
    order: Vec<usize>,
}

/// Places up to `count` equal tasks; returns the rows of their nodes, a task after the other. Those for
/// which there is no room are missing at the end.
pub fn place(count: u32, candidates: &[Candidate]) -> Vec<usize> {
    let mut root = Branch::default();
    for (row, candidate) in candidates.iter().enumerate() {
        let mut branch = &mut root;
        branch.tasks += candidate.of_service;
        for value in &candidate.branch {
            branch = branch.next.entry(value).or_default();
            branch.tasks += candidate.of_service;
        }
        if candidate.room > 0 {
            branch.nodes.push(row);
        }
    }
    let placed = vec![0; candidates.len()];
    let mut placing = Placing { candidates, placed, order: Vec::new() };
    placing.keep_best(&mut root, count as usize);
    placing.fill_branch(&mut root, count);
    placing.order
}

impl Placing<'_> {
    fn key(&self, row: usize) -> (u32, u32, u32) {
        self.candidates[row].key(self.placed[row])
    }

    fn has_room(&self, row: usize) -> bool {
        self.placed[row] < self.candidates[row].room
    }

    /// Leaves each leaf as many nodes as there are tasks: the best ones.
    fn keep_best(&self, branch: &mut Branch<'_>, count: usize) {
        branch.nodes.sort_by_key(|&row| self.key(row));
        branch.nodes.truncate(count);
        for branch in branch.next.values_mut() {
            self.keep_best(branch, count);
        }
    }

    /// Places up to `count` tasks in a branch, evenly over its own; returns how many there is room for.
    fn fill_branch(&mut self, branch: &mut Branch<'_>, count: u32) -> u32 {
        let done = if branch.next.is_empty() {
            let nodes = branch.nodes.clone();
            self.fill_nodes(&nodes, count)
        } else {
            self.fill_branches(branch, count)
        };
        branch.tasks += done;
        done
    }

    fn fill_branches(&mut self, branch: &mut Branch<'_>, count: u32) -> u32 {
        let mut usable: Vec<&mut Branch<'_>> = branch.next.values_mut().collect();
        let mut done = 0;
        while done < count && !usable.is_empty() {
            let sum: u32 = usable.iter().map(|branch| branch.tasks).sum::<u32>() + count - done;
            let (share, mut remainder) = (sum / usable.len() as u32, sum % usable.len() as u32);
            usable.retain_mut(|branch| {
                let over = u32::from(remainder > 0);
                if branch.tasks >= share + over {
                    return true;
                }
                let wanted = (share + over - branch.tasks).min(count - done);
                let taken = self.fill_branch(branch, wanted);
                done += taken;
                if taken == wanted {
                    remainder -= over;
                }
                taken == wanted
            });
        }
        done
    }

    /// Places up to `count` tasks on the nodes of a leaf: on the best until the next is better, and so
    /// on to the last; then on one after the other.
    fn fill_nodes(&mut self, nodes: &[usize], count: u32) -> u32 {
        let mut nodes: Vec<usize> = nodes.iter().copied().filter(|&row| self.has_room(row)).collect();
        nodes.sort_by_key(|&row| self.key(row));
        let (mut at, mut done) = (0, 0);
        while done < count && nodes.iter().any(|&row| self.has_room(row)) {
            while !self.has_room(nodes[at % nodes.len()]) {
                at += 1;
            }
            let row = nodes[at % nodes.len()];
            self.placed[row] += 1;
            self.order.push(row);
            done += 1;
            let moves_on = match nodes.get(at + 1) {
                Some(&next) => self.key(next) < self.key(row),
                None => true,
            };
            at += usize::from(moves_on);
        }
        done
    }
}
