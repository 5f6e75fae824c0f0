//! The history of a Deployment: numbered ReplicaSets of old templates, which of them are kept, and
//! the way back to one of them.
//!
//! Kubernetes 1.36, pkg/controller/deployment (sync.go) and its util; the way back is that of
//! `kubectl rollout undo` (kubectl, pkg/polymorphichelpers/rollback.go). When anything is written is
//! not known here.

use super::object::{HASH_LABEL, same_template};
use crate::api::meta::Annotations;
use crate::api::{Deployment, PodTemplate, ReplicaSet};
use crate::base::Time;
use std::sync::Arc;

/// The number of a ReplicaSet's template.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Numbers that a ReplicaSet had before, when its template came back.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// What a ReplicaSet was last scaled for.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The most pods of the Deployment at that time.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// What `kubectl apply` leaves.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The roll-back of the first API version.
const ROLLBACK_TO: &str = "deprecated.deployment.rollback.to";

/// Annotations that stay with the object that has them.
const OWN: [&str; 6] =
    [LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO];
/// The longest list of former numbers, in bytes.
const HISTORY_MAX: usize = 2_000;
/// A limit that stands for none (math.MaxInt32).
const NO_LIMIT: i32 = i32::MAX;

/// The number that annotations give; zero where there is none, or none that can be read.
pub fn revision(annotations: &Annotations) -> i64 {
    annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The number that comes after those of the old ReplicaSets (MaxRevision).
pub fn next_revision<'a>(old: impl IntoIterator<Item = &'a ReplicaSet>) -> i64 {
    let highest = old.into_iter().map(|set| revision(&set.meta.annotations)).max().unwrap_or(0);
    highest.max(0).saturating_add(1)
}

/// Brings the annotations of the current template's ReplicaSet up to date: those of the Deployment,
/// and the number, if it is higher than the one there. Says whether anything has changed
/// (SetNewReplicaSetAnnotations).
pub fn annotate(deployment: &Deployment, set: &mut Annotations, number: i64) -> bool {
    let mut changed = false;
    for (key, value) in &deployment.meta.annotations {
        if !OWN.contains(&key.as_str()) && set.get(key) != Some(value) {
            set.insert(key.clone(), value.clone());
            changed = true;
        }
    }
    let known = set.get(REVISION).cloned();
    if revision(set) >= number {
        return changed;
    }
    set.insert(REVISION.into(), number.to_string());
    if let Some(known) = known {
        let history = set.entry(REVISION_HISTORY.into()).or_default();
        *history = if history.is_empty() { known } else { remembered(history, &known) };
    }
    true
}

/// A list of numbers with one more; the oldest are forgotten where it becomes too long.
fn remembered(history: &str, number: &str) -> String {
    let mut all: Vec<&str> = history.split(',').chain([number]).collect();
    let mut length = all.iter().map(|entry| entry.len() + 1).sum::<usize>() - 1;
    while length > HISTORY_MAX && all.len() > 1 {
        length -= all.remove(0).len() + 1;
    }
    all.join(",")
}

/// An old ReplicaSet, as the clean-up sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OldSet {
    /// Its number.
    pub revision: i64,
    /// When it was created.
    pub created: Time,
    /// Whether it has no pods and is to have none, as its controller has seen.
    pub is_empty: bool,
}

/// Which old ReplicaSets are deleted, by their place in the list: those above the limit, the lowest
/// numbers first; a place that goes to one that still has pods is not given to another
/// (cleanupDeployment).
pub fn surplus(old: &[OldSet], limit: i32) -> Vec<usize> {
    let kept = usize::try_from(limit.max(0)).unwrap_or(usize::MAX);
    if limit == NO_LIMIT || old.len() <= kept {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..old.len()).collect();
    order.sort_by_key(|&index| (old[index].revision, old[index].created, index));
    order.truncate(old.len() - kept);
    order.retain(|&index| old[index].is_empty);
    order
}

/// Why there is no way back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UndoError {
    /// The Deployment is paused.
    #[error("the deployment is paused; resume it first")]
    Paused,
    /// There is no ReplicaSet of this number.
    #[error("revision {0} is not in the history")]
    NotFound(i64),
    /// There is no former ReplicaSet.
    #[error("there is no roll-out history")]
    NoHistory,
    /// The Deployment has this template already.
    #[error("the current template is that of revision {0} already")]
    Unchanged(i64),
}

/// The Deployment with the template of the ReplicaSet of a number, or, without one, of the second
/// highest number: `kubectl rollout undo`. The controller then finds that ReplicaSet to be the
/// current one, and gives it a new number.
pub fn undo<'a>(
    deployment: &Deployment,
    sets: impl IntoIterator<Item = &'a ReplicaSet>,
    to: Option<i64>,
) -> Result<Deployment, UndoError> {
    let set = match to.filter(|&number| number > 0) {
        Some(number) => {
            let mut sets = sets.into_iter();
            let found = sets.find(|set| revision(&set.meta.annotations) == number);
            found.ok_or(UndoError::NotFound(number))?
        }
        None => second_highest(sets).ok_or(UndoError::NoHistory)?,
    };
    if deployment.paused {
        return Err(UndoError::Paused);
    }
    if same_template(&set.template, &deployment.template) {
        return Err(UndoError::Unchanged(revision(&set.meta.annotations)));
    }
    let mut back = deployment.clone();
    let mut template = PodTemplate::clone(&set.template);
    template.labels.remove(HASH_LABEL);
    back.template = Arc::new(template);
    let is_own = |key: &str| OWN.contains(&key);
    back.meta.annotations.retain(|key, _| is_own(key));
    let taken = set.meta.annotations.iter().filter(|(key, _)| !is_own(key));
    back.meta.annotations.extend(taken.map(|(key, value)| (key.clone(), value.clone())));
    Ok(back)
}

