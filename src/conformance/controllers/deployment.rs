//! Cases of mode `deployment`: one step of a roll-out, or of scaling in proportion.

use super::Case;
use super::fields::{count, flag, integer, time};
use crate::api::UpdateStrategy;
use crate::api::workload::IntOrPercent;
use crate::base::Diagnostic;
use crate::conformance::answer::{Fields, fields, put};
use crate::control::controllers::rollout::{Member, Members, Step, Target};
use serde_json::{Value, json};

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let input = &case.input;
    let replicas = count(case, input, "replicas")?;
    let status_replicas = integer(case, input, "statusReplicas")?.unwrap_or(0).max(0);
    let target = Target::new(replicas, strategy(case)?, status_replicas);
    let (names, mut members) = members(case)?;
    let mut said = fields([("maxSurge", target.surge.into()), ("maxUnavailable", target.unavailable.into())]);
    match case.text(input, "op")? {
        "rollout" => put(&mut said, "phase", phase(members.roll(target))),
        "scale" => members.scale(target, true),
        other => return Err(case.error("`op` must be `rollout` or `scale`").found(other)),
    }
    let written = names.iter().zip(&members.sets).map(|(name, set)| Value::Object(written(name, set)));
    put(&mut said, "replicaSets", written.collect::<Vec<Value>>());
    Ok(Value::Object(said))
}

const fn phase(step: Step) -> &'static str {
    match step {
        Step::ScaledUp => "scaledUp",
        Step::ScaledDown => "scaledDown",
        Step::Nothing => "nothing",
    }
}

fn written(name: &str, set: &Member) -> Fields {
    let mut fields = fields([("name", name.into()), ("replicas", set.replicas.into())]);
    for (key, value) in [("desiredAnnotation", set.desired), ("maxAnnotation", set.max)] {
        if let Some(value) = value {
            put(&mut fields, key, value.to_string());
        }
    }
    fields
}

/// The limits of the rolling update; those that are absent have the default of the API.
fn strategy(case: &Case) -> Result<UpdateStrategy, Diagnostic> {
    let none = json!({});
    let written = case.input.get("rollingUpdate").unwrap_or(&none);
    let default = IntOrPercent::Percent(25);
    let limit = |key: &str| match written.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::String(text)) => {
            let percent = text.strip_suffix('%').and_then(|number| number.parse().ok());
            let wrong = || {
                let finding = case.error(format!("`{key}` must be a number or a percentage"));
                finding.found(text.as_str())
            };
            percent.filter(|&percent: &i32| percent >= 0).map(IntOrPercent::Percent).ok_or_else(wrong)
        }
        Some(_) => count(case, written, key).map(IntOrPercent::Int),
    };
    Ok(UpdateStrategy::RollingUpdate {
        max_surge: limit("maxSurge")?,
        max_unavailable: limit("maxUnavailable")?,
    })
}

/// The ReplicaSets by name, with their names.
fn members(case: &Case) -> Result<(Vec<&str>, Members), Diagnostic> {
    let mut written = Vec::new();
    for set in case.list(&case.input, "replicaSets")? {
        written.push((case.text(set, "name")?, set));
    }
    written.sort_by_key(|&(name, _)| name);
    let mut members = Members::default();
    for (order, &(name, set)) in written.iter().enumerate() {
        if flag(case, set, "new")? && members.new.replace(order).is_some() {
            return Err(case.error("two ReplicaSets are `new`").found(name));
        }
        members.sets.push(Member {
            created: time(case, set, "created")?,
            order,
            replicas: count(case, set, "replicas")?,
            available: count(case, set, "available")?,
            desired: integer(case, set, "desiredAnnotation")?,
            max: integer(case, set, "maxAnnotation")?,
        });
    }
    if members.new.is_none() {
        return Err(case.error("no ReplicaSet is `new`"));
    }
    Ok((written.into_iter().map(|(name, _)| name).collect(), members))
}
