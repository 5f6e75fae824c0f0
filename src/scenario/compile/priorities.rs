//! Priority classes: their values are filled into the pods that name them.
//!
//! Source: Kubernetes 1.36, plugin/pkg/admission/priority/admission.go.

use super::Build;
use super::objects::Timed;
use crate::api::kubernetes::{Part, Sourced};
use crate::api::{Object, PodTemplate, PriorityClass};
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Map};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The classes that every cluster has (pkg/apis/scheduling/types.go).
const SYSTEM: [(&str, i32); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// A class by its name.
#[derive(Clone, Copy)]
struct Class {
    value: i32,
    never_preempts: bool,
}

/// The classes of a cluster.
pub(super) struct Priorities {
    classes: BTreeMap<String, Class>,
    global_default: Option<(String, Class)>,
    /// Templates that were filled in, by the address of the template as read (which is kept alive
    /// here), so that equal pods go on sharing theirs.
    filled: Map<usize, (Arc<PodTemplate>, Arc<PodTemplate>)>,
}

impl Priorities {
    /// The classes among `objects` and those of the system. Errors are noted: two global defaults.
    pub(super) fn read(build: &mut Build<'_>, objects: &Timed) -> Priorities {
        let system = |(name, value): (&str, i32)| (name.to_owned(), Class { value, never_preempts: false });
        let mut priorities = Priorities {
            classes: SYSTEM.into_iter().map(system).collect(),
            global_default: None,
            filled: Map::default(),
        };
        for (_, sourced) in objects {
            if let Object::PriorityClass(class) = &sourced.object {
                let result = priorities.add(class, sourced);
                build.take(result);
            }
        }
        priorities
    }

    fn add(&mut self, class: &PriorityClass, sourced: &Sourced) -> Result<(), Diagnostic> {
        let name = &class.meta.name;
        let value = Class { value: class.value, never_preempts: class.never_preempts };
        if class.global_default {
            if let Some((other, _)) = &self.global_default {
                let finding = Diagnostic::error(sourced.location.clone(), "there are two global defaults");
                return Err(finding.found(name).help(format!("`{other}` is one already")));
            }
            self.global_default = Some((name.clone(), value));
        }
        // A dump lists the system's classes too.
        self.classes.insert(name.clone(), value);
        Ok(())
    }

    /// Fills in the priority of the pods that an object makes.
    pub(super) fn fill(&mut self, build: &mut Build<'_>, sourced: &mut Sourced) {
        let template = match &mut sourced.object {
            Object::Pod(pod) => &mut pod.template,
            Object::ReplicaSet(set) => &mut set.template,
            Object::Deployment(deployment) => &mut deployment.template,
            Object::Job(job) => &mut job.template,
            Object::StatefulSet(set) => &mut set.template,
            Object::DaemonSet(set) => &mut set.template,
            Object::CronJob(cron) => &mut Arc::make_mut(&mut cron.job).template,
            _ => return,
        };
        let address = Arc::as_ptr(template) as usize;
        if let Some((_, filled)) = self.filled.get(&address) {
            *template = Arc::clone(filled);
            return;
        }
        match self.class_of(template) {
            Ok(None) => {}
            Ok(Some((name, class))) => {
                let original = Arc::clone(template);
                let spec = &mut Arc::make_mut(template).spec;
                spec.priority_class_name = name;
                spec.priority.get_or_insert(class.value);
                spec.never_preempts |= class.never_preempts;
                self.filled.insert(address, (original, Arc::clone(template)));
            }
            Err(finding) => build.error(Diagnostic { location: sourced.at(Part::PriorityClass), ..finding }),
        }
    }

    /// The class of a template that is still to be filled in; `None` if nothing is.
    fn class_of(&self, template: &PodTemplate) -> Result<Option<(String, Class)>, Diagnostic> {
        let name = &template.spec.priority_class_name;
        if name.is_empty() {
            let given = template.spec.priority.is_some();
            return Ok(self.global_default.clone().filter(|_| !given));
        }
        if template.spec.priority.is_some() {
            // A dump's pod has the number; its class need not be part of the dump.
            return Ok(None);
        }
        if let Some(class) = self.classes.get(name) {
            return Ok(Some((name.clone(), *class)));
        }
        let help = suggest(name, self.classes.keys().map(String::as_str)).map_or_else(
            || "create a PriorityClass of this name in one of the manifests".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let nowhere = crate::base::Location::file("");
        Err(Diagnostic::error(nowhere, "there is no PriorityClass of this name").found(name).help(help))
    }
}
