//! Constraints of pods that the scheduler here does not honour yet: said, not passed over.

use super::Build;
use crate::api::Object;
use crate::api::kubernetes::Sourced;
use crate::base::{Diagnostic, Location};
use crate::control::scheduler;
use std::collections::BTreeMap;

/// How many objects have which constraint, and where the first one is.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<&'static str, (u64, Option<Location>)>);

impl Tally {
    /// Counts what the pods of an object ask for.
    pub(super) fn count(&mut self, sourced: &Sourced) {
        let template = match &sourced.object {
            Object::Pod(pod) => &pod.template,
            Object::ReplicaSet(set) => &set.template,
            Object::Deployment(deployment) => &deployment.template,
            Object::Job(job) => &job.template,
            _ => return,
        };
        for constraint in scheduler::unsupported(template) {
            let (count, first) = self.0.entry(constraint).or_default();
            *count += 1;
            first.get_or_insert_with(|| sourced.location.clone());
        }
    }

    /// A warning for each constraint.
    pub(super) fn report(self, build: &mut Build<'_>) {
        for (constraint, (count, first)) in self.0 {
            let objects =
                if count == 1 { "1 object asks".to_owned() } else { format!("{count} objects ask") };
            let message = format!("{objects} for what the scheduler here does not honour");
            let location = first.unwrap_or_else(|| Location::file(""));
            build.warn(Diagnostic::warning(location, message).found(constraint));
        }
    }
}
