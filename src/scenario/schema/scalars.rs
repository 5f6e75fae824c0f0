//! Single values of a scenario, with their grammar and their limits.

use crate::base::dist::Unit;
use crate::base::units::{NANOS_PER_SECOND, ParseSpanError};
use crate::base::{Distribution, Quantity, Span};
use crate::scenario::de::RAW;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The longest length of time that a scenario may name: a hundred years.
pub const MAX_SPAN: Span = Span::from_secs(100 * 365 * 86_400);
/// The largest amount of a resource, in units: a quadrillion (of bytes: about 909 TiB).
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
/// The largest price an hour.
pub const MAX_PRICE: f64 = 1e9;

/// The text of a single value, whatever it looks like: `1.36` and `"1.36"` are the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Raw(pub String);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(RAW, Text)
    }
}

/// Implements `Deserialize` through a text's parser, and `JsonSchema` by a literal schema.
macro_rules! scalar {
    ($name:ident, $parse:expr, $schema:tt) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let parse: fn(&str) -> Result<$name, String> = $parse;
                parse(&Raw::deserialize(deserializer)?.0).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A length of time, such as `5m`; at most a hundred years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Duration(pub Span);

scalar!(Duration, |text| span(text).map(Duration), {
    "description": "A length of time: `90s`, `5m`, `1h30m`, `2d`, `250ms`; at most 100 years.",
    "type": ["string", "integer"],
    "pattern": "^(0|(\\s*[0-9.]+(d|h|m|s|ms|us|ns))+)$"
});

/// A length of time above zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Period(pub Span);

/// The shortest period: shorter ones only cost time.
const MIN_PERIOD: Span = Span::from_millis(1);

scalar!(
    Period,
    |text| match span(text)? {
        span if span >= MIN_PERIOD => Ok(Period(span)),
        _ => Err("a period of at least `1ms` was expected".into()),
    },
    {
        "description": "A length of time of at least a millisecond, such as `5s`.",
        "type": "string",
        "pattern": "^(\\s*[0-9.]+(d|h|m|s|ms|us|ns))+$"
    }
);

/// A moment of the calendar: nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment(pub u64);

/// The year before which a run may start; with the longest run it ends where its clock can still tell.
const LATEST_YEAR: i64 = 2400;

scalar!(Moment, moment, {
    "description": "A date and time of day in RFC 3339, such as `2026-01-05T00:00:00Z`; 1970 to 2399.",
    "type": "string",
    "format": "date-time"
});

fn moment(text: &str) -> Result<Moment, String> {
    let form = || String::from("not a date and time; write it like `2026-01-05T00:00:00Z`");
    let stamp: jiff::Timestamp = text.parse().map_err(|_| form())?;
    let latest = i128::from(LATEST_YEAR - 1970) * 365 * 86_400 * i128::from(NANOS_PER_SECOND);
    match u64::try_from(stamp.as_nanosecond()) {
        Ok(nanos) if i128::from(nanos) < latest => Ok(Moment(nanos)),
        _ => Err(format!("a run starts in 1970 at the earliest and before {LATEST_YEAR}")),
    }
}

fn span(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(span) if span <= MAX_SPAN => Ok(span),
        Ok(_) | Err(ParseSpanError::TooLong(_)) => Err("a duration is at most 100 years (36500d)".into()),
        Err(_) if text.starts_with('-') => Err("a duration is never negative".into()),
        Err(_) if text.parse::<f64>().is_ok() => {
            Err("a duration needs a unit, such as `30s`, `5m`, `2h`".into())
        }
        Err(_) => Err("not a duration; write a number and a unit, such as `90s`, `5m`, `1h30m`, `2d`".into()),
    }
}

/// `never`, or a length of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DurationOrNever(pub Option<Span>);

scalar!(
    DurationOrNever,
    |text| match text {
        "never" => Ok(DurationOrNever(None)),
        text => span(text).map(|span| DurationOrNever(Some(span))),
    },
    { "description": "A length of time, or `never`.", "type": ["string", "integer"] }
);

/// An amount of a resource, such as `500m` or `64Gi`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Amount(pub Quantity);

scalar!(Amount, |text| amount(text).map(Amount), {
    "description": "A quantity: a number with an optional suffix, such as `500m`, `2`, `64Gi`; not negative.",
    "type": ["string", "number"],
    "pattern": "^[+]?[0-9.]+([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$"
});

pub(super) fn amount(text: &str) -> Result<Quantity, String> {
    let quantity: Quantity = text.parse().map_err(|_| {
        String::from("not a quantity; write a number with an optional suffix, such as `500m`, `2`, `64Gi`")
    })?;
    if quantity < Quantity::ZERO {
        Err("a quantity here is never negative".into())
    } else if quantity > Quantity::from_units(MAX_AMOUNT) {
        Err(format!("a quantity here is at most {MAX_AMOUNT} units (1P)"))
    } else {
        Ok(quantity)
    }
}

