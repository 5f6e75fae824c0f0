//! A chart of runs that went through the same steps: when each step came in each of them.
//!
//! Two groups of runs are laid side by side, such as recorded ones and ours. What the steps are is
//! not known here.

use super::axis::Axis;
use super::chart::Chart;
use super::frame::{MARGIN, heading};
use super::scene::{Anchor, Ink, Scene, Size, elide, text_width};

/// What the chart shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Moments {
    /// A name fit for a file.
    pub name: String,
    /// The title.
    pub title: String,
    /// The line below the title.
    pub below: String,
    /// The names of the two groups of runs, and how many runs each has.
    pub groups: [(String, usize); 2],
    /// Stretches of time, from above to below.
    pub panels: Vec<MomentPanel>,
}

/// A stretch of time, counted from a moment of its own.
#[derive(Clone, PartialEq, Debug)]
pub struct MomentPanel {
    /// From which moment time is counted.
    pub axis: String,
    /// The steps, from above to below.
    pub rows: Vec<MomentRow>,
}

/// A step.
#[derive(Clone, PartialEq, Debug)]
pub struct MomentRow {
    /// What happens.
    pub label: String,
    /// In each run, the runs of the first group first: when it happened to the first and to the last
    /// of those it concerns, in seconds; nothing if it did not happen.
    pub marks: Vec<Option<(f64, f64)>>,
}

/// The width of the chart in CSS pixels.
const WIDTH: f64 = 860.0;
/// Where the first panel begins.
const TOP: f64 = 72.0;
/// The height that a run takes in a row.
const LANE: f64 = 8.0;
/// The space between two rows.
const GAP: f64 = 9.0;
/// A row is at least this high: two lines of numbers.
const ROW: f64 = 30.0;
/// The space below the rows of a panel: ticks, their labels, the title, and what parts panels.
const BELOW: f64 = 66.0;
/// The widest label of a row.
const LABEL: f64 = 190.0;
/// The room for numbers right of the data.
const NUMBERS: f64 = 132.0;
/// Where the data end.
const RIGHT: f64 = WIDTH - MARGIN - NUMBERS;
/// The side of a mark.
const MARK: f64 = 6.0;
/// The colours of the groups.
const INKS: [Ink; 2] = [Ink::Blue, Ink::Vermilion];

/// The chart. Rows that no run has a mark for are left out.
pub fn moments_chart(moments: &Moments) -> Chart {
    let panels: Vec<Panel<'_>> = moments.panels.iter().filter_map(Panel::new).collect();
    let lanes = moments.groups.iter().map(|group| group.1).sum::<usize>();
    let row = (lanes as f64 * LANE).max(ROW) + GAP;
    let height: f64 = panels.iter().map(|panel| panel.rows.len() as f64 * row + BELOW).sum();
    let labels = panels.iter().flat_map(|panel| &panel.rows).map(|row| text_width(&row.label, Size::Label));
    let left = MARGIN + labels.fold(0.0, f64::max).min(LABEL) + 12.0;
    let mut drawing = Drawing { scene: Scene::new(WIDTH, TOP + height.max(60.0)), left, row, moments };
    heading(&mut drawing.scene, &moments.title, &moments.below);
    drawing.legend();
    let mut top = TOP;
    for panel in &panels {
        top = drawing.panel(panel, top);
    }
    let description = describe(moments, &panels);
    Chart::new(&moments.name, &moments.title, description, drawing.scene)
}

/// A panel with what is drawn of it.
struct Panel<'a> {
    axis: Axis,
    rows: Vec<&'a MomentRow>,
}

impl Panel<'_> {
    fn new(panel: &MomentPanel) -> Option<Panel<'_>> {
        let rows: Vec<&MomentRow> =
            panel.rows.iter().filter(|row| row.marks.iter().any(Option::is_some)).collect();
        let marks = || rows.iter().flat_map(|row| row.marks.iter().flatten());
        let lowest = marks().map(|mark| mark.0).reduce(f64::min)?;
        let highest = marks().map(|mark| mark.1).reduce(f64::max)?;
        Some(Panel { axis: Axis::between(&panel.axis, lowest, highest, 7), rows })
    }
}

