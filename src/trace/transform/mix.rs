//! Mixing: several traces into one.
//!
//! Rows come in order of submission as far as the inputs are in order; of one time, those of the
//! earlier input come first. Numbers of jobs, users and groups of a later input follow those of the
//! earlier ones, so that they stay apart; queues and partitions keep their numbers, because they are
//! the machine's.

use super::super::report::{Header, ReadReport};
use super::super::{Reader, Row};
use super::ledger::Ledger;
use super::{follow, reason};
use crate::base::rng::{Purpose, key_of};
use crate::base::{Diagnostic, Location, Span, Streams};

/// What a weight below 1 draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sampled {
    /// Jobs, each by itself.
    #[default]
    Jobs,
    /// Users with all of their jobs; jobs without a user each by itself.
    Users,
}

/// The highest numbers that a trace uses, and the lowest job number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    lowest_job: i64,
    job: i64,
    user: i32,
    group: i32,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers { lowest_job: i64::MAX, job: 0, user: 0, group: 0 }
    }
}

impl Numbers {
    /// Takes note of the numbers of a row.
    pub fn add(&mut self, row: &Row) {
        self.lowest_job = self.lowest_job.min(row.number);
        self.job = self.job.max(row.number);
        self.user = self.user.max(row.user);
        self.group = self.group.max(row.group);
    }
}

/// One of the traces.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Part {
    /// All submit times are this much later.
    pub offset: Span,
    /// The share of the rows that is kept, above 0 and at most 1.
    pub weight: f64,
    /// Its numbers, from a pass over it.
    pub numbers: Numbers,
}

/// A trace while it is read.
struct Source<R> {
    reader: R,
    part: Part,
    /// What is added to the numbers of jobs, users and groups.
    shift: (i64, i32, i32),
    draws: Streams,
    /// The row that comes next.
    next: Option<Row>,
    ended: bool,
}

/// Several traces as one.
pub struct Mixed<R> {
    sources: Vec<Source<R>>,
    sampled: Sampled,
    ledger: Ledger,
}

impl<R: Reader> Mixed<R> {
    /// Mixes the traces. The error says which weight is wrong, or that there are too many numbers.
    pub fn new(parts: Vec<(R, Part)>, sampled: Sampled, seed: u64) -> Result<Mixed<R>, String> {
        let mut sources = Vec::new();
        let (mut job, mut user, mut group) = (0_i64, 0_i32, 0_i32);
        for (index, (reader, part)) in parts.into_iter().enumerate() {
            if !(part.weight > 0.0 && part.weight <= 1.0) {
                return Err(format!("the weight {} is not above 0 and at most 1", part.weight));
            }
            // Logs that count from 0 or below must not reach the numbers before theirs.
            let below = if index == 0 { 0 } else { 1_i64.saturating_sub(part.numbers.lowest_job).max(0) };
            let too_many = || "the numbers of all traces together are too large".to_owned();
            let first = job.checked_add(below).ok_or_else(too_many)?;
            let shift = (first, user, group);
            job = first.checked_add(part.numbers.job).ok_or_else(too_many)?;
            user = user.checked_add(part.numbers.user).ok_or_else(too_many)?;
            group = group.checked_add(part.numbers.group).ok_or_else(too_many)?;
            let draws = Streams::new(seed ^ key_of(&format!("mix {index}")));
            sources.push(Source { reader, part, shift, draws, next: None, ended: false });
        }
        let name = sources.iter().map(|source| &*source.reader.report().file).collect::<Vec<_>>().join(" + ");
        let ledger = Ledger::new(&ReadReport::new(&name.into(), "mixed"));
        Ok(Mixed { sources, sampled, ledger })
    }

    /// Fetches the next row of a source.
    fn fetch(&mut self, index: usize) -> Result<(), Diagnostic> {
        let source = &mut self.sources[index];
        let mut row = Row::default();
        while source.reader.read(&mut row)? {
            if !source.is_drawn(row.user, row.number, self.sampled) {
                self.ledger.own().drop_row(reason::NOT_DRAWN, row.line);
                continue;
            }
            if source.place(&mut row, index, self.sampled)? {
                self.ledger.own().repair_row(reason::LOST_DEPENDENCY, row.line);
            }
            source.next = Some(row);
            return Ok(());
        }
        source.ended = true;
        Ok(())
    }

