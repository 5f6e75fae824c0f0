//! Distributions as a person writes them: `30s`, `exponential(mean=30s)`.
//!
//! The common ones are sampled by inverting the distribution function with `libm`, one random
//! number a draw: the same bits on every platform, and two policies that draw from the same stream
//! stay in step. Gamma, Poisson and Zipf come from `rand_distr`, each on a stream of its own.

use super::rng::Stream;
use super::{Quantity, Span};
use rand_distr::Distribution as _;

/// What the numbers of a distribution are, which decides how they are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Lengths of time, written `30s`; sampled in seconds.
    Time,
    /// Quantities, written `500m` or `64Gi`; sampled in units.
    Quantity,
    /// Plain numbers.
    Number,
}

/// A distribution of non-negative numbers. Times are in seconds, quantities in units.
#[derive(Clone, PartialEq, Debug)]
pub enum Distribution {
    /// Always the same value.
    Constant(f64),
    /// Evenly between two values.
    Uniform {
        /// The lowest value.
        min: f64,
        /// The highest value.
        max: f64,
    },
    /// Memoryless.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// A mixture of two exponentials.
    HyperExponential {
        /// The share of the first.
        p: f64,
        /// Mean of the first.
        mean1: f64,
        /// Mean of the second.
        mean2: f64,
    },
    /// The logarithm is normal.
    LogNormal {
        /// The median.
        median: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
    /// Weibull.
    Weibull {
        /// Shape; below 1 the rate falls with age.
        shape: f64,
        /// Scale: 63.2 % of the draws are below it.
        scale: f64,
    },
    /// Pareto: heavy-tailed.
    Pareto {
        /// The tail index; at or below 1 the mean is infinite.
        shape: f64,
        /// The smallest value.
        scale: f64,
    },
    /// Normal, cut off below zero.
    Normal {
        /// The mean before the cut.
        mean: f64,
        /// The standard deviation before the cut.
        sd: f64,
    },
    /// One of the given values, each equally likely.
    Empirical(Vec<f64>),
    /// Powers of two between two values, each equally likely.
    PowerOfTwo {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Gamma.
    Gamma {
        /// Shape.
        shape: f64,
        /// Scale.
        scale: f64,
    },
    /// Poisson: a count.
    Poisson {
        /// The mean.
        mean: f64,
    },
    /// Zipf over 1…n.
    Zipf {
        /// The largest value.
        n: f64,
        /// The exponent.
        s: f64,
    },
}

/// The names of the distributions and their parameters, for messages.
pub const FORMS: &[(&str, &[&str])] = &[
    ("uniform", &["min", "max"]),
    ("exponential", &["mean"]),
    ("hyperexponential", &["p", "mean1", "mean2"]),
    ("lognormal", &["median", "sigma"]),
    ("weibull", &["shape", "scale"]),
    ("pareto", &["shape", "scale"]),
    ("normal", &["mean", "sd"]),
    ("powerOfTwo", &["min", "max"]),
    ("gamma", &["shape", "scale"]),
    ("poisson", &["mean"]),
    ("zipf", &["n", "s"]),
];

impl Distribution {
    /// Reads `30s`, `exponential(mean=30s)`, `empirical(1s, 5s, 9s)`. The error says what is wrong.
    pub fn parse(text: &str, unit: Unit) -> Result<Distribution, String> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('(') else {
            return parse_value(text, unit).map(Distribution::Constant);
        };
        let name = name.trim();
        let inner = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks the closing `)`"))?;
        if name.eq_ignore_ascii_case("empirical") {
            let values: Result<Vec<f64>, String> =
                inner.split(',').map(|value| parse_value(value.trim(), unit)).collect();
            return match values? {
                values if values.is_empty() => Err("`empirical` needs at least one value".into()),
                values => Ok(Distribution::Empirical(values)),
            };
        }
        let Some((form, names)) = FORMS.iter().find(|(form, _)| form.eq_ignore_ascii_case(name)) else {
            let known = FORMS.iter().map(|(form, _)| *form).chain(["empirical"]);
            let near = super::diagnostic::suggest(name, known.clone())
                .map_or_else(|| known.collect::<Vec<_>>().join(", "), str::to_owned);
            return Err(format!("`{name}` is not a distribution; did you mean {near}?"));
        };
        let values = parse_parameters(form, names, inner, unit)?;
        build(form, &values)
    }

    /// Draws one value; never negative, never not-a-number.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let value = match *self {
            Distribution::Constant(value) => value,
            Distribution::Uniform { min, max } => min + (max - min) * stream.unit(),
            Distribution::Exponential { mean } => -mean * libm::log(stream.unit()),
            Distribution::HyperExponential { p, mean1, mean2 } => {
                // One number serves twice: which branch, and where in it.
                let u = stream.unit();
                let (mean, within) = if u < p { (mean1, u / p) } else { (mean2, (u - p) / (1.0 - p)) };
                -mean * libm::log(within.max(f64::MIN_POSITIVE))
            }
            Distribution::LogNormal { median, sigma } => {
                median * libm::exp(sigma * inverse_normal(stream.unit()))
            }
            Distribution::Weibull { shape, scale } => {
                scale * libm::pow(-libm::log(stream.unit()), 1.0 / shape)
            }
            Distribution::Pareto { shape, scale } => scale / libm::pow(stream.unit(), 1.0 / shape),
            Distribution::Normal { mean, sd } => mean + sd * inverse_normal(stream.unit()),
            Distribution::Empirical(ref values) => values[stream.below(values.len() as u64) as usize],
            Distribution::PowerOfTwo { min, max } => {
                let (low, high) = (libm::ceil(libm::log2(min)), libm::floor(libm::log2(max)));
                libm::exp2(low + stream.below((high - low).max(0.0) as u64 + 1) as f64)
            }
            Distribution::Gamma { .. } | Distribution::Poisson { .. } | Distribution::Zipf { .. } => {
                self.sample_library(stream)
            }
        };
        if value > 0.0 { value } else { 0.0 }
    }

    /// Draws a length of time from a distribution of seconds.
    #[inline]
    pub fn sample_span(&self, stream: &mut Stream) -> Span {
        if let Distribution::Constant(seconds) = *self {
            return Span::from_secs_f64(seconds);
        }
        Span::from_secs_f64(self.sample(stream))
    }

    /// The mean; infinite for a Pareto with a shape of 1 or less.
    pub fn mean(&self) -> f64 {
        match *self {
            Distribution::Constant(value) => value,
            Distribution::Uniform { min, max } => f64::midpoint(min, max),
            Distribution::Exponential { mean }
            | Distribution::Poisson { mean }
            | Distribution::Normal { mean, .. } => mean,
            Distribution::HyperExponential { p, mean1, mean2 } => p * mean1 + (1.0 - p) * mean2,
            Distribution::LogNormal { median, sigma } => median * libm::exp(sigma * sigma / 2.0),
            Distribution::Weibull { shape, scale } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Distribution::Pareto { shape, scale } if shape > 1.0 => scale * shape / (shape - 1.0),
            Distribution::Pareto { .. } => f64::INFINITY,
            Distribution::Empirical(ref values) => values.iter().sum::<f64>() / values.len() as f64,
            Distribution::PowerOfTwo { min, max } => {
                let (low, high) = (libm::ceil(libm::log2(min)) as i32, libm::floor(libm::log2(max)) as i32);
                let sum: f64 = (low..=high.max(low)).map(|power| libm::exp2(f64::from(power))).sum();
                sum / f64::from(high.max(low) - low + 1)
            }
            Distribution::Gamma { shape, scale } => shape * scale,
            Distribution::Zipf { n, s } => {
                let (mut top, mut bottom) = (0.0, 0.0);
                for rank in 1..=(n as u64).min(1_000_000) {
                    let weight = libm::pow(rank as f64, -s);
                    top += rank as f64 * weight;
                    bottom += weight;
                }
                top / bottom
            }
        }
    }

    fn sample_library(&self, stream: &mut Stream) -> f64 {
        const CHECKED: &str = "the parameters were checked when the distribution was built";
        let rng = stream.generator();
        match *self {
            Distribution::Gamma { shape, scale } => {
                rand_distr::Gamma::new(shape, scale).expect(CHECKED).sample(rng)
            }
            Distribution::Poisson { mean } => rand_distr::Poisson::new(mean).expect(CHECKED).sample(rng),
            Distribution::Zipf { n, s } => rand_distr::Zipf::new(n, s).expect(CHECKED).sample(rng),
            _ => 0.0,
        }
    }
}

