//! What a kubelet remembers of a pod and its containers.
//!
//! Plain data, one row a pod; what happens to it is decided in `worker`.

use super::backoff::BackOff;
use super::extra::Extra;
use crate::api::{self, PodSpec, RestartAction, RestartPolicy};
use crate::base::ids::NodeId;
use crate::base::{Span, Time};
use crate::cluster::Reason;
use crate::control::PodStatus;

/// How far a kubelet is with a pod.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Stage {
    /// The row holds no pod of a kubelet.
    #[default]
    Absent,
    /// The sandbox is being made.
    SettingUp,
    /// The sandbox is there; containers are started, run and are started again.
    Active,
    /// The containers have been told to stop; none is started any more.
    Stopping,
    /// Nothing runs and nothing will: the pod was refused, has ended, or waits for its removal.
    Ended,
}

/// What a container does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum ContainerState {
    /// It is to be started when its turn comes.
    #[default]
    Waiting,
    /// Its image is being pulled.
    Pulling,
    /// Its image could not be pulled; that is to be tried again.
    PullBackOff,
    /// It has been told to start.
    Starting,
    /// It runs.
    Running,
    /// It runs, and has been told to stop while its pod goes on.
    Stopping,
    /// It is to be started again when its back-off is over.
    BackOff,
    /// It has ended and stays so.
    Exited,
}

/// A container, as its kubelet knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Container {
    pub(super) backoff: BackOff,
    /// When its last run ended, if `has_exited`.
    pub finished: Time,
    /// How often it was started again.
    pub restarts: u32,
    /// What it does.
    pub state: ContainerState,
    /// Whether a run of it has ended.
    pub has_exited: bool,
    /// The exit code of its last run, if `has_exited`.
    pub code: u8,
    /// Whether its last run was killed for using too much memory.
    pub out_of_memory: bool,
    /// Whether its image has been pulled.
    pub pulled: bool,
    /// Whether it runs and could serve.
    pub serving: bool,
    /// Whether it runs and has started: its startup probe, if it has one, has succeeded.
    pub started: bool,
    /// Whether its readiness probe, if it has one, has succeeded.
    pub(super) probed_ready: bool,
    /// Whether readiness probes of it fail.
    pub(super) unready: bool,
    /// Whether no probe of it is answered.
    pub(super) unhealthy: bool,
    /// What is left of its last instance.
    pub(super) past: Past,
    /// What is wrong with its image.
    pub(super) image: ImageTrouble,
}

/// What is left of the last instance of a container that has run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Past {
    /// It is there.
    #[default]
    Kept,
    /// It was removed, so that nothing holds back the next.
    Removed,
    /// It ran in a sandbox that is gone.
    Elsewhere,
}

/// Why the image of a container is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum ImageTrouble {
    /// Nothing is known to be wrong.
    #[default]
    None,
    /// The last pull failed.
    Failed,
    /// The last pull failed, and the next must wait.
    BackOff,
    /// It is not there and may not be pulled.
    NeverPull,
}

impl Container {
    /// Whether a first run of it has begun.
    pub(super) fn has_started(&self) -> bool {
        self.has_exited || self.runs()
    }

    /// Whether it runs, be it that it was told to stop.
    pub(super) fn runs(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Stopping)
    }

    /// Whether the kubelet waits for the runtime to do something with it: nothing else is begun in
    /// the pod meanwhile.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.state, ContainerState::Pulling | ContainerState::Starting | ContainerState::Stopping)
    }

    /// Whether its last run ended well.
    pub(super) fn succeeded(&self) -> bool {
        self.has_exited && self.code == 0
    }

    /// The word for the end of its last run.
    pub(super) fn exit_reason(&self) -> Reason {
        match (self.out_of_memory, self.code) {
            (true, _) => Reason::OomKilled,
            (false, 0) => Reason::Completed,
            (false, _) => Reason::Error,
        }
    }
}

/// The containers of a pod in the order of [`crate::control::ContainerIndex`]. Most pods have one,
/// which lies in the row.
#[derive(Clone, Debug)]
pub(super) enum Containers {
    One(Container),
    Many(Box<[Container]>),
}

impl Default for Containers {
    fn default() -> Containers {
        Containers::One(Container::default())
    }
}

impl Containers {
    /// `count` containers of which none has started.
    pub(super) fn new(count: usize) -> Containers {
        if count == 1 {
            Containers::default()
        } else {
            Containers::Many(vec![Container::default(); count].into())
        }
    }

