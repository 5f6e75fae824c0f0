//! What the nodes of a fleet hold over time, and the bars of what ran on them.

use super::columns;
use super::gantt::{Bars, Kept};
use super::metrics::Sheet;
use super::outputs::{Document, document};
use super::results::{BarKind, Gantt};
use super::stats::{Integral, ratio};
use super::table::{Memory, Table};
use crate::base::ids::{JobId, NodeId, ResourceId, TaskId};
use crate::base::{Map, Span, Time};
use crate::cluster::Fleet;
use crate::cluster::fleet::Task;
use crate::sim::{FleetJob, NodeSetup, Pool, Together};

/// CPU and memory: what `nodes.csv` has shares of.
const MAIN: [ResourceId; 2] = [ResourceId::CPU, ResourceId::MEMORY];
/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

#[derive(Default)]
struct Node {
    name: String,
    pool: String,
    zone: String,
    price_per_hour: f64,
    allocatable: [i64; 2],
    others: String,
    requested: [Integral; 2],
    down: Integral,
    down_since: Option<Time>,
    failures: u64,
    started: u64,
    lanes: Vec<Option<TaskId>>,
}

/// All nodes, and the bars that were kept.
pub(super) struct NodeLog {
    rows: Vec<Node>,
    bars: Bars,
    /// The lanes of tasks for which a bar is set aside.
    drawn: Map<TaskId, u32>,
    /// Whether there is no room for bars any more.
    is_full: bool,
    failures: u64,
}

impl NodeLog {
    pub(super) fn new(bars: usize) -> NodeLog {
        NodeLog {
            rows: Vec::new(),
            bars: Bars::new(bars),
            drawn: Map::default(),
            is_full: false,
            failures: 0,
        }
    }

    /// The run begins.
    pub(super) fn begin(&mut self, fleet: &Fleet, nodes: &[NodeSetup], pools: &[Pool]) {
        let row = |(row, node): (usize, &NodeSetup)| {
            let pool = pools.get(node.pool.index());
            let amount = |resource: usize| fleet.cluster.nodes.allocatable[resource][row];
            let others = (MAIN.len()..fleet.cluster.resources.len()).filter(|&resource| amount(resource) > 0);
            let other = |resource: usize| {
                format!("{}={}", fleet.cluster.resource_name(ResourceId(resource as u32)), amount(resource))
            };
            Node {
                name: node.node.meta.name.clone(),
                pool: pool.map(|pool| pool.name.clone()).unwrap_or_default(),
                zone: node.node.meta.labels.get(ZONE).cloned().unwrap_or_default(),
                price_per_hour: pool.map_or(0.0, |pool| pool.price_per_hour),
                allocatable: MAIN.map(|resource| amount(resource.index())),
                others: others.map(other).collect::<Vec<_>>().join(" "),
                ..Node::default()
            }
        };
        self.rows = nodes.iter().enumerate().map(row).collect();
    }

    fn count(&mut self, now: Time, task: &Task, fleet: &Fleet, sign: i64) {
        let class = fleet.class_of(task.job);
        let node = &mut self.rows[task.node.index()];
        for (column, resource) in node.requested.iter_mut().zip(MAIN) {
            column.add(now.0, sign * class.counted(resource));
        }
    }

    /// A task was started.
    pub(super) fn started(&mut self, now: Time, id: TaskId, task: &Task, fleet: &Fleet) {
        self.count(now, task, fleet, 1);
        let node = &mut self.rows[task.node.index()];
        node.started += 1;
        if self.is_full {
            // Counts it among those that are left out.
            self.bars.reserve();
            return;
        }
        if !self.bars.reserve() {
            self.is_full = true;
            return;
        }
        let lane = node.lanes.iter().position(Option::is_none).unwrap_or(node.lanes.len());
        if lane == node.lanes.len() {
            node.lanes.push(None);
        }
        node.lanes[lane] = Some(id);
        self.drawn.insert(id, lane as u32);
    }

    /// A task has left its node.
    pub(super) fn left(
        &mut self,
        now: Time,
        job: &FleetJob,
        (id, task): (TaskId, &Task),
        kind: BarKind,
        fleet: &Fleet,
    ) {
        self.count(now, task, fleet, -1);
        if self.drawn.is_empty() {
            return;
        }
        let Some(lane) = self.drawn.remove(&id) else { return };
        self.rows[task.node.index()].lanes[lane as usize] = None;
        self.draw(now, job, (task, lane), (kind, ""), fleet);
    }

