//! Where jobs or pods ran: a Gantt chart of each variant, on one scale of time and of rows.

use super::left_out;
use super::panels::{Layout, Panels};
use crate::base::Set;
use crate::observe::{BarKind, Results};
use crate::report::axis::Axis;
use crate::report::chart::Chart;
use crate::report::format::{counted, duration};
use crate::report::lanes::{Lanes, Limits, Placed, lanes};
use crate::report::plot::end_of_time;
use crate::report::scene::{Anchor, Ink, Size, text_width};
use crate::study::Comparison;
use std::fmt::Write as _;

/// The height of the rows of a panel.
const HEIGHT: f64 = 250.0;
/// What is drawn at most in a panel.
const LIMITS: Limits = Limits { rows: 4_096, bars: 1_200, lanes_per_row: 12 };

/// The chart, if every run kept what it needs.
pub(super) fn chart(comparison: &Comparison, names: &[String], runs: &[&Results]) -> Option<Chart> {
    if runs.iter().all(|run| run.gantt.bars.is_empty()) {
        return None;
    }
    let layouts: Vec<Lanes<'_>> = runs.iter().map(|run| lanes(&run.gantt, LIMITS)).collect();
    let total = layouts.iter().map(Lanes::total).max().unwrap_or(1).max(1);
    let end = runs.iter().map(|run| end_of_time(run)).fold(0.0, f64::max);
    let moved = Moved::of(comparison);
    let hidden: u64 = layouts.iter().map(|layout| layout.omitted).sum();
    let mut below = format!("one row a node or processor{}", left_out(comparison, names.len()));
    if hidden > 0 {
        let _ = write!(below, "; {} not drawn", counted(hidden, "short bar", "mostly short bars"));
    }
    let title = "Where jobs ran";
    let x = Axis::time(end, 4);
    let mut panels =
        Panels::new(Layout { title, below: &below, names, notes: &[], x, height: HEIGHT, y: None });
    let mut kinds = [false; 6];
    for (index, layout) in layouts.iter().enumerate() {
        draw(&mut panels, index, layout, total, &moved, &mut kinds);
    }
    let all = [
        (Ink::Sky, "ran"),
        (Ink::Green, "gained most"),
        (Ink::Purple, "lost most"),
        (Ink::Vermilion, "failed or lost"),
        (Ink::Black, "node down"),
        (Ink::Grid, "waited"),
    ];
    let legend: Vec<(Ink, &str)> =
        all.into_iter().zip(kinds).filter(|(_, used)| *used).map(|(e, _)| e).collect();
    panels.legend(&legend);
    let words = names.iter().zip(runs).zip(&layouts).map(|((name, run), layout)| {
        let bars = counted(layout.bars.len() as u64, "bar", "bars");
        format!("{name}: {bars} over {}", duration(end_of_time(run)))
    });
    let description = format!("{}.", words.collect::<Vec<_>>().join("; "));
    Some(Chart::new("gantt", title, description, panels.scene))
}

/// The jobs that gained and lost most in any variant.
struct Moved {
    gained: Set<String>,
    lost: Set<String>,
}

impl Moved {
    fn of(comparison: &Comparison) -> Moved {
        let plain = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
        let moves = || comparison.moves.iter();
        Moved {
            gained: moves().flat_map(|moves| &moves.gained).map(|one| plain(&one.job)).collect(),
            lost: moves().flat_map(|moves| &moves.lost).map(|one| plain(&one.job)).collect(),
        }
    }

    /// The place of a bar among the kinds of the legend.
    fn kind(&self, placed: &Placed<'_>) -> usize {
        match placed.bar.kind {
            BarKind::Down => 4,
            BarKind::Waited => 5,
            _ if self.gained.contains(&placed.bar.label) => 1,
            _ if self.lost.contains(&placed.bar.label) => 2,
            BarKind::Failed | BarKind::Lost => 3,
            BarKind::Ran | BarKind::Held => 0,
        }
    }
}

fn draw(
    panels: &mut Panels,
    index: usize,
    layout: &Lanes<'_>,
    total: u32,
    moved: &Moved,
    kinds: &mut [bool; 6],
) {
    const INKS: [Ink; 6] = [Ink::Sky, Ink::Green, Ink::Purple, Ink::Vermilion, Ink::Black, Ink::Grid];
    if layout.bars.is_empty() {
        panels.no_data(index);
        return;
    }
    let ((_, top), (_, height)) = (panels.corner(index), panels.size);
    let lane = height / f64::from(total);
    let mut drawn: Set<(i64, i64, u32, u32, usize)> = Set::default();
    // What moved is drawn above the rest.
    let mut bars: Vec<(usize, &Placed<'_>)> =
        layout.bars.iter().map(|placed| (moved.kind(placed), placed)).collect();
    bars.sort_by_key(|(kind, _)| matches!(kind, 1 | 2));
    for (kind, placed) in bars {
        let (from, to) =
            (panels.x_of(index, placed.bar.start.max(0.0)), panels.x_of(index, placed.bar.end.max(0.0)));
        let gap = if to - from > 3.0 { 0.5 } else { 0.0 };
        let width = (to - from - gap).max(0.75);
        let key = ((from * 2.0) as i64, (width * 2.0) as i64, placed.from, placed.to, kind);
        if !drawn.insert(key) {
            continue;
        }
        kinds[kind] = true;
        let y = top + f64::from(placed.from) * lane;
        let tall = f64::from(placed.to - placed.from) * lane;
        let inset = if tall > 4.0 { 0.5 } else { 0.0 };
        panels.scene.rect((from, y + inset), (width, (tall - 2.0 * inset).max(0.5)), INKS[kind]);
        let label = &placed.bar.label;
        if text_width(label, Size::Small) + 6.0 <= width && tall >= 13.0 {
            let at = (from + 3.0, y + tall / 2.0 + 4.0);
            let ink = if kind == 4 { Ink::Paper } else { Ink::Text };
            panels.scene.text(at, label, (Size::Small, ink, Anchor::Start));
        }
    }
}
