//! A run as plain text: the summary, a Gantt chart and small lines over time for a terminal.
//!
//! Columns are counted in characters. Nothing here writes anywhere; control characters of names
//! are replaced, so that a name cannot steer a terminal.

use super::axis::Axis;
use super::format::{counted, title, value};
use super::lanes::{Lanes, Limits, Placed, lanes};
use super::plot::{Line, Plot, SHARE, plots};
use super::words;
use crate::observe::{BarKind, Gantt, Metric, Results};

/// The characters that may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Glyphs {
    /// Blocks and lines of Unicode.
    #[default]
    Unicode,
    /// Nothing beyond ASCII.
    Ascii,
}

/// The narrowest text that still says something; less is taken as this.
const NARROWEST: usize = 40;
/// Lines of a Gantt chart.
const LINES: usize = 40;
/// The widest label in front of a line.
const LABEL: usize = 16;
/// How many lines over time the summary shows.
const TRENDS: usize = 6;

/// The summary: one paragraph, the headline metrics by group, quantities over time, and what needs
/// attention. No line is longer than `width` characters, 40 at least.
pub fn summary_table(results: &Results, width: usize, glyphs: Glyphs) -> String {
    let width = width.max(NARROWEST);
    let mut lines = wrap(&results.title, width, "");
    lines.extend(wrap(&words::summary(results), width, ""));
    lines.extend(metric_lines(results, width));
    lines.extend(trend_lines(results, width, glyphs));
    lines.extend(count_lines("Never placed", &results.unplaced, width));
    lines.extend(count_lines("Input rows dropped, repaired or ignored", &results.remarks, width));
    finish(&lines, glyphs)
}

/// Joins the lines and leaves only characters that may be shown.
fn finish(lines: &[String], glyphs: Glyphs) -> String {
    let mut text = String::new();
    for line in lines {
        text.extend(line.trim_end().chars().map(|c| plain(c, glyphs)));
        text.push('\n');
    }
    text
}

/// One character for one character, so that columns stay.
fn plain(c: char, glyphs: Glyphs) -> char {
    match c {
        c if c.is_control() => '?',
        '\u{a0}' => ' ',
        // Marks that turn the direction of a line around would turn the rest of the table as well.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        c if glyphs == Glyphs::Unicode || c.is_ascii() => c,
        '–' | '—' | '−' => '-',
        'µ' => 'u',
        '…' => '~',
        '·' => '*',
        _ => '?',
    }
}

fn metric_lines(results: &Results, width: usize) -> Vec<String> {
    let headline: Vec<&Metric> = results.metrics.iter().filter(|metric| metric.headline).collect();
    let names = headline.iter().map(|metric| title(&metric.name, metric.unit).chars().count());
    let name_width = names.max().unwrap_or(0).min(width / 2);
    let mut groups: Vec<(&str, Vec<&Metric>)> = Vec::new();
    for metric in headline {
        match groups.iter_mut().find(|group| group.0 == metric.group) {
            Some(group) => group.1.push(metric),
            None => groups.push((metric.group, vec![metric])),
        }
    }
    let mut lines = Vec::new();
    for (group, metrics) in groups {
        lines.extend([String::new(), fit(group, width)]);
        for metric in metrics {
            let name = fit(&title(&metric.name, metric.unit), name_width);
            let value = fit(&value(&metric.name, metric.value, metric.unit), width - name_width - 4);
            lines.push(format!("  {name:name_width$}  {value:>16}"));
        }
    }
    lines.iter().map(|line| fit(line, width)).collect()
}

/// Quantities over time, one line each.
fn trend_lines(results: &Results, width: usize, glyphs: Glyphs) -> Vec<String> {
    let plots = plots(results);
    let mut lines = Vec::new();
    for plot in &plots {
        for line in plot.lines.iter().take(2).filter(|line| !line.points.is_empty()) {
            lines.push(trend(plot, line, width, glyphs));
        }
    }
    lines.truncate(TRENDS);
    if !lines.is_empty() {
        lines.splice(0..0, [String::new(), "Over time".to_owned()]);
    }
    lines
}

