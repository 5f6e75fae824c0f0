//! The inputs of a recording (manifests and a script of timed actions) as a run of our own.
//!
//! What the present model has no word for is left out, and said so.

use seatrial::api::kubernetes::{Manifest, read};
use seatrial::api::{Behavior, Node, Object, PodTemplate};
use seatrial::base::ids::PoolId;
use seatrial::base::{Distribution, Quantity, Span, Time};
use seatrial::control;
use seatrial::sim::{
    Action, Fault, FaultKind, FaultScope, FaultWhen, MetricsSetup, NodeSetup, Plane, Pool, Setup, StopRule,
    Timing,
};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// The prefix of the annotations that tell the recordings' pod driver how a pod behaves.
const PREFIX: &str = "sim.example/";

/// The inputs of one recording.
pub(crate) struct Script {
    pub(crate) duration: f64,
    /// The area of the recordings it belongs to.
    pub(crate) area: String,
    objects: Vec<Object>,
    content: Value,
    /// What was left out.
    pub(crate) left_out: Vec<String>,
}

impl Script {
    pub(crate) fn read(folder: &Path) -> Script {
        let text = |name: &str| std::fs::read(folder.join(name)).expect("the recording is there");
        let mut manifest = Manifest::default();
        read(&Arc::from("manifests.yaml"), &text("manifests.yaml"), &mut manifest).expect("it is sound");
        let script: Value = serde_json::from_slice(&text("script.json")).expect("it is JSON");
        let objects = manifest.objects.into_iter().map(|sourced| behaving(sourced.object)).collect();
        let left_out = manifest.ignored.keys().cloned().collect();
        let duration = script["duration"].as_f64().expect("it has a duration");
        let area = script["area"].as_str().unwrap_or("").to_owned();
        Script { duration, area, objects, content: script, left_out }
    }

