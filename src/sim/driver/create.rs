//! What people and sources bring into a run: objects of manifests, submissions.

use super::{Happening, LatestClass, Run, RunError};
use crate::api::{Node, Object, Pod, PodPhase, Taint, TaintEffect};
use crate::base::ids::{ClassId, NodeId, PoolId};
use crate::base::rng::key_of;
use crate::cluster::{Cluster, JobFacts, JobOrigin, PodName, PodRef, WorkloadKind};
use crate::control::node_lifecycle::NOT_READY;
use crate::control::{Note, PodStatus};
use crate::sim::api_server::PodRequest;
use crate::sim::faults::Outage;
use crate::sim::queue::Class;
use crate::sim::record::{Record, View};
use crate::sim::setup::{Submission, SubmissionName};
use crate::sim::world::Arrival;
use std::sync::Arc;

/// The object as the row that a controller looks after; others are given back.
pub(super) fn workload_kind(object: Object) -> Result<WorkloadKind, Object> {
    Ok(match object {
        Object::Deployment(object) => WorkloadKind::Deployment(*object),
        Object::ReplicaSet(object) => WorkloadKind::ReplicaSet(*object),
        Object::StatefulSet(object) => WorkloadKind::StatefulSet(*object),
        Object::DaemonSet(object) => WorkloadKind::DaemonSet(*object),
        Object::Job(object) => WorkloadKind::Job(*object),
        Object::CronJob(object) => WorkloadKind::CronJob(*object),
        Object::HorizontalPodAutoscaler(object) => WorkloadKind::HorizontalPodAutoscaler(*object),
        Object::PodDisruptionBudget(object) => WorkloadKind::PodDisruptionBudget(*object),
        Object::ResourceQuota(object) => WorkloadKind::ResourceQuota(*object),
        Object::Service(object) => WorkloadKind::Service(*object),
        other => return Err(other),
    })
}

