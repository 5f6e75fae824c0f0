//! The orchestrators: services from the objects of people, and how many tasks each has.

use super::tasks::{mode_name, spec_of};
use super::{Act, Manager, ORCHESTRATOR};
use crate::api::Status;
use crate::api::status::{Condition, JobStatus, Truth};
use crate::base::Time;
use crate::base::ids::{NodeId, WorkloadId};
use crate::cluster::{Reason, Workload, WorkloadKind};
use crate::control::swarm::restart::Start;
use crate::control::swarm::scale::{Slot, free_numbers, new_tasks, removed};
use crate::control::swarm::service::ServiceSettings;
use crate::control::swarm::state::State;
use crate::control::swarm::store::{Mode, Service, ServiceId, Task, TaskId};
use crate::control::swarm::update::Progress;
use crate::control::{About, Write};
use std::collections::{BTreeMap, BTreeSet};

impl Manager {
    pub(super) fn service_added(&mut self, workload: WorkloadId, object: &Workload, act: &mut Act<'_>) {
        let settings = self.settings_of(&object.kind);
        let mode = mode_of(&object.kind, settings.is_global);
        let Some(mode) = mode.filter(|_| object.owner.is_none()) else { return };
        let Some(template) = object.kind.template() else { return };
        let id = self.store.services.len() as ServiceId;
        self.store.services.push(Service {
            workload,
            mode,
            spec: spec_of(object.class, template, &settings),
            previous: None,
            settings,
            version: 1,
            is_removed: false,
            slots: BTreeMap::new(),
            histories: BTreeMap::new(),
            updater: None,
            progress: Progress::None,
            numbers: 0,
            completed: 0,
        });
        self.store.of_workload.insert(workload, id);
        act.tell(ORCHESTRATOR, About::Workload(workload), "ServiceCreated", mode_name(mode));
        self.reconcile(id, act);
    }

    /// The settings of a service: those of the swarm with what its annotations say. What they say was
    /// checked before; what cannot be meant changes nothing.
    fn settings_of(&self, kind: &WorkloadKind) -> ServiceSettings {
        let default = &self.settings.service;
        default.with(&kind.meta().annotations).unwrap_or_else(|_| default.clone())
    }

    /// The specification of a service was written.
    pub(super) fn service_changed(&mut self, workload: WorkloadId, act: &mut Act<'_>) {
        let Some(&id) = self.store.of_workload.get(&workload) else { return };
        let object = &act.cluster.workloads[workload];
        let settings = self.settings_of(&object.kind);
        let mode = mode_of(&object.kind, settings.is_global);
        let (Some(mode), Some(template)) = (mode, object.kind.template()) else { return };
        let spec = spec_of(object.class, template, &settings);
        let row = self.store.service_mut(id);
        row.version += 1;
        (row.mode, row.settings) = (mode, settings);
        if row.spec != spec {
            row.previous = Some(std::mem::replace(&mut row.spec, spec));
            // A new specification takes the place of an update that is under way, or has stopped.
            row.progress = Progress::None;
        }
        self.reconcile(id, act);
        self.begin_update(id, false, act);
    }

    /// A service is gone: so are its tasks.
    pub(super) fn service_removed(&mut self, workload: WorkloadId, act: &mut Act<'_>) {
        let Some(id) = self.store.of_workload.remove(&workload) else { return };
        let row = self.store.service_mut(id);
        (row.is_removed, row.updater) = (true, None);
        let tasks: Vec<TaskId> = row.slots.values().flatten().copied().collect();
        for task in tasks {
            self.remove_task(task, Reason::OwnerDeleted, act);
        }
    }

    fn remove_task(&mut self, id: TaskId, reason: Reason, act: &mut Act<'_>) {
        self.stop_task(id, State::Remove, reason, act);
        if self.store.task(id).is_some_and(|task| task.pod.is_none() && task.observed.is_over()) {
            self.store.remove(id);
        }
    }

