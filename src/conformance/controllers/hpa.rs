//! Cases of mode `hpa`: looks at an autoscaler, one after the other.

use crate::api::autoscaling::MetricSpec;
use crate::api::status::CurrentMetric;
use crate::api::{
    Condition, Container, HorizontalPodAutoscaler, Object, PodPhase, PodSpec, ResourceList, Resources,
    RestartPolicy, Truth,
};
use crate::base::{Diagnostic, Quantity, Span, Time};
use crate::conformance::input::{Case, Objects};
use crate::control::controllers::hpa::{
    Decision, Memory, Observed, PodFacts, Reading, Sample, Scale, Selection, Settings, reconcile, rescaled,
};
use serde_json::{Value, json};

/// The cases' zero on the clock of a run, in seconds: pods may have started before it.
const ZERO_SECONDS: f64 = 1e6;
/// The longest window or delay, and the latest time, in seconds.
const MAX_SECONDS: f64 = 1e9;

/// The answer to a case.
pub(super) fn answer(case: &Case) -> Result<Value, Diagnostic> {
    let hpa = autoscaler(case)?;
    let settings = settings(case)?;
    let mut replicas = count(case, &case.input, "initialReplicas")?.unwrap_or(0);
    let (mut memory, mut status) = (Memory::default(), crate::api::status::HpaStatus::default());
    let mut answers = Vec::new();
    for step in case.list(&case.input, "steps")? {
        let now = time(case, step, "time")?.ok_or_else(|| case.error("`time` is missing"))?;
        replicas = count(case, step, "specReplicas")?.unwrap_or(replicas);
        let pods = case.list(step, "pods")?;
        let specs: Vec<PodSpec> = pods.iter().map(|pod| spec(case, pod)).collect::<Result<_, _>>()?;
        let facts = pods.iter().zip(&specs).map(|(pod, spec)| facts(case, pod, spec));
        let facts: Vec<PodFacts<'_>> = facts.collect::<Result<_, _>>()?;
        let reading = |metric| reading(case, step, metric, pods);
        let readings: Vec<Reading> = hpa.metrics.iter().map(reading).collect::<Result<_, _>>()?;
        let current = count(case, step, "statusReplicas")?;
        let current = current.unwrap_or(i32::try_from(pods.len()).unwrap_or(i32::MAX));
        let scale = Scale { wanted: replicas, current, selection: Selection::Own };
        let observed = Observed { now, stamp: now, scale: Some(scale), pods: &facts, readings: &readings };
        let Decision { rescale, status: decided, .. } =
            reconcile(&hpa, &settings, &observed, &mut memory, &status);
        status = decided;
        if let Some(change) = rescale {
            rescaled(&hpa, &mut memory, &mut status, change, [now; 2]);
            replicas = change.to;
        }
        answers.push(json!({
            "specReplicas": replicas,
            "scaled": rescale.is_some(),
            "statusDesiredReplicas": status.desired,
            "statusCurrentReplicas": status.current,
            "conditions": conditions(&status.conditions),
            "currentMetrics": current_metrics(&hpa, &status.metrics),
        }));
    }
    Ok(json!({ "steps": answers }))
}

fn autoscaler(case: &Case) -> Result<HorizontalPodAutoscaler, Diagnostic> {
    let value = json!({ "metadata": { "name": "hpa" }, "spec": case.require(&case.input, "spec")? });
    let kind = ("autoscaling/v2", "HorizontalPodAutoscaler");
    match Objects::new(case).object(kind, &value, "spec")? {
        Object::HorizontalPodAutoscaler(autoscaler) => Ok(*autoscaler),
        other => Err(case.error(format!("spec: a {}", other.kind()))),
    }
}

fn settings(case: &Case) -> Result<Settings, Diagnostic> {
    let mut settings = Settings::default();
    let flags = case.input.get("controller").unwrap_or(&Value::Null);
    if let Some(tolerance) = number(case, flags, "tolerance")? {
        settings.tolerance = tolerance;
    }
    for (key, flag) in [
        ("cpuInitializationPeriod", &mut settings.cpu_initialization),
        ("initialReadinessDelay", &mut settings.initial_readiness_delay),
        ("downscaleStabilization", &mut settings.downscale_stabilization),
    ] {
        if let Some(seconds) = number(case, flags, key)? {
            *flag = Span::from_secs_f64(seconds);
        }
    }
    Ok(settings)
}

/// The number at a key, which must be finite and not absurd.
fn number(case: &Case, holder: &Value, key: &str) -> Result<Option<f64>, Diagnostic> {
    match holder.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|number| number.abs() <= MAX_SECONDS) {
            Some(number) => Ok(Some(number)),
            None => Err(case.error(format!("`{key}` must be a number")).found(value.to_string())),
        },
    }
}

