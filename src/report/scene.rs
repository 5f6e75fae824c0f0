//! What a chart is made of before it becomes SVG or PNG: text and axis-aligned shapes in CSS pixels.
//!
//! Every line of our charts is a step line, so every shape is made of horizontal and vertical
//! edges: it stays sharp at any size. Nothing is known here of results, axes or files.

/// A finished drawing.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
    /// What is shown when one points somewhere, where the format can: x, y, width, height, text.
    pub(super) notes: Vec<(f64, f64, f64, f64, String)>,
}

/// One element, painted in the order of the list.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shape {
    /// A filled rectangle.
    Rect { x: f64, y: f64, width: f64, height: f64, ink: Ink },
    /// A line whose segments are all horizontal or vertical.
    Steps { points: Vec<(f64, f64)>, width: f64, ink: Ink },
    /// A line of text.
    Text(Text),
}

/// A line of text on its baseline.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Text {
    pub(super) x: f64,
    pub(super) baseline: f64,
    pub(super) content: String,
    pub(super) size: Size,
    pub(super) ink: Ink,
    pub(super) anchor: Anchor,
}

/// Which end of a text its position names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The sizes of text that charts use; few, so that all charts look alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    /// The title of a chart, semibold.
    Title,
    /// Axis titles and labels.
    Label,
    /// Row labels where rows are many.
    Small,
}

impl Size {
    pub(super) const ALL: [Size; 3] = [Size::Title, Size::Label, Size::Small];

    /// The height of the em square in CSS pixels.
    pub(super) fn pixels(self) -> f64 {
        match self {
            Size::Title => 17.0,
            Size::Label => 13.0,
            Size::Small => 11.0,
        }
    }
}

/// The colours. Series colours are those of Okabe and Ito, which people with the usual colour
/// deficiencies tell apart, without the yellow that vanishes on white paper; the order alternates
/// dark and light, so that neighbours differ in grey as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ink {
    Paper,
    Text,
    Muted,
    Axis,
    Grid,
    Blue,
    Orange,
    Green,
    Purple,
    Vermilion,
    Sky,
    Black,
}

impl Ink {
    pub(super) const ALL: [Ink; 12] = [
        Ink::Paper,
        Ink::Text,
        Ink::Muted,
        Ink::Axis,
        Ink::Grid,
        Ink::Blue,
        Ink::Orange,
        Ink::Green,
        Ink::Purple,
        Ink::Vermilion,
        Ink::Sky,
        Ink::Black,
    ];

    pub(super) fn rgb(self) -> (u8, u8, u8) {
        match self {
            Ink::Paper => (0xff, 0xff, 0xff),
            Ink::Text => (0x1c, 0x23, 0x2b),
            Ink::Muted => (0x56, 0x61, 0x6d),
            Ink::Axis => (0x8a, 0x94, 0x9e),
            Ink::Grid => (0xe4, 0xe8, 0xec),
            Ink::Blue => (0x00, 0x72, 0xb2),
            Ink::Orange => (0xe6, 0x9f, 0x00),
            Ink::Green => (0x00, 0x9e, 0x73),
            Ink::Purple => (0xcc, 0x79, 0xa7),
            Ink::Vermilion => (0xd5, 0x5e, 0x00),
            Ink::Sky => (0x56, 0xb4, 0xe9),
            Ink::Black => (0x33, 0x3b, 0x44),
        }
    }

    /// The colour of the `index`-th series of a chart.
    pub(super) fn series(index: usize) -> Ink {
        const CYCLE: [Ink; 7] =
            [Ink::Blue, Ink::Orange, Ink::Green, Ink::Purple, Ink::Sky, Ink::Black, Ink::Vermilion];
        CYCLE[index % CYCLE.len()]
    }

    /// The name by which the stylesheet of the report knows the colour.
    pub(super) fn name(self) -> &'static str {
        match self {
            Ink::Paper => "paper",
            Ink::Text => "text",
            Ink::Muted => "muted",
            Ink::Axis => "axis",
            Ink::Grid => "grid",
            Ink::Blue => "blue",
            Ink::Orange => "orange",
            Ink::Green => "green",
            Ink::Purple => "purple",
            Ink::Vermilion => "vermilion",
            Ink::Sky => "sky",
            Ink::Black => "black",
        }
    }
}

