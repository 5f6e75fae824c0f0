//! Creating many pods in batches that grow: if the first creation is refused, by a quota say, the
//! others are not tried.
//!
//! Kubernetes 1.36, pkg/controller (slowStartBatch; reference control-plane §3.2). What is created is
//! not known here.

/// The first batch (SlowStartInitialBatchSize).
const FIRST: u32 = 1;

/// What is left to create in one sync, in batches of 1, 2, 4, … Each waits for the answers to the one
/// before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlowStart {
    left: u32,
    batch: u32,
    most: u32,
}

impl SlowStart {
    /// A plan for so many.
    pub const fn new(count: u32) -> SlowStart {
        SlowStart::limited(count, u32::MAX)
    }

    /// A plan for so many in batches of at most `most`.
    pub const fn limited(count: u32, most: u32) -> SlowStart {
        SlowStart { left: count, batch: FIRST, most }
    }

    /// The size of the next batch; zero if nothing is left.
    pub fn next_batch(&mut self) -> u32 {
        let size = self.batch.min(self.left).min(self.most);
        self.left -= size;
        self.batch = self.batch.saturating_mul(2);
        size
    }

    /// A creation of the batch was refused: what is left is not tried. Gives its number.
    pub fn stop(&mut self) -> u32 {
        std::mem::take(&mut self.left)
    }

    /// How many have not been tried.
    pub const fn left(&self) -> u32 {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_double_until_all_are_tried() {
        let sizes = |count| {
            let mut plan = SlowStart::new(count);
            std::iter::from_fn(move || Some(plan.next_batch()).filter(|&size| size > 0)).collect::<Vec<_>>()
        };
        assert_eq!(sizes(0), [0; 0]);
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(10), [1, 2, 4, 3]);
        assert_eq!(sizes(500).iter().sum::<u32>(), 500);
        assert_eq!(sizes(u32::MAX).len(), 32);
        let mut plan = SlowStart::limited(9, 4);
        assert_eq!([(); 5].map(|()| plan.next_batch()), [1, 2, 4, 2, 0]);
    }

    #[test]
    fn a_refusal_stops_the_rest() {
        let mut plan = SlowStart::new(100);
        assert_eq!([plan.next_batch(), plan.next_batch(), plan.left()], [1, 2, 97]);
        assert_eq!([plan.stop(), plan.next_batch(), plan.left()], [97, 0, 0]);
    }
}
