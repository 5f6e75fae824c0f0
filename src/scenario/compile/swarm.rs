//! The constants of Docker Swarm: swarmkit's, with what a scenario replaces.

use super::Build;
use crate::api::Object;
use crate::api::kubernetes::{Part, Sourced};
use crate::base::{Diagnostic, Span, Time};
use crate::control::swarm::service::{PREFIX, is_spread_key};
use crate::control::swarm::{
    FailureAction, Order, RestartCondition, RestartPolicy, ServiceSettings, Settings, UpdateConfig,
    constraint,
};
use crate::scenario::At;
use crate::scenario::schema::control::Preset;
use crate::scenario::schema::scalars::Duration;
use crate::scenario::schema::swarm as written;
use crate::sim::Action;

/// The constants; errors are noted. Without latencies heartbeats come exactly in time, and the manager
/// gathers nothing before it acts.
pub(super) fn settings(build: &mut Build<'_>) -> Settings {
    let control = &build.scenario.control_plane;
    let empty = written::Swarm::default();
    let given = control.swarm.as_ref().map_or(&empty, |swarm| &swarm.value);
    let mut settings = Settings::default();
    if let Some(period) = given.heartbeat_period {
        settings.heartbeat_period = period.0;
        settings.heartbeat_epsilon = Span(period.0.0 / 10);
    }
    if control.timing == Preset::Ideal {
        settings.heartbeat_epsilon = Span::ZERO;
        (settings.debounce, settings.max_latency) = (Span::ZERO, Span::ZERO);
        settings.reaper_batching = Span::ZERO;
    }
    set(&mut settings.node_down_period, given.node_down_period);
    if let Some(history) = given.task_history {
        settings.task_history = history.0;
    }
    settings.service = service(build, given, &settings.service);
    settings
}

fn service(build: &mut Build<'_>, given: &written::Swarm, default: &ServiceSettings) -> ServiceSettings {
    for text in &given.constraints {
        if let Err(what) = constraint::parse(text) {
            build.error(text.error(what));
        }
    }
    for preference in &given.placement_preferences {
        if !is_spread_key(preference) {
            let finding = preference.error("tasks cannot be spread over that");
            build.error(finding.help("write `node.labels.KEY` or `engine.labels.KEY`"));
        }
    }
    let texts = |list: &[At<String>]| list.iter().map(|text| text.value.clone()).collect();
    let mut settings = ServiceSettings {
        restart: restart(&given.restart),
        update: update(&given.update),
        rollback: update(&given.rollback),
        constraints: texts(&given.constraints),
        preferences: texts(&given.placement_preferences),
        max_replicas: given.max_replicas_per_node.map_or(default.max_replicas, |most| most.0 as u32),
        stop_grace: default.stop_grace,
        is_global: false,
    };
    set(&mut settings.stop_grace, given.stop_grace_period);
    settings
}

/// Whether what the annotations of an object say of its service can be meant; errors are noted.
pub(super) fn check_annotations(build: &mut Build<'_>, sourced: &Sourced) {
    if let Err(what) = readable(&sourced.object) {
        let finding = Diagnostic::error(sourced.at(Part::Name), what);
        build.error(finding.found(&sourced.object.meta().name));
    }
}

/// The same for the objects that people bring during the run.
pub(super) fn check_actions(build: &mut Build<'_>, actions: &[(Time, Action)]) {
    for (_, action) in actions {
        if let Action::Create(object) | Action::Replace { object, .. } = action
            && let Err(what) = readable(object)
        {
            let name = &object.meta().name;
            build.error(build.whole(format!("the object that an action brings: {what}")).found(name));
        }
    }
}

/// What is wrong with the annotations of an object.
fn readable(object: &Object) -> Result<(), String> {
    let annotations = match object {
        Object::Pod(pod) => &pod.template.annotations,
        object => &object.meta().annotations,
    };
    let settings = ServiceSettings::default().with(annotations)?;
    settings.constraints.iter().try_for_each(|text| {
        let parsed = constraint::parse(text).map(|_| ());
        parsed.map_err(|what| format!("`{PREFIX}constraints`: {text}: {what}"))
    })
}

fn restart(given: &written::Restart) -> RestartPolicy {
    let mut restart = RestartPolicy::default();
    restart.condition = given.condition.map_or(restart.condition, |condition| match condition {
        written::Condition::None => RestartCondition::None,
        written::Condition::OnFailure => RestartCondition::OnFailure,
        written::Condition::Any => RestartCondition::Any,
    });
    set(&mut restart.delay, given.delay);
    set(&mut restart.window, given.window);
    restart.max_attempts = given.max_attempts.map_or(restart.max_attempts, |most| most.0 as u32);
    restart
}

fn update(given: &written::Update) -> UpdateConfig {
    let mut update = UpdateConfig::default();
    update.parallelism = given.parallelism.map_or(update.parallelism, |slots| slots.0 as u32);
    set(&mut update.delay, given.delay);
    set(&mut update.monitor, given.monitor);
    update.failure_action = given.failure_action.map_or(update.failure_action, |action| match action {
        written::FailureAction::Pause => FailureAction::Pause,
        written::FailureAction::Continue => FailureAction::Continue,
        written::FailureAction::Rollback => FailureAction::Rollback,
    });
    update.max_failure_ratio = given.max_failure_ratio.map_or(update.max_failure_ratio, |share| share.0);
    update.order = given.order.map_or(update.order, |order| match order {
        written::Order::StopFirst => Order::StopFirst,
        written::Order::StartFirst => Order::StartFirst,
    });
    update
}

fn set(target: &mut Span, written: Option<Duration>) {
    *target = written.map_or(*target, |span| span.0);
}
