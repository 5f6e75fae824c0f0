//! The constants of Apache Mesos: its own, with what a scenario replaces.

use super::Build;
use crate::base::Span;
use crate::cluster::requests::{is_tracked, to_integer};
use crate::control::mesos::batch::queue;
use crate::control::mesos::marathon::kill;
use crate::control::mesos::settings::{
    BatchSettings, FrameworkKind, FrameworkSettings, MarathonSettings, Named, RoleSettings, Settings, Takes,
};
use crate::control::mesos::share::Weight;
use crate::scenario::At;
use crate::scenario::schema::control::Preset;
use crate::scenario::schema::mesos as written;
use crate::scenario::schema::scalars::{Amount, Duration};
use std::collections::{BTreeMap, BTreeSet};

/// The largest weight, and the largest factor between two launch delays.
const MAX_WEIGHT: f64 = 1e6;
const MAX_FACTOR: f64 = 1e3;

/// The constants; errors are noted. Without latencies agents register at once.
pub(super) fn settings(build: &mut Build<'_>) -> Settings {
    let control = &build.scenario.control_plane;
    let empty = written::Mesos::default();
    let given = control.mesos.as_ref().map_or(&empty, |mesos| &mesos.value);
    let mut settings = Settings::default();
    if control.timing == Preset::Ideal {
        settings.registration_backoff = Span::ZERO;
    }
    set(&mut settings.registration_backoff, given.registration_backoff);
    if let Some(interval) = given.allocation_interval {
        settings.allocation_interval = interval.0;
    }
    if let Some(timeout) = given.agent_ping_timeout {
        settings.pings.timeout = timeout.0;
    }
    if let Some(most) = given.max_agent_ping_timeouts {
        settings.pings.most = most.0 as u32;
    }
    settings.offer_timeout = given.offer_timeout.and_then(|timeout| timeout.0);
    settings.removal_spacing =
        given.agent_removal_interval.map(|spacing| spacing.0).filter(|spacing| *spacing > Span::ZERO);
    if let Some(least) = &given.min_allocatable {
        settings.min_allocatable = least.iter().map(|one| named(build, one)).collect();
    }
    for name in &given.fair_sharing_excluded {
        check_resource(build, name, &name.value);
    }
    settings.excluded = given.fair_sharing_excluded.iter().map(|name| name.value.clone()).collect();
    settings.roles = given.roles.iter().map(|role| self::role(build, role)).collect();
    if !given.frameworks.is_empty() {
        settings.frameworks = given.frameworks.iter().map(|one| framework(build, one)).collect();
    }
    check_names(build, given);
    settings
}

/// Names are given once.
fn check_names(build: &mut Build<'_>, given: &written::Mesos) {
    let lists: [(&str, Vec<&At<String>>); 2] = [
        ("role", given.roles.iter().map(|role| &role.name).collect()),
        ("framework", given.frameworks.iter().map(|framework| &framework.name).collect()),
    ];
    for (what, names) in lists {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(&name.value) {
                build.error(name.error(format!("there is another {what} of this name")));
            }
        }
    }
}

/// The name of a role: elements between slashes, none of which is empty, `.`, `..` or `*`, or begins with
/// `-` (Mesos, include/mesos/roles.hpp).
fn check_role(build: &mut Build<'_>, name: &At<String>) {
    let is_good = |element: &str| {
        !matches!(element, "" | "." | ".." | "*")
            && !element.starts_with('-')
            && !element.chars().any(|c| c.is_whitespace() || c == '\u{8}')
    };
    if !name.split('/').all(is_good) {
        build.error(name.error("not the name of a role").help("write names with slashes between them"));
    }
}

fn role(build: &mut Build<'_>, role: &At<written::Role>) -> RoleSettings {
    check_role(build, &role.name);
    let has_quota = !(role.guarantee.is_empty() && role.limit.is_empty());
    if has_quota && role.name.contains('/') {
        build.error(role.name.error("only a role that is below no other has a quota"));
    }
    let mut weight = Weight::default();
    if let Some(given) = &role.weight {
        if (0.001..=MAX_WEIGHT).contains(&given.0) {
            weight = Weight(libm::round(given.0 * 1_000.0) as u32);
        } else {
            build.error(given.error("a weight is a number from 0.001 to 1000000"));
        }
    }
    for (name, most) in &role.limit {
        if role.guarantee.get(name).is_some_and(|guarantee| guarantee.0 > most.0) {
            build.error(most.error(format!("less `{name}` than is guaranteed")));
        }
    }
    let (guarantee, limit) = (named(build, &role.guarantee), named(build, &role.limit));
    RoleSettings { name: role.name.value.clone(), weight, guarantee, limit }
}

fn named(build: &mut Build<'_>, amounts: &BTreeMap<String, At<Amount>>) -> Named {
    for (name, amount) in amounts {
        check_resource(build, amount, name);
    }
    amounts.iter().map(|(name, amount)| (name.clone(), to_integer(name, amount.value.0))).collect()
}

