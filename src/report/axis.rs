//! Axes: from values to positions, with ticks that people would choose.
//!
//! Only basic arithmetic and `libm` are used, so that a chart has the same bytes on each platform.

use super::format::{binary_prefix, duration, is_bytes, magnitude, number, power_of_ten};

/// One axis of a chart.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Axis {
    /// What is shown beside the axis: the quantity and its unit.
    pub(super) title: String,
    /// (value, label), ascending.
    pub(super) ticks: Vec<(f64, String)>,
    low: f64,
    high: f64,
    logarithmic: bool,
}

/// Beyond this, values are drawn at the edge: sums and differences stay finite.
const LIMIT: f64 = 1e300;

impl Axis {
    /// Where `value` lies between the ends of the axis, from 0 to 1; outside values at the edge.
    pub(super) fn position(&self, value: f64) -> f64 {
        let (low, high, value) = if self.logarithmic {
            (libm::log10(self.low), libm::log10(self.high), libm::log10(value.max(self.low)))
        } else {
            (self.low, self.high, value)
        };
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The lower end.
    pub(super) fn low(&self) -> f64 {
        self.low
    }

    /// The upper end.
    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// An axis of shares from 0 to at least 1, in percent.
    pub(super) fn share(title: &str, highest: f64) -> Axis {
        let high = if highest > 1.000_001 { highest.min(LIMIT) } else { 1.0 };
        let mut axis = Axis::linear(title, "%", 100.0 * high, 4);
        axis.low = 0.0;
        axis.high /= 100.0;
        axis.ticks.iter_mut().for_each(|tick| tick.0 /= 100.0);
        axis
    }

    /// An axis from 0 to a round number not below `highest`, with about `count` steps.
    pub(super) fn linear(title: &str, unit: &str, highest: f64, count: u32) -> Axis {
        let highest = if highest.is_finite() && highest > 0.0 { highest.min(LIMIT) } else { 1.0 };
        let (factor, unit) = scale(unit, highest);
        let step = round_step(highest / factor / f64::from(count), unit);
        let steps = (highest / factor / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=steps as u32).map(|index| f64::from(index) * step);
        let ticks = ticks.map(|tick| (tick * factor, decimal(tick, step))).collect();
        let title = if unit.is_empty() { title.to_owned() } else { format!("{title} ({unit})") };
        Axis { title, ticks, low: 0.0, high: steps * step * factor, logarithmic: false }
    }

    /// An axis between round numbers around `lowest` and `highest`, with about `count` steps. It begins
    /// at zero unless nothing lies in its first half.
    pub(super) fn between(title: &str, lowest: f64, highest: f64, count: u32) -> Axis {
        let highest = if highest.is_finite() && highest > 0.0 { highest.min(LIMIT) } else { 1.0 };
        let lowest = if lowest.is_finite() && lowest > highest / 2.0 { lowest.min(highest) } else { 0.0 };
        let least = highest * 1e-9;
        let step = round_step((highest - lowest).max(least) / f64::from(count), "");
        let first = (lowest / step + 1e-6).floor();
        let steps = ((highest / step - first) - 1e-6).ceil().max(1.0);
        let ticks = (0..=steps as u32).map(|index| (first + f64::from(index)) * step);
        let ticks = ticks.map(|tick| (tick, decimal(tick, step))).collect();
        let (low, high) = (first * step, (first + steps) * step);
        Axis { title: title.to_owned(), ticks, low, high, logarithmic: false }
    }

    /// A logarithmic axis over at least one decade; `low` must be positive.
    pub(super) fn logarithmic(title: &str, unit: &str, low: f64, high: f64) -> Axis {
        let low = low.clamp(1e-300, LIMIT);
        let high = high.clamp(low, LIMIT).max(low * 10.0);
        let ticks = if unit == "s" { duration_ticks(low, high) } else { decade_ticks(low, high) };
        let title = match unit {
            "" | "1" | "s" => title.to_owned(),
            unit => format!("{title} ({unit})"),
        };
        Axis { title: format!("{title}, logarithmic"), ticks, low, high, logarithmic: true }
    }

    /// An axis from `low` to `high` with the ticks that are given.
    pub(super) fn of_ticks(title: &str, ticks: Vec<(f64, String)>, low: f64, high: f64) -> Axis {
        Axis { title: title.to_owned(), ticks, low, high, logarithmic: false }
    }

    /// An axis of the time since the start, ending exactly at `end` seconds.
    pub(super) fn time(end: f64, count: u32) -> Axis {
        let end = if end.is_finite() && end > 0.0 { end.min(LIMIT) } else { 1.0 };
        let step = time_step(end / f64::from(count));
        let (unit, label) = time_labels(end, step);
        let steps = (end / step + 1e-9).floor() as u32;
        let ticks = (0..=steps).map(|index| f64::from(index) * step);
        let ticks = ticks.map(|tick| (tick, label(tick, step))).collect();
        Axis {
            title: format!("time since the start ({unit})"),
            ticks,
            low: 0.0,
            high: end,
            logarithmic: false,
        }
    }
}

/// The factor and name of the unit in which numbers up to `highest` are short.
fn scale(unit: &str, highest: f64) -> (f64, &str) {
    match unit {
        "s" => match highest {
            h if h >= 172_800.0 => (86_400.0, "d"),
            h if h >= 7_200.0 => (3_600.0, "h"),
            h if h >= 180.0 => (60.0, "min"),
            h if h >= 0.5 => (1.0, "s"),
            h if h >= 0.000_5 => (1e-3, "ms"),
            h if h >= 0.000_000_5 => (1e-6, "µs"),
            _ => (1e-9, "ns"),
        },
        unit if is_bytes(unit) => binary_prefix(highest),
        "1" => (1.0, ""),
        unit => (1.0, unit),
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `raw`. Things that are counted
/// have no half: their steps are whole.
fn round_step(raw: f64, unit: &str) -> f64 {
    const COUNTED: [&str; 4] = ["pods", "nodes", "jobs", "processors"];
    let base = power_of_ten(magnitude(raw));
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * base).into_iter().find(|s| *s >= raw * (1.0 - 1e-9));
    let step = step.unwrap_or(base * 10.0);
    let step = if unit == "%" && (11.0..=25.000_001).contains(&raw) { 25.0 } else { step };
    if COUNTED.contains(&unit) { step.max(1.0) } else { step }
}

/// `value` with as many decimals as `step` needs.
fn decimal(value: f64, step: f64) -> String {
    let magnitude = magnitude(step);
    if !(-6..12).contains(&magnitude) {
        return if value == 0.0 { "0".to_owned() } else { format!("{value:e}") };
    }
    let decimals = (-magnitude).max(0) as usize;
    if decimals == 0 { number(value.round()) } else { format!("{value:.decimals$}") }
}

/// The step of a time axis: the next customary division of a day that is not below `raw` seconds.
fn time_step(raw: f64) -> f64 {
    const STEPS: [f64; 23] = [
        1.0,
        2.0,
        5.0,
        10.0,
        15.0,
        30.0,
        60.0,
        120.0,
        300.0,
        600.0,
        900.0,
        1_800.0,
        3_600.0,
        7_200.0,
        10_800.0,
        14_400.0,
        21_600.0,
        43_200.0,
        86_400.0,
        172_800.0,
        432_000.0,
        604_800.0,
        1_209_600.0,
    ];
    if raw > 0.5 && raw <= 1_209_600.0 {
        return STEPS.into_iter().find(|step| *step >= raw).unwrap_or(86_400.0);
    }
    if raw < 1.0 { round_step(raw, "s") } else { round_step(raw / 86_400.0, "d") * 86_400.0 }
}

type TimeLabel = fn(f64, f64) -> String;

/// The unit of a time axis and how its ticks are written.
fn time_labels(end: f64, step: f64) -> (&'static str, TimeLabel) {
    fn by(factor: f64, tick: f64, step: f64) -> String {
        decimal(tick / factor, step / factor)
    }
    fn sexagesimal(tick: f64, unit: f64) -> String {
        let small = (tick / unit * 60.0).round();
        format!("{}:{:02}", (small / 60.0).floor(), small % 60.0)
    }
    match end {
        e if e < 0.000_001 => ("ns", |tick, step| by(1e-9, tick, step)),
        e if e < 0.001 => ("µs", |tick, step| by(1e-6, tick, step)),
        e if e < 1.0 => ("ms", |tick, step| by(1e-3, tick, step)),
        e if e <= 180.0 => ("s", |tick, step| by(1.0, tick, step)),
        e if e <= 10_800.0 && step % 60.0 == 0.0 => ("min", |tick, step| by(60.0, tick, step)),
        e if e <= 10_800.0 => ("min:s", |tick, _| sexagesimal(tick, 60.0)),
        e if e <= 259_200.0 && step % 3_600.0 == 0.0 => ("h", |tick, step| by(3_600.0, tick, step)),
        e if e <= 259_200.0 => ("h:min", |tick, _| sexagesimal(tick, 3_600.0)),
        _ => ("d", |tick, step| by(86_400.0, tick, step)),
    }
}

/// Ticks of a logarithmic axis of seconds, at durations that have a name.
fn duration_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    const NAMED: [f64; 9] =
        [60.0, 600.0, 3_600.0, 36_000.0, 86_400.0, 864_000.0, 8_640_000.0, 86_400_000.0, 864e6];
    let small = (-9..=1).map(power_of_ten);
    let ticks = small.chain(NAMED).filter(|t| (low * 0.999..=high * 1.001).contains(t));
    let ticks: Vec<(f64, String)> = ticks.map(|t| (t, duration(t))).collect();
    if ticks.is_empty() || high > 1e9 || low < 1e-9 { decade_ticks(low, high) } else { ticks }
}

/// Ticks at powers of ten, or at every third, tenth… of them where they are many; 1-2-5 where they
/// are few.
fn decade_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (magnitude(low), magnitude(high));
    let stride = ((last - first) / 8 + 1) as usize;
    let within: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let decades = (first..=last).step_by(stride).map(power_of_ten);
    let ticks = decades.flat_map(|decade| within.iter().map(move |m| m * decade));
    let ticks = ticks.filter(|t| (low * 0.999..=high * 1.001).contains(t));
    ticks.map(|t| (t, number(t))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks.iter().map(|tick| tick.1.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn time_ticks_fall_on_the_clock() {
        let cases = [
            (0.002, "ms", "0.0 0.5 1.0 1.5 2.0"),
            (45.0, "s", "0 10 20 30 40"),
            (600.0, "min", "0 2 4 6 8 10"),
            (5.0 * 3600.0, "h", "0 1 2 3 4 5"),
            (4.0 * 3600.0, "h", "0 1 2 3 4"),
            (3.2 * 3600.0, "h:min", "0:00 0:30 1:00 1:30 2:00 2:30 3:00"),
            (24.0 * 3600.0, "h", "0 4 8 12 16 20 24"),
            (29.0 * 86400.0, "d", "0 5 10 15 20 25"),
        ];
        for (end, unit, expected) in cases {
            let axis = Axis::time(end, if unit == "h:min" { 7 } else { 6 });
            assert_eq!(labels(&axis), expected, "{end} s");
            assert_eq!(axis.title, format!("time since the start ({unit})"));
        }
    }

    #[test]
    fn linear_ticks_are_round_and_reach_the_highest_value() {
        assert_eq!(labels(&Axis::linear("queue", "pods", 2.0, 5)), "0 1 2");
        assert_eq!(labels(&Axis::linear("queue", "pods", 137.0, 5)), "0 50 100 150");
        assert_eq!(labels(&Axis::share("CPU", 0.4)), "0 25 50 75 100");
        let memory = Axis::linear("memory", "B", 3.0 * 1024.0 * 1024.0 * 1024.0, 3);
        assert_eq!((labels(&memory).as_str(), memory.title.as_str()), ("0 1 2 3", "memory (GiB)"));
        assert_eq!(labels(&Axis::linear("wait", "s", 3e-9, 3)), "0 1 2 3");
    }

    #[test]
    fn a_stretch_far_from_zero_is_shown_alone() {
        assert_eq!(labels(&Axis::between("x", 8.0, 55.3, 6)), "0 10 20 30 40 50 60");
        assert_eq!(
            labels(&Axis::between("x", 300.01, 301.12, 6)),
            "300.0 300.2 300.4 300.6 300.8 301.0 301.2"
        );
        assert_eq!(labels(&Axis::between("x", 0.003, 0.09, 5)), "0.00 0.02 0.04 0.06 0.08 0.10");
    }

    #[test]
    fn logarithmic_ticks_name_durations() {
        let axis = Axis::logarithmic("wait", "s", 0.005, 5000.0);
        assert_eq!(labels(&axis), "10 ms 100 ms 1 s 10 s 1 min 10 min 1 h");
        assert!((axis.position(5.0) - 0.5).abs() < 1e-12);
        assert_eq!(labels(&Axis::logarithmic("slowdown", "1", 1.0, 60.0)), "1 2 5 10 20 50");
    }

    proptest! {
        #[test]
        fn any_axis_is_drawable(value in any::<f64>(), other in any::<f64>()) {
            let (low, high) = (value.abs().min(other.abs()), value.abs().max(other.abs()));
            let axes = [
                Axis::time(value, 6), Axis::linear("x", "s", value, 5), Axis::linear("x", "B", value, 5),
                Axis::linear("x", "pods", value, 5), Axis::share("x", value), Axis::logarithmic("x", "s", low, high),
                Axis::logarithmic("x", "1", low, high), Axis::between("x", value, other, 6),
            ];
            for axis in axes {
                prop_assert!(axis.ticks.len() <= 40, "{axis:?}");
                for at in [value, other, axis.low(), axis.high()] {
                    let position = axis.position(if at.is_nan() { 0.0 } else { at });
                    prop_assert!((0.0..=1.0).contains(&position), "{axis:?} {at}");
                }
            }
        }
    }
}
