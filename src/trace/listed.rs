//! Readers of formats whose rows are known only when the whole input has been read.

use super::input::Input;
use super::report::ReadReport;
use super::{Reader, Row};
use crate::base::Diagnostic;

/// What a format makes of an input: all rows in their order; drops and repairs go into the report. The
/// input is read to its end, or to the first error.
pub(super) type ReadAll = fn(Input, &mut ReadReport, &Choices) -> (Input, Result<Vec<Row>, Diagnostic>);

/// The choices that such formats know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choices {
    /// The processors of the machine; jobs that need more are dropped.
    pub(super) max_processors: Option<u32>,
    /// Whether jobs that took no time are used.
    pub(super) keep_zero_run: bool,
}

/// A reader of such a format.
pub(super) struct ListReader {
    /// The input before it is read, and what is left of it after.
    input: Option<Input>,
    read: Option<ReadAll>,
    choices: Choices,
    rows: std::vec::IntoIter<Row>,
    report: ReadReport,
}

impl ListReader {
    pub(super) fn new(input: Input, name: &'static str, read: ReadAll, choices: Choices) -> ListReader {
        let report = ReadReport::new(input.name(), name);
        ListReader { input: Some(input), read: Some(read), choices, rows: Vec::new().into_iter(), report }
    }

    fn load(&mut self) -> Result<(), Diagnostic> {
        let Some(read) = self.read.take() else { return Ok(()) };
        let Some(input) = self.input.take() else { return Ok(()) };
        let (input, rows) = read(input, &mut self.report, &self.choices);
        self.report.lines = input.line();
        self.report.bytes = input.bytes();
        self.input = Some(input);
        self.rows = rows?.into_iter();
        Ok(())
    }
}

impl Reader for ListReader {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        self.load()?;
        let Some(next) = self.rows.next() else { return Ok(false) };
        *row = next;
        self.report.rows += 1;
        self.report.use_row(row.submit, row.line);
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.input.as_mut().map(Input::sha256).transpose()
    }
}

/// Counts a row that is dropped before it is one of the list.
pub(super) fn drop_row(report: &mut ReadReport, reason: &'static str, line: u64) {
    report.rows += 1;
    report.drop_row(reason, line);
}

/// A number of seconds as nanoseconds; `None` if it is negative, not finite or larger than the format of
/// times here.
pub(super) fn seconds(value: f64) -> Option<u64> {
    let is_time = value.is_finite() && (0.0..1e10).contains(&value);
    // From -0.0 on; a float has nanoseconds up to some months, and microseconds up to 270 years.
    is_time.then(|| libm::round(value * 1e9) as u64)
}
