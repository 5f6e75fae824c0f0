//! What is asked for a job beside its tasks' resources: labels and annotations that begin with
//! [`PREFIX`], named after the options of `sbatch`.

use crate::base::Span;
use crate::control::slurm::text::parse_time;
use crate::control::slurm::{array, dependency};

/// What labels and annotations of jobs begin with.
pub const PREFIX: &str = "seatrial.dev/slurm-";

/// The names of all of them, without [`PREFIX`].
pub const KEYS: [&str; 19] = [
    "partition",
    "account",
    "user",
    "qos",
    "job-name",
    "time",
    "time-min",
    "nice",
    "hold",
    "begin",
    "nodes",
    "ntasks-per-node",
    "exclusive",
    "requeue",
    "dependency",
    "array",
    "constraint",
    "nodelist",
    "mem",
];

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attributes {
    /// The partition.
    pub partition: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The QOS.
    pub qos: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The time limit in seconds; `Some(None)` for none at all.
    pub time: Option<Option<u64>>,
    /// The shortest limit that will do, in seconds.
    pub time_min: Option<u64>,
    /// What is taken off the priority.
    pub nice: i64,
    /// Whether it is held.
    pub hold: bool,
    /// How long after its submission it may begin.
    pub begin: Option<Span>,
    /// The fewest and the most nodes.
    pub nodes: Option<(u32, u32)>,
    /// The most tasks of a node.
    pub tasks_per_node: Option<u32>,
    /// Whether it wants its nodes for itself.
    pub exclusive: bool,
    /// Whether it may go back to the queue; `None` for what the site says.
    pub requeue: Option<bool>,
    /// What it waits for; jobs are named by the names of their objects or their numbers.
    pub dependency: Option<String>,
    /// The tasks of its array.
    pub array: Option<String>,
    /// Features that its nodes must have.
    pub features: Vec<String>,
    /// Nodes that must be among those it gets.
    pub node_list: Vec<String>,
    /// MiB of memory of each node.
    pub memory_per_node: Option<i64>,
}

impl Attributes {
    /// Reads labels or annotations; others than those with [`PREFIX`] are passed over.
    ///
    /// # Errors
    /// What is wrong with which of them.
    pub fn read<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Attributes, String> {
        let mut attributes = Attributes::default();
        for (key, value) in pairs {
            if let Some(name) = key.strip_prefix(PREFIX) {
                attributes.set(name, value).map_err(|what| format!("`{key}: {value}`: {what}"))?;
            }
        }
        Ok(attributes)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let text = || Some(value.to_owned());
        match name {
            "partition" => self.partition = text(),
            "account" => self.account = text(),
            "user" => self.user = text(),
            "qos" => self.qos = text(),
            "job-name" => self.name = text(),
            "time" => self.time = Some(parse_time(value)?),
            "time-min" => self.time_min = parse_time(value)?,
            "nice" => self.nice = number::<i32>(value)?.into(),
            "hold" => self.hold = truth(value)?,
            "begin" => {
                self.begin = Some(value.parse().map_err(|_| "write a length of time, such as `10m`")?);
            }
            "nodes" => self.nodes = Some(range(value)?),
            "ntasks-per-node" => self.tasks_per_node = Some(number::<u32>(value)?.max(1)),
            "exclusive" => self.exclusive = truth(value)?,
            "requeue" => self.requeue = Some(truth(value)?),
            "dependency" => self.dependency = text(),
            "array" => {
                array::parse(value)?;
                self.array = text();
            }
            "constraint" => self.features = list(value, '&'),
            "nodelist" => self.node_list = crate::control::slurm::text::expand_hosts(value)?,
            "mem" => self.memory_per_node = Some(number::<u32>(value)?.into()),
            _ => return Err(format!("there is no such key; there are {}", KEYS.join(", "))),
        }
        Ok(())
    }

    /// The dependencies, with the names of jobs replaced by their numbers.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn dependencies(
        &self,
        number_of: impl Fn(&str) -> Option<u32>,
    ) -> Result<Vec<dependency::Dependency>, String> {
        let Some(text) = &self.dependency else { return Ok(Vec::new()) };
        let mut expression = String::new();
        for part in text.split_inclusive([':', ',', '?']) {
            let word = part.trim_end_matches([':', ',', '?']);
            let (job, delay) = word.split_once('+').map_or((word, ""), |(job, _)| (job, &word[job.len()..]));
            match number_of(job) {
                Some(number) => expression.extend([&number.to_string(), delay, &part[word.len()..]]),
                None => expression.push_str(part),
            }
        }
        dependency::parse(&expression).map_err(|what| format!("dependency `{text}` {what}"))
    }
}

fn number<N: std::str::FromStr>(value: &str) -> Result<N, String> {
    value.parse().map_err(|_| "write a whole number".to_owned())
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("write `true` or `false`".to_owned()),
    }
}

fn range(value: &str) -> Result<(u32, u32), String> {
    let (fewest, most) = value.split_once('-').unwrap_or((value, value));
    let (fewest, most) = (number::<u32>(fewest)?, number::<u32>(most)?);
    if fewest == 0 || most < fewest {
        return Err("write the fewest nodes and the most, such as `2-4`".to_owned());
    }
    // A single number is the fewest, as in sbatch without `-`: it is both.
    Ok((fewest, most))
}

fn list(value: &str, separator: char) -> Vec<String> {
    value.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<Attributes, String> {
        Attributes::read([(format!("{PREFIX}{key}").as_str(), value)])
    }

    #[test]
    fn every_key_changes_its_attribute() {
        let values = [
            "debug",
            "phys",
            "ann",
            "high",
            "x",
            "30",
            "10",
            "-5",
            "true",
            "10m",
            "2-4",
            "12",
            "yes",
            "false",
            "afterok:x",
            "1-4%2",
            "ib&new",
            "n[1-2]",
            "500",
        ];
        let mut seen = vec![Attributes::default()];
        for (key, value) in KEYS.into_iter().zip(values) {
            let attributes = read(key, value).unwrap();
            assert!(!seen.contains(&attributes), "{key}: {value} changes nothing of its own");
            seen.push(attributes);
        }
        assert_eq!(read("constraint", "ib&new").unwrap().features, ["ib", "new"]);
        assert_eq!(read("time", "1-0").unwrap().time, Some(Some(86_400)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("time", "soon", "write minutes"),
            ("nice", "1e30", "whole number"),
            ("hold", "maybe", "`true`"),
            ("nodes", "4-2", "fewest"),
            ("nodes", "0", "fewest"),
            ("array", "4-1", "backwards"),
            ("begin", "-1", "length of time"),
            ("colour", "red", "no such key"),
        ];
        for (key, value, what) in cases {
            let said = read(key, value).unwrap_err();
            assert!(said.contains(what) && said.contains(key), "{key}: {said}");
        }
        assert_eq!(Attributes::read([("example.com/slurm-time", "x")]), Ok(Attributes::default()));
    }

    #[test]
    fn jobs_are_named_in_dependencies() {
        let attributes = read("dependency", "afterok:first:2,after:second+5").unwrap();
        let numbers = |name: &str| match name {
            "first" => Some(7),
            "second" => Some(9),
            _ => None,
        };
        let found: Vec<u32> = attributes.dependencies(numbers).unwrap().iter().map(|d| d.job).collect();
        assert_eq!(found, [7, 2, 9]);
        let unknown = attributes.dependencies(|_| None).unwrap_err();
        assert!(unknown.contains("names a job"), "{unknown}");
    }
}
