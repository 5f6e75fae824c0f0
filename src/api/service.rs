//! Objects as written that placement knows only by their labels: namespaces and services.

use super::{Labels, ObjectMeta};

/// A namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Namespace {
    /// Name and labels.
    pub meta: ObjectMeta,
}

/// A service: which pods belong together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Service {
    /// Name and namespace.
    pub meta: ObjectMeta,
    /// Labels its pods have; `None` where it has no selector and so no pods.
    pub selector: Option<Labels>,
    /// Whether pods that are not ready get traffic, too (`publishNotReadyAddresses`).
    pub publish_not_ready: bool,
}
