//! What the scheduler knows of objects that select pods, and of namespaces: the labels of
//! namespaces, the selectors of Services, and those of the controllers that own pods.
//!
//! Who uses them, and for what, is not known here.

use super::selector::Selector;
use crate::api::{LabelSelector, Labels};
use crate::base::{Interner, Map, Symbol};
use std::collections::BTreeMap;

/// The kind of a controller whose selector counts for default spreading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ControllerKind {
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `v1` ReplicationController.
    ReplicationController,
}

impl ControllerKind {
    /// The kind that an owner reference names; `None` for other kinds.
    pub fn of(api_version: &str, kind: &str) -> Option<ControllerKind> {
        Some(match (api_version, kind) {
            ("apps/v1", "ReplicaSet") => ControllerKind::ReplicaSet,
            ("apps/v1", "StatefulSet") => ControllerKind::StatefulSet,
            ("v1", "ReplicationController") => ControllerKind::ReplicationController,
            _ => return None,
        })
    }
}

/// A controller by kind and name, in the namespace of its pods.
pub type ControllerName = (ControllerKind, Symbol);

/// Namespaces, Services and controllers.
#[derive(Clone, Debug, Default)]
pub struct Selectors {
    namespaces: BTreeMap<Symbol, Vec<(Symbol, Symbol)>>,
    /// By namespace, then name.
    services: BTreeMap<Symbol, BTreeMap<Symbol, Selector>>,
    controllers: Map<(Symbol, ControllerName), Selector>,
    changes: u64,
}

impl Selectors {
    /// The number of the latest change: what was derived stays valid while this stays.
    pub fn change_count(&self) -> u64 {
        self.changes
    }

    /// Enters a namespace or replaces its labels.
    pub fn set_namespace(&mut self, names: &mut Interner, name: &str, labels: &Labels) {
        let name = names.intern(name);
        let mut labels: Vec<_> =
            labels.iter().map(|(key, value)| (names.intern(key), names.intern(value))).collect();
        labels.sort_unstable();
        self.namespaces.insert(name, labels);
        self.changes += 1;
    }

    /// The labels of a namespace; none if it is not known.
    pub fn namespace_labels(&self, name: Symbol) -> &[(Symbol, Symbol)] {
        self.namespaces.get(&name).map_or(&[], Vec::as_slice)
    }

    /// The known namespaces with their labels.
    pub fn namespaces(&self) -> impl Iterator<Item = (Symbol, &[(Symbol, Symbol)])> {
        self.namespaces.iter().map(|(&name, labels)| (name, labels.as_slice()))
    }

    /// Enters a Service; without a selector it selects no pods.
    pub fn set_service(
        &mut self,
        names: &mut Interner,
        namespace: &str,
        name: &str,
        selector: Option<&BTreeMap<String, String>>,
    ) {
        let (namespace, name) = (names.intern(namespace), names.intern(name));
        let pairs: Option<Vec<_>> = selector.map(|pairs| pairs.iter().collect());
        let compiled = pairs.map_or(Selector::NOTHING, |pairs| Selector::of_pairs(names, &pairs));
        self.services.entry(namespace).or_default().insert(name, compiled);
        self.changes += 1;
    }

    /// Forgets a Service that was deleted.
    pub fn remove_service(&mut self, namespace: Symbol, name: Symbol) {
        self.services.get_mut(&namespace).map(|services| services.remove(&name));
        self.changes += 1;
    }

    /// The selectors of the Services of a namespace.
    pub fn services(&self, namespace: Symbol) -> impl Iterator<Item = &Selector> {
        self.services.get(&namespace).into_iter().flat_map(BTreeMap::values)
    }

    /// Enters a controller's selector.
    pub fn set_controller(
        &mut self,
        names: &mut Interner,
        kind: ControllerKind,
        (namespace, name): (&str, &str),
        selector: Option<&LabelSelector>,
    ) {
        let key = (names.intern(namespace), (kind, names.intern(name)));
        let selector = Selector::compile(names, selector);
        self.controllers.insert(key, selector);
        self.changes += 1;
    }

    /// Forgets a controller that was deleted.
    pub fn remove_controller(&mut self, namespace: Symbol, controller: ControllerName) {
        self.controllers.remove(&(namespace, controller));
        self.changes += 1;
    }

    /// The selector of a controller, if it exists.
    pub fn controller(&self, namespace: Symbol, controller: ControllerName) -> Option<&Selector> {
        self.controllers.get(&(namespace, controller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_controllers_are_found_in_their_namespace() {
        let (mut names, mut selectors) = (Interner::default(), Selectors::default());
        let pairs = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        selectors.set_service(&mut names, "shop", "web", Some(&pairs));
        selectors.set_service(&mut names, "shop", "outside", None);
        let selector =
            LabelSelector { match_labels: pairs.into_iter().collect(), ..LabelSelector::default() };
        selectors.set_controller(&mut names, ControllerKind::ReplicaSet, ("shop", "web-1"), Some(&selector));
        let labels = [(names.intern("app"), names.intern("web"))];
        let (shop, other, set) = (names.intern("shop"), names.intern("other"), names.intern("web-1"));
        assert_eq!(selectors.services(shop).filter(|one| one.matches(&labels)).count(), 1);
        assert_eq!(selectors.services(other).count(), 0);
        let name = (ControllerKind::ReplicaSet, set);
        assert!(selectors.controller(shop, name).is_some_and(|one| one.matches(&labels)));
        assert!(selectors.controller(other, name).is_none());
        let before = selectors.change_count();
        selectors.remove_controller(shop, name);
        assert!(selectors.controller(shop, name).is_none() && selectors.change_count() > before);
    }
}
