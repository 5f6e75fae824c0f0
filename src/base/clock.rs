//! The wall clock of a run: what the API's time stamps show.
//!
//! Time in a run counts from its start; objects carry times of day in whole seconds. The phase
//! between the two decides what a truncated time stamp says.

use super::Time;
use super::units::NANOS_PER_SECOND;

/// Which time of day the start of a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clock {
    /// Nanoseconds since 1970 at the start; before 1970 does not occur.
    pub start_unix_nanos: u64,
}

impl Clock {
    /// A moment cut to the whole second of the wall clock, as the API stores it; not before the
    /// start of the run.
    pub fn floor(self, moment: Time) -> Time {
        let past_second =
            (self.start_unix_nanos % NANOS_PER_SECOND + moment.0 % NANOS_PER_SECOND) % NANOS_PER_SECOND;
        Time(moment.0.saturating_sub(past_second))
    }

    /// Nanoseconds since 1970 at a moment.
    pub fn unix_nanos(self, moment: Time) -> u64 {
        self.start_unix_nanos.saturating_add(moment.0)
    }

    /// The moment of a time of day in nanoseconds since 1970; the start for times before it.
    pub fn moment(self, unix_nanos: u64) -> Time {
        Time(unix_nanos.saturating_sub(self.start_unix_nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_those_of_the_wall_clock() {
        let clock = Clock { start_unix_nanos: 1_000_000_000_700_000_000 };
        assert_eq!(clock.floor(Time(1_400_000_000)), Time(1_300_000_000));
        assert_eq!(clock.floor(Time(1_300_000_000)), Time(1_300_000_000));
        assert_eq!(clock.floor(Time(200_000_000)), Time::ZERO, "the second began before the run");
        assert_eq!(Clock::default().floor(Time(2_999_999_999)), Time(2_000_000_000));
        assert_eq!(clock.moment(clock.unix_nanos(Time(5))), Time(5));
    }
}
