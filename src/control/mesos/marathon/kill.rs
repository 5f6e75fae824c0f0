//! Which instances of an app Marathon kills first.
//!
//! Marathon, core/deployment/ScalingProposition.scala (reference control-plane §7.5).

use crate::base::Time;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// `killSelection`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Selection {
    /// Those that were staged last.
    #[default]
    YoungestFirst,
    /// Those that were staged first.
    OldestFirst,
}

/// How far an instance has come; those further up are killed first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// Its agent is unreachable.
    Unreachable,
    /// It was handed to its agent.
    Staging,
    /// Its executor has begun.
    Starting,
    /// It runs.
    Running,
}

/// An instance that may be killed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// What its owner knows it by.
    pub key: u64,
    /// How far it has come.
    pub state: State,
    /// When it came there.
    pub since: Time,
    /// Whether it is being killed anyway.
    pub sentenced: bool,
    /// What a GROUP_BY constraint counts it under; empty where there is none.
    pub group: String,
}

/// The instances to kill, first ones first: sentenced ones, then from the largest groups while the groups
/// are uneven, then by state, then by age.
pub fn choose(mut instances: Vec<Instance>, amount: usize, selection: Selection) -> Vec<u64> {
    let age = |one: &Instance| match selection {
        Selection::YoungestFirst => (Reverse(one.since.0), Reverse(one.key)),
        Selection::OldestFirst => (Reverse(u64::MAX - one.since.0), Reverse(u64::MAX - one.key)),
    };
    instances.sort_by_key(|one| (!one.sentenced, one.state, age(one)));
    let (mut chosen, mut rest): (Vec<Instance>, Vec<Instance>) =
        instances.into_iter().partition(|one| one.sentenced);
    chosen.truncate(amount);
    while chosen.len() < amount && !rest.is_empty() {
        let largest = uneven(&rest);
        let next = rest.iter().position(|one| largest.as_ref().is_none_or(|group| one.group == *group));
        chosen.push(rest.remove(next.unwrap_or(0)));
    }
    chosen.into_iter().map(|one| one.key).collect()
}

/// The group with the most instances, if another has fewer.
fn uneven(instances: &[Instance]) -> Option<String> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for one in instances {
        *sizes.entry(one.group.as_str()).or_default() += 1;
    }
    let least = sizes.values().min()?;
    let (group, most) = sizes.iter().max_by_key(|(group, size)| (**size, Reverse(**group)))?;
    (most > least).then(|| (*group).to_owned())
}
