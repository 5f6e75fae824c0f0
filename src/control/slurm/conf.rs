//! Reading of `slurm.conf`: nodes, partitions, priority, scheduling, preemption, timers.
//!
//! Parameters that have no meaning here (paths, logs, plug-ins of the host) are passed over and counted
//! by name, so that the file of a real cluster can be read as it is.

use super::model::{Partition, PartitionState, PreemptMode, PreemptType};
use super::settings::{FairShareAlgorithm, ReturnToService};
use super::site::{Members, Site, SiteNode, SitePartition};
use super::text::{expand_hosts, parse_time};
use super::tres::{CPU, GRES, MEMORY, TresWeights};
use crate::base::{Diagnostic, Location};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A node as the file has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConfNode {
    /// The name.
    pub name: String,
    /// CPUs.
    pub cpus: i64,
    /// MiB of memory.
    pub memory: i64,
    /// Generic resources.
    pub gres: Vec<(String, i64)>,
}

/// What a file says.
#[derive(Clone, Debug)]
pub struct Conf {
    /// The site.
    pub site: Site,
    /// The nodes.
    pub nodes: Vec<ConfNode>,
    /// Parameters that were passed over, with how often.
    pub unknown: BTreeMap<String, u64>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong, with its line.
pub fn read(file: &str, text: &str, site: Site) -> Result<Conf, Vec<Diagnostic>> {
    let conf = Conf { site, nodes: Vec::new(), unknown: BTreeMap::new() };
    let mut reader = Reader { conf, defaults: BTreeMap::new(), partition_defaults: Vec::new(), parts: 0 };
    let name: Arc<str> = file.into();
    let mut errors = Vec::new();
    let mut joined = String::new();
    let mut begin = 0;
    for (number, line) in text.lines().enumerate() {
        if joined.is_empty() {
            begin = number as u32 + 1;
        }
        let line = line.split('#').next().unwrap_or_default().trim_end();
        if let Some(line) = line.strip_suffix('\\') {
            joined.push_str(line);
            continue;
        }
        joined.push_str(line);
        let whole = std::mem::take(&mut joined);
        if let Err((what, found)) = reader.line(whole.trim()) {
            errors.push(Diagnostic::error(Location::at(Arc::clone(&name), begin, 1), what).found(found));
        }
    }
    if errors.is_empty() { Ok(reader.conf) } else { Err(errors) }
}

/// What is wrong, and with which text.
type Wrong = (String, String);

struct Reader {
    conf: Conf,
    /// What `NodeName=DEFAULT` says.
    defaults: BTreeMap<String, String>,
    /// What `PartitionName=DEFAULT` says.
    partition_defaults: Vec<(String, String)>,
    /// Partitions read so far; the first takes the place of the site's own.
    parts: usize,
}

/// The words of a line: keys in small letters.
fn words(line: &str) -> Result<Vec<(String, String)>, Wrong> {
    line.split_whitespace()
        .map(|word| {
            let wrong = || ("expected `Key=Value`".to_owned(), word.to_owned());
            let (key, value) = word.split_once('=').ok_or_else(wrong)?;
            Ok((key.to_ascii_lowercase(), value.trim_matches('"').to_owned()))
        })
        .collect()
}

fn number<N: std::str::FromStr>(key: &str, value: &str) -> Result<N, Wrong> {
    value.parse().map_err(|_| (format!("`{key}` is not a whole number in its range"), value.to_owned()))
}

fn yes(value: &str) -> bool {
    ["yes", "true", "1"].contains(&value.to_ascii_lowercase().as_str())
}

fn time(key: &str, value: &str) -> Result<Option<u64>, Wrong> {
    parse_time(value).map_err(|what| (format!("`{key}`: {what}"), value.to_owned()))
}

/// A span that the file gives as a time of Slurm's way (minutes first) in parameters of priority.
fn span(key: &str, value: &str) -> Result<u64, Wrong> {
    Ok(time(key, value)?.unwrap_or(0))
}

fn hosts(value: &str) -> Result<Vec<String>, Wrong> {
    expand_hosts(value).map_err(|what| (format!("a list of hosts {what}"), value.to_owned()))
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        if line.is_empty() {
            return Ok(());
        }
        let words = words(line)?;
        match words.first().map(|(key, value)| (key.as_str(), value.as_str())) {
            Some(("nodename", name)) => self.nodes(name, &words[1..]),
            Some(("partitionname", name)) => self.partition(name, &words[1..]),
            _ => words.iter().try_for_each(|(key, value)| self.parameter(key, value)),
        }
    }

