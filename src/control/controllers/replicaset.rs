//! The ReplicaSet controller.

use super::{Command, Component, Config, Event, PodBefore};
use crate::base::Time;
use crate::cluster::Cluster;

/// The ReplicaSet controller.
#[derive(Debug, Default)]
pub struct ReplicaSetController {}

impl ReplicaSetController {
    /// Nothing seen yet.
    pub fn new(_config: &Config) -> ReplicaSetController {
        ReplicaSetController::default()
    }
}

impl Component for ReplicaSetController {
    fn handle(
        &mut self,
        _now: Time,
        _event: &Event,
        _before: PodBefore,
        _cluster: &mut Cluster,
        _out: &mut Vec<Command>,
    ) {
    }

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _now: Time, _cluster: &mut Cluster, _out: &mut Vec<Command>) {}
}
