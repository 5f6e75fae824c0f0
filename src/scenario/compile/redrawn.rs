//! A trace whose users are drawn anew: many seeds are then many traces like the recorded one.
//!
//! The rule is [`resample`](crate::trace::transform::resample)'s. Here it is told which rows it gets: those
//! that the scenario selects.

use super::rows::Window;
use crate::base::Diagnostic;
use crate::scenario::At;
use crate::scenario::schema::scalars::Period;
use crate::trace::report::{ReadReport, Tally};
use crate::trace::transform::{Resample, reason, resample};
use crate::trace::{Reader, Row};

/// What is drawn.
#[derive(Clone)]
pub(super) struct Redraw {
    /// The period by whose multiples copies are moved, and where it is written.
    pub(super) period: At<Period>,
    /// The seed of the trace.
    pub(super) seed: u64,
    /// Of which rows.
    pub(super) window: Window,
    /// More rows than this are not held in memory.
    pub(super) most: u64,
}

/// The rows of a reader with other users, drawn once all of them are read.
pub(super) struct Redrawn {
    inner: Box<dyn Reader + Send>,
    redraw: Redraw,
    gathered: Vec<Row>,
    drawn: Option<std::vec::IntoIter<Row>>,
    report: ReadReport,
}

impl Redrawn {
    pub(super) fn new(inner: Box<dyn Reader + Send>, redraw: Redraw) -> Redrawn {
        let report = inner.report().clone();
        Redrawn { inner, redraw, gathered: Vec::new(), drawn: None, report }
    }

    /// Reads the rows that are selected. After an error it goes on behind it when it is called again.
    fn gather(&mut self) -> Result<(), Diagnostic> {
        let Redraw { window, most, .. } = &self.redraw;
        let (window, most) = (*window, *most);
        let mut row = Row::default();
        while (self.gathered.len() as u64) < window.rows && self.inner.read(&mut row)? {
            if !window.holds(row.submit) {
                continue;
            }
            if self.gathered.len() as u64 >= most {
                self.drawn = Some(Vec::new().into_iter());
                return Err(self.refuse(&format!("more than {most} rows are not held in memory")));
            }
            self.gathered.push(std::mem::take(&mut row));
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<std::vec::IntoIter<Row>, Diagnostic> {
        self.gather()?;
        // After what is wrong with the whole there is nothing to go on with.
        self.drawn = Some(Vec::new().into_iter());
        let rows = std::mem::take(&mut self.gathered);
        self.report = self.inner.report().clone();
        if rows.is_empty() {
            return Ok(Vec::new().into_iter());
        }
        let options = Resample { users: None, period: self.redraw.period.0 };
        let new = resample(&rows, self.redraw.seed, options).map_err(|message| self.refuse(&message))?;
        if new.lost_dependencies > 0 {
            let lost = Tally { rows: new.lost_dependencies, first_line: 0 };
            self.report.repaired.insert(reason::LOST_DEPENDENCY, lost);
        }
        Ok(new.rows.into_iter())
    }

    fn refuse(&self, why: &str) -> Diagnostic {
        let file = &self.inner.report().file;
        let finding = self.redraw.period.error(format!("the users of {file} cannot be drawn anew: {why}"));
        finding.help("leave `resample` out; `shake` shifts the submit times of any trace")
    }
}

impl Reader for Redrawn {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        if self.drawn.is_none() {
            let drawn = self.draw()?;
            self.drawn = Some(drawn);
        }
        let next = self.drawn.as_mut().and_then(Iterator::next);
        let found = next.is_some();
        *row = next.unwrap_or_default();
        Ok(found)
    }

    fn report(&self) -> &ReadReport {
        &self.report
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.inner.sha256()
    }
}
