//! Slurm's site: Slurm's defaults, with what a `slurm.conf` and the scenario replace.

use super::nodes::{HOSTNAME, Nodes, OF_KUBELET, POOL};
use super::{Build, at_reference, planes};
use crate::api::kubernetes::{Part, Sourced};
use crate::api::selector::is_dns_subdomain;
use crate::api::{Node, ResourceList};
use crate::base::{Diagnostic, Location, Quantity, Span};
use crate::control::slurm::conf::{self, Conf};
use crate::control::slurm::daemon::attributes::Attributes;
use crate::control::slurm::fair_share::Shares;
use crate::control::slurm::model::{Partition, PartitionState, PreemptMode, PreemptType, Qos};
use crate::control::slurm::settings::{FairShareAlgorithm, ReturnToService, Settings};
use crate::control::slurm::site::{Members, Site, SitePartition};
use crate::control::slurm::text::expand_hosts;
use crate::control::slurm::tres::{TresLimit, TresWeights};
use crate::scenario::At;
use crate::scenario::schema::control::{Kind, Preset};
use crate::scenario::schema::scalars::{Duration, Real};
use crate::scenario::schema::slurm as written;
use std::collections::{BTreeMap, BTreeSet};

const POOL_OF_CONF: &str = "slurm";

/// What the scenario's `slurm.conf` says, if it names one; errors are noted.
fn read_conf(build: &mut Build<'_>) -> Option<Conf> {
    let slurm = build.scenario.control_plane.slurm.as_ref()?;
    let file = slurm.conf.as_ref()?;
    let path = build.files.path(file);
    let bytes = build.files.read(&path).map_err(|finding| at_reference(finding, file));
    let (name, bytes) = build.take(bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    match conf::read(&name, &text, Site::default()) {
        Ok(conf) => Some(conf),
        Err(findings) => {
            build.errors.extend(findings.into_iter().map(|finding| at_reference(finding, file)));
            None
        }
    }
}

/// Adds the nodes of the `slurm.conf` to a cluster that has none.
pub(super) fn add_nodes(build: &mut Build<'_>, nodes: &mut Nodes) {
    if planes::kind(&build.scenario.control_plane) != Kind::Slurm || !nodes.is_empty() {
        return;
    }
    let Some(conf) = read_conf(build) else { return };
    let pods = planes::pods_of_a_node(build);
    let pool = nodes.pool(POOL_OF_CONF, 0.0);
    for node in &conf.nodes {
        let location = Location::file("slurm.conf");
        let result = node_of(node, pods, &location).and_then(|node| nodes.add(node, pool, &location));
        if build.take(result).is_none() {
            return;
        }
    }
}

fn node_of(written: &conf::ConfNode, pods: i64, location: &Location) -> Result<Node, Diagnostic> {
    if !is_dns_subdomain(&written.name) {
        let finding = Diagnostic::error(location.clone(), "not a legal name of a node");
        return Err(finding.found(&written.name));
    }
    let mut capacity = ResourceList::new();
    capacity.insert("cpu".into(), Quantity::from_units(written.cpus.clamp(0, 1_000_000)));
    capacity.insert("memory".into(), Quantity::from_units(written.memory.clamp(0, 1 << 40) << 20));
    capacity.insert("pods".into(), Quantity::from_units(pods));
    for (name, amount) in &written.gres {
        capacity.insert(format!("slurm.schedmd.com/{name}"), Quantity::from_units(*amount));
    }
    let mut node = Node { allocatable: capacity.clone(), capacity, ..Node::default() };
    node.meta.name.clone_from(&written.name);
    for (key, value) in OF_KUBELET {
        node.meta.labels.insert(key.into(), value.into());
    }
    node.meta.labels.insert(HOSTNAME.into(), written.name.clone());
    node.meta.labels.insert(POOL.into(), POOL_OF_CONF.into());
    Ok(node)
}

/// The site; errors are noted.
pub(super) fn site(build: &mut Build<'_>) -> Site {
    let control = &build.scenario.control_plane;
    let empty = written::Slurm::default();
    let given = control.slurm.as_ref().map_or(&empty, |slurm| &slurm.value);
    let mut site = Site::default();
    if let Some(conf) = read_conf(build) {
        for (key, count) in conf.unknown {
            build.remark(format!("parameters of slurm.conf that have no meaning here: {key}"), count);
        }
        site = conf.site;
    }
    if control.timing == Preset::Ideal {
        site.settings.main.delay = 0;
    }
    qos(build, given, &mut site);
    partitions(build, given, &mut site);
    accounts(build, given, &mut site);
    nodes(build, given, &mut site);
    timers(given, &mut site);
    priority(given, &mut site);
    schedulers(given, &mut site.settings);
    preemption(&given.preemption, &mut site.settings);
    site
}

/// Replaces seconds where a span is given.
fn set(target: &mut u64, written: Option<Duration>) {
    *target = written.map_or(*target, |span| seconds(span.0));
}

fn seconds(span: Span) -> u64 {
    span.rounded().0 / 1_000_000_000
}

fn replace<T>(target: &mut T, written: Option<T>) {
    if let Some(written) = written {
        *target = written;
    }
}

fn timers(given: &written::Slurm, site: &mut Site) {
    let settings = &mut site.settings;
    set(&mut settings.kill_wait, given.kill_wait);
    set(&mut settings.over_time_limit, given.over_time_limit);
    set(&mut settings.node_timeout, given.slurmd_timeout);
    set(&mut settings.requeue_delay, given.requeue_delay);
    set(&mut settings.complete_wait, given.complete_wait);
    set(&mut site.min_job_age, given.min_job_age);
    replace(&mut settings.job_requeue, given.job_requeue);
    replace(&mut settings.enforce_part_limits, given.enforce_part_limits);
    replace(&mut site.enforce_associations, given.enforce_associations);
    let returns = given.return_to_service.map(|number| match number.0 {
        0 => ReturnToService::Never,
        1 => ReturnToService::IfUnresponsive,
        _ => ReturnToService::Always,
    });
    replace(&mut settings.return_to_service, returns);
}

fn priority(given: &written::Slurm, site: &mut Site) {
    let written = &given.priority;
    let tres = weights(&written.weight_tres, site);
    let settings = &mut site.settings;
    let weights = &mut settings.weights;
    let number = |weight: Option<written::Weight>| weight.map(|weight| weight.0 as u32);
    replace(&mut weights.age, number(written.weight_age));
    replace(&mut weights.association, number(written.weight_assoc));
    replace(&mut weights.fair_share, number(written.weight_fairshare));
    replace(&mut weights.job_size, number(written.weight_job_size));
    replace(&mut weights.partition, number(written.weight_partition));
    replace(&mut weights.qos, number(written.weight_qos));
    if !tres.0.is_empty() {
        weights.tres = tres;
    }
    set(&mut settings.max_age, written.max_age);
    set(&mut settings.half_life, written.decay_half_life);
    replace(&mut settings.calc_period, written.calc_period.map(|span| seconds(span.0).max(1)));
    replace(&mut settings.flags.favor_small, written.favor_small);
    replace(&mut settings.dampening, written.dampening_factor.map(|factor| factor.0 as u32));
    replace(&mut settings.merge_tied_accounts, written.merge_tied_accounts);
    let flags = &mut settings.flags;
    for flag in &written.flags {
        use written::PriorityFlag as Flag;
        match flag.value {
            Flag::SmallRelativeToTime => flags.small_relative_to_time = true,
            Flag::NoNormalAll => {
                (flags.no_normal_assoc, flags.no_normal_part) = (true, true);
                (flags.no_normal_qos, flags.no_normal_tres) = (true, true);
            }
            Flag::NoNormalAssoc => flags.no_normal_assoc = true,
            Flag::NoNormalPart => flags.no_normal_part = true,
            Flag::NoNormalQos => flags.no_normal_qos = true,
            Flag::NoNormalTres => flags.no_normal_tres = true,
            Flag::MaxTres => flags.max_tres = true,
            Flag::AccrueAlways => flags.accrue_always = true,
            Flag::DepthOblivious => settings.fair_share = FairShareAlgorithm::DepthOblivious,
            Flag::NoFairTree => settings.fair_share = FairShareAlgorithm::Classic,
        }
    }
}

fn schedulers(given: &written::Slurm, settings: &mut Settings) {
    let count = |count: Option<written::Count>| count.map(|count| count.0 as u32);
    let (main, written) = (&mut settings.main, &given.scheduler);
    replace(&mut main.interval, written.interval.map(|span| seconds(span.0).max(1)));
    set(&mut main.delay, written.delay);
    replace(&mut main.queue_depth, count(written.queue_depth));
    replace(&mut main.partition_depth, count(written.partition_depth));
    replace(&mut main.max_start, count(written.max_start));
    replace(&mut main.association_limit_stops, written.assoc_limit_stop);
    let (backfill, written) = (&mut settings.backfill, &given.backfill);
    replace(&mut backfill.enabled, written.enabled);
    replace(&mut backfill.interval, written.interval.map(|span| seconds(span.0).max(1)));
    replace(&mut backfill.window, written.window.map(|span| seconds(span.0).max(1)));
    replace(&mut backfill.resolution, written.resolution.map(|span| seconds(span.0).max(1)));
    replace(&mut backfill.max_job_test, count(written.max_job_test));
    replace(&mut backfill.max_job_start, count(written.max_job_start));
    replace(&mut backfill.max_job_user, count(written.max_job_user));
    replace(&mut backfill.max_job_part, count(written.max_job_part));
    replace(&mut backfill.max_job_assoc, count(written.max_job_assoc));
    replace(&mut backfill.max_job_user_part, count(written.max_job_user_part));
    replace(&mut backfill.max_job_array_resv, count(written.max_job_array_resv));
    replace(&mut backfill.part_count_reserve, count(written.job_part_count_reserve));
    replace(&mut backfill.min_prio_reserve, count(written.min_prio_reserve));
    set(&mut backfill.min_age_reserve, written.min_age_reserve);
    set(&mut backfill.window_linear, written.window_linear);
}

fn mode(written: written::PreemptMode) -> PreemptMode {
    match written {
        written::PreemptMode::Off => PreemptMode::Off,
        written::PreemptMode::Cancel => PreemptMode::Cancel,
        written::PreemptMode::Requeue => PreemptMode::Requeue,
    }
}

fn preemption(written: &written::Preemption, settings: &mut Settings) {
    let preemption = &mut settings.preemption;
    let kind = written.kind.map(|kind| match kind {
        written::PreemptKind::None => PreemptType::None,
        written::PreemptKind::PartitionPrio => PreemptType::PartitionPriority,
        written::PreemptKind::Qos => PreemptType::Qos,
    });
    replace(&mut preemption.kind, kind);
    replace(&mut preemption.mode, written.mode.map(mode));
    set(&mut preemption.exempt_time, written.exempt_time);
    replace(&mut preemption.youngest_first, written.youngest_first);
    replace(&mut preemption.reorder_count, written.reorder_count.map(|count| count.0 as u32));
}

/// The place of a resource; generic ones get one when they are first named.
fn place(name: &str, site: &mut Site) -> usize {
    site.tres_place(name).unwrap_or_else(|| {
        let name = name.to_ascii_lowercase();
        site.gres.push(name.strip_prefix("gres/").unwrap_or(&name).to_owned());
        site.tres_place(&name).unwrap_or_default()
    })
}

fn weights(written: &BTreeMap<String, Real>, site: &mut Site) -> TresWeights {
    TresWeights(written.iter().map(|(name, weight)| (place(name, site), weight.0)).collect())
}

fn limits(written: &written::Tres, site: &mut Site) -> TresLimit {
    TresLimit(written.iter().map(|(name, most)| (place(name, site), most.0)).collect())
}

fn qos(build: &mut Build<'_>, given: &written::Slurm, site: &mut Site) {
    if given.qos.is_empty() {
        return;
    }
    let names: Vec<&str> = given.qos.iter().map(|qos| qos.name.as_str()).collect();
    let mut rows = Vec::new();
    for (row, qos) in given.qos.iter().enumerate() {
        if names[..row].contains(&qos.name.as_str()) {
            build.error(qos.name.error("a QOS of this name is there already"));
        }
        let mut preempt = Vec::new();
        for name in &qos.preempt {
            match names.iter().position(|known| *known == name.as_str()) {
                Some(row) => preempt.push(row),
                None => build.error(name.error("there is no QOS of this name")),
            }
        }
        let count = |count: Option<written::Count>| count.map(|count| count.0 as u32);
        rows.push(Qos {
            name: qos.name.value.clone(),
            priority: qos.priority.map_or(0, |priority| priority.0 as u32),
            max_jobs_per_user: count(qos.max_jobs_per_user),
            max_submit_per_user: count(qos.max_submit_per_user),
            max_tres_per_user: limits(&qos.max_tres_per_user, site),
            max_tres_per_job: limits(&qos.max_tres_per_job, site),
            group_tres: limits(&qos.grp_tres, site),
            group_jobs: count(qos.grp_jobs),
            max_wall: qos.max_wall.map(|span| seconds(span.0)),
            preempt,
            preempt_mode: qos.preempt_mode.map(mode),
            grace_time: qos.grace_time.map_or(0, |span| seconds(span.0)),
            usage_factor: qos.usage_factor.map_or(1.0, |factor| factor.0),
            no_reserve: qos.no_reserve,
            no_decay: qos.no_decay,
            usage: 0.0,
        });
    }
    site.qos = rows;
}

fn partitions(build: &mut Build<'_>, given: &written::Slurm, site: &mut Site) {
    if given.partitions.is_empty() {
        return;
    }
    site.partitions.clear();
    site.default_partition = 0;
    for (row, written) in given.partitions.iter().enumerate() {
        if given.partitions[..row].iter().any(|other| other.name.value == written.name.value) {
            build.error(written.name.error("a partition of this name is there already"));
        }
        let mut named = BTreeSet::new();
        for text in &written.nodes {
            match expand_hosts(text) {
                Ok(hosts) => named.extend(hosts),
                Err(what) => build.error(text.error(format!("a list of hosts {what}"))),
            }
        }
        let members = if written.nodes.is_empty() { Members::All } else { Members::Named(named) };
        let rules = rules(written, site);
        site.partitions.push(SitePartition { rules, members });
        if written.default {
            site.default_partition = row;
        }
    }
}

fn rules(written: &written::Partition, site: &mut Site) -> Partition {
    let state = written.state.map_or(PartitionState::Up, |state| match state {
        written::State::Up => PartitionState::Up,
        written::State::Down => PartitionState::Down,
        written::State::Drain => PartitionState::Drain,
        written::State::Inactive => PartitionState::Inactive,
    });
    Partition {
        name: written.name.value.clone(),
        nodes: crate::base::BitSet::default(),
        max_time: written.max_time.map(|span| seconds(span.0)),
        default_time: written.default_time.map(|span| seconds(span.0)),
        max_nodes: written.max_nodes.map(|most| most.0 as u32),
        min_nodes: written.min_nodes.map_or(0, |fewest| fewest.0 as u32),
        tier: written.priority_tier.map_or(1, |tier| tier.0 as u16),
        job_factor: written.priority_job_factor.map_or(1, |factor| factor.0 as u16),
        allow_accounts: written.allow_accounts.clone(),
        deny_accounts: written.deny_accounts.clone(),
        allow_qos: written.allow_qos.clone(),
        state,
        exclusive: written.exclusive,
        preempt_mode: written.preempt_mode.map(mode),
        grace_time: written.grace_time.map_or(0, |span| seconds(span.0)),
        billing: weights(&written.tres_billing_weights, site),
        default_memory_per_cpu: written.def_mem_per_cpu.map_or(0, |memory| memory.0),
    }
}

fn accounts(build: &mut Build<'_>, given: &written::Slurm, site: &mut Site) {
    for account in &given.accounts {
        let parent = match &account.parent {
            None => Some(0),
            Some(name) => {
                let row = site.associations.find(name, None);
                if row.is_none() {
                    build.error(name.error("there is no account of this name before this one"));
                }
                row
            }
        };
        let (grp_tres, max_tres) = (limits(&account.grp_tres, site), limits(&account.max_tres_per_job, site));
        let shares = Shares::Number(account.fairshare.map_or(1, |shares| shares.0 as u32));
        let row = site.associations.push(&account.name, None, parent, shares);
        let association = &mut site.associations.rows[row];
        association.priority = account.priority.map_or(0, |priority| priority.0 as u32);
        association.limits.group_jobs = account.grp_jobs.map(|most| most.0 as u32);
        association.limits.group_tres = grp_tres;
        association.limits.max_tres_per_job = max_tres;
        association.limits.max_wall = account.max_wall.map(|span| seconds(span.0));
        for user in &account.users {
            add_user(build, &account.name, row, user, site);
        }
    }
}

fn add_user(build: &mut Build<'_>, account: &str, parent: usize, user: &At<written::User>, site: &mut Site) {
    let shares = if user.fairshare_parent {
        Shares::Parent
    } else {
        Shares::Number(user.fairshare.map_or(1, |shares| shares.0 as u32))
    };
    let default_qos = user.default_qos.as_ref().map_or(0, |name| {
        let row = site.qos.iter().position(|qos| qos.name == name.value);
        if row.is_none() {
            build.error(name.error("there is no QOS of this name"));
        }
        row.unwrap_or(0)
    });
    let row = site.associations.push(account, Some(&user.name), Some(parent), shares);
    let association = &mut site.associations.rows[row];
    association.priority = user.priority.map_or(0, |priority| priority.0 as u32);
    association.default_qos = default_qos;
    association.limits.max_jobs = user.max_jobs.map(|most| most.0 as u32);
    association.limits.max_submit = user.max_submit.map(|most| most.0 as u32);
}

fn nodes(build: &mut Build<'_>, given: &written::Slurm, site: &mut Site) {
    for note in &given.nodes {
        match expand_hosts(&note.names) {
            Ok(names) => {
                for name in names {
                    let said = site.nodes.entry(name).or_default();
                    said.features.extend(note.features.iter().cloned());
                    said.weight = note.weight.map(|weight| weight.0 as u32).or(said.weight);
                }
            }
            Err(what) => build.error(note.names.error(format!("a list of hosts {what}"))),
        }
    }
}

/// Whether what the labels and annotations of an object ask for can be meant; errors are noted.
pub(super) fn check_annotations(build: &mut Build<'_>, sourced: &Sourced) {
    let meta = sourced.object.meta();
    let pairs = meta.labels.iter().chain(meta.annotations.iter());
    if let Err(what) = Attributes::read(pairs.map(|(key, value)| (key.as_str(), value.as_str()))) {
        build.error(Diagnostic::error(sourced.at(Part::Name), what).found(&meta.name));
    }
}
