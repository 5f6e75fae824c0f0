//! Which rows of a trace wait for which: numbers of jobs to places in the order of the run.

use super::Build;
use crate::base::{Diagnostic, Map, Span};
use crate::scenario::At;
use crate::scenario::schema::workload::{Trace, Waiting};
use crate::sim::Dependencies;
use crate::trace::Row;

/// Which dependencies of a trace count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Those of workflows (`after`), and not those of users' sessions (`preceding`), whose recorded
    /// submit times hold them already.
    Workflows,
    /// None.
    Ignore,
    /// All.
    Respect,
    /// All; and a row that waits has no submit time of its own.
    Feedback,
}

impl Mode {
    pub(super) const fn of(written: Option<Waiting>) -> Mode {
        match written {
            None => Mode::Workflows,
            Some(Waiting::Ignore) => Mode::Ignore,
            Some(Waiting::Respect) => Mode::Respect,
            Some(Waiting::Feedback) => Mode::Feedback,
        }
    }
}

/// What the rows of a trace wait for, as the trace says it.
#[derive(Debug)]
pub(super) struct Wishes {
    mode: Mode,
    /// The number of each row that is used.
    numbers: Vec<i64>,
    /// Row and number of a job that must end before.
    waits: Vec<(u32, i64)>,
    /// Row and think time, where there is one.
    thinks: Vec<(u32, Span)>,
}

impl Wishes {
    pub(super) fn new(mode: Mode) -> Wishes {
        Wishes { mode, numbers: Vec::new(), waits: Vec::new(), thinks: Vec::new() }
    }

    /// Whether no row waits for another.
    pub(super) fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    /// Forgets the rows so far, if none of them waits.
    pub(super) fn forget(&mut self) {
        if self.is_empty() {
            self.numbers = Vec::new();
        }
    }

    /// Takes in the next row that is used.
    pub(super) fn add(&mut self, row: &Row) {
        if self.mode == Mode::Ignore {
            return;
        }
        let index = self.numbers.len() as u32;
        self.numbers.push(row.number);
        let before = self.waits.len();
        if self.mode == Mode::Workflows {
            self.waits.extend(row.after.iter().map(|number| (index, *number)));
        } else {
            self.waits.extend(row.predecessors().map(|number| (index, number)));
        }
        if self.waits.len() > before
            && let Some(think) = row.think_time
        {
            self.thinks.push((index, think));
        }
    }
}

/// The wishes as places.
pub(super) struct Resolved {
    pub(super) dependencies: Dependencies,
    /// The place of each row that has one.
    pub(super) places: Vec<(u32, u32)>,
    /// For rows that have no submit time of their own: the row whose submission stands for it. In an
    /// order in which a row stands behind the one that it names.
    pub(super) follows: Vec<(u32, u32)>,
}

/// Finds the rows that the numbers name. A number that no row has holds nothing back, and is counted.
/// `None` after an error has been noted: jobs wait for each other in a circle.
pub(super) fn resolve(build: &mut Build<'_>, trace: &At<Trace>, wishes: &Wishes) -> Option<Resolved> {
    let mut rows: Map<i64, u32> = Map::default();
    let mut twice = 0;
    for (row, number) in wishes.numbers.iter().enumerate() {
        let mut is_new = false;
        rows.entry(*number).or_insert_with(|| {
            is_new = true;
            row as u32
        });
        twice += u64::from(!is_new);
    }
    let mut missing = 0;
    let mut edges: Vec<(u32, u32)> = Vec::with_capacity(wishes.waits.len());
    for (row, number) in &wishes.waits {
        match rows.get(number) {
            Some(predecessor) => edges.push((*row, *predecessor)),
            None => missing += 1,
        }
    }
    edges.sort_unstable();
    edges.dedup();
    let file = trace.file.as_str();
    build.remark(format!("{file}: dependencies on jobs that are not replayed, taken as ended"), missing);
    build.remark(format!("{file}: rows whose job number is taken; dependencies are on the first"), twice);
    let order = in_order(wishes.numbers.len(), &edges).map_err(|row| {
        let number = wishes.numbers[row as usize];
        let message =
            format!("job {number} of the trace waits for itself, through the jobs that it waits for");
        build.error(trace.file.error(message).help("`dependencies: ignore` replays the trace without them"));
    });
    let order = order.ok()?;
    let follows = if wishes.mode == Mode::Feedback { last_of(&order, &edges) } else { Vec::new() };
    Some(Resolved { follows, ..placed(&edges, &wishes.thinks) })
}

