//! Cases of mode `sequence`: pods, and changes of the cluster, one after the other.

use super::Subject;
use super::answer::{self, Fields, fields, put};
use super::cycles::{Search, cycles};
use super::input::{Case, Objects, add_node, snapshot};
use super::score::{message, result};
use crate::base::Diagnostic;
use crate::base::ids::NodeId;
use crate::control::Snapshot;
use crate::control::scheduler::explain::{Explanation, Judgement};
use crate::control::scheduler::{Attempt, Batched, Outcome};
use crate::control::snapshot::Cycles;
use serde_json::{Value, json};

/// The answer to a case.
pub(super) fn answer(case: &Case, subject: Subject) -> Result<Value, Diagnostic> {
    let mut run = Run::new(case, subject)?;
    let mut answers = Vec::new();
    for (number, step) in case.list(&case.input, "steps")?.iter().enumerate() {
        answers.push(run.step(number, step)?);
    }
    Ok(json!({ "steps": answers }))
}

/// A sequence under way.
struct Run<'c> {
    case: &'c Case,
    objects: Objects<'c>,
    scene: Snapshot,
    cycles: Cycles,
    is_sampled: bool,
    is_batching: bool,
    /// Whether the node that is picked is bound, as opposed to the first of the tied ones.
    binds_picked: bool,
    /// The list of nodes as it was told last.
    told: Vec<NodeId>,
}

impl<'c> Run<'c> {
    fn new(case: &'c Case, subject: Subject) -> Result<Run<'c>, Diagnostic> {
        let mut objects = Objects::new(case);
        let scene = snapshot(case, &mut objects, subject.version)?;
        let (is_sampled, is_batching) = (case.flag("sampled")?, case.flag("batching")?);
        let binds_picked = match case.text(&case.input, "bind")? {
            "" => is_batching,
            "picked" => true,
            other => return Err(case.error("`bind` has an unknown value").found(other)),
        };
        let cycles = cycles(case, subject, Search { is_sampled, is_batching })?;
        Ok(Run { case, objects, scene, cycles, is_sampled, is_batching, binds_picked, told: Vec::new() })
    }

    fn step(&mut self, number: usize, step: &Value) -> Result<Value, Diagnostic> {
        let place = format!("steps[{number}]");
        let done = match self.case.text(step, "op")? {
            "schedule" => return self.schedule(step, &place),
            "deletePod" => {
                let namespace = self.case.text(step, "namespace")?;
                self.scene.remove_pod(namespace, self.case.text(step, "name")?)
            }
            "addNode" => {
                let node = self.objects.node(self.case.require(step, "node")?, &place)?;
                add_node(self.case, &mut self.scene, &node)?;
                true
            }
            "updateNode" => {
                let node = self.objects.node(self.case.require(step, "node")?, &place)?;
                let id = self.known_node(&node.meta.name, &place)?;
                self.scene.cluster.update_node(id, &node);
                true
            }
            "deleteNode" => {
                let id = self.known_node(self.case.text(step, "name")?, &place)?;
                self.scene.remove_node(id);
                true
            }
            other => return Err(self.case.error(format!("{place}: `op` has an unknown value")).found(other)),
        };
        Ok(json!({ "result": if done { "ok" } else { "notBound" } }))
    }

    fn known_node(&mut self, name: &str, place: &str) -> Result<NodeId, Diagnostic> {
        let missing = || self.case.error(format!("{place}: there is no node of this name")).found(name);
        self.scene.node(name).ok_or_else(missing)
    }

    fn schedule(&mut self, step: &Value, place: &str) -> Result<Value, Diagnostic> {
        let pod = self.objects.pod(self.case.require(step, "pod")?, place)?;
        let (pod, class) = self.scene.add_pending_pod(&pod);
        let cycle = self.cycles.of(&self.scene.cluster, class);
        let Snapshot { cluster, nominator, .. } = &mut self.scene;
        let attempt = Attempt { class, pod: Some(pod), key: 0 };
        let explanation = cycle.explain(cluster, attempt, nominator);
        let outcome = cycle.schedule(cluster, attempt, nominator);
        let next_start = cycle.position().next_start;
        let batched = cycle.batched();
        let mut written = fields([("result", result(&outcome).into())]);
        let bound = match &outcome {
            Outcome::Placed(placement) => {
                Some(self.chosen(&mut written, &explanation, placement.node, batched))
            }
            Outcome::Rejected(rejection) => {
                put(&mut written, "message", message(&rejection.diagnosis));
                None
            }
        };
        if self.is_batching {
            put(&mut written, "signed", batched.is_signed);
            if batched.is_hinted {
                put(&mut written, "hinted", true);
            }
        }
        if self.is_sampled || self.binds_picked {
            self.tell_order(&mut written);
            put(&mut written, "nextStartNodeIndex", next_start);
        }
        if self.is_sampled && bound.is_some() {
            put(&mut written, "feasible", answer::names(&self.scene, &explanation.found));
        }
        self.scene.nominator.remove(pod);
        match bound {
            Some(node) => self.scene.cluster.place(pod, node),
            None => self.scene.remove_row(pod),
        }
        Ok(Value::Object(written))
    }

    /// Says which nodes are best, and returns the one that is bound.
    fn chosen(
        &self,
        written: &mut Fields,
        explanation: &Explanation,
        placed: NodeId,
        batched: Batched,
    ) -> NodeId {
        let scene = &self.scene;
        let is_fixed = explanation.picked.is_some() || batched.is_hinted;
        let first = explanation.tied.iter().copied().min_by_key(|&node| scene.node_name(node));
        let selected = if is_fixed && self.binds_picked { placed } else { first.unwrap_or(placed) };
        put(written, "selected", scene.node_name(selected));
        if is_fixed {
            put(written, "picked", scene.node_name(placed));
        }
        put(written, "tied", scene.sorted_names(&explanation.tied));
        for (key, total) in [("maxTotal", explanation.best), ("secondTotal", explanation.second())] {
            if let Some(total) = total {
                put(written, key, total);
            }
        }
        put(written, "numFeasible", explanation.found.len());
        if let Some(Judgement::Feasible { scores, .. }) =
            explanation.of(selected).map(|entry| &entry.judgement)
        {
            let weighted = answer::by_plugin(scores, |score| score.normalized * score.weight);
            put(written, "weighted", weighted);
        }
        selected
    }

    /// Tells the list of nodes if it has changed.
    fn tell_order(&mut self, written: &mut Fields) {
        let order = &self.scene.cluster.nodes.order;
        if self.told != *order {
            self.told.clone_from(order);
            put(written, "nodeOrder", answer::names(&self.scene, order));
        }
    }
}