fn check_resource<T>(build: &mut Build<'_>, place: &At<T>, name: &str) {
    if !is_tracked(name) {
        let finding = place.error(format!("`{name}` is not a resource that is offered"));
        build.error(finding.help("write cpu, memory, ephemeral-storage, or `vendor.example/name`"));
    }
}

fn framework(build: &mut Build<'_>, one: &At<written::Framework>) -> FrameworkSettings {
    let role = one.role.as_ref().unwrap_or(&one.name);
    check_role(build, role);
    let misplaced = match one.kind.value {
        written::Kind::Marathon => {
            let per_user = one.per_user.as_ref().filter(|per_user| per_user.value);
            if let Some(per_user) = per_user {
                build.error(per_user.error("apps belong to no user"));
            }
            if !(one.users.is_empty() && one.queues.is_empty()) {
                build.error(one.name.error("apps belong to no user and no queue"));
            }
            one.batch.as_ref().map(|batch| batch.error("`batch` needs `kind: batch`"))
        }
        written::Kind::Batch => {
            one.marathon.as_ref().map(|marathon| marathon.error("`marathon` needs `kind: marathon`"))
        }
    };
    build.errors.extend(misplaced);
    let kind = match one.kind.value {
        written::Kind::Marathon => {
            let empty = written::Marathon::default();
            let given = one.marathon.as_ref().map_or(&empty, |marathon| &marathon.value);
            FrameworkKind::Marathon(marathon(build, given))
        }
        written::Kind::Batch => {
            let empty = written::Batch::default();
            FrameworkKind::Batch(batch(one.batch.as_ref().map_or(&empty, |batch| &batch.value)))
        }
    };
    FrameworkSettings {
        name: one.name.value.clone(),
        role: role.value.clone(),
        takes: Takes {
            namespaces: one.namespaces.clone(),
            users: one.users.clone(),
            queues: one.queues.clone(),
            labels: one.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        },
        per_user: one.per_user.as_ref().is_some_and(|per_user| per_user.value),
        think: one.answer_time.map_or(Span::ZERO, |time| time.0),
        kind,
    }
}

fn marathon(build: &mut Build<'_>, given: &written::Marathon) -> MarathonSettings {
    let mut marathon = MarathonSettings::default();
    set(&mut marathon.backoff.initial, given.backoff);
    set(&mut marathon.backoff.longest, given.max_launch_delay);
    if let Some(factor) = &given.backoff_factor {
        if (1.0..=MAX_FACTOR).contains(&factor.0) {
            marathon.backoff.factor = factor.0;
        } else {
            build.error(factor.error("a factor is a number from 1 to 1000"));
        }
    }
    let share = |given: Option<crate::scenario::schema::scalars::Share>, target: &mut f64| {
        *target = given.map_or(*target, |share| share.0);
    };
    share(given.minimum_health_capacity, &mut marathon.upgrade.min_health);
    share(given.maximum_over_capacity, &mut marathon.upgrade.over_capacity);
    marathon.kill = given.kill_selection.map_or(marathon.kill, |selection| match selection {
        written::KillSelection::YoungestFirst => kill::Selection::YoungestFirst,
        written::KillSelection::OldestFirst => kill::Selection::OldestFirst,
    });
    set(&mut marathon.unreachable.inactive_after, given.inactive_after);
    set(&mut marathon.unreachable.expunge_after, given.expunge_after);
    if let Some(decline) = given.decline_offer_duration {
        marathon.offers.decline = decline.0.as_secs_f64();
    }
    set(&mut marathon.offers.revive_interval, given.min_revive_interval);
    if let Some(most) = given.max_instances_per_offer {
        marathon.offers.launches_per_offer = most.0 as u32;
    }
    if let Some(timeout) = given.task_launch_timeout {
        marathon.launch_timeout = timeout.0;
    }
    marathon
}

fn batch(given: &written::Batch) -> BatchSettings {
    let mut batch = BatchSettings::default();
    batch.order = given.order.map_or(batch.order, |order| match order {
        written::Order::Fifo => queue::Order::Fifo,
        written::Order::FirstFit => queue::Order::FirstFit,
    });
    if let Some(retries) = given.retries {
        batch.retries.retries = retries.0 as u32;
    }
    set(&mut batch.retries.delay, given.retry_delay);
    if let Some(refuse) = given.refuse {
        batch.refuse = refuse.0.as_secs_f64();
    }
    if let Some(most) = given.max_tasks_per_offer {
        batch.launches_per_offer = most.0 as usize;
    }
    batch.partition_aware = given.partition_aware.unwrap_or(batch.partition_aware);
    batch
}

fn set(target: &mut Span, written: Option<Duration>) {
    *target = written.map_or(*target, |span| span.0);
}
