//! A run as plain text: the summary, a Gantt chart and small lines over time for a terminal.
//!
//! Columns are counted in characters. Nothing here writes anywhere; control characters of names
//! are replaced, so that a name cannot steer a terminal.

mod comparison;
mod decision;
mod gantt;
mod story;
mod summary;
#[cfg(test)]
mod tests;
mod waits;

pub use comparison::comparison_table;
pub use decision::{Shown, decision_text};
pub use gantt::text_gantt;
pub use story::story_text;
pub use summary::{sparkline, summary_table};
pub use waits::waits_text;

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
        '→' => '>',
        '×' => 'x',
        '·' => '*',
        _ => '?',
    }
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