/// Defines a distribution type for one unit.
macro_rules! distribution {
    ($(#[$doc:meta])* $name:ident, $unit:expr, $max:expr, $description:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $name(pub Distribution);

        scalar!($name, |text| distribution(text, $unit, $max).map($name), {
            "description": $description,
            "type": ["string", "number"]
        });
    };
}

distribution!(
    /// A distribution of lengths of time.
    TimeDistribution, Unit::Time, MAX_SPAN.as_secs_f64(),
    "A length of time or a distribution of them: `30s`, `exponential(mean=30s)`, `uniform(min=1s, max=5s)`, `lognormal(median=1m, sigma=1)`, `weibull(shape=0.7, scale=10h)`, `empirical(1s, 5s, 9s)`."
);
distribution!(
    /// A distribution of quantities.
    QuantityDistribution, Unit::Quantity, MAX_AMOUNT as f64,
    "A quantity or a distribution of them: `500m`, `uniform(min=100m, max=2)`, `empirical(1Gi, 2Gi, 4Gi)`."
);
distribution!(
    /// A distribution of plain numbers.
    NumberDistribution, Unit::Number, 1e9,
    "A number or a distribution of them: `1`, `powerOfTwo(min=1, max=64)`, `empirical(0, 0, 0, 1)`."
);

/// A distribution whose parameters are no larger than `max`.
fn distribution(text: &str, unit: Unit, max: f64) -> Result<Distribution, String> {
    if text.contains('(') && !text.contains(')') {
        return Err(
            "the closing `)` is missing; inside `{…}` and `[…]` a comma ends a value: put it into quotes"
                .into(),
        );
    }
    let parsed = Distribution::parse(text, unit)?;
    if largest(&parsed) > max {
        return Err(match unit {
            Unit::Time => "a duration is at most 100 years (36500d)".into(),
            Unit::Quantity => format!("a quantity here is at most {MAX_AMOUNT} units (1P)"),
            Unit::Number => format!("a number here is at most {max}"),
        });
    }
    Ok(parsed)
}

/// The largest parameter that has the unit of the values.
fn largest(distribution: &Distribution) -> f64 {
    match *distribution {
        Distribution::Constant(value) => value,
        Distribution::Uniform { max, .. } | Distribution::PowerOfTwo { max, .. } => max,
        Distribution::Exponential { mean } | Distribution::Poisson { mean } => mean,
        Distribution::HyperExponential { mean1, mean2, .. } => mean1.max(mean2),
        Distribution::LogNormal { median, .. } => median,
        Distribution::Weibull { scale, .. }
        | Distribution::Pareto { scale, .. }
        | Distribution::Gamma { scale, .. } => scale,
        Distribution::Normal { mean, sd } => mean.max(sd),
        Distribution::Empirical(ref values) => values.iter().copied().fold(0.0, f64::max),
        Distribution::Zipf { n, .. } => n,
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Raw::deserialize(deserializer)?.0;
        match text.parse::<i64>() {
            Ok(value) if (MIN..=MAX).contains(&value) => Ok(Whole(value)),
            _ => Err(D::Error::custom(format!("expected a whole number from {MIN} to {MAX}"))),
        }
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Whole{MIN}To{MAX}").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A random seed: any whole number from 0 to 2^63 - 1.
pub type Seed = Whole<0, { i64::MAX }>;

/// A number that is not negative and finite.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Real(pub f64);

scalar!(Real, |text| real(text, 1e15).map(Real), {
    "description": "A number that is not negative.",
    "type": "number",
    "minimum": 0
});

/// A price in the scenario's currency.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Price(pub f64);

scalar!(Price, |text| real(text, MAX_PRICE).map(Price), {
    "description": "A price in the currency of your choice, not negative.",
    "type": "number",
    "minimum": 0
});

/// A share from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Share(pub f64);

scalar!(Share, |text| real(text, 1.0).map(Share), {
    "description": "A share from 0 to 1.",
    "type": "number",
    "minimum": 0,
    "maximum": 1
});

fn real(text: &str, max: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value <= max => Ok(value),
        _ => Err(format!("expected a number from 0 to {max}")),
    }
}

/// Either the short form of something, a text, or the long one, a mapping.
#[derive(Clone, PartialEq, Debug)]
pub enum Short<T> {
    /// The text.
    Text(String),
    /// The mapping.
    Long(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Short<T>, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Short<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a mapping")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Short<T>, E> {
                Ok(Short::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Short<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Short::Long)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Short<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrText", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, long] })
    }
}
