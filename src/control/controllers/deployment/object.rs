//! The ReplicaSet that a Deployment makes for a template: its name, its labels, its annotations.
//!
//! Kubernetes 1.36, pkg/controller/deployment (sync.go: getNewReplicaSet). When it is made is not
//! known here.

use super::super::rollout::Target;
use super::history::{DESIRED_REPLICAS, MAX_REPLICAS, annotate};
use crate::api::{Deployment, LabelSelector, ObjectMeta, OwnerReference, PodTemplate, ReplicaSet};
use crate::base::rng::key_of;
use std::sync::Arc;

/// The label that tells the pods of a Deployment's ReplicaSets apart.
pub const HASH_LABEL: &str = "pod-template-hash";
/// The letters of a template's hash in names: no vowels, so no words (apimachinery's SafeEncodeString).
const HASH_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest object name.
const NAME_MAX: usize = 253;

/// The ReplicaSet of a Deployment's current template, with so many pods and this revision.
pub fn replica_set(deployment: &Deployment, replicas: i32, target: Target, revision: i64) -> ReplicaSet {
    let hash = template_hash(&deployment.template);
    let mut template = PodTemplate::clone(&deployment.template);
    template.labels.insert(HASH_LABEL.into(), hash.clone());
    let mut meta = ObjectMeta {
        name: set_name(&deployment.meta.name, &hash),
        namespace: deployment.meta.namespace.clone(),
        labels: template.labels.clone(),
        owner: Some(OwnerReference {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: deployment.meta.name.clone(),
            uid: deployment.meta.uid.clone(),
        }),
        ..ObjectMeta::default()
    };
    annotate(deployment, &mut meta.annotations, revision);
    let mut selector: LabelSelector = deployment.selector.clone();
    selector.match_labels.push((HASH_LABEL.into(), hash));
    selector.match_labels.sort_unstable();
    let mut set = ReplicaSet {
        meta,
        replicas,
        min_ready_seconds: deployment.min_ready_seconds,
        selector,
        template: Arc::new(template),
    };
    resize(&mut set, replicas, target.replicas, target.max_total());
    set
}

/// Gives a ReplicaSet a size, and notes what of the Deployment it was given for.
pub fn resize(set: &mut ReplicaSet, replicas: i32, desired: i32, max: i32) {
    set.replicas = replicas;
    set.meta.annotations.insert(DESIRED_REPLICAS.into(), desired.to_string());
    set.meta.annotations.insert(MAX_REPLICAS.into(), max.to_string());
}

/// The Deployment's name, cut so that the whole fits, and the hash.
fn set_name(deployment: &str, hash: &str) -> String {
    let room = NAME_MAX - hash.len() - 1;
    let cut = deployment.char_indices().map(|(start, letter)| start + letter.len_utf8());
    let end = cut.take_while(|&end| end <= room).last().unwrap_or(0);
    format!("{}-{hash}", &deployment[..end])
}

/// A name for a template: equal templates have equal ones, on every platform. The value is not
/// that of the original, which hashes its own types' printed form.
fn template_hash(template: &PodTemplate) -> String {
    let hash = key_of(&format!("{template:?}")) as u32;
    let letter = |digit: u8| char::from(HASH_ALPHABET[usize::from(digit) % HASH_ALPHABET.len()]);
    hash.to_string().bytes().map(letter).collect()
}

/// Whether two templates are equal but for the hash label (EqualIgnoreHash).
pub fn same_template(a: &PodTemplate, b: &PodTemplate) -> bool {
    let own = |&(key, _): &(&String, &String)| key != HASH_LABEL;
    a.labels.iter().filter(own).eq(b.labels.iter().filter(own))
        && a.annotations == b.annotations
        && a.spec == b.spec
        && a.behavior == b.behavior
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::UpdateStrategy;

    #[test]
    fn the_hash_is_stable_and_not_part_of_the_comparison() {
        let deployment = |replicas| Deployment { replicas, ..Deployment::default() };
        let target = |replicas| Target::new(replicas, UpdateStrategy::default(), 0);
        let made = replica_set(&deployment(1), 1, target(1), 1);
        let again = replica_set(&deployment(9), 9, target(9), 2);
        assert_eq!(made.meta.name, again.meta.name);
        assert!(same_template(&made.template, &deployment(1).template));
        assert!(made.template.labels.contains_key(HASH_LABEL));
        let other = PodTemplate { labels: [("a".into(), "b".into())].into(), ..PodTemplate::default() };
        assert!(!same_template(&made.template, &other));
        assert_ne!(template_hash(&other), template_hash(&PodTemplate::default()));
    }

    #[test]
    fn names_fit_whatever_the_deployment_is_called() {
        assert_eq!(set_name("web", "xyz"), "web-xyz");
        let long = set_name(&"ä".repeat(300), "bcdfghjklm");
        assert!(long.len() <= NAME_MAX && long.ends_with("ä-bcdfghjklm"), "{}", long.len());
    }
}
