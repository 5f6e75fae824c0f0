//! The constants of control planes, and what is asked for in their own words, by seed.

use super::super::dice::Dice;
use super::Which;
use super::generate::{Kind, Row, Thing};
use crate::base::Span;
use crate::control::config::Plane;
use crate::control::mesos::batch::queue;
use crate::control::mesos::settings::{BatchSettings, FrameworkKind, FrameworkSettings, RoleSettings};
use crate::control::mesos::share::Weight;
use crate::control::slurm::Site;
use crate::control::slurm::model::{Partition, PreemptMode, PreemptType, Qos};
use crate::control::slurm::settings::ReturnToService;
use crate::control::slurm::site::{Members, SitePartition};
use crate::control::slurm::tres::{CPU, TresLimit};
use crate::control::swarm::{RestartCondition, RestartPolicy, ServiceSettings};
use crate::control::{mesos, swarm};

/// The partition that has only the first node.
pub(super) const FAST: &str = "fast";
/// The longest time limit there, in seconds.
const FAST_MAX: u64 = 1_800;
/// The role of frameworks that run tasks to their end.
const BATCH_ROLE: &str = "chronos";

/// What a case runs under.
#[derive(Clone, Debug)]
pub(super) struct Settings(Plane);

/// Draws the constants.
pub(super) fn draw(dice: &mut Dice, which: Which, ideal: bool) -> Settings {
    Settings(match which {
        Which::Slurm => Plane::Slurm(Box::new(site(dice, ideal))),
        Which::Swarm => Plane::Swarm(Box::new(swarm(dice, ideal))),
        Which::Mesos => Plane::Mesos(Box::new(mesos(dice, ideal))),
    })
}

fn site(dice: &mut Dice, ideal: bool) -> Site {
    let mut site = Site::default();
    let settings = &mut site.settings;
    if ideal {
        settings.main.delay = 0;
    }
    settings.backfill.enabled = dice.chance(70);
    settings.weights.age = dice.pick(&[0, 1_000]);
    settings.weights.fair_share = dice.pick(&[0, 10_000]);
    settings.weights.qos = dice.pick(&[0, 1_000]);
    settings.return_to_service =
        dice.pick(&[ReturnToService::Never, ReturnToService::IfUnresponsive, ReturnToService::Always]);
    settings.job_requeue = dice.chance(80);
    settings.requeue_delay = dice.pick(&[10, 120]);
    settings.kill_wait = dice.pick(&[5, 30]);
    settings.node_timeout = dice.pick(&[60, 300]);
    settings.preemption.kind =
        dice.pick(&[PreemptType::None, PreemptType::PartitionPriority, PreemptType::Qos]);
    settings.preemption.mode = dice.pick(&[PreemptMode::Cancel, PreemptMode::Requeue, PreemptMode::Requeue]);
    settings.preemption.exempt_time = dice.pick(&[0, 60]);
    let named = |name: &str| Qos { name: name.to_owned(), ..Qos::default() };
    let limited = Qos {
        max_jobs_per_user: dice.chance(50).then(|| dice.between(1, 2) as u32),
        max_tres_per_user: TresLimit(vec![(CPU, dice.between(3, 4) as i64)]),
        group_tres: TresLimit(vec![(CPU, dice.between(3, 5) as i64)]),
        group_jobs: dice.chance(50).then(|| dice.between(1, 3) as u32),
        ..named("limited")
    };
    site.qos = vec![named("normal"), limited, Qos { priority: 10, preempt: vec![0], ..named("urgent") }];
    let rules = Partition {
        name: FAST.into(),
        tier: 2,
        job_factor: 1,
        max_time: Some(FAST_MAX),
        ..Partition::default()
    };
    site.partitions.push(SitePartition { rules, members: Members::Named(["n0".to_owned()].into()) });
    site
}

fn swarm(dice: &mut Dice, ideal: bool) -> swarm::Settings {
    let mut settings = swarm::Settings::default();
    if ideal {
        (settings.debounce, settings.max_latency) = (Span::ZERO, Span::ZERO);
        (settings.reaper_batching, settings.heartbeat_epsilon) = (Span::ZERO, Span::ZERO);
    }
    settings.task_history = dice.pick(&[5, 5, 0, 1, -1]);
    settings.service.restart = RestartPolicy {
        condition: dice.pick(&[RestartCondition::Any, RestartCondition::Any, RestartCondition::OnFailure]),
        delay: dice.seconds(1, 10),
        ..RestartPolicy::default()
    };
    settings
}

