//! One copy of each pod template, however many pods have it.

use crate::api::PodTemplate;
use crate::base::Map;
use std::hash::BuildHasher;
use std::sync::Arc;

/// The templates seen so far, by the hash of their labels, annotations and specification.
#[derive(Clone, Debug, Default)]
pub(super) struct Templates {
    by_hash: Map<u64, Vec<Arc<PodTemplate>>>,
}

impl Templates {
    /// The copy of `template` that others share.
    pub(super) fn share(&mut self, template: PodTemplate) -> Arc<PodTemplate> {
        // The behaviour is a function of the annotations.
        let parts = (&template.labels, &template.annotations, &template.spec);
        let equal = self.by_hash.entry(self.by_hash.hasher().hash_one(parts)).or_default();
        if let Some(known) = equal.iter().find(|known| ***known == template) {
            return known.clone();
        }
        let template = Arc::new(template);
        equal.push(template.clone());
        template
    }
}