fn trend(plot: &Plot, line: &Line, width: usize, glyphs: Glyphs) -> String {
    let label_width = (width / 3).min(30);
    let about = plot.title.trim_start_matches("Utilization of ").trim_end_matches(" by state");
    let label = fit(&format!("{about}, {}", line.label), label_width);
    let highest = line.points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let highest = if plot.unit == SHARE {
        value("share", Some(highest), "1")
    } else {
        value("", Some(highest), &plot.unit)
    };
    let room = width - label_width - 24;
    let chart = sparkline(&line.points, plot.end, room, glyphs);
    fit(&format!("  {label:label_width$}  {chart}  up to {highest}"), width)
}

/// A line over time in `width` characters: the mean of each stretch of time, between 0 and the
/// highest mean. Points are (seconds since the start, value), ascending; the last value lasts until `end`.
pub fn sparkline(points: &[(f64, f64)], end: f64, width: usize, glyphs: Glyphs) -> String {
    let levels: Vec<char> = match glyphs {
        Glyphs::Unicode => "▁▂▃▄▅▆▇█".chars().collect(),
        Glyphs::Ascii => "_.:-=+*#".chars().collect(),
    };
    let points = super::thin::clean(points);
    let cell = end / width as f64;
    if points.is_empty() || !cell.is_finite() || cell <= 0.0 {
        return " ".repeat(width);
    }
    let mean = |index: usize| mean_between(&points, cell * index as f64, cell * (index + 1) as f64);
    let means: Vec<f64> = (0..width).map(mean).collect();
    let highest = means.iter().copied().fold(0.0, f64::max);
    let level = |mean: f64| if highest > 0.0 { (mean / highest).clamp(0.0, 1.0) } else { 0.0 };
    means.into_iter().map(|mean| levels[(level(mean) * 7.0).round() as usize]).collect()
}

/// The mean of a step line, 0 before its first point.
fn mean_between(points: &[(f64, f64)], from: f64, to: f64) -> f64 {
    let first = points.partition_point(|point| point.0 <= from);
    let mut value = first.checked_sub(1).map_or(0.0, |index| points[index].1);
    let (mut sum, mut at) = (0.0, from);
    for point in points[first..].iter().take_while(|point| point.0 < to) {
        sum += value * ((point.0 - at) / (to - from));
        (at, value) = *point;
    }
    sum + value * ((to - at) / (to - from))
}

fn count_lines(heading: &str, pairs: &[(String, u64)], width: usize) -> Vec<String> {
    /// The full list is in the report.
    const SHOWN: usize = 5;
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut pairs: Vec<&(String, u64)> = pairs.iter().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.1));
    let mut lines = vec![String::new(), heading.to_owned()];
    for (text, count) in pairs.iter().take(SHOWN) {
        let text = super::format::cut(text, 400);
        lines.extend(wrap(&format!("  {count:>5}  {text}"), width, "         "));
    }
    if pairs.len() > SHOWN {
        lines.push(format!(
            "         and {}",
            counted((pairs.len() - SHOWN) as u64, "other text", "other texts")
        ));
    }
    lines
}

/// `text` in lines of at most `width` characters, all but the first after `indent`.
fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    let lead: String = text.chars().take_while(|c| *c == ' ').take(indent.chars().count()).collect();
    let mut lines = vec![lead];
    let mut empty = true;
    for word in text.split_whitespace() {
        let word = fit(word, width - indent.chars().count());
        let last = lines.last().map_or(0, |line| line.chars().count());
        if !empty && last + 1 + word.chars().count() > width {
            lines.push(indent.to_owned());
            empty = true;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if empty { "" } else { " " });
            line.push_str(&word);
            empty = false;
        }
    }
    lines
}

