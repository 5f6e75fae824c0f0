//! Why a job does not start: in kinds, for the queues, and in words, for people.

use crate::base::BitSet;
use crate::base::ids::{ClassId, NodeId, ResourceId};
use crate::cluster::Fleet;

/// Millicores in a core.
const MILLI_PER_UNIT: i64 = 1_000;

/// Why the first job of a lane cannot start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waits {
    /// No node has room for a task.
    Room,
    /// So many of its tasks would fit, but not all that must start at once.
    Siblings(u32),
    /// Its queue has all that it may have.
    Queue,
}

/// Why a job can never run.
#[derive(Clone, PartialEq, Debug)]
pub enum Refused {
    /// No node could hold one task, even if nothing else were on it; in words.
    TooLarge(String),
    /// All nodes together hold only so many of its tasks, which it needs at once.
    TooMany(u64),
    /// Its queue may never hold as much: its maximum as a share of the nodes.
    Queue(f64),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::TooLarge(words) => f.write_str(words),
            Refused::TooMany(room) => write!(f, "more tasks at once than the nodes hold: {room}"),
            Refused::Queue(max) => write!(f, "larger than its queue may be: {}% of the nodes", max * 100.0),
        }
    }
}

/// Whether tasks of a class could run on the nodes as they are when nothing is on them, `tasks` of
/// them at once.
pub(super) fn refuse(
    fleet: &Fleet,
    class: ClassId,
    eligible: Option<&BitSet>,
    tasks: u32,
) -> Result<(), Refused> {
    let rows = || (0..fleet.cluster.nodes.len()).filter(|&row| eligible.is_none_or(|set| set.contains(row)));
    let mut room = 0;
    for row in rows() {
        room += fleet.slots(class, NodeId(row as u32));
        if room >= u64::from(tasks) {
            return Ok(());
        }
    }
    if room > 0 {
        return Err(Refused::TooMany(room));
    }
    let all =
        |resource: ResourceId, node: NodeId| fleet.cluster.nodes.allocatable[resource.index()][node.index()];
    Err(Refused::TooLarge(words(fleet, class, rows(), all, "the largest node has")))
}

/// How many tasks of a class fit now at the most.
pub(super) fn room(fleet: &Fleet, class: ClassId, eligible: Option<&BitSet>) -> u32 {
    let requests = &fleet.cluster.classes[class].requests;
    let rows = fleet.up.iter().filter(|&row| eligible.is_none_or(|set| set.contains(row)));
    let rows = rows.filter(|&row| fleet.fits(class, NodeId(row as u32)));
    let of = |row: usize| {
        let node = NodeId(row as u32);
        let fits = requests.iter().map(|&(resource, amount)| fleet.free(resource, node) / amount);
        let slots = fleet.cluster.nodes.allowed_pods[row] - fleet.cluster.nodes.pod_count[row];
        fits.min().unwrap_or(i64::MAX).min(slots).max(0) as u64
    };
    u32::try_from(rows.map(of).sum::<u64>()).unwrap_or(u32::MAX)
}

/// Why no node has room for a task of a class now.
pub(super) fn no_room(fleet: &Fleet, class: ClassId, eligible: Option<&BitSet>) -> String {
    let rows = fleet.up.iter().filter(|&row| eligible.is_none_or(|set| set.contains(row)));
    let free = |resource: ResourceId, node: NodeId| fleet.free(resource, node);
    words(fleet, class, rows, free, "the node with the most free has")
}

/// The resources of which no node has enough, or that no node has all of them at once.
fn words(
    fleet: &Fleet,
    class: ClassId,
    rows: impl Iterator<Item = usize>,
    amount_of: impl Fn(ResourceId, NodeId) -> i64,
    has: &str,
) -> String {
    let requests = &fleet.cluster.classes[class].requests;
    let mut most = vec![0; requests.len()];
    let (mut nodes, mut slots) = (0, false);
    for row in rows {
        nodes += 1;
        slots |= fleet.cluster.nodes.pod_count[row] < fleet.cluster.nodes.allowed_pods[row];
        for (most, &(resource, _)) in most.iter_mut().zip(requests) {
            *most = amount_of(resource, NodeId(row as u32)).max(*most);
        }
    }
    if nodes == 0 {
        return "no node that is up has the labels it asks for, or bears it".into();
    }
    let short = requests.iter().zip(&most).filter(|((_, needed), most)| needed > *most);
    let texts: Vec<String> = short
        .map(|(&(resource, needed), &most)| {
            let name = fleet.cluster.resource_name(resource);
            format!("needs {} {name}, {has} {}", amount(resource, needed), amount(resource, most))
        })
        .collect();
    match texts.as_slice() {
        [] if !slots => "no node has a slot for one more task".into(),
        [] => {
            let all = requests.iter().map(|&(resource, needed)| {
                format!("{} {}", amount(resource, needed), fleet.cluster.resource_name(resource))
            });
            format!("needs {} on one node, no node has them together", all.collect::<Vec<_>>().join(" and "))
        }
        texts => texts.join("; "),
    }
}

/// An amount in the units that people write.
fn amount(resource: ResourceId, units: i64) -> String {
    const KIB: i64 = 1 << 10;
    match resource {
        ResourceId::CPU if units % MILLI_PER_UNIT == 0 => (units / MILLI_PER_UNIT).to_string(),
        ResourceId::CPU => format!("{units}m"),
        ResourceId::MEMORY | ResourceId::EPHEMERAL_STORAGE => {
            let suffixes = ["", "Ki", "Mi", "Gi", "Ti"];
            let (mut value, mut suffix) = (units, 0);
            while value != 0 && value % KIB == 0 && suffix + 1 < suffixes.len() {
                value /= KIB;
                suffix += 1;
            }
            format!("{value}{}", suffixes[suffix])
        }
        _ => units.to_string(),
    }
}