impl Scene {
    pub(super) fn new(width: f64, height: f64) -> Scene {
        Scene { width, height, shapes: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), ink: Ink) {
        self.shapes.push(Shape::Rect { x, y, width, height, ink });
    }

    /// A text that is shown when one points at a place.
    pub(super) fn note(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), text: &str) {
        self.notes.push((x, y, width, height, plain(text)));
    }

    pub(super) fn text(&mut self, at: (f64, f64), text: impl Into<String>, style: (Size, Ink, Anchor)) {
        let (size, ink, anchor) = style;
        let content = plain(&text.into());
        self.shapes.push(Shape::Text(Text { x: at.0, baseline: at.1, content, size, ink, anchor }));
    }
}

/// The text without control characters, which neither XML nor a font can show.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c })
        .collect()
}

/// Advance widths of the embedded font for U+0020 to U+007E, in thousandths of the em.
const ADVANCE: [u16; 95] = [
    281, 288, 466, 633, 642, 982, 644, 300, 365, 365, 501, 662, 288, 460, 288, 360, 631, 407, 610, 618, 646,
    593, 620, 566, 619, 620, 288, 302, 662, 662, 662, 511, 966, 690, 654, 730, 722, 601, 590, 746, 743, 269,
    571, 672, 565, 903, 753, 765, 639, 765, 644, 642, 646, 744, 690, 985, 682, 679, 629, 365, 360, 365, 471,
    456, 323, 562, 612, 571, 612, 583, 370, 613, 591, 242, 242, 549, 242, 876, 591, 600, 612, 612, 376, 528,
    327, 591, 562, 818, 546, 562, 552, 426, 333, 426, 662,
];

/// The width of `text` in CSS pixels, a little on the safe side for fonts that stand in.
pub(super) fn text_width(text: &str, size: Size) -> f64 {
    /// Of characters outside of the table; wide scripts need about this.
    const OTHER: u16 = 1000;
    let advance = |c: char| {
        let index = (c as usize).wrapping_sub(0x20);
        u32::from(*ADVANCE.get(index).unwrap_or(if (c as u32) < 0x250 { &650 } else { &OTHER }))
    };
    let thousandths: u32 = text.chars().take(4096).map(advance).sum();
    let bold = if size == Size::Title { 1.06 } else { 1.02 };
    f64::from(thousandths) / 1000.0 * size.pixels() * bold
}

/// `text` cut so that it is at most `width` pixels wide, with an ellipsis where something is gone.
/// Names differ at both ends (`worker-pool-a-0017`), so the middle is what goes.
pub(super) fn elide(text: &str, width: f64, size: Size) -> String {
    if text_width(text, size) <= width && text.chars().count() <= 4096 {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().take(4096).collect();
    let narrowest = size.pixels() * f64::from(*ADVANCE.iter().min().unwrap_or(&1)) / 1000.0;
    let most = (width.max(0.0) / narrowest) as usize;
    let mut longest = (1..chars.len().min(most + 1)).rev().map(|keep| shorten(&chars, keep));
    longest.find(|cut| text_width(cut, size) <= width).unwrap_or_else(|| "…".to_owned())
}

/// The first and last of `keep` characters around an ellipsis.
fn shorten(chars: &[char], keep: usize) -> String {
    let head = keep.div_ceil(2);
    let tail = keep - head;
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elided_text_keeps_both_ends_and_fits() {
        assert_eq!(elide("short", 100.0, Size::Label), "short");
        let cut = elide("worker-pool-a-0017.example", 90.0, Size::Label);
        assert!(cut.starts_with("work") && cut.ends_with("mple") && cut.contains('…'), "{cut}");
        assert!(text_width(&cut, Size::Label) <= 90.0);
        assert_eq!(elide("anything", 1.0, Size::Label), "…");
    }

    #[test]
    fn control_characters_do_not_reach_a_chart() {
        let mut scene = Scene::new(10.0, 10.0);
        scene.text((0.0, 0.0), "a\u{0}b\nc", (Size::Label, Ink::Text, Anchor::Start));
        assert!(matches!(&scene.shapes[0], Shape::Text(text) if text.content == "a b c"));
    }
}
