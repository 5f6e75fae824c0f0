//! DynamicResources, for pods that claim no devices: it has nothing to say about them. Manifests
//! whose pods claim devices are refused when they are read.
//!
//! Source: Kubernetes 1.36, pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go
//! (reference kube-scheduler §16.6 and its 1.36 companion).

use crate::control::scheduler::framework::{Column, Context, Plugin, PreFiltered, Reach, Status, Targets};

/// The plugin.
#[derive(Debug, Default)]
pub(crate) struct DynamicResources;

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        "DynamicResources"
    }

    fn pre_filter(&mut self, _context: Context<'_>) -> PreFiltered {
        PreFiltered::SKIP
    }

    fn post_filter(&mut self, _context: Context<'_>) -> &'static str {
        "no new claims to deallocate"
    }

    /// 1.36 scores every pod, 1.34 has no such score.
    fn pre_score(&mut self, context: Context<'_>, _targets: Targets<'_>) -> Status {
        if context.version.compat().scores_without_claims { Status::SUCCESS } else { Status::SKIP }
    }

    fn score(&mut self, _context: Context<'_>, _targets: Targets<'_>, column: &mut Column) {
        column.set_same(0);
    }

    fn is_node_local(&self) -> bool {
        true
    }

    fn reach(&mut self, _context: Context<'_>) -> Reach {
        Reach::Static
    }
}
