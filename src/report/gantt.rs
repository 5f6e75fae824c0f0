//! The Gantt chart: which pod or job ran where and when.

use super::axis::Axis;
use super::chart::Chart;
use super::format::{counted, duration};
use super::frame::{MARGIN, heading};
use super::lanes::{Lanes, Limits, Placed, lanes};
use super::plot::end_of_time;
use super::scene::{Anchor, Ink, Scene, Size, elide, text_width};
use crate::base::Set;
use crate::observe::{BarKind, Results};

/// The width of the chart in CSS pixels.
const WIDTH: f64 = 1080.0;
/// Where the rows begin.
const TOP: f64 = 72.0;
/// The space below the rows.
const BOTTOM: f64 = 52.0;
/// The height that the rows may take together, unless lanes would be too thin.
const HEIGHT: f64 = 600.0;
/// The thinnest and the thickest a lane may be.
const LANE: (f64, f64) = (3.0, 22.0);
/// The widest row label.
const LABEL: f64 = 150.0;
/// What is drawn at most, so that the file stays small and the chart a chart.
const LIMITS: Limits = Limits { rows: 400, bars: 1_500, lanes_per_row: 12 };
/// How many lanes there may be before overlapping bars are drawn over each other.
const MOST_LANES: u32 = 450;

/// The kinds of bars in the order of the legend, with their names.
pub(super) const KINDS: [(BarKind, &str); 6] = [
    (BarKind::Ran, "ran"),
    (BarKind::Failed, "failed"),
    (BarKind::Lost, "work lost"),
    (BarKind::Down, "node down"),
    (BarKind::Waited, "waited"),
    (BarKind::Held, "held its room, idle"),
];

/// The chart, if the run kept what it needs.
pub(super) fn chart(results: &Results) -> Option<Chart> {
    let gantt = &results.gantt;
    if gantt.rows.is_empty() && gantt.bars.is_empty() && gantt.omitted == 0 {
        return None;
    }
    let mut layout = lanes(gantt, LIMITS);
    if layout.total() > MOST_LANES {
        let lanes_per_row = (MOST_LANES as usize / gantt.rows.len().max(1)).max(1);
        layout = lanes(gantt, Limits { lanes_per_row, ..LIMITS });
    }
    let title = "Where pods ran";
    let mut drawing = Drawing::new(&gantt.rows, &layout, end_of_time(results));
    let hidden_rows = gantt.rows.len().saturating_sub(LIMITS.rows) as u64;
    heading(&mut drawing.scene, title, &note(hidden_rows, layout.omitted));
    drawing.legend(&layout);
    drawing.rows(&gantt.rows);
    drawing.bars(&layout.bars);
    drawing.axis();
    if layout.bars.is_empty() {
        drawing.no_data();
    }
    Some(Chart::new("gantt", title, describe(&layout, gantt.rows.len(), drawing.x.high()), drawing.scene))
}

/// As much of the beginning of a sentence as is so wide.
fn clip(text: &str, width: f64) -> String {
    if text_width(text, Size::Small) <= width {
        return text.to_owned();
    }
    let mut cut: String = text.to_owned();
    while !cut.is_empty() && text_width(&cut, Size::Small) + 11.0 > width {
        cut.pop();
    }
    format!("{}…", cut.trim_end())
}

/// What is not shown.
fn note(rows: u64, bars: u64) -> String {
    let mut words = vec!["one row a node or processor".to_owned()];
    if rows > 0 {
        words.push(format!("{} not drawn", counted(rows, "further row", "further rows")));
    }
    if bars > 0 {
        words.push(format!("{} not drawn", counted(bars, "short bar", "mostly short bars")));
    }
    words.join("; ")
}

fn describe(layout: &Lanes<'_>, rows: usize, end: f64) -> String {
    let counts: Vec<String> = KINDS
        .into_iter()
        .filter_map(|(kind, name)| {
            let count = layout.bars.iter().filter(|placed| placed.bar.kind == kind).count();
            (count > 0 || !matches!(kind, BarKind::Waited | BarKind::Held)).then(|| format!("{count} {name}"))
        })
        .collect();
    let rows = counted(rows as u64, "row", "rows");
    format!("{rows} over {}; bars: {}.", duration(end), counts.join(", "))
}

/// The chart while it is drawn.
struct Drawing {
    scene: Scene,
    x: Axis,
    left: f64,
    bottom: f64,
    lane: f64,
    offsets: Vec<u32>,
}

impl Drawing {
    fn new(rows: &[String], layout: &Lanes<'_>, end: f64) -> Drawing {
        let total = f64::from(layout.total().max(1));
        let lane = (HEIGHT / total).clamp(LANE.0, LANE.1);
        let height = (lane * total).max(60.0);
        let labels = rows.iter().take(LIMITS.rows).map(|row| text_width(row, Size::Small));
        let left = MARGIN + labels.fold(0.0, f64::max).min(LABEL) + 8.0;
        Drawing {
            scene: Scene::new(WIDTH, (TOP + height + BOTTOM).ceil()),
            x: Axis::time(end, 10),
            left,
            bottom: TOP + height,
            lane,
            offsets: layout.offsets.clone(),
        }
    }

    fn x_of(&self, time: f64) -> f64 {
        self.left + self.x.position(time) * (WIDTH - MARGIN - 16.0 - self.left)
    }

    fn y_of(&self, lane: u32) -> f64 {
        TOP + f64::from(lane) * self.lane
    }

    /// Samples of the kinds that occur, right of the line below the title.
    fn legend(&mut self, layout: &Lanes<'_>) {
        let mut x = WIDTH - MARGIN - 16.0;
        for (kind, name) in KINDS.into_iter().rev() {
            if layout.bars.iter().any(|placed| placed.bar.kind == kind) {
                x -= text_width(name, Size::Label);
                self.scene.text((x, 51.0), name, (Size::Label, Ink::Text, Anchor::Start));
                x -= 28.0;
                self.bar((x, 40.0), (22.0, 13.0), kind);
                x -= 18.0;
            }
        }
    }