    /// The header of the whole: the largest machine, and the start of the first trace.
    fn end(&mut self) {
        self.ledger.end(self.sources.iter().map(|source| source.reader.report()));
        let headers = || self.sources.iter().map(|source| &source.reader.report().header);
        let max_procs = headers().filter_map(|header| header.max_procs).max();
        let mut whole = Header { max_procs, ..Header::default() };
        if let Some(processors) = whole.max_procs {
            whole.set("MaxProcs", processors.to_string());
        }
        let moved = self.sources.first().is_some_and(|source| source.part.offset > Span::ZERO);
        if let Some(start) = headers().next().and_then(|header| header.unix_start_time).filter(|_| !moved) {
            whole.unix_start_time = Some(start);
            whole.set("UnixStartTime", start.to_string());
        }
        let report = self.ledger.own();
        report.format = "mixed";
        report.header = whole;
    }
}

impl<R: Reader> Source<R> {
    /// Whether the weight keeps a row of this user and number.
    fn is_drawn(&self, user: i32, number: i64, sampled: Sampled) -> bool {
        let (purpose, entity) = match sampled {
            Sampled::Users if user >= 0 => (Purpose::Size, user as u64),
            _ => (Purpose::Arrival, number as u64),
        };
        self.part.weight >= 1.0 || self.draws.stream(purpose, entity).unit() < self.part.weight
    }

    /// Gives a row its place in the whole; whether it lost a dependency. A dependency is looked for
    /// among the jobs of the same user, who is drawn as the row was.
    fn place(&self, row: &mut Row, index: usize, sampled: Sampled) -> Result<bool, Diagnostic> {
        let (job, user, group) = self.shift;
        let of_user = row.user;
        let lost =
            follow(
                row,
                |number| {
                    if self.is_drawn(of_user, number, sampled) { number.checked_add(job) } else { None }
                },
            );
        let line = u32::try_from(row.line).unwrap_or(u32::MAX);
        let too_large = |what: &str| {
            let place = Location::at(self.reader.report().file.clone(), line, 0);
            Diagnostic::error(place, format!("{what} is too large after it was moved"))
        };
        let submit =
            row.submit.0.checked_add(self.part.offset.0).ok_or_else(|| too_large("the submit time"))?;
        row.submit = crate::base::Time(submit);
        row.number = row.number.checked_add(job).ok_or_else(|| too_large("the number"))?;
        if row.user > 0 {
            row.user = row.user.checked_add(user).ok_or_else(|| too_large("the user"))?;
        }
        if row.group > 0 {
            row.group = row.group.checked_add(group).ok_or_else(|| too_large("the group"))?;
        }
        if !row.name.is_empty() && index > 0 {
            row.name = format!("{}-{}", index + 1, row.name);
        }
        Ok(lost)
    }
}

impl<R: Reader> Reader for Mixed<R> {
    fn read(&mut self, row: &mut Row) -> Result<bool, Diagnostic> {
        for index in 0..self.sources.len() {
            if self.sources[index].next.is_none() && !self.sources[index].ended {
                self.fetch(index)?;
            }
        }
        let heads = self.sources.iter().enumerate();
        let heads = heads.filter_map(|(index, source)| Some((source.next.as_ref()?.submit, index)));
        let Some((_, index)) = heads.min() else {
            self.end();
            return Ok(false);
        };
        if let Some(next) = self.sources[index].next.take() {
            *row = next;
        }
        self.ledger.own().use_row(row.submit, row.line);
        Ok(true)
    }

    fn report(&self) -> &ReadReport {
        self.ledger.report()
    }

    fn sha256(&mut self) -> Result<Option<String>, Diagnostic> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Rows;
    use super::*;
    use crate::base::Time;

    fn row(number: i64, user: i32, submit: u64) -> Row {
        Row { number, user, submit: Time::from_secs(submit), ..Row::default() }
    }

