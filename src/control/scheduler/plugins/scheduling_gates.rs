//! SchedulingGates: a pod with gates is not queued.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/schedulinggates/scheduling_gates.go.

use crate::control::scheduler::events::{Action, Registration, Resource};
use crate::control::scheduler::framework::{Code, Context, Plugin, Status};

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct SchedulingGates;

impl Plugin for SchedulingGates {
    fn name(&self) -> &'static str {
        "SchedulingGates"
    }

    fn pre_enqueue(&mut self, context: Context<'_>) -> Status {
        let gates = &context.pod().template.spec.scheduling_gates;
        if gates.is_empty() {
            return Status::SUCCESS;
        }
        Status {
            code: Code::UnschedulableAndUnresolvable,
            message: format!("waiting for scheduling gates: [{}]", gates.join(" ")),
        }
    }

    fn registrations(&self) -> &'static [Registration] {
        &[Registration {
            resource: Resource::UnscheduledPod,
            actions: &[Action::UpdatePodSchedulingGatesEliminated],
        }]
    }
}
