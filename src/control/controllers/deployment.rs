//! The Deployment controller.

use super::{Command, Component, Config, Event, PodBefore};
use crate::base::Time;
use crate::cluster::Cluster;

/// The Deployment controller.
#[derive(Debug, Default)]
pub struct DeploymentController {}

impl DeploymentController {
    /// Nothing seen yet.
    pub fn new(_config: &Config) -> DeploymentController {
        DeploymentController::default()
    }
}

impl Component for DeploymentController {
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
