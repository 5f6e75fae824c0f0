//! The pods of a Job as a case writes them.

use crate::api::PodPhase;
use crate::base::{Diagnostic, Span, Time};
use crate::conformance::input::Case;
use crate::control::controllers::job::pods::{Condition, Container, JobPod};
use crate::control::controllers::job::sync::IndexFailures;
use serde_json::Value;

/// The finalizer by which the controller keeps a pod until it is counted.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// The annotations that a Job's pods have.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const COUNTED: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// The moment at a key, as seconds since 1970; `None` where it is absent.
pub(super) fn read_time(case: &Case, holder: &Value, key: &str) -> Result<Option<Time>, Diagnostic> {
    let text = case.text(holder, key)?;
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || case.error(format!("`{key}` must be a time since 1970")).found(text);
    let moment: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    let nanos = u64::try_from(moment.as_nanosecond()).map_err(|_| wrong())?;
    Ok(Some(Time(nanos)))
}

/// A moment as the API writes it.
pub(super) fn write_time(time: Time) -> String {
    let seconds = i64::try_from(time.0 / 1_000_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map(|moment| moment.to_string()).unwrap_or_default()
}

/// The pods of a case.
pub(super) fn read_pods(case: &Case) -> Result<Vec<JobPod>, Diagnostic> {
    case.list(&case.input, "pods")?.iter().map(|pod| read_pod(case, pod)).collect()
}

fn read_pod(case: &Case, pod: &Value) -> Result<JobPod, Diagnostic> {
    let none = Value::Null;
    let part = |key: &str| pod.get(key).unwrap_or(&none);
    let (metadata, spec, status) = (part("metadata"), part("spec"), part("status"));
    let annotations = metadata.get("annotations").unwrap_or(&none);
    let number = |key: &str| {
        let number = case.text(annotations, key)?.parse::<i32>().ok().filter(|number| *number >= 0);
        Ok::<_, Diagnostic>(number.map(|number| number as u32))
    };
    let grace = metadata.get("deletionGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(0);
    let deleting = read_time(case, metadata, "deletionTimestamp")?.map(|at| at - Span::from_secs(grace));
    let namespace = case.text(metadata, "namespace")?;
    Ok(JobPod {
        name: case.text(metadata, "name")?.to_owned(),
        namespace: if namespace.is_empty() { "default" } else { namespace }.to_owned(),
        phase: read_phase(case.text(status, "phase")?),
        index: number(INDEX)?,
        failures: IndexFailures {
            counted: number(COUNTED)?.unwrap_or(0),
            ignored: number(IGNORED)?.unwrap_or(0),
        },
        has_finalizer: case.list(metadata, "finalizers")?.iter().any(|name| name == FINALIZER),
        deleting,
        created: read_time(case, metadata, "creationTimestamp")?.unwrap_or_default(),
        assigned: !case.text(spec, "nodeName")?.is_empty(),
        containers: read_containers(case, status, "containerStatuses", None)?,
        init_containers: read_containers(case, status, "initContainerStatuses", Some(spec))?,
        conditions: read_conditions(case, status)?,
    })
}

fn read_phase(phase: &str) -> PodPhase {
    match phase {
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        _ => PodPhase::Pending,
    }
}

fn read_conditions(case: &Case, status: &Value) -> Result<Vec<Condition>, Diagnostic> {
    let read = |condition: &Value| {
        Ok(Condition {
            kind: case.text(condition, "type")?.to_owned(),
            status: case.text(condition, "status")?.to_owned(),
            since: read_time(case, condition, "lastTransitionTime")?,
        })
    };
    case.list(status, "conditions")?.iter().map(read).collect()
}

/// The states of containers; `spec` says which init containers are sidecars.
fn read_containers(
    case: &Case,
    status: &Value,
    key: &str,
    spec: Option<&Value>,
) -> Result<Vec<Container>, Diagnostic> {
    let specs = spec.map_or(Ok(&[][..]), |spec| case.list(spec, "initContainers"))?;
    let read = |state: &Value| {
        let ended = state.get("state").and_then(|state| state.get("terminated"));
        let code = ended.and_then(|ended| ended.get("exitCode")).and_then(Value::as_i64).unwrap_or(0);
        let restarts = state.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
        let name = case.text(state, "name")?;
        let is_sidecar = specs.iter().any(|spec| {
            spec.get("name").is_some_and(|own| own == name)
                && spec.get("restartPolicy").is_some_and(|policy| policy == "Always")
        });
        Ok(Container {
            name: name.to_owned(),
            exit_code: ended.map(|_| i32::try_from(code).unwrap_or(i32::MAX)),
            finished: ended.map_or(Ok(None), |ended| read_time(case, ended, "finishedAt"))?,
            restarts: u32::try_from(restarts).unwrap_or(u32::MAX),
            is_sidecar,
        })
    };
    case.list(status, key)?.iter().map(read).collect()
}