    fn reconcile(&mut self, id: ServiceId, act: &mut Act<'_>) {
        match self.store.service(id).mode {
            Mode::Replicated(replicas) => self.reconcile_replicated(id, replicas as usize, act),
            Mode::Global | Mode::GlobalJob => self.reconcile_global(id, act),
            Mode::Job { .. } => self.reconcile_job(id, act),
        }
    }

    fn reconcile_replicated(&mut self, id: ServiceId, replicas: usize, act: &mut Act<'_>) {
        let runnable = self.store.runnable_slots(id);
        if runnable.len() < replicas {
            let used: BTreeSet<u32> = runnable.iter().copied().collect();
            for slot in free_numbers(1, replicas - runnable.len(), |number| used.contains(&number)) {
                // A slot whose tasks have all ended, and may not be restarted, begins anew.
                let dead: Vec<TaskId> = self.store.in_slot(id, slot).map(|(task, _)| task).collect();
                for task in dead {
                    self.remove_task(task, Reason::Deleted, act);
                }
                self.start_new(id, slot, act);
            }
        } else if runnable.len() > replicas {
            let slots: Vec<Slot> = runnable.iter().map(|slot| self.slot(id, *slot)).collect();
            for slot in removed(&slots, replicas) {
                let tasks: Vec<TaskId> = self.store.in_slot(id, slot).map(|(task, _)| task).collect();
                for task in tasks {
                    self.remove_task(task, Reason::ScaledDown, act);
                }
            }
        }
    }

    fn slot(&self, service: ServiceId, number: u32) -> Slot {
        let active: Vec<&Task> = self
            .store
            .in_slot(service, number)
            .map(|(_, task)| task)
            .filter(|task| task.desired.is_wanted())
            .collect();
        let runs = active.iter().any(|task| task.observed == State::Running);
        let node = active.last().and_then(|task| task.node);
        Slot { number, runs, node }
    }

    /// A new task that may start at once.
    fn start_new(&mut self, service: ServiceId, slot: u32, act: &mut Act<'_>) {
        let goal = self.store.service(service).mode.goal();
        self.create_task(service, slot, goal, act);
    }

    /// Every global service, as the nodes are now.
    pub(super) fn reconcile_globals(&mut self, act: &mut Act<'_>) {
        let ids = 0..self.store.services.len() as ServiceId;
        let globals: Vec<ServiceId> = ids
            .filter(|id| {
                let service = self.store.service(*id);
                service.mode.is_global() && !service.is_removed
            })
            .collect();
        for id in globals {
            self.reconcile_global(id, act);
        }
    }

    fn reconcile_global(&mut self, id: ServiceId, act: &mut Act<'_>) {
        let service = self.store.service(id);
        let is_job = service.mode.is_job();
        let nodes = self.global_nodes(&service.spec.constraints, act.cluster);
        let runnable: BTreeSet<u32> = self.store.runnable_slots(id).into_iter().collect();
        for node in nodes {
            let done = |task: &Task| is_job && task.observed == State::Complete;
            let has_one =
                runnable.contains(&node.0) || self.store.in_slot(id, node.0).any(|(_, task)| done(task));
            if !has_one {
                self.start_new(id, node.0, act);
            }
        }
        // A node that does not meet the constraints any more loses its task; a paused one keeps it.
        let lost: Vec<TaskId> = runnable
            .iter()
            .filter(|slot| {
                let node = NodeId(**slot);
                !super::scheduler::meets(act.cluster, node, &self.store.service(id).spec.constraints)
            })
            .flat_map(|slot| self.store.in_slot(id, *slot).map(|(task, _)| task).collect::<Vec<_>>())
            .collect();
        for task in lost {
            self.stop_task(task, State::Shutdown, Reason::ScaledDown, act);
        }
    }

