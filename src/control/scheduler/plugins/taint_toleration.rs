//! TaintToleration: taints keep pods away that do not tolerate them, or make a node less wanted.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/tainttoleration (reference
//! kube-scheduler §3.3, §11; the reason's text: its 1.36 companion).

use super::{ByClass, ByNodeClass, StaticColumn, StaticSet};
use crate::api::TaintEffect;
use crate::base::ids::{ClassId, NodeId};
use crate::base::{BitSet, Map};
use crate::cluster::class::tolerates;
use crate::cluster::{Cluster, NodeClass, PodClass, Toleration};
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Cause, Code, Column, Context, Plugin, Reach, Tally, Targets};

/// The reason given since 1.36.
const REASON: Cause = Cause::Text("node(s) had untolerated taint(s)");

/// What follows from one list of tolerations for the nodes.
#[derive(Debug, Default)]
struct Answers {
    tolerated: ByNodeClass<bool>,
    unwanted: ByNodeClass<i64>,
    set: StaticSet,
    column: StaticColumn,
}

/// The plugin: answers by list of tolerations, which many classes share.
#[derive(Debug, Default)]
pub(crate) struct TaintToleration {
    lists: Map<Vec<Toleration>, u32>,
    list_of: ByClass<u32>,
    answers: Vec<Answers>,
}

impl TaintToleration {
    fn answers(&mut self, class: ClassId) -> &mut Answers {
        let list = *self.list_of.get(class);
        &mut self.answers[list as usize]
    }
}

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Static
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let list = cluster.classes[class].tolerations.clone();
        let next = self.lists.len() as u32;
        let id = *self.lists.entry(list).or_insert(next);
        if id == next {
            self.answers.push(Answers::default());
        }
        self.list_of.set(class, id);
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        let (cluster, pod) = (context.cluster, context.pod());
        let Answers { tolerated, set, .. } = self.answers(context.class);
        let test = |class: &NodeClass| class.first_untolerated(pod).is_none();
        nodes.and(set.get(&cluster.nodes, |row| tolerated.of_row(cluster, row, test)));
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let Some(taint) = context.cluster.nodes.class_of(node).first_untolerated(context.pod()) else {
            return Code::Success;
        };
        causes.push(if context.version.compat().names_taints { Cause::Taint(taint) } else { REASON });
        Code::UnschedulableAndUnresolvable
    }

    fn tally(&mut self, context: Context<'_>, failed: &BitSet, tally: &mut Tally) {
        if !context.version.compat().names_taints {
            return tally.add(REASON, failed.count());
        }
        for row in failed.iter() {
            let class = context.cluster.nodes.class_of(NodeId(row as u32));
            if let Some(taint) = class.first_untolerated(context.pod()) {
                tally.add(Cause::Taint(taint), 1);
            }
        }
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        let (cluster, pod) = (context.cluster, context.pod());
        let Answers { unwanted, column: kept, .. } = self.answers(context.class);
        kept.refresh(&cluster.nodes, |row| unwanted.of_row(cluster, row, |class| count_unwanted(class, pod)));
        kept.fill(targets, column);
    }

    fn normalize_score(&mut self, _context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        column.normalize(targets, true);
    }

    fn registrations(&self) -> &'static [Registration] {
        &[
            Registration { resource: Resource::Node, actions: &[Action::Add, Action::UpdateNodeTaint] },
            Registration { resource: Resource::Pod, actions: &[Action::UpdatePodToleration] },
        ]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        let Change::Node { before, after, .. } = change else { return false };
        let nodes = &context.cluster.nodes;
        let kept_away = |class| nodes.node_class(class).first_untolerated(context.pod()).is_some();
        !kept_away(after.class) && before.is_none_or(|before| kept_away(before.class))
    }
}

/// The PreferNoSchedule taints that the pod does not tolerate. Only tolerations for that effect,
/// or for every effect, count.
fn count_unwanted(class: &NodeClass, pod: &PodClass) -> i64 {
    let bears = |toleration: &&Toleration| {
        toleration.effect.is_none_or(|effect| effect == TaintEffect::PreferNoSchedule)
    };
    let unwanted = class.taints.iter().filter(|taint| {
        taint.effect == TaintEffect::PreferNoSchedule
            && !pod
                .tolerations
                .iter()
                .filter(bears)
                .any(|toleration| tolerates(toleration, taint.key, taint.value, taint.effect))
    });
    unwanted.count() as i64
}
