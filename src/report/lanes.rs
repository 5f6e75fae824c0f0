//! Where the bars of a Gantt chart go: a node runs many pods at once, so its row is split into
//! lanes in which no two bars overlap.

use std::cmp::Reverse;

use crate::observe::{Bar, BarKind, Gantt};

/// The layout of a Gantt chart; heights are counted in lanes.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Lanes<'a> {
    /// Where each row begins, and at last where the last one ends.
    pub(super) offsets: Vec<u32>,
    /// The bars in drawing order: what lies below comes first.
    pub(super) bars: Vec<Placed<'a>>,
    /// How many bars are not among them: cut off at the limit, or without a proper row or time.
    pub(super) omitted: u64,
}

/// A bar and the lanes it covers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Placed<'a> {
    pub(super) bar: &'a Bar,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// How much is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) bars: usize,
    pub(super) lanes_per_row: usize,
}

impl Lanes<'_> {
    /// The height of the whole chart.
    pub(super) fn total(&self) -> u32 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// Lays out at most as much as the limits allow; of too many bars the telling ones (that did not
/// just run well) and the longest are kept.
pub(super) fn lanes(gantt: &Gantt, limits: Limits) -> Lanes<'_> {
    let rows = gantt.rows.len().min(limits.rows);
    let mut bars: Vec<(usize, &Bar)> =
        gantt.bars.iter().enumerate().filter(|(_, bar)| fits(bar, rows)).collect();
    if bars.len() > limits.bars {
        let length = |bar: &Bar| Reverse(((bar.end - bar.start) * 1e6) as u64);
        bars.sort_by_key(|(index, bar)| (bar.kind == BarKind::Ran, length(bar), *index));
        bars.truncate(limits.bars);
    }
    bars.sort_by(|a, b| {
        a.1.start.total_cmp(&b.1.start).then(a.1.end.total_cmp(&b.1.end)).then(a.0.cmp(&b.0))
    });
    let omitted = (gantt.bars.len() - bars.len()) as u64 + gantt.omitted;
    let spanned = spanned_rows(&bars, rows);
    let mut ends: Vec<Vec<f64>> = vec![Vec::new(); rows];
    let lane_of: Vec<Option<u32>> = bars
        .iter()
        .map(|(_, bar)| {
            let row = bar.row as usize;
            let splits = bar.kind != BarKind::Down && !spanned[row];
            splits.then(|| free_lane(&mut ends[row], bar, limits.lanes_per_row))
        })
        .collect();
    let offsets = offsets(&ends);
    let mut placed: Vec<Placed<'_>> =
        bars.iter().zip(lane_of).map(|((_, bar), lane)| place(bar, lane, &offsets)).collect();
    placed.sort_by_key(|placed| placed.bar.kind != BarKind::Down);
    Lanes { offsets, bars: placed, omitted }
}

/// Whether a bar has a row that is drawn and a time.
fn fits(bar: &Bar, rows: usize) -> bool {
    (bar.row as usize) < rows && bar.start.is_finite() && bar.end.is_finite() && bar.start <= bar.end
}

/// The rows that bars over several rows cover: a machine's processors, which are not split.
fn spanned_rows(bars: &[(usize, &Bar)], rows: usize) -> Vec<bool> {
    let mut changes = vec![0i64; rows + 1];
    for (_, bar) in bars.iter().filter(|(_, bar)| bar.height > 1) {
        changes[bar.row as usize] += 1;
        changes[last_row(bar, rows)] -= 1;
    }
    let covered = changes.iter().scan(0, |depth, change| {
        *depth += change;
        Some(*depth > 0)
    });
    covered.collect()
}

/// The row after the last one of a bar.
fn last_row(bar: &Bar, rows: usize) -> usize {
    (bar.row as usize).saturating_add(bar.height.max(1) as usize).min(rows)
}

/// The first lane that is free when the bar starts; where all are taken and no more may be opened,
/// the one that frees first.
fn free_lane(ends: &mut Vec<f64>, bar: &Bar, most: usize) -> u32 {
    let lane = match ends.iter().position(|end| *end <= bar.start) {
        Some(lane) => lane,
        None if ends.len() < most => {
            ends.push(bar.end);
            ends.len() - 1
        }
        None => (0..ends.len()).min_by(|a, b| ends[*a].total_cmp(&ends[*b])).unwrap_or(0),
    };
    ends[lane] = ends[lane].max(bar.end);
    lane as u32
}

