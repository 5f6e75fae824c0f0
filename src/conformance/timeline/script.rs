//! The inputs of a recording, manifests and a script of timed actions, as a run.
//!
//! Sources of the rules: the format of the recordings. Nodes are registered, Ready and untainted
//! before the start; pods are run by the pod driver of the recordings; what is free in a recording (the
//! phases of periodic loops, the phase of the wall clock) is drawn from the seed.

use crate::api::kubernetes::{Manifest, patch, read};
use crate::api::{Behavior, LabelSelector, Node, Object, PodTemplate, PriorityClass, Taint, TaintEffect};
use crate::base::ids::PoolId;
use crate::base::rng::{Purpose, key_of};
use crate::base::{Clock, Diagnostic, Distribution, Location, Quantity, Span, Streams, Time};
use crate::control::config::{KubeletProfile, Ties};
use crate::control::{self, Process};
use crate::sim::{
    Action, Curve, FaultKind, Lease, Load, Measure, MetricsProfile, MetricsSetup, NodeSetup, Plane, Pool,
    Replicas, Setup, StopRule, Timing,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long the creation of an object took in the recordings.
const REQUEST: Span = Span::from_millis(10);
/// A day on which no clock changes: 2026-01-05 00:00 UTC, in seconds since 1970.
const DAY: u64 = 1_767_571_200;
/// The priorities of the system's own classes.
const SYSTEM_CLASSES: [(&str, i32); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// The inputs of one recording.
#[derive(Clone, Debug)]
pub struct Script {
    name: String,
    area: String,
    duration: f64,
    align_minute: Option<f64>,
    /// Whether there is a metrics API.
    metrics: bool,
    nodes: Vec<Arc<Node>>,
    actions: Vec<(Time, Action)>,
    plane: Plane,
    /// What is in the script and not in the run.
    left_out: Vec<String>,
}

/// What is needed while a script is read.
struct Reader {
    file: Arc<str>,
    /// The documents of the manifests by `Kind/name`, in order, as they are after the actions so far.
    documents: Vec<(String, Value)>,
    classes: BTreeMap<String, PriorityClass>,
    actions: Vec<(Time, Action)>,
    /// How many objects were created at the latest moment.
    created: (Time, u64),
    left_out: Vec<String>,
}

impl Script {
    /// Reads the text of `script.json` and of `manifests.yaml`.
    pub fn read(name: &str, script: &[u8], manifests: &[u8]) -> Result<Script, Diagnostic> {
        let file: Arc<str> = Arc::from(format!("{name}/script.json"));
        let fail = |what: String| Diagnostic::error(Location::file(file.as_ref()), what);
        let content: Value =
            serde_json::from_slice(script).map_err(|error| fail(format!("cannot be read: {error}")))?;
        let mut reader = Reader {
            file: Arc::from(format!("{name}/manifests.yaml")),
            documents: Vec::new(),
            classes: BTreeMap::new(),
            actions: Vec::new(),
            created: (Time::ZERO, 0),
            left_out: Vec::new(),
        };
        reader.manifests(manifests)?;
        let mut nodes = Vec::new();
        for spec in list(&content["nodes"]) {
            nodes.extend(nodes_of(spec).map_err(&fail)?.into_iter().map(Arc::new));
        }
        for action in list(&content["actions"]) {
            reader.action(action).map_err(|finding| match finding {
                Finding::Located(finding) => *finding,
                Finding::Plain(what) => fail(format!("{what} in {action}")),
            })?;
        }
        let number = |key: &str| content[key].as_f64().filter(|number| *number >= 0.0 && *number < 1e7);
        Ok(Script {
            name: content["name"].as_str().unwrap_or(name).to_owned(),
            area: content["area"].as_str().unwrap_or("").to_owned(),
            duration: number("duration").ok_or_else(|| fail("`duration` is missing".into()))?,
            align_minute: number("alignMinute").filter(|second| *second > 0.0),
            metrics: content["metrics"].as_bool().unwrap_or(false),
            nodes,
            actions: reader.actions,
            plane: Plane {
                scheduler: replicas(&content, "scheduler", "schedFlags"),
                controller_manager: replicas(&content, "kcm", "kcmFlags"),
                ..Plane::default()
            },
            left_out: reader.left_out,
        })
    }

    /// The name that the script gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The letter of its area, which sets the tolerance.
    pub fn area(&self) -> &str {
        &self.area
    }

    /// What is in the script and has no counterpart in the run.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The run with a seed.
    pub fn setup(&self, seed: u64) -> Setup {
        let machine =
            |node: &Arc<Node>| NodeSetup { node: Arc::clone(node), pool: PoolId(0), rack: String::new() };
        Setup {
            seed,
            pools: vec![Pool { name: "pool".into(), price_per_hour: 0.0 }],
            nodes: self.nodes.iter().map(machine).collect(),
            registered: Some(self.registered(seed)),
            bound_pods: Vec::new(),
            objects: Vec::new(),
            sources: Vec::new(),
            faults: Vec::new(),
            plane: self.plane.clone(),
            actions: self.actions.clone(),
            default_behavior: Behavior::default(),
            metrics: self.metrics(),
            timing: timing(),
            control: self.control(seed),
            stop: StopRule {
                at: Some(Time::from_secs_f64(self.duration)),
                when_settled: false,
                when_jobs_done: false,
            },
            check_invariants: false,
        }
    }

    /// The fake metrics API of the recordings, if there is one.
    fn metrics(&self) -> MetricsSetup {
        let profile = if self.metrics { MetricsProfile::RECORDED } else { MetricsProfile::None };
        MetricsSetup { profile, ..MetricsSetup::default() }
    }

    /// How long before the start the nodes have registered: as in the middle half of the recordings, 7.5
    /// to 9.5 s, and a little more for each node.
    fn registered(&self, seed: u64) -> Span {
        let draw = Streams::new(seed).draw(Purpose::Phase, key_of("registration"));
        Span(7_500_000_000 + draw % 2_000_000_000 + 25_000_000 * self.nodes.len() as u64)
    }

    fn control(&self, seed: u64) -> control::Config {
        let mut config = control::Config::default();
        config.nodes.monitor_phase = None;
        // The controllers start just before the nodes register: their passes come 0.2 to 0.9 s after.
        let period = config.nodes.monitor_period.0;
        let lag = 200_000_000 + Streams::new(seed).draw(Purpose::Phase, key_of("monitor")) % 700_000_000;
        let since = (self.registered(seed).0 + period - lag) % period;
        config.nodes.first_monitor_pass = Some(Span((period - since) % period));
        config.kubelet.profile = KubeletProfile::Recorded;
        config.scheduler.percentage_of_nodes_to_score = 0;
        config.scheduler.ties = Ties::Raced;
        let draw = |most: u64| Streams::new(seed).draw(Purpose::Phase, key_of("wall clock")) % most;
        let start = match self.align_minute {
            // The recordings start some hundredths of a second after the full second.
            Some(second) => DAY * 1_000_000_000 + (second * 1e9) as u64 + draw(50_000_000),
            None => DAY * 1_000_000_000 + draw(60_000_000_000),
        };
        config.clock = Clock { start_unix_nanos: start };
        config
    }
}

/// The replicas of a process: elections are off in the recordings unless a flag says otherwise.
fn replicas(script: &Value, process: &str, flags: &str) -> Replicas {
    let is = |list: &Value, text: &str| self::list(list).iter().any(|entry| entry.as_str() == Some(text));
    Replicas {
        standbys: u32::from(is(&script["standby"], process)),
        election: is(&script[flags], "--leader-elect=true").then(Lease::default),
    }
}

/// The latencies of a real control plane; the pod driver has its own.
fn timing() -> Timing {
    let none = Distribution::Constant(0.0);
    Timing {
        // The recordings were made on a loaded machine: requests took longer than on a quiet one.
        api_write: Distribution::Uniform { min: 0.003, max: 0.009 },
        watch: Distribution::Uniform { min: 0.001, max: 0.003 },
        sandbox: none.clone(),
        container_start: none.clone(),
        pull_overhead: none.clone(),
        exit_notice: none.clone(),
        stop: none,
        kubelet_limit: None,
        ..Timing::kubernetes()
    }
}

/// Why an action cannot be read.
enum Finding {
    Located(Box<Diagnostic>),
    Plain(String),
}

impl From<Diagnostic> for Finding {
    fn from(finding: Diagnostic) -> Finding {
        Finding::Located(Box::new(finding))
    }
}

impl From<String> for Finding {
    fn from(what: String) -> Finding {
        Finding::Plain(what)
    }
}

impl Reader {
    fn manifests(&mut self, bytes: &[u8]) -> Result<(), Diagnostic> {
        let unreadable = |what: String| Diagnostic::error(Location::file(self.file.as_ref()), what);
        let text =
            std::str::from_utf8(bytes).map_err(|error| unreadable(format!("is not UTF-8: {error}")))?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(text)
            .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        for document in documents.into_iter().filter(|document| !document.is_null()) {
            let name = format!(
                "{}/{}",
                document["kind"].as_str().unwrap_or(""),
                document["metadata"]["name"].as_str().unwrap_or("")
            );
            if let Object::PriorityClass(class) = self.object(&document)? {
                self.classes.insert(class.meta.name.clone(), *class);
            }
            self.documents.push((name, document));
        }
        Ok(())
    }

    /// The object of a document, with the priority of its pods.
    fn object(&self, document: &Value) -> Result<Object, Diagnostic> {
        let mut manifest = Manifest::default();
        read(&self.file, document.to_string().as_bytes(), &mut manifest)?;
        let unknown = || {
            let what = format!("not read: {} {}", document["apiVersion"], document["kind"]);
            Diagnostic::error(Location::file(self.file.as_ref()), what)
        };
        let mut object = manifest.objects.pop().ok_or_else(unknown)?.object;
        self.prioritize(&mut object);
        Ok(object)
    }

    /// Fills in what the admission plugin Priority fills in.
    fn prioritize(&self, object: &mut Object) {
        let template = match object {
            Object::Pod(object) => &mut object.template,
            Object::ReplicaSet(object) => &mut object.template,
            Object::Deployment(object) => &mut object.template,
            Object::StatefulSet(object) => &mut object.template,
            Object::DaemonSet(object) => &mut object.template,
            Object::Job(object) => &mut object.template,
            Object::CronJob(object) => &mut Arc::make_mut(&mut object.job).template,
            _ => return,
        };
        let spec = &mut Arc::<PodTemplate>::make_mut(template).spec;
        if spec.priority.is_some() {
            return;
        }
        let system = SYSTEM_CLASSES.iter().find(|(name, _)| *name == spec.priority_class_name);
        let class = match spec.priority_class_name.as_str() {
            "" => self.classes.values().filter(|class| class.global_default).min_by_key(|class| class.value),
            name => self.classes.get(name),
        };
        spec.priority = class.map(|class| class.value).or(system.map(|(_, value)| *value));
        spec.never_preempts |= class.is_some_and(|class| class.never_preempts);
    }

    fn action(&mut self, action: &Value) -> Result<(), Finding> {
        let seconds = action["at"].as_f64().filter(|at| *at >= 0.0 && *at < 1e7);
        let at = Time::from_secs_f64(seconds.ok_or("`at` is not a time".to_owned())?);
        let word = |key: &str| action[key].as_str().unwrap_or("").to_owned();
        let (object, node) = (word("object"), word("node"));
        let nodes = || node.split(',').map(|name| name.trim().to_owned());
        match word("op").as_str() {
            "apply" => {
                for chosen in list(&action["objects"]) {
                    self.apply(at, chosen.as_str().unwrap_or(""))?;
                }
            }
            "createMany" => self.create_many(at, &object, action["count"].as_u64().unwrap_or(0))?,
            "scale" => {
                let replicas = action["replicas"].as_i64().unwrap_or(0) as i32;
                let (kind, name) = parts(&object)?;
                self.push(at, Action::Scale { kind, namespace: "default".into(), name, replicas });
            }
            "patch" => self.patch(at, &object, &action["patch"])?,
            "delete" => {
                let (kind, name) = parts(&object)?;
                let grace = action["gracePeriodSeconds"].as_u64().map(Span::from_secs);
                self.push(at, Action::Delete { kind, namespace: "default".into(), name, grace });
            }
            "failNode" => {
                nodes().for_each(|node| self.push(at, Action::FailNode { node, kind: FaultKind::Partition }));
            }
            "recoverNode" => nodes().for_each(|node| self.push(at, Action::RecoverNode(node))),
            "addNode" => {
                for node in nodes_of(&action["nodeSpec"])? {
                    self.push(at, Action::AddNode(Box::new(node)));
                }
            }
            "removeNode" => nodes().for_each(|node| self.push(at, Action::RemoveNode(node))),
            "cordon" => nodes().for_each(|node| self.push(at, Action::Cordon(node))),
            "uncordon" => nodes().for_each(|node| self.push(at, Action::Uncordon(node))),
            "setLoad" => self.set_load(at, action)?,
            "drain" => nodes().for_each(|node| self.push(at, Action::Drain(node))),
            "control" => match object.as_str() {
                "kill kcm" => self.push(at, Action::Kill(Process::ControllerManager)),
                "kill scheduler" => self.push(at, Action::Kill(Process::Scheduler)),
                "start kcm" => self.push(at, Action::Launch(Process::ControllerManager)),
                "start scheduler" => self.push(at, Action::Launch(Process::Scheduler)),
                _ => self.left_out.push(action.to_string()),
            },
            _ => self.left_out.push(action.to_string()),
        }
        Ok(())
    }

    /// Enters an action; each creation takes a moment, as requests one after the other do.
    fn push(&mut self, at: Time, action: Action) {
        if self.created.0 != at {
            self.created = (at, 0);
        }
        let creates = matches!(action, Action::Create(_));
        let at = at + REQUEST * self.created.1;
        self.created.1 += u64::from(creates);
        self.actions.push((at, action));
    }

    fn set_load(&mut self, at: Time, action: &Value) -> Result<(), Finding> {
        let milli = |key: &str| action[key].as_i64().filter(|milli| *milli >= 0).unwrap_or(0);
        let mut total_milli = Curve::default();
        total_milli.set_from(at, milli("totalMilli"));
        let load = Load {
            name: String::new(),
            namespace: "default".into(),
            selector: selector(action["selector"].as_str().unwrap_or(""))?,
            measure: Measure::Cpu,
            total_milli,
            max_milli_per_pod: milli("maxMilliPerPod"),
            not_ready_milli: milli("notReadyMilli"),
        };
        self.push(at, Action::SetLoad(Box::new(load)));
        Ok(())
    }

    fn apply(&mut self, at: Time, chosen: &str) -> Result<(), Finding> {
        for place in 0..self.documents.len() {
            let (name, document) = &self.documents[place];
            if chosen == "*" || chosen == name {
                let object = self.object(document)?;
                self.push(at, Action::Create(Box::new(object)));
            }
        }
        Ok(())
    }

    fn create_many(&mut self, at: Time, object: &str, count: u64) -> Result<(), Finding> {
        let Some((_, document)) = self.documents.iter().find(|(name, _)| name == object).cloned() else {
            return Err(format!("no document {object}").into());
        };
        for number in 1..=count.min(100_000) {
            let mut copy = document.clone();
            let name = format!("{}-{number}", document["metadata"]["name"].as_str().unwrap_or(""));
            copy["metadata"]["name"] = Value::String(name.clone());
            let made = self.object(&copy)?;
            let kind = made.kind();
            self.push(at, Action::Create(Box::new(made)));
            self.documents.push((format!("{kind}/{name}"), copy));
        }
        Ok(())
    }

    fn patch(&mut self, at: Time, object: &str, change: &Value) -> Result<(), Finding> {
        if let Some(node) = object.strip_prefix("Node/") {
            return self.patch_node(at, node, change);
        }
        let Some(place) = self.documents.iter().position(|(name, _)| name == object) else {
            return Err(format!("no document {object}").into());
        };
        patch::merge(&mut self.documents[place].1, change);
        let object = Box::new(self.object(&self.documents[place].1)?);
        let field = if matches!(*object, Object::Job(_)) { "parallelism" } else { "replicas" };
        let keep_replicas = change["spec"].get(field).is_none();
        self.push(at, Action::Replace { object, keep_replicas });
        Ok(())
    }

    fn patch_node(&mut self, at: Time, node: &str, change: &Value) -> Result<(), Finding> {
        let node = node.to_owned();
        if let Some(taints) = change["spec"].get("taints") {
            let taints = list(taints).iter().map(taint).collect::<Result<_, String>>()?;
            self.push(at, Action::SetTaints { node: node.clone(), taints });
        }
        match change["spec"]["unschedulable"].as_bool() {
            Some(true) => self.push(at, Action::Cordon(node)),
            Some(false) => self.push(at, Action::Uncordon(node)),
            None => {}
        }
        Ok(())
    }
}

/// The members of a list; none if it is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The selector of a text such as `app=web,tier=front`.
fn selector(text: &str) -> Result<LabelSelector, Finding> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or(format!("`{text}` is not a selector"))?;
        Ok((key.trim().to_owned(), value.trim_start_matches('=').trim().to_owned()))
    };
    let match_labels = text.split(',').map(pair).collect::<Result<_, String>>()?;
    Ok(LabelSelector { match_labels, ..LabelSelector::default() })
}