    fn unknown(&mut self, key: &str) {
        *self.conf.unknown.entry(key.to_owned()).or_default() += 1;
    }

    fn nodes(&mut self, names: &str, words: &[(String, String)]) -> Result<(), Wrong> {
        if names.eq_ignore_ascii_case("default") {
            self.defaults.extend(words.iter().cloned());
            return Ok(());
        }
        let mut said = self.defaults.clone();
        said.extend(words.iter().cloned());
        let get = |key: &str| said.get(key).map(String::as_str);
        let one = |key: &str, default: i64| get(key).map_or(Ok(default), |value| number(key, value));
        let cores = one("sockets", 1)? * one("corespersocket", 1)? * one("threadspercore", 1)?;
        let cpus = match get("cpus").or(get("procs")) {
            Some(value) => number("CPUs", value)?,
            None => cores,
        };
        let memory = one("realmemory", 1)?;
        let weight = get("weight").map(|value| number("Weight", value)).transpose()?;
        let features = get("feature").or(get("features")).unwrap_or_default();
        let features: Vec<String> =
            features.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let mut gres = Vec::new();
        for word in get("gres").unwrap_or_default().split(',').filter(|word| !word.is_empty()) {
            let mut parts = word.split(':');
            let name = parts.next().unwrap_or_default().to_owned();
            let count = parts.next_back().map_or(Ok(1), |count| number("Gres", count))?;
            if !self.conf.site.gres.contains(&name) {
                self.conf.site.gres.push(name.clone());
            }
            gres.push((name, count));
        }
        for key in words.iter().map(|(key, _)| key) {
            const KNOWN: [&str; 12] = [
                "cpus",
                "procs",
                "sockets",
                "corespersocket",
                "threadspercore",
                "realmemory",
                "weight",
                "feature",
                "features",
                "gres",
                "boards",
                "state",
            ];
            if !KNOWN.contains(&key.as_str()) {
                self.unknown(key);
            }
        }
        for name in hosts(names)? {
            self.conf.site.nodes.insert(name.clone(), SiteNode { features: features.clone(), weight });
            self.conf.nodes.push(ConfNode { name, cpus, memory, gres: gres.clone() });
        }
        Ok(())
    }

    fn partition(&mut self, name: &str, words: &[(String, String)]) -> Result<(), Wrong> {
        if name.eq_ignore_ascii_case("default") {
            self.partition_defaults.extend(words.iter().cloned());
            return Ok(());
        }
        let rules = Partition { name: name.to_owned(), tier: 1, job_factor: 1, ..Partition::default() };
        let mut partition = SitePartition { rules, members: Members::default() };
        let mut is_default = false;
        let all: Vec<_> = self.partition_defaults.iter().chain(words).cloned().collect();
        for (key, value) in &all {
            if key == "default" {
                is_default = yes(value);
            } else if !self.partition_word(&mut partition, key, value)? {
                self.unknown(key);
            }
        }
        let site = &mut self.conf.site;
        if self.parts == 0 {
            site.partitions.clear();
            site.default_partition = 0;
        }
        self.parts += 1;
        site.partitions.push(partition);
        if is_default {
            site.default_partition = site.partitions.len() - 1;
        }
        Ok(())
    }

