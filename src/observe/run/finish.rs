//! From what was gathered to the results of a run.
//!
//! Where the results go is not known here.

use super::RunObserver;
use super::ledger::{Account, CPU, MEMORY, Node, ScopeName, share, total};
use super::nodes::down_bar;
use super::pods::{Outcome, Stage};
use super::statuses::load_series;
use crate::base::ids::NodeId;
use crate::base::units::NANOS_PER_SECOND;
use crate::base::{Span, Time};
use crate::cluster::Cluster;
use crate::observe::durations::push_sample;
use crate::observe::metrics::{SCHEDULING_LATENCY, STARTUP, Scope, Sheet, resource_scale};
use crate::observe::outputs::{Document, Observed};
use crate::observe::results::{Results, Sample, Series};
use crate::observe::series::StepSeries;
use crate::observe::stats::ratio;
use crate::observe::table::{FileDigest, Memory, Table};
use crate::observe::{columns, outputs};
use std::io;

/// How many different reasons for never being placed are listed.
const LISTED_REASONS: usize = 100;
/// Millicore-nanoseconds in a core-second.
const CORE_SECOND: f64 = 1_000.0 * NANOS_PER_SECOND as f64;
/// Nanoseconds in an hour.
const HOUR: f64 = 3_600.0 * NANOS_PER_SECOND as f64;

/// The results before the streamed tables are closed.
#[derive(Debug)]
pub(super) struct Finished {
    results: Results,
    nodes: Document,
}

impl Finished {
    pub(super) fn observed(self, observer: RunObserver) -> io::Result<Observed> {
        let mut streamed: Vec<FileDigest> = vec![observer.table.finish("pods.csv")?];
        streamed.extend(observer.events.finish()?);
        if let Some(table) = observer.decisions {
            streamed.push(table.finish("decisions.csv")?);
        }
        Ok(Observed::new(self.results, vec![self.nodes], streamed))
    }
}

impl RunObserver {
    /// The end of the run.
    pub(super) fn conclude(&mut self, now: Time, cluster: &Cluster) {
        self.sample();
        self.fragmentation.close(now);
        let open_work = self.conclude_pods(now, cluster);
        for index in 0..self.nodes.len() {
            if let Some(since) = self.nodes[index].down_since
                && self.bars.reserve()
            {
                self.bars.push(down_bar(NodeId(index as u32), since, now));
            }
        }
        let mut sheet = Sheet::default();
        self.report_pods(now, open_work, &mut sheet);
        self.accounts.sum_up(&self.nodes);
        self.report_amounts(now, &mut sheet);
        self.report_nodes(now, &mut sheet);
        self.replicas.report(now, cluster, &mut sheet);
        let samples = self.report_durations(&mut sheet);
        let (events, events_omitted) = self.events.kept();
        let results = Results {
            metrics: sheet.finish(),
            series: self.series(now, cluster),
            samples,
            gantt: self.bars.finish(self.nodes.iter().map(|node| node.name.as_str())),
            unplaced: self.unplaced.listed(LISTED_REASONS),
            failing: self.failing.finish(),
            events,
            events_omitted,
            end: now,
            ..Results::default()
        };
        self.outcome = Some(Finished { results, nodes: self.nodes_document(now) });
    }

    /// Rows, bars and counts of the pods that are still there; returns their open work.
    fn conclude_pods(&mut self, now: Time, cluster: &Cluster) -> i128 {
        let is_open = |row: &usize| self.pods[*row].live && self.pods[*row].stage != Stage::Over;
        let mut open: Vec<usize> = (0..self.pods.len()).filter(is_open).collect();
        open.sort_unstable_by_key(|&row| self.pods[row].serial);
        let mut work = 0i128;
        for row in open {
            let reference = crate::cluster::PodRef {
                id: crate::base::ids::PodId(row as u32),
                generation: self.pods[row].generation,
            };
            self.close_failure(now, reference, cluster);
            let open = self.pods[row].work.saturating_add(self.work_so_far(row, now));
            work = i128::saturating_add(work, open);
            let pod = &self.pods[row];
            self.counts.never_started += u64::from(pod.started.is_none());
            let outcome = if pod.stage == Stage::Pending {
                self.counts.unplaced += 1;
                self.unplaced.count(pod);
                Outcome::Pending
            } else {
                Outcome::Running
            };
            if pod.has_bar {
                self.push_bar(now, row, outcome, cluster);
            }
            self.write_row(row, outcome, cluster);
        }
        work
    }

