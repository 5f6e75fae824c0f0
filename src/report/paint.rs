//! A scene painted by plotters: as SVG text, and as a PNG file with feature `png`.
//!
//! plotters' coordinates are integers, so both are drawn on a canvas [`SCALE`] times as large. The
//! SVG keeps that canvas as its `viewBox`, which gives it fractions of a pixel; the bitmap is
//! averaged down to two pixels for each CSS pixel, which gives it smooth text.

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, PathElement, Rectangle};
use plotters::prelude::{SVGBackend, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBColor};

use super::scene::{Anchor, Ink, Scene, Shape, Size, Text};
use std::fmt::Write as _;

/// Canvas units for each CSS pixel.
const SCALE: f64 = 4.0;
/// Pixels of a PNG for each CSS pixel.
#[cfg(feature = "png")]
const DENSITY: f64 = 2.0;
/// Charts of more CSS pixels than this are drawn at once at the density of the file: a canvas
/// [`SCALE`] times as large would take more memory than the run did.
#[cfg(feature = "png")]
const LARGE: f64 = 700_000.0;
/// The fonts asked for, and the name under which the embedded font is known.
const FAMILY: &str = "Inter, Helvetica Neue, Arial, sans-serif";
/// plotters takes the height of a line where SVG takes the em square, and divides by this.
const LINE_HEIGHT: f64 = 1.24;

/// How a backend wants to be addressed.
struct Manner {
    /// Canvas units for each CSS pixel.
    scale: f64,
    /// From the em square to the size that plotters is given.
    size_factor: f64,
    /// From the top anchor down to the baseline, in units of the size that plotters is given.
    baseline: f64,
    /// Whether a step line is drawn as rectangles rather than as one thick path.
    rectangles: bool,
}

type Area<DB> = DrawingArea<DB, Shift>;

/// The scene as a complete SVG document; `title` and `description` are for those who cannot see it.
pub(super) fn svg(scene: &Scene, title: &str, description: &str) -> String {
    // "0.76em" is what plotters' SVG backend shifts text by below its top anchor.
    let manner =
        Manner { scale: SCALE, size_factor: LINE_HEIGHT, baseline: 0.76 / LINE_HEIGHT, rectangles: false };
    let mut body = String::new();
    paint(&SVGBackend::with_string(&mut body, canvas(scene, &manner)).into_drawing_area(), scene, &manner);
    let shapes = body.split_once(">\n").map_or("", |(_, rest)| rest);
    let (width, height) = canvas(scene, &manner);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"{FAMILY}\"><title>{}</title><desc>{}</desc>\n{}",
        scene.width,
        scene.height,
        escape(title),
        escape(description),
        with_notes(&compact(shapes), scene, &manner),
    )
}

/// The notes as titles of rectangles that are not seen, over everything else.
fn with_notes(shapes: &str, scene: &Scene, manner: &Manner) -> String {
    if scene.notes.is_empty() {
        return shapes.to_owned();
    }
    let notes = scene.notes.iter().fold(String::new(), |mut text, (x, y, width, height, note)| {
        let [x, y, width, height] = [x, y, width, height].map(|length| manner.unit(*length));
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"><title>{}</title></rect>",
            escape(note)
        );
        text
    });
    let body = shapes.trim_end().trim_end_matches("</svg>");
    format!("{body}<g fill=\"none\" pointer-events=\"all\">\n{notes}</g>\n</svg>\n")
}

