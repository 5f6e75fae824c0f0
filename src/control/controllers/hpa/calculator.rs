//! How many pods one metric asks for.
//!
//! Kubernetes 1.36, pkg/controller/podautoscaler/replica_calculator.go and metrics/utilization.go
//! (reference control-plane §4.2, §4.3; its 1.36 companion §4). Numbers are cut, wrapped and
//! converted as the original does it on a 64-bit machine.

use super::{CurrentMetric, milli_request};
use super::{HpaBehavior, MetricSpec, MetricTarget, PodFacts, Reading, Sample, Scale, Settings};
use crate::api::{PodPhase, Truth};
use crate::base::{Quantity, Time};

/// How far a ratio may be from 1 without a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerances {
    down: f64,
    up: f64,
}

impl Tolerances {
    /// Those of the autoscaler, or else the controller's own, by direction.
    pub(super) fn new(behavior: Option<&HpaBehavior>, default: f64) -> Tolerances {
        let own = |tolerance: Option<Quantity>| tolerance.map_or(default, approximately);
        Tolerances {
            down: own(behavior.and_then(|behavior| behavior.scale_down.tolerance)),
            up: own(behavior.and_then(|behavior| behavior.scale_up.tolerance)),
        }
    }

    fn is_within(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// A quantity as the API server keeps it (a whole number of units, thousandths, …), as a float.
fn approximately(quantity: Quantity) -> f64 {
    const SCALES: [(i128, f64); 3] = [(1_000_000_000, 1.0), (1_000_000, 1e-3), (1_000, 1e-6)];
    match SCALES.iter().find(|(divisor, _)| quantity.0 % divisor == 0) {
        Some((divisor, scale)) => (quantity.0 / divisor) as f64 * scale,
        None => quantity.0 as f64 * 1e-9,
    }
}

/// What a metric asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Proposal {
    /// Pods.
    pub(super) replicas: i32,
    /// What was measured.
    pub(super) current: CurrentMetric,
}

/// What every metric of one look has in common.
#[derive(Clone, Copy)]
pub(super) struct Calculator<'o> {
    pub(super) settings: &'o Settings,
    pub(super) tolerances: Tolerances,
    pub(super) now: Time,
    pub(super) pods: &'o [PodFacts<'o>],
    pub(super) scale: Scale,
}

/// What becomes of a pod in the calculation (reference control-plane §4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Group {
    /// It is on its way out, and left out.
    Ignored,
    /// It does not do its work yet.
    Unready,
    /// Nothing is known of it.
    Missing,
    /// It counts.
    Ready,
}

/// The pods with what counts of each: of those that are ready the sample, of others what is put in.
struct Grouped {
    groups: Vec<Group>,
    values: Vec<Option<i64>>,
}

impl Grouped {
    fn count(&self, group: Group) -> usize {
        self.groups.iter().filter(|&&one| one == group).count()
    }

    fn put(&mut self, group: Group, value: impl Fn(usize) -> i64) {
        for (pod, slot) in self.values.iter_mut().enumerate() {
            if self.groups[pod] == group {
                *slot = Some(value(pod));
            }
        }
    }

    fn valued(&self) -> usize {
        self.values.iter().flatten().count()
    }
}

/// How the pods stand to the target.
struct Usage {
    ratio: f64,
    current: CurrentMetric,
}

