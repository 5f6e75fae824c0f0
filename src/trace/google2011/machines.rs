//! The machines at the start, as a list of nodes.

use super::super::input::Input;
use super::super::report::ReadReport;
use super::super::table::Machine;
use super::super::{Largest, Row};
use super::events::{MachineKind, machine_event, machine_records};
use super::reason;
use crate::base::{Diagnostic, Set, Time};

/// Reads the machines that are there at time 0; what happens to machines later is dropped and counted.
pub fn read_machines(input: Input, largest: Largest) -> Result<(Vec<Machine>, ReadReport), Diagnostic> {
    let mut report = ReadReport::new(input.name(), "Google 2011, machine events");
    let mut records = machine_records(input);
    let mut machines = Vec::new();
    let mut known: Set<i64> = Set::default();
    while records.next()? {
        let event = machine_event(&records)?;
        let line = records.input.line();
        report.rows += 1;
        if event.at != Some(0) || event.kind != MachineKind::Add {
            report.drop_row(reason::LATER, line);
            continue;
        }
        let (Some(cpu), Some(memory)) = (event.cpu, event.memory) else {
            report.drop_row(reason::NO_CAPACITY, line);
            continue;
        };
        if !known.insert(event.machine) {
            return Err(records.fault(1, "another machine has this number"));
        }
        let too_large = |error| records.number_fault(4, error);
        machines.push(Machine {
            name: format!("machine-{}", event.machine).replace("--", "-"),
            count: 1,
            cpu_milli: cpu.multiple(largest.cpu_milli).map_err(too_large)?,
            memory_bytes: memory.multiple(largest.memory_bytes).map_err(too_large)?,
            ..Machine::default()
        });
        report.use_row(Time::ZERO, line);
    }
    report.lines = records.input.line();
    report.bytes = records.input.bytes();
    Ok((machines, report))
}

/// The resources of a row from parts of the largest machine.
pub(super) fn request(
    row: &mut Row,
    largest: Largest,
    cpu: Option<super::super::number::Number>,
    memory: Option<super::super::number::Number>,
) {
    let part = |number: Option<super::super::number::Number>, unit: i64| {
        number.and_then(|number| number.multiple(unit).ok()).unwrap_or(0)
    };
    row.cpu_milli = part(cpu, largest.cpu_milli);
    row.memory_bytes = part(memory, largest.memory_bytes);
}
