//! What the accounts of a fleet hold over time.

use super::metrics::{Scope, Sheet};
use super::results::Series;
use super::series::StepSeries;
use super::stats::Integral;
use crate::base::Time;
use crate::cluster::Fleet;
use crate::control::fleet::FleetControl;

/// Accounts beyond this have no metrics of their own.
const MOST: usize = 64;
/// Accounts beyond this have no line in the chart.
const DRAWN: usize = 12;
/// A share in its integral.
const PARTS: f64 = 1e9;

#[derive(Default)]
struct Account {
    tasks: Integral,
    most_tasks: i128,
    share: Integral,
    most_share: f64,
    series: StepSeries,
    /// Whether its tasks have changed since its share was looked at.
    is_stale: bool,
}

/// All accounts, by number.
#[derive(Default)]
pub(super) struct AccountLog {
    rows: Vec<Account>,
    names: Vec<String>,
    stale: Vec<usize>,
}

impl AccountLog {
    fn change(&mut self, now: Time, account: usize, delta: i64) {
        if account == 0 || account > MOST {
            return;
        }
        if self.rows.len() <= account {
            self.rows.resize_with(account + 1, Account::default);
        }
        let row = &mut self.rows[account];
        row.tasks.add(now.0, delta);
        if !std::mem::replace(&mut row.is_stale, true) {
            self.stale.push(account);
        }
    }

    /// A task of an account was started.
    pub(super) fn started(&mut self, now: Time, account: usize) {
        self.change(now, account, 1);
    }

    /// A task of an account has left its node.
    pub(super) fn left(&mut self, now: Time, account: usize) {
        self.change(now, account, -1);
    }

    /// The instant is over.
    pub(super) fn instant(&mut self, now: Time, fleet: &Fleet, control: &FleetControl) {
        for account in self.stale.drain(..) {
            let row = &mut self.rows[account];
            row.is_stale = false;
            row.most_tasks = row.most_tasks.max(row.tasks.value());
            let share = control.dominant_share(fleet, account);
            row.share.set(now.0, (share * PARTS) as i64);
            row.most_share = row.most_share.max(share);
            if account <= DRAWN {
                row.series.set(now.0, share);
            }
        }
    }

    /// Learns the names of accounts up to this one.
    pub(super) fn learn(&mut self, account: usize, control: &FleetControl) {
        if account >= self.names.len() {
            self.names = control.accounts().map(str::to_owned).collect();
        }
    }

    /// The name of an account; empty for the one that holds all.
    pub(super) fn name(&self, account: usize) -> &str {
        self.names.get(account).map_or("", String::as_str)
    }

    /// Enters every metric.
    pub(super) fn report(&self, now: Time, sheet: &mut Sheet) {
        for (account, row) in self.rows.iter().enumerate().skip(1) {
            let scope = Scope::Account(self.name(account));
            let mut put = |pattern, value: f64| sheet.put_scoped(pattern, "", scope, value);
            put("tasks_running_mean", row.tasks.mean(now.0));
            put("tasks_running_max", row.most_tasks as f64);
            put("dominant_share_mean", row.share.mean(now.0) / PARTS);
            put("dominant_share_max", row.most_share);
        }
    }

    /// The dominant shares over time.
    pub(super) fn series(&self, end: Time) -> Vec<Series> {
        let drawn = self.rows.iter().enumerate().filter(|(_, row)| row.series.max().is_some());
        let series = drawn.map(|(account, row)| Series {
            name: format!("dominant_share.account.{}", self.name(account)),
            label: self.name(account).to_owned(),
            chart: "shares",
            unit: "1",
            points: row.series.finish(end.0, 1.0),
        });
        series.collect()
    }
}
