//! What a kubelet does with one container, as written: restart rules, image pull policy, probes, and
//! the hook before the end.
//!
//! What a probe finds, and how long a hook takes, is not known here: see [`super::Behavior`].

/// What a restart rule does when it matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RestartAction {
    /// The container is started again, whatever its restart policy says.
    Restart,
    /// Every container of the pod is ended and started again, init containers first.
    RestartAllContainers,
}

/// What happens to a container that ends with certain exit codes. The first rule that matches counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RestartRule {
    /// What it does.
    pub action: RestartAction,
    /// Whether it matches the codes that are *not* listed (`NotIn`).
    pub is_negated: bool,
    /// The exit codes.
    pub codes: Vec<i32>,
}

impl RestartRule {
    /// Whether the rule is about a container that ended with this code.
    pub fn matches(&self, code: u8) -> bool {
        self.codes.contains(&i32::from(code)) != self.is_negated
    }
}

/// When the image of a container is pulled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ImagePullPolicy {
    /// At each start.
    Always,
    /// If the node does not hold it.
    IfNotPresent,
    /// Never: it must be there.
    Never,
}

/// A probe. How it asks does not matter here, only when, and what answers mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Probe {
    /// Seconds after the container's start before which it does not ask.
    pub initial_delay_seconds: u32,
    /// Seconds between two questions, at least 1.
    pub period_seconds: u32,
    /// Seconds after which no answer is a failure, at least 1.
    pub timeout_seconds: u32,
    /// Successes in a row that count, at least 1; 1 for startup and liveness.
    pub success_threshold: u32,
    /// Failures in a row that count, at least 1.
    pub failure_threshold: u32,
    /// The grace period of a kill for its failure; `None` for the pod's.
    pub termination_grace_seconds: Option<i64>,
}

impl Probe {
    /// The API's defaults (Kubernetes 1.36, pkg/apis/core/v1/defaults.go, `SetDefaults_Probe`).
    pub const DEFAULT: Probe = Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
        termination_grace_seconds: None,
    };
}

impl Default for Probe {
    fn default() -> Probe {
        Probe::DEFAULT
    }
}

/// The three probes that a container may have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Probes {
    /// Whether it has started: until then the others do not ask.
    pub startup: Option<Probe>,
    /// Whether it can serve.
    pub readiness: Option<Probe>,
    /// Whether it must be ended and started again.
    pub liveness: Option<Probe>,
}

impl Probes {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Probes::default()
    }
}

/// What is done before a container is told to stop (`lifecycle.preStop`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PreStop {
    /// The kubelet sleeps for so many seconds.
    Sleep(u64),
    /// Something is executed in the container or asked of it; its behaviour says how long that takes.
    Run,
}
