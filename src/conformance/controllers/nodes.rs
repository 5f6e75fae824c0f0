//! Cases about nodes that fail: `taint-eviction`, `zone-state` and `zone-disruption`.

use super::Case;
use super::fields::{count, seconds, time};
use crate::api::{PodSpec, PodTemplate, Taint, TaintEffect, Toleration, TolerationOperator};
use crate::base::ids::ZoneId;
use crate::base::{Diagnostic, Span, Time};
use crate::cluster::{PodRef, Reason};
use crate::conformance::answer::{Fields, fields, put};
use crate::control::config::NodeLifecycle;
use crate::control::harness::Harness;
use crate::control::node_lifecycle::zones::{ZoneCount, ZoneState, Zones};
use crate::control::taint_eviction::TaintEvictionController;
use crate::control::{Config, Event, NodeChange, Write};
use serde_json::{Value, json};
use std::sync::Arc;

/// The time between two passes over the nodes, in seconds.
const PASS: u64 = 5;

/// When the pods of a node are evicted while its taints change.
pub(super) fn taint_eviction(case: &Case) -> Result<Value, Diagnostic> {
    let mut config = Config::default();
    config.nodes.default_toleration = None;
    let mut harness = Harness::with(vec![Box::new(TaintEvictionController::new(&config))]);
    let node = harness.node("n", "a");
    let mut pods: Vec<(&str, PodRef)> = Vec::new();
    for pod in case.list(&case.input, "pods")? {
        let written = case.list(pod, "tolerations")?.iter();
        let tolerations = written.map(|one| toleration(case, one)).collect::<Result<_, _>>()?;
        let spec = PodSpec { tolerations, ..PodSpec::default() };
        let template = Arc::new(PodTemplate { spec, ..PodTemplate::default() });
        let name = case.text(pod, "name")?;
        let made = harness.pod(name, &template);
        harness.start(made, node);
        pods.push((name, made));
    }
    for step in case.list(&case.input, "steps")? {
        harness.run_until(time(case, step, "time")?);
        let written = case.list(step, "taints")?.iter();
        let taints = written.map(|one| taint(case, one)).collect::<Result<_, _>>()?;
        harness.tell(Event::NodeChanged { node, change: NodeChange::Taints(taints) });
    }
    // What falls due at the end itself is not before it.
    harness.run_until(time(case, &case.input, "until")? - Span(1));
    let evicted = |pod: PodRef| harness.writes().find(|(_, write)| evicts(write, pod)).map(|(at, _)| at);
    let entry = |&(name, pod): &(&str, PodRef)| told(name, evicted(pod));
    Ok(json!({ "pods": pods.iter().map(entry).collect::<Vec<Value>>() }))
}

fn evicts(write: &Write, pod: PodRef) -> bool {
    matches!(write, Write::DeletePod { pod: other, reason: Reason::TaintEviction, .. } if *other == pod)
}

fn told(name: &str, evicted: Option<Time>) -> Value {
    let mut entry = fields([("name", name.into())]);
    if let Some(at) = evicted {
        put(&mut entry, "evictedAt", seconds(at));
    }
    Value::Object(entry)
}

fn effect(case: &Case, holder: &Value) -> Result<Option<TaintEffect>, Diagnostic> {
    match case.text(holder, "effect")? {
        "" => Ok(None),
        text => {
            let known = TaintEffect::parse(text);
            known.map(Some).ok_or_else(|| case.error("`effect` has an unknown value").found(text))
        }
    }
}

fn toleration(case: &Case, written: &Value) -> Result<Toleration, Diagnostic> {
    let operator = match case.text(written, "operator")? {
        "" | "Equal" => TolerationOperator::Equal,
        "Exists" => TolerationOperator::Exists,
        other => return Err(case.error("`operator` must be `Equal` or `Exists`").found(other)),
    };
    let seconds = match written.get("tolerationSeconds") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_i64().ok_or_else(|| {
            case.error("`tolerationSeconds` must be a whole number").found(value.to_string())
        })?),
    };
    Ok(Toleration {
        key: case.text(written, "key")?.to_owned(),
        operator,
        value: case.text(written, "value")?.to_owned(),
        effect: effect(case, written)?,
        seconds,
    })
}

fn taint(case: &Case, written: &Value) -> Result<Taint, Diagnostic> {
    Ok(Taint {
        key: case.text(written, "key")?.to_owned(),
        value: case.text(written, "value")?.to_owned(),
        effect: effect(case, written)?.ok_or_else(|| case.error("a taint has no `effect`"))?,
    })
}

/// How disrupted zones are, and how fast their nodes are tainted.
pub(super) fn zone_state(case: &Case) -> Result<Value, Diagnostic> {
    let zones = zones(case)?;
    let mut said = Vec::new();
    for zone in case.list(&case.input, "zones")? {
        let counted = zone_count(case, case.list(zone, "ready")?)?;
        let state = zones.state_of(counted);
        said.push(json!({
            "zone": case.text(zone, "zone")?,
            "notReady": counted.not_ready,
            "qps": zones.rate_of(state, counted),
            "state": state_name(state),
        }));
    }
    Ok(json!({ "zones": said }))
}

/// The same over several passes, with the rule for all zones together.
pub(super) fn zone_disruption(case: &Case) -> Result<Value, Diagnostic> {
    let mut zones = zones(case)?;
    let mut said = Vec::new();
    for (number, round) in case.list(&case.input, "rounds")?.iter().enumerate() {
        let written = case.require(round, "zones")?;
        let Some(written) = written.as_object() else {
            return Err(case.error("`zones` must be an object").found(written.to_string()));
        };
        let names = (0..).map(ZoneId).zip(written.keys());
        let mut counts = std::collections::BTreeMap::new();
        for (zone, name) in names.clone() {
            counts.insert(zone, zone_count(case, case.list(&round["zones"], name)?)?);
        }
        zones.judge(Time::from_secs(PASS * number as u64), &counts);
        let mut answers = Fields::new();
        for (zone, name) in names {
            let state = state_name(zones.state(zone));
            put(&mut answers, name, json!({ "state": state, "qps": zones.rate(zone) }));
        }
        said.push(json!({ "zones": answers }));
    }
    Ok(json!({ "rounds": said }))
}

fn zones(case: &Case) -> Result<Zones, Diagnostic> {
    let mut config = NodeLifecycle::default();
    if let Some(value) = case.input.get("unhealthyZoneThreshold").filter(|value| !value.is_null()) {
        let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
        let wrong = || case.error("`unhealthyZoneThreshold` must be a number from 0 to 1");
        config.unhealthy_zone = share.ok_or_else(|| wrong().found(value.to_string()))?;
    }
    if case.input.get("largeClusterSizeThreshold").is_some() {
        config.large_zone = count(case, &case.input, "largeClusterSizeThreshold")? as u32;
    }
    Ok(Zones::new(&config))
}

fn zone_count(case: &Case, nodes: &[Value]) -> Result<ZoneCount, Diagnostic> {
    let mut counted = ZoneCount::default();
    for node in nodes {
        match node.as_str() {
            Some("True") => counted.ready += 1,
            Some("False" | "Unknown" | "") => counted.not_ready += 1,
            _ => return Err(case.error("a node's Ready status is unknown").found(node.to_string())),
        }
    }
    Ok(counted)
}

const fn state_name(state: ZoneState) -> &'static str {
    match state {
        ZoneState::Initial => "Initial",
        ZoneState::Normal => "Normal",
        ZoneState::Partial => "PartialDisruption",
        ZoneState::Full => "FullDisruption",
    }
}