    /// Draws a task up to now: the time that it only held its room, and the time that it worked.
    fn draw(
        &mut self,
        now: Time,
        job: &FleetJob,
        (task, lane): (&Task, u32),
        (kind, note): (BarKind, &str),
        fleet: &Fleet,
    ) {
        let requests = fleet
            .class_of(task.job)
            .requests
            .iter()
            .map(|&(resource, amount)| format!("{amount} {}", fleet.cluster.resource_name(resource)));
        let requests = requests.collect::<Vec<_>>().join(", ");
        let waited = task.started.since(job.at);
        let bar = |start: Time, end: Time, did: &str, kind| Kept {
            node: task.node.0,
            lane: Some(lane),
            start,
            end,
            label: job.name.to_string(),
            detail: format!(
                "{requests} (cpu in thousandths); waited {waited}; {did} {}{note}",
                end.since(start)
            ),
            kind,
        };
        let begun = match job.together {
            Together::Apart => task.started,
            Together::NotYet => now,
            Together::Since(begun) => begun.max(task.started),
        };
        if begun == now && job.together != Together::Apart {
            self.bars.push(bar(task.started, now, "held its room for", BarKind::Held));
            return;
        }
        // A task that held its room and then worked has two bars.
        if begun > task.started && self.bars.reserve() {
            self.bars.push(bar(task.started, begun, "held its room for", BarKind::Held));
        }
        self.bars.push(bar(begun, now, "ran", kind));
    }

    /// A node went down or came up.
    pub(super) fn node(&mut self, now: Time, node: NodeId, up: bool) {
        let row = &mut self.rows[node.index()];
        row.down.set(now.0, i64::from(!up));
        if up {
            if let Some(since) = row.down_since.take() {
                self.down_bar(node.0, since, now);
            }
        } else {
            row.failures += 1;
            row.down_since = Some(now);
            self.failures += 1;
        }
    }

    fn down_bar(&mut self, node: u32, start: Time, end: Time) {
        if !self.is_full && self.bars.reserve() {
            let detail = format!("down for {}", end.since(start));
            let (label, kind) = ("down".into(), BarKind::Down);
            self.bars.push(Kept { node, lane: None, start, end, label, detail, kind });
        }
    }

    /// The run is over, and these jobs have not ended.
    pub(super) fn finish<'j>(&mut self, now: Time, fleet: &Fleet, open: impl Iterator<Item = &'j FleetJob>) {
        let jobs: Map<JobId, &FleetJob> = open.map(|job| (job.row, job)).collect();
        let mut left: Vec<(TaskId, u32)> = std::mem::take(&mut self.drawn).into_iter().collect();
        left.sort_unstable();
        for (id, lane) in left {
            let task = fleet.tasks[id.index()];
            if let Some(job) = jobs.get(&task.job) {
                self.draw(now, job, (&task, lane), (BarKind::Ran, "; has not ended"), fleet);
            }
        }
        for node in 0..self.rows.len() {
            if let Some(since) = self.rows[node].down_since.take() {
                self.down_bar(node as u32, since, now);
            }
        }
    }

    /// Enters every metric of the nodes.
    pub(super) fn report(&self, now: Time, sheet: &mut Sheet) {
        let nodes = self.rows.len() as f64;
        let down: i128 = self.rows.iter().map(|row| row.down.total(now.0)).sum();
        let hours = now.as_secs_f64() / 3_600.0;
        sheet.count("nodes_total", self.rows.len() as u64);
        sheet.put("node_hours", nodes * hours);
        sheet.count("node_failures_total", self.failures);
        sheet.put("node_downtime_s", Span(u64::try_from(down).unwrap_or(u64::MAX)).as_secs_f64());
        let prices = self.rows.iter().map(|row| row.price_per_hour);
        let cost = prices.clone().sum::<f64>() * hours;
        sheet.put("cost_total", Some(cost).filter(|_| prices.clone().any(|price| price > 0.0)));
    }

    /// The bars on rows of nodes.
    pub(super) fn gantt(&mut self) -> Gantt {
        self.bars.finish(self.rows.iter().map(|row| row.name.as_str()))
    }

    /// `nodes.csv`.
    pub(super) fn document(&self, now: Time) -> Document {
        let memory = Memory::default();
        let mut table = Table::new(Some(Box::new(memory.clone())), columns::names(columns::NODES));
        let nanos = |value: i128| u64::try_from(value).unwrap_or(0);
        for row in &self.rows {
            table.text(&row.name);
            table.text(&row.pool);
            table.text(&row.zone);
            table.decimal(row.allocatable[0].max(0) as u64, 3);
            table.integer(row.allocatable[1]);
            table.text(&row.others);
            let down = nanos(row.down.total(now.0));
            table.seconds(now.0);
            table.seconds(now.0.saturating_sub(down));
            table.seconds(down);
            table.integer(row.failures);
            table.integer(row.started);
            for (column, &allocatable) in row.requested.iter().zip(&row.allocatable) {
                let time = i128::from(now.0.max(1));
                table.number(ratio(
                    column.share(now.0),
                    i128::from(allocatable) * if now.0 > 0 { time } else { 1 },
                ));
            }
            table.empty();
            table.empty();
            table.number(Some(now.as_secs_f64() / 3_600.0 * row.price_per_hour));
            table.end_row();
        }
        document("nodes.csv", table, &memory)
    }
}
