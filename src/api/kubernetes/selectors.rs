//! Label selectors and node selectors.

use super::fields::{Fields, Read, choice, text};
use super::meta::{check_label_key, labels};
use super::{Context, known};
use crate::api::yaml::Value;
use crate::api::{LabelSelector, NodeSelector, NodeSelectorTerm, Operator, Requirement};

const OF_LABELS: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
];

const OF_NODES: &[(&str, Operator)] = &[
    ("In", Operator::In),
    ("NotIn", Operator::NotIn),
    ("Exists", Operator::Exists),
    ("DoesNotExist", Operator::DoesNotExist),
    ("Gt", Operator::Gt),
    ("Lt", Operator::Lt),
];

/// The label selector at `key`; `None` where it is absent.
pub(super) fn label_selector(
    fields: &Fields<'_>,
    key: &str,
    context: &mut Context<'_>,
) -> Read<Option<LabelSelector>> {
    let Some(written) = fields.child(key, &known::SELECTOR, context)? else {
        return Ok(None);
    };
    Ok(Some(LabelSelector {
        match_labels: labels(&written, "matchLabels")?.into_iter().collect(),
        match_expressions: requirements(&written, "matchExpressions", OF_LABELS, context)?,
    }))
}

/// The required terms of a node affinity.
pub(super) fn node_selector(value: Value<'_>, context: &mut Context<'_>) -> Read<NodeSelector> {
    let written = Fields::open(value, &known::NODE_SELECTOR, context)?;
    let terms = written.list("nodeSelectorTerms")?;
    let terms: Vec<NodeSelectorTerm> = terms.map(|term| node_term(term, context)).collect::<Read<_>>()?;
    // The scheduler's own affinity may have none, and then matches nothing.
    if terms.is_empty() && context.checks() && !context.strict {
        return Err(value.error("`nodeSelectorTerms` must have at least one term"));
    }
    Ok(NodeSelector { terms })
}

/// One alternative of a node selector.
pub(super) fn node_term(value: Value<'_>, context: &mut Context<'_>) -> Read<NodeSelectorTerm> {
    let written = Fields::open(value, &known::NODE_TERM, context)?;
    let match_fields = requirements(&written, "matchFields", OF_NODES, context)?;
    let legal = |field: &Requirement| {
        field.key == "metadata.name"
            && matches!(field.operator, Operator::In | Operator::NotIn)
            && field.values.len() == 1
    };
    if context.checks() && !match_fields.iter().all(legal) {
        let help = "only `metadata.name` with the operator `In` or `NotIn` and one value is allowed";
        return Err(written.require("matchFields")?.error("illegal requirement on a field").help(help));
    }
    let match_expressions = requirements(&written, "matchExpressions", OF_NODES, context)?;
    Ok(NodeSelectorTerm { match_expressions, match_fields })
}

fn requirements(
    fields: &Fields<'_>,
    key: &str,
    operators: &[(&'static str, Operator)],
    context: &mut Context<'_>,
) -> Read<Vec<Requirement>> {
    fields.list(key)?.map(|value| requirement(value, operators, context)).collect()
}

fn requirement(
    value: Value<'_>,
    operators: &[(&'static str, Operator)],
    context: &mut Context<'_>,
) -> Read<Requirement> {
    let written = Fields::open(value, &known::REQUIREMENT, context)?;
    let key = written.require("key")?;
    let operator = choice(written.require("operator")?, "operator", operators)?;
    let requirement =
        Requirement { key: text(key, "key")?.to_owned(), operator, values: written.texts("values")? };
    if context.checks() {
        check_label_key(key)?;
        let count = requirement.values.len();
        let (legal, rule) = match operator {
            Operator::In | Operator::NotIn => (count > 0, "needs at least one value"),
            Operator::Exists | Operator::DoesNotExist => (count == 0, "takes no values"),
            Operator::Gt | Operator::Lt => (count == 1, "needs exactly one value"),
        };
        if !legal {
            let at = written.get("values").unwrap_or(value);
            return Err(at.error(format!("the operator `{operator:?}` {rule}")));
        }
    }
    Ok(requirement)
}
