//! What probes find, and what follows when a result changes.

use super::{Container, ContainerIndex, ContainerState, RuntimeEvent, Stage, Time, Worker};
use crate::api::PodSpec;
use crate::control::kubelet::pod::written;
use crate::control::kubelet::probes::{Finding, Kind, Prober, Sight};

impl Worker<'_> {
    /// Counts the answers that probes have had until now.
    pub(super) fn count_answers(&mut self) {
        let (now, spec, stage) = (self.now, self.spec, self.state.stage);
        let Some(extra) = &mut self.state.extra else { return };
        let containers = self.state.containers.get();
        for prober in &mut extra.probers {
            let sight = sight(spec, stage, containers, prober);
            prober.advance(now, sight);
        }
    }

    /// An application in a container answers differently from now on. Nobody knows until it is asked;
    /// but where nothing asks, a container that has started up counts as ready.
    pub(super) fn health_changed(&mut self, index: ContainerIndex, event: RuntimeEvent) {
        let is_asked = written(self.spec, index.0.into()).probes.readiness.is_some();
        let place = usize::from(index.0);
        let Some(container) = self.state.containers.get_mut().get_mut(place).filter(|one| one.runs()) else {
            return;
        };
        match event {
            RuntimeEvent::Unready(_) => container.unready = true,
            RuntimeEvent::ReadyAgain(_) => container.unready = false,
            RuntimeEvent::Unhealthy(_) => container.unhealthy = true,
            _ => {
                container.serving = true;
                if !is_asked {
                    return self.sync();
                }
            }
        }
        self.arm();
    }

    /// Lets the probes ask that are due; says whether a result has changed.
    pub(super) fn ask(&mut self) -> bool {
        let (now, spec, stage) = (self.now, self.spec, self.state.stage);
        let Some(extra) = &mut self.state.extra else { return false };
        let mut failed = Vec::new();
        let mut changed = false;
        for position in 0..extra.probers.len() {
            let prober = &mut extra.probers[position];
            let containers = self.state.containers.get_mut();
            if !prober.fire(now, sight(spec, stage, containers, prober)) {
                continue;
            }
            changed = true;
            let (index, kind, good) = (prober.container, prober.kind, prober.result == Some(true));
            let container = &mut containers[usize::from(index)];
            match kind {
                Kind::Readiness => container.probed_ready = good,
                Kind::Startup => container.started = good,
                Kind::Liveness => {}
            }
            if !good {
                failed.push(ContainerIndex(index));
            } else if kind == Kind::Startup {
                // The others learn of it after this tick.
                let of_it = |other: &&mut Prober| other.container == index && other.kind != Kind::Startup;
                extra.probers.iter_mut().filter(of_it).for_each(|other| other.skip(now));
            }
        }
        for index in failed {
            self.note(Some(index), "Unhealthy");
        }
        changed
    }

    /// When the next result changes.
    pub(super) fn next_answer(&self) -> Option<Time> {
        let extra = self.state.extra.as_ref()?;
        let next = |prober: &Prober| {
            prober.next(self.now, sight(self.spec, self.state.stage, self.containers(), prober))
        };
        extra.probers.iter().filter_map(next).min()
    }

    /// Whenever a kubelet looks at a pod, it asks the containers at once that have started and are
    /// not ready (pkg/kubelet/prober/prober_manager.go, `UpdatePodStatus`).
    pub(super) fn poke(&mut self) {
        let (now, spec, stage) = (self.now, self.spec, self.state.stage);
        let Some(extra) = &mut self.state.extra else { return };
        let containers = self.state.containers.get();
        for prober in extra.probers.iter_mut().filter(|prober| prober.kind == Kind::Readiness) {
            let sight = sight(spec, stage, containers, prober);
            let delay = crate::base::Span::from_secs(sight.probe.initial_delay_seconds.into());
            let is_late = now >= prober.since + delay;
            prober.poked = sight.asks && is_late && prober.result != Some(true);
        }
    }
}

/// What a worker must know of its container now.
fn sight<'s>(spec: &'s PodSpec, stage: Stage, containers: &[Container], prober: &Prober) -> Sight<'s> {
    let index = usize::from(prober.container);
    let container = &containers[index];
    let probe = prober.kind.of(&written(spec, index).probes);
    let runs = match prober.kind {
        // Nothing is asked that could start again what is being stopped.
        Kind::Startup | Kind::Liveness => {
            container.state == ContainerState::Running && stage == Stage::Active
        }
        Kind::Readiness => container.runs(),
    };
    let asks = runs && (container.started != (prober.kind == Kind::Startup));
    let finding = if container.unhealthy {
        Finding::Silent
    } else if !container.serving || (container.unready && prober.kind == Kind::Readiness) {
        Finding::Refused
    } else {
        Finding::Good
    };
    Sight { probe: probe.expect("a worker is made for a probe"), finding, asks }
}
