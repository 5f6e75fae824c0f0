//! DefaultPreemption: makes room for a pod that fits nowhere by evicting pods of lower priority.
//!
//! Decides only: who is evicted where, and which node the pod is promised. That the evictions are
//! ordered, and what the queue does meanwhile, is not known here. The cluster is as before when a
//! decision has been taken.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/preemption/preemption.go and
//! pkg/scheduler/framework/plugins/defaultpreemption/default_preemption.go (reference
//! kube-scheduler §17, §28.4).

mod choice;
mod plugin;
mod post_filter;
mod potential;
mod priorities;
mod victims;

pub(super) use plugin::{DefaultPreemption, NAME};
pub(super) use post_filter::PostFiltered;

use super::cycle::{Attempt, Cycle};
use super::explain::Failure;
use super::framework::{Cause, Code, Status};
use super::nominator::Nominator;
use crate::base::ids::{ClassId, NodeId, PodId};
use crate::base::rng::Purpose;
use crate::base::{BitSet, Map};
use crate::cluster::{Cluster, Reason};
use crate::control::Diagnosis;
use crate::control::config::PreemptionArgs;
use potential::Judged;
use priorities::Priorities;
use std::sync::Arc;
use victims::Removable;

/// What is said of a node without pods of lower priority.
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
/// What is said of nodes whose failure no eviction can help.
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";

/// A node on which evicting pods makes room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// The pods to evict, most important first. Never empty.
    pub victims: Vec<PodId>,
    /// How many of them are protected by a disruption budget that allows no more disruptions.
    pub violations: u32,
}

/// A node that evicting pods does not help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NonCandidate {
    /// The node.
    pub node: NodeId,
    /// The filter that refuses the pod even then; empty if the node has no pod to evict.
    pub plugin: &'static str,
    /// The code of the failure.
    pub code: Code,
    /// The reasons of the filter.
    causes: Vec<Cause>,
}

impl NonCandidate {
    fn without_victims(node: NodeId) -> NonCandidate {
        let code = Code::UnschedulableAndUnresolvable;
        NonCandidate { node, plugin: "", code, causes: Vec::new() }
    }

    /// The reasons.
    pub fn causes(&self) -> &[Cause] {
        if self.causes.is_empty() { &[Cause::Text(NO_VICTIMS)] } else { &self.causes }
    }

    /// The failure with its reasons as text.
    pub fn failure(&self, cluster: &Cluster) -> Failure {
        let reasons = self.causes().iter().map(|cause| cause.text(cluster)).collect();
        Failure { plugin: self.plugin, code: self.code, reasons }
    }
}

/// What becomes of the node that the pod was promised before, if it was promised one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nomination {
    /// The promise stays as it is.
    Keep,
    /// The pod is promised nothing any more.
    Clear,
    /// It is promised this node.
    Set(NodeId),
}

/// What a preemption attempt comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preemption {
    /// The nodes that it looks at, in list order: those whose failure an eviction may help. Empty if
    /// the pod may not preempt.
    pub potential: Vec<NodeId>,
    /// Those of them found to be candidates: first the ones without violated budgets, in the order
    /// in which they were tried. The search may end before all potential nodes are tried.
    pub candidates: Vec<Candidate>,
    /// The other potential nodes that were tried.
    pub others: Vec<NonCandidate>,
    /// The nodes of the best candidates, in the order of `candidates`.
    pub tied: Vec<NodeId>,
    /// The place of the chosen one in `candidates`.
    pub chosen: Option<usize>,
    /// Pods of lower priority that were promised the chosen node and lose it, in the order of their
    /// nominations.
    pub cleared: Vec<PodId>,
    /// What becomes of the pod's own nomination.
    pub nomination: Nomination,
    /// The status of PostFilter.
    pub status: Status,
}

impl Preemption {
    /// A preemption that was not tried, or that has failed.
    fn refused(code: Code, message: &str) -> Preemption {
        Preemption {
            potential: Vec::new(),
            candidates: Vec::new(),
            others: Vec::new(),
            tied: Vec::new(),
            chosen: None,
            cleared: Vec::new(),
            nomination: Nomination::Keep,
            status: Status { code, message: format!("preemption: {message}") },
        }
    }