/// Leaves out the attributes that only repeat what holds anyway.
fn compact(shapes: &str) -> String {
    let mut text = shapes
        .replace(&format!(" font-family=\"{FAMILY}\""), "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace("\n</text>", "</text>")
        .replace(">\n", ">")
        .replace(" \"/>", "\"/>");
    for size in Size::ALL {
        let em = size.pixels() * SCALE;
        let written = em * LINE_HEIGHT / LINE_HEIGHT;
        text = text.replace(&format!("font-size=\"{written}\""), &format!("font-size=\"{em}\""));
    }
    text.replace("</svg>", "</svg>\n")
}

/// Escapes text for XML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The size of the canvas.
fn canvas(scene: &Scene, manner: &Manner) -> (u32, u32) {
    ((scene.width * manner.scale) as u32, (scene.height * manner.scale) as u32)
}

/// Paints all shapes. A backend that writes to memory has no error to report.
fn paint<DB: DrawingBackend>(area: &Area<DB>, scene: &Scene, manner: &Manner) {
    let at = |x: f64, y: f64| (manner.unit(x), manner.unit(y));
    rectangle(area, (0, 0), at(scene.width, scene.height), Ink::Paper);
    for shape in &scene.shapes {
        match shape {
            Shape::Rect { x, y, width, height, ink } => {
                rectangle(area, at(*x, *y), at(x + width, y + height), *ink);
            }
            Shape::Steps { points, width, ink } => steps(area, points, (*width, *ink), manner),
            Shape::Text(text) => label(area, text, manner),
        }
    }
    area.present().ok();
}

impl Manner {
    /// CSS pixels to canvas units, held within what a canvas can address.
    fn unit(&self, pixels: f64) -> i32 {
        (pixels * self.scale).round().clamp(-1e6, 1e6) as i32
    }
}

fn rectangle<DB: DrawingBackend>(area: &Area<DB>, from: (i32, i32), to: (i32, i32), ink: Ink) {
    area.draw(&Rectangle::new([from, to], ShapeStyle { filled: true, ..stroke(ink, 1) })).ok();
}

fn stroke(ink: Ink, width: u32) -> ShapeStyle {
    let (red, green, blue) = ink.rgb();
    ShapeStyle { color: RGBColor(red, green, blue).into(), filled: false, stroke_width: width }
}

fn steps<DB: DrawingBackend>(area: &Area<DB>, points: &[(f64, f64)], pen: (f64, Ink), manner: &Manner) {
    let points: Vec<(i32, i32)> = points.iter().map(|&(x, y)| (manner.unit(x), manner.unit(y))).collect();
    let width = manner.unit(pen.0).max(1);
    if !manner.rectangles {
        area.draw(&PathElement::new(points, stroke(pen.1, width as u32))).ok();
        return;
    }
    let (before, after) = (width / 2, width - width / 2);
    for pair in points.windows(2) {
        let low = (pair[0].0.min(pair[1].0), pair[0].1.min(pair[1].1));
        let high = (pair[0].0.max(pair[1].0), pair[0].1.max(pair[1].1));
        let (from, to) = ((low.0 - before, low.1 - before), (high.0 + after, high.1 + after));
        rectangle(area, from, to, pen.1);
    }
}

fn label<DB: DrawingBackend>(area: &Area<DB>, text: &Text, manner: &Manner) {
    let size = text.size.pixels() * manner.scale * manner.size_factor;
    let style = if text.size == Size::Title { FontStyle::Bold } else { FontStyle::Normal };
    let anchor = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let (red, green, blue) = text.ink.rgb();
    let color = RGBColor(red, green, blue);
    let style =
        TextStyle::from((FAMILY, size, style).into_font()).color(&color).pos(Pos::new(anchor, VPos::Top));
    let top = (text.baseline * manner.scale - size * manner.baseline).round() as i32;
    area.draw(&plotters::element::Text::new(text.content.as_str(), (manner.unit(text.x), top), style)).ok();
}

/// The scene as a PNG file of two pixels for each CSS pixel.
#[cfg(feature = "png")]
pub(super) fn png(scene: &Scene) -> Vec<u8> {
    use plotters::prelude::BitMapBackend;

    let fonts: [(FontStyle, &'static [u8]); 2] = [
        (FontStyle::Normal, include_bytes!("fonts/inter-400.ttf")),
        (FontStyle::Bold, include_bytes!("fonts/inter-600.ttf")),
    ];
    for (style, bytes) in fonts {
        plotters::style::register_font(FAMILY, style, bytes).ok();
    }
    let large = scene.width * scene.height > LARGE;
    let scale = if large { DENSITY } else { SCALE };
    // The font's ascent and descent are 1.21 em together, and that is the size a bitmap font is
    // asked for; the backend puts the baseline half of that below the top anchor.
    let manner = Manner { scale, size_factor: 1.21, baseline: 0.5, rectangles: true };
    let (width, height) = canvas(scene, &manner);
    let mut pixels = vec![0xff; width as usize * height as usize * 3];
    paint(&BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area(), scene, &manner);
    if large {
        return encode(&pixels, (width, height));
    }
    encode(&halve(&pixels, width as usize), (width / 2, height / 2))
}

/// Averages squares of two by two pixels.
#[cfg(feature = "png")]
fn halve(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len() / 4);
    for rows in pixels.chunks_exact(width * 6) {
        let (upper, lower) = rows.split_at(width * 3);
        for (a, b) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum = u16::from(a[channel]) + u16::from(a[channel + 3]);
                let sum = sum + u16::from(b[channel]) + u16::from(b[channel + 3]);
                out.push(((sum + 2) / 4) as u8);
            }
        }
    }
    out
}

/// Writes the pixels as a PNG file; writing to memory cannot fail.
#[cfg(feature = "png")]
fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    /// Pixels for each metre at 192 dots per inch, so that a chart is printed at its CSS size.
    const DOTS: u32 = 7559;
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Balanced);
    // Flat areas are the rule: unfiltered bytes repeat best.
    encoder.set_filter(::png::Filter::NoFilter);
    encoder.set_pixel_dims(Some(::png::PixelDimensions { xppu: DOTS, yppu: DOTS, unit: ::png::Unit::Meter }));
    if let Ok(mut writer) = encoder.write_header() {
        writer.write_image_data(pixels).ok();
    }
    file
}
