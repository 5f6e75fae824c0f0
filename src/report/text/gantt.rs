//! The Gantt chart as text.

use super::{Glyphs, NARROWEST, finish, fit, wrap};
use crate::observe::{BarKind, Gantt};
use crate::report::axis::Axis;
use crate::report::format::counted;
use crate::report::lanes::{Lanes, Limits, Placed, lanes};

/// Lines of a Gantt chart.
const LINES: usize = 40;
/// The widest label in front of a line.
const LABEL: usize = 16;

/// The Gantt chart as text: a line for each row, or several where bars of a row overlap; labels
/// stand in the bars that have room. Where that would be too long, each row is one line of counts.
/// No line is longer than `width` characters, 40 at least.
pub fn text_gantt(gantt: &Gantt, width: usize, glyphs: Glyphs) -> String {
    let width = width.max(NARROWEST);
    if gantt.rows.is_empty() || gantt.bars.is_empty() {
        return "no data\n".to_owned();
    }
    let limits = Limits { rows: LINES, bars: usize::MAX, lanes_per_row: usize::MAX };
    let layout = lanes(gantt, limits);
    let end = layout.bars.iter().map(|placed| placed.bar.end).fold(0.0, f64::max);
    let names = gantt.rows.iter().take(LINES).map(|row| row.chars().count());
    let label = names.max().unwrap_or(0).min(LABEL);
    let sheet = Sheet { x: Axis::time(end, 5), label, width: width - label - 2, glyphs };
    let mut lines = if layout.total() as usize <= LINES {
        sheet.bars(gantt, &layout)
    } else {
        sheet.counts(gantt, &layout)
    };
    lines.extend(sheet.axis());
    lines.extend(sheet.key(gantt));
    if gantt.rows.len() > LINES {
        lines.push(format!(
            "{} not shown",
            counted((gantt.rows.len() - LINES) as u64, "further row", "further rows")
        ));
    }
    finish(&lines.iter().map(|line| fit(line, width)).collect::<Vec<String>>(), glyphs)
}

/// Where a text Gantt is written.
struct Sheet {
    x: Axis,
    label: usize,
    width: usize,
    glyphs: Glyphs,
}

/// The characters of bars: first, middle, last of each kind, alone, and down.
struct Strokes {
    open: char,
    fill: char,
    ran: char,
    failed: char,
    lost: char,
    down: char,
    waited: char,
    held: (char, char, char),
}

impl Sheet {
    fn strokes(&self) -> Strokes {
        match self.glyphs {
            Glyphs::Unicode => {
                let held = ('╞', '═', '╡');
                Strokes {
                    open: '├',
                    fill: '─',
                    ran: '┤',
                    failed: '!',
                    lost: 'x',
                    down: '░',
                    waited: '·',
                    held,
                }
            }
            Glyphs::Ascii => {
                let held = ('[', '=', ']');
                Strokes {
                    open: '[',
                    fill: '-',
                    ran: ']',
                    failed: '!',
                    lost: 'x',
                    down: '#',
                    waited: '.',
                    held,
                }
            }
        }
    }

    fn column(&self, time: f64) -> usize {
        (self.x.position(time) * self.width as f64).round() as usize
    }

    fn bars(&self, gantt: &Gantt, layout: &Lanes<'_>) -> Vec<String> {
        let mut cells = vec![vec![' '; self.width]; layout.total() as usize];
        for placed in &layout.bars {
            for lane in placed.from..placed.to {
                self.bar(&mut cells[lane as usize], placed, lane == placed.from);
            }
        }
        let label = self.label;
        let mut lines = Vec::new();
        for (row, name) in gantt.rows.iter().take(layout.offsets.len() - 1).enumerate() {
            for lane in layout.offsets[row]..layout.offsets[row + 1] {
                let name = if lane == layout.offsets[row] { fit(name, label) } else { String::new() };
                lines.push(format!("{name:>label$} {}", cells[lane as usize].iter().collect::<String>()));
            }
        }
        lines
    }

