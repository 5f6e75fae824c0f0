//! HorizontalPodAutoscalers: how many pods a workload is to have, by what its pods use.
//!
//! Kubernetes 1.36, pkg/controller/podautoscaler/horizontal.go (reference control-plane §4.1 to §4.5,
//! its 1.36 companion §4). [`reconcile`] takes what was observed and what the autoscaler remembers, and
//! decides; [`rescaled`] and [`not_rescaled`] take in whether the target could be scaled. Where pods and
//! metrics come from is not known here.
//!
//! The feature HPAScaleToZero is off, as it is by default: with no replicas the scaling is disabled.

mod calculator;
mod controller;
mod history;
mod requests;
#[cfg(test)]
mod tests;

pub use controller::PodAutoscalerController;
pub use history::Memory;
pub use requests::milli_request;

use crate::api::autoscaling::{HpaBehavior, MetricSpec, MetricTarget};
use crate::api::status::{CurrentMetric, HpaStatus};
use crate::api::{Condition, HorizontalPodAutoscaler, PodPhase, PodSpec, Truth};
use crate::base::{Span, Time};
use calculator::Proposal;
use history::Limited;

/// The flags of the controller (reference control-plane §4.1).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// From one look at an autoscaler to the next.
    pub sync_period: Span,
    /// How far a ratio may be from 1 without a change, in both directions.
    pub tolerance: f64,
    /// How long after its start a pod's CPU counts only from when it is ready.
    pub cpu_initialization: Span,
    /// A pod that became unready within this time after its start has never been ready.
    pub initial_readiness_delay: Span,
    /// How long the highest recommendation holds, where the autoscaler does not say.
    pub downscale_stabilization: Span,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sync_period: Span::from_secs(15),
            tolerance: 0.1,
            cpu_initialization: Span::from_secs(300),
            initial_readiness_delay: Span::from_secs(30),
            downscale_stabilization: Span::from_secs(300),
        }
    }
}

/// What an autoscaler sees of a pod that its target selects.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PodFacts<'o> {
    /// Its phase.
    pub phase: PodPhase,
    /// Whether its deletion has begun.
    pub deleting: bool,
    /// `status.startTime`.
    pub start: Option<Time>,
    /// The condition Ready, and when it last changed; `None` without such a condition.
    pub ready: Option<(Truth, Time)>,
    /// What it requests.
    pub spec: &'o PodSpec,
}

/// What was measured of one pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The value in thousandths.
    pub milli: i64,
    /// The end of the time over which it was measured.
    pub time: Time,
    /// How long that time was.
    pub window: Span,
}

/// What the metrics API answers about one metric.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    /// It cannot answer.
    Failed,
    /// A sample for each pod, in the order of the pods; `None` for pods that it has none of.
    Pods(Vec<Option<Sample>>),
    /// One value, in thousandths, of an object.
    Object(i64),
    /// Values in thousandths, of something that is not in the cluster.
    External(Vec<i64>),
}

/// Whether the target selects pods that are the autoscaler's own to count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Selection {
    /// It does.
    #[default]
    Own,
    /// The target has no selector.
    Missing,
    /// Some of the pods are selected by the target of another autoscaler, too.
    Ambiguous,
}

/// The scale of a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scale {
    /// Pods that there should be (`spec.replicas`).
    pub wanted: i32,
    /// Pods that there are (`status.replicas`).
    pub current: i32,
    /// The pods that it selects.
    pub selection: Selection,
}

/// What was observed for one look at an autoscaler.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'o> {
    /// The time.
    pub now: Time,
    /// The time as API objects keep it, in whole seconds.
    pub stamp: Time,
    /// The scale of the target; `None` if there is no such object, or it has no scale.
    pub scale: Option<Scale>,
    /// The pods that the target selects.
    pub pods: &'o [PodFacts<'o>],
    /// One answer for each metric of the specification, in its order. Not looked at unless
    /// [`needs_metrics`].
    pub readings: &'o [Reading],
}

/// Why a target is scaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It has more pods than the autoscaler allows.
    AboveMax,
    /// It has fewer pods than the autoscaler allows.
    BelowMin,
    /// A metric, by its place in the specification, is above its target.
    Above(usize),
    /// All metrics are below their targets.
    Below,
    /// No metric asks for it, but the limits of the autoscaler do.
    Limits,
}

/// A change of a target's scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rescale {
    /// Pods that there should be until now.
    pub from: i32,
    /// Pods that there shall be.
    pub to: i32,
    /// Why.
    pub reason: Reason,
}

/// What one look at an autoscaler comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// The change of the scale, if there shall be one: then [`rescaled`] or [`not_rescaled`] completes
    /// the status.
    pub rescale: Option<Rescale>,
    /// The status of the autoscaler.
    pub status: HpaStatus,
    /// Whether a metric could not be read. The look has then failed, even if other metrics decided.
    pub failed: bool,
}

