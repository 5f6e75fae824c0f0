//! Cases of mode `statefulset`: one sync, its writes and the status.

use super::fields::{count, flag, integer, time};
use super::sets::{object, phase, ready};
use crate::api::status::StatefulSetStatus;
use crate::api::workload::PodManagement;
use crate::api::{Object, PodPhase};
use crate::base::{Diagnostic, Span, Time};
use crate::conformance::input::{Case, Objects};
use crate::control::controllers::statefulset::update::{Action, Decision, Member, Revisions, Target, decide};
use serde_json::{Map, Value, json};

/// The numbers of the two revisions that a case can name.
const CURRENT: u32 = 1;
const UPDATE: u32 = 2;

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let now = time(case, &case.input, "now")?;
    let target = target(case)?;
    let update = if case.flag("updating")? { UPDATE } else { CURRENT };
    let revisions = Revisions { current: CURRENT, update };
    let pods = case.list(&case.input, "pods")?;
    let members: Vec<Member> = pods.iter().map(|pod| member(case, pod, now)).collect::<Result<_, _>>()?;
    Ok(written(&target, decide(&target, revisions, &members, now)))
}

/// The specification of the case.
fn target(case: &Case) -> Result<Target, Diagnostic> {
    let input = &case.input;
    let mut spec = Map::new();
    for key in ["podManagementPolicy", "updateStrategy", "minReadySeconds"] {
        if let Some(value) = input.get(key) {
            spec.insert(key.to_owned(), value.clone());
        }
    }
    let object = object(&Value::Object(spec));
    let read = Objects::new(case).object(("apps/v1", "StatefulSet"), &object, "input")?;
    let Object::StatefulSet(set) = read else { return Err(case.error("this is no StatefulSet")) };
    Ok(Target {
        replicas: count(case, input, "replicas")? as u32,
        start: integer(case, input, "ordinalsStart")?.unwrap_or(0).max(0) as u32,
        management: set.pod_management,
        update: set.update,
        min_ready: Span::from_secs(set.min_ready_seconds.max(0) as u64),
        deleting: case.flag("deleting")?,
    })
}

fn member(case: &Case, pod: &Value, now: Time) -> Result<Member, Diagnostic> {
    let revision = match case.text(pod, "revision")? {
        "current" => CURRENT,
        "update" => UPDATE,
        other => return Err(case.error("`revision` must be `current` or `update`").found(other)),
    };
    Ok(Member {
        ordinal: count(case, pod, "ordinal")? as u32,
        revision,
        phase: phase(case, pod, PodPhase::Pending)?,
        ready: ready(case, pod, now)?,
        deleting: flag(case, pod, "deleting")?,
    })
}

fn written(target: &Target, mut decision: Decision) -> Value {
    if target.management == PodManagement::Parallel {
        decision.actions.sort_unstable();
    }
    let actions: Vec<Value> = decision.actions.iter().map(written_action).collect();
    let StatefulSetStatus { replicas, ready, available, current, updated, .. } = decision.status;
    json!({
        "actions": actions,
        "status": {
            "replicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": available,
            "currentReplicas": current,
            "updatedReplicas": updated,
            "updateComplete": decision.status.current_revision == decision.status.update_revision,
        },
    })
}

fn written_action(action: &Action) -> Value {
    match *action {
        Action::Create { ordinal, revision } => {
            let revision = if revision == CURRENT { "current" } else { "update" };
            json!({ "op": "create", "ordinal": ordinal, "revision": revision })
        }
        Action::Delete { ordinal } => json!({ "op": "delete", "ordinal": ordinal }),
    }
}
