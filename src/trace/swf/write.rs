//! Writing SWF.

use super::super::{Header, Row};
use crate::base::Span;
use std::io::{self, Write};

/// Writes the header's directives, one line each.
pub fn write_header(out: &mut dyn Write, header: &Header) -> io::Result<()> {
    for (key, value) in &header.entries {
        writeln!(out, "; {key}: {value}")?;
    }
    Ok(())
}

/// Writes one job line. What SWF has no field for is lost: names, labels, further resources.
pub fn write_row(out: &mut dyn Write, row: &Row) -> io::Result<()> {
    let time = |span: Option<Span>| span.map_or_else(|| "-1".to_owned(), seconds);
    let processors = if row.processors > 0 { i64::from(row.processors) } else { -1 };
    let allocated = if row.allocated_processors > 0 { row.allocated_processors } else { -1 };
    let requested = if row.requested_processors > 0 { row.requested_processors } else { processors };
    // kB per processor, rounded up: a request must not shrink. Readers multiply by the larger number.
    let kilobytes = match row.memory_bytes {
        0 => -1,
        bytes => (bytes.max(0) as u64).div_ceil(memory_unit(row)) as i64,
    };
    writeln!(
        out,
        "{:>5} {:>7} {:>6} {:>6} {:>4} -1 -1 {requested:>4} {:>6} {kilobytes} {} {} {} -1 {} {} {} {}",
        row.number,
        seconds(Span(row.submit.0)),
        time(row.recorded_wait),
        time(row.run_time),
        allocated,
        time(row.estimate),
        row.status,
        row.user,
        row.group,
        row.queue,
        row.partition,
        row.preceding,
        time(row.think_time),
    )
}

/// The bytes that one unit of the memory field stands for: a kB for each processor.
pub(in super::super) fn memory_unit(row: &Row) -> u64 {
    let requested =
        if row.requested_processors > 0 { row.requested_processors } else { row.processors.into() };
    1024 * row.allocated_processors.max(requested).max(1) as u64
}

/// Seconds as a decimal number, exactly, without needless zeros.
pub(in super::super) fn seconds(span: Span) -> String {
    let (whole, nano) = (span.0 / 1_000_000_000, span.0 % 1_000_000_000);
    if nano == 0 {
        return whole.to_string();
    }
    let fraction = format!("{nano:09}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}
