//! How a pod's containers behave when they run: what Kubernetes cannot know and a simulation must.
//!
//! Read from annotations, so that an ordinary manifest can carry it.

use crate::base::Distribution;

/// The prefix of the annotations.
pub const PREFIX: &str = "seatrial.dev/";

/// What annotations begin with that say how a control plane other than Kubernetes treats an object.
pub const OF_PLANES: [&str; 3] = ["seatrial.dev/swarm-", "seatrial.dev/mesos-", "seatrial.dev/slurm-"];

/// How the pod's main containers behave. Absent values are filled from the scenario's defaults;
/// where these are absent too, containers run for ever, end with exit code 0 and use what they
/// request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Behavior {
    /// `seatrial.dev/run-time`: how long each run lasts at full speed; absent: for ever.
    pub run_time: Option<Distribution>,
    /// `seatrial.dev/init-time`: how long each run of an init container lasts; absent: no time.
    pub init_time: Option<Distribution>,
    /// `seatrial.dev/exit-code`: the exit code of a run, 0 to 255.
    pub exit_code: Option<Distribution>,
    /// `seatrial.dev/fail-runs`: that many first runs end with exit code 1 whatever `exit_code` says.
    pub fail_runs: u32,
    /// `seatrial.dev/startup-time`: from container start to ready.
    pub startup_time: Option<Distribution>,
    /// `seatrial.dev/cpu-usage`: cores the pod would use if nothing held it back.
    pub cpu_usage: Option<Distribution>,
    /// `seatrial.dev/memory-usage`: bytes the pod uses from its start.
    pub memory_usage: Option<Distribution>,
    /// `seatrial.dev/stop-time`: from the order to stop to the end, at most the grace period.
    pub stop_time: Option<Distribution>,
    /// `seatrial.dev/image-size`: bytes to pull if the node does not hold the image.
    pub image_size: Option<Distribution>,
    /// `seatrial.dev/unready-after`: from container start to the moment from which readiness probes
    /// fail; absent: never.
    pub unready_after: Option<Distribution>,
    /// `seatrial.dev/unready-for`: for how long they fail; absent: until the container is restarted.
    pub unready_for: Option<Distribution>,
    /// `seatrial.dev/unhealthy-after`: from container start to the moment from which the container
    /// answers no probe any more, until it is restarted; absent: never.
    pub unhealthy_after: Option<Distribution>,
    /// `seatrial.dev/pre-stop-time`: how long a `preStop` hook takes that is no `sleep`; absent: no
    /// time.
    pub pre_stop_time: Option<Distribution>,
    /// `seatrial.dev/gate-time`: from the pod's sandbox to the moment at which the conditions of its
    /// readiness gates are true; absent: at once.
    pub gate_time: Option<Distribution>,
    /// `seatrial.dev/pull-failures`: that many first pulls of each container's image fail.
    pub pull_failures: u32,
}