/// `text` in at most `width` characters.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_owned() } else { super::format::cut(text, width) }
}

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
}

impl Sheet {
    fn strokes(&self) -> Strokes {
        match self.glyphs {
            Glyphs::Unicode => {
                Strokes { open: '├', fill: '─', ran: '┤', failed: '!', lost: 'x', down: '░' }
            }
            Glyphs::Ascii => Strokes { open: '[', fill: '-', ran: ']', failed: '!', lost: 'x', down: '#' },
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
        let last = match bar.kind {
            BarKind::Ran => strokes.ran,
            BarKind::Failed => strokes.failed,
            BarKind::Lost => strokes.lost,
            BarKind::Down => return cells[from..to].fill(strokes.down),
        };
        cells[from..to].fill(strokes.fill);
        cells[from] = strokes.open;
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

    /// The time axis: marks, their labels, and what the marks of bars mean.
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
        let strokes = self.strokes();
        let key = format!(
            "{indent}{}; at its end: {} ran, {} failed, {} work lost; {} node down",
            self.x.title, strokes.ran, strokes.failed, strokes.lost, strokes.down
        );
        let mut lines = vec![
            format!("{indent}{}", marks.iter().collect::<String>()),
            format!("{indent}{}", labels.iter().collect::<String>()),
        ];
        lines.extend(wrap(&key, self.label + 2 + self.width, &indent));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hostile, outage};
    use super::*;
    use crate::observe::Bar;
    use expect_test::expect;
    use proptest::prelude::*;

    fn longest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    #[test]
    fn summary_reads_well_in_eighty_columns() {
        expect![[r"
            zone-outage
            The run covers 6 h on 10 nodes. Of 60 pods, 52 succeeded, 3 still waited at the
            end and 3 failed. The mean wait was 3 min 35 s, the slowest 5 % at least 22 min
            4 s. 63.4 % of the CPU was requested on average. It cost 31.42 EUR. Attention: 3
            pods were never placed, the work of 2 runs was lost and 15 input rows were
            dropped, repaired or ignored.

            Pods
              Pods created                        60 pods
              Pods succeeded                      52 pods
              Pods failed                          3 pods
              Pods pending                         3 pods

            Waiting
              Wait mean                        3 min 35 s
              Wait p95                         22 min 4 s

            Completion
              Bounded slowdown mean                 1.716

            Utilization
              Utilization requested CPU            63.4 %

            Cost
              Cost total                        31.42 EUR

            Over time
              CPU, requested              .:-=+**#*##******+***##**+-::.  up to 55 %
              CPU, used                   ..:=-++=#++*=*+=*-+*=#++*--:..  up to 41.2 %
              memory, requested           .:-=+**#*##******+***##**+-::.  up to 50 %
              memory, used                .:-=+**#*##******+***##**+-::.  up to 36.7 %
              Queue length, waiting pods  :-:___:--___-#*=:..--.__.--.__  up to 11 pods
              Pods, running               .:-=+**#*##******+***##**+-::.  up to 11 pods

            Never placed
                  2 0/10 nodes are available: 9 Insufficient cpu, 1 node(s) had untolerated
                     taint {node.kubernetes.io/unreachable: }. preemption: 0/10 nodes are
                     available: 1 Preemption is not helpful for scheduling, 9 No preemption
                     victims found for incoming pod.
                  1 0/10 nodes are available: 10 node(s) didn't match Pod's node
                     affinity/selector.

            Input rows dropped, repaired or ignored
                 12 rows of trace.csv without a run time were dropped
                  3 requests above the largest node were cut to it
        "]]
        .assert_eq(&summary_table(&outage(), 80, Glyphs::Ascii));
    }

    #[test]
    fn jobs_on_processors_fit_on_a_page() {
        let bar = |row, height, start, end, label: &str, kind| Bar {
            row,
            height,
            start,
            end,
            label: label.to_owned(),
            detail: String::new(),
            kind,
        };
        let gantt = Gantt {
            rows: (0..4).map(|row| format!("cpu {row}")).collect(),
            bars: vec![
                bar(0, 2, 0.0, 30.0, "job 1", BarKind::Ran),
                bar(2, 2, 0.0, 10.0, "job 2", BarKind::Failed),
                bar(2, 1, 10.0, 60.0, "job 3", BarKind::Lost),
                bar(0, 1, 30.0, 45.0, "job 4", BarKind::Ran),
                bar(3, 1, 50.0, 60.0, "", BarKind::Down),
            ],
            omitted: 0,
        };
        expect![[r"
            cpu 0 [job 1--------------------------][job 4---------]
            cpu 1 [-------------------------------]
            cpu 2 [job 2----![job 3-----------------------------------------------x
            cpu 3 [---------!                                           ###########
                  +---------------+----------------+---------------+--------------+
                  0               15               30              45             60
                  time since the start (s); at its end: ] ran, ! failed, x work
                  lost; # node down
        "]]
        .assert_eq(&text_gantt(&gantt, 72, Glyphs::Ascii));
        expect![[r"
            cpu 0 ├job 1───────────────┤├job 4───┤
            cpu 1 ├────────────────────┤
            cpu 2 ├job 2!├job 3─────────────────────────────x
            cpu 3 ├─────!                             ░░░░░░░
                  ┬──────────┬──────────┬─────────┬─────────┬
                  0          15         30        45        60
                  time since the start (s); at its end: ┤ ran,
                  ! failed, x work lost; ░ node down
        "]]
        .assert_eq(&text_gantt(&gantt, 50, Glyphs::Unicode));
    }

    #[test]
    fn many_bars_become_counts() {
        let mut gantt = outage().gantt;
        gantt.rows.extend((10..60).map(|row| format!("worker-{row}")));
        let crowd: Vec<Bar> = (0..15).map(|_| Bar { row: 1, ..gantt.bars[5].clone() }).collect();
        gantt.bars.extend(crowd);
        let text = text_gantt(&gantt, 60, Glyphs::Ascii);
        assert!(text.contains("20 further rows not shown"), "{text}");
        assert!(text.contains('+') && text.contains("##"), "{text}");
        assert_eq!(text_gantt(&Gantt::default(), 80, Glyphs::Ascii), "no data\n");
    }

    #[test]
    fn sparkline_shows_means() {
        let points = [(0.0, 0.0), (5.0, 4.0), (7.5, 2.0)];
        assert_eq!(sparkline(&points, 10.0, 4, Glyphs::Ascii), "__#=");
        assert_eq!(sparkline(&points, 10.0, 2, Glyphs::Unicode), "▁█");
        assert_eq!(sparkline(&[], 10.0, 3, Glyphs::Unicode), "   ");
        assert_eq!(sparkline(&points, f64::NAN, 3, Glyphs::Unicode), "   ");
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let mut results = hostile();
        results.title = "\u{1b}[2Jgone\u{7}".to_owned();
        results.gantt.rows[1] = "\u{1b}]0;title\u{7}".to_owned();
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let text = summary_table(&results, 80, glyphs) + &text_gantt(&results.gantt, 80, glyphs);
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
            assert!(glyphs == Glyphs::Unicode || text.is_ascii());
            assert!(longest(&text) <= 80, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_line_is_too_long(title in ".{0,200}", label in ".{0,60}", width in 0usize..130, row in any::<u32>()) {
            let mut results = outage();
            results.unplaced.push((title.clone(), 1));
            results.series[0].label = label.clone();
            results.gantt.rows[2] = label.clone();
            results.gantt.bars[3].label = label;
            results.gantt.bars[4].row = row;
            results.title = title;
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let text = summary_table(&results, width, glyphs) + &text_gantt(&results.gantt, width, glyphs);
                prop_assert!(longest(&text) <= width.max(NARROWEST), "{}", text);
            }
        }
    }
}