/// The chart while it is drawn.
struct Drawing<'a> {
    scene: Scene,
    left: f64,
    row: f64,
    moments: &'a Moments,
}

impl Drawing<'_> {
    fn x_of(&self, axis: &Axis, t: f64) -> f64 {
        self.left + axis.position(t) * (RIGHT - self.left)
    }

    /// The group of a run.
    fn group(&self, run: usize) -> usize {
        usize::from(run >= self.moments.groups[0].1)
    }

    /// Samples of the groups, right of the line below the title.
    fn legend(&mut self) {
        let mut x = WIDTH - MARGIN;
        for group in [1, 0] {
            let (name, runs) = self.moments.groups[group].clone();
            let text = format!("{name} ({runs})");
            x -= text_width(&text, Size::Label);
            self.scene.text((x, 51.0), text, (Size::Label, Ink::Text, Anchor::Start));
            x -= 14.0;
            self.mark((x, 46.5), 0.0, group);
            x -= 20.0;
        }
    }

    /// Draws a panel from `top` on; where the next one begins.
    fn panel(&mut self, panel: &Panel<'_>, top: f64) -> f64 {
        let bottom = top + panel.rows.len() as f64 * self.row;
        let (left, right) = (self.left, RIGHT);
        for (value, label) in &panel.axis.ticks {
            let x = self.x_of(&panel.axis, *value);
            self.scene.rect((x - 0.5, top), (1.0, bottom - top), Ink::Grid);
            self.scene.rect((x - 0.5, bottom), (1.0, 5.0), Ink::Axis);
            self.scene.text((x, bottom + 20.0), label, (Size::Label, Ink::Muted, Anchor::Middle));
        }
        self.scene.rect((left, bottom - 0.5), (right - left, 1.0), Ink::Axis);
        let title = (f64::midpoint(left, right), bottom + 40.0);
        self.scene.text(title, &panel.axis.title, (Size::Label, Ink::Text, Anchor::Middle));
        for (index, row) in panel.rows.iter().enumerate() {
            self.draw_row(&panel.axis, row, top + index as f64 * self.row);
        }
        bottom + BELOW
    }

    fn draw_row(&mut self, axis: &Axis, row: &MomentRow, top: f64) {
        let middle = top + self.row / 2.0;
        let width = RIGHT - self.left;
        self.scene.rect((self.left, top - 0.25), (width, 0.5), Ink::Grid);
        let label = elide(&row.label, LABEL, Size::Label);
        self.scene.text((self.left - 12.0, middle + 4.5), label, (Size::Label, Ink::Text, Anchor::End));
        let first = middle - row.marks.len() as f64 * LANE / 2.0 + LANE / 2.0;
        for (run, mark) in row.marks.iter().enumerate() {
            if let Some((from, to)) = *mark {
                let (from, to) = (self.x_of(axis, from), self.x_of(axis, to));
                self.mark((from, first + run as f64 * LANE), to - from, self.group(run));
            }
        }
        for group in [0, 1] {
            let marks = row.marks.iter().enumerate().filter(|(run, _)| self.group(*run) == group);
            if let Some(text) = range(marks.filter_map(|(_, mark)| *mark)) {
                let at = (WIDTH - MARGIN, middle - 3.0 + 15.0 * group as f64);
                self.scene.text(at, text, (Size::Small, INKS[group], Anchor::End));
            }
        }
    }

    /// A mark around a point, and a line to where the step was over. The groups differ in shape, too:
    /// the first is filled, the second hollow.
    fn mark(&mut self, (x, y): (f64, f64), length: f64, group: usize) {
        let ink = INKS[group];
        if length > MARK {
            self.scene.rect((x, y - 0.75), (length, 1.5), ink);
            self.scene.rect((x + length - 0.75, y - MARK / 2.0), (1.5, MARK), ink);
        }
        self.scene.rect((x - MARK / 2.0, y - MARK / 2.0), (MARK, MARK), ink);
        if group == 1 {
            let inner = MARK - 3.0;
            self.scene.rect((x - inner / 2.0, y - inner / 2.0), (inner, inner), Ink::Paper);
        }
    }
}