/// Whether the metrics are looked at: not if scaling is disabled, or if the number of pods is outside of
/// what the autoscaler allows.
pub fn needs_metrics(hpa: &HorizontalPodAutoscaler, scale: Scale) -> bool {
    scale.wanted != 0 && (hpa.min_replicas..=hpa.max_replicas).contains(&scale.wanted)
}

/// One look at an autoscaler: what its target's scale shall be. `status` is the status as it was.
pub fn reconcile(
    hpa: &HorizontalPodAutoscaler,
    settings: &Settings,
    observed: &Observed<'_>,
    memory: &mut Memory,
    status: &HpaStatus,
) -> Decision {
    let mut look = Look { hpa, settings, observed, status: status.clone() };
    let Some(scale) = observed.scale else {
        look.set(ABLE_TO_SCALE, Truth::False, "FailedGetScale");
        return Decision { rescale: None, status: look.status, failed: true };
    };
    look.set(ABLE_TO_SCALE, Truth::True, "SucceededGetScale");
    memory.begin(scale.wanted, observed.now);
    let change = |to, reason| Some(Rescale { from: scale.wanted, to, reason });
    if needs_metrics(hpa, scale) {
        return look.measure(scale, memory);
    }
    let rescale = if scale.wanted == 0 {
        look.set(SCALING_ACTIVE, Truth::False, "ScalingDisabled");
        None
    } else if scale.wanted > hpa.max_replicas {
        change(hpa.max_replicas, Reason::AboveMax)
    } else {
        change(hpa.min_replicas, Reason::BelowMin)
    };
    look.finish(scale, Some(scale.wanted), Vec::new());
    Decision { rescale, status: look.status, failed: false }
}

/// Completes the status after the target has been scaled, and remembers the change. `stamp` is the time
/// as API objects keep it.
pub fn rescaled(
    hpa: &HorizontalPodAutoscaler,
    memory: &mut Memory,
    status: &mut HpaStatus,
    rescale: Rescale,
    [now, stamp]: [Time; 2],
) {
    set_condition(&mut status.conditions, ABLE_TO_SCALE, Truth::True, "SucceededRescale", stamp);
    status.desired = rescale.to;
    status.last_scale = Some(stamp);
    if let Some(behavior) = &hpa.behavior {
        memory.store_event(behavior, rescale.from, rescale.to, now);
    }
}

/// Completes the status after the target could not be scaled. `before` is the status before the look.
pub fn not_rescaled(status: &mut HpaStatus, before: &HpaStatus, stamp: Time) {
    set_condition(&mut status.conditions, ABLE_TO_SCALE, Truth::False, "FailedUpdateScale", stamp);
    (status.desired, status.last_scale) = (before.desired, before.last_scale);
}

const ABLE_TO_SCALE: &str = "AbleToScale";
const SCALING_ACTIVE: &str = "ScalingActive";
const SCALING_LIMITED: &str = "ScalingLimited";

/// One look while it lasts.
struct Look<'o> {
    hpa: &'o HorizontalPodAutoscaler,
    settings: &'o Settings,
    observed: &'o Observed<'o>,
    status: HpaStatus,
}

