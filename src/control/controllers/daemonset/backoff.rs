//! How long a failed daemon pod stays before it is deleted.
//!
//! Kubernetes 1.36: client-go's flowcontrol.Backoff with the limits of
//! cmd/kube-controller-manager/app/apps.go (reference control-plane §3.1).

use crate::base::{Map, Span, Time};

/// The first wait.
const FIRST: Span = Span::from_secs(1);
/// The longest wait. A node without a failure for twice as long begins anew.
const LONGEST: Span = Span::from_secs(15 * 60);

/// The wait of a node.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// The generation that the set's status was about; another one begins anew.
    generation: u64,
    /// When a failed pod was last deleted.
    last: Time,
    /// How long the next one stays.
    length: Span,
}

/// The waits of one DaemonSet, by node.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff(Map<u32, Wait>);

impl Backoff {
    /// Whether a failed pod on a node is deleted now, which begins the next wait; if not, when to ask
    /// again.
    pub(super) fn ask(&mut self, node: u32, generation: u64, now: Time) -> Option<Time> {
        let known = self
            .0
            .get(&node)
            .copied()
            .filter(|wait| wait.generation == generation && now.since(wait.last) <= LONGEST * 2);
        let length = match known {
            // The original asks again after the whole wait, not after what is left of it.
            Some(wait) if now.since(wait.last) < wait.length => return Some(now + wait.length),
            Some(wait) => (wait.length * 2).min(LONGEST),
            None => FIRST,
        };
        self.0.insert(node, Wait { generation, last: now, length });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_begin_anew() {
        let mut backoff = Backoff::default();
        let second = Time::from_secs;
        assert_eq!(backoff.ask(1, 1, second(10)), None);
        assert_eq!(backoff.ask(1, 1, second(10)), Some(second(11)));
        assert_eq!(backoff.ask(2, 1, second(10)), None);
        assert_eq!(backoff.ask(1, 1, second(11)), None);
        assert_eq!(backoff.ask(1, 1, second(12)), Some(second(14)), "the whole wait of two seconds");
        assert_eq!(backoff.ask(1, 1, second(13)), None);
        assert_eq!(backoff.ask(1, 2, second(14)), None, "another generation begins anew");
        assert_eq!(backoff.ask(1, 2, second(15)), None);
        assert_eq!(backoff.ask(1, 2, second(15 + 1801)), None);
        assert_eq!(backoff.ask(1, 2, second(15 + 1802)), None, "so does a long time without a failure");
        let mut longest = second(0);
        let mut backoff = Backoff::default();
        for _ in 0..40 {
            assert_eq!(backoff.ask(1, 1, longest), None);
            longest += LONGEST;
        }
        assert_eq!(backoff.ask(1, 1, longest), None);
        assert_eq!(backoff.ask(1, 1, longest + Span::from_secs(899)), Some(longest + Span::from_secs(1799)));
    }
}
