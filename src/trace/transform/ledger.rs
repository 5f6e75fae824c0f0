//! The report of a change that stands over another reader.

use super::super::report::{OUT_OF_ORDER, ReadReport, Tally};
use std::collections::BTreeMap;

/// What a change did, brought together with what its input did once that has ended.
pub(super) struct Ledger {
    report: ReadReport,
    ended: bool,
}

impl Ledger {
    pub(super) fn new(inner: &ReadReport) -> Ledger {
        Ledger { report: ReadReport::new(&inner.file, inner.format), ended: false }
    }

    /// What the change itself did, and after the end everything.
    pub(super) fn report(&self) -> &ReadReport {
        &self.report
    }

    /// To count what the change does.
    pub(super) fn own(&mut self) -> &mut ReadReport {
        &mut self.report
    }

    /// Takes over what the inputs did. The order of rows is told of the result only.
    pub(super) fn end<'a>(&mut self, inputs: impl IntoIterator<Item = &'a ReadReport>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        for (index, input) in inputs.into_iter().enumerate() {
            let own = &mut self.report;
            own.lines += input.lines;
            own.bytes += input.bytes;
            own.rows += input.rows;
            own.notes.extend(input.notes.iter().cloned());
            add(&mut own.dropped, &input.dropped);
            add(&mut own.repaired, &input.repaired);
            if index == 0 {
                own.format = input.format;
                own.header = input.header.clone();
            }
        }
    }
}

fn add(to: &mut BTreeMap<&'static str, Tally>, from: &BTreeMap<&'static str, Tally>) {
    for (reason, tally) in from.iter().filter(|(reason, _)| **reason != OUT_OF_ORDER) {
        let sum = to.entry(reason).or_insert(Tally { rows: 0, first_line: tally.first_line });
        sum.rows += tally.rows;
    }
}
