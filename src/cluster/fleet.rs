//! Nodes with several resources, and jobs of equal tasks that wait for or run on them.
//!
//! The nodes and the classes of tasks are those of [`Cluster`], so that the plugins of a scheduler
//! judge them as they judge any other; a task counts on its node as a pod of its class does, but
//! has no row in the table of pods. Who starts tasks and why is not known here.

use super::{Cluster, PodClass};
use crate::api::{Node, PodTemplate};
use crate::base::ids::{ClassId, JobId, NodeId, PoolId, ResourceId, TaskId};
use crate::base::{BitSet, Map, Span, Symbol, Time};
use std::sync::Arc;

/// The end of a list of tasks.
const NONE: u32 = u32::MAX;

/// One or more equal tasks that were submitted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Job {
    /// What each task asks for.
    pub class: ClassId,
    /// How many tasks there are.
    pub tasks: u32,
    /// Tasks that wait for a node.
    pub waiting: u32,
    /// Tasks on nodes.
    pub running: u32,
    /// When it was submitted.
    pub submitted: Time,
    /// The user's estimate of the run time of a task.
    pub estimate: Option<Span>,
    /// The higher, the earlier.
    pub priority: i32,
    /// By when it should have ended, if that was said.
    pub deadline: Option<Time>,
    /// The user; -1 where nobody is named.
    pub user: i32,
    /// The namespace.
    pub namespace: Symbol,
}

/// A task on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Task {
    /// Its job.
    pub job: JobId,
    /// Its node.
    pub node: NodeId,
    /// When it was started.
    pub started: Time,
    /// Its place in the order of all starts.
    pub serial: u64,
    /// Its neighbours in the list of the node's tasks.
    before: u32,
    after: u32,
}

/// The nodes, and the jobs that were submitted and have not ended.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// The nodes and the classes of tasks.
    pub cluster: Cluster,
    /// The jobs, by row; rows of ended jobs are used again.
    pub jobs: Vec<Job>,
    /// The tasks on nodes, by row; rows of ended tasks are used again.
    pub tasks: Vec<Task>,
    /// Whether the tasks of each job are listed in `members`.
    pub lists_members: bool,
    /// The tasks on nodes of each job, in no particular order; only if they are listed.
    pub members: Vec<Vec<TaskId>>,
    /// Nodes that are up.
    pub up: BitSet,
    /// What the nodes that are up have, by resource.
    pub capacity: Vec<i128>,
    /// What tasks hold, by resource.
    pub used: Vec<i128>,
    /// Tasks on nodes.
    pub running: u64,
    /// Tasks that wait for one.
    pub waiting: u64,
    free: Vec<TaskId>,
    first: Vec<u32>,
    starts: u64,
    templates: Map<usize, (Arc<PodTemplate>, ClassId)>,
}

impl Fleet {
    /// Adds a node, which is up.
    pub fn add_node(&mut self, node: &Node, pool: PoolId) -> NodeId {
        let id = self.cluster.add_node(node, pool, Time::ZERO);
        let rows = self.cluster.nodes.len();
        self.up.resize(rows);
        self.first.resize(rows, NONE);
        self.fit_resources();
        self.count_capacity(id, 1);
        self.up.insert(id.index());
        id
    }

    /// The class of a template; equal ones share it. The same template is found by its address.
    pub fn class(&mut self, template: &Arc<PodTemplate>) -> ClassId {
        let address = Arc::as_ptr(template) as usize;
        if let Some((_, class)) = self.templates.get(&address) {
            return *class;
        }
        let class = self.cluster.class(template, super::DEFAULT_NAMESPACE, 0);
        self.templates.insert(address, (Arc::clone(template), class));
        self.fit_resources();
        class
    }

    fn fit_resources(&mut self) {
        self.capacity.resize(self.cluster.resources.len(), 0);
        self.used.resize(self.cluster.resources.len(), 0);
    }

    fn count_capacity(&mut self, node: NodeId, sign: i64) {
        for (total, column) in self.capacity.iter_mut().zip(&self.cluster.nodes.allocatable) {
            *total += i128::from(sign * column[node.index()]);
        }
    }

    /// Fills the row of a job that was submitted.
    pub fn enter(&mut self, job: JobId, row: Job) {
        if self.jobs.len() <= job.index() {
            self.jobs.resize(job.index() + 1, Job::default());
        }
        if self.lists_members && self.members.len() <= job.index() {
            self.members.resize_with(job.index() + 1, Vec::new);
        }
        self.waiting += u64::from(row.waiting);
        self.jobs[job.index()] = row;
    }

    /// A job that was entered is not wanted.
    pub fn refuse(&mut self, job: JobId) {
        self.waiting -= u64::from(std::mem::take(&mut self.jobs[job.index()].waiting));
    }

    /// What a task of a job asks for.
    pub fn class_of(&self, job: JobId) -> &PodClass {
        &self.cluster.classes[self.jobs[job.index()].class]
    }

