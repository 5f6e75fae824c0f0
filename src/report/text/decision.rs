//! A decision of the scheduler as text: a sentence, the scores of the best nodes, the refused nodes
//! by reason, and what preemption would do.

use super::{Glyphs, NARROWEST, finish, fit, wrap};
use crate::observe::Decision;
use crate::observe::decision::{CandidateRow, Ending, NodeRow, NodeVerdict, PreemptionTable, ScoreCell};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The longest name of a node that heads a column; longer ones are numbered.
const MAX_HEAD: usize = 20;
/// How many names of refused nodes are shown for each reason, and how many victims.
const NAMES: usize = 5;

/// How much of a decision is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// So many feasible nodes, the best ones.
    pub top: usize,
    /// Whether the refused nodes are named one and all.
    pub all_refused: bool,
    /// Characters a line.
    pub width: usize,
}

impl Default for Shown {
    /// What fits on a terminal.
    fn default() -> Shown {
        Shown { top: 3, all_refused: false, width: 80 }
    }
}

/// The decision. No line is longer than the width, 40 at least.
pub fn decision_text(decision: &Decision, shown: Shown, glyphs: Glyphs) -> String {
    let width = shown.width.max(NARROWEST);
    let mut lines = wrap(&sentence(decision), width, "");
    if !decision.message.is_empty() {
        lines.push(String::new());
        lines.extend(wrap(&format!("  {}", decision.message), width, "  "));
    }
    lines.extend(score_lines(decision, shown, width));
    lines.extend(refused_lines(decision, shown, width));
    if let Some(preemption) = &decision.preemption {
        lines.extend(preemption_lines(preemption, shown, width));
    }
    finish(&lines, glyphs)
}

fn sentence(decision: &Decision) -> String {
    let Decision { pod, rule, .. } = decision;
    match (decision.result, &decision.node) {
        (Ending::Gated, _) => format!("{pod} is not queued yet: {rule}."),
        (Ending::Scheduled, Some(node)) => {
            let mut text = format!("{pod} goes to {node}: {rule}");
            let mut feasible = decision.with(NodeVerdict::Feasible);
            if let (Some(best), Some(next)) = (decision.best, feasible.nth(1)) {
                let _ = write!(text, ", {best}");
                if let Some(total) = next.total {
                    let _ = write!(text, "; {} has {total}", next.node);
                }
            }
            text + "."
        }
        _ => match decision.preemption.as_ref().and_then(|preemption| preemption.node.as_ref()) {
            Some(node) => format!("{pod} fits nowhere, but {node} if others make way: {rule}."),
            None => format!("{pod} goes nowhere: {rule}."),
        },
    }
}

/// The scores of the best nodes: plugins down, nodes across, in as many blocks as it takes.
fn score_lines(decision: &Decision, shown: Shown, width: usize) -> Vec<String> {
    let rows: Vec<&NodeRow> = decision.with(NodeVerdict::Feasible).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let (best, others) = rows.split_at(shown.top.clamp(1, rows.len()));
    let grid = Grid::new(decision, best, width);
    let mut lines = vec![String::new()];
    lines.extend(wrap(
        &format!(
            "Feasible: {} of {} nodes. Raw→normalised score, then times weight",
            rows.len(),
            decision.node_count
        ),
        width,
        "",
    ));
    if grid.numbered {
        for (number, row) in (1..).zip(best) {
            lines.push(fit(&format!("  #{number}  {}", row.node), width));
        }
    }
    let across = ((width.saturating_sub(grid.label)) / (grid.cell + 2)).max(1);
    for (block, nodes) in best.chunks(across).enumerate() {
        lines.push(String::new());
        lines.extend(grid.block(decision, nodes, block * across).iter().map(|line| fit(line, width)));
    }
    lines.extend(rest_line(others, width));
    if !decision.skipped_scores.is_empty() {
        let skipped = decision.skipped_scores.join(", ");
        lines.extend(wrap(&format!("Nothing to say about this pod: {skipped}."), width, ""));
    }
    lines
}

/// A word about the feasible nodes that are not shown.
fn rest_line(others: &[&NodeRow], width: usize) -> Vec<String> {
    let totals = || others.iter().filter_map(|row| row.total);
    let (Some(most), Some(least)) = (totals().max(), totals().min()) else { return Vec::new() };
    let range = if most == least { most.to_string() } else { format!("{most} to {least}") };
    let nodes = if others.len() == 1 {
        "1 more feasible node".to_owned()
    } else {
        format!("{} more feasible nodes", others.len())
    };
    let mut lines = vec![String::new()];
    lines.extend(wrap(&format!("And {nodes} with a total of {range}."), width, ""));
    lines
}

/// The measures of the matrix of scores.
struct Grid {
    /// Width of the plugins' names with their weights.
    label: usize,
    /// Width of a node's column.
    cell: usize,
    raw: usize,
    weighted: usize,
    /// Whether the nodes are numbered, because their names are too long.
    numbered: bool,
}

impl Grid {
    fn new(decision: &Decision, rows: &[&NodeRow], width: usize) -> Grid {
        let digits = |number: i64| number.to_string().len();
        let cells = || rows.iter().flat_map(|row| &row.scores);
        let raw = cells().map(|cell| digits(cell.raw)).max().unwrap_or(1);
        let totals = rows.iter().filter_map(|row| row.total);
        let weighted = cells().map(|cell| cell.weighted).chain(totals).map(digits).max().unwrap_or(1);
        let name = decision.weights.iter().map(|weight| weight.plugin.len()).max().unwrap_or(6);
        let label = (name.max(6) + 8).min(width / 2);
        let cell = raw + 1 + 3 + 2 + weighted;
        let longest = rows.iter().map(|row| row.node.chars().count()).max().unwrap_or(0);
        let numbered = longest > MAX_HEAD.max(cell);
        let cell = if numbered { cell } else { cell.max(longest) };
        Grid { label, cell, raw, weighted, numbered }
    }