fn time(case: &Case, holder: &Value, key: &str) -> Result<Option<Time>, Diagnostic> {
    match number(case, holder, key)? {
        Some(seconds) if seconds < -ZERO_SECONDS => Err(case.error(format!("`{key}` is too early"))),
        seconds => Ok(seconds.map(|seconds| Time::from_secs_f64(ZERO_SECONDS + seconds))),
    }
}

/// The number of things at a key.
fn count(case: &Case, holder: &Value, key: &str) -> Result<Option<i32>, Diagnostic> {
    match holder.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(case.error(format!("`{key}` must be a whole number")).found(value.to_string())),
        },
    }
}

/// A value in thousandths.
fn milli(case: &Case, value: &Value) -> Result<i64, Diagnostic> {
    value.as_i64().ok_or_else(|| case.error("a value must be a whole number").found(value.to_string()))
}

/// The specification of a pod: a container, a sidecar, requests of its own.
fn spec(case: &Case, pod: &Value) -> Result<PodSpec, Diagnostic> {
    let container = |name: &str, requests| Container {
        name: name.to_owned(),
        resources: Resources { requests, ..Resources::default() },
        ..Container::default()
    };
    let requests = requests(case, pod, "requests")?.unwrap_or_default();
    let sidecar = self::requests(case, pod, "sidecarRequests")?.map(|requests| Container {
        restart_policy: Some(RestartPolicy::Always),
        ..container("s", requests)
    });
    let own = self::requests(case, pod, "podLevelRequests")?;
    Ok(PodSpec {
        containers: vec![container("c", requests)],
        init_containers: sidecar.into_iter().collect(),
        resources: own.map(|requests| Resources { requests, ..Resources::default() }),
        ..PodSpec::default()
    })
}

fn requests(case: &Case, pod: &Value, key: &str) -> Result<Option<ResourceList>, Diagnostic> {
    let Some(written) = pod.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let wrong = || case.error(format!("`{key}` must be amounts by resource")).found(written.to_string());
    let amounts = written.as_object().ok_or_else(wrong)?;
    let amount = |(name, value): (&String, &Value)| -> Result<(String, Quantity), Diagnostic> {
        let quantity = value.as_str().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        Ok((name.clone(), quantity))
    };
    amounts.iter().map(amount).collect::<Result<ResourceList, _>>().map(Some)
}

fn facts<'o>(case: &Case, pod: &Value, spec: &'o PodSpec) -> Result<PodFacts<'o>, Diagnostic> {
    let phase = match case.text(pod, "phase")? {
        "" | "Running" => PodPhase::Running,
        "Pending" => PodPhase::Pending,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        other => return Err(case.error("`phase` has an unknown value").found(other)),
    };
    let since = time(case, pod, "readyTransition")?.unwrap_or_default();
    let ready = match pod.get("ready") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(true)) => Some((Truth::True, since)),
        Some(Value::Bool(false)) => Some((Truth::False, since)),
        Some(other) => return Err(case.error("`ready` must be true or false").found(other.to_string())),
    };
    let deleting = pod.get("deleting").and_then(Value::as_bool).unwrap_or(false);
    Ok(PodFacts { phase, deleting, start: time(case, pod, "startTime")?, ready, spec })
}

/// What the metrics API answers about a metric in a step.
fn reading(case: &Case, step: &Value, metric: &MetricSpec, pods: &[Value]) -> Result<Reading, Diagnostic> {
    let find = |kind: &str, name: &str| {
        let found = step.get("metrics").and_then(|metrics| metrics.get(kind)?.get(name));
        found.filter(|value| !value.is_null())
    };
    let (found, of_pods) = match metric {
        MetricSpec::Resource { name, .. } => (find("resource", name), true),
        MetricSpec::ContainerResource { name, container, .. } => {
            (find("containerResource", &format!("{container}/{name}")), true)
        }
        MetricSpec::Pods { metric, .. } => (find("pods", &metric.name), true),
        MetricSpec::Object { metric, .. } => (find("object", &metric.name), false),
        MetricSpec::External { metric, .. } => (find("external", &metric.name), false),
    };
    match found {
        None => Ok(Reading::Failed),
        Some(samples) if of_pods => {
            let sample = |pod: &Value| {
                let written = samples.get(case.text(pod, "name")?).filter(|value| !value.is_null());
                written.map(|written| sample(case, written)).transpose()
            };
            Ok(Reading::Pods(pods.iter().map(sample).collect::<Result<_, _>>()?))
        }
        Some(Value::Array(values)) => {
            Ok(Reading::External(values.iter().map(|value| milli(case, value)).collect::<Result<_, _>>()?))
        }
        Some(value) => Ok(Reading::Object(milli(case, value)?)),
    }
}

fn sample(case: &Case, written: &Value) -> Result<Sample, Diagnostic> {
    Ok(Sample {
        milli: milli(case, case.require(written, "value")?)?,
        time: time(case, written, "timestamp")?.unwrap_or_default(),
        window: Span::from_secs_f64(number(case, written, "window")?.unwrap_or(0.0)),
    })
}