    /// What is free of a resource on a node; negative on a node that has too little.
    pub fn free(&self, resource: ResourceId, node: NodeId) -> i64 {
        let nodes = &self.cluster.nodes;
        nodes.allocatable[resource.index()][node.index()] - nodes.requested[resource.index()][node.index()]
    }

    /// Whether a node is up and has room for a task of a class.
    pub fn fits(&self, class: ClassId, node: NodeId) -> bool {
        let nodes = &self.cluster.nodes;
        self.up.contains(node.index())
            && nodes.pod_count[node.index()] < nodes.allowed_pods[node.index()]
            && self.cluster.classes[class]
                .requests
                .iter()
                .all(|&(resource, amount)| amount <= self.free(resource, node))
    }

    /// How many tasks of a class a node could hold if nothing were on it, whether it is up or not.
    pub fn slots(&self, class: ClassId, node: NodeId) -> u64 {
        let nodes = &self.cluster.nodes;
        let requests = &self.cluster.classes[class].requests;
        let of = |&(resource, amount): &(ResourceId, i64)| {
            nodes.allocatable[resource.index()][node.index()] / amount
        };
        let most = requests.iter().map(of).min().unwrap_or(i64::MAX);
        most.min(nodes.allowed_pods[node.index()]).max(0) as u64
    }

    /// Counts a task of a class on a node (`sign` 1), or no longer (-1).
    fn count(&mut self, class: ClassId, node: NodeId, sign: i64) {
        let counted = &self.cluster.classes[class];
        self.cluster.nodes.count(node, counted, sign);
        for &(resource, amount) in &counted.counted {
            self.used[resource.index()] += i128::from(sign * amount);
        }
    }

    /// Starts a waiting task of a job on a node.
    ///
    /// # Panics
    /// If the node has no room for it, or no task of the job waits.
    pub fn start(&mut self, now: Time, job: JobId, node: NodeId) -> TaskId {
        let class = self.jobs[job.index()].class;
        assert!(self.fits(class, node), "a task of job {} has no room on node {}", job.0, node.0);
        let id = self.free.pop().unwrap_or_else(|| {
            self.tasks.push(Task::default());
            TaskId(self.tasks.len() as u32 - 1)
        });
        self.starts += 1;
        self.tasks[id.index()] =
            Task { job, node, started: now, serial: self.starts, before: NONE, after: NONE };
        self.place(id);
        id
    }

    /// Counts a task on its node and as running.
    fn place(&mut self, id: TaskId) {
        let Task { job, node, .. } = self.tasks[id.index()];
        let row = &mut self.jobs[job.index()];
        assert!(row.waiting > 0, "no task of job {} waits", job.0);
        row.waiting -= 1;
        row.running += 1;
        let class = row.class;
        self.running += 1;
        self.waiting -= 1;
        self.count(class, node, 1);
        let head = std::mem::replace(&mut self.first[node.index()], id.0);
        (self.tasks[id.index()].before, self.tasks[id.index()].after) = (NONE, head);
        if head != NONE {
            self.tasks[head as usize].before = id.0;
        }
        if self.lists_members {
            self.members[job.index()].push(id);
        }
    }

    /// Takes a task from its node; it waits again. Its row stays filled until [`Fleet::forget`].
    pub fn displace(&mut self, id: TaskId) {
        let Task { job, node, before, after, .. } = self.tasks[id.index()];
        match before {
            NONE => self.first[node.index()] = after,
            before => self.tasks[before as usize].after = after,
        }
        if after != NONE {
            self.tasks[after as usize].before = before;
        }
        let row = &mut self.jobs[job.index()];
        row.running -= 1;
        row.waiting += 1;
        let class = row.class;
        self.running -= 1;
        self.waiting += 1;
        self.count(class, node, -1);
        if self.lists_members {
            let members = &mut self.members[job.index()];
            let place = members.iter().position(|&member| member == id).expect("a task is listed");
            members.swap_remove(place);
        }
    }

    /// Puts a task back that [`Fleet::displace`] took away, where its room is still there.
    pub fn replace(&mut self, id: TaskId) {
        self.place(id);
    }

    /// Gives the row of a task that was taken away to others.
    pub fn forget(&mut self, id: TaskId) {
        self.free.push(id);
    }

    /// A task has ended: its room is free. Gives its last row.
    pub fn end(&mut self, id: TaskId) -> Task {
        let task = self.tasks[id.index()];
        self.displace(id);
        self.jobs[task.job.index()].waiting -= 1;
        self.waiting -= 1;
        self.forget(id);
        task
    }

