//! PodTopologySpread: spreads pods evenly over zones, nodes and other topologies.
//!
//! Pods are counted by node and by domain in tables that classes share and that follow the log of
//! placements; an attempt reads what is new in the log and then looks at columns.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/podtopologyspread (reference
//! kube-scheduler §14, §28.5).

mod constraints;
mod counts;
mod filter;
mod score;
mod tables;

use super::ByClass;
use crate::base::ids::{ClassId, NodeClassId, NodeId};
use crate::base::{BitSet, Symbol};
use crate::cluster::nodes::HOSTNAME_KEY;
use crate::cluster::{Cluster, PodClass};
use crate::control::config::{SpreadArgs, SpreadDefaulting};
use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{
    Cause, Code, Column, Context, Plugin, PreFiltered, Reach, Status, Targets,
};
use constraints::{Constraint, default_selector};
use counts::DomainKey;
use filter::Hard;
use score::{Counts, Scoring, Soft};
use tables::Tables;

/// What is known of a pod class.
#[derive(Debug, Default)]
struct ForClass {
    hard: Vec<Hard>,
    soft: Vec<Soft>,
    /// The nodes with the labels of all soft constraints, if only they are scored.
    scored: Option<u32>,
    /// The pod's node affinity.
    required: Option<u32>,
    /// For classes with default constraints: the state of Services and controllers that they are
    /// of.
    follows: Option<u64>,
}

/// The plugin.
#[derive(Debug)]
pub(crate) struct PodTopologySpread {
    args: SpreadArgs,
    /// The default constraints, made when the first class is compiled.
    defaults: Option<Vec<Constraint>>,
    classes: ByClass<ForClass>,
    tables: Tables,
    scoring: Scoring,
}

impl PodTopologySpread {
    pub(crate) fn new(args: &SpreadArgs) -> PodTopologySpread {
        PodTopologySpread {
            args: args.clone(),
            defaults: None,
            classes: ByClass::default(),
            tables: Tables::default(),
            scoring: Scoring::default(),
        }
    }

    /// Ties constraints to the tables.
    fn tie(&mut self, pod: &PodClass, constraints: &[Constraint], required: Option<u32>) -> ForClass {
        let tables = &mut self.tables;
        let requires_all =
            !pod.template.spec.topology_spread.is_empty() || self.args.defaulting == SpreadDefaulting::List;
        let mut keys = |hard: bool| -> Vec<u32> {
            let kind = constraints.iter().filter(|constraint| constraint.is_hard == hard);
            kind.map(|constraint| tables.topology(constraint.key)).collect()
        };
        let (hard_keys, soft_keys) = (keys(true), keys(false));
        let counted_keys: &[u32] = if requires_all { &soft_keys } else { &[] };
        let mut class = ForClass { required, ..ForClass::default() };
        for constraint in constraints {
            let topology = tables.topology(constraint.key);
            let nodes = tables.nodes(pod.namespace, &constraint.selector);
            let keys = if constraint.is_hard { &hard_keys } else { counted_keys };
            let eligible = tables.eligible(keys, Some(constraint), pod, required);
            let counts_missing = !constraint.is_hard && !requires_all;
            let key = DomainKey { topology, nodes, eligible, counts_missing };
            if constraint.is_hard {
                class.hard.push(Hard {
                    topology,
                    domains: tables.domains(key),
                    max_skew: constraint.max_skew,
                    min_domains: constraint.min_domains,
                    own: constraint.selector.matches(&pod.labels).into(),
                    selector: constraint.selector.clone(),
                });
            } else {
                let counts = if constraint.is_hostname {
                    Counts::Own(nodes)
                } else {
                    Counts::Domains(tables.domains(key))
                };
                class.soft.push(Soft { topology, counts, max_skew: constraint.max_skew });
            }
        }
        let has_all = (requires_all && !class.soft.is_empty()).then_some(&soft_keys);
        class.scored = has_all.map(|keys| tables.eligible(keys, None, pod, None));
        class
    }