    fn report_pods(&self, now: Time, open_work: i128, sheet: &mut Sheet) {
        let counts = &self.counts;
        let running = counts.starting + counts.running;
        for (name, value) in [
            ("pods_created", counts.created),
            ("pods_initial", counts.initial),
            ("pods_succeeded", counts.succeeded),
            ("pods_failed", counts.failed),
            ("pods_removed", counts.removed),
            ("pods_pending", counts.pending),
            ("pods_running", running),
            ("pods_unplaced", counts.unplaced),
            ("pods_never_started", counts.never_started),
            ("pods_unfinished", counts.pending + running),
            ("pods_rejected", counts.rejected),
            ("scheduling_attempts_total", counts.attempts),
            ("scheduling_failures_total", counts.failures),
            ("restarts_total", counts.restarts),
            ("evictions_total", counts.evictions),
            ("preemptions_total", counts.preemptions),
            ("oom_kills_total", counts.oom_kills),
            ("fragmentation_samples_n", self.fragmentation.samples),
        ] {
            sheet.count(name, value);
        }
        sheet.put("queue_length_mean", self.queue.mean(now.0));
        sheet.put("queue_length_max", self.gauges.queue.max());
        sheet.put("goodput_core_s", counts.goodput as f64 / CORE_SECOND);
        sheet.put("work_lost_core_s", counts.lost as f64 / CORE_SECOND);
        sheet.put("work_unfinished_core_s", open_work as f64 / CORE_SECOND);
        sheet.put("goodput_share", ratio(counts.goodput, counts.goodput.saturating_add(counts.lost)));
        sheet.put("end_s", now.as_secs_f64());
    }

    fn report_durations(&mut self, sheet: &mut Sheet) -> Vec<Sample> {
        let mut samples = self.durations.report(sheet, self.counts.succeeded).samples;
        let (latency, startup) = (self.latency.summary(), self.startup.summary());
        sheet.summary(&SCHEDULING_LATENCY, &latency);
        sheet.summary(&STARTUP, &startup);
        push_sample(&mut samples, "scheduling_latency_s", "Scheduling latency", "s", latency);
        push_sample(&mut samples, "startup_s", "Start-up", "s", startup);
        samples
    }

    fn report_amounts(&self, now: Time, sheet: &mut Sheet) {
        for row in self.resources.sorted() {
            let name = self.resources.names[row].as_str();
            let unit = resource_scale(name);
            let all = self.accounts.all();
            let capacity = share(&all.capacity, row, now);
            if row > MEMORY && capacity == 0 && share(&all.requested, row, now) == 0 {
                continue;
            }
            for (scope, account) in &self.accounts.rows {
                self.report_utilization(now, row, (scope, account), sheet);
            }
            let held = total(&all.requested, row, now) as f64 / (NANOS_PER_SECOND as f64 * unit);
            sheet.put_scoped("allocation_total_<resource>", name, Scope::All, held);
            if row <= MEMORY {
                let share = self.fragmentation.mean(row);
                sheet.put_scoped("fragmentation_<resource>", name, Scope::All, share);
                let stranded = ratio(self.stranded[row].share(now.0), capacity);
                sheet.put_scoped("stranded_<resource>", name, Scope::All, stranded);
            }
        }
    }

    fn report_utilization(
        &self,
        now: Time,
        row: usize,
        (scope, account): (&ScopeName, &Account),
        sheet: &mut Sheet,
    ) {
        let name = self.resources.names[row].as_str();
        let scope = match scope {
            ScopeName::All => Scope::All,
            ScopeName::Pool(pool) => Scope::Pool(pool),
            ScopeName::Zone(zone) => Scope::Zone(zone),
        };
        let capacity = share(&account.capacity, row, now);
        if capacity == 0 && scope != Scope::All {
            return;
        }
        let mean = account.capacity.get(row).map(|offered| offered.mean(now.0) / resource_scale(name));
        sheet.put_scoped("capacity_mean_<resource>", name, scope, mean);
        let requested = ratio(share(&account.requested, row, now), capacity);
        sheet.put_scoped("utilization_requested_<resource>", name, scope, requested);
        if let Some(used) = account.used.get(row).filter(|_| self.used_is_known || scope == Scope::All) {
            let used = ratio(used.share(now.0), capacity).filter(|_| self.used_is_known);
            sheet.put_scoped("utilization_used_<resource>", name, scope, used);
        }
    }

    fn report_nodes(&self, now: Time, sheet: &mut Sheet) {
        sheet.count("node_failures_total", self.nodes.iter().map(|node| node.failures).sum());
        let downtime: i128 = self.nodes.iter().map(|node| node.down.total(now.0)).sum();
        sheet.put("node_downtime_s", downtime as f64 / NANOS_PER_SECOND as f64);
        let seen = self.nodes.iter().filter(|node| !node.allocatable.is_empty()).count();
        sheet.count("nodes_total", seen as u64);
        sheet.put("nodes_mean", self.present.mean(now.0));
        sheet.put("nodes_ready_mean", self.ready.mean(now.0));
        sheet.put("node_hours", self.present.total(now.0) as f64 / HOUR);
        self.report_cost(now, sheet);
    }