    /// Row labels, as many as have room, and lines between rows.
    fn rows(&mut self, rows: &[String]) {
        let mut free_from = TOP;
        let spans: Vec<(f64, f64)> =
            self.offsets.windows(2).map(|w| (self.y_of(w[0]), self.y_of(w[1]))).collect();
        let crowded = self.lane < 6.0 && spans.len() > 60;
        for (row, (from, to)) in rows.iter().zip(spans) {
            if !crowded {
                self.scene.rect((self.left, to - 0.25), (WIDTH - MARGIN - 16.0 - self.left, 0.5), Ink::Grid);
            }
            let middle = f64::midpoint(from, to);
            if middle - 6.0 >= free_from - 6.0 {
                free_from = middle + 13.0;
                let text = elide(row, LABEL, Size::Small);
                let at = (self.left - 8.0, middle + 4.0);
                self.scene.text(at, text, (Size::Small, Ink::Muted, Anchor::End));
            }
        }
    }

    fn bars(&mut self, bars: &[Placed<'_>]) {
        let mut drawn: Set<(i64, i64, u32, u32, u8)> = Set::default();
        for placed in bars {
            let (from, to) = (self.x_of(placed.bar.start.max(0.0)), self.x_of(placed.bar.end.max(0.0)));
            let gap = if to - from > 3.0 { 0.75 } else { 0.0 };
            let width = (to - from - gap).max(1.0);
            let kind = placed.bar.kind;
            // What would cover the very same half pixels is already there.
            let key = ((from * 2.0) as i64, (width * 2.0) as i64, placed.from, placed.to, kind as u8);
            if !drawn.insert(key) {
                continue;
            }
            let top = self.y_of(placed.from);
            let height = self.y_of(placed.to) - top;
            let inset = if kind == BarKind::Down || height < 4.0 { 0.0 } else { 0.75 };
            self.bar((from, top + inset), (width, height - 2.0 * inset), kind);
            let at = (from + 4.0, top + height / 2.0 + 4.0);
            if kind == BarKind::Waited {
                self.scene.note((from, top), (width, height), &placed.bar.detail);
                if width >= 60.0 && height >= 14.0 {
                    let text = clip(&placed.bar.label, width - 8.0);
                    self.scene.text(at, text, (Size::Small, Ink::Muted, Anchor::Start));
                }
                continue;
            }
            let fits = text_width(&placed.bar.label, Size::Small) + 8.0 <= width && height >= 14.0;
            if fits && matches!(kind, BarKind::Ran | BarKind::Held) {
                self.scene.text(at, &placed.bar.label, (Size::Small, Ink::Text, Anchor::Start));
            }
        }
    }

    /// A bar; kinds differ in lightness and in shape, so that they are told apart without colour:
    /// plain, with a white line, hollow, nearly black, pale, two rails with a post.
    fn bar(&mut self, at: (f64, f64), size: (f64, f64), kind: BarKind) {
        match kind {
            BarKind::Ran => self.scene.rect(at, size, Ink::Sky),
            BarKind::Failed => {
                self.scene.rect(at, size, Ink::Vermilion);
                let (line, end) = ((size.1 / 6.0).max(0.75), (size.0 / 5.0).min(4.0));
                let line_at = (at.0 + end, at.1 + (size.1 - line) / 2.0);
                self.scene.rect(line_at, (size.0 - 2.0 * end, line), Ink::Paper);
            }
            BarKind::Lost => {
                self.scene.rect(at, size, Ink::Orange);
                let edge = (size.1 / 5.0).clamp(0.75, 2.0);
                if size.0 > 3.0 * edge {
                    let inner = (size.0 - 2.0 * edge, size.1 - 2.0 * edge);
                    self.scene.rect((at.0 + edge, at.1 + edge), inner, Ink::Paper);
                }
            }
            BarKind::Down => self.scene.rect(at, size, Ink::Black),
            BarKind::Waited => self.scene.rect(at, size, Ink::Grid),
            BarKind::Held => {
                let edge = (size.1 / 8.0).clamp(0.75, 1.5);
                // Above each other they would look like double lines.
                let gap = if size.1 < 12.0 { 0.0 } else { 1.0 };
                let (y, height) = (at.1 + gap, size.1 - 2.0 * gap);
                self.scene.rect((at.0, y), (size.0, edge), Ink::Blue);
                self.scene.rect((at.0, y + height - edge), (size.0, edge), Ink::Blue);
                self.scene.rect((at.0, y), ((1.5 * edge).min(size.0), height), Ink::Blue);
            }
        }
    }

    fn axis(&mut self) {
        let right = WIDTH - MARGIN - 16.0;
        self.scene.rect((self.left, self.bottom - 0.5), (right - self.left, 1.0), Ink::Axis);
        for (time, label) in self.x.ticks.clone() {
            let x = self.x_of(time);
            self.scene.rect((x - 0.5, self.bottom), (1.0, 5.0), Ink::Axis);
            self.scene.text((x, self.bottom + 20.0), label, (Size::Label, Ink::Muted, Anchor::Middle));
        }
        let at = (f64::midpoint(self.left, right), self.bottom + 41.0);
        self.scene.text(at, self.x.title.clone(), (Size::Label, Ink::Text, Anchor::Middle));
    }

    fn no_data(&mut self) {
        let at = (f64::midpoint(self.left, WIDTH), f64::midpoint(TOP, self.bottom));
        self.scene.text(at, "no data", (Size::Label, Ink::Muted, Anchor::Middle));
    }
}
