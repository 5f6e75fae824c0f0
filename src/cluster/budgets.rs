//! Disruption budgets: how many of the pods that they select may be disrupted now.
//!
//! Who keeps the numbers up to date is not known here.

use super::selector::Selector;
use crate::api::PodDisruptionBudget;
use crate::base::{Interner, Symbol};
use std::collections::BTreeSet;

/// A PodDisruptionBudget.
#[derive(Clone, PartialEq, Debug)]
pub struct Budget {
    /// The namespace.
    pub namespace: Symbol,
    /// The name.
    pub name: Symbol,
    /// Which pods it protects.
    pub selector: Selector,
    /// How many of them may be disrupted now (`status.disruptionsAllowed`).
    pub allowed: i32,
    /// Names of pods whose disruption is under way and counted already.
    pub disrupted: BTreeSet<Box<str>>,
}

/// All budgets, in order of creation.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    rows: Vec<Budget>,
    changes: u64,
}

impl Budgets {
    /// Enters a budget or replaces the one of that name.
    pub fn set(&mut self, names: &mut Interner, object: &PodDisruptionBudget) {
        let budget = Budget {
            namespace: names.intern(&object.meta.namespace),
            name: names.intern(&object.meta.name),
            selector: Selector::compile(names, object.selector.as_ref()),
            allowed: object.disruptions_allowed,
            disrupted: object.disrupted_pods.iter().map(|name| name.as_str().into()).collect(),
        };
        self.changes += 1;
        let same = |known: &&mut Budget| (known.namespace, known.name) == (budget.namespace, budget.name);
        match self.rows.iter_mut().find(same) {
            Some(known) => *known = budget,
            None => self.rows.push(budget),
        }
    }

    /// Follows the status of a budget.
    pub fn update<'a>(
        &mut self,
        (namespace, name): (Symbol, Symbol),
        allowed: i32,
        disrupted: impl Iterator<Item = &'a str>,
    ) {
        let same = |known: &&mut Budget| (known.namespace, known.name) == (namespace, name);
        if let Some(known) = self.rows.iter_mut().find(same) {
            known.allowed = allowed;
            known.disrupted = disrupted.map(Into::into).collect();
            self.changes += 1;
        }
    }

    /// Forgets a budget.
    pub fn remove(&mut self, (namespace, name): (Symbol, Symbol)) {
        self.rows.retain(|known| (known.namespace, known.name) != (namespace, name));
        self.changes += 1;
    }

    /// The budgets, in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = &Budget> {
        self.rows.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of the latest change.
    pub fn change_count(&self) -> u64 {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{LabelSelector, ObjectMeta};

    #[test]
    fn a_budget_is_replaced_by_the_next_of_its_name() {
        let (mut names, mut budgets) = (Interner::default(), Budgets::default());
        let mut object = PodDisruptionBudget {
            meta: ObjectMeta { name: "web".into(), namespace: "shop".into(), ..ObjectMeta::default() },
            selector: Some(LabelSelector::default()),
            disruptions_allowed: 1,
            disrupted_pods: vec!["web-1".into()],
            ..PodDisruptionBudget::default()
        };
        budgets.set(&mut names, &object);
        object.disruptions_allowed = 2;
        object.disrupted_pods.clear();
        budgets.set(&mut names, &object);
        let known: Vec<_> = budgets.iter().map(|budget| (budget.allowed, budget.disrupted.len())).collect();
        assert_eq!((known, budgets.change_count()), (vec![(2, 0)], 2));
    }
}
