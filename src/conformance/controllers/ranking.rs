//! Cases of mode `replicaset-delete`: which pods a ReplicaSet deletes when it has too many.

use super::Case;
use super::fields::{count, flag, time};
use crate::base::ids::PodId;
use crate::base::{Diagnostic, Map};
use crate::conformance::answer::{Fields, fields, put};
use crate::control::controllers::ranking::{self, Candidate};
use serde_json::Value;

/// The phases that active pods can have, in the order of the ranking.
const STAGES: [&str; 3] = ["Pending", "Unknown", "Running"];

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let pods = case.list(&case.input, "pods")?;
    let now = time(case, &case.input, "now")?;
    let diff = count(case, &case.input, "diff")? as usize;
    let mut on_node: Map<&str, u32> = Map::default();
    for pod in pods {
        *on_node.entry(case.text(pod, "node")?).or_default() += 1;
    }
    let mut own: Vec<Candidate> = Vec::new();
    let mut ranks = Fields::new();
    for (row, pod) in pods.iter().enumerate() {
        if flag(case, pod, "relatedOnly")? {
            continue;
        }
        let rank = on_node.get(case.text(pod, "node")?).copied().unwrap_or(0);
        put(&mut ranks, case.text(pod, "name")?, rank);
        own.push(Candidate { rank, ..candidate(case, row, pod)? });
    }
    ranking::sort(&mut own, now);
    let name = |candidate: &Candidate| case.text(&pods[candidate.pod.index()], "name");
    let mut victims: Vec<&str> = own.iter().take(diff).map(name).collect::<Result<_, _>>()?;
    victims.sort_unstable();
    Ok(Value::Object(fields([("victims", victims.into()), ("ranks", ranks.into())])))
}

/// A pod, without its rank.
fn candidate(case: &Case, row: usize, pod: &Value) -> Result<Candidate, Diagnostic> {
    let phase = case.text(pod, "phase")?;
    let stage = STAGES.iter().position(|stage| *stage == phase);
    let stage = stage.ok_or_else(|| case.error("a pod's phase is not that of an active pod").found(phase))?;
    let uid = case.text(pod, "uid")?;
    let uid = u64::from_str_radix(uid, 16)
        .map_err(|_| case.error("a pod's uid must be a hexadecimal number").found(uid))?;
    let mut restarts = 0;
    for count in case.list(pod, "restarts")? {
        let wrong = || case.error("`restarts` must be numbers of restarts").found(count.to_string());
        let count = count.as_u64().and_then(|count| u32::try_from(count).ok()).ok_or_else(wrong)?;
        restarts = restarts.max(count);
    }
    let ready = flag(case, pod, "ready")?;
    Ok(Candidate {
        pod: PodId(row as u32),
        uid,
        assigned: !case.text(pod, "node")?.is_empty(),
        stage: stage as u8,
        ready_since: if ready { Some(time(case, pod, "readyAt")?) } else { None },
        deletion_cost: ranking::deletion_cost(case.text(pod, "deletionCost")?).unwrap_or(0),
        rank: 0,
        restarts,
        created: time(case, pod, "created")?,
    })
}