/// Gives places to the rows of `edges`.
fn placed(edges: &[(u32, u32)], thinks: &[(u32, Span)]) -> Resolved {
    let thinks: Map<u32, Span> = thinks.iter().copied().collect();
    let mut dependencies = Dependencies::default();
    let mut places = Vec::new();
    let mut known: Map<u32, u32> = Map::default();
    let mut place = |row: u32, dependencies: &mut Dependencies| {
        *known.entry(row).or_insert_with(|| {
            let place = dependencies.add(thinks.get(&row).copied().unwrap_or_default());
            places.push((row, place));
            place
        })
    };
    for (row, predecessor) in edges {
        let (row, predecessor) = (place(*row, &mut dependencies), place(*predecessor, &mut dependencies));
        dependencies.wait(row, predecessor);
    }
    Resolved { dependencies, places, follows: Vec::new() }
}

/// The rows in an order in which each stands behind those that it waits for; the error is a row that
/// waits for itself. `edges` are sorted.
fn in_order(rows: usize, edges: &[(u32, u32)]) -> Result<Vec<u32>, u32> {
    let mut open = vec![0_u32; rows];
    let mut followers: Vec<(u32, u32)> =
        edges.iter().map(|(row, predecessor)| (*predecessor, *row)).collect();
    followers.sort_unstable();
    for (row, _) in edges {
        open[*row as usize] += 1;
    }
    let mut order: Vec<u32> = (0..rows as u32).filter(|row| open[*row as usize] == 0).collect();
    let mut next = 0;
    while let Some(&row) = order.get(next) {
        next += 1;
        let first = followers.partition_point(|(predecessor, _)| *predecessor < row);
        for (_, follower) in followers[first..].iter().take_while(|(predecessor, _)| *predecessor == row) {
            open[*follower as usize] -= 1;
            if open[*follower as usize] == 0 {
                order.push(*follower);
            }
        }
    }
    if order.len() == rows {
        return Ok(order);
    }
    Err(on_a_circle(edges, &open))
}

/// Walks from a row that waits for ever to one that waits for it until a row is met again.
fn on_a_circle(edges: &[(u32, u32)], open: &[u32]) -> u32 {
    let mut seen = vec![false; open.len()];
    let mut row = open.iter().position(|open| *open > 0).unwrap_or(0) as u32;
    while !std::mem::replace(&mut seen[row as usize], true) {
        let first = edges.partition_point(|(follower, _)| *follower < row);
        let of_row = edges[first..].iter().take_while(|(follower, _)| *follower == row);
        let stuck = of_row.map(|(_, predecessor)| *predecessor).find(|before| open[*before as usize] > 0);
        row = stuck.unwrap_or(row);
    }
    row
}

/// Each row that waits, with the last in `order` of those that it waits for.
fn last_of(order: &[u32], edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut rank = vec![0_u32; order.len()];
    for (place, row) in order.iter().enumerate() {
        rank[*row as usize] = place as u32;
    }
    let mut last: Map<u32, u32> = Map::default();
    for (row, predecessor) in edges {
        let latest = last.entry(*row).or_insert(*predecessor);
        if rank[*predecessor as usize] > rank[*latest as usize] {
            *latest = *predecessor;
        }
    }
    order.iter().filter_map(|row| Some((*row, *last.get(row)?))).collect()
}

/// A trace whose dependencies cannot be held in memory.
pub(super) fn too_long(trace: &At<Trace>, limit: u64) -> Diagnostic {
    let message = "jobs of the trace wait for others, and it is too long for that to be resolved here";
    let finding = trace.file.error(message);
    finding.help(format!("up to {limit} rows are; `dependencies: ignore` replays it without them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_behind_those_they_wait_for() {
        let edges = [(0, 2), (1, 0), (1, 2), (3, 1)];
        assert_eq!(in_order(5, &edges), Ok(vec![2, 4, 0, 1, 3]));
        assert_eq!(last_of(&[2, 4, 0, 1, 3], &edges), [(0, 2), (1, 0), (3, 1)]);
    }

    #[test]
    fn a_circle_is_found_also_from_behind_it() {
        // 0 waits for the circle 1, 2, 3 and is not on it.
        assert_eq!(in_order(5, &[(0, 1), (1, 2), (2, 3), (3, 1)]), Err(1));
        assert_eq!(in_order(2, &[(1, 1)]), Err(1));
    }
}
