//! Faults of the control plane: which component, what happens to it, and who stands by.

use super::{Build, timing};
use crate::base::{Diagnostic, Time};
use crate::control::Process;
use crate::scenario::At;
use crate::scenario::schema::events::{Component, Failure, Fault};
use crate::sim::{ClientGroup, ControlFault, ControlFaultKind, Lease, Plane};

const HELP: &str = "write `{component: scheduler, at: 10m, for: 1m}`, `{component: api-server, …}`, \
                    `{slowWrites: 200ms, …}`, `{watchDelay: 2s, …}` or `{clientLimit: {qps: 5, burst: 10}, \
                    component: controller-manager, …}`";

/// Whether a fault is of the control plane, not of machines.
pub(super) fn is_of_control_plane(fault: &Fault) -> bool {
    fault.component.is_some()
        || fault.slow_writes.is_some()
        || fault.watch_delay.is_some()
        || fault.client_limit.is_some()
        || fault.standby.is_some()
        || fault.leader_election.is_some()
}

/// The processes of the control plane with their faults; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>, faults: &[&At<Fault>]) -> Plane {
    let mut plane = Plane::default();
    for fault in faults {
        let result = read(build, fault);
        plane.faults.extend(build.take(result));
    }
    for component in [Component::Scheduler, Component::ControllerManager] {
        let result = replicas(faults, component, &mut plane);
        build.take(result);
    }
    plane
}

/// One fault.
fn read(build: &Build<'_>, fault: &At<Fault>) -> Result<ControlFault, Diagnostic> {
    only_of_control_plane(fault)?;
    if !kills(fault, Component::Scheduler) && !kills(fault, Component::ControllerManager) {
        for (name, given) in [("standby", &fault.standby), ("leaderElection", &fault.leader_election)] {
            if let Some(given) = given {
                let help =
                    "it belongs to `{component: scheduler, …}` or `{component: controller-manager, …}`";
                return Err(given.error(format!("`{name}` needs a component that is killed")).help(help));
            }
        }
    }
    let at = fault.at.as_ref().ok_or_else(|| fault.error("the fault does not say when").help(HELP))?;
    let duration = fault.r#for.as_ref().map(|duration| duration.0);
    let component = fault.component.as_ref();
    let kind = if let Some(time) = &fault.slow_writes {
        api_server_or_none(component, "slowWrites")?;
        ControlFaultKind::SlowWrites(time.value.0.clone())
    } else if let Some(time) = &fault.watch_delay {
        api_server_or_none(component, "watchDelay")?;
        ControlFaultKind::WatchDelay(time.value.0.clone())
    } else if let Some(limit) = &fault.client_limit {
        let group = clients(fault, component)?;
        ControlFaultKind::Limit(group, timing::limit_of(limit)?)
    } else {
        let component =
            component.ok_or_else(|| fault.error("the fault does not say what it hits").help(HELP))?;
        whole_component(build, fault, component)?
    };
    Ok(ControlFault { at: Time(at.0.0), duration, kind })
}

/// Refuses keys of machines, and two faults in one.
fn only_of_control_plane(fault: &At<Fault>) -> Result<(), Diagnostic> {
    let machines = "the control plane fails apart from machines: write two faults";
    for (name, given) in
        [("node", &fault.node), ("rack", &fault.rack), ("zone", &fault.zone), ("pool", &fault.pool)]
    {
        if let Some(given) = given {
            return Err(given.error(format!("`{name}` is of machines")).help(machines));
        }
    }
    if let Some(every) = &fault.every {
        return Err(every.error("`every` is of machines").help(machines));
    }
    for (name, given) in [("mtbf", &fault.mtbf), ("mttr", &fault.mttr)] {
        if let Some(given) = given {
            return Err(given.error(format!("`{name}` is of machines")).help(machines));
        }
    }
    let several = "two faults in one: write one for each";
    match (&fault.slow_writes, &fault.watch_delay, &fault.client_limit) {
        (Some(_), Some(second), _) => Err(second.error(several)),
        (Some(_), _, Some(second)) | (_, Some(_), Some(second)) => Err(second.error(several)),
        _ => Ok(()),
    }?;
    let is_latency =
        fault.slow_writes.is_some() || fault.watch_delay.is_some() || fault.client_limit.is_some();
    if let Some(kind) = fault.kind.as_ref().filter(|_| is_latency) {
        return Err(kind.error("`kind` says what happens to a component, not to requests").help(HELP));
    }
    Ok(())
}

