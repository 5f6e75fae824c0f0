//! Every constant of the control plane that a person may set, with Kubernetes 1.36's defaults.

mod compat;
mod plane;
mod plugins;
mod scheduler;

pub use compat::Compat;
pub use plane::Plane;
pub use plugins::{EnabledPlugins, ExtensionPoint, KnownPlugin, known_plugins};
pub use scheduler::{
    DEFAULT_SCHEDULER_NAME, FitArgs, InterPodArgs, Mode, PluginArgs, PreemptionArgs, Scheduler,
    SchedulerProfile, ScoringStrategy, SpreadArgs, SpreadDefaulting, Ties, VolumeBindingArgs,
};

use super::controllers::hpa;
use crate::base::rng::{Purpose, Streams, key_of};
use crate::base::{Clock, Span};

/// Which Kubernetes release's decisions are taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Version {
    /// 1.34.
    V1_34,
    /// 1.36.
    #[default]
    V1_36,
}

/// The whole control plane.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Which control plane it is. What follows is Kubernetes' own, but for the seed, the clock and the
    /// kubelet, which is the agent of every node under all of them.
    pub plane: Plane,
    /// The release.
    pub version: Version,
    /// The seed of draws that the original leaves to chance (ties of 1.34, unique ids).
    pub seed: u64,
    /// The time of day at the start.
    pub clock: Clock,
    /// The scheduler.
    pub scheduler: Scheduler,
    /// Node life cycle and taint eviction.
    pub nodes: NodeLifecycle,
    /// The kubelet.
    pub kubelet: Kubelet,
    /// The workload controllers and the garbage collectors.
    pub controllers: Controllers,
    /// The controller of horizontal pod autoscalers.
    pub pod_autoscaler: hpa::Settings,
}

/// Node life cycle and taint eviction (reference control-plane §2.1 with its 1.36 companion).
#[derive(Clone, PartialEq, Debug)]
pub struct NodeLifecycle {
    /// Time between two passes over the nodes.
    pub monitor_period: Span,
    /// The moment of the first pass of every periodic loop here. It is free in a real cluster:
    /// `None` draws the phase of each loop from the seed.
    pub monitor_phase: Option<Span>,
    /// Silence after which a node's conditions become Unknown. 50 s since 1.32.
    pub grace_period: Span,
    /// Time between two renewals of a node's lease.
    pub lease_renewal: Span,
    /// Share of that time by which each renewal may be later, at random.
    pub lease_jitter: f64,
    /// The moment of the first pass over the nodes, where it is known; it goes before `monitor_phase`.
    pub first_monitor_pass: Option<Span>,
    /// Nodes a second that get the NoExecute taint, in a zone in order.
    pub eviction_rate: f64,
    /// The same in a large zone that is partially disrupted; small ones: none.
    pub secondary_eviction_rate: f64,
    /// Nodes above which a zone is large.
    pub large_zone: u32,
    /// Share of not-ready nodes from which a zone counts as partially disrupted.
    pub unhealthy_zone: f64,
    /// Time between two passes of the worker that taints.
    pub worker_period: Span,
    /// `tolerationSeconds` that pods get for not-ready and unreachable where they state none.
    pub default_toleration: Option<Span>,
    /// Time between two passes of the pod garbage collector.
    pub pod_gc_period: Span,
    /// How long a node must be missing before the pods on it are collected.
    pub pod_gc_quarantine: Span,
}

impl Default for NodeLifecycle {
    fn default() -> NodeLifecycle {
        NodeLifecycle {
            monitor_period: Span::from_secs(5),
            monitor_phase: Some(Span::ZERO),
            grace_period: Span::from_secs(50),
            lease_renewal: Span::from_secs(10),
            lease_jitter: 0.04,
            first_monitor_pass: None,
            eviction_rate: 0.1,
            secondary_eviction_rate: 0.01,
            large_zone: 50,
            unhealthy_zone: 0.55,
            worker_period: Span::from_millis(100),
            default_toleration: Some(Span::from_secs(300)),
            pod_gc_period: Span::from_secs(20),
            pod_gc_quarantine: Span::from_secs(40),
        }
    }
}

impl NodeLifecycle {
    /// The phase of a loop with that name and period: the one set, or a draw from `seed`.
    pub(crate) fn phase(&self, seed: u64, name: &str, period: Span) -> Span {
        let draw = || Streams::new(seed).draw(Purpose::Phase, key_of(name)) % period.0.max(1);
        self.monitor_phase.unwrap_or_else(|| Span(draw()))
    }
}

/// Who runs the pods of the nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KubeletProfile {
    /// Kubelets with container runtimes.
    #[default]
    Modelled,
    /// The pod driver of the recordings of a real control plane.
    Recorded,
}

