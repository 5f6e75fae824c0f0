//! The way of one pod through the scheduler as text.

use super::{Glyphs, NARROWEST, Shown, decision_text, finish, wrap};
use crate::base::Span;
use crate::observe::follow::{Happened, Story, StoryLine};
use std::fmt::Write as _;

/// Columns of the moments.
const MOMENT: usize = 14;
/// The lines that are shown of a long story: the first and the last.
const FIRST: usize = 100;
const LAST: usize = 100;

/// The story, and the chosen attempt node by node. No line is longer than the width, 40 at least.
pub fn story_text(story: &Story, shown: Shown, glyphs: Glyphs) -> String {
    let width = shown.width.max(NARROWEST);
    let mut lines = wrap(&headline(story), width, "");
    lines.push(String::new());
    let (before, after) = match story.lines.len() {
        all if all <= FIRST + LAST => (all, all),
        all => (FIRST, all - LAST),
    };
    let mut last = Last::default();
    for line in &story.lines[..before] {
        lines.extend(line_of(line, &mut last, width));
    }
    let omitted = (after - before) as u64 + story.left_out;
    if omitted > 0 {
        lines.push(format!("{:MOMENT$}  … {omitted} more lines: all are in the JSON", ""));
    }
    for line in &story.lines[after..] {
        lines.extend(line_of(line, &mut last, width));
    }
    let mut text = finish(&lines, glyphs);
    if let (Some((number, at)), Some(decision)) = (story.chosen, &story.decision) {
        let _ = write!(text, "\nAttempt {number}, at {}\n\n", moment(at));
        text.push_str(&decision_text(decision, shown, glyphs));
    }
    text
}

fn headline(story: &Story) -> String {
    let attempts = match story.attempts {
        0 => "no attempt".to_owned(),
        1 => "1 attempt".to_owned(),
        count => format!("{count} attempts"),
    };
    let bound = story.lines.iter().find_map(|line| match &line.happened {
        Happened::Bound { node } => Some(format!(", bound to {node} at {}", moment(line.at_s))),
        _ => None,
    });
    format!("{}: {attempts}{}", story.pod, bound.unwrap_or_else(|| ", never bound".to_owned()))
}

fn moment(seconds: f64) -> String {
    Span::from_secs_f64(seconds).rounded().to_string()
}

/// The last message that was shown in full, and the attempt that had it.
#[derive(Default)]
struct Last<'s> {
    message: &'s str,
    number: u32,
}

fn line_of<'s>(line: &'s StoryLine, last: &mut Last<'s>, width: usize) -> Vec<String> {
    let text = match &line.happened {
        Happened::Created => "created".to_owned(),
        Happened::Moved { place, until_s, cause, gate } => {
            let until = until_s.map_or(String::new(), |until| {
                format!(" until the first whole second after {}", moment(until))
            });
            let gate = if gate.is_empty() { String::new() } else { format!(" by {gate}") };
            format!("{cause} → {place}{gate}{until}")
        }
        Happened::Attempt { number, early, node, message } => {
            let early = if *early { " (its back-off cut short: nobody else was ready)" } else { "" };
            match node {
                Some(node) => format!("attempt {number}{early}: {node}"),
                None if message == last.message => {
                    format!("attempt {number}{early}: as attempt {}", last.number)
                }
                None => {
                    *last = Last { message, number: *number };
                    format!("attempt {number}{early}: {message}")
                }
            }
        }
        Happened::Promised { node, victims } => {
            let pods = if *victims == 1 { "1 pod is".to_owned() } else { format!("{victims} pods are") };
            format!("promised {node}, where {pods} evicted for it")
        }
        Happened::Bound { node } => format!("bound to {node}"),
        Happened::Over { how } => how.clone(),
    };
    let mut lines = wrap(&text, width - MOMENT - 2, "");
    for (place, line_text) in lines.iter_mut().enumerate() {
        let at = if place == 0 { moment(line.at_s) } else { String::new() };
        *line_text = format!("{at:>MOMENT$}  {line_text}");
    }
    lines
}
