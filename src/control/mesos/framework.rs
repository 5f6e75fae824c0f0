//! What a framework is to the master: somebody who is offered resources and told of tasks.

use super::agents::{Capabilities, TaskFate};
use super::amounts::Amounts;
use super::marathon::wants::Call;
use crate::base::ids::{NodeId, PodId, WorkloadId};
use crate::base::{Streams, Time};
use crate::cluster::{Cluster, PodRef, Reason};
use crate::control::kubelet::Affinities;
use crate::control::{About, Client, Command, Note, PodBefore, Write};

/// What a framework sees and where its orders go.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) cluster: &'a mut Cluster,
    pub(super) places: &'a mut Affinities,
    pub(super) out: &'a mut Vec<Command>,
    pub(super) streams: Streams,
    /// The name under which it writes.
    pub(super) client: &'static str,
}

impl Context<'_> {
    pub(super) fn write(&mut self, write: Write) {
        self.out.push(Command::Write(Client::Plane(self.client), write));
    }

    /// Has a task killed. One that has not been launched goes at once.
    pub(super) fn kill(&mut self, pod: PodRef, reason: Reason) {
        self.write(Write::DeletePod { pod, grace: None, reason });
    }

    /// Forgets a task, whatever runs of it.
    pub(super) fn forget(&mut self, pod: PodRef, reason: Reason) {
        self.write(Write::DeletePod { pod, grace: Some(crate::base::Span::ZERO), reason });
    }

    pub(super) fn say(&mut self, about: About, word: &'static str, text: String) {
        let note = Note::Told { by: self.client, about, word, text: text.into_boxed_str() };
        self.out.push(Command::Note(note));
    }

    /// Asks for the next pod of a workload.
    pub(super) fn create(&mut self, owner: WorkloadId, number: Option<u32>, index: Option<u32>) {
        let workload = &mut self.cluster.workloads[owner];
        let class = workload.class;
        workload.pods_created += 1;
        let number = number.unwrap_or(workload.pods_created);
        self.write(Write::CreatePod { owner, class, number, index, tracked: false });
    }

    /// The row of a pod that exists.
    pub(super) fn row(&self, pod: PodRef) -> Option<PodId> {
        self.cluster.pods.get(pod)
    }
}

/// Resources of an agent that a framework may use.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) id: u64,
    pub(super) node: NodeId,
    pub(super) amounts: Amounts,
}

/// What a framework makes of an offer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// The tasks to launch, with what each takes; none declines the offer.
    pub(super) tasks: Vec<(PodRef, Amounts)>,
    /// How long what is left is refused, in seconds.
    pub(super) refuse: f64,
}

/// See the module's description.
pub(super) trait Framework {
    /// What it can bear.
    fn capabilities(&self) -> Capabilities;

    /// An object that it looks after was created or changed.
    fn workload_changed(&mut self, id: WorkloadId, context: &mut Context<'_>);

    /// An object that it looks after is being deleted, or gone.
    fn workload_gone(&mut self, id: WorkloadId, context: &mut Context<'_>);

    /// A pod of it was created. One that runs somewhere comes with its agent.
    fn pod_added(&mut self, pod: PodRef, context: &mut Context<'_>);

    /// A pod of it has another status.
    fn pod_changed(&mut self, pod: PodRef, before: PodBefore, context: &mut Context<'_>);

    /// A pod of it is gone.
    fn pod_removed(&mut self, pod: PodRef, context: &mut Context<'_>);

    /// A write of it was refused.
    fn refused(&mut self, write: &Write, context: &mut Context<'_>);

    /// The master says what became of a task whose agent is unreachable, back or gone.
    fn task_fate(&mut self, pod: PodRef, fate: TaskFate, context: &mut Context<'_>);

    /// Agents have come or gone, or may be used now and could not before.
    fn agents_changed(&mut self, context: &mut Context<'_>);

    /// It is made an offer.
    fn offered(&mut self, offer: &Offer, context: &mut Context<'_>) -> Answer;

    /// What it has to say to the master about offers.
    fn call(&mut self, now: Time) -> Option<Call>;

    /// When it has something to do.
    fn next(&self) -> Option<Time>;

    /// Does what is due.
    fn wake(&mut self, context: &mut Context<'_>);
}