    /// What the nodes cost; nothing is entered but an empty total where no pool has a price.
    fn report_cost(&self, now: Time, sheet: &mut Sheet) {
        if !self.options.pools.iter().any(|pool| pool.price_per_hour > 0.0) {
            sheet.put("cost_total", None);
            return;
        }
        let mut cost = 0.0;
        for (index, pool) in self.options.pools.iter().enumerate() {
            let nodes = self.nodes.iter().filter(|node| node.pool.index() == index);
            let existed: i128 = nodes.map(|node| node.present.total(now.0)).sum();
            let share = existed as f64 / HOUR * pool.price_per_hour;
            cost += share;
            if !pool.name.is_empty() {
                sheet.put_scoped("cost_total", "", Scope::Pool(&pool.name), share);
            }
        }
        sheet.put("cost_total", cost);
        let succeeded = self.counts.succeeded;
        sheet.put("cost_per_succeeded_pod", (succeeded > 0).then(|| cost / succeeded as f64));
    }

    fn series(&self, now: Time, cluster: &Cluster) -> Vec<Series> {
        let mut all = Vec::new();
        let mut push = |name: String, label: String, chart, unit, series: &StepSeries, scale| {
            let points = series.finish(now.0, scale);
            all.push(Series { name, label, chart, unit, points });
        };
        let gauges = &self.gauges;
        for row in self.resources.sorted() {
            let name = self.resources.names[row].as_str();
            let Some(peak) = gauges.capacity.get(row).and_then(StepSeries::max) else { continue };
            if row == super::ledger::PODS || peak <= 0.0 {
                continue;
            }
            let label = match row {
                CPU => "CPU",
                MEMORY => "Memory",
                _ => name,
            };
            let (requested, capacity) = (&gauges.requested[row], &gauges.capacity[row]);
            push(
                format!("requested_{name}"),
                format!("{label} requested"),
                "utilization",
                "1",
                requested,
                1.0,
            );
            if let (true, Some(used)) = (self.used_is_known, gauges.used.get(row)) {
                push(format!("used_{name}"), format!("{label} used"), "utilization", "1", used, 1.0);
            }
            let label = format!("{label} offered (of its peak)");
            push(format!("capacity_{name}"), label, "capacity", "1", capacity, peak);
        }
        for (name, label, chart, unit, series) in [
            ("queue_length", "Pods waiting for a node", "queue", "pods", &gauges.queue),
            ("pods_pending", "Pending", "pods", "pods", &gauges.queue),
            ("pods_starting", "Starting", "pods", "pods", &gauges.starting),
            ("pods_running", "Running", "pods", "pods", &gauges.running),
            ("pods_succeeded", "Succeeded", "pods", "pods", &gauges.succeeded),
            ("pods_failed", "Failed", "pods", "pods", &gauges.failed),
            ("pods_removed", "Removed", "pods", "pods", &gauges.removed),
            ("nodes", "Nodes", "nodes", "nodes", &gauges.nodes),
            ("nodes_ready", "Ready nodes", "nodes", "nodes", &gauges.ready),
        ] {
            push(name.into(), label.into(), chart, unit, series, 1.0);
        }
        all.extend(self.replicas.series(now, cluster));
        all.extend(self.statuses.series(now));
        all.extend(load_series(now, &self.options.loads));
        all
    }

    /// `nodes.csv`.
    fn nodes_document(&self, now: Time) -> Document {
        let memory = Memory::default();
        let mut table = Table::new(Some(Box::new(memory.clone())), columns::names(columns::NODES));
        for node in self.nodes.iter().filter(|node| !node.allocatable.is_empty()) {
            let price = self.options.pools.get(node.pool.index()).map_or(0.0, |pool| pool.price_per_hour);
            self.write_node(&mut table, node, now, price);
        }
        outputs::document("nodes.csv", table, &memory)
    }

    fn write_node(&self, table: &mut Table, node: &Node, now: Time, price: f64) {
        let amount = |row: usize| node.allocatable.get(row).copied().unwrap_or(0).max(0);
        let nanos = |value: i128| u64::try_from(value).unwrap_or(0);
        table.text(&node.name);
        table.text(&node.pool_name);
        table.text(&node.zone);
        table.decimal(amount(CPU) as u64, 3);
        table.integer(amount(MEMORY));
        let others: Vec<String> = self
            .resources
            .sorted()
            .into_iter()
            .filter(|&row| row > MEMORY && amount(row) > 0)
            .map(|row| format!("{}={}", self.resources.names[row], amount(row)))
            .collect();
        table.text(&others.join(" "));
        let existed = node.present.total(now.0);
        for time in [existed, node.ready.total(now.0), node.down.total(now.0)] {
            table.seconds(nanos(time));
        }
        table.integer(node.failures);
        table.integer(node.bound);
        for row in [CPU, MEMORY] {
            let capacity = share(&node.account.capacity, row, now);
            table.number(ratio(share(&node.account.requested, row, now), capacity));
        }
        for row in [CPU, MEMORY] {
            let capacity = share(&node.account.capacity, row, now);
            let used = ratio(node.account.used[row].share(now.0), capacity);
            table.number(used.filter(|_| self.used_is_known));
        }
        let hours = Span(nanos(existed)).as_secs_f64() / 3_600.0;
        table.number(Some(hours * price));
        table.end_row();
    }
}