/// The parameters in the order of `names`.
fn parse_parameters(form: &str, names: &[&str], inner: &str, unit: Unit) -> Result<Vec<f64>, String> {
    let mut values = vec![f64::NAN; names.len()];
    for part in inner.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim()))
            .ok_or_else(|| format!("`{part}` in `{form}(…)` is not `name=value`; {}", usage(form, names)))?;
        let position = names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("`{form}` has no parameter `{name}`; {}", usage(form, names)))?;
        let plain = matches!(name, "p" | "sigma" | "shape" | "n" | "s");
        values[position] = parse_value(value, if plain { Unit::Number } else { unit })?;
    }
    match names.iter().zip(&values).find(|(_, value)| value.is_nan()) {
        Some((missing, _)) => Err(format!("`{form}` lacks `{missing}`; {}", usage(form, names))),
        None => Ok(values),
    }
}

fn usage(form: &str, names: &[&str]) -> String {
    format!("write {form}({})", names.iter().map(|name| format!("{name}=…")).collect::<Vec<_>>().join(", "))
}

fn parse_value(text: &str, unit: Unit) -> Result<f64, String> {
    let value = match unit {
        Unit::Time => text.parse::<Span>().map_err(|error| error.to_string())?.as_secs_f64(),
        Unit::Quantity => text.parse::<Quantity>().map_err(|error| error.to_string())?.as_f64(),
        Unit::Number => text.parse::<f64>().map_err(|_| format!("`{text}` is not a number"))?,
    };
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(format!("`{text}` must be a finite number that is not negative"))
    }
}

