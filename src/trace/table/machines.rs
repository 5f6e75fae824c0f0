//! Lists of machines: reading, writing, and rows that stand for several.

use super::super::input::Input;
use super::super::record::Records;
use super::super::report::ReadReport;
use super::quantity::{self, Stored};
use super::write::TableOut;
use crate::api::selector::{is_dns_subdomain, is_label_value};
use crate::base::{Diagnostic, Set};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Machines of one kind.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Machine {
    /// The name; with a count above 1, the beginning of the names.
    pub name: String,
    /// How many such machines there are, at least 1.
    pub count: u32,
    /// CPU in millicores.
    pub cpu_milli: i64,
    /// Memory in bytes.
    pub memory_bytes: i64,
    /// The most pods that a machine takes; `None`: the consumer's default.
    pub pods: Option<i64>,
    /// The zone; may be empty.
    pub zone: String,
    /// The node pool; may be empty.
    pub pool: String,
    /// The price of one machine for an hour, in the user's currency.
    pub price_per_hour: Option<f64>,
    /// Further resources by Kubernetes name.
    pub extended: Vec<(String, i64)>,
    /// Node labels.
    pub labels: Vec<(String, String)>,
}

/// A column of a machine list, in the order in which they are written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MachineColumn {
    /// `name`.
    Name,
    /// `count`.
    Count,
    /// `cpu`: a Kubernetes quantity.
    Cpu,
    /// `memory`: a Kubernetes quantity.
    Memory,
    /// `pods`.
    Pods,
    /// `zone`.
    Zone,
    /// `pool`.
    Pool,
    /// `price_per_hour`.
    PricePerHour,
    /// `resource:<name>`: a Kubernetes quantity.
    Resource(String),
    /// `label:<key>`.
    Label(String),
}

/// The columns with fixed names.
const FIXED: [(&str, MachineColumn); 8] = [
    ("name", MachineColumn::Name),
    ("count", MachineColumn::Count),
    ("cpu", MachineColumn::Cpu),
    ("memory", MachineColumn::Memory),
    ("pods", MachineColumn::Pods),
    ("zone", MachineColumn::Zone),
    ("pool", MachineColumn::Pool),
    ("price_per_hour", MachineColumn::PricePerHour),
];

/// The most machines that one row may stand for.
pub const MAX_COUNT: i64 = 1_000_000;

impl MachineColumn {
    /// The column of that name.
    pub fn parse(name: &str) -> Option<MachineColumn> {
        if let Some((_, column)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
            return Some(column.clone());
        }
        match name.split_once(':')? {
            ("resource", key) if !key.is_empty() => Some(MachineColumn::Resource(key.to_owned())),
            ("label", key) if !key.is_empty() => Some(MachineColumn::Label(key.to_owned())),
            _ => None,
        }
    }

    /// All names and beginnings of names, for messages.
    pub(in super::super) fn known() -> impl Iterator<Item = &'static str> + Clone {
        FIXED.iter().map(|(name, _)| *name).chain(["resource:", "label:"])
    }

    /// The name as the table has it.
    pub fn name(&self) -> String {
        match self {
            MachineColumn::Resource(key) => format!("resource:{key}"),
            MachineColumn::Label(key) => format!("label:{key}"),
            fixed => FIXED.iter().find(|(_, column)| column == fixed).map_or("", |(name, _)| name).to_owned(),
        }
    }
}

/// Reads a list of machines. Errors: unknown columns, no `name`, `cpu` or `memory` column, a name
/// that is empty or used twice.
pub fn read_machines(input: Input) -> Result<(Vec<Machine>, ReadReport), Diagnostic> {
    let mut report = ReadReport::new(input.name(), "seatrial machines");
    let mut records = Records::new(input)?;
    let mut columns = Vec::new();
    for (field, name) in records.names().iter().enumerate() {
        columns.push(
            MachineColumn::parse(name)
                .ok_or_else(|| records.unknown_column(field, MachineColumn::known()))?,
        );
    }
    for needed in [MachineColumn::Name, MachineColumn::Cpu, MachineColumn::Memory] {
        if !columns.contains(&needed) {
            let message = format!("the table lacks the column `{}`", needed.name());
            return Err(Diagnostic::error(records.input.location(0), message));
        }
    }
    let mut machines = Vec::new();
    let mut names = Set::default();
    while records.next()? {
        let machine = machine(&records, &columns)?;
        let field = columns.iter().position(|column| *column == MachineColumn::Name).unwrap_or(0);
        if machine.name.is_empty() {
            return Err(records.fault(field, "a machine needs a name"));
        }
        check_name(&records, field, &machine.name)?;
        if !names.insert(machine.name.clone()) {
            return Err(records.fault(field, "another machine has this name"));
        }
        report.rows += 1;
        report.used += 1;
        machines.push(machine);
    }
    report.lines = records.input.line();
    report.bytes = records.input.bytes();
    Ok((machines, report))
}