/// The kubelet (reference control-plane §1.1 with its 1.36 companion).
#[derive(Clone, PartialEq, Debug)]
pub struct Kubelet {
    /// Who runs the pods.
    pub profile: KubeletProfile,
    /// The first crash-loop back-off.
    pub backoff_initial: Span,
    /// The longest crash-loop back-off.
    pub backoff_max: Span,
    /// A run longer than this resets the back-off.
    pub backoff_reset: Span,
    /// The grace period of pods that state none.
    pub termination_grace: Span,
    /// The first back-off after a pull of an image failed.
    pub image_backoff_initial: Span,
    /// The longest one.
    pub image_backoff_max: Span,
    /// Images that a node pulls at a time; 1 is `serializeImagePulls`, `None` any number.
    pub parallel_pulls: Option<u32>,
    /// Pulls a second that a node asks registries for (`registryPullQPS`); more fail. `None` for no
    /// limit.
    pub registry_rate: Option<f64>,
    /// Pulls that may be asked for at once after a pause (`registryBurst`).
    pub registry_burst: u32,
    /// Wait before a pod is looked at again whose image is not there; the original draws from 1 to
    /// 1.5 times as much.
    pub error_resync: Span,
    /// What must be left of the memory that pods may have before pods are evicted at once
    /// (`evictionHard`, `memory.available`), in bytes; 0 for no eviction.
    pub eviction_memory: i64,
    /// The same for evictions after a grace period (`evictionSoft`), in bytes; 0 for none.
    pub eviction_soft_memory: i64,
    /// That grace period (`evictionSoftGracePeriod`).
    pub eviction_soft_grace: Span,
    /// The longest grace period of a pod that is evicted for a soft threshold
    /// (`evictionMaxPodGracePeriod`).
    pub eviction_max_pod_grace: Span,
    /// Time between two looks at what is left.
    pub eviction_period: Span,
    /// How long the condition of the node outlasts its cause (`evictionPressureTransitionPeriod`).
    pub pressure_transition: Span,
    /// Whether refused restarts are tried again only at the kubelet's next look (the original
    /// waits between 1 and 1.5 times the remaining back-off); otherwise exactly when it ends.
    pub polled_backoff: bool,
}

impl Default for Kubelet {
    fn default() -> Kubelet {
        Kubelet {
            profile: KubeletProfile::Modelled,
            backoff_initial: Span::from_secs(10),
            backoff_max: Span::from_secs(300),
            backoff_reset: Span::from_secs(600),
            termination_grace: Span::from_secs(30),
            image_backoff_initial: Span::from_secs(10),
            image_backoff_max: Span::from_secs(300),
            parallel_pulls: Some(1),
            registry_rate: Some(5.0),
            registry_burst: 10,
            error_resync: Span::from_secs(10),
            eviction_memory: 100 << 20,
            eviction_soft_memory: 0,
            eviction_soft_grace: Span::from_secs(90),
            eviction_max_pod_grace: Span::ZERO,
            eviction_period: Span::from_secs(10),
            pressure_transition: Span::from_secs(300),
            polled_backoff: false,
        }
    }
}

/// The workload controllers and the garbage collectors (reference control-plane §0.4, §3.1).
#[derive(Clone, PartialEq, Debug)]
pub struct Controllers {
    /// How long the Job controller gathers pod events before it syncs (SyncJobBatchPeriod,
    /// pkg/controller/job/job_controller.go). Zero for ideal timing.
    pub job_sync_batch: Span,
    /// Wait before the replacement of a Job's first failed pod (DefaultJobPodFailureBackOff).
    pub job_backoff_initial: Span,
    /// The longest such wait (MaxJobPodFailureBackOff).
    pub job_backoff_max: Span,
    /// Pods that one sync creates or deletes at most: BurstReplicas of the ReplicaSet controller,
    /// MaxPodCreateDeletePerSync of the Job controller.
    pub burst: u32,
    /// Wait before the first repetition of a failed sync; it doubles each time (client-go,
    /// util/workqueue/default_rate_limiters.go).
    pub retry_initial: Span,
    /// The longest such wait.
    pub retry_max: Span,
    /// Ended pods that may exist before the pod garbage collector deletes the oldest
    /// (`--terminated-pod-gc-threshold`); `None` for any number.
    pub terminated_pods: Option<u32>,
}

impl Default for Controllers {
    fn default() -> Controllers {
        Controllers {
            job_sync_batch: Span::from_secs(1),
            job_backoff_initial: Span::from_secs(10),
            job_backoff_max: Span::from_secs(600),
            burst: 500,
            retry_initial: Span::from_millis(5),
            retry_max: Span::from_secs(1_000),
            terminated_pods: Some(12_500),
        }
    }
}
