//! Affinities, tolerations and spread constraints.

use super::fields::{Fields, Read, choice};
use super::selectors::{label_selector, node_selector, node_term};
use super::{Context, defaults, known};
use crate::api::pod::{PodAffinity, PodAffinityTerm, TopologySpreadConstraint, WhenUnsatisfiable};
use crate::api::yaml::Value;
use crate::api::{
    Affinity, Labels, NodeAffinity, PreferredTerm, TaintEffect, Toleration, TolerationOperator,
};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The effects of a taint, by name.
pub(super) const EFFECTS: &[(&str, TaintEffect)] = &[
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

/// The affinity of a pod with these labels.
pub(super) fn affinity(spec: &Fields<'_>, labels: &Labels, context: &mut Context<'_>) -> Read<Affinity> {
    let Some(written) = spec.child("affinity", &known::AFFINITY, context)? else {
        return Ok(Affinity::default());
    };
    Ok(Affinity {
        node: node_affinity(&written, "nodeAffinity", context)?,
        pod: pod_affinity(&written, "podAffinity", labels, context)?,
        pod_anti: pod_affinity(&written, "podAntiAffinity", labels, context)?,
    })
}

/// The node affinity at `key`.
pub(super) fn node_affinity(
    holder: &Fields<'_>,
    key: &str,
    context: &mut Context<'_>,
) -> Read<Option<NodeAffinity>> {
    let Some(written) = holder.child(key, &known::TERMS, context)? else {
        return Ok(None);
    };
    let required = written.get(REQUIRED).map(|value| node_selector(value, context)).transpose()?;
    let mut preferred = Vec::new();
    for value in written.list(PREFERRED)? {
        let term = Fields::open(value, &known::PREFERRED_NODE, context)?;
        let weight = weight(&term, context)?;
        let preference = node_term(term.require("preference")?, context)?;
        preferred.push(PreferredTerm { weight, preference });
    }
    Ok(Some(NodeAffinity { required, preferred }))
}

fn pod_affinity(
    affinity: &Fields<'_>,
    key: &str,
    labels: &Labels,
    context: &mut Context<'_>,
) -> Read<Option<PodAffinity>> {
    let Some(written) = affinity.child(key, &known::TERMS, context)? else {
        return Ok(None);
    };
    let mut terms = PodAffinity::default();
    for value in written.list(REQUIRED)? {
        terms.required.push(pod_term(value, labels, context)?);
    }
    for value in written.list(PREFERRED)? {
        let preferred = Fields::open(value, &known::PREFERRED_POD, context)?;
        let term = pod_term(preferred.require("podAffinityTerm")?, labels, context)?;
        terms.preferred.push((weight(&preferred, context)?, term));
    }
    Ok(Some(terms))
}

/// A weight: from 1 to 100, which the API server sees to; without it zero is one, too.
fn weight(term: &Fields<'_>, context: &Context<'_>) -> Read<i32> {
    let least = i64::from(context.checks());
    if context.checks() {
        term.require("weight")?;
    }
    Ok(term.integer("weight", least, 100)?.unwrap_or(least) as i32)
}

fn pod_term(value: Value<'_>, labels: &Labels, context: &mut Context<'_>) -> Read<PodAffinityTerm> {
    let written = Fields::open(value, &known::POD_TERM, context)?;
    let mut term = PodAffinityTerm {
        label_selector: label_selector(&written, "labelSelector", context)?,
        namespaces: written.texts("namespaces")?,
        namespace_selector: label_selector(&written, "namespaceSelector", context)?,
        topology_key: topology_key(&written)?,
    };
    for (key, same) in [("matchLabelKeys", true), ("mismatchLabelKeys", false)] {
        let names = written.texts(key)?;
        if context.checks() && names.iter().any(|name| !labels.contains_key(name)) {
            let message = format!("a label of `{key}` that the pod does not carry has no effect");
            context.warn(written.require(key)?.warning(message));
        }
        defaults::match_label_keys(&mut term, &names, same, labels, context.defaulting);
    }
    Ok(term)
}

fn topology_key(fields: &Fields<'_>) -> Read<String> {
    let value = fields.require("topologyKey")?;
    let key = fields.text("topologyKey")?;
    if key.is_empty() {
        return Err(value.error("`topologyKey` must not be empty"));
    }
    Ok(key.to_owned())
}

/// One toleration.
pub(super) fn toleration(value: Value<'_>, context: &mut Context<'_>) -> Read<Toleration> {
    const OPERATORS: &[(&str, TolerationOperator)] =
        &[("Equal", TolerationOperator::Equal), ("Exists", TolerationOperator::Exists)];
    let written = Fields::open(value, &known::TOLERATION, context)?;
    // An empty operator or effect is as good as none.
    let word = |key: &str| written.get(key).filter(|value| !value.raw().is_empty());
    let toleration = Toleration {
        key: written.text("key")?.to_owned(),
        operator: word("operator")
            .map(|value| choice(value, "operator", OPERATORS))
            .transpose()?
            .unwrap_or_default(),
        value: written.text("value")?.to_owned(),
        effect: word("effect").map(|value| choice(value, "effect", EFFECTS)).transpose()?,
        seconds: written.integer("tolerationSeconds", i64::MIN, i64::MAX)?,
    };
    if context.checks() {
        check_toleration(&toleration, value)?;
    }
    Ok(toleration)
}

/// Kubernetes 1.36, pkg/apis/core/validation: ValidateTolerations.
fn check_toleration(toleration: &Toleration, value: Value<'_>) -> Read<()> {
    let exists = toleration.operator == TolerationOperator::Exists;
    if toleration.key.is_empty() && !exists {
        let help = "`operator: Exists` without a key tolerates every taint";
        return Err(value.error("a toleration without `key` needs the operator `Exists`").help(help));
    }
    if exists && !toleration.value.is_empty() {
        return Err(value.error("a toleration with the operator `Exists` takes no `value`"));
    }
    if toleration.seconds.is_some() && toleration.effect != Some(TaintEffect::NoExecute) {
        return Err(value.error("`tolerationSeconds` needs the effect `NoExecute`"));
    }
    Ok(())
}

/// One spread constraint.
pub(super) fn spread(value: Value<'_>, context: &mut Context<'_>) -> Read<TopologySpreadConstraint> {
    const POLICIES: &[(&str, bool)] = &[("Honor", true), ("Ignore", false)];
    const UNSATISFIABLE: &[(&str, WhenUnsatisfiable)] = &[
        ("DoNotSchedule", WhenUnsatisfiable::DoNotSchedule),
        ("ScheduleAnyway", WhenUnsatisfiable::ScheduleAnyway),
    ];
    let written = Fields::open(value, &known::SPREAD, context)?;
    written.require("maxSkew")?;
    let max = i64::from(i32::MAX);
    let constraint = TopologySpreadConstraint {
        max_skew: written.integer("maxSkew", 1, max)?.unwrap_or(1) as i32,
        topology_key: topology_key(&written)?,
        when_unsatisfiable: choice(
            written.require("whenUnsatisfiable")?,
            "whenUnsatisfiable",
            UNSATISFIABLE,
        )?,
        label_selector: label_selector(&written, "labelSelector", context)?,
        min_domains: written.integer("minDomains", 1, max)?.map(|domains| domains as i32),
        honor_node_affinity: written.choice("nodeAffinityPolicy", POLICIES)?.unwrap_or(true),
        honor_node_taints: written.choice("nodeTaintsPolicy", POLICIES)?.unwrap_or(false),
        match_label_keys: written.texts("matchLabelKeys")?,
    };
    if let Some(domains) = written.get("minDomains")
        && context.checks()
        && constraint.when_unsatisfiable != WhenUnsatisfiable::DoNotSchedule
    {
        return Err(domains.error("`minDomains` needs `whenUnsatisfiable: DoNotSchedule`"));
    }
    Ok(constraint)
}
