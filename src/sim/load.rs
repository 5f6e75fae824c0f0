//! Load on workloads, and metrics of other things, over time.
//!
//! A load is a scripted total that the ready pods of a workload share. What is measured of it, and who
//! asks, is not known here.

use crate::api::{LabelSelector, Labels};
use crate::base::{Span, Time};

/// A value over time that changes in steps; 0 before the first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Curve {
    /// The steps, ascending, each with the value from there on.
    steps: Vec<(Time, i64)>,
}

impl Curve {
    /// One value for the whole run.
    pub fn constant(value: i64) -> Curve {
        Curve { steps: vec![(Time::ZERO, value)] }
    }

    /// Steps in any order; of several at one time the last one given holds.
    pub fn new(mut steps: Vec<(Time, i64)>) -> Curve {
        steps.sort_by_key(|(time, _)| *time);
        let mut curve = Curve::default();
        for (time, value) in steps {
            curve.set_from(time, value);
        }
        curve
    }

    /// Points of a trace, each a time and a value: `time_scale` stretches the times, `at` is where time 0
    /// comes, and the values are multiplied by `scale` and rounded. What is not a number, or below 0, counts as 0.
    pub fn from_points(points: &[(Time, f64)], at: Time, time_scale: f64, scale: f64) -> Curve {
        let step = |&(time, value): &(Time, f64)| {
            let passed = Span::from_secs_f64(time.as_secs_f64() * time_scale);
            let time = Time(at.0.saturating_add(passed.0));
            // A float-to-integer cast saturates, and maps not-a-number to zero.
            (time, (libm::round(value * scale) as i64).max(0))
        };
        Curve::new(points.iter().map(step).collect())
    }

    /// From a moment on the value is this one, whatever was planned for later.
    pub fn set_from(&mut self, time: Time, value: i64) {
        let kept = self.steps.partition_point(|(at, _)| *at < time);
        self.steps.truncate(kept);
        if self.at(time) != value {
            self.steps.push((time, value));
        }
    }

    /// The value at a moment; a step's own moment has the new value.
    pub fn at(&self, time: Time) -> i64 {
        let next = self.steps.partition_point(|(at, _)| *at <= time);
        next.checked_sub(1).map_or(0, |place| self.steps[place].1)
    }

    /// The moments of the steps after `from`, up to `to`.
    pub fn steps_between(&self, from: Time, to: Time) -> impl Iterator<Item = Time> + '_ {
        let (first, end) = (
            self.steps.partition_point(|(at, _)| *at <= from),
            self.steps.partition_point(|(at, _)| *at <= to),
        );
        self.steps[first..end.max(first)].iter().map(|(at, _)| *at)
    }

    /// The steps, ascending: from when, and the value from there on.
    pub fn steps(&self) -> &[(Time, i64)] {
        &self.steps
    }

    /// Whether the value changes after a moment.
    pub fn changes_after(&self, time: Time) -> bool {
        self.steps.last().is_some_and(|(at, _)| *at > time)
    }
}

/// What a load is measured as.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Measure {
    /// Millicores of CPU.
    #[default]
    Cpu,
    /// Thousandths of a metric of that name, which each pod has.
    Metric(String),
}

/// A load on the pods of a workload.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// What it is called in the output.
    pub name: String,
    /// The namespace of the pods.
    pub namespace: String,
    /// Which pods of it.
    pub selector: LabelSelector,
    /// What it is.
    pub measure: Measure,
    /// All of it, in thousandths: what the pods that are ready share.
    pub total_milli: Curve,
    /// The most that one pod takes, in thousandths; what is more is lost.
    pub max_milli_per_pod: i64,
    /// What a pod uses that runs and is not ready, in thousandths.
    pub not_ready_milli: i64,
}

impl Load {
    /// What each of `ready` pods takes at a moment, in thousandths.
    pub fn share(&self, ready: usize, time: Time) -> i64 {
        let pods = i64::try_from(ready.max(1)).unwrap_or(i64::MAX);
        (self.total_milli.at(time) / pods).min(self.max_milli_per_pod)
    }

    /// Whether another load is on the same pods and of the same kind, so that it takes its place.
    pub fn replaces(&self, other: &Load) -> bool {
        self.namespace == other.namespace && self.selector == other.selector && self.measure == other.measure
    }
}

/// What a metric is of, that is not of pods.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SeriesOf {
    /// An object of the cluster, by kind and name.
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Nothing in the cluster; the labels are what autoscalers select by.
    External(Labels),
}

/// A metric that is not of pods, over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    /// The namespace in which it can be asked for.
    pub namespace: String,
    /// Its name.
    pub metric: String,
    /// What it is of.
    pub of: SeriesOf,
    /// The value, in thousandths.
    pub milli: Curve,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn a_curve_steps() {
        let mut curve = Curve::new(vec![(at(200), 500), (at(0), 400), (at(60), 1), (at(60), 3000)]);
        let values: Vec<i64> = [0, 59, 60, 199, 200, 9999].map(|time| curve.at(at(time))).into();
        assert_eq!(values, [400, 400, 3000, 3000, 500, 500]);
        assert_eq!(curve.steps_between(at(0), at(60)).collect::<Vec<_>>(), [at(60)]);
        assert_eq!(curve.steps_between(at(60), at(60)).count(), 0);
        assert!(curve.changes_after(at(199)) && !curve.changes_after(at(200)));
        curve.set_from(at(100), 7);
        assert_eq!((curve.at(at(99)), curve.at(at(100)), curve.at(at(300))), (3000, 7, 7));
        assert_eq!(Curve::default().at(at(5)), 0);
    }

    #[test]
    fn points_of_a_trace_are_scaled() {
        let points = [(at(0), 1.5), (at(60), f64::NAN), (at(120), -3.0), (at(180), 1e300)];
        let curve = Curve::from_points(&points, at(10), 0.5, 100.0);
        assert_eq!([9, 10, 40, 70, 100].map(|time| curve.at(at(time))), [0, 150, 0, 0, i64::MAX]);
    }

    #[test]
    fn ready_pods_share_up_to_the_most_of_each() {
        let total_milli = Curve::constant(3000);
        let load = Load { total_milli, max_milli_per_pod: 500, ..Load::default() };
        assert_eq!([0, 1, 2, 7, 12].map(|ready| load.share(ready, at(1))), [500, 500, 500, 428, 250]);
    }
}
