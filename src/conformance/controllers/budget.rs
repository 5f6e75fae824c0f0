//! Cases of mode `pdb-status`: the status of a disruption budget that selects every pod.

use super::super::answer::{fields, put};
use super::super::input::{Case, Objects};
use super::cronjob::time;
use crate::api::Object;
use crate::api::PodDisruptionBudget;
use crate::api::status::BudgetStatus;
use crate::base::{Diagnostic, Time};
use crate::control::controllers::budget::{Kept, Member, find};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let now = moment(case, &case.input, "now")?.ok_or_else(|| case.error("`now` is missing"))?;
    let written = case.require(&case.input, "pdb")?;
    let budget = budget(case, written)?;
    let old = disrupted(case, written.get("status").unwrap_or(&Value::Null))?;
    let controllers = controllers(case)?;
    let pods = case.list(&case.input, "pods")?;
    let pods: Vec<Member<'_>> =
        pods.iter().map(|pod| member(case, pod, &controllers)).collect::<Result<_, _>>()?;
    let Ok(found) = find(&budget, 0, &old, &pods, now) else {
        return Ok(json!({ "error": "a pod's controller has no scale" }));
    };
    let status = found.status;
    let mut answer = fields([
        ("disruptionsAllowed", status.allowed.into()),
        ("currentHealthy", status.healthy.into()),
        ("desiredHealthy", status.desired_healthy.into()),
        ("expectedPods", status.expected.into()),
    ]);
    if !status.disrupted.is_empty() {
        put(&mut answer, "disruptedPods", status.disrupted.into_keys().collect::<Vec<_>>());
    }
    Ok(Value::Object(answer))
}

fn budget(case: &Case, written: &Value) -> Result<PodDisruptionBudget, Diagnostic> {
    // The metadata may be left out, and the status is read apart.
    let object = json!({ "metadata": {}, "spec": case.require(written, "spec")? });
    match Objects::new(case).object(("policy/v1", "PodDisruptionBudget"), &object, "pdb")? {
        Object::PodDisruptionBudget(budget) => Ok(*budget),
        other => Err(case.error(format!("pdb: a {}", other.kind()))),
    }
}

fn disrupted(case: &Case, status: &Value) -> Result<BudgetStatus, Diagnostic> {
    let mut old = BudgetStatus::default();
    match status.get("disruptedPods") {
        None | Some(Value::Null) => {}
        Some(pods @ Value::Object(entries)) => {
            for name in entries.keys() {
                let since = moment(case, pods, name)?.unwrap_or_default();
                old.disrupted.insert(name.clone(), since);
            }
        }
        Some(other) => {
            return Err(case.error("`disruptedPods` must be an object").found(other.to_string()));
        }
    }
    Ok(old)
}

/// What keeps up the number of the pods of each controller, by its name.
fn controllers(case: &Case) -> Result<BTreeMap<&str, Kept>, Diagnostic> {
    let mut controllers = BTreeMap::new();
    for (place, written) in (0..).zip(case.list(&case.input, "controllers")?) {
        let kept = match case.text(written, "kind")? {
            "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
                let replicas = written.get("replicas").and_then(Value::as_i64).unwrap_or(0);
                let replicas = i32::try_from(replicas)
                    .map_err(|_| case.error("`replicas` is too large").found(replicas.to_string()))?;
                Kept::By { controller: place, replicas }
            }
            _ => Kept::Unknown,
        };
        controllers.insert(case.text(written, "name")?, kept);
    }
    Ok(controllers)
}

fn member<'c>(
    case: &Case,
    pod: &'c Value,
    controllers: &BTreeMap<&str, Kept>,
) -> Result<Member<'c>, Diagnostic> {
    let controller = case.text(pod, "controller")?;
    let kept = if controller.is_empty() {
        Kept::Alone
    } else {
        controllers.get(controller).copied().unwrap_or(Kept::Unknown)
    };
    let holds = |key: &str| pod.get(key) == Some(&Value::Bool(true));
    let name = pod.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| case.error("a pod has no `name`").found(pod.to_string()))?;
    Ok(Member { name, ready: holds("ready"), deleting: holds("deleting"), kept })
}

/// The moment at a key, which must not be before 1970 nor after 2554.
fn moment(case: &Case, holder: &Value, key: &str) -> Result<Option<Time>, Diagnostic> {
    let Some(nanos) = time(case, holder, key)? else {
        return Ok(None);
    };
    let out_of_range = |_| case.error(format!("`{key}` must be from 1970 to 2554"));
    u64::try_from(nanos).map(|nanos| Some(Time(nanos))).map_err(out_of_range)
}