/// Refuses what is no name of a node.
pub(in super::super) fn check_name(records: &Records, field: usize, name: &str) -> Result<(), Diagnostic> {
    if is_dns_subdomain(name) {
        return Ok(());
    }
    Err(records.fault(field, "not a legal name of a node").help("lower-case letters, digits, `-` and `.`"))
}

fn machine(records: &Records, columns: &[MachineColumn]) -> Result<Machine, Diagnostic> {
    let mut machine = Machine { count: 1, ..Machine::default() };
    for (field, column) in columns.iter().enumerate() {
        if records.field(field).is_empty() {
            continue;
        }
        let text = || records.text(field).map(str::to_owned);
        let quantity = |stored| {
            quantity::read(records.field(field), stored).map_err(|message| records.fault(field, message))
        };
        match column {
            MachineColumn::Name => machine.name = text()?,
            MachineColumn::Zone => machine.zone = text()?,
            MachineColumn::Pool => machine.pool = text()?,
            MachineColumn::Cpu => machine.cpu_milli = quantity(Stored::Milli)?,
            MachineColumn::Memory => machine.memory_bytes = quantity(Stored::Units)?,
            MachineColumn::Pods => machine.pods = Some(records.count(field)?),
            MachineColumn::PricePerHour => machine.price_per_hour = Some(price(records, field)?),
            MachineColumn::Resource(key) => machine.extended.push((key.clone(), quantity(Stored::Units)?)),
            MachineColumn::Label(_) if !is_label_value(records.text(field)?) => {
                let finding = records.fault(field, "not a legal label value");
                return Err(finding.help("at most 63 letters, digits, `-`, `_` and `.`"));
            }
            MachineColumn::Label(key) => machine.labels.push((key.clone(), text()?)),
            MachineColumn::Count => {
                let count = records.count(field)?;
                if !(1..=MAX_COUNT).contains(&count) {
                    return Err(records.fault(field, format!("the number must be between 1 and {MAX_COUNT}")));
                }
                machine.count = count as u32;
            }
        }
    }
    Ok(machine)
}

fn price(records: &Records, field: usize) -> Result<f64, Diagnostic> {
    let price = records.text(field)?.parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| records.fault(field, "not a price; write a number that is not negative"))
}

/// One machine for each that a row stands for: `name-0`, `name-1`, …; rows with a count of 1 keep
/// their name.
pub fn expand(machines: &[Machine]) -> Vec<Machine> {
    let mut all = Vec::new();
    for machine in machines {
        if machine.count <= 1 {
            all.push(machine.clone());
            continue;
        }
        let copy = |index| Machine { name: format!("{}-{index}", machine.name), count: 1, ..machine.clone() };
        all.extend((0..machine.count).map(copy));
    }
    all
}

/// Writes a list of machines, with the columns that it needs.
pub fn write_machines(out: impl Write, machines: &[Machine]) -> io::Result<()> {
    let mut columns: BTreeSet<MachineColumn> =
        [MachineColumn::Name, MachineColumn::Cpu, MachineColumn::Memory].into();
    for machine in machines {
        let mut add = |used: bool, column: MachineColumn| {
            if used {
                columns.insert(column);
            }
        };
        add(machine.count != 1, MachineColumn::Count);
        add(machine.pods.is_some(), MachineColumn::Pods);
        add(!machine.zone.is_empty(), MachineColumn::Zone);
        add(!machine.pool.is_empty(), MachineColumn::Pool);
        add(machine.price_per_hour.is_some(), MachineColumn::PricePerHour);
        columns.extend(machine.extended.iter().map(|(name, _)| MachineColumn::Resource(name.clone())));
        columns.extend(machine.labels.iter().map(|(key, _)| MachineColumn::Label(key.clone())));
    }
    let mut table = TableOut::new(out);
    table.record(columns.iter().map(MachineColumn::name))?;
    for machine in machines {
        table.record(columns.iter().map(|column| cell(column, machine)))?;
    }
    table.finish()
}

fn cell(column: &MachineColumn, machine: &Machine) -> String {
    match column {
        MachineColumn::Name => machine.name.clone(),
        MachineColumn::Count => machine.count.to_string(),
        MachineColumn::Cpu => quantity::milli(machine.cpu_milli),
        MachineColumn::Memory => quantity::bytes(machine.memory_bytes),
        MachineColumn::Pods => machine.pods.map(|pods| pods.to_string()).unwrap_or_default(),
        MachineColumn::Zone => machine.zone.clone(),
        MachineColumn::Pool => machine.pool.clone(),
        MachineColumn::PricePerHour => {
            machine.price_per_hour.map(|price| price.to_string()).unwrap_or_default()
        }
        MachineColumn::Resource(key) => {
            let value = machine.extended.iter().find(|(name, _)| name == key);
            value.map(|(_, value)| value.to_string()).unwrap_or_default()
        }
        MachineColumn::Label(key) => {
            let value = machine.labels.iter().find(|(name, _)| name == key);
            value.map(|(_, value)| value.clone()).unwrap_or_default()
        }
    }
}
