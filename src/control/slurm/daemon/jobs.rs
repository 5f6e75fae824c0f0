//! From pods to jobs: which pods are tasks of one job, and what the job asks for.

use super::attributes::Attributes;
use super::tasks::{Plan, Tasks};
use super::{NAME, Slurmctld, seconds};
use crate::base::ids::{ClassId, ResourceId, WorkloadId};
use crate::base::{BitSet, Span, Time};
use crate::cluster::{Cluster, JobFacts, PodRef, WorkloadKind};
use crate::control::slurm::array::ArrayTask;
use crate::control::slurm::fair_share::Shares;
use crate::control::slurm::model::{Job, Request, Share};
use crate::control::slurm::reason::Reason;
use crate::control::slurm::tres::{CPU, MEMORY, Tres};
use crate::control::{About, Command, NewPod, Note};
use std::sync::Arc;

/// Serial numbers of jobs from here on are not those of submissions: the rest is the number of the job
/// that a pod is to be a task of.
pub(super) const REPLACES: u64 = 1 << 63;
/// Bytes in a MiB.
const MIB: i64 = 1 << 20;

/// What the tasks of a job have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Group {
    Submission(u64),
    Owner(WorkloadId),
}

/// A job of which not all tasks are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathering {
    pods: Vec<PodRef>,
}

/// Where a pod is from.
struct Source<'c> {
    owner: Option<WorkloadId>,
    facts: Option<&'c Arc<JobFacts>>,
    class: ClassId,
    name: String,
}

impl Slurmctld {
    pub(super) fn pod_added(&mut self, now: Time, new: &NewPod, cluster: &Cluster, out: &mut Vec<Command>) {
        if let Some(job) = new.job.as_ref().filter(|job| job.serial >= REPLACES) {
            return self.replacement_came(now, (job.serial - REPLACES) as u32, new.pod, cluster, out);
        }
        let facts = new.job.as_ref();
        let source = Source {
            owner: new.owner,
            facts,
            class: new.class,
            name: cluster.pods.name_text(&cluster.names, new.pod.id),
        };
        if let Some(node) = new.node {
            let plan = Plan { service: new.owner.is_some(), owner: None, class: new.class };
            return self.found_running(now, new.pod, node, plan, &source, cluster);
        }
        let owner = new.owner.and_then(|owner| self.owners.get(&owner).map(|known| (owner, known.tasks)));
        let (group, expected) = match (owner, facts) {
            (Some((owner, Some(tasks))), _) => (Group::Owner(owner), tasks),
            (None, Some(facts)) => (Group::Submission(facts.serial), facts.tasks),
            _ => return self.submit(now, vec![new.pod], &source, cluster, out),
        };
        let gathering = self.gathering.entry(group).or_default();
        gathering.pods.push(new.pod);
        if gathering.pods.len() >= expected as usize {
            let pods = self.gathering.remove(&group).unwrap_or_default().pods;
            self.submit(now, pods, &source, cluster, out);
        }
    }

    /// What labels and annotations ask for; the object's come last.
    fn attributes(source: &Source<'_>, cluster: &Cluster) -> Result<Attributes, String> {
        let template = &cluster.classes[source.class].template;
        let pairs = template.labels.iter().chain(template.annotations.iter());
        let object = source.owner.map(|owner| cluster.workloads[owner].kind.meta());
        let own = object.into_iter().flat_map(|meta| meta.labels.iter().chain(meta.annotations.iter()));
        Attributes::read(pairs.chain(own).map(|(key, value)| (key.as_str(), value.as_str())))
    }

    fn submit(
        &mut self,
        now: Time,
        pods: Vec<PodRef>,
        source: &Source<'_>,
        cluster: &Cluster,
        out: &mut Vec<Command>,
    ) {
        let first = pods[0];
        let built = self.build(now, pods.len() as u32, source, cluster);
        let submitted = built.and_then(|job| {
            let array = source.owner.and_then(|owner| self.array_of(owner));
            self.wind(now);
            let submitted = self.slurm.submit(seconds(now), Job { array, ..job });
            submitted.map_err(|reason| reason.word().to_owned())
        });
        let id = match submitted {
            Ok(id) => id,
            Err(why) => {
                let note =
                    Note::Told { by: NAME, about: About::Pod(first), word: "Refused", text: why.into() };
                return out.push(Command::Note(note));
            }
        };
        if let Some(owner) = source.owner
            && let Some(known) = self.owners.get_mut(&owner)
        {
            // An array goes by the number of its first task.
            let number = *known.first_job.get_or_insert(id);
            let name = cluster.names.text(cluster.workloads[owner].name).to_owned();
            self.names.insert(name, number);
            known.submitted += 1;
            known.open += 1;
        }
        let service = source.owner.is_some_and(|owner| is_service(&cluster.workloads[owner].kind));
        let plan = Plan { service, owner: source.owner, class: source.class };
        self.enter_tasks(id, pods, plan);
        self.changed(now);
    }

