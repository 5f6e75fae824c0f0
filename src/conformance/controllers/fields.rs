//! Numbers and times of controller cases, as the fields of JSON hold them.
//!
//! What they stand for is not known here.

use super::Case;
use crate::base::{Diagnostic, Time};
use serde_json::{Number, Value};

/// The latest time of a case, in seconds: it fits nanoseconds with room to spare.
const MAX_SECONDS: f64 = 1e10;

/// The whole number at a key, or `None` where it is absent; `None` stands also for `null`.
pub(super) fn integer(case: &Case, holder: &Value, key: &str) -> Result<Option<i32>, Diagnostic> {
    let wrong = |value: &Value| {
        case.error(format!("`{key}` must be a whole number of at most 32 bits")).found(value.to_string())
    };
    match holder.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(value)),
        },
    }
}

/// The whole number at a key, which must be there and not negative.
pub(super) fn count(case: &Case, holder: &Value, key: &str) -> Result<i32, Diagnostic> {
    let number = integer(case, holder, key)?.ok_or_else(|| case.error(format!("`{key}` is missing")))?;
    if number < 0 {
        return Err(case.error(format!("`{key}` must not be negative")).found(number.to_string()));
    }
    Ok(number)
}

/// The moment at a key, in seconds, which must be there.
pub(super) fn time(case: &Case, holder: &Value, key: &str) -> Result<Time, Diagnostic> {
    let value = case.require(holder, key)?;
    let seconds = value.as_f64().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        case.error(format!("`{key}` must be a number of seconds from 0 to {MAX_SECONDS:e}"))
            .found(value.to_string())
    })?;
    Ok(Time::from_secs_f64(seconds))
}

/// The truth value at a key of a part of the input; false where it is absent.
pub(super) fn flag(case: &Case, holder: &Value, key: &str) -> Result<bool, Diagnostic> {
    match holder.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(case.error(format!("`{key}` must be `true` or `false`")).found(other.to_string())),
    }
}

/// A moment as the recordings write it: whole seconds without a fraction.
pub(super) fn seconds(time: Time) -> Value {
    let seconds = time.as_secs_f64();
    if time.floor_second() == time {
        return Value::from(time.0 / crate::base::units::NANOS_PER_SECOND);
    }
    Number::from_f64(seconds).map_or(Value::Null, Value::Number)
}
