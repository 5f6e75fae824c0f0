//! Dumps of pods (`kubectl get pods --all-namespaces --output json` or `yaml`) as a workload: when each pod
//! was created, what it requests, and how long it ran if it has ended.
//!
//! Time 0 is the creation of the oldest pod. What a dump says of placement (selectors, affinity, volumes) a
//! row cannot hold; a dump as the state at the start of a run is read elsewhere, with all of it.

use super::input::{Input, MAX_WHOLE};
use super::listed::{Choices, drop_row};
use super::report::ReadReport;
use super::{Row, moment};
use crate::api::RestartPolicy;
use crate::api::yaml::{Source, Value, parse, split_documents};
use crate::base::{Diagnostic, Location, Quantity, Span, Time};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reasons for which rows are dropped or repaired.
pub mod reason {
    /// Dropped: an object of another kind.
    pub const NO_POD: &str = "not a Pod";
    /// Dropped: a manifest, not what an API server gives.
    pub const NO_CREATION: &str = "no creation time: a manifest, not a dump";
    /// Dropped: a pod that every node has of itself.
    pub const OF_NODE: &str = "pod of a DaemonSet or of a node (mirror pod)";
    /// Repaired: the pod runs or waits.
    pub const NOT_ENDED: &str = "had not ended, runs for ever";
    /// Repaired: the pod's status has no times.
    pub const NO_TIMES: &str = "ended without times of its containers, runs for ever";
    /// Repaired: a row cannot hold them.
    pub const PLACEMENT: &str = "node selector, affinity or spreading not kept";
}

/// The longest trace in seconds, about 270 years.
const LONGEST: i64 = 1 << 33;
/// Resources that the scheduler does not look at, or that have fields of their own.
const OWN_FIELDS: [&str; 2] = ["cpu", "memory"];

/// A row with its creation in seconds since 1970.
struct Dated {
    created: i64,
    row: Row,
}

struct Dump<'r> {
    report: &'r mut ReadReport,
    rows: Vec<Dated>,
}

/// Reads a dump.
pub(super) fn read(
    mut input: Input,
    report: &mut ReadReport,
    _choices: &Choices,
) -> (Input, Result<Vec<Row>, Diagnostic>) {
    let file = Arc::clone(input.name());
    let mut dump = Dump { report, rows: Vec::new() };
    let result = input.read_rest(MAX_WHOLE).and_then(|bytes| documents(&file, &bytes, &mut dump));
    let Dump { report, rows } = dump;
    (input, result.map(|()| in_order(rows, report)))
}

fn documents(file: &Arc<str>, bytes: &[u8], dump: &mut Dump<'_>) -> Result<(), Diagnostic> {
    for (line_offset, document) in split_documents(bytes) {
        let text = std::str::from_utf8(document).map_err(|_| {
            let place = Location::at(Arc::clone(file), line_offset.saturating_add(1), 0);
            Diagnostic::error(place, "the text is not UTF-8")
        })?;
        let source = Source { file, line_offset, text };
        parse(source, dump, |dump, item| take(dump, item).map(|()| true), document_root)?;
    }
    Ok(())
}

fn document_root(dump: &mut Dump<'_>, root: Value<'_>) -> Result<(), Diagnostic> {
    let is_list = root.get("kind").is_some_and(|kind| kind.raw().ends_with("List"));
    if is_list || root.is_null() { Ok(()) } else { take(dump, root) }
}

/// Takes in an object.
fn take(dump: &mut Dump<'_>, object: Value<'_>) -> Result<(), Diagnostic> {
    let line = u64::from(object.line_and_column().0);
    match pod(dump.report, object, line)? {
        Ok(dated) => dump.rows.push(dated),
        Err(reason) => drop_row(dump.report, reason, line),
    }
    Ok(())
}

/// The rows by their creation, with times from the first on.
fn in_order(mut rows: Vec<Dated>, report: &mut ReadReport) -> Vec<Row> {
    rows.sort_by_key(|dated| dated.created);
    let origin = rows.first().map_or(0, |dated| dated.created);
    report.header.unix_start_time = rows.first().map(|dated| dated.created);
    let dated = |(index, dated): (usize, Dated)| Row {
        number: index as i64 + 1,
        submit: Time::from_secs((dated.created - origin).clamp(0, LONGEST) as u64),
        ..dated.row
    };
    rows.into_iter().enumerate().map(dated).collect()
}

/// A moment in seconds since 1970.
fn seconds(value: Value<'_>) -> Result<i64, Diagnostic> {
    let read = moment::seconds(value.raw(), &TimeZone::UTC);
    read.ok_or_else(|| value.error("not a time").help("write `2026-01-31T12:00:00Z`"))
}

fn pod(
    report: &mut ReadReport,
    object: Value<'_>,
    line: u64,
) -> Result<Result<Dated, &'static str>, Diagnostic> {
    if object.get("kind").is_some_and(|kind| kind.raw() != "Pod") || object.get("spec").is_none() {
        return Ok(Err(reason::NO_POD));
    }
    let (Some(meta), Some(spec)) = (object.get("metadata"), object.get("spec")) else {
        return Ok(Err(reason::NO_CREATION));
    };
    let Some(created) = meta.get("creationTimestamp") else { return Ok(Err(reason::NO_CREATION)) };
    let created = seconds(created)?;
    let mut owners = meta.get("ownerReferences").into_iter().flat_map(Value::items);
    if owners.any(|owner| owner.get("kind").is_some_and(|kind| ["DaemonSet", "Node"].contains(&kind.raw()))) {
        return Ok(Err(reason::OF_NODE));
    }
    let text = |value: Option<Value<'_>>| value.map_or("", Value::raw).to_owned();
    let (namespace, name) = (text(meta.get("namespace")), text(meta.get("name")));
    let is_default = namespace.is_empty() || namespace == "default";
    let mut row = Row {
        line,
        name: if is_default { name } else { format!("{namespace}-{name}") },
        restart_policy: match spec.get("restartPolicy").map(Value::raw) {
            Some("Never") => Some(RestartPolicy::Never),
            Some("OnFailure") => Some(RestartPolicy::OnFailure),
            _ => Some(RestartPolicy::Always),
        },
        ..Row::default()
    };
    let placement = ["nodeSelector", "affinity", "topologySpreadConstraints"];
    if placement.iter().any(|key| spec.get(key).is_some()) {
        report.repair_row(reason::PLACEMENT, line);
    }
    if let Some(priority) = spec.get("priority") {
        row.priority = priority.raw().parse().map_err(|_| priority.error("not a priority"))?;
    }
    requests(spec, &mut row)?;
    times(report, object.get("status"), created, &mut row)?;
    row.processors = super::alibaba::processors(&row);
    Ok(Ok(Dated { created, row }))
}