    /// The candidate that is acted on.
    pub fn choice(&self) -> Option<&Candidate> {
        self.chosen.map(|place| &self.candidates[place])
    }

    /// The criterion by which the chosen candidate is better than all others; `None` if it is the only
    /// one, or drawn among equal ones.
    pub fn decisive(&self, cluster: &Cluster) -> Option<&'static str> {
        choice::decisive(cluster, &self.candidates)
    }

    /// The reasons of the failed attempt with what PostFilter adds to them.
    pub fn complete(&self, diagnosis: &Diagnosis) -> Diagnosis {
        Diagnosis { post_filter: self.status.message.clone(), ..diagnosis.clone() }
    }
}

/// What the cycle keeps for preemption from one attempt to the next.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How many pods of each priority are on nodes.
    priorities: Priorities,
    /// The reasons, complete with those of PostFilter, of classes that preemption cannot help while
    /// nothing changes, as of `hopeless_at`.
    hopeless: Map<ClassId, Arc<Diagnosis>>,
    hopeless_at: [u64; 4],
    /// Scratch space: the rows of potential nodes, the pods that can be evicted from a node, and
    /// what is left of each budget.
    rows: BitSet,
    removable: Vec<Removable>,
    causes: Vec<Cause>,
    allowed: Vec<i64>,
}

impl Cycle {
    /// Looks for room for a pod that [`Cycle::schedule`] has just rejected on this very cluster. Who
    /// would be evicted is computed on every potential node up to the configured number of candidates.
    /// The cluster and the nominations are as before when it is over: the caller acts on the answer.
    pub fn preempt(&mut self, cluster: &mut Cluster, attempt: Attempt, nominated: &Nominator) -> Preemption {
        self.profile.prepare(cluster);
        cluster.nodes.refresh_order();
        let is_current = self.rejected_at[0] == cluster.nodes.change_count();
        let preemption = self.look_for_room(cluster, attempt, nominated);
        if is_current {
            // Dry runs count as changes of nodes, though they leave none.
            self.rejected_at[0] = cluster.nodes.change_count();
        }
        preemption
    }

    fn look_for_room(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        nominated: &Nominator,
    ) -> Preemption {
        if cluster.classes[attempt.class].template.spec.never_preempts {
            return Preemption::refused(Code::Unschedulable, "not eligible due to preemptionPolicy=Never.");
        }
        let own = attempt.pod.and_then(|pod| nominated.node_of(pod));
        let own = own.filter(|node| cluster.nodes.present.contains(node.index()));
        let Judged { potential, own: code } = match self.potential_nodes(cluster, attempt, own, nominated) {
            Ok(judged) => judged,
            Err(status) => return Preemption::refused(status.code, &status.message),
        };
        if let Some(node) = own
            && code != Code::UnschedulableAndUnresolvable
            && waits_for_victims(cluster, attempt, node)
        {
            let message = "not eligible due to a terminating pod on the nominated node.";
            return Preemption::refused(Code::Unschedulable, message);
        }
        let mut preemption = Preemption { potential, ..Preemption::refused(Code::Success, "") };
        let mut draws = self.streams.stream(Purpose::Preemption, attempt.key);
        let offset = draws.below(preemption.potential.len() as u64) as usize;
        self.try_nodes(cluster, attempt, nominated, offset, &mut preemption);
        if preemption.candidates.is_empty() {
            preemption.status = failure(cluster, &preemption);
            // An error leaves things as they are.
            if preemption.status.code == Code::Unschedulable {
                preemption.nomination = Nomination::Clear;
            }
            return preemption;
        }
        let best = choice::best(cluster, &preemption.candidates);
        preemption.tied = best.iter().map(|&place| preemption.candidates[place].node).collect();
        let chosen = best[draws.below(best.len() as u64) as usize];
        let node = preemption.candidates[chosen].node;
        preemption.chosen = Some(chosen);
        preemption.cleared = lower_nominated(cluster, attempt, nominated.on(node));
        preemption.nomination = Nomination::Set(node);
        preemption.status = Status::SUCCESS;
        preemption
    }

