//! Progress of a run on a terminal: simulated time, events a second, time left; and Ctrl-C.

use super::{Exit, complain};
use crate::base::{Span, Time};
use crate::sim::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Steps of the bar of a run whose end is known.
const STEPS: u64 = 1_000;

/// Raised when the user interrupts.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    raised: AtomicBool,
    /// Whether a run has begun, which must be given the time to take its files away.
    begun: AtomicBool,
}

impl Interrupt {
    /// Is raised by Ctrl-C from now on. Before the first run begins, Ctrl-C ends the process at
    /// once: there is nothing to tidy up, and what is being read may be a silent pipe. Where no
    /// handler can be set, Ctrl-C ends the process as usual.
    pub(super) fn on_signal() -> Interrupt {
        let interrupt = Interrupt::default();
        let state = Arc::clone(&interrupt.0);
        let _ = ctrlc::set_handler(move || {
            state.raised.store(true, Ordering::SeqCst);
            if !state.begun.load(Ordering::SeqCst) {
                complain("error: interrupted before the run began\n");
                std::process::exit(Exit::Interrupted.code().into());
            }
        });
        interrupt
    }

    /// A run begins; false if the user has interrupted before.
    pub(super) fn begin(&self) -> bool {
        self.0.begun.store(true, Ordering::SeqCst);
        !self.is_raised()
    }

    /// Whether it has been raised.
    pub(super) fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }
}

/// A bar on standard error, if that is a terminal.
pub(super) struct Display {
    bar: ProgressBar,
    interrupt: Interrupt,
    /// When the run ends at the latest.
    until: Option<Time>,
}

impl Display {
    /// The display of a run that ends at `until` at the latest.
    pub(super) fn new(name: &str, until: Option<Time>, shown: bool, interrupt: Interrupt) -> Display {
        let shown = shown && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(until.map(|_| STEPS), target);
        let template = if until.is_some() {
            "{prefix} [{bar:24}] {msg}, {eta} left"
        } else {
            "{prefix} {spinner} {msg}, {elapsed} so far"
        };
        bar.set_style(
            ProgressStyle::with_template(template).expect("the template is legal").progress_chars("=> "),
        );
        bar.set_prefix(name.to_owned());
        Display { bar, interrupt, until }
    }

    /// Takes the bar off the screen.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Display {
    fn tick(&mut self, now: Time, events: u64) -> bool {
        if !self.bar.is_hidden() {
            let elapsed = self.bar.elapsed().max(Duration::from_millis(1));
            let rate = events as f64 / elapsed.as_secs_f64();
            let simulated = Span::from_secs(now.0 / 1_000_000_000);
            self.bar.set_message(format!("{simulated} simulated, {} events/s", short(rate)));
            match self.until {
                Some(until) if until > Time::ZERO => {
                    let share = now.0 as f64 / until.0 as f64;
                    self.bar.set_position((share * STEPS as f64) as u64);
                }
                _ => self.bar.tick(),
            }
        }
        !self.interrupt.is_raised()
    }
}

/// How many of several runs are done, on standard error if that is a terminal.
pub(super) struct Count(ProgressBar);

impl Count {
    /// Counts up to `total`.
    pub(super) fn new(what: &str, total: u64, shown: bool) -> Count {
        let shown = shown && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(
            ProgressStyle::with_template("[{bar:24}] {pos} of {len} {msg}, {eta} left")
                .expect("the template is legal")
                .progress_chars("=> "),
        );
        bar.set_message(what.to_owned());
        Count(bar)
    }

    /// One more is done.
    pub(super) fn one_more(&self) {
        self.0.inc(1);
    }

    /// Takes the bar off the screen.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// `12.3k`, `4.5M`.
fn short(number: f64) -> String {
    if number >= 1e6 {
        format!("{:.1}M", number / 1e6)
    } else if number >= 1e3 {
        format!("{:.1}k", number / 1e3)
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_interrupt_stops_the_run() {
        let interrupt = Interrupt::default();
        let mut display = Display::new("x", None, false, interrupt.clone());
        assert!(display.tick(Time::ZERO, 1));
        interrupt.0.raised.store(true, Ordering::SeqCst);
        assert!(!display.tick(Time::ZERO, 2));
        assert!(!interrupt.begin());
    }

    #[test]
    fn rates_are_short() {
        assert_eq!([short(999.0), short(12_345.0), short(4.56e6)], ["999", "12.3k", "4.6M"]);
    }
}
