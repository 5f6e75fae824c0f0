//! How long things take: a preset, with single latencies replaced.

use super::Build;
use crate::base::Diagnostic;
use crate::scenario::At;
use crate::scenario::schema::control::{Preset, RateLimit as Written};
use crate::scenario::schema::scalars::{Short, TimeDistribution};
use crate::sim::Timing;
use crate::sim::timing::RateLimit;

/// The latencies of the run; errors are noted.
pub(super) fn resolve(build: &mut Build<'_>) -> Timing {
    let control = &build.scenario.control_plane;
    let mut timing = match control.timing {
        Preset::Kubernetes => Timing::kubernetes(),
        Preset::Ideal => Timing::ideal(),
    };
    let written = &control.timings;
    let distributions: [(&Option<TimeDistribution>, _); 9] = [
        (&written.api_write, &mut timing.api_write),
        (&written.watch, &mut timing.watch),
        (&written.metrics_query, &mut timing.metrics_query),
        (&written.event_write, &mut timing.event_write),
        (&written.sandbox, &mut timing.sandbox),
        (&written.pull_overhead, &mut timing.pull_overhead),
        (&written.container_start, &mut timing.container_start),
        (&written.exit_notice, &mut timing.exit_notice),
        (&written.stop, &mut timing.stop),
    ];
    for (written, target) in distributions {
        if let Some(distribution) = written {
            target.clone_from(&distribution.0);
        }
    }
    if let Some(attempt) = written.scheduling_attempt {
        timing.scheduling_attempt = attempt.0;
    }
    if let Some(rate) = &written.pull_rate {
        if rate.value.0.as_f64() < 1.0 {
            build.error(rate.error("`pullRate` must be at least one byte a second"));
        }
        timing.pull_rate = rate.value.0.as_f64();
    }
    limit(build, written.scheduler_limit.as_ref(), &mut timing.scheduler_limit);
    limit(build, written.controller_limit.as_ref(), &mut timing.controller_limit);
    limit(build, written.kubelet_limit.as_ref(), &mut timing.kubelet_limit);
    timing
}

fn limit(build: &mut Build<'_>, written: Option<&At<Short<Written>>>, target: &mut Option<RateLimit>) {
    if let Some(limit) = written.and_then(|written| build.take(limit_of(written))) {
        *target = limit;
    }
}

/// A limit as written; `None` is no limit.
pub(super) fn limit_of(written: &At<Short<Written>>) -> Result<Option<RateLimit>, Diagnostic> {
    match &written.value {
        Short::Text(text) if text == "none" => Ok(None),
        Short::Text(_) => Err(written.error("not a limit").help("write `none` or `{qps: 50, burst: 100}`")),
        Short::Long(limit) if limit.qps.0 < 1e-3 => {
            Err(limit.qps.error("`qps` must be at least 0.001").help("`none` is no limit"))
        }
        Short::Long(limit) => Ok(Some(RateLimit { qps: limit.qps.0, burst: limit.burst.0 as u32 })),
    }
}