    /// The tasks on a node, the one that was started last first.
    pub fn tasks_on(&self, node: NodeId) -> impl Iterator<Item = TaskId> + '_ {
        let mut next = self.first[node.index()];
        std::iter::from_fn(move || {
            let id = (next != NONE).then_some(TaskId(next))?;
            next = self.tasks[id.index()].after;
            Some(id)
        })
    }

    /// A node goes down or comes up. A node that is down takes no tasks.
    pub fn set_up(&mut self, node: NodeId, up: bool) {
        if self.up.contains(node.index()) != up {
            self.up.assign(node.index(), up);
            self.count_capacity(node, if up { 1 } else { -1 });
            self.cluster.set_unschedulable(node, !up);
        }
    }

    /// Recomputes what nodes and jobs count from the tasks, and says where the tables differ.
    pub fn check(&self) -> Result<(), String> {
        let nodes = &self.cluster.nodes;
        let mut used = vec![vec![0i64; nodes.len()]; self.used.len()];
        let mut running = vec![0u32; self.jobs.len()];
        let (mut counted, mut all) = (vec![0i64; nodes.len()], 0);
        for node in 0..nodes.len() {
            for id in self.tasks_on(NodeId(node as u32)) {
                let job = self.tasks[id.index()].job;
                running[job.index()] += 1;
                counted[node] += 1;
                all += 1;
                for &(resource, amount) in &self.class_of(job).counted {
                    used[resource.index()][node] += amount;
                }
            }
        }
        for (resource, column) in used.iter().enumerate() {
            if *column != nodes.requested[resource]
                || column.iter().map(|&used| i128::from(used)).sum::<i128>() != self.used[resource]
            {
                return Err(format!("resource {resource} is counted otherwise than the tasks make it"));
            }
            let over = |row: &usize| column[*row] > nodes.allocatable[resource][*row];
            if let Some(row) = (0..nodes.len()).find(over) {
                return Err(format!("node {row} has more of resource {resource} in use than it has"));
            }
        }
        if counted != nodes.pod_count || all != self.running {
            return Err("the number of tasks on nodes is counted wrongly".into());
        }
        match (0..self.jobs.len()).find(|&job| self.jobs[job].running != running[job]) {
            Some(job) => Err(format!(
                "job {job} counts {} running tasks and has {}",
                self.jobs[job].running, running[job]
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Container, ObjectMeta};
    use crate::base::Quantity;

    fn node(name: &str, cpu: i64) -> Node {
        let amounts =
            [("cpu".to_owned(), Quantity::from_units(cpu)), ("pods".into(), Quantity::from_units(3))];
        Node {
            meta: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
            allocatable: amounts.clone().into(),
            capacity: amounts.into(),
            ..Node::default()
        }
    }

    fn template(milli: i64) -> Arc<PodTemplate> {
        let mut container = Container::default();
        container.resources.requests.insert("cpu".into(), Quantity::from_milli(milli));
        let mut template = PodTemplate::default();
        template.spec.containers.push(container);
        Arc::new(template)
    }

    fn fleet() -> (Fleet, JobId) {
        let mut fleet = Fleet { lists_members: true, ..Fleet::default() };
        fleet.add_node(&node("a", 2), PoolId(0));
        fleet.add_node(&node("b", 1), PoolId(0));
        let class = fleet.class(&template(600));
        let job = JobId(0);
        fleet.enter(job, Job { class, tasks: 4, waiting: 4, ..Job::default() });
        (fleet, job)
    }

    #[test]
    fn tasks_hold_what_their_class_asks_for() {
        let (mut fleet, job) = fleet();
        let (a, b) = (NodeId(0), NodeId(1));
        let class = fleet.jobs[0].class;
        assert_eq!([fleet.slots(class, a), fleet.slots(class, b)], [3, 1]);
        let first = fleet.start(Time(1), job, a);
        let second = fleet.start(Time(2), job, a);
        assert_eq!(fleet.tasks_on(a).collect::<Vec<_>>(), [second, first]);
        assert_eq!((fleet.used[0], fleet.capacity[0], fleet.running), (1_200, 3_000, 2));
        fleet.check().unwrap();
        fleet.displace(first);
        assert_eq!((fleet.jobs[0].waiting, fleet.jobs[0].running, fleet.used[0]), (3, 1, 600));
        fleet.replace(first);
        assert_eq!(fleet.members[0], [second, first]);
        assert_eq!(fleet.end(second).started, Time(2));
        assert_eq!((fleet.jobs[0].waiting, fleet.jobs[0].running), (2, 1));
        assert_eq!(fleet.start(Time(3), job, b), second, "rows are used again");
        assert!(!fleet.fits(class, b));
        fleet.check().unwrap();
    }

    #[test]
    fn a_node_that_is_down_takes_nothing_and_counts_for_nothing() {
        let (mut fleet, _) = fleet();
        let class = fleet.jobs[0].class;
        fleet.set_up(NodeId(0), false);
        fleet.set_up(NodeId(0), false);
        assert_eq!((fleet.fits(class, NodeId(0)), fleet.capacity[0]), (false, 1_000));
        fleet.set_up(NodeId(0), true);
        assert_eq!((fleet.fits(class, NodeId(0)), fleet.capacity[0]), (true, 3_000));
    }

    #[test]
    fn what_does_not_add_up_is_found() {
        let (mut fleet, job) = fleet();
        fleet.start(Time(1), job, NodeId(0));
        fleet.used[0] += 1;
        assert!(fleet.check().is_err());
    }
}