/// Kind and name of `Kind/name`.
fn parts(object: &str) -> Result<(&'static str, String), Finding> {
    const KINDS: [&str; 12] = [
        "Pod",
        "Node",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ResourceQuota",
        "Service",
    ];
    let (kind, name) = object.split_once('/').ok_or(format!("`{object}` is not Kind/name"))?;
    let known = KINDS.into_iter().find(|known| *known == kind);
    Ok((known.ok_or(format!("unknown kind `{kind}`"))?, name.to_owned()))
}

fn taint(value: &Value) -> Result<Taint, String> {
    let effect = match value["effect"].as_str() {
        Some("NoSchedule") => TaintEffect::NoSchedule,
        Some("PreferNoSchedule") => TaintEffect::PreferNoSchedule,
        Some("NoExecute") => TaintEffect::NoExecute,
        _ => return Err(format!("a taint without a known effect: {value}")),
    };
    let text = |key: &str| value[key].as_str().unwrap_or("").to_owned();
    Ok(Taint { key: text("key"), value: text("value"), effect })
}

/// The nodes of a node spec.
fn nodes_of(spec: &Value) -> Result<Vec<Node>, String> {
    let name = spec["name"].as_str().ok_or("a node has no name")?;
    let names: Vec<String> = match spec["count"].as_u64() {
        None => vec![name.to_owned()],
        Some(count) => (1..=count.min(100_000)).map(|number| format!("{name}{number}")).collect(),
    };
    names.into_iter().map(|name| node(name, spec)).collect()
}

