//! Readers of formats with one row a line: the loop that they share.

use super::record::Records;
use super::report::ReadReport;
use super::{Reader, Row};
use crate::base::Diagnostic;

/// What a format makes of a record.
pub(super) trait Lines {
    /// Fills the row, which has its defaults but for `line` and `number` (the count of the rows, from 1);
    /// the error of a record that is dropped is the reason.
    fn fill(&mut self, records: &Records, row: &mut Row, report: &mut ReadReport)
    -> Result<Fate, Diagnostic>;
}

/// What becomes of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is handed out.
    Used,
    /// It is dropped, for this reason.
    Dropped(&'static str),
}

/// A reader of such a format.
pub(super) struct LineReader<F> {
    records: Records,
    format: F,
    report: ReadReport,
}

impl<F: Lines> LineReader<F> {
    pub(super) fn new(records: Records, format: F, name: &'static str) -> LineReader<F> {
        let report = ReadReport::new(records.input.name(), name);
        LineReader { records, format, report }
    }

    fn next(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        while self.records.next()? {
            row.reset();
            row.line = self.records.input.line();
            row.number = self.report.rows as i64 + 1;
            let fate = self.format.fill(&self.records, row, &mut self.report)?;
            self.report.rows += 1;
            match fate {
                Fate::Used => {
                    self.report.use_row(row.submit, row.line);
                    return Ok(true);
                }
                Fate::Dropped(reason) => self.report.drop_row(reason, row.line),
            }
        }
        Ok(false)
    }
}

impl<F: Lines> Reader for LineReader<F> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        let result = self.next(row);
        self.report.lines = self.records.input.line();
        self.report.bytes = self.records.input.bytes();
        result
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.records.input.sha256().map(Some)
    }
}
