//! The kubelets of all nodes.

use super::{Command, Component, Config, Event, PodBefore};
use crate::base::Time;
use crate::cluster::Cluster;

/// The kubelets of all nodes.
#[derive(Debug, Default)]
pub struct Kubelets {}

impl Kubelets {
    /// Nothing seen yet.
    pub fn new(_config: &Config) -> Kubelets {
        Kubelets::default()
    }
}

impl Component for Kubelets {
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