    /// The task of an array that the next job of an owner is.
    fn array_of(&self, owner: WorkloadId) -> Option<ArrayTask> {
        let known = self.owners.get(&owner)?;
        let (tasks, at_a_time) = known.array.as_ref()?;
        let array = known.first_job.unwrap_or_else(|| self.slurm.next_number());
        let task = tasks.get(known.submitted as usize).copied().unwrap_or(known.submitted);
        Some(ArrayTask { array, task, at_a_time: *at_a_time })
    }

    /// The job of a number of equal tasks.
    fn build(
        &mut self,
        now: Time,
        tasks: u32,
        source: &Source<'_>,
        cluster: &Cluster,
    ) -> Result<Job, String> {
        let attributes = Self::attributes(source, cluster)?;
        let partition = self.partition_of(&attributes, source)?;
        let association = self.association_of(&attributes, source, cluster)?;
        let qos = match &attributes.qos {
            Some(name) => {
                let row = self.slurm.qos.iter().position(|qos| qos.name == *name);
                row.ok_or_else(|| format!("{}: {name}", Reason::InvalidQos.word()))?
            }
            None => self.slurm.associations.rows[association].default_qos,
        };
        let dependencies = attributes.dependencies(|name| self.names.get(name).copied())?;
        let request = self.request(tasks, &attributes, source, partition, cluster)?;
        let row = &self.slurm.associations.rows[association];
        let begin = attributes.begin.map_or(0, |delay| seconds(now) + delay.0.div_ceil(1_000_000_000));
        let job = Job {
            name: attributes.name.clone().unwrap_or_else(|| source.name.clone()),
            user: row.user.clone().unwrap_or_else(|| row.account.clone()),
            association,
            partition,
            qos,
            nice: attributes.nice,
            held: attributes.hold,
            request,
            limit: limit_of(&attributes, source, cluster),
            shortest: attributes.time_min,
            begin,
            dependencies,
            requeue: attributes.requeue.unwrap_or(true),
            ..Job::default()
        };
        Ok(job)
    }

    fn partition_of(&self, attributes: &Attributes, source: &Source<'_>) -> Result<usize, String> {
        let find = |name: &str| self.slurm.partitions.iter().position(|partition| partition.name == name);
        if let Some(name) = &attributes.partition {
            return find(name).ok_or_else(|| format!("there is no partition `{name}`"));
        }
        let numbered = source.facts.map(|facts| facts.origin.partition).filter(|number| *number >= 0);
        let queued = source.facts.map(|facts| facts.origin.queue).filter(|number| *number >= 0);
        let by_number = numbered.or(queued).and_then(|number| find(&number.to_string()));
        Ok(by_number.unwrap_or(self.site.default_partition))
    }

    /// The association of a job; one that is not listed is entered with one share, unless the site
    /// keeps to its list.
    fn association_of(
        &mut self,
        attributes: &Attributes,
        source: &Source<'_>,
        cluster: &Cluster,
    ) -> Result<usize, String> {
        let facts = source.facts;
        let user = attributes.user.clone().or_else(|| {
            facts.map(|facts| facts.user).filter(|user| *user >= 0).map(|user| format!("user{user}"))
        });
        let tree = &mut self.slurm.associations;
        let of_user = |tree: &crate::control::slurm::fair_share::Associations| {
            let row = tree.rows.iter().find(|row| row.user.is_some() && row.user == user)?;
            Some(row.account.clone())
        };
        let namespace = cluster.names.text(cluster.classes[source.class].namespace);
        let group = facts.map(|facts| facts.origin.group).filter(|group| *group >= 0);
        let account = attributes
            .account
            .clone()
            .or_else(|| group.map(|group| format!("group{group}")))
            .or_else(|| of_user(tree))
            .unwrap_or_else(|| namespace.to_owned());
        let known = tree.find(&account, user.as_deref());
        if let Some(row) = known {
            return Ok(row);
        }
        if self.site.enforce_associations {
            let user = user.as_deref().unwrap_or("no user");
            return Err(format!("{}: {user} of {account}", Reason::InvalidAccount.word()));
        }
        let row = tree.push(&account, None, Some(0), Shares::Number(1));
        let row = match &user {
            Some(user) => tree.push(&account, Some(user), Some(row), Shares::Number(1)),
            None => row,
        };
        self.slurm.share();
        Ok(row)
    }

