//! Small panels side by side, all with the same axes.

use crate::report::axis::Axis;
use crate::report::frame::{MARGIN, heading};
use crate::report::scene::{Anchor, Ink, Scene, Size, elide, text_width};

/// The width of a chart of panels in CSS pixels.
const WIDTH: f64 = 1080.0;
/// Where the first row of panels begins.
const TOP: f64 = 72.0;
/// The space between two columns.
const GAP: f64 = 30.0;
/// The height of a panel's name.
const NAME: f64 = 24.0;
/// The height of its ticks.
const TICKS: f64 = 42.0;

/// A chart of panels that is being drawn.
pub(super) struct Panels {
    pub(super) scene: Scene,
    x: Axis,
    columns: usize,
    /// The width and the height of the data of a panel.
    pub(super) size: (f64, f64),
    /// The room for the labels left of the data.
    labels: f64,
}

/// What a chart of panels is like before anything is drawn in them.
pub(super) struct Layout<'a> {
    pub(super) title: &'a str,
    /// What stands below the title, before the title of the horizontal axis.
    pub(super) below: &'a str,
    /// The panels.
    pub(super) names: &'a [String],
    /// What stands at the right of each name; nothing where there are none.
    pub(super) notes: &'a [String],
    /// The horizontal axis of each.
    pub(super) x: Axis,
    /// The height of the data of each.
    pub(super) height: f64,
    /// The vertical axis of each, with grid and labels.
    pub(super) y: Option<&'a Axis>,
}

impl Panels {
    /// A chart with empty panels.
    pub(super) fn new(layout: Layout<'_>) -> Panels {
        let Layout { title, below, names, notes, x, height, y } = layout;
        let columns = match names.len() {
            0 | 1 => 1,
            2 | 4 => 2,
            _ => 3,
        };
        let rows = names.len().div_ceil(columns);
        let widest = y.map_or(0.0, |y| {
            y.ticks.iter().map(|tick| text_width(&tick.1, Size::Small)).fold(0.0, f64::max) + 8.0
        });
        let all = WIDTH - 2.0 * MARGIN - 10.0;
        let width = (all - GAP * (columns - 1) as f64) / columns as f64 - widest;
        let total = TOP + rows as f64 * (NAME + height + TICKS) + 14.0;
        let mut panels = Panels {
            scene: Scene::new(WIDTH, total.ceil()),
            x,
            columns,
            size: (width, height),
            labels: widest,
        };
        heading(&mut panels.scene, title, &format!("{below}; {}", panels.x.title));
        for (index, name) in names.iter().enumerate() {
            panels.frame(index, (name, notes.get(index).map_or("", String::as_str)), y);
        }
        panels
    }

    /// The upper left corner of the data of a panel.
    pub(super) fn corner(&self, index: usize) -> (f64, f64) {
        let (row, column) = (index / self.columns, index % self.columns);
        let left = MARGIN + column as f64 * (self.size.0 + self.labels + GAP) + self.labels;
        (left, TOP + row as f64 * (NAME + self.size.1 + TICKS) + NAME)
    }

    /// The horizontal position of a value in a panel.
    pub(super) fn x_of(&self, index: usize, value: f64) -> f64 {
        self.corner(index).0 + self.x.position(value) * self.size.0
    }

    fn frame(&mut self, index: usize, (name, note): (&str, &str), y: Option<&Axis>) {
        let ((left, top), (width, height)) = (self.corner(index), self.size);
        let mut taken = 0.0;
        if !note.is_empty() {
            taken = text_width(note, Size::Small) + 12.0;
            let right = (left + width, top - 8.0);
            self.scene.text(right, note.to_owned(), (Size::Small, Ink::Muted, Anchor::End));
        }
        let text = elide(name, width - taken, Size::Label);
        self.scene.text((left, top - 8.0), text, (Size::Label, Ink::Text, Anchor::Start));
        for (value, label) in y.map(|y| y.ticks.clone()).unwrap_or_default() {
            let at = top + height - y.map_or(0.0, |y| y.position(value)) * height;
            self.scene.rect((left, at - 0.5), (width, 1.0), Ink::Grid);
            self.scene.text((left - 6.0, at + 4.0), label, (Size::Small, Ink::Muted, Anchor::End));
        }
        self.scene.rect((left, top + height - 0.5), (width, 1.0), Ink::Axis);
        let mut taken = f64::NEG_INFINITY;
        for (value, label) in self.x.ticks.clone() {
            let x = self.x_of(index, value);
            self.scene.rect((x - 0.5, top + height), (1.0, 4.0), Ink::Axis);
            let half = text_width(&label, Size::Small) / 2.0;
            if x - half > taken + 6.0 {
                taken = x + half;
                let at = (x, top + height + 17.0);
                self.scene.text(at, label, (Size::Small, Ink::Muted, Anchor::Middle));
            }
        }
    }

    /// Says that a panel has nothing to show.
    pub(super) fn no_data(&mut self, index: usize) {
        let ((left, top), (width, height)) = (self.corner(index), self.size);
        let middle = (left + width / 2.0, top + height / 2.0);
        self.scene.text(middle, "no data", (Size::Label, Ink::Muted, Anchor::Middle));
    }

    /// Samples of colours at the right of the line below the title, and what they mean.
    pub(super) fn legend(&mut self, entries: &[(Ink, &str)]) {
        let mut x = WIDTH - MARGIN - 10.0;
        for &(ink, text) in entries.iter().rev() {
            x -= text_width(text, Size::Label);
            self.scene.text((x, 51.0), text, (Size::Label, Ink::Text, Anchor::Start));
            x -= 28.0;
            self.scene.rect((x, 40.0), (22.0, 13.0), ink);
            x -= 18.0;
        }
    }
}
