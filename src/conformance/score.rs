//! Cases of mode `score`: one pod against a cluster, and what is to be said of every node.

use super::Subject;
use super::answer::{self, Fields, fields, put, put_list};
use super::cycles::{Search, cycles};
use super::input::{Case, Objects, snapshot};
use crate::base::Diagnostic;
use crate::base::ids::ClassId;
use crate::control::Diagnosis;
use crate::control::Snapshot;
use crate::control::scheduler::explain::{Explanation, Failure, Verdict};
use crate::control::scheduler::{Attempt, Outcome};
use serde_json::{Value, json};

/// The answer to a case.
pub(super) fn answer(case: &Case, subject: Subject) -> Result<Value, Diagnostic> {
    let mut objects = Objects::new(case);
    let mut scene = snapshot(case, &mut objects, subject.version)?;
    let pod = objects.pod(case.require(&case.input, "pod")?, "pod")?;
    let (pod, class) = scene.add_pending_pod(&pod);
    let mut cycles = cycles(case, subject, Search::default())?;
    let cycle = cycles.of(&scene.cluster, class);
    if let Some(gate) = cycle.held_back(&mut scene.cluster, class) {
        return Ok(gated(&gate));
    }
    let attempt = Attempt { class, pod: Some(pod), key: 0 };
    let explanation = cycle.explain(&mut scene.cluster, attempt, &scene.nominator);
    let outcome = cycle.schedule(&mut scene.cluster, attempt, &scene.nominator);
    let mut written = fields([("result", result(&outcome).into())]);
    match &outcome {
        Outcome::Placed(placement) => {
            chosen(&mut written, &scene, &explanation);
            if explanation.picked.is_some() {
                put(&mut written, "picked", scene.node_name(placement.node));
            }
            put(&mut written, "weights", weights(&explanation));
            put_list(&mut written, "skippedScorePlugins", &explanation.skipped_scores);
            if explanation.verdict == Verdict::Promised {
                put(&mut written, "nominatedNodeShortcut", true);
            }
        }
        Outcome::Rejected(rejection) => {
            put(&mut written, "message", message(&rejection.diagnosis));
            put_list(&mut written, "unschedulablePlugins", &rejection.diagnosis.plugins);
        }
    }
    put(&mut written, "numFeasible", explanation.found.len());
    put(&mut written, "numNodes", scene.cluster.nodes.present.count());
    if !explanation.nodes.is_empty() {
        details(&mut written, &scene, class, &explanation);
    }
    Ok(Value::Object(written))
}

fn gated(gate: &Failure) -> Value {
    json!({ "result": "gated", "numFeasible": 0, "numNodes": 0, "gate": answer::failure(gate) })
}

/// How an attempt has ended.
pub(super) fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Placed(_) => "scheduled",
        Outcome::Rejected(_) => "unschedulable",
    }
}

/// The text of a failure before preemption is tried.
pub(super) fn message(diagnosis: &Diagnosis) -> String {
    Diagnosis { post_filter: String::new(), ..diagnosis.clone() }.to_string()
}

/// The nodes with the best total, and which of them counts as selected: the first by name.
pub(super) fn chosen(written: &mut Fields, scene: &Snapshot, explanation: &Explanation) {
    let tied = scene.sorted_names(&explanation.tied);
    if let Some(&first) = tied.first() {
        put(written, "selected", first);
    }
    if let Some(best) = explanation.best {
        put(written, "maxTotal", best);
    }
    if tied.len() > 1 && explanation.picked.is_some() {
        put(written, "nodeOrder", answer::names(scene, &scene.cluster.nodes.order));
    }
    put(written, "tied", tied);
}

fn weights(explanation: &Explanation) -> Value {
    let mut weights: Vec<(&str, i64)> = explanation.weights.clone();
    weights.sort_unstable();
    weights.into_iter().map(|(name, weight)| (name.to_owned(), weight.into())).collect::<Fields>().into()
}

fn details(written: &mut Fields, scene: &Snapshot, class: ClassId, explanation: &Explanation) {
    put_list(written, "skippedFilterPlugins", &explanation.skipped_filters);
    put(written, "podRequest", answer::request(&scene.cluster, class));
    if let Verdict::Rejected(rejection) = &explanation.verdict {
        let message = rejection.reasons.join(", ");
        let rejection =
            json!({ "plugin": rejection.plugin, "code": rejection.code.name(), "message": message });
        put(written, "preFilterRejection", rejection);
    }
    put(written, "nodes", answer::nodes(scene, explanation));
}
