//! DefaultPreemption as a plugin: what it registers for.
//!
//! Its PostFilter works with the whole cycle, its PreEnqueue with what the scheduler has ordered; so
//! both stand there, and this is only what the queue asks of a plugin.

use crate::control::scheduler::events::{Action, Change, Registration, Resource};
use crate::control::scheduler::framework::{Context, Plugin};

/// The name.
pub(in crate::control::scheduler) const NAME: &str = "DefaultPreemption";

/// The plugin.
pub(in crate::control::scheduler) struct DefaultPreemption;

impl Plugin for DefaultPreemption {
    fn name(&self) -> &'static str {
        NAME
    }

    /// So that pods which wait for the end of their own preemption see the end of their victims.
    fn registrations(&self) -> &'static [Registration] {
        &[Registration { resource: Resource::AssignedPod, actions: &[Action::Delete] }]
    }

    /// Never: whether a victim's end helps the pod is for the plugins to say that rejected it.
    fn hint(&mut self, _context: Context<'_>, _change: &Change<'_>) -> bool {
        false
    }
}
