//! What the metrics API answers: of the loads on workloads, and of what machines know of their pods.
//!
//! Either at once and exactly, or as metrics-server does: it looks at every node once in a while, and a
//! pod's CPU is the average between two looks (reference control-plane §4.6). Who asks, and what
//! is made of the answers, is not known here.
//!
//! The past is read off the view: pods that are gone are not counted among those that shared a load
//! before. So for one look after pods were removed, the others seem to have had the larger share
//! for longer than they did.

use super::load::{Load, Measure, Series, SeriesOf};
use super::world::World;
use crate::api::autoscaling::{MetricName, MetricSpec};
use crate::api::{Behavior, HorizontalPodAutoscaler, PodPhase, PodSpec};
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::base::rng::{Purpose, key_of};
use crate::base::{Clock, Map, Span, Streams, Time};
use crate::cluster::{Cluster, PodRef, ReadyStatus, Selector, namespace_of};
use crate::control::Reading;
use crate::control::controllers::hpa::Sample;

/// How the metrics API works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricsProfile {
    /// There is none: every question fails.
    None,
    /// It knows the load of the very moment, as the fake one of recorded runs does. A sample claims to be
    /// over a window of this length.
    Instant {
        /// The window.
        window: Span,
    },
    /// As metrics-server: averages between two looks at the nodes.
    Server {
        /// Time between two looks (`--metric-resolution`).
        resolution: Span,
        /// How old what a node says about its pods is (the kubelet's own housekeeping).
        lag: Span,
    },
}

impl MetricsProfile {
    /// The fake API of recorded runs.
    pub const RECORDED: MetricsProfile = MetricsProfile::Instant { window: Span::from_secs(15) };
}

impl Default for MetricsProfile {
    /// metrics-server as its manifests set it up; a kubelet looks at its containers every 10 s.
    fn default() -> MetricsProfile {
        MetricsProfile::Server { resolution: Span::from_secs(15), lag: Span::from_secs(5) }
    }
}

/// What is measured in a run. The scenario layer fills it in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetricsSetup {
    /// How the metrics API works.
    pub profile: MetricsProfile,
    /// Loads on workloads. Of two on the same pod the first counts.
    pub loads: Vec<Load>,
    /// Metrics that are not of pods.
    pub series: Vec<Series>,
}

/// A pod must be so old to be measured by one look alone (metrics-server, pkg/storage).
const FRESH_POD: Span = Span::from_secs(10);
/// The window that metrics of pods without one are given (pkg/controller/podautoscaler/metrics).
const CUSTOM_WINDOW: Span = Span::from_secs(60);

/// The metrics API while a run goes on.
#[derive(Debug)]
pub(super) struct Metrics {
    setup: MetricsSetup,
    clock: Clock,
    /// The offset of the looks at the nodes into the resolution.
    phase: Span,
    /// By class: the loads on its pods. Emptied when a load comes.
    by_class: Map<ClassId, Vec<usize>>,
    /// How pods behave that say nothing themselves.
    default_behavior: Behavior,
}

/// From one moment to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Window {
    from: Time,
    to: Time,
}

/// A load while a question is answered: the share of each ready pod, and since when.
struct Shares<'l> {
    load: &'l Load,
    /// Moments, ascending, and the share from there on; the first is at or before every window.
    steps: Vec<(Time, i64)>,
}

impl Shares<'_> {
    /// What a ready pod used in a window: thousandths times nanoseconds.
    fn used(&self, window: Window) -> i128 {
        let mut sum = 0;
        for (place, &(time, share)) in self.steps.iter().enumerate() {
            let end = self.steps.get(place + 1).map_or(window.to, |(next, _)| (*next).min(window.to));
            sum += i128::from(share) * i128::from(end.since(time.max(window.from)).0);
        }
        sum
    }
}

impl Metrics {
    pub(super) fn new(
        setup: MetricsSetup,
        clock: Clock,
        default_behavior: Behavior,
        streams: Streams,
    ) -> Metrics {
        let phase = match setup.profile {
            MetricsProfile::Server { resolution, .. } => {
                Span(streams.draw(Purpose::Phase, key_of("metrics-server")) % resolution.0.max(1))
            }
            _ => Span::ZERO,
        };
        Metrics { setup, clock, phase, by_class: Map::default(), default_behavior }
    }

