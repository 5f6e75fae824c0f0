//! Totals of the node-local scores, kept by pod class from one attempt to the next.
//!
//! A score that depends on nothing but the pod class and the node itself changes only when the node
//! does. The log of changed nodes says which have; their scores alone are computed anew, by the
//! same code. The totals are therefore those of a full computation (a property test holds the cycle
//! equal to the textbook form under churn).

use super::framework::{Code, Column, Context, Status, Targets};
use super::profile::Profile;
use crate::base::BitSet;
use crate::base::ids::ClassId;

/// How many classes are kept. A cluster schedules few classes at a time; each costs eight bytes a
/// node.
const CLASSES: usize = 16;
/// With more than one changed node in so many, the whole column is computed: it vectorises.
const FEW: usize = 16;
/// So many changed nodes are always few.
const ALWAYS_FEW: usize = 4;

/// The kept totals of one class.
#[derive(Debug)]
struct Kept {
    class: ClassId,
    /// The number of the change up to which the totals are right.
    valid_at: u64,
    last_used: u64,
    totals: Vec<i64>,
    /// What plugins that give every node the same add to each total.
    base: i64,
}

/// The totals of the classes that were used last.
#[derive(Debug, Default)]
pub(super) struct Memo {
    kept: Vec<Kept>,
    uses: u64,
    /// Scratch space.
    rows: Vec<u32>,
    column: Column,
    patch: Vec<i64>,
}

impl Memo {
    /// Fills `totals` with the weighted sum of the node-local scores of every row, and returns what
    /// is to be added to each.
    pub(super) fn totals(
        &mut self,
        profile: &mut Profile,
        context: Context<'_>,
        feasible: &BitSet,
        totals: &mut Vec<i64>,
    ) -> Result<i64, Status> {
        self.uses += 1;
        let now = context.cluster.nodes.change_count();
        let slot = self.slot(context.class);
        let rows = context.cluster.nodes.len();
        let is_fresh =
            self.kept[slot].totals.len() == rows && self.changed(slot, context, (rows / FEW).max(ALWAYS_FEW));
        if is_fresh {
            self.patch(profile, context, slot)?;
        } else {
            let kept = &mut self.kept[slot];
            kept.base = sum(profile, context, Targets::Rows(feasible), &mut self.column, &mut kept.totals)?;
        }
        let kept = &mut self.kept[slot];
        (kept.valid_at, kept.last_used) = (now, self.uses);
        totals.clone_from(&kept.totals);
        Ok(kept.base)
    }

    /// The slot of a class; the one that was unused for longest is given to a new class.
    fn slot(&mut self, class: ClassId) -> usize {
        if let Some(slot) = self.kept.iter().position(|kept| kept.class == class) {
            return slot;
        }
        let new = Kept { class, valid_at: 0, last_used: self.uses, totals: Vec::new(), base: 0 };
        if self.kept.len() < CLASSES {
            self.kept.push(new);
            return self.kept.len() - 1;
        }
        let oldest = (0..CLASSES).min_by_key(|&slot| self.kept[slot].last_used).unwrap_or(0);
        self.kept[oldest] = new;
        oldest
    }

    /// Lists the rows that have changed since the totals were right; false if they are too many.
    fn changed(&mut self, slot: usize, context: Context<'_>, limit: usize) -> bool {
        let nodes = &context.cluster.nodes;
        let Some(changed) = nodes.changed_since(self.kept[slot].valid_at) else { return false };
        self.rows.clear();
        for node in changed {
            if self.rows.len() > limit {
                return false;
            }
            self.rows.push(node.0);
        }
        self.rows.sort_unstable();
        self.rows.dedup();
        true
    }

    /// Computes the totals of the listed rows anew.
    fn patch(&mut self, profile: &mut Profile, context: Context<'_>, slot: usize) -> Result<(), Status> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let targets = Targets::Listed(&self.rows);
        let base = sum(profile, context, targets, &mut self.column, &mut self.patch)?;
        let kept = &mut self.kept[slot];
        for (&row, &total) in self.rows.iter().zip(&self.patch) {
            kept.totals[row as usize] = total + base - kept.base;
        }
        Ok(())
    }
}

/// The weighted sum of the node-local scores of the targets; returns what is to be added to each.
fn sum(
    profile: &mut Profile,
    context: Context<'_>,
    targets: Targets<'_>,
    column: &mut Column,
    totals: &mut Vec<i64>,
) -> Result<i64, Status> {
    let mut base = 0;
    totals.clear();
    totals.resize(targets.len(), 0);
    for &(place, weight) in &profile.scores {
        let plugin = &mut profile.plugins[place];
        if !plugin.is_node_local() {
            continue;
        }
        let prepares = profile.pre_scores.contains(place);
        let status = if prepares { plugin.pre_score(context, targets) } else { Status::SUCCESS };
        match status.code {
            Code::Success => {}
            Code::Skip => continue,
            _ => return Err(status),
        }
        plugin.score(context, targets, column);
        if let Some(score) = column.same {
            base += score * weight;
        } else {
            let pairs = totals.iter_mut().zip(&column.values);
            pairs.for_each(|(total, score)| *total = total.wrapping_add(score.wrapping_mul(weight)));
        }
    }
    Ok(base)
}