fn node(name: String, spec: &Value) -> Result<Node, String> {
    let mut node = Node::default();
    let labels = &mut node.meta.labels;
    labels.insert("kubernetes.io/hostname".into(), name.clone());
    labels.insert("kubernetes.io/os".into(), "linux".into());
    labels.insert("kubernetes.io/arch".into(), "amd64".into());
    if let Some(zone) = spec["zone"].as_str() {
        labels.insert("topology.kubernetes.io/zone".into(), zone.into());
        labels.insert("topology.kubernetes.io/region".into(), "r1".into());
    }
    for (key, value) in spec["labels"].as_object().into_iter().flatten() {
        labels.insert(key.clone(), value.as_str().unwrap_or("").into());
    }
    node.meta.name = name;
    let text = |key: &str, default: &str| match &spec[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => default.to_owned(),
    };
    let amounts = [
        ("cpu", text("cpu", "4")),
        ("memory", text("memory", "16Gi")),
        ("pods", text("pods", "110")),
        ("ephemeral-storage", "100Gi".into()),
    ];
    for (resource, amount) in amounts {
        let quantity: Quantity = amount.parse().map_err(|_| format!("`{amount}` is not a quantity"))?;
        node.allocatable.insert(resource.into(), quantity);
        node.capacity.insert(resource.into(), quantity);
    }
    node.taints = list(&spec["taints"]).iter().map(taint).collect::<Result<_, String>>()?;
    Ok(node)
}
