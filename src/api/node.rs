//! Nodes as written.

use super::{ObjectMeta, ResourceList};

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TaintEffect {
    /// No new pod is placed.
    NoSchedule,
    /// New pods are placed elsewhere if possible.
    PreferNoSchedule,
    /// No new pod is placed, and running pods are evicted.
    NoExecute,
}

impl TaintEffect {
    /// The effect of that name, exactly as Kubernetes writes it.
    pub fn parse(text: &str) -> Option<TaintEffect> {
        Some(match text {
            "NoSchedule" => TaintEffect::NoSchedule,
            "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
            "NoExecute" => TaintEffect::NoExecute,
            _ => return None,
        })
    }

    /// The name as Kubernetes writes it.
    pub fn name(self) -> &'static str {
        match self {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        }
    }
}

/// A mark on a node that keeps pods away.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Taint {
    /// The key.
    pub key: String,
    /// The value; often empty.
    pub value: String,
    /// The effect.
    pub effect: TaintEffect,
}

/// A container image that a node holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Image {
    /// All its names.
    pub names: Vec<String>,
    /// Its size in bytes.
    pub size_bytes: i64,
}

/// A machine.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Node {
    /// Name, labels, annotations.
    pub meta: ObjectMeta,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Its taints, in order.
    pub taints: Vec<Taint>,
    /// What the machine has.
    pub capacity: ResourceList,
    /// What pods can have.
    pub allocatable: ResourceList,
    /// The images it holds.
    pub images: Vec<Image>,
    /// Bytes of disk for images, if it says so (`seatrial.dev/image-capacity`): images are deleted when
    /// they take too much of it.
    pub image_capacity: Option<i64>,
    /// The Ready condition as a dump gives it; `None` where it is not given.
    pub ready: Option<bool>,
    /// What its kubelet says it can do (`status.declaredFeatures`).
    pub declared_features: Vec<String>,
}
