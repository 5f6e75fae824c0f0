//! Loads on workloads, and metrics of other things: what the metrics API answers from.

use super::nodes::unknown;
use super::objects::Timed;
use super::{Build, at_reference, pools, run};
use crate::api::{Container, LabelSelector, Object, PodTemplate};
use crate::base::{Diagnostic, Quantity, Time};
use crate::scenario::At;
use crate::scenario::schema::loads::{self as written, MAX_LOAD, MAX_PER_POD, Values};
use crate::scenario::schema::scalars::{Amount, Real};
use crate::sim::{Curve, Load, Measure, MetricsSetup, Series, SeriesOf};
use crate::trace::{Input, read_load};

/// Kinds whose pods can have a load.
const KINDS: [&str; 5] = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Service"];
/// The column of a trace that holds the value where none is named.
const SECOND: &str = "2";

/// Enters all loads and metrics into the setup; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>, objects: &Timed, setup: &mut MetricsSetup) {
    let workload = &build.scenario.workload;
    for load in &workload.loads {
        if let Some(load) = read(build, objects, load, &setup.loads) {
            setup.loads.push(load);
        }
    }
    for metric in &workload.metrics {
        let series = series(build, metric);
        setup.series.extend(series);
    }
    warn_of_silence(build, objects);
}

/// A load is there to be measured.
fn warn_of_silence(build: &mut Build<'_>, objects: &Timed) {
    let is_autoscaler = |object: &Object| matches!(object, Object::HorizontalPodAutoscaler(_));
    let may_come = build.scenario.actions.iter().any(|action| action.apply.is_some());
    if may_come || objects.iter().any(|(_, sourced)| is_autoscaler(&sourced.object)) {
        return;
    }
    let workload = &build.scenario.workload;
    let first = workload.loads.first().map(|load| load.warning("nobody measures the load"));
    let first = first.or_else(|| Some(workload.metrics.first()?.warning("nobody asks for the metric")));
    if let Some(finding) = first {
        build.warn(finding.help("the manifests have no HorizontalPodAutoscaler"));
    }
}

fn read(build: &mut Build<'_>, objects: &Timed, load: &At<written::Load>, known: &[Load]) -> Option<Load> {
    let namespace = load.namespace.as_ref().map_or("default", |name| name.as_str());
    let measure = measure(load.metric.as_ref());
    let measure = build.take(measure)?;
    let whose = whose(build, objects, load, namespace);
    let (selector, template, short) = build.take(whose)?;
    let name = load.name.as_ref().map_or(short, |name| name.value.clone());
    let most = limit(build, load.max_per_pod.as_ref(), "maxPerPod");
    let most = most.or_else(|| template.filter(|_| measure == Measure::Cpu).and_then(cpu_limit));
    let not_ready_milli = limit(build, load.not_ready.as_ref(), "notReady").unwrap_or(0);
    let total_milli = curve(build, &load.total)?;
    let max_milli_per_pod = most.unwrap_or(i64::MAX);
    let namespace = namespace.to_owned();
    let read = Load { name, namespace, selector, measure, total_milli, max_milli_per_pod, not_ready_milli };
    if known.iter().any(|other| read.replaces(other)) {
        build.error(load.error("another load of the same kind is on the same pods").help("add the two up"));
        return None;
    }
    if known.iter().any(|other| other.name == read.name) {
        let place = load
            .name
            .as_ref()
            .map_or_else(|| load.error("two loads of one name"), |name| name.error("two loads of one name"));
        build.error(place.help("give each a `name` of its own"));
        return None;
    }
    Some(read)
}

/// Whose load it is: the pods, what they are made of if that is known, and a short name.
fn whose<'o>(
    build: &mut Build<'_>,
    objects: &'o Timed,
    load: &At<written::Load>,
    namespace: &str,
) -> Result<(LabelSelector, Option<&'o PodTemplate>, String), Diagnostic> {
    const HELP: &str = "write `target: Deployment/<name>`, or `selector: {app: <name>}`";
    match (&load.target, &load.selector) {
        (Some(target), None) => pods_of(objects, target, namespace),
        (None, Some(labels)) if labels.is_empty() => {
            Err(labels.error("a selector without labels is on every pod").help(HELP))
        }
        (None, Some(labels)) => {
            for (key, value) in &labels.value {
                pools::check_label(build, key, value);
            }
            let pairs: Vec<(String, String)> =
                labels.value.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect();
            let texts: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            Ok((LabelSelector { match_labels: pairs, ..LabelSelector::default() }, None, texts.join(",")))
        }
        (None, None) => Err(load.error("the load does not say whose it is").help(HELP)),
        (Some(target), Some(_)) => {
            Err(target.error("a load has a `target` or a `selector`, not both").help(HELP))
        }
    }
}

