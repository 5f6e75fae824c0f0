//! Which images a kubelet deletes when the disk that holds them gets full.
//!
//! Source: Kubernetes 1.36, pkg/kubelet/images/image_gc_manager.go (reference control-plane §1.8). A
//! decision without state: who holds the images asks it every [`PERIOD`].

use crate::base::{Span, Time};

/// Time between two looks (`ImageGCPeriod`).
pub const PERIOD: Span = Span::from_secs(300);
/// Share of the disk in percent from which images are deleted, and down to which
/// (`imageGCHighThresholdPercent`, `imageGCLowThresholdPercent`).
const HIGH_PERCENT: i128 = 85;
const LOW_PERCENT: i128 = 80;
/// How long an image must have been known (`imageMinimumGCAge`).
const MIN_AGE: Span = Span::from_secs(120);

/// An image that a node holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldImage {
    /// Its size in bytes.
    pub bytes: i64,
    /// The first look at which it was there.
    pub detected: Time,
    /// The last look at which a container had it; [`Time::ZERO`] for none.
    pub used: Time,
    /// Whether a container has it now.
    pub in_use: bool,
}

/// Whether so much of the disk is used that images are deleted.
pub fn is_full(used: i64, capacity: i64) -> bool {
    let available = i128::from(capacity) - i128::from(used);
    capacity > 0 && 100 - available.max(0) * 100 / i128::from(capacity) >= HIGH_PERCENT
}

/// The images that are deleted at `now`, by their places in `images`: of those that are not in use
/// the least recently used first, until enough is free.
pub fn victims(images: &[HeldImage], capacity: i64, now: Time) -> Vec<usize> {
    let used: i64 = images.iter().map(|image| image.bytes).fold(0, i64::saturating_add);
    if !is_full(used, capacity) {
        return Vec::new();
    }
    let available = i128::from(capacity) - i128::from(used);
    let mut to_free = i128::from(capacity) * (100 - LOW_PERCENT) / 100 - available;
    let mut order: Vec<usize> = (0..images.len()).collect();
    order.sort_by_key(|&place| (images[place].used, images[place].detected, place));
    order.retain(|&place| {
        let image = images[place];
        let goes = to_free > 0 && !image.in_use && now.since(image.detected) >= MIN_AGE;
        to_free -= if goes { i128::from(image.bytes) } else { 0 };
        goes
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(bytes: i64, detected: u64, used: u64, in_use: bool) -> HeldImage {
        HeldImage { bytes, detected: Time::from_secs(detected), used: Time::from_secs(used), in_use }
    }

    #[test]
    fn the_least_recently_used_go_until_enough_is_free() {
        let images = [
            image(30, 0, 900, false),
            image(20, 0, 300, true),
            image(4, 0, 600, false),
            image(10, 300, 0, false),
            image(26, 1_190, 0, false),
        ];
        let at = |capacity| victims(&images, capacity, Time::from_secs(1_200));
        assert!(at(200).is_empty());
        assert_eq!(at(105), [3]);
        assert_eq!(at(100), [3]);
        assert_eq!(at(98), [3, 2]);
        assert_eq!(at(10), [3, 2, 0]);
        assert!(is_full(85, 100) && !is_full(84, 100));
    }
}
