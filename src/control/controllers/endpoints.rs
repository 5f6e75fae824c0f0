//! Which pods of a Service get traffic, and how many slices list them.
//!
//! Kubernetes 1.36, staging/src/k8s.io/endpointslice (reference control-plane §3.10). Value in, value
//! out: which pods a Service selects is not known here. Every Service is taken to have one set of ports
//! and one family of addresses.

mod controller;

pub use controller::EndpointSliceController;

use crate::api::PodPhase;

/// The most endpoints of a slice (`maxEndpointsPerSlice`).
pub const MAX_PER_SLICE: usize = 100;

/// A pod that a Service selects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Selected {
    /// Its phase.
    pub phase: PodPhase,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether its deletion has begun.
    pub deleting: bool,
    /// Whether it has an address: its kubelet has begun to run it.
    pub has_address: bool,
}

/// The conditions of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Endpoint {
    /// It serves and stays, or the Service publishes it in any case.
    pub ready: bool,
    /// The pod is ready.
    pub serving: bool,
    /// The pod is being deleted.
    pub terminating: bool,
}

/// The endpoint of a pod; `None` if it has none: it has ended, or has no address.
pub fn endpoint(pod: Selected, publish_not_ready: bool) -> Option<Endpoint> {
    if pod.phase.is_terminal() || !pod.has_address {
        return None;
    }
    let ready = publish_not_ready || (pod.ready && !pod.deleting);
    Some(Endpoint { ready, serving: pod.ready, terminating: pod.deleting })
}

/// How many endpoints there are of each sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Those that are ready.
    pub ready: usize,
    /// Those that serve, ready or not.
    pub serving: usize,
    /// Those that serve while they terminate.
    pub serving_terminating: usize,
    /// All.
    pub total: usize,
}

impl Counts {
    /// Counts endpoints.
    pub fn of(endpoints: impl Iterator<Item = Endpoint>) -> Counts {
        let mut counts = Counts::default();
        for endpoint in endpoints {
            counts.total += 1;
            counts.ready += usize::from(endpoint.ready);
            counts.serving += usize::from(endpoint.serving);
            counts.serving_terminating += usize::from(endpoint.serving && endpoint.terminating);
        }
        counts
    }

    /// How many endpoints get traffic: those that are ready or, if none is, those that serve while they
    /// terminate.
    pub fn with_traffic(self) -> usize {
        if self.ready > 0 { self.ready } else { self.serving_terminating }
    }

    /// How many slices list the endpoints when they are packed; a Service without any has one, empty.
    pub fn slices(self) -> usize {
        self.total.div_ceil(MAX_PER_SLICE).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Selected =
        Selected { phase: PodPhase::Running, ready: true, deleting: false, has_address: true };

    fn shown(pod: Selected, publish: bool) -> String {
        endpoint(pod, publish).map_or("none".to_owned(), |endpoint| {
            let flag = |name: &'static str, holds: bool| if holds { name } else { "" };
            [
                flag("ready", endpoint.ready),
                flag("serving", endpoint.serving),
                flag("terminating", endpoint.terminating),
            ]
            .join(" ")
        })
    }

    #[test]
    fn conditions() {
        let unready = Selected { ready: false, ..READY };
        let leaving = Selected { deleting: true, ..READY };
        assert_eq!(shown(READY, false), "ready serving ");
        assert_eq!(shown(unready, false), "  ");
        assert_eq!(shown(leaving, false), " serving terminating");
        assert_eq!(shown(unready, true), "ready  ");
        assert_eq!(shown(leaving, true), "ready serving terminating");
        assert_eq!(shown(Selected { phase: PodPhase::Failed, ..READY }, true), "none");
        assert_eq!(shown(Selected { has_address: false, ..unready }, true), "none");
    }

    #[test]
    fn traffic_goes_to_leaving_pods_only_if_there_is_no_other() {
        let leaving = endpoint(Selected { deleting: true, ..READY }, false);
        let ready = endpoint(READY, false);
        let of = |endpoints: &[Option<Endpoint>]| Counts::of(endpoints.iter().flatten().copied());
        assert_eq!(of(&[leaving, ready, ready]).with_traffic(), 2);
        assert_eq!(of(&[leaving, leaving]).with_traffic(), 2);
        assert_eq!(of(&[]).with_traffic(), 0);
        assert_eq!((of(&[]).slices(), of(&[ready; 100]).slices(), of(&[ready; 101]).slices()), (1, 1, 2));
    }
}
