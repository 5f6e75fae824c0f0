//! What the inputs about StatefulSets and DaemonSets have in common.

use super::fields::{flag, time};
use crate::api::PodPhase;
use crate::base::{Diagnostic, Time};
use crate::conformance::input::Case;
use serde_json::Value;

/// The phase of a pod; `None` where it is the empty text.
pub(super) fn phase(case: &Case, pod: &Value, absent: PodPhase) -> Result<Option<PodPhase>, Diagnostic> {
    if pod.get("phase").is_none() {
        return Ok(Some(absent));
    }
    Ok(Some(match case.text(pod, "phase")? {
        "" => return Ok(None),
        "Pending" => PodPhase::Pending,
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        other => return Err(case.error("`phase` has an unknown value").found(other)),
    }))
}

/// Since when a pod is ready. One that does not say since when has only just become so.
pub(super) fn ready(case: &Case, pod: &Value, now: Time) -> Result<Option<Time>, Diagnostic> {
    let since = if pod.get("readyAt").is_some() { time(case, pod, "readyAt")? } else { now };
    Ok(flag(case, pod, "ready")?.then_some(since))
}

/// A StatefulSet's or DaemonSet's specification as an object that can be read.
pub(super) fn object(spec: &Value) -> Value {
    serde_json::json!({ "metadata": {}, "spec": spec })
}
