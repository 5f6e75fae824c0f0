//! What a Deployment's controller may do to its ReplicaSets.
//!
//! The limits count what the ReplicaSets are asked for and what their statuses say: that is all that
//! the controller goes by. It may not have heard of the latest: of several values within the lag of
//! the control plane the one that excuses it counts.

use super::{Checker, Thing};
use crate::api::UpdateStrategy;
use crate::api::workload::IntOrPercent;
use crate::base::Time;
use crate::base::ids::WorkloadId;
use crate::cluster::WorkloadKind;

/// The annotation with the number of replicas for which a ReplicaSet was sized.
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

/// The fewest available pods and the most pods of a Deployment.
fn limits(kind: &WorkloadKind) -> Option<(i64, i64)> {
    let WorkloadKind::Deployment(deployment) = kind else { return None };
    let replicas = i64::from(deployment.replicas);
    let UpdateStrategy::RollingUpdate { max_surge, max_unavailable } = deployment.strategy else {
        return Some((0, replicas));
    };
    let (surge, mut missing) = (share(max_surge, replicas, true), share(max_unavailable, replicas, false));
    if surge == 0 && missing == 0 {
        missing = 1;
    }
    Some((replicas - missing, replicas + surge))
}

fn share(limit: IntOrPercent, of: i64, up: bool) -> i64 {
    match limit {
        IntOrPercent::Int(number) => i64::from(number),
        IntOrPercent::Percent(percent) => {
            let hundredths = i64::from(percent) * of;
            if up {
                hundredths.div_euclid(100) + i64::from(hundredths.rem_euclid(100) > 0)
            } else {
                hundredths / 100
            }
        }
    }
}

impl Checker {
    /// A ReplicaSet is given another specification, or is created (`before` is nothing).
    pub(super) fn resized(
        &self,
        set: WorkloadId,
        owner: Option<WorkloadId>,
        before: Option<&WorkloadKind>,
        object: &WorkloadKind,
    ) -> Result<(), String> {
        let (Some(owner), WorkloadKind::ReplicaSet(after)) = (owner, object) else { return Ok(()) };
        let Some(deployment) = self.things.get(&owner) else { return Ok(()) };
        let desired = |kind: &WorkloadKind| kind.meta().annotations.get(DESIRED).cloned();
        let is_scaling = before.is_some_and(|before| desired(before) != desired(object));
        let size = before.and_then(WorkloadKind::replicas).unwrap_or(0);
        if is_scaling || size == after.replicas {
            return Ok(());
        }
        let former = deployment.former.iter().map(|(_, kind)| kind);
        let (floors, ceilings): (Vec<i64>, Vec<i64>) =
            former.chain([&deployment.kind]).filter_map(limits).unzip();
        let (Some(floor), Some(ceiling)) = (floors.into_iter().min(), ceilings.into_iter().max()) else {
            return Ok(());
        };
        let others = || {
            let owned = |(id, thing): &(&WorkloadId, &Thing)| {
                thing.owner == Some(owner) && !thing.removed && **id != set
            };
            self.things.iter().filter(owned).map(|(_, thing)| thing)
        };
        let name = &after.meta.name;
        if after.replicas > size {
            let total: i64 = others().filter_map(|thing| thing.kind.replicas()).map(i64::from).sum();
            let total = total + i64::from(after.replicas);
            if total > ceiling {
                return Err(format!(
                    "safety_rollout_surge: {name} grows from {size} to {}: {total} pods, and {ceiling} allowed",
                    after.replicas
                ));
            }
            return Ok(());
        }
        let elsewhere: i64 = others().map(|thing| self.best(thing)).sum();
        let Some(thing) = self.things.get(&set) else { return Ok(()) };
        // The set may not have followed its last size yet: the original takes its status as it is, and so
        // counts what is on its way out. Pods that are not available go first.
        let (size, after_size) = (i64::from(size), i64::from(after.replicas));
        let of_view = |known: i64| {
            let stays = known.min(after_size).max(known - (size - after_size));
            (elsewhere + known, elsewhere + stays)
        };
        let breaks = |&(had, left): &(i64, i64)| left < floor && left < had;
        // One of the statuses that the controller may have known allows it.
        if self.recent(thing).map(of_view).all(|view| breaks(&view)) {
            let (had, left) = of_view(self.best(thing));
            return Err(format!(
                "safety_rollout_available: {name} shrinks from {size} to {}: {left} of {had} stay available, and {floor} must",
                after.replicas
            ));
        }
        Ok(())
    }

    /// The most available pods that a ReplicaSet has had by its status of late.
    fn best(&self, thing: &Thing) -> i64 {
        self.recent(thing).max().unwrap_or(0)
    }

    /// How many available pods a ReplicaSet has had by its statuses of late; none if it has no status.
    fn recent<'t>(&self, thing: &'t Thing) -> impl Iterator<Item = i64> + 't {
        let since = Time(self.now.0.saturating_sub(self.lag.0));
        let is_recent =
            move |place: &usize| thing.available.get(place + 1).is_none_or(|(until, _)| *until >= since);
        let values = (0..thing.available.len()).filter(is_recent).map(|place| thing.available[place].1);
        values.map(i64::from).chain(thing.available.is_empty().then_some(0))
    }
}