    fn block(&self, decision: &Decision, rows: &[&NodeRow], first: usize) -> Vec<String> {
        let (name, cell) = (self.label - 8, self.cell);
        let mut head = format!("  {:name$}weight", "plugin");
        let mut total = format!("  {:name$}      ", "total");
        for (number, row) in (first + 1..).zip(rows) {
            let title = if self.numbered { format!("#{number}") } else { row.node.clone() };
            let _ = write!(head, "  {title:>cell$}");
            let _ = write!(total, "  {:>cell$}", row.total.unwrap_or(0));
        }
        let mut lines = vec![head];
        for weight in &decision.weights {
            let cells: Vec<Option<&ScoreCell>> = rows
                .iter()
                .map(|row| row.scores.iter().find(|score| score.plugin == weight.plugin))
                .collect();
            if cells.iter().all(Option::is_none) {
                continue;
            }
            let plugin = fit(weight.plugin, name);
            let mut line = format!("  {plugin:name$}{:>6}", format!("×{}", weight.weight));
            for score in cells {
                let text = score.map_or(String::new(), |score| self.cell(score));
                let _ = write!(line, "  {text:>cell$}");
            }
            lines.push(line);
        }
        lines.push(total);
        lines
    }

    fn cell(&self, score: &ScoreCell) -> String {
        let (raw, weighted) = (self.raw, self.weighted);
        format!("{:>raw$}→{:>3}  {:>weighted$}", score.raw, score.normalized, score.weighted)
    }
}

/// The first names of a list, and how many more there are.
fn first_names(names: &[&str], all: bool) -> String {
    let shown = if all { names.len() } else { NAMES.min(names.len()) };
    let mut text = names[..shown].join(", ");
    if shown < names.len() {
        let _ = write!(text, " and {} more", names.len() - shown);
    }
    text
}

fn refused_lines(decision: &Decision, shown: Shown, width: usize) -> Vec<String> {
    let groups = decision.refusals();
    let mut lines = Vec::new();
    let count = decision.with(NodeVerdict::Refused).count();
    if count > 0 {
        lines.extend([String::new(), format!("Refused: {count} of {} nodes", decision.node_count)]);
    }
    for group in groups {
        let plugin = if group.plugin.is_empty() { "PreFilter" } else { group.plugin };
        let reasons = group.reasons.join(", ");
        let helps = if group.preemption_helps { "" } else { " (evictions cannot help)" };
        let text = format!("  {:>5}  {plugin}: {reasons}{helps}", group.nodes.len());
        lines.extend(wrap_from(&text, width, 9));
        lines.extend(wrap_from(
            &format!("{:9}{}", "", first_names(&group.nodes, shown.all_refused)),
            width,
            9,
        ));
    }
    let unseen = decision.with(NodeVerdict::NotEvaluated).count();
    if unseen > 0 {
        lines.push(String::new());
        lines.extend(wrap(&format!("Not looked at: {unseen} of {} nodes", decision.node_count), width, ""));
    }
    lines
}

/// `text`, whose first columns stand as they are, in lines that begin below what follows them.
fn wrap_from(text: &str, width: usize, columns: usize) -> Vec<String> {
    let head: String = text.chars().take(columns).collect();
    let rest: String = text.chars().skip(columns).collect();
    let mut lines = wrap(&rest, width - columns, "");
    for (place, line) in lines.iter_mut().enumerate() {
        *line = if place == 0 { format!("{head}{line}") } else { format!("{:columns$}{line}", "") };
    }
    lines
}

fn preemption_lines(preemption: &PreemptionTable, shown: Shown, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let text = match &preemption.node {
        Some(node) => format!("Preemption: the pod is promised {node}: {}.", preemption.rule),
        None => format!("Preemption: none, {}.", preemption.rule),
    };
    lines.extend(wrap(&text, width, ""));
    for candidate in preemption.candidates.iter().take(shown.top.max(1)) {
        lines.extend(wrap_from(&format!("  {}", candidate_text(candidate)), width, 4));
    }
    let more = preemption.candidates.len().saturating_sub(shown.top.max(1));
    if more > 0 {
        lines.push(format!("  and {more} more candidates"));
    }
    for (reasons, nodes) in others_by_reason(preemption) {
        let names = first_names(&nodes, shown.all_refused);
        lines.extend(wrap_from(&format!("  {:>5}  {reasons}: {names}", nodes.len()), width, 9));
    }
    if !preemption.cleared.is_empty() {
        lines.extend(wrap(
            &format!("  No longer promised that node: {}", preemption.cleared.join(", ")),
            width,
            "    ",
        ));
    }
    lines
}

/// The nodes on which evictions were tried in vain, by what stands in the way; most frequent first.
fn others_by_reason(preemption: &PreemptionTable) -> Vec<(String, Vec<&str>)> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for other in &preemption.others {
        groups.entry(other.reasons.join(", ")).or_default().push(&other.node);
    }
    let mut groups: Vec<(String, Vec<&str>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, nodes)| Reverse(nodes.len()));
    groups
}

fn candidate_text(candidate: &CandidateRow) -> String {
    let victims: Vec<String> =
        candidate.victims.iter().map(|(pod, priority)| format!("{pod} (priority {priority})")).collect();
    let victims: Vec<&str> = victims.iter().map(String::as_str).collect();
    let violations = match candidate.violations {
        0 => String::new(),
        count => format!("; {count} of them against a disruption budget"),
    };
    format!("{} without {}{violations}", candidate.node, first_names(&victims, false))
}