fn api_server_or_none(component: Option<&At<Component>>, name: &str) -> Result<(), Diagnostic> {
    match component {
        Some(given) if given.value != Component::ApiServer => Err(given
            .error(format!("`{name}` is of the API server, whoever asks"))
            .help("leave `component` out")),
        _ => Ok(()),
    }
}

fn clients(fault: &At<Fault>, component: Option<&At<Component>>) -> Result<ClientGroup, Diagnostic> {
    const WHOSE: &str = "write `component: scheduler`, `controller-manager` or `kubelets`";
    let component = component
        .ok_or_else(|| fault.error("`clientLimit` does not say whose requests are limited").help(WHOSE))?;
    match component.value {
        Component::Scheduler => Ok(ClientGroup::Scheduler),
        Component::ControllerManager => Ok(ClientGroup::Controllers),
        Component::Kubelets => Ok(ClientGroup::Kubelets),
        Component::ApiServer => Err(component.error("the API server is nobody's client").help(WHOSE)),
    }
}

/// What happens to a component as a whole.
fn whole_component(
    build: &Build<'_>,
    fault: &Fault,
    component: &At<Component>,
) -> Result<ControlFaultKind, Diagnostic> {
    let process = match component.value {
        Component::Scheduler => Process::Scheduler,
        Component::ControllerManager => Process::ControllerManager,
        Component::Kubelets => {
            let help = "cut off their machines: `{every: …, kind: partition}`, `{zone: …, kind: partition}`";
            return Err(component.error("kubelets fail with their machines").help(help));
        }
        Component::ApiServer => {
            if let Some(kind) = &fault.kind {
                return Err(kind
                    .error("`kind` says nothing of the API server: it is away")
                    .help("leave it out"));
            }
            if fault.r#for.is_none() && build.scenario.run.until.is_none() {
                let finding = component.error("without an API server the run would never end");
                return Err(finding.help("say for how long with `for`, or give the run an end: `run.until`"));
            }
            return Ok(ControlFaultKind::ApiServerDown);
        }
    };
    match &fault.kind {
        Some(kind) if kind.value != Failure::Kill => {
            Err(kind.error("this happens to machines").help("a component has `kill`"))
        }
        _ => Ok(ControlFaultKind::Kill(process)),
    }
}

/// Whether a component is killed.
fn kills(fault: &Fault, component: Component) -> bool {
    let latency = fault.slow_writes.is_some() || fault.watch_delay.is_some() || fault.client_limit.is_some();
    fault.component.as_ref().is_some_and(|given| given.value == component) && !latency
}

/// Who stands by, and whether there is an election: what the faults of a component say of it. They
/// must agree.
fn replicas(faults: &[&At<Fault>], component: Component, plane: &mut Plane) -> Result<(), Diagnostic> {
    let (mut standby, mut election) = (None, None);
    for fault in faults.iter().filter(|fault| kills(fault, component)) {
        for (name, given, known) in [
            ("standby", &fault.standby, &mut standby),
            ("leaderElection", &fault.leader_election, &mut election),
        ] {
            let Some(given) = given else { continue };
            if known.get_or_insert(given).value != given.value {
                return Err(
                    given.error(format!("another fault of this component says otherwise of `{name}`"))
                );
            }
        }
    }
    let has_standby = standby.is_some_and(|standby| standby.value);
    let has_election = election.is_none_or(|election| election.value);
    if let Some(standby) = standby.filter(|_| has_standby && !has_election) {
        let help = "without `leaderElection` a component works as soon as it is started";
        return Err(standby.error("nothing can stand by without a leader election").help(help));
    }
    let target = match component {
        Component::Scheduler => &mut plane.scheduler,
        _ => &mut plane.controller_manager,
    };
    target.standbys = u32::from(has_standby);
    target.election = has_election.then(Lease::default);
    Ok(())
}
