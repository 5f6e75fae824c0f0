//! The names of formats of traces on the command line.

use crate::trace::Format;
use clap::ValueEnum;

/// Formats of traces.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceFormat {
    /// The Standard Workload Format
    Swf,
    /// The pod list of Alibaba's GPU trace of 2023
    Openb,
    /// seatrial's own table (CSV)
    Seatrial,
    /// Batsim's workloads (JSON)
    Batsim,
    /// What Slurm's `sacct --parsable2` prints
    Sacct,
    /// Google's cluster trace of 2011: task or job events
    Google2011,
    /// Alibaba's cluster trace of 2017: batch tasks
    Alibaba2017,
    /// Alibaba's cluster trace of 2018: batch tasks
    Alibaba2018,
    /// Azure's virtual machines
    Azure,
    /// Microsoft's deep-learning jobs of 2017
    Philly,
    /// Workflows of WfCommons (JSON)
    Wfcommons,
    /// Dumps of pods
    Kubernetes,
}

impl TraceFormat {
    /// The format that is meant.
    pub(super) const fn format(self) -> Format {
        match self {
            TraceFormat::Swf => Format::Swf,
            TraceFormat::Openb => Format::Openb,
            TraceFormat::Seatrial => Format::Table,
            TraceFormat::Batsim => Format::Batsim,
            TraceFormat::Sacct => Format::Sacct,
            TraceFormat::Google2011 => Format::Google2011,
            TraceFormat::Alibaba2017 => Format::Alibaba2017,
            TraceFormat::Alibaba2018 => Format::Alibaba2018,
            TraceFormat::Azure => Format::Azure,
            TraceFormat::Philly => Format::Philly,
            TraceFormat::Wfcommons => Format::WfCommons,
            TraceFormat::Kubernetes => Format::Kubernetes,
        }
    }
}