    fn partition_word(&self, partition: &mut SitePartition, key: &str, value: &str) -> Result<bool, Wrong> {
        let list = || value.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let rules = &mut partition.rules;
        match key {
            "nodes" if value.eq_ignore_ascii_case("all") => partition.members = Members::All,
            "nodes" => partition.members = Members::Named(hosts(value)?.into_iter().collect::<BTreeSet<_>>()),
            "maxtime" => rules.max_time = time("MaxTime", value)?,
            "defaulttime" => rules.default_time = time("DefaultTime", value)?,
            "maxnodes" if value.eq_ignore_ascii_case("unlimited") => rules.max_nodes = None,
            "maxnodes" => rules.max_nodes = Some(number("MaxNodes", value)?),
            "minnodes" => rules.min_nodes = number("MinNodes", value)?,
            "prioritytier" => rules.tier = number("PriorityTier", value)?,
            "priorityjobfactor" => rules.job_factor = number("PriorityJobFactor", value)?,
            "priority" => {
                rules.tier = number("Priority", value)?;
                rules.job_factor = rules.tier;
            }
            "allowaccounts" if !value.eq_ignore_ascii_case("all") => rules.allow_accounts = list(),
            "denyaccounts" => rules.deny_accounts = list(),
            "allowqos" if !value.eq_ignore_ascii_case("all") => rules.allow_qos = list(),
            "allowaccounts" | "allowqos" => {}
            "defmempercpu" => rules.default_memory_per_cpu = number("DefMemPerCPU", value)?,
            "gracetime" => rules.grace_time = number("GraceTime", value)?,
            "oversubscribe" | "shared" => rules.exclusive = value.eq_ignore_ascii_case("exclusive"),
            "preemptmode" => rules.preempt_mode = Some(preempt_mode(value)?),
            "tresbillingweights" => rules.billing = TresWeights(self.weights(value)?),
            "state" => {
                rules.state = match value.to_ascii_lowercase().as_str() {
                    "up" => PartitionState::Up,
                    "down" => PartitionState::Down,
                    "drain" => PartitionState::Drain,
                    "inactive" => PartitionState::Inactive,
                    _ => return Err(("a partition is UP, DOWN, DRAIN or INACTIVE".into(), value.into())),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `CPU=1.0,Mem=0.25,GRES/gpu=2.0`; memory counts by the MiB, or by the GiB with a `G` behind.
    fn weights(&self, value: &str) -> Result<Vec<(usize, f64)>, Wrong> {
        let mut weights = Vec::new();
        for word in value.split(',').filter(|word| !word.is_empty()) {
            let wrong = || ("a weight is written `CPU=1.0` or `GRES/gpu=2.0`".to_owned(), word.to_owned());
            let (name, weight) = word.split_once('=').ok_or_else(wrong)?;
            let (weight, scale) = weight.strip_suffix('G').map_or((weight, 1.0), |weight| (weight, 1024.0));
            let weight: f64 = weight.parse().map_err(|_| wrong())?;
            if !weight.is_finite() {
                return Err(wrong());
            }
            let place = self.conf.site.tres_place(name).ok_or_else(wrong)?;
            weights.push((place, weight / scale));
        }
        Ok(weights)
    }

    fn parameter(&mut self, key: &str, value: &str) -> Result<(), Wrong> {
        if key == "priorityweighttres" {
            self.conf.site.settings.weights.tres = TresWeights(self.weights(value)?);
            return Ok(());
        }
        if key == "schedulerparameters" {
            return value.split(',').try_for_each(|word| self.scheduler_parameter(word));
        }
        let settings = &mut self.conf.site.settings;
        let weights = &mut settings.weights;
        match key {
            "priorityweightage" => weights.age = number(key, value)?,
            "priorityweightassoc" => weights.association = number(key, value)?,
            "priorityweightfairshare" => weights.fair_share = number(key, value)?,
            "priorityweightjobsize" => weights.job_size = number(key, value)?,
            "priorityweightpartition" => weights.partition = number(key, value)?,
            "priorityweightqos" => weights.qos = number(key, value)?,
            "prioritymaxage" => settings.max_age = span(key, value)?,
            "prioritydecayhalflife" => settings.half_life = span(key, value)?,
            "prioritycalcperiod" => settings.calc_period = span(key, value)?.max(1),
            "priorityfavorsmall" => settings.flags.favor_small = yes(value),
            "fairsharedampeningfactor" => settings.dampening = number(key, value)?,
            "priorityflags" => self.flags(value),
            "schedulertype" => settings.backfill.enabled = value.ends_with("backfill"),
            "killwait" => settings.kill_wait = number(key, value)?,
            "overtimelimit" => settings.over_time_limit = span(key, value)?,
            "slurmdtimeout" => settings.node_timeout = number(key, value)?,
            "completewait" => settings.complete_wait = number(key, value)?,
            "minjobage" => self.conf.site.min_job_age = number(key, value)?,
            "jobrequeue" => settings.job_requeue = yes(value),
            "enforcepartlimits" => settings.enforce_part_limits = !value.eq_ignore_ascii_case("no"),
            "returntoservice" => {
                settings.return_to_service = match value {
                    "0" => ReturnToService::Never,
                    "1" => ReturnToService::IfUnresponsive,
                    "2" => ReturnToService::Always,
                    _ => return Err(("`ReturnToService` is 0, 1 or 2".into(), value.into())),
                }
            }
            "preempttype" => {
                settings.preemption.kind = match value.trim_start_matches("preempt/") {
                    "none" => PreemptType::None,
                    "partition_prio" => PreemptType::PartitionPriority,
                    "qos" => PreemptType::Qos,
                    _ => return Err(("`PreemptType` is none, partition_prio or qos".into(), value.into())),
                }
            }
            "preemptmode" => settings.preemption.mode = preempt_mode(value)?,
            "preemptexempttime" => settings.preemption.exempt_time = span(key, value)?,
            "accountingstorageenforce" => {
                self.conf.site.enforce_associations =
                    value.split(',').any(|word| ["associations", "limits", "qos", "safe"].contains(&word));
            }
            _ => self.unknown(key),
        }
        Ok(())
    }

    fn flags(&mut self, value: &str) {
        for word in value.split(',') {
            let settings = &mut self.conf.site.settings;
            let flags = &mut settings.flags;
            match word.to_ascii_uppercase().as_str() {
                "SMALL_RELATIVE_TO_TIME" => flags.small_relative_to_time = true,
                "NO_NORMAL_ALL" => {
                    (flags.no_normal_part, flags.no_normal_qos) = (true, true);
                    (flags.no_normal_assoc, flags.no_normal_tres) = (true, true);
                }
                "NO_NORMAL_PART" => flags.no_normal_part = true,
                "NO_NORMAL_QOS" => flags.no_normal_qos = true,
                "NO_NORMAL_ASSOC" => flags.no_normal_assoc = true,
                "NO_NORMAL_TRES" => flags.no_normal_tres = true,
                "MAX_TRES" => flags.max_tres = true,
                "ACCRUE_ALWAYS" => flags.accrue_always = true,
                "DEPTH_OBLIVIOUS" => settings.fair_share = FairShareAlgorithm::DepthOblivious,
                "NO_FAIR_TREE" => settings.fair_share = FairShareAlgorithm::Classic,
                _ => self.unknown(&format!("PriorityFlags={word}")),
            }
        }
    }

    fn scheduler_parameter(&mut self, word: &str) -> Result<(), Wrong> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let settings = &mut self.conf.site.settings;
        let (main, backfill) = (&mut settings.main, &mut settings.backfill);
        match key {
            "sched_interval" => main.interval = number(key, value)?,
            "batch_sched_delay" => main.delay = number(key, value)?,
            "default_queue_depth" => main.queue_depth = number(key, value)?,
            "partition_job_depth" => main.partition_depth = number(key, value)?,
            "sched_max_job_start" => main.max_start = number(key, value)?,
            "assoc_limit_stop" => main.association_limit_stops = true,
            "bf_interval" => backfill.interval = number(key, value)?,
            "bf_window" => backfill.window = u64::from(number::<u32>(key, value)?) * 60,
            "bf_resolution" => backfill.resolution = number::<u32>(key, value)?.max(1).into(),
            "bf_max_job_test" => backfill.max_job_test = number(key, value)?,
            "bf_max_job_start" => backfill.max_job_start = number(key, value)?,
            "bf_max_job_user" => backfill.max_job_user = number(key, value)?,
            "bf_max_job_part" => backfill.max_job_part = number(key, value)?,
            "bf_max_job_assoc" => backfill.max_job_assoc = number(key, value)?,
            "bf_max_job_user_part" => backfill.max_job_user_part = number(key, value)?,
            "bf_max_job_array_resv" => backfill.max_job_array_resv = number(key, value)?,
            "bf_job_part_count_reserve" => backfill.part_count_reserve = number(key, value)?,
            "bf_min_age_reserve" => backfill.min_age_reserve = number(key, value)?,
            "bf_min_prio_reserve" => backfill.min_prio_reserve = number(key, value)?,
            "bf_window_linear" => backfill.window_linear = number(key, value)?,
            "preempt_youngest_first" => settings.preemption.youngest_first = true,
            "preempt_reorder_count" => settings.preemption.reorder_count = number(key, value)?,
            _ => self.unknown(&format!("SchedulerParameters={key}")),
        }
        Ok(())
    }
}

fn preempt_mode(value: &str) -> Result<PreemptMode, Wrong> {
    match value.to_ascii_lowercase().as_str() {
        "off" => Ok(PreemptMode::Off),
        "cancel" => Ok(PreemptMode::Cancel),
        "requeue" => Ok(PreemptMode::Requeue),
        _ => Err((
            "pods can be preempted by OFF, CANCEL or REQUEUE, not stopped for a while".into(),
            value.into(),
        )),
    }
}

impl Site {
    /// The place of a trackable resource by its name: `cpu`, `mem`, `node`, `gres/gpu`.
    pub fn tres_place(&self, name: &str) -> Option<usize> {
        match name.to_ascii_lowercase().as_str() {
            "cpu" => Some(CPU),
            "mem" | "memory" => Some(MEMORY),
            "node" => Some(super::tres::NODE),
            other => {
                let name = other.strip_prefix("gres/").unwrap_or(other);
                self.gres.iter().position(|known| known == name).map(|position| GRES + position)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
ClusterName=micro # a comment
SchedulerParameters=bf_interval=10,default_queue_depth=7,bf_continue
PriorityWeightAge=5
PriorityMaxAge=0-5
PriorityDecayHalfLife=1-0
PriorityFlags=NO_FAIR_TREE,NO_NORMAL_QOS
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=1
NodeName=DEFAULT RealMemory=48000 Sockets=2 CoresPerSocket=6
NodeName=n[1-2] Feature=IB,CPU-N
NodeName=g1 Procs=8 \\
  Gres=gpu:tesla:2 Weight=9
PartitionName=DEFAULT MaxTime=60
PartitionName=normal Nodes=ALL Default=YES DefMemPerCPU=2800
PartitionName=debug Nodes=n[1-2] PriorityTier=5 MaxTime=UNLIMITED TRESBillingWeights=CPU=1.0,GRES/gpu=2.0
";

    #[test]
    fn a_file_is_read() {
        let conf = read("slurm.conf", FILE, Site::default()).unwrap();
        let names: Vec<String> =
            conf.nodes.iter().map(|n| format!("{} {} {} {:?}", n.name, n.cpus, n.memory, n.gres)).collect();
        assert_eq!(names, ["n1 12 48000 []", "n2 12 48000 []", "g1 8 48000 [(\"gpu\", 2)]"]);
        let site = conf.site;
        assert_eq!(site.nodes["n1"].features, ["IB", "CPU-N"]);
        assert_eq!((site.nodes["g1"].weight, site.nodes["n1"].weight), (Some(9), None));
        let settings = &site.settings;
        assert_eq!((settings.backfill.interval, settings.main.queue_depth), (10, 7));
        assert_eq!((settings.weights.age, settings.max_age, settings.half_life), (5, 18_000, 86_400));
        assert_eq!(settings.fair_share, FairShareAlgorithm::Classic);
        assert!(settings.flags.no_normal_qos && !settings.flags.no_normal_part);
        assert_eq!(settings.preemption.kind, PreemptType::PartitionPriority);
        assert_eq!(settings.preemption.mode, PreemptMode::Requeue);
        assert_eq!(settings.return_to_service, ReturnToService::IfUnresponsive);
        let [normal, debug] = &site.partitions[..] else { panic!("two partitions") };
        assert_eq!((normal.rules.max_time, debug.rules.max_time), (Some(3600), None));
        assert_eq!((normal.rules.default_memory_per_cpu, debug.rules.tier), (2800, 5));
        assert_eq!(debug.rules.billing.0, [(CPU, 1.0), (GRES, 2.0)]);
        assert_eq!(normal.members, Members::All);
        let unknown: Vec<&str> = conf.unknown.keys().map(String::as_str).collect();
        assert_eq!(unknown, ["SchedulerParameters=bf_continue", "clustername"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text: &str| {
            let errors = read("s.conf", text, Site::default()).unwrap_err();
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let cases = [
            ("\nPriorityWeightAge=x", "s.conf:2", "whole number"),
            ("NodeName=n[3-1]", "s.conf:1", "backwards"),
            ("NodeName=n1 CPUs=1e9", "s.conf:1", "whole number"),
            ("PartitionName=a State=SIDEWAYS", "s.conf:1", "INACTIVE"),
            ("ReturnToService=7", "s.conf:1", "0, 1 or 2"),
            ("PreemptMode=SUSPEND", "s.conf:1", "REQUEUE"),
            ("just words", "s.conf:1", "Key=Value"),
            ("PartitionName=a MaxTime=soon", "s.conf:1", "minutes"),
            ("PartitionName=a TRESBillingWeights=gres/none=1", "s.conf:1", "weight"),
        ];
        for (text, place, what) in cases {
            let said = wrong(text);
            assert!(said.contains(place) && said.contains(what), "{text}: {said}");
        }
    }
}
