//! The frame of a chart: title, axes, grid, and the labels beside the data.

use super::axis::Axis;
use super::scene::{Anchor, Ink, Scene, Size, elide, text_width};

/// The usual size of a chart in CSS pixels.
pub(super) const WIDTH: f64 = 680.0;
pub(super) const HEIGHT: f64 = 380.0;
/// The space around a chart.
pub(super) const MARGIN: f64 = 18.0;
/// Where the data begin: below the title and the vertical axis' title.
const TOP: f64 = 72.0;
/// The space below the data: tick labels and the axis' title.
const BOTTOM: f64 = 52.0;
/// The space right of the data at least: half of the last tick label.
const RIGHT: f64 = 34.0;
/// The widest a label beside the data may be.
const LABEL_WIDTH: f64 = 176.0;
/// Lines of labels are this far apart.
const LINE: f64 = 18.0;
/// The length of a line's sample before its label.
const SAMPLE: f64 = 16.0;

/// A label beside the data.
pub(super) struct Legend {
    pub(super) text: String,
    /// The colour of the sample of a line before the text.
    pub(super) ink: Option<Ink>,
    /// Where it would like to be, as a position on the vertical axis.
    pub(super) position: f64,
}

/// A chart whose axes are drawn and whose data are not yet.
pub(super) struct Frame {
    pub(super) scene: Scene,
    pub(super) x: Axis,
    pub(super) y: Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    /// A chart of the usual size with its title, grid and axes, leaving room for `legends`.
    pub(super) fn new(title: &str, x: Axis, y: Axis, legends: &[Legend]) -> Frame {
        let widest = |texts: &mut dyn Iterator<Item = &str>| {
            texts.map(|text| text_width(text, Size::Label)).fold(0.0, f64::max)
        };
        let labels = widest(&mut y.ticks.iter().map(|tick| tick.1.as_str()));
        let beside = widest(&mut legends.iter().map(|legend| legend.text.as_str())).min(LABEL_WIDTH);
        let beside = if legends.is_empty() { 0.0 } else { beside + SAMPLE + 20.0 };
        let mut frame = Frame {
            scene: Scene::new(WIDTH, HEIGHT),
            x,
            y,
            left: MARGIN + labels + 10.0,
            right: WIDTH - MARGIN - beside.max(RIGHT - MARGIN),
            top: TOP,
            bottom: HEIGHT - BOTTOM,
        };
        heading(&mut frame.scene, title, &frame.y.title.clone());
        frame.draw_vertical_axis();
        frame.draw_horizontal_axis();
        frame
    }

    /// The point of the drawing at which a point of the data lies.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x_of(x), self.bottom - self.y.position(y) * (self.bottom - self.top))
    }

    fn x_of(&self, x: f64) -> f64 {
        self.left + self.x.position(x) * (self.right - self.left)
    }

    /// The width of the data in CSS pixels.
    pub(super) fn plot_width(&self) -> f64 {
        self.right - self.left
    }

    fn draw_vertical_axis(&mut self) {
        for (value, label) in self.y.ticks.clone() {
            let (_, y) = self.at(self.x.low(), value);
            self.scene.rect((self.left, y - 0.5), (self.right - self.left, 1.0), Ink::Grid);
            self.scene.text((self.left - 8.0, y + 4.5), label, (Size::Label, Ink::Muted, Anchor::End));
        }
    }

    fn draw_horizontal_axis(&mut self) {
        let (left, width, bottom) = (self.left, self.right - self.left, self.bottom);
        self.scene.rect((left, bottom - 0.5), (width, 1.0), Ink::Axis);
        let mut taken = f64::NEG_INFINITY;
        for (value, label) in self.x.ticks.clone() {
            let x = self.x_of(value);
            self.scene.rect((x - 0.5, bottom), (1.0, 5.0), Ink::Axis);
            let half = text_width(&label, Size::Label) / 2.0;
            if x - half > taken + 8.0 {
                taken = x + half;
                self.scene.text((x, bottom + 20.0), label, (Size::Label, Ink::Muted, Anchor::Middle));
            }
        }
        let title = (left + width / 2.0, bottom + 41.0);
        self.scene.text(title, self.x.title.clone(), (Size::Label, Ink::Text, Anchor::Middle));
    }

    /// Draws labels right of the data, each near its position and none over another.
    pub(super) fn draw_legends(&mut self, legends: &[Legend]) {
        let wanted: Vec<f64> =
            legends.iter().map(|legend| self.bottom - legend.position * (self.bottom - self.top)).collect();
        let x = self.right + 10.0;
        for (legend, y) in legends.iter().zip(apart(&wanted, self.top, self.bottom)) {
            let mut start = x;
            if let Some(ink) = legend.ink {
                self.scene.rect((x, y - 1.5), (SAMPLE, 3.0), ink);
                start += SAMPLE + 6.0;
            }
            let text = elide(&legend.text, LABEL_WIDTH, Size::Label);
            self.scene.text((start, y + 4.5), text, (Size::Label, Ink::Text, Anchor::Start));
        }
    }

    /// Says that there is nothing to draw.
    pub(super) fn draw_no_data(&mut self) {
        let middle = (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom));
        self.scene.text(middle, "no data", (Size::Label, Ink::Muted, Anchor::Middle));
    }
}

/// The title of a chart and the line below it.
pub(super) fn heading(scene: &mut Scene, title: &str, below: &str) {
    let width = scene.width - 2.0 * MARGIN;
    let title = elide(title, width, Size::Title);
    scene.text((MARGIN, 29.0), title, (Size::Title, Ink::Text, Anchor::Start));
    let below = elide(below, width, Size::Label);
    scene.text((MARGIN, 51.0), below, (Size::Label, Ink::Muted, Anchor::Start));
}

/// Positions near the `wanted` ones, at least a line apart, between `top` and `bottom` if they fit.
fn apart(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]).then(a.cmp(b)));
    let mut placed = wanted.to_vec();
    let mut next = top;
    for &index in &order {
        placed[index] = placed[index].max(next);
        next = placed[index] + LINE;
    }
    let mut limit = bottom.max(top + LINE * wanted.len().saturating_sub(1) as f64);
    for &index in order.iter().rev() {
        placed[index] = placed[index].min(limit);
        limit = placed[index] - LINE;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_stay_inside() {
        assert_eq!(apart(&[10.0, 200.0], 0.0, 300.0), [10.0, 200.0]);
        assert_eq!(apart(&[300.0, 300.0, 300.0], 0.0, 300.0), [264.0, 282.0, 300.0]);
        assert_eq!(apart(&[0.0, 5.0, 2.0], 0.0, 300.0), [0.0, 36.0, 18.0]);
        assert!(apart(&[], 0.0, 300.0).is_empty());
    }
}
