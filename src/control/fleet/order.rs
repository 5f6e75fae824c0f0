//! Where a job stands among those that wait.

use std::cmp::Reverse;

/// Where a job stands among others: priority, score, then the order of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    priority: Reverse<i32>,
    /// The score as an integer of the same order.
    score: i64,
    /// How many jobs were submitted before.
    number: u64,
}

impl Key {
    /// The smallest score goes first among equal priorities; what is not a number goes last, and zero has
    /// no sign.
    pub(super) fn new(priority: i32, score: f64, number: u64) -> Key {
        // The order of the bits is that of the numbers once those of negative ones are turned round.
        let bits = if score.is_nan() { i64::MAX } else { (score + 0.0).to_bits() as i64 };
        let score = bits ^ (((bits >> 63) as u64) >> 1) as i64;
        Key { priority: Reverse(priority), score, number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_priority_score_and_number() {
        let mut keys = [
            Key::new(0, -f64::NAN, 0),
            Key::new(0, f64::INFINITY, 1),
            Key::new(0, 2.5, 2),
            Key::new(0, 2.5, 1),
            Key::new(0, 0.0, 9),
            Key::new(0, -0.0, 8),
            Key::new(0, -1.0, 9),
            Key::new(0, -3.5, 9),
            Key::new(3, 9.0, 9),
        ];
        keys.reverse();
        let sorted = keys;
        keys.reverse();
        keys.sort_unstable();
        assert_eq!(keys, sorted);
    }
}