/// The pods of `Kind/name`, which some manifest must make.
fn pods_of<'o>(
    objects: &'o Timed,
    target: &At<String>,
    namespace: &str,
) -> Result<(LabelSelector, Option<&'o PodTemplate>, String), Diagnostic> {
    let choices = || KINDS.map(|kind| format!("`{kind}/name`")).join(", ");
    let form = || target.error("not something whose pods have a load").help(format!("write {}", choices()));
    let (kind, name) = target.split_once('/').ok_or_else(form)?;
    let kind = KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(kind)).ok_or_else(form)?;
    let in_namespace = objects
        .iter()
        .map(|(_, sourced)| &sourced.object)
        .filter(|object| KINDS.contains(&object.kind()) && object.meta().namespace == namespace);
    let found = in_namespace.clone().find(|object| object.kind() == kind && object.meta().name == name);
    let Some(object) = found else {
        let known: Vec<String> =
            in_namespace.map(|object| format!("{}/{}", object.kind(), object.meta().name)).collect();
        return Err(unknown(target, "object", known.iter().map(String::as_str)));
    };
    let (selector, template) = match object {
        Object::Deployment(one) => (one.selector.clone(), Some(&*one.template)),
        Object::ReplicaSet(one) => (one.selector.clone(), Some(&*one.template)),
        Object::StatefulSet(one) => {
            let selector = one.selector.clone();
            (selector.ok_or_else(|| target.error("it selects no pods"))?, Some(&*one.template))
        }
        Object::DaemonSet(one) => (one.selector.clone(), Some(&*one.template)),
        Object::Service(one) => {
            let labels = one.selector.as_ref().filter(|labels| !labels.is_empty());
            let labels = labels.ok_or_else(|| target.error("it selects no pods"))?;
            let pairs = labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            (LabelSelector { match_labels: pairs, ..LabelSelector::default() }, None)
        }
        _ => return Err(form()),
    };
    Ok((selector, template, name.to_owned()))
}

fn measure(metric: Option<&At<String>>) -> Result<Measure, Diagnostic> {
    match metric {
        None => Ok(Measure::Cpu),
        Some(name) if name.trim().is_empty() => Err(name.error("a metric has a name")),
        Some(name) => Ok(Measure::Metric(name.value.clone())),
    }
}

/// The CPU that the containers of a pod may use at most, in millicores; `None` if one may use any.
fn cpu_limit(template: &PodTemplate) -> Option<i64> {
    let limit =
        |container: &Container| container.resources.limits.get("cpu").copied().map(Quantity::milli_ceil);
    let limits: Option<Vec<i64>> = template.spec.containers.iter().map(limit).collect();
    Some(limits?.into_iter().fold(0, i64::saturating_add)).filter(|sum| *sum > 0)
}

/// What one pod takes or uses, in thousandths.
fn limit(build: &mut Build<'_>, amount: Option<&At<Amount>>, key: &str) -> Option<i64> {
    let amount = amount?;
    let milli = amount.0.milli_ceil();
    if milli > MAX_PER_POD * 1000 {
        build.error(amount.error(format!("`{key}` is at most {MAX_PER_POD}")));
    }
    if milli == 0 && key == "maxPerPod" {
        build.error(amount.error("a pod that takes nothing of the load does not share it"));
    }
    Some(milli)
}

/// A value over time, in thousandths; errors are noted.
fn curve(build: &mut Build<'_>, values: &At<Values>) -> Option<Curve> {
    match &values.value {
        Values::Constant(amount) => {
            let at = At { value: *amount, location: values.location.clone(), found: values.found.clone() };
            let milli = milli(&at);
            build.take(milli).map(Curve::constant)
        }
        Values::Steps(steps) => {
            if steps.is_empty() {
                build.error(values.error("there are no steps").help("write `[{at: 0s, value: 3}, …]`"));
                return None;
            }
            let mut curve = Vec::new();
            for (place, step) in steps.iter().enumerate() {
                if place > 0 && step.at <= steps[place - 1].at {
                    build.error(step.error("the steps must ascend in time"));
                }
                let at = At { value: step.at, location: step.location.clone(), found: String::new() };
                run::check_reached(build, &at, "the step");
                let milli = milli(&step.value.value);
                let milli = build.take(milli);
                curve.push((Time(step.at.0.0), milli.unwrap_or(0)));
            }
            Some(Curve::new(curve))
        }
        Values::Trace(trace) => from_trace(build, trace),
    }
}