    fn mix(
        parts: Vec<(Vec<Row>, u64, f64)>,
        sampled: Sampled,
        seed: u64,
    ) -> Result<(Vec<Row>, ReadReport), String> {
        let parts = parts.into_iter().map(|(rows, offset, weight)| {
            let mut numbers = Numbers::default();
            for row in &rows {
                numbers.add(row);
            }
            (Rows::new("rows", rows), Part { offset: Span::from_secs(offset), weight, numbers })
        });
        let mut reader = Mixed::new(parts.collect(), sampled, seed)?;
        let mut all = Vec::new();
        let mut row = Row::default();
        while reader.read(&mut row).map_err(|finding| finding.to_string())? {
            all.push(row.clone());
        }
        Ok((all, reader.report().clone()))
    }

    #[test]
    fn numbers_and_users_stay_apart() {
        let mut second = vec![row(0, 1, 0), row(1, 2, 10)];
        second[1].preceding = 1;
        second[1].after = vec![0, 1];
        second[1].queue = 3;
        second[1].name = "web".into();
        let first = vec![row(5, 7, 0), row(9, -1, 20)];
        let (rows, report) = mix(vec![(first, 0, 1.0), (second, 5, 1.0)], Sampled::Jobs, 1).unwrap();
        let short: Vec<(i64, i32, u64)> =
            rows.iter().map(|row| (row.number, row.user, row.submit.0 / 1_000_000_000)).collect();
        assert_eq!(short, [(5, 7, 0), (10, 8, 5), (11, 9, 15), (9, -1, 20)]);
        assert_eq!((rows[2].preceding, rows[2].queue, rows[2].name.as_str()), (11, 3, "2-web"));
        assert_eq!(rows[2].after, [10, 11]);
        assert_eq!((report.rows, report.used, &*report.file), (4, 4, "rows + rows"));
    }

    #[test]
    fn weights_draw_jobs_or_users() {
        let rows: Vec<Row> = (0..4_000).map(|n| row(n + 1, (n % 400) as i32, n as u64)).collect();
        let of = |sampled, seed| mix(vec![(rows.clone(), 0, 0.25)], sampled, seed).unwrap().0;
        let jobs = of(Sampled::Jobs, 1);
        assert!((900..1_100).contains(&jobs.len()), "{}", jobs.len());
        assert_eq!(jobs, of(Sampled::Jobs, 1));
        assert_ne!(jobs, of(Sampled::Jobs, 2));
        let users = of(Sampled::Users, 1);
        let mut by_user = std::collections::BTreeMap::new();
        for row in &users {
            *by_user.entry(row.user).or_insert(0) += 1;
        }
        assert!((70..130).contains(&by_user.len()) && by_user.values().all(|jobs| *jobs == 10));
    }

    #[test]
    fn a_dependency_on_a_job_that_was_not_drawn_is_counted() {
        let rows = (1..=1_000).map(|n| Row {
            preceding: if n > 1 { n - 1 } else { -1 },
            think_time: Some(Span(1)),
            ..row(n, 1, n as u64)
        });
        let (rows, report) = mix(vec![(rows.collect(), 0, 0.5)], Sampled::Jobs, 1).unwrap();
        let lost = rows.iter().filter(|row| row.preceding < 0).count() as u64;
        assert_eq!(report.repaired[reason::LOST_DEPENDENCY].rows, lost);
        assert!((150..350).contains(&lost), "half of those that are drawn: {lost}");
        let numbers: std::collections::BTreeSet<i64> = rows.iter().map(|row| row.number).collect();
        assert!(rows.iter().all(|row| row.preceding <= 0 || numbers.contains(&row.preceding)));
    }

    #[test]
    fn wrong_weights_and_numbers_are_refused() {
        for weight in [0.0, -1.0, 1.5, f64::NAN] {
            assert!(mix(vec![(vec![], 0, weight)], Sampled::Jobs, 1).unwrap_err().contains("weight"));
        }
        let far = vec![row(i64::MAX, 1, 0)];
        let found = mix(vec![(far.clone(), 0, 1.0), (far, 0, 1.0)], Sampled::Jobs, 1).unwrap_err();
        assert!(found.contains("too large"), "{found}");
        let late = vec![Row { submit: Time(u64::MAX), ..row(1, 1, 0) }];
        let found = mix(vec![(late, 1, 1.0)], Sampled::Jobs, 1).unwrap_err();
        assert!(found.contains("the submit time is too large"), "{found}");
    }
}