impl Look<'_> {
    fn set(&mut self, kind: &'static str, status: Truth, reason: &'static str) {
        set_condition(&mut self.status.conditions, kind, status, reason, self.observed.stamp);
    }

    /// The numbers of the status; `desired` is `None` where the one from before stays.
    fn finish(&mut self, scale: Scale, desired: Option<i32>, metrics: Vec<Option<CurrentMetric>>) {
        self.status.current = scale.wanted;
        self.status.desired = desired.unwrap_or(self.status.desired);
        self.status.metrics = metrics;
    }

    /// The look at the metrics.
    fn measure(mut self, scale: Scale, memory: &mut Memory) -> Decision {
        if scale.selection != Selection::Own {
            let is_missing = scale.selection == Selection::Missing;
            let reason = if is_missing { "InvalidSelector" } else { "AmbiguousSelector" };
            self.set(SCALING_ACTIVE, Truth::False, reason);
            self.finish(scale, None, Vec::new());
            return Decision { rescale: None, status: self.status, failed: true };
        }
        let proposals = self.proposals(scale);
        let (best, failures) = combine(&proposals);
        let metrics: Vec<_> = proposals.iter().map(|proposal| proposal.map(|one| one.current)).collect();
        let first_failure = proposals.iter().position(Option::is_none);
        let is_void = failures >= proposals.len() || (failures > 0 && best.replicas < scale.wanted);
        if is_void {
            // An autoscaler without any metric has nothing to say what failed.
            let failed = first_failure.map_or("FailedGetResourceMetric", |at| failure(&self.hpa.metrics[at]));
            self.set(SCALING_ACTIVE, Truth::False, failed);
            self.finish(scale, None, metrics);
            return Decision { rescale: None, status: self.status, failed: true };
        }
        self.set(SCALING_ACTIVE, Truth::True, "ValidMetricFound");
        let proposed = best.replicas.max(0);
        let wanted = self.normalize(scale.wanted, proposed, memory);
        self.finish(scale, Some(scale.wanted), metrics);
        let reason = match proposed.cmp(&scale.wanted) {
            std::cmp::Ordering::Greater => Reason::Above(best.metric),
            std::cmp::Ordering::Equal => Reason::Limits,
            std::cmp::Ordering::Less => Reason::Below,
        };
        let rescale = (wanted != scale.wanted).then_some(Rescale { from: scale.wanted, to: wanted, reason });
        Decision { rescale, status: self.status, failed: failures > 0 }
    }

    /// What each metric proposes; `None` for those that cannot be read.
    fn proposals(&self, scale: Scale) -> Vec<Option<Proposal>> {
        let behavior = self.hpa.behavior.as_ref();
        let tolerances = calculator::Tolerances::new(behavior, self.settings.tolerance);
        let calculator = calculator::Calculator {
            settings: self.settings,
            tolerances,
            now: self.observed.now,
            pods: self.observed.pods,
            scale,
        };
        let reading = |at: usize| self.observed.readings.get(at).unwrap_or(&Reading::Failed);
        let metrics = self.hpa.metrics.iter().enumerate();
        metrics.map(|(at, metric)| calculator.propose(metric, reading(at))).collect()
    }

    /// Stabilizes and limits a proposal (reference control-plane §4.4, §4.5).
    fn normalize(&mut self, current: i32, proposed: i32, memory: &mut Memory) -> i32 {
        let (hpa, now) = (self.hpa, self.observed.now);
        let window = self.settings.downscale_stabilization;
        let (stable, held) = match &hpa.behavior {
            None => (memory.stabilize(proposed, window, now), "ScaleDownStabilized"),
            Some(behavior) => {
                let stable = memory.stabilize_by(behavior, current, proposed, window, now);
                let up = proposed >= current;
                (stable, if up { "ScaleUpStabilized" } else { "ScaleDownStabilized" })
            }
        };
        let able = if stable == proposed { "ReadyForNewScale" } else { held };
        self.set(ABLE_TO_SCALE, Truth::True, able);
        let limits = (hpa.min_replicas, hpa.max_replicas);
        let Limited { replicas, reason } = match &hpa.behavior {
            None => history::limit(limits, current, stable),
            Some(behavior) => memory.limit_by(behavior, limits, current, stable, now),
        };
        let limited = if replicas == stable { Truth::False } else { Truth::True };
        self.set(SCALING_LIMITED, limited, reason);
        replicas
    }
}

/// The best of the proposals.
#[derive(Clone, Copy, Default)]
struct Best {
    replicas: i32,
    metric: usize,
}

/// The largest proposal, and how many metrics there are without one.
fn combine(proposals: &[Option<Proposal>]) -> (Best, usize) {
    let (mut best, mut failures) = (Best::default(), 0);
    for (metric, proposal) in proposals.iter().enumerate() {
        match proposal {
            None => failures += 1,
            Some(proposal) if best.replicas == 0 || proposal.replicas > best.replicas => {
                best = Best { replicas: proposal.replicas, metric };
            }
            Some(_) => {}
        }
    }
    (best, failures)
}

/// Why scaling is not active when a metric cannot be read.
const fn failure(metric: &MetricSpec) -> &'static str {
    match metric {
        MetricSpec::Resource { .. } => "FailedGetResourceMetric",
        MetricSpec::ContainerResource { .. } => "FailedGetContainerResourceMetric",
        MetricSpec::Pods { .. } => "FailedGetPodsMetric",
        MetricSpec::Object { .. } => "FailedGetObjectMetric",
        MetricSpec::External { .. } => "FailedGetExternalMetric",
    }
}

/// Sets a condition; its time moves when its status does.
fn set_condition(
    conditions: &mut Vec<Condition>,
    kind: &'static str,
    status: Truth,
    reason: &'static str,
    stamp: Time,
) {
    match conditions.iter_mut().find(|condition| condition.kind == kind) {
        Some(condition) => {
            if condition.status != status {
                condition.since = stamp;
            }
            // This kind of object has no time of the last write.
            *condition = Condition { status, reason, updated: condition.since, ..*condition };
        }
        None => conditions.push(Condition { kind, status, reason, since: stamp, updated: stamp }),
    }
}
