//! Tasks that must leave a node because it has changed (reference control-plane §6.4; swarmkit,
//! manager/orchestrator/constraintenforcer).

use super::state::State;

/// A task on the node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Which.
    pub task: u32,
    /// What is wanted of it.
    pub desired: State,
    /// What is observed of it.
    pub observed: State,
    /// Whether the node meets the constraints that the service has now.
    pub meets_constraints: bool,
    /// What it reserves, by resource, in the order of the node's amounts.
    pub reserved: Vec<i64>,
}

/// The tasks that are rejected: those whose constraints the node does not meet, and those for which
/// nothing is left when the ones before them have had their share.
pub fn rejected(tasks: &[Placed], allocatable: &[i64]) -> Vec<u32> {
    let mut left = allocatable.to_vec();
    let mut rejected = Vec::new();
    let concerned = |task: &&Placed| {
        (State::Assigned..=State::Complete).contains(&task.desired) && task.observed < State::Complete
    };
    for task in tasks.iter().filter(concerned) {
        let fits = task.reserved.iter().zip(&left).all(|(wanted, left)| wanted <= left);
        if task.meets_constraints && fits {
            for (wanted, left) in task.reserved.iter().zip(&mut left) {
                *left -= wanted;
            }
        } else {
            rejected.push(task.task);
        }
    }
    rejected
}
