//! Node objects from tables of machines.

use super::nodes::{HOSTNAME, Nodes, OF_KUBELET, POOL, UNNAMED_POOL, ZONE};
use super::{Build, at_reference, planes};
use crate::api::selector::{is_dns_subdomain, is_label_value, is_qualified_name};
use crate::api::{Node, ObjectMeta, ResourceList};
use crate::base::{Diagnostic, Location, Quantity};
use crate::scenario::schema::cluster::{MAX_NODES, MachineFormat};
use crate::trace::table::{Machine, expand, read_machines};
use crate::trace::{Input, Largest, ReadReport, alibaba, google2011, openb};

/// Adds the nodes of the table of machines, if the scenario names one.
pub(super) fn add(build: &mut Build<'_>, nodes: &mut Nodes) {
    let Some(machines) = &build.scenario.cluster.machines else { return };
    let largest = super::traces::largest(machines.largest_machine.as_ref());
    let result = read(build, &machines.file, machines.format, largest);
    let result = result.map_err(|finding| at_reference(finding, &machines.file));
    let Some((list, report)) = build.take(result) else { return };
    build.report(&report);
    let location = Location::file(report.file.clone());
    if list.iter().map(|machine| i64::from(machine.count)).sum::<i64>() > MAX_NODES {
        build.error(machines.file.error(format!("a cluster has at most {MAX_NODES} nodes")));
        return;
    }
    let pods = planes::pods_of_a_node(build);
    for machine in expand(&list) {
        let name = if machine.pool.is_empty() { UNNAMED_POOL } else { &machine.pool };
        let pool = nodes.pool(name, machine.price_per_hour.unwrap_or(0.0));
        let result = node(machine, pods, &location).and_then(|node| nodes.add(node, pool, &location));
        if build.take(result).is_none() {
            return;
        }
    }
}

fn read(
    build: &mut Build<'_>,
    file: &str,
    format: MachineFormat,
    largest: Largest,
) -> Result<(Vec<Machine>, ReadReport), Diagnostic> {
    let path = build.files.path(file);
    let (name, bytes) = build.files.read(&path)?;
    let input = Input::from_bytes(&name, bytes)?;
    match format {
        MachineFormat::Seatrial => read_machines(input),
        MachineFormat::Openb => openb::read_nodes(input),
        MachineFormat::Google2011 => google2011::read_machines(input, largest),
        MachineFormat::Alibaba2017 => alibaba::read_machines(input, largest),
    }
}

/// The node of a machine, which may have `pods` pods if it does not say how many.
fn node(machine: Machine, pods: i64, location: &Location) -> Result<Node, Diagnostic> {
    let wrong = |message: &str, found: &str| Diagnostic::error(location.clone(), message).found(found);
    if !is_dns_subdomain(&machine.name) {
        return Err(wrong("not a legal name of a node", &machine.name));
    }
    let mut capacity = ResourceList::new();
    capacity.insert("cpu".into(), Quantity::from_milli(machine.cpu_milli));
    capacity.insert("memory".into(), Quantity::from_units(machine.memory_bytes));
    capacity.insert("pods".into(), Quantity::from_units(machine.pods.unwrap_or(pods)));
    for (name, amount) in machine.extended {
        capacity.insert(name, Quantity::from_units(amount));
    }
    let mut meta = ObjectMeta::default();
    meta.labels.insert(HOSTNAME.into(), machine.name.clone());
    for (key, value) in OF_KUBELET {
        meta.labels.insert(key.into(), value.into());
    }
    for (key, value) in [(ZONE, machine.zone), (POOL, machine.pool)] {
        if !value.is_empty() {
            meta.labels.insert(key.into(), value);
        }
    }
    meta.labels.extend(machine.labels);
    for (key, value) in &meta.labels {
        if !is_qualified_name(key) {
            return Err(wrong("not a legal label key", key));
        }
        if !is_label_value(value) {
            return Err(wrong("not a legal label value", value));
        }
    }
    meta.name = machine.name;
    Ok(Node { meta, allocatable: capacity.clone(), capacity, ..Node::default() })
}
