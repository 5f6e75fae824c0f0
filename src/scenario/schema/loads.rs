//! The parts `workload.loads` and `workload.metrics`: what autoscalers measure.

use super::scalars::{Amount, Duration, Raw, Real, amount};
use crate::scenario::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The largest load, and the largest value of a metric: a trillion.
pub const MAX_LOAD: i64 = 1_000_000_000_000;
/// The most that one pod may take of a load, in units.
pub const MAX_PER_POD: i64 = 1_000_000;

/// A load that the ready pods of a workload share evenly; autoscalers measure it. Machines do not feel it:
/// on them a pod uses what its behavior says, or what it requests.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// The name in charts, and for `setLoad`; that of the target where it is not given.
    pub name: Option<At<String>>,
    /// `Deployment/<name>`, `ReplicaSet/<name>`, `StatefulSet/<name>`, `DaemonSet/<name>` or `Service/<name>`
    /// whose pods have the load.
    pub target: Option<At<String>>,
    /// Labels of the pods that have the load, in the place of `target`.
    pub selector: Option<At<BTreeMap<String, At<String>>>>,
    /// The namespace of the pods; `default`.
    pub namespace: Option<At<String>>,
    /// The metric of pods that the load is, such as `requests_per_second`; CPU in cores where it is not
    /// given.
    pub metric: Option<At<String>>,
    /// All of the load over time, in cores or in units of the metric.
    pub total: At<Values>,
    /// The most that one pod takes; what is more is lost. The CPU limit of the target's pods where it is
    /// not given, if they have one.
    pub max_per_pod: Option<At<Amount>>,
    /// What a pod uses that runs and is not ready; nothing where it is not given.
    pub not_ready: Option<At<Amount>>,
}

/// A metric that is not of pods, for autoscalers: of another object, or of nothing in the cluster.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricSeries {
    /// The name of the metric.
    pub name: At<String>,
    /// The object that it is of (a metric of type Object), as `<Kind>/<name>`.
    pub object: Option<At<String>>,
    /// Labels by which autoscalers select it (a metric of type External), where there is no `object`.
    #[serde(default)]
    pub labels: BTreeMap<String, At<String>>,
    /// The namespace of the autoscalers that see it; `default`.
    pub namespace: Option<At<String>>,
    /// Its value over time.
    pub value: At<Values>,
}

/// A value over time.
#[derive(Clone, PartialEq, Debug)]
pub enum Values {
    /// The same for the whole run.
    Constant(Amount),
    /// From step to step; nothing before the first.
    Steps(Vec<At<ValueStep>>),
    /// From a file.
    Trace(Box<ValueTrace>),
}

/// A value from a moment on.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueStep {
    /// From when.
    pub at: Duration,
    /// The value.
    pub value: At<Amount>,
}

/// A table of a value over time: CSV, also compressed with gzip. The first column is a time: seconds, or
/// minutes if it is called `minute`, or a date and time of day; times count from the first row. A value
/// holds until the next row, and the last one until the end of the run.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueTrace {
    /// The file.
    pub file: At<String>,
    /// The column with the value: its name in the first row, or its number from 2 on; the second.
    #[schemars(with = "Option<String>")]
    pub column: Option<At<Raw>>,
    /// The moment of the run at which the first row is.
    pub at: Option<Duration>,
    /// A factor on the values, such as cores for each request a second; 1.
    pub scale: Option<At<Real>>,
    /// A factor on the times: 0.5 is twice as fast; 1.
    pub time_scale: Option<At<Real>>,
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Values, D::Error> {
        deserializer.deserialize_any(AnyForm)
    }
}

/// Takes a number, a list or a mapping.
struct AnyForm;

impl<'de> Visitor<'de> for AnyForm {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity, a list of steps `{at: …, value: …}`, or a mapping with `file`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
        amount(text).map(|amount| Values::Constant(Amount(amount))).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Values, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Values, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Values, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(steps)).map(Values::Steps)
    }

    fn visit_map<A: MapAccess<'de>>(self, trace: A) -> Result<Values, A::Error> {
        ValueTrace::deserialize(MapAccessDeserializer::new(trace)).map(|trace| Values::Trace(Box::new(trace)))
    }
}

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let constant = generator.subschema_for::<Amount>();
        let steps = generator.subschema_for::<Vec<At<ValueStep>>>();
        let trace = generator.subschema_for::<ValueTrace>();
        json_schema!({
            "description": "A value over time: a quantity, steps, or a file.",
            "anyOf": [constant, steps, trace]
        })
    }
}
