//! Label selectors compiled for interned labels.
//!
//! Source: Kubernetes 1.36, staging/src/k8s.io/apimachinery/pkg/labels/selector.go (reference
//! kube-scheduler §3.1).

use crate::api::{LabelSelector, Operator, Requirement};
use crate::base::{Interner, Symbol};

/// Labels of an object, sorted by key.
pub type SymbolLabels = [(Symbol, Symbol)];

/// One condition on a label.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Condition {
    key: Symbol,
    operator: Operator,
    values: Box<[Symbol]>,
}

impl Condition {
    fn matches(&self, labels: &SymbolLabels) -> bool {
        let value = labels.iter().find(|(key, _)| *key == self.key).map(|(_, value)| *value);
        let is_listed = || value.is_some_and(|value| self.values.contains(&value));
        match self.operator {
            Operator::In => is_listed(),
            Operator::NotIn => !is_listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            // Not in label selectors: a selector with one cannot be built and selects nothing.
            Operator::Gt | Operator::Lt => false,
        }
    }
}

/// A label selector over interned labels.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Selector {
    /// `None`: nothing is selected. Empty: everything is.
    conditions: Option<Vec<Condition>>,
}

impl Selector {
    /// The selector that selects nothing.
    pub const NOTHING: Selector = Selector { conditions: None };
    /// The selector that selects everything.
    pub const EVERYTHING: Selector = Selector { conditions: Some(Vec::new()) };

    /// A selector as written; an absent one selects nothing, an empty one everything.
    pub fn compile(names: &mut Interner, selector: Option<&LabelSelector>) -> Selector {
        let Some(selector) = selector else { return Selector::NOTHING };
        let mut compiled = Selector::of_pairs(names, &selector.match_labels);
        for requirement in &selector.match_expressions {
            compiled.require(names, requirement);
        }
        compiled
    }

    /// The selector for pairs that must all be present.
    pub fn of_pairs<'p, I, K, V>(names: &mut Interner, pairs: I) -> Selector
    where
        I: IntoIterator<Item = &'p (K, V)>,
        K: AsRef<str> + 'p,
        V: AsRef<str> + 'p,
    {
        let mut selector = Selector::EVERYTHING;
        for (key, value) in pairs {
            let (key, value) = (names.intern(key.as_ref()), names.intern(value.as_ref()));
            selector.require_value(key, value);
        }
        selector
    }

    /// Demands one more thing. A requirement that cannot be built makes the selector select nothing.
    fn require(&mut self, names: &mut Interner, requirement: &Requirement) {
        let is_legal = !matches!(requirement.operator, Operator::Gt | Operator::Lt) && requirement.is_valid();
        if !is_legal {
            self.conditions = None;
        }
        if let Some(conditions) = &mut self.conditions {
            conditions.push(Condition {
                key: names.intern(&requirement.key),
                operator: requirement.operator,
                values: requirement.values.iter().map(|value| names.intern(value)).collect(),
            });
        }
    }

    /// Demands that a label have a value. What selects nothing still does.
    pub fn require_value(&mut self, key: Symbol, value: Symbol) {
        if let Some(conditions) = &mut self.conditions {
            conditions.push(Condition { key, operator: Operator::In, values: [value].into() });
        }
    }

    /// Demands everything that another selector demands.
    pub fn require_all(&mut self, other: &Selector) {
        match (&mut self.conditions, &other.conditions) {
            (Some(ours), Some(theirs)) => ours.extend(theirs.iter().cloned()),
            _ => self.conditions = None,
        }
    }

    /// Adds pairs as maps of labels are merged: where both demand something of a key, `other` counts.
    pub fn merge(&mut self, other: &Selector) {
        if let (Some(ours), Some(theirs)) = (&mut self.conditions, &other.conditions) {
            ours.retain(|condition| theirs.iter().all(|their| their.key != condition.key));
        }
        self.require_all(other);
    }

    /// Whether it selects everything.
    pub fn is_everything(&self) -> bool {
        self.conditions.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether it selects nothing, whatever the labels.
    pub fn is_nothing(&self) -> bool {
        self.conditions.is_none()
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &SymbolLabels) -> bool {
        self.conditions
            .as_ref()
            .is_some_and(|conditions| conditions.iter().all(|condition| condition.matches(labels)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Labels;
    use proptest::prelude::*;

    fn symbols(names: &mut Interner, labels: &Labels) -> Vec<(Symbol, Symbol)> {
        labels.iter().map(|(key, value)| (names.intern(key), names.intern(value))).collect()
    }

    #[test]
    fn nothing_and_everything() {
        let mut names = Interner::default();
        let nothing = Selector::compile(&mut names, None);
        let mut everything = Selector::compile(&mut names, Some(&LabelSelector::default()));
        assert!(nothing.is_nothing() && !nothing.matches(&[]));
        assert!(everything.is_everything() && everything.matches(&[]));
        everything.require_all(&nothing);
        assert!(everything.is_nothing());
    }

    #[test]
    fn merged_pairs_replace_those_of_the_same_key() {
        let mut names = Interner::default();
        let mut selector = Selector::of_pairs(&mut names, &[("app", "web"), ("tier", "front")]);
        selector.merge(&Selector::of_pairs(&mut names, &[("app", "api")]));
        let mut labelled = |app: &str| {
            let labels: Labels = [("app", app), ("tier", "front")].map(|(k, v)| (k.into(), v.into())).into();
            symbols(&mut names, &labels)
        };
        assert!(selector.matches(&labelled("api")) && !selector.matches(&labelled("web")));
    }

    prop_compose! {
        fn requirement()(
            key in "[ab]",
            operator in 0usize..5,
            values in prop::collection::vec("[xy]", 0..3),
        ) -> Requirement {
            use Operator::{DoesNotExist, Exists, Gt, In, NotIn};
            Requirement { key, operator: [In, NotIn, Exists, DoesNotExist, Gt][operator], values }
        }
    }

    proptest! {
        #[test]
        fn safety_compiled_selectors_select_what_written_ones_do(
            expressions in prop::collection::vec(requirement(), 0..3),
            pair in prop::option::of(("[ab]", "[xy]")),
            labels in prop::collection::btree_map("[abc]", "[xyz]", 0..3),
        ) {
            let written = LabelSelector {
                match_labels: pair.into_iter().collect(),
                match_expressions: expressions,
            };
            let legal = |one: &Requirement| one.is_valid() && one.operator != Operator::Gt;
            let truth = written.matches(&labels) && written.match_expressions.iter().all(legal);
            let mut names = Interner::default();
            let compiled = Selector::compile(&mut names, Some(&written));
            let labels = symbols(&mut names, &labels);
            prop_assert_eq!(compiled.matches(&labels), truth);
        }
    }
}
