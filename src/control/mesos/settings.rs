//! The constants of a Mesos cluster: its master, its roles and its frameworks.
//!
//! Defaults are those of Mesos, Marathon and Chronos (reference control-plane §7.1, §7.5, §7.6).

use super::agents::Pings;
use super::batch::{queue, retries};
use super::filters::DEFAULT_REFUSAL;
use super::marathon::{backoff, kill, unreachable, upgrade, wants};
use super::share::Weight;
use crate::base::Span;

/// Amounts by the name of the resource, in millicores, bytes and units.
pub type Named = Vec<(String, i64)>;

/// The whole of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The time between two allocations of all agents.
    pub allocation_interval: Span,
    /// An offer holds at least one of these; none: any will do.
    pub min_allocatable: Vec<Named>,
    /// Resources that do not count in shares.
    pub excluded: Vec<String>,
    /// After which an offer is taken back that nobody has answered; `None` for never.
    pub offer_timeout: Option<Span>,
    /// How agents are watched.
    pub pings: Pings,
    /// The time between two agents that are marked unreachable; `None` for no limit.
    pub removal_spacing: Option<Span>,
    /// The longest wait of a new agent before it registers; each draws its own.
    pub registration_backoff: Span,
    /// What is said of roles.
    pub roles: Vec<RoleSettings>,
    /// The frameworks, in order of registration.
    pub frameworks: Vec<FrameworkSettings>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            allocation_interval: Span::from_secs(1),
            min_allocatable: vec![vec![("cpu".into(), 10)], vec![("memory".into(), 32 << 20)]],
            excluded: Vec::new(),
            offer_timeout: None,
            pings: Pings::default(),
            removal_spacing: None,
            registration_backoff: Span::from_secs(1),
            roles: Vec::new(),
            frameworks: Settings::both(),
        }
    }
}

impl Settings {
    /// A framework of each kind, in a role of its own.
    pub fn both() -> Vec<FrameworkSettings> {
        vec![
            FrameworkSettings::new("marathon", FrameworkKind::Marathon(MarathonSettings::default())),
            FrameworkSettings::new("chronos", FrameworkKind::Batch(BatchSettings::default())),
        ]
    }
}

/// What is said of a role.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RoleSettings {
    /// Its name; slashes make it one below others.
    pub name: String,
    /// Its weight among its siblings.
    pub weight: Weight,
    /// What is held back for it.
    pub guarantee: Named,
    /// The most that it may have.
    pub limit: Named,
}

/// A framework.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameworkSettings {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Which objects it looks after.
    pub takes: Takes,
    /// Whether each user has a framework of this sort, in a role below this one.
    pub per_user: bool,
    /// How long it thinks about an offer.
    pub think: Span,
    /// What it does.
    pub kind: FrameworkKind,
}

impl FrameworkSettings {
    /// A framework in a role of the same name that takes all there is for its kind.
    pub fn new(name: &str, kind: FrameworkKind) -> FrameworkSettings {
        FrameworkSettings {
            name: name.to_owned(),
            role: name.to_owned(),
            takes: Takes::default(),
            per_user: false,
            think: Span::ZERO,
            kind,
        }
    }
}

/// Which objects a framework looks after: those that meet every condition that is given.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Takes {
    /// Of one of these namespaces.
    pub namespaces: Vec<String>,
    /// Submitted by one of these users.
    pub users: Vec<i32>,
    /// Submitted to one of these queues.
    pub queues: Vec<i32>,
    /// Whose pods have these labels.
    pub labels: Vec<(String, String)>,
}

/// What a framework does.
#[derive(Clone, PartialEq, Debug)]
pub enum FrameworkKind {
    /// It keeps apps running.
    Marathon(MarathonSettings),
    /// It runs tasks to their end.
    Batch(BatchSettings),
}

/// How a framework of the kind of Marathon works.
#[derive(Clone, PartialEq, Debug)]
pub struct MarathonSettings {
    /// Launch delays.
    pub backoff: backoff::Settings,
    /// How apps are replaced.
    pub upgrade: upgrade::Strategy,
    /// Which instances go first.
    pub kill: kill::Selection,
    /// What is done about instances on unreachable agents.
    pub unreachable: unreachable::Strategy,
    /// How offers are asked for and turned down.
    pub offers: wants::Settings,
    /// How long a task may take to run before it is killed.
    pub launch_timeout: Span,
}

impl Default for MarathonSettings {
    fn default() -> MarathonSettings {
        MarathonSettings {
            backoff: backoff::Settings::default(),
            upgrade: upgrade::Strategy::default(),
            kill: kill::Selection::default(),
            unreachable: unreachable::Strategy::default(),
            offers: wants::Settings::default(),
            launch_timeout: Span::from_secs(300),
        }
    }
}

/// How a batch framework works.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchSettings {
    /// Retries of failed tasks of Jobs.
    pub retries: retries::Settings,
    /// How its queue is gone through.
    pub order: queue::Order,
    /// How long an offer is refused that nothing fits in, in seconds; the same for what is left of one.
    pub refuse: f64,
    /// Tasks that an offer is used for at most.
    pub launches_per_offer: usize,
    /// Whether it bears tasks that come back after their agent was unreachable.
    pub partition_aware: bool,
}

impl Default for BatchSettings {
    fn default() -> BatchSettings {
        BatchSettings {
            retries: retries::Settings::default(),
            order: queue::Order::default(),
            refuse: DEFAULT_REFUSAL.as_secs_f64(),
            launches_per_offer: usize::MAX,
            partition_aware: false,
        }
    }
}