    /// The constraints of a pod that has none of its own.
    fn tie_defaults(&mut self, cluster: &Cluster, pod: &PodClass, required: Option<u32>) -> ForClass {
        let selector = default_selector(cluster, pod);
        let mut constraints = Vec::new();
        if !selector.is_everything() {
            constraints.extend(self.defaults.iter().flatten().cloned());
        }
        for constraint in &mut constraints {
            constraint.selector = selector.clone();
        }
        let follows = Some(cluster.selectors.change_count());
        ForClass { follows, ..self.tie(pod, &constraints, required) }
    }

    /// Makes default constraints anew if Services or controllers have changed.
    fn follow(&mut self, context: Context<'_>) {
        let ForClass { follows, required, .. } = *self.classes.get(context.class);
        let now = context.cluster.selectors.change_count();
        if follows.is_some_and(|position| position != now) {
            let class = self.tie_defaults(context.cluster, context.pod(), required);
            *self.classes.get_mut(context.class) = class;
        }
    }

    /// Brings everything up to date that the class looks at.
    fn refresh(&mut self, context: Context<'_>) {
        self.follow(context);
        let Self { classes, tables, .. } = self;
        let class = classes.get(context.class);
        let (cluster, pod) = (context.cluster, context.pod());
        tables.begin();
        for hard in &class.hard {
            tables.refresh_domains(hard.domains, cluster, pod);
        }
        for soft in &class.soft {
            match soft.counts {
                Counts::Own(nodes) => {
                    tables.refresh_topology(soft.topology, cluster);
                    tables.refresh_nodes(nodes, cluster);
                }
                Counts::Domains(domains) => tables.refresh_domains(domains, cluster, pod),
            }
        }
        if let Some(scored) = class.scored {
            tables.refresh_eligible(scored, cluster, pod);
        }
    }