    /// A load from now on; it takes the place of one on the same pods.
    pub(super) fn set_load(&mut self, load: Load) {
        self.by_class.clear();
        match self.setup.loads.iter_mut().find(|known| load.replaces(known)) {
            Some(known) => *known = load,
            None => self.setup.loads.push(load),
        }
    }

    /// Whether anything will change by itself after a moment.
    pub(super) fn changes_after(&self, now: Time) -> bool {
        self.setup.loads.iter().any(|load| load.total_milli.changes_after(now))
            || self.setup.series.iter().any(|series| series.milli.changes_after(now))
    }

    /// The answers about every metric of an autoscaler; `pods` are those that its target selects.
    pub(super) fn answer(
        &mut self,
        now: Time,
        hpa: &HorizontalPodAutoscaler,
        pods: &[PodRef],
        cluster: &mut Cluster,
        world: &World,
    ) -> Vec<Reading> {
        if self.setup.profile == MetricsProfile::None {
            return hpa.metrics.iter().map(|_| Reading::Failed).collect();
        }
        self.find_loads(cluster);
        let namespace = namespace_of(&hpa.meta);
        let question = Question { metrics: self, now, pods, cluster, world };
        let answer = |metric: &MetricSpec| match metric {
            MetricSpec::Resource { name, .. } => question.resource(name, None),
            MetricSpec::ContainerResource { name, container, .. } => question.resource(name, Some(container)),
            MetricSpec::Pods { metric, .. } => question.custom(&metric.name),
            MetricSpec::Object { metric, described, .. } => {
                let of = SeriesOf::Object { kind: described.kind.clone(), name: described.name.clone() };
                let is_it = |series: &&Series| series.namespace == namespace && series.of == of;
                let mut found = self.setup.series.iter().filter(is_it);
                let found = found.find(|series| series.metric == metric.name);
                found.map_or(Reading::Failed, |series| Reading::Object(series.milli.at(now)))
            }
            MetricSpec::External { metric, .. } => {
                let is_it = |series: &&Series| is_external(series, namespace, metric);
                let values: Vec<i64> =
                    self.setup.series.iter().filter(is_it).map(|series| series.milli.at(now)).collect();
                if values.is_empty() { Reading::Failed } else { Reading::External(values) }
            }
        };
        hpa.metrics.iter().map(answer).collect()
    }

    /// Finds the loads on the classes of all pods, as far as they are not known yet.
    fn find_loads(&mut self, cluster: &mut Cluster) {
        let Cluster { pods, classes, names, .. } = cluster;
        for class in pods.iter().map(|pod| pods.class[pod.index()]) {
            self.by_class.entry(class).or_insert_with(|| {
                let compiled = &classes[class];
                let mut is_on = |load: &Load| {
                    compiled.namespace == names.intern(&load.namespace)
                        && Selector::compile(names, Some(&load.selector)).matches(&compiled.labels)
                };
                let loads = self.setup.loads.iter().enumerate();
                loads.filter(|(_, load)| is_on(load)).map(|(place, _)| place).collect()
            });
        }
    }
}

/// Whether a series is what an autoscaler asks for.
fn is_external(series: &Series, namespace: &str, metric: &MetricName) -> bool {
    let SeriesOf::External(labels) = &series.of else { return false };
    series.namespace == namespace
        && series.metric == metric.name
        && metric.selector.as_ref().is_none_or(|selector| selector.matches(labels))
}

/// A question while it is answered.
struct Question<'q> {
    metrics: &'q Metrics,
    now: Time,
    pods: &'q [PodRef],
    cluster: &'q Cluster,
    world: &'q World,
}

