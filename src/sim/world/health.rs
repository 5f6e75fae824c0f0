//! What applications do that their kubelet learns of only by asking: they start up, get unready or
//! hang; and the hooks and gates that others see to.

use super::{Class, Context, Happening, World};
use crate::api::Behavior;
use crate::base::rng::Purpose;
use crate::base::{Distribution, Span};
use crate::cluster::PodRef;
use crate::control::{ContainerIndex, Event, RuntimeEvent};
use std::collections::VecDeque;

impl World {
    /// A container runs: it starts up, and may fail in ways that only probes notice.
    pub(super) fn begin_health(
        &mut self,
        row: usize,
        container: ContainerIndex,
        main: bool,
        count: u32,
        context: &mut Context<'_>,
    ) {
        let (class, pod) = (self.pods[row].class, self.pods[row].pod);
        let spec = &context.class(class).template.spec;
        let place = usize::from(container.0);
        let all = || spec.init_containers.iter().chain(&spec.containers);
        let probes = all().nth(place).map(|container| container.probes).unwrap_or_default();
        if !main {
            // A sidecar serves at once; who is not asked need not be told.
            if !probes.is_empty() {
                self.answer(pod, RuntimeEvent::Serving(container), Span::ZERO, context);
            }
            return;
        }
        let entity = self.entity(row, container, count);
        let draw = |which: fn(&Behavior) -> &Option<Distribution>, salt: u64, context: &Context<'_>| {
            let mut stream = context.streams.stream(Purpose::StartUp, entity.wrapping_add(salt << 56));
            context.behavior(class, which).map(|time| time.sample_span(&mut stream))
        };
        let start_up = if self.pods[row].initial {
            Span::ZERO
        } else {
            draw(|behavior| &behavior.startup_time, 0, context).unwrap_or(Span::ZERO)
        };
        self.change(pod, count, RuntimeEvent::Serving(container), start_up, context);
        if probes.readiness.is_some()
            && let Some(after) = draw(|behavior| &behavior.unready_after, 1, context)
        {
            self.change(pod, count, RuntimeEvent::Unready(container), after, context);
            if let Some(lasts) = draw(|behavior| &behavior.unready_for, 2, context) {
                let wait = Span(after.0.saturating_add(lasts.0));
                self.change(pod, count, RuntimeEvent::ReadyAgain(container), wait, context);
            }
        }
        if (probes.readiness.is_some() || probes.liveness.is_some())
            && let Some(after) = draw(|behavior| &behavior.unhealthy_after, 3, context)
        {
            self.change(pod, count, RuntimeEvent::Unhealthy(container), after, context);
        }
    }

    /// Something about a run of a container changes after a while.
    fn change(&mut self, pod: PodRef, run: u32, event: RuntimeEvent, wait: Span, context: &mut Context<'_>) {
        if wait == Span::ZERO {
            return self.answer(pod, event, wait, context);
        }
        let epoch = self.pods[pod.id.index()].epoch;
        let happening = Happening::Health { pod, epoch, run, event };
        context.queue.schedule(context.now + wait, Class::WORLD, happening);
    }

    /// A change of a run reaches the kubelet if that run still goes on.
    pub(in crate::sim) fn deliver_health(
        &mut self,
        pod: PodRef,
        epoch: u32,
        run: u32,
        event: RuntimeEvent,
        inbox: &mut VecDeque<Event>,
    ) {
        let (RuntimeEvent::Serving(container)
        | RuntimeEvent::Unready(container)
        | RuntimeEvent::ReadyAgain(container)
        | RuntimeEvent::Unhealthy(container)) = event
        else {
            return;
        };
        let row = &self.pods[pod.id.index()];
        let goes_on = row.pod == pod && row.runs.iter().any(|one| one.container == container && one.running);
        if goes_on && self.starts(pod.id.index(), container) == run + 1 {
            self.deliver(pod, epoch, event, inbox);
        }
    }

    /// A hook runs in a container, or asks it something.
    pub(super) fn run_hook(&mut self, pod: PodRef, container: ContainerIndex, context: &mut Context<'_>) {
        let row = pod.id.index();
        let entity = self.entity(row, container, self.starts(row, container)).wrapping_add(6 << 48);
        let time = context.behavior(self.pods[row].class, |behavior| &behavior.pre_stop_time);
        let wait = time.map_or(Span::ZERO, |time| context.latency(time, entity));
        self.answer(pod, RuntimeEvent::HookDone(container), wait, context);
    }

    /// Others see to the conditions of the readiness gates from when the pod has its network.
    pub(super) fn open_gates(&mut self, pod: PodRef, context: &mut Context<'_>) {
        let run = &self.pods[pod.id.index()];
        if context.class(run.class).template.spec.readiness_gates.is_empty() {
            return;
        }
        let time = context.behavior(run.class, |behavior| &behavior.gate_time).cloned();
        let wait = time.map_or(Span::ZERO, |time| self.latency(pod, &time, 8, context));
        let sandbox = self.latency(pod, &context.timing.sandbox, 1, context);
        self.answer(pod, RuntimeEvent::GatesPassed, Span(sandbox.0.saturating_add(wait.0)), context);
    }
}