    /// Tries the potential nodes from the one at `offset` on, until there are as many candidates as
    /// configured and one of them violates no budget.
    fn try_nodes(
        &mut self,
        cluster: &mut Cluster,
        attempt: Attempt,
        nominated: &Nominator,
        offset: usize,
        preemption: &mut Preemption,
    ) {
        let Preemption { potential, candidates, others, .. } = preemption;
        let lowest = self.preemption.priorities.lowest(cluster);
        if lowest.is_none_or(|lowest| lowest >= cluster.classes[attempt.class].priority) {
            others.extend(potential.iter().map(|&node| NonCandidate::without_victims(node)));
            return;
        }
        let wanted = candidates_wanted(self.profile.preemption.unwrap_or_default(), potential.len());
        let mut violating = Vec::new();
        let (head, tail) = potential.split_at(offset);
        for &node in tail.iter().chain(head) {
            match self.dry_run(cluster, attempt, node, nominated) {
                Ok(candidate) if candidate.violations == 0 && candidates.len() < wanted => {
                    candidates.push(candidate);
                }
                Ok(candidate) if candidate.violations > 0 && violating.len() < wanted => {
                    violating.push(candidate);
                }
                Ok(_) => {}
                Err(other) => others.push(other),
            }
            if !candidates.is_empty() && candidates.len() + violating.len() >= wanted {
                break;
            }
        }
        candidates.append(&mut violating);
    }
}

/// How many candidates are looked for among `nodes` potential nodes.
fn candidates_wanted(args: PreemptionArgs, nodes: usize) -> usize {
    let share = nodes.saturating_mul(args.min_candidate_nodes_percentage as usize) / 100;
    share.max(args.min_candidate_nodes_absolute as usize).min(nodes)
}

/// Whether pods that were evicted from the node for this pod, or another, are still on their way out.
fn waits_for_victims(cluster: &Cluster, attempt: Attempt, node: NodeId) -> bool {
    let (pods, priority) = (&cluster.pods, cluster.classes[attempt.class].priority);
    cluster.nodes.pods[node.index()].iter().any(|pod| {
        let index = pod.index();
        pods.deleting_since[index].is_some()
            && pods.reason[index] == Reason::Preempted
            && cluster.classes[pods.class[index]].priority < priority
    })
}

/// The pods of lower priority among those that were promised a node.
fn lower_nominated(cluster: &Cluster, attempt: Attempt, promised: &[PodId]) -> Vec<PodId> {
    let priority = cluster.classes[attempt.class].priority;
    let is_lower = |pod: &PodId| cluster.classes[cluster.pods.class[pod.index()]].priority < priority;
    promised.iter().copied().filter(is_lower).collect()
}

fn error_text(cluster: &Cluster, other: &NonCandidate) -> String {
    let name = cluster.names.text(cluster.nodes.name[other.node.index()]);
    let reasons = other.failure(cluster).reasons.join(", ");
    if other.plugin.is_empty() { format!("{reasons} on node {name:?}") } else { reasons }
}

/// The status of a search that has found no candidate.
fn failure(cluster: &Cluster, preemption: &Preemption) -> Status {
    let errors = preemption.others.iter().filter(|other| other.code == Code::Error);
    let errors: Vec<String> = errors.map(|other| error_text(cluster, other)).collect();
    if let [first, rest @ ..] = &errors[..] {
        let text = if rest.is_empty() { first.clone() } else { format!("[{}]", errors.join(", ")) };
        return Status { code: Code::Error, message: format!("preemption: {text}") };
    }
    let mut tally = super::framework::Tally::default();
    for &cause in preemption.others.iter().flat_map(NonCandidate::causes) {
        tally.add(cause, 1);
    }
    let nodes = cluster.nodes.order.len();
    let mut reasons = tally.texts(cluster);
    if nodes > preemption.others.len() {
        reasons.push((NOT_HELPFUL.to_owned(), nodes - preemption.others.len()));
    }
    let text = Diagnosis { nodes, reasons, ..Diagnosis::default() };
    Status { code: Code::Unschedulable, message: format!("preemption: {text}") }
}
