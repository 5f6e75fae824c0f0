//! Frameworks as the master sees them: connected, gone for a while, torn down.
//!
//! Apache Mesos, src/master/master.cpp (reference control-plane §7.4). What a framework runs is not known
//! here.

use crate::base::{Span, Time};

/// Where a framework is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Link {
    /// It is connected and may get offers.
    #[default]
    Connected,
    /// It is gone; its tasks run until it is torn down.
    Gone {
        /// When it is torn down.
        until: Time,
    },
    /// It is torn down: all of its tasks are killed, and its id is worth nothing any more.
    TornDown,
}

impl Link {
    /// The connection broke: after `failover_timeout` the framework is torn down.
    pub fn lost(&mut self, now: Time, failover_timeout: Span) {
        if *self == Link::Connected {
            *self = Link::Gone { until: now + failover_timeout };
        }
    }

    /// The framework registers again; says whether it may.
    pub fn restored(&mut self, now: Time) -> bool {
        self.expire(now);
        let may = *self != Link::TornDown;
        if may {
            *self = Link::Connected;
        }
        may
    }

    /// Tears the framework down if its time is over; says whether that happened now.
    pub fn expire(&mut self, now: Time) -> bool {
        let over = matches!(*self, Link::Gone { until } if until <= now);
        if over {
            *self = Link::TornDown;
        }
        over
    }

    /// When it is torn down.
    pub fn deadline(self) -> Option<Time> {
        if let Link::Gone { until } = self { Some(until) } else { None }
    }
}
