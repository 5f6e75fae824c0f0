//! `trace generate --cell`: a workload with the published shape of a large cell, written as it is drawn.

use super::super::args::GenerateArguments;
use super::super::files::write_whole;
use super::super::print;
use super::generate::{Failed, error};
use crate::cli::Exit;
use crate::trace::table::TableWriter;
use crate::trace::{Reader, Row, cell};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, BufWriter, Write};

/// Tasks where nothing is said.
const TASKS: u64 = 100_000;
/// The most tasks.
const MOST: u64 = 1_000_000_000;

/// Writes the workload; compressed with gzip if the file's name ends so.
pub(super) fn write(name: &str, arguments: &GenerateArguments) -> Result<(), Failed> {
    if name != cell::NAME {
        let finding = error("--cell", "no cell of this name").found(name);
        return Err(finding.help(format!("there is `{}`", cell::NAME)).into());
    }
    let tasks = arguments.cell_tasks.unwrap_or(TASKS);
    if tasks > MOST {
        return Err(error("--cell-tasks", format!("at most {MOST} tasks")).into());
    }
    let mut cell = cell::Cell::new(tasks, arguments.seed.unwrap_or(super::generate::SEED));
    let Some(path) = &arguments.out else {
        let mut bytes = Vec::new();
        table(&mut bytes, &mut cell).map_err(|wrong| error("standard output", wrong.to_string()))?;
        return if print(&bytes) == Exit::Done { Ok(()) } else { Err(Failed::Told) };
    };
    let is_packed = path.extension().is_some_and(|ending| ending == "gz");
    let written = write_whole(path, |out| {
        if !is_packed {
            return table(out, &mut cell);
        }
        let mut packed = BufWriter::new(GzEncoder::new(out, Compression::fast()));
        table(&mut packed, &mut cell)?;
        packed.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.flush()
    });
    written.map_err(Failed::Output)
}

fn table(out: &mut dyn Write, cell: &mut cell::Cell) -> io::Result<()> {
    let mut table = TableWriter::new(out, cell::COLUMNS)?;
    let mut row = Row::default();
    while cell.read(&mut row).map_err(|finding| io::Error::other(finding.to_string()))? {
        table.write(&row)?;
    }
    table.finish()
}