    fn request(
        &mut self,
        tasks: u32,
        attributes: &Attributes,
        source: &Source<'_>,
        partition: usize,
        cluster: &Cluster,
    ) -> Result<Request, String> {
        let mut per_task = self.per_task(source.class, cluster);
        let mut per_node = Tres::default();
        let by_default = self.slurm.partitions[partition].default_memory_per_cpu;
        match attributes.memory_per_node {
            Some(memory) => per_node.set(MEMORY, memory),
            None if per_task.get(MEMORY) == 0 => per_task.set(MEMORY, by_default * per_task.get(CPU)),
            None => {}
        }
        let required = self.named(&attributes.node_list)?;
        Ok(Request {
            tasks,
            per_task,
            per_node,
            tasks_per_node: attributes.tasks_per_node,
            min_nodes: attributes.nodes.map_or(1, |(fewest, _)| fewest),
            max_nodes: attributes.nodes.map(|(_, most)| most),
            features: attributes.features.clone(),
            required,
            excluded: self.excluded(source.class, cluster),
            exclusive: attributes.exclusive,
        })
    }

    fn named(&self, names: &[String]) -> Result<Option<BitSet>, String> {
        if names.is_empty() {
            return Ok(None);
        }
        let mut nodes = BitSet::new(self.slurm.nodes.len());
        for name in names {
            let row = self.slurm.nodes.iter().position(|node| node.name == *name);
            nodes.insert(row.ok_or_else(|| format!("there is no node `{name}`"))?);
        }
        Ok(Some(nodes))
    }

    /// What a pod asks for: whole CPUs, at least one, and whole MiB.
    fn per_task(&mut self, class: ClassId, cluster: &Cluster) -> Tres {
        let mut per_task = Tres::default();
        per_task.set(CPU, 1);
        for (resource, amount) in &cluster.classes[class].requests {
            let Some(place) = self.place_of(*resource, cluster) else { continue };
            per_task.set(
                place,
                match *resource {
                    ResourceId::CPU => (amount + 999) / 1000,
                    ResourceId::MEMORY => (amount + MIB - 1) / MIB,
                    _ => *amount,
                },
            );
        }
        per_task.set(CPU, per_task.get(CPU).max(1));
        per_task
    }

    /// A pod that runs when it becomes known is a job that runs.
    fn found_running(
        &mut self,
        now: Time,
        pod: PodRef,
        node: crate::base::ids::NodeId,
        plan: Plan,
        source: &Source<'_>,
        cluster: &Cluster,
    ) {
        let Some(row) = self.row_of(node) else { return };
        let built = self.build(now, 1, source, cluster);
        let Ok(job) = built else { return };
        let Ok(id) = self.slurm.submit(seconds(now), job) else { return };
        self.slurm.start(seconds(now), id, vec![Share { node: row, tasks: 1 }]);
        self.enter_tasks(id, vec![pod], plan);
    }

    fn enter_tasks(&mut self, id: u32, pods: Vec<PodRef>, plan: Plan) {
        for pod in &pods {
            self.job_of_pod.insert(*pod, id);
        }
        self.tasks.insert(id, Tasks::new(pods, plan));
    }
}

/// Whether an object keeps pods running rather than runs them to their end.
pub(super) fn is_service(kind: &WorkloadKind) -> bool {
    matches!(kind, WorkloadKind::Deployment(_) | WorkloadKind::ReplicaSet(_) | WorkloadKind::StatefulSet(_))
}

/// The time limit in seconds, in whole minutes as Slurm's are: what the job says, the estimate, or the
/// deadline of the Job or the pod.
fn limit_of(attributes: &Attributes, source: &Source<'_>, cluster: &Cluster) -> Option<u64> {
    if let Some(time) = attributes.time {
        return time;
    }
    let estimate = source.facts.and_then(|facts| facts.estimate).map(Span::as_secs_f64);
    let of_job = source.owner.and_then(|owner| match &cluster.workloads[owner].kind {
        WorkloadKind::Job(job) => job.active_deadline_seconds,
        _ => None,
    });
    let of_pod = cluster.classes[source.class].template.spec.active_deadline_seconds;
    let seconds = estimate.or(of_job.or(of_pod).map(|seconds| seconds.max(0) as f64))?;
    let minutes = (seconds / 60.0).ceil().clamp(1.0, 1e9);
    Some(minutes as u64 * 60)
}
