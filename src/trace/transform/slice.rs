//! Cutting: the rows of a time window, of a range, of some users, queues or sizes.

use super::super::report::{Header, ReadReport};
use super::super::{Reader, Row};
use super::ledger::Ledger;
use super::{follow, reason};
use crate::base::{Diagnostic, Set, Span, Time};
use std::sync::Arc;

/// Which rows stay. A row must pass every condition that is given; a list that is empty is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Slice {
    /// Rows that are submitted earlier are dropped.
    pub from: Option<Time>,
    /// Rows that are submitted at this time or later are dropped.
    pub until: Option<Time>,
    /// The first and the last row, from 1, in the order of the input, counting used rows.
    pub rows: Option<(u64, u64)>,
    /// Users.
    pub users: Vec<i32>,
    /// Groups.
    pub groups: Vec<i32>,
    /// Queues.
    pub queues: Vec<i32>,
    /// Partitions.
    pub partitions: Vec<i32>,
    /// The smallest and the largest number of processors.
    pub processors: Option<(u32, u32)>,
    /// The smallest and the largest CPU request of a task in millicores.
    pub cpu_milli: Option<(i64, i64)>,
    /// The shortest and the longest run time; rows without one are dropped.
    pub run_times: Option<(Span, Span)>,
    /// This time becomes time 0; rows that are earlier are submitted at 0, and counted.
    pub rebase: Option<Time>,
}

impl Slice {
    /// What is wrong with the conditions, in words for the person who gave them.
    pub fn check(&self) -> Result<(), String> {
        fn ordered<T: PartialOrd>(what: &str, range: Option<&(T, T)>) -> Result<(), String> {
            match range {
                Some((low, high)) if low > high => Err(format!("the range of {what} is empty")),
                _ => Ok(()),
            }
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && from >= until
        {
            return Err("the time window is empty: its end is not after its start".into());
        }
        ordered("rows", self.rows.as_ref())?;
        ordered("processors", self.processors.as_ref())?;
        ordered("CPU requests", self.cpu_milli.as_ref())?;
        ordered("run times", self.run_times.as_ref())
    }

    /// Why the row at `index`, from 1, is dropped; `None` if it stays.
    pub fn refusal(&self, index: u64, row: &Row) -> Option<&'static str> {
        fn within<T: PartialOrd>(range: Option<&(T, T)>, value: &T) -> bool {
            range.is_none_or(|(low, high)| (low..=high).contains(&value))
        }
        let among = |list: &[i32], number: i32| list.is_empty() || list.contains(&number);
        let in_window = self.from.is_none_or(|from| row.submit >= from)
            && self.until.is_none_or(|until| row.submit < until);
        let size = within(self.processors.as_ref(), &row.processors)
            && within(self.cpu_milli.as_ref(), &row.cpu_milli);
        let run_time = match (&self.run_times, &row.run_time) {
            (Some(_), None) => false,
            (range, run) => run.as_ref().is_none_or(|run| within(range.as_ref(), run)),
        };
        let conditions = [
            (within(self.rows.as_ref(), &index), reason::OUTSIDE_ROWS),
            (in_window, reason::OUTSIDE_WINDOW),
            (among(&self.users, row.user), reason::OTHER_USER),
            (among(&self.groups, row.group), reason::OTHER_GROUP),
            (among(&self.queues, row.queue), reason::OTHER_QUEUE),
            (among(&self.partitions, row.partition), reason::OTHER_PARTITION),
            (size, reason::OTHER_SIZE),
            (run_time, reason::OTHER_RUN_TIME),
        ];
        conditions.into_iter().find(|(met, _)| !met).map(|(_, reason)| reason)
    }
}

/// The rows of a reader that stay, in its order. A job that waits for one that has not stayed, or that
/// comes later, does not wait; with [`Sliced::with_kept`] those that come later are known. Memory: the
/// numbers of the rows that stayed.
pub struct Sliced<R> {
    inner: R,
    slice: Slice,
    /// Rows read.
    index: u64,
    /// Numbers of the rows that stayed.
    kept: Set<i64>,
    /// The same from a pass before.
    known: Option<Arc<Set<i64>>>,
    ledger: Ledger,
}

