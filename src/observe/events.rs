//! The event log: who did what to which object, and why.
//!
//! Lines go to `events.csv` as they happen; the first and most telling ones are kept for the
//! report. What happened is decided by the caller.

use super::columns;
use super::table::{FileDigest, Sink, Table};
use crate::base::Time;
use std::io;

/// How telling a line is: the report keeps the rare kinds longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    /// What happens to every pod.
    Ordinary,
    /// Failures, evictions, nodes, workloads.
    Telling,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) weight: Weight,
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) kind: &'a str,
    pub(super) object: &'a str,
    pub(super) node: &'a str,
    pub(super) message: &'a str,
}

/// The event log of a run.
#[derive(Debug)]
pub(super) struct EventLog {
    table: Option<Table>,
    /// The kept lines with their numbers, ordinary and telling ones.
    kept: [Vec<(u64, [String; 5])>; 2],
    limits: [usize; 2],
    lines: u64,
}

/// Of the lines that are kept for the report, this part is for what happens to every pod.
const ORDINARY_PART: usize = 4;

impl EventLog {
    /// Keeps at most `kept` lines for the report.
    pub(super) fn new(sink: Option<Sink>, kept: usize) -> EventLog {
        let table = sink.map(|sink| Table::new(Some(sink), columns::names(columns::EVENTS)));
        let ordinary = kept / ORDINARY_PART;
        EventLog { table, kept: Default::default(), limits: [ordinary, kept - ordinary], lines: 0 }
    }

    /// Whether a line of this weight would be written or kept; if not, [`EventLog::skip`] counts it.
    pub(super) fn wants(&self, weight: Weight) -> bool {
        self.table.is_some() || self.kept[weight as usize].len() < self.limits[weight as usize]
    }

    /// Counts a line that nobody wants.
    pub(super) fn skip(&mut self) {
        self.lines += 1;
    }

    /// Enters a line.
    pub(super) fn enter(&mut self, now: Time, line: Line<'_>) {
        self.lines += 1;
        if let Some(table) = &mut self.table {
            table.seconds(now.0);
            for text in [line.actor, line.action, line.kind, line.object, line.node, line.message] {
                table.text(text);
            }
            table.end_row();
        }
        let kept = &mut self.kept[line.weight as usize];
        if kept.len() < self.limits[line.weight as usize] {
            let time = crate::base::Span(now.0).rounded().to_string();
            let about = match (line.object, line.node) {
                (object, "") => format!("{} {object}", line.kind),
                (object, node) => format!("{} {object} on {node}", line.kind),
            };
            let texts = [time, line.actor.into(), line.action.into(), about, line.message.into()];
            kept.push((self.lines, texts));
        }
    }

    /// The kept lines in order, and how many were not kept.
    pub(super) fn kept(&mut self) -> (Vec<[String; 5]>, u64) {
        let [ordinary, telling] = &mut self.kept;
        let mut all = std::mem::take(ordinary);
        all.append(telling);
        all.sort_unstable_by_key(|(number, _)| *number);
        let omitted = self.lines - all.len() as u64;
        (all.into_iter().map(|(_, texts)| texts).collect(), omitted)
    }

    /// Ends the file, if there is one.
    pub(super) fn finish(self) -> io::Result<Option<FileDigest>> {
        self.table.map(|table| table.finish("events.csv")).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_lines_are_kept_longer() {
        let mut log = EventLog::new(None, 8);
        let line = |weight, action| Line {
            weight,
            actor: "kubelet",
            action,
            kind: "Pod",
            object: "a",
            node: "",
            message: "",
        };
        for number in 0..5 {
            log.enter(Time::from_secs(number), line(Weight::Ordinary, "Started"));
        }
        log.enter(Time::from_secs(9), line(Weight::Telling, "Killing"));
        assert!(!log.wants(Weight::Ordinary) && log.wants(Weight::Telling));
        let (kept, omitted) = log.kept();
        assert_eq!(
            kept.iter().map(|line| line[2].as_str()).collect::<Vec<_>>(),
            ["Started", "Started", "Killing"]
        );
        assert_eq!(omitted, 3);
    }
}
