//! Conditions on metrics: their grammar, and whether there is such a metric at all.

use super::Build;
use crate::base::diagnostic::suggest;
use crate::base::{Diagnostic, Location};
use crate::observe::expect::{Expectation, parse};
use crate::observe::metrics::METRICS;
use crate::observe::single::QUANTITIES;
use crate::scenario::At;

/// What stands for the name of a resource in the name of a metric.
const RESOURCE: &str = "<resource>";

/// All expectations with their places; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>) -> Vec<(Expectation, Location)> {
    let mut expectations = Vec::new();
    for written in &build.scenario.expect {
        let result = parse(written, &written.location).and_then(|read| known(written, read));
        let location = written.location.clone();
        expectations.extend(build.take(result).map(|expectation| (expectation, location)));
    }
    expectations
}

fn known(written: &At<String>, read: Expectation) -> Result<Expectation, Diagnostic> {
    let matches = |pattern: &str| match pattern.split_once(RESOURCE) {
        None => read.metric == pattern || read.metric.starts_with(&format!("{pattern}.")),
        Some((before, after)) => read
            .metric
            .strip_prefix(before)
            .is_some_and(|resource| resource.len() > after.len() && resource.contains(after)),
    };
    let is_of_job = |name: &str| read.metric.strip_prefix(name).is_some_and(|job| job.starts_with('.'));
    if METRICS.iter().any(|metric| matches(metric.name)) || QUANTITIES.into_iter().any(is_of_job) {
        return Ok(read);
    }
    let usual: Vec<String> = METRICS.iter().map(|metric| metric.name.replace(RESOURCE, "cpu")).collect();
    let finding =
        Diagnostic { found: read.metric.clone(), ..written.error("there is no metric of this name") };
    Err(match suggest(&read.metric, usual.iter().map(String::as_str)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("the metrics are listed in docs/metrics.md"),
    })
}
