//! Cases of mode `preempt`: a pod that fits nowhere, and whom it could make room by evicting.

use super::Subject;
use super::answer::{self, Fields, fields, put, put_list};
use super::cycles::{Search, cycles};
use super::input::{Case, Objects, snapshot};
use super::score::chosen;
use crate::base::Diagnostic;
use crate::base::ids::{ClassId, NodeId};
use crate::control::Snapshot;
use crate::control::scheduler::explain::Explanation;
use crate::control::scheduler::framework::Code;
use crate::control::scheduler::preemption::{Candidate, Nomination, NonCandidate, Preemption};
use crate::control::scheduler::{Attempt, Outcome, Rejection};
use serde_json::{Value, json};

/// The answer to a case.
pub(super) fn answer(case: &Case, subject: Subject) -> Result<Value, Diagnostic> {
    let mut objects = Objects::new(case);
    let mut scene = snapshot(case, &mut objects, subject.version)?;
    let pod = objects.pod(case.require(&case.input, "pod")?, "pod")?;
    let (pod, class) = scene.add_pending_pod(&pod);
    let mut cycles = cycles(case, subject, Search::default())?;
    let cycle = cycles.of(&scene.cluster, class);
    let attempt = Attempt { class, pod: Some(pod), key: 0 };
    let Snapshot { cluster, nominator, .. } = &mut scene;
    let explanation = cycle.explain(cluster, attempt, nominator);
    let rejection = match cycle.schedule(cluster, attempt, nominator) {
        Outcome::Placed(placement) => return Ok(schedulable(&scene, &explanation, placement.node)),
        Outcome::Rejected(rejection) => rejection,
    };
    let preemption = cycle.preempt(cluster, attempt, nominator);
    let mut written = fields([("result", result(&preemption).into()), ("numFeasible", 0.into())]);
    put(&mut written, "nodes", answer::failures(&scene, &explanation));
    put_list(&mut written, "potentialNodes", &scene.sorted_names(&preemption.potential));
    tried(&mut written, &scene, &preemption);
    decided(&mut written, &scene, class, &preemption);
    said(&mut written, &rejection, &preemption);
    Ok(Value::Object(written))
}

fn schedulable(scene: &Snapshot, explanation: &Explanation, placed: NodeId) -> Value {
    let mut written =
        fields([("result", "schedulable".into()), ("numFeasible", explanation.found.len().into())]);
    chosen(&mut written, scene, explanation);
    if explanation.picked.is_some() {
        put(&mut written, "picked", scene.node_name(placed));
    }
    Value::Object(written)
}

fn result(preemption: &Preemption) -> &'static str {
    match (preemption.nomination, preemption.status.code) {
        (Nomination::Set(_), _) => "nominated",
        (Nomination::Clear, _) => "noCandidates",
        (Nomination::Keep, Code::Error) => "error",
        (Nomination::Keep, _) => "notEligible",
    }
}

/// The nodes on which evictions help, and those where they do not; sorted by name.
fn tried(written: &mut Fields, scene: &Snapshot, preemption: &Preemption) {
    let mut candidates: Vec<&Candidate> = preemption.candidates.iter().collect();
    candidates.sort_by_key(|candidate| scene.node_name(candidate.node));
    let mut others: Vec<&NonCandidate> = preemption.others.iter().collect();
    others.sort_by_key(|other| scene.node_name(other.node));
    if !candidates.is_empty() {
        let list: Vec<Value> = candidates.into_iter().map(|one| candidate(scene, one)).collect();
        put(written, "candidates", list);
    }
    if !others.is_empty() {
        let other = |other: &NonCandidate| {
            let failure = answer::failure(&other.failure(&scene.cluster));
            json!({ "node": scene.node_name(other.node), "feasible": false, "failure": failure })
        };
        put(written, "nonCandidates", others.into_iter().map(other).collect::<Vec<_>>());
    }
}

fn candidate(scene: &Snapshot, candidate: &Candidate) -> Value {
    json!({
        "node": scene.node_name(candidate.node),
        "victims": victims(scene, candidate),
        "numPDBViolations": candidate.violations,
    })
}

fn victims(scene: &Snapshot, candidate: &Candidate) -> Value {
    candidate.victims.iter().map(|&pod| scene.pod_name(pod)).collect()
}

/// The best candidates, and what follows for the first of them by name, which counts as chosen.
fn decided(written: &mut Fields, scene: &Snapshot, class: ClassId, preemption: &Preemption) {
    let first = preemption.tied.iter().copied().min_by_key(|&node| scene.node_name(node));
    let Some(node) = first else { return };
    put(written, "tied", scene.sorted_names(&preemption.tied));
    put(written, "nominatedNode", scene.node_name(node));
    let chosen = preemption.candidates.iter().find(|candidate| candidate.node == node);
    if let Some(chosen) = chosen {
        put(written, "victims", victims(scene, chosen));
    }
    let (cluster, priority) = (&scene.cluster, scene.cluster.classes[class].priority);
    let loses =
        |pod: &&crate::base::ids::PodId| cluster.classes[cluster.pods.class[pod.index()]].priority < priority;
    let mut cleared: Vec<String> =
        scene.nominator.on(node).iter().filter(loses).map(|&pod| scene.pod_name(pod)).collect();
    cleared.sort_unstable();
    if !cleared.is_empty() {
        put(written, "clearedNominations", cleared);
    }
}

/// What the attempt and PostFilter say.
fn said(written: &mut Fields, rejection: &Rejection, preemption: &Preemption) {
    let change = match preemption.nomination {
        Nomination::Keep => "keep",
        Nomination::Clear => "clear",
        Nomination::Set(_) => "set",
    };
    put(written, "nominationChange", change);
    let status = &preemption.status;
    put(written, "postFilterStatus", json!({ "code": status.code.name(), "message": status.message }));
    put(written, "message", preemption.complete(&rejection.diagnosis).to_string());
}
