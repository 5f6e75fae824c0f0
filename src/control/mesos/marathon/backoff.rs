//! Marathon's launch delays: an app that fails is launched ever later.
//!
//! Marathon, core/launchqueue/impl/RateLimiter.scala (reference control-plane §7.5, trap 16).

use crate::base::{Span, Time};
use std::collections::BTreeMap;

/// The settings of an app's delays.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// `backoffSeconds`: the first delay.
    pub initial: Span,
    /// `backoffFactor`: what each later one is multiplied with.
    pub factor: f64,
    /// `maxLaunchDelaySeconds`: the longest one.
    pub longest: Span,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { initial: Span::from_secs(1), factor: 1.15, longest: Span::from_secs(300) }
    }
}

impl Settings {
    /// The delay that follows a delay: the product, cut to the nanosecond.
    pub fn next(&self, delay: Option<Span>) -> Span {
        match delay {
            None => self.initial.min(self.longest),
            // The cast saturates, and maps not-a-number to zero.
            Some(delay) => Span((delay.0 as f64 * self.factor) as u64).min(self.longest),
        }
    }
}

/// What an instance of an app has come to, as far as delays are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Its offer was accepted.
    Provisioned,
    /// It was handed to its agent.
    Staging,
    /// Its executor has begun.
    Starting,
    /// It runs.
    Running,
    /// Its agent is unreachable.
    Unreachable,
    /// The launch did not come through.
    Dropped,
    /// The task description was wrong.
    Error,
    /// It ended with an error.
    Failed,
    /// Its agent is gone.
    Gone,
    /// It ended by itself, without an error: an app is not meant to.
    Finished,
    /// It was killed on demand.
    Killed,
}

/// What a condition does to the delay of its app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The next launch waits longer.
    Delay,
    /// The same delay is counted from now.
    Advance,
    /// Nothing.
    None,
}

impl Condition {
    /// See [`Effect`].
    pub fn effect(self) -> Effect {
        match self {
            Condition::Provisioned | Condition::Staging | Condition::Starting | Condition::Running => {
                Effect::Advance
            }
            Condition::Dropped
            | Condition::Error
            | Condition::Failed
            | Condition::Gone
            | Condition::Finished => Effect::Delay,
            Condition::Unreachable | Condition::Killed => Effect::None,
        }
    }
}

/// The delay of one version of an app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Delay {
    reference: Time,
    delay: Span,
}

/// An app and the version of its last change of configuration: scaling does not make a new one.
pub type Key = (u32, u64);

/// The delays of all apps.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    open: BTreeMap<Key, Delay>,
}

impl Delays {
    /// An instance of an app has come to a condition.
    pub fn note(&mut self, now: Time, key: Key, condition: Condition, settings: &Settings) {
        self.clean(now, key, settings);
        match condition.effect() {
            Effect::Delay => {
                let delay = settings.next(self.open.get(&key).map(|known| known.delay));
                self.open.insert(key, Delay { reference: now, delay });
            }
            Effect::Advance => {
                if let Some(known) = self.open.get_mut(&key) {
                    known.reference = now;
                }
            }
            Effect::None => {}
        }
    }

    /// Drops a delay that has not counted for longer than the longest one.
    fn clean(&mut self, now: Time, key: Key, settings: &Settings) {
        if self.open.get(&key).is_some_and(|known| now > known.reference + settings.longest) {
            self.open.remove(&key);
        }
    }

    /// When the app may be launched again; `None` for now.
    pub fn until(&self, now: Time, key: Key) -> Option<Time> {
        let known = self.open.get(&key)?;
        Some(known.reference + known.delay).filter(|&until| until > now)
    }

    /// The delay of an app, if it has one.
    pub fn delay(&self, key: Key) -> Option<Span> {
        self.open.get(&key).map(|known| known.delay)
    }

    /// Forgets the delays of an app: its configuration has changed, or a deployment or a person resets it.
    pub fn reset(&mut self, app: u32) {
        self.open.retain(|key, _| key.0 != app);
    }
}
