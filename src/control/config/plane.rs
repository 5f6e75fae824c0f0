//! Which control plane decides.

use crate::control::{mesos, slurm, swarm};

/// A control plane with its constants.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Plane {
    /// Kubernetes, whose constants have places of their own.
    #[default]
    Kubernetes,
    /// Docker Swarm.
    Swarm(Box<swarm::Settings>),
    /// Apache Mesos.
    Mesos(Box<mesos::Settings>),
    /// Slurm.
    Slurm(Box<slurm::Site>),
}

impl Plane {
    /// Whether the agent of a node starts containers again that have ended. Elsewhere than in Kubernetes
    /// it never does: the managers make a new task in the place of one that has ended.
    pub fn restarts_in_place(&self) -> bool {
        *self == Plane::Kubernetes
    }

    /// Whether decisions hang on what was said of a job when it was submitted.
    pub fn wants_job_facts(&self) -> bool {
        *self != Plane::Kubernetes
    }
}