/// The earliest and the latest of the marks, in words.
fn range(marks: impl Iterator<Item = (f64, f64)>) -> Option<String> {
    let (low, high) = marks.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    let decimals = if high < 1.0 { 3 } else { 2 };
    let (low, high) = (format!("{low:.decimals$}"), format!("{high:.decimals$}"));
    Some(if low == high { format!("{low} s") } else { format!("{low} – {high} s") })
}

fn describe(moments: &Moments, panels: &[Panel<'_>]) -> String {
    let first = moments.groups[0].1;
    let rows = panels.iter().flat_map(|panel| panel.rows.iter().map(move |row| (panel, row)));
    let words = rows.map(|(panel, row)| {
        let (of_first, of_second) = row.marks.split_at(first.min(row.marks.len()));
        let said = |name: &str, marks: &[Option<(f64, f64)>]| {
            let none = || "not seen".to_owned();
            format!("{name} {}", range(marks.iter().flatten().copied()).unwrap_or_else(none))
        };
        let [(one, _), (other, _)] = &moments.groups;
        format!("{}, {}: {}, {}", row.label, panel.axis.title, said(one, of_first), said(other, of_second))
    });
    words.collect::<Vec<_>>().join("; ") + "."
}

#[cfg(test)]
mod tests {
    use super::super::scene::Shape;
    use super::*;

    fn sample() -> Moments {
        let row = |label: &str, marks: &[(f64, f64)]| MomentRow {
            label: label.to_owned(),
            marks: marks.iter().map(|mark| (mark.0 >= 0.0).then_some(*mark)).collect(),
        };
        let rows = vec![
            row("heartbeats stop", &[(7.6, 7.6), (8.2, 8.2), (7.6, 7.6)]),
            row("the node is Unknown & tainted", &[(50.5, 50.5), (50.9, 50.9), (54.8, 54.8)]),
            row("never", &[(-1.0, 0.0); 3]),
        ];
        let late = vec![row("pods deleted", &[(300.02, 300.1), (-1.0, 0.0), (300.01, 300.01)])];
        Moments {
            name: "death".to_owned(),
            title: "A node's death".to_owned(),
            below: "from the last renewal on".to_owned(),
            groups: [("recorded".to_owned(), 2), ("computed".to_owned(), 1)],
            panels: vec![
                MomentPanel { axis: "s since the last renewal".to_owned(), rows },
                MomentPanel { axis: "s since the taint".to_owned(), rows: late },
            ],
        }
    }

    #[test]
    fn every_step_is_told_in_words_and_numbers() {
        let chart = moments_chart(&sample());
        assert!(chart.svg.contains("50.50 – 50.90 s") && chart.svg.contains("Unknown &amp; tainted"));
        assert!(!chart.svg.contains("never"));
        assert!(
            chart
                .description
                .ends_with("pods deleted, s since the taint: recorded 300.02 – 300.10 s, computed 300.01 s."),
            "{}",
            chart.description
        );
    }

    #[test]
    fn no_text_lies_on_another() {
        let chart = moments_chart(&sample());
        let boxes: Vec<(f64, f64, f64, &str)> = chart
            .shapes()
            .iter()
            .filter_map(|shape| match shape {
                Shape::Text(text) => {
                    let width = text_width(&text.content, text.size);
                    let left = match text.anchor {
                        Anchor::Start => text.x,
                        Anchor::Middle => text.x - width / 2.0,
                        Anchor::End => text.x - width,
                    };
                    Some((left, left + width, text.baseline, text.content.as_str()))
                }
                _ => None,
            })
            .collect();
        for (index, a) in boxes.iter().enumerate() {
            assert!(a.0 >= 0.0 && a.1 <= WIDTH, "{a:?}");
            for b in &boxes[..index] {
                let apart = a.1 <= b.0 || b.1 <= a.0 || (a.2 - b.2).abs() >= 11.0;
                assert!(apart, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn nothing_to_show_is_no_panic() {
        let empty =
            Moments { panels: Vec::new(), groups: [(String::new(), 0), (String::new(), 0)], ..sample() };
        assert!(moments_chart(&empty).svg.starts_with("<svg"));
    }
}