    pub(super) fn get(&self) -> &[Container] {
        match self {
            Containers::One(container) => std::slice::from_ref(container),
            Containers::Many(containers) => containers,
        }
    }

    pub(super) fn get_mut(&mut self) -> &mut [Container] {
        match self {
            Containers::One(container) => std::slice::from_mut(container),
            Containers::Many(containers) => containers,
        }
    }
}

/// A row: a pod, as the kubelet of its node knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct PodState {
    /// See [`crate::cluster::PodRef::generation`].
    pub(super) generation: u32,
    /// The node.
    pub(super) node: NodeId,
    /// Its place in the node's list.
    pub(super) position: u32,
    /// How far it is.
    pub(super) stage: Stage,
    /// Whether it counts in the admission sums.
    pub(super) admitted: bool,
    /// Whether it was taken over running, with a status that is better than what its containers
    /// justify until they have been started here.
    pub(super) taken_over: bool,
    /// Status writes whose outcome has not been seen yet.
    pub(super) in_flight: u8,
    /// Why it is being ended, if not because of its containers.
    pub(super) cause: Reason,
    /// How many times a refused restart has been put off, for the draws of the polled back-off.
    pub(super) looks: u32,
    /// Restarts that it was taken over with.
    pub(super) earlier_restarts: u32,
    /// When the kubelet accepted it.
    pub(super) accepted: Time,
    /// The shortest grace period of the deletions ordered so far; `None` if there is none.
    pub(super) deletion: Option<Span>,
    /// The grace period of the stop under way, in the stage Stopping.
    pub(super) grace: Span,
    /// When it must be looked at without any event.
    pub(super) wake: Option<Time>,
    /// When a start that was refused is tried again.
    pub(super) retry: Option<Time>,
    /// The status that was written, or seen, last.
    pub(super) sent: PodStatus,
    /// The containers.
    pub(super) containers: Containers,
    /// What most pods do not need.
    pub(super) extra: Option<Box<Extra>>,
}

/// What a container is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Runs to its end before the next.
    Init,
    /// An init container that runs beside the others (`restartPolicy: Always`).
    Sidecar,
    /// What the pod is there for.
    Main,
}

/// The role of the `index`-th container of a pod.
pub(super) fn role(spec: &PodSpec, index: usize) -> Role {
    match spec.init_containers.get(index) {
        None => Role::Main,
        Some(container) if container.restart_policy == Some(RestartPolicy::Always) => Role::Sidecar,
        Some(_) => Role::Init,
    }
}

/// The main containers of a pod.
pub(super) fn mains<'a>(state: &'a PodState, spec: &PodSpec) -> &'a [Container] {
    &state.containers.get()[spec.init_containers.len()..]
}

/// The specification of the `index`-th container of a pod.
pub(super) fn written(spec: &PodSpec, index: usize) -> &api::Container {
    spec.init_containers.get(index).unwrap_or_else(|| &spec.containers[index - spec.init_containers.len()])
}

/// The restart policy of the `index`-th container of a pod: its own if it has one, else the pod's.
pub(super) fn policy(spec: &PodSpec, index: usize) -> RestartPolicy {
    written(spec, index).restart_policy.unwrap_or(spec.restart_policy)
}

/// What follows the end of a container.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum AfterExit {
    /// It stays as it is.
    Stays,
    /// It is started again.
    Restarts,
    /// Every container of the pod is ended and started again.
    RestartsAll,
}

/// What follows when the `index`-th container of a pod ends with `code` by itself: by the first of
/// its rules that matches, else by its policy (reference control-plane-1.36 §1.2). An init container
/// that has done its work is not started again.
pub(super) fn after_exit(spec: &PodSpec, index: usize, code: u8) -> AfterExit {
    let container = written(spec, index);
    let done = role(spec, index) == Role::Init && code == 0;
    let rules = container.restart_policy.map_or(&[][..], |_| &container.restart_rules);
    match rules.iter().find(|rule| rule.matches(code)).map(|rule| rule.action) {
        Some(RestartAction::RestartAllContainers) => return AfterExit::RestartsAll,
        Some(RestartAction::Restart) if !done => return AfterExit::Restarts,
        _ => {}
    }
    let again = match policy(spec, index) {
        RestartPolicy::Always => !done,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    };
    if again { AfterExit::Restarts } else { AfterExit::Stays }
}
