//! Bars of what ran where, bounded in number.
//!
//! How they are drawn is not known here.

use super::results::{Bar, BarKind, Gantt};
use crate::base::Time;

/// The bars that were kept so far, on lanes of nodes.
#[derive(Debug)]
pub(super) struct Bars {
    left: usize,
    omitted: u64,
    kept: Vec<Kept>,
}

/// A bar whose row is not known yet: how many lanes its node needs shows only at the end.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) node: u32,
    /// The lane; `None` for all lanes of the node.
    pub(super) lane: Option<u32>,
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) label: String,
    pub(super) detail: String,
    pub(super) kind: BarKind,
}

impl Bars {
    pub(super) fn new(limit: usize) -> Bars {
        Bars { left: limit, omitted: 0, kept: Vec::new() }
    }

    /// Whether there is room for one more bar; if so it is set aside.
    pub(super) fn reserve(&mut self) -> bool {
        let room = self.left > 0;
        if room {
            self.left -= 1;
        } else {
            self.omitted += 1;
        }
        room
    }

    /// Enters a bar that has been reserved.
    pub(super) fn push(&mut self, bar: Kept) {
        self.kept.push(bar);
    }

    /// Hands out the bars with their rows. `nodes` are the names, in the order of the rows; each
    /// has as many rows as its bars need, at least one, and the first carries the name.
    pub(super) fn finish<'a>(&mut self, nodes: impl Iterator<Item = &'a str>) -> Gantt {
        let mut lanes: Vec<u32> = Vec::new();
        let mut kept = std::mem::take(&mut self.kept);
        for bar in &kept {
            let node = bar.node as usize;
            if lanes.len() <= node {
                lanes.resize(node + 1, 0);
            }
            lanes[node] = lanes[node].max(bar.lane.map_or(1, |lane| lane + 1));
        }
        let (mut rows, mut first) = (Vec::new(), Vec::new());
        for (node, name) in nodes.enumerate() {
            first.push(rows.len() as u32);
            // Nodes without a bar have no row where there are too many bars to show all nodes.
            let needed = lanes.get(node).copied().unwrap_or(0).max(u32::from(self.omitted == 0));
            rows.extend((0..needed).map(|lane| if lane == 0 { name.to_owned() } else { String::new() }));
        }
        kept.sort_by(|a, b| (a.start, a.node, a.lane, &a.label).cmp(&(b.start, b.node, b.lane, &b.label)));
        let bar = |bar: Kept| Bar {
            row: first[bar.node as usize] + bar.lane.unwrap_or(0),
            height: if bar.lane.is_some() { 1 } else { lanes[bar.node as usize] },
            start: bar.start.as_secs_f64(),
            end: bar.end.as_secs_f64(),
            label: bar.label,
            detail: bar.detail,
            kind: bar.kind,
        };
        Gantt { rows, bars: kept.into_iter().map(bar).collect(), omitted: self.omitted }
    }
}