fn second_highest<'a>(sets: impl IntoIterator<Item = &'a ReplicaSet>) -> Option<&'a ReplicaSet> {
    let mut numbered: Vec<(i64, &ReplicaSet)> = sets
        .into_iter()
        .map(|set| (revision(&set.meta.annotations), set))
        .filter(|&(number, _)| number > 0)
        .collect();
    numbered.sort_by_key(|&(number, _)| number);
    numbered.len().checked_sub(2).map(|second| numbered[second].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(number: i64, version: &str) -> ReplicaSet {
        let mut set = ReplicaSet { template: template(version), ..ReplicaSet::default() };
        set.meta.annotations.insert(REVISION.into(), number.to_string());
        set.meta.annotations.insert("team".into(), format!("blue-{version}"));
        let labelled = Arc::make_mut(&mut set.template);
        labelled.labels.insert(HASH_LABEL.into(), "abc".into());
        set
    }

    fn template(version: &str) -> Arc<PodTemplate> {
        let mut template = PodTemplate::default();
        template.annotations.insert("version".into(), version.into());
        Arc::new(template)
    }

    #[test]
    fn numbers_count_up_and_are_remembered() {
        let mut deployment = Deployment::default();
        deployment.meta.annotations.insert("team".into(), "red".into());
        deployment.meta.annotations.insert(REVISION.into(), "7".into());
        let mut annotations = Annotations::new();
        assert!(annotate(&deployment, &mut annotations, 1));
        assert_eq!((annotations["team"].as_str(), annotations[REVISION].as_str()), ("red", "1"));
        assert_eq!(annotations.get(REVISION_HISTORY), None);
        assert!(!annotate(&deployment, &mut annotations, 1));
        assert!(annotate(&deployment, &mut annotations, 3));
        assert!(annotate(&deployment, &mut annotations, 12));
        assert_eq!(
            (annotations[REVISION].as_str(), annotations[REVISION_HISTORY].as_str()),
            ("12", "1,3"),
            "numbers are compared as numbers"
        );
        assert!(!annotate(&deployment, &mut annotations, 5), "a number never goes down");
        assert_eq!(next_revision([&set(2, "a"), &set(9, "b")]), 10);
        assert_eq!(next_revision([]), 1);
    }

    #[test]
    fn the_history_of_a_set_is_bounded() {
        let mut annotations = Annotations::new();
        for number in 1..=1_000 {
            annotate(&Deployment::default(), &mut annotations, number);
        }
        let history = &annotations[REVISION_HISTORY];
        assert!(history.len() <= HISTORY_MAX && history.ends_with(",998,999"), "{}", history.len());
    }

    #[test]
    fn the_lowest_numbers_go_first_and_those_with_pods_stay() {
        let old = |revision, is_empty| OldSet { revision, is_empty, created: Time::ZERO };
        let sets = [old(4, true), old(1, false), old(2, true), old(3, true)];
        for (limit, gone) in
            [(9, vec![]), (4, vec![]), (3, vec![]), (2, vec![2]), (0, vec![2, 3, 0]), (i32::MAX, vec![])]
        {
            assert_eq!(surplus(&sets, limit), gone, "{limit}");
        }
    }

    #[test]
    fn undo_brings_back_a_template_with_its_annotations() {
        let mut deployment = Deployment { template: template("3"), replicas: 5, ..Deployment::default() };
        deployment.meta.annotations = [(REVISION.into(), "3".into()), ("team".into(), "x".into())].into();
        let sets = [set(2, "2"), set(3, "3"), set(1, "1")];
        for (to, version) in [(None, "2"), (Some(0), "2"), (Some(1), "1")] {
            let back = undo(&deployment, &sets, to).unwrap();
            assert_eq!(back.template, template(version), "the hash label is gone");
            assert_eq!(back.meta.annotations["team"], format!("blue-{version}"));
            assert_eq!((back.meta.annotations[REVISION].as_str(), back.replicas), ("3", 5));
        }
        assert_eq!(undo(&deployment, &sets, Some(3)), Err(UndoError::Unchanged(3)));
        assert_eq!(undo(&deployment, &sets, Some(4)), Err(UndoError::NotFound(4)));
        assert_eq!(undo(&deployment, &sets[1..2], None), Err(UndoError::NoHistory));
        deployment.paused = true;
        assert_eq!(undo(&deployment, &sets, None), Err(UndoError::Paused));
    }
}