fn mesos(dice: &mut Dice, ideal: bool) -> mesos::Settings {
    let mut settings = mesos::Settings::default();
    if ideal {
        settings.registration_backoff = Span::ZERO;
    }
    settings.offer_timeout = dice.chance(30).then(|| dice.seconds(5, 20));
    let marathon = FrameworkSettings::new("marathon", FrameworkKind::Marathon(<_>::default()));
    let mut batch = BatchSettings::default();
    batch.retries.retries = dice.between(0, 2) as u32;
    batch.retries.delay = dice.seconds(1, 60);
    batch.order = dice.pick(&[queue::Order::default(), queue::Order::FirstFit]);
    batch.refuse = dice.pick(&[1.0, 5.0]);
    batch.partition_aware = dice.chance(30);
    let batch = FrameworkSettings {
        per_user: dice.chance(30),
        think: dice.pick(&[Span::ZERO, Span::from_millis(500), Span::from_secs(3)]),
        ..FrameworkSettings::new(BATCH_ROLE, FrameworkKind::Batch(batch))
    };
    let is_quick = batch.think < settings.allocation_interval;
    settings.frameworks = vec![marathon, batch];
    let limit = dice.chance(50).then(|| ("cpu".to_owned(), 1_000 * dice.between(1, 4) as i64));
    // A framework that is slower than the allocator can hold parts of a limit in turns for ever, none of
    // which is enough for a task.
    let limit = limit.filter(|_| is_quick);
    settings.roles = vec![
        RoleSettings {
            name: "marathon".into(),
            weight: Weight(dice.pick(&[1_000, 3_000])),
            guarantee: if dice.chance(30) { vec![("cpu".to_owned(), 1_000)] } else { Vec::new() },
            limit: Vec::new(),
        },
        RoleSettings { name: BATCH_ROLE.into(), limit: limit.into_iter().collect(), ..<_>::default() },
    ];
    settings
}

impl Settings {
    /// The control plane.
    pub(super) fn plane(&self) -> Plane {
        self.0.clone()
    }

    /// The site, under Slurm.
    pub(super) fn site(&self) -> Option<&Site> {
        if let Plane::Slurm(site) = &self.0 { Some(site) } else { None }
    }

    /// The constants in a line, as far as they are drawn.
    pub(super) fn in_words(&self) -> String {
        match &self.0 {
            Plane::Slurm(site) => {
                let settings = &site.settings;
                format!(
                    "{:?}, backfill {}, {:?}, requeue {}, limited: {:?}",
                    settings.preemption,
                    settings.backfill.enabled,
                    settings.return_to_service,
                    settings.job_requeue,
                    site.qos[1]
                )
            }
            Plane::Swarm(settings) => {
                format!("{:?}, history {}", settings.service.restart, settings.task_history)
            }
            Plane::Mesos(settings) => {
                format!("{:?}, {:?}, {:?}", settings.offer_timeout, settings.roles, settings.frameworks[1])
            }
            Plane::Kubernetes => String::new(),
        }
    }

    /// How a service is run, in a swarm.
    pub(super) fn service(&self, thing: &Thing) -> Option<ServiceSettings> {
        let Plane::Swarm(settings) = &self.0 else { return None };
        let annotations = thing.annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        settings.service.with(&annotations).ok()
    }

    /// The most that the batch frameworks of Mesos may have, in millicores.
    pub(super) fn batch_limit(&self) -> Option<i64> {
        let Plane::Mesos(settings) = &self.0 else { return None };
        let role = settings.roles.iter().find(|role| role.name == BATCH_ROLE)?;
        role.limit.first().map(|(_, most)| *most)
    }

    /// How often a task of a Job is tried again by Mesos' batch frameworks, and how long they wait before.
    pub(super) fn retries(&self) -> Option<(u32, Span)> {
        let Plane::Mesos(settings) = &self.0 else { return None };
        settings.frameworks.iter().find_map(|framework| match &framework.kind {
            FrameworkKind::Batch(batch) => Some((batch.retries.retries, batch.retries.delay)),
            FrameworkKind::Marathon(_) => None,
        })
    }

    /// Says more of an object in the words of its control plane.
    pub(super) fn annotate(&self, dice: &mut Dice, thing: &mut Thing, after: Option<(String, bool)>) {
        let mut say =
            |key: &str, value: String| thing.annotations.insert(format!("seatrial.dev/{key}"), value);
        match &self.0 {
            Plane::Slurm(_) => {
                if let Some((other, must_succeed)) = after {
                    let kind = if must_succeed { "afterok" } else { "afterany" };
                    say("slurm-dependency", format!("{kind}:{other}"));
                }
            }
            Plane::Mesos(_) => {
                if let Some((other, _)) = after {
                    say("mesos-parents", other);
                }
            }
            Plane::Swarm(_) => {
                if dice.chance(40) {
                    say("swarm-restart-condition", dice.pick(&["none", "on-failure", "any"]).into());
                }
                if dice.chance(30) {
                    say("swarm-restart-max-attempts", dice.between(0, 3).to_string());
                }
                if thing.kind != Kind::Global && dice.chance(30) {
                    say("swarm-max-replicas-per-node", dice.between(1, 2).to_string());
                }
            }
            Plane::Kubernetes => {}
        }
    }
}

/// Says more of a row in Slurm's words.
pub(super) fn label(dice: &mut Dice, row: &mut Row, may_be_alone: bool) {
    let mut say =
        |key: &str, value: String| row.shape.labels.insert(format!("seatrial.dev/slurm-{key}"), value);
    if dice.chance(25) {
        say("partition", FAST.into());
        row.shape.zone = None;
    } else if row.tasks > 1 && dice.chance(20) {
        say("ntasks-per-node", "2".into());
        row.shape.zone = None;
    }
    match dice.between(0, 9) {
        0..=3 => {
            say("qos", "limited".into());
        }
        4 | 5 => {
            say("qos", "urgent".into());
        }
        _ => {}
    }
    if dice.chance(15) {
        say("begin", format!("{}s", dice.between(1, 200)));
    }
    if dice.chance(4) {
        say("hold", "true".into());
    }
    if dice.chance(15) {
        say("requeue", "false".into());
    }
    if may_be_alone && dice.chance(20) {
        say("exclusive", "true".into());
    }
}
