//! What is in a trace that is to be written, and what the target format cannot hold of it.

use super::super::report::{ReadReport, Tally};
use super::super::swf::memory_unit;
use super::super::table::used_columns;
use super::super::{Column, Row};
use super::Target;
use crate::base::{Diagnostic, Location, Set, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Why rows are left out, or lose something that is no column.
pub mod reason {
    /// A job of the target format needs processors.
    pub const NO_PROCESSORS: &str = "no number of processors";
    /// A job of the target format needs a run time.
    pub const NO_RUN_TIME: &str = "no run time";
    /// The table has one number of processors, SWF two.
    pub const TWO_PROCESSORS: &str = "the difference of allocated and requested processors";
    /// The memory field of SWF counts kB for each processor.
    pub const MEMORY_ROUNDED: &str = "bytes of memory below a kB for each processor (rounded up)";
    /// SWF has a status only.
    pub const EXIT_CODE: &str = "exit_code (kept as the status 0: failed)";
    /// An estimate of 0 reads as none.
    pub const ZERO_ESTIMATE: &str = "estimate_s of 0";
    /// Rows that several node labels are asked of, but for one.
    pub const OTHER_NODES: &str = "nodes of a second label";
    /// Labels without a value read as none.
    pub const EMPTY_LABEL: &str = "labels without a value";
    /// The separator of values cannot stand in a value.
    pub const SPLIT_NODES: &str = "values of nodes with `|`";
}

/// What the rows of a trace have, for one target format.
#[derive(Clone, Debug)]
pub struct Census {
    target: Target,
    rows: u64,
    columns: BTreeSet<Column>,
    lost: BTreeMap<String, Tally>,
    left_out: BTreeMap<&'static str, Tally>,
    max_processors: u32,
    /// Jobs by what Batsim would call them; more than one of a name are numbered.
    ids: Set<String>,
    repeated_ids: bool,
}

impl Census {
    /// A census of no rows. Memory: bounded, but for Batsim the names of all jobs.
    pub fn new(target: Target) -> Census {
        Census {
            target,
            rows: 0,
            // A table without columns would be no table.
            columns: BTreeSet::from([Column::Submit]),
            lost: BTreeMap::new(),
            left_out: BTreeMap::new(),
            max_processors: 0,
            ids: Set::default(),
            repeated_ids: false,
        }
    }

    /// The format that the census is for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Rows that will be written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The columns of a table with these rows.
    pub fn columns(&self) -> &BTreeSet<Column> {
        &self.columns
    }

    /// What the format cannot hold, with the rows that lose it.
    pub fn lost(&self) -> &BTreeMap<String, Tally> {
        &self.lost
    }

    /// Rows that cannot be written at all, by reason.
    pub fn left_out(&self) -> &BTreeMap<&'static str, Tally> {
        &self.left_out
    }

    /// The processors of the largest row.
    pub fn max_processors(&self) -> u32 {
        self.max_processors
    }

    /// Whether jobs share a name or number.
    pub(super) fn has_repeated_ids(&self) -> bool {
        self.repeated_ids
    }

    /// Counts a row. Errors: a value that no table can hold.
    pub fn add(&mut self, row: &Row, file: &ReadReport) -> Result<(), Diagnostic> {
        if let Some(reason) = left_out(self.target, row) {
            tally(&mut self.left_out, reason, row.line);
            return Ok(());
        }
        self.rows += 1;
        self.max_processors = self.max_processors.max(row.processors);
        match self.target {
            Target::Swf => self.add_for_swf(row),
            Target::Table => self.add_for_table(row, file)?,
            Target::Batsim => self.add_for_batsim(row),
        }
        Ok(())
    }

    fn lose(&mut self, what: impl Into<String>, line: u64) {
        tally(&mut self.lost, what.into(), line);
    }

    fn add_for_swf(&mut self, row: &Row) {
        let mut columns = BTreeSet::new();
        used_columns(row, &mut columns);
        for column in columns {
            if matches!(
                column,
                Column::Name | Column::Tasks | Column::Cpu | Column::Priority | Column::RestartPolicy
            ) || matches!(
                column,
                Column::After | Column::Deadline | Column::Nodes(_) | Column::Resource(_) | Column::Label(_)
            ) {
                self.lose(column.name(), row.line);
            }
        }
        let memory = row.memory_bytes > 0 && !(row.memory_bytes as u64).is_multiple_of(memory_unit(row));
        let found = [
            (row.exit_code != 0, reason::EXIT_CODE),
            (row.estimate == Some(Span::ZERO), reason::ZERO_ESTIMATE),
            (memory, reason::MEMORY_ROUNDED),
        ];
        for (_, what) in found.into_iter().filter(|(lost, _)| *lost) {
            self.lose(what, row.line);
        }
    }

    fn add_for_table(&mut self, row: &Row, file: &ReadReport) -> Result<(), Diagnostic> {
        if let Some(text) = line_break(row) {
            let line = u32::try_from(row.line).unwrap_or(u32::MAX);
            let place = Location::at(file.file.clone(), line, 0);
            return Err(
                Diagnostic::error(place, "a value holds a line break, which a table cannot").found(text)
            );
        }
        if row.number != self.rows as i64 {
            self.columns.insert(Column::Number);
        }
        used_columns(row, &mut self.columns);
        if let Some((key, values)) = &row.node_labels_in {
            let other = |column: &Column| matches!(column, Column::Nodes(known) if known != key);
            // A table has one column for node labels: the one that came first.
            if self.columns.iter().any(other) {
                self.columns.remove(&Column::Nodes(key.clone()));
                self.lose(reason::OTHER_NODES, row.line);
            } else if values.iter().any(|value| value.contains('|')) {
                self.lose(reason::SPLIT_NODES, row.line);
            }
        }
        if row.labels.iter().any(|(_, value)| value.is_empty()) {
            self.lose(reason::EMPTY_LABEL, row.line);
        }
        let (allocated, requested) = (row.allocated_processors, row.requested_processors);
        if allocated > 0 && requested > 0 && allocated != requested {
            self.lose(reason::TWO_PROCESSORS, row.line);
        }
        Ok(())
    }

    fn add_for_batsim(&mut self, row: &Row) {
        let mut columns = BTreeSet::new();
        used_columns(row, &mut columns);
        let held = [
            Column::Number,
            Column::Name,
            Column::Submit,
            Column::RunTime,
            Column::Estimate,
            Column::Processors,
        ];
        for column in columns.into_iter().filter(|column| !held.contains(column)) {
            self.lose(column.name(), row.line);
        }
        self.repeated_ids |= !self.ids.insert(row.label());
    }

    /// What is lost and left out, as warnings: one for the columns, one for each reason.
    pub fn warnings(&self, file: &ReadReport) -> Vec<Diagnostic> {
        let rows = |tally: &Tally| format!("{} {}", tally.rows, if tally.rows == 1 { "row" } else { "rows" });
        let mut all = Vec::new();
        if !self.lost.is_empty() {
            let parts: Vec<String> =
                self.lost.iter().map(|(what, tally)| format!("{what} ({})", rows(tally))).collect();
            let message = format!("{} cannot hold: {}", self.target.title(), parts.join(", "));
            all.push(Diagnostic::warning(Location::file(file.file.clone()), message));
        }
        for (reason, tally) in &self.left_out {
            let line = tally.first_line;
            let place = Location::file(file.file.clone());
            let message = format!(
                "{} left out of {}: {reason}; first in line {line}",
                rows(tally),
                self.target.title()
            );
            all.push(Diagnostic::warning(place, message));
        }
        all
    }
}

/// Why a row cannot be written at all.
pub(super) fn left_out(target: Target, row: &Row) -> Option<&'static str> {
    match target {
        Target::Table => None,
        _ if row.processors == 0 => Some(reason::NO_PROCESSORS),
        _ if row.run_time.is_none() => Some(reason::NO_RUN_TIME),
        _ => None,
    }
}

/// The row as SWF says it: a failed exit is a status.
pub(super) fn as_swf(row: &mut Row) {
    if row.status < 0 && row.exit_code != 0 {
        row.status = 0;
    }
}

/// A text of the row that is not one line.
fn line_break(row: &Row) -> Option<&str> {
    let labels = row.labels.iter().flat_map(|(key, value)| [key, value]);
    let nodes = row.node_labels_in.iter().flat_map(|(key, values)| values.iter().chain([key]));
    let keys = row.extended.iter().map(|(name, _)| name);
    let texts = [&row.name].into_iter().chain(labels).chain(nodes).chain(keys);
    texts.map(String::as_str).find(|text| text.contains(['\n', '\r']))
}

fn tally<K: Ord>(tallies: &mut BTreeMap<K, Tally>, what: K, line: u64) {
    tallies.entry(what).or_insert(Tally { rows: 0, first_line: line }).rows += 1;
}
