//! How pods behave, from the annotations of seatrial.

use super::fields::{Fields, Read, text};
use crate::api::Behavior;
use crate::api::behavior::PREFIX;
use crate::api::yaml::Value;
use crate::base::Distribution;
use crate::base::diagnostic::suggest;
use crate::base::dist::Unit;

const KEYS: &[&str] = &[
    "run-time",
    "init-time",
    "exit-code",
    "fail-runs",
    "startup-time",
    "cpu-usage",
    "memory-usage",
    "stop-time",
    "image-size",
    "unready-after",
    "unready-for",
    "unhealthy-after",
    "pre-stop-time",
    "gate-time",
    "pull-failures",
];

/// The highest exit code of a process.
const MAX_EXIT_CODE: f64 = 255.0;

/// Reads the annotations in the metadata of `fields`, which is a pod or a pod template.
pub(super) fn read(fields: &Fields<'_>) -> Read<Behavior> {
    let mut behavior = Behavior::default();
    let annotations = fields.get("metadata").and_then(|metadata| metadata.get("annotations"));
    for (key, value) in annotations.into_iter().flat_map(Value::entries) {
        let Some(name) = key.raw().strip_prefix(PREFIX) else {
            continue;
        };
        match name {
            "run-time" => behavior.run_time = Some(distribution(value, name, Unit::Time)?),
            "init-time" => behavior.init_time = Some(distribution(value, name, Unit::Time)?),
            "exit-code" => behavior.exit_code = Some(exit_code(value)?),
            "fail-runs" => behavior.fail_runs = count(value, name)?,
            "startup-time" => behavior.startup_time = Some(distribution(value, name, Unit::Time)?),
            "cpu-usage" => behavior.cpu_usage = Some(distribution(value, name, Unit::Quantity)?),
            "memory-usage" => behavior.memory_usage = Some(distribution(value, name, Unit::Quantity)?),
            "stop-time" => behavior.stop_time = Some(distribution(value, name, Unit::Time)?),
            "image-size" => behavior.image_size = Some(distribution(value, name, Unit::Quantity)?),
            "unready-after" => behavior.unready_after = Some(distribution(value, name, Unit::Time)?),
            "unready-for" => behavior.unready_for = Some(distribution(value, name, Unit::Time)?),
            "unhealthy-after" => behavior.unhealthy_after = Some(distribution(value, name, Unit::Time)?),
            "pre-stop-time" => behavior.pre_stop_time = Some(distribution(value, name, Unit::Time)?),
            "gate-time" => behavior.gate_time = Some(distribution(value, name, Unit::Time)?),
            "pull-failures" => behavior.pull_failures = count(value, name)?,
            _ => {
                let help = match suggest(name, KEYS.iter().copied()) {
                    Some(near) => format!("did you mean `{PREFIX}{near}`?"),
                    None => format!("known are {}", KEYS.join(", ")),
                };
                return Err(key.error("unknown annotation of seatrial").help(help));
            }
        }
    }
    Ok(behavior)
}

fn distribution(value: Value<'_>, name: &str, unit: Unit) -> Read<Distribution> {
    Distribution::parse(text(value, name)?, unit)
        .map_err(|reason| value.error(format!("`{PREFIX}{name}` cannot be read")).help(reason))
}

fn exit_code(value: Value<'_>) -> Read<Distribution> {
    let codes = distribution(value, "exit-code", Unit::Number)?;
    let legal = |code: &f64| *code <= MAX_EXIT_CODE && libm::trunc(*code).eq(code);
    let all_legal = match &codes {
        Distribution::Constant(code) => legal(code),
        Distribution::Empirical(listed) => listed.iter().all(legal),
        Distribution::Uniform { max, .. } | Distribution::PowerOfTwo { max, .. } => *max <= MAX_EXIT_CODE,
        _ => true,
    };
    if all_legal { Ok(codes) } else { Err(value.error("an exit code is a whole number from 0 to 255")) }
}

fn count(value: Value<'_>, name: &str) -> Read<u32> {
    text(value, name)?
        .trim()
        .parse()
        .map_err(|_| value.error(format!("`{PREFIX}{name}` must be a whole number, not negative")))
}