impl<R: Reader> Sliced<R> {
    /// Cuts the rows of `inner`.
    pub fn new(inner: R, slice: Slice) -> Sliced<R> {
        let ledger = Ledger::new(inner.report());
        Sliced { inner, slice, index: 0, kept: Set::default(), known: None, ledger }
    }

    /// The same with the numbers of all rows that stay, from [`Sliced::kept`] of a pass before.
    pub fn with_kept(inner: R, slice: Slice, kept: Arc<Set<i64>>) -> Sliced<R> {
        Sliced { known: Some(kept), ..Sliced::new(inner, slice) }
    }

    /// The numbers of the rows that have stayed.
    pub fn kept(self) -> Set<i64> {
        self.kept
    }

    fn end(&mut self) {
        self.ledger.end([self.inner.report()]);
        let header = &mut self.ledger.own().header;
        header.remove("EndTime");
        if let Some(rebase) = self.slice.rebase.filter(|rebase| *rebase > Time::ZERO) {
            move_start(header, rebase);
        }
    }
}

/// The log begins later.
fn move_start(header: &mut Header, rebase: Time) {
    header.remove("StartTime");
    if let Some(start) = &mut header.unix_start_time {
        *start = start.saturating_add((rebase.0 / 1_000_000_000) as i64);
        let text = start.to_string();
        header.set("UnixStartTime", text);
    }
}