/// An amount of load in thousandths.
pub(super) fn milli(amount: &At<Amount>) -> Result<i64, Diagnostic> {
    if amount.0 > Quantity::from_units(MAX_LOAD) {
        return Err(amount.error(format!("a load is at most {MAX_LOAD}")));
    }
    Ok(amount.0.milli_ceil())
}

fn from_trace(build: &mut Build<'_>, trace: &written::ValueTrace) -> Option<Curve> {
    let factor = |factor: &Option<At<Real>>| factor.as_ref().map_or(1.0, |factor| factor.0);
    let (scale, time_scale) = (factor(&trace.scale), factor(&trace.time_scale));
    for (key, factor) in [("scale", &trace.scale), ("timeScale", &trace.time_scale)] {
        if let Some(factor) = factor
            && !(1e-9..=1e9).contains(&factor.0)
        {
            build.error(factor.error(format!("`{key}` must be from 1e-9 to 1e9")));
            return None;
        }
    }
    let path = build.files.path(&trace.file);
    let bytes = build.files.read(&path).map_err(|finding| at_reference(finding, &trace.file));
    let (name, bytes) = build.take(bytes)?;
    let column = trace.column.as_ref().map_or(SECOND, |column| column.0.as_str());
    let read = Input::from_bytes(&name, bytes).and_then(|input| read_load(input, column));
    // A finding about the whole table is about the column that is asked for.
    let read = read.map_err(|finding| match &trace.column {
        Some(column) => at_reference(finding, column),
        None => at_reference(finding, &trace.file),
    });
    let (points, report) = build.take(read)?;
    build.report(&report);
    if points.is_empty() {
        build.warn(trace.file.warning("the trace has no row, so there is no load"));
    }
    let highest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max) * scale;
    if highest > MAX_LOAD as f64 {
        let finding =
            trace.file.error(format!("the highest value is {highest:e}; a load is at most {MAX_LOAD}"));
        build.error(finding.help("give a `scale` that is smaller"));
        return None;
    }
    let at = Time(trace.at.unwrap_or_default().0.0);
    Some(Curve::from_points(&points, at, time_scale, scale * 1000.0))
}

fn series(build: &mut Build<'_>, metric: &At<written::MetricSeries>) -> Option<Series> {
    let namespace = metric.namespace.as_ref().map_or("default", |name| name.as_str()).to_owned();
    if metric.name.trim().is_empty() {
        build.error(metric.name.error("a metric has a name"));
    }
    let of = if let Some(object) = &metric.object {
        if let Some(value) = metric.labels.values().next() {
            build.error(value.error("a metric of an `object` has no `labels`"));
        }
        let parts = object.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
        let form = || object.error("not an object").help("write `Service/name`");
        let (kind, name) = build.take(parts.ok_or_else(form))?;
        SeriesOf::Object { kind: kind.to_owned(), name: name.to_owned() }
    } else {
        let labels = metric.labels.iter().map(|(key, value)| (key.clone(), value.value.clone()));
        SeriesOf::External(labels.collect())
    };
    let milli = curve(build, &metric.value.value)?;
    Some(Series { namespace, metric: metric.name.value.clone(), of, milli })
}

/// The load of a name, or on the pods of `Kind/name`, as it is before an action changes it.
pub(super) fn named(
    loads: &[Load],
    objects: &Timed,
    name: &At<String>,
    namespace: &str,
) -> Result<Load, Diagnostic> {
    if let Some(load) = loads.iter().find(|load| load.name == name.value) {
        return Ok(load.clone());
    }
    if !name.contains('/') {
        return Err(unknown(name, "load", loads.iter().map(|load| load.name.as_str())));
    }
    let (selector, template, short) = pods_of(objects, name, namespace)?;
    let fresh = Load {
        name: short,
        namespace: namespace.to_owned(),
        selector,
        max_milli_per_pod: template.and_then(cpu_limit).unwrap_or(i64::MAX),
        ..Load::default()
    };
    Ok(loads.iter().find(|load| fresh.replaces(load)).unwrap_or(&fresh).clone())
}
