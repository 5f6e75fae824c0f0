//! Faults with the rows of the nodes that they hit; those of the control plane are read elsewhere.

use super::control_faults::{is_of_control_plane, resolve as of_control_plane};
use super::nodes::{Nodes, unknown, zone};
use super::{Build, run};
use crate::base::{Diagnostic, Time};
use crate::scenario::At;
use crate::scenario::schema::events::{self, Scope};
use crate::sim::setup::FaultWhen;
use crate::sim::{Fault, FaultKind, FaultScope, Plane};
use std::collections::BTreeMap;

/// The shortest mean time between failures, in seconds: shorter ones only cost time.
const MIN_MTBF: f64 = 1.0;

/// All faults, of machines and of the control plane; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>, nodes: &Nodes) -> (Vec<Fault>, Plane) {
    let mut faults = Vec::new();
    let (of_control, of_machines): (Vec<_>, Vec<_>) =
        build.scenario.faults.iter().partition(|fault| is_of_control_plane(fault));
    for fault in of_machines {
        let result = if fault.every.is_some() { random(nodes, fault) } else { scheduled(nodes, fault) };
        faults.extend(build.take(result));
    }
    let plane = of_control_plane(build, &of_control);
    for fault in &build.scenario.faults {
        if let Some(at) = &fault.at {
            run::check_reached(build, at, "the fault");
        }
    }
    (faults, plane)
}

fn kind(fault: &events::Fault) -> Result<FaultKind, Diagnostic> {
    let Some(kind) = &fault.kind else { return Ok(FaultKind::Crash) };
    match kind.value {
        events::Failure::Crash => Ok(FaultKind::Crash),
        events::Failure::Partition => Ok(FaultKind::Partition),
        events::Failure::Kill => {
            let help = "a machine has `crash` and `partition`; name a `component` to kill it";
            Err(kind.error("a machine is not killed").help(help))
        }
    }
}

/// A fault at a moment.
fn scheduled(nodes: &Nodes, fault: &At<events::Fault>) -> Result<Fault, Diagnostic> {
    const HELP: &str =
        "write `{node: …, at: 10m, for: 5m}` (or `rack`, `zone`), or `{every: node, mtbf: …, mttr: …}`";
    for (name, place) in [("mtbf", &fault.mtbf), ("mttr", &fault.mttr)] {
        if let Some(given) = place {
            return Err(given.error(format!("`{name}` needs `every`")).help(HELP));
        }
    }
    if let Some(pool) = &fault.pool {
        return Err(pool.error("`pool` needs `every`").help(HELP));
    }
    let targets =
        [(&fault.node, FaultScope::Node), (&fault.rack, FaultScope::Rack), (&fault.zone, FaultScope::Zone)];
    let mut targets = targets.into_iter().filter_map(|(name, scope)| Some((name.as_ref()?, scope)));
    let (name, scope) =
        targets.next().ok_or_else(|| fault.error("the fault does not say what it hits").help(HELP))?;
    if let Some((second, _)) = targets.next() {
        return Err(second.error("a fault hits either a node, a rack or a zone").help(HELP));
    }
    let at = fault.at.as_ref().ok_or_else(|| fault.error("the fault does not say when").help(HELP))?;
    let group = match scope {
        FaultScope::Node => vec![nodes.find(name)?],
        FaultScope::Rack => group(racks(nodes), name, "rack")?,
        FaultScope::Zone => group(nodes.by(zone), name, "zone")?,
    };
    let duration = fault.r#for.as_ref().map(|duration| duration.0);
    let when = FaultWhen::Scheduled { at: Time(at.0.0), duration };
    Ok(Fault { groups: vec![group], scope, kind: kind(fault)?, when })
}

fn racks(nodes: &Nodes) -> BTreeMap<&str, Vec<usize>> {
    nodes.by(|node| &node.rack)
}

fn group(
    mut groups: BTreeMap<&str, Vec<usize>>,
    name: &At<String>,
    what: &str,
) -> Result<Vec<usize>, Diagnostic> {
    groups.remove(name.as_str()).ok_or_else(|| unknown(name, what, groups.keys().copied()))
}

/// A fault that comes again and again.
fn random(nodes: &Nodes, fault: &At<events::Fault>) -> Result<Fault, Diagnostic> {
    let every = fault.every.as_ref().expect("the caller has looked");
    for (name, given) in [("node", &fault.node), ("rack", &fault.rack), ("zone", &fault.zone)] {
        if let Some(given) = given {
            return Err(given.error(format!("`{name}` and `every` exclude each other")));
        }
    }
    for (name, given) in [("at", &fault.at), ("for", &fault.r#for)] {
        if let Some(given) = given {
            let help = "with `every`, `mtbf` and `mttr` say when and for how long";
            return Err(given.error(format!("`{name}` and `every` exclude each other")).help(help));
        }
    }
    let lacks = |what: &str| {
        every
            .error(format!("`every` needs `{what}`"))
            .help(format!("such as `{what}: exponential(mean=30d)`"))
    };
    let mtbf = fault.mtbf.as_ref().ok_or_else(|| lacks("mtbf"))?;
    let mttr = fault.mttr.as_ref().ok_or_else(|| lacks("mttr"))?;
    if mtbf.0.mean() < MIN_MTBF {
        return Err(mtbf.error("the time between failures must be at least 1s in the mean"));
    }
    let (scope, groups) = groups(nodes, fault, every)?;
    let when =
        FaultWhen::Random { time_to_failure: mtbf.value.0.clone(), time_to_repair: mttr.value.0.clone() };
    Ok(Fault { groups, scope, kind: kind(fault)?, when })
}

/// The groups of nodes that are hit each on its own.
fn groups(
    nodes: &Nodes,
    fault: &events::Fault,
    every: &At<Scope>,
) -> Result<(FaultScope, Vec<Vec<usize>>), Diagnostic> {
    let pool = match &fault.pool {
        None => None,
        Some(name) => {
            let known = nodes.pools.iter().position(|pool| pool.name == **name);
            let names = nodes.pools.iter().map(|pool| pool.name.as_str());
            Some(known.ok_or_else(|| unknown(name, "pool", names))?)
        }
    };
    let chosen = |row: &usize| pool.is_none_or(|pool| nodes.list[*row].pool.index() == pool);
    let (scope, groups) = match every.value {
        Scope::Node => (FaultScope::Node, (0..nodes.list.len()).map(|row| vec![row]).collect()),
        Scope::Rack => (FaultScope::Rack, racks(nodes).into_values().collect()),
        Scope::Zone => (FaultScope::Zone, nodes.by(zone).into_values().collect::<Vec<_>>()),
    };
    let groups: Vec<Vec<usize>> = groups
        .into_iter()
        .map(|group| group.into_iter().filter(chosen).collect::<Vec<usize>>())
        .filter(|group| !group.is_empty())
        .collect();
    if groups.is_empty() {
        let help = match every.value {
            Scope::Node => "the pool has no nodes",
            Scope::Rack => "give a pool `nodesPerRack`",
            Scope::Zone => "give a pool `zones`",
        };
        return Err(every.error(format!("no {} is there to fail", scope.name())).help(help));
    }
    Ok((scope, groups))
}