/// Amounts by resource, in thousandths.
type Amounts = BTreeMap<String, i64>;

/// The amounts of a list of resources; a limit stands for a request that is not there.
fn amounts(container: Value<'_>) -> Result<Amounts, Diagnostic> {
    let mut all = Amounts::new();
    let Some(resources) = container.get("resources") else { return Ok(all) };
    for key in ["limits", "requests"] {
        if let Some(list) = resources.get(key) {
            all.extend(quantities(list)?);
        }
    }
    Ok(all)
}

fn quantities(list: Value<'_>) -> Result<Amounts, Diagnostic> {
    let read = |(name, amount): (Value<'_>, Value<'_>)| {
        let quantity: Result<Quantity, _> = amount.raw().parse();
        let quantity = quantity.ok().filter(|quantity| *quantity >= Quantity::ZERO);
        let quantity = quantity.ok_or_else(|| amount.error("not a quantity"))?;
        Ok((name.raw().to_owned(), quantity.milli_ceil()))
    };
    list.entries().map(read).collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.saturating_add(*amount);
    }
}

/// What the scheduler counts: the sum of the containers and of the init containers that stay, or the most
/// that an init container needs beside those before it, and the overhead.
fn requests(spec: Value<'_>, row: &mut Row) -> Result<(), Diagnostic> {
    let (mut staying, mut most) = (Amounts::new(), Amounts::new());
    for container in spec.get("initContainers").into_iter().flat_map(Value::items) {
        let mut here = amounts(container)?;
        if container.get("restartPolicy").is_some_and(|policy| policy.raw() == "Always") {
            add(&mut staying, &here);
        } else {
            add(&mut here, &staying);
            for (name, amount) in here {
                let entry = most.entry(name).or_default();
                *entry = amount.max(*entry);
            }
        }
    }
    for container in spec.get("containers").into_iter().flat_map(Value::items) {
        add(&mut staying, &amounts(container)?);
    }
    for (name, amount) in most {
        let entry = staying.entry(name).or_default();
        *entry = amount.max(*entry);
    }
    if let Some(overhead) = spec.get("overhead") {
        add(&mut staying, &quantities(overhead)?);
    }
    row.cpu_milli = staying.get("cpu").copied().unwrap_or(0);
    let units = |amount: i64| amount / 1_000 + i64::from(amount % 1_000 > 0);
    row.memory_bytes = staying.get("memory").copied().map_or(0, units);
    let others = staying.into_iter().filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str()));
    row.extended = others.map(|(name, amount)| (name, units(amount))).collect();
    Ok(())
}

/// How long the pod waited and ran.
fn times(
    report: &mut ReadReport,
    status: Option<Value<'_>>,
    created: i64,
    row: &mut Row,
) -> Result<(), Diagnostic> {
    let conditions = status.and_then(|status| status.get("conditions"));
    let scheduled = conditions.into_iter().flat_map(Value::items).find(|condition| {
        let is = |key: &str, text: &str| condition.get(key).is_some_and(|value| value.raw() == text);
        is("type", "PodScheduled") && is("status", "True")
    });
    if let Some(moment) = scheduled.and_then(|condition| condition.get("lastTransitionTime")) {
        let wait = u64::try_from(seconds(moment)? - created).unwrap_or(0);
        row.recorded_wait = Some(Span::from_secs(wait.min(LONGEST as u64)));
    }
    let phase = status.and_then(|status| status.get("phase")).map_or("", Value::raw);
    row.status = match phase {
        "Succeeded" => 1,
        "Failed" => 0,
        _ => {
            report.repair_row(reason::NOT_ENDED, row.line);
            return Ok(());
        }
    };
    let mut ran: Option<(i64, i64)> = None;
    let statuses = status.and_then(|status| status.get("containerStatuses"));
    for container in statuses.into_iter().flat_map(Value::items) {
        let ended = container.get("state").and_then(|state| state.get("terminated"));
        let Some(ended) = ended else { continue };
        if let Some(code) = ended.get("exitCode").and_then(|code| code.raw().parse::<i32>().ok()) {
            row.exit_code = row.exit_code.max(code.clamp(0, 255));
        }
        if let (Some(start), Some(end)) = (ended.get("startedAt"), ended.get("finishedAt")) {
            let (start, end) = (seconds(start)?, seconds(end)?);
            ran = Some(ran.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
        }
    }
    match ran.and_then(|(first, last)| u64::try_from(last - first).ok()) {
        Some(seconds) => {
            row.run_time = Some(Span::from_secs(seconds.min(LONGEST as u64)));
            row.restart_policy = Some(RestartPolicy::Never);
        }
        None => report.repair_row(reason::NO_TIMES, row.line),
    }
    Ok(())
}
