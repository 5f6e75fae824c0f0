//! What the inputs about StatefulSets and DaemonSets have in common.

use crate::api::PodPhase;
use crate::base::{Diagnostic, Time};
use crate::conformance::input::Case;
use serde_json::Value;

/// The moment at a key, in seconds; `None` where it is absent.
pub(super) fn moment(case: &Case, holder: &Value, key: &str) -> Result<Option<Time>, Diagnostic> {
    let Some(value) = holder.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    match value.as_f64() {
        Some(seconds) if (0.0..=1e9).contains(&seconds) => Ok(Some(Time::from_secs_f64(seconds))),
        _ => Err(case
            .error(format!("`{key}` must be a number of seconds from 0 to 10^9"))
            .found(value.to_string())),
    }
}

/// The moment of the case.
pub(super) fn now(case: &Case) -> Result<Time, Diagnostic> {
    moment(case, &case.input, "now")?.ok_or_else(|| case.error("`now` is missing"))
}

/// The number at a key that cannot be negative; zero where it is absent.
pub(super) fn count(case: &Case, holder: &Value, key: &str) -> Result<u32, Diagnostic> {
    let Some(value) = holder.get(key).filter(|value| !value.is_null()) else { return Ok(0) };
    let number = value.as_u64().filter(|&number| number <= i32::MAX as u64);
    number.map(|number| number as u32).ok_or_else(|| {
        case.error(format!("`{key}` must be a whole number from 0 to {}", i32::MAX)).found(value.to_string())
    })
}

/// The truth value at a key of a pod; false where it is absent.
pub(super) fn flag(case: &Case, holder: &Value, key: &str) -> Result<bool, Diagnostic> {
    match holder.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(case.error(format!("`{key}` must be `true` or `false`")).found(other.to_string())),
    }
}

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
    let since = moment(case, pod, "readyAt")?.unwrap_or(now);
    Ok(flag(case, pod, "ready")?.then_some(since))
}

/// A StatefulSet's or DaemonSet's specification as an object that can be read.
pub(super) fn object(spec: &Value) -> Value {
    serde_json::json!({ "metadata": {}, "spec": spec })
}