    /// The run; what its actions have no counterpart for is added to `left_out`.
    pub(crate) fn setup(&mut self, seed: u64) -> Setup {
        let nodes: Vec<NodeSetup> = self.content["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(nodes_of)
            .map(|node| NodeSetup { node: Arc::new(node), pool: PoolId(0), rack: String::new() })
            .collect();
        let mut setup = empty(seed, nodes, self.duration);
        for action in self.content["actions"].as_array().cloned().unwrap_or_default() {
            self.act(&action, &mut setup);
        }
        setup
    }

    fn act(&mut self, action: &Value, setup: &mut Setup) {
        let at = Time::from_secs_f64(action["at"].as_f64().expect("an action has a time"));
        let word = |key: &str| action[key].as_str().unwrap_or("");
        match word("op") {
            "apply" => {
                for name in action["objects"].as_array().into_iter().flatten() {
                    let name = name.as_str().unwrap_or("");
                    let chosen =
                        self.objects.iter().filter(|object| name == "*" || name == full_name(object));
                    setup.objects.extend(chosen.map(|object| (at, object.clone())));
                }
            }
            "createMany" => {
                let pod = self.objects.iter().find(|object| full_name(object) == word("object"));
                let Some(Object::Pod(pod)) = pod else { return self.left_out.push(action.to_string()) };
                for number in 1..=action["count"].as_u64().unwrap_or(0) {
                    let mut copy = pod.clone();
                    copy.meta.name = format!("{}-{number}", pod.meta.name);
                    setup.objects.push((at, Object::Pod(copy)));
                }
            }
            "failNode" => {
                let nodes: Vec<&str> = word("node").split(',').collect();
                let row = |name: &&str| setup.nodes.iter().position(|node| node.node.meta.name == **name);
                let group = nodes.iter().filter_map(row).collect();
                let end = self.content["actions"].as_array().into_iter().flatten().find(|other| {
                    other["op"] == "recoverNode"
                        && other["node"] == action["node"]
                        && other["at"].as_f64() > action["at"].as_f64()
                });
                let end = end.and_then(|end| end["at"].as_f64()).map(Time::from_secs_f64);
                setup.faults.push(Fault {
                    groups: vec![group],
                    scope: FaultScope::Node,
                    kind: FaultKind::Partition,
                    when: FaultWhen::Scheduled { at, duration: end.map(|end| end.since(at)) },
                });
            }
            "recoverNode" => {}
            "addNode" => {
                let nodes = nodes_of(&action["nodeSpec"]);
                setup.objects.extend(nodes.into_iter().map(|node| (at, Object::Node(Box::new(node)))));
            }
            "scale" => {
                let kinds = ["Deployment", "StatefulSet"].into_iter();
                let named = kinds.filter_map(|kind| Some((kind, word("object").strip_prefix(kind)?)));
                let Some((kind, name)) = named.last() else { return self.left_out.push(action.to_string()) };
                let (namespace, name) = ("default".to_owned(), name.trim_start_matches('/').to_owned());
                let replicas = action["replicas"].as_i64().unwrap_or(0) as i32;
                setup.actions.push((at, Action::Scale { kind, namespace, name, replicas }));
            }
            _ => self.left_out.push(action.to_string()),
        }
    }
}

fn full_name(object: &Object) -> String {
    format!("{}/{}", object.kind(), object.meta().name)
}

/// A run without objects, under the latencies of a real control plane and those of the pod driver
/// of the recordings: a pod runs one second after it was bound.
fn empty(seed: u64, nodes: Vec<NodeSetup>, duration: f64) -> Setup {
    let mut control = control::Config::default();
    control.nodes.monitor_phase = None;
    let none = Distribution::Constant(0.0);
    let timing = Timing {
        sandbox: Distribution::Constant(1.0),
        container_start: none.clone(),
        pull_overhead: none.clone(),
        exit_notice: none,
        stop: Distribution::Constant(1.0),
        ..Timing::kubernetes()
    };
    Setup {
        seed,
        pools: vec![Pool { name: "pool".into(), price_per_hour: 0.0 }],
        nodes,
        registered: None,
        bound_pods: Vec::new(),
        objects: Vec::new(),
        sources: Vec::new(),
        faults: Vec::new(),
        plane: Plane::default(),
        actions: Vec::new(),
        default_behavior: Behavior::default(),
        metrics: MetricsSetup::default(),
        timing,
        control,
        stop: StopRule {
            at: Some(Time::from_secs_f64(duration)),
            when_settled: false,
            when_jobs_done: false,
        },
        check_invariants: false,
    }
}

/// The nodes of a node spec of a script.
fn nodes_of(spec: &Value) -> Vec<Node> {
    let name = spec["name"].as_str().expect("a node has a name");
    let names: Vec<String> = match spec["count"].as_u64() {
        None => vec![name.to_owned()],
        Some(count) => (1..=count).map(|number| format!("{name}{number}")).collect(),
    };
    names.into_iter().map(|name| node(name, spec)).collect()
}

fn node(name: String, spec: &Value) -> Node {
    let mut node = Node::default();
    let labels = &mut node.meta.labels;
    labels.insert("kubernetes.io/hostname".into(), name.clone());
    if let Some(zone) = spec["zone"].as_str() {
        labels.insert("topology.kubernetes.io/zone".into(), zone.into());
        labels.insert("topology.kubernetes.io/region".into(), "r1".into());
    }
    node.meta.name = name;
    for (resource, default) in
        [("cpu", "4"), ("memory", "16Gi"), ("pods", "110"), ("ephemeral-storage", "100Gi")]
    {
        let text = match &spec[resource] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => default.to_owned(),
        };
        node.allocatable.insert(resource.into(), text.parse::<Quantity>().expect("a quantity"));
    }
    node.capacity = node.allocatable.clone();
    node
}

/// The object with the behaviour that its annotations give its pods.
fn behaving(mut object: Object) -> Object {
    match &mut object {
        Object::Pod(pod) => pod.template = behaving_template(&pod.template),
        Object::Deployment(deployment) => deployment.template = behaving_template(&deployment.template),
        Object::ReplicaSet(set) => set.template = behaving_template(&set.template),
        Object::StatefulSet(set) => set.template = behaving_template(&set.template),
        Object::DaemonSet(set) => set.template = behaving_template(&set.template),
        Object::Job(job) => job.template = behaving_template(&job.template),
        _ => {}
    }
    object
}

fn behaving_template(template: &PodTemplate) -> Arc<PodTemplate> {
    let text = |key: &str| template.annotations.get(&format!("{PREFIX}{key}")).map(ToString::to_string);
    let seconds = |key: &str| {
        let millis: u64 = text(key)?.parse().expect("milliseconds");
        Some(Distribution::Constant(Span::from_millis(millis).as_secs_f64()))
    };
    let codes = text("exit-codes").unwrap_or_default();
    let last = codes.rsplit(',').next().and_then(|code| code.parse().ok()).unwrap_or(0.0);
    let behavior = Behavior {
        run_time: seconds("run-ms"),
        startup_time: seconds("ready-delay-ms"),
        stop_time: seconds("stop-ms"),
        fail_runs: codes.matches(',').count() as u32,
        exit_code: Some(Distribution::Constant(last)),
        ..template.behavior.clone()
    };
    Arc::new(PodTemplate { behavior, ..template.clone() })
}
