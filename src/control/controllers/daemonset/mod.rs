//! The DaemonSet controller: keeps a pod on every node that may have one.
//!
//! Kubernetes 1.36, pkg/controller/daemon (reference control-plane §3.5). The scheduler binds the
//! pods; each can only go to its node.

pub mod nodes;
pub mod placement;
pub mod rolling;
