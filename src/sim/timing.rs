//! How long things take. Every latency is a named parameter.
//!
//! `ideal` makes all of them zero, for the classroom, for papers and for speed measurements.
//! `kubernetes` has the defaults of a real control plane: see `docs/timing.md` for each one's
//! source.

use crate::base::{Distribution, Span};

/// A client's limit on requests to the API server: a token bucket.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateLimit {
    /// Requests a second in the long run.
    pub qps: f64,
    /// Requests that may be made at once after a pause.
    pub burst: u32,
}

/// Every latency of the world around the control plane. Distributions are in seconds.
#[derive(Clone, PartialEq, Debug)]
pub struct Timing {
    /// From a request to the API server to its commit.
    pub api_write: Distribution,
    /// From a commit to its delivery by a watch.
    pub watch: Distribution,
    /// From a question to the metrics API to its answer, with what else a look at an autoscaler takes.
    pub metrics_query: Distribution,
    /// From one Event object that a controller writes to the next, if it need not wait for its client.
    pub event_write: Distribution,
    /// How long one scheduling attempt keeps the scheduler busy.
    pub scheduling_attempt: Span,
    /// The scheduler's limit; `None` for no limit.
    pub scheduler_limit: Option<RateLimit>,
    /// Each controller's limit.
    pub controller_limit: Option<RateLimit>,
    /// Each kubelet's limit.
    pub kubelet_limit: Option<RateLimit>,
    /// Making a pod's sandbox and network.
    pub sandbox: Distribution,
    /// Bytes a second at which a node pulls images; infinite for no time at all.
    pub pull_rate: f64,
    /// What a pull costs beside the transfer.
    pub pull_overhead: Distribution,
    /// Creating and starting a container.
    pub container_start: Distribution,
    /// From the end of a container to the kubelet's noticing (the relist period is 1 s).
    pub exit_notice: Distribution,
    /// From SIGTERM to the end of a container that says nothing else.
    pub stop: Distribution,
}

impl Timing {
    /// Everything at once.
    pub fn ideal() -> Timing {
        let none = Distribution::Constant(0.0);
        Timing {
            api_write: none.clone(),
            watch: none.clone(),
            metrics_query: none.clone(),
            event_write: none.clone(),
            scheduling_attempt: Span::ZERO,
            scheduler_limit: None,
            controller_limit: None,
            kubelet_limit: None,
            sandbox: none.clone(),
            pull_rate: f64::INFINITY,
            pull_overhead: none.clone(),
            container_start: none.clone(),
            exit_notice: none.clone(),
            stop: none,
        }
    }

    /// The defaults of a real control plane and its nodes. Client limits are those of Kubernetes'
    /// default flags (reference control-plane §0.4); write and watch latencies were read off
    /// recorded runs of Kubernetes 1.36 (created to bound: 4 ms in the median at low load; from one look at
    /// an autoscaler to the next: 15.009 s; between events about pods that were created at once: 17 ms).
    pub fn kubernetes() -> Timing {
        Timing {
            api_write: Distribution::Uniform { min: 0.001, max: 0.003 },
            watch: Distribution::Uniform { min: 0.000_5, max: 0.001_5 },
            metrics_query: Distribution::Uniform { min: 0.005, max: 0.013 },
            event_write: Distribution::Uniform { min: 0.004, max: 0.035 },
            scheduling_attempt: Span(500_000),
            scheduler_limit: Some(RateLimit { qps: 50.0, burst: 100 }),
            controller_limit: Some(RateLimit { qps: 20.0, burst: 30 }),
            kubelet_limit: Some(RateLimit { qps: 50.0, burst: 100 }),
            sandbox: Distribution::LogNormal { median: 0.6, sigma: 0.3 },
            pull_rate: 50e6,
            pull_overhead: Distribution::Uniform { min: 0.2, max: 0.6 },
            container_start: Distribution::LogNormal { median: 0.3, sigma: 0.3 },
            exit_notice: Distribution::Uniform { min: 0.0, max: 1.0 },
            stop: Distribution::Uniform { min: 0.05, max: 0.5 },
        }
    }
}
