//! Constraints and their enforcer.

use super::case;
use crate::control::swarm::constraint::{NodeFacts, parse};
use crate::control::swarm::enforcer::{Placed, rejected};
use crate::control::swarm::state::State::{Complete, Pending, Remove, Running, Shutdown};

fn label(key: &str) -> &'static str {
    match key {
        "disk" => "SSD",
        "engine.labels.storage" => "overlay2",
        _ => "",
    }
}

#[test]
fn constraints_are_met_or_not() {
    let node = NodeFacts {
        id: "w-1",
        hostname: "Host-1",
        ip: "10.1.2.3",
        is_manager: false,
        os: "linux",
        arch: "amd64",
        label: &label,
    };
    for (name, text, expected) in [
        ("the id", "node.id==w-1", true),
        ("another id", "node.id!=w-1", false),
        ("the name of the host in any case", "node.hostname==host-1", true),
        ("no part of it", "node.hostname==host", false),
        ("no wild cards", "node.hostname==host-*", false),
        ("a worker", "node.role==worker", true),
        ("no manager", "node.role!=manager", true),
        ("the operating system", "node.platform.os==Linux", true),
        ("the architecture", "node.platform.arch!=amd64", false),
        ("a label, its value in any case", "node.labels.disk==ssd", true),
        ("a label, its key as written", "node.labels.Disk==ssd", false),
        ("a label that is missing is empty", "node.labels.gpu!=a100", true),
        ("a label of the engine", "engine.labels.storage==overlay2", true),
        ("an address", "node.ip==10.1.2.3", true),
        ("a network", "node.ip==10.1.0.0/16", true),
        ("not in a network", "node.ip!=10.1.0.0/16", false),
        ("another network", "node.ip==10.2.0.0/16", false),
        ("a network of another family", "node.ip==fd00::/8", false),
        ("no address at all", "node.ip!=nowhere", false),
        ("a key that no node has", "node.colour!=red", false),
        ("blanks do not count", " node.role == worker ", true),
    ] {
        case("§6.4", name, parse(text).map(|constraint| constraint.is_met(&node)), Ok(expected));
    }
    for (name, text) in [
        ("one sign is no operator", "node.role=worker"),
        ("no other operator", "node.role>worker"),
        ("a value is needed", "node.role=="),
        ("a key is needed", "==worker"),
    ] {
        case("§6.4", name, parse(text).is_err(), true);
    }
}

#[test]
fn tasks_that_a_changed_node_cannot_keep_are_rejected() {
    let task = |task, desired, observed, meets_constraints, cpu| Placed {
        task,
        desired,
        observed,
        meets_constraints,
        reserved: vec![cpu],
    };
    for (name, tasks, expected) in [
        ("constraints that are not met", vec![task(1, Running, Running, false, 1)], vec![1]),
        ("what is told to stop is left alone", vec![task(1, Shutdown, Running, false, 1)], vec![]),
        ("and what is to be removed", vec![task(1, Remove, Running, false, 1)], vec![]),
        ("and what has ended", vec![task(1, Complete, Complete, false, 1)], vec![]),
        (
            "what is left for the later ones is too little",
            vec![
                task(1, Running, Running, true, 3),
                task(2, Running, Pending, true, 2),
                task(3, Running, Running, true, 1),
            ],
            vec![2],
        ),
    ] {
        case("§6.4", name, rejected(&tasks, &[4]), expected);
    }
}
