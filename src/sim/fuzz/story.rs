//! The story of a run as one number: two runs with the same number have the same records.

use crate::base::Time;
use crate::sim::{Observer, Record, View};
use std::fmt::{self, Write as _};

/// Takes in every record as it is printed for debugging (FNV-1a, 64 bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Story {
    pub(super) digest: u64,
    pub(super) records: u64,
}

impl Default for Story {
    fn default() -> Story {
        Story { digest: 0xcbf2_9ce4_8422_2325, records: 0 }
    }
}

impl fmt::Write for Story {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

impl Story {
    /// Adds anything that can be printed.
    pub(super) fn add(&mut self, what: &dyn fmt::Debug) {
        self.records += 1;
        let written = write!(self, "{what:?};");
        debug_assert!(written.is_ok(), "a number takes everything");
    }
}

impl Observer for Story {
    fn record(&mut self, now: Time, record: &Record<'_>, view: View<'_>) {
        self.add(&(now, record, view.actor));
    }

    fn finish(&mut self, now: Time, _view: View<'_>) {
        self.add(&now);
    }
}