/// Checks the parameters of a form and makes the distribution.
fn build(form: &str, values: &[f64]) -> Result<Distribution, String> {
    let positive = |value: f64, name: &str| {
        if value > 0.0 { Ok(value) } else { Err(format!("`{name}` of `{form}` must be above zero")) }
    };
    let ordered = |min: f64, max: f64| {
        if min <= max { Ok(()) } else { Err(format!("`min` of `{form}` is above its `max`")) }
    };
    Ok(match (form, values) {
        ("uniform", &[min, max]) => {
            ordered(min, max)?;
            Distribution::Uniform { min, max }
        }
        ("exponential", &[mean]) => Distribution::Exponential { mean },
        ("hyperexponential", &[p, mean1, mean2]) => {
            if !(p > 0.0 && p < 1.0) {
                return Err("`p` of `hyperexponential` must be between 0 and 1".into());
            }
            Distribution::HyperExponential { p, mean1, mean2 }
        }
        ("lognormal", &[median, sigma]) => Distribution::LogNormal { median, sigma },
        ("weibull", &[shape, scale]) => Distribution::Weibull { shape: positive(shape, "shape")?, scale },
        ("pareto", &[shape, scale]) => Distribution::Pareto { shape: positive(shape, "shape")?, scale },
        ("normal", &[mean, sd]) => Distribution::Normal { mean, sd },
        ("powerOfTwo", &[min, max]) => {
            ordered(positive(min, "min")?, max)?;
            Distribution::PowerOfTwo { min, max }
        }
        ("gamma", &[shape, scale]) => {
            Distribution::Gamma { shape: positive(shape, "shape")?, scale: positive(scale, "scale")? }
        }
        ("poisson", &[mean]) => {
            if mean > 1e9 {
                return Err("`mean` of `poisson` must be at most 1e9".into());
            }
            Distribution::Poisson { mean: positive(mean, "mean")? }
        }
        ("zipf", &[n, s]) => {
            if n < 1.0 {
                return Err("`n` of `zipf` must be at least 1".into());
            }
            Distribution::Zipf { n: libm::floor(n), s }
        }
        _ => return Err(format!("`{form}` is not a distribution")),
    })
}

