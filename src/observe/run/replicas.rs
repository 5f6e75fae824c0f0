//! Replicas of workloads: how many were wanted, how many could serve.
//!
//! Which pods can serve is decided by the caller.

use super::super::metrics::{Scope, Sheet};
use super::super::results::Series;
use super::super::series::StepSeries;
use super::super::stats::{Integral, ratio};
use crate::base::Time;
use crate::base::ids::WorkloadId;
use crate::cluster::Cluster;

/// How many workloads have metrics and how many have series of their own.
const SCOPED: usize = 200;
const CHARTED: usize = 6;

#[derive(Debug, Default)]
struct Row {
    kind: &'static str,
    name: String,
    desired: i64,
    serving: i64,
    /// Integrals of the desired replicas and of those of them that served.
    wanted: Integral,
    served: Integral,
    series: [StepSeries; 2],
}

/// All workloads, by id.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    rows: Vec<Row>,
}

impl Replicas {
    pub(super) fn create(&mut self, now: Time, id: WorkloadId, kind: &'static str, name: &str, desired: i32) {
        if self.rows.len() <= id.index() {
            self.rows.resize_with(id.index() + 1, Row::default);
        }
        let row = &mut self.rows[id.index()];
        (row.kind, row.name) = (kind, name.to_owned());
        self.scale(now, id, desired);
    }

    pub(super) fn scale(&mut self, now: Time, id: WorkloadId, desired: i32) {
        if let Some(row) = self.rows.get_mut(id.index()) {
            row.desired = i64::from(desired.max(0));
            row.wanted.set(now.0, row.desired);
            row.update(now);
        }
    }

    /// One replica more or less can serve.
    pub(super) fn serve(&mut self, now: Time, id: WorkloadId, delta: i64) {
        if let Some(row) = self.rows.get_mut(id.index()) {
            row.serving += delta;
            row.update(now);
        }
    }

    /// Kind and name as `Job/train`; empty if the workload is not known.
    pub(super) fn label(&self, id: WorkloadId) -> (&'static str, &str) {
        self.rows.get(id.index()).map_or(("", ""), |row| (row.kind, &row.name))
    }

    /// The rows whose availability counts: Deployments and ReplicaSets without an owner.
    fn services<'a>(&'a self, cluster: &'a Cluster) -> impl Iterator<Item = (WorkloadId, &'a Row)> {
        let owned =
            |id: WorkloadId| id.index() < cluster.workloads.len() && cluster.workloads[id].owner.is_some();
        self.rows
            .iter()
            .enumerate()
            .map(|(index, row)| (WorkloadId(index as u32), row))
            .filter(move |(id, row)| matches!(row.kind, "Deployment" | "ReplicaSet") && !owned(*id))
    }

    pub(super) fn report(&self, now: Time, cluster: &Cluster, sheet: &mut Sheet) {
        const NAME: &str = "replica_availability";
        let (mut served, mut wanted) = (0i128, 0i128);
        for (_, row) in self.services(cluster) {
            served += row.served.share(now.0);
            wanted += row.wanted.share(now.0);
        }
        sheet.put(NAME, ratio(served, wanted));
        for (id, row) in self.services(cluster).take(SCOPED) {
            let share = ratio(row.served.share(now.0), row.wanted.share(now.0));
            sheet.put_scoped(NAME, "", Scope::Workload(&full_name(cluster, id, &row.name)), share);
        }
    }

    pub(super) fn series(&self, now: Time, cluster: &Cluster) -> Vec<Series> {
        let mut all = Vec::new();
        for (_, row) in self.services(cluster).take(CHARTED) {
            for (series, what) in row.series.iter().zip(["desired", "ready"]) {
                all.push(Series {
                    name: format!("replicas_{what}.workload.{}", row.name),
                    label: format!("{}: {what}", row.name),
                    chart: "replicas",
                    unit: "pods",
                    points: series.finish(now.0, 1.0),
                });
            }
        }
        all
    }
}

impl Row {
    fn update(&mut self, now: Time) {
        self.served.set(now.0, self.serving.clamp(0, self.desired));
        self.series[0].set(now.0, self.desired as f64);
        self.series[1].set(now.0, self.serving as f64);
    }
}

/// The name, with the namespace before it unless that is `default`.
fn full_name(cluster: &Cluster, id: WorkloadId, name: &str) -> String {
    let namespace = if id.index() < cluster.workloads.len() {
        cluster.names.text(cluster.workloads[id].namespace)
    } else {
        ""
    };
    if matches!(namespace, "" | "default") { name.to_owned() } else { format!("{namespace}/{name}") }
}