    /// Writes one bar into the cells of a lane.
    fn bar(&self, cells: &mut [char], placed: &Placed<'_>, with_label: bool) {
        let strokes = self.strokes();
        let bar = placed.bar;
        let from = self.column(bar.start).min(self.width - 1);
        let to = self.column(bar.end).clamp(from + 1, self.width);
        let (open, fill, last) = match bar.kind {
            BarKind::Ran => (strokes.open, strokes.fill, strokes.ran),
            BarKind::Failed => (strokes.open, strokes.fill, strokes.failed),
            BarKind::Lost => (strokes.open, strokes.fill, strokes.lost),
            BarKind::Held => strokes.held,
            BarKind::Down => return cells[from..to].fill(strokes.down),
            BarKind::Waited => return cells[from..to].fill(strokes.waited),
        };
        cells[from..to].fill(fill);
        cells[from] = open;
        cells[to - 1] = last;
        let room = to - from - 1;
        if with_label && bar.label.chars().count() < room {
            for (cell, c) in cells[from + 1..to - 1].iter_mut().zip(bar.label.chars()) {
                *cell = c;
            }
        }
    }

    /// One line a row: how many bars there are at a time, `.` for none and `+` for more than nine.
    fn counts(&self, gantt: &Gantt, layout: &Lanes<'_>) -> Vec<String> {
        let rows = layout.offsets.len() - 1;
        let mut changes = vec![vec![0i64; self.width + 1]; rows];
        let mut down = vec![vec![false; self.width]; rows];
        for placed in &layout.bars {
            let bar = placed.bar;
            let from = self.column(bar.start).min(self.width - 1);
            let to = self.column(bar.end).clamp(from + 1, self.width);
            let first = bar.row as usize;
            for row in first..first.saturating_add(bar.height.max(1) as usize).min(rows) {
                if bar.kind == BarKind::Down {
                    down[row][from..to].fill(true);
                } else {
                    changes[row][from] += 1;
                    changes[row][to] -= 1;
                }
            }
        }
        let strokes = self.strokes();
        let label = self.label;
        let line = |row: usize| {
            let counts = changes[row].iter().scan(0, |count, change| {
                *count += change;
                Some(*count)
            });
            let digits = counts.zip(&down[row]).map(|(count, down)| match count {
                _ if *down => strokes.down,
                0 => '.',
                1..=9 => char::from(b'0' + count as u8),
                _ => '+',
            });
            format!("{:>label$} {}", fit(&gantt.rows[row], label), digits.collect::<String>())
        };
        (0..rows).map(line).collect()
    }

    /// What the marks of bars mean.
    fn key(&self, gantt: &Gantt) -> Vec<String> {
        let indent = " ".repeat(self.label + 1);
        let strokes = self.strokes();
        let mut key = format!(
            "{indent}{}; at its end: {} ran, {} failed, {} work lost; {} node down",
            self.x.title, strokes.ran, strokes.failed, strokes.lost, strokes.down
        );
        let marks = [
            (BarKind::Waited, strokes.waited, "waited"),
            (BarKind::Held, strokes.held.1, "held its room, idle"),
        ];
        for (kind, mark, name) in marks {
            if gantt.bars.iter().any(|bar| bar.kind == kind) {
                key = format!("{key}; {mark} {name}");
            }
        }
        wrap(&key, self.label + 2 + self.width, &indent)
    }

    /// The time axis: marks and their labels.
    fn axis(&self) -> Vec<String> {
        let (rule, mark) = match self.glyphs {
            Glyphs::Unicode => ('─', '┬'),
            Glyphs::Ascii => ('-', '+'),
        };
        let mut marks = vec![rule; self.width];
        let mut labels = vec![' '; self.width + 1];
        for (time, text) in &self.x.ticks {
            let column = self.column(*time).min(self.width - 1);
            marks[column] = mark;
            let start = column.min((self.width + 1).saturating_sub(text.chars().count()));
            if labels[start.saturating_sub(1)..].iter().all(|c| *c == ' ') {
                for (cell, c) in labels[start..].iter_mut().zip(text.chars()) {
                    *cell = c;
                }
            }
        }
        let indent = " ".repeat(self.label + 1);
        vec![
            format!("{indent}{}", marks.iter().collect::<String>()),
            format!("{indent}{}", labels.iter().collect::<String>()),
        ]
    }
}
