//! Which slots a service has more or fewer of, and which tasks a job starts (reference control-plane
//! §6.5 and §6.8; swarmkit, manager/orchestrator/replicated and …/jobs).

use crate::base::ids::NodeId;
use std::collections::BTreeMap;

/// A slot as the orchestrator sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Its number.
    pub number: u32,
    /// Whether a task of it runs.
    pub runs: bool,
    /// The node of its task, if that has one.
    pub node: Option<NodeId>,
}

/// The slots that go when only `keep` stay. Slots that run come first, then lower numbers; each has the
/// place that it has among those of its node. The highest places go, and before them those without a
/// node: what stays is spread evenly.
pub fn removed(slots: &[Slot], keep: usize) -> Vec<u32> {
    let mut sorted = slots.to_vec();
    sorted.sort_by_key(|slot| (!slot.runs, slot.number));
    let mut on_node: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut placed: Vec<(usize, u32)> = sorted
        .iter()
        .map(|slot| match slot.node {
            Some(node) => {
                let place = on_node.entry(node).or_default();
                *place += 1;
                (*place, slot.number)
            }
            None => (usize::MAX, slot.number),
        })
        .collect();
    // Slots with equal places stay in order: those that run first.
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().skip(keep).map(|(_, number)| number).collect()
}

/// The lowest `count` numbers from `first` that are not in use.
pub fn free_numbers(first: u32, count: usize, is_used: impl Fn(u32) -> bool) -> Vec<u32> {
    (first..=u32::MAX).filter(|number| !is_used(*number)).take(count).collect()
}

/// How many tasks a replicated job starts now.
pub fn new_tasks(completions: u32, concurrent: u32, running: u32, complete: u32) -> u32 {
    let left = completions.saturating_sub(complete).saturating_sub(running);
    concurrent.saturating_sub(running).min(left)
}
