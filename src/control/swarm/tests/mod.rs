//! The rules of a swarm, case by case: each names the section of the reference (control-plane) that it is
//! from. What happens over time is in `timeline`.

mod constraints;
mod life;
mod placement;
mod timeline;
mod updates;

use std::fmt::Debug;

/// One case of a rule.
#[expect(clippy::needless_pass_by_value, reason = "cases are written as values")]
fn case<T: PartialEq + Debug>(section: &str, name: &str, got: T, expected: T) {
    assert!(got == expected, "{section}, {name}: {got:?} instead of {expected:?}");
}