/// The standard normal quantile of `p` in (0, 1): Wichura's algorithm AS 241 (PPND16), accurate to
/// about one part in 10^16. Source: Applied Statistics 37 (1988), 477–484.
pub fn inverse_normal(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&CENTRE_TOP, r) / polynomial(&CENTRE_BOTTOM, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let value = if r <= 5.0 {
        polynomial(&MIDDLE_TOP, r - 1.6) / polynomial(&MIDDLE_BOTTOM, r - 1.6)
    } else {
        polynomial(&FAR_TOP, r - 5.0) / polynomial(&FAR_BOTTOM, r - 5.0)
    };
    if q < 0.0 { -value } else { value }
}

/// Σ coefficients\[i\]·x^i by Horner's rule.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

const CENTRE_TOP: [f64; 8] = [
    3.387_132_872_796_366_6,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const CENTRE_BOTTOM: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];
const MIDDLE_TOP: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const MIDDLE_BOTTOM: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const FAR_TOP: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_BOTTOM: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Purpose, Streams};

    fn time(text: &str) -> Result<Distribution, String> {
        Distribution::parse(text, Unit::Time)
    }

    #[test]
    fn forms_read() {
        assert_eq!(time("30s"), Ok(Distribution::Constant(30.0)));
        assert_eq!(time("exponential(mean=1m)"), Ok(Distribution::Exponential { mean: 60.0 }));
        assert_eq!(time("empirical(1s, 2s)"), Ok(Distribution::Empirical(vec![1.0, 2.0])));
        assert_eq!(
            Distribution::parse("uniform(min=500m, max=4)", Unit::Quantity),
            Ok(Distribution::Uniform { min: 0.5, max: 4.0 })
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("exponentail(mean=1m)", "exponential"),
            ("exponential(men=1m)", "no parameter `men`"),
            ("exponential()", "lacks `mean`"),
            ("exponential(mean=1m", "closing"),
            ("uniform(min=5s, max=1s)", "above its `max`"),
            ("weibull(shape=0, scale=1s)", "above zero"),
            ("lognormal(median=1s, sigma=nan)", "finite"),
            ("30", "not a duration"),
        ] {
            let error = time(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn sample_means_are_near_the_means() {
        for text in [
            "uniform(min=1s, max=3s)",
            "exponential(mean=10s)",
            "hyperexponential(p=0.3, mean1=1s, mean2=20s)",
            "lognormal(median=10s, sigma=0.5)",
            "weibull(shape=1.5, scale=10s)",
            "pareto(shape=3, scale=2s)",
            "normal(mean=100s, sd=5s)",
            "empirical(1s, 2s, 6s)",
            "powerOfTwo(min=1s, max=16s)",
            "gamma(shape=2, scale=3s)",
            "poisson(mean=9s)",
            "zipf(n=10, s=1.1)",
        ] {
            let distribution = time(text).unwrap();
            let mut stream = Streams::new(1).stream(Purpose::RunTime, 0);
            let n = 40_000;
            let mean = (0..n).map(|_| distribution.sample(&mut stream)).sum::<f64>() / f64::from(n);
            let error = (mean / distribution.mean() - 1.0).abs();
            assert!(error < 0.05, "{text}: mean {mean}, expected {}", distribution.mean());
        }
    }

    #[test]
    fn normal_quantiles_are_the_published_ones() {
        // The two check values of Wichura's paper.
        assert!((inverse_normal(0.25) - -0.674_489_750_196_081_7).abs() < 1e-15);
        assert!((inverse_normal(1e-3) - -3.090_232_306_167_813_6).abs() < 1e-14);
        assert!((inverse_normal(1e-20) - -9.262_340_089_798_408).abs() < 1e-13);
        assert!((inverse_normal(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }
}