impl Run<'_> {
    /// Creates an object of a manifest.
    pub(super) fn create(&mut self, object: Object) {
        let kind = match object {
            Object::Pod(pod) => return self.create_pod(&pod, None),
            Object::Node(node) => return self.create_node(node),
            object => match workload_kind(object) {
                Ok(kind) => kind,
                // Priority classes were resolved when the manifests were read.
                Err(other) => return self.cluster.enter(other),
            },
        };
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "user" });
        };
        let made = self.api.create_workload(now, kind, None, &mut self.cluster, &mut tell);
        self.announce_side_events();
        // What exists already is left as it is, and what a quota forbids is not made.
        match made {
            Ok(event) => self.announce(event),
            Err(_) => self.tell_of_denial(),
        }
    }

    /// Says which quota has forbidden an object.
    fn tell_of_denial(&mut self) {
        if let Some(quota) = self.api.take_denial() {
            let note = Note::Workload { workload: quota, reason: "FailedCreate" };
            self.tell("user", &Record::Note(&note));
        }
    }

    /// Creates a node during the run. The API server admits it with a taint that the node
    /// life-cycle controller takes off when it has seen that the node is ready (Kubernetes 1.36,
    /// plugin/pkg/admission/nodetaint).
    pub(super) fn create_node(&mut self, mut object: Box<Node>) {
        let nodes = &self.cluster.nodes;
        let known = self.cluster.names.get(&object.meta.name);
        let again = (0..nodes.len()).find(|&row| Some(nodes.name[row]) == known);
        if again.is_some_and(|row| nodes.present.contains(row)) {
            return;
        }
        let node = NodeId(again.unwrap_or(nodes.len()) as u32);
        if again.is_none() {
            self.faults.down.push(Outage::default());
        }
        let former = std::mem::take(&mut self.faults.down[node.index()]);
        let taint = Taint { key: NOT_READY.into(), value: String::new(), effect: TaintEffect::NoSchedule };
        let given = object.taints.iter().any(|given| given.key == taint.key && given.effect == taint.effect);
        let mut told: Vec<(&'static str, Taint)> =
            object.taints.iter().map(|taint| ("user", taint.clone())).collect();
        if !given {
            object.taints.push(taint.clone());
            told.push(("api-server", taint));
        }
        self.add_node(node, &Arc::from(object), PoolId(0), &told);
        if former.held > 0 {
            self.replace_machine(node, former);
        }
        self.deliver_inbox();
    }

    /// Creates a pod of a manifest or a dump.
    pub(super) fn create_pod(&mut self, pod: &Pod, node: Option<NodeId>) {
        let class = self.cluster.class_for_pod(pod);
        let status =
            node.map(|_| PodStatus { phase: PodPhase::Running, ready: pod.ready, ..PodStatus::default() });
        let name = PodName::Own(pod.meta.name.as_str().into());
        let arrival =
            Arrival { entity: self.entity_of(&name), initial: node.is_some(), ..Arrival::default() };
        let request = PodRequest { node, status, ..PodRequest::new(name, class) };
        self.enter_pod(request, arrival);
    }

    /// Creates a pod, unless a quota forbids it; a dump's pod is there already.
    pub(super) fn enter_pod(&mut self, request: PodRequest, arrival: Arrival) -> Option<PodRef> {
        let class = request.class;
        let is_new = request.node.is_none();
        let (observer, now) = (&mut *self.observer, self.now);
        let mut tell = |record: &Record<'_>, cluster: &Cluster| {
            observer.record(now, record, View { cluster, actor: "user" });
        };
        let admitted = if is_new { self.api.admit_pod(now, class, &self.cluster, &mut tell) } else { Ok(()) };
        if let Err(quota) = admitted {
            let note = Note::Workload { workload: quota, reason: "FailedCreate" };
            self.tell("user", &Record::Note(&note));
            return None;
        }
        let (pod, event) = self.api.create_pod(now, request, &self.cluster, &mut tell);
        self.announce_side_events();
        self.world.add_pod(pod, class, arrival);
        self.announce(event);
        Some(pod)
    }

    /// Reads the next submission of a source.
    pub(super) fn fetch(&mut self, source: usize) -> Result<(), RunError> {
        let next = self.sources[source].next()?;
        if let Some(submission) = &next {
            let at = submission.at.max(self.now);
            self.queue.arrive(at, Class::ARRIVAL, Happening::Submit(source));
        }
        self.upcoming[source] = next;
        Ok(())
    }

    /// Takes the next submission of a source, which is due.
    pub(super) fn submit_next(&mut self, source: usize) -> Result<(), RunError> {
        let Some(submission) = self.upcoming[source].take() else { return Ok(()) };
        if let Some(submission) = self.arrive(source, submission) {
            self.submit(source, &submission);
        }
        self.fetch(source)
    }

    /// Creates the pods of a submission.
    pub(super) fn submit(&mut self, source: usize, submission: &Submission) {
        let class = self.class_of_submission(source, submission);
        let job = self.facts_of(source, submission);
        for task in 0..submission.tasks {
            let name = self.task_name(submission, task);
            let arrival = Arrival {
                entity: self.entity_of(&name),
                run_time: submission.run_time,
                exit_code: submission.exit_code,
                initial: false,
            };
            let request = PodRequest {
                user: submission.user,
                estimate: submission.estimate,
                job: job.clone(),
                ..PodRequest::new(name, class)
            };
            let Some(pod) = self.enter_pod(request, arrival) else { continue };
            let rows = &mut self.open_pod_rows;
            if rows.len() <= pod.id.index() {
                rows.resize(pod.id.index() + 1, false);
            }
            rows[pod.id.index()] = true;
            self.open_pods += 1;
            self.waits.pod_created(source, submission, pod);
        }
        self.submitted(source, submission);
    }

    /// What is said of a submission, if the control plane wants to know.
    fn facts_of(&mut self, source: usize, submission: &Submission) -> Option<Arc<JobFacts>> {
        let serial = self.submissions?;
        self.submissions = Some(serial + 1);
        Some(Arc::new(JobFacts {
            serial,
            origin: JobOrigin { source: source as u32, ..submission.origin },
            tasks: submission.tasks,
            submitted: self.now,
            estimate: submission.estimate,
            user: submission.user,
            priority: submission.priority,
        }))
    }

    /// The class of a submission's pods. That of the one before it is looked at first: it costs much
    /// to compare a specification with all that are known.
    fn class_of_submission(&mut self, source: usize, submission: &Submission) -> ClassId {
        let Submission { template, namespace, priority, .. } = submission;
        if let Some(latest) = &self.latest[source]
            && Arc::ptr_eq(&latest.template, template)
            && Arc::ptr_eq(&latest.namespace, namespace)
            && latest.priority == *priority
        {
            return latest.class;
        }
        let class = self.cluster.class(template, namespace, *priority);
        let (template, namespace) = (Arc::clone(template), Arc::clone(namespace));
        self.latest[source] = Some(LatestClass { template, namespace, priority: *priority, class });
        class
    }

    pub(super) fn task_name(&mut self, submission: &Submission, task: u32) -> PodName {
        match &submission.name {
            SubmissionName::Own(name) if submission.tasks == 1 => PodName::Own(name.clone()),
            SubmissionName::Own(name) => PodName::Own(format!("{name}-{}", task + 1).into()),
            SubmissionName::Numbered(base, number) if submission.tasks == 1 => {
                let base = match self.bases.get(base) {
                    Some(&symbol) => symbol,
                    None => *self.bases.entry(Arc::clone(base)).or_insert(self.cluster.names.intern(base)),
                };
                PodName::Numbered { base, number: *number }
            }
            SubmissionName::Numbered(base, number) => {
                PodName::Own(format!("{base}-{number}-{}", task + 1).into())
            }
        }
    }

    /// The key of a pod's random streams. It hangs on the name alone, so that a pod draws the same
    /// whatever else the scenario holds.
    pub(super) fn entity_of(&mut self, name: &PodName) -> u64 {
        match name {
            PodName::Own(name) => key_of(name),
            PodName::Numbered { base, number } => {
                let names = &self.cluster.names;
                let key = *self.entity_bases.entry(*base).or_insert_with(|| key_of(names.text(*base)));
                key ^ (u64::from(*number) << 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            }
        }
    }
}