impl<R: Reader> Reader for Sliced<R> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        loop {
            if !self.inner.read(row)? {
                self.end();
                return Ok(false);
            }
            self.index += 1;
            let report = self.ledger.own();
            if let Some(reason) = self.slice.refusal(self.index, row) {
                report.drop_row(reason, row.line);
                continue;
            }
            if self.known.is_none() {
                self.kept.insert(row.number);
            }
            let kept = self.known.as_deref().unwrap_or(&self.kept);
            if follow(row, |number| kept.contains(&number).then_some(number)) {
                report.repair_row(reason::LOST_DEPENDENCY, row.line);
            }
            if let Some(rebase) = self.slice.rebase {
                if row.submit < rebase {
                    report.repair_row(reason::BEFORE_START, row.line);
                }
                row.submit = Time(row.submit.0.saturating_sub(rebase.0));
            }
            report.use_row(row.submit, row.line);
            return Ok(true);
        }
    }

    fn report(&self) -> &ReadReport {
        self.ledger.report()
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        self.inner.sha256()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Input, Rows, SwfOptions, SwfReader};
    use super::*;

    fn row(number: i64, submit: u64) -> Row {
        Row { number, submit: Time::from_secs(submit), processors: number as u32, ..Row::default() }
    }

    fn cut<R: Reader>(inner: R, slice: Slice) -> (Vec<Row>, ReadReport) {
        let mut reader = Sliced::new(inner, slice);
        let mut all = Vec::new();
        let mut row = Row::default();
        while reader.read(&mut row).unwrap() {
            all.push(row.clone());
        }
        (all, reader.report().clone())
    }

    fn numbers(slice: Slice) -> Vec<i64> {
        let mut rows: Vec<Row> = (1..=6).map(|n| row(n, n as u64 * 10)).collect();
        rows[1].user = 4;
        rows[2].queue = 2;
        rows[3].run_time = Some(Span::from_secs(60));
        rows[4].cpu_milli = 500;
        let (rows, report) = cut(Rows::new("rows", rows), slice);
        assert_eq!(report.rows, report.used + report.dropped_rows());
        rows.iter().map(|row| row.number).collect()
    }

    #[test]
    fn every_condition_cuts() {
        let time = |seconds| Some(Time::from_secs(seconds));
        let plain = Slice::default();
        assert_eq!(numbers(plain.clone()), [1, 2, 3, 4, 5, 6]);
        assert_eq!(numbers(Slice { from: time(20), until: time(40), ..plain.clone() }), [2, 3]);
        assert_eq!(numbers(Slice { rows: Some((5, 9)), ..plain.clone() }), [5, 6]);
        assert_eq!(numbers(Slice { users: vec![9, 4], ..plain.clone() }), [2]);
        assert_eq!(numbers(Slice { queues: vec![2], ..plain.clone() }), [3]);
        assert_eq!(numbers(Slice { processors: Some((2, 3)), ..plain.clone() }), [2, 3]);
        assert_eq!(numbers(Slice { cpu_milli: Some((1, 1_000)), ..plain.clone() }), [5]);
        assert_eq!(numbers(Slice { run_times: Some((Span(1), Span::from_secs(60))), ..plain.clone() }), [4]);
        assert_eq!(numbers(Slice { groups: vec![1], ..plain.clone() }), [0; 0]);
        assert_eq!(numbers(Slice { partitions: vec![-1], ..plain }), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn empty_ranges_are_refused() {
        let time = |seconds| Some(Time::from_secs(seconds));
        for (slice, part) in [
            (Slice { from: time(5), until: time(5), ..Slice::default() }, "window is empty"),
            (Slice { rows: Some((3, 2)), ..Slice::default() }, "range of rows is empty"),
            (Slice { processors: Some((3, 2)), ..Slice::default() }, "range of processors"),
            (Slice { cpu_milli: Some((3, 2)), ..Slice::default() }, "range of CPU"),
            (Slice { run_times: Some((Span(3), Span(2))), ..Slice::default() }, "range of run times"),
        ] {
            let message = slice.check().unwrap_err();
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(Slice { from: time(5), until: time(6), ..Slice::default() }.check(), Ok(()));
    }

    #[test]
    fn dependencies_on_what_is_gone_are_left_out_and_counted() {
        let rows = vec![row(1, 0), row(2, 10), row(3, 20), row(4, 30)];
        let rows =
            rows.into_iter().map(|row| Row { preceding: row.number - 1, think_time: Some(Span(5)), ..row });
        let slice = Slice { from: Some(Time::from_secs(15)), ..Slice::default() };
        let (rows, report) = cut(Rows::new("rows", rows.collect::<Vec<_>>()), slice);
        assert_eq!((rows[0].preceding, rows[0].think_time), (-1, None));
        assert_eq!((rows[1].preceding, rows[1].think_time), (3, Some(Span(5))));
        assert_eq!(report.repaired[reason::LOST_DEPENDENCY].rows, 1);
    }

    #[test]
    fn a_job_may_wait_for_one_that_comes_later() {
        let rows = || Rows::new("rows", vec![Row { after: vec![2, 9], ..row(1, 0) }, row(2, 10)]);
        assert_eq!(cut(rows(), Slice::default()).0[0].after, [0; 0]);
        let mut first = Sliced::new(rows(), Slice::default());
        while first.read(&mut Row::default()).unwrap() {}
        let mut second = Sliced::with_kept(rows(), Slice::default(), Arc::new(first.kept()));
        let mut row = Row::default();
        assert_eq!(second.read(&mut row), Ok(true));
        assert_eq!(
            (row.after.as_slice(), second.report().repaired[reason::LOST_DEPENDENCY].rows),
            (&[2][..], 1)
        );
    }

    #[test]
    fn a_new_time_zero_moves_the_calendar_with_it() {
        let log = "; UnixStartTime: 1000\n; StartTime: long ago\n; EndTime: later\n\
                   1 500 -1 5 1 -1 -1 1 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n2 400 -1 5 1 -1 -1 1 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n";
        let reader = SwfReader::new(Input::from_bytes("a.swf", log).unwrap(), SwfOptions::default());
        let slice = Slice { rebase: Some(Time::from_secs(450)), ..Slice::default() };
        let (rows, report) = cut(reader, slice);
        assert_eq!(rows.iter().map(|row| row.submit).collect::<Vec<_>>(), [Time::from_secs(50), Time::ZERO]);
        assert_eq!(report.header.unix_start_time, Some(1450));
        assert_eq!(report.header.entries, [("UnixStartTime".to_owned(), "1450".to_owned())]);
        assert_eq!(report.repaired[reason::BEFORE_START].rows, 1);
    }
}