    /// Starts what a job may start now, and says when it is complete.
    pub(super) fn reconcile_job(&mut self, id: ServiceId, act: &mut Act<'_>) {
        let Mode::Job { completions, concurrent } = self.store.service(id).mode else {
            return self.note_job(
                id,
                self.store.nodes.iter().filter(|node| node.is_available()).count() as u32,
                act,
            );
        };
        let row = self.store.service(id);
        if row.is_removed {
            return;
        }
        let complete = row.completed;
        let running = self
            .store
            .runnable_slots(id)
            .into_iter()
            .filter(|slot| {
                self.store
                    .in_slot(id, *slot)
                    .any(|(_, task)| task.desired.is_wanted() && !task.observed.is_over())
            })
            .count() as u32;
        let count = new_tasks(completions, concurrent, running, complete) as usize;
        let used: BTreeSet<u32> = row.histories.keys().chain(row.slots.keys()).copied().collect();
        for slot in free_numbers(0, count, |number| used.contains(&number)) {
            // The slot stays in use when its tasks are forgotten.
            self.store.service_mut(id).histories.entry(slot).or_default();
            self.start_new(id, slot, act);
        }
        self.note_job(id, completions, act);
    }

    /// Writes how far a job is.
    fn note_job(&mut self, id: ServiceId, completions: u32, act: &mut Act<'_>) {
        let row = self.store.service(id);
        let workload = row.workload;
        let (complete, now) = (row.completed, act.now);
        let mut status = JobStatus { succeeded: complete as i32, ..JobStatus::default() };
        status.start = Some(act.cluster.workloads[workload].created);
        if complete >= completions {
            status.completion = Some(now);
            let kind = "Complete";
            status.conditions.push(Condition {
                kind,
                status: Truth::True,
                reason: "",
                since: now,
                updated: now,
            });
        }
        let is_over =
            act.cluster.workloads[workload].job_status().is_some_and(|status| status.end().is_some());
        if !is_over {
            let status = Status::Job(Box::new(status));
            act.write(ORCHESTRATOR, Write::WorkloadStatus { workload, status });
        }
    }

    /// A new task in a slot that starts when those before it have stopped, at once if there are none.
    pub(super) fn replace_task(
        &mut self,
        service: ServiceId,
        slot: u32,
        old: Vec<TaskId>,
        act: &mut Act<'_>,
    ) -> TaskId {
        let until = act.now + self.settings.stop_timeout;
        let waits_until = (!old.is_empty()).then_some(until);
        let id = self.create_task(service, slot, State::Ready, act);
        let start = Start { at: Time(act.now.0), waits_until };
        self.store.change(id, |task| (task.start, task.waits_for) = (Some(start), old));
        self.arm_start(id, act);
        id
    }
}

/// Which kind of service an object is; `None` if it is none.
fn mode_of(kind: &WorkloadKind, is_global: bool) -> Option<Mode> {
    let count = |replicas: i32| replicas.max(0) as u32;
    Some(match kind {
        WorkloadKind::DaemonSet(_) => Mode::Global,
        WorkloadKind::Job(job) if job.suspend => Mode::Job { completions: u32::MAX, concurrent: 0 },
        WorkloadKind::Job(_) if is_global => Mode::GlobalJob,
        WorkloadKind::Job(job) => Mode::Job {
            completions: count(job.completions.unwrap_or(job.parallelism)),
            concurrent: count(job.parallelism),
        },
        WorkloadKind::Deployment(_) | WorkloadKind::ReplicaSet(_) | WorkloadKind::StatefulSet(_)
            if is_global =>
        {
            Mode::Global
        }
        WorkloadKind::Deployment(object) => Mode::Replicated(count(object.replicas)),
        WorkloadKind::ReplicaSet(object) => Mode::Replicated(count(object.replicas)),
        WorkloadKind::StatefulSet(object) => Mode::Replicated(count(object.replicas)),
        WorkloadKind::CronJob(_)
        | WorkloadKind::HorizontalPodAutoscaler(_)
        | WorkloadKind::PodDisruptionBudget(_)
        | WorkloadKind::ResourceQuota(_)
        | WorkloadKind::Service(_) => return None,
    })
}