    /// Counts a pod of class `other` more or less on a node. Unlike in PreFilter, a pod that is
    /// being deleted counts, and so does one that a selector finds which finds everything.
    fn adjust(&mut self, context: Context<'_>, other: ClassId, node: NodeId, delta: i64) {
        let Self { classes, tables, .. } = self;
        let other = &context.cluster.classes[other];
        if other.namespace != context.pod().namespace {
            return;
        }
        let hard = &classes.get(context.class).hard;
        for (place, constraint) in hard.iter().enumerate() {
            // Constraints that share their counts adjust them once.
            let is_first = hard[..place].iter().all(|earlier| earlier.domains != constraint.domains);
            if is_first && constraint.selector.matches(&other.labels) {
                tables.adjust(constraint.domains, node.index(), delta);
            }
        }
    }
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }

    fn compile(&mut self, cluster: &mut Cluster, class: ClassId) {
        let Self { defaults, tables, args, .. } = self;
        let names = &mut cluster.names;
        defaults.get_or_insert_with(|| {
            constraints::defaults(args).iter().map(|written| Constraint::new(names, written, None)).collect()
        });
        let required = tables.required(names, &cluster.classes[class]);
        let pod = &cluster.classes[class];
        let own = &pod.template.spec.topology_spread;
        let own: Vec<Constraint> =
            own.iter().map(|written| Constraint::new(names, written, Some(pod))).collect();
        let compiled = if own.is_empty() {
            self.tie_defaults(cluster, pod, required)
        } else {
            self.tie(pod, &own, required)
        };
        self.classes.set(class, compiled);
    }

    fn pre_filter(&mut self, context: Context<'_>) -> PreFiltered {
        self.refresh(context);
        let has_hard = !self.classes.get(context.class).hard.is_empty();
        if has_hard { PreFiltered::SUCCESS } else { PreFiltered::SKIP }
    }

    fn add_pod(&mut self, context: Context<'_>, other: ClassId, node: NodeId) {
        self.adjust(context, other, node, 1);
    }

    fn remove_pod(&mut self, context: Context<'_>, other: ClassId, node: NodeId) {
        self.adjust(context, other, node, -1);
    }

    fn filter(&mut self, context: Context<'_>, nodes: &mut BitSet) {
        filter::filter(&self.classes.get(context.class).hard, &self.tables, nodes);
    }

    fn status(&mut self, context: Context<'_>, node: NodeId, causes: &mut Vec<Cause>) -> Code {
        let hard = &self.classes.get(context.class).hard;
        let (code, cause) = filter::status(hard, &self.tables, node.index());
        causes.extend(cause);
        code
    }

    fn pre_score(&mut self, context: Context<'_>, targets: Targets<'_>) -> Status {
        self.refresh(context);
        let class = self.classes.get(context.class);
        if class.soft.is_empty() {
            return Status::SKIP;
        }
        score::prepare(&mut self.scoring, &class.soft, class.scored, &self.tables, targets);
        Status::SUCCESS
    }

    fn score(&mut self, context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        let class = self.classes.get(context.class);
        score::score(&mut self.scoring, &class.soft, &self.tables, targets, column);
    }

    fn normalize_score(&mut self, _context: Context<'_>, targets: Targets<'_>, column: &mut Column) {
        score::normalize(&self.scoring, &self.tables, targets, column);
    }

    fn reach(&mut self, context: Context<'_>) -> Reach {
        self.refresh(context);
        let class = self.classes.get(context.class);
        if class.hard.is_empty() && class.soft.is_empty() { Reach::Static } else { Reach::Topology }
    }

    fn index_key(&mut self, context: Context<'_>, node: NodeId, key: &mut Vec<i64>) {
        let class = self.classes.get(context.class);
        let tables = &self.tables;
        for hard in &class.hard {
            let topology = tables.topology_at(hard.topology);
            let counts = tables.domains_at(hard.domains).by_domain();
            // A domain that is one node is as good as its count, which changes with the node only.
            let of_domain = |domain: usize| if topology.is_unique() { counts[domain] } else { domain as i64 };
            key.push(topology.of_row(node.index()).map_or(-1, of_domain));
        }
        for soft in &class.soft {
            let domain = tables.topology_at(soft.topology).of_row(node.index());
            key.push(match (domain, soft.counts) {
                (None, _) => -1,
                (Some(_), Counts::Own(nodes)) => tables.nodes_at(nodes).by_row()[node.index()].into(),
                (Some(domain), Counts::Domains(_)) => domain as i64,
            });
        }
    }

    fn registrations(&self) -> &'static [Registration] {
        use Action::{Add, Delete, UpdateNodeLabel, UpdateNodeTaint, UpdatePodLabel, UpdatePodToleration};
        &[
            Registration {
                resource: Resource::Pod,
                actions: &[Add, UpdatePodLabel, UpdatePodToleration, Delete],
            },
            Registration {
                resource: Resource::Node,
                actions: &[Add, Delete, UpdateNodeLabel, UpdateNodeTaint],
            },
        ]
    }

    fn hint(&mut self, context: Context<'_>, change: &Change<'_>) -> bool {
        self.follow(context);
        let hard = &self.classes.get(context.class).hard;
        match *change {
            // For a pod that is new or gone it counts whether it matches, for another whether that
            // has changed.
            Change::Pod { class, before, .. } => {
                let other = &context.cluster.classes[class];
                let before = before.map(|before| &context.cluster.classes[before].labels);
                other.namespace == context.pod().namespace
                    && hard.iter().any(|constraint| {
                        let did = before.is_some_and(|labels| constraint.selector.matches(labels));
                        constraint.selector.matches(&other.labels) != did
                    })
            }
            Change::Node { action, before, after, .. } => {
                let label = |class, host, key| label(context.cluster, class, host, key);
                let key = |hard: &Hard| self.tables.topology_at(hard.topology).key();
                let now = |hard: &Hard| label(after.class, after.hostname, key(hard));
                let has_all = hard.iter().all(|hard| now(hard).is_some());
                let Some(before) = before.filter(|_| action != Action::Delete) else { return has_all };
                let then = |hard: &Hard| label(before.class, before.hostname, key(hard));
                let had_all = hard.iter().all(|hard| then(hard).is_some());
                let taints = |class| &context.cluster.nodes.node_class(class).taints;
                has_all != had_all
                    || has_all
                        && (hard.iter().any(|hard| now(hard) != then(hard))
                            || taints(before.class) != taints(after.class))
            }
        }
    }
}

/// A label of a node as it was at some moment.
fn label(cluster: &Cluster, class: NodeClassId, hostname: Symbol, key: Symbol) -> Option<Symbol> {
    if cluster.names.text(key) == HOSTNAME_KEY {
        return Some(hostname).filter(|&host| host != Symbol::EMPTY);
    }
    cluster.nodes.node_class(class).label(key)
}

#[cfg(test)]
mod tests;