impl Question<'_> {
    /// A resource of the pods, or of one container of each. Nothing is known of how a pod's usage is
    /// divided: it is the first container's.
    fn resource(&self, name: &str, container: Option<&str>) -> Reading {
        let specs = self.pods.iter().filter_map(|&pod| Some(self.spec(self.cluster.pods.get(pod)?)));
        if let Some(container) = container
            && !specs.clone().all(|spec| has_container(spec, container))
        {
            return Reading::Failed;
        }
        let is_cpu = match name {
            "cpu" => true,
            "memory" => false,
            _ => return Reading::Pods(vec![None; self.pods.len()]),
        };
        let mut shares: Vec<(usize, Shares<'_>)> = Vec::new();
        let mut sample = |&reference: &PodRef| {
            let pod = self.cluster.pods.get(reference)?;
            if !self.is_measured(pod) {
                return None;
            }
            let (window, claimed) = self.window(pod)?;
            let milli = match self.load(pod, &Measure::Cpu).filter(|_| is_cpu) {
                Some(load) => self.used(pod, load, window, &mut shares),
                None if !self.is_usage_stated(pod, is_cpu) => return None,
                None if is_cpu => self.world.cpu(reference)?,
                None => self.world.memory(reference)?.saturating_mul(1000),
            };
            let is_first = container.is_none_or(|name| is_first_container(self.spec(pod), name));
            let milli = if is_first { milli } else { 0 };
            Some(Sample { milli, time: self.metrics.clock.floor(window.to), window: claimed })
        };
        Reading::Pods(self.pods.iter().map(&mut sample).collect())
    }

    /// A metric that each pod has: of the moment.
    fn custom(&self, name: &str) -> Reading {
        let measure = Measure::Metric(name.to_owned());
        let time = self.metrics.clock.floor(self.now);
        let window = Window { from: self.now, to: self.now };
        let mut shares = Vec::new();
        let mut sample = |&reference: &PodRef| {
            let pod = self.cluster.pods.get(reference)?;
            let load = self.load(pod, &measure).filter(|_| self.is_measured(pod))?;
            let milli = self.used(pod, load, window, &mut shares);
            Some(Sample { milli, time, window: CUSTOM_WINDOW })
        };
        let samples: Vec<Option<Sample>> = self.pods.iter().map(&mut sample).collect();
        if samples.iter().all(Option::is_none) { Reading::Failed } else { Reading::Pods(samples) }
    }

    fn spec(&self, pod: PodId) -> &PodSpec {
        &self.cluster.classes[self.cluster.pods.class[pod.index()]].template.spec
    }

    /// The place of the first load of a kind on a pod.
    fn load(&self, pod: PodId, measure: &Measure) -> Option<usize> {
        let loads = self.metrics.by_class.get(&self.cluster.pods.class[pod.index()])?;
        loads.iter().copied().find(|&place| self.metrics.setup.loads[place].measure == *measure)
    }

    /// Whether anything says what the pod uses. That it uses what it requests is good enough for machines, but
    /// no reason to scale.
    fn is_usage_stated(&self, pod: PodId, is_cpu: bool) -> bool {
        let class = &self.cluster.classes[self.cluster.pods.class[pod.index()]];
        let behaviors = [&class.template.behavior, &self.metrics.default_behavior];
        behaviors.iter().any(|one| if is_cpu { one.cpu_usage.is_some() } else { one.memory_usage.is_some() })
    }

    /// Whether there is a container of the pod that somebody can look at. The API of recorded runs leaves out
    /// pods that are ready and being deleted.
    fn is_measured(&self, pod: PodId) -> bool {
        let (pods, row) = (&self.cluster.pods, pod.index());
        let is_running = pods.phase[row] == PodPhase::Running;
        if matches!(self.metrics.setup.profile, MetricsProfile::Instant { .. }) {
            return is_running && !(pods.ready[row] && pods.deleting_since[row].is_some());
        }
        let is_up = |node: NodeId| self.cluster.nodes.ready[node.index()] == ReadyStatus::True;
        is_running && pods.node[row].is_some_and(is_up)
    }

    /// The window over which a pod was measured, and its length as it is told; `None` if there is none yet.
    fn window(&self, pod: PodId) -> Option<(Window, Span)> {
        let (resolution, lag) = match self.metrics.setup.profile {
            MetricsProfile::None => return None,
            MetricsProfile::Instant { window } => {
                return Some((Window { from: self.now, to: self.now }, window));
            }
            MetricsProfile::Server { resolution, lag } => (Span(resolution.0.max(1)), lag),
        };
        let looks = self.now.since(Time::ZERO + self.metrics.phase).0 / resolution.0;
        let latest = Time::ZERO + self.metrics.phase + resolution * looks;
        if latest > self.now || latest.0 < lag.0 {
            return None;
        }
        let to = latest - lag;
        let row = pod.index();
        let started = self.cluster.pods.started[row].and_then(|nanos| u64::try_from(nanos).ok());
        let started = started.map_or(self.cluster.pods.created[row], Time);
        let age = to.since(started);
        let from = if age >= resolution {
            to - resolution
        } else if age >= FRESH_POD {
            started
        } else {
            return None;
        };
        Some((Window { from, to }, to.since(from)))
    }

    /// What a pod used of a load, on average over a window, in thousandths.
    fn used<'s>(
        &'s self,
        pod: PodId,
        place: usize,
        window: Window,
        known: &mut Vec<(usize, Shares<'s>)>,
    ) -> i64 {
        if !known.iter().any(|(load, _)| *load == place) {
            known.push((place, self.shares(place, window)));
        }
        let Some((_, shares)) = known.iter().find(|(load, _)| *load == place) else { return 0 };
        let (pods, row) = (&self.cluster.pods, pod.index());
        let (is_ready, since) = (pods.ready[row], pods.ready_since[row]);
        let unready = i128::from(shares.load.not_ready_milli);
        if window.from >= window.to {
            let latest = shares.steps.last().map_or(0, |(_, share)| *share);
            let serves = is_ready && pods.deleting_since[row].is_none();
            return if serves { latest } else { shares.load.not_ready_milli };
        }
        let length = i128::from(window.to.since(window.from).0);
        let used = if is_ready {
            let until = pods.deleting_since[row].unwrap_or(window.to).min(window.to);
            let served = Window { from: since.max(window.from).min(until), to: until };
            let waited = i128::from(since.min(window.to).since(window.from).0);
            shares.used(served) + unready * waited
        } else {
            unready * length
        };
        i64::try_from(used / length).unwrap_or(i64::MAX)
    }

    /// The share of each ready pod of a load, from the beginning of a window to now.
    fn shares(&self, place: usize, window: Window) -> Shares<'_> {
        let load = &self.metrics.setup.loads[place];
        let begin = match self.metrics.setup.profile {
            MetricsProfile::Server { resolution, .. } => window.to.min(window.from) - resolution,
            _ => self.now,
        };
        let mut moments: Vec<Time> = load.total_milli.steps_between(begin, self.now).collect();
        // When each ready pod of the load began and ceased to serve.
        let mut serving: Vec<(Time, Time)> = Vec::new();
        let pods = &self.cluster.pods;
        for pod in pods.iter().filter(|&pod| self.load(pod, &load.measure) == Some(place)) {
            let row = pod.index();
            if pods.ready[row] && pods.phase[row] == PodPhase::Running {
                let end = pods.deleting_since[row].unwrap_or(Time::MAX);
                serving.push((pods.ready_since[row], end));
                moments.extend([pods.ready_since[row], end]);
            }
        }
        moments.retain(|&moment| moment > begin && moment <= self.now);
        moments.push(begin);
        moments.sort_unstable();
        moments.dedup();
        let share = |moment: Time| {
            let ready = serving.iter().filter(|(from, to)| *from <= moment && moment < *to).count();
            (moment, load.share(ready, moment))
        };
        Shares { load, steps: moments.into_iter().map(share).collect() }
    }
}

fn has_container(spec: &PodSpec, name: &str) -> bool {
    spec.containers.iter().chain(&spec.init_containers).any(|container| container.name == name)
}

fn is_first_container(spec: &PodSpec, name: &str) -> bool {
    spec.containers.first().is_some_and(|container| container.name == name)
}

#[cfg(test)]
mod tests;