impl Calculator<'_> {
    /// What a metric asks for, by what was read of it; `None` if that cannot be said.
    pub(super) fn propose(&self, metric: &MetricSpec, reading: &Reading) -> Option<Proposal> {
        match (metric, reading) {
            (MetricSpec::Resource { name, target }, Reading::Pods(samples)) => {
                self.resource(name, None, *target, samples)
            }
            (MetricSpec::ContainerResource { name, container, target }, Reading::Pods(samples)) => {
                self.resource(name, Some(container), *target, samples)
            }
            (
                MetricSpec::Pods { target: MetricTarget::AverageValue(average), .. },
                Reading::Pods(samples),
            ) => self.plain(average.milli_ceil(), false, samples),
            (MetricSpec::Object { target, .. }, Reading::Object(value)) => match target {
                MetricTarget::Value(wanted) => self.whole(*value, wanted.milli_ceil()),
                MetricTarget::AverageValue(wanted) => Some(self.object_average(*value, wanted.milli_ceil())),
                _ => None,
            },
            (MetricSpec::External { target, .. }, Reading::External(values)) if !values.is_empty() => {
                match target {
                    MetricTarget::Value(wanted) => self.whole(sum(values), wanted.milli_ceil()),
                    MetricTarget::AverageValue(wanted) => {
                        Some(self.external_average(values, wanted.milli_ceil()))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn resource(
        &self,
        name: &str,
        container: Option<&str>,
        target: MetricTarget,
        samples: &[Option<Sample>],
    ) -> Option<Proposal> {
        match target {
            MetricTarget::AverageValue(average) => self.plain(average.milli_ceil(), name == "cpu", samples),
            MetricTarget::Utilization(percent) => self.utilization(name, container, percent, samples),
            _ => None,
        }
    }

    /// A percentage of the requests. Pods that nothing is known of count with their whole request, or the
    /// target if that is more.
    fn utilization(
        &self,
        name: &str,
        container: Option<&str>,
        percent: i32,
        samples: &[Option<Sample>],
    ) -> Option<Proposal> {
        let grouped = self.group(name == "cpu", samples)?;
        let requests = self.requests(name, container)?;
        let full = i64::from(percent.max(100));
        let fill = |pod: usize| requests[pod].wrapping_mul(full) / 100;
        self.settle(grouped, fill, |grouped| utilization_of(&grouped.values, &requests, percent))
    }

    /// The request of each pod. Every pod must have one, also those that do not count.
    fn requests(&self, name: &str, container: Option<&str>) -> Option<Vec<i64>> {
        let mut last: Option<(*const crate::api::PodSpec, Option<i64>)> = None;
        let mut request = |pod: &PodFacts<'_>| match last {
            // Most pods of a target are made from the same template.
            Some((spec, request)) if std::ptr::eq(spec, pod.spec) => request,
            _ => {
                let request = milli_request(pod.spec, name, container);
                last = Some((pod.spec, request));
                request
            }
        };
        self.pods.iter().map(&mut request).collect()
    }

    /// A value for each pod, on average. Pods that nothing is known of count with the target.
    fn plain(&self, target: i64, is_cpu: bool, samples: &[Option<Sample>]) -> Option<Proposal> {
        let grouped = self.group(is_cpu, samples)?;
        self.settle(grouped, |_| target, |grouped| Some(average_of(&grouped.values, target)))
    }

    /// Groups the pods; `None` if no sample is left, or no pod.
    fn group(&self, is_cpu: bool, samples: &[Option<Sample>]) -> Option<Grouped> {
        let sample = |pod: usize| samples.get(pod).copied().flatten();
        let groups: Vec<Group> = (0..self.pods.len())
            .map(|pod| group(&self.pods[pod], sample(pod), is_cpu, self.now, self.settings))
            .collect();
        let value = |(pod, group): (usize, &Group)| {
            sample(pod).filter(|_| *group == Group::Ready).map(|sample| sample.milli)
        };
        let values = groups.iter().enumerate().map(value).collect();
        let grouped = Grouped { groups, values };
        (grouped.valued() > 0).then_some(grouped)
    }

    /// From the groups to a number of pods (reference control-plane §4.3): `fill` is what a pod that nothing
    /// is known of uses when there seem to be too many pods.
    fn settle(
        &self,
        mut grouped: Grouped,
        fill: impl Fn(usize) -> i64,
        measure: impl Fn(&Grouped) -> Option<Usage>,
    ) -> Option<Proposal> {
        let current = self.scale.wanted;
        let Usage { ratio, current: measured } = measure(&grouped)?;
        let proposal = |replicas| Some(Proposal { replicas, current: measured });
        let is_growing_unready = ratio > 1.0 && grouped.count(Group::Unready) > 0;
        if !is_growing_unready && grouped.count(Group::Missing) == 0 {
            if self.tolerances.is_within(ratio) {
                return proposal(current);
            }
            return proposal(ceiling(ratio * grouped.count(Group::Ready) as f64));
        }
        if ratio < 1.0 {
            grouped.put(Group::Missing, fill);
        } else if ratio > 1.0 {
            grouped.put(Group::Missing, |_| 0);
        }
        if is_growing_unready {
            grouped.put(Group::Unready, |_| 0);
        }
        let second = measure(&grouped)?.ratio;
        let has_turned = (ratio < 1.0 && second > 1.0) || (ratio > 1.0 && second < 1.0);
        if self.tolerances.is_within(second) || has_turned {
            return proposal(current);
        }
        let replicas = ceiling(second * grouped.valued() as f64);
        let is_backwards = (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current);
        proposal(if is_backwards { current } else { replicas })
    }

    /// A value as a whole, shared by the pods that are ready. `None` without any pod.
    fn whole(&self, value: i64, target: i64) -> Option<Proposal> {
        let current = CurrentMetric { value_milli: Some(value), ..CurrentMetric::default() };
        let ratio = value as f64 / target as f64;
        if self.scale.wanted != 0 && self.tolerances.is_within(ratio) {
            return Some(Proposal { replicas: self.scale.wanted, current });
        }
        if self.scale.wanted == 0 {
            return Some(Proposal { replicas: ceiling(ratio), current });
        }
        if self.pods.is_empty() {
            return None;
        }
        let is_ready = |pod: &&PodFacts<'_>| {
            pod.phase == PodPhase::Running && pod.ready.is_some_and(|(status, _)| status == Truth::True)
        };
        let replicas = ratio * self.pods.iter().filter(is_ready).count() as f64;
        Some(Proposal { replicas: ceiling(replicas.min(f64::from(i32::MAX))), current })
    }

    /// A value of an object for each pod, on average.
    fn object_average(&self, value: i64, target: i64) -> Proposal {
        let replicas = self.shared(value, target).map_or(self.scale.current, ceiling);
        on_average(replicas, ceiling_64(value as f64 / f64::from(self.scale.current)))
    }

    /// Values of something outside for each pod, on average. A sum below zero is taken for one that
    /// has overflowed.
    fn external_average(&self, values: &[i64], target: i64) -> Proposal {
        let value = values.iter().try_fold(0_i64, |sum: i64, &one| {
            let sum = sum.wrapping_add(one);
            (sum >= 0).then_some(sum)
        });
        let value = value.unwrap_or(i64::MAX);
        let capped = |replicas: f64| ceiling(replicas.min(f64::from(i32::MAX)));
        let replicas = self.shared(value, target).map_or(self.scale.current, capped);
        let is_full = value as f64 >= i64::MAX as f64;
        let average = ceiling_64(value as f64 / f64::from(self.scale.current));
        on_average(replicas, if is_full { i64::MAX } else { average })
    }

    /// How many pods share a value so that each has the target; `None` if it is about as many as there are.
    fn shared(&self, value: i64, target: i64) -> Option<f64> {
        let ratio = value as f64 / (target as f64 * f64::from(self.scale.current));
        (!self.tolerances.is_within(ratio)).then(|| value as f64 / target as f64)
    }
}

fn on_average(replicas: i32, milli: i64) -> Proposal {
    let current = CurrentMetric { average_milli: Some(milli), ..CurrentMetric::default() };
    Proposal { replicas, current }
}

/// The sum of values; the largest number if it would be larger.
fn sum(values: &[i64]) -> i64 {
    let mut sum = 0_i64;
    for &value in values {
        if value > 0 && sum > i64::MAX - value {
            return i64::MAX;
        }
        sum = sum.wrapping_add(value);
    }
    sum
}

/// What becomes of a pod (reference control-plane §4.2).
fn group(pod: &PodFacts<'_>, sample: Option<Sample>, is_cpu: bool, now: Time, settings: &Settings) -> Group {
    if pod.deleting || pod.phase == PodPhase::Failed {
        return Group::Ignored;
    }
    if pod.phase == PodPhase::Pending {
        return Group::Unready;
    }
    let Some(sample) = sample else {
        return Group::Missing;
    };
    if is_cpu && is_unready(pod, sample, now, settings) { Group::Unready } else { Group::Ready }
}

/// Whether the CPU of a pod does not count: what it uses while it starts says nothing.
fn is_unready(pod: &PodFacts<'_>, sample: Sample, now: Time, settings: &Settings) -> bool {
    let (Some((ready, since)), Some(start)) = (pod.ready, pod.start) else {
        return true;
    };
    let is_false = ready == Truth::False;
    if start + settings.cpu_initialization > now {
        is_false || sample.time < since + sample.window
    } else {
        is_false && start + settings.initial_readiness_delay > since
    }
}

/// The percentage of the requests that is used; `None` if nothing is requested.
fn utilization_of(values: &[Option<i64>], requests: &[i64], target: i32) -> Option<Usage> {
    let (mut used, mut requested, mut count) = (0_i64, 0_i64, 0_i64);
    for (value, request) in values.iter().zip(requests) {
        if let Some(value) = value {
            used = used.wrapping_add(*value);
            requested = requested.wrapping_add(*request);
            count += 1;
        }
    }
    if requested == 0 {
        return None;
    }
    let percent = used.wrapping_mul(100).wrapping_div(requested) as i32;
    Some(Usage {
        ratio: f64::from(percent) / f64::from(target),
        current: CurrentMetric {
            utilization: Some(percent),
            average_milli: Some(used / count),
            value_milli: None,
        },
    })
}

/// The value for each pod, on average; there is at least one.
fn average_of(values: &[Option<i64>], target: i64) -> Usage {
    let (mut total, mut count) = (0_i64, 0_i64);
    for value in values.iter().flatten() {
        total = total.wrapping_add(*value);
        count += 1;
    }
    let average = total / count.max(1);
    Usage {
        ratio: average as f64 / target as f64,
        current: CurrentMetric { average_milli: Some(average), ..CurrentMetric::default() },
    }
}

/// The whole number from `value` upwards; what does not fit becomes the lowest number, as the
/// processor's conversion has it.
fn ceiling(value: f64) -> i32 {
    cut(libm::ceil(value))
}

/// `value` without its fraction; what does not fit becomes the lowest number.
pub(super) fn cut(value: f64) -> i32 {
    let whole = libm::trunc(value);
    let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole);
    if fits { whole as i32 } else { i32::MIN }
}

fn ceiling_64(value: f64) -> i64 {
    let whole = libm::ceil(value);
    let fits = whole >= i64::MIN as f64 && whole < i64::MAX as f64;
    if fits { whole as i64 } else { i64::MIN }
}