fn offsets(ends: &[Vec<f64>]) -> Vec<u32> {
    let mut offsets = vec![0];
    let mut total = 0;
    for lanes in ends {
        total += lanes.len().max(1) as u32;
        offsets.push(total);
    }
    offsets
}

fn place<'a>(bar: &'a Bar, lane: Option<u32>, offsets: &[u32]) -> Placed<'a> {
    let row = bar.row as usize;
    match lane {
        Some(lane) => Placed { bar, from: offsets[row] + lane, to: offsets[row] + lane + 1 },
        None => Placed { bar, from: offsets[row], to: offsets[last_row(bar, offsets.len() - 1)] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(row: u32, height: u32, start: f64, end: f64, kind: BarKind) -> Bar {
        Bar { row, height, start, end, label: String::new(), detail: String::new(), kind }
    }

    fn spans(gantt: &Gantt, limits: Limits) -> Vec<(u32, u32)> {
        lanes(gantt, limits).bars.iter().map(|placed| (placed.from, placed.to)).collect()
    }

    const LIMITS: Limits = Limits { rows: 10, bars: 10, lanes_per_row: 3 };

    #[test]
    fn bars_that_overlap_in_a_row_get_lanes_of_their_own() {
        use BarKind::{Down, Ran};
        let rows = vec!["a".to_owned(), "b".to_owned()];
        let bars = vec![
            bar(0, 1, 0.0, 10.0, Ran),
            bar(0, 1, 5.0, 8.0, Ran),
            bar(0, 1, 8.0, 9.0, Ran),
            bar(1, 1, 0.0, 1.0, Ran),
            bar(0, 1, 2.0, 20.0, Down),
        ];
        let gantt = Gantt { rows, bars, omitted: 0 };
        assert_eq!(lanes(&gantt, LIMITS).offsets, [0, 2, 3]);
        assert_eq!(spans(&gantt, LIMITS), [(0, 2), (2, 3), (0, 1), (1, 2), (1, 2)]);
    }

    #[test]
    fn jobs_over_several_processors_are_not_split() {
        let rows = (0..4).map(|i| i.to_string()).collect();
        let bars = vec![bar(0, 3, 0.0, 10.0, BarKind::Ran), bar(3, 9, 0.0, 5.0, BarKind::Ran)];
        assert_eq!(spans(&Gantt { rows, bars, omitted: 0 }, LIMITS), [(3, 4), (0, 3)]);
    }

    #[test]
    fn bars_without_row_or_time_are_counted_not_drawn() {
        let rows = vec!["a".to_owned()];
        let bars = vec![
            bar(7, 1, 0.0, 1.0, BarKind::Ran),
            bar(0, 1, f64::NAN, 1.0, BarKind::Ran),
            bar(0, 1, 2.0, 1.0, BarKind::Ran),
            bar(0, u32::MAX, 0.0, 1.0, BarKind::Ran),
            bar(0, 0, 3.0, 4.0, BarKind::Ran),
        ];
        let gantt = Gantt { rows, bars, omitted: 5 };
        let layout = lanes(&gantt, LIMITS);
        assert_eq!((layout.omitted, layout.bars.len(), layout.total()), (8, 2, 1));
    }

    #[test]
    fn failures_and_long_bars_are_kept_when_bars_are_too_many() {
        let rows = vec!["a".to_owned()];
        let bars = vec![
            bar(0, 1, 0.0, 1.0, BarKind::Ran),
            bar(0, 1, 2.0, 9.0, BarKind::Ran),
            bar(0, 1, 9.0, 9.5, BarKind::Failed),
        ];
        let gantt = Gantt { rows, bars, omitted: 0 };
        let kept = lanes(&gantt, Limits { bars: 2, ..LIMITS });
        let starts: Vec<f64> = kept.bars.iter().map(|placed| placed.bar.start).collect();
        assert_eq!((starts, kept.omitted), (vec![2.0, 9.0], 1));
    }
}
