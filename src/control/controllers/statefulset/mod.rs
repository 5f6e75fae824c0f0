//! The StatefulSet controller: keeps pods that each have a name of their own.
//!
//! Kubernetes 1.36, pkg/controller/statefulset (reference control-plane §3.4). Where pods run is not
//! decided here.

pub mod update;
