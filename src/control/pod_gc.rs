//! The pod and owner garbage collectors.

use super::{Command, Component, Config, Event, PodBefore};
use crate::base::Time;
use crate::cluster::Cluster;

/// The pod and owner garbage collectors.
#[derive(Debug, Default)]
pub struct PodGarbageCollector {}

impl PodGarbageCollector {
    /// Nothing seen yet.
    pub fn new(_config: &Config) -> PodGarbageCollector {
        PodGarbageCollector::default()
    }
}

impl Component for PodGarbageCollector {
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
