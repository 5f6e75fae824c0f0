//! Node selectors and required node affinities that no node of the cluster can ever match.

use super::Build;
use super::nodes::Nodes;
use crate::api::kubernetes::{Part, Sourced};
use crate::api::{Node, NodeSelector, NodeSelectorTerm, Object, PodSpec, PodTemplate, Requirement};
use crate::base::{Diagnostic, Map, Severity};
use crate::scenario::schema::workload::Unmatched;
use crate::sim::NodeSetup;
use std::collections::BTreeSet;
use std::sync::Arc;

/// More objects than a person reads are not listed one by one.
const MAX_LISTED: usize = 10;

/// Checks templates, each only once.
#[derive(Default)]
pub(super) struct Checker {
    /// By address; the template is kept so that the address is not used again.
    seen: Map<usize, (Arc<PodTemplate>, bool)>,
    listed: usize,
    unlisted: u64,
}

impl Checker {
    /// Notes a finding if the pods of `sourced` match no node.
    pub(super) fn check(&mut self, build: &mut Build<'_>, nodes: &Nodes, sourced: &Sourced) {
        let template = match &sourced.object {
            Object::Pod(pod) => &pod.template,
            Object::ReplicaSet(set) => &set.template,
            Object::Deployment(deployment) => &deployment.template,
            Object::Job(job) => &job.template,
            Object::StatefulSet(set) => &set.template,
            Object::CronJob(cron) => &cron.job.template,
            _ => return,
        };
        let address = Arc::as_ptr(template) as usize;
        let (_, matched) = self.seen.entry(address).or_insert_with(|| {
            let matched =
                nodes.list.is_empty() || nodes.list.iter().any(|node| matches(&template.spec, &node.node));
            (Arc::clone(template), matched)
        });
        if *matched {
            return;
        }
        self.listed += 1;
        if self.listed > MAX_LISTED {
            self.unlisted += 1;
            return;
        }
        let finding = finding(build, nodes, sourced, &template.spec);
        match finding.severity {
            Severity::Error => build.error(finding),
            Severity::Warning => build.warn(finding),
        }
    }

    /// Counts what was not listed.
    pub(super) fn report(&self, build: &mut Build<'_>) {
        build.remark("further objects whose selector matches no node", self.unlisted);
    }
}

fn finding(build: &Build<'_>, nodes: &Nodes, sourced: &Sourced, spec: &PodSpec) -> Diagnostic {
    let object = format!("{}/{}", sourced.object.kind(), sourced.object.meta().name);
    let severity = match build.scenario.workload.unmatched_selectors {
        Unmatched::Error => Severity::Error,
        Unmatched::Warn => Severity::Warning,
    };
    let message = format!("{object}: no node can ever match the node selector or required node affinity");
    let plain = |node: &NodeSetup| matches_plain(spec, &node.node);
    let part = if nodes.list.iter().any(plain) { Part::Affinity } else { Part::NodeSelector };
    let finding = Diagnostic::error(sourced.at(part), message);
    Diagnostic { severity, ..finding }.found(describe(spec)).help(help(nodes, spec))
}

/// What the nodes have for the keys that the pod asks for.
fn help(nodes: &Nodes, spec: &PodSpec) -> String {
    const SHOWN: usize = 6;
    let Some(key) = keys(spec).into_iter().next() else {
        return "`workload.unmatchedSelectors: warn` lets such pods wait".into();
    };
    let of_nodes = nodes.list.iter().filter_map(|node| node.node.meta.labels.get(key));
    let values: BTreeSet<&str> = of_nodes.map(String::as_str).collect();
    if values.is_empty() {
        return format!("no node has the label `{key}`");
    }
    let shown: Vec<&str> = values.iter().copied().take(SHOWN).collect();
    let more = if values.len() > SHOWN { ", …" } else { "" };
    format!("nodes have `{key}`: {}{more}", shown.join(", "))
}

fn keys(spec: &PodSpec) -> BTreeSet<&str> {
    let required = terms(spec).iter().flat_map(|term| &term.match_expressions);
    let plain = spec.node_selector.iter().map(|(key, _)| key.as_str());
    plain.chain(required.map(|requirement| requirement.key.as_str())).collect()
}

fn terms(spec: &PodSpec) -> &[NodeSelectorTerm] {
    let required = spec.affinity.node.as_ref().and_then(|affinity| affinity.required.as_ref());
    required.map_or(&[], |selector| &selector.terms)
}

fn describe(spec: &PodSpec) -> String {
    let mut parts: Vec<String> =
        spec.node_selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    for term in terms(spec) {
        for requirement in term.match_expressions.iter().chain(&term.match_fields) {
            let values = requirement.values.join(",");
            parts.push(
                format!("{} {:?} {values}", requirement.key, requirement.operator).trim_end().to_owned(),
            );
        }
    }
    parts.join("; ")
}

/// Whether a node can take the pod as far as labels and name go.
pub(super) fn matches(spec: &PodSpec, node: &Node) -> bool {
    let required = spec.affinity.node.as_ref().and_then(|affinity| affinity.required.as_ref());
    matches_plain(spec, node) && required.is_none_or(|selector| selects(selector, node))
}

/// Whether a node has the labels of the plain node selector.
fn matches_plain(spec: &PodSpec, node: &Node) -> bool {
    spec.node_selector.iter().all(|(key, value)| node.meta.labels.get(key) == Some(value))
}

fn selects(selector: &NodeSelector, node: &Node) -> bool {
    let label = |requirement: &Requirement| {
        let value = node.meta.labels.get(&requirement.key).map(String::as_str);
        requirement.is_valid() && requirement.matches_value(value)
    };
    let field = |requirement: &Requirement| {
        requirement.key == "metadata.name" && requirement.matches_value(Some(&node.meta.name))
    };
    selector.terms.iter().any(|term| {
        let empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
        !empty && term.match_expressions.iter().all(label) && term.match_fields.iter().all(field)
    })
}
