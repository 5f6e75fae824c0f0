//! Random streams keyed by (seed, purpose, entity).
//!
//! Every entity draws each purpose from a stream of its own, so changing one part of a scenario
//! leaves the draws of the others as they were: two policies see the same arrivals, the same run
//! times and the same failures (common random numbers). The generator is xoshiro256++, one of
//! `rand`'s named portable generators, seeded by a hash of the key.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// What a stream is used for. Adding a purpose leaves the streams of the others unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Times between arrivals of a generator.
    Arrival,
    /// Resource requests or processors of a generated job.
    Size,
    /// Run times.
    RunTime,
    /// Users' estimates of run times.
    Estimate,
    /// Exit codes.
    ExitCode,
    /// Start-up times.
    StartUp,
    /// Resources actually used.
    Usage,
    /// Times to failure.
    Failure,
    /// Times to repair.
    Repair,
    /// Phases and jitter of periodic work, such as heartbeats.
    Phase,
    /// Latencies of the control plane.
    Latency,
    /// Draws of the scheduler among ties.
    Tie,
    /// Unique ids of objects.
    Uid,
    /// Random scenarios of the self-test.
    Fuzz,
    /// Where preemption begins to look, and its draws among ties.
    Preemption,
    /// The seeds of a scenario's further traces, where they are shaken or their users drawn anew.
    Shake,
    /// What differs between the students of an exercise.
    Exercise,
}

/// The source of all streams of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// All streams of `seed`.
    pub const fn new(seed: u64) -> Streams {
        Streams { seed }
    }

    /// The seed.
    pub const fn seed(self) -> u64 {
        self.seed
    }

    /// The stream of `entity` for `purpose`.
    pub fn stream(self, purpose: Purpose, entity: u64) -> Stream {
        let key = mix(mix(self.seed ^ GOLDEN).wrapping_add(purpose as u64 + 1));
        Stream(Xoshiro256PlusPlus::seed_from_u64(mix(key ^ mix(entity.wrapping_add(GOLDEN)))))
    }

    /// One number of `entity` for `purpose`: the first of its stream.
    pub fn draw(self, purpose: Purpose, entity: u64) -> u64 {
        self.stream(purpose, entity).next()
    }
}

/// A key for an entity that has a name but no number.
pub fn key_of(text: &str) -> u64 {
    // FNV-1a, then mixed: short names differ in few bits.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(hash)
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64: every input bit changes half of the output bits.
fn mix(mut x: u64) -> u64 {
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The next 64 random bits.
    #[expect(clippy::should_implement_trait, reason = "a stream never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in the open interval (0, 1), from 52 bits.
    pub fn unit(&mut self) -> f64 {
        unit(self.next())
    }

    /// A number in `0..bound`, without bias; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.next();
            if draw < limit {
                return draw % bound;
            }
        }
    }

    /// The generator itself, for samplers that need several numbers a draw.
    pub fn generator(&mut self) -> &mut Xoshiro256PlusPlus {
        &mut self.0
    }
}

/// 64 random bits as a number in the open interval (0, 1): never 0 and never 1, so that every
/// inverse distribution function is finite there.
pub fn unit(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_apart() {
        let streams = Streams::new(7);
        assert_eq!(streams.draw(Purpose::RunTime, 3), Streams::new(7).draw(Purpose::RunTime, 3));
        assert_ne!(streams.draw(Purpose::RunTime, 3), streams.draw(Purpose::RunTime, 4));
        assert_ne!(streams.draw(Purpose::RunTime, 3), streams.draw(Purpose::Arrival, 3));
        assert_ne!(streams.draw(Purpose::RunTime, 3), Streams::new(8).draw(Purpose::RunTime, 3));
    }

    #[test]
    fn known_numbers_stay_known() {
        // A change here changes the results of every scenario with random draws.
        let mut stream = Streams::new(1).stream(Purpose::Arrival, 0);
        assert_eq!([stream.next(), stream.next()], [13_680_749_416_704_516_368, 16_294_457_435_351_321_589]);
        assert!(unit(0) > 0.0 && unit(u64::MAX) < 1.0);
    }

    #[test]
    fn below_stays_below() {
        let mut stream = Streams::new(1).stream(Purpose::Tie, 0);
        assert!((0..1000).all(|_| stream.below(7) < 7));
        assert_eq!(stream.below(0), 0);
    }
}