/// The conditions, sorted by type.
fn conditions(conditions: &[Condition]) -> Vec<Value> {
    let mut sorted: Vec<&Condition> = conditions.iter().collect();
    sorted.sort_by_key(|condition| condition.kind);
    let written = |condition: &&Condition| json!({ "type": condition.kind, "status": condition.status.name(), "reason": condition.reason });
    sorted.iter().map(written).collect()
}

fn current_metrics(hpa: &HorizontalPodAutoscaler, metrics: &[Option<CurrentMetric>]) -> Vec<Value> {
    let written = |(spec, metric): (&MetricSpec, &Option<CurrentMetric>)| {
        let Some(metric) = metric else {
            return Value::Null;
        };
        let mut written = json!({ "type": spec.kind() });
        if let Some(percent) = metric.utilization {
            written["averageUtilization"] = percent.into();
        }
        if let Some(average) = metric.average_milli {
            written["averageValueMilli"] = average.into();
        }
        if let Some(value) = metric.value_milli {
            written["valueMilli"] = value.into();
        }
        written
    };
    hpa.metrics.iter().zip(metrics).map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Location;
    use crate::conformance::differences;
    use crate::control::recorded;

    /// What is wrong with our answer: the first field that differs, or the finding.
    fn wrong(line: &Value) -> Option<String> {
        let case = Case::read(line.to_string().as_bytes(), Location::at("cases.jsonl", 7, 0)).unwrap();
        match crate::conformance::controllers::answer(&case) {
            Ok(answer) => {
                let found = differences(case.expected.as_ref().unwrap(), &answer).first.into_iter().next()?;
                Some(format!("{} {}: {} for {}", case.id, found.field, found.got, found.expected))
            }
            Err(finding) => Some(finding.to_string()),
        }
    }

    #[test]
    fn autoscalers_are_answered_as_recorded() {
        for (name, count) in [("hpa", 80), ("hpa-tolerance", 30)] {
            let file = format!("controllers-1.36/{name}.jsonl.gz");
            let Some(cases) = recorded::cases(&file) else { return };
            assert_eq!(cases.len(), count);
            let wrong: Vec<String> = cases.iter().filter_map(wrong).collect();
            assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
            recorded::report(name, count, count, 0);
        }
    }

    /// A case of one look at three pods of 100m each, with a metric of the CPU.
    fn case(change: impl Fn(&mut Value)) -> Value {
        let pod = |name: &str| json!({ "name": name, "requests": { "cpu": "100m" }, "startTime": 0, "ready": true, "readyTransition": 0 });
        let sample = json!({ "value": 120, "timestamp": 990, "window": 15 });
        let samples = json!({ "a": sample, "b": sample, "c": sample });
        let target = json!({ "type": "Utilization", "averageUtilization": 80 });
        let mut case = json!({
            "id": "own", "mode": "hpa",
            "input": {
                "spec": {
                    "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "d" },
                    "maxReplicas": 10,
                    "metrics": [{ "type": "Resource", "resource": { "name": "cpu", "target": target } }],
                },
                "initialReplicas": 3,
                "steps": [{
                    "time": 1000,
                    "pods": [pod("a"), pod("b"), pod("c")],
                    "metrics": { "resource": { "cpu": samples } },
                }],
            },
            "expected": { "steps": [{ "specReplicas": 5, "scaled": true, "statusCurrentReplicas": 3 }] },
        });
        change(&mut case["input"]);
        case
    }

    #[test]
    fn a_case_is_a_row_of_looks() {
        assert_eq!(wrong(&case(|_| {})), None);
        // With a pod that says nothing the need is spread over all three.
        let mut silent = case(|input| {
            input["steps"][0]["metrics"]["resource"]["cpu"]["c"].take();
        });
        silent["expected"]["steps"][0]["specReplicas"] = 3.into();
        silent["expected"]["steps"][0]["scaled"] = false.into();
        assert_eq!(wrong(&silent), None);
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 9] = [
            (|input| input["spec"] = json!({}), "spec: `maxReplicas` is missing"),
            (|input| input["steps"][0]["time"] = json!("now"), "`time` must be a number"),
            (|input| input["steps"][0]["time"] = json!(1e30), "`time` must be a number"),
            (|input| input["steps"][0]["time"] = json!(-1e8), "`time` is too early"),
            (|input| input["initialReplicas"] = json!(1e20), "`initialReplicas` must be a whole number"),
            (|input| input["steps"][0]["pods"][0]["phase"] = json!("Gone"), "unknown value: `Gone`"),
            (|input| input["steps"][0]["pods"][0]["ready"] = json!(1), "`ready` must be true or false"),
            (|input| input["steps"][0]["pods"][0]["requests"]["cpu"] = json!("x"), "amounts by resource"),
            (|input| input["steps"][0]["metrics"]["resource"]["cpu"]["a"] = json!({}), "`value` is missing"),
        ];
        for (change, message) in cases {
            let found = wrong(&case(change)).unwrap();
            assert!(found.contains(message), "{found} for {message}");
        }
    }
}
